"""The shape table in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqtopo.cli.columns import Column, columns
from seqtopo.diag.renderers.cells import visible, wrap
from seqtopo.report_table import HEADINGS, below, cells, kind

if TYPE_CHECKING:
    from seqtopo.report import Report

_DROPPED = {"takes": 2, "": 1}


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
    lines = cells(report)
    found = [
        Column(heading, [line[i] for line in lines], heading == "parameters", _DROPPED.get(heading, 0))
        for i, heading in enumerate(HEADINGS)
    ]
    parts = wrap(": ".join(part for part in kind(report) if part), width)
    parts += ["", columns(found, width, indent=2, color=color), ""]
    return "\n".join([*parts, *(line for said in below(report) for line in wrap(visible(said), width))])
