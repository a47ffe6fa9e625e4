"""Check masks and ids: padded steps hidden from one layer and seen by another, and what
embeddings look up.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from seqtopo.diag.model import Edit, Fix, Label, fix_by
from seqtopo.graph.graph import Node
from seqtopo.graph.masks import Masked, Masks, mask_of, uses_mask
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import HANDS_ON, Role, Row
from seqtopo.layers.sizes import show_shape
from seqtopo.layers.values import FLOATS, INTEGERS
from seqtopo.lint.edits import step
from seqtopo.lint.places import FURTHEST, back_over, place_of, with_argument, without
from seqtopo.lint.steps import each_alone
from seqtopo.lint.view import Finding, View, in_order, rule
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr


@rule("ST631")
def mask_lost(view: View) -> Iterator[Finding]:
    """Find a mask that ends before the layers that would use it."""
    for flow in view.flows:
        masks = flow.masks
        ends: dict[int, tuple[Node, Masked, list[Node]]] = {}
        for index, incoming in masks.before.items():
            node = flow.graph.nodes[index]
            first = incoming[0] if incoming else None
            if first is not None and first.end is None and _mixes(flow, node):
                ends.setdefault(node.index, (node, first, []))
            if uses_mask(flow.graph, node):
                for mask in incoming:
                    if mask is not None and mask.end is not None:
                        _, _, readers = ends.setdefault(mask.end.index, (mask.end, mask, []))
                        readers.append(node)
        for node, mask, readers in ends.values():
            yield _lost_mask(flow, node, mask, readers, masks)
        yield from _in_td(flow)


def _mixes(view: View, node: Node) -> bool:
    """Return whether a call without a mask makes one number of several steps, the padded ones among them."""
    several = view.is_row(node, "flatten") or view.has_role(node, "convolution", "transposed", "pooling")
    return several and len(view.input_of(node).shape) == 2 and not uses_mask(view.graph, node)


def _lost_mask(view: View, node: Node, mask: Masked, readers: list[Node], masks: Masks) -> Finding:
    name = node.callee.row.name
    names = list(dict.fromkeys(r.layer.row.name for r in readers if r.layer is not None))
    mixes = _mixes(view, node)
    if view.has_role(node, "merge"):
        where = f"ends at {name}, since not every value that it merges has one"
    else:
        where = f"ends at {name}"
    who = " and ".join([*([name] if mixes and name != "flatten" else []), *names[:2]])
    what = f"{who} read{'s' * (' and ' not in who)} the padding as data" if who else "padding goes on as data"
    labels = [Label(mask.origin.span, "masks the padded steps")]
    labels += [Label(r.span, "sees them all") for r in readers[:2]]
    return Finding(
        node.span,
        f"the mask {where}: {what}",
        label="hands no mask on",
        labels=tuple(dict.fromkeys(labels)),
        help=_advice(node.callee.row, bool(readers)),
        fixes=tuple(_ways_to_keep(view, node, mask, readers, masks)),
    )


def _advice(row: Row, read: bool) -> str:
    if row.name == "flatten":
        return "make one vector of the steps by a layer that uses masks: lstm without seq, or gavgpool1d"
    if row.role == "merge":
        return "mask every value that is merged, or merge behind the layers that use the mask"
    return (
        "put it behind the layers that use the mask, or take it out"
        if read
        else ("take the mask out, or let a layer follow it that uses it, such as lstm or gavgpool1d")
    )


def _ways_to_keep(view: View, node: Node, mask: Masked, readers: list[Node], masks: Masks) -> Iterator[Fix]:
    if view.is_row(node, "flatten"):
        yield from _without_seq(view, node)
    if view.is_row(node, "flatten", "gmaxpool1d"):
        edit = view.edits.replace(node, step(node.span, "gavgpool1d"))
        yield from fix_by("take the mean of the steps that are not padded", edit)
    elif readers and _leads_only_to(view, view.maker(node.inputs[0]), readers[0]):
        edit = view.edits.drop(node)
        if edit is not None and _mixes(view, node):
            assert readers[0].layer is not None
            title = f"take it out, so that the mask reaches {readers[0].layer.row.name}"
            yield Fix(title, (edit,))
    if mask.origin.index not in masks.used:
        yield from fix_by("leave the mask out: nothing uses it", _unmasked(view, mask.origin))


def _leads_only_to(view: View, node: Node, reader: Node) -> bool:
    """Return whether a value goes from one node to the other and nowhere else."""
    for _ in range(FURTHEST):
        users = view.users(node)
        if len(users) != 1 or view.is_output(node):
            return False
        if users[0] is reader:
            return True
        node = users[0]
    return False


def _without_seq(view: View, node: Node) -> Iterator[Fix]:
    """Fix a recurrent layer before a flatten: it gives its last step alone, and flatten is not needed."""
    here = back_over(view, node, each_alone)
    if here.layer is None or not here.layer.row.recurrent or not _leads_only_to(view, here, node):
        return
    place = place_of(view, here)
    last = None if place.expr is None else without(place.expr, "return_sequences", place.layer.row)
    drop = view.edits.drop(node)
    if last is not None and drop is not None and place.expr is not None:
        title = f"keep the last step of {place.layer.row.name} alone"
        yield Fix(title, (Edit(place.expr.span, print_expr(last)), drop))


def _unmasked(view: View, origin: Node) -> Edit | None:
    if view.is_row(origin, "mask"):
        return view.edits.drop(origin)
    place = place_of(view, origin)
    kept = None if place.expr is None else without(place.expr, "mask_zero", place.layer.row)
    return None if kept is None or place.expr is None else Edit(place.expr.span, print_expr(kept))


def _in_td(view: View) -> Iterator[Finding]:
    """Fix ``td(embed(...,mask))``: the mask is made inside, and td hands on values alone."""
    for node in view.calls_given("layer"):
        inner = node.callee.get("layer")
        if not node.callee.row.steps or not isinstance(inner, Layer):
            continue
        if inner.row.name == "mask" or (inner.row.name == "embed" and inner.get("mask_zero")):
            place = place_of(view, node)
            plain = place.fix(
                "leave the mask out: nothing uses it", partial(without, param="mask_zero", row=inner.row)
            )
            yield Finding(
                place.span,
                f"the mask of {inner.row.name} ends where td does, and nothing inside uses it",
                label="its mask goes nowhere",
                help="put what uses it into the same td, as in td(embed(5000,64,mask) -> lstm(32))",
                fixes=plain,
            )


@rule("ST679")
def mask_of_several_axes(view: View) -> Iterator[Finding]:
    """Find a mask for the steps within each step, at a layer that wants one number a step."""
    for flow in view.flows:
        masks = flow.masks
        told: set[int] = set()
        for index, incoming in masks.before.items():
            node = flow.graph.nodes[index]
            mask = incoming[0] if incoming else None
            if mask is None or mask.end is not None or not uses_mask(flow.graph, node):
                continue
            layer, origin = node.layer, mask.origin
            assert layer is not None
            path = _unchanged_mask(flow, node, origin)
            if path is None or layer.row.steps or origin.index in told:
                continue
            axes = len(flow.input_of(origin).shape) - (0 if flow.has_role(origin, "embedding") else 1)
            wanted = 1 if layer.row.recurrent else len(flow.input_of(node).shape) - 1
            if axes <= wanted:
                continue
            told.add(origin.index)
            fixes = _masked_inside(flow, origin, path)
            yield Finding(
                node.span,
                f"{layer.row.name} takes a mask with one number a step, but the mask of "
                f"{origin.callee.row.name} is {show_shape(flow.input_of(origin).shape[:axes])}: Keras "
                "raises, or masks units where the sizes agree",
                label="takes one number a step",
                labels=(Label(origin.span, "masks the steps within each step"),),
                help="" if fixes else "make the mask inside td(...), where it ends, or make none",
                fixes=fixes,
            )


def _unchanged_mask(view: View, node: Node, origin: Node) -> list[Node] | None:
    """Return the calls from a mask's origin to a node, if they hand on the mask as it is; else None."""
    path: list[Node] = []
    here = view.maker(node.inputs[0])
    while here is not origin:
        stock = here.layer is not None and here.layer.row.keras and not here.layer.row.function
        if not stock or mask_of(view.graph, here).output != "first" or not here.inputs:
            return None
        path.append(here)
        here = view.maker(here.inputs[0])
    return path[::-1]


