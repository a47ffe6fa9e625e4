"""Receptive fields: taps that see padding alone, and answers that see few of the steps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seqtopo.api import check
from seqtopo.lint.rules.lengths import _kernels
from seqtopo.lint.view import View
from seqtopo.report.analyse import analyse
from tests.support.lints import findings

FAR = "in(8,1) -> conv1d(8,2,causal,dilation_rate=8)"


def codes(spec: str, **dims: int) -> list[str]:
    return [d.code for d in check(spec, **dims).diagnostics]


def test_fault_e3_the_far_tap_only_ever_sees_padding() -> None:
    (found,) = check(FAR).diagnostics
    assert (found.code, found.severity) == ("ST616", "info")
    assert "the far tap of conv1d(8,2) only ever sees padding" in found.message
    assert "dilation_rate of 7 or less" in found.help
    assert not check(FAR.replace("=8)", "=7)")).diagnostics


def test_fault_e3_in_stacks_and_with_other_paddings() -> None:
    stack = "in(8,1) -> conv1d(8,2,causal,dilation_rate=D) for D in [1, 2, 4, 8]"
    assert codes(stack) == ["ST616"]
    assert codes(stack.replace(", 8]", "]")) == []
    assert codes("in(8,1) -> conv1d(8,3,same,dilation_rate=8)") == ["ST616"]
    assert codes("in(8,1) -> conv1d(8,31,same)") == ["ST616"]
    assert codes("in(8,2) -> separable_conv1d(8,3,same,dilation_rate=9)") == ["ST616"]
    assert codes("in(8,8,3) -> conv2d(4,3,same,dilation_rate=8)") == ["ST616"]
    assert codes("in(2,2,3) -> conv2d(4,3,same) -> conv2d(4,3,same)") == []


def test_fault_e3_steps_that_were_put_in_are_padding_too() -> None:
    assert findings("in(8,1) -> pad(8,0) -> conv1d(8,2,causal,dilation_rate=8)", "ST616")
    assert findings("in(8,1) -> zero_padding1d((16,0)) -> conv1d(8,2,dilation_rate=16)", "ST616")
    assert not findings("in(8,1) -> zero_padding1d((6,0)) -> conv1d(8,3,dilation_rate=3)", "ST616")
    assert not findings("in(8,1) -> pad(0,8) -> conv1d(8,2,causal,dilation_rate=8)", "ST616")


def test_fault_e3_a_size_that_is_bound_is_seen() -> None:
    spec = FAR.replace("in(8,", "in(T,")
    assert codes(spec) == []
    assert codes(spec, T=8) == ["ST616"]
    assert codes(spec, T=9) == []


@given(st.integers(1, 12), st.integers(2, 6), st.integers(1, 14), st.sampled_from(["causal", "same"]))
def test_fault_e3_taps_are_counted_as_keras_lays_them(
    length: int, size: int, rate: int, padding: str
) -> None:
    checked = analyse(f"in({length},1) -> conv1d(2,{size},{padding},dilation_rate={rate})")
    assert checked.resolved is not None
    assert checked.spec is not None
    (node,) = (view := View(checked.resolved, checked.spec)).calls
    (kernel,) = _kernels(view, node)
    whole = (size - 1) * rate
    left = whole if padding == "causal" else whole // 2
    seen = {t for t in range(size) for i in range(length) if 0 <= i - left + t * rate < length}
    assert kernel.dead == size - len(seen)


def test_fault_e7_an_answer_that_sees_few_of_the_declared_steps() -> None:
    spec = "in(100,1) -> conv1d(8,3,causal) -> at(-1) -> dense(1)"
    (found,) = findings(spec, "ST617")
    assert found.severity == "info"
    assert "the answer sees the last 3 of the 100 steps: the other 97 have no effect" in found.message
    assert codes(spec.replace("100", "T"), T=100) == ["ST617"]


def test_fault_e7_quiet_where_enough_is_seen_or_the_steps_were_chosen() -> None:
    for spec in (
        "in(5,1) -> conv1d(8,3,causal) -> at(-1) -> dense(1)",
        "in(100,1) -> conv1d(8,3,causal) -> gru(8) -> dense(1)",
        "in(100,1) -> conv1d(8,3,causal) -> gmaxpool1d -> dense(1)",
        "in(100,1) -> last(8) -> conv1d(8,8) -> flatten -> dense(1)",
        "in(100,1) -> last(8) -> conv1d(8,8) -> at(0) -> dense(1)",
        "in(16,1) -> conv1d(8,2,causal,dilation_rate=D) for D in [1, 2, 4, 8] -> at(-1)",
        "in(100,1) -> at(-1) -> dense(1)",
    ):
        assert not findings(spec, "ST617"), spec


def test_fault_e7_no_answer_is_said_to_see_more_steps_than_come_in() -> None:
    (one,) = check(FAR).receptive
    assert str(one) == "each answer reaches over 9 steps, more than the 8 that come in"
    (one,) = check(FAR.replace("=8)", "=7)")).receptive
    assert str(one) == "each answer sees 8 steps: its own and the 7 before it"
    assert check("in(1,8) -> conv1d(4,5,same) -> gavgpool1d").receptive == ()
