"""The row of a code: what every page is made of."""

from __future__ import annotations

from dataclasses import dataclass

from seqtopo.diag.model import Severity


@dataclass(frozen=True, slots=True)
class Code:
    """One code and its page.

    ``on`` is whether it is reported where nobody says otherwise; errors always are. ``summary`` is one
    line; ``what`` and ``why`` are a few plain sentences each. ``example`` is a spec that
    gives this code and no other, ``instead`` one that checks clean. Where no spec can show the code by
    itself, ``example`` is empty and ``reason`` says why.
    """

    code: str
    name: str
    summary: str
    what: str
    why: str
    example: str = ""
    instead: str = ""
    reason: str = ""
    severity: Severity = "error"
    on: bool = True
