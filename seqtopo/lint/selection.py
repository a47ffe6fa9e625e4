"""Select which rules are on: their defaults, and what users select and ignore."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from seqtopo.diag.codes import CODES, Code, find
from seqtopo.diag.nearest import nearest

ALL = "ALL"


class NoSuchRule(ValueError):  # noqa: N818  (it is a ValueError, and says what is wrong)
    """Raised for a word that selects or ignores nothing; ``help`` says what to write."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(f"{message}; {help}")
        self.message = message
        self.help = help


class Selection(NamedTuple):
    """Codes, names or beginnings of codes (``ST6``, ``ALL``) to switch on and off.

    The longest word that fits a code decides. Of two as long, that of the selection itself wins over one
    ``under`` it (the command line's over the settings'), and else the one that switches off. Errors are
    always on.

    >>> from seqtopo.diag.codes import CODES
    >>> Selection(ignore=("ST62",)).on(CODES["ST621"])
    False
    >>> Selection(ignore=("ST62",), select=("ST621",)).on(CODES["ST621"])
    True
    >>> Selection(select=("ST621",), under=Selection(ignore=("ST621",))).on(CODES["ST621"])
    True
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    under: Selection | None = None

    def on(self, code: Code) -> bool:
        """Return whether diagnostics with this code are reported."""
        if code.severity == "error":
            return True
        # The word decides that is most specific; then whose it is, and whether it switches off.
        strongest = (0, 0, False)
        for depth, layer in enumerate(self._layers()):
            for words, off in ((layer.select, False), (layer.ignore, True)):
                specificity = _specificity(words, code)
                if specificity:
                    strongest = max(strongest, (specificity, -depth, off))
        return not strongest[2] if strongest[0] else code.on

    def codes(self) -> frozenset[str]:
        """Return the codes that are reported."""
        return _codes_on(self)

    def _layers(self) -> Iterator[Selection]:
        here: Selection | None = self
        while here is not None:
            yield here
            here = here.under


@lru_cache(maxsize=64)
def _codes_on(selection: Selection) -> frozenset[str]:
    return frozenset(code for code, row in CODES.items() if selection.on(row))


def selection(
    select: str | Iterable[str] = (), ignore: str | Iterable[str] = (), under: Selection | None = None
) -> Selection:
    """Parse the words by which users select rules; one text may hold several, with commas between.

    Raises:
        NoSuchRule: a word is no code, no name and no beginning of a code, or ignores an error.

    >>> selection("ST62, flatten-of-a-vector").select
    ('ST62', 'flatten-of-a-vector')
    >>> selection(ignore=["ST301"])
    Traceback (most recent call last):
    seqtopo.lint.selection.NoSuchRule: ST301 is an error, and errors cannot be ignored; ...
    """
    return Selection(_words(select, "select"), _words(ignore, "ignore"), under)


def _words(given: str | Iterable[str], what: str) -> tuple[str, ...]:
    texts = [given] if isinstance(given, str) else list(given)
    for text in texts:
        if not isinstance(text, str):
            raise NoSuchRule(f"{what} takes codes, not {text!r}"[:80], f"write {what}=['ST621']")
    words = tuple(word.strip() for text in texts for word in text.split(",") if word.strip())
    for word in words:
        _check(word, what)
    return words


def _check(word: str, what: str) -> None:
    row = find(word)
    begun = [row] if row else [c for c in CODES.values() if c.code.startswith(word.upper())]
    if begun and what == "ignore" and all(c.severity == "error" for c in begun):
        raise NoSuchRule(
            f"{word} is an error, and errors cannot be ignored",
            f"seqtopo explain {begun[0].code} says what to write instead",
        )
    if begun or word.upper() == ALL:
        return
    near = nearest(word, [known for row in CODES.values() for known in (row.code, row.name)])
    shown = word if len(word) <= 60 else word[:57] + "..."
    raise NoSuchRule(
        f"there is no code {shown} to {what}",
        f"did you mean {near}?" if near else "seqtopo explain lists all codes",
    )


def _specificity(words: Iterable[str], code: Code) -> int:
    """Return how many letters of a code the most specific word gives; 1 for ``ALL``, 0 for none."""
    found = 0
    for word in words:
        if word.lower() == code.name:
            return len(code.code) + 1
        if word.upper() == ALL:
            found = max(found, 1)
        elif word and code.code.startswith(word.upper()):
            found = max(found, len(word))
    return found
