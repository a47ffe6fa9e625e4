"""Put the shape that old code gives to a first layer into an ``Input`` before it (ST804)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from seqtopo.code.keras_names import ROW_OF, Meaning, canonical
from seqtopo.code.layer_arguments import SHAPES
from seqtopo.code.model import CodeCall, CodeModel
from seqtopo.code.old_names import OldText, of_keras
from seqtopo.code.parsing import begins_line, insertion
from seqtopo.diag.model import Diagnostic, Edit, Fix
from seqtopo.layers.old_spellings import STEPPED
from seqtopo.layers.row import Row
from seqtopo.source import Span

_INPUT_DTYPE = "input_dtype"
_WRAPPERS = ("TimeDistributed", "Bidirectional")


class Firsts(NamedTuple):
    """The places of the first layers of a file's models, and the places of layers that follow others."""

    first: frozenset[Span]
    later: frozenset[Span]


def firsts_of(models: Iterable[CodeModel]) -> Firsts:
    """Return the places of the first layers of models, and those of all other layers."""
    first: set[Span] = set()
    later: set[Span] = set()
    for model in models:
        first |= {given.where.span for given in model.inputs if given.where is not None}
        for call in model.calls:
            if any(isinstance(v.of, CodeCall) or v.of.where != call.where for v in call.inputs):
                later |= {w.span for w in (call.where, call.layer.where) if w is not None}
    return Firsts(frozenset(first), frozenset(later))


class _Shape(NamedTuple):
    """The shape of the input as a layer's arguments give it: ``text`` are the arguments of an ``Input``."""

    text: str
    plain: str
    """The shape without a batch axis; "" where it has a fixed one."""


def shape_findings(text: OldText, call: ast.Call, found: Meaning, firsts: Firsts) -> Iterator[Diagnostic]:
    """Yield an ST804 for each argument of a layer's call that gives the shape of its input."""
    row = ROW_OF.get(found.name)
    if row is None:
        return
    own = {p.keras_name for p in row.by_name.values()} | (
        {"input_dim"} if row.keras == "Embedding" else set()
    )
    given = [k for k in call.keywords if k.arg in (*SHAPES, _INPUT_DTYPE) and k.arg not in own]
    named = {k.arg: k for k in given}
    if not given or named.keys() <= {"batch_size", _INPUT_DTYPE}:
        return
    shape = _shape_of(text, row, found.old, named)
    fix = _fix(text, call, given, shape, firsts)
    for keyword in given:
        message = f"Keras 3 takes no {keyword.arg} in a layer, but an Input before the first one"
        if keyword.arg == "input_shape":
            message = "Keras 3 warns of an input_shape in a layer: it takes an Input before the first one"
        by_hand = f"write Input({shape.text}) before the first layer"
        yield text.at(keyword).finding("ST804", message, by_hand=by_hand, fix=fix)


def _shape_of(text: OldText, row: Row, written: str, named: dict[str | None, ast.keyword]) -> _Shape:
    def said(name: str) -> str:
        keyword = named[name]
        whole = text.of(text.span(keyword))
        return whole[whole.index("=") + 1 :].strip()

    batch = f", batch_size={said('batch_size')}" if "batch_size" in named else ""
    quote = '"' if text.text.count('"') > text.text.count("'") else "'"
    dtype = f"{quote}int32{quote}" if row.keras == "Embedding" else ""
    dtype = said(_INPUT_DTYPE) if _INPUT_DTYPE in named else dtype
    kind = f", dtype={dtype}" if dtype else ""
    whole = "batch_input_shape" if "batch_input_shape" in named else "batch_shape"
    if whole in named:
        return _Shape(f"batch_shape={said(whole)}{kind}", "")
    length = said("input_length") if "input_length" in named else ""
    if "input_shape" in named:
        shape = said("input_shape")
        value = named["input_shape"].value
        if isinstance(value, ast.Constant) and isinstance(value.value, int):
            shape = f"({shape.strip('()')},)"
    elif row.keras == "Embedding":
        value = named["input_length"].value
        shape = length if isinstance(value, (ast.Tuple, ast.List)) else f"({length},)"
    elif "input_dim" in named:
        width = said("input_dim")
        steps = row.recurrent or not STEPPED.isdisjoint((written, row.keras)) or row.keras in _WRAPPERS
        shape = f"({length or None}, {width})" if steps or length else f"({width},)"
    else:
        return _Shape(f"shape=({length}, ...)", "")
    return _Shape(f"shape={shape}{batch}{kind}", "" if batch or kind else shape)


