"""Nothing that a user writes raises or is our own fault: a few of the draws that the long run makes."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

import seqtopo
from seqtopo.report.analyse import analyse
from tests.support import fuzz, fuzz_files
from tests.support.fuzz_code import program


@pytest.mark.parametrize(
    ("kind", "count"), [("texts", 400), ("outputs", 12), ("models", 8), ("files", 100), ("code", 60)]
)
def test_fault_b_what_is_drawn_does_not_raise(kind: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "MODELS", ())  # building the published ones takes as long as all the rest
    faults = fuzz.run(kind, range(count))
    assert not faults, faults[0].what


@pytest.mark.parametrize("number", range(12))
def test_drawing_comes_to_a_text_that_is_right(number: int) -> None:
    """Some draws are right; without them a run that tries the outputs would not end."""
    draws = itertools.islice(map(fuzz.draw, fuzz._numbers(number)), 300)
    assert any(analyse(text).ok for text in draws)


def test_a_fault_in_a_file_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way to read a file is tried: what one of them raises is told, with the file."""

    def fails(*_: object, **__: object) -> None:
        raise IndexError("planted")

    for name, suffix in (("read_series", ".csv"), ("load", ".npz"), ("main", ".keras")):
        monkeypatch.setattr(fuzz_files, name, fails)
        monkeypatch.setattr(fuzz, "draw_file", lambda random, suffix=suffix: (suffix, b"1,2"))
        (fault,) = fuzz.run("files", range(1))
        assert "planted" in fault.what
        assert fault.text.startswith(suffix)
        monkeypatch.undo()


def test_a_fault_in_code_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and notebooks are both tried, and the program is told with what went wrong."""

    def fails(path: Path, **_: object) -> None:
        raise IndexError(f"planted {path.suffix}")

    monkeypatch.setattr(seqtopo, "check", fails)
    faults = fuzz.run("code", range(30))
    assert len(faults) == 30
    assert all(any(f"planted {suffix}" in f.what for f in faults) for suffix in (".py", ".ipynb"))
    assert faults[0].text == program(random.Random("code 0"), fuzz.CODE_MUTATIONS)


def test_a_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error, and a fault of ours, are reported with the text that caused them."""
    monkeypatch.setattr(fuzz, "draw", lambda number: "in(3) -> dense(4)")
    assert fuzz.run("texts", range(1)) == []

    def fails(*_: object, **__: object) -> None:
        raise IndexError("planted")

    monkeypatch.setattr(fuzz, "format_text", fails)
    (fault,) = fuzz.run("texts", range(1))
    assert "planted" in fault.what
    assert fault.text == "in(3) -> dense(4)"
