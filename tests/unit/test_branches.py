"""A ``for`` that stands directly in a list makes branches; anywhere else, a row."""

from __future__ import annotations

import pytest

import seqtopo
from seqtopo.decompiler.decompile import compare
from seqtopo.report.analyse import analyse
from seqtopo.source import Source
from seqtopo.syntax.parse import parse
from seqtopo.syntax.print import format_text, print_spec

SAME = [
    # Alone, beside other items, two loops in one list; the whole item, whatever arrows are in it.
    (
        "in(20,4) -> [conv1d(8,K,same) for K in [3,5,7]] -> concat",
        "in(20,4) -> [conv1d(8,3,same), conv1d(8,5,same), conv1d(8,7,same)] -> concat",
    ),
    (
        "in(20,4) -> [id, conv1d(8,1) -> conv1d(8,K,same) for K in [3,5], maxpool1d(3,1,same)] -> concat",
        "in(20,4) -> [id, conv1d(8,1) -> conv1d(8,3,same), conv1d(8,1) -> conv1d(8,5,same), "
        "maxpool1d(3,1,same)] -> concat",
    ),
    (
        "in(20,4) -> [rnn(N,seq) for N in [1..2], gru(N,seq) * 2 for N in [3,4]] -> concat",
        "in(20,4) -> [rnn(1,seq), rnn(2,seq), gru(3,seq) -> gru(3,seq), gru(4,seq) -> gru(4,seq)] -> concat",
    ),
    # Of several loops the first is the outermost, and the next may use its name.
    (
        "in(20,4) -> [conv1d(F,K,same) for F in [8,16] for K in [F,F+1]] -> concat",
        "in(20,4) -> [conv1d(8,8,same), conv1d(8,9,same), conv1d(16,16,same), conv1d(16,17,same)] -> concat",
    ),
    (
        "in(20,4) -> [conv1d(8,K,A,same,dilation_rate=D) for K, D, A in [(3,1,relu), (5,2,tanh)]] -> concat",
        "in(20,4) -> [conv1d(8,3,relu,same), conv1d(8,5,tanh,same,dilation_rate=2)] -> concat",
    ),
    # Sources of their own, layers and flows as values, values of a list or of a name.
    (
        "[in(W,1) -> lstm(U) for W, U in [(3,4), (5,8)]] -> concat",
        "[in(3,1) -> lstm(4), in(5,1) -> lstm(8)] -> concat",
    ),
    (
        "in(20,4) -> [layer -> dense(2) for layer in [lstm(4), (conv1d(3,3) -> gmaxpool1d)]] -> concat",
        "in(20,4) -> [lstm(4) -> dense(2), conv1d(3,3) -> gmaxpool1d -> dense(2)] -> concat",
    ),
    (
        "a = in(5,3)\nb = in(6,3)\n[x -> lstm(N) for x, N in [(a,1), (b,2)]] -> concat",
        "a = in(5,3)\nb = in(6,3)\n[a -> lstm(1), b -> lstm(2)] -> concat",
    ),
    (
        "in(20,4) -> (conv1d(4,3,same) as ends) * 2 -> [E -> conv1d(32,1) for E in ends] -> add",
        "in(20,4) -> conv1d(4,3,same) as a -> conv1d(4,3,same) as b -> "
        "[a -> conv1d(32,1), b -> conv1d(32,1)] -> add",
    ),
    (
        "def heads(each) = [x -> dense(2) for x in each] -> add\n"
        "in(20,4) -> (lstm(5,seq) as s) * 2 -> heads(s)",
        "in(20,4) -> lstm(5,seq) as a -> lstm(5,seq) as b -> [a -> dense(2), b -> dense(2)] -> add",
    ),
    # In macros, blocks, lists in lists, td and res; names collect; several outputs; an empty loop.
    (
        "def inc(F, KS=[1,3]) = [conv1d(F,K,same) for K in KS] -> concat\nin(20,4) -> inc(8) -> inc(2)",
        "in(20,4) -> [conv1d(8,1,same), conv1d(8,3,same)] -> concat -> "
        "[conv1d(2,1,same), conv1d(2,3,same)] -> concat",
    ),
    (
        "b = [conv1d(4,K,same) for K in [1,3]] -> add\nin(20,4) -> b -> b",
        "c = conv1d(4,1,same)\nd = conv1d(4,3,same)\nm = add\nin(20,4) -> [c, d] -> m -> [c, d] -> m",
    ),
    (
        "in(20,4) -> [[conv1d(D,K,same) for K in [3,5]] -> concat for D in [1,2]] -> concat",
        "in(20,4) -> [[conv1d(1,3,same), conv1d(1,5,same)] -> concat, "
        "[conv1d(2,3,same), conv1d(2,5,same)] -> concat] -> concat",
    ),
    (
        "in(20,4) -> td([dense(N) for N in [2,3]] -> concat)",
        "in(20,4) -> td([dense(2), dense(3)] -> concat)",
    ),
    (
        "in(20,4) -> res([conv1d(4,K,same) for K in [1,3]] -> add)",
        "in(20,4) -> [id, [conv1d(4,1,same), conv1d(4,3,same)] -> add] -> add",
    ),
    (
        "in(20,4) -> [conv1d(4,K,same) as c for K in [1,3]] -> concat -> [c, id] -> concat",
        "in(20,4) -> [conv1d(4,1,same) as c, conv1d(4,3,same) as c_1] -> concat -> [c, c_1, id] -> concat",
    ),
    (
        "in(20,4) -> [conv1d(4,K,same) for K in [1,3] as c, id] -> concat -> [c, id] -> concat",
        "in(20,4) -> [conv1d(4,1,same) as a, conv1d(4,3,same) as b, id] -> concat -> [a, b, id] -> concat",
    ),
    ("in(20,4) -> lstm(4) -> [dense(N) for N in [1,2]]", "in(20,4) -> lstm(4) -> [dense(1), dense(2)]"),
    ("in(20,4) -> [id, relu, conv1d(4,K) for K in [1..0]] -> concat", "in(20,4) -> [id, relu] -> concat"),
    # A row: outside lists, and in any parentheses.
    (
        "in(20,4) -> [id, (conv1d(4,3,same,dilation_rate=D) for D in [1,2])] -> concat",
        "in(20,4) -> [id, conv1d(4,3,same) -> conv1d(4,3,same,dilation_rate=2)] -> concat",
    ),
    (
        "in(20,4) -> [id, relu -> (dense(D) for D in [1,2]) -> tanh] -> concat",
        "in(20,4) -> [id, relu -> dense(1) -> dense(2) -> tanh] -> concat",
    ),
    (
        "in(20,4) -> [id, res(conv1d(4,3,same,dilation_rate=D) for D in [1,2])] -> concat",
        "in(20,4) -> [id, res(conv1d(4,3,same) -> conv1d(4,3,same,dilation_rate=2))] -> concat",
    ),
    (
        "in(20,4) -> [(dense(K) for K in [N,N+1]) for N in [1,2]] -> concat",
        "in(20,4) -> [dense(1) -> dense(2), dense(2) -> dense(3)] -> concat",
    ),
    ("in(20,4) -> dense(D) for D in [1,2]", "in(20,4) -> dense(1) -> dense(2)"),
]


