"""Laws of the renderers: no text and no place in it breaks one, and what they write keeps its form."""

from __future__ import annotations

import json
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.diag.renderers.cells import visible, width, wrap
from seqtopo.diag.renderers.crop import LEAST_ROOM, window
from seqtopo.diag.renderers.json import render_json
from seqtopo.diag.renderers.lines import render_concise, render_github
from seqtopo.diag.renderers.sarif import render_sarif
from seqtopo.diag.renderers.text import render_text
from seqtopo.source import Source, Span
from tests.unit.test_diag_machine import assert_sarif

# What specs are made of, and what makes a picture hard: wide, combining, joined, forbidden characters.
CHARS = st.one_of(
    st.sampled_from("ab 1(),->\n\t"),
    st.sampled_from("\r\x00\x1b\x7f\x85\u202e\u2028\ud800\ufeff"),
    st.sampled_from("\u0301\u4e2d\uff21\u200d\ufe0f\u2764\U0001f469\U0001f3fd"),
    st.characters(),
)
TEXTS = st.one_of(
    st.text(CHARS, max_size=60),
    st.text(CHARS, min_size=1, max_size=30).map(lambda text: text * 20),
    st.text("ab ->(),1", min_size=60, max_size=200),
)
WORDS = st.one_of(st.text(CHARS, max_size=50), st.text("abcd  ", min_size=30, max_size=90))
# Said here once more, so that a hole in `cell` is seen.
FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
SPANS = st.tuples(st.integers(-2, 620), st.integers(-2, 620)).map(lambda pair: Span(*sorted(pair)))


@st.composite
def diagnostics(draw: st.DrawFn) -> Diagnostic:
    """A diagnostic with anything in it; most of its spans lie inside its text, some do not."""
    text = draw(TEXTS)
    inside = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(
        lambda pair: Span(*sorted(pair))
    )
    spans = st.one_of(inside, inside, inside, SPANS)
    edits = st.builds(Edit, spans, st.one_of(st.just(""), WORDS))
    fixes = st.builds(Fix, WORDS, st.lists(edits, max_size=3).map(tuple), st.booleans())
    return Diagnostic(
        draw(st.sampled_from(["ST301", "ST999"])),
        draw(WORDS),
        draw(spans),
        draw(st.sampled_from(["error", "warning", "info"])),
        draw(WORDS),
        tuple(draw(st.lists(st.builds(Label, spans, WORDS), max_size=4))),
        tuple(draw(st.lists(WORDS, max_size=2))),
        draw(WORDS),
        tuple(draw(st.lists(fixes, max_size=2))),
        draw(st.sampled_from([Source(text, "s"), Source(text, "s"), Source(text, "s"), None])),
    )


@given(diagnostics(), st.integers(24, 100), st.integers(0, 2))
@example(Diagnostic("ST301", "", Span(0, 0), help="  " + "0" * 17, source=Source("", "s")), 24, 0)
@settings(max_examples=300)
def test_a_picture_keeps_to_its_width_and_steers_no_terminal(
    bad: Diagnostic, room: int, context: int
) -> None:
    picture = render_text([bad], width=room, context=context)
    assert picture.endswith("\n")
    picture.encode("utf-8")
    later = bad.help.split("\n")[1:]
    commands = [visible(line.rstrip("\r")).strip(" ") for line in later if line.startswith("  ")]
    for line in picture.split("\n"):
        # A command in a help is left whole, so that it can be pasted.
        assert width(line) <= room or any(c and c in line for c in commands), line
        assert not FORBIDDEN.search(line)
        assert line == line.rstrip(" ")


@given(diagnostics(), st.sampled_from([1, 20, None]))
@settings(max_examples=150)
def test_colors_change_no_text_at_any_width(bad: Diagnostic, room: int | None) -> None:
    colored = render_text([bad, bad], width=room, color=True)
    assert re.sub(r"\x1b\[[0-9;]+m", "", colored) == render_text([bad, bad], width=room)


@given(diagnostics(), st.integers(40, 100))
@settings(max_examples=200)
def test_every_word_of_a_message_is_said(bad: Diagnostic, room: int) -> None:
    # Wrapping, frames and connecting lines stand between the words, never in place of them.
    picture = re.sub(r"[\s|]", "", render_text([bad], width=room))
    for note in bad.notes:
        for line in note.split("\n"):
            said = re.sub(r"[\s|]", "", visible(line.rstrip("\r")))
            assert said in picture


@given(diagnostics())
@settings(max_examples=150)
def test_programs_can_read_what_is_written_for_them(bad: Diagnostic) -> None:
    (found,) = json.loads(render_json([bad]))
    assert (found["code"], found["message"]) == (bad.code, bad.message)
    assert_sarif(render_sarif([bad, bad]))
    assert render_concise([bad]).count("\n") == 1
    github = render_github([bad])
    assert re.fullmatch(r"::(error|warning|notice) [^\n\r]*::[^\n\r]*\n", github)
    assert re.fullmatch(r"(%(25|0D|0A|3A|2C)|[^%])*", github, re.DOTALL)


@given(TEXTS.filter(lambda text: "\n" not in text), st.data())
@settings(max_examples=300)
def test_a_window_fits_and_holds_the_first_place(line: str, data: st.DataObject) -> None:
    room = data.draw(st.integers(LEAST_ROOM, 90))
    places = st.tuples(st.integers(0, len(line)), st.integers(0, len(line))).map(
        lambda pair: tuple(sorted(pair))
    )
    wanted = [(low, high) for low, high in data.draw(st.lists(places, min_size=1, max_size=4))]
    view = window(line, wanted, room)
    assert width(view.text) <= room
    assert view.shown[0]
    columns = [view.column(at) for at in range(len(line) + 1)]
    assert columns == sorted(columns)
    low = wanted[0][0]
    if low < len(line) and "\x20" < line[low] < "\x7f":
        before = 0
        while width(view.text[:before]) < columns[low]:
            before += 1
        assert view.text[before:].lstrip("\u0301\u200d\ufe0f")[:1] == line[low]


@given(WORDS, st.integers(4, 40))
def test_wrapped_lines_fit_and_lose_nothing(text: str, room: int) -> None:
    shown = visible(text)
    lines = wrap(shown, room)
    assert all(width(line) <= room for line in lines)
    assert "".join(lines).replace(" ", "") == shown.replace(" ", "")
