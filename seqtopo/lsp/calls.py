"""Say in which call of a spec the cursor stands, and what that call takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from lsprotocol import types

from seqtopo.graph.references import visible
from seqtopo.layers import registry
from seqtopo.layers.objects import FAMILIES, entry_of
from seqtopo.layers.registry import NAMES
from seqtopo.layers.row import Row
from seqtopo.layers.values import show
from seqtopo.lsp.documents import Document, Spec
from seqtopo.lsp.facts import param_words, params_of
from seqtopo.report.layer_facts import param_facts
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.tokens import Token

SIGNATURE_TRIGGERS = ["(", ","]

_WORDS = frozenset({"NAME", "IN", "LET", "DEF", "TRAIN", "FOR", "AS", "SEARCH", "LOG", "STEP"})
STATEMENTS = {"LET": "let", "DEF": "def", "TRAIN": "train", "SEARCH": "search"}
"""The words that begin a statement, by their terminals."""


@dataclass
class Context:
    """The place of the cursor: in the arguments of ``callee``, in a statement, or where a step begins.

    ``place`` counts the arguments by position before it, ``named`` are those given by name; ``key`` is the
    argument whose value is being written. ``opens`` says that a step, or an argument, begins here.
    """

    word: Span
    callee: str = ""
    statement: str = ""
    place: int = 0
    index: int = 0
    named: set[str] = field(default_factory=set)
    key: str = ""
    opens: bool = False
    owner: str = ""
    """The name before a dot."""


def context_at(spec: Spec, offset: int) -> Context | None:
    """Return the context of an offset in a spec; None in a string or a comment."""
    tokens = [t for t in spec.reading.tokens if t.start < offset]
    last = tokens[-1] if tokens else None
    if last is not None and (
        (last.type in ("COMMENT", "UNCLOSED") and offset <= last.end)
        or (last.type in ("STRING", "CURLY") and offset < last.end)
    ):
        return None
    word = Span(offset, offset)
    if last is not None and last.type in _WORDS and last.end >= offset:
        word = Span(last.start, offset)
        tokens.pop()
    found = Context(word)
    lined = _starts_line(spec, word.start)
    tokens = [t for t in tokens if t.type not in ("NEWLINE", "COMMENT")]
    before = tokens[-1] if tokens else None
    found.opens = (
        before is None
        or before.type in ("ARROW", "LPAR", "LSQB", "COMMA", "EQUALS", *STATEMENTS)
        or (lined and before.type != "ARROW")
    )
    if before is not None and before.type == "DOT" and len(tokens) > 1:
        found.owner = tokens[-2].text
        return found
    if lined and (before is None or before.type not in ("ARROW", "COMMA", "EQUALS", "LPAR", "LSQB")):
        found.statement = "start"
    _look_back(spec, tokens, found)
    return found


def _starts_line(spec: Spec, offset: int) -> bool:
    source = spec.source
    start = source.start_of(source.place(offset).line)
    return not source.text[start:offset].strip()


def _look_back(spec: Spec, tokens: list[Token], found: Context) -> None:
    """Find the open bracket around the end of the tokens, or the word that begins the statement."""
    depth = 0
    commas: list[int] = []
    for at in range(len(tokens) - 1, -1, -1):
        token = tokens[at]
        if token.type in ("RPAR", "RSQB"):
            depth += 1
        elif token.type in ("LPAR", "LSQB") and depth:
            depth -= 1
        elif token.type == "LPAR" and at and tokens[at - 1].type in ("NAME", "IN"):
            if at > 1 and tokens[at - 2].type == "DEF":
                return
            found.callee, found.statement = tokens[at - 1].text, ""
            _arguments(tokens, at + 1, commas, found)
            return
        elif token.type in ("LPAR", "LSQB"):
            commas = []  # those in a list, or in a tuple, part no arguments
        elif not depth and token.type == "COMMA":
            commas.append(at)
        elif not depth and token.type in STATEMENTS:
            found.statement = STATEMENTS[token.type]
            _arguments(tokens, at + 1, commas, found)
            return
        if not depth and _begins_statement(spec, token) and found.statement != "start":
            return


def _begins_statement(spec: Spec, token: Token) -> bool:
    """Return whether a token stands at the very beginning of a line, as statements do."""
    at = token.start
    return (at == 0 or spec.source.text[at - 1] == "\n") and token.type not in ("ARROW", "RPAR", "RSQB")


def _arguments(tokens: list[Token], first: int, commas: list[int], found: Context) -> None:
    """Read the arguments before the cursor: which are given, and which one is being written."""
    bounds = [first - 1, *sorted(commas), len(tokens)]
    *given, last = [tokens[start + 1 : end] for start, end in pairwise(bounds)]
    row = NAMES.get(found.callee)
    found.index = len(given)
    for part in given:
        name = _named(part)
        if name:
            found.named.add(name)
        elif not (row is not None and len(part) == 1 and part[0].text in row.flags):
            found.place += 1
    found.key = _named(last)


def _named(argument: list[Token]) -> str:
    return argument[0].text if len(argument) > 1 and argument[1].type == "EQUALS" else ""


def signature_help(
    document: Document, position: types.Position, markup: types.MarkupKind
) -> types.SignatureHelp | None:
    """Return the parameters of the call around the cursor, and the one that is being written."""
    spec = document.spec
    here = context_at(spec, document.text.offset(position)) if spec is not None else None
    if spec is None or here is None or not here.callee:
        return None
    found = visible(spec.reading.spec, here.word.start) if spec.reading.spec is not None else {}
    bound = found.get(here.callee)
    row = registry.find(here.callee) if bound is None else None
    if bound is not None and isinstance(bound.node, tree.Def):
        words = [
            (p.name.name, p.name.name if p.default is None else f"{p.name.name}=...", "")
            for p in bound.node.params
        ]
        return _signature(words, here, "a macro: each use makes fresh layers", markup)
    if row is not None:
        return _row_signature(row, here, markup)
    for family in FAMILIES:
        entry = entry_of(family, here.callee) if bound is None else None
        if entry is not None:
            words = [
                (p.name, p.name if p.required else f"{p.name}={show(p.default)}", p.takes.words)
                for p in entry.parts
            ]
            return _signature(words, here, f"an object of the family {family}", markup)
    if here.callee == "in":
        inputs = [("", word, "a size, a name for one, or ? for any") for word in ("T", "F", "...")]
        return _signature(inputs, here, "the source of a flow; sizes without the batch", markup)
    return None


def _row_signature(row: Row, here: Context, markup: types.MarkupKind) -> types.SignatureHelp:
    words: list[tuple[str, str, str]] = []
    for param in (*row.by_place, *(p for p in params_of(row) if p not in row.by_place)):
        default = param_facts(row, param).default
        words.append(
            (param.name, f"{param.name}={default}" if default else param.name, param_words(row, param))
        )
    return _signature(words, here, row.about, markup, places=len(row.by_place))


def _signature(
    words: list[tuple[str, str, str]],
    here: Context,
    about: str,
    markup: types.MarkupKind,
    places: int | None = None,
) -> types.SignatureHelp:
    """Return a signature of parameters: each its name, how it is shown, and what it takes."""
    callee = here.callee
    known = [name for name, _, _ in words]
    active: Any = known.index(here.key) if here.key in known else None
    if active is None and not here.key:
        most = len(words) if places is None else places
        active = here.place if here.place < most else len(words)
    label = f"{callee}({', '.join(shown for _, shown, _ in words)})"
    parameters: list[types.ParameterInformation] = []
    at = len(callee) + 1
    for _, shown, doc in words:
        content = types.MarkupContent(markup, doc) if doc else None
        parameters.append(types.ParameterInformation((at, at + len(shown)), content))
        at += len(shown) + 2
    made = types.SignatureInformation(
        label, types.MarkupContent(types.MarkupKind.PlainText, about), parameters
    )
    return types.SignatureHelp([made], 0, active)
