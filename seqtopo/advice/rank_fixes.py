"""Propose fixes for a number of axes that a layer does not take."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

from seqtopo.advice.branches import behind_merge, branches, steps_kept
from seqtopo.advice.failure_site import (
    Site,
    at_every_step,
    called,
    collapses_steps,
    declared_steps,
    forgets_steps,
    free_symbol,
    gives_steps,
    maker,
    named_steps,
    samples_first,
    step_itself,
)
from seqtopo.diag.model import Edit, Fix, fix_by
from seqtopo.graph.graph import Node, SubModel, Value
from seqtopo.graph.symbols import size_text
from seqtopo.layers import registry
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import IN_PLACE, Row
from seqtopo.layers.sizes import Expr, Shape, Size, fits, is_open, product, show_shape
from seqtopo.layers.timing import mixes_others
from seqtopo.layers.values import FLOATS, Tensor
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import NOWHERE, call, declared, flow, number, renamed, with_flag, without, word

_TIME = frozenset({"T", "N", "L", "S", "TIME", "STEPS", "LENGTH", "WINDOW", "LAGS"})
"""The symbols that people use for a number of steps."""


def rank_fixes(site: Site, value: Value, takes: int) -> Iterator[Fix]:
    """Yield fixes of a value that has other axes than ``takes``, the likeliest first."""
    incoming = site.tensor(value)
    made = maker(site.graph, value)
    if takes > len(incoming.shape):
        yield from _more(site, value, incoming, made, takes)
    elif site.row.name == "repeat":
        yield from _one_vector(site, value, made)
    else:
        yield from _fewer(site, value, incoming, made, takes)


def _more(site: Site, value: Value, incoming: Tensor, made: Node, takes: int) -> Iterator[Fix]:
    expr = site.sources.of(made)
    missing = takes - len(incoming.shape)
    if not value.extra:
        yield from keep_steps(made, expr)
        yield from _kept_in_branches(site, value)
    yield from _without_td(site, incoming)
    if made.layer is None and missing == 1:
        yield from _declares_more(site, made, expr, incoming, takes)
    if made.layer is not None and len(incoming.shape) == 1:
        yield from _uncollapsed(site, made, expr)
    yield from _unflattened(site, value, takes)
    if missing == 1:
        yield from frames(site, value, takes)
    if site.row.name == "td" and isinstance(site.step, tree.Call) and len(incoming.shape) == 1:
        inner = site.step.args[0].value
        yield Fix("or leave td out: there is one step", (Edit(site.step.span, print_expr(inner)),))
    yield from _of_a_sequence(site, made, incoming, takes)
    if site.row.name.startswith(("gmaxpool", "gavgpool")) and (edit := _taken_out(site)) is not None:
        yield Fix(f"take {called(site.step)} out: there is nothing left to pool", (edit,))
    if len(incoming.shape) == 1:
        yield from _restored(site, value, incoming, takes)


def _without_td(site: Site, incoming: Tensor) -> Iterator[Fix]:
    """Yield the fix of ``td(lstm(8))`` of a sequence: no ``td``, as the layer reads the steps itself."""
    inner = site.node.layer.get("layer") if site.node is not None and site.node.layer is not None else None
    if not site.row.steps or not isinstance(inner, Layer) or not isinstance(site.step, tree.Call):
        return
    takes = inner.row.clauses[0].inputs[0]
    if takes[0] != "T" or len(incoming.shape) != len(takes) or len(incoming.shape) < 2:
        return
    bare = site.step.args[0].value
    title = f"leave td out: {called(bare)} reads the steps itself"
    yield Fix(title, (Edit(site.step.span, print_expr(bare)),))
    if inner.row.recurrent and not inner.get("return_sequences"):
        text = print_expr(with_flag(bare, "seq"))
        yield Fix(f"{title}, with seq for an answer at each", (Edit(site.step.span, text),))


def _of_a_sequence(site: Site, made: Node, incoming: Tensor, takes: int) -> Iterator[Fix]:
    """Yield fixes of a layer for images with a sequence as input: its variant for sequences, or a reshape."""
    name = site.row.name
    image = made.layer is None and incoming.shape[:1] == incoming.shape[1:]
    if len(incoming.shape) != 2 or takes != 3 or not name.endswith("2d") or image:
        return
    if registry.find(f"{name[:-2]}1d") is not None:
        variant = print_expr(renamed(site.step, f"{called(site.step)[:-2]}1d"))
        yield Fix(f"take the layer for sequences: {variant}", (Edit(site.step.span, variant),))
    image_of_it = site.insert_before(call("expand", number(-1)))
    yield Fix("or make the sequence an image of one channel: expand(-1)", (image_of_it,))


def keep_steps(made: Node, expr: tree.Expr | None) -> Iterator[Fix]:
    """Yield the fix that gives ``seq`` to a recurrent layer that returns only its last step."""
    if forgets_steps(made) and expr is not None:
        title = f"add seq to the {called(expr)} before it, to keep its steps"
        yield Fix(title, (Edit(expr.span, print_expr(with_flag(expr, "seq"))),))


def _kept_in_branches(site: Site, value: Value) -> Iterator[Fix]:
    """Yield fixes that keep the steps in every branch: of a merge before the layer, or of its own values."""
    found = behind_merge(site.graph, value)
    if not found and len(site.inputs) > 1 and site.node is not None:
        found = branches(site.graph, site.inputs, site.node)
    fix = steps_kept(site.graph, site.sources, found)
    if fix is None:
        return
    yield fix
    merge = found[0].merge
    step = site.sources.of(merge)
    lengths = {incoming.shape[0] for b in found if (incoming := site.input_of(b.made)) is not None}
    joins = site.node is not merge and merge.layer is not None and merge.layer.row.name == "concat"
    if len(lengths) > 1 and joins and isinstance(step, tree.Name):
        behind = Edit(step.span, print_expr(call(step.name, "time")))
        yield Fix(f"{fix.title}, and join them one after the other", (*fix.edits, behind))


def _declares_more(
    site: Site, made: Node, expr: tree.Expr | None, incoming: Tensor, takes: int
) -> Iterator[Fix]:
    """Yield fixes that give the ``in(...)`` the axis that it lacks."""
    if not isinstance(expr, tree.Call) or made.outputs is None:
        return
    if made.outputs[0].dtype not in FLOATS and len(incoming.shape) == 1:
        vocab: Size = made.below if made.below is not None else 1000
        yield Fix(
            "turn the ids into vectors first",
            (site.insert_before(call("embed", size_text(vocab), number(64))),),
        )
    first = made.outputs[0].shape
    sizes = [size_text(s) for s in first]
    time = free_symbol(site.graph)
    single = first[0] if len(first) == 1 else 2
    if len(first) == 1 and single != 1 and (not isinstance(single, Expr) or _is_time(single)):
        title = f"declare one number a step: in({single},1)" if not is_open(single) else "in(?,1)"
        yield Fix(title, (Edit(expr.span, print_expr(declared(expr, (*sizes, number(1))))),))
    if lacks_channels(site, first, takes):
        new = declared(expr, (*sizes, number(1)))
        yield Fix(f"declare the one channel: {print_expr(new)}", (Edit(expr.span, print_expr(new)),))
        if not site.row.recurrent:
            return
    if len(first) > 1 or not _is_time(single):
        what = "steps" if len(first) == 1 else "frames"
        new = declared(expr, (word(time), *sizes))
        yield Fix(f"declare the {what}: {print_expr(new)}", (Edit(expr.span, print_expr(new)),))


def lacks_channels(site: Site, shape: Shape, takes: int) -> bool:
    """Return whether a shape is that of images, or of a sequence of them, without their channels."""
    places = int(site.row.name[-2]) if site.row.name[-2:] in ("2d", "3d") else 0
    return places > 0 and len(shape) == takes - 1 and shape[-1] not in (1, 3, 4)


def _is_time(size: Size) -> bool:
    return isinstance(size, Expr) and (is_open(size) or str(size).upper() in _TIME)


def flattened(site: Site, value: Value) -> tuple[Shape, bool]:
    """Return the axes of a value before a ``flatten`` behind it, and whether it still has the same numbers.

    Axes that were added in front since are included; () if there is no ``flatten``.
    """
    incoming = site.tensor(value).shape
    if not incoming:
        return (), False
    for node in site.predecessors(value):
        before = _before_flatten(site, node)
        if before is not None:
            return (*incoming[:-1], *before), fits(product(before), incoming[-1])
    return (), False


def _before_flatten(site: Site, node: Node) -> Shape | None:
    """Return the input shape of a ``flatten``, alone or at the end of a ``td``; None for other nodes."""
    incoming = site.input_of(node)
    if node.layer is None or incoming is None:
        return None
    if node.layer.row.name == "flatten":
        return incoming.shape
    inner = node.layer.get("layer") if node.layer.row.steps else None
    if isinstance(inner, Layer):
        return incoming.shape[1:] if inner.row.name == "flatten" else None
    if isinstance(inner, SubModel) and len(inner.graph.outputs) == 1:
        last = inner.graph.nodes[inner.graph.outputs[0].node]
        before = inner.graph.tensor(last.inputs[0]) if last.inputs else None
        if last.layer is not None and last.layer.row.name == "flatten" and before is not None:
            return before.shape
    return None


def _unflattened(site: Site, value: Value, takes: int) -> Iterator[Fix]:
    """Yield fixes that reshape a flattened value, if steps were added in front of its numbers since."""
    incoming = site.tensor(value).shape
    shape, whole = flattened(site, value)
    # Inside td a layer takes the axes of one step.
    if (
        len(incoming) < 2
        or len(shape) - takes not in (0, int(site.row.steps))
        or not all(isinstance(size, int) for size in shape)
    ):
        return
    back = call("reshape", *map(size_text, shape))
    title = f"give each step its axes again: reshape to {show_shape(shape)}"
    if whole:
        yield Fix(title, (site.insert_before(back),))
    else:
        first, *rest = map(size_text, shape[len(incoming) - 1 :])
        many = tree.Arithmetic(NOWHERE, first, tuple(("*", size) for size in rest))
        yield Fix(f"{title}, from as many numbers", (site.insert_before(call("dense", many), back),))


def _uncollapsed(site: Site, made: Node, expr: tree.Expr | None) -> Iterator[Fix]:
    """Yield fixes that remove the step that dropped the time axis, or replace it by one that keeps it."""
    name = made.callee.row.name
    incoming = site.input_of(made)
    if name == "flatten" and incoming is not None and len(incoming.shape) >= 4 and expr is not None:
        each = print_expr(at_every_step(expr))
        yield Fix(f"flatten each frame alone, to keep the steps: {each}", (Edit(expr.span, each),))
    if not collapses_steps(site.graph, made) or incoming is None or len(incoming.shape) != 2:
        return
    edit = site.rewrite(made, None)
    if edit is not None and expr is not None:
        yield Fix(f"take {called(expr)} out, to keep the steps", (edit,))
    if name in ("gmaxpool1d", "gavgpool1d") and expr is not None:
        pool = call(name[1:], number(2))
        yield Fix(f"pool by twos instead: {print_expr(pool)}", (Edit(expr.span, print_expr(pool)),))


def _taken_out(site: Site) -> Edit | None:
    around = site.sources.around(site.step.span)
    if around is None or around[1] == 0:
        return None
    flow, i = around
    return Edit(Span(flow.steps[i - 1].span.end, flow.steps[i].span.end), "")


def _restored(site: Site, value: Value, incoming: Tensor, takes: int) -> Iterator[Fix]:
    """Yield fixes that make a vector a sequence again: by ``repeat``, or by a shape for its numbers."""
    flat = next(
        (n for n in site.predecessors(value) if n.layer is not None and n.layer.row.name == "flatten"), None
    )
    before = site.input_of(flat) if flat is not None else None
    steps = next(declared_steps(site.graph), None)
    if before is not None and len(before.shape) == takes and site.row.name != "td":
        shape = before.shape if takes > 2 or steps is None else (steps, before.shape[-1])
        if all(isinstance(s, int) for s in shape):
            back = call("reshape", *map(size_text, shape))
            numbers = product(shape)
            title = f"give it its axes again: reshape to {show_shape(shape)}"
            if incoming.shape[0] == numbers:
                yield Fix(title, (site.insert_before(back),))
            else:
                first, *rest = [tree.Argument(NOWHERE, None, size_text(s)) for s in shape]
                many = tree.Arithmetic(NOWHERE, first.value, tuple(("*", a.value) for a in rest))
                dense = call("dense", many)
                yield Fix(f"{title}, from as many numbers", (site.insert_before(dense, back),))
    repeats = site.row.recurrent or site.row.steps or site.row.role == "attention"
    side = isqrt(width) if isinstance(width := incoming.shape[0], int) else 0
    if takes == 3 and before is None and side > 1 and side * side == width:
        square = call("reshape", number(side), number(side), number(1))
        yield Fix(f"make it an image: {print_expr(square)}", (site.insert_before(square),))
    forgot = forgets_steps(maker(site.graph, value))
    named = None
    if takes == 2 and repeats and steps is None and not forgot:
        named = named_steps(site.graph, site.sources)
    source = site.source(value)
    ids = source is not None and source[0].outputs is not None and source[0].outputs[0].dtype not in FLOATS
    if site.node is not None and forgets_steps(site.node) and (ids or behind_merge(site.graph, value)):
        # There are steps to keep: copies of one vector would be read for the last of them only.
        return
    if named is not None:
        name, edit = named
        step = site.insert_before(call("repeat", word(name)))
        yield Fix(f"or repeat the vector at every step, {name} of them: repeat({name})", (edit, step))
    elif takes == 2 and repeats and (steps is not None or not forgot):
        times: Size = steps if steps is not None else 10
        yield Fix(
            f"or repeat the vector at every step: repeat({times})",
            (site.insert_before(call("repeat", size_text(times))),),
        )


def _of_an_image(site: Site) -> Iterator[Fix]:
    """Yield the fix of a layer for sequences with an image as input: its variant for images."""
    if registry.find(f"{site.row.name[:-2]}2d") is not None:
        variant = print_expr(renamed(site.step, f"{called(site.step)[:-2]}2d"))
        yield Fix(f"take the layer for images: {variant}", (Edit(site.step.span, variant),))


def _one_vector(site: Site, value: Value, made: Node) -> Iterator[Fix]:
    """Yield fixes of a ``repeat`` of a sequence."""
    expr = site.sources.of(made)
    taken = step_itself(site.graph, site.sources, value)
    if taken is not None:
        yield Fix(f"take the step itself, not a sequence of one: {taken[0]}", (taken[1],))
    if gives_steps(made) and expr is not None:
        title = f"take seq off the {called(expr)}, to keep only its last step"
        changed = without(expr, "seq", "return_sequences")
        yield Fix(title, (Edit(expr.span, print_expr(changed)),))
    yield Fix("or take the mean over the steps first", (site.insert_before(word("gavgpool1d")),))
    if (edit := _taken_out(site)) is not None:
        yield Fix(f"or take {called(site.step)} out: there are steps already", (edit,))


def _one_sample(site: Site, made: Node) -> Iterator[Fix]:
    """Yield the fix that removes the number of samples from the ``in(...)``."""
    expr = site.sources.of(made)
    if isinstance(expr, tree.Call) and made.outputs is not None:
        new = print_expr(declared(expr, tuple(map(size_text, made.outputs[0].shape[1:]))))
        yield Fix(f"leave the samples out: {new}", (Edit(expr.span, new),))


def _one_hot(site: Site, embed: Node) -> Iterator[Fix]:
    """Yield fixes of one-hot rows, of which an ``embed`` makes a vector for every 0 and 1."""
    source = site.source(embed.inputs[0])
    if source is None or source[0].outputs is None or source[0].index != embed.inputs[0].node:
        return
    sizes = tuple(map(size_text, source[0].outputs[0].shape))
    new = print_expr(declared(source[1], sizes[:-1]))
    yield Fix(f"give it the ids themselves: {new}", (Edit(source[1].span, new),))


def _fewer(site: Site, value: Value, incoming: Tensor, made: Node, takes: int) -> Iterator[Fix]:
    shape = incoming.shape
    long = [s for s in shape if s != 1]
    embed = next(
        (n for n in site.predecessors(value) if n.layer is not None and n.layer.row.name == "embed"), None
    )
    fed = site.input_of(embed) if embed is not None else None
    if embed is not None and fed is not None and fed.dtype in FLOATS and len(fed.shape) == takes:
        yield from fix_by(f"take embed out: {fed} are vectors already, and no ids", site.rewrite(embed, None))
    elif embed is not None and fed is not None and len(fed.shape) == takes:
        yield from _one_hot(site, embed)
    if samples_first(site, made, takes):
        yield from _one_sample(site, made)
    if takes == 2 and len(long) == 2 and len(shape) > 2:
        back = call("reshape", *map(size_text, long))
        yield Fix(f"leave out the axes of one: {print_expr(back)}", (site.insert_before(back),))
    if site.row.name == "td" or len(shape) > takes + 1:
        pass
    elif not site.row.recurrent and takes >= 2:
        if site.row.name.endswith("1d") and len(shape) == 3 and takes == 2:
            yield from _of_an_image(site)
        yield from frame_stack(site)
        wrapped = print_expr(at_every_step(site.step))
        yield Fix(f"apply {called(site.step)} at every step", (Edit(site.step.span, wrapped),))
    if takes == 2 and len(shape) > 2:
        yield from frames(site, value, len(shape) + 1, flat=True)
        if not any(map(is_open, shape[1:])):
            wide = product(shape[1:])
            flat = at_every_step(word("flatten"))
            title = f"flatten each step: ({shape[0]}, {wide})"
            yield Fix(title, (site.insert_before(flat),))
        if len(shape) in (4, 5):
            pool = at_every_step(word(f"gavgpool{len(shape) - 2}d"))
            yield Fix("take the mean over each step's image", (site.insert_before(pool),))
    if gives_steps(made) and takes == len(shape) - 1:
        expr = site.sources.of(made)
        if expr is not None:
            changed = print_expr(without(expr, "seq", "return_sequences"))
            title = f"take seq off the {called(expr)}, to keep only its last step"
            yield Fix(title, (Edit(expr.span, changed),))


def _any_axes(row: Row) -> bool:
    """Return whether a layer computes the same if its input has one more axis in front."""
    if row.steps:
        return True
    by_place = row.role in IN_PLACE or row.role == "dense"
    return by_place and row.any_axes and row.time is not mixes_others


def frames(site: Site, value: Value, takes: int, *, flat: bool = False) -> Iterator[Fix]:
    """Yield fixes with a time axis in the ``in(...)``, and ``td(...)`` around the layers of each frame.

    With ``flat`` each frame ends in a ``flatten``.
    """
    found = site.source(value)
    if found is None:
        return
    source, expr = found
    path = [n for n in site.predecessors(value) if n.layer is not None]
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
    """Return the edits that put steps of a path into ``td``, one for each stretch of a flow.

    There are none if a step stands in no flow by itself.
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
    """Yield the fix with the step, and those after it that are for single images too, in one ``td``."""
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
