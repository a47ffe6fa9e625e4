"""The page that ``ci/playground`` builds: a host for it, and what it takes in a browser."""

from __future__ import annotations

import functools
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.support.imports import ROOT

BUILT = ROOT / "build" / "playground"
SITE = BUILT / "site"
PATIENCE = 120_000
"""Milliseconds that Python may take to load on a machine with much else to do."""

_LAYERS = " ->\n".join(f"lstm({i + 8},seq)" if i % 2 else f"dense({i + 8},relu)" for i in range(40))
FORTY = f"in(T,8) ->\n{_LAYERS}"
"""A spec of 40 layers."""

_TYPED = """async (text) => {
    const start = `import ${JSON.stringify(new URL("worker.js", location.href).href)};`;
    const blob = new Blob([start], { type: "text/javascript" });
    const worker = new Worker(URL.createObjectURL(blob), { type: "module" });
    const ask = (text) => new Promise((resolve) => {
        const started = performance.now();
        worker.onmessage = ({ data }) => data.id && resolve(performance.now() - started);
        worker.postMessage({ id: 1, text, options: { wants: ["report"] } });
    });
    await ask(text);
    const taken = [];
    for (let length = 1; length <= text.length; length++) taken.push(await ask(text.slice(0, length)));
    worker.terminate();
    return taken;
}"""

_MEMORY = """async ({ spoil, mark }) => {
    const name = (await caches.keys()).find((name) => name.startsWith("python "));
    const cache = name && (await caches.open(name));
    const place = cache && (await cache.keys())[0];
    const kept = place && (await cache.match(place));
    if (!kept) return null;
    const data = spoil ? new Uint8Array(1000) : await kept.arrayBuffer();
    if (mark) await cache.put(place, new Response(data, { headers: { mark } }));
    return [data.byteLength > 1e6, kept.headers.get("mark")];
}"""


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Host:
    """A static host of the page that can be switched off."""

    def __init__(self, site: Path = SITE) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(site)))
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def stop(self) -> None:
        """Stop it: whoever asks now is refused."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def opened(page: Page, url: str) -> float:
    """Open the page, and return the seconds until it shows the first result."""
    started = time.perf_counter()
    page.goto(url)
    page.locator("#table td").first.wait_for(timeout=PATIENCE)
    return time.perf_counter() - started


def typed(page: Page, text: str) -> list[float]:
    """Return the milliseconds until Python has answered each edit, while a text is typed letter by letter."""
    found: list[float] = page.evaluate(_TYPED, text)
    return found


def memory(page: Page, spoil: bool = False, mark: str | None = None) -> tuple[bool, str | None] | None:
    """Return what is kept of Python's memory: whether it is whole, and how it was marked; None for nothing.

    With ``mark`` it is marked after that, and with ``spoil`` something else is put in its place.
    """
    found = page.evaluate(_MEMORY, {"spoil": spoil, "mark": mark})
    return found and (found[0], found[1])


def wait_for_memory(page: Page) -> None:
    """Wait until the page has kept the memory of Python."""
    until = time.monotonic() + PATIENCE / 1000
    while not (found := memory(page)) or not found[0]:
        assert time.monotonic() < until, "Python's memory was not kept"
        page.wait_for_timeout(200)
