"""Move a finding of a Python text to the line where a person would change something."""

from __future__ import annotations

from dataclasses import replace

from seqtopo.code.machine import tensor_of
from seqtopo.code.model import CodeCall, CodeInput
from seqtopo.code.spec_map import SpecText
from seqtopo.diag.model import Diagnostic, Label
from seqtopo.source import Source, Span

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
