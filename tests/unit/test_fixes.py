"""The ways out: each is tried before it is offered, several where it is open what was meant."""

from __future__ import annotations

import pytest

import seqtopo
from seqtopo.advice.verify_fixes import MOST_SHOWN, verified
from seqtopo.diag.model import Diagnostic, Edit, Fix
from seqtopo.diag.pages import pages
from seqtopo.source import Source, Span
from seqtopo.syntax.parse import parse


def ways(spec: str) -> list[str]:
    """The spec with each fix of its first diagnostic made."""
    first = seqtopo.check(spec).diagnostics[0]
    return [fix.apply(spec) for fix in first.fixes]


CASES = {
    # a vector where a sequence is wanted
    "in(T,8) -> lstm(6) -> lstm(4)": ["in(T,8) -> lstm(6,seq) -> lstm(4)"],
    "in(T,8) -> bi(gru(6),sum) -> lstm(4)": ["in(T,8) -> bi(gru(6,seq),sum) -> lstm(4)"],
    "in(T,8) -> lstm(6,return_sequences=false) -> repeat(4) -> repeat(2)": [
        "in(T,8) -> lstm(6,return_sequences=false) -> repeat(4)"
    ],
    "in(15) -> lstm(8)": ["in(15,1) -> lstm(8)", "in(T,15) -> lstm(8)", "in(15) -> repeat(10) -> lstm(8)"],
    "in(N) -> lstm(8)": ["in(N,1) -> lstm(8)"],
    "in(F) -> lstm(8)": ["in(T,F) -> lstm(8)"],
    "in(1) -> dense(5) -> lstm(8)": ["in(T,1) -> dense(5) -> lstm(8)"],
    "in(10,int(90)) -> lstm(4)": ["in(10,int(90)) -> embed(90,64) -> lstm(4)"],
    "in(?,22) -> gru(64) -> td(dense(9,softmax))": [
        "in(?,22) -> gru(64,seq) -> td(dense(9,softmax))",
        "in(?,22) -> gru(64) -> dense(9,softmax)",
    ],
    "in(?,22) -> gru(64) -> td(dense(9) -> softmax)": ["in(?,22) -> gru(64,seq) -> td(dense(9) -> softmax)"],
    "in(40,6) -> conv1d(16,3) -> flatten -> lstm(8)": ["in(40,6) -> conv1d(16,3) -> lstm(8)"],
    "in(40,6) -> conv1d(16,3) -> gmaxpool1d -> lstm(8)": [
        "in(40,6) -> conv1d(16,3) -> lstm(8)",
        "in(40,6) -> conv1d(16,3) -> maxpool1d(2) -> lstm(8)",
    ],
    "in(9,8) -> lstm(4) -> gmaxpool1d": ["in(9,8) -> lstm(4,seq) -> gmaxpool1d", "in(9,8) -> lstm(4)"],
    "in(39,39) -> conv1d(5,5) -> flatten -> dense(5) -> conv1d(5,5)": [
        "in(39,39) -> conv1d(5,5) -> flatten -> dense(5) -> dense(39*5) -> reshape(39,5) -> conv1d(5,5)"
    ],
    "in(784) -> conv2d(8,3)": ["in(784) -> reshape(28,28,1) -> conv2d(8,3)"],
    # images and frames
    "in(64,64,1) -> convlstm2d(8,3)": ["in(T,64,64,1) -> convlstm2d(8,3)"],
    "in(64,64,3) -> td(conv2d(8,3))": ["in(T,64,64,3) -> td(conv2d(8,3))"],
    "in(5,40,40,1) -> conv2d(8,3,same)": ["in(5,40,40,1) -> td(conv2d(8,3,same))"],
    "in(9,32,32,3) -> conv2d(8,3) -> maxpool2d(2) -> flatten -> lstm(4)": [
        "in(9,32,32,3) -> td(conv2d(8,3) -> maxpool2d(2) -> flatten) -> lstm(4)"
    ],
    "in(32,32,3) -> conv2d(8,3) -> maxpool2d(2) -> flatten -> dense(9) -> lstm(4)": [
        "in(T,32,32,3) -> td(conv2d(8,3) -> maxpool2d(2) -> flatten) -> dense(9) -> lstm(4)"
    ],
    "in(32,32,3) -> conv2d(8,3) -> lstm(4)": [
        "in(T,32,32,3) -> td(conv2d(8,3) -> flatten) -> lstm(4)",
        "in(32,32,3) -> conv2d(8,3) -> td(flatten) -> lstm(4)",
    ],
    "in(10,32,32,3) -> lstm(4)": ["in(10,32,32,3) -> td(flatten) -> lstm(4)"],
    "in(1,50,768) -> lstm(4)": ["in(1,50,768) -> reshape(50,768) -> lstm(4)"],
    "in(200,64) -> embed(5000,32) -> lstm(4)": ["in(200,64) -> lstm(4)"],
    "in(9,8) -> lstm(4,seq) -> repeat(3) -> lstm(2,seq)": ["in(9,8) -> lstm(4) -> repeat(3) -> lstm(2,seq)"],
    # lengths
    "in(10,8) -> conv1d(4,11)": ["in(10,8) -> conv1d(4,11,same)", "in(11,8) -> conv1d(4,11)",
                                 "in(10,8) -> conv1d(4,10)"],
    "in(1200,64) -> pos(1000)": ["in(1200,64) -> pos(1200)"],
    "in(20,8) -> conv1d(8,3,strides=2,dilation_rate=2)": [
        "in(20,8) -> conv1d(8,3,strides=1,dilation_rate=2)",
        "in(20,8) -> conv1d(8,3,strides=2,dilation_rate=1)",
    ],
    # counts
    "in(784) -> reshape(32,28,28,1)": ["in(784) -> reshape(28,28,1)"],
    "in(8,8,1,batch=5) -> reshape(1,5,8,8,1)": ["in(5,8,8,1) -> reshape(1,5,8,8,1)"],
    "in(?,390) -> lstm(250,seq) -> flatten -> dense(9)": [
        "in(20,390) -> lstm(250,seq) -> flatten -> dense(9)",
        "in(?,390) -> lstm(250,seq) -> gavgpool1d -> dense(9)",
        "in(?,390) -> lstm(250) -> dense(9)",
    ],
    # merging
    "in(8,8,3) -> [id, conv2d(16,3,same)] -> add": [
        "in(8,8,3) -> [id, conv2d(3,3,same)] -> add",
        "in(8,8,3) -> [conv2d(16,1), conv2d(16,3,same)] -> add",
    ],
    "in(8,8,3) -> res(conv2d(16,3,same))": [
        "in(8,8,3) -> res(conv2d(3,3,same))",
        "in(8,8,3) -> [conv2d(16,1), conv2d(16,3,same)] -> add",
    ],
    "in(10,8) -> [conv1d(8,3), id] -> add": ["in(10,8) -> [conv1d(8,3,same), id] -> add"],
    "in(90,4) -> [conv1d(35,6) -> maxpool1d(2), lstm(32)] -> concat": [
        "in(90,4) -> [conv1d(35,6) -> gmaxpool1d, lstm(32)] -> concat"
    ],
    "a = in(?,8) -> lstm(4)\nb = in(?,6)\n[b, a] -> concat": [
        "a = in(?,8) -> lstm(4)\nb = in(T,6)\n[b, a -> repeat(T)] -> concat"
    ],
    "[in(5,8), in(7,8)] -> concat": ["[in(5,8), in(7,8)] -> concat(time)"],
    "d = in(7,9)\ne = in(30,9)\n[d, [e, d] -> attention] -> concat": [
        "d = in(7,9)\ne = in(30,9)\n[d, [d, e] -> attention] -> concat"
    ],
    "[in(10,8), in(7,16)] -> attention": ["[in(10,8), in(7,16) -> dense(8)] -> attention"],
    "in(50,10) -> attention": ["in(50,10) -> [id, id] -> attention"],
    "[in(8), in(10,8)] -> attention": ["[in(8) -> repeat(1), in(10,8)] -> attention"],
    "[in(10,8), in(10,8)] -> lstm(4)": ["[in(10,8), in(10,8)] -> concat -> lstm(4)"],
    "in(9,4) -> bi(lstm(47,seq),backward=lstm(24,seq,back))": [
        "in(9,4) -> bi(lstm(47,seq),backward=lstm(47,seq,back))",
        "in(9,4) -> bi(lstm(24,seq),backward=lstm(24,seq,back))",
    ],
    # states
    "e = in(9,20) -> lstm(64)\nin(5,20) -> lstm(64,init=e)": [
        "e = in(9,20) -> lstm(64)\nin(5,20) -> lstm(64,init=e.state)"
    ],
    "s = in(300)\nin(9,50) -> gru(400,init=s)": ["s = in(300)\nin(9,50) -> gru(400,init=s -> dense(400))"],
    "e = in(9,20) -> bi(lstm(64))\nin(5,20) -> lstm(64,init=e.state)": [
        "e = in(9,20) -> bi(lstm(64))\nin(5,20) -> lstm(128,init=e.state)"
    ],
    # axes and dtypes
    "in(6,100) -> mean(0)": ["in(6,100) -> mean(time)", "in(6,100) -> gavgpool1d"],
    "in(3,10) -> permute(0,2,1)": ["in(3,10) -> permute(2,1)"],
    "in(30,int) -> mask(0) -> embed(90,8) -> lstm(3)": ["in(30,int) -> embed(90,8,mask) -> lstm(3)"],
    "in(3,2) -> cropping1d((-1,0))": ["in(3,2) -> zero_padding1d((1,0))"],
    "in(3,2) -> crop(-1,0)": ["in(3,2) -> pad(1,0)"],
    # models and names
    "a = in(9,8) -> lstm(64)\nd = in(32) -> repeat(9)\na -> d": [
        "a = in(9,8) -> lstm(64)\nd = in(64) -> repeat(9)\na -> d"
    ],
    "in(10,64) -> mha(8)": ["in(10,64) -> mha(8,8)"],
    "in(12,8) -> lstm(128,state) -> dense(2)": ["in(12,8) -> lstm(128) -> dense(2)"],
}  # fmt: skip


