"""Tell a finding in a model's spec in the Python text: in Keras' words, at the line that has to change."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from seqtopo.code.fixes import Fixer
from seqtopo.code.machine import tensor_of
from seqtopo.code.model import LAYER, VALUE, CodeCall, CodeFile, CodeInput, Piece, SpecText, Where
from seqtopo.code.python_text import with_names
from seqtopo.code.words import keras_words
from seqtopo.diag.model import Diagnostic, Fix, Label
from seqtopo.source import Source, Span

_LABELS = re.compile(r"\blabels\b")


def told_in_code(found: Diagnostic, text: SpecText, fixer: Fixer) -> Diagnostic:
    """Return a finding in a model's spec as one in the Python text."""
    where = place_of(text, found.span) or text.model.where
    if found.code == "ST203":
        where = _without_name(where)
    source = where.source
    labels = [
        Label(there.span, _worded(label.text, text))
        for label in found.labels
        if (there := place_of(text, label.span)) is not None and there.source is source
    ]
    fixes = [
        with_names(
            Fix(_open_shapes(_worded(made.title, text), fixer.symbols), made.edits, made.safe),
            source,
            text.model.inputs,
        )
        for fix in found.fixes
        if not _LABELS.search(fix.title) and (made := fixer.in_python(fix, source)) is not None
    ]
    help = _worded(found.help, text)
    if not help and not fixes and found.fixes and not _LABELS.search(found.fixes[0].title):
        help = _worded(found.fixes[0].title, text)
    if fixes and not help:
        # The fix before it may be one that only the spec can have.
        fixes[0] = replace(fixes[0], title=fixes[0].title.removeprefix("or "))
    told = Diagnostic(
        found.code,
        _worded(found.message, text, head=True),
        where.span,
        found.severity,
        _worded(found.label, text),
        tuple(labels),
        tuple(_worded(note, text) for note in found.notes),
        help,
        tuple(fixes),
        source,
    )
    return at_the_cause(told, text)


def _without_name(where: Where) -> Where:
    """Return the value of an argument that is written with its name."""
    name = re.match(r"\w+\s*=\s*(?!=)", where.text)
    return where if name is None else Where(where.source, Span(where.span.start + name.end(), where.span.end))


def _open_shapes(title: str, symbols: Mapping[str, str]) -> str:
    """Return a title whose shapes have None for sizes without a name in the code, as its edits have."""
    return re.sub(
        r"(?<=Input\(shape=\()[^)]*",
        lambda m: re.sub(r"\b[A-Z]\w*\b", lambda s: s[0] if s[0] in symbols else "None", m[0]),
        title,
    )


def place_of(text: SpecText, span: Span) -> Where | None:
    """Return the place in the Python text that a place in a model's spec stands for."""
    return next((where for p in text.pieces_at(span) if (where := _where(p)) is not None), None)


def _where(piece: Piece) -> Where | None:
    """Return the place where the layer is made, if that is part of the call; else that of the call."""
    call = piece.call
    if piece.kind in ("step", "name") and call is not None:
        made = call.layer.where
        if made is None or call.where is None:
            return call.where or made or call.statement
        inside = made.source is call.where.source and (
            call.where.span.start <= made.span.start and made.span.end <= call.where.span.end
        )
        return made if inside or call.form != "call" else call.where
    return piece.where


def _worded(message: str, text: SpecText, head: bool = False) -> str:
    """Return a message in Keras' words, with the generated names of the spec replaced."""
    if VALUE in message or LAYER in message:
        for name, layer in text.layers.items():
            title = layer.kind
            row = layer.row
            if row is not None:
                units = [a.value for a in layer.args.values() if isinstance(a.value, (int, float))][:1]
                title = f"{row.keras or row.name}({', '.join(map(str, units))})"
            message = re.sub(rf"\b{name}\b(?!\()", title, message)
        message = re.sub(rf"\b{VALUE}\d+\.state\b", "the states", message)
        message = re.sub(rf"\b{VALUE}\d+\.scores\b", "the scores", message)
        for name, value in text.values.items():
            if name in message:
                message = re.sub(rf"\b{name}\b", _value_words(value.of), message)
    return keras_words(message, head)


def _value_words(of: Any) -> str:
    where = of.where
    if where is not None and "\n" not in where.text and len(where.text) <= 40:
        return str(where.text)
    if isinstance(of, CodeInput) and where is not None and where.text.startswith(("Input", "keras.Input")):
        return "Input(...)"
    return "the input" if not hasattr(of, "layer") else f"the output of {of.layer.kind}"


