"""The page of ``seqtopo play`` in a real browser: typing, fixing, sharing, pasting, downloading, keys."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from seqtopo.play.server import ADDRESS, Server
from tests.support.browser import SPEC, WRONG, faults_of, needs_chromium, text_of, write

pytest_plugins = ("tests.support.browser",)
pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]

CODE = """\
from keras import Input, Sequential, layers
model = Sequential([Input((10, 4)), layers.LSTM(8), layers.LSTM(4)])
"""
KEPT_LINK = "v1=q1YqSa0oUbJSyszTCNGx0FTQtVPIKS7J1TAz0SlOLUTwjY3A7JTUvOJUDUNNpVoA"
"""A link that somebody has kept."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(0) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture
def page(context: BrowserContext, server: Server) -> Iterator[Page]:
    """The page, just opened; whatever goes wrong on it fails the test."""
    made = context.new_page()
    wrong = faults_of(made)
    open_at(made, server)
    yield made
    assert wrong == []


def open_at(page: Page, server: Server, hash: str = "") -> None:
    page.goto("about:blank")
    page.goto(f"{server.url}{hash}")
    page.wait_for_selector("html[data-ready]")


def test_typing_shows_shapes_pictures_code_and_words(page: Page) -> None:
    write(page, "")
    page.keyboard.type(SPEC)
    expect(page.locator("#summary")).to_have_text("No problems")
    expect(page.locator("#kind")).to_contain_text("many-to-one")
    expect(page.locator("#table tbody tr")).to_have_count(5)
    for name in ("#drawing img", "#unrolled img"):
        expect(page.locator(name)).to_have_attribute("src", re.compile("^blob:"))
        expect(page.locator(name)).to_have_js_property("complete", True)
        assert page.locator(name).evaluate("image => image.naturalWidth") > 100
    page.get_by_role("tab", name="Keras code").click()
    expect(page.locator("#panel-code .cm-content")).to_contain_text("layers.LSTM(64, return_sequences=True")
    page.get_by_role("tab", name="In words").click()
    expect(page.locator("#panel-walk li")).to_have_count(4)


def test_a_fix_is_made_by_its_button(page: Page) -> None:
    write(page, WRONG)
    expect(page.locator("#problems li .message")).to_have_text("lstm takes (T, F) but is given (64,)")
    expect(page.locator("#editor .cm-lintRange-error")).to_have_count(1)
    page.get_by_role("button", name="add seq to the lstm before it").click()
    expect(page.locator("#summary")).to_have_text("No problems")
    assert text_of(page) == SPEC


def test_places_are_right_behind_characters_of_two_units(page: Page) -> None:
    write(page, f"# \U0001f600\U0001f600 {WRONG}\n{WRONG}")
    page.get_by_role("button", name="add seq to the lstm before it").click()
    expect(page.locator("#summary")).to_have_text("No problems")
    assert text_of(page).endswith(f"\n{SPEC}")


def test_the_last_model_without_errors_stays(page: Page) -> None:
    write(page, SPEC)
    expect(page.locator("#kind")).to_contain_text("31,137")
    write(page, WRONG)
    expect(page.locator("#old")).to_have_text("This is the last model without errors.")
    expect(page.locator("#kind")).to_contain_text("31,137")


def test_the_pictures_are_of_the_model_whose_shapes_are_shown(page: Page) -> None:
    write(page, "in(8) -> dense(3)")
    expect(page.locator("#kind")).to_contain_text("one-to-one")
    write(page, WRONG)  # before the pictures are drawn, which waits for a pause
    expect(page.locator("#old")).to_be_visible()
    expect(page.locator("#kind")).to_contain_text("one-to-one")
    expect(page.locator("#drawing img")).to_have_attribute("alt", re.compile("one-to-one"))


def test_a_finding_says_nothing_but_words(page: Page) -> None:
    for text, count in ((WRONG, 1), ("in(8) -> dense(4) if -> dense(1)", 1), ("in(8) -> what(4)", 1)):
        write(page, text)
        expect(page.locator("#problems li")).to_have_count(count)
        said = page.locator("#problems li").all_inner_texts()
        assert not {"false", "0", "undefined", "null"} & set(" ".join(said).split()), said


def test_a_code_is_explained(page: Page) -> None:
    write(page, WRONG)
    page.get_by_role("button", name="ST301").click()
    expect(page.locator("#page")).to_contain_text("What it means")
    page.keyboard.press("Escape")
    expect(page.locator("#page")).to_be_hidden()


