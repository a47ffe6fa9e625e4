"""Read the page of each code: a Markdown file in ``grammar/diagnostics``, which defines the code.

A page begins with its severity between two lines ``---``, and ``default: off`` where the code is not reported
by default. The number and the name follow as a heading, then one line that says what is wrong, and the
sections *What it means*, *Why*, *Example* and *Instead*. The example is a spec that gives this code and no
other; where no spec can, the section says why in words.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import cast

from seqtopo.diag.codes import Code, find
from seqtopo.diag.model import Severity
from seqtopo.diag.renderers.cells import Row, paint, wrap
from seqtopo.system.files import grammar_path

WIDTH = 80
"""The most columns that a page takes; longer lines are hard to read."""

_FRONT = re.compile(r"---\nseverity: (error|warning|info)\n(default: off\n)?---\n\n")
_TITLE = re.compile(r"# (ST\d{3}) ([a-z-]+)")
_SPEC = re.compile(r"```seqtopo\n(.*)\n```", re.DOTALL)
_BLOCK = re.compile(r"^```seqtopo\n(?s:.*?)\n```$|(?:^.+\n?)+", re.MULTILINE)
"""Matches a spec between its fences, or what stands without an empty line: a heading, a paragraph."""
_SECTIONS = ("What it means", "Why", "Example", "Instead")


@dataclass(frozen=True, slots=True)
class Page:
    """The page of a code.

    Attributes:
        code: what the index knows of it.
        what: the section *What it means*.
        why: the section *Why*.
        example: a spec that gives this code; empty where no spec can.
        reason: why there is no example; empty where there is one.
        instead: a spec without this code; empty where there is none.
        markdown: the text from the title on.
    """

    code: Code
    what: str
    why: str
    example: str
    reason: str
    instead: str
    markdown: str

    def text(self, width: int = WIDTH, *, color: bool = False) -> str:
        """Return the page for a terminal: paragraphs wrapped, specs indented and unbroken."""
        return "\n".join(paint(block, color) for block in self._blocks(min(width, WIDTH)))

    def _blocks(self, width: int) -> Iterator[list[Row]]:
        off = "" if self.code.on else ", off by default"
        for block in _BLOCK.findall(self.markdown):
            spec = _SPEC.fullmatch(block)
            if spec:
                yield [((f"    {line}", "plain"),) for line in spec[1].split("\n")]
            elif block.startswith("# "):
                yield [((f"{block.strip()} ({self.code.severity}{off})", "strong"),)]
            elif block.startswith("## "):
                yield [((block.strip(), "strong"),)]
            else:
                yield [((line, "plain"),) for line in wrap(" ".join(block.split()), width)]


def parse_page(text: str) -> Page:
    """Parse the Markdown text of a page.

    Raises:
        ValueError: the front part, the title or a section is missing or has another form.
    """
    front = _FRONT.match(text)
    if front is None:
        raise ValueError("a page begins with its severity between two lines ---")
    severity, off = front.groups()
    markdown = text[front.end() :]
    head, *parts = re.split(r"^## (.*)\n", markdown, flags=re.MULTILINE)
    sections = {title: body.strip() for title, body in zip(parts[::2], parts[1::2], strict=True)}
    if tuple(sections) not in (_SECTIONS, _SECTIONS[:-1]):
        raise ValueError(f"a page has the sections {', '.join(_SECTIONS)}, not {', '.join(sections)}")
    title, _, summary = head.strip().partition("\n\n")
    named = _TITLE.fullmatch(title)
    if named is None or not summary:
        raise ValueError(
            "a page has a title such as '# ST301 wrong-rank', then a line that says what is wrong"
        )
    code = Code(named[1], named[2], cast(Severity, severity), not off, " ".join(summary.split()))
    example, instead = (_SPEC.fullmatch(sections.get(name, "")) for name in ("Example", "Instead"))
    return Page(
        code,
        " ".join(sections["What it means"].split()),
        " ".join(sections["Why"].split()),
        example[1] if example else "",
        "" if example else " ".join(sections["Example"].split()),
        instead[1] if instead else "",
        markdown,
    )


@cache
def page(word: str) -> Page:
    """Return the page of a code, asked for by its number or its name in any case.

    Raises:
        KeyError: there is no such code.

    >>> page("ST301").example
    'in(T,F) -> lstm(64) -> lstm(32)'
    """
    code = find(word)
    if code is None:
        raise KeyError(word)
    return _read(f"{code.code}.md")


def pages() -> list[Page]:
    """Return all pages that there are, in the order of their numbers; the index need not know them.

    Raises:
        ValueError: a page has not its form, its file has the name of another code, or a name stands twice.
    """
    found = [_read(file) for file in sorted(os.listdir(_folder()))]
    names: dict[str, str] = {}
    for each in found:
        other = names.setdefault(each.code.name, each.code.code)
        if other != each.code.code:
            raise ValueError(f"{each.code.code} and {other} have the same name: {each.code.name}")
    return found


def _folder() -> str:
    return grammar_path("diagnostics")


def _read(file: str) -> Page:
    with open(os.path.join(_folder(), file), encoding="utf-8") as opened:
        text = opened.read()
    try:
        found = parse_page(text)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if file != f"{found.code.code}.md":
        raise ValueError(f"{file} is the page of {found.code.code}")
    return found
