"""Laws that hold for every tree and every text, tried on many."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import UnexpectedToken

from seqtopo.diag.model import Diagnostic
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.build import NumberError
from seqtopo.syntax.canonical import entry
from seqtopo.syntax.findings import Findings
from seqtopo.syntax.grammar import compiled_parser, statement_parser
from seqtopo.syntax.lines import split
from seqtopo.syntax.parse import parse, tokenize
from seqtopo.syntax.print import format_text, print_expr, print_spec
from seqtopo.syntax.tokens import Token

S = Span(0, 0)

laws = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])

# Trees: each level of the ladder from the next tighter one, so that only what can be read is drawn.

WORDS = ["a", "lstm", "in", "T", "F", "seq", "id", "is", "asx", "inner", "x1", "a_b", "E"]
names = st.sampled_from([word for word in WORDS if word != "in"]).map(lambda text: tree.Name(S, text))
numbers = st.one_of(
    st.integers(0, 10**12).map(lambda value: tree.Number(S, value, str(value))),
    st.floats(0, 1e12, allow_nan=False).map(
        lambda value: tree.Number(S, float(repr(value)), _decimal(value))
    ),
)
_characters = st.sampled_from("\"'\\\n\r\tn#") | st.characters(
    exclude_characters="\0", exclude_categories=["Cs"]
)
strings = st.text(_characters, max_size=8).map(lambda value: tree.String(S, value))
leaves: st.SearchStrategy[tree.Expr] = st.one_of(
    numbers,
    strings,
    st.sampled_from(WORDS).map(lambda text: tree.Name(S, text)),
    st.just(tree.Wild(S)),
    st.just(tree.Unknown(S)),
    st.builds(tree.Attribute, st.just(S), names, st.lists(names, min_size=1, max_size=2).map(tuple)),
)


def _decimal(value: float) -> str:
    text = repr(value)
    return text if "e" in text or "." in text else text + ".0"


def some(items: st.SearchStrategy[tree.Expr], least: int = 0) -> st.SearchStrategy[tuple[tree.Expr, ...]]:
    return st.lists(items, min_size=least, max_size=4).map(tuple)


def arguments(values: st.SearchStrategy[tree.Expr]) -> st.SearchStrategy[tree.Argument]:
    return st.builds(tree.Argument, st.just(S), st.none() | names, values)


def chain(operands: st.SearchStrategy[tree.Expr], marks: list[str]) -> st.SearchStrategy[tree.Expr]:
    rest = st.lists(st.tuples(st.sampled_from(marks), operands), min_size=1, max_size=3).map(tuple)
    return operands | st.builds(tree.Arithmetic, st.just(S), operands, rest)


def items(inner: st.SearchStrategy[tree.Expr]) -> st.SearchStrategy[tree.Expr]:
    """Items of a list: a row in parentheses, as it has to be there, or branches."""
    rows = inner.map(entry)
    targets = st.lists(names, min_size=1, max_size=2).map(tuple)
    loops = st.lists(st.builds(tree.Loop, st.just(S), targets, sums_of(inner)), min_size=1, max_size=2)
    branches = st.builds(tree.Branches, st.just(S), rows, loops.map(tuple))
    return st.one_of(rows, rows, branches, st.builds(tree.As, st.just(S), branches, names))


def sums_of(inner: st.SearchStrategy[tree.Expr]) -> st.SearchStrategy[tree.Expr]:
    """Draw the values of a ``for``: looser expressions in parentheses."""
    tight = (tree.Flow, tree.As, tree.For)
    return inner.map(lambda found: tree.Group(S, found) if isinstance(found, tight) else found)


def ladder(inner: st.SearchStrategy[tree.Expr]) -> st.SearchStrategy[tree.Expr]:
    """Any expression whose brackets hold ``inner``."""
    callees = st.sampled_from(WORDS).map(lambda text: tree.Name(S, text))
    atoms = st.one_of(
        leaves,
        st.builds(tree.Group, st.just(S), inner),
        st.builds(tree.Tuple, st.just(S), some(inner)),
        st.builds(tree.List, st.just(S), some(items(inner))),
        st.builds(tree.Call, st.just(S), callees, st.lists(arguments(inner), max_size=4).map(tuple)),
        st.builds(tree.Range, st.just(S), leaves, leaves),
    )
    factors = atoms | st.builds(tree.Negative, st.just(S), atoms)
    sums = chain(chain(factors, ["*", "//", "%"]), ["+", "-"])
    targets = st.lists(names, min_size=1, max_size=2).map(tuple)
    looped = sums | st.builds(tree.For, st.just(S), sums, targets, sums)
    steps = looped | st.builds(tree.As, st.just(S), looped, names)
    return steps | st.builds(tree.Flow, st.just(S), some(steps, 2))


expressions = st.recursive(leaves, ladder, max_leaves=12)

bindings = st.builds(tree.Binding, st.just(S), names, expressions)
searched = st.one_of(
    st.builds(tree.List, st.just(S), some(items(expressions))),
    st.builds(tree.Range, st.just(S), leaves, leaves),
)
domains = st.builds(tree.Domain, st.just(S), names, searched, st.booleans(), st.none() | sums_of(expressions))
parameters = st.builds(tree.Parameter, st.just(S), names, st.none() | expressions)
statements = st.one_of(
    st.builds(tree.Let, st.just(S), st.lists(bindings, min_size=1, max_size=3).map(tuple)),
    st.builds(tree.Search, st.just(S), st.lists(domains, min_size=1, max_size=3).map(tuple)),
    st.builds(tree.Bind, st.just(S), names, expressions),
    st.builds(tree.Def, st.just(S), names, st.lists(parameters, max_size=3).map(tuple), expressions),
    st.builds(tree.Train, st.just(S), st.lists(arguments(expressions), min_size=1, max_size=3).map(tuple)),
    st.builds(tree.Output, st.just(S), expressions),
)
specs = st.lists(statements, max_size=4).map(lambda found: tree.Spec(S, tuple(found)))

# Texts: a printed spec with comments and line breaks put between its tokens, wherever they may stand.

TOPOLOGIES = [
    "in(2,3) -> lstm(4,seq)",
    "in(2,3) -> lstm(4)",
    "in(3,1,batch=1) -> lstm(4,stateful) -> dense(1)",
    "in(?,V) -> lstm(128,seq) * 2 -> td(dense(V)) -> softmax",
    "in(5,2) -> lstm(U,seq)",
    "in(5,2) -> lstm(U)",
    "in(F) -> repeat(S) -> lstm(U,seq)",
    "in(?,F,batch=B) -> lstm(F,seq,stateful)",
    "in(T,int) -> embed(V,E) -> gru(512,seq) -> gru(128,seq) -> td(dense(V)) -> td(softmax)",
    "in(F) -> dense(N)",
    "in(D) -> repeat(N) -> lstm(O,seq)",
    "in(T,D) -> lstm(1,seq) -> last(N)",
    "in(T,D) -> pad(0,N) -> lstm(1,seq) -> last(N)",
    "in(I,F) -> lstm(B) -> dense(O)",
    "in(I,F) -> lstm(B) -> repeat(O) -> lstm(B,seq) -> td(dense(1)) -> act(linear)",
    "in(?,1) -> simple_rnn(1)",
    "in(?,1) -> simple_rnn(20,seq) * 2 -> simple_rnn(20) -> dense(1)",
    "in(29,1) -> simple_rnn(20) -> dense(1)",
    "let T = 24, F = 3\nencoder = in(T,F) -> lstm(64,seq) -> lstm(32)\n"
    "decoder = in(32) -> repeat(T) -> lstm(64,seq) -> td(dense(F))\nautoencoder = encoder -> decoder",
    "in(T,4) -> [id, conv1d(8,1) -> conv1d(8,K,same) for K in [3,5,7], (relu for N in [1..2])] -> concat",
    "def block(D, K=2) = res(conv1d(_,K,causal,dilation_rate=D) -> relu as skips)\n"
    "in(T,1) -> block(D) for D in [1,2,4,8] -> [skips, id] -> add\ntrain adam(1e-3), loss=mse, labels=(1)",
]


@st.composite
def commented(draw: st.DrawFn) -> str:
    """The text of a spec, laid out anyhow, with comments."""
    text = print_spec(draw(specs))
    spec, diagnostics = parse(Source(text))
    assert spec is not None
    assert diagnostics == []
    # A line may break inside brackets and around '->'; everywhere else the statement would end.
    parts: list[str] = []
    at = depth = 0
    tokens = [token for token in tokenize(text) if token.type != "NEWLINE"]
    count = 0
    for index, token in enumerate(tokens):
        gap = text[at : token.start]
        free = (
            depth > 0
            or token.type == "ARROW"
            or (index > 0 and tokens[index - 1].type in ("ARROW", "EQUALS"))
        )
        if "\n" in gap or free:
            noise = draw(
                st.sampled_from(
                    ["", "", "", " # c{}\n", "\n", "\n\n# c{}\n", " # c{}\n  # d{}\n\n", "\r\n\t"]
                )
            )
            count += 1
            gap += noise.format(count, count)
        parts += (gap, text[token.start : token.end])
        depth += (token.type in ("LPAR", "LSQB")) - (token.type in ("RPAR", "RSQB"))
        at = token.end
    return "".join(parts) + draw(st.sampled_from(["", "\n", " # end", "\n\n# end\n\n"]))


MARKS = ["->", "=>", "(", ")", "[", "]", ",", "=", "#", "\n", '"', "'", "..", ".", "-", "*", "/", "?", "_",
         " as ", " for ", " in ", "let ", "def ", "train ", "“", "→", "é", "💥", "\0", "\t", "\r\n", "64",
         "True", "lstm", "model.add(", "\\", "1e", "\ufeff", "\u2028", "import x\n", ")(x)\n"]  # fmt: skip

noise = st.lists(st.sampled_from(MARKS), max_size=30).map("".join)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A spec with a few stretches replaced."""
    text = draw(st.sampled_from(TOPOLOGIES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 6)))
        text = text[:start] + draw(st.sampled_from([*MARKS, ""])) + text[end:]
    return text


