"""Find layers that take much memory, or that no fast kernel computes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod

from seqtopo.diag.model import Fix, Label, fix_by
from seqtopo.graph import counting
from seqtopo.graph.graph import Node
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Size
from seqtopo.layers.values import Tensor
from seqtopo.lint.edits import step
from seqtopo.lint.head import activation_of
from seqtopo.lint.places import Place, place_of, with_argument, without, word_of
from seqtopo.lint.rules.states import GATES
from seqtopo.lint.view import Finding, View, rule
from seqtopo.syntax import rewrite, tree

MUCH_MEMORY = 2**30
"""Bytes of one sample at one place that are worth a warning: 1 GiB."""

MANY_PARAMETERS = 100_000_000
"""Parameters of one layer, embeddings aside, that are worth a warning: 400 MB in float32."""

MANY_UNROLLED = 100
"""Steps that are too many to write out one by one."""

_BYTES = 4

_WHERE = {
    "lstm": "TensorFlow, PyTorch and JAX hand it to cuDNN",
    "gru": "TensorFlow and PyTorch hand it to cuDNN (JAX never does)",
}
_WANTED = {
    "lstm": "tanh, sigmoid gates, a bias, no unroll and no recurrent_dropout",
    "gru": "tanh, sigmoid gates, a bias, reset_after, no unroll and no recurrent_dropout",
}

_DECIDE = ("recurrent_dropout", "activation", "recurrent_activation", "use_bias", "unroll", "reset_after")
"""Arguments that decide on the kernel; with their defaults there is one."""


@rule("ST651")
def slow_kernel(view: View) -> Iterator[Finding]:
    """Find arguments with which Keras uses no fast kernel on a GPU, by the conditions of Keras 3.15.

    Layers that have the same ones are reported together.
    """
    alike: dict[tuple[str, ...], list[Place]] = {}
    for flow in view.flows:
        for node in flow.calls_given(*_DECIDE):
            place = place_of(flow, node)
            reasons = _kernel_obstacles(place.layer, _is_long_unrolled(flow, node, place.layer))
            if reasons:
                alike.setdefault((place.layer.row.name, *reasons), []).append(place)
    for (name, *why), found in alike.items():
        places = list({place.span: place for place in found}.values())
        yield Finding(
            places[0].span,
            f"{' and '.join(why)} keep{'s' * (len(why) == 1)} {name} from the fast kernels of a GPU",
            label="runs step by step there",
            labels=tuple(Label(place.span, "so does this") for place in places[1:4]),
            notes=(f"{_WHERE[name]} only with {_WANTED[name]}",),
            help="leave recurrent_dropout out, or write dropout, which drops from the inputs: it is up to 25 "
            "times as slow there"
            if places[0].layer.get("recurrent_dropout")
            else f"leave {'it' if len(why) == 1 else 'them'} out where training on a GPU has to be fast",
            fixes=_faster(places),
        )


def _is_long_unrolled(view: View, node: Node, layer: Layer) -> bool:
    """Return whether a recurrent layer is unrolled over so many steps that another rule reports it."""
    if not layer.get("unroll"):
        return False
    steps = view.input_of(node).shape[0]
    return isinstance(steps, int) and steps > MANY_UNROLLED


def _kernel_obstacles(layer: Layer, long: bool = False) -> tuple[str, ...]:
    """Return why a layer cannot use the fast kernels; another rule reports long unrolled sequences."""
    if layer.row.name not in _WHERE or layer.get("use_cudnn") is False:
        return ()
    activation, gate = word_of(layer.get("activation")), word_of(layer.get("recurrent_activation"))
    found = {
        "recurrent_dropout": bool(layer.get("recurrent_dropout")),
        # Other rules report a softmax and activations that are no gates.
        f"the activation {activation or 'linear'}": activation not in ("tanh", "softmax"),
        f"the recurrent_activation {gate or 'linear'}": gate != "sigmoid" and gate in GATES,
        "use_bias=false": layer.get("use_bias") is False,
        "unroll": bool(layer.get("unroll")) and not long,
        "reset_after=false": layer.get("reset_after") is False,
    }
    return tuple(reason for reason, holds in found.items() if holds)


def _faster(places: list[Place]) -> tuple[Fix, ...]:
    """Fix by dropout on the inputs in the place of recurrent dropout."""
    if not places[0].layer.get("recurrent_dropout"):
        return ()
    fixes: list[Fix] = []
    for place in places:
        plain = partial(without, param="recurrent_dropout", row=place.layer.row)
        fixes += place.fix("", plain if place.layer.get("dropout") else _dropped)
    if len(fixes) < len(places):
        return ()
    return (Fix("drop from the inputs instead", tuple(edit for fix in fixes for edit in fix.edits)),)


def _dropped(expr: tree.Expr) -> tree.Expr | None:
    if not isinstance(expr, tree.Call):
        return None
    args = tuple(
        tree.Argument(a.span, tree.Name(a.span, "dropout"), a.value)
        if a.name is not None and a.name.name == "recurrent_dropout"
        else a
        for a in expr.args
    )
    changed = tree.Call(expr.span, expr.name, args)
    return changed if changed != expr else None


@rule("ST652")
def kernel_lost_to_a_mask(view: View) -> Iterator[Finding]:
    """Find a mask that reaches a recurrent layer: only TensorFlow has a fast kernel that takes one."""
    for flow in view.flows:
        masks = flow.masks
        for index, incoming in masks.before.items():
            place = place_of(flow, flow.graph.nodes[index])
            masked = incoming[0] if incoming else None
            if place.layer.row.name not in ("lstm", "gru") or masked is None or masked.end is not None:
                continue
            if _kernel_obstacles(place.layer):
                continue
            yield Finding(
                place.span,
                f"on PyTorch and JAX the mask keeps {place.layer.row.name} from the fast kernels of a GPU",
                label="runs step by step there",
                labels=(Label(masked.origin.span, "makes the mask"),),
                notes=("TensorFlow has a fast kernel for masks whose padding comes after the data",),
                help="use TensorFlow where training has to be fast, or batches of sequences of one length",
            )


@rule("ST653")
def attention_memory(view: View) -> Iterator[Finding]:
    """Find an attention whose scores, one for each query, key and head, take much memory."""
    for flow in view.flows:
        for node in flow.calls_with("attention"):
            found = _scores(flow, node)
            if found is None:
                continue
            heads, queries, keys = found
            size = heads * queries * keys * _BYTES
            if size <= MUCH_MEMORY:
                continue
            many = f"{heads} heads x " if heads > 1 else ""
            yield Finding(
                node.span,
                f"the scores of {node.callee.title} take {memory(size)} a sample: "
                f"{many}{queries:,} x {keys:,} numbers",
                label=f"compares {queries:,} steps with {keys:,}",
                labels=tuple(
                    Label(flow.graph.nodes[i].span, f"declares {queries:,} steps")
                    for i in flow.graph.inputs
                    if (flow.graph.nodes[i].outputs or ())[0].shape[:1] == (queries,)
                ),
                notes=("flash attention does without them, where the backend has it and dropout is 0",),
                help="shorten the sequence first (conv1d with strides, avgpool1d), or read it in pieces",
                fixes=_shortened(flow, node),
            )


def _scores(view: View, node: Node) -> tuple[int, int, int] | None:
    """Return the numbers of heads, queries and keys of an attention; None if one is unknown."""
    layer = node.layer
    if layer is None or layer.get("flash_attention"):
        return None
    counted = next((name for name in ("num_query_heads", "num_heads") if name in layer.row.by_name), "")
    heads = layer.get(counted) if counted else 1
    incoming = view.inputs_of(node)
    query, value = incoming[0], incoming[1 if len(incoming) > 1 else 0]
    if len(query.shape) != 2 or len(value.shape) != 2:
        return None
    sizes: tuple[Size, ...] = (heads, query.shape[0], value.shape[0])
    numbers = [size for size in sizes if isinstance(size, int)]
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else None


def _shortened(view: View, node: Node) -> tuple[Fix, ...]:
    if len(node.inputs) > 1 or view.users(view.maker(node.inputs[0])) != [node]:
        return ()
    edit = view.edits.insert_before(node, step(node.span, "avgpool1d", 8))
    return fix_by("shorten the sequence first", edit)


@rule("ST654")
def large_layer(view: View) -> Iterator[Finding]:
    """Find a layer with more weights than fit a common GPU with their gradients, mostly behind a flatten."""
    counts = counting.counts(view.graph.weights)
    large = {la: n for la, n in counts.items() if isinstance(n, int) and n > MANY_PARAMETERS}
    first = {node.layer: node for node in reversed(view.calls)} if large else {}
    for layer, count in large.items():
        node = first.get(layer)
        if node is None:
            continue
        place = place_of(view, node)
        if place.layer.row.name in ("embed", "reversible_embedding"):
            continue
        flat = view.maker(node.inputs[0])
        behind = view.is_row(flat, "flatten")
        pooled = view.edits.replace(flat, step(flat.span, "gavgpool1d")) if behind else None
        fits = pooled is not None and len(view.input_of(flat).shape) == 2
        yield Finding(
            place.span,
            f"{place.layer.title} has {count:,} parameters, {memory(count * _BYTES)}, and four times that "
            "while adam trains it",
            label=f"is given {view.input_of(node)}",
            labels=(Label(flat.span, f"makes {view.output_of(flat)} of {view.input_of(flat)}"),)
            if behind
            else (),
            help="shorten what comes in first: pool the steps, or keep the last one alone"
            if behind
            else "make it smaller",
            fixes=(Fix("take the mean of the steps", (pooled,)),) if fits and pooled is not None else (),
        )


@rule("ST655")
def many_activations(view: View) -> Iterator[Finding]:
    """Yield a finding if the layers' outputs, which training keeps for its gradients, take much memory."""
    sizes = [
        (size, node) for node in view.calls for size in [_bytes(view.output_of(node))] if size is not None
    ]
    whole = sum(size for size, _ in sizes)
    if whole <= MUCH_MEMORY:
        return
    largest, node = max(sizes, key=lambda pair: pair[0])
    yield Finding(
        node.span,
        f"the outputs of the layers take {memory(whole)} a sample while the model trains, and "
        f"{memory(largest)} of it is {view.output_of(node)} of {node.callee.title}",
        label=f"gives {view.output_of(node)}",
        help="shorten the sequence or its features before this layer, or train on pieces of it",
    )


