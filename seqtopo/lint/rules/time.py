"""Check time steps: a single one, each for itself, in place of features or samples; one answer
or one a step.
"""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Node, Value
from seqtopo.graph.receptive_fields import NOTHING, fields, passes
from seqtopo.layers.sizes import Shape, Size, product, symbols
from seqtopo.layers.timing import Slides
from seqtopo.layers.values import FLOATS
from seqtopo.lint.edits import step
from seqtopo.lint.steps import each_alone, step_by_step, steps
from seqtopo.lint.view import Finding, View, once, rule
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import without


@rule("ST601")
def one_step(view: View) -> Iterator[Finding]:
    """Find a recurrent layer that is given one step: it has no step before it to remember."""
    for source, node in _one_step(view):
        if _stateful(view):
            continue
        incoming = view.input_of(node)
        labels = (Label(node.span, "is given one step"),) if source.span != node.span else ()
        yield Finding(
            source.span,
            f"{node.callee.title} never recurs: it is given one step, {incoming}",
            label=_one_step_words(view.output_of(source).shape),
            labels=labels,
            notes=(
                "over one step a recurrent layer is a dense layer with gates: it starts from zeros, and "
                "nothing comes before or after",
            ),
            help=_more_steps(view, source),
            fixes=tuple(_as_steps(view, source)),
        )


@rule("ST602")
def one_step_at_a_time(view: View) -> Iterator[Finding]:
    """Find a stateful model that is given one step of several features, and gives another number of them."""
    for source, node in _one_step(view):
        shape = view.output_of(source).shape
        if not _stateful(view) or source.layer is not None or shape[-1] == 1:
            continue
        # A model whose output is its next input, or is sampled from, is given one step for good reason.
        outs = [view.tensor(value) for value in view.graph.outputs]
        if view.output_of(source).dtype not in FLOATS or any(t.shape[-1:] == shape[-1:] for t in outs):
            continue
        yield Finding(
            source.span,
            f"{node.callee.title} is given one step at a time: in training it never learns across steps",
            label=f"one step of {shape[-1]} features",
            labels=(Label(node.span, "carries its state, but no gradient, to the next batch"),),
            notes=(
                f"if the {shape[-1]} numbers are lags of one series, they are steps, not features: the axes "
                "of in(...) are time steps, then features",
            ),
            help="give it a stretch of several steps, "
            + (f"such as in({shape[-1]},1)" if len(shape) == 2 else "with the steps as the first axis"),
            fixes=tuple(_as_steps(view, source)),
        )


@once
def _one_step(view: View) -> list[tuple[Node, Node]]:
    """Return pairs: a node that gives a sequence of one step, and the recurrent layer that reads it."""
    sources = [n for n in view.inputs if view.output_of(n).shape[:1] == (1,)]
    shortens = [n for n in view.calls if _shortens(n) and _leaves_one(view, n)]
    begins = {node.index: node for node in sources}
    first = {node.index: node for node in shortens}
    reported: set[int] = set()
    found: list[tuple[Node, Node]] = []
    for node in view.calls if begins or first else ():
        begin = begins.get(node.inputs[0].node) if node.inputs and not node.inputs[0].extra else None
        if begin is None:
            if node.index in first:
                begins[node.index] = node
            continue
        if node.callee.row.recurrent and begin.index not in reported:
            reported.add(begin.index)
            # A one-step model, whose states are inputs and outputs, is run by an outer loop.
            if not node.tensors.get("initial_state") and not node.wants:
                found.append((begin, node))
        if each_alone(view, node) or node.callee.row.recurrent:
            begins[node.index] = begin
    return found


def _shortens(node: Node) -> bool:
    rule, row = node.callee.row.time, node.callee.row
    if row.role in ("pooling", "reduction") and node.callee.args.get("keepdims"):
        return True
    return row.name == "reshape" or (isinstance(rule, Slides) and rule.rank == 1)


