"""Ids: embeddings that are given what they cannot look up, and ids that are taken for numbers."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Node
from seqtopo.layers.row import HANDS_ON, Role
from seqtopo.layers.values import FLOATS, INTEGERS
from seqtopo.lint.places import FURTHEST, back_over, place_of, with_argument
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.view import View, in_order
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

_IDS_STILL: frozenset[Role] = HANDS_ON - {"noise"} | {"repetition", "padding", "join"}
"""Roles of layers behind which the numbers are still those that came in."""

# Not a fact about layers: these are roles, some of which are names of layers, too.
_NO_IDS: tuple[Role, ...] = (
    *("dense", "embedding", "encoding", "recurrent", "convolution", "transposed", "pooling", "attention"),
    *("norm", "noise", "activation", "reduction", "scaling", "position", "spectrogram"),
)
"""Roles of layers whose numbers are no ids, whatever came in."""


def _keeps_ids(view: View, node: Node) -> bool:
    """Whether a call gives numbers that came in, or ids of another range."""
    if node.layer is None:
        return False
    row = node.layer.row
    return row.role in _IDS_STILL or row.picks or (row.role == "scaling" and row.dtype == "keep")


def _gives_no_ids(node: Node) -> bool:
    return node.layer is not None and (node.layer.row.role in _NO_IDS or node.layer.row.recurrent)


def _sources(view: View) -> Iterator[tuple[Node, Node, tuple[Node, ...]]]:
    """Each look-up, what its ids come from, and the layers between, the last one first."""
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
    """Masking before an embedding: it looks for steps whose features are all 0, and ids have no features."""
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
            came = view.came(mask)
            yield Finding(
                mask.span,
                f"mask looks for steps whose features are all 0, but ids {came} have no features: it takes "
                "the time steps for them",
                label="masks no single step",
                labels=(Label(node.span, "is given ids"),),
                help="take it out, and let the embedding mask the id 0: embed(...,mask)",
                fixes=(Fix("let the embedding mask the id 0", edits),) if edits else (),
            )


@rule("ST633")
def embed_of_vectors(view: View) -> Iterator[Finding]:
    """An embedding of vectors of floats: each number in them is taken for an id."""
    for node, source, between in _sources(view):
        came = view.came(node)
        shape = came.shape
        if source.layer is not None or between or came.dtype not in FLOATS:
            continue
        if len(shape) < 2 or shape[-1] == 1:
            continue
        # What is made for one more axis does not take one less.
        any_rank = all(user.layer is not None and user.layer.row.any_axes for user in view.users(node))
        drop = view.edits.drop(node) if any_rank else None
        yield Finding(
            node.span,
            f"embed takes ids, but vectors {came} come in: it would make a vector of each number in them, "
            f"{view.out(node)}",
            label=f"is given vectors {came}",
            labels=(Label(source.span, "declares numbers, not ids"),),
            help="take embed out if the data is embedded already; for ids write in(T,int)",
            fixes=(() if drop is None else (Fix("take embed out", (drop,)),)) + _as_ids(view, source),
        )


@rule("ST634")
def embed_of_fractions(view: View) -> Iterator[Finding]:
    """An embedding of what a layer has computed: no whole numbers, so the wrong rows are looked up."""
    for node, source, between in _sources(view):
        if not _gives_no_ids(source) or source.layer is None:
            continue
        row = source.layer.row.name
        hot = row in ("one_hot", "category_encoding")
        gives = "zeros and ones" if hot else "numbers that are no ids"
        drop = None if between else view.edits.drop(source)
        fixes: tuple[Fix, ...] = ()
        if hot and drop is not None and row == "one_hot":
            fixes = (Fix("look the ids up themselves", (drop,)),)
        elif view.has_role(source, "noise", "norm", "scaling"):
            after = view.edits.written(source)
            put = view.edits.after(node, after) if after is not None else None
            if drop is not None and put is not None:
                fixes = (Fix(f"put {row} behind the embedding", (drop, put)),)
        elif len(view.out(source).shape) > 1 and (gone := view.edits.drop(node)) is not None:
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
    """An ``in(T)`` without ``int`` before an embedding: Keras casts, so it works."""
    for node, source, between in _sources(view):
        if source.layer is not None:
            continue
        came = view.out(source)
        if came.dtype not in FLOATS or (len(came.shape) > 1 and came.shape[-1] != 1 and not between):
            continue
        if any(view.is_row(n, "mask") for n in between):
            continue
        yield Finding(
            source.span,
            f"embed looks ids up, and this in(...) declares {came.dtype}",
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
    """Ids that a layer computes with: as if word 40 were twice word 20."""
    if not any(node.below is not None or view.out(node).dtype in INTEGERS for node in view.inputs):
        return
    computing = view.calls_with("dense", "recurrent", "convolution")
    for node in in_order(computing, view.recurrent):
        here = back_over(view, node, lambda v, n: v.has_role(n, "shape", "repetition"))
        below = here.below
        if here.layer is not None or (isinstance(below, int) and below <= 2):
            continue
        # Without a size of the table, a row of whole numbers may be counts; one a step is an id.
        one_a_step = view.came(node).shape[1:] == (1,) and view.out(here).dtype in INTEGERS
        if below is None and not one_a_step:
            continue
        kind = "ids" if below is None else f"ids below {below}"
        assert node.layer is not None
        yield Finding(
            node.span,
            f"{node.layer.row.name} computes with {kind} as with amounts, as if id 40 were twice id 20",
            label="computes with ids",
            labels=(Label(here.span, f"declares {kind}"),),
            help=f"look them up first: in(T,int) -> embed({below or 5000},32); for amounts leave int out",
        )


@rule("ST639")
def embed_sizes_swapped(view: View) -> Iterator[Finding]:
    """A table of few ids with very long vectors: its two sizes seem to be swapped."""
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
