"""Locate a layer behind the wrappers around it, and rewrite its step with other arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from seqtopo.diag.model import Edit, Fix
from seqtopo.graph.graph import Node
from seqtopo.layers import registry
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Row
from seqtopo.layers.values import Object
from seqtopo.lint.view import View, once
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr


class Place(NamedTuple):
    """A layer behind the wrappers around it, as in ``td(dense(1))``, and its own text.

    ``expr`` is None where the layer is not written out there: a name stands in its place.
    """

    layer: Layer
    span: Span
    expr: tree.Expr | None

    def fix(self, title: str, change: Callable[[tree.Expr], tree.Expr | None]) -> tuple[Fix, ...]:
        """Return a guess that writes the layer otherwise; none where its text does not say
        what is changed.
        """
        changed = None if self.expr is None else change(self.expr)
        if changed is None or self.expr is None:
            return ()
        return (Fix(title, (Edit(self.expr.span, print_expr(changed)),)),)


def place_of(view: View, node: Node) -> Place:
    """Return the innermost layer of a call, where it was written first."""
    layer = node.layer
    assert layer is not None
    places = _places(view)
    if layer not in places:
        places[layer] = _place(view, view.first(node), layer)
    return places[layer]


@once
def _places(view: View) -> dict[Layer, Place]:
    return {}


def _place(view: View, node: Node, layer: Layer) -> Place:
    expr, span = view.written(node), node.span
    while isinstance(inner := layer.get("layer"), Layer):
        layer = inner
        expr = _wrapped(expr)
        span = expr.span if expr is not None else node.spans.get("layer", span)
    return Place(layer, span, expr if expr is not None and _names(expr, layer.row) else None)


FURTHEST = 100
"""The maximum number of steps that rules look back over; more distant layers are not reported."""


def back_over(view: View, node: Node, over: Callable[[View, Node], bool]) -> Node:
    """Return the nearest node behind a call's first value for which ``over`` does not hold."""
    here = view.maker(node.inputs[0])
    for _ in range(FURTHEST):
        if here.layer is None or not over(view, here) or here.inputs[0].extra:
            break
        here = view.maker(here.inputs[0])
    return here


def _wrapped(expr: tree.Expr | None) -> tree.Expr | None:
    if not isinstance(expr, tree.Call):
        return None
    for arg in expr.args:
        if arg.name is None or arg.name.name == "layer":
            found = arg.value
            while isinstance(found, tree.Group):
                found = found.body
            return found
    return None


def _names(expr: tree.Expr, row: Row) -> bool:
    """Return whether a step names this layer, and not a name that is bound to it."""
    name = expr.name if isinstance(expr, tree.Call) else expr
    if not isinstance(name, tree.Name):
        return False
    # A bare activation's name as a step is act(name), even where a layer has that name, too.
    return registry.find(name.name) is row or (row.name == "act" and isinstance(expr, tree.Name))


def word_of(value: Any) -> str:
    """Return the name of a Keras object that was read: ``relu`` of ``relu(max_value=6)``; "" for none."""
    return value.name if isinstance(value, Object) else value if isinstance(value, str) else ""


def with_word(expr: tree.Expr, old: str, new: str | None) -> tree.Expr | None:
    """Return a step with another word in the place of one, or without it; None where it is not written there.

    >>> span = Span(0, 0)
    >>> dense = tree.Call(span, tree.Name(span, "dense"), (
    ...     tree.Argument(span, None, tree.Number(span, 1, "1")),
    ...     tree.Argument(span, None, tree.Name(span, "softmax")),
    ... ))
    >>> print_expr(with_word(dense, "softmax", "sigmoid")), print_expr(with_word(dense, "softmax", None))
    ('dense(1,sigmoid)', 'dense(1)')
    """
    if isinstance(expr, tree.Name):
        return tree.Name(expr.span, new) if expr.name == old and new is not None else None
    if not isinstance(expr, tree.Call):
        return None
    if expr.name.name == old and new is not None and not expr.args:
        return tree.Name(expr.span, new)
    found: list[tree.Argument] = []
    for arg in expr.args:
        if isinstance(arg.value, tree.Name) and arg.value.name == old:
            if new is not None:
                found.append(tree.Argument(arg.span, arg.name, tree.Name(arg.value.span, new)))
        else:
            found.append(arg)
    changed = tree.Call(expr.span, expr.name, tuple(found))
    return changed if changed != expr else None


def without(expr: tree.Expr, param: str, row: Row) -> tree.Expr | None:
    """Return a step without the argument that sets a parameter; None where none does.

    A bare word of a name that is not a flag (a macro's parameter) is not looked into.
    """
    if not isinstance(expr, tree.Call):
        return None
    kept = tuple(arg for arg in expr.args if not _sets(arg, param, row))
    return tree.Call(expr.span, expr.name, kept) if len(kept) < len(expr.args) else None


def _sets(arg: tree.Argument, param: str, row: Row) -> bool:
    if arg.name is not None:
        found = row.by_name.get(arg.name.name)
        return found is not None and found.name == param
    flag = row.flags.get(arg.value.name) if isinstance(arg.value, tree.Name) else None
    return flag is not None and flag[0].name == param


def with_argument(expr: tree.Expr, name: str | None, value: tree.Expr) -> tree.Expr | None:
    """Return a step with an argument more: a flag among the positional ones, or one by its
    name at the end.
    """
    span = expr.span
    if name is None:
        more = tree.Argument(span, None, value)
    else:
        more = tree.Argument(span, tree.Name(span, name), value)
    if isinstance(expr, tree.Name):
        return tree.Call(span, expr, (more,))
    if not isinstance(expr, tree.Call):
        return None
    at = next((i for i, a in enumerate(expr.args) if a.name is not None), len(expr.args))
    at = at if name is None else len(expr.args)
    return tree.Call(span, expr.name, (*expr.args[:at], more, *expr.args[at:]))
