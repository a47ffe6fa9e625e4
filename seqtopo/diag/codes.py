"""The codes of diagnostics, read from their index ``grammar/DIAGNOSTICS.md``.

Each code is defined by its page, such as ``grammar/diagnostics/ST301.md``. Reading all pages would take
longer than a check, so ``python -m seqtopo.cli.reference`` writes the index from them: one small file, for
people and for every check. A page itself is read where its text is asked for (``seqtopo.diag.pages``).

Numbers by phase: ST1xx the text, ST2xx its meaning, ST3xx shapes, ST4xx building, ST5xx what other programs
wrote, ST6xx lints (it builds, but is it what was meant?), ST7xx labels and data, ST8xx old spellings, ST9xx
our own bug.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple, cast

from seqtopo.diag.model import Severity
from seqtopo.system.files import grammar_path

INDEX = "DIAGNOSTICS.md"
"""The file of the index in ``grammar``."""

_ROW = r"(?m)^\| \[(ST\d{3})\]\(.*?\) \| (\S+) \| (\w+)(, off)? \| (.*) \|$"


class Code(NamedTuple):
    """A code as its line in the index has it.

    Attributes:
        code: its number, such as ``ST301``.
        name: its short name, such as ``wrong-rank``.
        severity: error, warning or info.
        on: whether it is reported by default; errors always are.
        summary: what it says, in one line.
    """

    code: str
    name: str
    severity: Severity
    on: bool
    summary: str

    @property
    def grade(self) -> str:
        """The severity as the index writes it, with ``off`` where it is off by default."""
        return self.severity if self.on else f"{self.severity}, off"


def index_row(code: Code) -> str:
    """Return the row of a code in the index, as Markdown; `read_index` reads it.

    >>> index_row(Code("ST663", "for-show", "info", False, "It does nothing."))
    '| [ST663](diagnostics/ST663.md) | for-show | info, off | It does nothing. |'
    """
    summary = code.summary.replace("|", "\\|")
    return f"| [{code.code}](diagnostics/{code.code}.md) | {code.name} | {code.grade} | {summary} |"


def read_index(text: str) -> dict[str, Code]:
    """Return the codes of an index, in its order.

    >>> code = Code("ST663", "for-show", "info", False, "It does nothing.")
    >>> read_index(index_row(code)) == {"ST663": code}
    True
    """
    return {
        code: Code(code, name, cast(Severity, severity), not off, summary.replace("\\|", "|"))
        for code, name, severity, off, summary in re.findall(_ROW, text)
    }


@cache
def _codes() -> dict[str, Code]:
    with open(grammar_path(INDEX), encoding="utf-8") as file:
        return read_index(file.read())


class _Codes(Mapping[str, Code]):
    """The index, read when the first code is asked for."""

    def __getitem__(self, code: str) -> Code:
        return _codes()[code]

    def __iter__(self) -> Iterator[str]:
        return iter(_codes())

    def __len__(self) -> int:
        return len(_codes())


CODES: Mapping[str, Code] = _Codes()
"""Every code by its number, in order."""


def find(word: str) -> Code | None:
    """Return the code with this number or name, in any case; None if there is none.

    >>> find("st301").name
    'wrong-rank'
    >>> find("Wrong-Rank").code
    'ST301'
    """
    word = word.strip()
    return CODES.get(word.upper()) or _by_name().get(word.lower())


@cache
def _by_name() -> Mapping[str, Code]:
    return {code.name: code for code in CODES.values()}


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
    "ST8": "Keras code: what Keras 3 calls otherwise",
    "ST9": "A mistake of ours",
}
"""The subjects of codes by their beginnings; the longest beginning of a code counts."""


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