@pytest.mark.parametrize(("loop", "written_out"), SAME, ids=[loop for loop, _ in SAME])
def test_fault_a6_a_for_in_a_list_is_the_branches_it_stands_for(loop: str, written_out: str) -> None:
    checked = analyse(written_out)
    assert checked.resolved is not None, checked.diagnostics
    assert compare(loop, checked.resolved.graph) == ""
    spec, found = parse(Source(loop))
    assert spec is not None
    assert found == []
    assert parse(Source(print_spec(spec)))[0] == spec
    python = [seqtopo.to_python(text) for text in (loop, written_out)]
    assert len({text.count("layers.") for text in python}) == 1


def test_fault_a6_a_loop_goes_through_the_states_of_a_layer() -> None:
    found = seqtopo.check("e = in(5,3) -> lstm(4)\nin(7,3) -> lstm(6, init=[s -> dense(6) for s in e.state])")
    assert [layer.layer for layer in found.shapes].count("dense(6)") == 2
    assert not found.diagnostics


ROWS = [
    # The row that a bare 'for' meant before checks as well: the info says so, and offers it.
    (
        "in(20,4) -> [conv1d(8,K,same) for K in [3,5,7]] -> concat",
        "in(20,4) -> [(conv1d(8,K,same) for K in [3,5,7])] -> concat",
    ),
    (
        "in(20,4) -> [id, conv1d(8,1) -> lstm(K,seq) for K in [3,5], relu] -> concat",
        "in(20,4) -> [id, conv1d(8,1) -> (lstm(K,seq) for K in [3,5]), relu] -> concat",
    ),
    ("in(4) -> [dense(2) * 2 for K in [1,2] as b]", "in(4) -> [(dense(2) * 2 for K in [1,2]) as b]"),
]


