"""Names that are bound from outside, as far as the model that is built."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

import seqtopo
from seqtopo.cli.main import main

SPEC = "train OPT, loss=LOSS\nin(T,3) -> CELL(4,seq) -> BODY -> dense(1,ACT)"
BOUND = {"OPT": "sgd(0.1)", "LOSS": "mae", "CELL": "gru", "BODY": "(dropout(P) -> lstm(2))", "ACT": "relu"}


def test_fault_d12_a_model_is_built_of_what_is_bound() -> None:
    model = seqtopo.compile(SPEC, T=5, P=0.25, **BOUND)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["InputLayer", "GRU", "Dropout", "LSTM", "Dense"]
    assert model.layers[2].rate == 0.25
    assert (type(model.optimizer).__name__, model.loss) == ("SGD", "mae")
    with pytest.raises(seqtopo.SpecError, match="CELL is not bound"):
        seqtopo.compile("in(5,3) -> CELL(4)")


def test_fault_d13_the_command_that_is_told_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from shlex import split

    monkeypatch.chdir(tmp_path)
    Path("my spec.txt").write_text(SPEC, encoding="utf-8")
    bound = [word for name, value in BOUND.items() for word in ("-D", f"{name}={value}")]
    assert main(["check", "my spec.txt", *bound, "-D", "P=0.5"]) == 0
    told = capsys.readouterr().out.partition("To build it: ")[2]
    assert main(split(told)[1:]) == 0
    model = keras.models.load_model("my spec.keras")
    assert [type(layer).__name__ for layer in model.layers[1:]] == ["GRU", "Dropout", "LSTM", "Dense"]
