"""Folding and macros never change what a spec means: tried on specs drawn at random."""

from __future__ import annotations

import pytest

from seqtopo.decompiler.decompile import compare
from seqtopo.decompiler.folding import fold
from seqtopo.decompiler.macros import with_macro
from seqtopo.report.analyse import analyse
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_spec
from seqtopo.syntax.parse import parse
from tests.support.draws import draw
from tests.support.models import MODELS

DRAWS = 120


def _statements(text: str) -> list[tree.Statement]:
    spec, _ = parse(Source(text))
    assert spec is not None
    return list(spec.statements)


def _text(statements: list[tree.Statement]) -> str:
    return print_spec(tree.Spec(Span(0, 0), tuple(statements)))


def _shorter(text: str) -> list[str]:
    """Return the texts that folding and macros make of a spec."""
    statements = _statements(text)
    folded = fold(statements, collect=False).statements
    macro = with_macro(folded, {}, lambda word: f"{word}_of_ours")
    return [_text(s) for s in (folded, macro) if s is not None]


@pytest.mark.parametrize("first", range(0, DRAWS, 40))
def test_a_drawn_spec_means_the_same_when_folded(first: int) -> None:
    seen = 0
    for seed in range(first, first + 40):
        drawn = draw(seed).accepted
        checked = analyse(drawn) if drawn else None
        if checked is None or checked.resolved is None:
            continue
        text = str(drawn)
        for found in _shorter(text):
            seen += 1
            assert compare(found, checked.resolved.graph) == "", f"draw {seed}: {text!r} became {found!r}"
    assert seen > 20


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_a_published_model_means_the_same_when_folded(model) -> None:
    text = model.path.read_text(encoding="utf-8")
    checked = analyse(text)
    assert checked.resolved is not None
    for found in _shorter(text):
        assert compare(found, checked.resolved.graph) == "", found