anything = st.one_of(
    st.text(max_size=60),
    noise,
    mutated(),
    st.binary(max_size=60).map(lambda b: b.decode("latin-1")),
)


def assert_within(diagnostic: Diagnostic, text: str) -> None:
    """Every place that a diagnostic names lies in the text."""
    places = [diagnostic.span, *(label.span for label in diagnostic.labels)]
    places += [edit.span for fix in diagnostic.fixes for edit in fix.edits]
    for span in places:
        assert 0 <= span.start <= span.end <= len(text)


def assert_reported_well(text: str) -> None:
    """Diagnostics of a text are complete, in order, and at places in the text."""
    spec, diagnostics = parse(Source(text))
    assert spec is not None or diagnostics
    for diagnostic in diagnostics:
        assert re.fullmatch("ST10[1-5]", diagnostic.code)
        assert diagnostic.message
        assert diagnostic.help
        assert_within(diagnostic, text)
    assert diagnostics == sorted(diagnostics, key=lambda d: d.span)
    assert (format_text(Source(text))[0] is None) == bool(diagnostics)


@laws
@given(expressions)
def test_a_printed_expression_reads_as_its_tree(expression: tree.Expr) -> None:
    spec, diagnostics = parse(Source(print_expr(expression)))
    assert diagnostics == []
    assert spec is not None
    assert spec.statements == (tree.Output(S, expression),)


