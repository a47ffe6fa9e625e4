"""Drop unused statements of the recorded code, and decide which values get a variable."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqtopo.emit.python.code import Apply, Attribute, Dotted, Item
from seqtopo.emit.python.record import (
    RESERVED,
    Recorder,
    Statement,
    Written,
    WrittenLayer,
    WrittenModel,
    WrittenTensor,
    inside,
    tensors_in,
)

CHAIN = "x"
"""The variable of what the very next statement takes, and nothing else."""

LONGEST = 30
"""Characters of a variable's name: what is indexed or set still fits a line."""


@dataclass
class Arranged:
    """Statements in order, the variables of what they make, and which layers stand in their call."""

    statements: list[Statement]
    variables: Mapping[Written, str]
    standing: Mapping[Written, Any]
    """Layers that stand in their one call, and how each is made."""

    def spelled(self, value: Any) -> Any:
        """Return a value with variables instead of what they hold."""
        if isinstance(value, Written):
            variable = self.variables.get(value)
            return self.spelled(self.standing[value]) if variable is None else Dotted(variable)
        if isinstance(value, Apply):
            args = [self.spelled(v) for v in value.args]
            return Apply(self.spelled(value.function), args, self.spelled(value.kwargs))
        if isinstance(value, Item):
            return Item(self.spelled(value.of), value.key)
        if isinstance(value, Attribute):
            return Attribute(self.spelled(value.of), value.name)
        if isinstance(value, Mapping):
            return {k: self.spelled(v) for k, v in value.items()}
        return type(value)(self.spelled(v) for v in value) if type(value) in (list, tuple) else value


def arrange(recorder: Recorder, model: WrittenModel) -> Arranged:
    """Return the statements that lead to a model, with one behind each model that names its operations."""
    kept = _kept(recorder.statements, model)
    kept = [part for statement in kept for part in _with_names(statement, kept, recorder)]
    uses: Counter[Written] = Counter()
    for statement in kept:
        uses.update(inside(statement.value))
        if statement.attribute and statement.subject is not None:
            uses[statement.subject] += 1
    candidates = _in_expressions(kept)
    standing: dict[Written, Any] = {
        layer: statement.value
        for statement in kept
        for layer in statement.targets
        if isinstance(layer, WrittenLayer) and uses[layer] == 1 and layer in candidates
    }
    listed = [s for s in kept if not (s.targets and s.targets[0] in standing)]
    return Arranged(listed, _variables(listed, uses, model, recorder.imports), standing)


def _in_expressions(kept: Sequence[Statement]) -> set[Written]:
    """Layers that are part of another expression: of their call, or of a layer around them."""
    return {w for s in kept if s.subject is None for w in inside(s.value) if isinstance(w, WrittenLayer)}


def _kept(statements: Sequence[Statement], model: WrittenModel) -> list[Statement]:
    maker = {target: s for s in statements for target in s.targets}
    effects: dict[Written, list[Statement]] = {}
    for statement in statements:
        if statement.subject is not None:
            effects.setdefault(statement.subject, []).append(statement)
    kept: set[Statement] = set()
    todo: list[Written] = [model]
    while todo:
        here = todo.pop()
        for statement in (maker[here], *effects.get(here, ())):
            if statement not in kept:
                kept.add(statement)
                todo += inside(statement.value)
    return [s for s in statements if s in kept]


def _with_names(statement: Statement, kept: Sequence[Statement], recorder: Recorder) -> Iterator[Statement]:
    """A statement; one that makes a model stands behind those that name its operations, its own and those
    that compute masks, since their names must differ from those of layers.
    """
    model = statement.targets[0] if statement.targets else None
    if not isinstance(model, WrittenModel):
        yield statement
        return
    calls = _calls(model, kept)
    made = {target for call in calls for target in call.targets}
    names = {name: tensor for name, tensor in recorder.names.named if tensor in made}
    masked = any(x.mask_axes is not None for call in calls for x in tensors_in(call.value))
    named = Written("named")
    naming = Apply(Dotted("name_operations"), (names,))
    if names:
        yield Statement(naming, (named,) if masked else (), model)
    if masked:
        given = named if names else Apply(Dotted("set"))
        yield Statement(Apply(Dotted("name_masks"), (list(model.ends), given)), subject=model)
    yield statement


def _calls(model: WrittenModel, kept: Iterable[Statement]) -> list[Statement]:
    """The statements whose tensors lead from a model's inputs to its outputs."""
    maker = {target: s for s in kept for target in s.targets if isinstance(target, WrittenTensor)}
    found: dict[Statement, None] = {}
    starts = set(model.starts)
    todo = [x for x in model.ends if x not in starts]
    while todo:
        statement = maker[todo.pop()]
        if statement in found:
            continue
        found[statement] = None
        # What is called is not part of the model's own graph: what a layer has inside is its own.
        given = (
            (statement.value.args, statement.value.kwargs)
            if isinstance(statement.value, Apply)
            else statement.value
        )
        todo += [x for x in tensors_in(given) if x not in starts]
    return list(found)


def _variables(
    listed: Sequence[Statement],
    uses: Mapping[Written, int],
    model: WrittenModel,
    imports: Iterable[str],
) -> dict[Written, str]:
    taken = {*RESERVED, *imports, CHAIN}
    found: dict[Written, str] = {model: "model"}
    places: dict[Written, list[int]] = {}
    for place, statement in enumerate(listed):
        for written in inside(statement.value):
            places.setdefault(written, []).append(place)
    for place, statement in enumerate(listed):
        following = next((i for i in range(place + 1, len(listed)) if not _makes_layer(listed[i])), -1)
        for target in statement.targets:
            used = set(places.get(target, ()))
            if target in found:
                continue
            if not used and not uses[target]:
                found[target] = "_"
            elif _may_chain(statement, target) and used == {following}:
                found[target] = CHAIN
            else:
                layer = isinstance(target, WrittenLayer)
                found[target] = _free(f"{target.name}_layer" if layer else target.name, taken)
    return found


def _may_chain(statement: Statement, target: Written) -> bool:
    """Whether people call a value ``x``: what a layer or an operation gives, alone."""
    called = isinstance(statement.value, Apply) and statement.value.function != Dotted("keras.Input")
    return called and isinstance(target, WrittenTensor) and len(statement.targets) == 1


def _makes_layer(statement: Statement) -> bool:
    return bool(statement.targets) and isinstance(statement.targets[0], WrittenLayer)


def _free(name: str, taken: set[str]) -> str:
    """A variable after Keras' name of something: plain letters, digits and lines."""
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:LONGEST].lower() or "inner"
    word = f"_{word}" if word[0].isdigit() else word
    word = "inputs" if word == "input" else word
    found, number = word, 1
    while found in taken:
        number += 1
        found = f"{word}_{number}"
    taken.add(found)
    return found
