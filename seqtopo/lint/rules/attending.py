"""Check attention: which value asks which, and steps whose order nothing shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from seqtopo.diag.model import Edit, Fix, Label, fix_by
from seqtopo.graph.graph import Node, Value
from seqtopo.graph.receptive_fields import passes
from seqtopo.layers.sizes import is_open
from seqtopo.layers.values import FLOATS
from seqtopo.lint.edits import step
from seqtopo.lint.steps import each_alone, joins_features, merges
from seqtopo.lint.view import Finding, View, rule
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr


@rule("ST619")
def query_and_value_swapped(view: View) -> Iterator[Finding]:
    """Find an attention whose query is the encoder's output and whose value is the decoder's."""
    for node in view.calls_with("attention"):
        if len(node.inputs) < 2 or node.inputs[0].extra or node.inputs[1].extra:
            continue
        writer = _writer(view, node.inputs[0], node.inputs[1])
        if writer is None or node.layer is None:
            continue
        before = view.edits.before_it(node)
        edits: tuple[Edit, ...] = ()
        if isinstance(before, tree.List) and len(before.items) == len(node.inputs) == 2:
            turned = tree.List(before.span, before.items[::-1])
            edits = (Edit(before.span, print_expr(turned)),)
        query = view.tensor(node.inputs[0])
        yield Finding(
            node.span,
            f"{node.layer.row.name} looks, for each of the encoder's {query.shape[0]} steps, among those of "
            "the decoder: query and value seem to be swapped",
            label=f"gives one row for each step of its query, {query}",
            labels=(Label(writer.span, "the decoder: should be the query"),),
            help="the query comes first in the list: the decoder's steps, then the encoder's as the value",
            fixes=(Fix("swap query and value", edits),) if edits else (),
        )


def _writer(view: View, query: Value, value: Value) -> Node | None:
    """Return the node that shows the value to be a decoder of the query; None if none does.

    Such a node takes its initial state from the encoder, or it is causal attention.
    """
    asks = {node.index for node in view.ancestors((query,))}
    behind = [node for node in view.ancestors((value,)) if node.index not in asks]
    for node in behind:
        state = node.tensors.get("initial_state", ())
        if state and all(v.node in asks for v in state):
            return node
    inputs = {i for i in asks if view.graph.nodes[i].layer is None}
    others = {node.index for node in view.ancestors((value,)) if node.layer is None}
    if inputs & others or any(view.graph.nodes[i].call.get("use_causal_mask") for i in asks):
        return None
    return next((node for node in behind if node.call.get("use_causal_mask")), None)


class _Bag(NamedTuple):
    """Steps of ids that differ by their features, and not by their positions."""

    table: Node
    attends: Node | None = None


@rule("ST676")
def order_not_seen(view: View) -> Iterator[Finding]:
    """Find attention over ids without positions: any other order of the steps gives the same."""
    if not view.calls_with("attention"):
        return
    bags: dict[int, _Bag] = {}
    reported: set[int] = set()
    for node in view.calls:
        bag = _bag_after(view, node, bags)
        if bag is None:
            continue
        ends = _pools(view, node) and len(view.output_of(node).shape) == 1
        if (ends or view.is_output(node)) and bag.attends is not None and bag.table.index not in reported:
            reported.add(bag.table.index)
            yield _unordered(view, bag.table, bag.attends)
        if not ends:
            bags[node.index] = bag


def _bag_after(view: View, node: Node, bags: dict[int, _Bag]) -> _Bag | None:
    if view.is_row(node, "embed"):
        ids = view.maker(node.inputs[0])
        plain = (
            ids.layer is None
            and view.output_of(ids).dtype not in FLOATS
            and len(view.output_of(ids).shape) == 1
        )
        return _Bag(node) if plain else None
    incoming = [None if value.extra else bags.get(value.node) for value in node.inputs]
    known = [bag for bag in incoming if bag is not None]
    if not known or len(known) < len(incoming) or len({bag.table.index for bag in known}) > 1:
        return None
    attended = next((bag for bag in known if bag.attends is not None), known[0])
    if node.callee.row.role == "attention":
        if node.call.get("use_causal_mask") or node.tensors.get("attention_mask"):
            return None
        return attended._replace(attends=attended.attends or node)
    alone = each_alone(view, node) and not view.is_row(node, "pos")
    return attended if alone or _pools(view, node) or merges(node) or joins_features(view, node) else None


def _pools(view: View, node: Node) -> bool:
    """Return whether a call makes one vector of all steps, whatever their order."""
    passed = passes(view.graph, node)
    ends = passed is not None and passed.axis is None and len(node.inputs) == 1
    return ends and view.has_role(node, "pooling", "reduction", "merge")


def _unordered(view: View, table: Node, attends: Node) -> Finding:
    steps = view.output_of(table).shape[0]
    pos = step(table.span, "pos", "sin") if is_open(steps) else tree.Name(table.span, "pos")
    edit = view.edits.after(table, pos)
    return Finding(
        attends.span,
        f"{attends.callee.row.name} does not see the order of the ids: in any other order it gives the same",
        label="compares steps by their values alone",
        labels=(Label(table.span, "gives an id the same vector at every step"),),
        help="add the positions behind the embedding: pos, or pos(sin) for any length",
        fixes=fix_by(f"add the positions: {print_expr(pos)}", edit),
    )
