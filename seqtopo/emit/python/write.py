"""Write a resolved spec as Keras code in Python (``to_python``)."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from operator import itemgetter
from typing import Any

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.emit.emitter import Emitter
from seqtopo.emit.objects import compile_model
from seqtopo.emit.python.code import (
    STEP,
    WIDTH,
    Apply,
    Attribute,
    Dotted,
    Item,
    Unwritable,
    flat,
    lines,
    remark,
)
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
from seqtopo.graph import buildable
from seqtopo.graph.buildable import ends_of
from seqtopo.graph.graph import Value
from seqtopo.graph.resolver import Resolved
from seqtopo.layers.sizes import show_shape
from seqtopo.report.analyse import Checked, buildable_spec
from seqtopo.source import Span

CHAIN = "x"
"""The variable of a value that only the next statement takes."""

LONGEST = 30
"""The most characters of a variable's name, so that it fits a line when it is indexed or set."""


@dataclass
class Arranged:
    """Statements in order, the variables of their results, and the layers that stand inside their call."""

    statements: list[Statement]
    variables: Mapping[Written, str]
    standing: Mapping[Written, Any]
    """The layers that stand inside their one call, each with the expression that makes it."""

    def spelled(self, value: Any) -> Any:
        """Return an expression with variables in place of their values."""
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
    """Return the statements that lead to a model; those that name its operations stand in front of it."""
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
    """Return the layers that are a part of another expression: of their call, or of a layer around them."""
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
    """Yield a statement; before one that makes a model, those that name its operations.

    These include the operations that compute masks, since their names must differ from those of layers.
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
    """Return the statements whose tensors lead from a model's inputs to its outputs."""
    maker = {target: s for s in kept for target in s.targets if isinstance(target, WrittenTensor)}
    found: dict[Statement, None] = {}
    starts = set(model.starts)
    todo = [x for x in model.ends if x not in starts]
    while todo:
        statement = maker[todo.pop()]
        if statement in found:
            continue
        found[statement] = None
        # The called layer is left out: a graph inside it is not part of the model's own.
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
    """Return whether people name a value ``x``: the only output of a layer or an operation."""
    called = isinstance(statement.value, Apply) and statement.value.function != Dotted("keras.Input")
    return called and isinstance(target, WrittenTensor) and len(statement.targets) == 1


def _makes_layer(statement: Statement) -> bool:
    return bool(statement.targets) and isinstance(statement.targets[0], WrittenLayer)


def _free(name: str, taken: set[str]) -> str:
    """Return a free variable after a name in Keras: plain letters, digits and underscores."""
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:LONGEST].lower() or "inner"
    word = f"_{word}" if word[0].isdigit() else word
    word = "inputs" if word == "input" else word
    found, number = word, 1
    while found in taken:
        number += 1
        found = f"{word}_{number}"
    taken.add(found)
    return found


INLINED = ("name_operations", "name_masks", "freeze", "sinusoid_rates")
"""The functions that a written model may need, copied from ``seqtopo.emit.inlined_helpers``."""

_MODULES = {"math": "import math", "re": "import re", "Counter": "from collections import Counter"}
"""The modules of the standard library that these functions use."""


def python_of(checked: Checked, max_params: int = buildable.MAX_PARAMS, part: str = "") -> str:
    """Return the Keras code of a spec that was read: of its last flow, or of a named part.

    Raises:
        SpecError: for the reasons for which ``to_python`` raises it.
    """
    resolved = buildable_spec(checked, max_params)
    try:
        return write_python(resolved, part)
    except Unwritable as error:
        found = Diagnostic("ST421", error.message, Span(0, 0), help=error.help, source=checked.source)
        raise SpecError((found,)) from None


def write_python(resolved: Resolved, part: str = "") -> str:
    """Return the source of a module whose ``build()`` returns the model of the last flow, or of a named part.

    Raises:
        Unwritable: a custom layer cannot be imported.
    """
    graph = resolved.graph
    recorder = Recorder()
    emitter = Emitter(graph, recorder)
    if part and part != graph.name:
        model = emitter.model(*ends_of(resolved, part), part)
    else:
        inputs = [Value(i) for i in graph.inputs]
        model = emitter.model(inputs, graph.outputs, graph.name, graph.output_names)
        if resolved.training is not None:
            compile_model(recorder, model, resolved.training)
    arranged = arrange(recorder, model)
    function = _function(list(_body(arranged, model)))
    helpers = _helpers(_names(function))
    head = _head(_names([*helpers, *function]), recorder.imports)
    return "\n".join([*head, *helpers, *function, ""])


