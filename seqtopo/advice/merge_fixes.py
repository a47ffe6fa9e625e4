"""Propose fixes for values that do not merge: other widths, other lengths, other numbers of axes."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.advice.branches import behind_merge, steps_kept
from seqtopo.advice.causes import stride_of
from seqtopo.advice.failure_site import (
    Site,
    called,
    forgets_steps,
    free_symbol,
    gives_steps,
    maker,
    resized,
    step_itself,
)
from seqtopo.diag.model import Edit, Fix
from seqtopo.graph.graph import Node, Value
from seqtopo.graph.symbols import size_text
from seqtopo.layers.sizes import Size, fits, is_open
from seqtopo.layers.timing import Slides
from seqtopo.layers.values import Tensor
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import (
    NOWHERE,
    call,
    declared,
    number,
    with_flag,
    without,
    word,
)


def merge_fixes(site: Site, blamed: int) -> Iterator[Fix]:
    """Fixes of a merge in which the value ``blamed`` does not go with the first, the likeliest first."""
    inputs = site.inputs
    if blamed == 0 or blamed >= len(inputs):
        return
    one, other = site.tensor(inputs[0]), site.tensor(inputs[blamed])
    if len(one.shape) != len(other.shape):
        short, long = (0, blamed) if len(one.shape) < len(other.shape) else (blamed, 0)
        yield from _other_axes(site, short, long)
        return
    if not one.shape:
        return
    last = not fits(one.shape[-1], other.shape[-1])
    steps = [
        i for i, (a, b) in enumerate(zip(one.shape[:-1], other.shape[:-1], strict=True)) if not fits(a, b)
    ]
    if steps:
        yield from _other_lengths(site, blamed, one, other)
    elif last:
        yield from _other_widths(site, blamed, one, other)


def _other_axes(site: Site, short: int, long: int) -> Iterator[Fix]:
    vector, sequence = site.tensor(site.inputs[short]), site.tensor(site.inputs[long])
    if (len(vector.shape), len(sequence.shape)) != (1, 2):
        edit = site.append(short, call("expand", number(1)))
        if edit is not None:
            yield Fix("give the other as many axes: expand(1)", (edit,))
        return
    taken = step_itself(site.graph, site.sources, site.inputs[long])
    if taken is not None:
        yield Fix(f"take the step itself, not a sequence of one: {taken[0]}", (taken[1],))
    made = maker(site.graph, site.inputs[short])
    expr = site.sources.of(made)
    if forgets_steps(made) and expr is not None and not site.inputs[short].extra:
        changed = print_expr(with_flag(expr, "seq"))
        yield Fix(f"add seq to the {called(expr)}, to keep its steps", (Edit(expr.span, changed),))
    kept = steps_kept(site.graph, site.sources, behind_merge(site.graph, site.inputs[short]))
    if kept is not None:
        yield kept
    if site.row.name != "concat" and vector.shape[0] == sequence.shape[0]:
        edit = site.append(short, call("expand", number(-1)))
        if edit is not None:
            yield Fix("give each step its own number: expand(-1)", (edit,))
    pooled = list(_one_of_the_steps(site, long))
    repeated = list(_at_every_step(site, short, long, sequence.shape[0]))
    end = site.graph.nodes[site.inputs[long].node]
    convolved = end.layer is not None and isinstance(end.layer.row.time, Slides)
    yield from (*pooled, *repeated) if convolved else (*repeated, *pooled)


def _one_of_the_steps(site: Site, long: int) -> Iterator[Fix]:
    """Make the sequence one vector, as the other value is."""
    end = site.graph.nodes[site.inputs[long].node]
    expr = site.sources.of(end)
    if gives_steps(end) and expr is not None:
        changed = print_expr(without(expr, "seq", "return_sequences"))
        yield Fix(f"take seq off the {called(expr)}, to keep only its last step", (Edit(expr.span, changed),))
    if end.layer is not None and end.layer.row.name in ("maxpool1d", "avgpool1d") and expr is not None:
        whole = f"g{end.layer.row.name}"
        yield Fix(f"pool over all the steps: {whole}", (Edit(expr.span, whole),))
        return
    edit = site.append(long, word("gmaxpool1d"))
    if edit is not None:
        yield Fix("pool the sequence over all its steps: gmaxpool1d", (edit,))


def _at_every_step(site: Site, short: int, long: int, steps: Size) -> Iterator[Fix]:
    """Repeat the vector for each step; an open number of steps is given a symbol first."""
    if not is_open(steps):
        edit = site.append(short, call("repeat", size_text(steps))) if _plain(steps) else None
        if edit is not None:
            yield Fix(f"repeat the vector at every step: repeat({steps})", (edit,))
        return
    found = site.source(site.inputs[long])
    if found is None or found[0].outputs is None or found[0].outputs[0].shape[0] != steps:
        return
    source, expr = found
    assert source.outputs is not None
    name = free_symbol(site.graph, "T")
    sizes = (word(name), *map(size_text, source.outputs[0].shape[1:]))
    edit = site.append(short, call("repeat", word(name)))
    if edit is not None:
        named = Edit(expr.span, print_expr(declared(expr, sizes)))
        yield Fix(f"repeat the vector at every step, {name} of them: repeat({name})", (named, edit))


def _plain(size: Size) -> bool:
    return isinstance(size, int) or size.is_atom


def _other_lengths(site: Site, blamed: int, one: Tensor, other: Tensor) -> Iterator[Fix]:
    yield from _swapped(site, blamed)
    yield from _padded(site, blamed)
    yield from _strided(site, blamed, one, other)
    if site.row.name == "concat" and fits(one.shape[-1], other.shape[-1]) and len(one.shape) == 2:
        yield Fix("join them one after the other, along the time", (Edit(site.step.span, "concat(time)"),))
    a, b = one.shape[0], other.shape[0]
    if isinstance(a, int) and isinstance(b, int) and a != b:
        longer, least = (0, b) if a > b else (blamed, a)
        edit = site.append(longer, call("last", number(least)))
        if edit is not None:
            yield Fix(f"keep the last {least} steps of the longer: last({least})", (edit,))


def _swapped(site: Site, blamed: int) -> Iterator[Fix]:
    """Swap the values of an attention, which gives one row for each step of its query, the first."""
    for value in (site.inputs[blamed], site.inputs[0]):
        node = site.graph.nodes[value.node]
        if node.layer is None or node.layer.row.role != "attention" or len(node.inputs) != 2:
            continue
        around = site.sources.around(node.span)
        before = around[0].steps[around[1] - 1] if around is not None and around[1] else None
        if isinstance(before, tree.List) and len(before.items) == 2:
            turned = tree.List(before.span, before.items[::-1])
            title = f"swap query and value: {node.layer.row.name} gives one row for each step of its query"
            yield Fix(title, (Edit(before.span, print_expr(turned)),))


def _padded(site: Site, blamed: int) -> Iterator[Fix]:
    """Pad the layers that made the values shorter: all of them, or one."""
    for values in (site.inputs, (site.inputs[blamed],), (site.inputs[0],)):
        edits: dict[object, Edit] = {}
        for node in (node for value in values for node in site.back(value)):
            if not _shortens(node):
                continue
            expr = site.sources.of(node)
            if expr is not None:
                edits[expr.span] = Edit(
                    expr.span, print_expr(with_flag(without(expr, "valid", "padding"), "same"))
                )
        if edits:
            yield Fix("pad with same, so that nothing is cut off", tuple(edits.values()))


def _strided(site: Site, blamed: int, one: Tensor, other: Tensor) -> Iterator[Fix]:
    """Give the other branch the same strides: a projection of one place, as in residual networks."""
    a, b = one.shape[0], other.shape[0]
    rank = len(one.shape) - 1
    if not isinstance(a, int) or not isinstance(b, int) or a == b or rank not in (1, 2, 3):
        return
    longer, (long, short) = (0, (a, b)) if a > b else (blamed, (b, a))
    width = (other if longer == 0 else one).shape[-1]
    steps = 1
    for node in site.back(site.inputs[blamed if longer == 0 else 0]):
        steps *= stride_of(node)
    if steps > 1 and -(-long // steps) == short and isinstance(width, int):
        step = call(f"conv{rank}d", number(width), number(1), number(steps))
        edit = site.append(longer, step)
        if edit is not None:
            yield Fix(f"go {steps} steps at a time in the other branch, too: {print_expr(step)}", (edit,))


def _shortens(node: Node) -> bool:
    return (
        node.layer is not None
        and isinstance(node.layer.row.time, Slides)
        and node.layer.get("padding") == "valid"
    )


def _other_widths(site: Site, blamed: int, one: Tensor, other: Tensor) -> Iterator[Fix]:
    a, b = one.shape[-1], other.shape[-1]
    for i, width in ((blamed, a), (0, b)):
        yield from _same_width(site, site.inputs[i], width)
    for i, width in ((0, b), (blamed, a)):
        if not isinstance(width, int):
            continue
        end = site.graph.nodes[site.inputs[blamed if i == 0 else 0].node]
        rank = len(one.shape) - 1
        by_places = end.layer is not None and "conv" in end.layer.row.name and rank in (1, 2, 3)
        step = call(f"conv{rank}d", number(width), number(1)) if by_places else call("dense", number(width))
        edit = site.append(i, step)
        if edit is not None:
            which = "skip branch" if isinstance(site.step, tree.Call) and i == 0 else "other"
            yield Fix(f"project the {which} to {width}: {print_expr(step)}", (edit,))
    if site.row.name == "add" and not isinstance(site.step, tree.Call):
        yield Fix("or join them side by side: concat", (Edit(site.step.span, "concat"),))


def _same_width(site: Site, value: Value, width: Size) -> Iterator[Fix]:
    """Give the layer that made a width another one."""
    for node in site.back(value):
        expr = site.sources.of(node)
        changed = resized(node, expr, width)
        if changed is not None and expr is not None:
            word_ = "filters" if node.layer is not None and "filters" in node.layer.args else "units"
            yield Fix(f"give {called(expr)} {width} {word_}", (Edit(expr.span, print_expr(changed)),))
            return
        came = site.came(node)
        if came is None or node.outputs is None or came.shape[-1:] != node.outputs[0].shape[-1:]:
            return


def attention_fixes(site: Site, blamed: int) -> Iterator[Fix]:
    """Yield fixes of an attention whose values do not go together."""
    query, other = site.tensor(site.inputs[0]), site.tensor(site.inputs[min(blamed, len(site.inputs) - 1)])
    width = query.shape[-1]
    if len(query.shape) == len(other.shape) and isinstance(width, int):
        yield from _same_width(site, site.inputs[blamed], width)
        for i in range(1, len(site.inputs)):
            have = site.tensor(site.inputs[i]).shape[-1]
            edit = site.append(i, call("dense", number(width))) if have != width else None
            if edit is not None:
                yield Fix(f"bring it to the query's width: dense({width})", (edit,))
        key = other.shape[-1]
        edit = site.append(0, call("dense", size_text(key)))
        if edit is not None and isinstance(key, int):
            yield Fix(f"or bring the query to the other's width: dense({key})", (edit,))
    if site.row.name == "attention":
        yield Fix(
            "or let a layer project them: mha(4,32)", (Edit(site.step.span, print_expr(call("mha", 4, 32))),)
        )


def count_fixes(site: Site) -> Iterator[Fix]:
    """Yield fixes of a layer that is given another number of values than it takes."""
    least, most = site.row.inputs
    if len(site.inputs) == 1 and least == 2 and site.row.role in ("attention", "product"):
        itself = tree.List(NOWHERE, (word("id"), word("id")))
        yield Fix("let it attend to itself: [id, id]", (site.before(itself),))
        if site.row.name == "attention":
            yield Fix("or with several heads: mha(4,32)", (Edit(site.step.span, "mha(4,32)"),))
    if most == 1 and len(site.inputs) > 1:
        shapes = [site.tensor(v).shape for v in site.inputs]
        for name in ("concat", "add"):
            if name == "concat" or len(set(shapes)) == 1:
                yield Fix(f"merge them first: {name}", (site.before(word(name)),))
