"""Models' files that were made to do harm: refused before Keras opens them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

import seqtopo
from seqtopo.data.training.model_files import NOTES, NoModelError, load_with
from seqtopo.data.training.training_runs import Progress


@pytest.mark.parametrize(
    ("member", "content", "words"),
    [
        ("config.json", b"[" + b"[]," * 2_000_000 + b"[]]", "more than 3,000,000 parts"),
        (NOTES, b" " * 5_000_000, "more than 4,000,000 bytes"),
    ],
)
def test_fault_b8_a_part_that_is_too_large_is_not_read(
    member: str, content: bytes, words: str, tmp_path: Path
) -> None:
    seqtopo.compile("in(6,1) -> lstm(4) -> dense(1)\ntrain adam, loss=mse").save(tmp_path / "model.keras")
    with (
        zipfile.ZipFile(tmp_path / "model.keras") as good,
        zipfile.ZipFile(tmp_path / "bad.keras", "w", zipfile.ZIP_DEFLATED) as bad,
    ):
        for name in {*good.namelist(), member}:
            bad.writestr(name, content if name == member else good.read(name))
    with pytest.raises(NoModelError, match=words):
        load_with(tmp_path / "bad.keras")


def test_fault_b8_weights_that_would_fill_the_memory_are_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqtopo.data.training.model_files.UNPACKED_BYTES", 1_000_000)
    with zipfile.ZipFile(tmp_path / "bad.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(2_000_000))
    with pytest.raises(NoModelError, match=r"its part model\.weights\.h5 has 2,000,000 bytes, packed into"):
        load_with(tmp_path / "bad.keras")


def test_fault_b8_progress_of_another_shape_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = seqtopo.compile("in(6,1) -> lstm(4) -> dense(1)\ntrain adam, loss=mse")
    right = Progress(tmp_path / "right.npz", "run")
    right.writer(model)(right.path)
    assert right.restore(model)
    np.savez(tmp_path / "wrong.npz", notes=np.array("{}"), v0=np.zeros((3, 3)))
    np.savez(tmp_path / "notes.npz", notes=np.array("x" * 2_000_000))
    loaded: list[object] = []
    monkeypatch.setattr("seqtopo.data.training.training_runs.np.load", lambda path, **_: loaded.append(path))
    assert not Progress(tmp_path / "wrong.npz", "run").restore(model)
    assert not Progress(tmp_path / "notes.npz", "run").belongs()
    assert not loaded
