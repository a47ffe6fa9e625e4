"""Every link in a Markdown file that points inside the repository leads to a file, and to a heading in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support.imports import ROOT

FOLDERS = ("grammar", "examples", "ci", "tests")
PAGES = [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in sorted((ROOT / folder).rglob("*.md")))]
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
IN_HTML = re.compile(r"""(?:href|src)\s*=\s*["']([^"']+)["']""")
ANCHOR_IN_HTML = re.compile(r"""(?:id|name)\s*=\s*["']([^"']+)["']""")
PATH = re.compile(r"(?:seqtopo|tests|ci|examples|grammar)/[\w./-]*")
"""A path from the repository's root in a Markdown file's code."""


def tokens(text: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        yield token
        yield from token.children or ()


def links(text: str) -> Iterator[str]:
    """The targets of all links and pictures that point inside the repository."""
    for token in tokens(text):
        if token.type.startswith("html"):
            targets = IN_HTML.findall(token.content)
        else:
            targets = [str(token.attrs[name]) for name in ("href", "src") if name in token.attrs]
        yield from (unquote(target) for target in targets if not ELSEWHERE.match(target))


def anchors(text: str) -> set[str]:
    """The anchors of a text: its headings as GitHub turns them into anchors, and ids in HTML."""
    found: set[str] = set()
    before: Token | None = None
    for token in tokens(text):
        if before is not None and before.type == "heading_open":
            shown = "".join(part.content for part in token.children or ())
            name = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
            numbered = (f"{name}-{number}" for number in range(1, len(found) + 2))
            found.add(name if name not in found else next(each for each in numbered if each not in found))
        elif token.type.startswith("html"):
            found.update(ANCHOR_IN_HTML.findall(token.content))
        before = token
    return found


@cache
def anchors_of(file: Path) -> set[str]:
    return anchors(file.read_text(encoding="utf-8"))


def broken(page: Path, root: Path = ROOT) -> list[str]:
    """The links of a page that lead nowhere, and the paths in its code that do not exist."""
    text = page.read_text(encoding="utf-8")
    found = []
    for link in links(text):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        # A name in the wrong case exists on some machines and not on others.
        there = (
            target.exists()
            and target.is_relative_to(root)
            and target.name in {each.name for each in target.parent.iterdir()}
        )
        if not there or (anchor and (target.suffix != ".md" or anchor not in anchors_of(target))):
            found.append(link)
    if page.name == "CHANGELOG.md":  # it may name what is no longer there
        return found
    code = [token.content for token in tokens(text) if token.type == "code_inline"]
    return found + [path for path in code if PATH.fullmatch(path) and not (root / path).exists()]


def test_there_are_links_to_follow() -> None:
    assert len(PAGES) > 200
    assert sum(len(list(links(page.read_text(encoding="utf-8")))) for page in PAGES) > 200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# A `seq` here, twice?\n\n# Twice\n\n# Twice\n\n<a id='own'></a>\n")
    right = [
        "[a](other.md)", "![a](other.md)", "[a](other.md#a-seq-here-twice)", "[a](other.md#twice-1)",
        "[a](#top)", "[a](other.md#own)", "[a][named]", "<img src='other.md'>", "`[a](code.md)`", "`tests/`",
        "<https://keras.io/none>", "[a](http://keras.io/none#none)", "```\n[a](fenced.md)\n```",
    ]  # fmt: skip
    wrong = {
        "[a](none.md)": "none.md",
        "![a](none.svg)": "none.svg",
        "[a](Other.md)": "Other.md",
        "[a](other.md#none)": "other.md#none",
        "[a](other.md#twice-2)": "other.md#twice-2",
        "[a](#none)": "#none",
        "[a](/etc)": "/etc",
        "[a](../)": "../",
        "<img src='none.png'>": "none.png",
        "| [a](none.md) |\n| --- |": "none.md",
        "`tests/none.py`": "tests/none.py",
    }
    (tmp_path / "tests").mkdir()
    page = tmp_path / "page.md"
    page.write_text("\n\n".join(["# Top", *right, "[named]: other.md"]))
    assert broken(page, tmp_path) == []
    for text, said in wrong.items():
        page.write_text(f"# Top\n\n{text}\n")
        assert broken(page, tmp_path) == [said]
