"""Ways out that keep what each axis counts: branches, steps taken as vectors, reshapes."""

from __future__ import annotations

import pytest

import seqtopo
from seqtopo.advice.verify_fixes import recheck
from seqtopo.graph.axis_contents import misread_axes


def ways(spec: str, code: str = "ST301") -> list[str]:
    """The spec with each fix of the one thing found made; each is tried."""
    (found,) = seqtopo.check(spec).diagnostics
    assert found.code == code, found.message
    made = [fix.apply(spec) for fix in found.fixes]
    assert all(seqtopo.check(text).ok for text in made), made
    return made


@pytest.mark.parametrize(
    ("spec", "first"),
    [
        (
            "[in(T,1) -> lstm(8), in(T,1) -> lstm(8)] -> concat -> lstm(16)",
            "[in(T,1) -> lstm(8,seq), in(T,1) -> lstm(8,seq)] -> concat -> lstm(16)",
        ),
        (
            "[in(9,1) -> lstm(8), in(9,1) -> bi(gru(4))] -> add -> dropout(0.1) -> bi(lstm(16))",
            "[in(9,1) -> lstm(8,seq), in(9,1) -> bi(gru(4,seq))] -> add -> dropout(0.1) -> bi(lstm(16))",
        ),
        ("in(T,1) -> [lstm(8), gru(8)] -> concat -> conv1d(4,3)",
         "in(T,1) -> [lstm(8,seq), gru(8,seq)] -> concat -> conv1d(4,3)"),
        ("r = lstm(8)\n[in(9,1) -> r, in(9,1) -> r] -> concat -> lstm(16)",
         "r = lstm(8,seq)\n[in(9,1) -> r, in(9,1) -> r] -> concat -> lstm(16)"),
        ("[in(9,1) -> lstm(8), in(7,1) -> lstm(8)] -> concat -> lstm(4)",
         "[in(9,1) -> lstm(8,seq), in(7,1) -> lstm(8,seq)] -> concat(time) -> lstm(4)"),
        ("[in(9,1) -> lstm(8), in(7,1) -> lstm(8)] -> attention",
         "[in(9,1) -> lstm(8,seq), in(7,1) -> lstm(8,seq)] -> attention"),
        ("[in(9,1) -> lstm(8), in(5)] -> concat -> lstm(16)",
         "[in(9,1) -> lstm(8,seq), in(5) -> repeat(9)] -> concat -> lstm(16)"),
        ("in(?,4) -> [lstm(8), gavgpool1d] -> concat -> lstm(3)",
         "in(?,4) -> [lstm(8,seq), id] -> concat -> lstm(3)"),
        ("[[in(9,1) -> lstm(8), in(9,1) -> lstm(8)] -> add, in(9,2) -> gru(4)] -> concat -> mha(2,4)",
         "[[in(9,1) -> lstm(8,seq), in(9,1) -> lstm(8,seq)] -> add, in(9,2) -> gru(4,seq)] -> concat -> "
         "mha(2,4)"),
        ("in(9,9,9,1) -> [convlstm2d(4,3,same), convlstm2d(4,5,same)] -> concat -> convlstm2d(2,3)",
         "in(9,9,9,1) -> [convlstm2d(4,3,same,seq), convlstm2d(4,5,same,seq)] -> concat -> convlstm2d(2,3)"),
    ],
)  # fmt: skip
def test_fault_e1_all_branches_of_a_merge_keep_their_steps_at_once(spec: str, first: str) -> None:
    assert ways(spec)[0] == first


def test_fault_e1_the_labels_point_at_each_branch_that_forgot_its_steps() -> None:
    spec = "[in(T,1) -> lstm(8), in(T,1) -> gru(8)] -> concat -> lstm(16)"
    (found,) = seqtopo.check(spec).diagnostics
    pointed = [spec[label.span.start : label.span.end] for label in found.labels]
    assert pointed == ["lstm(8)", "gru(8)"]
    assert found.fixes[0].title == "add seq to lstm and gru, to keep their steps"


def test_fault_e1_a_merge_of_a_merge_and_a_sequence() -> None:
    spec = "[[in(9,1) -> lstm(8), in(9,1) -> lstm(8)] -> concat, in(9,2) -> gru(4,seq)] -> concat -> gru(5)"
    first = ways(spec, "ST303")[0]
    assert first.count("lstm(8,seq)") == 2


@pytest.mark.parametrize(
    ("wrong", "labels", "right"),
    [
        ("[in(20,3) -> lstm(32), in(20,3) -> lstm(32)] -> concat -> dense(1)", "(20,1)",
         "[in(20,3) -> lstm(32,seq), in(20,3) -> lstm(32,seq)] -> concat -> dense(1)"),
        ("[in(20,3) -> lstm(32,seq), in(20,3) -> gru(32,seq)] -> add -> td(dense(1))", "(1)",
         "[in(20,3) -> lstm(32), in(20,3) -> gru(32)] -> add -> dense(1)"),
    ],
)  # fmt: skip
def test_fault_e1_labels_keep_or_end_the_steps_of_all_branches(wrong: str, labels: str, right: str) -> None:
    train = f"\ntrain adam, loss=mse, labels={labels}"
    assert ways(wrong + train, "ST703")[0] == right + train


