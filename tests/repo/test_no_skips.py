"""No test is skipped silently where ``CI`` is set."""

from __future__ import annotations

import pytest

SKIPS = """
import pytest

def test_missing():
    pytest.importorskip("there_is_no_such_module")

@pytest.mark.skip(reason="not today")
def test_marked():
    assert True

@pytest.mark.xfail(reason="known")
def test_expected():
    assert False

def test_fine():
    assert True
"""
MODULE = """
import pytest

pytest.importorskip("there_is_no_such_module")
"""
PLUGIN = ("-p", "tests.support.no_skips", "-p", "no:cacheprovider")


def test_a_skip_fails_where_ci_is_set(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile(SKIPS)
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(failed=1, errors=1, passed=1, xfailed=1)
    result.stdout.fnmatch_lines(["*test_missing is skipped, and nothing may be skipped where CI is set*"])
    result.stdout.fnmatch_lines(["*there_is_no_such_module*"])


def test_a_module_that_skips_fails_where_ci_is_set(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    pytester.makepyfile(MODULE)
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(errors=1)
    assert result.ret


def test_a_skip_is_a_skip_elsewhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    pytester.makepyfile(SKIPS)
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(skipped=2, passed=1, xfailed=1)
    assert not result.ret
