"""Writes the grammar's tables anew, as Lark computes them: ``python -m seqtopo.syntax.store_tables``.

To be run after a change of the grammar; a test compares what is stored with what Lark computes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seqtopo.syntax.grammar import lark_parser

TABLES = Path(__file__).with_name("tables.py")

_HEAD = '''"""The grammar's tables, from Lark: ``python -m seqtopo.syntax.store_tables`` writes them."""

# fmt: off
'''

# What a type checker cannot tell by itself.
_KINDS = {"STATES": ": tuple[dict[str, int], ...]"}


def computed() -> dict[str, Any]:
    """The tables as Lark computes them, by the names they are stored under."""
    from lark.lexer import PatternStr
    from lark.parsers.lalr_analysis import Shift

    lark = lark_parser()
    engine: Any = lark.parser.parser
    engine = engine.parser
    found = engine.parse_table
    reductions: list[tuple[int, str, str]] = []

    # Lark numbers its states as its sets happen to be ordered; here, in the order they are reached.
    start, end = found.start_states["statement"], found.end_states["statement"]
    number = {start: 0}
    for state in (reached := [start]):
        for _, (action, target) in sorted(found.states[state].items(), key=lambda item: item[0]):
            if action is Shift and target not in number:
                number[target] = len(number)
                reached.append(target)

    def entry(action: Any, target: Any) -> int:
        if action is Shift:
            return number[target]
        passes = target.options.expand1 and not target.alias and len(target.expansion) == 1
        method = "" if passes else engine.callbacks[target].__name__
        reduction = (len(target.expansion), str(target.origin.name), method)
        if reduction not in reductions:
            reductions.append(reduction)
        return -1 - reductions.index(reduction)

    states = [
        {
            str(kind): entry(*todo)
            for kind, todo in sorted(found.states[state].items(), key=lambda item: item[0])
        }
        for state in reached
    ]
    return {
        "START": number[start],
        "END": number[end],
        "MARKS": [(t.name, t.pattern.value) for t in lark.terminals if isinstance(t.pattern, PatternStr)],
        "PATTERNS": [
            (t.name, t.pattern.to_regexp())
            for t in lark.terminals
            if not isinstance(t.pattern, PatternStr) and t.name != "BLANK"
        ],
        "REDUCTIONS": reductions,
        "STATES": states,
    }


def as_text(tables: dict[str, Any]) -> str:
    """The module of the tables: one entry a line, so that a change shows as what it changes."""
    return _HEAD + "".join(
        f"{name}{_KINDS.get(name, '')} = {_in_lines(value) if isinstance(value, list) else value}\n"
        for name, value in tables.items()
    )


def _in_lines(entries: Iterable[object]) -> str:
    return "(\n" + "".join(f"    {entry!r},\n" for entry in entries) + ")"


if __name__ == "__main__":
    TABLES.write_text(as_text(computed()), encoding="utf-8")
