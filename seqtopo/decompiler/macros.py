"""Replace equal parts in several places by a macro, a ``def``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seqtopo.decompiler import writing
from seqtopo.decompiler.flows import as_flow
from seqtopo.decompiler.folding import _values, begins_with_source
from seqtopo.decompiler.unify import Pattern, size, symbols, unify
from seqtopo.layers import registry
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

LONGEST = 14
"""The most steps of a macro."""
LEAST = 24
"""The least characters that a macro must save."""
MOST = 8
"""The most macros in one spec."""

Hints = Mapping[str, Counter[str]]
"""The macros or bindings in which a step was written, by the text of the step."""


@dataclass(frozen=True)
class _Place:
    """A run of steps in a flow: the flow's id, the first step, their number, and the loops around."""

    flow: int
    start: int
    steps: tuple[tree.Expr, ...]
    loops: frozenset[str]


def with_macro(
    statements: Sequence[tree.Statement], hints: Hints, fresh: Callable[[str], str]
) -> list[tree.Statement] | None:
    """Return the statements with one more macro; None if no macro saves enough."""
    taken = symbols(statements)
    values = _values(statements)
    best: tuple[int, Pattern, list[_Place]] | None = None
    for places in _similar_places(statements, values):
        for chosen in _choices(places):
            loops = set().union(*(p.loops for p in chosen))
            pattern = unify([p.steps for p in chosen], taken, loops)
            if pattern is None or pattern.collected:
                continue
            saved = _saved_characters(pattern, chosen)
            if saved >= LEAST and (best is None or saved > best[0]):
                best = (saved, pattern, chosen)
    if best is None:
        return None
    _, pattern, places = best
    name = fresh(_macro_name(pattern, places, hints))
    replaced = _Replacer(name, pattern, places)
    found = [replaced.node(s) for s in statements]
    params = tuple(tree.Parameter(writing.NOWHERE, writing.name(p), None) for p in pattern.columns)
    macro = tree.Def(writing.NOWHERE, writing.name(name), params, as_flow(pattern.steps))
    return [macro, *found]


def _similar_places(statements: Sequence[tree.Statement], values: set[str]) -> Iterator[list[_Place]]:
    """Yield places of equally many steps that call the same layers in the same order."""
    found: dict[tuple[object, ...], list[_Place]] = {}
    for flow, steps, loops in _flows(statements):
        first = 1 if begins_with_source(steps[0], values) else 0
        heads = [_shape(s) for s in steps]
        usable = [not _is_bound(s, values) for s in steps]
        for start in range(first, len(steps)):
            for count in range(1, min(LONGEST, len(steps) - start) + 1):
                if not usable[start + count - 1]:
                    break
                place = _Place(flow, start, steps[start : start + count], loops)
                found.setdefault(tuple(heads[start : start + count]), []).append(place)
    for places in found.values():
        if len(places) > 1:
            yield places


def _flows(nodes: Sequence[Any]) -> Iterator[tuple[int, tuple[tree.Expr, ...], frozenset[str]]]:
    """Yield every flow, with the names of the loops around it."""
    todo: list[tuple[Any, frozenset[str]]] = [(n, frozenset()) for n in nodes]
    while todo:
        here, loops = todo.pop()
        if isinstance(here, tuple):
            todo += [(n, loops) for n in here]
        elif isinstance(here, tree.Node):
            if isinstance(here, tree.Flow):
                yield id(here), here.steps, loops
            elif isinstance(here, (tree.Def, tree.Bind, tree.Output)):
                body = here.body if isinstance(here, tree.Def) else here.value
                if not isinstance(body, tree.Flow):
                    yield id(body), (body,), loops
                if isinstance(here, tree.Def):
                    loops = loops | {p.name.name for p in here.params}
            elif isinstance(here, tree.For):
                loops = loops | {t.name for t in here.targets}
            elif isinstance(here, tree.Branches):
                loops = loops | {t.name for loop in here.loops for t in loop.targets}
            todo += [(getattr(here, name), loops) for name in here.__match_args__ if name != "span"]


