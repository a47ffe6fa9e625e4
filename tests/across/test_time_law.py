"""The steps that a model is said to see, against built models in which one input step is changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.children import run_module
from tests.support.moving_specs import MOVING

DRAWS = 120


def looked(folder: Path, *argv: str) -> dict[str, Any]:
    run_module("torch", "tests.support.time_law", str(folder / "found.json"), *argv)
    found: dict[str, Any] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return found


def test_only_steps_that_are_seen_change_an_answer(tmp_path: Path) -> None:
    found = looked(tmp_path, "0", str(DRAWS))
    assert not found["wrong"], "\n".join(found["wrong"])
    assert found["specs"] > 0.7 * DRAWS + len(MOVING)
    assert found["failed"] < 0.1 * DRAWS
    assert found["pairs"] > 50 * DRAWS
    # An end of a window may hide behind a maximum, or where an activation is flat.
    assert found["seen"] > 0.93 * found["claims"]
    assert found["claims"] > 5 * DRAWS


def test_a_row_that_says_too_little_is_noticed(tmp_path: Path) -> None:
    assert any("conv1d(" in text for text in looked(tmp_path, "0", "0", "conv1d")["wrong"])
