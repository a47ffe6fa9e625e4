"""Decide what may be written over: one rule for every command that writes a file.

What stands at the path is replaced where it is empty, or is of the kind that is written and can be made
again: a picture, a program that seqtopo wrote, an exported model, a model that ``seqtopo build`` or
``convert`` wrote and nobody saved since, a forecast. All else is kept: a spec with another text, any other
model, a text or data of the user's, another kind of file. A folder is replaced only where it holds nothing
but what an export wrote. ``--force`` replaces a file that is kept.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from seqtopo.system.files import open_file

_HEAD = 1 << 16
_TAIL = 1 << 16
PROGRAM = b'"""A Keras model, written by seqtopo'
"""The first bytes of a program that ``seqtopo build -o model.py`` wrote."""
FOUND = b"# The best of the study "
"""The first bytes of a spec that ``seqtopo search`` wrote."""
LOSS_CURVE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360" width="640" height="360" font-family='
)
"""The first bytes of the picture that ``seqtopo fit`` writes beside a model."""
_MADE = b"written by seqtopo; it can be made again"
"""The comment of a model's archive that was built or converted. Keras leaves it out when it saves the model,
so that a model that was trained since has none."""
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
    if KINDS[kind](path, head):
        return ""
    return "a file that is not a loss curve" if kind == "loss curve" else _words(path, head)


def mark_as_made(path: Path) -> None:
    """Write into a model's file that it can be made again, as its weights are new or from another file."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = _MADE


def _words(path: Path, head: bytes) -> str:
    if head.startswith(b"PK"):
        tail = _tail(path)
        if b"seqtopo.json" in tail:
            return "a trained model"
        if b"config.json" in tail:
            return "a Keras model" if tail.endswith(_MADE) else "a Keras model that may be trained"
    return "a file of another kind" if b"\0" in head else "a text that may be needed"


def _tail(path: Path) -> bytes:
    """Return the end of a file. An archive lists its members there, of which a model's has few."""
    with open_file(path) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
        return file.read(_TAIL)


def _is_made(path: Path, head: bytes) -> bool:
    return head.startswith(b"PK") and _tail(path).endswith(_MADE)


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
    "found": lambda path, head: head.startswith(FOUND),
    "model": _is_made,
    "fitted": lambda path, head: False,
    "loss curve": lambda path, head: head.startswith(LOSS_CURVE),
    "program": lambda path, head: head.startswith(PROGRAM),
    "config": lambda path, head: head.startswith(b"{") and b'"class_name"' in head,
    "picture": _is_picture,
    "forecast": lambda path, head: head.startswith(b"step,"),
    "onnx": lambda path, head: head.startswith(b"\x08"),
    "tflite": lambda path, head: head[4:8] == b"TFL3",
    "pt2": lambda path, head: head.startswith(b"PK") and b"/archive_format" in _tail(path),
    "saved_model": lambda path, head: False,
}
"""A function for each kind that returns whether a file, from its path and first bytes, is of that kind."""
