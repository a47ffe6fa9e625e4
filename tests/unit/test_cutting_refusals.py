"""Every way out that a refusal to cut a series names was tried: followed, the series is cut."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from seqtopo.data.spec_cutting import cut_for
from seqtopo.data.ways_to_cut import OTHERWISE, Asked
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


def refused(spec: str, asked: Asked, features: int) -> Diagnostic | None:
    array = np.random.default_rng(0).random((100, features))
    try:
        cut_for(spec, array, asked, {})
    except SpecError as error:
        return error.diagnostics[0]
    return None


def followed(words: str, asked: Asked) -> Asked:
    """What is asked for where these words of a help are followed."""
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
    if words.startswith(("leave out ", "and leave out ")):
        left = {"the horizon": "horizon", "the batch size": "batch_size"}
        for part in words.split("leave out ")[1].split(", ")[0].split(" and "):
            name = left.get(part, part)
            changes[name] = getattr(Asked(), name)
    if words == "leave it out":
        changes["remainder"] = None
    assert changes, words
    return replace(asked, **changes)


@pytest.mark.parametrize("spec", SPECS)
def test_fault_d6_each_way_out_of_a_refusal_cuts_the_series(spec: str) -> None:
    tried = 0
    for options, features in product(OPTIONS, (1, 4)):
        asked = Asked(**options)
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
    found = refused(spec, Asked(targets=[0]), features)
    assert found is not None
    assert "horizon=2" in found.help
    assert "targets=[0, 1]" in found.help
    assert [fix.title for fix in found.fixes] == ["end with dense(1)"]
    assert refused(spec, Asked(targets=[0], horizon=2), features) is None


def test_fault_d6_a_frame_is_cut_from_its_features() -> None:
    found = refused("in(6,2,2) -> flatten -> dense(4)", Asked(), 4)
    assert found is not None
    assert [fix.title for fix in found.fixes] == ["declare in(6,4) -> reshape(6,2,2)"]