@pytest.mark.parametrize(("spec", "row"), ROWS)
def test_fault_a6_an_info_says_what_a_bare_for_meant_before(spec: str, row: str) -> None:
    (said,) = [d for d in seqtopo.check(spec).diagnostics if d.code == "ST683"]
    assert said.severity == "info"
    assert "branches side by side; until now it meant" in said.message
    assert [fix.apply(spec) for fix in said.fixes] == [row]
    assert not [d for d in seqtopo.check(row).diagnostics if d.code == "ST683"]


@pytest.mark.parametrize(
    "spec",
    [
        "[in(W,1) -> lstm(U) for W, U in [(3,4), (5,8)]] -> concat -> dense(1)",
        "in(20,4) -> [conv1d(8,K) -> gmaxpool1d for K in [3,4,5]] -> concat",
        "in(20,4) -> [id, conv1d(8,K,same) for K in [3]] -> concat",
        "in(20,4) -> [id, (conv1d(8,K,same) for K in [3,5])] -> concat",
    ],
)
def test_fault_a6_nothing_is_said_where_only_branches_can_be_meant(spec: str) -> None:
    assert not seqtopo.check(spec, ignore=("ST65",)).diagnostics


def test_fault_a6_the_info_goes_with_the_next_version() -> None:
    assert seqtopo.__version__.startswith("0.1."), "take ST683 out: it was for one version"


def test_fault_a6_a_merge_of_branches_is_not_said_to_do_nothing() -> None:
    def idle(spec: str) -> bool:
        return "ST662" in [d.code for d in seqtopo.check(spec).diagnostics]

    assert not idle("in(20,4) -> [conv1d(8,K,same) for K in [3,5,7]] -> concat")
    # A loop may have one value today, and more tomorrow.
    assert not idle("in(20,4) -> [conv1d(8,K,same) for K in [3]] -> concat")
    assert idle("in(20,4) -> [(conv1d(8,K,same) for K in [3,5,7])] -> concat")
    assert idle("in(20,4) -> [conv1d(8,3,same)] -> concat")


@pytest.mark.parametrize(
    ("row", "branches"),
    [
        (
            "in(20,4) -> conv1d(4,K,same) for K in [3,5] -> concat -> lstm(2)",
            "in(20,4) -> [conv1d(4,K,same) for K in [3,5]] -> concat -> lstm(2)",
        ),
        (
            "in(20,4) -> (conv1d(4,K,same) for K in [3,5]) -> add -> lstm(2)",
            "in(20,4) -> [conv1d(4,K,same) for K in [3,5]] -> add -> lstm(2)",
        ),
        (
            "in(20,4) -> (relu -> conv1d(4,K,same)) for K in [1..3] -> avg -> lstm(2)",
            "in(20,4) -> [(relu -> conv1d(4,K,same)) for K in [1..3]] -> avg -> lstm(2)",
        ),
    ],
)
def test_fault_a6_a_merge_of_a_row_is_said_to_be_one(row: str, branches: str) -> None:
    (found,) = [d for d in seqtopo.check(row, ignore=("ST65",)).diagnostics if d.code != "ST663"]
    assert (found.code, found.severity) == ("ST684", "warning")
    assert [fix.apply(row) for fix in found.fixes] == [branches]
    assert "ST684" not in [d.code for d in seqtopo.check(branches).diagnostics]


def test_fault_a6_a_merge_of_what_a_row_of_lists_gives_is_none() -> None:
    for spec in (
        "in(20,4) -> ([relu, tanh] -> add) for N in [1,2] -> lstm(2)",
        "in(20,4) -> (dense(4) as skips) for D in [1,2]\nskips -> add",
        "in(20,4) -> conv1d(4,K) for K in [3] -> concat -> lstm(2)",
    ):
        assert "ST684" not in [d.code for d in seqtopo.check(spec).diagnostics]


