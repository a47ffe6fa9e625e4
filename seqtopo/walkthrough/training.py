"""Describe in words what training compares: the loss, the labels, the shapes of the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seqtopo.graph.graph import Graph
from seqtopo.graph.training import Labels, Training
from seqtopo.layers.loss_objects import LOSSES
from seqtopo.layers.sizes import Shape, show_shape, symbol
from seqtopo.layers.values import INTEGERS, Object, Tensor, show
from seqtopo.walkthrough.words import batched, count, listed

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
        labels = _labels(training, i)
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


def _labels(training: Training, i: int) -> Labels | None:
    return training.labels[i] if training.labels is not None and i < len(training.labels) else None


def _label(labels: Labels) -> str:
    shape = batched(labels.shape)
    if labels.dtype not in INTEGERS:
        return shape
    return f"{shape} of ids" if labels.below is None else f"{shape} of ids below {labels.below}"


def _data(graph: Graph, training: Training | None) -> Iterator[str]:
    """The shapes that x and y have for ``fit``."""
    tensors = [tensor for i in graph.inputs for tensor in graph.nodes[i].outputs or ()]
    if not tensors:
        return
    came = [_samples(tensor.shape) for tensor in tensors]
    many = f"x is {count(len(came), 'array')}, {listed(came[:4])}"
    x = f"x has shape {came[0]}" if len(came) == 1 else many
    labels = training.labels if training is not None else None
    if labels is not None:
        y = [_samples(one.shape) for one in labels]
        yield f"so for fit(x, y), {x}, and y has {listed(y)}"
    elif training is None:
        gone = [_samples(tensor.shape) for tensor in graph.tensors(graph.outputs) or ()]
        yield f"for fit(x, y), {x}, and y the shape of what goes out, {listed(gone[:4])}"
    else:
        yield f"for fit(x, y), {x}"


def _samples(shape: Shape) -> str:
    return show_shape((symbol("samples"), *shape))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else show(value)
