"""The canonical text of a tree, and the formatter."""

from __future__ import annotations

import pytest

from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse
from seqtopo.syntax.print import format_text, print_expr, print_spec

S = Span(0, 0)


def formatted(text: str, width: int = 88) -> str:
    """The formatted text, which is asserted to be stable and to mean the same."""
    result, diagnostics = format_text(Source(text), width)
    assert diagnostics == []
    assert result is not None
    assert format_text(Source(result), width)[0] == result
    assert parse(Source(result))[0] == parse(Source(text))[0]
    return result


CANONICAL = [
    ("in( T, F )->lstm( 64, seq )", "in(T,F) -> lstm(64,seq)"),
    ("a=in(2 , 3 , batch = 1)", "a = in(2,3,batch=1)"),
    ("[a,b,]", "[a, b]"),
    ("( 2,2 )", "(2,2)"),
    ("(a, )", "(a,)"),
    ("( )", "()"),
    ("f( )", "f()"),
    ("[ 1 .. 8 ]", "[1..8]"),
    ("let T=24,F=2 * G", "let T = 24, F = 2*G"),
    ("f(T - 2+_ // 2, (T+1) * 2, -T)", "f(T-2+_//2,(T+1)*2,-T)"),
    ("lstm(4)*2", "lstm(4) * 2"),
    ("x*N", "x * N"),
    ("def f( P,Q = 2 )=a->b", "def f(P, Q=2) = a -> b"),
    ("def f( )=a", "def f() = a"),
    ("train adam( 1e-3 ),loss = mse", "train adam(1e-3), loss=mse"),
    ("(a->b)for A,B in[(1,2)]as n", "(a -> b) for A, B in [(1,2)] as n"),
    ("enc . state", "enc.state"),
    ("'a'", '"a"'),
    ("'a\"b'", "'a\"b'"),
    (r"'\'\"\t\\'", r'''"'\"\t\\"'''),
    ("f(a -> b,k = [x , y])", "f(a -> b,k=[x, y])"),
    ("f(1e-3,1E5,0.50)", "f(1e-3,1E5,0.50)"),
    ("?", "?"),
]


@pytest.mark.parametrize(("text", "canonical"), CANONICAL, ids=[row[0] for row in CANONICAL])
def test_every_form_has_one_text(text: str, canonical: str) -> None:
    assert formatted(text) == canonical + "\n"
    spec, _ = parse(Source(text))
    assert spec is not None
    assert print_spec(spec) == print_expr(spec) == canonical + "\n"


def test_parentheses_are_added_where_a_made_tree_needs_them() -> None:
    a, b = tree.Name(S, "a"), tree.Name(S, "b")
    flow, total = tree.Flow(S, (a, b)), tree.Arithmetic(S, a, (("+", b),))
    assert print_expr(tree.Arithmetic(S, flow, (("*", b),))) == "(a -> b) * b"
    assert print_expr(tree.Arithmetic(S, total, (("*", b),))) == "(a + b) * b"
    assert print_expr(tree.Arithmetic(S, a, (("-", total),))) == "a - (a + b)"
    assert print_expr(tree.Negative(S, total)) == "-(a + b)"
    assert print_expr(tree.Flow(S, (a, flow))) == "a -> (a -> b)"
    assert print_expr(tree.As(S, flow, a)) == "(a -> b) as a"
    assert print_expr(tree.For(S, flow, (a,), flow)) == "(a -> b) for a in (a -> b)"


def test_a_flow_that_is_too_long_has_a_step_a_line() -> None:
    assert formatted("x = in(T,F) -> lstm(64,seq) -> dense(1)", 30) == (
        "x = in(T,F)\n    -> lstm(64,seq)\n    -> dense(1)\n"
    )


def test_a_list_and_a_call_that_are_too_long_have_an_item_a_line() -> None:
    assert formatted("[aaaa -> bbbb, lstm(64, dropout=0.2)] -> concat", 20) == (
        "[\n    aaaa -> bbbb,\n    lstm(\n        64,\n        dropout=0.2,\n    ),\n]\n    -> concat\n"
    )


def test_a_group_that_is_too_long_gets_no_comma() -> None:
    assert formatted("(aaaa -> bbbb -> cccc) for D in [1, 2]", 20) == (
        "(\n    aaaa\n        -> bbbb\n        -> cccc\n) for D in [1, 2]\n"
    )


def test_let_and_train_that_are_too_long_have_a_binding_a_line() -> None:
    assert formatted("let T = 24, F = 2*G, H = 3\ntrain adam(1e-3), loss=mse", 20) == (
        "let T = 24,\n    F = 2*G,\n    H = 3\ntrain adam(1e-3),\n    loss=mse\n"
    )


def test_what_fits_on_a_line_stands_on_one() -> None:
    assert formatted("x = in(T,F)\n  -> lstm(\n 64,\n seq,\n)\n") == "x = in(T,F) -> lstm(64,seq)\n"


def test_every_comment_keeps_its_place() -> None:
    text = """

# top

x  =   # about x
   in(T,F) -> # after the arrow
   # before lstm
   lstm( 64 # units
   , seq,
   # before the end
   ) as n # named
   -> [ a->b  , # first
        c # second
      ] # merged



# between
let  T=24, # steps
  F = 2
(a # inside
 -> b * # times
 3)
# last"""
    assert (
        formatted(text)
        == """# top

# about x
x = in(T,F)  # after the arrow
    # before lstm
    -> lstm(
        64,  # units
        seq,
        # before the end
    ) as n  # named
    -> [
        a -> b,  # first
        c,  # second
    ]  # merged

# between
let T = 24,  # steps
    F = 2
(
    a  # inside
        -> b * 3  # times
)
# last
"""
    )


def test_at_most_one_blank_line_is_kept() -> None:
    assert formatted("\n\na\n\n\n\nb\n# c\n\n\n# d\n\nc\n\n") == "a\n\nb\n# c\n\n# d\n\nc\n"


@pytest.mark.parametrize(
    ("text", "result"), [("", ""), ("\n \n", ""), ("#a ", "#a\n"), ("\ufeffa\r\n", "a\n")]
)
def test_a_text_of_nothing_but_blanks_and_comments(text: str, result: str) -> None:
    assert formatted(text) == result


def test_a_text_with_mistakes_is_left_alone() -> None:
    result, diagnostics = format_text(Source("a -> b\na ->"))
    assert result is None
    assert [d.code for d in diagnostics] == ["ST102"]


def test_a_long_flow_is_formatted_whole() -> None:
    assert len(formatted(" -> ".join(["lstm(64,seq)"] * 2000)).splitlines()) == 2000
