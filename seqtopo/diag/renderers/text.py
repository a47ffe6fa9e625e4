"""Render diagnostics for a terminal: the source line, marks under it, words at the marks, and fixes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from seqtopo.diag.model import Diagnostic, Severity
from seqtopo.diag.renderers.cells import Row, Style, paint, shortened, visible, wrap
from seqtopo.diag.renderers.picture import MOST_LABELS, marks_of, picture
from seqtopo.diag.renderers.repair import hunks_of, repair_rows
from seqtopo.source import clamped

NARROWEST = 20
_MOST_WORDS = 2000


def render_text(
    diagnostics: Sequence[Diagnostic], *, width: int | None = 80, color: bool = False, context: int = 0
) -> str:
    """Return the diagnostics as pictures, with a last line that counts them; an empty text where there are
    none.

    ``width`` is that of the terminal in columns (20 at least), None for words that are not wrapped;
    ``color`` adds ANSI colours and nothing else; ``context`` is how many more lines of the source to show
    around the place.

    >>> from seqtopo.source import Source, Span
    >>> bad = Diagnostic("ST201", "there is no layer called lstn", Span(11, 15), label="did you mean lstm?",
    ...                  source=Source("in(T,F) -> lstn(64)", "spec.txt"))
    >>> print(render_text([bad]), end="")
    error[ST201]: there is no layer called lstn
     --> spec.txt:1:12
    1 | in(T,F) -> lstn(64)
      |            ^^^^ did you mean lstm?
    <BLANKLINE>
    1 error
    """
    if not diagnostics:
        return ""
    width = None if width is None else max(width, NARROWEST)
    rows: list[Row] = []
    for diagnostic in diagnostics:
        rows += _rows(diagnostic, width, context)
        rows.append(())
    rows.append(((summary(diagnostics), "strong"),))
    return paint(rows, color)


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """Return the number of diagnostics of each severity in words, the gravest first.

    >>> from seqtopo.source import Span
    >>> summary([Diagnostic("ST201", "", Span(0, 0)), Diagnostic("ST305", "", Span(0, 0), "warning")])
    '1 error, 1 warning'
    """
    counts = Counter(diagnostic.severity for diagnostic in diagnostics)
    words: tuple[tuple[Severity, str], ...] = (
        ("error", "errors"),
        ("warning", "warnings"),
        ("info", "infos"),
    )
    return ", ".join(
        f"{counts[one]} {one if counts[one] == 1 else many}" for one, many in words if counts[one]
    )


def _rows(diagnostic: Diagnostic, width: int | None, context: int) -> list[Row]:
    source = diagnostic.source
    style: Style = diagnostic.severity
    head = f"{diagnostic.severity}[{diagnostic.code}]"
    rows = _worded(((head, style), (": ", "strong")), diagnostic.message, "strong", width, hang=2)
    hunks = [hunks_of(fix, source) if source else [] for fix in diagnostic.fixes]
    gutter = 1
    if source:
        marks = marks_of(diagnostic, source)
        numbers = [mark.line for mark in marks] + [hunk.last_number for group in hunks for hunk in group]
        last = max(mark.line for mark in marks if mark.primary)
        gutter = len(str(max(*numbers, min(last + max(context, 0), source.lines))))
        place = source.place(clamped(source, diagnostic.span).start)
        where = f"{visible(source.name)}:{place.line}:{place.column}"
        rows.append(((" " * gutter + "--> ", "frame"), (where, "plain")))
        room = None if width is None else width - gutter - len(" | ")
        if source.text or diagnostic.label:
            rows += picture(source, marks, style, gutter=gutter, room=room, context=context)
    notes = list(diagnostic.notes)
    if len(diagnostic.labels) > MOST_LABELS:
        notes.append(f"and {len(diagnostic.labels) - MOST_LABELS} more places")
    for note in notes:
        rows += _worded(((" " * (gutter + 1) + "= ", "frame"), ("note: ", "strong")), note, "plain", width)
    if diagnostic.help and diagnostic.help not in [fix.title for fix in diagnostic.fixes]:
        rows += _worded((("help: ", "help"),), diagnostic.help, "plain", width)
    for fix, group in zip(diagnostic.fixes, hunks, strict=True):
        rows += _worded((("help: ", "help"),), fix.title, "plain", width)
        rows += repair_rows(group, gutter=gutter, room=None if width is None else width - gutter - len(" | "))
    return rows


def _worded(head: Row, words: str, style: Style, width: int | None, hang: int | None = None) -> list[Row]:
    """Return words behind a head, wrapped; lines after the first begin under the words or at ``hang``.

    A line after the first that begins with two spaces is a command in a help: it is left whole, so that it
    can be pasted.
    """
    ahead = sum(len(text) for text, _ in head)
    indent = ahead if hang is None else hang
    if width is not None:
        indent = min(indent, width // 4)
    rows: list[Row] = []
    for line in shortened(words, _MOST_WORDS).split("\n"):
        line = visible(line.rstrip("\r"))
        # The first line begins further to the right: a stand-in for its head takes part in the wrapping.
        stand_in = "_" * (ahead - indent) if not rows else ""
        command = bool(rows) and line.startswith("  ") and head[0][0] == "help: "
        first, *more = wrap(stand_in + line, None if width is None or command else width - indent)
        if not rows:
            rows.append((*head, (first[len(stand_in) :], style)))
        else:
            rows.append(((" " * indent, "plain"), (first, style)))
        rows += [((" " * indent, "plain"), (text, style)) for text in more]
    return rows
