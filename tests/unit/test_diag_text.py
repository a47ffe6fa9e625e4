"""Pictures of diagnostics, exactly as a person sees them."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from textwrap import dedent

import pytest

from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.diag.renderers.text import render_text
from seqtopo.source import Source, Span


def at(text: str, words: str, occurrence: int = 1) -> Span:
    """The span of some words in a text."""
    start = -1
    for _ in range(occurrence):
        start = text.index(words, start + 1)
    return Span(start, start + len(words))


def assert_picture(found: str, expected: str) -> None:
    assert found == dedent(expected).lstrip("\n")


SPEC = "in(T,F) -> lstm(64) -> lstm(32)"
RANK = Diagnostic(
    "ST301",
    "lstm takes (T, F) but is given (64,)",
    Span(23, 31),
    label="takes 2 axes, is given 1",
    labels=(Label(Span(11, 19), "gives (64,): only its last step"),),
    help="add seq to the lstm before it, to keep its steps",
    source=Source(SPEC, "spec.txt"),
)


def test_the_picture_of_the_classic_mistake() -> None:
    assert_picture(
        render_text([RANK]),
        """
        error[ST301]: lstm takes (T, F) but is given (64,)
         --> spec.txt:1:24
        1 | in(T,F) -> lstm(64) -> lstm(32)
          |            --------    ^^^^^^^^ takes 2 axes, is given 1
          |            gives (64,): only its last step
        help: add seq to the lstm before it, to keep its steps

        1 error
        """,
    )


def test_nothing_wrong_is_an_empty_text() -> None:
    assert render_text([]) == ""


def test_an_insertion_is_marked_under_the_corrected_line() -> None:
    fix = Fix("add seq to the lstm before it", (Edit(Span(11, 19), "lstm(64, seq)"),), safe=True)
    assert_picture(
        render_text([replace(RANK, labels=(), help="", fixes=(fix,))]),
        """
        error[ST301]: lstm takes (T, F) but is given (64,)
         --> spec.txt:1:24
        1 | in(T,F) -> lstm(64) -> lstm(32)
          |                        ^^^^^^^^ takes 2 axes, is given 1
        help: add seq to the lstm before it
        1 | in(T,F) -> lstm(64, seq) -> lstm(32)
          |                   +++++

        1 error
        """,
    )


def test_a_replacement_marks_whole_words() -> None:
    text = "in(T,F) -> lstn(64)"
    fix = Fix("write lstm", (Edit(at(text, "lstn(64)"), "lstm(64)"),))
    bad = Diagnostic("ST201", "no layer is called lstn", at(text, "lstn"), fixes=(fix,), source=Source(text))
    assert_picture(
        render_text([bad]),
        """
        error[ST201]: no layer is called lstn
         --> <spec>:1:12
        1 | in(T,F) -> lstn(64)
          |            ^^^^
        help: write lstm
        1 | in(T,F) -> lstm(64)
          |            ~~~~

        1 error
        """,
    )


def test_a_deletion_shows_the_line_before_and_after() -> None:
    text = "in(T,F) -> lstm(64, return_state)"
    fix = Fix("leave it out", (Edit(at(text, ", return_state"), ""),))
    bad = Diagnostic(
        "ST215", "states have names", at(text, "return_state"), fixes=(fix,), source=Source(text)
    )
    assert_picture(
        render_text([bad]),
        """
        error[ST215]: states have names
         --> <spec>:1:21
        1 | in(T,F) -> lstm(64, return_state)
          |                     ^^^^^^^^^^^^
        help: leave it out
        1 - in(T,F) -> lstm(64, return_state)
        1 + in(T,F) -> lstm(64)

        1 error
        """,
    )


def test_a_fix_in_several_places_and_one_that_adds_a_line() -> None:
    text = "a = in(T,F) -> lstm(8)\nb = a -> dense(1)\n# a comment\nc = a -> dense(2)\n"
    add = Fix("bind T", (Edit(Span(0, 0), "let T = 24\n"),))
    both = Fix(
        "call it code",
        (
            Edit(at(text, "a"), "code"),
            Edit(at(text, "-> dense(2)"), "-> dense(2, relu)"),
            Edit(at(text, "a ->"), "code ->"),
        ),
    )
    bad = Diagnostic("ST401", "T needs a number", at(text, "T"), fixes=(add, both), source=Source(text))
    assert_picture(
        render_text([bad]),
        """
        error[ST401]: T needs a number
         --> <spec>:1:8
        1 | a = in(T,F) -> lstm(8)
          |        ^
        help: bind T
        1 + let T = 24
        help: call it code
        1 | code = in(T,F) -> lstm(8)
          | ~~~~
        2 | b = code -> dense(1)
          |     ~~~~
        ...
        4 | c = a -> dense(2, relu)
          |                 ++++++

        1 error
        """,
    )


def test_a_fix_over_several_lines_shows_only_those_that_change() -> None:
    text = "x = [\n  in(T,3),\n  in(T,4),\n] -> add\n"
    new = "[\n  in(T,3),\n  in(T,4) -> dense(3),\n] -> add"
    bad = Diagnostic("ST303", "widths differ", at(text, "in(T,4)"), source=Source(text))
    fix = Fix("project the second", (Edit(Span(4, len(text) - 1), new),))
    cut = Fix("drop the second", (Edit(at(text, "  in(T,4),\n"), ""),))
    assert_picture(
        render_text([replace(bad, fixes=(fix, cut))]),
        """
        error[ST303]: widths differ
         --> <spec>:3:3
        3 |   in(T,4),
          |   ^^^^^^^
        help: project the second
        3 |   in(T,4) -> dense(3),
          |          ++++++++++++
        help: drop the second
        3 -   in(T,4),

        1 error
        """,
    )


def test_edits_that_overlap_have_no_picture() -> None:
    fix = Fix("a broken fix", (Edit(Span(0, 5), "x"), Edit(Span(3, 8), "y")))
    assert "help: a broken fix\n\n1 error" in render_text([replace(RANK, help="", fixes=(fix,))])


def test_words_that_do_not_fit_beside_hang_beneath() -> None:
    assert_picture(
        render_text([RANK], width=46),
        """
        error[ST301]: lstm takes (T, F) but is given
          (64,)
         --> spec.txt:1:24
        1 | in(T,F) -> lstm(64) -> lstm(32)
          |            --------    ^^^^^^^^
          |            |           |
          |            |      takes 2 axes, is given 1
          |            gives (64,): only its last step
        help: add seq to the lstm before it, to keep
              its steps

        1 error
        """,
    )


def test_twenty_columns_are_enough() -> None:
    assert_picture(
        render_text([RANK], width=20),
        """
        error[ST301]: lstm
          takes (T, F) but
          is given (64,)
         --> spec.txt:1:24
        1 | ... -> lstm(32)
          |        ^^^^^^^^
          |        |
          | takes 2 axes, is
          | given 1
        1 | ... lstm(64) ...
          |     --------
          |     |
          | gives (64,):
          | only its last
          | step
        help: add seq to the
             lstm before it,
             to keep its
             steps

        1 error
        """,
    )
    assert render_text([RANK], width=1) == render_text([RANK], width=20)


def test_without_a_width_words_are_not_wrapped() -> None:
    words = "word " * 60 + "end"
    text = render_text([replace(RANK, label=words, notes=(words,))], width=None)
    assert f"^^^^^^^^ {words}\n" in text
    assert f"  = note: {words}\n" in text


def test_words_beside_a_mark_are_wrapped_there() -> None:
    words = "the sequence that comes in here has been cut down to its last step by the layer before it"
    assert_picture(
        render_text([replace(RANK, label=words, help="")]),
        """
        error[ST301]: lstm takes (T, F) but is given (64,)
         --> spec.txt:1:24
        1 | in(T,F) -> lstm(64) -> lstm(32)
          |            --------    ^^^^^^^^ the sequence that comes in here has been cut
          |            |                    down to its last step by the layer before it
          |            gives (64,): only its last step

        1 error
        """,
    )


def test_many_places_on_a_line_and_inside_each_other() -> None:
    text = "[in(T,3), in(T,4)] -> add -> lstm(8)"
    bad = Diagnostic(
        "ST303",
        "widths differ",
        at(text, "add"),
        label="adds number by number",
        labels=(
            Label(at(text, "3"), "3 wide"),
            Label(at(text, "4"), "4 wide"),
            Label(at(text, "[in(T,3), in(T,4)]"), "two values"),
            Label(at(text, "add"), "and no more"),
            Label(at(text, "lstm"), ""),
        ),
        source=Source(text),
    )
    assert_picture(
        render_text([bad]),
        """
        error[ST303]: widths differ
         --> <spec>:1:23
        1 | [in(T,3), in(T,4)] -> add -> lstm(8)
          | ------------------    ^^^    ----
          | |     |        |      and no more
          | |     |        |      adds number by number
          | |     |        4 wide
          | |     3 wide
          | two values

        1 error
        """,
    )


def test_places_on_several_lines() -> None:
    text = "a = in(T,3)\nb = in(T,4)\n\n\n\nc = in(T,5)\n[a, b] -> add\n"
    bad = Diagnostic(
        "ST303",
        "widths differ",
        at(text, "add"),
        label="adds number by number",
        labels=(Label(at(text, "in(T,3)"), "3 wide"), Label(at(text, "in(T,4)"), "4 wide")),
        notes=("an axis of size 1 would be stretched",),
        severity="warning",
        source=Source(text, "models/two.spec"),
    )
    assert_picture(
        render_text([bad]),
        """
        warning[ST303]: widths differ
         --> models/two.spec:7:11
        1 | a = in(T,3)
          |     ------- 3 wide
        2 | b = in(T,4)
          |     ------- 4 wide
        ...
        7 | [a, b] -> add
          |           ^^^ adds number by number
          = note: an axis of size 1 would be stretched

        1 warning
        """,
    )


def test_a_single_line_between_two_is_shown() -> None:
    text = "a = in(T,3)\nb = in(T,4)\n[a, b] -> add"
    bad = Diagnostic(
        "ST303", "m", at(text, "add"), labels=(Label(at(text, "a"), "one"),), source=Source(text)
    )
    assert_picture(
        render_text([bad]),
        """
        error[ST303]: m
         --> <spec>:3:11
        1 | a = in(T,3)
          | - one
        2 | b = in(T,4)
        3 | [a, b] -> add
          |           ^^^

        1 error
        """,
    )


def test_a_stretch_of_a_few_lines_is_marked_on_each() -> None:
    text = "y = [in(T,3),\n\n     in(T,4)] -> add\n"
    bad = Diagnostic("ST303", "m", Span(4, text.index("]") + 1), label="these two", source=Source(text))
    assert_picture(
        render_text([bad]),
        """
        error[ST303]: m
         --> <spec>:1:5
        1 | y = [in(T,3),
          |     ^^^^^^^^^
        2 |
        3 |      in(T,4)] -> add
          |      ^^^^^^^^ these two

        1 error
        """,
    )


def test_a_stretch_of_many_lines_is_marked_at_its_ends() -> None:
    text = "\n".join(["y = ["] + [f"  in(T,{n})," for n in range(1, 12)] + ["] -> add"])
    bad = Diagnostic("ST303", "m", Span(4, text.index("]") + 1), label="all of these", source=Source(text))
    assert_picture(
        render_text([bad]),
        """
        error[ST303]: m
          --> <spec>:1:5
         1 | y = [
           |     ^
        ...
        13 | ] -> add
           | ^ all of these

        1 error
        """,
    )


def test_context_shows_the_neighbours() -> None:
    text = "a\nb\nc\nd\ne\n"
    bad = Diagnostic("ST206", "m", at(text, "c"), source=Source(text))
    assert "1 | a\n2 | b\n3 | c\n  | ^\n4 | d\n5 | e\n\n" in render_text([bad], context=2)
    assert "2 | b\n3 | c\n  | ^\n4 | d\n\n" in render_text([bad], context=1)
    assert "1 | a\n" not in render_text([bad], context=1)
    assert render_text([bad], context=9) == render_text([bad], context=2)


def test_marks_stand_under_tabs_wide_and_combining_characters() -> None:
    text = '\tx\u0301 "\u4e2d\u6587" -> \U0001f469\u200d\U0001f4bb ab'
    labels = (Label(at(text, "\u4e2d\u6587"), ""), Label(at(text, "\U0001f469\u200d\U0001f4bb"), ""))
    bad = Diagnostic("ST101", "m", at(text, "ab"), labels=labels, source=Source(text))
    assert_picture(
        render_text([bad]),
        """
        error[ST101]: m
         --> <spec>:1:17
        1 |     x\u0301 "\u4e2d\u6587" -> \U0001f469\u200d\U0001f4bb ab
          |        ----     -- ^^

        1 error
        """,
    )


def test_a_tab_is_marked_as_wide_as_it_is_shown() -> None:
    bad = Diagnostic("ST101", "m", Span(1, 2), source=Source("a\tb"))
    assert "1 | a    b\n  |  ^^^^\n" in render_text([bad])


@pytest.mark.parametrize(
    "char", ["\x1b", "\x00", "\x7f", "\x9b", "\u202e", "\u2028", "\ufeff", "\ud800", "\r"]
)
def test_what_would_steer_the_terminal_gets_a_stand_in(char: str) -> None:
    text = f"in(T) {char} lstm"
    bad = Diagnostic("ST101", f"a {char} here", Span(6, 7), label=char, source=Source(text, f"a{char}b"))
    picture = render_text([bad])
    assert char not in picture
    assert "\n  |       ^ " in picture
    picture.encode("utf-8")


def test_crowds_of_combining_marks_are_thinned() -> None:
    text = "a" + "\u0301" * 10_000 + "b"
    bad = Diagnostic("ST101", "m", Span(10_001, 10_002), source=Source(text))
    assert "\n  |  ^\n" in render_text([bad])
    assert len(render_text([bad])) < 100


@pytest.mark.parametrize("text", ["", "\n", "in(T)", "in(T)\n", "in(T)\r\n"])
def test_the_end_of_the_text_can_be_pointed_at(text: str) -> None:
    bad = Diagnostic("ST106", "m", Span(len(text), len(text)), label="here", source=Source(text))
    column = len(text) if text == "in(T)" else 0
    assert render_text([bad]).endswith(f"  | {' ' * column}^ here\n\n1 error\n")


def test_line_ends_of_windows_are_not_seen() -> None:
    text = "a = in(T)\r\nb\r\n"
    bad = Diagnostic("ST206", "m", Span(11, 14), label="b", source=Source(text))
    assert "2 | b\n  | ^ b\n" in render_text([bad])
    assert "\r" not in render_text([bad])


def test_a_stretch_may_end_with_its_line() -> None:
    bad = Diagnostic("ST206", "m", Span(4, 10), label="x", source=Source("a = in(T)\nb"))
    assert_picture(
        render_text([bad]),
        """
        error[ST206]: m
         --> <spec>:1:5
        1 | a = in(T)
          |     ^^^^^ x

        1 error
        """,
    )


def test_a_wrong_span_is_shown_as_well_as_it_can_be() -> None:
    source = Source("in(T)")
    for span in (Span(-5, 2), Span(3, 900), Span(4, 2), Span(99, 99)):
        assert "1 | in(T)\n  | " in render_text([Diagnostic("ST901", "m", span, source=source)])


def test_a_long_line_is_cut_around_its_places() -> None:
    text = "in(T,F)" + " -> lstm(64,seq)" * 30 + " -> dense(1)"
    bad = Diagnostic(
        "ST301",
        "m",
        at(text, "dense(1)"),
        label="here",
        labels=(Label(Span(0, 7), "from here"), Label(at(text, "lstm(64,seq)", 15), "and here")),
        source=Source(text),
    )
    assert_picture(
        render_text([bad]),
        """
        error[ST301]: m
         --> <spec>:1:492
        1 | in(T,F) -> ... -> lstm(64,seq) -> ... -> dense(1)
          | -------           ------------           ^^^^^^^^ here
          | |                 and here
          | from here

        1 error
        """,
    )


def test_a_long_stretch_shows_its_ends() -> None:
    text = "in(T,F)" + " -> lstm(64,seq)" * 30 + " -> dense(1)"
    bad = Diagnostic("ST301", "m", Span(11, len(text)), label="all of this", source=Source(text))
    assert_picture(
        render_text([bad], width=50),
        """
        error[ST301]: m
         --> <spec>:1:12
        1 | ... -> lstm(64,seq) -> ... -> dense(1)
          |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |        all of this

        1 error
        """,
    )


def test_places_too_far_apart_get_a_line_each() -> None:
    text = " -> ".join(f"lstm({number})" for number in range(100, 140))
    labels = tuple(Label(at(text, f"lstm({number})"), f"no {number}") for number in (100, 110, 120))
    bad = Diagnostic("ST301", "m", at(text, "lstm(130)"), label="no 130", labels=labels, source=Source(text))
    assert_picture(
        render_text([bad], width=40),
        """
        error[ST301]: m
         --> <spec>:1:391
        1 | lstm(100)...lstm(110)...lstm(130)...
          | ---------   ---------   ^^^^^^^^^
          | |           |           no 130
          | |           no 110
          | no 100
        1 | ... -> lstm(120) -> ...
          |        --------- no 120

        1 error
        """,
    )


def test_a_place_too_wide_for_its_ends_shows_where_it_begins() -> None:
    bad = Diagnostic("ST101", "m", Span(2, 40), source=Source("ab" + "\t" * 38 + "cd"))
    assert "| ab        ...\n  |   ^^^^^^^^\n" in render_text([bad], width=20)


def test_a_spec_of_a_hundred_thousand_steps_on_one_line_is_quick_and_short() -> None:
    text = "in(T,F)" + " -> lstm(64,seq)" * 100_000 + " -> dense(1)"
    middle = len(text) // 2
    bad = Diagnostic(
        "ST301",
        "m",
        Span(middle, middle + 5),
        labels=(
            Label(Span(0, 7), "a"),
            Label(Span(len(text) - 8, len(text)), "b"),
            Label(Span(0, len(text)), "c"),
        ),
        fixes=(Fix("f", (Edit(Span(0, len(text)), text[:middle] + "X" + text[middle:]),)),),
        source=Source(text),
    )
    began = time.perf_counter()
    for width in (80, None):
        assert len(render_text([bad], width=width)) < 2000
    assert time.perf_counter() - began < 1


def test_too_many_places_are_counted() -> None:
    text = "x " * 30
    labels = tuple(Label(Span(2 * n, 2 * n + 1), f"no {n}") for n in range(1, 21))
    picture = render_text([Diagnostic("ST207", "m", Span(0, 1), labels=labels, source=Source(text))])
    assert "no 8" in picture
    assert "no 9" not in picture
    assert "= note: and 12 more places\n" in picture


def test_without_a_text_there_is_no_picture() -> None:
    bad = Diagnostic(
        "ST402", "there is no backend called tourch", Span(0, 0), help="install torch", notes=("known: jax",)
    )
    assert_picture(
        render_text([bad]),
        """
        error[ST402]: there is no backend called tourch
          = note: known: jax
        help: install torch

        1 error
        """,
    )


def test_the_help_is_not_said_twice() -> None:
    bad = replace(RANK, help="add seq", fixes=(Fix("add seq", (Edit(Span(18, 18), ", seq"),)),))
    assert render_text([bad]).count("help: add seq\n") == 1


def test_the_last_line_counts() -> None:
    several = [RANK, RANK, replace(RANK, severity="warning"), replace(RANK, severity="info")]
    assert render_text(several).endswith("\n\n2 errors, 1 warning, 1 info\n")


def test_lines_within_a_note_stay_lines() -> None:
    picture = render_text([replace(RANK, notes=("the shapes:\n  a: (T, 3)\n  b: (T, 4)",))])
    assert "  = note: the shapes:\n            a: (T, 3)\n            b: (T, 4)\n" in picture


def test_color_adds_colors_and_nothing_else() -> None:
    text = "in(T,F) -> lstm(64)\n\n-> dense( 1 )"
    fixes = (Fix("f", (Edit(Span(18, 18), ", seq"),)), Fix("g", (Edit(Span(7, 19), ""),)))
    bad = replace(RANK, fixes=fixes, notes=("n",), source=Source(text), span=Span(11, len(text)))
    for width in (20, 60, None):
        plain, colored = render_text([bad], width=width), render_text([bad], width=width, color=True)
        assert "\x1b" not in plain
        assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain
        assert colored.startswith("\x1b[1;31merror[ST301]\x1b[0m")
