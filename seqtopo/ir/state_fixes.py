"""The ways to states that a recurrent layer can start from: as many, of one vector each, of its width."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.diag.model import Edit, Fix
from seqtopo.ir.site import Site, called, core, resized, size_text
from seqtopo.layers.sizes import Size
from seqtopo.layers.values import Tensor
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import NOWHERE, call, flow, renamed, word

_STATES = {"lstm": 2, "gru": 1, "rnn": 1}


def state_fixes(site: Site) -> Iterator[Fix]:
    """Fixes of the ``init`` of a recurrent layer, the likeliest first."""
    node = site.node
    given = _init(site.step)
    if node is None or node.layer is None or given is None:
        return
    layer = core(node)
    units = layer.get("units") if layer is not None else None
    both = node.layer.row.name == "bi"
    wanted = (2 if both else 1) * _STATES.get(layer.row.name if layer is not None else "", 1)
    came = [site.tensor(v) for v in node.tensors.get("initial_state", ())]
    yield from _of_the_layer(given)
    yield from _other_number(site, given, came, wanted, both)
    widths = {t.shape[0] for t in came if len(t.shape) == 1}
    if isinstance(units, int) and widths and widths != {units}:
        yield from _other_width(site, given, widths, units)


def _init(step: tree.Expr) -> tree.Argument | None:
    args = step.args if isinstance(step, tree.Call) else ()
    return next((a for a in args if a.name is not None and a.name.name in ("init", "initial_state")), None)


def _given(given: tree.Argument, value: tree.Expr) -> tuple[Edit, ...]:
    return (Edit(given.span, print_expr(tree.Argument(NOWHERE, given.name, value))),)


def _of_the_layer(given: tree.Argument) -> Iterator[Fix]:
    """A layer's output where its state is meant."""
    names = [given.value] if isinstance(given.value, tree.Name) else []
    if isinstance(given.value, tree.List):
        names = [item for item in given.value.items if isinstance(item, tree.Name)]
    for name in names:
        state = tree.Attribute(NOWHERE, tree.Name(NOWHERE, name.name), (word("state"),))
        yield Fix(f"start from its state: {name.name}.state", _given(given, state))


def _other_number(
    site: Site, given: tree.Argument, came: list[Tensor], wanted: int, both: bool
) -> Iterator[Fix]:
    if len(came) == wanted:
        return
    if isinstance(given.value, tree.List) and len(given.value.items) == len(came):
        items = given.value.items
        vectors = tuple(item for item, tensor in zip(items, came, strict=True) if len(tensor.shape) == 1)
        if both and len(came) * 2 == wanted:
            twice = tree.List(NOWHERE, (*items, *items))
            yield Fix("give both directions the same states", _given(given, twice))
        if len(vectors) == wanted < len(items):
            left = vectors[0] if wanted == 1 else tree.List(NOWHERE, vectors)
            yield Fix("pass the state alone, without the output", _given(given, left))
        if len(items) > wanted:
            kept = items[:wanted]
            left = kept[0] if wanted == 1 else tree.List(NOWHERE, kept)
            yield Fix(f"keep the first {wanted}", _given(given, left))
    elif both and len(came) * 2 == wanted and not isinstance(given.value, tree.List):
        pair = tree.List(NOWHERE, (given.value, given.value))
        yield Fix("give both directions the same states", _given(given, pair))
        yield from _both_ways(site)
    if not isinstance(given.value, tree.List) and len(came) == 1 and wanted == 2:
        pair = tree.List(NOWHERE, (given.value, given.value))
        yield Fix("start both h and c from it", _given(given, pair))
    other = next((n for n in ("lstm", "gru") if _STATES[n] == len(came)), "")
    if other and not both:
        changed = print_expr(renamed(site.step, other))
        yield Fix(f"take a layer with that many states: {other}", (Edit(site.step.span, changed),))


def _both_ways(site: Site) -> Iterator[Fix]:
    """A ``bi`` around the layer whose states are handed over."""
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