def _masked_inside(view: View, origin: Node, path: list[Node]) -> tuple[Fix, ...]:
    """Return the fix that moves a mask's origin into the td that follows it."""
    if not path or not view.is_row(path[0], "td") or view.users(origin) != path[:1]:
        return ()
    drop, maker, wrapper = view.edits.drop(origin), view.written(origin), view.written(path[0])
    if drop is None or maker is None or not isinstance(wrapper, tree.Call) or len(wrapper.args) != 1:
        return ()
    inner = wrapper.args[0].value.span
    first = Edit(Span(inner.start, inner.start), f"{print_expr(maker)} -> ")
    return (Fix("make the mask inside td", (drop, first)),)


@rule("ST637")
def padding_not_masked(view: View) -> Iterator[Finding]:
    """Find ids that are read step by step without a mask: padding is read as a word."""
    for flow in view.flows:
        masks = flow.masks
        for node in flow.recurrent if flow.calls_of("embed") else ():
            if node.layer is None or "mask" in node.tensors:
                continue
            if masks.before.get(node.index, (None,))[0] is not None:
                continue
            table = _embedding_before(flow, node)
            if table is None:
                continue
            place = place_of(flow, table)
            flag = tree.Name(place.span, "mask")
            yield Finding(
                place.span,
                f"padding, if there is any, is read by {node.layer.row.name} as if it were words",
                label="makes no mask",
                labels=(Label(node.span, "reads every step"),),
                help="write mask where the ids are padded with 0, and let the ids of words begin at 1",
                fixes=place.fix("mask the id 0", partial(with_argument, name=None, value=flag)),
            )


