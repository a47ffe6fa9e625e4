"""Decide what may be written over: one rule for every command that writes a file.

What stands at the path is replaced where it is empty, or is of the kind that is written and can be made
again: a picture, a program that seqtopo wrote, an exported model, a model that was not trained, a forecast.
All else is kept: a spec with another text, a trained model, a text or data of the user's, another kind of
file. A folder is replaced only where it holds nothing but what an export wrote. ``--force`` replaces a file
that is kept.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from seqtopo.system.bounds import UNPACKED_BYTES
from seqtopo.system.files import open_file

_HEAD = 1 << 16
PROGRAM = b'"""A Keras model, written by seqtopo'
"""The first bytes of a program that ``seqtopo build -o model.py`` wrote."""
_SAVED_MODEL = {
    *("saved_model.pb", "saved_model.pbtxt", "fingerprint.pb", "keras_metadata.pb"),
    *("variables", "assets", "assets.extra"),
}
"""The files that TensorFlow writes into the folder of a SavedModel."""
_BOXES = "╭┌│▼"


def why_kept(path: Path, kind: str, text: str = "") -> str:
    """Return a description of what stands at a path, if a file of ``kind`` must not replace it; else "".

    ``text`` is the new content, for kinds of text that people write too: an equal text may be written again.

    Raises:
        OSError: the path cannot be looked at.
    """
    # Unlike ``Path.exists``, this raises nothing for a name that no file can have; writing says why then.
    if not os.path.exists(path):
        return ""
    if path.is_dir():
        # No file is written over a folder; whoever tries says so.
        others = kind == "saved_model" and not {each.name for each in path.iterdir()} <= _SAVED_MODEL
        return "a folder with other files" if others else ""
    if kind == "saved_model":
        return "a file"
    with open_file(path) as file:
        head = file.read(max(_HEAD, len(text.encode()) + 1) if text else _HEAD)
    if not head or (text and head == text.encode()):
        return ""
    return "" if KINDS[kind](path, head) else _words(path, head)


def _words(path: Path, head: bytes) -> str:
    if _is_keras(path, head):
        return "a trained model" if not _is_untrained(path, head) else "a Keras model"
    return "a file of another kind" if b"\0" in head else "a text that may be needed"


def _members(path: Path, head: bytes) -> set[str]:
    if not head.startswith(b"PK"):
        return set()
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return set()


def _is_keras(path: Path, head: bytes) -> bool:
    return "config.json" in _members(path, head)


def _is_untrained(path: Path, head: bytes) -> bool:
    members = _members(path, head)
    return "config.json" in members and "seqtopo.json" not in members and not _steps(path)


def _steps(path: Path) -> int:
    """Return the number of training steps that a saved model's optimizer has made; 0 without an optimizer."""
    import h5py  # loads NumPy

    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("model.weights.h5").file_size > UNPACKED_BYTES:
                return 1  # too large to look into: it stays
            stored = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(stored, "r") as weights:
            return int(weights["optimizer/vars/0"][()])
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile):
        return 0


def _is_exported_program(path: Path, head: bytes) -> bool:
    members = _members(path, head)
    return bool(members) and "config.json" not in members


def _is_picture(path: Path, head: bytes) -> bool:
    text = head.decode("utf-8", errors="replace").replace("\r\n", "\n")
    fenced = text.startswith("```mermaid\nflowchart ") and text.find("\n```", 3) == len(text.rstrip()) - 4
    return (
        head.startswith((b"<svg ", b"\x89PNG", b"flowchart "))
        or fenced
        or (path.suffix.lower() == ".txt" and any(sign in text for sign in _BOXES) and "->" not in text)
    )


KINDS: Mapping[str, Callable[[Path, bytes], bool]] = {
    "spec": lambda path, head: False,
    "model": lambda path, head: (
        _is_untrained(path, head) or (path.suffix == ".keras" and not _is_keras(path, head))
    ),
    "program": lambda path, head: head.startswith(PROGRAM),
    "config": lambda path, head: head.startswith(b"{") and b'"class_name"' in head,
    "picture": _is_picture,
    "forecast": lambda path, head: head.startswith(b"step,"),
    "onnx": lambda path, head: head.startswith(b"\x08"),
    "tflite": lambda path, head: head[4:8] == b"TFL3",
    "pt2": _is_exported_program,
    "saved_model": lambda path, head: False,
}
"""A function for each kind that returns whether a file, from its path and first bytes, is of that kind."""
