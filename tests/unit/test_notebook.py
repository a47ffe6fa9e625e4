"""What notebooks show: drawings as SVG, reports as a table with what was found."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

import seqtopo
from seqtopo.diag.model import Diagnostic
from seqtopo.report import LayerShape, Report
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
    assert found.tags <= TAGS


def test_a_report_shows_what_is_wrong_and_where() -> None:
    report = seqtopo.check("let T = 4\nin(T,8) -> lstm(64) -> lstm(32)")
    html = report._repr_html_()
    assert "ST301" in html
    assert ">lstm(32)</u>" in html
    assert "2: " in read(html).text
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
        assert shown.attributes <= {"style", "colspan"}


def test_a_drawing_shows_itself() -> None:
    picture = seqtopo.draw("in(T,8) -> lstm(4)")
    bundle = picture._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg ")
    assert bundle["image/svg+xml"] == picture._repr_svg_()
    assert "lstm(4)" in bundle["text/plain"]
    assert "lstm(4)" in str(picture)
