"""Show how a spec is built up: symbols, colours, folds, and the house style; and the models of Keras code."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from lsprotocol import types

from seqtopo.diag.model import Edit
from seqtopo.graph.references import Binder, uses
from seqtopo.layers import registry
from seqtopo.layers.objects import FAMILIES, entry_of
from seqtopo.lsp.documents import Document, Spec
from seqtopo.lsp.positions import difference
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import definition_head
from seqtopo.syntax.print import format_text
from seqtopo.syntax.tokens import Token

_KIND = types.SymbolKind

# ---- symbols ---------------------------------------------------------------------------------------


def symbols(document: Document) -> list[types.DocumentSymbol]:
    """Return the symbols of a document: names and flows of a spec, or models and layers of Keras code."""
    spec, code = document.spec, document.code
    if spec is not None and spec.reading.spec is not None:
        return [made for s in spec.reading.spec.statements for made in _statement(document, s)]
    return list(_models(document)) if code is not None else []


def _statement(document: Document, statement: tree.Statement) -> Iterator[types.DocumentSymbol]:
    match statement:
        case tree.Let():
            for binding in statement.bindings:
                yield _symbol(document, binding.name, _KIND.Constant, binding.span)
        case tree.Search():
            for domain in statement.domains:
                yield _symbol(document, domain.name, _KIND.Constant, domain.span, "searched")
        case tree.Bind():
            inner = list(_steps(document, statement.value))
            yield _symbol(document, statement.name, _KIND.Variable, statement.span, "", inner)
        case tree.Def():
            detail = definition_head(statement).removeprefix("def ").removesuffix(" = ")
            inner = list(_steps(document, statement.body))
            yield _symbol(document, statement.name, _KIND.Function, statement.span, detail, inner)
        case tree.Train():
            word = tree.Name(Span(statement.span.start, statement.span.start + len("train")), "train")
            yield _symbol(document, word, _KIND.Event, statement.span)
        case tree.Output():
            word = tree.Name(statement.span, "flow")
            inner = list(_steps(document, statement.value))
            yield _symbol(document, word, _KIND.Method, statement.span, "", inner)


def _steps(document: Document, body: tree.Expr) -> Iterator[types.DocumentSymbol]:
    for node in tree.every(body):
        if isinstance(node, tree.As):
            yield _symbol(document, node.name, _KIND.Field, node.name.span, "as")


def _symbol(
    document: Document,
    name: tree.Name,
    kind: types.SymbolKind,
    span: Span,
    detail: str = "",
    children: list[types.DocumentSymbol] | None = None,
) -> types.DocumentSymbol:
    text = document.text
    return types.DocumentSymbol(
        name.name, kind, text.range(span), text.range(name.span), detail or None, children=children or None
    )


def _models(document: Document) -> Iterator[types.DocumentSymbol]:
    code = document.code
    for model in code.checked.models if code is not None else ():
        place = document.place(model.place.span)
        if code is None or model.place.source is not code.file.source or place is None:
            continue
        if place.document is not document:
            continue
        whole = place.span
        layers: list[types.DocumentSymbol] = []
        for line in model.report.shapes:
            there = document.place(line.span)
            if there is not None and there.document is document:
                range = document.text.range(there.span)
                layers.append(types.DocumentSymbol(line.layer, _KIND.Field, range, range, line.name))
                whole = whole.cover(there.span)
        yield types.DocumentSymbol(
            model.name,
            _KIND.Class,
            document.text.range(whole),
            document.text.range(place.span),
            model.report.kind,
            children=layers or None,
        )


# ---- colours ---------------------------------------------------------------------------------------

_TYPES = types.SemanticTokenTypes
LEGEND = types.SemanticTokensLegend(
    [
        t.value
        for t in (
            _TYPES.Keyword,
            _TYPES.Class,
            _TYPES.Variable,
            _TYPES.Function,
            _TYPES.Parameter,
            _TYPES.EnumMember,
            _TYPES.Type,
            _TYPES.Number,
            _TYPES.String,
            _TYPES.Comment,
            _TYPES.Operator,
            _TYPES.Property,
        )
    ],
    [types.SemanticTokenModifiers.Declaration.value],
)
_BY_TYPE = {
    **dict.fromkeys(("LET", "DEF", "TRAIN", "SEARCH", "FOR", "AS", "IN", "LOG", "STEP"), _TYPES.Keyword),
    "NUMBER": _TYPES.Number,
    "STRING": _TYPES.String,
    "COMMENT": _TYPES.Comment,
    **dict.fromkeys(("ARROW", "STAR", "SLASHES", "PERCENT", "PLUS", "MINUS"), _TYPES.Operator),
}
_BY_BINDER: dict[Binder, types.SemanticTokenTypes] = {
    "size": _TYPES.Type,
    "flow": _TYPES.Variable,
    "step": _TYPES.Variable,
    "macro": _TYPES.Function,
    "parameter": _TYPES.Parameter,
    "loop": _TYPES.Parameter,
}


def semantic_tokens(document: Document) -> types.SemanticTokens | None:
    """Return the kind of each word of a spec, for its colour."""
    spec = document.spec
    if spec is None:
        return None
    data: list[int] = []
    line = character = 0
    places = {t.value if hasattr(t, "value") else t: i for i, t in enumerate(LEGEND.token_types)}
    for token, kind, declared in _coloured(spec):
        start = document.text.position(token.start)
        end = document.text.position(token.end)
        if start.line != end.line:
            continue
        moved = start.character - (character if start.line == line else 0)
        data += [
            start.line - line, moved, end.character - start.character, places[kind.value], int(declared)
        ]  # fmt: skip
        line, character = start.line, start.character
    return types.SemanticTokens(data)


def _coloured(spec: Spec) -> Iterator[tuple[Token, types.SemanticTokenTypes, bool]]:
    found = {use.name.span: use for use in uses(spec.reading.spec)} if spec.reading.spec is not None else {}
    given = _argument_names(spec.reading.spec)
    # In a statement that cannot be read a name has the colour that it has elsewhere.
    named = {use.name.name: use.bound.by for use in found.values() if use.bound is not None}
    tokens = [token for token in spec.reading.tokens if token.type != "NEWLINE"]
    for token in tokens:
        kind = _BY_TYPE.get(token.type)
        if kind is not None:
            yield token, kind, False
            continue
        if token.type != "NAME":
            continue
        use = found.get(token.span)
        if use is not None:
            by = use.bound.by if use.bound is not None else "size"
            yield token, _BY_BINDER[by], use.is_definition
        elif token.span in given:
            yield token, _TYPES.Property, False
        elif token.text[0].isupper():
            yield token, _TYPES.Type, False
        elif token.text in registry.LANGUAGE:
            yield token, _TYPES.Keyword, False
        elif spec.reading.diagnostics and token.text in named and token.text not in registry.flags():
            yield token, _BY_BINDER[named[token.text]], False
        elif token.text in registry.flags() and token.text not in registry.NAMES:
            yield token, _TYPES.EnumMember, False
        elif registry.find(token.text) is not None:
            yield token, _TYPES.Class, False
        elif any(entry_of(family, token.text) is not None for family in FAMILIES):
            yield token, _TYPES.Function, False


def _argument_names(spec: tree.Spec | None) -> set[Span]:
    return {
        node.name.span
        for node in (tree.every(spec) if spec is not None else ())
        if isinstance(node, tree.Argument) and node.name is not None
    }


# ---- folds -----------------------------------------------------------------------------------------


def folds(document: Document) -> list[types.FoldingRange]:
    """Return the ranges to fold: statements and calls of several lines, and blocks of comments."""
    spec = document.spec
    if spec is None:
        return []
    found: dict[int, types.FoldingRange] = {}
    for node in tree.every(spec.reading.spec) if spec.reading.spec is not None else ():
        if isinstance(node, (tree.Spec, tree.Name, tree.Number)):
            continue
        first, last = (document.text.position(at).line for at in node.span)
        if last > first:
            found.setdefault(first, types.FoldingRange(first, last))
    lines = [
        document.text.position(token.start).line
        for token, before in zip(spec.reading.tokens, [None, *spec.reading.tokens], strict=False)
        if token.type == "COMMENT" and (before is None or before.type == "NEWLINE")
    ]
    for _, run in groupby(enumerate(lines), lambda one: one[1] - one[0]):
        first, *_, last = [line for _, line in run] * 2
        if last > first:
            found.setdefault(first, types.FoldingRange(first, last, kind=types.FoldingRangeKind.Comment))
    return [found[line] for line in sorted(found)]


# ---- the house style -------------------------------------------------------------------------------


def formatted(document: Document, range: types.Range | None = None) -> list[types.TextEdit] | None:
    """Return the edits that give a spec the house style; in a range, its whole statements. None where the
    text cannot be read.
    """
    spec = document.spec
    if spec is None or document.notebook is not None:
        return None
    text = document.text.text
    if range is None:
        start, end = 0, len(text)
    else:
        touched = document.text.span(range)
        statements = spec.reading.spec.statements if spec.reading.spec is not None else ()
        spans = [s.span for s in statements if s.span.start <= touched.end and touched.start <= s.span.end]
        if not spans:
            return []
        start, end = spans[0].start, document.text.line_end(spans[-1].end)
    part = text[start:end]
    after, wrong = format_text(Source(part.replace("\r\n", "\n")))
    if after is None or wrong:
        return None
    if range is not None:
        after = after.rstrip("\n")
    if "\r\n" in text:
        after = after.replace("\n", "\r\n")
    edits = difference(part, after)
    return document.text.edits([Edit(Span(e.span.start + start, e.span.end + start), e.text) for e in edits])