def _hands_mask_on(view: View, node: Node) -> bool:
    return each_alone(view, node) and mask_of(view.graph, node).output == "first"


def _embedding_before(view: View, node: Node) -> Node | None:
    """Return the embedding that a recurrent layer reads, with nothing between that changes the steps."""
    here = back_over(view, node, _hands_mask_on)
    if not view.is_row(here, "embed") or view.input_of(here).dtype not in INTEGERS:
        return None
    return here if view.maker(here.inputs[0]).layer is None else None


@rule("ST638")
def zero_may_be_data(view: View) -> Iterator[Finding]:
    """Find a single feature that is masked where it is 0: a 0 that was measured is skipped as well."""
    for node in view.calls_of("mask"):
        incoming = view.input_of(node)
        if node.callee.get("mask_value") == 0 and incoming.shape[-1:] == (1,):
            if view.maker(node.inputs[0]).layer is not None:
                continue
            yield Finding(
                node.span,
                "every step whose one feature is 0 is skipped, whether the 0 was measured or padded",
                label="skips each 0",
                help="pad with a number that is not a measurement, such as -1, and mask that: mask(-1)",
                fixes=fix_by(
                    "mask -1, and pad the data with it", view.edits.replace(node, step(node.span, "mask", -1))
                ),
            )


_IDS_STILL: frozenset[Role] = HANDS_ON - {"noise"} | {"repetition", "padding", "join"}
"""Roles of layers behind which the numbers are still those that came in."""

# Not a fact about layers: these are roles, some of which are names of layers, too.
_NO_IDS: tuple[Role, ...] = (
    *("dense", "embedding", "encoding", "recurrent", "convolution", "transposed", "pooling", "attention"),
    *("norm", "noise", "activation", "reduction", "scaling", "position", "spectrogram"),
)
"""Roles of layers whose numbers are not ids, whatever came in."""


def _keeps_ids(view: View, node: Node) -> bool:
    """Return whether a call gives numbers that came in, or ids of another range."""
    if node.layer is None:
        return False
    row = node.layer.row
    return row.role in _IDS_STILL or row.picks or (row.role == "scaling" and row.dtype == "keep")


