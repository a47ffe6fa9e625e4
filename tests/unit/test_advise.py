"""The resolver records what it refuses; causes, ways out and labels are found by passes behind it."""

from __future__ import annotations

import numpy as np
import pytest

import seqtopo
from seqtopo.advice.advise import advise
from seqtopo.advice.verify_fixes import Trial
from seqtopo.diag.model import Edit, Fix
from seqtopo.graph.resolver import Resolution, resolve
from seqtopo.labels.check_labels import check_labels
from seqtopo.layers import registry
from seqtopo.source import Source, Span
from seqtopo.syntax.parse import parse

WRONG = "in(T,8) -> lstm(64) -> lstm(32)"


def resolution(text: str) -> Resolution:
    """Return the resolution of a text, by the resolver alone."""
    source = Source(text)
    spec, found = parse(source)
    assert spec is not None
    assert not found
    return resolve(spec, source)


def test_the_resolver_only_records() -> None:
    found = resolution(WRONG)
    assert found.resolved is None
    [refused] = found.refusals
    assert (refused.code, refused.takes, refused.fixes, refused.labels) == ("ST301", 2, (), ())


def test_advice_is_a_pass_over_the_record() -> None:
    found = resolution(WRONG)
    [plain], [advised] = found.diagnostics, advise(found)
    assert (plain.code, plain.message, plain.span) == (advised.code, advised.message, advised.span)
    assert not plain.fixes
    assert advised.fixes[0].apply(WRONG) == "in(T,8) -> lstm(64,seq) -> lstm(32)"


def test_labels_are_a_pass_over_what_was_resolved() -> None:
    found = resolution("in(24,3) -> lstm(8,seq) -> dense(1)\ntrain adam, loss=mse, labels=(1)").resolved
    assert found is not None
    [alone] = check_labels(found)
    [tried] = check_labels(found, trial=Trial.of(found))
    assert alone.code == tried.code == "ST703"
    assert not alone.fixes
    assert tried.fixes


def test_a_text_is_checked_once_for_several_fixes() -> None:
    graph = resolution(WRONG).graph
    trial = Trial(WRONG, graph, {})
    assert trial.recheck(WRONG) is trial.recheck(WRONG)
    assert trial.recheck(WRONG) is not Trial(WRONG, graph, {"T": 3}).recheck(WRONG)


TWO_FLOWS = "a = in(T,8) -> {}\nin(T,8) -> lstm(8) -> lstm(4)\n"


def test_ways_out_do_not_go_by_a_check_with_an_equal_value_of_another_kind() -> None:
    spec = TWO_FLOWS.format("dense(N)")
    assert [d.code for d in seqtopo.check(spec, N=2.0).diagnostics] == ["ST203", "ST301"]
    [found] = seqtopo.check(spec, N=2).diagnostics
    assert len(found.fixes) == 2


def test_ways_out_do_not_go_by_a_check_before_a_layer_was_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "_custom", dict(registry._custom))
    spec = TWO_FLOWS.format("registered_late")
    assert [d.code for d in seqtopo.check(spec).diagnostics] == ["ST201", "ST301"]
    seqtopo.layer(shape="T F -> T F", name="registered_late")(lambda: None)
    [found] = seqtopo.check(spec).diagnostics
    assert len(found.fixes) == 2


def test_a_fix_that_leaves_an_error_does_not_check() -> None:
    found = resolution("in(T,8) -> lstm(64,seq) -> lstm(32)").resolved
    assert found is not None
    trial = Trial.of(found)
    assert trial.checks(Fix("other units", (Edit(Span(16, 18), "16"),)))
    assert not trial.checks(Fix("no steps", (Edit(Span(18, 22), ""),)))


@pytest.mark.parametrize("spec", ["in(?,4) -> conv1d(3,5)", "in(?,4) -> conv1d(3,5) -> lstm(2)"])
def test_ways_out_are_tried_with_the_sizes_of_the_data(spec: str) -> None:
    x = np.zeros((9, 3, 4), "float32")
    [found] = seqtopo.check(spec, x=x).diagnostics
    assert found.code == "ST306"
    assert found.fixes
    for fix in found.fixes:
        assert seqtopo.check(fix.apply(spec), x=x).ok, fix.title