def in_cells(found: Sequence[Diagnostic], code: CodeFile) -> tuple[Diagnostic, ...]:
    """Return the findings of a notebook, each in the text of its cell; those of another file as they are."""
    notebook = code.notebook
    if notebook is None:
        return tuple(found)
    sources: dict[int, Source] = {}
    done: list[Diagnostic] = []
    for diagnostic in found:
        cell = notebook.cell(diagnostic.span.start)
        if diagnostic.source is not code.source or cell is None:
            done.append(diagnostic)
            continue
        start, end = cell.span
        if cell.number not in sources:
            name = code.source.name
            text = code.source.text[start:end]
            sources[cell.number] = Source(text, f"{name}:cell {cell.number}", file=name, cell=cell.number)
        here = [label for label in diagnostic.labels if start <= label.span.start < end]
        fixes = [fix for fix in diagnostic.fixes if all(start <= e.span.start < end for e in fix.edits)]
        others = [
            f"cell {place.cell}, line {place.line}: {label.text}"
            for label in diagnostic.labels
            if label not in here
            for place in (notebook.place(label.span.start),)
        ]
        elsewhere = [fix.title for fix in diagnostic.fixes if fix not in fixes]
        done.append(
            replace(
                diagnostic,
                span=_moved(diagnostic.span, -start),
                labels=tuple(Label(_moved(label.span, -start), label.text) for label in here),
                notes=(*diagnostic.notes, *others),
                help=diagnostic.help or "; ".join(elsewhere),
                fixes=tuple(
                    replace(fix, edits=tuple(replace(e, span=_moved(e.span, -start)) for e in fix.edits))
                    for fix in fixes
                ),
                source=sources[cell.number],
            )
        )
    return tuple(done)


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)


_RUNS_OUT = ("time runs out: ", "there is no place left: ")
"""Beginnings of the note that several layers shorten an axis one after the other."""


def at_the_cause(found: Diagnostic, text: SpecText) -> Diagnostic:
    """Return an error at the place that has to change, with its own place as a label.

    That is the line that its first fix changes, a layer that takes away or adds an axis which the next one
    needs otherwise, or an input that is too short for several layers.
    """
    source = found.source
    if found.code == "ST653" and len(found.labels) == 1:
        return _at_label(found, 0)  # the input that is too long
    if source is None or found.severity != "error":
        return found
    inputs = [i.where.span for i in text.model.inputs if i.where is not None and i.where.source is source]
    if found.code == "ST301":
        changed = _at_the_rank(found, text, source)
        if changed is not None:
            return changed
    if found.code == "ST306" and any(note.startswith(_RUNS_OUT) for note in found.notes):
        return _at_the_input(found, inputs)
    return _at_the_edit(found, inputs, source)


def _at_the_edit(found: Diagnostic, inputs: list[Span], source: Source) -> Diagnostic:
    """Return a finding at the line that its first fix changes, if a label points there or it is an input."""
    if not found.fixes:
        return found
    edit = found.fixes[0].edits[0]
    line = source.place(edit.span.start).line
    if line == source.place(found.span.start).line:
        return found
    for i, label in enumerate(found.labels):
        # The removed layer is mostly intended, and the layer behind it is wrong.
        removed = not edit.text and edit.span.start <= label.span.start
        if source.place(label.span.start).line == line and label.text and not removed:
            return _at_label(found, i)
    for span in inputs:
        if span.start <= edit.span.start and edit.span.end <= span.end:
            return _at(found, span)
    return found


def _at_the_rank(found: Diagnostic, text: SpecText, source: Source) -> Diagnostic | None:
    """Return a finding at the Flatten that removes the steps, or at an Embedding whose input is vectors."""
    for piece in text.pieces:
        layer, call = piece.layer, piece.call
        if piece.kind != "step" or layer is None or call is None or not call.inputs:
            continue
        places = [w.span for w in (layer.where, call.where) if w is not None and w.source is source]
        at = next((i for i, label in enumerate(found.labels) if label.span in places and label.text), None)
        if at is None or found.labels[at].span.start >= found.span.start:
            continue
        came = tensor_of(call.inputs[0])
        axes = len(came.shape) if came is not None else 0
        # The vector between the halves of an autoencoder is intended; the decoder must restore the axes.
        flat = layer.kind == "Flatten" and (axes > 2 or call is _feeding_call(found, text, source))
        if flat or (layer.kind == "Embedding" and axes > 1):
            return _at_label(found, at)
    return None


def _feeding_call(found: Diagnostic, text: SpecText, source: Source) -> CodeCall | CodeInput | None:
    """Return the call or input that feeds the layer of a finding; None if there is none."""
    for piece in text.pieces:
        call = piece.call
        if piece.kind == "step" and call is not None and call.inputs:
            places = (call.layer.where, call.where)
            if any(w is not None and w.source is source and w.span == found.span for w in places):
                return call.inputs[0].of
    return None


def _at_the_input(found: Diagnostic, inputs: list[Span]) -> Diagnostic:
    """Return a finding at the input, if one of its fixes makes the input longer."""
    for fix in found.fixes:
        for span in inputs:
            if all(span.start <= edit.span.start and edit.span.end <= span.end for edit in fix.edits):
                rest = tuple(other for other in found.fixes if other is not fix)
                return replace(_at(found, span, "is too short"), fixes=(fix, *rest))
    return found


def _at_label(found: Diagnostic, index: int) -> Diagnostic:
    label = found.labels[index]
    others = (*found.labels[:index], Label(found.span, found.label), *found.labels[index + 1 :])
    return replace(found, span=label.span, label=label.text, labels=others)


def _at(found: Diagnostic, span: Span, label: str = "") -> Diagnostic:
    return replace(found, span=span, label=label, labels=(Label(found.span, found.label), *found.labels))