def _bytes(tensor: Tensor) -> int | None:
    known = [size for size in tensor.shape if isinstance(size, int)]
    return prod(known) * _BYTES if len(known) == len(tensor.shape) else None


def memory(size: int) -> str:
    """Return a number of bytes for people.

    >>> memory(12_800_000_000), memory(1_500_000)
    ('12.8 GB', '1.5 MB')
    """
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


@rule("ST656")
def long_unrolled(view: View) -> Iterator[Finding]:
    """Find a recurrent layer that is written out step by step, over very many steps."""
    for flow in view.flows:
        for node in flow.calls_given("unroll"):
            place = place_of(flow, node)
            if not place.layer.row.recurrent or not _is_long_unrolled(flow, node, place.layer):
                continue
            steps = flow.input_of(node).shape[0]
            plain = partial(without, param="unroll", row=place.layer.row)
            yield Finding(
                place.span,
                f"unroll writes {place.layer.row.name} out {steps:,} times, once for each step: that takes "
                "long to build, and much memory",
                label=f"{steps:,} steps",
                help="leave unroll out: it helps short sequences only, and rules out the fast kernels",
                fixes=place.fix("leave unroll out", plain),
            )


@rule("ST657")
def linear_chain(view: View) -> Iterator[Finding]:
    """Find two dense layers with no activation between: one could do the same with fewer weights.

    A first one that is narrower than what comes in is another matter: it sums up.
    """
    for flow in view.flows:
        for node in flow.calls_of("dense"):
            before = flow.maker(node.inputs[0])
            if not flow.is_row(before, "dense"):
                continue
            first, second = place_of(flow, before), place_of(flow, node)
            incoming, made = flow.input_of(before).shape[-1], flow.output_of(before).shape[-1]
            if not isinstance(incoming, int) or not isinstance(made, int) or made < incoming:
                continue
            if first.layer is second.layer or len(flow.users(before)) > 1 or flow.is_output(before):
                continue
            if activation_of(first.layer) != "linear" or first.layer.get("activity_regularizer") is not None:
                continue
            relu = tree.Name(first.span, "relu")
            yield Finding(
                first.span,
                f"without an activation, {first.layer.title} and {second.layer.title} together are one dense "
                "layer: what they can learn is the same",
                label="has no activation",
                labels=(Label(second.span, "takes its output as it is"),),
                help="give the first one an activation such as relu, or leave it out",
                fixes=first.fix("write relu in the first", partial(with_argument, name=None, value=relu)),
            )


