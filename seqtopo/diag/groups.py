"""Group the codes as people look for them: by phase, and the lints by subject."""

from __future__ import annotations

from collections.abc import Iterable

from seqtopo.diag.codes import Code

TITLES = {
    "ST1": "The text",
    "ST2": "What it means: names, layers, arguments",
    "ST3": "Shapes",
    "ST4": "Building, files and data",
    "ST5": "What other programs wrote",
    "ST6": "Other lints",
    "ST60": "Lints: time steps",
    "ST61": "Lints: direction, who asks whom, and what steps see",
    "ST62": "Lints: heads and losses",
    "ST63": "Lints: masks and ids",
    "ST64": "Lints: states, gates and repeated vectors",
    "ST65": "Lints: cost and kernels",
    "ST66": "Lints: what does nothing, and comments that ignore a lint",
    "ST67": "Lints: axes, channels and scores",
    "ST7": "Labels and data",
    "ST70": "Labels and the loss",
    "ST71": "Data",
    "ST9": "A mistake of ours",
}
"""What the codes that begin so are about; the longest beginning says it."""


def grouped(rows: Iterable[Code]) -> dict[str, list[Code]]:
    """Return the rows by the titles of their groups, in the order of the codes.

    >>> row = Code("ST683", "x", "info", True, "")
    >>> grouped([row]) == {"Other lints": [row]}
    True
    """
    found: dict[str, list[Code]] = {}
    for row in rows:
        found.setdefault(title(row.code), []).append(row)
    return found


def title(code: str) -> str:
    """Return the title of the group that a code belongs to."""
    return next(TITLES[code[:length]] for length in (4, 3) if code[:length] in TITLES)
