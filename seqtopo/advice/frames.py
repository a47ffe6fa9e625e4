"""Fixes that apply layers for one image, line or volume to each step of a sequence of them."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.advice.failure_site import Site, at_every_step
from seqtopo.diag.model import Edit, Fix
from seqtopo.graph.graph import Node, Value
from seqtopo.graph.symbols import size_text
from seqtopo.layers import registry
from seqtopo.layers.row import IN_PLACE, Row
from seqtopo.layers.timing import mixes_others
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import declared, flow, word


def _any_axes(row: Row) -> bool:
    """Whether a layer computes the same when its input has one more axis in front."""
    if row.steps:
        return True
    by_place = row.role in IN_PLACE or row.role == "dense"
    return by_place and row.any_axes and row.time is not mixes_others


def frames(site: Site, value: Value, takes: int, *, flat: bool = False) -> Iterator[Fix]:
    """A time axis in the ``in(...)``, and ``td(...)`` around the layers of each frame.

    With ``flat`` each frame ends in a ``flatten``.
    """
    found = site.source(value)
    if found is None:
        return
    source, expr = found
    path = [n for n in site.back(value) if n.layer is not None]
    shape = source.outputs[0].shape if source.outputs is not None else ()
    per_frame = [n for n in path if n.layer is not None and not _any_axes(n.layer.row)]
    if len(shape) < 3 or not per_frame or any(n.layer is not None and n.layer.row.recurrent for n in path):
        return
    edits = _wrapped(site, path[::-1], per_frame, flat)
    if not edits:
        return
    more = declared(expr, (word("T"), *map(size_text, shape)))
    title = f"give it a sequence of frames, {print_expr(more)}, with td(...) around the layers of each"
    yield Fix(title, (Edit(expr.span, print_expr(more)), *edits))


def _wrapped(site: Site, path: list[Node], per_frame: list[Node], flat: bool) -> list[Edit]:
    """The edits that wrap the steps of a path, each stretch of a flow in one ``td``; none where one stands
    in no flow by itself.
    """
    spans = {n.span for n in per_frame}
    stretches: list[tuple[tree.Flow, int, int]] = []
    for node in path:
        around = site.sources.around(node.span)
        if node.span not in spans:
            continue
        if around is None:
            return []
        whole, i = around
        if stretches and stretches[-1][0] is whole and stretches[-1][2] <= i:
            stretches[-1] = (whole, stretches[-1][1], i)
        elif not stretches or stretches[-1][0] is not whole:
            stretches.append((whole, i, i))
    edits = []
    for k, (whole, first, last) in enumerate(stretches):
        steps = whole.steps[first : last + 1]
        if flat and k == len(stretches) - 1:
            steps = (*steps, word("flatten"))
        span = Span(whole.steps[first].span.start, whole.steps[last].span.end)
        edits.append(Edit(span, print_expr(at_every_step(flow(steps)))))
    return edits


def frame_stack(site: Site) -> Iterator[Fix]:
    """Yield the step and those after it that are for one image too, in one ``td``."""
    around = site.sources.around(site.step.span)
    if around is None:
        return
    whole, first = around
    last = first
    for i in range(first + 1, len(whole.steps)):
        row = registry.find(_name(whole.steps[i]))
        if row is None:
            break
        if row.name == "flatten" or (row.name[-2:] == site.row.name[-2:] and not row.recurrent):
            last = i
        elif not _any_axes(row) or row.role in ("dense", "wrapper"):
            break
    if last > first:
        steps = whole.steps[first : last + 1]
        span = Span(steps[0].span.start, steps[-1].span.end)
        shown = _name(steps[-1])
        title = f"apply the layers from {_name(steps[0])} to {shown} at every step, in one td(...)"
        yield Fix(title, (Edit(span, print_expr(at_every_step(flow(steps)))),))


def _name(step: tree.Expr) -> str:
    name = step.name if isinstance(step, tree.Call) else step
    return name.name if isinstance(name, tree.Name) else ""
