"""Laws of the ways out, over every mistake of the ledger and every page of a code.

Where a fix leaves a spec that checks, no layer in it takes for its time steps what is something else, and a
``reshape`` that it writes keeps their number, or says what becomes of it.
"""

from __future__ import annotations

import re
from functools import cache

import pytest

import seqtopo
from seqtopo.advice.verify_fixes import recheck
from seqtopo.diag.model import Fix
from seqtopo.diag.pages import pages
from seqtopo.graph.axis_contents import misread_axes
from seqtopo.graph.graph import Graph
from tests.support.mistakes import mistakes, trials


@cache
def _cases() -> dict[str, str]:
    found = {page.code.code: page.example for page in pages() if page.example}
    for mistake in mistakes():
        for trial in trials(mistake) if mistake.wrong.spec else ():
            if not trial.x and not trial.y:
                found[f"{mistake.id}-{trial.way}"] = trial.text
    return found


@cache
def _fixes(spec: str) -> tuple[Fix, ...]:
    return tuple(fix for diagnostic in seqtopo.check(spec).diagnostics for fix in diagnostic.fixes)


def _reshapes(graph: Graph) -> list[tuple[str, str]]:
    """The first sizes that come into each reshape of a sequence, and out of it."""
    found = []
    for node in graph.nodes:
        came = graph.tensor(node.inputs[0]) if node.inputs else None
        if node.layer is None or node.layer.row.name != "reshape" or came is None or not node.outputs:
            continue
        if len(came.shape) > 1:
            found.append((str(came.shape[0]), str(node.outputs[0].shape[0])))
    return found


@pytest.mark.parametrize("spec", [pytest.param(spec, id=name) for name, spec in _cases().items()])
def test_fault_a18_no_fix_changes_what_the_first_axis_counts(spec: str) -> None:
    before = recheck(spec).graph
    for fix in _fixes(spec):
        after = recheck(fix.apply(spec)).graph
        if after is None:
            continue
        assert misread_axes(after) <= (0 if before is None else misread_axes(before)), fix.title
        said = set(re.findall(r"\w+", f"{fix.title} {spec}"))
        if any("reshape(" in edit.text for edit in fix.edits):
            assert all(came == gives or gives in said for came, gives in _reshapes(after)), fix.title


def test_there_are_fixes_to_judge() -> None:
    assert sum(len(_fixes(spec)) for spec in _cases().values()) > 300
