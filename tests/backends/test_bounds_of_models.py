"""Models' files that were made to do harm: refused before Keras opens them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

import seqtopo
from seqtopo.data.training.model_files import NOTES, NoModelError, load_with


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