@rule("ST658")
def channels_before_places(view: View) -> Iterator[Finding]:
    """Find convolutions over channels_first, which TensorFlow has only for GPUs; one finding a flow."""
    for flow in view.flows:
        found = [node for node, what in _onednn_only(flow) if what == _CHANNELS_FIRST]
        if not found:
            continue
        first = found[0]
        order = ",".join(map(str, _channels_last(first, len(flow.input_of(first).shape))))
        yield Finding(
            first.span,
            f"on a CPU, TensorFlow convolves channels_first {_WITH_ONEDNN}",
            label="channels first",
            labels=tuple(Label(node.span, "so does this") for node in found[1:4]),
            notes=(_elsewhere(first), "the numbers are the same in either layout"),
            help=f"for a model that runs anywhere, write permute({order}) before it, and no channels_first",
            fixes=tuple(_turned(flow, first)) if len(found) == 1 else (),
        )


@rule("ST659")
def needs_onednn(view: View) -> Iterator[Finding]:
    """Find windows that TensorFlow does not compute on every CPU; those of a flow are reported together."""
    for flow in view.flows:
        found = [(node, what) for node, what in _onednn_only(flow) if what != _CHANNELS_FIRST]
        if not found:
            continue
        first, what = found[0]
        innermost = _innermost(first)
        yield Finding(
            first.span,
            f"on a CPU, TensorFlow computes {innermost.row.name} with {what} {_WITH_ONEDNN}",
            label=what,
            labels=tuple(Label(node.span, other) for node, other in found[1:4]),
            notes=("it is built all the same, and fails when it is called or trained",),
            help=_elsewhere(first),
        )


