"""Look up names in scopes, and evaluate expressions that are not flows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seqtopo.diag.model import Label
from seqtopo.graph.graph import Bundle, Graph
from seqtopo.graph.outside import lower_case_size, not_whole, unbound
from seqtopo.layers.sizes import LIMIT, Expr, floor_div, remainder, symbol, unknown
from seqtopo.layers.values import Object, Refusal, Word
from seqtopo.source import Span
from seqtopo.syntax import tree

CONSTANTS = {"true": True, "false": False, "none": None}
MOST_VALUES = 100_000
"""The most values of a range or a list."""


class Closure(NamedTuple):
    """The expression given to a macro's parameter or a ``for``, and the scope of its names."""

    expr: tree.Expr
    scope: Scope


class _Flow:
    def __str__(self) -> str:
        return "a flow"


FLOW = _Flow()
"""The value of a name that stands for a flow, which is a step and has no value."""


@dataclass(eq=False)
class Plain:
    """A binding to a number, a tuple, a word or a flow: of a ``let``, a macro's parameter or a ``for``.

    ``closure`` is the expression, for use as a step: each use makes new layers. ``note`` describes a binding
    from outside.
    """

    value: Any
    span: Span
    closure: Closure | None = None
    note: str = ""


@dataclass(eq=False)
class Named:
    """A binding to a value of a graph by ``=`` or ``as``, or to the list that an ``as`` has collected.

    ``nodes`` are the indices of the nodes that were made for it.
    """

    values: Bundle
    span: Span
    graph: Graph
    nodes: range = range(0)


class Use(NamedTuple):
    """One application of a block: its inputs, its outputs, and the nodes made for it."""

    graph: Graph
    incoming: Bundle
    values: Bundle
    nodes: range


@dataclass(eq=False)
class Block:
    """A binding by ``=`` to a flow without a source: applied at each use, always with the same layers.

    ``uses`` are its applications, in their order.
    """

    name: str
    body: tree.Expr
    span: Span
    uses: list[Use] = field(default_factory=list)


class Macro(NamedTuple):
    """A ``def``, of which each use makes new layers."""

    name: str
    params: tuple[tree.Parameter, ...]
    body: tree.Expr
    span: Span


class Failed(NamedTuple):
    """A binding to a flow with a mistake; the uses of the name are not reported again."""

    span: Span


Bound = Plain | Named | Block | Macro | Failed


