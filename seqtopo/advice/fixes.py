"""Propose the fixes of a layer's refusal as edits; several if it is open what was meant.

``verify_fixes`` tries each of these proposals, and keeps those that help.
"""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.advice.failure_site import Site, called, free_symbol, gives_steps
from seqtopo.advice.lengths import Chain, chain, least, stretched
from seqtopo.advice.merge_fixes import attention_fixes, count_fixes, merge_fixes, state_fixes
from seqtopo.advice.rank_fixes import flattened, rank_fixes
from seqtopo.diag.model import Edit, Fix
from seqtopo.graph.graph import Value
from seqtopo.graph.symbols import size_text
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Size, divides, is_open, product
from seqtopo.layers.values import FLOATS, Refusal
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import (
    NOWHERE,
    call,
    declared,
    flow,
    number,
    with_argument,
    with_flag,
    without,
    without_argument,
    word,
)


def fixes_of(refusal: Refusal, site: Site) -> Iterator[Fix]:
    """Yield proposals for a refusal, the likeliest first."""
    kind, which = refusal.at if refusal.at is not None else ("", 0)
    index = min(int(which), len(site.inputs) - 1) if kind in ("input", "inputs") and site.inputs else 0
    code = refusal.code
    if refusal.takes is not None and site.inputs:
        if site.row.role == "attention" and len(site.inputs) > 1:
            yield from _one_step(site, index)
        yield from rank_fixes(site, site.inputs[index], refusal.takes)
    elif code == "ST303" and site.row.name == "bi":
        yield from _one_width(site)
    elif code == "ST313" and site.row.name == "bi":
        yield from _directions(site, str(which))
    elif code == "ST303" and kind == "input":
        yield from merge_fixes(site, index)
    elif code == "ST304":
        yield from state_fixes(site)
    elif code == "ST306":
        yield from _too_short(site, str(which) if kind == "argument" else "")
    elif code == "ST307":
        yield from _other_count(site)
    elif code == "ST308":
        if kind == "argument":
            yield from _told_by_the_input(site, str(which))
        yield from _unknown_size(site, index)
    elif code == "ST309" and kind == "input":
        yield from attention_fixes(site, index)
    elif code == "ST310":
        yield from _other_dtype(site, index)
    elif code == "ST312" and kind == "argument":
        yield from _other_axis(site, str(which))
    elif code in ("ST214", "ST314"):
        yield from count_fixes(site)
    elif code == "ST315":
        yield from _positions(site)
    elif code == "ST203" and which == "dilation_rate":
        yield from _strides_or_dilation(site)


def chain_of(refusal: Refusal, site: Site) -> Chain | None:
    """Return the lengths behind the layers up to one for which too few steps or numbers are left."""
    if refusal.code not in ("ST306", "ST307") or len(site.inputs) != 1:
        return None
    found = chain(site, site.inputs[0])
    return found if found.shrinks else None


def least_length(site: Site) -> int | None:
    """Return the least number of steps with which the layers up to this one work."""
    return least(site, chain(site, site.inputs[0])) if len(site.inputs) == 1 else None


def _one_step(site: Site, index: int) -> Iterator[Fix]:
    edit = site.append(index, call("repeat", number(1)))
    if edit is not None and len(site.tensor(site.inputs[index]).shape) == 1:
        yield Fix("make the vector a sequence of one step: repeat(1)", (edit,))


def _one_width(site: Site) -> Iterator[Fix]:
    """Yield fixes that give both layers of a ``bi`` the units of one of them."""
    if not isinstance(site.step, tree.Call):
        return
    args = site.step.args
    back = next(
        (a for a in args if a.name is not None and a.name.name in ("backward", "backward_layer")), None
    )
    layer = site.node.layer if site.node is not None else None
    if back is None or layer is None:
        return
    forward, backward = layer.get("layer"), layer.get("backward_layer")
    for source, target, arg in ((forward, "backward", back), (backward, "forward", args[0])):
        units = source.get("units")
        if not isinstance(units, int):
            return
        changed = with_argument(arg.value, 0, ("units",), number(units))
        yield Fix(f"give the {target} layer {units} units, too", (Edit(arg.value.span, print_expr(changed)),))


