"""Saved models with a few notes on their data beside them, in the same file; Keras reads past the notes."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from seqtopo.runtime.stateful import attach

NOTES, HISTORY = "seqtopo.json", "seqtopo.npy"


class NoModelError(Exception):
    """A file is no model that can be loaded; says why, and what to do."""

    def __init__(self, reason: str, help: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.help = help


@dataclass
class Notes:
    """What is known of the data that a model was trained on: the features' names, those that are told,
    scaling, what is wanted of a window, and the end of the series, (steps, features), unscaled.
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
    """Saves a model and its notes in one ``.keras`` file."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    model.save(path)
    text = json.dumps({name: value for name, value in vars(notes).items() if name != "history"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(NOTES, text)
        if notes.history is not None:
            data = io.BytesIO()
            np.save(data, notes.history)
            archive.writestr(HISTORY, data.getvalue())


def load_with(path: Path, *, kernels: bool = True) -> tuple[keras.Model, Notes]:
    """A saved model, ready to run, and its notes; empty ones where Keras alone has saved it.

    Raises:
        NoModelError: it cannot be loaded.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            damaged = archive.testzip()
            notes = _notes(archive) if NOTES in members else Notes()
    except OSError as error:
        raise NoModelError((error.strerror or str(error)).lower(), "check the path") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, NotImplementedError):
        raise NoModelError(
            "it is no .keras file, or it is damaged", "save it anew: seqtopo fit, or model.save in Keras"
        ) from None
    if damaged or not {"config.json", "model.weights.h5"} <= members:
        raise NoModelError(
            f"its part {damaged} is damaged" if damaged else "it is an archive, but no model is in it",
            "save it anew: seqtopo fit, or model.save in Keras",
        )
    try:
        model = keras.saving.load_model(path)
        return attach(model, kernels=kernels), notes
    # Keras raises whatever the layers inside do.
    except Exception as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise NoModelError(
            f"Keras cannot load it: {said}",
            "a layer of another package needs that package to be imported; a newer Keras writes files that "
            "an older one cannot read",
        ) from error


def _notes(archive: zipfile.ZipFile) -> Notes:
    try:
        found = json.loads(archive.read(NOTES))
        notes = Notes(**found)
        if HISTORY in archive.namelist():
            notes.history = np.load(io.BytesIO(archive.read(HISTORY)), allow_pickle=False)
    except (ValueError, TypeError, KeyError):
        return Notes()
    return notes
