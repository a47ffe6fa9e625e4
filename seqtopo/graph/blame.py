"""From a layer's refusal to a diagnostic: who made the shape, how it came, and the ways out."""

from __future__ import annotations

from itertools import islice

from seqtopo.diag.model import Label
from seqtopo.graph.branches import behind_merge
from seqtopo.graph.causes import causes
from seqtopo.graph.failure_site import Site, forgets_steps, maker, shaper
from seqtopo.graph.fixes import chain_of, fixes_of, least_length
from seqtopo.graph.graph import Graph, Node, Value
from seqtopo.graph.problem import Problem
from seqtopo.graph.sources import Sources as Sources
from seqtopo.layers.values import Refusal
from seqtopo.syntax import tree
from seqtopo.syntax.rewrite import with_flag as with_flag
from seqtopo.syntax.rewrite import without as without

MOST_PROPOSED = 8
"""Proposals for one refusal; those that do not help are sorted out later."""
_MOST_LABELS = 4


def problem_of(refusal: Refusal, graph: Graph, node: Node, call: tree.Expr, source_of: Sources) -> Problem:
    """The problem that a refusal is, blamed on the layer that made the shape where that is another."""
    assert node.layer is not None
    site = Site(graph, node.layer.row, call, source_of, node)
    at = refusal.at
    span = node.span
    labels: list[Label] = []
    notes = refusal.notes
    if at is not None and at[0] == "argument":
        span = node.spans.get(str(at[1]), span)
        labels += _given(graph, node, str(at[1]))
    if at is not None and at[0] in ("input", "inputs") and node.inputs:
        index = min(int(at[1]), len(node.inputs) - 1)
        for i in range(len(node.inputs)) if at[0] == "inputs" or len(node.inputs) > 1 else (index,):
            labels += _made(site, node.inputs[i], refusal.takes)
        if refusal.takes is not None:
            notes += _copy(site, node.inputs[index])
    notes = (*notes, *causes(refusal, site))
    message = _as_written(refusal.message, node, call)
    way = chain_of(refusal, site)
    if way is not None:
        if len(way.shrinks) > 1 or refusal.code == "ST307":
            out = "time runs out" if _counted(site) == "steps" else "there is no place left"
            left = f"the {_counted(site)} on the way here" if refusal.code == "ST307" else out
            notes = (*notes, f"{left}: {way}")
        made, before, after = way.hardest
        if made.span not in (span, node.span, *(label.span for label in labels)):
            labels.append(Label(made.span, f"leaves {after} of {before} {_counted(site)}"))
    needed = least_length(site) if refusal.code == "ST306" and way is not None else None
    if needed is not None:
        notes = (*notes, f"the layers up to here need an input of {needed} {_counted(site)} or more")
    fixes = tuple(islice(fixes_of(refusal, site), MOST_PROPOSED))
    help = refusal.help
    if refusal.takes is not None and not help and not fixes and node.inputs:
        help = _in_words(refusal.takes, len(site.tensor(node.inputs[0]).shape))
    labels = list(dict.fromkeys(labels))
    if len(labels) > _MOST_LABELS:
        labels = [*labels[: _MOST_LABELS - 1], labels[-1]]
    return Problem(
        refusal.code,
        message,
        span,
        label=refusal.label,
        labels=tuple(labels),
        notes=notes,
        help=help,
        fixes=fixes,
    )


def _counted(site: Site) -> str:
    """What the lengths of a chain count: an image has places, not steps."""
    return "steps" if len(site.tensor(site.inputs[0]).shape) == 2 else "places"


def _given(graph: Graph, node: Node, argument: str) -> list[Label]:
    """What the values of an argument were made by."""
    labels = []
    for value in node.tensors.get(argument, ()):
        made, tensor = graph.nodes[value.node], graph.tensor(value)
        if tensor is not None and made.span != node.span:
            what = "its state is" if value.extra == "state" else "gives"
            labels.append(Label(made.span, f"{what} {tensor}"))
    return labels


def _as_written(message: str, node: Node, call: tree.Expr) -> str:
    """The message with the layer's name as the spec has it, which may be another of its names."""
    written = call.name if isinstance(call, tree.Call) else call
    if node.layer is None or not isinstance(written, tree.Name):
        return message
    name = node.layer.row.name
    if written.name in node.layer.row.aliases and message.startswith(f"{name} "):
        return written.name + message.removeprefix(name)
    return message


def _made(site: Site, value: Value, takes: int | None) -> list[Label]:
    """The layer that gave a value its axes, or where sizes are the point, its sizes."""
    graph = site.graph
    made = maker(graph, value) if takes is not None else shaper(graph, value)
    forgetful = [b.made for b in behind_merge(graph, value) if forgets_steps(b.made)] if takes else []
    if forgetful:
        return [
            Label(node.span, f"gives {graph.tensor(Value(node.index))}: only its last step")
            for node in forgetful
        ]
    tensor = graph.tensor(value) if value.node == made.index else graph.tensor(Value(made.index))
    if tensor is None or site.node is None or made.span == site.node.span:
        return []
    why = ""
    if value.extra and value.node == made.index:
        why = f": its {value.extra}"
    elif forgets_steps(made):
        why = ": only its last step"
    elif made.layer is None and takes == 2 and len(tensor.shape) == 1:
        why = ": no time axis"
    return [Label(made.span, f"gives {tensor}{why}")]


def _copy(site: Site, value: Value) -> tuple[str, ...]:
    """Where one text is several layers, that it was another copy that gave the value."""
    made = maker(site.graph, value)
    if site.node is None or made.span != site.node.span or not forgets_steps(made):
        return ()
    return (f"the copy before it gives {site.graph.tensor(Value(made.index))}: only its last step",)


def _in_words(takes: int, given: int) -> str:
    """What to do about a number of axes, where no fix can be written."""
    if takes > given:
        return "declare the missing axis in the in(...), keep it in the layers before, or make it with expand"
    return "take an axis away first: last step (no seq), mean(time), flatten, or td(...) around the layer"
