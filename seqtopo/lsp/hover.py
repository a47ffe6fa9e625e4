"""Describe the word under the cursor: a layer with its shapes, an argument, a name, a finding."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from seqtopo.code.findings import CheckedModel
from seqtopo.code.model import CodeCall
from seqtopo.diag.codes import CODES
from seqtopo.graph.references import Bound, Use
from seqtopo.graph.scope import Block, Named
from seqtopo.layers import registry
from seqtopo.layers.objects import FAMILIES, entry_of
from seqtopo.layers.registry import LANGUAGE
from seqtopo.layers.row import Param, Row
from seqtopo.lsp.diagnostics import findings, page_uri, stops_of
from seqtopo.lsp.documents import Code, Document, Spec
from seqtopo.lsp.facts import (
    code_page,
    layer_page,
    node_words,
    nodes_of,
    number,
    object_page,
    param_words,
    shape_words,
    shapes_text,
)
from seqtopo.lsp.names import use_at
from seqtopo.report.report import shape_table
from seqtopo.report.table import LayerShape
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import definition_head

_MOST_TEXT = 400
_NAMES = ("NAME", "IN", "LET", "DEF", "TRAIN", "FOR", "AS", "SEARCH")


def hover(document: Document, position: types.Position, markup: types.MarkupKind) -> types.Hover | None:
    """Return the text for the place under the cursor; None if there is nothing to say."""
    offset = document.text.offset(position)
    spec, code = document.spec, document.code
    span = Span(offset, offset)
    parts: list[str] = []
    if spec is not None:
        span, parts = _in_spec(document, spec, offset)
    elif code is not None:
        span, parts = _in_code(document, code, offset)
    told = dict.fromkeys(
        found.code
        for found, place in findings(document)
        if place.span.start <= offset <= place.span.end and found.code in CODES
    )
    parts += [code_page(one, page_uri(one)) for one in told]
    if not parts:
        return None
    text = "\n\n---\n\n".join(parts)
    return types.Hover(types.MarkupContent(markup, text), document.text.range(span))


# ---- specs -----------------------------------------------------------------------------------------


def _in_spec(document: Document, spec: Spec, offset: int) -> tuple[Span, list[str]]:
    tokens = spec.reading.tokens
    token = next((t for t in tokens if t.start <= offset <= t.end and t.type in _NAMES), None)
    if token is None:
        return Span(offset, offset), []
    name = token.text
    use, _ = use_at(document, token.start)
    if use is not None:
        return token.span, list(_name(document, spec, use))
    call = _call_at(spec.reading.spec, token.span)
    if call is not None and call.name.span != token.span:
        row = registry.find(call.name.name)
        param = _param_at(row, call, token.span) if row is not None else None
        if row is not None and param is not None:
            family = entry_of(param.kind.family, name) if param.kind.family else None
            about = [object_page(param.kind.family, family)] if family is not None else []
            return token.span, [*about, f"argument of `{row.name}`: {param_words(row, param)}"]
    row = registry.find(name)
    if row is None and entry_of("activation", name) is not None and _is_step(spec.reading.spec, token.span):
        row = registry.find("act")
    if row is not None:
        return token.span, [*_nodes(document, token.span), layer_page(row)]
    if name == "in" or name in LANGUAGE:
        return token.span, [*_nodes(document, token.span), f"`{name}`: {LANGUAGE[name]}"]
    for each in FAMILIES:
        entry = entry_of(each, name)
        if entry is not None:
            return token.span, [object_page(each, entry)]
    return token.span, []


def _call_at(spec: tree.Spec | None, span: Span) -> tree.Call | None:
    """Return the innermost call in which a span lies."""
    found: tree.Call | None = None
    for node in tree.every(spec) if spec is not None else ():
        if isinstance(node, tree.Call) and node.span.start <= span.start and span.end <= node.span.end:
            found = node
    return found


def _param_at(row: Row, call: tree.Call, span: Span) -> Param | None:
    """Return the parameter that an argument's name, a flag or a bare word is about."""
    for arg in call.args:
        if arg.name is not None and arg.name.span == span:
            return row.by_name.get(arg.name.name)
        if isinstance(arg.value, tree.Name) and arg.value.span == span:
            if arg.name is not None:
                return row.by_name.get(arg.name.name)
            flag = row.flags.get(arg.value.name)
            return flag[0] if flag is not None else None
        if arg.name is not None and isinstance(arg.value, tree.Call) and arg.value.name.span == span:
            return row.by_name.get(arg.name.name)
    return None


def _is_step(spec: tree.Spec | None, span: Span) -> bool:
    return any(
        isinstance(node, tree.Flow) and any(step.span == span for step in node.steps)
        for node in (tree.every(spec) if spec is not None else ())
    )


def _nodes(document: Document, span: Span) -> Iterator[str]:
    """Yield the text about each node that a name begins; equal texts of a macro's uses once."""
    graph, nodes = nodes_of(document)
    if graph is None:
        return
    found = [node for where, node in nodes if where.start == span.start and where.end >= span.end]
    told = dict.fromkeys("  \n".join(node_words(graph, node)) for node in found)
    yield from [text for text in told if text][:3]