def _directions(site: Site, argument: str) -> Iterator[Fix]:
    """Yield fixes of a ``bi`` of layers that read in the same direction, or of one without a direction."""
    if not isinstance(site.step, tree.Call) or site.node is None or site.node.layer is None:
        return
    args = site.step.args
    layer = site.node.layer.get("backward_layer" if argument == "backward_layer" else "layer")
    back = next(
        (a for a in args if a.name is not None and a.name.name in ("backward", "backward_layer")), None
    )
    if isinstance(layer, Layer) and not layer.row.recurrent and len(args) == 1:
        inner = print_expr(args[0].value)
        yield Fix(f"leave bi out: {inner} has no direction", (Edit(site.step.span, inner),))
    elif isinstance(layer, Layer) and layer.row.recurrent and back is not None:
        ways = bool(layer.get("go_backwards"))
        changed = without(args[0].value, "back", "go_backwards") if ways else with_flag(back.value, "back")
        title = "let the first read forwards" if ways else "let the second read backwards"
        new = print_expr(changed)
        yield Fix(f"{title}: {new}", (Edit((args[0] if ways else back).value.span, new),))
    elif isinstance(layer, Layer) and layer.get("go_backwards"):
        new = print_expr(without(args[0].value, "back", "go_backwards"))
        yield Fix(f"leave back out: {new}", (Edit(args[0].value.span, new),))


def _too_short(site: Site, window: str) -> Iterator[Fix]:
    """Yield fixes of a window that is longer than the axis."""
    names = set(site.row.by_name)
    lengths = site.tensor(site.inputs[0]).shape if site.inputs else ()
    if "padding" in names and window in ("kernel_size", "pool_size"):
        padded = with_flag(without(site.step, "valid", "padding"), "same")
        yield Fix("pad with same: every step has a window", (Edit(site.step.span, print_expr(padded)),))
    needed = least_length(site)
    source = site.source(site.inputs[0]) if site.inputs else None
    if needed is not None and source is not None and source[0].outputs is not None:
        node, expr = source
        assert node.outputs is not None
        sizes = stretched(node.outputs[0].shape, chain(site, site.inputs[0]).axis, needed)
        title = f"give it at least {needed} {'steps' if len(lengths) == 2 else 'places'}"
        yield Fix(title, (Edit(expr.span, print_expr(declared(expr, tuple(map(size_text, sizes))))),))
    place = site.row.positional.index(window) if window in site.row.positional else -1
    if window in ("kernel_size", "pool_size") and len(lengths) == 2 and isinstance(lengths[0], int):
        shorter = with_argument(site.step, place, (window,), number(lengths[0]))
        title = f"or a {window} of {lengths[0]}, which is all that is left"
        yield Fix(title, (Edit(site.step.span, print_expr(shorter)),))


def _other_count(site: Site) -> Iterator[Fix]:
    """Yield fixes of a ``reshape`` to another count of numbers than there are."""
    if site.node is None or site.node.layer is None:
        return
    target: tuple[Size, ...] | None = site.node.layer.get("target_shape")
    if target is None:
        # It stands inside td, which sees one step at a time.
        return
    name = site.step.name.name if isinstance(site.step, tree.Call) else "reshape"
    have = product(site.tensor(site.inputs[0]).shape)
    source = site.source(site.inputs[0])
    rest = target[1:]
    if source is not None and source[0].batch is not None and source[0].outputs is not None:
        # The batch stands in the target: what is a frame was taken for a sample.
        batch = source[0].batch
        if batch in target and (isinstance(batch, int) or batch.is_atom):
            sizes = (batch, *source[0].outputs[0].shape)
            new = declared(tree.Call(NOWHERE, source[1].name, tuple(
                a for a in source[1].args if a.name is None or a.name.name != "batch")),
                tuple(map(size_text, sizes)))  # fmt: skip
            title = f"declare the {batch} as an axis of each sample: {print_expr(new)}"
            yield Fix(title, (Edit(source[1].span, print_expr(new)),))
    if len(rest) >= 1 and (product(rest) == have or -1 in rest):
        shown = call(name, *map(_target, rest))
        yield Fix("leave the batch out of it", (Edit(site.step.span, print_expr(shown)),))
    shape, whole = flattened(site, site.inputs[0])
    if whole and len(shape) > 1 and shape != target and (shape[0] == target[0] or target[0] == -1):
        back = call(name, *map(size_text, shape))
        title = f"undo the flatten before it: {print_expr(back)}"
        yield Fix(title, (Edit(site.step.span, print_expr(back)),))
    shrinks = chain(site, site.inputs[0]).shrinks
    edits = {}
    for node in shrinks:
        expr = site.sources.of(node)
        if node.layer is not None and node.layer.get("padding") == "valid" and expr is not None:
            padded = with_flag(without(expr, "valid", "padding"), "same")
            edits[expr.span] = Edit(expr.span, print_expr(padded))
    if edits:
        yield Fix("pad with same before it, so that nothing is cut off", tuple(edits.values()))
    # Steps that are as many as they were stay so: another size is left open.
    steps_stay = target[:1] == site.tensor(site.inputs[0]).shape[:1]
    for i in (*range(1, len(target)), 0) if steps_stay else range(len(target)):
        others = [s for k, s in enumerate(target) if k != i]
        if -1 not in others and others and divides(have, product(others)) is not None:
            free = (*target[:i], -1, *target[i + 1 :])
            step = call(name, *map(_target, free))
            yield Fix(f"leave one size open: {print_expr(step)}", (Edit(site.step.span, print_expr(step)),))
            break


