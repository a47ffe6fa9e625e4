"""Build the syntax tree: one method for each rule of the grammar, called while the parser reads.

The children of a rule are the tokens and nodes of its expansion, all of them. A rule that is a list
in the making is a plain list, which grows in place.
"""

from __future__ import annotations

import re
from typing import Any

from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.tokens import Token

MOST_DIGITS = 40

_ESCAPE = r"\\(u[0-9a-fA-F]{4}|.)"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}


class NumberError(Exception):
    """Raised for a number that is too long or too large; ``args`` are its token and the message."""


def _unescape(match: re.Match[str]) -> str:
    if len(match[1]) > 1:
        return chr(int(match[1][1:], 16))
    return _ESCAPES.get(match[1], match[0])


def _name(token: Token) -> tree.Name:
    return tree.Name(Span(token.start, token.end), token.text)


def _between(first: Any, last: Any) -> Span:
    """Return the span from the first to the last of two tokens or nodes."""
    return Span(first.span[0], last.span[1])


class Builder:
    """A builder of tree nodes; its methods are named after the rules of the grammar and their aliases."""

    # Lists in the making. A chain keeps its operators, a list drops its commas.

    def start_list(self, c: list[Any]) -> list[Any]:
        return [c[0]]

    def grow_list(self, c: list[Any]) -> list[Any]:
        grown: list[Any] = c[0]
        grown.append(c[2])
        return grown

    def start_chain(self, c: list[Any]) -> list[Any]:
        return c

    def grow_chain(self, c: list[Any]) -> list[Any]:
        grown: list[Any] = c[0]
        grown.append(c[1])
        grown.append(c[2])
        return grown

    def grow_loops(self, c: list[Any]) -> list[Any]:
        grown: list[Any] = c[0]
        grown.append(c[1])
        return grown

    # Statements

    def let(self, c: list[Any]) -> tree.Let:
        return tree.Let(_between(c[0], c[1][-1]), tuple(c[1]))

    def binding(self, c: list[Any]) -> tree.Binding:
        return tree.Binding(_between(c[0], c[2]), _name(c[0]), c[2])

    def search(self, c: list[Any]) -> tree.Search:
        return tree.Search(_between(c[0], c[1][-1]), tuple(c[1]))

    def domain(self, c: list[Any]) -> tree.Domain:
        words = [token.type for token in c[3:] if isinstance(token, Token)]
        step = c[-1] if "STEP" in words else None
        return tree.Domain(_between(c[0], c[-1]), _name(c[0]), c[2], "LOG" in words, step)

    def bind(self, c: list[Any]) -> tree.Bind:
        return tree.Bind(_between(c[0], c[2]), _name(c[0]), c[2])

    def definition(self, c: list[Any]) -> tree.Def:
        params = tuple(c[3]) if isinstance(c[3], list) else ()
        return tree.Def(_between(c[0], c[-1]), _name(c[1]), params, c[-1])

    def parameter(self, c: list[Any]) -> tree.Parameter:
        return tree.Parameter(_between(c[0], c[-1]), _name(c[0]), c[2] if len(c) > 1 else None)

    def train(self, c: list[Any]) -> tree.Train:
        return tree.Train(_between(c[0], c[1][-1]), tuple(c[1]))

    def output(self, c: list[Any]) -> tree.Output:
        return tree.Output(c[0].span, c[0])

    # The ladder

    def flow(self, c: list[Any]) -> Any:
        return tree.Flow(_between(c[0][0], c[0][-1]), tuple(c[0][::2]))

    def named(self, c: list[Any]) -> tree.As:
        return tree.As(_between(c[0], c[2]), c[0], _name(c[2]))

    def loop(self, c: list[Any]) -> tree.For:
        return tree.For(_between(c[0], c[4]), c[0], tuple(_name(token) for token in c[2]), c[4])

    def clause(self, c: list[Any]) -> tree.Loop:
        return tree.Loop(_between(c[0], c[3]), tuple(_name(token) for token in c[1]), c[3])

    def branches(self, c: list[Any]) -> tree.Branches:
        return tree.Branches(_between(c[0], c[1][-1]), c[0], tuple(c[1]))

    def sum_of(self, c: list[Any]) -> tree.Arithmetic:
        chain = c[0]
        rest = tuple((mark.text, operand) for mark, operand in zip(chain[1::2], chain[2::2], strict=True))
        return tree.Arithmetic(_between(chain[0], chain[-1]), chain[0], rest)

    product_of = sum_of

    def negative(self, c: list[Any]) -> tree.Negative:
        return tree.Negative(_between(c[0], c[1]), c[1])

    # Atoms

    def word(self, c: list[Any]) -> tree.Name:
        token = c[0]
        return tree.Name(Span(token.start, token.end), token.text)

    def number(self, c: list[Any]) -> tree.Number:
        token = c[0]
        text = token.text
        if len(text) > MOST_DIGITS:
            raise NumberError(token, f"a number has at most {MOST_DIGITS} digits; this one has {len(text)}")
        if text.isdigit():
            return tree.Number(Span(token.start, token.end), int(text), text)
        value = float(text)
        if value == float("inf"):
            raise NumberError(token, f"{text} is too large for a number")
        return tree.Number(Span(token.start, token.end), value, text)

    def string(self, c: list[Any]) -> tree.String:
        return tree.String(c[0].span, re.sub(_ESCAPE, _unescape, c[0].text[1:-1]))

    def wild(self, c: list[Any]) -> tree.Wild:
        return tree.Wild(c[0].span)

    def unknown(self, c: list[Any]) -> tree.Unknown:
        return tree.Unknown(c[0].span)

    def call(self, c: list[Any]) -> tree.Call:
        args = tuple(c[2]) if len(c) > 3 else ()
        return tree.Call(Span(c[0].span[0], c[-1].end), c[0], args)

    def argument(self, c: list[Any]) -> tree.Argument:
        return tree.Argument(c[0].span, None, c[0])

    def named_argument(self, c: list[Any]) -> tree.Argument:
        return tree.Argument(_between(c[0], c[2]), _name(c[0]), c[2])

    def attribute(self, c: list[Any]) -> tree.Attribute:
        chain = c[0]
        names = tuple(_name(token) for token in chain[2::2])
        return tree.Attribute(_between(chain[0], chain[-1]), chain[0], names)

    def group(self, c: list[Any]) -> tree.Group:
        return tree.Group(_between(c[0], c[2]), c[1])

    def empty_tuple(self, c: list[Any]) -> tree.Tuple:
        return tree.Tuple(_between(c[0], c[1]), ())

    def tuple_of(self, c: list[Any]) -> tree.Tuple:
        items = c[1]
        if len(c) > 4:
            items.append(c[3])
        return tree.Tuple(_between(c[0], c[-1]), (*items,))

    def list_of(self, c: list[Any]) -> tree.List:
        return tree.List(_between(c[0], c[-1]), (*c[1],) if len(c) > 2 else ())

    def range_of(self, c: list[Any]) -> tree.Range:
        return tree.Range(_between(c[0], c[4]), c[1], c[3])
