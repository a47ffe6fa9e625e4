"""The rows name all that TensorFlow computes on a CPU only through oneDNN; the rest runs without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import keras

from tests.support.draw_allowances import onednn_only
from tests.support.onednn_run import specs

TENSORFLOW = keras.backend.backend() == "tensorflow"


def run(switch: str) -> list[str]:
    """The specs that fail with oneDNN off or on: it is chosen when TensorFlow is loaded."""
    if not TENSORFLOW:
        return []  # the rows say nothing of other backends, on which all layers are tried elsewhere
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.support.onednn_run"],
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": switch},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_there_are_convolutions_of_both_kinds() -> None:
    needing = [text for text in specs() if onednn_only(text)[0]]
    assert 20 < len(needing) < len(specs()) - 40


def test_fault_0_without_onednn_what_the_rows_say_fails_on_tensorflow_and_nothing_else() -> None:
    assert run("0") == [text for text in specs() if TENSORFLOW and onednn_only(text)[0]]


def test_fault_0_with_onednn_float32_runs() -> None:
    failed = run("1")
    assert {onednn_only(text)[1] for text in failed} <= {"float16", "bfloat16", "float64"}
