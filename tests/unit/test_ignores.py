"""Comments that switch a rule off: what they speak for, and what is said of those that are of no use."""

from __future__ import annotations

import pytest

import seqtopo
from seqtopo.diag.model import Diagnostic
from seqtopo.lint.ignores import apply_ignores
from seqtopo.source import Source, Span
from seqtopo.syntax.parse import parse

HEAD = "in(3,1) -> lstm(8) -> dense(1,softmax)"
BROKEN = "in(3,1)\n    -> lstm(8)\n    -> dense(1,softmax)"


def found(text: str, **more: object) -> list[Diagnostic]:
    """Return the findings in a spec without errors."""
    report = seqtopo.check(text, **more)  # type: ignore[arg-type]
    assert report.ok, str(report)
    return list(report.diagnostics)


def codes(text: str, **more: object) -> list[str]:
    """The codes of it."""
    return [diagnostic.code for diagnostic in found(text, **more)]


def test_the_rule_that_is_ignored_below_finds_something() -> None:
    assert codes(HEAD) == codes(BROKEN) == ["ST621"]


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}  # seqtopo: ignore[ST621] a baseline",
        f"{HEAD}  # seqtopo: ignore[softmax-over-one]",
        f"{HEAD}  #seqtopo:ignore[st621]",
        f"{HEAD}  # a baseline # seqtopo: ignore[ST621]",
        f"# seqtopo: ignore[ST621] a baseline\n{HEAD}",
        f"# seqtopo: ignore[ST621]\n# a baseline\n\n{HEAD}",
        BROKEN + "  # seqtopo: ignore[ST621]",
        BROKEN.replace(")\n    -> dense", ")\n    # seqtopo: ignore[ST621]\n    -> dense"),
        f"# seqtopo: ignore[ST621]\n{BROKEN}",
        "def head() = dense(1,softmax)  # seqtopo: ignore[ST621]\nin(3,1) -> lstm(8) -> head()",
        "in(3,1)\n-> lstm(8)\n# seqtopo: ignore[ST621]\n-> dense(\n  1,\n  softmax\n)\n-> dense(2)",
        "in(3,1)\n-> lstm(8)\n-> dense(\n  1,\n  softmax\n)  # seqtopo: ignore[ST621]\n-> dense(2)",
    ],
)
def test_a_comment_silences_what_it_names(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (BROKEN.replace("(3,1)", "(3,1)  # seqtopo: ignore[ST621]"), ["ST669", "ST621"]),
        (f"let N = 8  # seqtopo: ignore[ST621]\n{HEAD.replace('8', 'N')}", ["ST669", "ST621"]),
        (f"{HEAD}\n# seqtopo: ignore[ST621]", ["ST621", "ST669"]),
        (f"{HEAD}  # seqtopo: ignore[ST661]", ["ST621", "ST669"]),
        (f"{HEAD}  # seqtopo: ignore[ST621, ST621, ST661]", ["ST669"]),
        (f"# seqtopo: ignore[ST621]\n{HEAD}  # seqtopo: ignore[ST621]", ["ST669"]),
        (f"{HEAD}  # seqtopo: ignore[]", ["ST621", "ST668"]),
        (f"{HEAD}  # seqtopo: noqa", ["ST621", "ST668"]),
        (f"{HEAD}  # seqtopo: ignore ST621", ["ST621", "ST668"]),
        (f"{HEAD}  # seqtopo: ignore[ST621", ["ST621", "ST668"]),
        (f"{HEAD}  # seqtopo: ignore[ST6]", ["ST621", "ST668"]),
        (f"{HEAD}  # seqtopo: ignore[ST301, ST621]", ["ST669"]),
        (f"{HEAD}  # ignore[ST621]", ["ST621"]),
    ],
)
def test_a_comment_elsewhere_or_for_something_else_silences_nothing(text: str, left: list[str]) -> None:
    assert codes(text) == left


def test_a_comment_in_a_string_is_none() -> None:
    assert codes('in(3,1) -> lstm(8,name="# seqtopo: ignore[ST621]") -> dense(1,softmax)') == ["ST621"]


def test_errors_are_never_silenced() -> None:
    report = seqtopo.check("in(3,1) -> lstm(8) -> lstm(4)  # seqtopo: ignore[ST301]")
    assert [d.code for d in report.diagnostics] == ["ST301"]
    source = Source(f"{HEAD}  # seqtopo: ignore[ST301]")
    spec, _ = parse(source)
    assert spec is not None
    error = Diagnostic("ST301", "wrong", Span(0, 7), source=source)
    assert [d.code for d in apply_ignores([error], source, spec, set())] == ["ST301", "ST669"]


def test_a_rule_that_is_off_leaves_its_comments_alone() -> None:
    text = f"{HEAD}  # seqtopo: ignore[ST621]"
    assert codes(text.replace("softmax", "sigmoid"), ignore=["ST621"]) == []
    assert codes(text.replace("softmax", "sigmoid")) == ["ST669"]
    assert codes(text.replace("softmax", "sigmoid"), ignore=["unused-ignore"]) == []
    assert codes(f"{HEAD}  # seqtopo: ignore[zzz]", ignore=["ST621", "unknown-ignore"]) == []


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("in(3) -> dense(1)  # seqtopo: ignore[ST621] why\n", "in(3) -> dense(1)\n"),
        ("# seqtopo: ignore[ST621]\nin(3) -> dense(1)", "in(3) -> dense(1)"),
        ("in(3)\n  # seqtopo: ignore[ST621]\n  -> dense(1)", "in(3)\n  -> dense(1)"),
        ("in(3) -> dense(1)\n# seqtopo: ignore[ST621]", "in(3) -> dense(1)\n"),
        ("in(3) -> dense(1)  # why # seqtopo: ignore[ST621]", "in(3) -> dense(1)  # why"),
        (f"{HEAD} # seqtopo: ignore[ST661,ST621] it is", f"{HEAD} # seqtopo: ignore[ST621] it is"),
        ("in(3) -> dense(1)  # seqtopo: ignore[qqqqqq]", "in(3) -> dense(1)"),
    ],
)
def test_the_fix_takes_out_what_is_of_no_use(text: str, mended: str) -> None:
    (one,) = found(text)
    (fix,) = one.fixes
    assert fix.safe
    assert fix.apply(text) == mended
    assert found(mended) == []


def test_a_slip_of_the_pen_is_a_guess_for_people() -> None:
    text = f"{HEAD}  # seqtopo: ignore[softmax-over-ones] a baseline"
    _, one = found(text)
    guess, out = one.fixes
    assert guess.title == "did you mean softmax-over-one?"
    assert not guess.safe
    assert not out.safe
    assert found(guess.apply(text)) == []
    assert out.apply(text) == HEAD


def test_the_formatter_does_not_change_what_a_comment_speaks_for() -> None:
    long = " -> ".join(["in(3,1) -> lstm(8)", *["dense(8,relu)"] * 6, "dense(1,softmax)"])
    for text in (f"{long}  # seqtopo: ignore[ST621] so", f"# seqtopo: ignore[ST621] so\n{long}"):
        assert codes(text) == []
        broken = seqtopo.format_spec(text)
        assert broken.count("\n") > 4
        assert codes(broken) == []


def test_many_comments_are_read_in_no_time() -> None:
    lines = [f"{HEAD}  # seqtopo: ignore[{'x,' * 50}ST661]" for _ in range(2000)]
    assert len(found("\n".join(lines))) >= 4000
