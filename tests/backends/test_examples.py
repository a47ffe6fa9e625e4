"""The examples run, a little shorter than for a reader, and print what their READMEs say they print."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.layers import registry

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/spec.txt"))


def shape_of(line: str) -> str:
    """A printed line without what differs from one run to the next: numbers, charts, the backend."""
    line = re.sub(r"\b(jax|torch|tensorflow)\b", "BACKEND", line.partition("|")[0])
    line = re.sub(r"'.'", "'C'", line)
    return " ".join(re.sub(r"-?\d+(\.\d+)?", "0", line).split())


def printed_by_the_readme(name: str) -> list[str]:
    """The lines of the README's output."""
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^## What it prints\n\n```text\n(.*?)^```$", text, re.M | re.S)
    return [str(line) for line in block.splitlines()]


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of an example, on the import path as when its script is run; afterwards no trace of it."""
    here = tmp_path / request.param
    shutil.copytree(
        EXAMPLES / request.param, here, ignore=shutil.ignore_patterns("*.keras", "*.csv", "__pycache__")
    )
    monkeypatch.syspath_prepend(here)
    monkeypatch.setattr(registry, "_custom", dict(registry._custom))
    yield here
    for module in [
        name for name, m in sys.modules.items() if str(getattr(m, "__file__", "")).startswith(str(here))
    ]:
        del sys.modules[module]


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Runs an example's script in this process, which has its backend already."""
    script = folder / "train.py"
    monkeypatch.setattr(sys, "argv", [str(script), *arguments])
    runpy.run_path(str(script), run_name="__main__")


def test_there_are_examples() -> None:
    assert len(NAMES) == 12


@pytest.mark.parametrize("folder", NAMES, indirect=True)
def test_an_example_prints_what_its_readme_shows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(folder, monkeypatch, "--epochs", "1")
    printed = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("wrote ")]
    assert [shape_of(line) for line in printed] == [
        shape_of(line) for line in printed_by_the_readme(folder.name)
    ]


@pytest.mark.parametrize("folder", ["temperatures"], indirect=True)
def test_the_temperatures_beat_tomorrow_is_as_today(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(folder, monkeypatch)
    errors = {
        name.strip(): float(error)
        for name, error in re.findall(r"^  (.+?) +(\d+\.\d\d)$", capsys.readouterr().out, re.M)
    }
    assert errors["one who knows how the data is made"] < errors["the model"] < errors["tomorrow is as today"]
    # What it prints last holds: Keras loads the file with nothing of ours.
    model = keras.models.load_model(folder / "temperatures.keras")
    assert model.input_shape == (None, 29, 1)
    assert {type(layer).__module__.partition(".")[0] for layer in model.layers} == {"keras"}


@pytest.mark.parametrize("folder", ["temperatures"], indirect=True)
def test_the_temperatures_are_told_from_the_command_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    runpy.run_path(str(folder / "make_data.py"), run_name="__main__")
    saved = ["-o", "days.keras"]
    assert main(["fit", "spec.txt", "temperatures.csv", "--scale", "--epochs", "4", *saved]) == 0
    shown = capsys.readouterr().out
    errors = dict(re.findall(r"^  (the .+?) +(\d+\.\d+)$", shown, re.M))
    assert float(errors["the model"]) < float(errors["the last value"]) < float(errors["the mean"])
    assert main(["forecast", "days.keras", "--steps", "7"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 8


@pytest.mark.parametrize("folder", ["custom-layer"], indirect=True)
def test_a_saved_custom_layer_loads_with_its_package_alone(folder: Path, tmp_path: Path) -> None:
    child = [
        "import sys, keras, attend_pool.keras_layer",
        "model = keras.saving.load_model(sys.argv[1])",
        "assert 'seqtopo' not in sys.modules",
        "print([type(layer).__name__ for layer in model.layers], model.count_params())",
    ]
    saved = tmp_path / "saved.keras"
    runpy.run_path(str(folder / "attend_pool" / "row.py"))
    model = seqtopo.compile(folder / "spec.txt")
    model.save(saved)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "\n".join(child), str(saved)],
        env={**os.environ, "PYTHONPATH": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == f"['InputLayer', 'GRU', 'AttendPool', 'Dense'] {model.count_params()}"


@pytest.mark.parametrize("folder", ["stateful"], indirect=True)
def test_the_lamp_is_known_by_the_state_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(folder, monkeypatch, "--epochs", "6")
    right = [int(number) for number in re.findall(r"(\d+)%", capsys.readouterr().out)]
    _, remembering, in_halves, forgetful, untouched, guessed = right
    assert remembering == in_halves >= 95
    assert untouched >= 95
    assert forgetful < 80
    assert guessed < 75