def test_open_sizes_can_be_set(page: Page) -> None:
    write(page, "in(T,F) -> lstm(4) -> dense(1)")
    page.get_by_label("F =").fill("3")
    expect(page.locator("#kind")).to_contain_text("133 parameters")


def test_the_address_holds_the_text(page: Page, context: BrowserContext, server: Server) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    write(page, f"# ä \U0001f600\n{SPEC}")
    page.get_by_role("button", name="Share").click()
    expect(page.locator("#toast")).to_contain_text("The link is copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{server.url}#v1=")
    open_at(page, server, f"#{link.partition('#')[2]}")
    expect(page.locator("#kind")).to_contain_text("31,137")
    assert text_of(page) == f"# ä \U0001f600\n{SPEC}"


def test_a_link_that_was_kept_goes_on_working(page: Page, server: Server) -> None:
    open_at(page, server, f"#{KEPT_LINK}")
    expect(page.locator("#kind")).to_contain_text("31,137")
    assert text_of(page) == SPEC


HOSTILE = (
    "v1=%%%", "v9=q1Yq", "v1=<img src=x onerror=alert(1)>", "__proto__=1&constructor=2&v1",
    "v1=" + "A" * 20_000, "v1=" + KEPT_LINK[3:-6],
)  # fmt: skip


def test_a_hostile_hash_does_nothing(page: Page, server: Server) -> None:
    for hash in HOSTILE:
        open_at(page, server, f"#{hash}")
        expect(page.locator("#lesson h2")).to_have_text("What are time steps?")
        expect(page.locator("#kind")).to_contain_text("many-to-one")


def test_a_hash_that_grows_without_end_is_not_unpacked(page: Page, server: Server) -> None:
    bomb = page.evaluate(
        """async () => {
            const stream = new Blob(['{"text":"', "a".repeat(30_000_000), '"}']).stream();
            const packed = stream.pipeThrough(new CompressionStream("deflate-raw"));
            const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
            return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
                .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
        }"""
    )
    assert len(bomb) < 100_000
    open_at(page, server, f"#v1={bomb}")
    expect(page.locator("#toast")).to_have_text("This link cannot be read.")


