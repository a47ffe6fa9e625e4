"""Print a tree as text on one line, in the house style.

No blank after a comma between arguments and in a tuple, one after a comma in a list, in ``let``,
``train`` and the head of a ``def``; blanks around ``->`` and around the ``*`` that repeats a flow,
none in arithmetic on sizes, and none around the ``=`` of an argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from seqtopo.syntax import tree

# The precedence of expressions; a looser one is put in parentheses where a tighter one is needed.
FLOW, STEP, SUM, PRODUCT, FACTOR, ATOM = range(6)


def print_expr(node: tree.Node) -> str:
    """Return the text of any node of the tree, on one line.

    Parentheses are added where the text would otherwise be read as another tree.

    >>> from seqtopo.source import Source
    >>> from seqtopo.syntax.parse import parse
    >>> spec, _ = parse(Source("x=in( T ,F )->[ a,b ]->lstm( 64,seq )*2"))
    >>> print_expr(spec.statements[0])
    'x = in(T,F) -> [a, b] -> lstm(64,seq) * 2'
    """
    return _PRINTERS[type(node)](node)


def print_spec(spec: tree.Spec) -> str:
    """Return the text of a whole spec, one line for each statement; comments are not in the tree."""
    return "".join(print_expr(statement) + "\n" for statement in spec.statements)


def level(node: tree.Node) -> int:
    """Return the precedence of a node, from FLOW, which binds loosest, to ATOM."""
    if isinstance(node, tree.Arithmetic):
        return SUM if node.rest[0][0] in "+-" else PRODUCT
    return _LEVELS.get(type(node), ATOM)


def operator(node: tree.Arithmetic, mark: str) -> str:
    """Return an operator with the spaces around it that it has in this expression."""
    return mark if _is_size(node) else f" {mark} "


def loop_head(node: tree.For | tree.Loop) -> str:
    """Return the text between the body of a ``for`` and its values."""
    return f" for {', '.join(name.name for name in node.targets)} in "


def domain_end(node: tree.Domain) -> str:
    """Return the text behind the values of a searched name."""
    step = f" step {_at(node.step, SUM)}" if node.step is not None else ""
    return f"{' log' if node.log else ''}{step}"


def entry(node: tree.Expr) -> tree.Expr:
    """Return the text of an item of a list; a ``for`` over steps in a row is put in parentheses.

    Without them the ``for`` would make a branch of each value.
    """
    match node:
        case tree.For():
            return tree.Group(node.span, node)
        case tree.Flow():
            return replace(node, steps=tuple(map(entry, node.steps)))
        case tree.As() | tree.Branches():
            return replace(node, body=entry(node.body))
        case _:
            return node


def definition_head(node: tree.Def) -> str:
    """Return the text of a ``def`` up to its body."""
    return f"def {node.name.name}({_joined(', ', node.params)}) = "


def _at(node: tree.Node, needed: int) -> str:
    text = print_expr(node)
    return f"({text})" if level(node) < needed else text


def _is_size(node: tree.Node) -> bool:
    """Return whether an expression is arithmetic on sizes, and not the repeat of a flow."""
    match node:
        case tree.Number() | tree.Wild() | tree.Unknown():
            return True
        case tree.Name():
            return node.is_symbol
        case tree.Group() | tree.Negative():
            return _is_size(node.body)
        case tree.Arithmetic():
            return _is_size(node.first) and all(_is_size(operand) for _, operand in node.rest)
        case _:
            return False


def _joined(comma: str, nodes: Iterable[tree.Node]) -> str:
    return comma.join([print_expr(node) for node in nodes])


# Control characters, line ends, and characters that reverse the order of text: they are invisible.
_UNSEEN = "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"


def _string(node: tree.String) -> str:
    quote = "'" if '"' in node.value and "'" not in node.value else '"'
    text = node.value.replace("\\", "\\\\").replace(quote, "\\" + quote)
    text = text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return quote + re.sub(_UNSEEN, lambda found: f"\\u{ord(found[0]):04x}", text) + quote


def _tuple(node: tree.Tuple) -> str:
    return f"({_joined(',', node.items)},)" if len(node.items) == 1 else f"({_joined(',', node.items)})"


def _arithmetic(node: tree.Arithmetic) -> str:
    tighter = level(node) + 1
    parts = [_at(node.first, tighter)]
    tight = _is_size(node)
    for mark, operand in node.rest:
        parts += (mark if tight else f" {mark} ", _at(operand, tighter))
    return "".join(parts)


def _parameter(node: tree.Parameter) -> str:
    return node.name.name if node.default is None else f"{node.name.name}={print_expr(node.default)}"


def _argument(node: tree.Argument) -> str:
    value = print_expr(node.value)
    return value if node.name is None else f"{node.name.name}={value}"


_LEVELS: dict[type[tree.Node], int] = {
    tree.Flow: FLOW,
    tree.As: STEP,
    tree.For: STEP,
    tree.Negative: FACTOR,
}

_PRINTERS: dict[type[tree.Node], Callable[[Any], str]] = {
    tree.Number: lambda n: n.text,
    tree.String: _string,
    tree.Name: lambda n: n.name,
    tree.Wild: lambda n: "_",
    tree.Unknown: lambda n: "?",
    tree.Group: lambda n: f"({print_expr(n.body)})",
    tree.Tuple: _tuple,
    tree.List: lambda n: f"[{_joined(', ', map(entry, n.items))}]",
    tree.Range: lambda n: f"[{_at(n.low, SUM)}..{_at(n.high, SUM)}]",
    tree.Negative: lambda n: f"-{_at(n.body, FACTOR)}",
    tree.Arithmetic: _arithmetic,
    tree.Attribute: lambda n: ".".join([n.base.name, *(name.name for name in n.names)]),
    tree.Argument: _argument,
    tree.Call: lambda n: f"{n.name.name}({_joined(',', n.args)})",
    tree.Flow: lambda n: " -> ".join([_at(step, STEP) for step in n.steps]),
    tree.As: lambda n: f"{_at(n.body, STEP)} as {n.name.name}",
    tree.For: lambda n: f"{_at(n.body, STEP)}{loop_head(n)}{_at(n.values, SUM)}",
    tree.Loop: lambda n: f"{loop_head(n)}{_at(n.values, SUM)}",
    tree.Branches: lambda n: f"{print_expr(n.body)}{_joined('', n.loops)}",
    tree.Binding: lambda n: f"{n.name.name} = {print_expr(n.value)}",
    tree.Parameter: _parameter,
    tree.Let: lambda n: f"let {_joined(', ', n.bindings)}",
    tree.Domain: lambda n: f"{n.name.name} in {_at(n.values, SUM)}{domain_end(n)}",
    tree.Search: lambda n: f"search {_joined(', ', n.domains)}",
    tree.Bind: lambda n: f"{n.name.name} = {print_expr(n.value)}",
    tree.Def: lambda n: definition_head(n) + print_expr(n.body),
    tree.Train: lambda n: f"train {_joined(', ', n.args)}",
    tree.Output: lambda n: print_expr(n.value),
    tree.Spec: print_spec,
}
