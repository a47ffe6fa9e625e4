"""The blame: the layer that made a shape is pointed at, and how the shape came is told."""

from __future__ import annotations

import pytest

import seqtopo
from seqtopo.diag.model import Diagnostic


def found(spec: str) -> Diagnostic:
    (one,) = seqtopo.check(spec).diagnostics
    return one


def labelled(spec: str) -> dict[str, str]:
    """Return the labels of other places, each with its text."""
    return {spec[label.span.start : label.span.end]: label.text for label in found(spec).labels}


def test_the_recurrent_layer_that_dropped_the_steps_is_blamed_from_afar() -> None:
    spec = "in(T,8) -> gru(16) -> dropout(0.1) -> dense(4) -> lstm(8)"
    assert labelled(spec) == {"gru(16)": "gives (16,): only its last step"}


@pytest.mark.parametrize(
    ("spec", "blamed"),
    [
        ("in(T,8) -> bi(lstm(16)) -> norm -> lstm(8)", "bi(lstm(16))"),
        ("block = lstm(8)\nin(T,4) -> block -> lstm(3)", "lstm(8)"),
        ("enc = in(T,4) -> lstm(8)\nenc -> dense(3) -> conv1d(4,3)", "lstm(8)"),
        ("in(T,4) -> lstm(8) as h -> td(dense(3))", "lstm(8)"),
        ("def enc(U) = lstm(U)\nin(T,4) -> enc(8) -> relu -> gru(4)", "lstm(U)"),
        ("in(T,4) -> [lstm(8) -> td(dense(2)), lstm(3,seq)] -> concat", "lstm(8)"),
    ],
)
def test_it_is_blamed_in_every_form_of_a_flow(spec: str, blamed: str) -> None:
    assert "only its last step" in labelled(spec)[blamed]


@pytest.mark.parametrize(
    "spec",
    [
        "in(T,4) -> (lstm(8)) * 3",
        "in(T,4) -> lstm(U) for U in [8,4]",
        "def r(U) = lstm(U)\nin(T,4) -> r(8) -> r(4)",
    ],
)
def test_a_copy_of_itself_is_blamed_in_words(spec: str) -> None:
    assert found(spec).notes == ("the copy before it gives (8,): only its last step",)


def test_an_input_without_time_is_blamed() -> None:
    assert labelled("in(15) -> dense(4) -> lstm(8)") == {"in(15)": "gives (15,): no time axis"}


def test_values_that_do_not_merge_are_blamed_on_what_made_their_sizes() -> None:
    spec = "in(64,64,3) -> [id, conv2d(16,3,same) -> dropout(0.1)] -> add"
    assert labelled(spec) == {"in(64,64,3)": "gives (64, 64, 3)", "conv2d(16,3,same)": "gives (64, 64, 16)"}


def test_states_are_blamed_on_the_layers_that_have_them() -> None:
    spec = "enc = in(9,20) -> gru(64)\nin(5,20) -> lstm(64,init=enc.state)"
    assert labelled(spec) == {"gru(64)": "its state is (64,)"}


STACK = "in({},int) -> embed(500,100)" + " -> conv1d(128,5) -> maxpool1d(5)" * 2 + " -> conv1d(128,5)"


def test_where_time_runs_out_the_lengths_are_told() -> None:
    spec = STACK.format(50)
    notes = found(spec).notes
    assert "time runs out: 50 -> 46 -> 9 -> 5 -> 1" in notes
    assert "the layers up to here need an input of 149 steps or more" in notes
    assert labelled(spec) == {"maxpool1d(5)": "leaves 9 of 46 steps"}


def test_the_least_length_is_the_least() -> None:
    assert seqtopo.check(STACK.format(149)).ok
    assert not seqtopo.check(STACK.format(148)).ok


@pytest.mark.parametrize(
    ("spec", "least"),
    [
        ("in(5,2) -> conv1d(4,3,strides=2) -> conv1d(4,3,dilation_rate=2)", 11),
        ("in(6,2) -> maxpool1d(3) -> zero_padding1d(1) -> conv1d(4,7)", 15),
        ("in(9,2) -> upsample1d(2) -> maxpool1d(10) -> conv1d(4,3)", 15),
    ],
)
def test_the_least_length_goes_through_strides_dilations_and_paddings(spec: str, least: int) -> None:
    assert f"the layers up to here need an input of {least} steps or more" in found(spec).notes
    start, _, rest = spec.partition(",")
    assert seqtopo.check(f"in({least},{rest}").ok
    assert not seqtopo.check(f"in({least - 1},{rest}").ok
    assert start


def test_a_reshape_is_told_which_layers_changed_the_length() -> None:
    spec = "in(200,int) -> embed(100,16) -> conv1d(16,3) -> maxpool1d(2) -> reshape(20,16)"
    assert "needs 320 numbers a sample but is given (99, 16), which is 1584" in found(spec).message
    assert "the steps on the way here: 200 -> 198 -> 99" in found(spec).notes


def test_a_long_chain_is_shortened() -> None:
    spec = "in(60,1) -> " + " -> ".join(["conv1d(2,3)"] * 29) + " -> conv1d(2,9)"
    (note,) = (n for n in found(spec).notes if n.startswith("time runs out"))
    assert note.startswith("time runs out: 60 -> 58 -> 56")
    assert note.endswith("... -> 2")


def test_the_batch_axis_is_called_so() -> None:
    assert "it is the batch, whose samples must not mix" in found("in(6,100) -> mean(0)").message