def _gives_no_ids(node: Node) -> bool:
    return node.layer is not None and (node.layer.row.role in _NO_IDS or node.layer.row.recurrent)


def _sources(view: View) -> Iterator[tuple[Node, Node, tuple[Node, ...]]]:
    """Yield each embedding, the node that its ids come from, and the layers between, the last one first."""
    for node in view.calls_with("embedding"):
        if node.call.get("reverse"):
            continue
        between: list[Node] = []
        here = view.maker(node.inputs[0])
        while _keeps_ids(view, here) and len(between) < FURTHEST:
            between.append(here)
            here = view.maker(here.inputs[0])
        yield node, here, tuple(between)


@rule("ST632")
def mask_on_ids(view: View) -> Iterator[Finding]:
    """Find masking before an embedding: it looks for steps whose features are all 0, and ids have none."""
    for node, _, between in _sources(view):
        for mask in between:
            if not view.is_row(mask, "mask"):
                continue
            drop = view.edits.drop(mask)
            place = place_of(view, node)
            flag = tree.Name(place.span, "mask")
            masked = None if place.expr is None else with_argument(place.expr, None, flag)
            edits = (
                (drop, Edit(place.expr.span, print_expr(masked)))
                if drop is not None and masked is not None and place.expr is not None
                else ()
            )
            incoming = view.input_of(mask)
            yield Finding(
                mask.span,
                f"mask looks for steps whose features are all 0, but ids {incoming} have no features: it "
                "takes the time steps for them",
                label="masks no single step",
                labels=(Label(node.span, "is given ids"),),
                help="take it out, and let the embedding mask the id 0: embed(...,mask)",
                fixes=(Fix("let the embedding mask the id 0", edits),) if edits else (),
            )


@rule("ST633")
def embed_of_vectors(view: View) -> Iterator[Finding]:
    """Find an embedding of vectors of floats: each number in them is taken for an id."""
    for node, source, between in _sources(view):
        incoming = view.input_of(node)
        shape = incoming.shape
        if source.layer is not None or between or incoming.dtype not in FLOATS:
            continue
        if len(shape) < 2 or shape[-1] == 1:
            continue
        # A layer that needs one axis more does not take one less.
        any_rank = all(user.layer is not None and user.layer.row.any_axes for user in view.users(node))
        drop = view.edits.drop(node) if any_rank else None
        yield Finding(
            node.span,
            f"embed takes ids, but vectors {incoming} come in: it would make a vector of each number in "
            f"them, {view.output_of(node)}",
            label=f"is given vectors {incoming}",
            labels=(Label(source.span, "declares numbers, not ids"),),
            help="take embed out if the data is embedded already; for ids write in(T,int)",
            fixes=(() if drop is None else (Fix("take embed out", (drop,)),)) + _as_ids(view, source),
        )


@rule("ST634")
def embed_of_fractions(view: View) -> Iterator[Finding]:
    """Find an embedding of a layer's output: no whole numbers, so that the wrong rows are looked up."""
    for node, source, between in _sources(view):
        if not _gives_no_ids(source) or source.layer is None:
            continue
        row = source.layer.row.name
        hot = row in ("one_hot", "category_encoding")
        gives = "zeros and ones" if hot else "numbers that are not ids"
        drop = None if between else view.edits.drop(source)
        fixes: tuple[Fix, ...] = ()
        if hot and drop is not None and row == "one_hot":
            fixes = (Fix("look the ids up themselves", (drop,)),)
        elif view.has_role(source, "noise", "norm", "scaling"):
            after = view.edits.written(source)
            put = view.edits.after(node, after) if after is not None else None
            if drop is not None and put is not None:
                fixes = (Fix(f"put {row} behind the embedding", (drop, put)),)
        elif len(view.output_of(source).shape) > 1 and (gone := view.edits.drop(node)) is not None:
            fixes = (Fix(f"take the embedding out: {row} gives vectors already", (gone,)),)
        yield Finding(
            node.span,
            f"embed looks ids up, but {row} gives {gives}: the wrong rows are looked up",
            label="wants ids",
            labels=(Label(source.span, f"gives {gives}"),),
            help=f"give it the ids themselves, and put {row} behind it"
            if not hot
            else f"take {row} out, or embed out: a dense layer without bias does the same to one-hot vectors",
            fixes=fixes,
        )


