"""Trainings that the page starts: one at a time, stopped when told, in a folder that is gone afterwards."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from seqtopo.play.training import Training

SPEC = "in(8,F) -> lstm(4) -> dense(F)"
ENDLESS = """
import itertools, os, time
print("folder", os.getcwd(), flush=True)
for epoch in itertools.count(1):
    print(f"epoch {epoch}/9999  loss {1 / epoch:.4g}", flush=True)
    time.sleep(0.05)
"""


class Stand(Training):
    """A training whose process is another program."""

    program = ENDLESS

    def command(self, options: Mapping[str, Any]) -> list[str]:
        return [sys.executable, "-c", self.program]


def test_it_is_stopped_when_the_page_says_so() -> None:
    training = Stand()
    events = training.start(SPEC, {"series": "x\n1\n"})
    assert events is not None
    folder = Path(next(events)["line"].removeprefix("folder "))
    assert (folder / "spec.txt").read_text(encoding="utf-8") == SPEC
    assert next(events) == {"epoch": 1, "of": 9999, "numbers": {"loss": 1.0}}
    training.stop()
    assert list(events)[-1] == {"ended": "stopped"}
    assert not folder.exists()


def test_only_one_runs_at_a_time() -> None:
    training = Stand()
    events = training.start(SPEC, {})
    assert events is not None
    next(events)
    assert training.start(SPEC, {}) is None
    training.stop()
    assert list(events)
    again = training.start(SPEC, {})
    assert again is not None
    next(again)
    again.close()


def test_it_ends_with_the_page() -> None:
    training = Stand()
    events = training.start(SPEC, {})
    assert events is not None
    folder = Path(next(events)["line"].removeprefix("folder "))
    process = training._process
    assert process is not None
    events.close()
    assert process.poll() is not None
    assert not folder.exists()


def test_a_page_that_never_asks_for_events_holds_up_nothing() -> None:
    training = Stand()
    events = training.start(SPEC, {})
    assert events is not None
    events.close()
    other = training.start(SPEC, {})
    assert other is not None
    next(other)
    other.close()


def test_it_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqtopo.play.training.PLAY_SECONDS", 0.3)
    events = Stand().start(SPEC, {})
    assert events is not None
    assert list(events)[-1] == {"ended": "stopped after 0.3 seconds"}


def test_it_ends_where_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqtopo.play.training.PLAY_LOADING_SECONDS", 0.3)
    monkeypatch.setattr(Stand, "program", "import time; time.sleep(600)")
    events = Stand().start(SPEC, {})
    assert events is not None
    assert list(events)[-1] == {"ended": "loading the backend took too long"}


def test_a_wrong_spec_is_told_before_a_backend_is_loaded() -> None:
    events = Training().start("in(8,1) -> lstm(4) -> lstm(4)", {"series": "x\n1\n2\n"})
    assert events is not None
    found = list(events)
    assert found[-1] == {"ended": "failed"}
    assert any("ST301" in event.get("line", "") for event in found)


ODD: tuple[dict[str, Any], ...] = (
    {"epochs": -1, "steps": "7; rm", "horizon": 10**9, "backend": "--force", "scale": "yes"},
    {"epochs": True, "dims": [1], "backend": ["torch"]},
    {},
)


@pytest.mark.parametrize("options", ODD, ids=str)
def test_odd_options_are_left_out(options: dict[str, Any]) -> None:
    words = Training().command(options)
    assert words[-2:] == ["-o", "model.keras"]


def test_good_options_become_words() -> None:
    options = {"epochs": 5, "steps": 8, "scale": True, "backend": "torch", "dims": {"F": "3"}}
    words = Training(["my.layers"]).command(options)
    after = words[words.index("model.keras") + 1 :]
    assert after == [
        "--backend", "torch", "--epochs", "5", "--steps", "8", "--scale", "-D", "F=3",
        "--import", "my.layers",
    ]  # fmt: skip


def test_stopping_twice_and_stopping_nothing_is_fine() -> None:
    training = Stand()
    training.stop()
    events = training.start(SPEC, {})
    assert events is not None
    next(events)
    threads = [threading.Thread(target=training.stop) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(events)[-1] == {"ended": "stopped"}
