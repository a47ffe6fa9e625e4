"""``seqtopo explain``: the page of a code, and the list of all of them."""

from __future__ import annotations

import argparse
import sys

from seqtopo.cli.arguments import Parser, UsageError
from seqtopo.cli.columns import Column, columns
from seqtopo.cli.terminal import put, terminal
from seqtopo.diag.codes import CODES, find, page
from seqtopo.diag.nearest import nearest


def parser() -> Parser:
    """What the command takes."""
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
    """Prints the page or the list. Returns the exit code."""
    screen = terminal(sys.stdout)
    if args.code is None:
        rows = list(CODES.values())
        table = [
            Column("code", [row.code for row in rows]),
            Column("name", [row.name for row in rows]),
            Column("", [row.severity if row.severity != "error" else "" for row in rows], drop=1),
            Column("what it says", [row.summary for row in rows], wrapped=True),
        ]
        put(columns(table, screen.width, color=screen.color))
        put(f"\nseqtopo explain {rows[0].code} shows the page of one.")
        return 0
    code = args.code.strip().strip("[]")
    if find(code) is None:
        shown = code if len(code) <= 60 else code[:57] + "..."
        near = nearest(code, [word for row in CODES.values() for word in (row.code, row.name)])
        raise UsageError(
            f"there is no code {shown}",
            f"did you mean seqtopo explain {near}?" if near else "seqtopo explain lists all codes",
        )
    put(page(code))
    return 0
