"""Mistakes that people made: each is told by its cause, with a way out; what was meant is left in peace."""

from __future__ import annotations

import numpy as np
import pytest

import seqtopo
from seqtopo.diag.codes import CODES
from tests.support.mistakes import Mistake, Trial, array, judge, mistakes, out_of_reach, trials

WRONG = [
    pytest.param(mistake, trial, id=f"{mistake.id}-{trial.way}")
    for mistake in mistakes()
    if mistake.wrong.spec
    for trial in trials(mistake)
]
RIGHT = [
    pytest.param(mistake, trial, id=f"{mistake.id}-{trial.way}")
    for mistake in mistakes()
    for trial in trials(mistake, right=True)
]


def test_the_ledger_is_whole() -> None:
    ids = [mistake.id for mistake in mistakes()] + [case["id"] for case in out_of_reach()]
    assert len(ids) == len(set(ids)) > 200
    assert sum(mistake.source.startswith("https://") for mistake in mistakes()) == 61
    assert sum(mistake.when == "silent" for mistake in mistakes()) > 50


@pytest.mark.parametrize("mistake", mistakes(), ids=lambda mistake: mistake.id)
def test_a_case_says_what_is_to_be_said(mistake: Mistake) -> None:
    assert set(mistake.codes) <= set(CODES)
    assert bool(mistake.wrong.spec) == bool(mistake.cause)
    assert bool(mistake.codes) == bool(mistake.wrong.spec and not mistake.open)
    assert mistake.fix in ("same", "checks", "says")


@pytest.mark.parametrize("case", out_of_reach(), ids=lambda case: case["id"])
def test_what_is_out_of_reach_says_why(case: dict[str, str]) -> None:
    assert case["why"]
    if "right" in case:
        assert not seqtopo.check(case["right"]).diagnostics


@pytest.mark.parametrize(("mistake", "trial"), WRONG)
def test_a_mistake_is_told_with_its_cause_and_a_way_out(mistake: Mistake, trial: Trial) -> None:
    verdict = judge(mistake, trial)
    told = (verdict.cause, verdict.fix)
    if mistake.open:
        assert told != (True, True), "it is caught now: take its open away"
    else:
        assert told == (True, True), f"{verdict.fixes} {verdict.report}"


@pytest.mark.parametrize(("mistake", "trial"), RIGHT)
def test_what_was_meant_is_left_in_peace(mistake: Mistake, trial: Trial) -> None:
    loud = [d for d in trial.check().diagnostics if d.severity != "info"]
    assert bool(loud) == bool(mistake.right_says), [d.message for d in loud]


def test_data_is_the_same_each_time_and_reaches_both_ends() -> None:
    ids = array("(4,6) i[2,9)", np.random.default_rng(3))
    assert (ids.min(), ids.max()) == (2, 8)
    assert (ids == array("(4,6) i[2,9)", np.random.default_rng(3))).all()
    assert (array("(5,7) hot", np.random.default_rng(3)).sum(-1) == 1).all()


def test_a_mistake_that_nobody_tells_would_be_noticed() -> None:
    case = next(mistake for mistake in mistakes() if mistake.id == "stack-lstm-no-seq")
    fine = Trial("spec", case.right.spec)
    assert not judge(case, fine).caught
