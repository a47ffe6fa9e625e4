"""Read a model's configuration from its file, without Keras and without running code from it.

A ``.keras`` file is a zip archive; its ``config.json`` alone is read, up to a bound, so neither weights
nor code are touched, and a file that was made to do harm costs no more than a large one.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

from seqtopo.decompiler.losses import UnreadableError, wrong
from seqtopo.system.bounds import CONFIG_BYTES, CONFIG_DEPTH, CONFIG_NAME, CONFIG_PARTS
from seqtopo.system.opening import open_file

SUFFIXES = (".keras", ".json")
"""The files that hold a model's configuration."""

_NO_MODEL = "give a .keras file that Keras 3 has saved, or the text of model.to_json()"


def read_config(path: Path) -> dict[str, Any]:
    """Return the configuration of the model in a file.

    Raises:
        UnreadableError: there is none, or it is damaged, too large or nested too deeply (ST501).
    """
    try:
        if path.suffix == ".json":
            with open_file(path, streams=True) as file:
                return parse_config(file.read(CONFIG_BYTES + 1), str(path))
        return parse_config(_from_archive(path), str(path))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnreadableError("ST405", f"{path} cannot be read: {reason}", "check the path") from None


def parse_config(data: bytes | str, name: str) -> dict[str, Any]:
    """Return the configuration in a JSON text.

    Raises:
        UnreadableError: it is none (ST501).
    """
    if len(data) > CONFIG_BYTES:
        raise _no_model(f"{name} has a configuration of more than {CONFIG_BYTES:,} bytes")
    signs: tuple[Any, ...] = (b"[", b"{", b",") if isinstance(data, bytes) else ("[", "{", ",")
    if sum(map(data.count, signs)) > CONFIG_PARTS:
        raise _no_model(f"{name} has a configuration of more than {CONFIG_PARTS:,} parts")
    try:
        found = json.loads(data)
    except RecursionError:
        raise _no_model(f"{name} has a configuration that is nested too deeply to be read") from None
    except ValueError as error:
        reason = str(error).splitlines()[0][:100]
        raise _no_model(f"the configuration in {name} is not JSON: {reason}") from None
    _bounded(found, name)
    if not isinstance(found, dict):
        raise _no_model(f"{name} holds no model, but {_kind(found)}")
    return found


def _bounded(value: Any, name: str) -> None:
    """Refuse what is nested too deeply for the recursive readers."""
    level = [value]
    for _ in range(CONFIG_DEPTH):
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise _no_model(f"{name} has a configuration that is nested more than {CONFIG_DEPTH} levels deep")


def _from_archive(path: Path) -> bytes:
    if path.is_dir():
        raise _no_model(f"{path} is a folder")
    try:
        with (
            open_file(path) as whole,
            zipfile.ZipFile(whole) as archive,
            archive.open("config.json") as file,
        ):
            return file.read(CONFIG_BYTES + 1)
    except KeyError:
        raise _no_model(f"{path} is an archive, but no Keras model is in it: it has no config.json") from None
    except OSError as error:
        if error.errno is None:  # zipfile's own, of a damaged archive
            raise _no_model(f"{path} is damaged: {str(error)[:100]}") from None
        raise
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError) as error:
        reason = "it is no .keras file" if "not a zip" in str(error) else "it is damaged"
        reason = reason if path.stat().st_size else "it is empty"
        raise _no_model(f"{path} cannot be read: {reason}") from None
    except (RuntimeError, NotImplementedError, ValueError, OverflowError) as error:
        raise _no_model(f"{path} cannot be read: {str(error)[:100]}") from None


def _no_model(message: str) -> UnreadableError:
    return UnreadableError("ST501", message, _NO_MODEL)


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false"}
    return names.get(type(value), "nothing")


def shown(value: Any, most: int = 40) -> str:
    """Return a value of a configuration in a message, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * most]).split())
    return text if len(text) <= most else text[: most - 3] + "..."


def as_dict(value: Any, what: str) -> dict[str, Any]:
    """Return a value as a dictionary; raises ``UnreadableError`` where it is none."""
    if not isinstance(value, dict):
        raise wrong(f"{what} is {_kind(value)}, not a dictionary")
    return value


def as_list(value: Any, what: str) -> list[Any]:
    """Return a value as a list; raises ``UnreadableError`` where it is none."""
    if not isinstance(value, (list, tuple)):
        raise wrong(f"{what} is {_kind(value)}, not a list")
    return list(value)


def as_text(value: Any, what: str) -> str:
    """Return a value as a text; raises ``UnreadableError`` where it is none."""
    if not isinstance(value, str):
        raise wrong(f"{what} is {_kind(value)}, not a text")
    return value


def bounded_name(name: str) -> str:
    """A layer's name, or ``UnreadableError`` where it is no name but a long text."""
    if len(name) > CONFIG_NAME:
        raise wrong(f"a layer's name, {shown(name)}, has {len(name):,} characters", "give it a shorter name")
    return name
