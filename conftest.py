"""Where the tests and the doctests of the package run: settings of Keras, what runs once for each backend."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before anything of it is imported, or its assertions would not say what they compared.
pytest.register_assert_rewrite("tests.support")

from seqtopo.emit.backend import PREFERENCE  # noqa: E402
from tests.support.backend_run import PLACES, ROOT  # noqa: E402

pytest_plugins = ("tests.support.no_skips", "pytester")

# A machine may be slow: no test asserts a time.
settings.register_profile("seqtopo", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("seqtopo")

# Walking all objects of Keras and a backend again and again took a tenth of a run. Cycles that a test leaves
# are still found, only later.
gc.set_threshold(50_000, 20, 20)

# Keras reads and writes keras.json there: the tests have nothing to do with the user's.
os.environ["KERAS_HOME"] = tempfile.mkdtemp(prefix="keras-home-")
atexit.register(shutil.rmtree, os.environ["KERAS_HOME"], ignore_errors=True)
os.environ.setdefault("KERAS_BACKEND", PREFERENCE[0])
# What is printed is wrapped at the width that tests expect, also in commands that they start.
for name in ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR"):
    os.environ.pop(name, None)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# JAX spends a third of a run on making small models fast.
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
os.environ.setdefault("XLA_FLAGS", QUICK)
# And more than half of what it compiles in a run it has compiled before: for a model that is alike, or in
# another process. The first process makes the folder, and those that it starts share it.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="jax-compiled-")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def pytest_configure(config: pytest.Config) -> None:
    """Let JAX compile anew where a process that was killed left half a file in that folder."""
    half = "ignore:Error reading persistent compilation cache entry:UserWarning"
    config.addinivalue_line("filterwarnings", half)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what importing and collecting made: all of it stays."""
    gc.freeze()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves what needs a backend to the tests that run it on each one, unless it is named."""
    if collection_path == ROOT / "tests" / "support":
        return True
    asked = [(config.invocation_params.dir / argument.split("::")[0]).resolve() for argument in config.args]
    for place in PLACES:
        if collection_path == ROOT / place and not any(_inside(path, ROOT / place) for path in asked):
            return True
    return None


def _inside(path: Path, place: Path) -> bool:
    return path == place or place in path.parents


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts what takes longest first, a whole backend each, and then what compares them."""

    def turn(item: pytest.Item) -> int:
        if item.get_closest_marker("whole_backend"):
            return 0
        return 1 if item.get_closest_marker("xdist_group") else 2

    items.sort(key=turn)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what each backend's own run came to."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "whole_backend":
                terminalreporter.write_line(value)
