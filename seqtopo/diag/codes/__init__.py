"""Every code there is, one row each: its number, its short name, how grave it is, and its page.

Numbers by phase, and one file a phase: ST1xx the text, ST2xx its meaning, ST3xx shapes, ST4xx building,
ST6xx lints (it builds, but is it what was meant?), ST7xx labels and data, ST9xx our own bug.
"""

from __future__ import annotations

import textwrap

from seqtopo.diag.codes import bug, building, data, exporting, lints, meaning, pictures, shapes, text
from seqtopo.diag.codes.row import Code

__all__ = ["CODES", "PHASES", "Code", "find", "page"]

PHASES: tuple[tuple[Code, ...], ...] = (
    text.ROWS,
    meaning.ROWS,
    shapes.ROWS,
    building.ROWS,
    exporting.ROWS,
    pictures.ROWS,
    lints.ROWS,
    data.ROWS,
    bug.ROWS,
)

CODES: dict[str, Code] = {row.code: row for rows in PHASES for row in rows}

_BY_WORD = {key: row for row in CODES.values() for key in (row.code.lower(), row.name)}

_PAGE_WIDTH = 80


def find(word: str) -> Code | None:
    """The row of a code, asked for by its number or its name in any case; None if there is none.

    >>> find("st301").name
    'wrong-rank'
    >>> find("Wrong-Rank").code
    'ST301'
    """
    return _BY_WORD.get(word.strip().lower())


def page(code: str) -> str:
    """The page of a code, asked for as in `find`, as Markdown that reads well as plain text.

    Raises KeyError where there is no such code.

    >>> print(page("ST301").splitlines()[0])
    # ST301 wrong-rank (error)
    """
    row = find(code)
    if row is None:
        raise KeyError(code)
    parts = [
        f"# {row.code} {row.name} ({row.severity}{'' if row.on else ', off by default'})",
        _paragraph(row.summary),
        "## What",
        _paragraph(row.what),
        "## Why",
        _paragraph(row.why),
    ]
    if row.example:
        parts += ["## Example", textwrap.indent(row.example, "    ")]
    else:
        parts += ["## Example", _paragraph(row.reason)]
    if row.instead:
        parts += ["## Instead", textwrap.indent(row.instead, "    ")]
    return "\n\n".join(parts) + "\n"


def _paragraph(text: str) -> str:
    # A spec between backticks may be long, and is easier to copy when it is not broken at a hyphen.
    return textwrap.fill(text, _PAGE_WIDTH, break_long_words=False, break_on_hyphens=False)