def _leaves_one(view: View, node: Node) -> bool:
    """Return whether a call makes one step of several, or of a vector's numbers."""
    after, before = view.output_of(node).shape, view.input_of(node).shape if node.inputs else ()
    if len(after) != 2 or after[0] != 1 or after[1] == 1:
        return False
    if view.is_row(node, "reshape"):
        return len(before) == 1
    return len(before) == 2 and before[0] != 1


def _one_step_words(shape: Shape) -> str:
    return f"one step of {shape[1]} features" if len(shape) == 2 and shape[1] != 1 else "one step"


def _stateful(view: View) -> bool:
    for node in view.calls_given("stateful"):
        inner = node.callee.get("layer")
        if node.callee.get("stateful") or (hasattr(inner, "row") and inner.get("stateful")):
            return True
    return False


def _more_steps(view: View, source: Node) -> str:
    shape = view.output_of(source).shape
    if source.layer is None and len(shape) == 2 and shape[-1] != 1:
        return (
            f"if these are {shape[-1]} values of one series, write in({shape[-1]},1); "
            f"if they are one vector a sample, in({shape[-1]}) -> dense(...)"
        )
    if source.layer is None:
        return "declare the steps of a sample: in(T,...), or use dense for a single one"
    if view.is_row(source, "reshape"):
        return f"the steps come first: reshape({shape[-1]},1) makes {shape[-1]} steps of one feature"
    return "shorten the sequence less before it, or leave the recurrent layer out"


def _ends_steps(view: View, node: Node) -> bool:
    """Return whether a call makes one vector of any number of steps."""
    passed = passes(view.graph, node)
    ends = (
        passed is not None
        and passed.axis is None
        and view.has_role(node, "pooling", "reduction", "selection")
    )
    return ends or view.is_row(node, "flatten")


def _as_steps(view: View, source: Node) -> Iterator[Fix]:
    """Read the features as steps, where all that follows takes any number of steps."""
    shape = view.output_of(source).shape
    call = view.edits.call(source)
    if call is None or len(shape) != 2 or not isinstance(shape[1], int) or shape[1] == 1:
        return
    if [a.name for a in call.args[:2]] != [None, None] or view.training is not None:
        return
    for node in view.calls:
        recurrent = node.layer is not None and node.layer.row.recurrent
        if node is not source and not (recurrent or each_alone(view, node) or _ends_steps(view, node)):
            return
        if view.is_row(node, "pos", "embed"):
            return
    first, second = call.args[:2]
    if not (isinstance(first.value, tree.Number) and isinstance(second.value, tree.Number)):
        return
    swapped = tree.Call(call.span, call.name, (second, first, *call.args[2:]))
    edits = [Edit(call.span, print_expr(swapped))]
    kept = _last_recurrent(view)
    if kept is not None:
        written = view.written(kept)
        shorter = None if written is None else without(written, "seq")
        if shorter is not None and shorter != written:
            edits.append(view.rewrite(kept, shorter))
    yield Fix(f"read the {shape[1]} numbers as {shape[1]} steps of one feature", tuple(edits))


def _last_recurrent(view: View) -> Node | None:
    """Return the recurrent layer behind an output with steps, if ``dense`` layers alone follow it."""
    if len(view.graph.outputs) != 1 or len(view.tensor(view.graph.outputs[0]).shape) != 2:
        return None
    node = view.maker(view.graph.outputs[0])
    while step_by_step(view, node):
        node = view.maker(node.inputs[0])
    alone = len(view.users(node)) <= 1 and view.copies(node) == 1
    return node if alone and node.layer is not None and node.layer.row.recurrent else None


