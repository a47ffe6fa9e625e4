"""Check time steps: a single one, each for itself, or in the place of the features or of the samples."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Node
from seqtopo.graph.seen import passes
from seqtopo.layers.sizes import Shape
from seqtopo.layers.timing import Slides
from seqtopo.layers.values import FLOATS
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.steps import each_alone, step_by_step
from seqtopo.lint.view import View, once
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import without


@rule("ST601")
def one_step(view: View) -> Iterator[Finding]:
    """A recurrent layer that is given one step: it has no step before it to remember."""
    for source, node in _one_step(view):
        if _stateful(view):
            continue
        assert node.layer is not None
        came = view.came(node)
        labels = (Label(node.span, "is given one step"),) if source.span != node.span else ()
        yield Finding(
            source.span,
            f"{node.layer.title} never recurs: it is given one step, {came}",
            label=_one_of(view.out(source).shape),
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
    """A stateful model that is given one step of several features, and gives another number of them."""
    for source, node in _one_step(view):
        shape = view.out(source).shape
        if not _stateful(view) or source.layer is not None or shape[-1] == 1:
            continue
        # What goes back in as the next step, or is drawn from, is fed one step at a time for good reason.
        outs = [view.tensor(value) for value in view.graph.outputs]
        if view.out(source).dtype not in FLOATS or any(t.shape[-1:] == shape[-1:] for t in outs):
            continue
        assert node.layer is not None
        yield Finding(
            source.span,
            f"{node.layer.title} is given one step at a time: in training it never learns across steps",
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
    """What gives a sequence of one step, and the first recurrent layer that is given it."""
    sources = [n for n in view.inputs if view.out(n).shape[:1] == (1,)]
    shortens = [n for n in view.calls if _shortens(n) and _leaves_one(view, n)]
    begins = {node.index: node for node in sources}
    first = {node.index: node for node in shortens}
    told: set[int] = set()
    found: list[tuple[Node, Node]] = []
    for node in view.calls if begins or first else ():
        assert node.layer is not None
        begin = begins.get(node.inputs[0].node) if node.inputs and not node.inputs[0].extra else None
        if begin is None:
            if node.index in first:
                begins[node.index] = node
            continue
        if node.layer.row.recurrent and begin.index not in told:
            told.add(begin.index)
            # A model of one step, whose state goes in and out, is run by a loop outside.
            if not node.tensors.get("initial_state") and not node.wants:
                found.append((begin, node))
        if each_alone(view, node) or node.layer.row.recurrent:
            begins[node.index] = begin
    return found


def _shortens(node: Node) -> bool:
    assert node.layer is not None
    rule = node.layer.row.time
    return node.layer.row.name == "reshape" or (isinstance(rule, Slides) and rule.rank == 1)


def _leaves_one(view: View, node: Node) -> bool:
    """Whether a call makes one step of several, or of a vector's numbers."""
    after, before = view.out(node).shape, view.came(node).shape if node.inputs else ()
    if len(after) != 2 or after[0] != 1 or after[1] == 1:
        return False
    if view.is_row(node, "reshape"):
        return len(before) == 1
    return len(before) == 2 and before[0] != 1


def _one_of(shape: Shape) -> str:
    return f"one step of {shape[1]} features" if len(shape) == 2 and shape[1] != 1 else "one step"


def _stateful(view: View) -> bool:
    for node in view.calls_given("stateful"):
        assert node.layer is not None
        inner = node.layer.get("layer")
        if node.layer.get("stateful") or (hasattr(inner, "row") and inner.get("stateful")):
            return True
    return False


def _more_steps(view: View, source: Node) -> str:
    shape = view.out(source).shape
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
    """Whether a call makes one vector of any number of steps."""
    passed = passes(view.graph, node)
    ends = (
        passed is not None
        and passed.axis is None
        and view.has_role(node, "pooling", "reduction", "selection")
    )
    return ends or view.is_row(node, "flatten")


def _as_steps(view: View, source: Node) -> Iterator[Fix]:
    """Read the features as steps, where all that follows takes any number of steps."""
    shape = view.out(source).shape
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
    """The recurrent layer behind an output with steps, if ``dense`` layers alone follow it."""
    if len(view.graph.outputs) != 1 or len(view.tensor(view.graph.outputs[0]).shape) != 2:
        return None
    node = view.maker(view.graph.outputs[0])
    while step_by_step(view, node):
        node = view.maker(node.inputs[0])
    alone = len(view.users(node)) <= 1 and view.copies(node) == 1
    return node if alone and node.layer is not None and node.layer.row.recurrent else None
