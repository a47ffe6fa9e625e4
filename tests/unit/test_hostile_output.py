"""Nothing that a user can write becomes markup, or a command, of what is written from it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from seqtopo.api import check
from seqtopo.cli.fit_files import loss_curve
from seqtopo.notebook.cards import Card, history_html, image
from seqtopo.pictures.draw import draw
from seqtopo.pictures.tikz import latex
from seqtopo.play.answer import answer

HOSTILE = (
    "<script>alert(1)</script>",
    "]]>--><!--",
    '"\' onload="x" &amp;',
    "\\end{document}\\input{x}^^M",
    "``` `x` ```` [a](http://x) |",
    "a\x01\x02\x1b[31m\x7f\x85",
    "\u202eabc\u2066",
    "\ud800\udfff\ufffe",
    "x" * 3000,
)
TAGS = {"svg", "title", "desc", "style", "rect", "path", "text", "tspan", "polyline", "circle"}


class _Tags(HTMLParser):
    """The tags, comments and declarations of a page, in their order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))

    def handle_comment(self, data: str) -> None:
        self.found.append(("!--", ()))

    def handle_decl(self, decl: str) -> None:
        self.found.append(("!", ()))


def assert_is_svg(svg: str) -> None:
    root = ElementTree.fromstring(svg.encode("utf-8"))
    found = {one.tag.rpartition("}")[2] for one in root.iter()}
    assert found
    assert found <= TAGS
    assert not any(name.startswith("on") for one in root.iter() for name in one.attrib)


def assert_same_page(page: str, harmless: str) -> None:
    """The page has the tags that it has for a harmless text, and nothing that is unseen or reorders."""
    page.encode("utf-8")
    assert _Tags(page).found == _Tags(harmless).found
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_title_of_a_loss_curve_is_text(text: str) -> None:
    assert_is_svg(loss_curve({"loss": [1.0, 0.5]}, text))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_notebook_shows_is_text(text: str) -> None:
    report = check("in(3) -> dense(1)")
    assert_same_page(Card(report, None, text)._repr_html_(), Card(report, None, "a")._repr_html_())
    assert_same_page(image("<svg/>", text), image("<svg/>", "a"))
    pages = [history_html(SimpleNamespace(history={name: [1.0, 2.0]})) for name in (text, "a")]
    assert pages[0] is not None
    assert pages[1] is not None
    assert_same_page(pages[0], pages[1])


def _named(text: str) -> str:
    """Return a spec with a layer of that name, without the slash, which Keras takes in no name."""
    written = text.replace("/", "|").replace("\\", "\\\\").replace('"', '\\"')
    return f'in(T,8) -> lstm(4,seq,name="{written}") -> dense(1)'


@pytest.mark.parametrize("text", [text for text in HOSTILE if "/" in text])
def test_a_refused_name_is_text(text: str) -> None:
    report = check(_named(text).replace("|", "/"))
    assert [d.code for d in report.diagnostics] == ["ST203"]
    tags = {tag for tag, _ in _Tags(report._repr_html_()).found}
    assert tags <= {"div", "b", "pre", "span", "u", "i"}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_layer_may_bear_any_name(text: str) -> None:
    spec = _named(text)
    report, harmless = check(spec), check('in(T,8) -> lstm(4,seq,name="b c") -> dense(1)')
    assert report.ok, report
    assert_same_page(report._repr_html_(), harmless._repr_html_())
    picture = draw(spec)
    assert_is_svg(picture.svg())
    drawn = picture.tikz()
    assert drawn.count("\\end{document}") == 1
    assert "\\input" not in drawn
    assert "^^" not in drawn


@pytest.mark.parametrize("text", HOSTILE)
def test_the_markdown_of_the_page_has_no_markup_from_a_name(text: str) -> None:
    spec = _named(text)
    page = answer(spec, {"wants": ["markdown"]})["markdown"]["text"]
    beside = re.sub(r"(?s)(`{3,})\w+\n.*?\n\1\n", "", page)
    assert beside != page
    assert not re.search(r"<[a-zA-Z/!]|(?<!\\)[`\[]", beside)


def test_a_text_in_its_fence_cannot_end_it() -> None:
    code = (
        '"""\n````\n<b>\n"""\nimport keras\n'
        "model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])\n"
    )
    page = answer(code, {"language": "python", "wants": ["markdown"]})["markdown"]["text"]
    assert "\n`````python\n" in page
    assert page.count("`````") == 2


def test_signs_are_not_joined_in_latex() -> None:
    assert latex("a--b---c,,d") == "a-{}-b-{}-{}-c,{},d"
    assert latex("?`'") == "?\\textasciigrave{}\\textquotesingle{}"


def test_latex_is_told_of_each_character_that_it_may_not_know() -> None:
    drawn = draw('in(T,8) -> lstm(4,seq,name="\u4e2d\u00e9") -> dense(1)').tikz()
    head = drawn[: drawn.index("\\begin{document}")]
    assert head.endswith("\\fi\n\\fi\n")
    assert re.findall(r"\\detokenize\{(.)\}.*?\{([0-9A-F]+)\}\{\?\}\\fi", head) == [
        ("\u00e9", "00E9"),
        ("\u4e2d", "4E2D"),
    ]
    assert "\\ifdefined" not in draw("in(T,8) -> lstm(4)").tikz()
