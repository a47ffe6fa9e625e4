"""Write the calls of old layers as Keras 3 has them: its class, its arguments, their order and values."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from seqtopo.code import keras_names
from seqtopo.code.keras_names import MERGES, ROW_OF, Meaning
from seqtopo.code.layer_arguments import SHAPES
from seqtopo.code.old_names import OldText
from seqtopo.code.parsing import insertion
from seqtopo.diag.model import Diagnostic, Edit, Fix
from seqtopo.layers import old_spellings
from seqtopo.layers.old_programs import ALIASES
from seqtopo.layers.old_spellings import KERAS_1, OLD_HARD_SIGMOID, Modern, Note
from seqtopo.layers.row import Row
from seqtopo.source import Span

_LONGEST = 76
_FUNCTIONS = {layer: function for function, layer in MERGES.items()}


class Written(NamedTuple):
    """An argument of a call: its name, where it stands with its name and without, and its value."""

    name: str
    span: Span
    value_at: Span
    value: Any
    by_place: bool


class Unread(NamedTuple):
    """A value that is no literal."""

    text: str


@dataclass
class Rewriting:
    """The edits that turn a call into one of Keras 3, and the places that change, with a message for each.

    ``why_not`` says why there are no edits.
    """

    edits: list[Edit] = field(default_factory=list)
    changes: list[tuple[str, Span, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    why_not: str = ""


def layer_findings(text: OldText, call: ast.Call, found: Meaning) -> Iterator[Diagnostic]:
    """Yield findings about old spellings in a layer's call: its class (ST802) and arguments (ST803)."""
    name = found.name
    written = name if found.kind == "merge" else found.old
    if found.kind == "merge" and not name:
        yield from _findings(text, call, _merge(text, call))
        return
    row = ROW_OF.get(name)
    why = old_spellings.WITHOUT_SUCCESSOR.get(name)
    if why is not None and row is None:
        place, message = text.last_name(call.func), f"Keras 3 has no {written}"
        yield text.at(place).finding("ST809", message, label="is gone", help=why)
    elif row is not None:
        yield from _findings(text, call, _layer(text, call, written, row, found.kind == "merge"))


def reference_findings(text: OldText, node: ast.Name | ast.Attribute, found: Meaning) -> Iterator[Diagnostic]:
    """Find an old class that is passed on and not called, such as ``partial(Convolution2D, 64)`` (ST802)."""
    if found.old == found.name or found.old in ALIASES or found.kind != "layer" or found.name not in ROW_OF:
        return
    edits = text.renamed(node, found.name) if found.old not in old_spellings.POSITIONAL else None
    title = f"write {found.name}"
    sure = edits and not found.old.startswith("TimeDist")
    yield text.at(text.last_name(node)).finding(
        "ST802",
        f"Keras 3 calls {found.old} {found.name}",
        by_hand=f"{title}, and its arguments as Keras 3 has them",
        fix=Fix(title, tuple(edits), safe=True) if edits and sure else None,
    )


def _findings(text: OldText, call: ast.Call, made: Rewriting) -> Iterator[Diagnostic]:
    fix: Fix | None = None
    edits = tuple(dict.fromkeys(made.edits))
    if edits and not made.why_not:
        fix = Fix(_title(text, call, edits), edits, safe=True)
    for code, span, message in made.changes:
        yield text.at(span).finding(code, message, notes=made.notes, help=made.why_not, fix=fix)


def _title(text: OldText, call: ast.Call, edits: tuple[Edit, ...]) -> str:
    """Return the title of a fix, which shows the call after its edits where that is short."""
    here = text.span(call)
    inside = [e for e in edits if here.start <= e.span.start and e.span.end <= here.end]
    moved = tuple(Edit(Span(e.span.start - here.start, e.span.end - here.start), e.text) for e in inside)
    after = " ".join(Fix("", moved).apply(text.of(here)).split())
    return f"write {after}" if len(after) <= _LONGEST and "#" not in after else "write it as Keras 3 does"


# ---- layers --------------------------------------------------------------------------------------------


