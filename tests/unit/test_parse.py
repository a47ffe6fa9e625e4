"""The tree of each form of the language, and the messages about wrong texts."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lark
import pytest
from lark import Lark, logger

from seqtopo.diag.model import Diagnostic
from seqtopo.source import Source, Span
from seqtopo.syntax import grammar, tree
from seqtopo.syntax.findings import MOST
from seqtopo.syntax.lines import DEEPEST
from seqtopo.syntax.parse import LONGEST, parse
from seqtopo.syntax.tree import (
    Argument,
    Arithmetic,
    As,
    Attribute,
    Bind,
    Binding,
    Call,
    Def,
    Expr,
    Flow,
    For,
    Group,
    Let,
    List,
    Name,
    Negative,
    Number,
    Output,
    Parameter,
    Range,
    String,
    Train,
    Tuple,
    Unknown,
    Wild,
)

S = Span(0, 0)  # spans do not compare


def name(text: str) -> Name:
    return Name(S, text)


def number(value: float) -> Number:
    return Number(S, value, "")


def call(what: str, *args: Expr, **named: Expr) -> Call:
    given = [Argument(S, None, arg) for arg in args]
    given += [Argument(S, name(key), value) for key, value in named.items()]
    return Call(S, name(what), tuple(given))


def flow(*steps: Expr) -> Flow:
    return Flow(S, steps)


def listed(*items: Expr) -> List:
    return List(S, items)


def product(first: Expr, *rest: tuple[str, Expr]) -> Arithmetic:
    return Arithmetic(S, first, rest)


def statements(text: str) -> tuple[tree.Statement, ...]:
    spec, diagnostics = parse(Source(text))
    assert diagnostics == []
    assert spec is not None
    return spec.statements


def wrong(text: str) -> list[Diagnostic]:
    _, diagnostics = parse(Source(text))
    assert diagnostics, f"{text!r} was read without a word"
    return diagnostics


a, b, c, x, D, F, T = (name(text) for text in "abcxDFT")

EXPRESSIONS = [
    ("24", number(24)),
    ("1e-3", number(1e-3)),
    ("0.5", number(0.5)),
    ("2E2", number(200.0)),
    ('"a b"', String(S, "a b")),
    ("'a\"b'", String(S, 'a"b')),
    (r'"a\"\\\n\d"', String(S, 'a"\\\n\\d')),
    ('"# no comment"', String(S, "# no comment")),
    ("lstm", name("lstm")),
    ("asx", name("asx")),
    ("T", T),
    ("_", Wild(S)),
    ("?", Unknown(S)),
    ("in", name("in")),
    ("(a)", Group(S, a)),
    ("()", Tuple(S, ())),
    ("(a,)", Tuple(S, (a,))),
    ("(a,b)", Tuple(S, (a, b))),
    ("(a,b,)", Tuple(S, (a, b))),
    ("[]", listed()),
    ("[a]", listed(a)),
    ("[a,b,]", listed(a, b)),
    ("[1..8]", Range(S, number(1), number(8))),
    ("[T-1..2*T]", Range(S, product(T, ("-", number(1))), product(number(2), ("*", T)))),
    ("id", name("id")),
    ("f()", call("f")),
    ("in(T,F)", call("in", T, F)),
    ("in(?,3,batch=1)", call("in", Unknown(S), number(3), batch=number(1))),
    ("lstm(64,seq,)", call("lstm", number(64), name("seq"))),
    ("dropout(rate=0.2)", call("dropout", rate=number(0.2))),
    ("l(r=l2(1e-4))", call("l", r=call("l2", number(1e-4)))),
    ("encoder.state", Attribute(S, name("encoder"), (name("state"),))),
    ("a.b.c", Attribute(S, a, (b, c))),
    ("-1", Negative(S, number(1))),
    ("--x", Negative(S, Negative(S, x))),
    ("a * 3", product(a, ("*", number(3)))),
    ("a * 3 // 2 % T", product(a, ("*", number(3)), ("//", number(2)), ("%", T))),
    ("1+2*3-4", product(number(1), ("+", product(number(2), ("*", number(3)))), ("-", number(4)))),
    ("-1*2", product(Negative(S, number(1)), ("*", number(2)))),
    ("a -> b -> c", flow(a, b, c)),
    ("a->-b", flow(a, Negative(S, b))),
    ("a as n", As(S, a, name("n"))),
    ("a as n as m", As(S, As(S, a, name("n")), name("m"))),
    ("a -> b as n", flow(a, As(S, b, name("n")))),
    ("a * 2 as n -> b", flow(As(S, product(a, ("*", number(2))), name("n")), b)),
    ("(a -> b) for D in [1,2]", For(S, Group(S, flow(a, b)), (D,), listed(number(1), number(2)))),
    ("a for D, F in x as n", As(S, For(S, a, (D, F), x), name("n"))),
    ("[a -> b, c]", listed(flow(a, b), c)),
    ("td(a -> b)", call("td", flow(a, b))),
    ("f(a as n, k=a for D in x)", call("f", As(S, a, name("n")), k=For(S, a, (D,), x))),
    ("is(T,64)", call("is", T, number(64))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_an_expression_reads_as_its_tree(text: str, expected: Expr) -> None:
    assert statements(text) == (Output(S, expected),)


STATEMENTS = [
    ("let T = 24", Let(S, (Binding(S, T, number(24)),))),
    (
        "let T = 24, F = 2*T",
        Let(S, (Binding(S, T, number(24)), Binding(S, F, product(number(2), ("*", T))))),
    ),
    ("x = a -> b", Bind(S, x, flow(a, b))),
    ("def f() = a", Def(S, name("f"), (), a)),
    (
        "def f(T, F=2,) = a -> b",
        Def(S, name("f"), (Parameter(S, T, None), Parameter(S, F, number(2))), flow(a, b)),
    ),
    (
        "train adam(1e-3), loss=mse, metrics=[mae], labels=()",
        Train(
            S,
            (
                Argument(S, None, call("adam", number(1e-3))),
                Argument(S, name("loss"), name("mse")),
                Argument(S, name("metrics"), listed(name("mae"))),
                Argument(S, name("labels"), Tuple(S, ())),
            ),
        ),
    ),
    ("a -> b", Output(S, flow(a, b))),
]


@pytest.mark.parametrize(("text", "expected"), STATEMENTS, ids=[text for text, _ in STATEMENTS])
def test_a_statement_reads_as_its_tree(text: str, expected: tree.Statement) -> None:
    assert statements(text) == (expected,)


@pytest.mark.parametrize(
    "text",
    [
        "a -> b -> c",
        "a ->\nb ->\nc",
        "a\n-> b\n-> c",
        "a # first\n  # between\n\n  -> b\n  -> # last\n\n c # end",
        "a\r\n\t-> b\r\n\t-> c\r\n",
        "\ufeffa -> b -> c",
        "a\u00a0-> b\u3000-> c",
        "# 漢字\na -> b -> c # → => “”",
    ],
)
def test_a_flow_goes_on_over_lines(text: str) -> None:
    assert statements(text) == (Output(S, flow(a, b, c)),)


@pytest.mark.parametrize("text", ["x = \n a", "x = a", "x =\n\n# why\na\n\n", "\n\nx = a"])
def test_a_binding_goes_on_after_its_equals(text: str) -> None:
    assert statements(text) == (Bind(S, x, a),)


@pytest.mark.parametrize("text", ["let T = 1,\n F = 2", "let T = 1\nlet F = 2"])
def test_a_line_that_ends_with_a_comma_goes_on(text: str) -> None:
    bindings = [binding for let in statements(text) for binding in let.bindings]  # type: ignore[union-attr]
    assert bindings == [Binding(S, T, number(1)), Binding(S, F, number(2))]


def test_a_line_goes_on_inside_brackets() -> None:
    assert statements("f(\na,\nx\n=b\n)\nc") == (Output(S, call("f", a, x=b)), Output(S, c))


@pytest.mark.parametrize("text", ["", "\n\n", "# only\n# comments", " \t", "\ufeff"])
def test_a_text_without_statements_is_an_empty_spec(text: str) -> None:
    assert statements(text) == ()


def test_spans_reach_from_the_first_to_behind_the_last_character() -> None:
    text = "x = in(T, F) -> lstm(64, seq) as n"
    (bind,) = statements(text)
    assert isinstance(bind, Bind)
    assert isinstance(bind.value, Flow)
    last = bind.value.steps[1]
    assert isinstance(last, As)
    assert isinstance(last.body, Call)
    parts = [bind, bind.name, bind.value, last, last.body, last.name, last.body.args[1]]
    assert [text[part.span.start : part.span.end] for part in parts] == [
        text,
        "x",
        "in(T, F) -> lstm(64, seq) as n",
        "lstm(64, seq) as n",
        "lstm(64, seq)",
        "n",
        "seq",
    ]


def test_a_number_keeps_its_text() -> None:
    (output,) = statements("1e-3")
    assert isinstance(output, Output)
    assert isinstance(output.value, Number)
    assert output.value.text == "1e-3"


# One row a mistake: the text, the code, the headline, and where it points.
MISTAKES = [
    ("in(T,F) ->", "ST102", "expected a layer after '->', but the text ends", (10, 10)),
    ("a ->\nlet T=3", "ST102", "expected a layer after '->', but the line ends", (4, 4)),
    ("a -> -> b", "ST102", "expected a layer between two '->'", (5, 7)),
    ("-> b", "ST102", "nothing stands before '->'", (0, 2)),
    ("[-> b, id]", "ST102", "nothing stands before '->'", (1, 3)),
    ("a b", "ST102", "a '->' is missing between 'a' and 'b'", (2, 3)),
    ("[a b]", "ST102", "a ',' or '->' is missing between 'a' and 'b'", (3, 4)),
    ("lstm(64 seq)", "ST102", "a ',' is missing between '64' and 'seq'", (8, 11)),
    ("let T = 4 F = 3", "ST102", "a ',' is missing between '4' and 'F'", (10, 11)),
    ("lstm 64 seq", "ST102", "the arguments of 'lstm' stand without parentheses", (5, 7)),
    ("f(a 4)", "ST102", "'a' is followed by '4' with no ',' or '=' between them", (4, 5)),
    ("a(1)(x)", "ST102", "a layer is applied by '->', not by a second pair of parentheses", (4, 5)),
    ("a -> b.c(3)", "ST102", "'b.c' cannot be called: layers are written by their bare names", (8, 9)),
    ("x = ", "ST102", "expected a value after '=', but the text ends", (3, 3)),
    ("f(a=)", "ST102", "expected a value after '=', but found ')'", (4, 5)),
    ("a = b = c", "ST102", "a statement has one '='", (6, 7)),
    ("3 = b", "ST102", "only a name can stand before '='", (2, 3)),
    ("f(P) = b", "ST102", "a macro with parameters begins with 'def'", (5, 6)),
    ("[a=3]", "ST102", "'=' cannot stand in a list", (2, 3)),
    ("f(a.b=3)", "ST102", "only a single name can stand before '=' in a call", (5, 6)),
    ("a, b", "ST102", "several values stand in square brackets", (1, 2)),
    ("[a,,b]", "ST102", "two ',' stand side by side", (3, 4)),
    ("f(,a)", "ST102", "nothing stands between '(' and ','", (2, 3)),
    ("let in = 3", "ST102", "'in' is a word of the language and cannot be a name", (4, 6)),
    ("train = a", "ST102", "'train' is a word of the language and cannot be a name", (0, 5)),
    ("a as let", "ST102", "'let' is a word of the language and cannot be a name", (5, 8)),
    ('a as "n"', "ST102", "a name after 'as' is written without quotes", (5, 8)),
    ("a as", "ST102", "expected a name after 'as', but the text ends", (4, 4)),
    ("a for D [1,2]", "ST102", "expected 'in' after 'for D', but found '['", (8, 9)),
    ("a for D in", "ST102", "expected the values after 'in', but the text ends", (10, 10)),
    ("a for in [1]", "ST102", "expected a name after 'for', but found 'in'", (6, 8)),
    ("for D in [1]", "ST102", "a statement cannot begin with 'for'", (0, 3)),
    ("let", "ST102", "expected a name after 'let', but the text ends", (3, 3)),
    ("let T", "ST102", "expected '=' after 'T', but the text ends", (5, 5)),
    ("train", "ST102", "expected an optimizer after 'train', but the text ends", (5, 5)),
    ("def f = a", "ST102", "expected '(' after the name of a macro, but found '='", (6, 7)),
    ("def f(64) = a", "ST102", "a macro's parameters are names, but found '64'", (6, 8)),
    ("def f(P) a", "ST102", "expected '=' after the head of a macro, but found 'a'", (9, 10)),
    ("a * ", "ST102", "expected a number or a layer after '*', but the text ends", (3, 3)),
    ("f(1.)", "ST102", "a number has digits on both sides of one point", (3, 4)),
    ("f(.5)", "ST102", "a number has digits on both sides of its point", (2, 3)),
    ("1..8", "ST102", "a range stands in square brackets", (1, 3)),
    ("a. -> b", "ST102", "expected a name after '.', but found '->'", (3, 5)),
    ("a.3", "ST102", "only a name has a second value after '.', but found '3'", (2, 3)),
    ("1" * 41, "ST102", "a number has at most 40 digits; this one has 41", (0, 41)),
    ("1e999", "ST102", "1e999 is too large for a number", (0, 5)),
    ("f(True)", "ST102", "'True' is Python's; it is written 'true' here", (2, 6)),
    ("import keras", "ST102", "this is Python code, not a spec", (0, 12)),
    ("a => b", "ST101", "steps are joined by '->', not '=>'", (2, 4)),
    ("a → b", "ST101", "steps are joined by '->', not '→'", (2, 3)),
    ("a\n→ b", "ST101", "steps are joined by '->', not '→'", (2, 3)),
    ("a | b", "ST101", "steps are joined by '->', not '|'", (2, 3)),
    ("a - > b", "ST101", "steps are joined by '->', not '- >'", (2, 5)),
    ("let T: 4", "ST101", "a name and its value are joined by '=', not ':'", (5, 6)),
    ("T / 2", "ST101", "sizes are whole numbers, divided by '//', not '/'", (2, 3)),
    ("T ** 2", "ST101", "there is no power operator '**'", (2, 4)),
    ("f(“a”)", "ST101", "strings stand in straight quotes", (2, 5)),
    ("a; b", "ST101", "';' does not end a statement: the end of the line does", (1, 2)),
    ("größe", "ST101", "'größe' is not a name: a name has the letters a-z and A-Z, digits and '_'", (0, 5)),
    ("_a", "ST101", "'_a' is not a name: a name starts with a letter", (0, 2)),
    ("__", "ST101", "'__' is not a name; the width of the incoming value is '_'", (0, 2)),
    ("64abc", "ST101", "'64abc' is neither a number nor a name: a name starts with a letter", (0, 5)),
    ("1_000", "ST101", "'1_000' is not a number: digits are written without '_'", (0, 5)),
    ("a -> \x07", "ST101", "'\\x07' is not part of the language", (5, 6)),
    ("f(1))", "ST103", "')' closes nothing: no bracket is open here", (4, 5)),
    ("f(1]", "ST103", "'(' is closed by ']'", (3, 4)),
    ("f(1 -> b", "ST103", "'(' is never closed", (1, 2)),
    ('f("a) -> b', "ST103", 'the string that begins with " is not closed on its line', (2, 3)),
    ("(" * 65 + ")" * 65, "ST104", "this is nested more than 64 levels deep", (64, 65)),
    ("a\0b", "ST105", "this is not a text: it holds a null character", (1, 2)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "message", "span"), MISTAKES, ids=[repr(row[0])[:30] for row in MISTAKES]
)
def test_a_mistake_has_its_message(text: str, code: str, message: str, span: tuple[int, int]) -> None:
    (found,) = wrong(text)
    assert (found.code, found.message, tuple(found.span)) == (code, message, span)
    assert found.help
    assert found.source is not None
    assert found.source.text == text


FIXES = [
    ("lstm 64 seq -> b", "lstm(64,seq) -> b"),
    ("lstm(64 seq)", "lstm(64, seq)"),
    ("a => b", "a -> b"),
    ("a - > b", "a -> b"),
    ("f(64, units 3)", "f(64, units=3)"),
    ("a -> -> b", "a -> b"),
    ("a ->", "a"),
    ("m = a, b", "m = [a, b]"),
    ("f(P) = b", "def f(P) = b"),
    ("def f = a", "def f() = a"),
    ("y = a(1)(x)", "y = x -> a(1)"),
    ("a -> k.lstm(3)", "a -> lstm(3)"),
    ("in(T,F -> lstm(4)", "in(T,F) -> lstm(4)"),
    ("x = [a,\n  b\nlet T = 3", "x = [a,\n  b]\nlet T = 3"),
    ("f(1]", "f(1)"),
    ("f(1))", "f(1)"),
    ("f(.5)", "f(0.5)"),
    ("f(1.)", "f(1.0)"),
    ('a as "n"', "a as n"),
    ("a for D [1,2]", "a for D in [1,2]"),
    ("[a,,b]", "[a,b]"),
    ("[-> b, id]", "[b, id]"),
    ("f(None)", "f(none)"),
    ("f(‘a’)", 'f("a")'),
    ("1_000", "1000"),
    ("T ÷ 2", "T // 2"),
    ('"a', '"a"'),
]


@pytest.mark.parametrize(("text", "fixed"), FIXES, ids=[row[0] for row in FIXES])
def test_a_fix_removes_its_mistake(text: str, fixed: str) -> None:
    (found,) = wrong(text)
    assert found.fixes[0].apply(text) == fixed
    assert parse(Source(fixed))[1] == []


def test_only_what_is_certain_is_a_safe_fix() -> None:
    safe = {text for text, *_ in MISTAKES for found in wrong(text) for fix in found.fixes if fix.safe}
    assert safe == {"a => b", "a → b", "a\n→ b", "a - > b", "f(True)", "f(“a”)", "1_000"}


def test_one_bad_statement_hides_no_other() -> None:
    spec, diagnostics = parse(Source("a b\nx = c\n[a\ny = b\nf(1))\nc ->"))
    assert spec is not None
    assert spec.statements == (Bind(S, x, c), Bind(S, name("y"), b))
    assert [(d.code, d.span.start) for d in diagnostics] == [
        ("ST102", 2),
        ("ST103", 10),
        ("ST103", 23),
        ("ST102", 29),
    ]


def test_an_unclosed_bracket_ends_before_the_next_statement() -> None:
    for after in ("let T = 3", "def f() = a", "train adam", "y = b", "in(T) -> b"):
        spec, diagnostics = parse(Source(f"x = f(a, g(1)\n{after}\nz = c"))
        assert [d.message for d in diagnostics] == ["'(' is never closed"]
        assert spec is not None
        assert len(spec.statements) == 2


def test_arguments_need_no_indentation() -> None:
    assert statements("f(\na,\nx=b\n)") == (Output(S, call("f", a, x=b)),)


@pytest.mark.parametrize(
    "line",
    [
        "model.add(LSTM(64))",
        "x = layers.LSTM(64)(x)",
        "LSTM(64, return_sequences=True)(x)",
        "def f(x):\n    y = x -> 3\n    return y",
        "lambda x: x",
        "for i in range(3):\n    model.add(LSTM(64))",
    ],
)
def test_lines_of_python_are_one_mistake(line: str) -> None:
    assert [d.message for d in wrong(line)] == ["this is Python code, not a spec"]


def test_what_stands_around_python_is_still_checked() -> None:
    spec, diagnostics = parse(Source("x = a -> b\nimport keras\ny = a b"))
    assert spec is not None
    assert spec.statements == (Bind(S, x, flow(a, b)),)
    assert [d.span.start for d in diagnostics] == [11, 30]


def test_the_number_of_mistakes_is_bounded() -> None:
    for line in ("a b", "f(1))", "$", "x = f(1"):
        found = wrong(f"{line}\n" * (MOST * 3))
        assert len(found) == MOST
        assert found[-1].notes[-1] == f"there are more errors; these are the first {MOST}"


def test_a_text_that_is_too_long_is_refused() -> None:
    spec, (found,) = parse(Source(" " * (LONGEST + 1)))
    assert (spec, found.code) == (None, "ST105")


@pytest.mark.parametrize(
    ("text", "deep"),
    [
        ("(" * DEEPEST + "a" + ")" * DEEPEST, False),
        ("[" * (DEEPEST + 1) + "a" + "]" * (DEEPEST + 1), True),
        ("a" + " as b" * DEEPEST, False),
        ("a" + " as b" * (DEEPEST + 1), True),
        ("-" * 1000 + "a", True),
        ("a" + " as b -> c" * 1000, False),
        ("a" + ".b" * 1000, False),
        ("a" + " + b" * 1000, False),
        ("(" * 40 + "a" + ") as b as c" * 40, True),
    ],
)
def test_how_deep_a_tree_is_has_a_bound(text: str, deep: bool) -> None:
    assert [d.code for d in parse(Source(text))[1]] == (["ST104"] if deep else [])


def test_a_long_flow_is_read_whole() -> None:
    for arrow in (" -> ", "\n    -> "):
        (output,) = statements(arrow.join(["lstm(64,seq)"] * 5000))
        assert isinstance(output, Output)
        assert isinstance(output.value, Flow)
        assert output.value.steps == (call("lstm", number(64), name("seq")),) * 5000


def test_hostile_texts_are_read_in_linear_time() -> None:
    # Each took minutes with a naive reading; the run's own time limit is the judge.
    for text in (
        "x" + "\n" * 300_000 + "-> y",
        " " * 300_000,
        "x = (\n" * 30_000,
        "(\n" * 100_000,
        "1" * 300_000,
        "1." * 100_000,
        '"' + '\\"' * 100_000,
        "“" * 100_000,
        "x)(" * 50_000,
        "import x\n" + "L(" * 50_000,
        "f(" * 60 + "a b " * 20_000,
    ):
        parse(Source(text))


def test_the_grammar_has_no_conflicts_and_no_nameless_terminals(caplog: pytest.LogCaptureFixture) -> None:
    before = logger.level
    try:
        logger.setLevel(logging.DEBUG)
        logger.addHandler(caplog.handler)
        parser = Lark(grammar.grammar_text(), parser="lalr", start="statement", debug=True)
    finally:
        logger.setLevel(before)
        logger.removeHandler(caplog.handler)
    assert not re.search("conflict", caplog.text, re.IGNORECASE)
    assert [terminal.name for terminal in parser.terminals if terminal.name.startswith("__")] == []


def test_the_stored_tables_are_those_that_lark_computes() -> None:
    """``python -m seqtopo.cli.reference`` writes them anew."""
    assert (
        Path(grammar.__file__).with_name(grammar.TABLES).read_text(encoding="utf-8") == grammar.tables_text()
    )


@pytest.fixture
def fresh_parser() -> Iterator[None]:
    grammar.statement_parser.cache_clear()
    yield
    grammar.statement_parser.cache_clear()


@pytest.mark.parametrize(("version", "compiles"), [(lark.__version__, False), ("1.99.0", True)])
@pytest.mark.usefixtures("fresh_parser")
def test_tables_of_another_lark_are_not_used(
    version: str, compiles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[Lark] = []
    compile_grammar = grammar.compiled_parser

    def noted() -> Lark:
        compiled.append(compile_grammar())
        return compiled[-1]

    monkeypatch.setattr(lark, "__version__", version)
    monkeypatch.setattr(grammar, "compiled_parser", noted)
    assert statements("a -> b") == (Output(S, flow(a, b)),)
    assert len(compiled) == compiles


@pytest.mark.usefixtures("fresh_parser")
def test_a_text_that_cannot_be_read_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[object] = []
    parse_tokens = Lark.parse

    def noted(self: Lark, tokens: str, **rest: Any) -> Any:
        parsed.append(tokens)
        return parse_tokens(self, tokens, **rest)

    monkeypatch.setattr(Lark, "parse", noted)
    wrong("in(T,F) -> -> lstm(64)")
    assert len(parsed) == 1
