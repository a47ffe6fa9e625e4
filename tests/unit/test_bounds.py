"""Files that were made to do harm, or are something else than they are taken for: a sentence, and no more."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.data.headers import read_headers
from seqtopo.data.tables import read_table
from seqtopo.data.values import values_in_file
from seqtopo.system import bounds

HUGE = 2_000_000_000


def holed(path: Path, size: int = HUGE, start: bytes = b"") -> Path:
    """A file of so many bytes, which takes none of the disk."""
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)
    return path


def refused(run: Callable[[], object]) -> str:
    """The code and the message of what is refused."""
    with pytest.raises(seqtopo.SpecError) as caught:
        run()
    (found,) = caught.value.diagnostics
    return f"{found.code} {found.message}"


def test_fault_b8_a_table_without_a_line_end_is_refused(tmp_path: Path) -> None:
    said = refused(lambda: read_table(holed(tmp_path / "x.csv")))
    assert said == "ST728 x.csv, line 1: it has more than 1,000,000 characters"
    said = refused(lambda: read_table(holed(tmp_path / "y.csv", start=b"1,2\n3,4\n5,")))
    assert said == "ST728 y.csv, line 3: it has more than 1,000,000 characters"


def test_fault_b8_a_table_that_never_ends_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    assert "more than 1,000,000 characters" in refused(lambda: read_table(tmp_path / "zero.csv"))
    monkeypatch.setattr("seqtopo.data.tables.TABLE_NUMBERS", 10)
    (tmp_path / "long.csv").write_text("1,2,3\n" * 9)
    said = refused(lambda: read_table(tmp_path / "long.csv"))
    assert said.startswith("ST728 long.csv, line 4: it comes after 10 numbers")


def test_fault_b8_a_configuration_of_very_many_parts_is_refused(tmp_path: Path) -> None:
    parts = b"[" + b"[]," * 2_000_000 + b"[]]"
    (tmp_path / "model.json").write_bytes(parts)
    with zipfile.ZipFile(tmp_path / "model.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", parts)
    for name in ("model.json", "model.keras"):
        said = refused(lambda name=name: seqtopo.decompile(tmp_path / name))
        assert said.startswith("ST501")
        assert "more than 3,000,000 parts" in said
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    assert "more than 64,000,000 bytes" in refused(lambda: seqtopo.decompile(tmp_path / "zero.json"))


def test_fault_b8_a_large_array_is_looked_at_in_pieces(tmp_path: Path) -> None:
    start = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (500000, 1000), }"
    path = holed(tmp_path / "x.npy", 128 + HUGE, start.ljust(127) + b"\n")
    with path.open("r+b") as file:
        file.seek(-4, 2)
        file.write(np.float32(9).tobytes())
    found = values_in_file(read_headers(path)[""])
    assert found is not None
    # The last piece is among them, and it is said that not all was looked at.
    assert (found.low, found.high, found.partly) == (0.0, 9.0, True)


@pytest.mark.parametrize("name", ["spec.txt", "zero.txt"])
def test_fault_b8_a_spec_that_is_too_long_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    holed(tmp_path / "spec.txt")
    (tmp_path / "zero.txt").symlink_to("/dev/zero")
    assert main(["check", str(tmp_path / name)]) == 1
    assert "ST1" in capsys.readouterr().out


def test_fault_b8_settings_that_are_too_long_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.seqtopo]\n" + "# \n" * 400_000)
    assert main(["check", "in(T,3) -> lstm(4)"]) == 2
    assert f"more than {bounds.SETTINGS_BYTES:,} bytes" in capsys.readouterr().err


def test_a_large_configuration_of_a_model_is_read() -> None:
    """Fifty times what a large model has is far from the bounds."""
    layer = {"class_name": "Dense", "module": "keras.layers", "config": {"name": "d", "units": 4}}
    text = json.dumps([layer] * 20_000)
    assert len(text) < bounds.CONFIG_BYTES
    assert sum(map(text.count, "[{,")) < bounds.CONFIG_PARTS