def _target(size: Size) -> tree.Expr:
    return tree.Unknown(NOWHERE) if size == -1 else size_text(size)


def _unknown_size(site: Site, index: int) -> Iterator[Fix]:
    """Yield fixes of a size that only the data determines, where a number is needed."""
    value = site.inputs[index] if site.inputs else None
    if value is None:
        return
    path = list(site.predecessors(value))
    flat = next((n for n in path if n.layer is not None and n.layer.row.name == "flatten"), None)
    yield from _numbered(site, value)
    if flat is None:
        return
    expr = site.sources.of(flat)
    before = site.graph.nodes[flat.inputs[0].node]
    incoming = site.input_of(flat)
    if expr is not None and incoming is not None and len(incoming.shape) == 2:
        yield Fix("or take the mean over the steps: gavgpool1d", (Edit(expr.span, "gavgpool1d"),))
    last = site.sources.of(before)
    gone = site.rewrite(flat, None)
    if gives_steps(before) and last is not None and gone is not None:
        shorter = Edit(last.span, print_expr(without(last, "seq", "return_sequences")))
        yield Fix("or keep the last step alone, without seq and flatten", (shorter, gone))


def _told_by_the_input(site: Site, name: str) -> Iterator[Fix]:
    """Yield the fix of ``repeat(?)``: a symbol for the input's length, which the argument then takes."""
    span = site.node.spans.get(name) if site.node is not None else None
    given = (
        next((a for a in site.step.args if a.span == span), None)
        if isinstance(site.step, tree.Call)
        else None
    )
    source = site.source(site.inputs[0]) if site.inputs else None
    if given is None or not isinstance(given.value, tree.Unknown) or not isinstance(site.step, tree.Call):
        return
    if name == "stop":
        yield _to_the_end(site.step, given)
    if source is None:
        return
    shape = source[0].outputs[0].shape if source[0].outputs is not None else ()
    if not shape or not is_open(shape[0]):
        return
    length = free_symbol(site.graph)
    new = print_expr(declared(source[1], (word(length), *map(size_text, shape[1:]))))
    argument = tree.Argument(NOWHERE, given.name, word(length))
    step = print_expr(_with(site.step, given, argument))
    title = f"name the length of the input, and write it here: {new}, {step}"
    yield Fix(title, (Edit(source[1].span, new), Edit(given.span, print_expr(argument))))


def _to_the_end(step: tree.Call, given: tree.Argument) -> Fix:
    """Return the fix of ``slice(-1,?)``: a slice without its stop takes the rest."""
    behind = any(a.name is None for a in step.args[step.args.index(given) + 1 :])
    none = tree.Argument(NOWHERE, given.name, word("none"))
    new = print_expr(_with(step, given, none) if behind else without_argument(step, given))
    return Fix(f"take all up to the end: {new}", (Edit(step.span, new),))


def _with(step: tree.Call, given: tree.Argument, new: tree.Argument) -> tree.Call:
    return tree.Call(step.span, step.name, tuple(new if a is given else a for a in step.args))


def _numbered(site: Site, value: Value) -> Iterator[Fix]:
    source = site.source(value)
    if source is None or source[0].outputs is None or not isinstance(source[1], tree.Call):
        return
    shape = source[0].outputs[0].shape
    if any(map(is_open, shape)):
        ids = source[0].outputs[0].dtype not in FLOATS and len(shape) == 1
        sizes = [
            size_text(s) if not is_open(s) else number(20 if i == 0 and (len(shape) > 1 or ids) else 8)
            for i, s in enumerate(shape)
        ]
        new = print_expr(declared(source[1], sizes))
        yield Fix(f"write the number, such as {new}", (Edit(source[1].span, new),))