@rule("ST608")
def steps_never_meet(view: View) -> Iterator[Finding]:
    """Find dense layers alone on a sequence: they act on each step, and nothing combines the steps."""
    if view.training is not None and view.training.labels is not None:
        return
    alone = _dense_alone(view)
    for value in dict.fromkeys(view.graph.outputs):
        first = None if value.extra else alone.get(value.node)
        if first is None or first.layer is None or not _sees_one(view, value):
            continue
        incoming, out = view.input_of(first), view.tensor(value)
        edits = view.edits
        flat = edits.insert_before(first, step(first.span, "flatten"))
        written = edits.written(first)
        each = None if written is None else edits.replace(first, step(first.span, "td", written))
        yield Finding(
            first.span,
            f"{first.layer.title} acts on each of the {incoming.shape[0]} steps of {incoming} by itself, and "
            "so do the layers after it",
            label=f"does not flatten {incoming}",
            labels=()
            if view.maker(value).span == first.span
            else (Label(view.maker(value).span, f"gives {out}: an answer for each step"),),
            help=f"to answer once from all {product(incoming.shape)} numbers, flatten first; to read the "
            "steps in their order, put a recurrent layer or a convolution before it",
            fixes=(
                *((Fix("mix all steps: flatten first", (flat,)),) if flat is not None else ()),
                *((Fix("or say that each step is meant: td(...)", (each,)),) if each is not None else ()),
            ),
        )


def _sees_one(view: View, value: Value) -> bool:
    """Return whether each step of an output sees exactly one step of the input."""
    found = fields(view.graph).get(value, NOTHING).values()
    return all(field.steps == 1 and field.axis == 0 for field in found)


def _dense_alone(view: View) -> dict[int, Node]:
    """Return, for each value that only dense layers make of a fixed number of steps, the first of these."""
    plain: set[int] = set()
    found: dict[int, Node] = {}
    for node in view.inputs:
        incoming = view.output_of(node)
        several = len(incoming.shape) == 2 and isinstance(incoming.shape[0], int) and incoming.shape[0] > 1
        if several and incoming.dtype in FLOATS:
            plain.add(node.index)
    for node in view.calls if plain else ():
        # td(...), or a convolution of one step, shows that the author means each step.
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
    """Find as many units as the ids have steps, behind a layer that has dropped the steps."""
    if view.training is not None and view.training.labels is not None:
        return
    counts: dict[Size, Node] = {}
    for index in view.graph.inputs:
        node = view.graph.nodes[index]
        shape = view.output_of(node).shape
        if view.output_of(node).dtype not in FLOATS and len(shape) == 1 and _is_no_class_count(shape[0]):
            counts.setdefault(shape[0], node)
    summaries = _summaries(view) if counts else {}
    for node in view.calls_of("dense") if counts else ():
        if not _ends_model(view, node):
            continue
        source = counts.get(view.output_of(node).shape[0])
        summary = summaries.get(node.index)
        if source is None or summary is None or summary.layer is None or node.layer is None:
            continue
        count = view.output_of(source).shape[0]
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


def _is_no_class_count(size: Size) -> bool:
    """Return whether a number of steps is unlikely to equal a number of classes by chance."""
    return size > 20 if isinstance(size, int) else bool(symbols(size))


def _summaries(view: View) -> dict[int, Node]:
    """Return, for each vector that comes from a recurrent layer without ``seq``, that layer."""
    found: dict[int, Node] = {}
    for node in view.calls:
        if len(view.output_of(node).shape) != 1 or not node.inputs:
            continue
        if node.callee.row.recurrent:
            found[node.index] = node
        elif each_alone(view, node) and node.inputs[0].node in found:
            found[node.index] = found[node.inputs[0].node]
    return found


def _ends_model(view: View, node: Node) -> bool:
    """Return whether a node is an output, or an activation behind it is."""
    users = view.users(node)
    return view.is_output(node) or (
        len(users) == 1 and view.is_row(users[0], "softmax", "act") and view.is_output(users[0])
    )


@rule("ST610")
def answer_at_each_step(view: View) -> Iterator[Finding]:
    """Find a classifier's head at every step: for one answer a sample, the steps must end before it."""
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
        pooled = view.edits.insert_before(head, step(head.span, "gavgpool1d"))
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
    """Return the ``dense`` behind a softmax or sigmoid over the last axis."""
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
