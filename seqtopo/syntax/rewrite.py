"""Build changed steps of the tree, from which fixes are made.

Every function returns a new expression and leaves the old one as it is. ``edit`` turns one into the
edit that puts it in place of a stretch of text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seqtopo.diag.model import Edit
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

NOWHERE = Span(0, 0)
_WRAPPERS = ("bi", "bidirectional")


def edit(span: Span, expr: tree.Expr) -> Edit:
    """Return the edit that writes an expression in place of a span of the text."""
    return Edit(span, print_expr(expr))


def items_of(statement: tree.Let | tree.Search) -> Sequence[tree.Binding | tree.Domain]:
    """Return the bindings of a ``let``, or the domains of a ``search``."""
    return statement.bindings if isinstance(statement, tree.Let) else statement.domains


def without_item(statement: tree.Let | tree.Search, index: int) -> Edit:
    """Return the edit that takes one name out of a ``let`` or ``search``; the statement, where it is alone.

    >>> from seqtopo.source import Source
    >>> from seqtopo.syntax.parse import parse
    >>> spec, _ = parse(Source("let T = 3, F = 4"))
    >>> without_item(spec.statements[0], 0)
    Edit(span=Span(start=4, end=11), text='')
    """
    items = items_of(statement)
    gone = statement.span
    if index > 0:
        gone = Span(items[index - 1].span.end, items[index].span.end)
    elif len(items) > 1:
        gone = Span(items[0].span.start, items[1].span.start)
    return Edit(gone, "")


def number(value: int) -> tree.Expr:
    """Return a whole number as a node; a negative one with its sign."""
    plain = tree.Number(NOWHERE, abs(value), str(abs(value)))
    return plain if value >= 0 else tree.Negative(NOWHERE, plain)


def word(name: str) -> tree.Name:
    """Return a bare word as a node."""
    return tree.Name(NOWHERE, name)


def _argument(value: tree.Expr | int | str) -> tree.Argument:
    if isinstance(value, int):
        value = number(value)
    elif isinstance(value, str):
        value = word(value)
    return tree.Argument(NOWHERE, None, value)


def call(name: str, *args: tree.Expr | int | str, **named: tree.Expr) -> tree.Call:
    """Return a call with arguments by position, then by name.

    >>> print_expr(call("conv1d", 64, 1, "same"))
    'conv1d(64,1,same)'
    """
    by_name = tuple(tree.Argument(NOWHERE, word(k), v) for k, v in named.items())
    return tree.Call(NOWHERE, word(name), (*map(_argument, args), *by_name))


def steps_of(expr: tree.Expr) -> tuple[tree.Expr, ...]:
    """Return the steps of a flow, or the one step that is not a flow."""
    return expr.steps if isinstance(expr, tree.Flow) else (expr,)


def flow(steps: Sequence[tree.Expr]) -> tree.Expr:
    """Return a flow of steps, or the one step itself if there is only one.

    >>> print_expr(flow((word("a"), flow((word("b"), word("c"))))))
    'a -> b -> c'
    """
    flat = tuple(part for step in steps for part in steps_of(step))
    return flat[0] if len(flat) == 1 else tree.Flow(NOWHERE, flat)


def inside(expr: tree.Expr, change: Callable[[tree.Call], tree.Expr]) -> tree.Expr:
    """Return a step with its call changed: the one in parentheses, or the layer that a ``bi`` wraps.

    A bare name counts as a call without arguments.
    """
    if isinstance(expr, tree.Name):
        return change(tree.Call(expr.span, expr, ()))
    if isinstance(expr, tree.Group):
        return tree.Group(expr.span, inside(expr.body, change))
    if isinstance(expr, tree.As):
        return tree.As(expr.span, inside(expr.body, change), expr.name)
    if isinstance(expr, tree.Call):
        if expr.name.name in _WRAPPERS and expr.args:
            first = expr.args[0]
            inner = tree.Argument(first.span, first.name, inside(first.value, change))
            return tree.Call(expr.span, expr.name, (inner, *expr.args[1:]))
        return change(expr)
    return expr


def with_flag(expr: tree.Expr, flag: str) -> tree.Expr:
    """Return a step with one more flag, before its arguments by name; of a ``bi``, on the layer inside it.

    >>> print_expr(with_flag(call("bi", call("lstm", 64)), "seq"))
    'bi(lstm(64,seq))'
    """

    def change(step: tree.Call) -> tree.Expr:
        if any(a.name is None and isinstance(a.value, tree.Name) and a.value.name == flag for a in step.args):
            return step
        at = next((i for i, a in enumerate(step.args) if a.name is not None), len(step.args))
        return tree.Call(step.span, step.name, (*step.args[:at], _argument(flag), *step.args[at:]))

    return inside(expr, change)


def without(expr: tree.Expr, flag: str, name: str = "") -> tree.Expr:
    """Return a step without a flag and without the argument ``name``; of a ``bi``, on the layer inside it.

    >>> print_expr(without(call("bi", call("lstm", 64, "seq")), "seq"))
    'bi(lstm(64))'
    """

    def change(step: tree.Call) -> tree.Expr:
        kept = tuple(
            a
            for a in step.args
            if not (
                (a.name is None and isinstance(a.value, tree.Name) and a.value.name == flag)
                or (a.name is not None and a.name.name in (name, flag))
            )
        )
        return tree.Call(step.span, step.name, kept) if kept else step.name

    return inside(expr, change)


def without_argument(expr: tree.Call, given: tree.Argument) -> tree.Expr:
    """Return a call without one of its arguments; its bare name if none is left."""
    kept = tuple(a for a in expr.args if a is not given)
    return tree.Call(expr.span, expr.name, kept) if kept else expr.name


def with_argument(expr: tree.Expr, place: int, names: tuple[str, ...], value: tree.Expr) -> tree.Expr:
    """Return a step with another value for an argument, given by position or by name.

    Where it is not given yet, it is given by the first name.

    >>> print_expr(with_argument(call("dense", 3, "relu"), 0, ("units",), number(8)))
    'dense(8,relu)'
    """

    def change(step: tree.Call) -> tree.Expr:
        at = -1
        by_place = [i for i, a in enumerate(step.args) if a.name is None]
        for i, given in enumerate(step.args):
            if given.name is not None and given.name.name in names:
                at = i
        if at < 0 and 0 <= place < len(by_place):
            at = by_place[place]
        if at < 0:
            more = tree.Argument(NOWHERE, word(names[0]), value)
            return tree.Call(step.span, step.name, (*step.args, more))
        new = tree.Argument(step.args[at].span, step.args[at].name, value)
        return tree.Call(step.span, step.name, (*step.args[:at], new, *step.args[at + 1 :]))

    return inside(expr, change)


def renamed(expr: tree.Expr, name: str) -> tree.Expr:
    """Return a step that calls another layer with the same arguments."""
    return inside(expr, lambda step: tree.Call(step.span, word(name), step.args) if step.args else word(name))


def declared(source: tree.Call, sizes: Sequence[tree.Expr]) -> tree.Expr:
    """Return an ``in(...)`` with other sizes, and the same flags and arguments.

    >>> print_expr(declared(call("in", 15, "int"), (number(15), number(1))))
    'in(15,1,int)'
    """
    rest = tuple(a for a in source.args if not is_size(a))
    return tree.Call(source.span, source.name, (*map(_argument, sizes), *rest))


def is_size(given: tree.Argument) -> bool:
    """Return whether an argument of an ``in(...)`` is one of its sizes: no flag, no ``int(V)``, no name."""
    value = given.value
    if given.name is not None or isinstance(value, (tree.Call, tree.String)):
        return False
    return not isinstance(value, tree.Name) or value.is_symbol