def _fix(
    text: OldText, call: ast.Call, given: list[ast.keyword], shape: _Shape, firsts: Firsts
) -> Fix | None:
    """Return the fix that moves a shape out of a layer; None if none is sure to mean the same."""
    if "..." in shape.text or any(k.arg is None for k in call.keywords):
        return None
    taken = text.without_arguments(call, given)
    outer = _outer(text, call)
    place, where = text.span(outer), text.parents.get(outer)
    if place in firsts.first and place not in firsts.later:
        edits = _in_list(text, outer, where, shape) or _before_add(text, outer, where, shape)
        name = None if edits is None else _input_name(text, call, outer)
        if edits is not None and name is not None:
            spelled, more = name
            edits = [Edit(e.span, e.text.replace("\0", spelled)) for e in edits]
            return Fix(f"write {spelled}({shape.text}) before it", (*taken, *edits, *more), safe=True)
    elif place in firsts.later and place not in firsts.first:
        return Fix("leave it out: the layer before tells it", tuple(taken), safe=True)
    if shape.plain and not any(k.arg == "input_shape" for k in given):
        return _in_place(text, given, shape)
    return None


def _in_place(text: OldText, given: list[ast.keyword], shape: _Shape) -> Fix | None:
    """Return the fix that writes ``input_shape`` for ``input_dim``, if the layer is not put into a model
    on the spot.
    """
    first = next((k for k in given if k.arg == "input_dim"), None)
    if first is None or len(given) > 2 or (len(given) == 2 and not _is_beside(text, given)):
        return None
    start = min(text.span(k).start for k in given)
    end = max(text.span(k).end for k in given)
    edit = Edit(Span(start, end), f"input_shape={shape.plain}")
    return Fix(f"write input_shape={shape.plain}", (edit,), safe=True)


def _is_beside(text: OldText, given: list[ast.keyword]) -> bool:
    one, two = sorted(text.span(k) for k in given)
    return text.text[one.end : two.start].strip() == "," and "#" not in text.text[one.end : two.start]


def _outer(text: OldText, call: ast.Call) -> ast.expr:
    """Return the layer with the wrappers around it."""
    here: ast.expr = call
    while True:
        around = text.parents.get(here)
        if isinstance(around, ast.keyword):
            around = text.parents.get(around)
        if not isinstance(around, ast.Call) or here is around.func:
            return here
        found = text.meaning(around.func)
        row = ROW_OF.get(found.name) if found.kind == "layer" else None
        if row is None or not any(p.kind.takes == "layer" for p in row.by_name.values()):
            return here
        here = around


def _in_list(text: OldText, outer: ast.expr, where: ast.AST | None, shape: _Shape) -> list[Edit] | None:
    """Return the edits that put ``Input`` first in a list of layers.

    A null character stands for its name.
    """
    if not isinstance(where, (ast.List, ast.Tuple)) or where.elts[0] is not outer:
        return None
    at = text.span(outer).start
    joint = f",{text.line_break(at)}" if begins_line(text.text, at) else ", "
    return [insertion(at, f"\0({shape.text}){joint}")]


def _before_add(text: OldText, outer: ast.expr, where: ast.AST | None, shape: _Shape) -> list[Edit] | None:
    """Return the edits that put ``model.add(Input(...))`` on a line before that of the first layer."""
    if isinstance(where, ast.keyword):
        where = text.parents.get(where)
    func = where.func if isinstance(where, ast.Call) else None
    statement = text.parents.get(where) if where is not None else None
    if not isinstance(func, ast.Attribute) or func.attr != "add" or not isinstance(statement, ast.Expr):
        return None
    added = text.of(text.span(func))
    edit = (
        None if "(" in added or "\n" in added else text.line_before(statement, f"{added}(\0({shape.text}))")
    )
    return None if edit is None else [edit]


def _input_name(text: OldText, call: ast.Call, outer: ast.expr) -> tuple[str, list[Edit]] | None:
    """Return the name of ``Input`` in the text and the edits that import it; None if none is safe."""
    for name, bound in text.bindings.items():
        if of_keras(bound.path) and canonical(bound.path).rsplit(".", 1)[-1] == "Input":
            return name, []
    func = outer.func if isinstance(outer, ast.Call) else call.func
    if isinstance(func, ast.Attribute):
        return text.beside(func, "Input"), []
    if not text.is_free("Input"):
        return None
    if text.stars and text.path(ast.Name("Input", ast.Load())):
        return "Input", []
    bindings = [b for b in text.bindings.values() if isinstance(b.statement, ast.ImportFrom)]
    own = text.bindings.get(func.id) if isinstance(func, ast.Name) else None
    bindings.sort(key=lambda b: (b is not own, not (b.statement.module or "").endswith(".layers")))  # type: ignore[union-attr]
    for bound in bindings:
        statement = bound.statement
        if (
            isinstance(statement, ast.ImportFrom)
            and of_keras(statement.module or "").startswith("keras.layers")
            and statement in text.code.statements
        ):
            return "Input", [insertion(text.span(statement.names[-1]).end, ", Input")]
    return None
