"""Represent Python code as data, and format it in lines of at most 88 characters, as ruff does.

Text of a spec gets into code in two ways only: as a constant, written by ``literal``, and in a comment,
through ``remark``. All names are those of Keras' classes and of variables that are chosen here.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

WIDTH = 88
STEP = "    "


def is_dotted(path: str) -> bool:
    """Return whether a text is a name, or several with dots between them."""
    parts = path.split(".")
    return path.isascii() and all(p.isidentifier() and not keyword.iskeyword(p) for p in parts)


@dataclass(frozen=True)
class Dotted:
    """A dotted name of Python: ``layers.LSTM``."""

    path: str

    def __post_init__(self) -> None:
        if not is_dotted(self.path):
            raise ValueError(f"{self.path!r} is not a name")


@dataclass(eq=False)
class Apply:
    """A call."""

    function: Any
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.kwargs:
            Dotted(name)


@dataclass(eq=False)
class Item:
    """The item at a key of numbers and slices: ``x[:, -3:]``."""

    of: Any
    key: tuple[Any, ...]


@dataclass(eq=False)
class Attribute:
    """An attribute: ``x.name``."""

    of: Any
    name: str

    def __post_init__(self) -> None:
        Dotted(self.name)


class Unwritable(Exception):  # noqa: N818  (it is an answer, not a failure)
    """A value that cannot be written as Python; says which, and what to do."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


def literal(value: Any) -> str:
    """Return a constant as Python: None, a boolean, a number or a string.

    >>> print(literal("relu"), literal('a"b'), literal(1e-4), literal(float("inf")))
    "relu" 'a"b' 0.0001 float("inf")

    Raises:
        Unwritable: it is anything else.
    """
    if value is None or type(value) is bool or type(value) is int:
        return repr(value)
    if type(value) is float:
        return repr(value) if isfinite(value) else f'float("{value}")'
    if type(value) is str:
        quoted = repr(value)
        # Double quotes, where that needs no more backslashes.
        plain = quoted[0] == "'" and '"' not in quoted and "'" not in quoted[1:-1]
        return f'"{quoted[1:-1]}"' if plain else quoted
    raise Unwritable(
        f"a value of type {type(value).__name__} cannot be written as Python",
        "give the layer a number, a string, a boolean or a tuple of them",
    )


def remark(text: str) -> str:
    """Return a text for a comment: one line of plain characters."""
    return re.sub(r"[^\w .,:;()*/+%?'=<>-]", "?", text, flags=re.ASCII)


def flat(value: Any) -> str:
    """Return an expression in one line."""
    if isinstance(value, Dotted):
        return value.path
    if isinstance(value, Apply):
        return f"{flat(value.function)}({', '.join(_arguments(value))})"
    if isinstance(value, Attribute):
        return f"{flat(value.of)}.{value.name}"
    if isinstance(value, Item):
        return f"{flat(value.of)}[{', '.join(map(_key, value.key))}]"
    if isinstance(value, (list, tuple)):
        return _closed(value, ", ".join(flat(v) for v in value))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(k)}: {flat(v)}" for k, v in value.items()) + "}"
    return literal(value)


def _closed(value: Sequence[Any], inside: str) -> str:
    if isinstance(value, list):
        return f"[{inside}]"
    return f"({inside}{',' if len(value) == 1 else ''})"


def _arguments(call: Apply) -> Iterator[str]:
    yield from (flat(v) for v in call.args)
    yield from (f"{k}={flat(v)}" for k, v in call.kwargs.items())


def _key(key: Any) -> str:
    if not isinstance(key, slice):
        return literal(key)
    start, stop = ("" if k is None else literal(k) for k in (key.start, key.stop))
    return f"{start}:{stop}" + ("" if key.step in (None, 1) else f":{literal(key.step)}")


def lines(prefix: str, value: Any, suffix: str, indent: str) -> list[str]:
    """Return the lines of an expression, with a prefix and a suffix.

    A line that is too long has its arguments on the next line, or each on a line of its own; then the last
    one ends in a comma, which makes formatters leave it so.
    """
    line = f"{indent}{prefix}{flat(value)}{suffix}"
    if len(line) <= WIDTH:
        return [line]
    if isinstance(value, Apply):
        return _call_lines(prefix, value, suffix, indent)
    if isinstance(value, (list, tuple)) and value:
        opening, closing = ("[", "]") if isinstance(value, list) else ("(", ")")
        return _spread(f"{prefix}{opening}", [("", v) for v in value], f"{closing}{suffix}", indent)
    if isinstance(value, Mapping) and value:
        pairs = [(f"{literal(k)}: ", v) for k, v in value.items()]
        return _spread(f"{prefix}{{", pairs, f"}}{suffix}", indent)
    return [line]


def _call_lines(prefix: str, call: Apply, suffix: str, indent: str) -> list[str]:
    parts = _parts(call)
    made = call.function
    head = f"{prefix}{flat(made)}("
    if isinstance(made, Apply):
        # A layer and its call: the longer of the two is spread, as long as the other fits beside it.
        given = ", ".join(_arguments(call))
        fits = len(indent + head) <= WIDTH
        if len(f"{indent})({given}){suffix}") <= WIDTH and not (fits and len(given) > len(flat(made))):
            if not fits:
                return _call_lines(prefix, made, f"({given}){suffix}", indent)
            closing = f")({given}){suffix}"
            return _spread(f"{prefix}{flat(made.function)}(", _parts(made), closing, indent)
        if not fits:
            *before, last = _call_lines(prefix, made, "(", indent)
            return [*before, *_spread(last.removeprefix(indent), parts, f"){suffix}", indent)]
        return _spread(head, parts, f"){suffix}", indent)
    if not parts:
        return [f"{indent}{head}){suffix}"]
    together = f"{indent}{STEP}{', '.join(_arguments(call))}"
    if len(together) <= WIDTH:
        return [f"{indent}{head}", together, f"{indent}){suffix}"]
    return _spread(head, parts, f"){suffix}", indent)


def _parts(call: Apply) -> list[tuple[str, Any]]:
    return [("", v) for v in call.args] + [(f"{k}=", v) for k, v in call.kwargs.items()]


def _spread(opening: str, parts: Sequence[tuple[str, Any]], closing: str, indent: str) -> list[str]:
    inside = [line for before, v in parts for line in lines(before, v, ",", indent + STEP)]
    return [f"{indent}{opening}", *inside, f"{indent}{closing}"]
