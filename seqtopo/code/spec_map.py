"""The spec of a model in Keras code, with the place in the Python text of each part of the spec."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from seqtopo.code.model import CodeCall, CodeInput, CodeLayer, CodeModel, CodeTensor, Opaque, Where
from seqtopo.source import Source, Span

VALUE, LAYER = "value_", "layer_"
"""The prefixes of generated names in the spec: no Python word in a message is taken for one of them."""


Kind = Literal["step", "layer", "argument", "input", "shape", "name", "train"]


class Piece(NamedTuple):
    """A part of the spec, and the layer, call or input of the code that it stands for.

    It is a step, a layer where it is bound, an argument of either, an input and its shape, the name of a
    value, or an argument of ``compile``.
    """

    span: Span
    kind: Kind
    where: Where | None = None
    call: CodeCall | None = None
    layer: CodeLayer | None = None
    input: CodeInput | None = None
    key: str = ""
    """The argument's name in Keras."""


@dataclass
class SpecText:
    """The spec of a model, and its parts in the order of the text.

    ``whole`` is false where something of the model is missing. ``guessed`` are inputs that stand for
    values which the code computes in a way that no spec can say.
    """

    source: Source
    model: CodeModel
    pieces: list[Piece] = field(default_factory=list)
    values: dict[str, CodeTensor] = field(default_factory=dict)
    """The tensors by their names in the spec."""
    layers: dict[str, CodeLayer] = field(default_factory=dict)
    """The layers by their names in the spec."""
    whole: bool = True
    guessed: list[Span] = field(default_factory=list)
    left_out: list[Opaque] = field(default_factory=list)
    """The layers that are not in it, and why."""

    def pieces_at(self, span: Span) -> list[Piece]:
        """Return the parts that a span means: the part at it exactly, else the smallest around it, else
        those in it.
        """
        exact = [p for p in self.pieces if p.span == span]
        if exact:
            return exact
        around = [p for p in self.pieces if p.span.start <= span.start and span.end <= p.span.end]
        if around:
            return [min(around, key=lambda p: p.span.end - p.span.start)]
        return [p for p in self.pieces if span.start <= p.span.start and p.span.end <= span.end]