@pytest.mark.parametrize("spec", CASES)
def test_a_way_out_is_offered(spec: str) -> None:
    offered = ways(spec)
    for text in CASES[spec]:
        assert text in offered


@pytest.mark.parametrize("spec", CASES)
def test_every_way_out_checks(spec: str) -> None:
    assert not seqtopo.check(spec).ok
    for text in ways(spec):
        assert seqtopo.check(text).ok, text


def test_a_sequence_of_one_number_is_not_called_fifteen() -> None:
    # Of a symbol that is called after time it is known that it counts steps.
    assert "in(T,1) -> lstm(8)" in ways("in(T) -> lstm(8)")
    assert not any("in(S,T)" in text for text in ways("in(T) -> lstm(8)"))


def test_the_steps_are_kept_in_a_block_once_for_all_its_uses() -> None:
    spec = "b = lstm(8)\n[in(T,4) -> b, in(T,4) -> b -> lstm(3)] -> concat"
    assert all("b = lstm(8,seq)" not in text for text in ways(spec))


def test_a_mistake_behind_another_does_not_hide_the_way_out_of_the_first() -> None:
    spec = "in(15) -> lstm(8) -> lstm(4)"
    assert "in(15,1) -> lstm(8) -> lstm(4)" in ways(spec)


# ---- the laws ------------------------------------------------------------------------------------

