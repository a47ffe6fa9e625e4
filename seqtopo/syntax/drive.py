"""The loop that runs the grammar's tables over the tokens of one statement.

Lark computes the tables and explains what does not fit; its own loop takes nearly twice as long,
mostly for the steps of the expression ladder that pass an operand on unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from seqtopo.syntax.tokens import Token

END = Token("$END", "", 0, 0)

# What to do on a kind of token: go to a state; or take so many children off the stack and put what
# the function makes of them there, as one symbol. No function: the only child stays what it is.
Reduction = tuple[int, str, Callable[[list[Any]], Any] | None]
Table = dict[int, dict[str, int | Reduction]]


Ladder = dict[tuple[int, int, str], int]
"""Where an operand that is passed on unchanged gets to, by the state below it, its own, and what follows."""


def drive(table: Table, ladder: Ladder, start: int, end: int, tokens: Sequence[Token]) -> Any:
    """What the tokens read as, or None where they are no sentence of the grammar.

    What is learned of the table's ladder is kept in ``ladder``.
    """
    states: list[Any] = [start]
    values: list[Any] = []
    for token in (*tokens, END):
        kind = token.type
        while True:
            todo = table[states[-1]].get(kind)
            if todo.__class__ is int:
                states.append(todo)
                values.append(token)
                break
            if todo is None:
                return None
            size, symbol, make = todo  # type: ignore[misc]  # an int was dealt with above
            if make is None:
                here = (states[-2], states[-1], kind)
                there = ladder.get(here)
                if there is None:
                    there = ladder[here] = _climb(table, end, *here)
                states[-1] = there
            elif size == 1:
                values[-1] = make([values[-1]])
                states[-1] = table[states[-2]][symbol]
            else:
                children = values[-size:]
                del states[-size:], values[-size:]
                values.append(make(children))
                states.append(table[states[-1]][symbol])
            if token is END and states[-1] == end:
                return values[-1]
    return None


def _climb(table: Table, end: int, below: int, state: int, kind: str) -> int:
    """The state that steps which pass an operand on unchanged lead to."""
    while state != end:
        todo = table[state].get(kind)
        if todo is None or isinstance(todo, int) or todo[2] is not None:
            break
        state = table[below][todo[1]]  # type: ignore[assignment]  # a symbol is gone to, never reduced
    return state
