"""Measure how long an editor waits for the language server after an edit, compared with a plain check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import median, quantiles
from time import process_time

from lsprotocol import types
from timing import Row, row

from seqtopo.lint.selection import Selection
from seqtopo.lsp.diagnostics import diagnostics_of
from seqtopo.lsp.documents import Document
from seqtopo.lsp.hints import inlay_hints
from seqtopo.lsp.hover import hover
from seqtopo.lsp.positions import Text
from seqtopo.lsp.structure import semantic_tokens
from seqtopo.report.analyse import analyse, linted

SPEC = """\
let UNITS = 64, DEPTH = 3
def block(N, K=3) = conv1d(N,K,causal) -> norm -> relu

history = in(T,8) -> block(UNITS) -> block(UNITS,5) * DEPTH -> lstm(UNITS,seq) -> lstm(32) as code
calendar = in(4) -> dense(8,relu)
[code, calendar] -> concat -> dense(UNITS,relu) -> dropout(0.2) -> [dense(1) as level, dense(1) as spread]
train adam(1e-3), loss=[mse, mae]
"""
LONG = "in(T,16) -> dense(16)\n" + "    -> lstm(32,seq) -> norm -> dense(16,relu)\n" * 13 + "    -> lstm(4)\n"
SPECS = {"a typical spec": SPEC, "a spec of 40 layers": LONG}
ROUNDS = 40


def measure() -> Iterator[Row]:
    """Time an edit by CPU time: a plain check, the diagnostics, and the other requests of an editor."""
    for name, text in SPECS.items():
        taken = _taken(text)
        yield row(name, taken, "an edit to its diagnostics", "a plain check", most=1.5)
        everything = "an edit to its diagnostics, shapes, colours and a hover"
        yield row(name, taken, everything, "a plain check", most=2)
        times = [seconds * 1000 for seconds in taken[everything]]
        low, _, high = quantiles(times, n=4)
        made = Row(name, everything, "", median(times), low, high, ROUNDS, unit="milliseconds")
        yield replace(made, most=20)


def _taken(text: str) -> dict[str, list[float]]:
    document = Document("untitled:spec", "seqtopo", Text(text), 0, lambda folder: Selection())
    whole = types.Range(types.Position(0, 0), types.Position(999, 0))
    here = types.Position(1, 12)
    taken: dict[str, list[float]] = {}

    def note(what: str, start: float) -> None:
        taken.setdefault(what, []).append(process_time() - start)

    for turn in range(ROUNDS + 5):
        edited = text.replace("relu", "tanh" if turn % 2 else "relu", 1) + " " * turn
        start = process_time()
        linted(analyse(edited))
        note("a plain check", start)
        start = process_time()
        document.changed([types.TextDocumentContentChangeWholeDocument(edited)], turn)
        document.check()
        diagnostics_of(document)
        note("an edit to its diagnostics", start)
        inlay_hints(document, whole)
        semantic_tokens(document)
        hover(document, here, types.MarkupKind.Markdown)
        note("an edit to its diagnostics, shapes, colours and a hover", start)
    # The first few load what is needed.
    return {what: times[5:] for what, times in taken.items()}
