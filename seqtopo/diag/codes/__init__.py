"""Every code there is, one row each: its number, its short name, how grave it is, and its page.

Numbers by phase, and one file a phase: ST1xx the text, ST2xx its meaning, ST3xx shapes, ST4xx building,
ST5xx what other programs wrote, ST6xx lints (it builds, but is it what was meant?), ST7xx labels and data,
ST9xx our own bug.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from seqtopo.diag.codes.row import Code

__all__ = ["CODES", "PHASES", "Code", "find", "page"]

PHASES: Mapping[str, tuple[str, ...]] = {
    "ST1": ("text",),
    "ST2": ("meaning",),
    "ST3": ("shapes",),
    "ST4": ("building", "exporting", "pictures"),
    "ST5": ("decompiling", "formats"),
    "ST6": ("lints",),
    "ST7": ("data",),
    "ST9": ("bug",),
}
"""The files of each phase, in order. One is read when a code of its phase is asked for: pages are long."""


@cache
def _rows(phase: str) -> Mapping[str, Code]:
    found: dict[str, Code] = {}
    for name in PHASES.get(phase, ()):
        for row in import_module(f"{__name__}.{name}").ROWS:
            if row.code in found or not row.code.startswith(phase):
                raise ValueError(f"{row.code} in {name}.py is defined twice, or in the wrong phase")
            found[row.code] = row
    return found


class _Codes(Mapping[str, Code]):
    def __getitem__(self, code: str) -> Code:
        return _rows(code[:3])[code]

    def __iter__(self) -> Iterator[str]:
        return (code for phase in PHASES for code in _rows(phase))

    def __len__(self) -> int:
        return sum(len(_rows(phase)) for phase in PHASES)


CODES: Mapping[str, Code] = _Codes()
"""Every row by its code, in order."""

_PAGE_WIDTH = 80


def find(word: str) -> Code | None:
    """The row of a code, asked for by its number or its name in any case; None if there is none.

    >>> find("st301").name
    'wrong-rank'
    >>> find("Wrong-Rank").code
    'ST301'
    """
    word = word.strip()
    return CODES.get(word.upper()) or _by_name().get(word.lower())


@cache
def _by_name() -> Mapping[str, Code]:
    return {row.name: row for row in CODES.values()}


def page(code: str) -> str:
    """The page of a code, asked for as in `find`, as Markdown that reads well as plain text.

    Raises KeyError where there is no such code.

    >>> print(page("ST301").splitlines()[0])
    # ST301 wrong-rank (error)
    """
    import textwrap

    row = find(code)
    if row is None:
        raise KeyError(code)

    def paragraph(text: str) -> str:
        # A spec between backticks may be long, and is easier to copy when it is not broken at a hyphen.
        return textwrap.fill(text, _PAGE_WIDTH, break_long_words=False, break_on_hyphens=False)

    parts = [
        f"# {row.code} {row.name} ({row.severity}{'' if row.on else ', off by default'})",
        paragraph(row.summary),
        "## What",
        paragraph(row.what),
        "## Why",
        paragraph(row.why),
    ]
    if row.example:
        parts += ["## Example", textwrap.indent(row.example, "    ")]
    else:
        parts += ["## Example", paragraph(row.reason)]
    if row.instead:
        parts += ["## Instead", textwrap.indent(row.instead, "    ")]
    return "\n\n".join(parts) + "\n"
