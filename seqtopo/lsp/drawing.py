"""Draw the spec or model at a place, and put lenses above it: its parameters, and what draws it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

from lsprotocol import types

from seqtopo.code.findings import CheckedModel
from seqtopo.diag.error import SpecError
from seqtopo.graph.counting import params
from seqtopo.lsp.documents import Code, Document
from seqtopo.lsp.facts import number
from seqtopo.pictures.draw import THEMES, Theme, drawing_of
from seqtopo.report.analyse import Checked
from seqtopo.syntax import tree

Kind = Literal["graph", "unrolled"]
_TITLES: dict[Kind, str] = {"graph": "draw", "unrolled": "unrolled"}


class Drawn(NamedTuple):
    """The answer to a request for a drawing; see the protocol in ``seqtopo.lsp``."""

    svg: str | None
    version: int
    stale: bool = False
    error: str | None = None
    title: str = ""

    @property
    def answer(self) -> dict[str, Any]:
        """The same as an object of JSON."""
        return self._asdict()


class Drawings:
    """The last drawings of the open documents, which stand while a text is broken."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, Kind, str], Drawn] = {}
        self._folder: TemporaryDirectory[str] | None = None

    def draw(
        self, document: Document, kind: str, position: types.Position | None = None, theme: str = "auto"
    ) -> Drawn:
        """Return the drawing of a document, or the last one that there was."""
        chosen: Kind = "unrolled" if kind == "unrolled" else "graph"
        shade: Theme = theme if theme in THEMES else "auto"
        checked, name, wrong = _chosen(document, position)
        key = (document.uri, chosen, name)
        error = wrong
        if checked is not None and not wrong:
            known = self._kept.get(key)
            if known is not None and known.version == document.version and shade == "auto":
                return known
            try:
                drawing = drawing_of(checked, unrolled=chosen == "unrolled", theme=shade)
                made = Drawn(drawing.svg(), document.version, title=drawing.title)
                self._kept[key] = made
                return made
            except SpecError as failed:
                error = _first(failed.diagnostics)
        kept = self._kept.get(key)
        if kept is None and document.last is not None:
            # The text was right before anybody asked.
            try:
                drawing = drawing_of(document.last.checked, unrolled=chosen == "unrolled", theme=shade)
                kept = Drawn(drawing.svg(), document.last_version, title=drawing.title)
                self._kept[key] = kept
            except SpecError:
                kept = None
        if kept is None:
            return Drawn(None, document.version, False, error or "there is nothing to draw")
        return kept._replace(stale=True, error=error or "there is nothing to draw")

    def forget(self, uri: str) -> None:
        """Forget the drawings of a document."""
        self._kept = {key: drawn for key, drawn in self._kept.items() if key[0] != uri}

    def save(self, drawn: Drawn, name: str) -> Path | None:
        """Write a drawing into a file that lasts as long as the server; return its path."""
        if drawn.svg is None:
            return None
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="seqtopo-")
        path = Path(self._folder.name) / f"{re.sub(r'[^-.0-9A-Za-z]+', '-', name)[:60] or 'spec'}.svg"
        path.write_text(drawn.svg, encoding="utf-8")
        return path


def _first(diagnostics: Any) -> str:
    errors = [d for d in diagnostics if d.severity == "error"]
    return f"{errors[0].code}: {errors[0].message}" if errors else ""


def _chosen(document: Document, position: types.Position | None) -> tuple[Checked | None, str, str]:
    """Return the spec or model to draw, its name, and the first error in it as text.

    With several models in a document, it is the last one that begins before the position.
    """
    spec, code = document.check(), document.code
    if spec is not None:
        return spec.checked, "", _first(spec.checked.diagnostics)
    if code is None:
        return None, "", ""
    models = models_in(document, code)
    if not models:
        return None, "", "no model is made here that can be read"
    offset = document.in_code(document.text.offset(position)) if position is not None else -1
    begun = [model for model in models if model.place.span.start <= offset]
    model = max(begun, key=lambda m: m.place.span.start) if begun else models[0]
    wrong = _first(model.diagnostics)
    if model.checked is None or model.checked.resolved is None:
        return None, model.name, wrong or f"nothing of {model.name} can be told from the code"
    return model.checked, model.name, wrong


def models_in(document: Document, code: Code) -> list[CheckedModel]:
    """Return the models that are made in a document."""
    found = []
    for model in code.checked.models:
        place = document.place(model.place.span) if model.place.source is code.file.source else None
        if place is not None and place.document is document:
            found.append(model)
    return found


# ---- lenses ----------------------------------------------------------------------------------------


def lenses(document: Document, command: str) -> list[types.CodeLens]:
    """Return the lenses above a spec's last flow, or above each model of Keras code."""
    spec, code = document.spec, document.code
    found: list[types.CodeLens] = []
    if spec is not None:
        offset = _last_flow(spec.reading.spec)
        last = spec.checked if spec.checked.ok else document.last.checked if document.last else None
        if offset is not None and last is not None and last.resolved is not None:
            count = number(params(last.resolved.graph))
            found += _lenses_at(document, document.text.position(offset), count, command)
    elif code is not None:
        for model in models_in(document, code):
            place = document.place(model.place.span)
            if place is None or model.report.params is None or not model.report.shapes:
                continue
            found += _lenses_at(
                document, document.text.position(place.span.start), number(model.report.params), command
            )
    return found


def _lenses_at(
    document: Document, position: types.Position, count: str, command: str
) -> Iterator[types.CodeLens]:
    range = types.Range(position, position)
    yield types.CodeLens(range, types.Command(f"parameters: {count}", ""))
    for kind, title in _TITLES.items():
        at = {"line": position.line, "character": position.character}
        arguments = [{"uri": document.uri, "kind": kind, "position": at}]
        yield types.CodeLens(range, types.Command(title, command, arguments=arguments))


def _last_flow(spec: tree.Spec | None) -> int | None:
    flows = [s for s in spec.statements if isinstance(s, (tree.Output, tree.Bind))] if spec else []
    return flows[-1].span.start if flows else None