def test_an_open_length_is_named_and_not_made_up() -> None:
    made = ways("a = in(?,4) -> lstm(8)\n[a, in(5)] -> concat -> lstm(3)")
    assert "a = in(T,4) -> lstm(8,seq)\n[a, in(5) -> repeat(T)] -> concat -> lstm(3)" in made
    assert not any("repeat(10)" in text for text in made)


@pytest.mark.parametrize(
    ("spec", "right"),
    [
        ("in(4,256) as s\nin(9,3) -> lstm(256,init=[s -> slice(0,1), s -> slice(1,2)])",
         "in(4,256) as s\nin(9,3) -> lstm(256,init=[s -> at(0), s -> at(1)])"),
        ("s = in(4,256)\nh = s -> slice(0,1)\nc = s -> last(1)\nin(9,3) -> lstm(256,init=[h,c])",
         "s = in(4,256)\nh = s -> at(0)\nc = s -> at(-1)\nin(9,3) -> lstm(256,init=[h,c])"),
        ("s = in(2,256)\nin(9,3) -> lstm(256,init=s)",
         "s = in(2,256)\nin(9,3) -> lstm(256,init=[s -> at(0), s -> at(1)])"),
        ("s = in(1,256)\nin(9,3) -> gru(256,init=s)", "s = in(1,256)\nin(9,3) -> gru(256,init=s -> at(0))"),
        ("s = in(4,64)\nin(9,3) -> gru(64,init=s -> first(1) -> dense(64,tanh))",
         "s = in(4,64)\nin(9,3) -> gru(64,init=s -> at(0) -> dense(64,tanh))"),
    ],
)  # fmt: skip
def test_fault_e5_a_step_is_taken_out_of_a_sequence_for_a_state(spec: str, right: str) -> None:
    assert ways(spec, "ST304")[0] == right


@pytest.mark.parametrize(
    ("spec", "code", "right"),
    [
        ("in(9,3) -> lstm(4,seq) -> last(1) -> repeat(5) -> lstm(3,seq)", "ST301",
         "in(9,3) -> lstm(4,seq) -> at(-1) -> repeat(5) -> lstm(3,seq)"),
        ("a = in(9,3) -> lstm(4,seq)\n[a -> slice(3,4), in(5)] -> concat -> dense(2)", "ST303",
         "a = in(9,3) -> lstm(4,seq)\n[a -> at(3), in(5)] -> concat -> dense(2)"),
    ],
)  # fmt: skip
def test_fault_e5_a_sequence_of_one_step_where_a_vector_is_wanted(spec: str, code: str, right: str) -> None:
    assert ways(spec, code)[0] == right


@pytest.mark.parametrize(
    ("spec", "labels", "right"),
    [
        ("in(20,3) -> lstm(32,seq) -> dense(30)", "(20,10,3)", " -> reshape(20,10,3)"),
        ("in(T,3) -> lstm(32,seq) -> dense(30)", "(T,10,3)", " -> reshape(T,10,3)"),
        ("in(?,3) -> lstm(32,seq) -> td(dense(30))", "(?,10,3)", " -> reshape(?,10,3)"),
        ("in(20,3) -> lstm(32) -> dense(30)", "(10,3)", " -> reshape(10,3)"),
        ("in(20,3) -> lstm(32) -> dense(60)", "(4,5,3)", " -> reshape(4,5,3)"),
        ("in(20,3) -> lstm(32,seq) -> dense(3)", "(4,5,3)", " -> reshape(4,5,3)"),
        ("in(20,3) -> lstm(32,seq) -> dense(3)", "(60)", " -> flatten"),
        ("in(8,8,3) -> conv2d(6,3,same)", "(64,6)", " -> reshape(64,6)"),
        ("in(20,3) -> lstm(32,seq) -> dense(10)", "(10,20)", " -> permute(2,1)"),
    ],
)
def test_fault_a17_labels_with_the_same_numbers_get_their_axes(spec: str, labels: str, right: str) -> None:
    train = f"\ntrain adam, loss=mse, labels={labels}"
    assert ways(spec + train, "ST702")[0] == spec + right + train


def test_fault_a17_a_softmax_stays_behind_the_axes_that_it_works_on() -> None:
    train = "\ntrain adam, loss=sparse_categorical_crossentropy, labels=(10,int(3))"
    (right, *_) = ways(f"in(20,3) -> lstm(32) -> dense(30,softmax){train}", "ST702")
    assert right == f"in(20,3) -> lstm(32) -> dense(30) -> reshape(10,3) -> softmax{train}"


def test_fault_a17_another_width_is_answered_whole_and_cut() -> None:
    train = "\ntrain adam, loss=mse, labels=(20,10,3)"
    made = ways(f"in(20,3) -> lstm(32,seq) -> dense(32){train}", "ST702")
    assert made == [f"in(20,3) -> lstm(32,seq) -> dense(10*3) -> reshape(20,10,3){train}"]


