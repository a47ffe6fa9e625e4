"""The four laws of the codes: each is defined once, shown by its page, mended by its page, and emitted."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import seqtopo
from seqtopo.diag.codes import CODES
from seqtopo.diag.pages import Page, pages

PACKAGE = Path(seqtopo.__file__).parent
SHOWN = [page for page in pages() if page.example]
MENDED = [page for page in pages() if page.instead]


def _emitted() -> set[str]:
    """Every code that stands in the sources, other than in ``diag``, which defines them."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if path.parts[len(PACKAGE.parts)] != "diag":
            found.update(re.findall(r'"(ST\d{3})"', path.read_text(encoding="utf-8")))
    return found


def test_there_are_pages_to_run() -> None:
    assert len(SHOWN) > 35
    assert len(MENDED) > 35


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.code.code)
def test_the_example_of_a_page_gives_just_its_code(page: Page) -> None:
    code = page.code
    found = seqtopo.check(page.example, select=[code.code]).diagnostics
    assert [d.code for d in found] == [code.code], [d.message for d in found]
    assert found[0].severity == code.severity


@pytest.mark.parametrize("page", MENDED, ids=lambda page: page.code.code)
def test_what_to_write_instead_checks_clean(page: Page) -> None:
    assert seqtopo.check(page.instead, select=[page.code.code]).diagnostics == ()


def test_every_code_is_emitted_and_every_emitted_code_is_defined() -> None:
    assert _emitted() == set(CODES)


@pytest.mark.parametrize(
    "page",
    [page for page in SHOWN if page.code.code.startswith(("ST2", "ST3"))],
    ids=lambda page: page.code.code,
)
def test_a_diagnostic_says_what_to_do(page: Page) -> None:
    (found,) = seqtopo.check(page.example).diagnostics
    assert found.help or found.fixes or found.labels, found.message
    assert found.span.end > found.span.start


def _without_advice(text: str) -> list[str]:
    """The findings made in a module that say neither what to do nor how to mend it."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        given = {k.arg for k in node.keywords}
        # Where the number of axes is the point, blame adds the advice; ** hands somebody else's on.
        advice = {"help", "fixes", "takes", "expected", None}
        if name in ("Refusal", "refuse", "Diagnostic") and (node.args or given) and not given & advice:
            found.append(ast.unparse(node))
    return found


def test_every_finding_comes_with_advice() -> None:
    for part in ("syntax", "layers", "graph", "advice", "labels", "emit", "cli"):
        for path in (PACKAGE / part).rglob("*.py"):
            assert _without_advice(path.read_text(encoding="utf-8")) == [], path


def test_a_finding_without_advice_would_be_noticed() -> None:
    assert _without_advice('raise Refusal("ST201", "no such layer", span, label="here")') != []