SHOWN = [page for page in pages() if page.example]


def errors(spec: str) -> list[tuple[str, str]]:
    return [(d.code, d.message) for d in seqtopo.check(spec).diagnostics if d.severity == "error"]


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.code.code)
def test_a_safe_fix_removes_its_diagnostic_and_brings_no_other(page) -> None:
    for diagnostic in seqtopo.check(page.example).diagnostics:
        for fix in diagnostic.fixes:
            after = fix.apply(page.example)
            assert parse(Source(after))[0] is not None, after
            if fix.safe:
                now = [(d.code, d.message) for d in seqtopo.check(after).diagnostics]
                assert (diagnostic.code, diagnostic.message) not in now, after
                assert not errors(after), after


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.code.code)
def test_a_guess_of_a_page_can_be_read(page) -> None:
    for diagnostic in seqtopo.check(page.example).diagnostics:
        for fix in diagnostic.fixes:
            _, wrong = parse(Source(fix.apply(page.example)))
            assert not wrong, fix.apply(page.example)


# ---- trying --------------------------------------------------------------------------------------


def fix(text: str, title: str = "try", *, safe: bool = False) -> Fix:
    return Fix(title, (Edit(Span(0, 1), text),), safe)


def wrong(*fixes: Fix) -> Diagnostic:
    return Diagnostic("ST301", "wrong", Span(0, 1), help="in general", fixes=fixes)


