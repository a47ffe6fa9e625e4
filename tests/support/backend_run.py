"""Run the tests that need a backend in a process of their own: Keras is imported on one backend only.

As a command: ``python -m tests.support.backend_run BACKEND [pytest's arguments]``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = (
    "tests/backends",
    # Their doctests build models.
    "seqtopo/api.py",
    "seqtopo/data/sequences.py",
    "seqtopo/decompiler/serialized.py",
    "seqtopo/emit",
    "seqtopo/data/training",
    "seqtopo/runtime",
)
"""The tests that run once for each backend; everything else runs once."""


LONG = "SEQTOPO_FIRST_DRAW" in os.environ
"""True in the long run, in which everything runs on every backend."""


def command(*arguments: str, places: Sequence[str] = PLACES) -> list[str]:
    """The command line of a run of ``places``."""
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, *places]


def environment(backend: str) -> dict[str, str]:
    """The environment of a run on a backend: small models compute fastest on one thread."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_XDIST", "PYTEST_CURRENT"))}
    one_thread = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    return {**one_thread, **inherited, "KERAS_BACKEND": backend}


def run(backend: str, *arguments: str, places: Sequence[str] = PLACES, path: str = "") -> tuple[int, str]:
    """Run ``places`` on a backend: its exit code and what it said. ``path`` comes first on PYTHONPATH."""
    env = environment(backend)
    if path:
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (path, env.get("PYTHONPATH"))))
    done = subprocess.run(
        command(*arguments, places=places),
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=3600,
        check=False,
    )
    return done.returncode, done.stdout


if __name__ == "__main__":
    os.chdir(ROOT)
    os.execve(sys.executable, command(*sys.argv[2:]), environment(sys.argv[1]))
