"""Compare the steps of two specs, and say what an argument or an input of one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqtopo.code.model import Argument
from seqtopo.code.python_text import UntranslatableError, row_of
from seqtopo.code.words import arguments
from seqtopo.layers.row import Param, Row
from seqtopo.syntax import tree
from seqtopo.syntax.print import print_expr


def shared_steps(one: Sequence[tree.Expr], other: Sequence[tree.Expr]) -> int:
    """Return the number of steps that two flows have in common at the beginning."""
    for i, (a, b) in enumerate(zip(one, other, strict=False)):
        if not same(a, b):
            return i
    return min(len(one), len(other))


def steps_of(value: tree.Expr) -> list[tree.Expr]:
    """Return the steps of a flow, or a step alone."""
    return list(value.steps) if isinstance(value, tree.Flow) else [value]


def kind_of(node: tree.Expr) -> str:
    """Return the name of a step's layer, which is the same for steps with other arguments."""
    row = row_of(node)
    if row is not None:
        return row.name
    if isinstance(node, tree.Call):
        return node.name.name
    return print_expr(node)


def is_bare_activation(node: tree.Expr) -> bool:
    """Return whether a node is a bare activation, short for ``act(...)`` with it as argument."""
    return False if isinstance(node, tree.Call) else row_of(node) is None


def same(one: tree.Expr | None, other: tree.Expr) -> bool:
    """Return whether two steps are written alike."""
    return one is not None and print_expr(one) == print_expr(other)


def wrapped_by(node: tree.Expr) -> tree.Expr | None:
    """Return the node inside a wrapper; None if the node is no wrapper."""
    row = row_of(node)
    if row is None or not row.wraps or not isinstance(node, tree.Call) or not node.args:
        return None
    return node.args[0].value


def given_to(row: Row, node: tree.Expr) -> dict[str, tuple[Param, Any]]:
    """Return the arguments of a step by their parameters' names."""
    if not isinstance(node, tree.Call):
        return {}
    found = arguments(row, node)
    if found is None:
        raise UntranslatableError
    return {param.name: (param, value) for param, value in found}


def argument_of(args: dict[str, Argument], param: Param) -> Argument | None:
    """Return the argument of a call in Python for a parameter."""
    return args.get(param.keras_name) or args.get(param.name)


def rest_of_input(call: tree.Call) -> dict[str, str]:
    """Return the arguments of an ``in(...)`` beside its shape, as texts by name."""
    found: dict[str, str] = {}
    for arg in call.args:
        if arg.name is not None:
            found[arg.name.name] = print_expr(arg.value)
        elif isinstance(arg.value, tree.Name) and not arg.value.is_symbol:
            found["dtype"] = "int32" if arg.value.name == "int" else arg.value.name
        elif isinstance(arg.value, tree.Call):
            found["dtype"] = "int32"
    return found
