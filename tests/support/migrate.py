"""Migrate a Python text as ``seqtopo check --select ST8 --fix --fix-only ST8`` does."""

from __future__ import annotations

from collections.abc import Sequence

from seqtopo.code.asked import Asked
from seqtopo.code.check import reader, verified
from seqtopo.code.findings import CheckedFile, check_code
from seqtopo.code.read import read_text
from seqtopo.diag.fixing import fixed
from seqtopo.diag.model import Diagnostic
from seqtopo.lint.selection import Selection

OLD = Selection(select=("ST8",))


def checked(text: str, selection: Selection = OLD) -> CheckedFile:
    """A text that was checked, with fixes that were tried."""
    code, asked = read_text(text), Asked(selection)
    return verified(check_code(code, asked), reader(code), asked)


def old_in(text: str) -> list[Diagnostic]:
    """Return the findings of a text about spellings of earlier versions of Keras."""
    return [found for found in checked(text).every if found.code.startswith("ST8")]


def migrated(text: str) -> str:
    """The text with all safe fixes of old spellings made."""
    return fixed(text, old_in).text


def mended(text: str, selection: Selection) -> str:
    """The text with all safe fixes of the findings that are selected made."""

    def found(text: str) -> Sequence[Diagnostic]:
        return checked(text, selection).every

    return fixed(text, found).text
