"""Parse the JSON text of a model's configuration, within bounds, and check the types of its parts."""

from __future__ import annotations

import json
from typing import Any

from seqtopo.decompiler.losses import UnreadableError, wrong
from seqtopo.system.bounds import CONFIG_BYTES, CONFIG_DEPTH, CONFIG_NAME, CONFIG_PARTS

NO_MODEL = (
    "give a .keras file that Keras 3 has saved, an .h5 file of older Keras, or the text of model.to_json()"
)


def parse_config(data: bytes | str, name: str) -> dict[str, Any]:
    """Return the configuration in a JSON text.

    Raises:
        UnreadableError: the text is no configuration (ST501).
    """
    if len(data) > CONFIG_BYTES:
        raise no_model(f"{name} has a configuration of more than {CONFIG_BYTES:,} bytes")
    signs: tuple[Any, ...] = (b"[", b"{", b",") if isinstance(data, bytes) else ("[", "{", ",")
    if sum(map(data.count, signs)) > CONFIG_PARTS:
        raise no_model(f"{name} has a configuration of more than {CONFIG_PARTS:,} parts")
    try:
        found = json.loads(data)
    except RecursionError:
        raise no_model(f"{name} has a configuration that is nested too deeply to be read") from None
    except ValueError as error:
        reason = str(error).splitlines()[0][:100]
        raise no_model(f"the configuration in {name} is not JSON: {reason}") from None
    _bounded(found, name)
    if not isinstance(found, dict):
        raise no_model(f"{name} holds no model, but {_kind(found)}")
    return found


def _bounded(value: Any, name: str) -> None:
    """Refuse a value that is nested too deeply for the recursive readers."""
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
    raise no_model(f"{name} has a configuration that is nested more than {CONFIG_DEPTH} levels deep")


def no_model(message: str, help: str = "") -> UnreadableError:
    """Return the error for a file from which no model can be read."""
    return UnreadableError("ST501", message, help or NO_MODEL)


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false"}
    return names.get(type(value), "nothing")


def shown(value: Any, most: int = 40) -> str:
    """Return a value of a configuration for a message, cut if it is long."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * most]).split())
    return text if len(text) <= most else text[: most - 3] + "..."


def as_dict(value: Any, what: str) -> dict[str, Any]:
    """Return a value as a dictionary.

    Raises:
        UnreadableError: it is none (ST502).
    """
    if not isinstance(value, dict):
        raise wrong(f"{what} is {_kind(value)}, not a dictionary")
    return value


def as_list(value: Any, what: str) -> list[Any]:
    """Return a value as a list.

    Raises:
        UnreadableError: it is none (ST502).
    """
    if not isinstance(value, (list, tuple)):
        raise wrong(f"{what} is {_kind(value)}, not a list")
    return list(value)


def as_text(value: Any, what: str) -> str:
    """Return a value as a text.

    Raises:
        UnreadableError: it is none (ST502).
    """
    if not isinstance(value, str):
        raise wrong(f"{what} is {_kind(value)}, not a text")
    return value


def bounded_name(name: str) -> str:
    """Return a layer's name.

    Raises:
        UnreadableError: it is too long for a name (ST502).
    """
    if len(name) > CONFIG_NAME:
        raise wrong(f"a layer's name, {shown(name)}, has {len(name):,} characters", "give it a shorter name")
    return name
