"""Define the report of a check: diagnostics, the shape table, the parameters, the kind of topology."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers import renderer
from seqtopo.diag.renderers.cells import visible
from seqtopo.graph.counting import count, owners, together
from seqtopo.graph.kind import Receptive, kind, meaning, receptive
from seqtopo.graph.resolver import Resolved
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Shape, Size, total
from seqtopo.layers.values import Weight
from seqtopo.report.space import Space
from seqtopo.report.table import LayerShape, ShapeTable
from seqtopo.source import Source


@dataclass(frozen=True)
class Report:
    """The result of a check. As text it reads like the output of the command ``check``.

    If there are errors, all attributes but ``source``, ``diagnostics``, ``unbound`` and ``name`` are empty or
    None.

    Attributes:
        source: The text that was checked.
        diagnostics: The findings, in the order of their places.
        shapes: The shape table, a line for each input and each call of a layer.
        outputs: The shape of each output by its name, without the batch axis.
        params: The number of parameters; an expression of symbols if sizes are open.
        trainable_params: The number of trainable parameters.
        kind: The kind of topology: ``"many-to-one"``, ``"many-to-many"``, ...
        unbound: The names that must be bound before the model can be built.
        meaning: The kind in words.
        receptive: The number of input steps that each output sees, if it does not see all.
        name: The name of the model, if it was read from Python code.
        space: The result of checking the space of a spec with ``search``; None for one model. With a space,
            the other attributes are those of its first choice.

    >>> import seqtopo
    >>> report = seqtopo.check("in(T,8) -> lstm(64,seq) -> lstm(32) -> dense(1)")
    >>> report.ok, report.kind, report.params
    (True, 'many-to-one', 31137)
    >>> seqtopo.check("in(T,8) -> lstm(64) -> lstm(32)").diagnostics[0].code
    'ST301'
    """

    source: Source
    diagnostics: tuple[Diagnostic, ...]
    shapes: tuple[LayerShape, ...] = ()
    outputs: Mapping[str, Shape] = field(default_factory=dict)
    params: Size | None = None
    trainable_params: Size | None = None
    kind: str | None = None
    unbound: tuple[str, ...] = ()
    meaning: str = ""
    receptive: tuple[Receptive, ...] = ()
    name: str = ""
    space: Space | None = None

    @property
    def ok(self) -> bool:
        """True if there is no error."""
        return not any(d.severity == "error" for d in self.diagnostics)

    def __str__(self) -> str:
        parts = [renderer("text")(self.diagnostics)] if self.diagnostics else []
        if self.ok:
            # Of a Python file with several models, or whose errors are ignored, there is no table.
            parts.append(shape_table(self) if self.shapes else f"{visible(self.source.path)}: no errors")
            parts += ["", *self.space.lines()] if self.space is not None else []
        return "\n".join(parts)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print the report for IPython in a terminal."""
        printer.text(str(self).rstrip("\n"))

    def _repr_html_(self) -> str:
        """Return the report for a notebook: the findings with their places, and the table of shapes."""
        from seqtopo.report.html import html  # only a notebook needs it

        return html(self.source, self.diagnostics, table_of(self) if self.ok and self.shapes else None)


def shape_table(report: Report, width: int | None = None, *, color: bool = False) -> str:
    """Return the shape table of a report without errors as text.

    Its lines have at most ``width`` columns (None: as many as they need). ``color`` makes the headings bold.

    >>> from seqtopo.api import check
    >>> print(shape_table(check("in(T,8) -> lstm(64,seq) -> lstm(32)")))
    many-to-one: a sequence in, one answer out
    <BLANKLINE>
      name    layer     takes    gives    parameters
      input   in                 (T, 8)            0
      lstm    lstm(64)  (T, 8)   (T, 64)      18,688  every step
      lstm_1  lstm(32)  (T, 64)  (32,)        12,416  the last step only: 3D to 2D
      total                                   31,104
    <BLANKLINE>
    Shapes leave out the batch axis: (T, 8) is (batch, T, 8) in Keras, 3D.
    """
    return table_of(report).text(width, color=color)


def table_of(report: Report) -> ShapeTable:
    """Return the shape table of a report without errors, as data."""
    return ShapeTable(
        report.kind or "", report.meaning, report.shapes, report.params, report.outputs, report.receptive
    )


def report_of(
    source: Source,
    diagnostics: tuple[Diagnostic, ...],
    resolved: Resolved | None,
    unbound: tuple[str, ...] = (),
) -> Report:
    """Return the report of a resolved spec; ``unbound`` are the names that need values before building."""
    if resolved is None or any(d.severity == "error" for d in diagnostics):
        return Report(source, diagnostics, unbound=unbound)
    graph = resolved.graph
    lines: list[LayerShape] = []
    seen: set[Layer] = set()
    owned: dict[Layer, tuple[Weight, ...]] = {}
    counts: dict[int, Size] = {}
    """By the weights' identity: calls that are alike have the same."""
    outputs: dict[str, Shape] = {}
    for index in graph.ancestors(graph.outputs):
        node = graph.nodes[index]
        tensors = node.outputs or ()
        shapes = tuple([t.shape for t in tensors])
        if node.layer is None:
            lines.append(LayerShape(node.name, "in", (), shapes, tensors[0].dtype, 0, False, node.span))
            continue
        shared = node.layer in seen
        seen.add(node.layer)
        new: list[Size] = []
        for owner, weights in () if shared else owners(graph, [node.layer]).items():
            if owner not in owned:
                owned[owner] = weights
                if id(weights) not in counts:
                    counts[id(weights)] = count(weights)
                new.append(counts[id(weights)])
        lines.append(
            LayerShape(
                node.layer.name,
                node.layer.title,
                tuple([t.shape for t in graph.tensors(node.inputs) or ()]),
                shapes,
                tensors[0].dtype,
                new[0] if len(new) == 1 else total(new),
                shared,
                node.span,
            )
        )
    for i, value in enumerate(graph.outputs):
        tensor = graph.tensor(value)
        node = graph.nodes[value.node]
        name = graph.output_names[i] or (node.layer.name if node.layer else node.name)
        if tensor is not None:
            outputs[name if name not in outputs else f"{name}_{i}"] = tensor.shape
    found = kind(graph)
    return Report(
        source,
        diagnostics,
        tuple(lines),
        outputs,
        together(owned.values()),
        together(owned.values(), trained=True),
        found,
        unbound,
        meaning(graph, found),
        tuple(receptive(graph)),
    )