def _layer(text: OldText, call: ast.Call, written: str, row: Row, called: bool) -> Rewriting:
    """Return the edits of a layer's call; ``called`` is True for a function such as ``concatenate``."""
    name = row.keras
    made = Rewriting()
    names = [k.arg for k in call.keywords if k.arg is not None]
    second_is_shape = len(call.args) > 1 and isinstance(call.args[1], (ast.Tuple, ast.List))
    age, places = keras_names.old_places(written, row, names, second_is_shape)
    if called:
        places = ("inputs", *places)
    given = arguments(text, call, places)
    own = {p.keras_name for p in row.by_name.values()}
    given = [g for g in given if not (called and g.name == "inputs")]
    inside = [g for g in given if not (g.name in SHAPES and g.name not in own)]
    found = old_spellings.modern(written, {g.name: g.value for g in inside}, age)
    if written != name and written not in ALIASES:
        made.changes.append(("ST802", text.last_name(call.func), f"Keras 3 calls {written} {name}"))
        edits = text.renamed(call.func, name)
        if edits is None:
            made.why_not = f"write {name}"
        made.edits += edits or []
    _arguments(text, call, row, given, found, made)
    if text.spreads(call) and made.changes:
        made.why_not = "some of its arguments stand elsewhere: write those of Keras 3 there"
    if written == "TimeDistributedFlatten":
        made.why_not = "write TimeDistributed(Flatten())"
    return made


def arguments(text: OldText, call: ast.Call, places: tuple[str, ...]) -> list[Written]:
    """Return the arguments of a call by their names, in their order."""
    found: list[Written] = []
    for i, node in enumerate(call.args):
        span = text.span(node)
        name = places[i] if i < len(places) else f"argument {i + 1}"
        found.append(Written(name, span, span, _value(text, node), True))
    for keyword in call.keywords:
        span, value = text.span(keyword), text.span(keyword.value)
        found.append(Written(keyword.arg or "**", span, value, _value(text, keyword.value), False))
    return sorted(found, key=lambda g: g.span)


