"""Warn of what meant something else in the version before; each rule stays for one version."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.advice.verify_fixes import Trial
from seqtopo.diag.model import Edit, Fix
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.view import View
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

MOST = 10
"""So many loops of one spec are read the old way: each is a check of its own."""


@rule("ST683")
def branches_of_loop(view: View) -> Iterator[Finding]:
    """A bare ``for`` in a list that could be read as a row, as it was before."""
    trial = Trial.of(view.resolved)
    if not trial.is_worth_it:
        return
    for written, turns, _ in list(view.resolved.written.branches.values())[:MOST]:
        row = _as_row(written)
        if turns < 2 or not trial.checks(row):
            continue
        last = written.body.steps[-1] if isinstance(written.body, tree.Flow) else written.body
        short = print_expr(last)
        yield Finding(
            Span(written.loops[0].span.start, written.loops[-1].span.end),
            f"this 'for' makes {turns} branches side by side; until now it meant "
            + (f"{short}, {turns} times in a row" if len(short) < 40 else f"{turns} steps in a row"),
            label=f"{turns} branches",
            help="leave it if branches are meant; a row stands in parentheses: [(FLOW for D in [1,2,4])]",
            fixes=(row,),
        )


def _as_row(written: tree.Branches) -> Fix:
    """The fix that makes of branches what stood for a row before: a loop over the last step."""
    last = written.body.steps[-1] if isinstance(written.body, tree.Flow) else written.body
    start, end = last.span.start, written.span.end
    return Fix("write the row that it was", (Edit(Span(start, start), "("), Edit(Span(end, end), ")")))
