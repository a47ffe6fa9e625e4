"""Test the built page in Chromium, without a server of seqtopo or a network, and its answers in Node."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tomllib
import zlib
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from seqtopo.play.answer import answer
from seqtopo.play.views import VIEWS
from tests.support.browser import DESKTOP, SPEC, WRONG, faults_of, needs_chromium, write
from tests.support.imports import ROOT
from tests.support.pages import blocks
from tests.support.static_page import (
    BUILT,
    FORTY,
    PATIENCE,
    SITE,
    Host,
    memory,
    opened,
    typed,
    wait_for_memory,
)

AXE = BUILT / "node_modules" / "axe-core" / "axe.min.js"

pytest_plugins = ("tests.support.browser",)
pytestmark = [
    needs_chromium,
    pytest.mark.skipif(not SITE.is_dir(), reason="the page is not built; ci/playground does it"),
]


@pytest.fixture
def host() -> Iterator[Host]:
    found = Host()
    yield found
    found.stop()


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
    # The address follows the text after a pause.
    for _ in range(100):
        if inflated(page.url.partition("#v1=")[2]) == SPEC:
            break
        page.wait_for_timeout(100)
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


def test_the_next_visit_starts_from_the_memory_that_was_kept(context: BrowserContext, host: Host) -> None:
    page = context.new_page()
    wrong = faults_of(page)
    opened(page, host.url)
    wait_for_memory(page)
    memory(page, mark="first")
    opened(page, host.url)
    assert memory(page) == (True, "first")
    # Modules that were not loaded when the memory was kept are found too.
    write(page, WRONG)
    page.get_by_role("button", name="add seq to the lstm before it").click()
    expect(page.locator("#summary")).to_have_text("No problems")
    page.get_by_role("button", name="Your Keras code").click()
    expect(page.locator("#problems .code")).to_have_text("ST301")
    # A memory that cannot be read is thrown away.
    memory(page, spoil=True, mark="spoilt")
    opened(page, host.url)
    wait_for_memory(page)
    assert memory(page) == (True, None)
    assert wrong == []


def test_an_edit_is_answered_while_one_types(
    context: BrowserContext, host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    """Check that edits are answered; the time is printed and not asserted."""
    page = context.new_page()
    opened(page, host.url)
    taken = sorted(typed(page, FORTY))
    median, most = taken[len(taken) // 2], taken[len(taken) * 95 // 100]
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


def test_the_guide_opens_its_specs_where_they_stand(context: BrowserContext, host: Host) -> None:
    page = context.new_page()
    wrong = faults_of(page)
    opened(page, host.url)
    page.get_by_role("link", name="The guide").click()
    page.get_by_role("link", name="Mistakes").first.click()
    expect(page.locator("h1")).to_contain_text("Mistakes")
    spec = page.locator(".try a").first.inner_text()
    page.locator(".try a").first.click()
    frame = page.frame_locator("iframe")
    expect(frame.locator("#summary")).to_have_text("1 error", timeout=PATIENCE)
    assert frame.locator("#editor .cm-content").inner_text().replace("\n", "") == spec
    assert frame.locator("#course-button").is_hidden()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert wrong == []


HREF = re.compile(r' (?:href|src)="([^"#:]*)(#[^"]*)?"')


def test_every_spec_of_the_guide_has_its_link_and_every_link_leads_somewhere() -> None:
    seen = 0
    for file in sorted((SITE / "guide").rglob("*.html")):
        html = file.read_text(encoding="utf-8")
        links = [unescape(hash) for _, hash in HREF.findall(html) if hash.startswith("#v1=")]
        texts = [inflated(link.removeprefix("#v1=")) for link in links]
        seen += len(texts)
        source = (ROOT / file.relative_to(SITE / "guide")).with_suffix(".md")
        assert {block.rstrip("\n") for block in blocks(source, "seqtopo")} <= set(texts), file
        assert all("report" in answer(text) for text in texts)
        for path, _ in HREF.findall(html):
            assert (file.parent / path).exists(), f"{file}: {path}"
    assert seen > 250


def inflated(data: str) -> str:
    """Return the text in an address."""
    packed = base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))
    return str(json.loads(zlib.decompress(packed, -15))["text"])


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
