"""Check the models of a Python file as specs, and report in the Python text and in Keras' words."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import permutations
from typing import Any

from seqtopo.code.asked import Asked
from seqtopo.code.call_findings import call_findings, name_findings
from seqtopo.code.comments import comments
from seqtopo.code.fixes import Fixer
from seqtopo.code.leakage import leaks
from seqtopo.code.left_out import left_out
from seqtopo.code.migrate import old_findings
from seqtopo.code.model import LAYER, VALUE, CodeFile, CodeLayer, CodeModel, Opaque, Piece, SpecText, Where
from seqtopo.code.spec_text import spec_text
from seqtopo.code.telling import in_cells, told_in_code
from seqtopo.code.training import at_the_data, at_the_loss, data_findings, inputs_in, of_one_step
from seqtopo.code.withheld import Withheld
from seqtopo.code.words import keras_title, with_arguments
from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.buildable import too_large
from seqtopo.graph.symbols import symbols_of
from seqtopo.lint.ignores import Spoken, without_ignored
from seqtopo.report.analyse import Checked, analyse, linted, report_on
from seqtopo.report.report import Report
from seqtopo.report.table import LayerShape
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse

_OF_SPECS = frozenset(("ST641", "ST660", "ST664", "ST665", "ST666", "ST668", "ST669", "ST683", "ST684"))
"""Rules about how a spec is written: the code is written otherwise."""
_OF_CALLS = frozenset(("ST203", "ST204", "ST205", "ST214"))
"""Errors of the kind ST2 that code can make; the others are about the names of a spec."""
_MOST_NUMBERS = 6
_MOST_EQUAL = 24
_SYMBOLS_ARE = 5040
"""A stand-in for a size that only the code knows: strides and pools divide it without a rest."""


@dataclass
class CheckedModel:
    """A checked model of a Python file.

    ``text`` is its spec and ``checked`` the check of that, None if nothing of the model can be told;
    ``diagnostics`` are the findings in the Python text.
    """

    model: CodeModel
    code: CodeFile
    text: SpecText | None
    checked: Checked | None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def source(self) -> Source:
        """The Python text."""
        return self.code.source

    @property
    def shown(self) -> tuple[Diagnostic, ...]:
        """The findings as they are shown: those of a notebook in its cells."""
        return in_cells(self.diagnostics, self.code)

    @property
    def name(self) -> str:
        """The variable or the function that has the model."""
        return self.model.name

    @property
    def place(self) -> Where:
        """The place where the code makes the model."""
        return self.model.where

    @cached_property
    def spec(self) -> str:
        """The spec of the model as a person would write it; "" if it has errors or cannot be told."""
        if self.text is None or self.checked is None or self.checked.resolved is None:
            return ""
        # A check of code needs no decompiler, which takes long to load.
        from seqtopo.decompiler.decompile import FailedError, spec_of

        graph, parsed = self.checked.resolved.graph, self.checked.spec
        train = [s for s in parsed.statements if isinstance(s, tree.Train)] if parsed is not None else []
        try:
            return spec_of(graph, train[0] if train else None)
        except FailedError:
            return self.text.source.text  # plainer than a person would write it, and as right

    @property
    def left_out(self) -> tuple[Diagnostic, ...]:
        """The diagnostics of the parts of the model that its spec leaves out."""
        return in_cells(left_out(self.text), self.code) if self.text is not None else ()

    @cached_property
    def report(self) -> Report:
        """The report of the model, as ``check`` returns it, with diagnostics in the Python text."""
        if self.text is None or self.checked is None:
            return Report(self.source, self.shown, name=self.name)
        found = report_on(self.checked)
        lines = tuple(self._line(line, self.text) for line in found.shapes)
        return replace(found, source=self.source, diagnostics=self.shown, shapes=lines, name=self.name)

    def _line(self, line: LayerShape, text: SpecText) -> LayerShape:
        """Return a line of the shape table with the layer as in Keras and its place in the Python text."""
        piece = next((p for p in text.pieces_at(line.span) if p.kind in ("step", "input", "layer")), None)
        span = piece.where.span if piece is not None and piece.where is not None else line.span
        if piece is not None and piece.input is not None and line.layer == "in":
            return replace(line, layer="Input", span=span)
        layer = piece.layer if piece is not None else None
        words = _words_of(layer) if layer is not None else {}
        return replace(line, layer=with_arguments(keras_title(line.layer), words), span=span)


def _name_nodes(checked: Checked, text: SpecText) -> None:
    """Give layers and inputs the names that the code has for them, and Keras-like names to the rest."""
    if checked.resolved is None:
        return
    graph = checked.resolved.graph
    given = {p.span: _given_name(p) for p in text.pieces if p.kind in ("step", "layer", "input")}
    numbers = Counter[str]()
    for node in graph.nodes:
        made = node.layer if node.layer is not None else node
        name = given.get(node.span, "")
        if not name and made.name.startswith((VALUE, LAYER)):
            stem = "input" if node.layer is None else node.layer.row.name
            name = stem if not numbers[stem] else f"{stem}_{numbers[stem]}"
            numbers[stem] += 1
        made.name = name or made.name
    graph.output_names = tuple("" if name.startswith(VALUE) else name for name in graph.output_names)


def _words_of(layer: CodeLayer) -> dict[str, str]:
    """Return the activation and the padding that the code gives to a layer."""
    if layer.kind.startswith("ops."):
        return {}
    given = {key: layer.args[key].value for key in ("activation", "padding") if key in layer.args}
    return {key: word for key, word in given.items() if isinstance(word, str)}


def _given_name(piece: Piece) -> str:
    """Return the name that the code gives to a layer or an input."""
    if piece.input is not None:
        return piece.input.name
    if piece.layer is None:
        return ""
    given = piece.layer.args.get("name")
    return given.value if given is not None and isinstance(given.value, str) else piece.layer.name


@dataclass
class CheckedFile:
    """A Python file with its checked models; ``diagnostics`` are those that belong to no model."""

    code: CodeFile
    models: list[CheckedModel] = field(default_factory=list)
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def every(self) -> list[Diagnostic]:
        """All findings in the order of the text."""
        found = [*self.diagnostics, *(d for model in self.models for d in model.diagnostics)]
        return sorted(found, key=lambda d: (d.span, d.code))

    @property
    def shown(self) -> tuple[Diagnostic, ...]:
        """The findings of no model in particular as they are shown."""
        return self.in_cells(self.diagnostics)

    def in_cells(self, found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Return findings as they are shown: those of a notebook in its cells."""
        return in_cells(found, self.code)

    @property
    def every_shown(self) -> tuple[Diagnostic, ...]:
        """All findings as they are shown, those of each model first."""
        return (*(d for model in self.models for d in model.shown), *self.shown)