@rule("ST635")
def ids_declared_as_floats(view: View) -> Iterator[Finding]:
    """Find an ``in(T)`` without ``int`` before an embedding: Keras casts, so it works."""
    for node, source, between in _sources(view):
        if source.layer is not None:
            continue
        incoming = view.output_of(source)
        if incoming.dtype not in FLOATS or (
            len(incoming.shape) > 1 and incoming.shape[-1] != 1 and not between
        ):
            continue
        if any(view.is_row(n, "mask") for n in between):
            continue
        yield Finding(
            source.span,
            f"embed looks ids up, and this in(...) declares {incoming.dtype}",
            label="no ids",
            labels=(Label(node.span, "takes ids"),),
            notes=("Keras cuts the numbers off to whole ones; above 16,777,216 a float32 cannot hold an id",),
            help="say that they are ids: int, or int(5000) with the size of the table",
            fixes=_as_ids(view, source),
        )


def _as_ids(view: View, source: Node) -> tuple[Fix, ...]:
    call = view.edits.call(source)
    if call is None or len(view.users(source)) != 1 or any(a.name is None and _dtype(a) for a in call.args):
        return ()
    changed = with_argument(call, None, tree.Name(call.span, "int"))
    return () if changed is None else (Fix("declare ids", (Edit(call.span, print_expr(changed)),)),)


def _dtype(arg: tree.Argument) -> bool:
    return isinstance(arg.value, tree.Name) and arg.value.name in FLOATS


@rule("ST636")
def ids_as_numbers(view: View) -> Iterator[Finding]:
    """Find ids that a layer computes with, as if word 40 were twice word 20."""
    if not any(node.below is not None or view.output_of(node).dtype in INTEGERS for node in view.inputs):
        return
    computing = view.calls_with("dense", "recurrent", "convolution")
    for node in in_order(computing, view.recurrent):
        here = back_over(view, node, lambda v, n: v.has_role(n, "shape", "repetition"))
        below = here.below
        if here.layer is not None or (isinstance(below, int) and below <= 2):
            continue
        # Without a size of the table, a row of whole numbers may be counts; one a step is an id.
        one_a_step = view.input_of(node).shape[1:] == (1,) and view.output_of(here).dtype in INTEGERS
        if below is None and not one_a_step:
            continue
        kind = "ids" if below is None else f"ids below {below}"
        yield Finding(
            node.span,
            f"{node.callee.row.name} computes with {kind} as with amounts, as if id 40 were twice id 20",
            label="computes with ids",
            labels=(Label(here.span, f"declares {kind}"),),
            help=f"look them up first: in(T,int) -> embed({below or 5000},32); for amounts leave int out",
        )


@rule("ST639")
def embed_sizes_swapped(view: View) -> Iterator[Finding]:
    """Find a table of few ids with very long vectors: its two sizes seem to be swapped."""
    for node in view.calls_of("embed"):
        place = place_of(view, node)
        rows, width = place.layer.get("input_dim"), place.layer.get("output_dim")
        if (
            not isinstance(rows, int)
            or not isinstance(width, int)
            or width < _LONG_VECTOR
            or width < 4 * rows
        ):
            continue
        yield Finding(
            place.span,
            f"{place.layer.title} is a table of {rows} ids with vectors of {width} numbers: its sizes seem "
            "to be swapped",
            label=f"takes ids below {rows}",
            help=f"the number of ids comes first: embed({width},{rows})",
            fixes=place.fix(f"write embed({width},{rows})", _sizes_swapped),
        )


_LONG_VECTOR = 1000


def _sizes_swapped(expr: tree.Expr) -> tree.Expr | None:
    if not isinstance(expr, tree.Call) or len(expr.args) < 2 or expr.args[0].name or expr.args[1].name:
        return None
    return tree.Call(expr.span, expr.name, (expr.args[1], expr.args[0], *expr.args[2:]))