def test_fault_a17_with_data() -> None:
    import numpy as np

    spec = "in(20,3) -> lstm(32,seq) -> dense(30)"
    report = seqtopo.check(spec, x=np.zeros((4, 20, 3), "float32"), y=np.zeros((4, 20, 10, 3), "float32"))
    (found,) = (d for d in report.diagnostics if d.severity == "error" or d.fixes)
    assert found.fixes[0].apply(spec) == f"{spec} -> reshape(20,10,3)"


_FRAMES = "in(12,2,4,1) -> convlstm2d(16,(3,2),same) -> flatten -> repeat(6)"


def test_fault_a18_a_reshape_undoes_the_flatten_and_keeps_the_steps() -> None:
    made = ways(f"{_FRAMES} -> reshape(6,4,1,16)", "ST307")
    assert made[0] == f"{_FRAMES} -> reshape(6,2,4,16)"
    assert not any("reshape(?" in text for text in made)


def test_fault_a18_a_layer_of_frames_behind_a_flatten_gets_its_axes_back() -> None:
    assert ways(f"{_FRAMES} -> convlstm2d(4,1)") == [f"{_FRAMES} -> reshape(6,2,4,16) -> convlstm2d(4,1)"]
    (made,) = ways("in(5,28,28,1) -> td(conv2d(8,3) -> flatten) -> lstm(10,seq) -> td(conv2d_transpose(1,3))")
    assert "-> dense(26*26*8) -> reshape(5,26,26,8) -> td(conv2d_transpose(1,3))" in made


@pytest.mark.parametrize(
    ("spec", "misread"),
    [
        ("in(9,3) -> lstm(4,seq) -> last(1) -> dense(1)", 0),
        ("in(9,3) -> lstm(4) -> last(1) -> dense(1)", 1),
        (f"{_FRAMES} -> reshape(6,2,4,16) -> convlstm2d(4,1)", 0),
        (f"{_FRAMES} -> reshape(12,4,1,16) -> convlstm2d(4,1)", 1),
        (f"{_FRAMES} -> reshape(12,4,1,16)", 1),
        ("in(24,3) -> reshape(4,18) -> lstm(5)", 0),
        ("in(24,3) -> reshape(36,2) -> lstm(5)", 1),
        ("in(12,7,5) -> reshape(7,60) -> gru(8)", 1),
        ("in(12,7,5) -> permute(2,1,3) -> reshape(7,60) -> gru(8)", 0),
        ("in(7) -> reshape(7,1) -> lstm(3)", 0),
        ("in(7) -> expand(-1) -> lstm(3)", 0),
        ("in(7) -> dense(30) -> reshape(10,3) -> lstm(3)", 0),
        ("in(9,int(5)) -> embed(5,8) -> reshape(8,9) -> lstm(3)", 1),
        ("in(8,8,3) -> conv2d(4,3) -> reshape(36,4) -> lstm(3)", 0),
    ],
)
def test_fault_a18_what_a_layer_takes_for_its_steps(spec: str, misread: int) -> None:
    graph = recheck(spec).graph
    assert graph is not None
    assert misread_axes(graph) == misread


@pytest.mark.parametrize(
    ("spec", "right"),
    [
        ("in(10,5) -> td(lstm(8)) -> dense(1)", "in(10,5) -> lstm(8) -> dense(1)"),
        ("in(20,8) -> td(lstm(16)) -> lstm(8)", "in(20,8) -> lstm(16,seq) -> lstm(8)"),
        ("in(?,int) -> embed(9,32) -> td(conv1d(8,3))", "in(?,int) -> embed(9,32) -> conv1d(8,3)"),
        ("in(20,4) -> lstm(8,seq) -> conv2d(4,3)", "in(20,4) -> lstm(8,seq) -> conv1d(4,3)"),
        ("in(28,28,3) -> conv2d(4,3) -> maxpool1d(2)", "in(28,28,3) -> conv2d(4,3) -> maxpool2d(2)"),
    ],
)
def test_a_layer_for_other_axes_has_its_variant(spec: str, right: str) -> None:
    assert ways(spec)[0] == right


@pytest.mark.parametrize(
    ("labels", "right"),
    [("(2,9,9)", "permute(3,1,2)"), ("(9,2,9)", "permute(1,3,2)")],
)
def test_fault_a17_labels_with_two_equal_sides_turn_the_axes(labels: str, right: str) -> None:
    train = f"\ntrain adam, loss=mse, labels={labels}"
    assert ways(f"in(9,9,3) -> conv2d(2,3,same){train}", "ST702")[0].startswith(
        f"in(9,9,3) -> conv2d(2,3,same) -> {right}"
    )


@pytest.mark.parametrize("spec", ["[in(), in()] -> concat", "in() -> norm", "in(3) -> mean(1) -> sum(1)"])
def test_a_value_without_axes_is_told_to_take_one(spec: str) -> None:
    (found,) = seqtopo.check(spec).diagnostics
    assert found.code == "ST312"
    assert "has no axis to work along" in found.message
    assert "-> reshape(1) before" in (found.help or "")
    assert seqtopo.check("[in() -> reshape(1), in() -> reshape(1)] -> concat").ok
