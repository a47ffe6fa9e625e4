"""Explain in words which kind of topology a graph is, what makes it one, and what training compares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seqtopo.graph.graph import Graph, Node
from seqtopo.graph.kind import answered, own_steps, receptive, starts_from_another, within
from seqtopo.graph.receptive_fields import Field, has_steps
from seqtopo.graph.training import Labels, Training
from seqtopo.layers.loss_objects import LOSSES
from seqtopo.layers.sizes import Shape, count, show_shape, symbol
from seqtopo.layers.step_windows import SELF, Window
from seqtopo.layers.values import INTEGERS, Object, Tensor, show
from seqtopo.walkthrough.call_view import batched, listed, name_of, the, value

_SHOWN = 3


def reasons(graph: Graph, kind: str, samples: list[str], axis: str) -> Iterator[str]:
    """Describe why the topology is of its kind: ``samples`` are its inputs in words, ``axis`` their time
    axis.
    """
    nodes = [graph.nodes[i] for i in graph.ancestors(graph.outputs)]
    gone = graph.tensors(graph.outputs) or ()
    yield f"what comes in, for each sample: {_values(samples)}"
    yield f"what goes out: {_values([value(tensor, each='number') for tensor in gone])}"
    ends, begins = _ends(graph, nodes), _begins(graph, nodes)
    if kind == "one-to-one":
        yield "no time steps come in and none go out"
    elif kind == "one-to-many":
        yield f"nothing that comes in has time steps; with {_named(begins)} they begin" if begins else ""
    elif kind == "many-to-one":
        yield f"in {_named(ends)} the {axis} ends: one answer for all of it" if ends else ""
        yield from map(str, receptive(graph))
    elif kind == "many-to-many":
        yield _in_step(graph)
    else:
        yield from _delayed(graph, nodes, ends, begins)


def _delayed(graph: Graph, nodes: list[Node], ends: list[Node], begins: list[Node]) -> Iterator[str]:
    ahead = next(own_steps(graph), None)
    handed = [node for node in nodes if node.tensors.get("initial_state")]
    if starts_from_another(graph):
        yield (
            f"what {_named(handed)} starts from is the end of another sequence: that one is read as a whole "
            "before the output begins"
        )
    elif ahead is not None and not within(*ahead):
        field, shape = ahead
        yield (
            f"{the(shape[0], 'step')} that go out belong to none that comes in, but to those that follow: "
            "the answers lie ahead of the input"
        )
        if field.fixed(shape[0]).whole or field.window.low.plus == 0:
            yield "to each answer, all that comes in counts"
    elif ends and begins:
        yield (
            f"in {_named(ends)} the time axis ends, when the whole sequence is read; with {_named(begins)} "
            "another one begins: the output starts when the input is over"
        )
    else:
        yield "no step that goes out belongs to one that comes in: to each answer, all that comes in counts"


def _in_step(graph: Graph) -> str:
    found = [(field, shape) for field, shape in own_steps(graph) if within(field, shape)]
    each = _answers(*found[0])
    windows = [field.window for field, _ in found]
    known = next((one for one in receptive(graph) if one.before is not None), None)
    if all(window.low == window.own == window.high for window in windows):
        return f"{each}; to each answer, that step alone counts"
    if known is not None and len(found) == 1:
        return f"{each}; {known}"
    if all(_is_causal(window) for window in windows):
        return f"{each}; to each answer, its own step and those before it count"
    return f"{each}; to each answer, the steps behind its own may count, too"


def _is_causal(window: Window) -> bool:
    """Return whether no step sees a step behind its own."""
    own, high = window.own, window.high
    if own is None or (own.factor, own.over) != (high.factor, high.over) or own.factor < 0:
        return False
    beyond = high.plus - own.plus
    return isinstance(beyond, int) and beyond <= 0


def _answers(field: Field, shape: Shape) -> str:
    """Return in words the steps that the output has an answer for."""
    if field.window.own == SELF and shape[field.axis or 0] == field.length:
        return "there is one answer for each step that comes in"
    which = answered(field, shape)
    if shape[field.axis or 0] == field.length:
        return f"there is an answer {which}"
    answer = f": an answer {which}" if which.startswith("for") else ""
    return (
        f"{count(shape[field.axis or 0], 'step')} go out where {field.length} come in, in their order{answer}"
    )


def _ends(graph: Graph, nodes: list[Node]) -> list[Node]:
    """Return the calls that take a sequence and give something without steps."""
    found = []
    for node in nodes:
        incoming = graph.tensors(node.inputs) or ()
        if node.layer is not None and any(map(has_steps, incoming)) and node.outputs:
            found += [node] if len(node.outputs[0].shape) < 2 and not has_steps(node.outputs[0]) else []
    return found


def _begins(graph: Graph, nodes: list[Node]) -> list[Node]:
    """Return the calls that take no sequence and give one."""
    found = []
    for node in nodes:
        incoming = graph.tensors(node.inputs) or ()
        if node.layer is not None and incoming and not any(map(has_steps, incoming)) and node.outputs:
            found += [node] if has_steps(node.outputs[0]) else []
    return found


def _named(nodes: list[Node]) -> str:
    names = list(dict.fromkeys(name_of(node) for node in nodes))
    return listed(names if len(names) <= _SHOWN else [*names[:_SHOWN], f"{len(names) - _SHOWN} more"])


def _values(words: list[str]) -> str:
    if len(words) == 1:
        return words[0]
    if len(set(words)) == 1:
        return f"{count(len(words), 'value')}, each {words[0]}"
    return "; ".join(f"({i}) {text}" for i, text in enumerate(words[:6], 1)) + (
        "; and more" if len(words) > 6 else ""
    )


_COMPARES = {
    "mean_squared_error": "the mean of the squared differences: large misses count most",
    "mean_absolute_error": "the mean size of the differences, each in the label's own unit",
    "huber": "the squared differences where they are small, plain ones where they are large",
    "log_cosh": "the squared differences where they are small, plain ones where they are large",
    "mean_absolute_percentage_error": "the mean difference in percent of the label",
    "mean_squared_logarithmic_error": "the mean of the squared differences between logarithms",
    "binary_crossentropy": "how unlikely the labels, 0 or 1, are where the output is the probability of 1",
    "categorical_crossentropy": "how unlikely the right class is by the output; a label has a "
    "number for each class, 1 for the right one (one-hot)",
    "sparse_categorical_crossentropy": "how unlikely the right class is by the output; a label is "
    "the number of the class",
    "poisson": "how unlikely the labels, which are counts, are under the output as their mean",
    "kl_divergence": "how far one distribution is from the other",
    "cosine_similarity": "whether output and label point the same way",
    "ctc": "how unlikely the label, a shorter sequence of ids, is under all the ways to place it in time",
}
_NAMES = {alias: entry.name for entry in LOSSES for alias in (entry.name, *entry.aliases)}
_OF_LOGITS = "the output is taken as scores before softmax or sigmoid (from_logits)"


def trained(training: Training | None, graph: Graph) -> Iterator[str]:
    """Describe how it is trained, or what data that would need."""
    outputs = graph.tensors(graph.outputs) or ()
    if training is None:
        yield "the spec has no train line, so it does not say what the output is compared with"
        yield from _data(graph, None)
        return
    losses = training.loss if isinstance(training.loss, list) else [training.loss]
    for i, loss in enumerate(losses[: len(outputs)]):
        which = f"output {i + 1}: " if len(outputs) > 1 else ""
        labels = training.labels[i] if training.labels is not None and i < len(training.labels) else None
        yield which + _loss(loss, outputs[i], labels)
    yield f"the optimizer, {_shown(training.optimizer)}, changes the weights so that this becomes less"
    if training.metrics:
        metrics = training.metrics if isinstance(training.metrics, list) else [training.metrics]
        names = [_shown(m) for one in metrics for m in (one if isinstance(one, list) else [one])]
        yield f"reported beside it, and not trained on: {listed(list(dict.fromkeys(names)))}"
    yield from _data(graph, training)


def _loss(loss: Any, output: Tensor, labels: Labels | None) -> str:
    if loss is None:
        return "the spec names no loss"
    known = loss.name if isinstance(loss, Object) else str(loss)
    compares = _COMPARES.get(_NAMES.get(known, known), "")
    given = f"the label {_label(labels)}" if labels is not None else "the label"
    words = f"the loss, {_shown(loss)}, compares the output {batched(output.shape)} with {given}"
    if isinstance(loss, Object) and loss.kwargs.get("from_logits"):
        words += f"; {_OF_LOGITS}"
    return f"{words}. It is {compares}" if compares else words


def _label(labels: Labels) -> str:
    shape = batched(labels.shape)
    if labels.dtype not in INTEGERS:
        return shape
    return f"{shape} of ids" if labels.below is None else f"{shape} of ids below {labels.below}"


def _data(graph: Graph, training: Training | None) -> Iterator[str]:
    """Yield the shapes that x and y have for ``fit``."""
    tensors = [tensor for i in graph.inputs for tensor in graph.nodes[i].outputs or ()]
    if not tensors:
        return
    incoming = [_samples(tensor.shape) for tensor in tensors]
    many = f"x is {count(len(incoming), 'array')}, {listed(incoming[:4])}"
    x = f"x has shape {incoming[0]}" if len(incoming) == 1 else many
    labels = training.labels if training is not None else None
    if labels is not None:
        y = [_samples(one.shape) for one in labels]
        yield f"so for fit(x, y), {x}, and y has {listed(y)}"
    elif training is None:
        gone = [_samples(tensor.shape) for tensor in graph.tensors(graph.outputs) or ()]
        yield f"for fit(x, y), {x}, and y the shape of the output, {listed(gone[:4])}"
    else:
        yield f"for fit(x, y), {x}"


def _samples(shape: Shape) -> str:
    return show_shape((symbol("samples"), *shape))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else show(value)