def test_pasted_keras_code_is_read(page: Page, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("text => navigator.clipboard.writeText(text)", CODE)
    page.locator("#editor .cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Control+V")
    expect(page.get_by_role("radio", name="Keras code")).to_have_attribute("aria-checked", "true")
    page.get_by_role("button", name="add return_sequences=True").click()
    expect(page.locator("#summary")).to_have_text("No problems")
    page.get_by_role("tab", name="As a spec").click()
    expect(page.locator("#panel-code .cm-content")).to_contain_text("in(10,4) -> lstm(8,seq) -> lstm(4)")
    page.get_by_role("button", name="Take it over as a spec").click()
    expect(page.get_by_role("radio", name="Spec")).to_have_attribute("aria-checked", "true")
    expect(page.locator("#summary")).to_have_text("No problems")
    assert text_of(page).startswith("in(10,4) -> lstm(8,seq) -> lstm(4)")


BEGINS = {
    "Drawing as SVG": ("drawing.svg", b"<svg "),
    "Drawing as PNG": ("drawing.png", b"\x89PNG"),
    "Time steps as SVG": ("steps.svg", b"<svg "),
    "Time steps as PNG": ("steps.png", b"\x89PNG"),
    "Keras code (.py)": ("model.py", b'"""A Keras model'),
    "Markdown (.md)": ("model.md", b"# many-to-one"),
    "The text itself": ("spec.txt", b"in(T,8)"),
}


def test_everything_can_be_downloaded(page: Page, tmp_path: Path) -> None:
    write(page, SPEC)
    expect(page.locator("#unrolled img")).to_have_attribute("alt", re.compile("many-to-one"))
    for words, (name, begins) in BEGINS.items():
        page.locator("#export summary").click()
        with page.expect_download() as told:
            page.get_by_role("button", name=words).click()
        assert told.value.suggested_filename == name
        told.value.save_as(tmp_path / name)
        data = (tmp_path / name).read_bytes()
        assert data.startswith(begins)
        assert len(data) > len(SPEC) - 1


def test_all_can_be_done_by_keyboard_alone(page: Page, context: BrowserContext, server: Server) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    write(page, WRONG)
    expect(page.locator("#summary")).to_have_text("1 error")
    page.keyboard.press("Control+.")
    expect(page.locator("#summary")).to_have_text("No problems")
    page.keyboard.press("Control+s")
    expect(page.locator("#toast")).to_contain_text("The link is copied")
    # Tab leaves the editor; the next stops are the drawings' tabs.
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('role')") == "tab":
            break
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Keras code")).to_be_focused()
    expect(page.locator("#panel-code")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#panel-walk li")).to_have_count(4)
    reached = set()
    page.keyboard.press("Control+Home")
    open_at(page, server)
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert {"course-button", "share", "theme", "format", "tab-model", "A transformer"} <= reached


SCRIPTS = (
    'in(T,8) -> lstm(4,name="<img src=x onerror=alert(1)>") -> dense(1)',
    "in(T,8) -> <script>alert(1)</script> -> dense(1)",
    "in(T,8) as x -> lstm(4,name='\"><svg onload=alert(1)>') -> dense(1)",
    "<img src=x onerror=alert(1)>",
    "in(T,8) -> lstm(4,name='javascript:alert(1)')",
)


def test_what_looks_like_a_script_does_nothing(page: Page) -> None:
    for text in SCRIPTS:
        write(page, text)
        expect(page.locator("#summary")).not_to_be_empty()
        page.wait_for_timeout(250)
        for tab in ("Keras code", "In words", "Model"):
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(60)
        assert page.locator("img[src=x], svg[onload], script:not([src])").count() == 0


@pytest.fixture
def stranger() -> Iterator[tuple[str, list[str]]]:
    """Another server on this machine, and what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer((ADDRESS, 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://{ADDRESS}:{found.server_port}/", asked
        found.shutdown()
        thread.join()


def test_no_data_leaves_the_page(
    context: BrowserContext, server: Server, stranger: tuple[str, list[str]]
) -> None:
    address, asked = stranger
    page = context.new_page()
    open_at(page, server)
    tried = page.evaluate(
        """async (address) => {
            const image = (url) => new Promise((resolve) => {
                const made = new Image();
                made.onload = () => resolve("loaded");
                made.onerror = () => resolve("refused");
                made.src = url;
            });
            const fetched = await fetch(address).then(() => "loaded", () => "refused");
            const sent = navigator.sendBeacon(address, "data");
            const script = await import(address).then(() => "loaded", () => "refused");
            return [fetched, await image(address + "image"), script];
        }""",
        address,
    )
    assert tried == ["refused"] * 3
    assert asked == []
    # It would be noticed: from a page without that policy, the same arrives.
    page.goto(address)
    page.evaluate("address => fetch(address + 'again')", address)
    assert "/again" in asked


def test_colours_can_be_chosen(page: Page) -> None:
    before = page.locator("#drawing img").get_attribute("src")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark colours").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    expect(page.locator("#drawing img")).not_to_have_attribute("src", before or "")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_a_plain_field_does_where_the_editor_cannot_be_had(context: BrowserContext, server: Server) -> None:
    page = context.new_page()
    page.route("**/codemirror.js", lambda route: route.abort())
    open_at(page, server)
    page.locator("#editor textarea").fill(WRONG)
    page.get_by_role("button", name="add seq to the lstm before it").click()
    expect(page.locator("#summary")).to_have_text("No problems")
    assert page.locator("#editor textarea").input_value() == SPEC
    page.get_by_role("tab", name="Keras code").click()
    expect(page.locator("#panel-code pre")).to_contain_text("layers.LSTM(64, return_sequences=True")


def test_it_fits_a_phone(browser: Browser, server: Server) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = context.new_page()
    wrong = faults_of(page)
    open_at(page, server, f"#{KEPT_LINK}")
    expect(page.locator("#kind")).to_contain_text("31,137")
    for tab in ("Keras code", "In words", "Model"):
        page.get_by_role("tab", name=tab).tap()
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#course-button").tap()
    page.get_by_role("button", name="A transformer").tap()
    expect(page.locator("#lesson h2")).to_have_text("A transformer")
    assert page.locator("#course").is_hidden()
    assert wrong == []
    context.close()


def test_the_page_is_as_wide_as_the_window_with_the_course_and_without(page: Page) -> None:
    for _ in range(2):
        box = page.locator(".results").bounding_box()
        assert box is not None
        assert round(box["x"] + box["width"]) == 1300
        page.locator("#course-button").click()


def test_embedded_it_is_the_editor_and_the_model(page: Page, server: Server) -> None:
    open_at(page, server, f"#{KEPT_LINK}&embed")
    expect(page.locator("#kind")).to_contain_text("31,137")
    assert page.locator("#course-button").is_hidden()
    expect(page.get_by_role("link", name="Open in the playground")).to_have_attribute(
        "href", re.compile("^#v1=")
    )