WRONG = [
    (
        "in(20,4) -> [conv1d(8,3,same) -> lstm(D,seq) for D in [3,5] -> relu, id] -> concat",
        "ST102",
        "no step can follow it",
        [
            "in(20,4) -> [conv1d(8,3,same) -> lstm(D,seq) -> relu for D in [3,5], id] -> concat",
            "in(20,4) -> [conv1d(8,3,same) -> (lstm(D,seq) for D in [3,5]) -> relu, id] -> concat",
        ],
    ),
    (
        "in(20,4) -> [id, lstm(D,seq) for D in [3,5] as x -> relu] -> concat",
        "ST102",
        "no step can follow it",
        ["in(20,4) -> [id, (lstm(D,seq) for D in [3,5] as x) -> relu] -> concat"],
    ),
    (
        "in(20,4) -> [conv1d(8,K,sme) for K in [3,5]] -> concat",
        "ST202",
        "no flag sme",
        ["in(20,4) -> [conv1d(8,K,same) for K in [3,5]] -> concat"],
    ),
    (
        "in(20,4) -> [conv1d(8,K,same) for K in [3,5]] -> lstm(4)",
        "ST214",
        "takes one value but is given 2",
        ["in(20,4) -> [conv1d(8,K,same) for K in [3,5]] -> concat -> lstm(4)"],
    ),
    (
        "in(20,4) -> [lstm(K) for K in [3,5]] -> add",
        "ST303",
        "cannot merge",
        [
            "in(20,4) -> [lstm(3) for K in [3,5]] -> add",
            "in(20,4) -> [lstm(5) for K in [3,5]] -> add",
            "in(20,4) -> [lstm(K) -> dense(5) for K in [3,5]] -> add",
            "in(20,4) -> [lstm(K) -> dense(3) for K in [3,5]] -> add",
        ],
    ),
    (
        "in(20,4) -> [lstm(K) for K in range(3,6)] -> concat",
        "ST203",
        "a list or a range",
        ["in(20,4) -> [lstm(K) for K in [3..5]] -> concat"],
    ),
    ("in(20,4) -> [lstm(K) for K, D in [3,5]] -> concat", "ST219", "is given 3", []),
    ("in(20,4) -> (relu as s) * 2 -> [E for E, D in s] -> add", "ST219", "s holds single values", []),
    ("in(20,4) -> [lstm(K) for K in [2*D for D in [1,2]]] -> concat", "ST213", "makes layers", []),
    (
        "in(20,4) -> [lstm(4,seq) * K*2-1 for K in [1,2]] -> concat",
        "ST213",
        "not a flow and a number",
        ["in(20,4) -> [lstm(4,seq) * (K*2-1) for K in [1,2]] -> concat"],
    ),
    (
        "in(20,4) -> [dense(4) - K for K in [1,2]] -> concat",
        "ST213",
        "not a flow and a number",
        ["in(20,4) -> [dense(4) -> rescaling(1,-K) for K in [1,2]] -> concat"],
    ),
    ("[conv1d(8,K) for K in [3,5]] -> concat", "ST210", "nothing comes into conv1d(8,K)", []),
    ("x = in(5,3)\n[E -> lstm(2) for E in [x, id]] -> concat", "ST210", "nothing comes into", []),
]


@pytest.mark.parametrize(("spec", "code", "words", "fixes"), WRONG, ids=[row[0] for row in WRONG])
def test_fault_a6_what_is_wrong_with_branches_is_said_once_and_where(
    spec: str, code: str, words: str, fixes: list[str]
) -> None:
    (found,) = seqtopo.check(spec).diagnostics
    assert (found.code, words in found.message) == (code, True), found.message
    assert [fix.apply(spec) for fix in found.fixes][: len(fixes)] == fixes


def test_fault_a6_branches_are_formatted_with_their_comments() -> None:
    text = (
        "in(20,4)->[ id,conv1d(64,1,relu) # squeeze\n ->conv1d(128,K,same,relu) # look\n for K in [3,5,7]"
        " # widths\n for A in [relu,tanh] # both\n, (dense(8)for N in[1,2])]->concat # all"
    )
    wanted = """\
in(20,4)
    -> [
        id,
        conv1d(64,1,relu)  # squeeze
            -> conv1d(128,K,same,relu)  # look
        for K in [3, 5, 7]  # widths
        for A in [relu, tanh],  # both
        (dense(8) for N in [1, 2]),
    ]
    -> concat  # all
"""
    assert format_text(Source(text))[0] == wanted
    assert format_text(Source(wanted))[0] == wanted


def test_fault_a6_several_outputs_of_a_loop_are_counted_with_the_names_beside_it() -> None:
    spec = "in(20,4) -> lstm(4) -> [dense(5) as a, dense(N) for N in [1,2], dense(4) as b]"
    assert list(seqtopo.check(spec).outputs) == ["a", "dense", "dense_1", "b"]
    named = "in(20,4) -> lstm(4) -> [dense(N) as head for N in [1,2]]"
    assert list(seqtopo.check(named).outputs) == ["head", "head_1"]


def test_fault_a6_branches_are_drawn_side_by_side() -> None:
    loop = "in(20,4) -> ([conv1d(8,K,same) for K in [3,5]] -> concat) for N in [1,2] -> lstm(4)"
    picture = str(seqtopo.draw("in(20,4) -> [conv1d(8,K,same) for K in [3,5]] -> concat -> lstm(4)"))
    for words in ("conv1d(8,3)", "conv1d(8,5)", "concat"):
        assert words in picture
    assert "2" in str(seqtopo.draw(loop))