@laws
@given(specs)
def test_a_printed_spec_reads_as_its_tree(spec: tree.Spec) -> None:
    assert parse(Source(print_spec(spec))) == (spec, [])


@laws
@given(commented(), st.sampled_from([10, 30, 88]))
@example("x = in(T,F) # a\n  -> [ # b\n lstm(4 # c\n ) ] # d\n# e", 88)
@example("(a # c\n as n) * (2) # d", 10)
@example("f( # a\n\n) # b\n\n# c", 88)
@example("[a -> b * # c\n 3]", 88)
def test_formatting_keeps_the_tree_and_the_comments_and_is_stable(text: str, width: int) -> None:
    result, diagnostics = format_text(Source(text), width)
    assert diagnostics == []
    assert result is not None
    assert parse(Source(result))[0] == parse(Source(text))[0]
    assert comments(result) == comments(text)
    assert set(comments(result, on_own_line=True)) >= set(comments(text, on_own_line=True))
    assert format_text(Source(result), width)[0] == result
    assert not re.search(r"[ \t]\n|\n\n\n", result)


def comments(text: str, on_own_line: bool = False) -> list[str] | set[str]:
    """All comments in their order, or the set of those before which nothing stands on their line."""
    tokens = tokenize(text)
    found = [(i, token.text.rstrip()) for i, token in enumerate(tokens) if token.type == "COMMENT"]
    if on_own_line:
        return {comment for i, comment in found if i == 0 or tokens[i - 1].type == "NEWLINE"}
    return [comment for _, comment in found]


