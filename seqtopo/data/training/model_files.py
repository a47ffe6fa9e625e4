"""Save models with notes on their data in the same file; Keras ignores the notes."""

from __future__ import annotations

import hashlib
import io
import json
import math
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from seqtopo.decompiler.losses import UnreadableError
from seqtopo.decompiler.model_files import read_config
from seqtopo.runtime.custom_classes import custom_objects, unknown_classes
from seqtopo.runtime.kernels.attaching import make_ready
from seqtopo.system.bounds import (
    NOTED_ARRAY_BYTES,
    NOTES_BYTES,
    TESTED_BYTES,
    UNPACKED_BYTES,
    UNPACKED_TIMES,
)
from seqtopo.system.files import open_file

NOTES, HISTORY = "seqtopo.json", "seqtopo.npy"


class NoModelError(Exception):
    """A file is no model that can be loaded; ``help`` says what to do."""

    def __init__(self, reason: str, help: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.help = help


@dataclass
class Notes:
    """Notes on the data that a model was trained on.

    They are the features' names, the numbers of the predicted ones, the scaling, the targets of a window, and
    the end of the series (steps, features), unscaled.
    """

    columns: list[str] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    mean: list[float] = field(default_factory=list)
    spread: list[float] = field(default_factory=list)
    answers: str = ""
    steps: int = 0
    horizon: int = 1
    history: np.ndarray[Any, Any] | None = None


def save_with(model: keras.Model, notes: Notes, path: Path) -> None:
    """Save a model and its notes in one ``.keras`` file."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    model.save(path)
    text = json.dumps({**_plain(notes), "digest": _digest(notes)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(NOTES, text)
        if notes.history is not None:
            data = io.BytesIO()
            np.save(data, notes.history)
            archive.writestr(HISTORY, data.getvalue())


def load_with(path: Path, *, kernels: bool = True, modules: Sequence[str] = ()) -> tuple[keras.Model, Notes]:
    """Return a saved model, ready to run, and its notes; empty ones if the file has none.

    ``modules`` are those that define classes of the user's own.

    Raises:
        NoModelError: the model cannot be loaded, or its notes were altered.
    """
    try:
        with open_file(path) as file, zipfile.ZipFile(file) as archive:
            members = set(archive.namelist())
            for name, most in ((NOTES, NOTES_BYTES), (HISTORY, NOTED_ARRAY_BYTES)):
                if name in members and archive.getinfo(name).file_size > most:
                    raise _altered(f"{name} has more than {most:,} bytes")
            damaged = _damaged(archive)
    except OSError as error:
        raise NoModelError((error.strerror or str(error)).lower(), "check the path") from None
    # RuntimeError: a password is needed. NotImplementedError: a packing that Python does not know.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, struct.error):
        raise NoModelError(
            "it is not a .keras file, or it is damaged", "save it anew: seqtopo fit, or model.save in Keras"
        ) from None
    if damaged or not {"config.json", "model.weights.h5"} <= members:
        raise NoModelError(
            f"its part {damaged} is damaged" if damaged else "it is an archive, but no model is in it",
            "save it anew: seqtopo fit, or model.save in Keras",
        )
    try:
        read_config(path)
    except UnreadableError as error:
        raise NoModelError(error.diagnostic.message, error.diagnostic.help) from None
    try:
        model = keras.saving.load_model(path, custom_objects=custom_objects(modules))
        attached = make_ready(model, kernels=kernels)
    # Keras raises whatever the layers inside do.
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        which, help = _unknown(path, modules)
        raise NoModelError(
            which or f"Keras cannot load it: {reason}",
            help or "a newer Keras writes files that an older one cannot read",
        ) from error
    if NOTES not in members:
        return attached, Notes()
    with zipfile.ZipFile(path) as archive:
        return attached, _notes(archive, model)


def _damaged(archive: zipfile.ZipFile) -> str | None:
    """Return the name of a part whose bytes are not those that were saved; None if all are.

    Raises:
        NoModelError: a part is compressed so much that unpacking it would fill the memory.
    """
    for info in archive.infolist():
        if info.file_size > max(UNPACKED_BYTES, UNPACKED_TIMES * info.compress_size):
            size = f"{info.file_size:,} bytes, packed into {info.compress_size:,}"
            raise NoModelError(
                f"its part {info.filename} has {size}", "save it anew: seqtopo fit, or model.save in Keras"
            )
    for info in archive.infolist():
        if info.file_size > TESTED_BYTES:
            continue
        try:
            with archive.open(info) as part:
                while part.read(1 << 20):
                    pass
        except zipfile.BadZipFile:
            return info.filename
    return None


_FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "columns": ("a list of names", lambda value: _is_list(value, str)),
    "targets": ("a list of the numbers of features", lambda value: _is_list(value, int)),
    "mean": ("a list of numbers", lambda value: _is_list(value, float)),
    "spread": (
        "a list of numbers above 0",
        lambda value: _is_list(value, float) and all(number > 0 for number in value),
    ),
    "answers": ("ahead, next or same", lambda value: value in ("", "ahead", "next", "same")),
    "steps": ("a whole number from 0 up", lambda value: _is_a(value, int) and value >= 0),
    "horizon": ("a whole number from 1 up", lambda value: _is_a(value, int) and value >= 1),
    "digest": ("a text", lambda value: isinstance(value, str)),
}
"""The fields of the notes, each with its type in words and a function that checks a value."""


def _is_a(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return False
    if kind is float:
        return isinstance(value, (int, float)) and math.isfinite(value)
    return isinstance(value, kind)


def _is_list(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(_is_a(item, kind) for item in value)


def _unknown(path: Path, modules: Sequence[str]) -> tuple[str, str]:
    try:
        return unknown_classes(read_config(path), modules)
    except UnreadableError:
        return "", ""


def _notes(archive: zipfile.ZipFile, model: keras.Model) -> Notes:
    """Return the notes in a file.

    Raises:
        NoModelError: they are not as ``save_with`` writes them for this model.
    """
    try:
        found = json.loads(archive.read(NOTES))
    except (ValueError, RecursionError):
        raise _altered("it is no JSON") from None
    if not isinstance(found, dict):
        raise _altered("it is not an object")
    for name, value in found.items():
        words, fits = _FIELDS.get(name, ("", lambda value: False))
        if not words:
            raise _altered(f"there is no {name[:40]!r} in it")
        try:
            right = fits(value)
        except OverflowError:
            right = False
        if not right:
            raise _altered(f"its {name} is not {words}")
    kept = found.pop("digest", "")
    notes = Notes(**found)
    if HISTORY in archive.namelist():
        try:
            notes.history = np.load(io.BytesIO(archive.read(HISTORY)), allow_pickle=False)
        # NumPy and zipfile have many ways to say that there is no array.
        except Exception:
            raise _altered("the end of the series beside it is not an array") from None
    wrong = _contradiction(notes, model, sealed=bool(kept))
    if wrong:
        raise _altered(wrong)
    if kept and kept != _digest(notes):
        raise _altered("it is not what was saved")
    return notes


def _contradiction(notes: Notes, model: keras.Model, *, sealed: bool) -> str:
    """Return, in words, what in the notes contradicts the rest of them or the model; "" for nothing.

    For several series no end is kept. That an end was taken away only shows in the digest, which ``sealed``
    notes have.
    """
    history, targets = notes.history, notes.targets
    features = len(notes.columns)
    if history is not None:
        if history.ndim not in (1, 2) or history.dtype.kind not in "fiub" or not np.isfinite(history).all():
            return "the end of the series beside it is not (steps, features)"
        width = 1 if history.ndim == 1 else history.shape[1]
        if features not in (0, width):
            return f"it names {features} features, but the series has {width}"
        features = width
    elif (targets or notes.mean or notes.answers) and not sealed:
        return "the end of the series is missing beside it"
    elif not features and model.inputs:
        features = int(model.inputs[0].shape[-1] or 0) if len(model.inputs[0].shape) == 3 else 1
    if len(set(targets)) < len(targets) or any(not 0 <= number < features for number in targets):
        return f"its targets are not different ones of the features 0 to {features - 1}"
    if len(notes.mean) != len(notes.spread) or len(notes.mean) not in (0, features):
        return f"its mean and spread are not of {features} features"
    if not targets:
        return ""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return "a model of a series has one input and one output"
    takes, gives = model.inputs[0].shape, model.outputs[0].shape
    if len(takes) > 1 and takes[1] not in (None, notes.steps):
        return f"its windows have {notes.steps} steps, but the model takes {takes[1]}"
    if len(takes) == 3 and takes[2] not in (None, features):
        return f"its series has {features} features, but the model takes {takes[2]}"
    if (
        history is not None
        and history.ndim == 2
        and len(gives) == 2
        and gives[1] != len(targets) * notes.horizon
    ):
        return f"the model gives {gives[1]} numbers, not {notes.horizon} steps of {len(targets)}"
    return ""


def _digest(notes: Notes) -> str:
    """Return a digest of the notes and of the series beside them."""
    found = hashlib.sha256(json.dumps(_plain(notes), sort_keys=True).encode())
    if notes.history is not None:
        found.update(np.ascontiguousarray(notes.history).tobytes())
    return found.hexdigest()


def _plain(notes: Notes) -> dict[str, Any]:
    return {name: value for name, value in vars(notes).items() if name != "history"}


def _altered(what: str) -> NoModelError:
    return NoModelError(
        f"{NOTES} in it, which says what its numbers mean, was altered: {what}",
        "train it anew with seqtopo fit; Keras alone loads it as it is: keras.saving.load_model",
    )
