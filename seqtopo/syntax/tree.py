"""The syntax tree: a text in parts, before names and layers are looked up.

One ladder of expressions serves flows, numbers, shapes and argument values, as in the grammar;
``seqtopo.graph`` decides which of them an expression has to be where it stands. Every node is frozen
and carries its span, from its first to behind its last character. Spans do not count when nodes
are compared, so ``parse(print(x)) == x`` can be asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from seqtopo.source import Span


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Node:
    """Base class of everything in the tree; compares, hashes and prints the fields of any node.

    The decorators of the subclasses write only the constructor: with methods of their own they would take
    twice as long to import.
    """

    span: Span = field(compare=False)

    def __eq__(self, other: object) -> bool:
        return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(_compared(self))

    def __repr__(self) -> str:
        given = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self))
        return f"{type(self).__name__}({given})"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Number(Node):
    """``24``, ``1e-3``: an int where the text has neither a point nor an exponent."""

    value: int | float
    text: str = field(compare=False)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class String(Node):
    """``"channels_first"``, with the quotes removed and escapes undone."""

    value: str


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Name(Node):
    """A name, a symbol, a flag, an enumeration's word, ``true``, ``false`` or ``none``."""

    name: str

    @property
    def is_symbol(self) -> bool:
        """True if it is a symbol (a dimension), which starts with an upper-case letter."""
        return self.name[:1].isupper()


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Wild(Node):
    """``_``: the width of the incoming value."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Unknown(Node):
    """``?``: a size that is not known, or in ``reshape`` what is left over."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Group(Node):
    """``(x)``: one expression in parentheses."""

    body: Expr


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Tuple(Node):
    """``()``, ``(a,)``, ``(a, b)``."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class List(Node):
    """``[a, b]``: branches, outputs, or a list of values."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Range(Node):
    """``[1..8]``: the whole numbers from 1 to 8, both included."""

    low: Expr
    high: Expr


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Negative(Node):
    """``-x``."""

    body: Expr


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Arithmetic(Node):
    """Operators of one rank, read from left to right: ``first`` then (operator, operand) pairs.

    ``*`` is also the repeat of a flow: ``lstm(64,seq) * 3``. Flat, so that a long sum does not
    nest deeply.
    """

    first: Expr
    rest: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Attribute(Node):
    """``encoder.state``: a second value of something named."""

    base: Name
    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Argument(Node):
    """One argument of a call; ``name`` is None where it is given by position or is a flag."""

    name: Name | None
    value: Expr


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Call(Node):
    """``lstm(64, seq)``: a layer, a source, a macro, a Keras object or a wrapper."""

    name: Name
    args: tuple[Argument, ...]

    def named(self, name: str) -> Expr | None:
        """Return the value of the argument that is given by this name; None if there is none."""
        return next((a.value for a in self.args if a.name is not None and a.name.name == name), None)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Flow(Node):
    """``a -> b -> c``: at least two steps."""

    steps: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class As(Node):
    """``body as name``."""

    body: Expr
    name: Name


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class For(Node):
    """``body for D in values``, ``body for F, K in values``: one after the other, in a row."""

    body: Expr
    targets: tuple[Name, ...]
    values: Expr


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Loop(Node):
    """``for K in values``, behind an item of a list."""

    targets: tuple[Name, ...]
    values: Expr


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Branches(Node):
    """``body for K in values`` as an item of a list: a branch for each value, side by side.

    Of several loops the first is the outermost, as in Python.
    """

    body: Expr
    loops: tuple[Loop, ...]


Expr = (
    Number | String | Name | Wild | Unknown | Group | Tuple | List | Range | Negative
    | Arithmetic | Attribute | Call | Flow | As | For | Branches
)  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Binding(Node):
    """``T = 24`` inside a ``let``."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Parameter(Node):
    """``Q=2`` in the head of a ``def``."""

    name: Name
    default: Expr | None


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Let(Node):
    """``let T = 24, F = 2*G``."""

    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Domain(Node):
    """``LR in [1e-4..1e-2] log`` inside a ``search``: a name and what it is searched in."""

    name: Name
    values: Expr
    log: bool
    step: Expr | None


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Search(Node):
    """``search UNITS in [32, 64], DEPTH in [1..3]``."""

    domains: tuple[Domain, ...]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Bind(Node):
    """``encoder = in(T,F) -> lstm(32)``."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Def(Node):
    """``def block(F, K=3) = conv1d(F,K) -> relu``."""

    name: Name
    params: tuple[Parameter, ...]
    body: Expr


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Train(Node):
    """``train adam(1e-3), loss=mse``."""

    args: tuple[Argument, ...]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Output(Node):
    """A flow on a line of its own."""

    value: Expr


Statement = Let | Search | Bind | Def | Train | Output


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Spec(Node):
    """A whole text: the statements that could be read, in their order."""

    statements: tuple[Statement, ...]


def _compared(node: Node) -> tuple[object, ...]:
    """Return the values of a node that count where nodes are compared."""
    return tuple(getattr(node, field.name) for field in fields(node) if field.compare)


@cache
def _parts(kind: Any) -> tuple[str, ...]:
    """Return the fields of a kind of node that may hold nodes, the last first."""
    if kind in (Name, Number, String):
        return ()
    return tuple(name for name in reversed(kind.__match_args__) if name != "span")


def every(nodes: Node | Iterable[Node]) -> Iterator[Node]:
    """Yield every node of some trees, they themselves included, in the order of the text."""
    todo: list[object] = [nodes if isinstance(nodes, Node) else tuple(nodes)]
    while todo:
        here = todo.pop()
        if isinstance(here, Node):
            yield here
            kind: Any = type(here)
            for name in _parts(kind):
                todo.append(getattr(here, name))
        elif isinstance(here, tuple):
            todo.extend(reversed(here))