_CHANNELS_FIRST = "channels_first"
_WITH_ONEDNN = "by oneDNN only, which is not in use on every CPU"


def _onednn_only(flow: View) -> Iterator[tuple[Node, str]]:
    """Yield the calls that TensorFlow runs on a CPU only through oneDNN, with the arguments that need it."""
    for node in flow.calls_given("data_format", "strides", "dilation_rate"):
        layer = _innermost(node)
        what = layer.row.onednn_only(layer.args)
        if what:
            yield node, what


def _innermost(node: Node) -> Layer:
    """Return the layer of a call, inside its wrappers."""
    layer = node.layer
    assert layer is not None
    while isinstance(inner := layer.args.get("layer"), Layer):
        layer = inner
    return layer


def _elsewhere(node: Node) -> str:
    """Advise where it runs; oneDNN has no other dtype on every CPU."""
    runs = "it runs on PyTorch, on JAX and on GPUs"
    if _innermost(node).get("dtype") in (None, "float32"):
        return f"{runs}; on a CPU, with TF_ENABLE_ONEDNN_OPTS=1 set before TensorFlow starts"
    return f"{runs}; on a CPU, oneDNN has it for float32 alone"


def _channels_last(node: Node, rank: int) -> tuple[int, ...]:
    """Fix the order of the axes: channels last; the steps of a recurrent or wrapped layer stay first."""
    layer = node.layer
    assert layer is not None
    steps = layer.row.steps or _innermost(node).row.recurrent
    return (1, *range(3, rank + 1), 2) if steps else (*range(2, rank + 1), 1)


def _turned(view: View, node: Node) -> Iterator[Fix]:
    """Fix by turning the numbers, convolving in the usual layout, and turning back."""
    found, rank = view.edits.written(node), len(view.output_of(node).shape)
    if node.layer is None or node.layer.row.recurrent or not isinstance(found, tree.Call):
        return
    plain = rewrite.without(found, "channels_first", "data_format")
    back = (rank, *range(1, rank))
    turn = partial(step, node.span, "permute")
    edit = view.edits.replace(node, turn(*_channels_last(node, rank)), plain, turn(*back))
    if plain != found:
        yield from fix_by("turn the axes before it, and back behind it", edit)
