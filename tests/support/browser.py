"""Chromium for tests of pages, driven by Playwright, and what the tests of seqtopo's own page share.

A module that takes the fixtures names this one in its ``pytest_plugins``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="there is no chromium; ci/programs installs it")

DESKTOP = {"width": 1300, "height": 850}
SPEC = "in(T,8) -> lstm(64,seq) -> lstm(32) -> dense(1)"
WRONG = "in(T,8) -> lstm(64) -> lstm(32) -> dense(1)"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield a browser for the tests of a module."""
    with chromium() as found:
        yield found


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """Yield a window without a past; a module's ``PATIENCE`` says how many milliseconds it waits."""
    made = browser.new_context(viewport=DESKTOP)
    made.set_default_timeout(getattr(request.module, "PATIENCE", 10_000))
    yield made
    made.close()


def write(page: Page, text: str) -> None:
    """Put a text in the place of what stands in the page's editor."""
    page.locator("#editor .cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def text_of(page: Page) -> str:
    """Return the text in the page's editor."""
    return "\n".join(line.inner_text().strip("\n\u200b") for line in page.locator("#editor .cm-line").all())


def faults_of(page: Page) -> list[str]:
    """A list that fills with what goes wrong on a page: exceptions, errors in the console, dialogs."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda line: found.append(line.text) if line.type in ("error", "warning") else None)
    page.on("dialog", lambda dialog: (found.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    return found