def _value(text: OldText, node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return Unread(text.of(text.span(node)))


def _arguments(
    text: OldText, call: ast.Call, row: Row, given: list[Written], found: Modern, made: Rewriting
) -> None:
    """Add the edits that turn the arguments into those of Keras 3."""
    names = _new_names(found.notes)
    for note in found.notes:
        if note.kind == "meaning" and note.why != OLD_HARD_SIGMOID:
            made.why_not = note.why
            span = next((g.span for g in given if g.name == note.old), text.last_name(call.func))
            made.changes.append(("ST803", span, f"{note.old} has no counterpart in Keras 3"))
        elif note.kind == "gone":
            made.why_not = note.why
    order, gone, done = keras_names.places(row), set[int](), set[str]()
    at, keyword = 0, False
    for i, one in enumerate(given):
        new = names.get(one.name, one.name)
        if new in done:
            continue  # the second side of a kernel
        if _is_left_out(one, found, row):
            gone.add(i)
            made.changes.append(("ST803", one.span, f"Keras 3 has no argument {one.name} in {row.keras}"))
            if one.name in _WITH_EFFECT and one.value not in (None, 0, False):
                made.why_not = _WITH_EFFECT[one.name]
            continue
        sides = [g for g in given if names.get(g.name) == new]
        keyword = keyword or not one.by_place or at >= len(order) or order[at] != new
        at += 1
        value = found.kwargs.get(new, one.value)
        said = _renaming(one, sides, new, keyword, text, made)
        done.add(new)
        if len(sides) < 2 and value != one.value and not isinstance(value, (tuple, list)):
            made.edits.append(Edit(one.value_at, _literal(value, text)))
            said = said or f"Keras 3 calls {one.value!r} {value!r}"
        if said:
            made.changes.append(("ST803", one.span, said))
    spans = [g.span for g in given]
    made.edits += text.without(spans, gone)
    _defaults(text, call, row, given, found, names, made)


def _new_names(notes: list[Note]) -> dict[str, str]:
    return {
        old: note.new for note in notes if note.kind == "argument" for old in note.old.split(", ") if note.new
    }


def _renaming(
    one: Written, sides: list[Written], new: str, keyword: bool, text: OldText, made: Rewriting
) -> str:
    """Rename an argument, or join those of several sides; return the message about it."""
    prefix = f"{new}=" if keyword else ""
    if len(sides) > 1:
        if any("#" in text.of(Span(a.span.end, b.span.start)) for a, b in pairwise(sides)):
            made.why_not = f"write {new} as one tuple"
        made.edits.append(Edit(Span(one.span.start, one.value_at.start), f"{prefix}("))
        for side in sides[1:]:
            made.edits.append(Edit(Span(side.span.start, side.value_at.start), ""))
        end = sides[-1].span.end
        made.edits.append(insertion(end, ")"))
        return f"Keras 3 takes {' and '.join(s.name for s in sides)} as one argument, {new}"
    if one.by_place and keyword:
        made.edits.append(insertion(one.span.start, prefix))
        return f"Keras 3 takes {new} by its name here"
    if one.by_place or new == one.name:
        return ""
    made.edits.append(Edit(Span(one.span.start, one.span.start + len(one.name)), new))
    return f"Keras 3 calls {one.name} {new}"


_WITH_EFFECT = {
    "weights": "give them to layer.set_weights once the model is built",
    "mode": "Keras 3 has one way to normalize",
    "dropout": "Keras 3 leaves out no words while a model trains",
    "renorm": "Keras 3 has no renorm",
    "time_major": "Keras 3 has the batch first",
    "input_tensor": "call the layers on that tensor",
}
"""Arguments that do something, and what to do without them."""


def _is_left_out(one: Written, found: Modern, row: Row) -> bool:
    own = {p.keras_name for p in row.by_name.values()}
    if one.name in own or (one.name == "weights" and row.keras == "Embedding"):
        return False
    is_old = one.name in old_spellings.LEFT_OUT or one.name in _WITH_EFFECT
    return is_old and one.name not in SHAPES and _new_names(found.notes).get(one.name) is None


def _defaults(
    text: OldText,
    call: ast.Call,
    row: Row,
    given: list[Written],
    found: Modern,
    names: Mapping[str, str],
    made: Rewriting,
) -> None:
    """Write out the defaults that were others in the Keras version of the spelling."""
    if not made.changes:
        return
    named = {names.get(g.name, g.name) for g in given}
    params = {p.keras_name: p for p in row.by_name.values()}
    more = [
        (key, value)
        for key, value in found.kwargs.items()
        if key not in named and key in params and str(params[key].default) != str(value)
    ]
    if found.kwargs.get("recurrent_activation") == "hard_sigmoid":
        made.notes.append(f"of hard_sigmoid: {OLD_HARD_SIGMOID}")
    for key, value in more:
        was = f"{key} was {_literal(value, text)} by default, which is written out to mean the same"
        made.notes.append(was)
    if more:
        added = ", ".join(f"{key}={_literal(value, text)}" for key, value in more)
        end = max((g.span.end for g in given), default=text.span(call).end - 1)
        made.edits.append(insertion(end, ", " * bool(given) + added))


def _literal(value: Any, text: OldText) -> str:
    if isinstance(value, Unread):
        return value.text
    made = repr(value)
    if isinstance(value, str) and text.text.count('"') > text.text.count("'"):
        return f'"{made[1:-1]}"'
    return made


# ---- merge ---------------------------------------------------------------------------------------------


def _merge(text: OldText, call: ast.Call) -> Rewriting:
    """Return the edits that write ``merge([a, b], mode="concat")`` as ``concatenate([a, b])``."""
    made = Rewriting()
    given = arguments(text, call, old_spellings.POSITIONAL["merge"])
    mode = next((g.value for g in given if g.name == "mode"), "sum")
    layer = old_spellings.MERGES.get(mode) if isinstance(mode, str) else None
    place = text.last_name(call.func)
    if layer is None:
        made.changes.append(("ST802", place, "Keras 3 has no merge, but a function for each way to merge"))
        made.why_not = "its mode names no way to merge: write a function of keras.layers, or a Lambda"
        return made
    function = _FUNCTIONS[layer]
    made.changes.append(("ST802", place, f"Keras 3 calls merge with mode={mode!r} {function}"))
    edits = text.renamed(call.func, function)
    if edits is None or any(isinstance(a, ast.Starred) for a in call.args):
        made.why_not = f"write keras.layers.{function}"
        return made
    made.edits += edits
    kept = {g.name: g.value for g in given}
    found = old_spellings.modern("merge", kept, KERAS_1)
    names, gone = _new_names(found.notes), set[int]()
    for i, one in enumerate(given):
        new = names.get(one.name, one.name)
        if one.name not in ("inputs", "layers") and new not in found.kwargs:
            gone.add(i)
        elif one.name == "layers":
            made.edits.append(Edit(Span(one.span.start, one.span.start + len(one.name)), "inputs"))
        elif one.name != "inputs":
            start = one.span.start
            if one.by_place:
                made.edits.append(insertion(start, f"{new}="))
            elif new != one.name:
                made.edits.append(Edit(Span(start, start + len(one.name)), new))
            if found.kwargs[new] != one.value:
                made.edits.append(Edit(one.value_at, _literal(found.kwargs[new], text)))
    made.edits += text.without([g.span for g in given], gone)
    have = {names.get(g.name, g.name) for g in given}
    more = [f"{k}={_literal(v, text)}" for k, v in found.kwargs.items() if k not in have]
    if more and given:
        end = given[-1].span.end
        made.edits.append(insertion(end, ", " + ", ".join(more)))
    return made