def _other_dtype(site: Site, index: int) -> Iterator[Fix]:
    """Yield fixes of ids where floats are needed, or of several dtypes."""
    if not site.inputs:
        return
    value = site.inputs[index]
    incoming = site.tensor(value)
    source = site.source(value)
    if site.row.name == "mask" and incoming.dtype not in FLOATS:
        yield from _masked_ids(site)
    elif incoming.dtype not in FLOATS:
        yield from _behind_embed(site)
    if incoming.dtype in FLOATS or source is None:
        return
    node, expr = source
    vocab: Size = node.below if node.below is not None else 1000
    embed = call("embed", size_text(vocab), number(64))
    appended = site.append(index, embed) if len(site.inputs) > 1 else site.insert_before(embed)
    if appended is not None and node.index == value.node:
        yield Fix("turn the ids into vectors first", (appended,))
    kept = tuple(
        a
        for a in expr.args
        if not (isinstance(a.value, tree.Name) and not a.value.is_symbol)
        and not isinstance(a.value, tree.Call)
    )
    plain = print_expr(tree.Call(expr.span, expr.name, kept))
    yield Fix(f"or, if they are not ids, {plain}", (Edit(expr.span, plain),))


def _masked_ids(site: Site) -> Iterator[Fix]:
    """Yield the fix of ``mask(0) -> embed(...)``: the ids' own mask is a flag of ``embed``."""
    around = site.sources.around(site.step.span)
    if around is None or around[1] + 1 >= len(around[0].steps) or around[1] == 0:
        return
    steps, i = around[0].steps, around[1]
    following = steps[i + 1]
    if isinstance(following, tree.Call) and following.name.name in ("embed", "embedding"):
        gone = Edit(site.step.span.cover(following.span), print_expr(with_flag(following, "mask")))
        yield Fix("let embed mask the id 0", (gone,))


def _behind_embed(site: Site) -> Iterator[Fix]:
    """Yield the fix of ``dropout(0.2) -> embed(...)``: the two in the other order."""
    around = site.sources.around(site.step.span)
    if around is None or around[1] + 1 >= len(around[0].steps):
        return
    following = around[0].steps[around[1] + 1]
    if isinstance(following, tree.Call) and following.name.name in ("embed", "embedding"):
        turned = Edit(site.step.span.cover(following.span), print_expr(flow((following, site.step))))
        yield Fix(f"put {called(site.step)} behind {called(following)}", (turned,))


def _other_axis(site: Site, name: str) -> Iterator[Fix]:
    """Yield fixes of an axis that is the batch, or that does not exist."""
    span = site.node.spans.get(name) if site.node is not None else None
    if span is None or not isinstance(site.step, tree.Call):
        return
    given = next((a for a in site.step.args if a.span == span), None)
    if given is None:
        if site.row.name == "permute":
            left = [
                a for a in site.step.args if not (isinstance(a.value, tree.Number) and a.value.value == 0)
            ]
            fewer = tree.Call(site.step.span, site.step.name, tuple(left))
            yield Fix("leave the batch out", (Edit(site.step.span, print_expr(fewer)),))
        return
    rank = len(site.tensor(site.inputs[0]).shape) if site.inputs else 0
    for axis in ("time", "features") if rank > 1 else ("features",):
        new = print_expr(tree.Argument(NOWHERE, given.name, word(axis)))
        yield Fix(f"work along the {axis}: {new}", (Edit(span, new),))
        if axis == "time" and site.row.name in ("mean", "max") and rank == 2:
            pool = {"mean": "gavgpool1d", "max": "gmaxpool1d"}[site.row.name]
            yield Fix(f"or pool over the steps: {pool}", (Edit(site.step.span, pool),))


def _positions(site: Site) -> Iterator[Fix]:
    steps = site.tensor(site.inputs[0]).shape[0]
    longer = with_argument(site.step, 0, ("length",), size_text(steps))
    yield Fix(
        f"make the table long enough: {print_expr(longer)}", (Edit(site.step.span, print_expr(longer)),)
    )


def _strides_or_dilation(site: Site) -> Iterator[Fix]:
    for name, place in (("strides", 2), ("dilation_rate", -1)):
        changed = with_argument(site.step, place, (name,), number(1))
        other = "dilation" if name == "strides" else "strides"
        yield Fix(f"keep the {other} alone", (Edit(site.step.span, print_expr(changed)),))
