"""Test the built page in Chromium, without a server of seqtopo or a network, and its answers in Node."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import threading
import time
import tomllib
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from seqtopo.play.answer import answer
from seqtopo.play.views import VIEWS
from tests.support.browser import DESKTOP, SPEC, WRONG, faults_of, needs_chromium, write
from tests.support.imports import ROOT

BUILT = ROOT / "build" / "playground"
SITE = BUILT / "site"
AXE = BUILT / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE = 120_000
"""The milliseconds that Python may take to load on a busy machine."""

pytest_plugins = ("tests.support.browser",)
pytestmark = [
    needs_chromium,
    pytest.mark.skipif(not SITE.is_dir(), reason="the page is not built; ci/playground does it"),
]


class Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Host:
    """A static host that can be switched off."""

    def __init__(self, port: int = 0) -> None:
        self.server = ThreadingHTTPServer(
            ("127.0.0.1", port), functools.partial(Handler, directory=str(SITE))
        )
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def host() -> Iterator[Host]:
    found = Host()
    yield found
    found.stop()


def opened(page: Page, url: str) -> float:
    """Open the page, and return the seconds until it shows the first result."""
    started = time.perf_counter()
    page.goto(url)
    page.locator("#table td").first.wait_for(timeout=PATIENCE)
    return time.perf_counter() - started


def test_it_answers_without_a_server_and_goes_on_without_a_network(
    context: BrowserContext, host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    page = context.new_page()
    wrong = faults_of(page)
    cold = opened(page, host.url)
    page.evaluate("navigator.serviceWorker.ready")
    write(page, WRONG)
    page.get_by_role("button", name="add seq to the lstm before it").click()
    expect(page.locator("#summary")).to_have_text("No problems")
    page.get_by_role("tab", name="Keras code").click()
    expect(page.locator("#panel-code .cm-content")).to_contain_text(
        "LSTM(64, return_sequences=True", timeout=PATIENCE
    )
    expect(page).to_have_url(re.compile("#v1="))
    kept = page.url
    kept_cold = opened(page, host.url)
    assert page.evaluate("navigator.serviceWorker.controller.state") == "activated"
    host.stop()
    page.goto("about:blank")
    offline = opened(page, kept)
    expect(page.locator("#kind")).to_contain_text("31,137")
    page.get_by_role("button", name="Your Keras code").click()
    expect(page.locator("#problems .code")).to_have_text("ST301", timeout=PATIENCE)
    assert wrong == []
    with capsys.disabled():
        print(f"\nfirst result: {cold:.1f} s, again {kept_cold:.1f} s, without a network {offline:.1f} s")


LAYERS = " ->\n".join(f"lstm({i + 8},seq)" if i % 2 else f"dense({i + 8},relu)" for i in range(40))
FORTY = f"in(T,8) ->\n{LAYERS} -> dense(1)"
TYPED = """async (text) => {
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
    taken.sort((a, b) => a - b);
    return [taken[taken.length >> 1], taken[Math.floor(taken.length * 0.95)]];
}"""


def test_an_edit_is_answered_while_one_types(
    context: BrowserContext, host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    """Check that edits are answered; the time is printed and not asserted."""
    page = context.new_page()
    opened(page, host.url)
    median, most = page.evaluate(TYPED, FORTY)
    with capsys.disabled():
        print(
            f"\nan edit of {FORTY.count('->')} layers: {median:.0f} ms in the median, {most:.0f} ms for 95 %"
        )


def test_python_asks_nobody_else(context: BrowserContext, host: Host) -> None:
    """Check that the worker has the policy of the page."""
    other = Host()
    page = context.new_page()
    opened(page, host.url)
    tried = page.evaluate(
        """async (address) => {
            const start = `fetch(${JSON.stringify(address)})
                .then(() => postMessage("loaded"), () => postMessage("refused"))`;
            const blob = new Blob([start], { type: "text/javascript" });
            const worker = new Worker(URL.createObjectURL(blob), { type: "module" });
            return new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
        }""",
        other.url,
    )
    other.stop()
    assert tried == "refused"


SEEN = {
    "desktop": {"viewport": DESKTOP},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}},
}


@pytest.mark.parametrize("how", SEEN)
def test_axe_finds_no_serious_fault(how: str, browser: Browser, host: Host) -> None:
    context = browser.new_context(**SEEN[how], bypass_csp=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    opened(page, host.url)
    page.add_script_tag(path=str(AXE))
    found: list[str] = []

    def look(where: str) -> None:
        for fault in page.evaluate("axe.run()")["violations"]:
            if fault["impact"] in ("serious", "critical"):
                places = [node["html"][:160] + node["failureSummary"][:300] for node in fault["nodes"][:3]]
                found.append(f"{how}, {where}: {fault['id']}: {fault['help']}: {places}")

    look("a lesson")
    write(page, WRONG)
    expect(page.locator("#summary")).to_have_text("1 error")
    look("an error")
    page.get_by_role("button", name="ST301").click()
    expect(page.locator("#page")).to_contain_text("What it means", timeout=PATIENCE)
    look("a page")
    page.keyboard.press("Escape")
    write(page, SPEC)
    page.get_by_role("tab", name="Keras code").click()
    expect(page.locator("#panel-code .cm-content")).to_contain_text("LSTM(64", timeout=PATIENCE)
    look("code")
    page.get_by_role("tab", name="In words").click()
    expect(page.locator("#panel-walk li")).to_have_count(4)
    look("words")
    context.close()
    assert found == []


def texts() -> list[tuple[str, str]]:
    """Return specs, right and wrong, and Keras code of the tests."""
    specs: list[str] = [
        file.read_text(encoding="utf-8") for file in (ROOT / "tests" / "models").glob("*.txt")
    ]
    for file in sorted((ROOT / "tests" / "mistakes").glob("*.toml")):
        specs += _strings(tomllib.loads(file.read_text(encoding="utf-8")))
    code = sorted((ROOT / "tests" / "keras_code").rglob("*.py"))[:40]
    return [(t, "spec") for t in specs] + [(file.read_text(encoding="utf-8"), "python") for file in code]


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if "in(" in value else []
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _strings(item)]


def test_it_answers_as_python_here_does(tmp_path: Path) -> None:
    """Check that no answer needs what is left out of the standard library and of seqtopo."""
    wants = ["report", *(view for view in VIEWS if view != "page")]
    asked: list[tuple[str, dict[str, Any]]] = [(t, {"wants": wants, "language": how}) for t, how in texts()]
    asked += [("", {"wants": ["layers"]}), ("", {"wants": ["page"], "code": "ST301"})]
    assert len(asked) > 300
    (tmp_path / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    done = subprocess.run(
        ["node", str(ROOT / "ci" / "page" / "answers.mjs"), str(SITE), str(tmp_path / "asked.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    there = json.loads(done.stdout)["answers"]
    for (text, options), found in zip(asked, there, strict=True):
        assert found == json.loads(json.dumps(answer(text, options))), text
