"""A spec in plain words: what is said of steps, states, lengths, kinds and training."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqtopo.cli.show import walkthrough
from seqtopo.graph.kind import KINDS
from seqtopo.layers.registry import NAMES
from seqtopo.report.analyse import analyse
from seqtopo.walkthrough import Walkthrough, walk
from seqtopo.walkthrough.walk import _SPECIAL
from tests.support.topologies import TOPOLOGIES

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted([*(ROOT / "tests" / "models").glob("*.txt"), *(ROOT / "examples").glob("*/spec.txt")])


def walked(spec: str | Path) -> Walkthrough:
    """The walk through a spec that has no errors."""
    checked = analyse(spec)
    assert checked.resolved is not None, [d.message for d in checked.diagnostics]
    return walk(checked.resolved)


def words(spec: str) -> str:
    """All that is said of the steps of a spec, on one line."""
    return " ".join(f"{step.name}: {step.shapes}. {step.words}" for step in walked(spec).steps)


def test_a_walk_as_a_whole() -> None:
    text = walkthrough(
        walked("in(24,3) -> lstm(64,seq) -> lstm(32) -> dense(1)\ntrain adam, loss=mse, labels=(1)"), 60
    )
    assert text == (
        "many-to-one: a sequence in, one answer out\n"
        "\n"
        "What comes in, for each sample: 24 time steps, each with 3\n"
        "features.\n"
        "What goes out: one number.\n"
        "In lstm_1 the time axis ends: one answer for all of it.\n"
        "\n"
        "Shapes: (batch, time steps, features) for a sequence and\n"
        "(batch, features) for a vector.\n"
        "\n"
        "1. input: in(24,3)\n"
        "   gives (batch, 24, 3)\n"
        "   One sample is 24 time steps, each with 3 features.\n"
        "\n"
        "2. lstm: lstm(64,seq)\n"
        "   takes (batch, 24, 3), gives (batch, 24, 64)\n"
        "   Long short-term memory: reads a sequence step by step and\n"
        "   carries two states, h and c. With seq it hands on what it\n"
        "   gives after each step: 64 numbers at each of the 24\n"
        "   steps.\n"
        "\n"
        "3. lstm_1: lstm(32)\n"
        "   takes (batch, 24, 64), gives (batch, 32)\n"
        "   Without seq only what it gives after the last step is\n"
        "   kept. So the 24 steps become 32 numbers, and the time\n"
        "   axis is gone.\n"
        "\n"
        "4. dense: dense(1)\n"
        "   takes (batch, 32), gives (batch, 1)\n"
        "   Fully connected: the one number that goes out is a\n"
        "   weighted sum of the 32 that come in.\n"
        "\n"
        "Training\n"
        "   The loss, mse, compares the output (batch, 1) with the\n"
        "   label (batch, 1). It is the mean of the squared\n"
        "   differences: large misses count most.\n"
        "   The optimizer, adam, changes the weights so that this\n"
        "   becomes less.\n"
        "   So for fit(x, y), x has shape (samples, 24, 3), and y has\n"
        "   (samples, 1)."
    )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("in(T,3) -> gru(4,back)", "after the first step, which it reads last, is kept"),
        ("in(T,3) -> gru(4,back,seq)", "the last step first"),
        ("in(3,1,batch=2) -> lstm(4,stateful)", "takes (2, 3, 1), gives (2, 4)"),
        ("in(3,1,batch=2) -> lstm(4,stateful)", "Every batch has exactly 2 samples."),
        ("in(3,1,batch=2) -> bi(lstm(4,stateful))", "from the state in which it ended the one before"),
        ("in(T,3) -> bi(lstm(4))", "4 numbers and 4 make 8"),
        (
            "in(T,3) -> bi(lstm(4,seq),sum)",
            "Their outputs are added up: 4 numbers. With seq every step is kept",
        ),
        ("in(T,3) -> bi(lstm(4,seq),backward=gru(4,seq,back))", "stand side by side"),
        ("e = in(S,3) -> lstm(4)\nin(T,3) -> lstm(4,seq,init=e.state)", "go on to lstm. input_1"),
        (
            "e = in(S,3) -> lstm(4)\nin(T,3) -> lstm(4,seq,init=e.state)",
            "but from the final states of e_lstm",
        ),
        ("e = in(S,3) -> gru(4)\nin(T,3) -> gru(4,seq,init=e.state)", "of shape (4,), goes on to gru"),
        ("h = in(4)\nin(T,3) -> gru(4,init=h)", "not start from zeros but from h"),
        ("in(T,3) -> gru(4) as g\n[g, g.state]", "goes on to the outputs of the model"),
        ("in(30,3) -> conv1d(8,3)", "Kernel 3 without padding takes 2 steps off: 30 steps become 28"),
        ("in(T,3) -> conv1d(8,3,dilation_rate=4)", "sees 3 steps, 4 apart, 9 from end to end"),
        ("in(T,3) -> conv1d(8,3,causal)", "no step sees a later one; the length stays T"),
        ("in(30,3) -> conv1d(8,3,same,strides=2)", "30 steps become 15. It moves by 2 steps at a time"),
        ("in(28,3) -> maxpool1d(3)", "28 steps become 9. The last step fills no window and is left out"),
        ("in(29,3) -> maxpool1d(3)", "The last 2 steps fill no window and are left out"),
        ("in(28,28,1) -> conv2d(8,3)", "One sample is 28 by 28 places, each with 1 channel"),
        ("in(T,3) -> gmaxpool1d", "the time axis is gone, and with it the order"),
        ("in(T,32,9) -> td(conv1d(64,3))", "Kernel 3 without padding takes 2 steps off: 32 steps become 30"),
        ("in(T,8,8,1) -> td(conv2d(3,3) -> flatten)", "(8, 8, 1) -> conv2d (6, 6, 3) -> flatten (108,)"),
        ("in(T,8) -> td(dense(3))", "At each of the T steps by itself: fully connected: each of the 3"),
        ("in(T,8) -> dense(3,softmax)", "Softmax makes them shares between 0 and 1 that add up to 1"),
        ("in(T,int(9)) -> embed(9,4,mask)", "The ids are below 9."),
        ("in(T,int(9)) -> embed(9,4,mask)", "id 0 counts as padding"),
        ("in(5) -> repeat(7)", "stands at each of 7 steps"),
        ("in(9,5) -> last(3)", "Of the 9 steps the last 3 are kept"),
        ("in(9,5) -> at(-1)", "only the last is kept: the time axis is gone"),
        ("in(9,5) -> pad(0,2)", "It puts in 2 steps behind the sequence: 9 steps become 11"),
        ("in(9,5) -> flatten", "9 times 5, 45 numbers, and no steps"),
        ("[in(T,2) as a, in(T,3) as b] -> concat", "(batch, T, 2) from a and (batch, T, 3) from b"),
        ("[in(T,2), in(T,3)] -> concat", "2 + 3 features make 5"),
        (
            "[in(T,4) as q, in(S,4) as v] -> attention",
            "The T steps of q (the query) each look at the S steps of v",
        ),
        ("in(T,8) -> mha(2,4,causal)", "looks at all of them that are not later"),
        ("in(T,4) -> dense(4) * 2", "As dense above: another copy of the same step, with weights of its own"),
        (
            "a = lstm(4)\n[in(T,3) -> a, in(S,3) -> a] -> add",
            "The same layer as a above, with the same weights",
        ),
        ("in(T,4) -> lstm(4) -> dense(2)", "T is left open"),
        ("in(N) -> dense(2)", "N needs a number before the model can be built"),
    ],
)
def test_what_is_said_of_a_layer(spec: str, said: str) -> None:
    assert said in words(spec)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("in(8) -> dense(4)", "No time steps come in and none go out."),
        ("in(8) -> repeat(5) -> gru(4,seq)", "Nothing that comes in has time steps; with repeat they begin."),
        ("in(T,8) -> gru(4)", "In gru the time axis ends: one answer for all of it."),
        ("in(T,8) -> gru(4,seq)", "to each answer, its own step and those before it count."),
        ("in(T,8) -> bi(gru(4,seq))", "to each answer, the steps behind its own may count, too."),
        ("in(T,8) -> dense(4)", "to each answer, that step alone counts."),
        ("in(T,8) -> gru(4,seq) -> last(2)", "2 steps go out where T come in, in their order"),
        ("in(T,8) -> gru(4) -> repeat(3) -> gru(4,seq)", "with repeat another one begins"),
        (
            "e = in(S,3) -> gru(4)\nin(T,3) -> gru(4,seq,init=e.state)",
            "What gru starts from is the end of another",
        ),
    ],
)
def test_why_it_is_of_its_kind(spec: str, why: str) -> None:
    assert any(why in reason for reason in walked(spec).reasons)


@pytest.mark.parametrize(
    ("train", "said"),
    [
        ("", "so it does not say what the output is compared with"),
        ("train adam", "The spec names no loss."),
        ("train sgd, loss=bce, labels=(3)", "how unlikely the labels, 0 or 1, are"),
        ("train sgd, loss=categorical_crossentropy(from_logits=true), labels=(3)", "scores before softmax"),
        (
            "train sgd, loss=sparse_categorical_crossentropy, labels=(int(3))",
            "the label (batch,) of ids below 3",
        ),
        ("train sgd, loss=mse, metrics=[mae, mape]", "not trained on: mae and mape"),
        ("train sgd, loss=mse, labels=(3)", "x has shape (samples, T, 2), and y has (samples, 3)"),
    ],
)
def test_what_training_compares(train: str, said: str) -> None:
    assert said in " ".join(walked(f"in(T,2) -> gru(3)\n{train}").training)


def test_every_kind_has_words() -> None:
    assert {topology.kind for topology in TOPOLOGIES} == set(KINDS)


def test_what_has_words_is_a_row() -> None:
    assert {name for name in _SPECIAL if name not in NAMES} == set()


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda topology: topology.name)
def test_every_topology_has_a_walk(topology) -> None:
    found = walked(topology.spec)
    assert found.kind == topology.kind
    assert len(found.reasons) >= 3
    assert_reads_well(found)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.parent.name + "-" + path.stem)
def test_every_model_has_a_walk(path: Path) -> None:
    if path.parent.name == "custom-layer":
        return
    assert_reads_well(walked(path))


def assert_reads_well(found: Walkthrough) -> None:
    """Whole sentences on narrow lines."""
    for step in found.steps:
        assert step.words[0].isupper()
        assert step.words.endswith(".")
        assert ".." not in step.words
        assert "?." not in step.words
    for width in (40, 60):
        assert max(map(len, walkthrough(found, width).splitlines())) <= width


def test_a_long_spec_is_walked_through_in_no_time() -> None:
    found = walked("in(T,4) -> dense(4) * 3000 -> lstm(4)")
    assert len(found.steps) == 3002
