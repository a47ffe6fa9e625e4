"""Child processes on a backend of their own: this project's code, or plain Keras without it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.backend_run import ROOT, environment

PLAIN = ROOT / "tests" / "support" / "load_plain.py"


def run_module(backend: str, module: str, *argv: str, more: Mapping[str, str] | None = None) -> None:
    """Run a module of the tests on a backend.

    Raises:
        AssertionError: it failed; says what it said.
    """
    _run(backend, ["-W", "ignore", "-m", module, *argv], more or {})


def run_plain_keras(backend: str, *argv: str, more: Mapping[str, str] | None = None) -> None:
    """Run ``load_plain.py`` on a backend, isolated: neither the checkout nor PYTHONPATH is looked at.

    Raises:
        AssertionError: it failed; says what it said.
    """
    _run(backend, ["-I", "-W", "ignore", str(PLAIN), *argv], more or {})


def _run(backend: str, argv: list[str], more: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, *argv],
        cwd=ROOT if "-m" in argv else Path(PLAIN).parent,
        env={**environment(backend), **more},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, f"on {backend}: {done.stderr[-3000:]}"
