"""The shape table: what comes into each layer and what comes out, and how many parameters it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqtopo.cli.columns import Column, columns
from seqtopo.diag.renderers.cells import visible, wrap
from seqtopo.ir.kind import KINDS
from seqtopo.layers.names import NAMES
from seqtopo.layers.sizes import Shape, Size, show_shape, symbol

if TYPE_CHECKING:
    from seqtopo.report import LayerShape, Report


def shape_table(report: Report, width: int | None = None, *, color: bool = False) -> str:
    """The table of a report without errors, in lines of at most ``width`` columns (None: as wide as it is).

    ``color`` makes the headings bold. What does not fit goes in this order: the notes, the shapes that
    come in, the middle of long words.

    >>> from seqtopo.api import check
    >>> print(shape_table(check("in(T,8) -> lstm(64,seq) -> lstm(32)")))
    many-to-one: a sequence in, one answer out
    <BLANKLINE>
      name    layer     takes    gives    parameters
      input   in                 (T, 8)            0
      lstm    lstm(64)  (T, 8)   (T, 64)      18,688  every step
      lstm_1  lstm(32)  (T, 64)  (32,)        12,416  the last step only: 3D to 2D
      total                                   31,104
    <BLANKLINE>
    Shapes leave out the batch axis: (T, 8) is (batch, T, 8) in Keras, 3D.
    """
    lines = report.shapes
    # A total with symbols is a long sum: below the table it does not make a column wide.
    total = isinstance(report.params, int)
    found = [
        Column("name", [*(line.name for line in lines), *["total"] * total]),
        Column("layer", [*(line.layer for line in lines), *[""] * total]),
        Column("takes", [*(_shapes(line.inputs) for line in lines), *[""] * total], drop=2),
        Column("gives", [*(_gives(line) for line in lines), *[""] * total]),
        Column("parameters", [*map(_params, lines), *[_count(report.params)] * total], right=True),
        Column("", [*map(_note, lines), *[""] * total], drop=1),
    ]
    parts = [_kind(report, width), "", columns(found, width, indent=2, color=color), ""]
    if not total:
        parts += wrap(f"{report.params} parameters in total.", width)
    if len(report.outputs) > 1:
        named = ", ".join(f"{name} {show_shape(shape)}" for name, shape in report.outputs.items())
        parts += [*wrap(visible(f"{len(report.outputs)} outputs: {named}"), width)]
    parts += wrap(visible(_footnote(report)), width)
    return "\n".join(parts)


def _kind(report: Report, width: int | None) -> str:
    words = KINDS.get(report.kind or "", "")
    return "\n".join(wrap(f"{report.kind}: {words}" if words else f"{report.kind}", width))


def _footnote(report: Report) -> str:
    shapes = [shape for line in report.shapes for shape in line.outputs]
    shape: Shape = max(shapes[:20], key=len, default=())
    inner = show_shape((symbol("batch"), *shape))
    return f"Shapes leave out the batch axis: {show_shape(shape)} is {inner} in Keras, {len(shape) + 1}D."


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
    """What happens to the time axis, where a reader may wonder."""
    if not line.inputs or not line.outputs:
        return ""
    came, gives = len(line.inputs[0]), len(line.outputs[0])
    change = "" if came == gives else f"{came + 1}D to {gives + 1}D"
    row = NAMES.get(line.layer.partition("(")[0])
    if row is not None and (row.recurrent or row.name == "bi"):
        return "every step" if came == gives else f"the last step only: {change}"
    return change
