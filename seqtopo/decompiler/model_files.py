"""Read a model's configuration from its file, without Keras and without running code from it.

A ``.keras`` file is a zip archive; its ``config.json`` alone is read, up to a bound. So neither weights nor
code are touched, and a malicious file costs no more than a large one. The first bytes of a file tell its
kind, whatever its name. An HDF5 file of Keras 0.3 to 3 is read by h5py, which comes with Keras, in a process
of its own: the HDF5 library crashes or hangs on some damaged files.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqtopo.decompiler.files import no_model, parse_config
from seqtopo.decompiler.losses import UnreadableError
from seqtopo.system.bounds import CONFIG_BYTES, H5_BYTES_A_SECOND, H5_SECONDS
from seqtopo.system.files import open_file
from seqtopo.system.packages import get

HDF5 = b"\x89HDF\r\n\x1a\n"
"""The first bytes of an HDF5 file."""


def read_config(path: Path) -> dict[str, Any]:
    """Return the configuration of the model in a file.

    Raises:
        UnreadableError: it holds none, or is damaged, too large or nested too deeply (ST501).
    """
    try:
        if path.suffix.lower() == ".json":
            with open_file(path, streams=True) as file:
                return _of_text(file.read(CONFIG_BYTES + 1), path)
        if path.is_dir():
            raise no_model(f"{path} is a folder")
        with open_file(path) as file:
            begins = file.read(8)
        if begins == HDF5 or (path.suffix.lower() in (".h5", ".hdf5") and not begins.startswith(b"PK")):
            return read_h5(path)
        return parse_config(_from_archive(path), str(path))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnreadableError("ST405", f"{path} cannot be read: {reason}", "check the path") from None


def _of_text(data: bytes, path: Path) -> dict[str, Any]:
    if data.startswith((b"PK\x03\x04", HDF5)):
        kind, suffix = ("a .keras file", "keras") if data.startswith(b"PK") else ("an HDF5 file", "h5")
        raise no_model(f"{path} is {kind}, not JSON", f"name it {path.stem}.{suffix}")
    return parse_config(data, str(path))


def _from_archive(path: Path) -> bytes:
    try:
        with (
            open_file(path) as whole,
            zipfile.ZipFile(whole) as archive,
            archive.open("config.json") as file,
        ):
            return file.read(CONFIG_BYTES + 1)
    except KeyError:
        raise no_model(f"{path} is an archive, but no Keras model is in it: it has no config.json") from None
    except OSError as error:
        if error.errno is None:  # zipfile's own, of a damaged archive
            raise no_model(f"{path} is damaged: {str(error)[:100]}") from None
        raise
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError) as error:
        reason = "it is not a .keras file" if "not a zip" in str(error) else "it is damaged"
        reason = reason if path.stat().st_size else "it is empty"
        raise no_model(f"{path} cannot be read: {reason}") from None
    except (RuntimeError, NotImplementedError, ValueError, OverflowError) as error:
        raise no_model(f"{path} cannot be read: {str(error)[:100]}") from None


def read_h5(path: Path) -> dict[str, Any]:
    """Return the configuration of the model in an HDF5 file, with ``keras_version`` and ``training_config``.

    Raises:
        UnreadableError: it holds none, is damaged, or h5py is not installed (ST501).
        OSError: there is no such file.
    """
    texts = ask(path, "config")["texts"]
    config = parse_config(texts["model_config"], str(path))
    # Keras 1 did not write its version into the oldest files.
    config.setdefault("keras_version", texts["keras_version"] or "1.0")
    if texts["backend"] is not None:
        config.setdefault("backend", texts["backend"])
    if texts["training_config"] is not None:
        config["training_config"] = parse_config(texts["training_config"], f"{path} (training_config)")
    return config


def ask(path: Path, what: str, *out: str) -> dict[str, Any]:
    """Return the answer of ``h5_child`` for a file.

    Raises:
        UnreadableError: the file is damaged, or h5py is not installed (ST501).
        OSError: there is no such file.
    """
    open_file(path).close()
    if find_spec("h5py") is None:
        said = f"{path} is an HDF5 file, which h5py reads: it is not installed"
        raise UnreadableError("ST501", said, get("h5py"))
    root = str(Path(__file__).resolve().parents[2])
    size = os.path.getsize(path)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "seqtopo.decompiler.h5_child", what, str(path), *out],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, *sys.path)))},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=H5_SECONDS + size / H5_BYTES_A_SECOND,
        )
    except subprocess.TimeoutExpired:
        raise no_model(f"{path} cannot be read: it is damaged, and the HDF5 library does not end") from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    except ValueError:
        answer = {}
    if "wrong" in answer:
        raise UnreadableError(*answer["wrong"])
    if not answer or "damaged" in answer:
        said = answer.get("damaged", "the HDF5 library gives up on it")
        raise no_model(f"{path} cannot be read: {f'it is damaged ({said})' if size else 'it is empty'}")
    return answer
