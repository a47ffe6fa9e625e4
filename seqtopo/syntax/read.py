"""Read the text of a spec from a string or a file."""

from __future__ import annotations

import os
import re

from seqtopo.diag.model import Diagnostic
from seqtopo.source import Source, Span
from seqtopo.system.bounds import SPEC_BYTES
from seqtopo.system.files import open_file

MODELS = (".keras", ".json", ".h5", ".hdf5")
"""The endings of files that hold a Keras model's configuration."""
CODE = (".py", ".ipynb")
"""The endings of files that hold Python code."""
SPEC_ENDINGS = (".seqtopo", ".topo.txt")
"""The endings of files that hold a spec and nothing else."""
_YAML = r"(?m)(backend|class_name|config|keras_version): ?\S*$"
"""Matches the beginning of a model that Keras 1 or 2 wrote with ``to_yaml``."""


def is_model(argument: str) -> bool:
    """Return whether an argument names the file of a Keras model, by its ending.

    >>> is_model("old.h5"), is_model("spec.txt")
    (True, False)
    """
    return argument.lower().endswith(MODELS)


def read(spec: str | os.PathLike[str] | Source) -> tuple[Source, tuple[Diagnostic, ...]]:
    """Return the text of a spec, from a string or from its file."""
    if isinstance(spec, Source):
        return spec, ()
    if isinstance(spec, os.PathLike):
        return read_file(spec)
    if not isinstance(spec, str):
        raise TypeError(f"a spec is a text or a pathlib.Path, not {type(spec).__name__}")
    return Source(spec), ()


def read_file(path: str | os.PathLike[str]) -> tuple[Source, tuple[Diagnostic, ...]]:
    """Return the text of a spec from its file."""
    try:
        with open_file(path, streams=True) as file:
            return decode(file.read(SPEC_BYTES + 1), str(path))
    except OSError as error:
        return Source("", str(path)), (unreadable(path, error),)


def unreadable(path: str | os.PathLike[str], error: OSError) -> Diagnostic:
    """Return the diagnostic for a file that cannot be read."""
    reason, help = (error.strerror or str(error)).lower(), "check the path"
    if isinstance(error, IsADirectoryError):
        reason, help = "it is a folder", "give a file in it"
    return Diagnostic(
        "ST405",
        f"{path} cannot be read: {reason}",
        Span(0, 0),
        help=help,
        source=Source("", str(path)),
    )


def decode(data: bytes, name: str) -> tuple[Source, tuple[Diagnostic, ...]]:
    r"""Return the text of a spec from its bytes: UTF-8, with or without a byte order mark, lines ending in
    a line feed or as Windows ends them.

    >>> decode(b"in(T,F)\r\n-> lstm(4)", "spec.txt")[0].text
    'in(T,F)\n-> lstm(4)'
    >>> decode(b"\xff", "spec.txt")[1][0].code
    'ST105'
    """
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        message = f"{name} is not a text in UTF-8: byte {error.start} cannot be read"
        return _no_spec(name, message, _way_out(data))
    if "class_name: " in text[:1000] and re.match(_YAML, text):
        message = f"{name} holds a Keras model as YAML, which can hold code and is not read"
        return _no_spec(
            name, message, "load it in the Keras that wrote it, and write model.to_json() to a file"
        )
    if text.lstrip().startswith("{") and '"class_name"' in text[:1000]:
        message = f"{name} holds a Keras model as JSON, not a spec"
        return _no_spec(name, message, "seqtopo decompile model.json gives its spec")
    return Source(text, name), ()


def _no_spec(name: str, message: str, help: str) -> tuple[Source, tuple[Diagnostic, ...]]:
    source = Source("", name)
    return source, (Diagnostic("ST105", message, Span(0, 0), help=help, source=source),)


def _way_out(data: bytes) -> str:
    """Return advice for a file that is no text, by its first bytes."""
    if data.startswith(b"PK\x03\x04"):
        return "is it a saved Keras model? seqtopo decompile model.keras gives its spec"
    if data.startswith(b"\x89HDF"):
        return (
            "is it a saved Keras model? seqtopo decompile model.h5 gives its spec, "
            "seqtopo convert model model.h5 -o model.keras carries its weights over"
        )
    return "save the spec as UTF-8 text"