def _function(body: Sequence[str]) -> list[str]:
    about = f'{STEP}"""Builds the model; behind each value stands its shape."""'
    return ["def build() -> keras.Model:", about, *body, "", "", "model = build()"]


def _body(arranged: Arranged, model: WrittenModel) -> Iterator[str]:
    inner = {s.targets[0]: s for s in arranged.statements if s.targets and _is_inner(s.targets[0], model)}
    firsts = {start: m for m in inner if isinstance(m, WrittenModel) for start in m.starts[:1]}
    *others, last = arranged.statements
    for statement in others:
        if statement.targets and statement.targets[0] in firsts:
            yield ""
            yield f"{STEP}# {remark(firsts[statement.targets[0]].name)}: a model of its own, used below"
        yield from _statement_lines(arranged, statement)
        if statement.targets and statement.targets[0] in inner:
            yield ""
    if model in last.targets:
        yield from lines("return ", arranged.spelled(last.value), "", STEP)
    else:
        yield from _statement_lines(arranged, last)
        yield f"{STEP}return model"


def _is_inner(target: Written, model: WrittenModel) -> bool:
    return isinstance(target, WrittenModel) and target is not model


def _statement_lines(arranged: Arranged, statement: Statement) -> list[str]:
    value = arranged.spelled(statement.value)
    if statement.attribute:
        return lines(f"{_variable(arranged, statement.subject)}.{statement.attribute} = ", value, "", STEP)
    if not statement.targets:
        return lines("", value, "", STEP)
    names = [_variable(arranged, target) for target in statement.targets]
    prefix = f"{', '.join(names)} = "
    above: list[str] = []
    if len(STEP + prefix) > WIDTH - len("layers.Bidirectional(") and len(names) > 1:
        above = [f"{STEP}(", *(f"{STEP * 2}{name}," for name in names)]
        prefix = ") = "
    comment = _shapes(statement)
    found = lines(prefix, value, "", STEP)
    if comment and len(found[-1]) + len(comment) <= WIDTH:
        found[-1] += comment
    elif comment:
        above = [f"{STEP}{comment.strip()}", *above]
    return [*above, *found]


def _variable(arranged: Arranged, written: Any) -> str:
    return flat(Dotted(arranged.variables[written]))


def _shapes(statement: Statement) -> str:
    """Return a comment with the shapes of a statement's results, with the batch axis."""
    gives = [x.inferred for x in statement.targets if isinstance(x, WrittenTensor) and x.inferred is not None]
    shown = [show_shape(tensor.shape)[1:-1].rstrip(",") for tensor in gives]
    shapes = ", ".join(f"({', '.join(filter(None, ('batch', shape)))})" for shape in shown)
    return f"  # {remark(shapes)}" if shapes else ""


def _names(code: Sequence[str]) -> set[str]:
    return {node.id for node in ast.walk(ast.parse("\n".join(code))) if isinstance(node, ast.Name)}


def _helpers(names: set[str]) -> list[str]:
    """Return the source of those functions of ``seqtopo.emit.inlined_helpers`` that are called."""
    text = files("seqtopo.emit").joinpath("inlined_helpers.py").read_text(encoding="utf-8")
    there = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    found = []
    for name in INLINED:
        if name in names:
            source = ast.get_source_segment(text, there[name])
            assert source is not None
            found += [*source.splitlines(), "", ""]
    return found


def _head(names: set[str], imports: Mapping[str, str]) -> list[str]:
    """Return the docstring, and the imports of the names that are used."""
    standard = [line for name, line in _MODULES.items() if name in names]
    used = [name for name in ("layers", "ops") if name in names]
    other = [f"from {module} import {name}" for name, module in sorted(imports.items(), key=itemgetter(1, 0))]
    keras = ["import keras", *(["import numpy as np"] if "np" in names else [])]
    keras += [f"from keras import {', '.join(used)}"] if used else []
    start = ['"""A Keras model, written by seqtopo: nothing but Keras is needed to run it."""', ""]
    return [*start, *standard, *([""] if standard else []), *keras, *other, "", ""]
