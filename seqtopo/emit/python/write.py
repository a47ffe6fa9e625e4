"""Write a resolved spec as Keras code in Python (``to_python``)."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from operator import itemgetter
from typing import Any

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.emit.emitter import Emitter
from seqtopo.emit.objects import compile_model
from seqtopo.emit.parts import ends_of
from seqtopo.emit.python.arrange import Arranged, arrange
from seqtopo.emit.python.code import STEP, WIDTH, Dotted, Unwritable, flat, lines, remark
from seqtopo.emit.python.record import Recorder, Statement, Written, WrittenModel, WrittenTensor
from seqtopo.graph import buildable
from seqtopo.graph.graph import Value
from seqtopo.graph.resolver import Resolved
from seqtopo.layers.sizes import show_shape
from seqtopo.report.analyse import Checked, buildable_spec
from seqtopo.source import Span

INLINED = ("name_operations", "name_masks", "freeze", "sinusoid_rates")
"""Functions that a written model may need, copied from ``seqtopo.emit.inlined_helpers``."""

_MODULES = {"math": "import math", "re": "import re", "Counter": "from collections import Counter"}
"""What those functions use of the standard library."""


def python_of(checked: Checked, max_params: int = buildable.MAX_PARAMS, part: str = "") -> str:
    """Return the Keras code of a spec that was read: of its last flow, or of a named part.

    Raises:
        SpecError: what ``to_python`` raises it for.
    """
    resolved = buildable_spec(checked, max_params)
    try:
        return write_python(resolved, part)
    except Unwritable as error:
        found = Diagnostic("ST421", error.message, Span(0, 0), help=error.help, source=checked.source)
        raise SpecError((found,)) from None


def write_python(resolved: Resolved, part: str = "") -> str:
    """Return the source of a module whose ``build()`` gives the model of the last flow, or of a named part.

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
    """A comment with the shapes of what a statement gives, with the batch axis."""
    gives = [x.gives for x in statement.targets if isinstance(x, WrittenTensor) and x.gives is not None]
    shown = [show_shape(tensor.shape)[1:-1].rstrip(",") for tensor in gives]
    shapes = ", ".join(f"({', '.join(filter(None, ('batch', shape)))})" for shape in shown)
    return f"  # {remark(shapes)}" if shapes else ""


def _names(code: Sequence[str]) -> set[str]:
    return {node.id for node in ast.walk(ast.parse("\n".join(code))) if isinstance(node, ast.Name)}


def _helpers(names: set[str]) -> list[str]:
    """The functions of ``seqtopo.emit.inlined_helpers`` that are called, as they stand there."""
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
    """The docstring and the imports of the names that are used."""
    standard = [line for name, line in _MODULES.items() if name in names]
    used = [name for name in ("layers", "ops") if name in names]
    other = [f"from {module} import {name}" for name, module in sorted(imports.items(), key=itemgetter(1, 0))]
    keras = ["import keras", *(["import numpy as np"] if "np" in names else [])]
    keras += [f"from keras import {', '.join(used)}"] if used else []
    start = ['"""A Keras model, written by seqtopo: nothing but Keras is needed to run it."""', ""]
    return [*start, *standard, *([""] if standard else []), *keras, *other, "", ""]
