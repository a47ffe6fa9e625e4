"""Find one pattern for several expressions: their common part, and the places where they differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from seqtopo.decompiler import writing
from seqtopo.layers.registry import NAMES
from seqtopo.layers.row import REQUIRED
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

MOST_PARAMETERS = 3
LETTERS = {
    "filters": "F",
    "units": "U",
    "kernel_size": "K",
    "dilation_rate": "D",
    "strides": "S",
    "pool_size": "P",
    "num_heads": "H",
    "rate": "R",
}
"""The names of macro parameters, by the layer parameter whose values differ."""
SPARE = ("N", "M", "A", "B", "C", "E", "G", "X", "Y", "Z", "N1", "N2", "N3", "N4", "N5", "N6")


@dataclass
class Pattern:
    """The common part of several runs of steps; ``columns`` are the differing values, by name."""

    steps: tuple[tree.Expr, ...]
    columns: dict[str, tuple[tree.Expr, ...]] = field(default_factory=dict)
    collected: dict[str, int] = field(default_factory=dict)
    """The names with consecutive numbers, as a loop names the values that it collects."""


class UnlikeError(Exception):
    """The expressions have too little in common."""


def unify(
    runs: Sequence[Sequence[tree.Expr]], taken: Iterable[str], loops: Iterable[str] = ()
) -> Pattern | None:
    """Return the pattern of several runs of equally many steps; None if they have too little in common.

    ``taken`` are names that may not be used; names of ``loops`` around become parameters.
    """
    one = _Unifier(len(runs), set(taken) | _targets(runs[0]), set(loops))
    try:
        steps = tuple(one.expr(column, None) for column in zip(*runs, strict=True))
    except UnlikeError:
        return None
    return Pattern(steps, one.columns, one.collected)


def _targets(run: Sequence[tree.Expr]) -> set[str]:
    """Return the names that loops inside some steps bind, which would hide equal names of an outer loop."""
    loops = [n for n in tree.every(run) if isinstance(n, (tree.For, tree.Loop))]
    return {target.name for loop in loops for target in loop.targets}


class _Unifier:
    def __init__(self, count: int, taken: set[str], loops: set[str]) -> None:
        self.count = count
        self.taken = taken
        self.loops = loops
        self.columns: dict[str, tuple[tree.Expr, ...]] = {}
        self.collected: dict[str, int] = {}

    def expr(self, many: Sequence[Any], of: str | None) -> Any:
        """Return the pattern of one expression of each run; ``of`` is the parameter whose argument it is."""
        first = many[0]
        if not isinstance(first, tree.Node) or any(type(m) is not type(first) for m in many):
            if all(m == first for m in many) and not isinstance(first, tree.Node):
                return first
            return self._leaf(many, of)
        if isinstance(first, tree.As):
            return self._named(many)
        if isinstance(first, tree.Call):
            return self._call(many)
        if isinstance(first, tree.Name) and first.name in self.loops:
            return self._column(tuple(many), of)
        if all(m == first for m in many) and not self._has_loop(first):
            return first
        if isinstance(first, (tree.Number, tree.Name, tree.String, tree.Negative)):
            return self._leaf(many, of)
        parts = {}
        for name in first.__match_args__:
            values = [getattr(m, name) for m in many]
            parts[name] = values[0] if name == "span" else self._part(values, of)
        return replace(first, **parts)

    def _part(self, values: list[Any], of: str | None) -> Any:
        if isinstance(values[0], tuple):
            if len({len(v) for v in values}) > 1:
                raise UnlikeError
            return tuple(self._part(list(column), of) for column in zip(*values, strict=True))
        if isinstance(values[0], tree.Node):
            return self.expr(values, of)
        if any(v != values[0] for v in values):
            raise UnlikeError
        return values[0]

    def _has_loop(self, node: tree.Node) -> bool:
        return bool(self.loops) and any(
            isinstance(n, tree.Name) and n.name in self.loops for n in tree.every([node])
        )

    def _named(self, many: Sequence[tree.As]) -> tree.As:
        name = many[0].name.name
        wanted = [name, *(f"{name}_{i}" for i in range(1, self.count))]
        if [m.name.name for m in many] != wanted or name in self.collected:
            raise UnlikeError
        self.collected[name] = self.count
        return replace(many[0], body=self.expr([m.body for m in many], None))

    def _call(self, many: Sequence[tree.Call]) -> tree.Call:
        name = many[0].name
        if any(m.name != name for m in many):
            raise UnlikeError
        row = NAMES.get(name.name)
        positional = [p.rstrip("*") for p in row.positional] if row else []
        plain = [[a for a in m.args if a.name is None] for m in many]
        if len({len(p) for p in plain}) > 1:
            raise UnlikeError
        args = []
        for i, column in enumerate(zip(*plain, strict=True)):
            of = positional[min(i, len(positional) - 1)] if positional else name.name
            args.append(replace(column[0], value=self.expr([a.value for a in column], of)))
        keys = list(dict.fromkeys(a.name.name for m in many for a in m.args if a.name is not None))
        for key in keys:
            values = [self._keyword(m, key) for m in many]
            args.append(writing.argument(self.expr(values, key), key))
        return tree.Call(many[0].span, name, tuple(args))

    def _keyword(self, call: tree.Call, key: str) -> tree.Expr:
        found = call.named(key)
        if found is not None:
            return found
        row = NAMES.get(call.name.name)
        param = row.by_name.get(key) if row else None
        if param is None or param.default is REQUIRED or not isinstance(param.default, (int, float)):
            raise UnlikeError
        return writing.value(param.default)

    def _leaf(self, many: Sequence[Any], of: str | None) -> tree.Expr:
        if of is None or not all(_is_value(m) for m in many):
            raise UnlikeError
        words = [isinstance(m, tree.Name) for m in many]
        if any(words) and not all(words):
            raise UnlikeError
        return self._column(tuple(many), of)

    def _column(self, column: tuple[tree.Expr, ...], of: str | None) -> tree.Expr:
        for name, known in self.columns.items():
            if known == column:
                return writing.name(name)
        if len(self.columns) >= MOST_PARAMETERS:
            raise UnlikeError
        wanted = LETTERS.get(of or "")
        if not all(
            isinstance(c, (tree.Number, tree.Negative)) and isinstance(_number(c), int) for c in column
        ):
            wanted = of if of in ("rate", "dropout", "how") else None
        free = [n for n in (wanted, *SPARE) if n and n not in self.taken and n not in self.columns]
        if not free:
            raise UnlikeError
        self.columns[free[0]] = column
        return writing.name(free[0])


def _is_value(node: Any) -> bool:
    if isinstance(node, tree.Tuple):
        return all(map(_is_value, node.items))
    if isinstance(node, tree.Negative):
        return isinstance(node.body, tree.Number)
    return isinstance(node, tree.Number) or (isinstance(node, tree.Name) and not node.is_symbol)


def _number(node: tree.Expr) -> object:
    return _number(node.body) if isinstance(node, tree.Negative) else getattr(node, "value", None)


def symbols(nodes: Iterable[Any]) -> set[str]:
    """Return every name in some trees."""
    return {n.name for n in tree.every(nodes) if isinstance(n, tree.Name)}


def size(nodes: Iterable[tree.Node]) -> int:
    """Return the length of some trees as text."""
    return sum(len(print_expr(n)) + 4 for n in nodes)


def numbered(name: str) -> bool:
    """Return whether a name ends in a number, as collected names do."""
    return re.search(r"_\d+$", name) is not None
