"""Propose fixes for values that do not merge, and for initial states: widths, lengths, numbers of axes."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.advice.branches import behind_merge, steps_kept
from seqtopo.advice.failure_site import (
    Site,
    called,
    core,
    forgets_steps,
    free_symbol,
    gives_steps,
    maker,
    resized,
    step_itself,
    stride_of,
)
from seqtopo.diag.model import Edit, Fix, fix_by
from seqtopo.graph.graph import Node, Value
from seqtopo.graph.symbols import size_text
from seqtopo.layers.sizes import Size, fits, is_open
from seqtopo.layers.timing import Slides
from seqtopo.layers.values import Tensor
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import (
    NOWHERE,
    call,
    declared,
    flow,
    number,
    renamed,
    with_flag,
    without,
    word,
)


def merge_fixes(site: Site, blamed: int) -> Iterator[Fix]:
    """Yield fixes of a merge whose value ``blamed`` does not fit the first one, the likeliest first."""
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
        yield from fix_by("give the other as many axes: expand(1)", edit)
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
        yield from fix_by("give each step its own number: expand(-1)", edit)
    pooled = list(_one_of_the_steps(site, long))
    repeated = list(_at_every_step(site, short, long, sequence.shape[0]))
    end = site.graph.nodes[site.inputs[long].node]
    convolved = end.layer is not None and isinstance(end.layer.row.time, Slides)
    yield from (*pooled, *repeated) if convolved else (*repeated, *pooled)


def _one_of_the_steps(site: Site, long: int) -> Iterator[Fix]:
    """Yield fixes that make the sequence one vector, as the other value is."""
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
    yield from fix_by("pool the sequence over all its steps: gmaxpool1d", edit)


def _at_every_step(site: Site, short: int, long: int, steps: Size) -> Iterator[Fix]:
    """Yield fixes that repeat the vector for each step; an open number of steps gets a symbol first."""
    if not is_open(steps):
        edit = site.append(short, call("repeat", size_text(steps))) if _plain(steps) else None
        yield from fix_by(f"repeat the vector at every step: repeat({steps})", edit)
        return
    found = site.source(site.inputs[long])
    if found is None or found[0].outputs is None or found[0].outputs[0].shape[0] != steps:
        return
    source, expr = found
    assert source.outputs is not None
    name = free_symbol(site.graph)
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
        yield from fix_by(f"keep the last {least} steps of the longer: last({least})", edit)


def _swapped(site: Site, blamed: int) -> Iterator[Fix]:
    """Yield fixes that swap the values of an attention, which returns a row for each step of the first."""
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
    """Yield fixes that pad the layers that made the values shorter: all of them, or one."""
    for values in (site.inputs, (site.inputs[blamed],), (site.inputs[0],)):
        edits: dict[object, Edit] = {}
        for node in (node for value in values for node in site.predecessors(value)):
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
    """Yield fixes that give the other branch the same strides, by a projection as in residual networks."""
    a, b = one.shape[0], other.shape[0]
    rank = len(one.shape) - 1
    if not isinstance(a, int) or not isinstance(b, int) or a == b or rank not in (1, 2, 3):
        return
    longer, (long, short) = (0, (a, b)) if a > b else (blamed, (b, a))
    width = (other if longer == 0 else one).shape[-1]
    steps = 1
    for node in site.predecessors(site.inputs[blamed if longer == 0 else 0]):
        steps *= stride_of(node)
    if steps > 1 and -(-long // steps) == short and isinstance(width, int):
        step = call(f"conv{rank}d", number(width), number(1), number(steps))
        edit = site.append(longer, step)
        yield from fix_by(f"go {steps} steps at a time in the other branch, too: {print_expr(step)}", edit)


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
    """Yield fixes that give the layer that made a width another one."""
    for node in site.predecessors(value):
        expr = site.sources.of(node)
        changed = resized(node, expr, width)
        if changed is not None and expr is not None:
            word_ = "filters" if node.layer is not None and "filters" in node.layer.args else "units"
            yield Fix(f"give {called(expr)} {width} {word_}", (Edit(expr.span, print_expr(changed)),))
            return
        incoming = site.input_of(node)
        if incoming is None or node.outputs is None or incoming.shape[-1:] != node.outputs[0].shape[-1:]:
            return


def attention_fixes(site: Site, blamed: int) -> Iterator[Fix]:
    """Yield fixes of an attention whose values do not fit together."""
    query, other = site.tensor(site.inputs[0]), site.tensor(site.inputs[min(blamed, len(site.inputs) - 1)])
    width = query.shape[-1]
    if len(query.shape) == len(other.shape) and isinstance(width, int):
        yield from _same_width(site, site.inputs[blamed], width)
        for i in range(1, len(site.inputs)):
            have = site.tensor(site.inputs[i]).shape[-1]
            edit = site.append(i, call("dense", number(width))) if have != width else None
            yield from fix_by(f"bring it to the query's width: dense({width})", edit)
        key = other.shape[-1]
        edit = site.append(0, call("dense", size_text(key)))
        if edit is not None and isinstance(key, int):
            yield Fix(f"or bring the query to the other's width: dense({key})", (edit,))
    if site.row.name == "attention":
        yield Fix(
            "or let a layer project them: mha(4,32)", (Edit(site.step.span, print_expr(call("mha", 4, 32))),)
        )


def count_fixes(site: Site) -> Iterator[Fix]:
    """Yield fixes of a layer with another number of values than it takes."""
    least, most = site.row.inputs
    if len(site.inputs) == 1 and least == 2 and site.row.role in ("attention", "product"):
        itself = tree.List(NOWHERE, (word("id"), word("id")))
        yield Fix("let it attend to itself: [id, id]", (site.insert_before(itself),))
        if site.row.name == "attention":
            yield Fix("or with several heads: mha(4,32)", (Edit(site.step.span, "mha(4,32)"),))
    if most == 1 and len(site.inputs) > 1:
        shapes = [site.tensor(v).shape for v in site.inputs]
        for name in ("concat", "add"):
            if name == "concat" or len(set(shapes)) == 1:
                yield Fix(f"merge them first: {name}", (site.insert_before(word(name)),))


def state_fixes(site: Site) -> Iterator[Fix]:
    """Yield fixes of the ``init`` of a recurrent layer, the likeliest first."""
    node = site.node
    given = _init(site.step)
    if node is None or node.layer is None or given is None:
        return
    layer = core(node)
    units = layer.get("units") if layer is not None else None
    both = node.layer.row.name == "bi"
    wanted = (2 if both else 1) * (layer.row.states if layer is not None else 1)
    incoming = [site.tensor(v) for v in node.tensors.get("initial_state", ())]
    yield from _steps_themselves(site, given, incoming, wanted)
    yield from _of_the_layer(given)
    yield from _other_number(site, given, incoming, wanted, both)
    widths = {t.shape[0] for t in incoming if len(t.shape) == 1}
    if isinstance(units, int) and widths and widths != {units}:
        yield from _other_width(site, given, widths, units)


def _init(step: tree.Expr) -> tree.Argument | None:
    args = step.args if isinstance(step, tree.Call) else ()
    return next((a for a in args if a.name is not None and a.name.name in ("init", "initial_state")), None)


def _given(given: tree.Argument, value: tree.Expr) -> tuple[Edit, ...]:
    return (Edit(given.span, print_expr(tree.Argument(NOWHERE, given.name, value))),)


def _steps_themselves(site: Site, given: tree.Argument, incoming: list[Tensor], wanted: int) -> Iterator[Fix]:
    """Yield fixes that take single steps by ``at(i)`` for states.

    The states were sequences of one step, or steps of one sequence.
    """
    assert site.node is not None
    values = site.node.tensors.get("initial_state", ())
    items = given.value.items if isinstance(given.value, tree.List) else (given.value,)
    if not any(len(tensor.shape) == 2 for tensor in incoming):
        return
    edits: dict[Span, Edit] = {}
    names: list[str] = []
    for i, (value, tensor) in enumerate(zip(values, incoming, strict=True)):
        if len(tensor.shape) == 1:
            continue
        found = step_itself(site.graph, site.sources, value)
        if found is None and tensor.shape[:1] == (1,) and len(items) == len(incoming):
            found = "at(0)", Edit(items[i].span, print_expr(flow((items[i], call("at", 0)))))
        if found is None:
            break
        edits[found[1].span] = found[1]
        names.append(found[0])
    else:
        if wanted == len(incoming):
            title = f"take the step{'s' * (len(names) > 1)} out of the sequence: {', '.join(names)}"
            yield Fix(title, tuple(edits.values()))
    if len(incoming) == 1 and incoming[0].shape[:1] == (wanted,) and wanted > 1:
        each = tuple(flow((given.value, call("at", i))) for i in range(wanted))
        title = f"take its {wanted} steps for the states: {', '.join(f'at({i})' for i in range(wanted))}"
        yield Fix(title, _given(given, tree.List(NOWHERE, each)))


def _of_the_layer(given: tree.Argument) -> Iterator[Fix]:
    """Yield fixes that take a layer's state where its output was written."""
    names = [given.value] if isinstance(given.value, tree.Name) else []
    if isinstance(given.value, tree.List):
        names = [item for item in given.value.items if isinstance(item, tree.Name)]
    for name in names:
        state = tree.Attribute(NOWHERE, tree.Name(NOWHERE, name.name), (word("state"),))
        yield Fix(f"start from its state: {name.name}.state", _given(given, state))


