"""Write the shape table: the input and output shapes of each layer, and its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqtopo.diag.renderers.cells import visible, wrap
from seqtopo.graph.kind import Receptive
from seqtopo.layers.registry import NAMES, ROWS
from seqtopo.layers.sizes import Shape, Size, show_shape, symbol
from seqtopo.report.columns import Column, columns
from seqtopo.source import Span

HEADINGS = ("name", "layer", "takes", "gives", "parameters", "")
"""The headings of the columns; the last column holds notes."""

_BY_CLASS = {row.keras: row for row in ROWS if row.keras}
_DROPPED = {"takes": 2, "": 1}
"""The columns that are left out where the terminal is too narrow, 1 first."""
_MOST_FIELDS = 4


@dataclass(frozen=True)
class LayerShape:
    """One line of the shape table: a call of a layer, or an input.

    Attributes:
        name: The name of the call, which is the layer's name in Keras at the first call.
        layer: The layer as the spec writes it, ``"in"`` for an input.
        inputs: The shapes of its inputs, without the batch axis: numbers and symbolic sizes, ``(T, 8)``.
        outputs: The shapes of its outputs, in the same form.
        dtype: The dtype of the outputs.
        params: The layer's parameters, a number or a symbolic size; 0 at a later call of the same layer.
        shared: True if an earlier line has this layer already.
        span: The layer's place in the text.

    >>> import seqtopo
    >>> line = seqtopo.check("in(T,8) -> lstm(64)").shapes[1]
    >>> line.name, line.params
    ('lstm', 18688)
    """

    name: str
    layer: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    dtype: str
    params: Size
    shared: bool
    span: Span


@dataclass(frozen=True, eq=False)
class ShapeTable:
    """The lines of a shape table, and the facts for the texts above and below it."""

    kind: str
    meaning: str
    lines: Sequence[LayerShape]
    params: Size | None
    outputs: Mapping[str, Shape]
    receptive: Sequence[Receptive]

    def cells(self) -> list[tuple[str, ...]]:
        """Return the cells under ``HEADINGS``, line by line, and the total where it is a number."""
        found: list[tuple[str, ...]] = [
            (line.name, line.layer, _shapes(line.inputs), _gives(line), _params(line), _note(line))
            for line in self.lines
        ]
        # A total with symbols is a long sum: below the table it does not make a column wide.
        return [*found, ("total", "", "", "", _count(self.params), "")] if self._is_counted else found

    def below(self) -> list[str]:
        """Return the lines of text below the table."""
        found = [] if self._is_counted else [f"{self.params} parameters in total."]
        several = len(self.receptive) > 1
        found += [
            f"Receptive field{f' of {one.output}' if several else ''}: {one}."
            for one in self.receptive[:_MOST_FIELDS]
        ]
        if len(self.outputs) > 1:
            named = ", ".join(f"{name} {show_shape(shape)}" for name, shape in self.outputs.items())
            found.append(f"{len(self.outputs)} outputs: {named}")
        shapes = [shape for line in self.lines for shape in line.outputs]
        shape: Shape = max(shapes[:20], key=len, default=())
        inner = show_shape((symbol("batch"), *shape))
        ranks = f"{show_shape(shape)} is {inner} in Keras, {len(shape) + 1}D."
        return [*found, f"Shapes leave out the batch axis: {ranks}"]

    def text(self, width: int | None = None, *, color: bool = False) -> str:
        """Return the table in lines of at most ``width`` columns (None: as many as they need).

        ``color`` makes the headings bold. If the table is too wide, it leaves out first the notes, then the
        input shapes, then the middle of long words.
        """
        lines = self.cells()
        found = [
            Column(heading, [line[i] for line in lines], heading == "parameters", _DROPPED.get(heading, 0))
            for i, heading in enumerate(HEADINGS)
        ]
        parts = wrap(": ".join(part for part in (self.kind, self.meaning) if part), width)
        parts += ["", columns(found, width, indent=2, color=color), ""]
        return "\n".join([*parts, *(part for line in self.below() for part in wrap(visible(line), width))])

    @property
    def _is_counted(self) -> bool:
        return isinstance(self.params, int)


def _shapes(shapes: tuple[Shape, ...]) -> str:
    if len(shapes) > 1 and len(set(shapes)) == 1:
        return f"{len(shapes)} times {show_shape(shapes[0])}"
    return ", ".join(map(show_shape, shapes))


def _gives(line: LayerShape) -> str:
    dtype = "" if line.dtype == "float32" else f" {line.dtype}"
    return _shapes(line.outputs) + dtype


def _count(size: Size | None) -> str:
    return f"{size:,}" if isinstance(size, int) else str(size)


def _params(line: LayerShape) -> str:
    return "shared" if line.shared else _count(line.params)


def _note(line: LayerShape) -> str:
    """Return a note on the time axis, where a reader may not expect what happens to it."""
    if not line.inputs or not line.outputs:
        return ""
    incoming, gives = len(line.inputs[0]), len(line.outputs[0])
    change = "" if incoming == gives else f"{incoming + 1}D to {gives + 1}D"
    called = line.layer.partition("(")[0]
    row = NAMES.get(called) or _BY_CLASS.get(called)
    if row is not None and (row.recurrent or row.name == "bi"):
        return "every step" if incoming == gives else f"the last step only: {change}"
    return change
