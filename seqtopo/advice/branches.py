"""Propose fixes for all branches of a merge at once: keep or drop the time steps in each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seqtopo.advice.failure_site import (
    Site,
    called,
    collapses_steps,
    forgets_steps,
    gives_steps,
    maker,
    named_steps,
    taken_out,
)
from seqtopo.diag.model import Edit, Fix
from seqtopo.graph.graph import Graph, Node, Sources, Value
from seqtopo.graph.symbols import size_text
from seqtopo.layers.sizes import Size, is_open
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import call, with_flag, without, word


@dataclass(frozen=True)
class Branch:
    """A value that a merge joins, its place there, and the node that made its number of axes."""

    merge: Node
    place: int
    made: Node


def merges_any(node: Node) -> bool:
    """Return whether a call merges any number of values, all with the same number of axes."""
    return node.layer is not None and len(node.inputs) > 1 and node.layer.row.inputs[1] is None


def branches(graph: Graph, values: Iterable[Value], merge: Node) -> list[Branch]:
    """Return the branches behind a node's values; a merge among them is replaced by its own branches."""
    found: list[Branch] = []
    for place, value in enumerate(values):
        made = maker(graph, value)
        if merges_any(made) and made.index < merge.index:
            found += branches(graph, made.inputs, made)
        elif not value.extra:
            found.append(Branch(merge, place, made))
        else:
            return []
    return found


def behind_merge(graph: Graph, value: Value) -> list[Branch]:
    """Return the branches of the merge that made a value; [] if no merge did."""
    made = maker(graph, value)
    return branches(graph, made.inputs, made) if merges_any(made) else []


def steps_kept(graph: Graph, sources: Sources, found: list[Branch]) -> Fix | None:
    """Return the fix that keeps the steps in each branch; None if a branch cannot keep them.

    A recurrent layer that returns its last step gets ``seq``, ``flatten`` and pooling are removed, and
    vectors are repeated.
    """
    edits: dict[Span, Edit] = {}
    forgets: list[str] = []
    out: list[str] = []
    vectors: list[Branch] = []
    steps: Size | None = None
    for branch in found:
        made = branch.made
        expr = sources.of(made)
        incoming = graph.tensor(made.inputs[0]) if len(made.inputs) == 1 else None
        if forgets_steps(made) and expr is not None:
            if expr.span not in edits:
                forgets.append(called(expr))
            edits[expr.span] = Edit(expr.span, print_expr(with_flag(expr, "seq")))
        elif (
            collapses_steps(graph, made)
            and incoming is not None
            and len(incoming.shape) == 2
            and expr is not None
        ):
            out.append(called(expr))
            edits[expr.span] = taken_out(sources, made) or Edit(expr.span, "id")
        elif made.outputs is not None and len(made.outputs[0].shape) == 1:
            vectors.append(branch)
            continue
        elif made.outputs is not None and len(made.outputs[0].shape) > 1:
            continue
        else:
            return None
        steps = incoming.shape[0] if steps is None and incoming is not None else steps
    if not edits:
        return None
    titles = [f"add seq to {_in_words(forgets)}"] if forgets else []
    titles += [f"take {_in_words(out)} out"] if out else []
    whole = f"{' and '.join(titles)}, to keep {'their' if len(edits) > 1 else 'its'} steps"
    if vectors:
        if steps is not None and is_open(steps) and (named := named_steps(graph, sources)) is not None:
            edits[named[1].span] = named[1]
            times: tree.Expr = word(named[0])
        elif steps is not None and not is_open(steps) and (isinstance(steps, int) or steps.is_atom):
            times = size_text(steps)
        else:
            return None
        for branch in vectors:
            step = sources.of(branch.merge)
            layer = branch.merge.layer
            if step is None or layer is None:
                return None
            site = Site(graph, layer.row, step, sources, branch.merge)
            edit = site.append(branch.place, call("repeat", times))
            if edit is None or edit.span in edits:
                return None
            edits[edit.span] = edit
        what = "the vector" if len(vectors) == 1 else f"the {len(vectors)} vectors"
        whole += f", and repeat {what} at every step: repeat({print_expr(times)})"
    return Fix(whole, tuple(edits.values()))


def steps_let_go(sources: Sources, found: list[Branch]) -> Fix | None:
    """Return the fix that removes ``seq`` from the recurrent layer at the end of each branch.

    None if a branch ends in another layer.
    """
    edits: dict[Span, Edit] = {}
    names: list[str] = []
    for branch in found:
        expr = sources.of(branch.made)
        if expr is None or not gives_steps(branch.made):
            return None
        if expr.span not in edits:
            names.append(called(expr))
        edits[expr.span] = Edit(expr.span, print_expr(without(expr, "seq", "return_sequences")))
    if not edits:
        return None
    which = "their last step" if len(edits) > 1 else "its last step"
    return Fix(f"take seq off {_in_words(names)}, to keep only {which}", tuple(edits.values()))


def _in_words(names: list[str]) -> str:
    """Return the words for several steps together: ``both lstm``, ``lstm and gru``, ``all 3 gru``.

    >>> _in_words(["lstm"]), _in_words(["lstm", "lstm"]), _in_words(["lstm", "gru"]), _in_words(["gru"] * 3)
    ('the lstm', 'both lstm', 'lstm and gru', 'all 3 gru')
    """
    kinds = list(dict.fromkeys(names))
    if len(kinds) > 1:
        return f"{', '.join(kinds[:-1])} and {kinds[-1]}"
    count = {1: "the", 2: "both"}.get(len(names), f"all {len(names)}")
    return f"{count} {kinds[0]}"
