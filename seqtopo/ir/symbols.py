"""The names that stand in expressions: those a dimension is computed from, those that can be bound."""

from __future__ import annotations

from seqtopo.syntax import tree


def names_in(expr: tree.Expr) -> set[str]:
    """Every name in a dimension's value."""
    found: set[str] = set()
    todo: list[tree.Expr] = [expr]
    while todo:
        here = todo.pop()
        match here:
            case tree.Name():
                found.add(here.name)
            case tree.Group() | tree.Negative():
                todo.append(here.body)
            case tree.Tuple() | tree.List():
                todo.extend(here.items)
            case tree.Arithmetic():
                todo.append(here.first)
                todo.extend(operand for _, operand in here.rest)
    return found


def symbols_of(spec: tree.Spec) -> set[str]:
    """Every name in a spec that a binding from outside may set: its symbols and its ``let``s."""
    found: set[str] = set()
    for here in tree.every(spec):
        if isinstance(here, tree.Name) and here.is_symbol:
            found.add(here.name)
        elif isinstance(here, tree.Binding):
            found.add(here.name.name)
    return found
