"""``seqtopo explain``: shows the page of a diagnostic code, or a list of all codes."""

from __future__ import annotations

import argparse
import sys

from seqtopo.cli.arguments import Parser, UsageError
from seqtopo.cli.terminal import put, terminal
from seqtopo.diag.codes import CODES, Code, find, grouped
from seqtopo.diag.nearest import nearest
from seqtopo.diag.pages import page
from seqtopo.diag.renderers.cells import paint, wrap
from seqtopo.report.columns import Column, columns


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "explain",
        "Explains the code of a message: what it means, why, an example and what to write instead.",
        (
            "seqtopo explain ST301",
            "seqtopo explain wrong-rank   (the same, by its name)",
            "seqtopo explain              (all codes)",
        ),
    )
    made.add_argument("code", nargs="?", help="a code such as ST301, or its name; none lists all")
    return made


def run(args: argparse.Namespace) -> int:
    """Print the page or the list. Return the exit code."""
    screen = terminal(sys.stdout)
    if args.code is None:
        put(overview(screen.width, color=screen.color))
        return 0
    code = args.code.strip().strip("[]")
    if find(code) is None:
        shown = code if len(code) <= 60 else code[:57] + "..."
        near = nearest(code, [word for row in CODES.values() for word in (row.code, row.name)])
        raise UsageError(
            f"there is no code {shown}",
            f"did you mean seqtopo explain {near}?" if near else "seqtopo explain lists all codes",
        )
    put(page(code).text(screen.width, color=screen.color))
    return 0


def overview(width: int | None, *, color: bool = False) -> str:
    """Return all codes in their groups, one a line."""
    names = max(len(row.name) for row in CODES.values())
    # The groups line up, except where names have to lose their middles.
    pad = names if width is None or width >= _ROOMY else 0
    parts: list[str] = []
    for title, rows in grouped(CODES.values()).items():
        table = [
            Column("", [row.code for row in rows]),
            Column("", [row.name.ljust(pad) for row in rows]),
            Column("", [row.summary + _grade(row) for row in rows], wrapped=True),
        ]
        parts += [paint([((title, "strong"),)], color) + columns(table, width).lstrip("\n"), ""]
    last = (
        "A code without a word behind it is an error, which is always on. check --select switches on the "
        "codes that are off.",
        "seqtopo explain ST301 shows the page of one.",
    )
    return "\n".join([*parts, *(line for text in last for line in wrap(text, width))])


_ROOMY = 80


def _grade(row: Code) -> str:
    if row.severity == "error":
        return ""
    return f" ({row.severity})" if row.on else f" ({row.severity}, off)"
