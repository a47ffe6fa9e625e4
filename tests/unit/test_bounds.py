"""Files that were made to do harm, or are something else than they are taken for: a sentence, and no more."""

from __future__ import annotations

import json
import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.data.array import values_in_file
from seqtopo.data.headers import read_headers
from seqtopo.data.tables import read_table
from seqtopo.decompiler.decompile import decompiled
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


def _model(config: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A model of one dense layer with this in its configuration."""
    given = {"batch_shape": [None, 3], "name": "input"}
    layers = [
        {"class_name": "InputLayer", "module": "keras.layers", "config": given},
        {"class_name": "Dense", "module": "keras.layers", "config": {"name": "d", "units": 4, **config}},
    ]
    return {"class_name": "Sequential", "config": {"name": "s", "layers": layers}, **more}


HUGE_NUMBERS = (2**31, 10**18, 10**30, 10**400, -(10**18), 1e308, "9" * 100_000)


@pytest.mark.parametrize("units", HUGE_NUMBERS, ids=lambda units: str(units)[:12])
def test_fault_b8_a_huge_number_of_a_model_is_told_of(units: object) -> None:
    said = refused(lambda: seqtopo.decompile(_model({"units": units})))
    assert said.startswith("ST502")
    assert len(said) < 1_000


def test_fault_b8_a_layer_is_not_called_by_a_book() -> None:
    said = refused(lambda: seqtopo.decompile(_model({"name": "x" * 1_000_000})))
    assert said.startswith("ST502")
    assert "has 1,000,000 characters" in said
    assert "x" * 10_000 in seqtopo.decompile(_model({"name": "x" * 10_000}))


def test_fault_b8_of_very_many_losses_the_first_are_listed() -> None:
    model = _model({f"unknown_{i}": i for i in range(20_000)})
    found = decompiled(model)
    assert len(found.diagnostics) == bounds.LOSSES + 1
    assert found.diagnostics[-1].message == "there are more than 1,000 such; the others are not listed"
    assert found.lossy
    assert len(found.text) < 200_000


def test_fault_b8_very_many_metrics_are_left_out_and_told_of() -> None:
    compiled = {"optimizer": "adam", "loss": "mse", "metrics": [["mse"] * 50_000]}
    (found,) = decompiled(_model({}, compile_config=compiled)).diagnostics
    assert found.code == "ST505"
    assert "they are more than 5,000" in found.message


@pytest.fixture
def no_wait() -> Iterator[None]:
    """Let whatever waits for more than a minute raise."""

    def stop(number: int, frame: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.usefixtures("no_wait")
@pytest.mark.parametrize(
    ("name", "command", "words"),
    [
        ("pipe.txt", ["check"], "there is no flow in this spec"),
        ("pipe.txt", ["show"], "there is no flow in this spec"),
        ("pipe.vgsl", ["convert", "vgsl"], "one list in square brackets"),
        ("pipe.json", ["decompile"], "is not JSON"),
        ("pipe.keras", ["decompile"], "it is a pipe or a device, not a file"),
        ("pipe.keras", ["draw"], "it is a pipe or a device, not a file"),
        ("pipe.npy", ["check", "in(3,1) -> lstm(2)", "--x"], "it is not a file"),
        ("pipe.npz", ["check", "in(3,1) -> lstm(2)", "--x"], "it is not a file"),
        ("pipe.py", ["check"], "it is a pipe"),
        ("pipe.py", ["check", "--fix"], "it is a pipe"),
        ("pipe.ipynb", ["show"], "it is a pipe"),
    ],
)
def test_fault_b8_a_pipe_without_a_writer_is_not_waited_for(
    name: str, command: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / name)
    assert main([*command, str(tmp_path / name)]) in (1, 2)
    shown = capsys.readouterr()
    assert words in " ".join((shown.out + shown.err).split())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.usefixtures("no_wait")
def test_fault_b8_a_pipe_is_no_table(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "it is a pipe" in refused(lambda: read_table(tmp_path / "pipe.csv"))


def test_fault_b8_a_pipe_with_a_writer_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    out, into = os.pipe()
    os.write(into, b"in(T,8) -> lstm(4)")
    os.close(into)
    assert main(["check", f"/dev/fd/{out}"]) == 0
    os.close(out)
    assert "many-to-one" in capsys.readouterr().out


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_fault_b8_a_device_is_no_model(device: str, tmp_path: Path) -> None:
    (tmp_path / "model.keras").symlink_to(device)
    assert "it is a pipe or a device" in refused(lambda: seqtopo.decompile(tmp_path / "model.keras"))
