"""Each command that ``fit`` prints works as it stands; and a backend that stops is told with its words."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.data.training.forecasting import forecast
from seqtopo.data.training.model_files import Notes
from seqtopo.data.training.training_runs import NotFiniteError
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.runtime.building import backend_failures
from seqtopo.source import Span
from tests.support.backend_run import LONG

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with series of all kinds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    waves = 10 + np.sin(np.arange(80)[:, None] / 4 + np.arange(3))
    np.save("one.npy", waves[:, :1])
    np.save("ids.npy", np.arange(80) % 7)
    np.save("tanks.npy", np.stack([waves[:40], waves[40:]]))
    np.savetxt("s p.csv", waves, delimiter=",", header="a,b,c", comments="")
    shops = [f"{day},{shop},{day % 5}" for day in range(30) for shop in ("oa'k", "el m")]
    Path("shops.csv").write_text("\n".join(["day,my shop,sold", *shops]), encoding="utf-8")
    Path("my spec.txt").write_text("in(6,1) -> gru(3) -> dense(1)\n", encoding="utf-8")


FITS: tuple[list[str], ...] = (
    ["in(6,1) -> gru(3) -> dense(1)", "one.npy"],
    ["my spec.txt", "one.npy", "--scale"],
    ["in(6,1) -> gru(3) -> dense(2)", "one.npy", "-o", "my model.keras"],
    ["in(T,1) -> gru(3,seq) -> dense(1)", "one.npy", "--steps", "5", "--stock"],
    ["in(6,3) -> gru(3) -> dense(1)", "s p.csv", "--target", "b"],
    ["in(6,3) -> gru(3) -> dense(2)", "s p.csv", "--target", "b", "--horizon", "2"],
    ["in(6,3) -> gru(3) -> repeat(4) -> gru(3,seq)", "s p.csv"],
    ["in(6,3,batch=2) -> gru(3,stateful) -> dense(3)", "s p.csv"],
    ["in(6,int(7)) -> embed(7,3) -> gru(3) -> dense(7)", "ids.npy"],
    ["in(6,2) -> gru(3) -> dense(2)", "shops.csv", "--series", "my shop"],
    ["in(6,2) -> gru(3) -> dense(1)", "shops.csv", "--series", "my shop", "--target", "sold", "--scale"],
    ["in(6,3) -> gru(3) -> dense(3)", "tanks.npy"],
    ["in(6,3) -> gru(3,seq) -> last(2) -> dense(3)", "s p.csv"],
    ["in(?,1) -> bi(gru(3)) -> dense(1)", "one.npy", "--steps", "5"],
)


SOME = FITS[:: 1 if keras.config.backend() == "torch" or LONG else 4]
"""A few on other backends: what is printed does not depend on them."""


@pytest.mark.parametrize("words", SOME, ids=lambda words: " ".join(words[:2]))
def test_fault_d6_each_command_that_fit_prints_works_pasted(words: list[str], capsys: Capture) -> None:
    assert main(["fit", *words, "--epochs", "1"]) == 0
    commands = re.findall(r"(?m)\bseqtopo \w+.*$", capsys.readouterr().out)
    assert commands
    for command in commands:
        first, *rest = shlex.split(command)
        assert first == "seqtopo"
        assert main(rest) == 0, (command, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("spec", "ahead"),
    [
        ("in(?,1) -> conv1d(4,3,same) -> global_avg_pool1d -> dense(2)", 2),
        ("in(?,1) -> bi(gru(3)) -> dense(1)", 1),
    ],
)
def test_fault_f_a_forecast_reads_windows_as_long_as_in_training(spec: str, ahead: int) -> None:
    """A mean over all of a long history is nothing that the model was trained on."""
    model = seqtopo.compile(spec)
    notes = Notes(targets=[0], answers="ahead", steps=5, horizon=ahead)
    history = np.load("one.npy")
    have = forecast(model, notes, history, 4)
    rows = history.astype("float32")
    for _ in range(4 // ahead):
        answer = model.predict(rows[None, -5:], verbose=0).reshape(ahead, 1)
        rows = np.concatenate([rows, answer])
    np.testing.assert_allclose(have, rows[len(history) :], atol=1e-4)


def _commands(text: str) -> list[list[str]]:
    """The words of the commands in what was printed."""
    found = [shlex.split(line) for line in re.findall(r"(?m)^ *(seqtopo \w+.*)$", text)]
    assert all(first == "seqtopo" for first, *_ in found)
    return [rest for _, *rest in found]


def test_fault_d6_a_forecast_that_ends_too_soon_prints_commands_that_work(capsys: Capture) -> None:
    fit = ["fit", "in(6,3) -> gru(3) -> dense(1)", "s p.csv", "--target", "b", "-o", "my model.keras"]
    assert main([*fit, "--epochs", "1"]) == 0
    shown = capsys.readouterr().out
    assert "For more steps add --future FILE: a, c, a row for each step" in shown
    forecast = ["forecast", "my model.keras", "-o", "the end.csv"]
    assert main([*forecast, "--steps", "4"]) == 1
    (command,) = _commands(capsys.readouterr().err)
    assert main(command) == 0
    assert "the end.csv" in command
    # What is said to be added works, and what lacks rows says how far it goes.
    rows = ["a,c", *(f"{day},{day}" for day in range(3))]
    Path("my future.csv").write_text("\n".join(rows), encoding="utf-8")
    assert main([*forecast, "--steps", "3", "--future", "my future.csv"]) == 0
    capsys.readouterr()
    assert main([*forecast, "--steps", "5", "--future", "my future.csv"]) == 1
    (command,) = _commands(capsys.readouterr().err)
    assert command[command.index("--steps") + 1] == "3"
    assert main(command) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--history", "tanks.npy"], "holds 2 series"),
        (["--history", "tanks.npy", "--series", "2"], "has no series 2"),
        ([], "no history is saved with it"),
    ],
)
def test_fault_f3_one_of_several_series_is_asked_for(words: list[str], said: str, capsys: Capture) -> None:
    assert main(["fit", "in(6,3) -> gru(3) -> dense(3)", "tanks.npy", "--epochs", "1"]) == 0
    assert main(["forecast", "model.keras", "--steps", "2", *words]) == 1
    assert said in " ".join(capsys.readouterr().err.split())


class _StoppedError(Exception):
    """An error that none of our packages raises."""


@pytest.mark.parametrize("name", ["fit", "compute_loss", "save"])
def test_fault_b_a_backend_that_stops_is_told(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def stop(*args: Any, **kwargs: Any) -> None:
        raise _StoppedError("Graph execution error:\n\nDetected at node x\n  File y\nno such kernel on a CPU")

    monkeypatch.setattr(keras.Model, name, stop)
    assert main(["fit", "in(6,1) -> gru(3) -> dense(1)", "one.npy", "--epochs", "1"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "ST438" in said
    assert "no such kernel on a CPU" in said
    assert not Path("model.keras").exists()


def test_fault_b_a_backend_that_stops_in_a_forecast_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    from seqtopo.data.training import forecasting

    def stop(*args: Any, **kwargs: Any) -> None:
        raise _StoppedError("RESOURCE_EXHAUSTED: 8 GB")

    assert main(["fit", "in(6,1) -> gru(3) -> dense(1)", "one.npy", "--epochs", "1"]) == 0
    monkeypatch.setattr(forecasting, "rolled_out", stop)
    assert main(["forecast", "model.keras", "--steps", "2"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "ST438" in said
    assert "ran out of memory" in said


def test_fault_b_what_we_refuse_goes_on_as_it_is() -> None:
    refusal = SpecError((Diagnostic("ST727", "no", Span(0, 0)),))
    for error in (refusal, OSError("full"), NotFiniteError("loss", float("nan"), 1)):
        with pytest.raises(type(error)) as caught, backend_failures("it ran"):
            raise error
        assert caught.value is error
    assert NotFiniteError("val_loss", float("inf"), 3).diagnostics[0].code == "ST731"
