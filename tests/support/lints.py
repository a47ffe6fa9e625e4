"""Assertions about the findings of one rule in a spec, and about its fixes."""

from __future__ import annotations

from seqtopo.api import check
from seqtopo.diag.model import Diagnostic


def findings(spec: str, code: str, **dims: int) -> list[Diagnostic]:
    """Return the findings of one rule in a spec without errors; the rule may be off by default."""
    report = check(spec, select=[code], **dims)
    assert report.ok, str(report)
    return [found for found in report.diagnostics if found.code == code]


def assert_found(spec: str, code: str, at: str) -> Diagnostic:
    """Assert that a rule has one finding, at a step that is written so; return it."""
    found = findings(spec, code)
    assert [spec[d.span.start : d.span.end] for d in found] == [at], [d.message for d in found]
    return found[0]


def assert_mended(spec: str, code: str) -> list[str]:
    """Assert that each fix of a finding checks without errors and removes it; return the mended texts."""
    (found,) = findings(spec, code)
    texts = [fix.apply(spec) for fix in found.fixes]
    for text in texts:
        assert findings(text, code) == [], text
    return texts
