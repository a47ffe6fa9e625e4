"""Shapes: what each node gives, from its layer's row and from what comes in."""

from __future__ import annotations

from seqtopo.graph.graph import Graph, Node, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Outcome
from seqtopo.layers.sizes import Expr, Size, fits, show_shape
from seqtopo.layers.values import Refusal, Tensor, Weight


def infer(graph: Graph, node: Node) -> None:
    """Fills in a call's outputs, second values and its layer's weights.

    Does nothing where something that comes in has no shape itself: that was said before.

    Raises:
        Refusal: the layer does not take what comes in.
    """
    assert node.layer is not None
    inputs = graph.tensors(node.inputs)
    if inputs is None:
        return
    given: dict[str, tuple[Tensor, ...]] = {}
    for name, values in node.tensors.items():
        tensors = graph.tensors(values)
        if tensors is None:
            return
        given[name] = tensors
    layer = node.layer
    outcome = graph.outcome(layer, node.call, inputs, given)
    known = graph.weights.get(layer)
    if known is None:
        graph.weights[layer] = outcome.weights
        graph.needs[layer] = outcome.needs
        graph.first[layer] = inputs
    else:
        _same_weights(layer, known, outcome.weights, inputs)
        _same_inputs(layer, graph.first[layer], inputs)
    node.outputs = outcome.outputs
    node.extras = outcome.extras


def _same_weights(
    layer: Layer, known: tuple[Weight, ...], now: tuple[Weight, ...], inputs: tuple[Tensor, ...]
) -> None:
    for old, new in zip(known, now, strict=False):
        if len(old.shape) != len(new.shape) or not all(map(fits, old.shape, new.shape)):
            came = " and ".join(show_shape(t.shape) for t in inputs)
            raise Refusal(
                "ST311",
                f"{layer.title} is shared, but does not fit here: its {old.name} has shape "
                f"{show_shape(old.shape)}, and {came} would need {show_shape(new.shape)}",
                label=f"is given {came}",
                help="give every use the same width, or use a recipe (def) to make fresh layers each time",
                at=("input", 0),
            )


def _same_inputs(layer: Layer, first: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> None:
    """Refuses another shape than the first where Keras takes no other, and other whole numbers than
    those that the layer was told of.
    """
    row = layer.row
    shapes = row.one_shape and [t.shape for t in first] != [t.shape for t in inputs]
    told = row.dtype == "told" and len({row.settled(layer.args, t).get("dtype") for t in (first, inputs)}) > 1
    if shapes or told:
        had, came = (" and ".join(f"{t} {t.dtype}" for t in each) for each in (first, inputs))
        raise Refusal(
            "ST311",
            f"{layer.title} is shared, but does not fit here: it was built for {had}, and is given {came}",
            label=f"is given {came}",
            help="use a recipe (def) to make fresh layers each time",
            at=("input", 0),
        )


def replay(model: SubModel, inputs: tuple[Tensor, ...]) -> Outcome:
    """What a sub-model gives for other incoming values: its nodes' rows asked once more, in order.

    Raises:
        Refusal: a layer inside does not take what reaches it, or an input is declared otherwise.
    """
    graph = model.graph
    if len(inputs) != len(graph.inputs):
        raise Refusal(
            "ST314",
            f"{model.title} takes {len(graph.inputs)} values, but is given {len(inputs)}",
            label=f"takes {len(graph.inputs)} values, is given {len(inputs)}",
            help="give it one value for each of its inputs, as a list",
        )
    order = graph.ancestors(graph.outputs)
    if any(graph.nodes[i].layer is None and i not in graph.inputs for i in order):
        raise Refusal(
            "ST314",
            f"what {model.title} gives is not known, since a layer in it was refused",
            label="has a layer that was refused",
            help="mend that layer first",
        )
    found: dict[Value, Tensor] = {}
    weights: dict[Layer, tuple[Weight, ...]] = {}
    needs: list[Size] = []
    for index, tensor in zip(graph.inputs, inputs, strict=True):
        check_input(model.title, graph.nodes[index], tensor)
        found[Value(index)] = tensor
    for index in order:
        node = graph.nodes[index]
        if node.layer is None:
            continue
        outcome = node.layer.row.outcome(
            {**node.layer.args, **node.call},
            tuple(found[v] for v in node.inputs),
            {name: tuple(found[v] for v in values) for name, values in node.tensors.items()},
        )
        weights.setdefault(node.layer, outcome.weights)
        needs.extend(outcome.needs)
        for i, tensor in enumerate(outcome.outputs):
            found[Value(index, i)] = tensor
        for name, tensors in outcome.extras.items():
            for i, tensor in enumerate(tensors):
                found[Value(index, i, name)] = tensor
    return Outcome(
        tuple(found[v] for v in graph.outputs),
        tuple(w for ws in weights.values() for w in ws),
        needs=tuple(needs),
    )


def check_input(title: str, node: Node, came: Tensor) -> None:
    """Refuses a value that is not what an ``in(...)`` declares.

    A symbol there stands for whatever comes: the sub-model is a function, its sizes are parameters.
    """
    assert node.outputs is not None
    wanted = node.outputs[0]
    if len(wanted.shape) != len(came.shape) or not all(
        isinstance(want, Expr) or fits(want, have)
        for want, have in zip(wanted.shape, came.shape, strict=True)
    ):
        same_rank = len(wanted.shape) == len(came.shape)
        raise Refusal(
            "ST302" if same_rank else "ST301",
            f"{title} takes {wanted} as its in(...) says, but is given {came}",
            label=f"takes {wanted}, is given {came}",
            help="change what comes in, or the in(...) that declares it",
            at=("input", 0),
            takes=len(wanted.shape),
        )
