"""Every way out that a refusal to cut a series names was tried: followed, the series is cut."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from seqtopo.data.cut_options import OTHERWISE, CutOptions
from seqtopo.data.spec_cutting import cut_for
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic

SPECS = (
    "in(6,1) -> lstm(2)",
    "in(6,1) -> lstm(3,seq)",
    "in(6,4) -> lstm(1)",
    "in(6,4) -> lstm(2)",
    "in(6,4) -> lstm(8) -> dense(2)",
    "in(6,4) -> lstm(8)",
    "in(6,4) -> lstm(5,seq)",
    "in(6,4) -> lstm(8,seq) -> last(2)",
    "in(6,4) -> lstm(8) -> repeat(3) -> lstm(2,seq)",
    "in(6,4) -> bi(lstm(2,seq))",
    "in(6,4) -> conv1d(4,3)",
    "in(6) -> dense(1)",
    "in(6,2,2) -> flatten -> dense(4)",
    "in(?,4) -> lstm(4)",
    "in(T,F) -> lstm(4) -> dense(1)",
    "in(6,4,batch=4) -> lstm(4,stateful)",
)
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"targets": [0]},
    {"targets": [0, 1]},
    {"horizon": 2},
    {"targets": [0], "horizon": 2},
    {"answers": "next"},
    {"answers": "same"},
    {"answers": "ahead"},
    {"steps": 9},
    {"batch_size": 5},
    {"stride": 2},
    {"shuffle": True},
    {"remainder": "pad"},
    {"horizon": 3, "answers": "same"},
)


def refused(spec: str, asked: CutOptions, features: int, steps: int = 100) -> Diagnostic | None:
    array = np.random.default_rng(0).random((steps, features))
    try:
        cut_for(spec, array, asked, {})
    except SpecError as error:
        return error.diagnostics[0]
    return None


def followed(words: str, asked: CutOptions) -> CutOptions:
    """Return the options that these words of a help mean."""
    changes: dict[str, Any] = {}
    if found := re.search(r"targets=\[(.*?)\]", words):
        changes["targets"] = [int(name) for name in found[1].split(", ")]
        assert re.findall(r"--target (\d+)", words) == found[1].split(", ")
    for name in ("horizon", "steps"):
        if found := re.search(rf"{name}=(\d+) in Python, --{name} (\d+)", words):
            assert found[1] == found[2]
            changes[name] = int(found[1])
    if found := re.search(r'(answers|remainder)="(\w+)"', words):
        changes[found[1]] = found[2]
        changes.update(horizon=None) if found[1] == "answers" else None
    if found := re.search(r"batches of (\d+)", words):
        changes["batch_size"] = int(found[1])
    if words.startswith(("leave out ", "and leave out ")):
        left = {"the horizon": "horizon", "the batch size": "batch_size"}
        for part in words.split("leave out ")[1].split(", ")[0].split(" and "):
            name = left.get(part, part)
            changes[name] = getattr(CutOptions(), name)
    if words == "leave it out":
        changes["remainder"] = None
    assert changes, words
    return replace(asked, **changes)


@pytest.mark.parametrize("spec", SPECS)
def test_fault_d6_each_way_out_of_a_refusal_cuts_the_series(spec: str) -> None:
    tried = 0
    for options, features in product(OPTIONS, (1, 4)):
        asked = CutOptions(**options)
        found = refused(spec, asked, features)
        if found is None or found.code != "ST727":
            continue
        assert found.help or found.fixes
        with_fix = asked
        for words in found.help.split("; or ") if found.help not in ("", OTHERWISE) else ():
            if words.startswith("and "):
                with_fix = followed(words, asked)
            elif "by steps in Python" not in words and words != "take stateful out of the spec":
                assert refused(spec, followed(words, asked), features) is None, (options, features, words)
                tried += 1
        for fix in found.fixes:
            assert refused(fix.apply(spec), with_fix, features) is None, (options, features, fix.title)
            tried += 1
    assert tried


@pytest.mark.parametrize("features", [3, 4])
def test_fault_d6_numbers_that_may_be_steps_or_features_are_asked_about(features: int) -> None:
    spec = f"in(6,{features}) -> lstm(2)"
    found = refused(spec, CutOptions(targets=[0]), features)
    assert found is not None
    assert "horizon=2" in found.help
    assert "targets=[0, 1]" in found.help
    assert [fix.title for fix in found.fixes] == ["end with dense(1)"]
    assert refused(spec, CutOptions(targets=[0], horizon=2), features) is None


def test_fault_d6_a_frame_is_cut_from_its_features() -> None:
    found = refused("in(6,2,2) -> flatten -> dense(4)", CutOptions(), 4)
    assert found is not None
    assert [fix.title for fix in found.fixes] == ["declare in(6,4) -> reshape(6,2,2)"]


SHORT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("in(24,3) -> lstm(4) -> dense(3)", {}),
    ("in(24,F) -> lstm(4) -> dense(F)", {}),
    ("in(T,3) -> lstm(4) -> dense(3)", {"steps": 30}),
    ("in(18,3) -> lstm(4) -> dense(36)", {"horizon": 12}),
    ("in(8,3) -> lstm(4) -> dense(39)", {"horizon": 13}),
    ("in(16,3) -> lstm(4,seq) -> dense(3)", {"answers": "ahead"}),
    ("in(T,3) -> lstm(4,seq) -> dense(3)", {"answers": "ahead", "steps": 15}),
    ("in(5,3,batch=16) -> lstm(4) -> dense(3)", {}),
    ("in(5,3) -> lstm(4) -> dense(3)", {"remainder": "drop", "batch_size": 17}),
    ("in(5,3) -> lstm(4) -> dense(3)", {"remainder": "error"}),
    ("in(12,3,batch=2) -> lstm(4,stateful) -> dense(3)", {}),
    ("in(7,3,batch=2) -> lstm(4,stateful) -> dense(3)", {"remainder": "error"}),
)


@pytest.mark.parametrize(("spec", "options"), SHORT, ids=lambda one: str(one))
def test_fault_d6_each_way_out_of_a_series_that_is_too_short_cuts_it(
    spec: str, options: dict[str, Any]
) -> None:
    asked, features = CutOptions(**options), 3
    found = refused(spec, asked, features, 20)
    assert found is not None
    assert found.code in ("ST724", "ST726")
    *words, last = found.help.split("; or ")
    assert last.startswith("take a ")
    assert words or found.fixes
    for way in words:
        assert refused(spec, followed(way, asked), features, 20) is None, way
    for fix in found.fixes:
        assert refused(fix.apply(spec), asked, features, 20) is None, fix.title


def test_fault_d6_where_no_other_size_helps_none_is_named() -> None:
    found = refused("in(4,3) -> lstm(4) -> dense(3)", CutOptions(), 3, 1)
    assert found is not None
    assert (found.code, found.help, found.fixes) == ("ST724", "take a longer series", ())
