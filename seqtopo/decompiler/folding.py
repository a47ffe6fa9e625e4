"""Fold repeats in a flow: equal steps become ``* 3``, similar ones a ``for``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seqtopo.decompiler import writing
from seqtopo.decompiler.flows import as_flow
from seqtopo.decompiler.unify import Pattern, size, symbols, unify
from seqtopo.syntax import tree

LONGEST = 24
"""The most steps of a repeated part."""
SHORTEST_LOOP = 26
"""The least characters of two similar parts that become a loop."""

MOST_COMPARED = 20_000
"""The compared steps after which only equal ones are folded, so that a very long flow takes seconds."""
FEW = 8
"""The number of turns up to which every smaller number is tried."""
APART = 16
"""The least characters that splitting a list from its merge must save."""


@dataclass
class Folded:
    """Statements with their repeats folded; ``collected`` has the number of values of each collected name."""

    statements: list[tree.Statement]
    collected: dict[str, int]


def fold(statements: Sequence[tree.Statement], collect: bool = True) -> Folded:
    """Return the statements with repeats folded.

    With ``collect``, names that end in consecutive numbers may be collected by a loop.
    """
    one = _Folder(symbols(statements), _values(statements), collect)
    found = [one.statement(s) for s in statements]
    listed = [_listed(s, one.collected) for s in found]
    return Folded(listed, one.collected)


def _values(statements: Iterable[tree.Statement]) -> set[str]:
    """Return the names of values; a flow that begins with one is not repeated."""
    named = {n.name.name for n in tree.every(statements) if isinstance(n, tree.As)}
    bound = {
        s.name.name for s in statements if isinstance(s, tree.Bind) and begins_with_source(s.value, named)
    }
    return named | bound


def begins_with_source(expr: tree.Expr, values: set[str]) -> bool:
    """Return whether a flow begins with an input or a value's name."""
    while True:
        match expr:
            case tree.Flow():
                expr = expr.steps[0]
            case tree.As() | tree.For() | tree.Branches() | tree.Group():
                expr = expr.body
            case tree.Arithmetic():
                expr = expr.first
            case tree.List():
                return bool(expr.items) and all(begins_with_source(i, values) for i in expr.items)
            case tree.Call():
                return expr.name.name == "in"
            case tree.Name():
                return expr.name in values
            case _:
                return True


