"""The inside of a step: every gate and state, the weights of the spec, nothing on anything else."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.pictures.arrange import arrange
from seqtopo.pictures.draw import TURNED
from seqtopo.pictures.scene import CELLS, PIXELS, Metrics
from tests.support.pictures import crooked, faults

Capture = pytest.CaptureFixture[str]
LAYERS = [
    ("lstm(64,seq)", "lstm"),
    ("lstm(3,nobias)", "lstm"),
    ("lstm(512,relu,recurrent_activation=hard_sigmoid)", "lstm"),
    ("gru(64,seq)", "gru"),
    ("gru(5,nobias)", "gru"),
    ("gru(5,reset_after=false)", "gru"),
    ("gru(5,reset_after=false,nobias)", "gru"),
    ("rnn(7,relu)", "rnn"),
    ("rnn(7,nobias)", "rnn"),
    ("bi(lstm(6,seq))", "bi"),
    ("bi(gru(6))", "bi"),
]


@pytest.mark.parametrize("metrics", [PIXELS, CELLS, TURNED], ids=["down", "cells", "right"])
@pytest.mark.parametrize(("layer", "name"), LAYERS, ids=[layer for layer, _ in LAYERS])
def test_nothing_lies_on_anything_else(layer: str, name: str, metrics: Metrics) -> None:
    scene = arrange(seqtopo.draw(f"in(T,8) -> {layer}", cell=name).plan, metrics)
    assert faults(scene, metrics) == []
    assert crooked(scene.turned() if metrics.turned else scene) == []


@pytest.mark.parametrize(("layer", "name"), LAYERS, ids=[layer for layer, _ in LAYERS])
def test_the_weights_in_the_boxes_are_those_of_the_layer(layer: str, name: str) -> None:
    spec = f"in(T,8) -> {layer}"
    blocks = seqtopo.draw(spec, cell=name).plan.blocks
    shapes = [shape for block in blocks for shape in re.findall(r"[WUb] \(([\d, ]+?),?\)", block.name)]
    count = sum(math.prod(map(int, shape.split(","))) for shape in shapes)
    params = seqtopo.check(spec).params
    assert isinstance(params, int)
    assert count == (params // 2 if name == "bi" else params)


def titles(spec: str, name: str) -> list[str]:
    """Return the names of the boxes of a cell."""
    return [block.title for block in seqtopo.draw(spec, cell=name).plan.blocks]


def test_an_lstm_has_three_gates_and_two_states() -> None:
    found = titles("in(T,8) -> lstm(64)", "lstm")
    assert found[:3] == ["x(t)", "h(t-1)", "c(t-1)"]
    assert [title for title in found if "gate" in title] == ["forget gate", "input gate", "output gate"]
    assert found[-2:] == ["h(t)", "c(t)"]


def test_a_gru_resets_before_or_after_the_product() -> None:
    assert "r × (h U + b)" in titles("in(T,8) -> gru(4)", "gru")
    assert "r × h(t-1)" in titles("in(T,8) -> gru(4,reset_after=false)", "gru")


def test_a_step_says_what_goes_out_and_which_activation_it_has() -> None:
    spec = "in(T,F) -> lstm(4,seq) -> rnn(3,relu)"
    shown = seqtopo.draw(spec, cell="lstm").svg()
    assert "goes out at every step" in shown
    assert "f = sigmoid(x W + h U + b)" in shown
    last = seqtopo.draw(spec, cell="rnn").svg()
    assert "only the last goes out" in last
    assert "relu(x W + h U + b)" in last


def test_a_layer_inside_another_model_is_found() -> None:
    spec = "words = in(W,3) -> lstm(4)\nin(T,W,3) -> td(words) -> gru(2)"
    assert "forget gate" in titles(spec, "words_lstm")


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("lstn", "there is no layer called lstn; did you mean lstm"),
        ("zzz", "there is no layer called zzz; the layers with one are lstm, gru"),
        ("dense", "dense has no cell to look into; the layers with one are lstm, gru"),
    ],
)
def test_a_name_without_a_cell(name: str, match: str) -> None:
    with pytest.raises(KeyError, match=match):
        seqtopo.draw("in(T,8) -> lstm(4,seq) -> gru(4) -> dense(1)", cell=name)


def test_the_command_draws_a_cell(tmp_path: Path, capsys: Capture) -> None:
    assert main(["draw", "in(T,8) -> lstm(4)", "--cell", "lstm"]) == 0
    assert "forget gate" in capsys.readouterr().out
    assert main(["draw", "in(T,8) -> lstm(4)", "--cell", "gru"]) == 2
    assert "there is no layer called gru" in capsys.readouterr().err
    assert main(["draw", "in(T,8) -> lstm(4)", "--cell", "lstm", "--unrolled"]) == 2
    assert "--cell draws the inside of one layer" in capsys.readouterr().err
    file = tmp_path / "a.pdf"
    assert main(["draw", "in(T,8) -> lstm(4)", "--cell", "lstm", "--size", "16:9", "-o", str(file)]) == 0
    assert file.read_bytes().startswith(b"%PDF")


def test_a_cell_is_drawn_alone() -> None:
    with pytest.raises(ValueError, match="a cell is drawn alone"):
        seqtopo.draw("in(T,8) -> lstm(4)", cell="lstm", loop=True)
