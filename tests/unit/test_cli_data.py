"""``seqtopo check --x --y --loss``: data from files, by order and by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqtopo.cli.main import main

SPEC = "in(T,F) -> lstm(4) -> dense(1)"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    np.save("x.npy", random.normal(size=(6, 24, 3)))
    np.save("y.npy", random.normal(size=(6, 1)))
    np.save("steps.npy", random.normal(size=(6, 24, 1)))
    np.save("words.npy", random.integers(0, 500, (6, 9)))
    np.save("kinds.npy", random.integers(0, 2, (6, 9)))
    np.save("a=b.npy", random.normal(size=(6, 24, 3)))


def test_symbols_are_learned(capsys: Capture) -> None:
    assert main(["check", SPEC, "--x", "x.npy", "--y", "y.npy", "--loss", "mse"]) == 0
    shown = capsys.readouterr().out
    assert "(24, 3)" in shown
    assert "needs a number" not in shown


def test_labels_that_do_not_fit(capsys: Capture) -> None:
    assert main(["check", SPEC, "--x", "x.npy", "--y", "steps.npy", "--loss", "mse", "--format", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["specs"][0]["diagnostics"]
    assert found["code"] == "ST703"


def test_arrays_by_name_and_in_order(capsys: Capture) -> None:
    spec = "in(9,int) as words -> embed(500,8) as a\nin(9,int) as kinds -> embed(2,8) as b\n[a, b] -> add"
    by_name = ["--x", "kinds=kinds.npy", "--x", "words=words.npy"]
    assert main(["check", spec, *by_name, "--ignore", "ST6"]) == 0
    assert main(["check", spec, "--x", "words.npy", "--x", "kinds.npy", "--ignore", "ST6"]) == 0
    capsys.readouterr()
    assert main(["check", spec, "--x", "kinds.npy", "--x", "words.npy"]) == 1
    assert "look swapped" in capsys.readouterr().out


def test_a_file_may_have_an_equals_sign_in_its_name(capsys: Capture) -> None:
    assert main(["check", SPEC, "--x", "a=b.npy"]) == 0
    assert "(24, 3)" in capsys.readouterr().out


def test_a_file_that_is_not_there(capsys: Capture) -> None:
    assert main(["check", SPEC, "--x", "none.npy"]) == 1
    assert "none.npy cannot be read as data: no such file" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--y", "y.npy", "--loss", "msee"], "did you mean mse"),
        (["--loss", "mse"], "--loss says what --y is for"),
        (["--x", "a=x.npy", "--x", "y.npy"], "needs a name of its own"),
        (["--x", "a=x.npy", "--x", "a=y.npy"], "needs a name of its own"),
        ([SPEC, "--x", "x.npy"], "data is for one spec"),
    ],
)
def test_what_is_not_understood(options: list[str], words: str, capsys: Capture) -> None:
    assert main(["check", SPEC, *options]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_fault_b7_samples_of_unequal_lengths_are_padded(capsys: Capture) -> None:
    np.savez("ragged.npz", *[np.ones((steps, 3)) for steps in (2, 7, 5)], y=np.ones((3, 1)))
    spec = "in(T,F) -> mask -> lstm(4) -> dense(1)"
    both = ["--x", "ragged.npz", "--y", "ragged.npz", "--loss", "mse", "--ignore", "ST6"]
    assert main(["check", spec, *both]) == 1
    assert "--pad on the command line" in " ".join(capsys.readouterr().out.split())
    assert main(["check", spec, *both, "--pad", "--strict"]) == 0
    assert "(7, 3)" in capsys.readouterr().out
    assert main(["check", spec, "--pad"]) == 2
    assert "--pad says what to do with --x" in capsys.readouterr().err