class _Folder:
    def __init__(self, taken: set[str], values: set[str], collect: bool) -> None:
        self.taken = taken
        self.values = values
        self.collect = collect
        self.collected: dict[str, int] = {}
        self.compared = 0
        """The number of steps that were compared for loops."""

    def statement(self, statement: tree.Statement) -> tree.Statement:
        match statement:
            case tree.Bind():
                self._add(statement)
                return replace(statement, value=self.expr(statement.value))
            case tree.Output():
                return replace(statement, value=self.expr(statement.value, ends=True))
            case tree.Def():
                return replace(statement, body=self.expr(statement.body))
        return statement

    def _add(self, statement: tree.Bind) -> None:
        if begins_with_source(statement.value, self.values):
            self.values.add(statement.name.name)

    def expr(self, node: Any, ends: bool = False) -> Any:
        """Return an expression with every flow in it folded; ``ends`` says that its value is not used."""
        if isinstance(node, tuple):
            return tuple(self.expr(n) for n in node)
        if not isinstance(node, tree.Node):
            return node
        if isinstance(node, tree.Flow):
            return self.flow(self.completed(node.steps) if ends else [node.steps])
        if isinstance(node, tree.Argument) and isinstance(node.value, tree.List):
            # A list of values: what stands in it may be flows, but it is not a list of branches.
            return replace(node, value=replace(node.value, items=self.expr(node.value.items)))
        if isinstance(node, tree.List):
            return replace(node, items=self.branches(self.expr(node.items)))
        parts = {name: getattr(node, name) for name in node.__match_args__}
        return replace(node, **{k: v if k == "span" else self.expr(v) for k, v in parts.items()})

    def branches(self, items: tuple[tree.Expr, ...]) -> tuple[tree.Expr, ...]:
        """Return the items of a list, with neighbours that are alike as a loop."""
        found: list[tree.Expr] = []
        heads = [tuple(map(_head, _steps(item))) for item in items]
        at = 0
        while at < len(items):
            stop = at + 1
            while stop < len(items) and heads[stop] == heads[at]:
                stop += 1
            looped = self._side_by_side(items[at:stop])
            found.append(looped[1] if looped is not None else items[at])
            at += looped[0] if looped is not None else 1
        return tuple(found)

    def _side_by_side(self, items: tuple[tree.Expr, ...]) -> tuple[int, tree.Expr] | None:
        """Return the number of items, from the first on, that one loop can replace, and the loop."""
        made = self._loop([_steps(item) for item in items], 0, 1)
        if made is None:
            return None
        count, row, pattern = made
        looped = tree.Branches(
            writing.NOWHERE, row.body, (tree.Loop(writing.NOWHERE, row.targets, row.values),)
        )
        if sum(size([item]) for item in items[:count]) - size([looped]) <= (APART if count == 2 else 0):
            return None
        self.collected.update(pattern.collected)
        return count, looped

    def flow(self, several: Sequence[tuple[tree.Expr, ...]]) -> tree.Expr:
        """Return the shortest of several forms of a flow, each folded."""
        before = dict(self.collected)
        found: list[tuple[int, tree.Expr, dict[str, int]]] = []
        for steps in several:
            self.collected = dict(before)
            folded = as_flow(self.steps(tuple(map(self.expr, steps))))
            found.append((size([folded]), folded, self.collected))
        _, shortest, self.collected = min(found, key=lambda f: f[0])
        return shortest

    def steps(self, steps: tuple[tree.Expr, ...]) -> tuple[tree.Expr, ...]:
        """Return the steps of a flow with its best repeat folded, then the next best."""
        for _ in range(64):
            best = self._best(steps)
            if best is None:
                return steps
            start, stop, folded, pattern = best
            if pattern is not None:
                self.collected.update(pattern.collected)
            steps = (*steps[:start], folded, *steps[stop:])
        return steps

    def _best(self, steps: tuple[tree.Expr, ...]) -> tuple[int, int, tree.Expr, Pattern | None] | None:
        found: tuple[int, int, tree.Expr, Pattern | None] | None = None
        most = 0
        first = over = 1 if begins_with_source(steps[0], self.values) else 0
        lengths = [size([s]) for s in steps]
        heads = [_head(s) for s in steps]
        for period in range(1, min(LONGEST, (len(steps) - first) // 2) + 1):
            start = first
            phases = len(steps)
            while start + 2 * period <= len(steps):
                if start >= phases:
                    # All ways to begin this repeat were tried.
                    start, phases = max(start, over), len(steps)
                    continue
                times = _count_repeats(heads, start, period)
                if times < 2:
                    start += 1
                    continue
                candidate = self._folded(steps, start, period, times)
                if candidate is not None and phases == len(steps) and times > FEW:
                    phases, over = start + period, start + period * (times - 1)
                if candidate is not None:
                    stop, folded, pattern = candidate
                    saved = sum(lengths[start:stop]) - size([folded])
                    # A list stays beside what merges it.
                    if start and isinstance(steps[start - 1], tree.List):
                        saved -= APART
                    elif isinstance(steps[start], tree.Name):
                        saved -= 1
                    if saved > most:
                        most, found = saved, (start, stop, folded, pattern)
                start += 1
        return found

    def _folded(
        self, steps: tuple[tree.Expr, ...], start: int, period: int, times: int
    ) -> tuple[int, tree.Expr, Pattern | None] | None:
        """Return the longest repeat of ``period`` steps from ``start`` on."""
        runs = [steps[start + i * period : start + (i + 1) * period] for i in range(times)]
        equal = 1
        while equal < times and runs[equal] == runs[0]:
            equal += 1
        if equal > 1 and not any(isinstance(n, tree.As) for n in tree.every(runs[0])):
            body = as_flow(runs[0])
            folded = tree.Arithmetic(writing.NOWHERE, body, (("*", writing.number(equal)),))
            if equal == times:
                return start + equal * period, folded, None
            alike = self._loop(runs, start, period)
            return alike if alike is not None else (start + equal * period, folded, None)
        return self._loop(runs, start, period)

    def _loop(
        self, runs: list[tuple[tree.Expr, ...]], start: int, period: int
    ) -> tuple[int, tree.For, Pattern] | None:
        for count in _repeat_counts(len(runs)):
            self.compared += count * period
            if self.compared > MOST_COMPARED:
                return None
            pattern = unify(runs[:count], self.taken | set(self.collected))
            if pattern is None or (pattern.collected and not self.collect) or not pattern.columns:
                continue
            if count == 2 and (size(pattern.steps) < SHORTEST_LOOP or pattern.collected):
                continue
            return start + count * period, loop(pattern, count), pattern
        return None

    def completed(self, steps: tuple[tree.Expr, ...]) -> list[tuple[tree.Expr, ...]]:
        """Return the steps, and the steps with an unused sum added to the last turn.

        What is not used is not built.
        """
        if not (self.collect and isinstance(steps[-1], tree.As)):
            return [steps]
        for at in range(len(steps) - 1, 0, -1):
            here = steps[at]
            if not (isinstance(here, tree.Call) and here.name.name == "res"):
                continue
            inner = here.args[0].value
            inside = inner.steps if isinstance(inner, tree.Flow) else (inner,)
            cut = len(steps) - len(inside)
            if cut <= at or unify([inside[:-1], steps[cut:-1]], self.taken) is None:
                break
            whole = writing.call("res", [writing.argument(as_flow(steps[cut:]))])
            turns = (*steps[:cut], whole)
            return [steps, turns, (*turns, *steps[at + 1 : cut])]
        return [steps]


def _steps(item: tree.Expr) -> tuple[tree.Expr, ...]:
    """Return the steps of a branch."""
    return item.steps if isinstance(item, tree.Flow) else (item,)


def _repeat_counts(most: int) -> Iterator[int]:
    """Yield the numbers of turns to try, from all down to two, without each number if there are many."""
    while most > 1:
        yield most
        most = most - 1 if most <= FEW else most // 2


def _head(step: tree.Expr) -> object:
    """Return the part of a step in which similar steps must be equal."""
    if isinstance(step, (tree.As, tree.For, tree.Branches)):
        return type(step), _head(step.body)
    if isinstance(step, tree.Call):
        return step.name.name
    if isinstance(step, tree.List):
        return tuple(map(_head, step.items))
    return step if isinstance(step, tree.Name) else type(step)


def _count_repeats(heads: Sequence[object], start: int, period: int) -> int:
    """Return how many times the heads of ``period`` steps follow each other from ``start`` on."""
    times = 1
    while True:
        here = start + times * period
        if here + period > len(heads) or heads[here : here + period] != heads[start : start + period]:
            return times
        times += 1


def loop(pattern: Pattern, count: int) -> tree.For:
    """Return a ``for`` over the values of a pattern."""
    names = tuple(writing.name(n) for n in pattern.columns)
    columns = list(pattern.columns.values())
    if len(columns) == 1:
        (column,) = columns
        whole = [c.value for c in column if isinstance(c, tree.Number) and isinstance(c.value, int)]
        if count > 3 and whole == list(range(whole[0] if whole else 0, (whole[0] if whole else 0) + count)):
            values: tree.Expr = tree.Range(writing.NOWHERE, column[0], column[-1])
        else:
            values = tree.List(writing.NOWHERE, column)
    else:
        rows = zip(*columns, strict=True)
        values = tree.List(writing.NOWHERE, tuple(tree.Tuple(writing.NOWHERE, tuple(r)) for r in rows))
    return tree.For(writing.NOWHERE, as_flow(pattern.steps), names, values)


def _listed(node: Any, collected: dict[str, int]) -> Any:
    """Return expressions in which lists of all values of a loop are replaced by its name."""
    if isinstance(node, tuple):
        return tuple(_listed(n, collected) for n in node)
    if not isinstance(node, tree.Node) or not collected:
        return node
    if isinstance(node, tree.List):
        items = list(_listed(node.items, collected))
        for name, count in collected.items():
            wanted = [writing.name(name), *(writing.name(f"{name}_{i}") for i in range(1, count))]
            for at in range(len(items) - count + 1):
                if items[at : at + count] == wanted:
                    items[at : at + count] = [writing.name(name)]
                    break
        if len(items) == 1 and len(node.items) > 1:
            return items[0]
        return replace(node, items=tuple(items))
    parts = {name: getattr(node, name) for name in node.__match_args__}
    return replace(node, **{k: v if k == "span" else _listed(v, collected) for k, v in parts.items()})
