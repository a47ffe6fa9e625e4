"""Nothing that a user writes raises or is our own fault: a few of the draws that the long run makes."""

from __future__ import annotations

import pytest

from tests.support import fuzz


@pytest.mark.parametrize(("kind", "count"), [("texts", 400), ("outputs", 40), ("models", 60)])
def test_fault_b_what_is_drawn_does_not_raise(kind: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "MODELS", ())  # building the published ones takes as long as all the rest
    faults = fuzz.run(kind, range(count))
    assert not faults, faults[0].what


def test_a_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What raises, and what is our own fault, is told with the text that it came from."""
    monkeypatch.setattr(fuzz, "draw", lambda number: "in(3) -> dense(4)")
    assert fuzz.run("texts", range(1)) == []

    def fails(*_: object, **__: object) -> None:
        raise IndexError("planted")

    monkeypatch.setattr(fuzz, "format_text", fails)
    (fault,) = fuzz.run("texts", range(1))
    assert "planted" in fault.what
    assert fault.text == "in(3) -> dense(4)"
