"""Complete what is being typed in a spec, and show what a call takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lsprotocol import types

from seqtopo.diag.codes import CODES
from seqtopo.graph.references import Names, visible
from seqtopo.graph.training import FAMILIES as OF_TRAIN
from seqtopo.graph.training import OPTIONS
from seqtopo.layers import kinds, registry
from seqtopo.layers.kinds import Kind
from seqtopo.layers.object_values import Entry
from seqtopo.layers.objects import BARE_ACTIVATIONS, FAMILIES, entry_of, names, signature
from seqtopo.layers.registry import LANGUAGE, NAMES
from seqtopo.layers.row import Param, Row
from seqtopo.layers.values import DTYPES, show
from seqtopo.lsp.calls import STATEMENTS, Context, context_at
from seqtopo.lsp.diagnostics import findings
from seqtopo.lsp.documents import Document, Spec
from seqtopo.lsp.facts import layer_page, nodes_of, param_words, params_of
from seqtopo.report.layer_facts import param_facts
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import definition_head

TRIGGERS = ["(", ",", "=", ">", ".", "[", " "]

_IGNORE = re.compile(r"#[ \t]*seqtopo:[ \t]*ignore\[[^\]\n]*$")
_KIND = types.CompletionItemKind


# ---- completion ------------------------------------------------------------------------------------


def complete(
    document: Document, position: types.Position, snippets: bool, markup: types.MarkupKind
) -> types.CompletionList | None:
    """Return the completions at the cursor; ``snippets`` have places to fill in."""
    spec = document.spec
    if spec is None:
        return None
    offset = document.text.offset(position)
    here = context_at(spec, offset)
    if here is None:
        return types.CompletionList(False, list(_codes(document, offset)))
    maker = _Maker(document, spec, here, snippets, markup)
    items: dict[str, types.CompletionItem] = {}
    for item in maker.items():
        items.setdefault(item.label, item)
    return types.CompletionList(False, list(items.values()))


def resolve(item: types.CompletionItem, markup: types.MarkupKind) -> types.CompletionItem:
    """Return an item with the page of its layer."""
    row = registry.find(item.data) if isinstance(item.data, str) else None
    if row is not None:
        item.documentation = types.MarkupContent(markup, layer_page(row))
    return item


def _codes(document: Document, offset: int) -> Iterator[types.CompletionItem]:
    """Yield the codes that a comment may ignore, those that are found first."""
    text = document.text.text
    if not _IGNORE.search(text[text.rfind("\n", 0, offset) + 1 : offset]):
        return
    here = {found.code for found, _ in findings(document)}
    for code in CODES.values():
        if code.severity != "error":
            yield types.CompletionItem(
                code.code,
                kind=_KIND.Value,
                detail=code.name,
                documentation=code.summary,
                sort_text=f"{code.code not in here:d}{code.code}",
                preselect=code.code in here or None,
            )


@dataclass
class _Maker:
    """Makes the items for one place."""

    document: Document
    spec: Spec
    here: Context
    snippets: bool
    markup: types.MarkupKind

    def items(self) -> Iterator[types.CompletionItem]:
        here = self.here
        if here.owner:
            yield from self.seconds()
        elif not here.opens:
            for word in ("as", "for"):
                yield self.item(word, _KIND.Keyword, LANGUAGE[word], "5")
        elif here.statement == "start":
            for word in STATEMENTS.values():
                yield self.item(word, _KIND.Keyword, LANGUAGE[word], "2")
            yield from self.sources()
            yield from self.named("flow", "step")
        elif here.statement == "train":
            yield from self.train()
        elif here.statement in ("let", "search"):
            yield from self.symbols()
        elif here.callee == "in":
            yield from self.inputs()
        elif here.callee:
            yield from self.arguments()
        else:
            yield from self.steps()

    # what stands where

    def steps(self) -> Iterator[types.CompletionItem]:
        yield from self.named("flow", "step", "macro", "parameter", "loop")
        yield from self.sources()
        for name, row in NAMES.items():
            rank = "4" if name in registry.FREE else "3"
            yield self.layer(name, row, rank)
        for name in BARE_ACTIVATIONS:
            yield self.item(name, _KIND.Function, "an activation as a step", "4")

    def sources(self) -> Iterator[types.CompletionItem]:
        yield self.item("in", _KIND.Keyword, LANGUAGE["in"], "2", insert="in(${1:T},${2:F})")

    def arguments(self) -> Iterator[types.CompletionItem]:
        here, callee = self.here, self.here.callee
        bound = self.names().get(callee)
        if bound is not None:
            if isinstance(bound.node, tree.Def):
                for name in (p.name.name for p in bound.node.params):
                    if name not in here.named:
                        yield self.item(f"{name}=", _KIND.Variable, f"of {callee}", "1")
            yield from self.values()
            return
        row = registry.find(callee)
        if row is None:
            for family in FAMILIES:
                entry = entry_of(family, callee)
                if entry is not None:
                    yield from self.parts(entry)
                    return
            yield from self.values()
            return
        if here.key:
            param = row.by_name.get(here.key)
            if param is not None:
                yield from self.value_of(param.kind, param)
            return
        if here.place < len(row.by_place):
            yield from self.value_of(row.by_place[here.place].kind, row.by_place[here.place])
        for word, (param, value) in row.flags.items():
            if param.name not in here.named:
                said = f"{param.name}={show(value)}"
                rank = "2" if param.kind.family == "" else "4"
                yield self.item(word, _KIND.EnumMember, said, rank, doc=param_words(row, param))
        for param in params_of(row):
            if param.name not in here.named:
                yield self.parameter(row, param)

    def parameter(self, row: Row, param: Param) -> types.CompletionItem:
        of = param_facts(row, param)
        default = f", {of.default} if not given" if of.default else ", must be given"
        return self.item(f"{param.name}=", _KIND.Field, of.takes + default, "3", doc=param_words(row, param))

    def parts(self, entry: Entry) -> Iterator[types.CompletionItem]:
        """Yield the arguments of a Keras object."""
        for part in entry.parts:
            if part.name == self.here.key or (not self.here.key and part is entry.parts[0]):
                for family in part.takes.families:
                    yield from self.objects(family)
        for part in entry.parts if not self.here.key else ():
            if part.name not in self.here.named:
                default = "must be given" if part.required else f"{show(part.default)} if not given"
                yield self.item(f"{part.name}=", _KIND.Field, f"{part.takes.words}, {default}", "3")
        yield from self.symbols()

    def value_of(self, kind: Kind, param: Param) -> Iterator[types.CompletionItem]:
        if kind.takes == "layer":
            yield from self.steps()
        elif kind.takes in ("tensor", "tensors"):
            yield from self.named("flow", "step", "parameter", "loop")
        elif kind.family:
            yield from self.objects(kind.family)
        elif kind is kinds.BOOL or kind is kinds.TRUTH:
            for word in ("true", "false"):
                yield self.item(word, _KIND.Value, param.name, "1")
        for word in kind.flags:
            yield self.item(word, _KIND.EnumMember, param.name, "2")
        if param.default is None:
            yield self.item("none", _KIND.Value, LANGUAGE["none"], "4")
        yield from self.symbols()
        yield from self.named("size", "parameter", "loop")

    def values(self) -> Iterator[types.CompletionItem]:
        yield from self.symbols()
        yield from self.steps()

    def inputs(self) -> Iterator[types.CompletionItem]:
        yield from self.symbols()
        yield from self.named("size")
        yield self.item("int", _KIND.EnumMember, "whole numbers: ids", "2")
        yield self.item("batch=", _KIND.Field, "a fixed batch size", "3")
        for word in DTYPES:
            yield self.item(word, _KIND.EnumMember, "dtype", "4")

    def train(self) -> Iterator[types.CompletionItem]:
        here = self.here
        if here.key:
            if here.key in OF_TRAIN:
                yield from self.objects(OF_TRAIN[here.key])
            else:
                for word in ("true", "false"):
                    yield self.item(word, _KIND.Value, here.key, "2")
                yield from self.symbols()
            return
        if not here.index:
            yield from self.objects("optimizer")
        for name in ("loss", "metrics", "labels"):
            if name not in here.named:
                yield self.item(f"{name}=", _KIND.Field, "of train", "1")
        for name, about in OPTIONS.items():
            if name not in here.named:
                yield self.item(f"{name}=", _KIND.Field, about, "3")

    def seconds(self) -> Iterator[types.CompletionItem]:
        """Yield the second values of a name: its states and scores."""
        bound = self.names().get(self.here.owner)
        graph, nodes = nodes_of(self.document)
        if bound is None or graph is None:
            return
        start, end = bound.node.span
        for span, node in nodes:
            if start <= span.start and span.end <= end:
                for name in node.extras:
                    yield self.item(name, _KIND.Property, f"of {self.here.owner}", "1")

    # names

    def names(self) -> Names:
        found = self.spec.reading.spec
        return visible(found, self.here.word.start) if found is not None else {}

    def named(self, *by: str) -> Iterator[types.CompletionItem]:
        for name, bound in self.names().items():
            if bound.by in by:
                insert = ""
                detail = f"named by {'=' if bound.by == 'flow' else 'as'}"
                if isinstance(bound.node, tree.Def):
                    detail = definition_head(bound.node).removesuffix(" = ")
                    required = [p.name.name for p in bound.node.params if p.default is None]
                    insert = _call(name, required, always=True)
                elif bound.by in ("size", "loop", "parameter"):
                    detail = {"size": "bound by let", "loop": "of a for"}.get(bound.by, "a parameter")
                yield self.item(name, _KIND.Variable, detail, "1", insert=insert)

    def symbols(self) -> Iterator[types.CompletionItem]:
        spans = self.here.word
        found = {
            t.text
            for t in self.spec.reading.tokens
            if t.type == "NAME" and t.text[0].isupper() and t.start != spans.start
        }
        for name in sorted(found):
            yield self.item(name, _KIND.Constant, "a size", "1")

    def objects(self, family: str) -> Iterator[types.CompletionItem]:
        for name in names(family):
            entry = entry_of(family, name)
            if entry is not None:
                required = [part.name for part in entry.parts if part.required]
                insert = _call(name, required) if required else ""
                yield self.item(name, _KIND.Function, signature(entry), "1", insert=insert)

    # items

    def layer(self, name: str, row: Row, rank: str) -> types.CompletionItem:
        places = set(row.places)
        insert = _call(name, [p.name for p in row.required if p.name in places])
        made = self.item(name, _KIND.Class, row.about, rank, insert=insert)
        made.data = name
        return made

    def item(
        self,
        label: str,
        kind: types.CompletionItemKind,
        detail: str,
        rank: str,
        insert: str = "",
        doc: str = "",
    ) -> types.CompletionItem:
        snippet = bool(insert) and self.snippets
        # The editor filters by what stands there: an edit of the word is clearer than an insertion.
        edit = types.TextEdit(self.document.text.range(self.here.word), insert if snippet else label)
        return types.CompletionItem(
            label,
            kind=kind,
            detail=detail,
            sort_text=f"{rank}{label}",
            filter_text=label,
            text_edit=edit,
            insert_text_format=types.InsertTextFormat.Snippet if snippet else None,
            documentation=types.MarkupContent(self.markup, doc) if doc else None,
        )


def _call(name: str, required: Iterable[str], always: bool = False) -> str:
    """Return a snippet of a call with the arguments that must be given."""
    inner = ",".join(f"${{{i}:{word}}}" for i, word in enumerate(required, 1))
    return f"{name}({inner})" if inner or always else ""