def _name(document: Document, spec: Spec, use: Use) -> Iterator[str]:
    bound, name = use.bound, use.name.name
    if bound is None:
        yield f"`{name}`: a size that nothing binds; `let {name} = 24` or `-D {name}=24` makes it a number"
        return
    text = " ".join(spec.source.text[slice(*bound.node.span)].split())
    shown = text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 3] + "..."
    yield f"{_binding_words(bound)}\n\n```seqtopo\n{shown}\n```"
    resolved = spec.checked.resolved
    known = resolved.parts.get(name) if resolved is not None and bound.within is None else None
    if isinstance(known, Named):
        tensors = known.graph.tensors(known.values)
        yield f"gives `{shapes_text(tensors)}`"
    elif isinstance(known, Block) and known.uses:
        gives = dict.fromkeys(shapes_text(u.graph.tensors(u.values)) for u in known.uses)
        yield f"used {len(known.uses)} times, with the same layers; gives `{' or '.join(gives)}`"
    if bound.by == "step" and not isinstance(known, Named):
        yield from _nodes(document, bound.node.span)


def _binding_words(bound: Bound) -> str:
    name = f"`{bound.name.name}`"
    match bound.by:
        case "size":
            return f"{name}: bound by `{'search' if isinstance(bound.node, tree.Domain) else 'let'}`"
        case "flow":
            return f"{name}: a named flow"
        case "step":
            return f"{name}: a value, named by `as`"
        case "macro":
            node = bound.node
            head = definition_head(node).removesuffix(" = ") if isinstance(node, tree.Def) else name
            return f"`{head}`: a macro; each use makes fresh layers"
        case "parameter":
            of = f" of `{bound.within.name.name}`" if bound.within is not None else ""
            return f"{name}: a parameter{of}"
        case "loop":
            return f"{name}: runs through the values of a `for`"


# ---- Python ----------------------------------------------------------------------------------------


def _in_code(document: Document, code: Code, offset: int) -> tuple[Span, list[str]]:
    here = document.in_code(offset)
    for model in code.checked.models:
        if model.place.source is not code.file.source:
            continue
        line = _line_at(model, here)
        if line is not None:
            place = document.place(line.span)
            span = place.span if place is not None and place.document is document else Span(offset, offset)
            return span, list(_layer(model, line))
    for model in code.checked.models:
        if model.place.source is code.file.source and _is_head(code, model, here):
            return Span(offset, offset), list(model_words(model))
    stops = [stop for stop in stops_of(code) if stop.where is not None and _holds(stop.where.span, here)]
    return Span(offset, offset), [f"not read: {stop.why}" for stop in stops[:1]]


def _holds(span: Span, offset: int) -> bool:
    return span.start <= offset <= span.end


def _line_at(model: CheckedModel, offset: int) -> LayerShape | None:
    lines = [line for line in model.report.shapes if _holds(line.span, offset)]
    return min(lines, key=lambda line: line.span.end - line.span.start, default=None)


def _is_head(code: Code, model: CheckedModel, offset: int) -> bool:
    """Return whether a place is on the line on which a model begins, or in the expression that makes it."""
    source = code.file.source
    start, end = source.place(model.place.span.start), source.place(offset)
    return start.line == end.line or _holds(model.place.span, offset)


def _layer(model: CheckedModel, line: LayerShape) -> Iterator[str]:
    takes, gives = shape_words(line.inputs), shape_words(line.outputs)
    counted = "shared weights" if line.shared else f"{number(line.params)} parameters"
    words = f"takes `{takes}`, gives `{gives}`; {counted}" if takes else f"an input: `{gives}`"
    yield f"`{line.layer}` of `{model.name}`  \n{words}"
    call = _call_of(model, line)
    if call is not None and call.layer.row is not None:
        row = call.layer.row
        yield f"{row.about} {row.note}".strip() + f"\n\nIn a spec: `{row.name}`, as in `{row.example}`"


def _call_of(model: CheckedModel, line: LayerShape) -> CodeCall | None:
    for piece in model.text.pieces if model.text is not None else ():
        if piece.where is not None and piece.where.span == line.span and piece.call is not None:
            return piece.call
    return None


def model_words(model: CheckedModel) -> Iterator[str]:
    """Yield the shape table of a model in Python code, and its spec."""
    if not model.report.ok:
        yield f"`{model.name}` has mistakes"
    elif not model.report.shapes:
        yield f"nothing of `{model.name}` can be read"
    else:
        whole = model.text is None or model.text.whole
        yield f"`{model.name}`" + ("" if whole else ", as far as it can be read")
        yield f"```text\n{shape_table(model.report)}\n```"
        if model.spec:
            yield f"As a spec:\n\n```seqtopo\n{model.spec.strip()}\n```"
