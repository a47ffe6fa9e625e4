"""ST7xx: labels, loss and data against what the model takes and gives."""

from __future__ import annotations

from seqtopo.diag.codes import arrays, labels, series
from seqtopo.diag.codes.row import Code

ROWS: tuple[Code, ...] = (*labels.ROWS, *arrays.ROWS, *series.ROWS)