def check_code(code: CodeFile, asked: Asked | None = None) -> CheckedFile:
    """Check every model of a file that was read; never raise for an author's mistake.

    Raises:
        NotOneModelError: there is data, and it cannot be told for which model.
        NoSuchLossError: it is for a loss that there is not.
    """
    asked = asked or Asked()
    result = CheckedFile(code)
    on = asked.selection.codes()
    ran = {c for c in CODES if c in on or CODES[c].severity == "error"} - _OF_SPECS
    withheld = Withheld(code)
    fed = asked.data.for_model(code) if asked.data is not None else None
    for model in code.models:
        one = asked if model is fed else asked._replace(data=None)
        result.models.append(_Checker(model, code, one, withheld).checked())
    _remove_repeated(result.models)
    damage = (_damaged(d, code) for d in code.damage)
    result.diagnostics = (*damage, *leaks(code, on), *old_findings(code, on))
    _ignored(result, ran)
    return result


class _Checker:
    """The check of one model."""

    def __init__(self, model: CodeModel, code: CodeFile, asked: Asked, withheld: Withheld) -> None:
        self.model = model
        self.code = code
        self.asked = asked
        self.withheld = withheld
        if asked.data is not None:
            asked.data.open_inputs(model)
        self.text = spec_text(model)

    def checked(self) -> CheckedModel:
        """Return the model with what was found."""
        text, asked, on = self.text, self.asked, self.asked.selection.codes()
        of_calls = [*call_findings(self.model), *name_findings(self.model)]
        of_calls = [one for one in of_calls if one.severity == "error" or one.code in on]
        if text is None:
            if asked.data is not None:
                of_calls += asked.data.comparable(self.model, inputs=False, outputs=False)[1]
            return CheckedModel(self.model, self.code, None, None, self._not_withheld(of_calls))
        known = symbols_of_text(text)
        bound = {name: value for name, value in asked.dims.items() if name in known}
        fixer = Fixer(text, self.code.symbols)
        checked, untold = self._with_data(text, analyse(text.source, bound), bound)
        if checked.resolved is not None and asked.data is not None:
            bound |= {name: n for name, n in checked.resolved.dims.items() if name in known}
        checked = linted(checked, asked.selection)
        _name_nodes(checked, text)
        kept = [d for d in checked.diagnostics if not self.withheld.of_spec(d, text)]
        of_spec = [d for d in kept if self._is_certain(d, text, bound, known - bound.keys())]
        if checked.resolved is not None and checked.ok and text.whole:
            of_spec += too_large(checked.resolved.graph, asked.max_params)
        told = [told_in_code(d, text, fixer) for d in of_spec]
        found = [*untold, *(of_one_step(text, at_the_loss(text, d)) for d in told)]
        for one in data_findings(text, checked, bound):
            d = told_in_code(one.diagnostic, text, fixer)
            if d.severity == "error" or d.code in on:
                found.append(at_the_data(d, one))
        return CheckedModel(self.model, self.code, text, checked, self._not_withheld([*found, *of_calls]))

    def _not_withheld(self, found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        return tuple(d for d in found if not self.withheld.of_code(d))

    def _with_data(
        self, text: SpecText, checked: Checked, dims: Mapping[str, Any]
    ) -> tuple[Checked, tuple[Diagnostic, ...]]:
        """Return the model's spec with the data for it, and findings about data that cannot be compared."""
        data = self.asked.data
        if data is None or checked.resolved is None:
            return checked, ()
        _name_nodes(checked, text)
        inputs = inputs_in(text, checked.resolved.graph) is not None
        data, untold = data.comparable(self.model, inputs=inputs, outputs=text.whole)
        return data.fitted(checked, dims), untold

    def _is_certain(
        self, found: Diagnostic, text: SpecText, bound: Mapping[str, Any], symbols: set[str]
    ) -> bool:
        """Return whether a finding is about the code and holds for all values of its unknown sizes."""
        code = found.code
        if code in _OF_SPECS or (code[2] in "124" and code not in _OF_CALLS):
            return False
        if any(g.start <= found.span.start and found.span.end <= g.end for g in text.guessed):
            return False
        if not text.whole and code in ("ST667", "ST606"):
            return False
        if not symbols:
            return True
        numbers = {int(n) for n in re.findall(r"(?<![\w.])\d{1,5}(?![\w.])", found.message)} - {0}
        tried: list[dict[str, int]] = [dict.fromkeys(symbols, n) for n in sorted(numbers)[:_MOST_NUMBERS]]
        tried.append(dict.fromkeys(symbols, _SYMBOLS_ARE))
        tried.append({s: _SYMBOLS_ARE * (i + 2) for i, s in enumerate(sorted(symbols))})
        if code.startswith("ST3"):
            tried += [
                dict.fromkeys(symbols, _SYMBOLS_ARE) | sizes for sizes in _equal_sizes(found.message, symbols)
            ]
        return all(self._found_with(found, text, {**bound, **sizes}) for sizes in tried)

    def _found_with(self, found: Diagnostic, text: SpecText, dims: Mapping[str, Any]) -> bool:
        checked, _ = self._with_data(text, analyse(text.source, dims), dims)
        again = linted(checked, self.asked.selection).diagnostics
        return any(d.code == found.code and d.span == found.span for d in again)


def _damaged(damage: Opaque, code: CodeFile) -> Diagnostic:
    """Return the diagnostic of a file that is not valid Python.

    It is an error for a file, and mere information for a notebook's cell, which may hold other text.
    """
    where = damage.where or Where(code.source, Span(0, 0))
    is_cell = code.notebook is not None
    what = "the rest of this cell" if is_cell else "the rest of this file" if where.span.end else "this file"
    return where.finding(
        "ST107",
        f"{what} cannot be read: {damage.why.removeprefix('it is no Python that can be read: ')}",
        severity="info" if is_cell else "error",
        label="up to here" if where.span.end else "",
    )


def symbols_of_text(text: SpecText) -> set[str]:
    """Return the symbols in a model's spec."""
    spec, _ = parse(text.source)
    return set(symbols_of(spec)) if spec is not None else set()


def _equal_sizes(message: str, symbols: set[str]) -> list[dict[str, int]]:
    """Return sizes at which two compared sizes may be equal: ``A`` and ``2*B``, or ``2*B`` and 64."""
    # No size is tried as 1: that goes with every other.
    named = sorted(set(re.findall(r"[A-Za-z]\w*", message)) & symbols)
    factors = sorted({1, *(int(n) for n in re.findall(r"\b(\d{1,4})\*", message))} - {0})
    more = sorted({int(n) for n in re.findall(r"[+-](\d{1,4})\b", message)} - {0})
    numbers = sorted({int(n) for n in re.findall(r"(?<![\w.*+-])\d{1,5}(?![\w.*])", message)} - {0})
    found = [dict.fromkeys(named, n // f) for n in numbers for f in factors if n > f > 1 and not n % f]
    found += [dict.fromkeys(named, n + by) for n in numbers for m in more for by in (-m, m) if n + by > 1]
    for one, other in permutations(named, 2):
        found += [
            {one: _SYMBOLS_ARE * f, other: _SYMBOLS_ARE * g} for f in factors for g in factors if f != g
        ]
        found += [{one: _SYMBOLS_ARE, other: _SYMBOLS_ARE + m} for m in more]
    return found[:_MOST_EQUAL]


# ---- once for each mistake, and not where a comment ignores it ------------------------------------------


def _remove_repeated(models: Iterable[CheckedModel]) -> None:
    """Leave out of later models what was found at the same place of an earlier one."""
    seen: set[tuple[str, str, Span]] = set()
    for model in models:
        kept: list[Diagnostic] = []
        for found in model.diagnostics:
            key = (found.code, found.source.name if found.source else "", found.span)
            if key not in seen:
                kept.append(found)
            seen.add(key)
        model.diagnostics = tuple(kept)


def _ignored(result: CheckedFile, ran: set[str]) -> None:
    """Leave out the findings that comments ignore, and report unused comments."""
    source = result.code.source
    if "seqtopo:" not in source.text:
        return
    ignores, statements = comments(source)
    if not ignores:
        return
    mine = [d for d in result.every if d.source is source]

    def spoken_for(found: Diagnostic) -> list[Spoken]:
        lines = {
            source.place(at).line
            for span in (found.span, *(label.span for label in found.labels))
            for at in span
        }
        around = bisect_right([s.start for s in statements], found.span.start) - 1
        return [*(("line", line) for line in lines), ("statement", around)]

    left = without_ignored(mine, source, ignores, ran, spoken_for, errors=True)
    kept = {id(d) for d in left}
    before = {id(d) for d in mine}
    for model in result.models:
        model.diagnostics = tuple(d for d in model.diagnostics if d.source is not source or id(d) in kept)
    own = [d for d in result.diagnostics if d.source is not source or id(d) in kept]
    on = [d for d in left if id(d) not in before and d.code in ran | {"ST668", "ST669"}]
    result.diagnostics = (*own, *on)