@dataclass(eq=False)
class Scope:
    """The names bound at one place, and a link to the scope around it."""

    parent: Scope | None = None
    names: dict[str, Bound] = field(default_factory=dict)
    own_names: bool = True
    """True if ``as`` binds in this scope, as in a macro; in a ``for`` it binds in the scope around it."""

    def find(self, name: str) -> Bound | None:
        """Return the binding of a name; None if it has none."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def home(self) -> Scope:
        """Return the scope in which ``as`` binds."""
        scope = self
        while not scope.own_names and scope.parent is not None:
            scope = scope.parent
        return scope

    def root(self) -> Scope:
        """Return the outermost scope, that of the spec's statements, which every macro and block sees."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def all_names(self) -> Iterator[str]:
        """Yield every name that is bound in this scope or around it."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope.names
            scope = scope.parent


class Evaluator:
    """The evaluation of expressions in a scope. ``width`` answers ``_``; None if nothing comes in."""

    def __init__(self) -> None:
        self._unknowns = 0
        self.used: dict[Span, Plain] = {}
        """The places at which a bound name stands for its value."""
        self.free: dict[str, Span] = {}
        """The symbols that nothing binds, and where each stands first."""

    def fresh(self) -> Expr:
        """Return a new ``?``, which equals no earlier one."""
        self._unknowns += 1
        return unknown(self._unknowns)

    def value(self, expr: tree.Expr, scope: Scope, width: Callable[[Span], Any] | None = None) -> Any:
        """Return the value of an expression: int, float, size, bool, None, str, ``Word``, ``Object``, tuple
        or list.

        Raises:
            Refusal: it has no value, with the reason.
        """
        match expr:
            case tree.Number():
                return expr.value
            case tree.String():
                return expr.value
            case tree.Name():
                return self._name(expr, scope)
            case tree.Wild():
                if width is None:
                    raise Refusal(
                        "ST213",
                        "'_' is the width of the incoming value, and nothing comes in here",
                        expr.span,
                        help="write the number",
                    )
                return width(expr.span)
            case tree.Unknown():
                return self.fresh()
            case tree.Group():
                return self.value(expr.body, scope, width)
            case tree.Tuple():
                return tuple(self.value(item, scope, width) for item in expr.items)
            case tree.List():
                return [self.value(item, scope, width) for item in expr.items]
            case tree.Range():
                return self._range(expr, scope, width)
            case tree.Negative():
                body = self.value(expr.body, scope, width)
                if isinstance(body, bool) or not isinstance(body, (int, float, Expr)):
                    raise _not_a_number(body, expr.body.span)
                return -body
            case tree.Arithmetic():
                return self._arithmetic(expr, scope, width)
            case tree.Call():
                kwargs = {}
                args = []
                for arg in expr.args:
                    value = self.value(arg.value, scope, width)
                    if arg.name is None:
                        args.append(value)
                    elif arg.name.name in kwargs:
                        raise Refusal(
                            "ST205", f"{arg.name.name} is given twice", arg.span, help="keep one of them"
                        )
                    else:
                        kwargs[arg.name.name] = value
                return Object(self._object_name(expr.name, scope), tuple(args), kwargs)
            case tree.For() | tree.Branches():
                raise Refusal(
                    "ST213",
                    "a 'for' makes layers, and plain values belong here",
                    expr.span,
                    label="no value",
                    help="write the values out, as in [2,4]; a loop is part of a flow: "
                    "[conv1d(8,K) for K in [2,4]] -> concat",
                )
            case _:
                raise Refusal(
                    "ST213",
                    "a flow stands where a plain value belongs",
                    expr.span,
                    label="not a number, a word or a tuple",
                    help="write a number, a word, a string or a tuple",
                )

    def given(self, expr: tree.Expr, scope: Scope, span: Span, width: Callable[[Span], Any] | None) -> Plain:
        """Return the binding of a macro's parameter or a ``for``'s name: to a value, a flow, or either.

        Raises:
            Refusal: the expression is neither.
        """
        closure = Closure(expr, scope) if is_step(expr) else None
        known = scope.find(expr.name) if isinstance(expr, tree.Name) else None
        if isinstance(known, Plain) and known.value is FLOW:
            return Plain(FLOW, span, known.closure)
        try:
            return Plain(self.value(expr, scope, width), span, closure)
        except Refusal as refusal:
            if closure is None or isinstance(expr, tree.Name) or refusal.is_known:
                raise
            return Plain(FLOW, span, closure)

    def _name(self, expr: tree.Name, scope: Scope) -> Any:
        if expr.name in CONSTANTS:
            return CONSTANTS[expr.name]
        bound = scope.find(expr.name)
        if isinstance(bound, Plain):
            self.used[expr.span] = bound
            if bound.value is FLOW:
                raise Refusal(
                    "ST213",
                    f"{expr.name} is a flow, and a plain value belongs here",
                    expr.span,
                    labels=(Label(bound.span, "given a flow"),),
                    help=f"give {expr.name} a number or a word",
                )
            return bound.value
        if isinstance(bound, Failed):
            raise Refusal()
        if expr.is_symbol:
            self.free.setdefault(expr.name, expr.span)
            return symbol(expr.name)
        return Word(expr.name)

    def _object_name(self, name: tree.Name, scope: Scope) -> str:
        """Return the name of a called object: ``let OPT = adam`` makes ``OPT(1e-3)`` one of ``adam``."""
        bound = scope.find(name.name)
        if isinstance(bound, Plain) and isinstance(bound.value, Word):
            self.used[name.span] = bound
            return bound.value.name
        return name.name

    def _range(self, expr: tree.Range, scope: Scope, width: Callable[[Span], Any] | None) -> list[int]:
        low, high = self.value(expr.low, scope, width), self.value(expr.high, scope, width)
        for end, part in ((low, expr.low), (high, expr.high)):
            if isinstance(end, bool) or not isinstance(end, int):
                wants = "a range needs whole numbers at both ends"
                raise not_whole(end, part.span, wants, "8", "ST212", help="as in [1..8]")
        if high - low >= MOST_VALUES:
            raise Refusal(
                "ST211",
                f"a range of {high - low + 1} values is too long",
                expr.span,
                help=f"go through at most {MOST_VALUES:,} values",
            )
        return list(range(low, high + 1))

    def _arithmetic(self, expr: tree.Arithmetic, scope: Scope, width: Callable[[Span], Any] | None) -> Any:
        left = self.value(expr.first, scope, width)
        left_span = expr.first.span
        for operator, operand in expr.rest:
            right = self.value(operand, scope, width)
            for side, span in ((left, left_span), (right, operand.span)):
                if isinstance(side, bool) or not isinstance(side, (int, float, Expr)):
                    raise _not_a_number(side, span)
            left = _apply(operator, left, right, operand.span)
            left_span = left_span.cover(operand.span)
        return left


def is_step(expr: tree.Expr) -> bool:
    """Return whether an expression may stand as a step of a flow."""
    while isinstance(expr, (tree.Group, tree.As, tree.For)):
        expr = expr.body
    if isinstance(expr, tree.Arithmetic):
        return is_step(expr.first)
    return isinstance(expr, (tree.Name, tree.Call, tree.Flow, tree.List, tree.Attribute))


def _not_a_number(given: Any, span: Span) -> Refusal:
    if isinstance(given, Word):
        return lower_case_size("ST212", (given.name,), span)
    return Refusal(
        "ST212",
        "arithmetic needs numbers or dimensions on both sides",
        span,
        label="not a number",
        help="write a number, a symbol, or an expression of them",
    )


def _apply(operator: str, a: Any, b: Any, span: Span) -> Any:
    if (isinstance(a, float) and isinstance(b, Expr)) or (isinstance(b, float) and isinstance(a, Expr)):
        raise Refusal(
            "ST212",
            "a size is a whole number: it cannot be joined with a fraction",
            span,
            help="use whole numbers",
        )
    if operator in ("//", "%"):
        if not isinstance(b, int) or b < 1 or isinstance(a, float):
            wants = f"'{operator}' divides by a whole number from 1 up"
            raise unbound(b, span, wants, "2", "ST212") or Refusal(
                "ST212",
                f"'{operator}' divides by a whole number from 1 up, not by {b}"
                if not isinstance(a, float)
                else f"'{operator}' divides whole numbers only",
                span,
                label="the divisor",
                help="divide by a number such as 2",
            )
        return floor_div(a, b) if operator == "//" else remainder(a, b)
    result = a + b if operator == "+" else a - b if operator == "-" else a * b
    if isinstance(result, int) and abs(result) >= LIMIT**2:
        raise Refusal("ST212", "the result is too large for a size", span, help="make the numbers smaller")
    return result
