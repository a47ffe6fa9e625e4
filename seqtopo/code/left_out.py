"""Say what the spec of a model in Keras code leaves out of it, as the decompiler says it of a saved model."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.code.model import CodeLayer, SpecText, Where
from seqtopo.code.spec_arguments import TRAINED, UnknownError, has_unknown, parameter, read_arguments
from seqtopo.code.spec_text import FOLLOWS
from seqtopo.diag.model import Diagnostic

_SHOWN = 60


def left_out(text: SpecText) -> list[Diagnostic]:
    """Return a diagnostic for each part of the code that a spec leaves out, at its place in the text."""
    found = [*_layers(text), *_values(text), *_arguments(text), *_training(text)]
    if not text.whole and not found:
        found.append(text.model.where.finding("ST503", f"{text.model.name} is not read to its end"))
    return list(dict.fromkeys(found))


def _layers(text: SpecText) -> Iterator[Diagnostic]:
    for stop in (*text.model.stops, *text.left_out):
        if stop.where is not None and not stop.why.endswith(FOLLOWS):
            yield stop.where.finding("ST503", f"this and what follows it is left out: {stop.why}")


def _values(text: SpecText) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each value that is an input of the spec, as it cannot say what computes it."""
    known = {stop.where for stop in text.left_out}
    for piece in text.pieces:
        where = piece.where if piece.kind == "input" and piece.span in text.guessed else None
        if where is not None and where not in known:
            yield where.finding("ST503", f"a value of {_shown(where)} comes in as an input of its own")


def _arguments(text: SpecText) -> Iterator[Diagnostic]:
    seen: set[CodeLayer] = set()
    for piece in text.pieces:
        if piece.layer is not None and piece.layer not in seen and piece.kind in ("step", "layer"):
            seen.add(piece.layer)
            yield from _of_layer(piece.layer)


def _of_layer(layer: CodeLayer) -> Iterator[Diagnostic]:
    try:
        read = read_arguments(layer)
    except UnknownError:
        return
    for key, given in layer.args.items():
        param = parameter(layer.row, key) if layer.row is not None else None
        where = given.where or layer.where
        if isinstance(given.value, CodeLayer):
            yield from _of_layer(given.value)
        elif param is not None and param.name not in read and has_unknown(given.value) and where is not None:
            yield where.finding("ST504", f"{layer.kind} has {key}={_shown(where)}, which cannot be told")


def _training(text: SpecText) -> Iterator[Diagnostic]:
    calls = [one for one in text.model.training if one.method == "compile" and not one.is_past]
    said = {piece.key for piece in text.pieces if piece.kind == "train"}
    for key, _ in TRAINED if calls else ():
        given = calls[-1].args.get(key)
        if given is None or given.value in (None, [], ()) or key in said:
            continue
        where = given.where or calls[-1].where
        yield where.finding("ST505", f"the model is compiled with {key}={_shown(where)}: no spec can say it")


def _shown(where: Where) -> str:
    text = " ".join(where.text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
