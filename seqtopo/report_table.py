"""The shape table in words: what comes into each layer and what comes out, and how many parameters it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqtopo.layers.names import NAMES
from seqtopo.layers.sizes import Shape, Size, show_shape, symbol

if TYPE_CHECKING:
    from seqtopo.report import LayerShape, Report

HEADINGS = ("name", "layer", "takes", "gives", "parameters", "")
"""What the columns are called; the last one holds notes."""


_MOST_FIELDS = 4


def cells(report: Report) -> list[tuple[str, ...]]:
    """The lines of the table of a report without errors, and the total where it is a number.

    >>> from seqtopo.api import check
    >>> cells(check("in(T,8) -> lstm(64)"))[1]
    ('lstm', 'lstm(64)', '(T, 8)', '(64,)', '18,688', 'the last step only: 3D to 2D')
    """
    found: list[tuple[str, ...]] = [
        (line.name, line.layer, _shapes(line.inputs), _gives(line), _params(line), _note(line))
        for line in report.shapes
    ]
    # A total with symbols is a long sum: below the table it does not make a column wide.
    return [*found, ("total", "", "", "", _count(report.params), "")] if _is_counted(report) else found


def kind(report: Report) -> tuple[str, str]:
    """The topology's kind, and what that means."""
    return report.kind or "", report.meaning


def below(report: Report) -> list[str]:
    """What is said below the table, line by line."""
    found = [] if _is_counted(report) else [f"{report.params} parameters in total."]
    several = len(report.receptive) > 1
    found += [
        f"Receptive field{f' of {one.output}' if several else ''}: {one}."
        for one in report.receptive[:_MOST_FIELDS]
    ]
    if len(report.outputs) > 1:
        named = ", ".join(f"{name} {show_shape(shape)}" for name, shape in report.outputs.items())
        found.append(f"{len(report.outputs)} outputs: {named}")
    shapes = [shape for line in report.shapes for shape in line.outputs]
    shape: Shape = max(shapes[:20], key=len, default=())
    inner = show_shape((symbol("batch"), *shape))
    ranks = f"{show_shape(shape)} is {inner} in Keras, {len(shape) + 1}D."
    return [*found, f"Shapes leave out the batch axis: {ranks}"]


def _is_counted(report: Report) -> bool:
    return isinstance(report.params, int)


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
