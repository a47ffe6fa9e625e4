"""Which rules are on: their defaults, and what people select and ignore."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seqtopo.diag.codes import Code


@dataclass(frozen=True, slots=True)
class Selection:
    """Codes, names or beginnings of codes (``ST6``, ``ALL``) to switch on and off.

    The longer of two that fit wins, and of two as long the one that switches off. Errors are always
    on.

    >>> from seqtopo.diag.codes import CODES
    >>> Selection(ignore=("ST62",)).on(CODES["ST621"])
    False
    >>> Selection(ignore=("ST62",), select=("ST621",)).on(CODES["ST621"])
    True
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def on(self, code: Code) -> bool:
        """Whether what has this code is reported."""
        if code.severity == "error":
            return True
        chosen, left = _nearest(self.select, code), _nearest(self.ignore, code)
        if chosen == left == 0:
            return code.on
        return chosen > left


def _nearest(words: Iterable[str], code: Code) -> int:
    """How many letters of a code the word has that says most of it; 1 for ``ALL``, 0 for none."""
    found = 0
    for word in words:
        if word.lower() == code.name:
            return len(code.code) + 1
        if word.upper() == "ALL":
            found = max(found, 1)
        elif word and code.code.startswith(word.upper()):
            found = max(found, len(word))
    return found
