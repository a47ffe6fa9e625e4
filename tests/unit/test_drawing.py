"""Drawings as objects: what notebooks show, and files; reports as a table with what was found."""

from __future__ import annotations

from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import seqtopo
from seqtopo.diag.model import Diagnostic
from seqtopo.report.report import LayerShape, Report
from seqtopo.source import Source, Span


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> _Reader:
    """The tags, attributes and the text of a piece of HTML."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


TAGS = {"div", "b", "i", "u", "pre", "span", "table", "thead", "tbody", "tr", "th", "td"}


def test_a_report_shows_its_table() -> None:
    found = read(seqtopo.check("in(T,8) -> lstm(64,seq) -> lstm(32)")._repr_html_())
    assert "lstm(64)" in found.text
    assert "18,688" in found.text
    assert "many-to-one" in found.text
    assert "the last step only: 3D to 2D" in found.text
    assert "(T, 8) is (batch, T, 8) in Keras" in found.text
    assert found.tags <= TAGS


def test_a_report_shows_what_is_wrong_and_where() -> None:
    report = seqtopo.check("let T = 4\nin(T,8) -> lstm(64) -> lstm(32)")
    html = report._repr_html_()
    assert "ST301" in html
    assert ">lstm(32)</u>" in html
    assert "2: " in read(html).text
    assert "lstm(64) gives (64,): only its last step" in read(html).text
    assert "add seq to the lstm before it" in html
    assert "<table" not in html


@given(st.text(max_size=40))
def test_nothing_breaks_out_of_a_report(words: str) -> None:
    wicked = f'{words}</pre><script>x</script>" onclick="y'
    source = Source(wicked)
    found = Diagnostic(
        "ST301", wicked, Span(0, len(wicked)), label=wicked, notes=(wicked,), help=wicked, source=source
    )
    line = LayerShape(wicked, wicked, (), ((1,),), wicked, 1, False, Span(0, 0))
    for report in (Report(source, (found,)), Report(source, (), (line,), {}, 1, 1, wicked)):
        shown = read(report._repr_html_())
        assert shown.tags <= TAGS
        assert shown.attributes <= {"style"}


def test_a_drawing_shows_itself() -> None:
    picture = seqtopo.draw("in(T,8) -> lstm(4)")
    bundle = picture._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg ")
    assert bundle["image/svg+xml"] == picture._repr_svg_()
    assert "lstm(4)" in bundle["text/plain"]
    assert "lstm(4)" in str(picture)


SPEC = "encoder = in(S,3) -> lstm(8)\nin(T,3) -> lstm(8,seq,init=encoder.state) -> dense(2)"


@pytest.mark.parametrize("unrolled", [False, True])
@pytest.mark.parametrize(("theme", "paper"), [("light", (255, 255, 255)), ("dark", (22, 25, 29))])
def test_a_png_is_the_same_picture(unrolled: bool, theme: str, paper: tuple[int, int, int]) -> None:
    picture = seqtopo.draw(SPEC, unrolled=unrolled, theme=theme)
    image = Image.open(BytesIO(picture.png(scale=2)))
    assert image.size == (2 * picture.scene.w, 2 * picture.scene.h)
    assert image.getpixel((1, 1)) == paper
    for box in (box for box in picture.scene.boxes if not box.is_frame):
        inside = image.crop((2 * box.x + 8, 2 * box.y + 8, 2 * (box.x + box.w) - 8, 2 * (box.y + box.h) - 8))
        colours = {colour for _, colour in inside.getcolors(1 << 20)}
        assert paper not in colours
        assert len(colours) > 4, "there is something written in it"


def test_the_dark_svg_has_no_light_paper() -> None:
    picture = seqtopo.draw(SPEC)
    assert "prefers-color-scheme" in picture.svg()
    assert "prefers-color-scheme" not in picture.svg("light")
    assert "#ffffff" not in picture.svg("dark")


def test_an_svg_says_what_it_shows() -> None:
    svg = seqtopo.draw("in(T,8) -> lstm(4)").svg()
    assert "<title>many-to-one</title>" in svg
    assert "<desc>a sequence in, one answer out. 3 boxes: in(T, 8), lstm(4), output.</desc>" in svg


def test_a_drawing_is_saved_by_its_ending(tmp_path: Path) -> None:
    picture = seqtopo.draw(SPEC)
    for name in ("a.svg", "a.png", "a.pdf", "a.tex", "a.mmd", "a.md", "a.txt"):
        assert picture.save(tmp_path / name).stat().st_size > 100
    with pytest.raises(ValueError, match=r"not as '\.bmp'"):
        picture.save(tmp_path / "a.bmp")


def test_a_theme_that_is_none() -> None:
    with pytest.raises(ValueError, match="auto, light, dark"):
        seqtopo.draw(SPEC, theme="sepia")  # type: ignore[arg-type]
