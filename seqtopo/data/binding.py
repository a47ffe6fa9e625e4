"""Bind symbols of a spec to the sizes of data: ``in(T,F)`` learns T and F."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from seqtopo.data.array import Array
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.graph import Graph
from seqtopo.graph.training import Training
from seqtopo.layers.sizes import Expr, Shape, Symbol, is_open, same, substitute
from seqtopo.source import Span


def as_taken(declared: Shape, sample: Shape) -> Shape | None:
    """Return the shape in which Keras takes samples for an input; None if they have other axes.

    Keras adds or removes a last axis of 1. Samples of one number are not sequences of an open length, though
    Keras would take them for sequences of one step.

    >>> as_taken((24, 1), (24,)), as_taken((24,), (24, 1)), as_taken((24, 3), (24,))
    ((24, 1), (24,), None)
    """
    if len(sample) == len(declared) - 1 and declared[-1] == 1:
        open_ = len(declared) > 1 and not isinstance(declared[-2], int)
        return None if open_ and sample[-1] == 1 else (*sample, 1)
    if len(sample) == len(declared) + 1 and sample[-1] == 1:
        sample = sample[:-1]
    return sample if len(sample) == len(declared) else None


@dataclass
class Learned:
    """The symbols that data has bound, the arrays that bound them, and the conflicts between two arrays.

    ``shapes`` are those of the samples for the inputs that declare a ``?``, by their nodes.
    """

    dims: dict[str, int] = field(default_factory=dict)
    by: dict[str, str] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    shapes: dict[int, Shape] = field(default_factory=dict)

    def take(self, declared: Shape, sample: Shape, array: Array, span: Span) -> None:
        """Bind the symbols of a declared shape to a sample's sizes, if both have as many axes."""
        if len(sample) != len(declared):
            return
        for size, found in zip(declared, sample, strict=True):
            name = _symbol(size)
            if not name or not isinstance(found, int) or found < 1:
                continue
            known = self.dims.setdefault(name, found)
            first = self.by.setdefault(name, array.name)
            if known != found:
                self.problems.append(
                    Diagnostic(
                        "ST721",
                        f"{name} is {known} in {first}, but {found} in {array.name}",
                        span,
                        label=f"{name} is declared here",
                        help="where the two may differ, give them symbols of their own, or write ?",
                    )
                )


def learn(graph: Graph, x: Iterable[Array], y: Iterable[Array], training: Training | None) -> Learned:
    """Bind the symbols that nothing else binds, from x and then from y."""
    learned = Learned()
    for index, array in zip(graph.inputs, x, strict=False):
        node = graph.nodes[index]
        declared = node.outputs[0].shape if node.outputs is not None else ()
        sample = as_taken(declared, array.shape[1:]) if array.shape else None
        if sample is not None:
            learned.take(declared, sample, array, node.span)
            if any(map(is_open, declared)) and all(isinstance(size, int) and size > 0 for size in sample):
                learned.shapes[index] = sample
    for i, (value, array) in enumerate(zip(graph.outputs, y, strict=False)):
        for shape in _label_shapes(graph, i, training):
            # Sizes that x has bound stay: y is compared with them, and binds the remaining symbols.
            left = tuple(substitute(size, learned.dims) for size in shape)
            known = zip(left, array.shape[1:], strict=False)
            if len(left) == len(array.shape) - 1 and not any(same(a, b) is False for a, b in known):
                learned.take(left, array.shape[1:], array, graph.nodes[value.node].span)
                break
    return learned


def _label_shapes(graph: Graph, index: int, training: Training | None) -> Iterator[Shape]:
    """Yield the shapes that a spec gives for labels: the declared one, or that of the output."""
    if training is not None and training.labels is not None and index < len(training.labels):
        yield training.labels[index].shape
    tensor = graph.tensor(graph.outputs[index])
    if tensor is not None:
        yield tensor.shape


def _symbol(size: object) -> str:
    """Return the name of a size that is one symbol; "" for any other size."""
    if isinstance(size, Expr) and size.is_atom:
        atom = size.terms[0][0][0]
        return atom.name if isinstance(atom, Symbol) else ""
    return ""
