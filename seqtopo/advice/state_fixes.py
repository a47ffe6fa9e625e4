"""Propose fixes for initial states of a recurrent layer: their number, their axes and their width."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.advice.failure_site import Site, called, core, resized, step_itself
from seqtopo.diag.model import Edit, Fix
from seqtopo.graph.symbols import size_text
from seqtopo.layers.sizes import Size
from seqtopo.layers.values import Tensor
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import NOWHERE, call, flow, renamed, word


def state_fixes(site: Site) -> Iterator[Fix]:
    """Fixes of the ``init`` of a recurrent layer, the likeliest first."""
    node = site.node
    given = _init(site.step)
    if node is None or node.layer is None or given is None:
        return
    layer = core(node)
    units = layer.get("units") if layer is not None else None
    both = node.layer.row.name == "bi"
    wanted = (2 if both else 1) * (layer.row.states if layer is not None else 1)
    came = [site.tensor(v) for v in node.tensors.get("initial_state", ())]
    yield from _steps_themselves(site, given, came, wanted)
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


def _steps_themselves(site: Site, given: tree.Argument, came: list[Tensor], wanted: int) -> Iterator[Fix]:
    """Take one step by ``at(i)`` for states that were taken as sequences of one step, or that stand in one
    sequence.
    """
    assert site.node is not None
    values = site.node.tensors.get("initial_state", ())
    items = given.value.items if isinstance(given.value, tree.List) else (given.value,)
    if not any(len(tensor.shape) == 2 for tensor in came):
        return
    edits: dict[Span, Edit] = {}
    names: list[str] = []
    for i, (value, tensor) in enumerate(zip(values, came, strict=True)):
        if len(tensor.shape) == 1:
            continue
        found = step_itself(site.graph, site.sources, value)
        if found is None and tensor.shape[:1] == (1,) and len(items) == len(came):
            found = "at(0)", Edit(items[i].span, print_expr(flow((items[i], call("at", 0)))))
        if found is None:
            break
        edits[found[1].span] = found[1]
        names.append(found[0])
    else:
        if wanted == len(came):
            title = f"take the step{'s' * (len(names) > 1)} out of the sequence: {', '.join(names)}"
            yield Fix(title, tuple(edits.values()))
    if len(came) == 1 and came[0].shape[:1] == (wanted,) and wanted > 1:
        each = tuple(flow((given.value, call("at", i))) for i in range(wanted))
        title = f"take its {wanted} steps for the states: {', '.join(f'at({i})' for i in range(wanted))}"
        yield Fix(title, _given(given, tree.List(NOWHERE, each)))


def _of_the_layer(given: tree.Argument) -> Iterator[Fix]:
    """Take a layer's state where its output was written."""
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
    other = {2: "lstm", 1: "gru"}.get(len(came), "")
    if other and not both:
        changed = print_expr(renamed(site.step, other))
        yield Fix(f"take a layer with that many states: {other}", (Edit(site.step.span, changed),))


def _both_ways(site: Site) -> Iterator[Fix]:
    """Put a ``bi`` around the layer whose states are handed over."""
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
