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


def drive(table: Table, start: int, end: int, tokens: Sequence[Token]) -> Any:
    """What the tokens read as, or None where they are no sentence of the grammar."""
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
                states[-1] = table[states[-2]][symbol]
            else:
                children = values[-size:]
                del states[-size:], values[-size:]
                values.append(make(children))
                states.append(table[states[-1]][symbol])
            if token is END and states[-1] == end:
                return values[-1]
    return None