def _shape(step: tree.Expr) -> object:
    """Return the part of a step that must be equal in two steps of one pattern."""
    if isinstance(step, tree.Call):
        inner = tuple(_shape(a.value) for a in step.args if isinstance(a.value, (tree.Call, tree.Flow)))
        return step.name.name, len([a for a in step.args if a.name is None]), inner
    if isinstance(step, tree.Flow):
        return tuple(map(_shape, step.steps))
    if isinstance(step, tree.List):
        return tuple(map(_shape, step.items))
    if isinstance(step, tree.Arithmetic):
        return "*", _shape(step.first), print_expr(step.rest[0][1])
    if isinstance(step, tree.For):
        return "for", _shape(step.body), print_expr(step.values)
    if isinstance(step, tree.Branches):
        return "branches", _shape(step.body), tuple(map(print_expr, step.loops))
    if isinstance(step, tree.Name):
        return step.name
    return type(step)


def _is_bound(step: tree.Expr, values: set[str]) -> bool:
    """Return whether a step names something, has an input of its own, or refers to a value."""
    return any(
        isinstance(n, (tree.As, tree.Attribute))
        or (isinstance(n, tree.Name) and n.name in values)
        or (isinstance(n, tree.Call) and n.name.name == "in")
        for n in tree.every([step])
    )


def _choices(places: list[_Place]) -> Iterator[list[_Place]]:
    """Yield places that do not overlap: all that fit one pattern, or only equal ones."""
    apart: list[_Place] = []
    for place in places:
        if not any(_overlap(place, other) for other in apart):
            apart.append(place)
    if len(apart) < 2:
        return
    yield apart
    equal: dict[tuple[tree.Expr, ...], list[_Place]] = {}
    for place in apart:
        equal.setdefault(place.steps, []).append(place)
    if len(equal) > 1:
        yield from (same for same in equal.values() if len(same) > 1)


def _overlap(one: _Place, two: _Place) -> bool:
    return one.flow == two.flow and (
        one.start < two.start + len(two.steps) and two.start < one.start + len(one.steps)
    )


def _saved_characters(pattern: Pattern, places: list[_Place]) -> int:
    """Return the number of characters that the macro saves."""
    given = sum(size(column) for column in pattern.columns.values())
    head = len("def block() = ") + 3 * len(pattern.columns)
    return sum(size(p.steps) for p in places) - size(pattern.steps) - head - given - 11 * len(places)


def _macro_name(pattern: Pattern, places: list[_Place], hints: Hints) -> str:
    """Return the macro's name: the one in the model's names, else one for the layers in it."""
    known: Counter[str] = Counter()
    for place in places:
        for step in tree.every(place.steps):
            known.update(hints.get(print_expr(step), {}))
    if known:
        return known.most_common(1)[0][0]
    roles = {row.role for name in symbols(pattern.steps) if (row := registry.find(name)) is not None}
    words = {"attention": "attend", "convolution": "conv", "recurrent": "read"}
    return next((word for role, word in words.items() if role in roles), "block")


class _Replacer:
    """The replacement of a macro's places by its uses."""

    def __init__(self, name: str, pattern: Pattern, places: list[_Place]) -> None:
        self.name = name
        self.pattern = pattern
        self.at = {(p.flow, p.start): (i, len(p.steps)) for i, p in enumerate(places)}

    def node(self, node: Any) -> Any:
        """Return a tree with the places in it replaced."""
        if isinstance(node, tuple):
            return tuple(self.node(n) for n in node)
        if not isinstance(node, tree.Node):
            return node
        if isinstance(node, tree.Flow):
            return self._flow(node)
        if (id(node), 0) in self.at:
            return self._use(self.at[id(node), 0][0])
        parts = {name: getattr(node, name) for name in node.__match_args__}
        return replace(node, **{k: v if k == "span" else self.node(v) for k, v in parts.items()})

    def _flow(self, node: tree.Flow) -> tree.Expr:
        steps: list[tree.Expr] = []
        at = 0
        while at < len(node.steps):
            use = self.at.get((id(node), at))
            if use is None:
                steps.append(self.node(node.steps[at]))
                at += 1
            else:
                steps.append(self._use(use[0]))
                at += use[1]
        return as_flow(steps)

    def _use(self, turn: int) -> tree.Expr:
        return writing.call(self.name, [writing.argument(c[turn]) for c in self.pattern.columns.values()])
