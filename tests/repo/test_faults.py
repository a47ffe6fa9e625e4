"""Each fault that users found has a test that bears its number."""

from __future__ import annotations

import re

from tests.support.imports import ROOT

FAULTS = {"a": 18, "b": 9, "d": 15, "e": 7, "f": 12}
"""The groups of faults, and how many are in each, numbered from 1; 0 and c are faults alone."""


def test_each_fault_that_users_found_has_a_test() -> None:
    named: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        for ids in re.findall(r"def test_fault_((?:(?:0|c|[a-f]\d+)_)+)", path.read_text(encoding="utf-8")):
            named.update(ids.split("_"))
    numbered = [f"{group}{i}" for group, most in FAULTS.items() for i in range(1, most + 1)]
    assert [fault for fault in ("0", "c", *numbered) if fault not in named] == []
