"""Writes the grammar's tables anew, as Lark computes them: ``python -m seqtopo.syntax.store_tables``.

To be run after a change of the grammar; a test compares what is stored with what Lark computes.
"""

from __future__ import annotations

import json
from typing import Any

from seqtopo.syntax.grammar import TABLES, lark_parser


def computed() -> dict[str, Any]:
    """The tables as Lark computes them, in the form they are stored in."""
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
        reduction = (len(target.expansion), target.origin.name, method)
        if reduction not in reductions:
            reductions.append(reduction)
        return -1 - reductions.index(reduction)

    states = [
        {kind: entry(*todo) for kind, todo in sorted(found.states[state].items(), key=lambda item: item[0])}
        for state in reached
    ]
    return {
        "start": number[start],
        "end": number[end],
        "marks": [[t.name, t.pattern.value] for t in lark.terminals if isinstance(t.pattern, PatternStr)],
        "patterns": [
            [t.name, t.pattern.to_regexp()]
            for t in lark.terminals
            if not isinstance(t.pattern, PatternStr) and t.name != "BLANK"
        ],
        "reductions": [list(reduction) for reduction in reductions],
        "states": states,
    }


def as_text(tables: dict[str, Any]) -> str:
    """The tables as they are stored: one state a line, so that a change shows as what it changes."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in tables.items() if key != "states"]
    states = ",\n".join(json.dumps(state, separators=(",", ":")) for state in tables["states"])
    return "{" + ",\n".join([*lines, f'"states": [\n{states}\n]']) + "}\n"


if __name__ == "__main__":
    TABLES.write_text(as_text(computed()), encoding="utf-8")