def _other_number(
    site: Site, given: tree.Argument, incoming: list[Tensor], wanted: int, both: bool
) -> Iterator[Fix]:
    if len(incoming) == wanted:
        return
    if isinstance(given.value, tree.List) and len(given.value.items) == len(incoming):
        items = given.value.items
        vectors = tuple(item for item, tensor in zip(items, incoming, strict=True) if len(tensor.shape) == 1)
        if both and len(incoming) * 2 == wanted:
            twice = tree.List(NOWHERE, (*items, *items))
            yield Fix("give both directions the same states", _given(given, twice))
        if len(vectors) == wanted < len(items):
            left = vectors[0] if wanted == 1 else tree.List(NOWHERE, vectors)
            yield Fix("pass the state alone, without the output", _given(given, left))
        if len(items) > wanted:
            kept = items[:wanted]
            left = kept[0] if wanted == 1 else tree.List(NOWHERE, kept)
            yield Fix(f"keep the first {wanted}", _given(given, left))
    elif both and len(incoming) * 2 == wanted and not isinstance(given.value, tree.List):
        pair = tree.List(NOWHERE, (given.value, given.value))
        yield Fix("give both directions the same states", _given(given, pair))
        yield from _both_ways(site)
    if not isinstance(given.value, tree.List) and len(incoming) == 1 and wanted == 2:
        pair = tree.List(NOWHERE, (given.value, given.value))
        yield Fix("start both h and c from it", _given(given, pair))
    other = {2: "lstm", 1: "gru"}.get(len(incoming), "")
    if other and not both:
        changed = print_expr(renamed(site.step, other))
        yield Fix(f"take a layer with that many states: {other}", (Edit(site.step.span, changed),))


