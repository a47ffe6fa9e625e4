"""Check answers: one for each step where nothing mixes the steps, or one where there should be many."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.diag.model import Fix, Label
from seqtopo.graph.graph import Node, Value
from seqtopo.graph.seen import NOTHING, fields
from seqtopo.layers.sizes import Size, product, symbols
from seqtopo.layers.values import FLOATS
from seqtopo.lint.edits import step
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.steps import each_alone, step_by_step, steps
from seqtopo.lint.view import View
from seqtopo.syntax.rewrite import without


@rule("ST608")
def steps_never_meet(view: View) -> Iterator[Finding]:
    """Dense layers alone on a sequence: they act on each step, and nothing brings the steps together."""
    if view.training is not None and view.training.labels is not None:
        return
    alone = _dense_alone(view)
    for value in dict.fromkeys(view.graph.outputs):
        first = None if value.extra else alone.get(value.node)
        if first is None or first.layer is None or not _sees_one(view, value):
            continue
        came, out = view.came(first), view.tensor(value)
        edits = view.edits
        flat = edits.before(first, step(first.span, "flatten"))
        written = edits.written(first)
        each = None if written is None else edits.replace(first, step(first.span, "td", written))
        yield Finding(
            first.span,
            f"{first.layer.title} acts on each of the {came.shape[0]} steps of {came} by itself, and so do "
            "the layers after it",
            label=f"does not flatten {came}",
            labels=()
            if view.maker(value).span == first.span
            else (Label(view.maker(value).span, f"gives {out}: an answer for each step"),),
            help=f"to answer once from all {product(came.shape)} numbers, flatten first; to read the steps "
            "in their order, put a recurrent layer or a convolution before it",
            fixes=(
                *((Fix("mix all steps: flatten first", (flat,)),) if flat is not None else ()),
                *((Fix("or say that each step is meant: td(...)", (each,)),) if each is not None else ()),
            ),
        )


def _sees_one(view: View, value: Value) -> bool:
    """Whether each step of an output sees one step of what comes in, and no other."""
    found = fields(view.graph).get(value, NOTHING).values()
    return all(field.steps == 1 and field.axis == 0 for field in found)


def _dense_alone(view: View) -> dict[int, Node]:
    """For what comes of an input of a fixed number of steps by dense layers alone, the first of these."""
    plain: set[int] = set()
    found: dict[int, Node] = {}
    for node in view.inputs:
        came = view.out(node)
        several = len(came.shape) == 2 and isinstance(came.shape[0], int) and came.shape[0] > 1
        if several and came.dtype in FLOATS:
            plain.add(node.index)
    for node in view.calls if plain else ():
        # Whoever writes td(...), or a convolution of one step, says that each step is meant.
        if not step_by_step(view, node) or view.has_role(node, "wrapper", "convolution"):
            continue
        before = node.inputs[0].node
        if before not in plain and before not in found:
            continue
        if before in found:
            found[node.index] = found[before]
        elif view.is_row(node, "dense"):
            found[node.index] = node
        else:
            plain.add(node.index)
    return found


@rule("ST609")
def steps_as_units(view: View) -> Iterator[Finding]:
    """As many units as the ids have steps, behind a layer that has let the steps go."""
    if view.training is not None and view.training.labels is not None:
        return
    counts: dict[Size, Node] = {}
    for index in view.graph.inputs:
        node = view.graph.nodes[index]
        shape = view.out(node).shape
        if view.out(node).dtype not in FLOATS and len(shape) == 1 and _telling(shape[0]):
            counts.setdefault(shape[0], node)
    summaries = _summaries(view) if counts else {}
    for node in view.calls_of("dense") if counts else ():
        if not _ends_model(view, node):
            continue
        source = counts.get(view.out(node).shape[0])
        summary = summaries.get(node.index)
        if source is None or summary is None or summary.layer is None or node.layer is None:
            continue
        count = view.out(source).shape[0]
        yield Finding(
            node.span,
            f"{node.layer.title} gives {count} numbers for the whole sequence, as many as it has steps",
            label=f"{count} features of one vector, not {count} steps",
            labels=(
                Label(summary.span, "keeps its last step only"),
                Label(source.span, f"{count} steps"),
            ),
            help=f"for an answer at every step, keep the steps with seq in {summary.layer.title} and give "
            "dense as many units as one answer has numbers",
        )


def _telling(size: Size) -> bool:
    """Whether a number of steps is not likely to be a number of classes by chance."""
    return size > 20 if isinstance(size, int) else bool(symbols(size))


def _summaries(view: View) -> dict[int, Node]:
    """For the vectors that come of a recurrent layer without ``seq``, that layer."""
    found: dict[int, Node] = {}
    for node in view.calls:
        assert node.layer is not None
        if len(view.out(node).shape) != 1 or not node.inputs:
            continue
        if node.layer.row.recurrent:
            found[node.index] = node
        elif each_alone(view, node) and node.inputs[0].node in found:
            found[node.index] = found[node.inputs[0].node]
    return found


def _ends_model(view: View, node: Node) -> bool:
    """Whether it is an output, or an activation behind it is."""
    users = view.users(node)
    return view.is_output(node) or (
        len(users) == 1 and view.is_row(users[0], "softmax", "act") and view.is_output(users[0])
    )


@rule("ST610")
def answer_at_each_step(view: View) -> Iterator[Finding]:
    """A classifier's head at every step: for one answer a sample, the steps have to end before it."""
    if view.training is not None and view.training.labels is not None:
        return
    for value in dict.fromkeys(view.graph.outputs):
        shape = view.tensor(value).shape
        head = None if value.extra else _classifier(view, value)
        here = steps(view).get(value.node) if head is not None and len(shape) == 2 else None
        if head is None or here is None or view.graph.nodes[here.origin].layer is not None:
            continue
        before = view.maker(head.inputs[0])
        recurrent = before.layer is not None and before.layer.row.recurrent
        pooled = view.edits.before(head, step(head.span, "gavgpool1d"))
        yield Finding(
            head.span,
            f"the model answers at each of the {shape[0]} steps: its output is {view.tensor(value)}",
            label=f"gives {view.tensor(value)}",
            labels=(Label(before.span, f"keeps the {shape[0]} steps"),) if before.span != head.span else (),
            help=f"for one answer a sample, end the steps: {_ends(recurrent)}; for an answer at each step, "
            "declare it by labels in train",
            fixes=(
                *_without_seq(view, before),
                *((Fix("average over the steps first", (pooled,)),) if pooled is not None else ()),
            ),
        )


def _ends(recurrent: bool) -> str:
    return (
        "leave seq out of the layer before, or add gavgpool1d" if recurrent else "add gavgpool1d, or at(-1)"
    )


def _without_seq(view: View, node: Node) -> Iterator[Fix]:
    written = view.written(node)
    if written is not None and view.copies(node) == len(view.users(node)) == 1:
        shorter = without(written, "seq")
        if node.layer is not None and node.layer.row.recurrent and shorter != written:
            yield Fix("keep the last step only", (view.rewrite(node, shorter),))


def _classifier(view: View, value: Value) -> Node | None:
    """The ``dense`` behind a softmax or sigmoid over the last axis."""
    node = view.maker(value)
    if view.is_row(node, "softmax", "act") and node.layer is not None:
        if not (node.layer.row.name == "softmax" or node.layer.get("activation") in _CLASSIFIES):
            return None
        node = view.maker(node.inputs[0])
        return node if view.is_row(node, "dense") else None
    if node.layer is None or not view.is_row(node, "dense"):
        return None
    return node if node.layer.get("activation") in _CLASSIFIES else None


_CLASSIFIES = ("softmax", "sigmoid")
