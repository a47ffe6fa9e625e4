"""The page that needs no server, in Chromium: its size, the time to its first result, and an edit.

``ci/playground`` builds it, or, without the tests, ``ci/playground --build``.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import Browser
from timing import Row

from tests.support.browser import CHROMIUM, chromium
from tests.support.imports import ROOT
from tests.support.static_page import FORTY, SITE, Host, opened, typed, wait_for_memory

ROUNDS = 5


def measure() -> Iterator[Row]:
    """Measure the size, the times on this machine, and the CPU time of the whole browser."""
    if not SITE.is_dir() or not CHROMIUM:
        print("  left out: ci/playground --build builds the page, and ci/programs installs Chromium")
        return
    size = sum(_build().sizes(SITE).values()) / 1e6
    yield Row("the page without a server", "all of it, compressed", "", size, size, size, 1, 8, unit="MB")
    host = Host()
    try:
        with chromium() as browser:
            yield from _times(browser, host.url)
    finally:
        host.stop()


def _times(browser: Browser, url: str) -> Iterator[Row]:
    cold, cached = [], []
    cpu: dict[str, list[float]] = {"cold": [], "from the cache": []}
    edits: list[float] = []
    for _ in range(ROUNDS):
        context = browser.new_context()
        page = context.new_page()
        before = _cpu()
        cold.append(opened(page, url))
        cpu["cold"].append(_cpu() - before)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        wait_for_memory(page)
        page.wait_for_timeout(1000)
        page.goto("about:blank")
        before = _cpu()
        cached.append(opened(page, url))
        cpu["from the cache"].append(_cpu() - before)
        if not edits:
            edits = typed(page, FORTY)
        context.close()
    yield _row("first result, cold", cold, "seconds", 5, headline=True)
    yield _row("first result, from the cache", cached, "seconds", 2, headline=True)
    for how, taken in cpu.items():
        yield _row(f"first result, {how}: all cores", taken, "seconds of CPU time")
    yield _row(
        "an edit of a spec of 40 layers, typed letter by letter", edits, "milliseconds", 30, headline=True
    )


def _row(
    what: str, taken: Sequence[float], unit: str, most: float | None = None, headline: bool = False
) -> Row:
    low, _, high = quantiles(taken, n=4)
    where = "the page without a server"
    return Row(where, what, "", median(taken), low, high, len(taken), most, unit=unit, headline=headline)


def _build() -> Any:
    """Return the module that builds the page."""
    spec = importlib.util.spec_from_file_location("build_page", ROOT / "ci" / "page" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


def _cpu() -> float:
    """Return the seconds of CPU time of all processes below this one; 0 where there is no /proc."""
    parents: dict[int, int] = {}
    taken: dict[int, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (
                (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            )
        except OSError:
            continue  # it has ended
        parents[int(folder.name)] = int(fields[1])
        taken[int(folder.name)] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    ours, found = {os.getpid()}, 0.0
    while new := {child for child, parent in parents.items() if parent in ours} - ours:
        found += sum(taken[child] for child in new)
        ours |= new
    return found