@settings(laws, max_examples=400)
@given(anything)
@example("a -> \ndef")
@example("(\n)\n(")
@example("a = (x\nb = y) -> (c")
def test_any_text_at_all_gives_diagnostics_within_it(text: str) -> None:
    assert_reported_well(text)


@pytest.mark.parametrize("text", TOPOLOGIES)
def test_a_spec_cut_short_anywhere_gives_diagnostics_within_it(text: str) -> None:
    for end in range(len(text)):
        assert_reported_well(text[:end])


@settings(laws, max_examples=300)
@given(anything)
@example("....")
@example("a ×* b")
def test_a_safe_fix_removes_its_diagnostic_and_brings_no_other(text: str) -> None:
    _, before = parse(Source(text))
    for diagnostic in before:
        for fix in diagnostic.fixes:
            if fix.safe:
                _, after = parse(Source(fix.apply(text)))
                assert len(after) < len(before)


@settings(laws, max_examples=300)
@given(specs.map(print_spec) | anything)
def test_the_stored_tables_read_what_the_grammar_reads(text: str) -> None:
    compiled = _compiled_parser()
    for sentence in split(tokenize(text), Findings(Source(text))):
        if sentence.sound:
            assert _read(statement_parser(), sentence.tokens) == _read(compiled, sentence.tokens)


_compiled_parser = cache(compiled_parser)


def _read(parser: Lark, tokens: list[Token]) -> object:
    """The tree of a statement, or where it ends being one and what could stand there."""
    try:
        return parser.parse(tokens)
    except UnexpectedToken as error:
        return error.token.type, error.accepts
    except NumberError as error:
        return str(error)


@settings(laws, max_examples=300)
@given(anything)
def test_lexing_loses_nothing(text: str) -> None:
    at = 1 if text.startswith("\ufeff") else 0
    for token in tokenize(text):
        assert text[at : token.start].strip() == ""
        assert "\n" not in text[at : token.start]
        assert text[token.start : token.end] == token.text
        assert token.end > token.start
        at = token.end
    assert text[at:].strip() == ""


@pytest.mark.parametrize("text", TOPOLOGIES)
def test_the_topologies_of_the_reference_are_read_and_formatted(text: str) -> None:
    assert parse(Source(text))[1] == []
    assert format_text(Source(text))[1] == []
