"""Read a model's configuration from its file, without Keras and without running code from it.

A ``.keras`` file is a zip archive; its ``config.json`` alone is read, up to a bound. So neither weights nor
code are touched, and a malicious file costs no more than a large one. The first bytes of a file tell its
kind, whatever its name.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

from seqtopo.decompiler.files import no_model, parse_config
from seqtopo.decompiler.h5_files import read_h5
from seqtopo.decompiler.losses import UnreadableError
from seqtopo.system.bounds import CONFIG_BYTES
from seqtopo.system.files import open_file

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