def test_what_does_not_help_is_not_offered() -> None:
    def check(text: str) -> list[Diagnostic]:
        return [wrong()] if text.startswith("bad") else []

    (left,) = verified([wrong(fix("bad"), fix("good"), fix("good", "again"))], "x", check)
    assert [f.apply("x") for f in left.fixes] == ["good"]
    assert left.help == ""


def test_where_nothing_helps_the_general_words_stay() -> None:
    (left,) = verified([wrong(fix("bad"))], "x", lambda text: [wrong()])
    assert (left.fixes, left.help) == ((), "in general")


def test_one_that_ends_the_mistake_is_preferred_to_one_that_moves_it() -> None:
    def check(text: str) -> list[Diagnostic]:
        return [] if text.startswith("good") else [Diagnostic("ST301", "another", Span(9, 10))]

    (left,) = verified([wrong(fix("moved"), fix("good"))], "x" * 20, check)
    assert [f.edits[0].text for f in left.fixes] == ["good"]


def test_a_safe_fix_that_brings_another_mistake_is_a_guess() -> None:
    def check(text: str) -> list[Diagnostic]:
        return [Diagnostic("ST204", "another", Span(0, 1))]

    named = Diagnostic("ST202", "wrong", Span(0, 1), fixes=(fix("y", safe=True),))
    (left,) = verified([named], "x", check)
    assert [f.safe for f in left.fixes] == [False]


def test_no_more_are_offered_than_anybody_reads() -> None:
    (left,) = verified([wrong(*(fix(f"good{i}") for i in range(9)))], "x", lambda text: [])
    assert len(left.fixes) == MOST_SHOWN


def test_a_parameter_that_is_given_is_not_what_another_word_means() -> None:
    (found,) = seqtopo.check("in(6,8) -> mha(2,4,key_dims=3)").diagnostics
    assert "key_dim" not in [edit.text for fix in found.fixes for edit in fix.edits]
    (found,) = seqtopo.check("in(6,8) -> mha(2,key_dims=3)").diagnostics
    assert "key_dim" in [edit.text for fix in found.fixes for edit in fix.edits]


@pytest.mark.parametrize(
    ("spec", "fixed"),
    [
        ("in(8,3) -> slice(-1,?)", ["in(8,3) -> slice(-1)"]),
        ("in(T,3) -> slice(-2,?) -> lstm(4)", ["in(T,3) -> slice(-2) -> lstm(4)"]),
        ("in(8,3) -> slice(0,?,2)", ["in(8,3) -> slice(0,none,2)"]),
        ("in(8,3) -> slice(1,stop=?,step=2)", ["in(8,3) -> slice(1,step=2)"]),
        ("in(?,3) -> slice(2,?)", ["in(?,3) -> slice(2)", "in(T,3) -> slice(2,T)"]),
        ("in(?,3) -> slice(-2,?,axis=1)", ["in(?,3) -> slice(-2,axis=1)"]),
    ],
)
def test_a_slice_up_to_what_nobody_knows_is_one_up_to_the_end(spec: str, fixed: list[str]) -> None:
    [found] = seqtopo.check(spec).diagnostics
    assert found.code == "ST308"
    assert [fix.apply(spec) for fix in found.fixes] == fixed
    for fix in found.fixes:
        # What the title shows is what the fix writes.
        assert fix.title.rsplit(" ", 1)[1] in fix.apply(spec)