def _both_ways(site: Site) -> Iterator[Fix]:
    """Yield fixes that put a ``bi`` around the layer whose states are handed over."""
    values = site.node.tensors.get("initial_state", ()) if site.node is not None else ()
    nodes = {value.node for value in values if value.extra == "state"}
    expr = site.sources.of(site.graph.nodes[nodes.pop()]) if len(nodes) == 1 else None
    if isinstance(expr, tree.Call):
        wrapped = print_expr(call("bi", expr))
        yield Fix(f"read both ways where the states come from, too: {wrapped}", (Edit(expr.span, wrapped),))


def _other_width(site: Site, given: tree.Argument, widths: set[Size], units: int) -> Iterator[Fix]:
    dense = call("dense", size_text(units))
    if isinstance(given.value, tree.List):
        items = tuple(flow((item, dense)) for item in given.value.items)
        yield Fix(f"project each to the width: dense({units})", _given(given, tree.List(NOWHERE, items)))
    elif not isinstance(given.value, tree.Attribute):
        yield Fix(f"project it to the width: dense({units})", _given(given, flow((given.value, dense))))
    if len(widths) == 1 and site.node is not None:
        width = next(iter(widths))
        changed = resized(site.node, site.step, width)
        if site.node.layer is not None and site.node.layer.row.name == "bi" and isinstance(width, int):
            changed = resized(site.node, site.step, width * 2)
        if changed is not None:
            title = f"give the {called(site.step)} as many units as the states have: {width}"
            yield Fix(title, (Edit(site.step.span, print_expr(changed)),))
