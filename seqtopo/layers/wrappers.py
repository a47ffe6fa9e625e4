"""Layers around a layer: both directions, every step, repeating, a kernel kept to a norm."""

from __future__ import annotations

from typing import Any, TypeGuard

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.layer import Layer
from seqtopo.layers.parameters import MASK
from seqtopo.layers.recurrent import INITIAL_STATE, check_call
from seqtopo.layers.row import LayerCall, Outcome, Param, Row, compute_dtype
from seqtopo.layers.values import FLOATS, Refusal, Tensor, Weight

_INNER = Param("layer", k.LAYER)
_MERGING = {"sum": "add", "mul": "mul", "concat": "concat", "ave": "avg"}
"""The row that merges two values as each ``merge_mode`` merges the outputs of both directions."""
_NORMED = ("Dense", "EinsumDense", "Embedding", "Conv", "DepthwiseConv")


def merging_row(mode: object) -> str:
    """Return the row that merges the states of both directions: as the outputs, joined where those stay two.

    >>> merging_row("ave"), merging_row(None)
    ('avg', 'concat')
    """
    return _MERGING.get(str(mode), "concat")


def _check_trainable(call: LayerCall) -> None:
    """Refuse ``frozen`` on the wrapper: Keras sets it there and trains the layer inside all the same."""
    if call["trainable"] is False:
        inner = call["layer"].title
        frozen = f"{inner[:-1]},frozen)" if inner.endswith(")") else f"{inner}(frozen)"
        one = isinstance(call["layer"], Layer)
        raise call.refuse(
            "ST313",
            "does not pass frozen on: Keras would still train the layer inside",
            label="stays outside",
            help=f"write it inside: {call.row.name}({frozen})"
            if one
            else "write it in each layer of the flow",
            at=("argument", "trainable"),
        )


def _inside(call: LayerCall, inner: Any, step: Tensor, argument: str = "layer") -> Outcome:
    """Return the outcome of the layer inside; its refusal is shown at the wrapper."""
    try:
        outcome: Outcome = inner.outcome((step,), {})
    except Refusal as refusal:
        by_input = refusal.at is not None and refusal.at[0] != "argument"
        outer = len(call.inputs[0].shape) - len(step.shape)
        raise Refusal(
            refusal.code,
            f"{refusal.message}, inside {call.row.name}",
            label=refusal.label,
            help=refusal.help,
            notes=refusal.notes,
            at=refusal.at if by_input else ("argument", argument),
            takes=None if refusal.takes is None else refusal.takes + outer,
        ) from None
    return outcome


def _td(call: LayerCall) -> Outcome:
    inner, incoming = call["layer"], call.inputs[0]
    _check_trainable(call)
    if isinstance(inner, Layer) and inner.row.inputs != (1, 1):
        raise call.refuse(
            "ST313",
            f"applies a layer to one value a step, but {inner.row.name} takes several",
            label="takes several values",
            help=f"put it into a flow: td(id -> {inner.title})",
            at=("argument", "layer"),
        )
    steps = incoming.shape[0]
    outcome = _inside(call, inner, Tensor(incoming.shape[1:], incoming.dtype))
    if len(outcome.outputs) != 1:
        raise call.refuse(
            "ST313",
            f"gives one value a step, but {inner.title} gives {len(outcome.outputs)}",
            label=f"gives {len(outcome.outputs)} values",
            help="merge them inside, with '-> concat' or '-> add'",
            at=("argument", "layer"),
        )
    # The mask goes with the steps, as a recurrent layer's does.
    check_call(call, (), steps)
    dtype, own = outcome.outputs[0].dtype, compute_dtype(call.args)
    if dtype == "int8":
        raise call.refuse(
            "ST310",
            f"applies {inner.title}, which gives int8: Keras takes that for a way to quantize a layer",
            label="gives int8",
            help="use another dtype inside, such as int32",
            at=("argument", "layer"),
        )
    if dtype in FLOATS and dtype != own:
        # Keras reports the wrapper's dtype, and returns that of the layer inside.
        raise call.refuse(
            "ST310",
            f"computes in {own}, but {inner.title} gives {dtype} at every step",
            label=f"is {own}, inside is {dtype}",
            help=f"write dtype={dtype} in {call.row.name}(...), too",
            at=("argument", "layer"),
        )
    return Outcome((Tensor((steps, *outcome.outputs[0].shape), dtype),), outcome.weights, {}, outcome.needs)


def _td_dtype(call: LayerCall) -> dict[str, Any]:
    """Return the dtype for whole numbers, which Keras would take for the wrapper's compute dtype."""
    dtype = _td(call).outputs[0].dtype
    return {} if dtype in FLOATS else {"dtype": dtype}


def _is_recurrent(inner: Any) -> TypeGuard[Layer]:
    return isinstance(inner, Layer) and inner.row.recurrent and inner.row.keras != "Bidirectional"


def _halves(call: LayerCall) -> tuple[Layer, Layer]:
    """Return the layer that reads forward and the one that reads backward."""
    forward, backward = call["layer"], call["backward_layer"]
    for argument, inner in (("layer", forward), ("backward_layer", backward)):
        if not _is_recurrent(inner) and not (inner is None and argument == "backward_layer"):
            raise call.refuse(
                "ST313",
                f"needs a recurrent layer, to read the sequence both ways, and {inner.title} is not one",
                label="is not recurrent",
                help="wrap one lstm, gru, rnn or convlstm; a flow of several takes a bi around each",
                at=("argument", argument),
            )
    if backward is None:
        if forward.get("go_backwards"):
            raise call.refuse(
                "ST313",
                f"makes the backward layer from {forward.title}, which reads backwards already",
                label="reads backwards already",
                help="leave back out: bi adds the other direction",
                at=("argument", "layer"),
            )
        return forward, Layer(forward.row, {**forward.args, "go_backwards": True})
    if bool(forward.get("go_backwards")) == bool(backward.get("go_backwards")):
        ways = "backwards" if forward.get("go_backwards") else "forwards"
        raise call.refuse(
            "ST313",
            f"needs one layer for each direction, but both read {ways}",
            label=f"reads {ways}, as the other does",
            help=f"write back in one of them: backward={backward.row.name}({backward.get('units')},back)"
            if "units" in backward.args
            else "write back in exactly one of them",
            at=("argument", "backward_layer"),
        )
    for name, word in (("return_sequences", "seq"), ("stateful", "stateful")):
        if bool(forward.get(name)) != bool(backward.get(name)):
            raise call.refuse(
                "ST313",
                f"needs {word} in both layers or in neither",
                label=f"{word} stands in only one",
                help=f"write {word} in both",
                at=("argument", "backward_layer"),
            )
    return forward, backward


def _bi(call: LayerCall) -> Outcome:
    forward, backward = _halves(call)
    _check_trainable(call)
    incoming = call.inputs[0]
    one = _inside(call, forward, incoming)
    two = _inside(
        call, backward, incoming, "backward_layer" if call["backward_layer"] is not None else "layer"
    )
    ahead, back = one.outputs[0].shape, two.outputs[0].shape
    if ahead != back:
        # Keras takes the forward layer's shape for both, so even unmerged ones come out wrong.
        raise call.refuse(
            "ST303",
            f"needs layers of one width, but forward gives {one.outputs[0]} and backward {two.outputs[0]}",
            label=f"gives {two.outputs[0]}, the other {one.outputs[0]}",
            help=f"give both the same width: {ahead[-1]}",
            at=("argument", "backward_layer"),
        )
    dtype = compute_dtype(call.args)
    shape = (*ahead[:-1], ahead[-1] * 2) if call["merge_mode"] == "concat" else ahead
    outputs = (Tensor(shape, dtype),) * (2 if call["merge_mode"] is None else 1)
    states = tuple(Tensor(s.shape, dtype) for s in (*one.extras["state"], *two.extras["state"]))
    alike = len(one.extras["state"]) == len(two.extras["state"])
    if not alike and call.tensors.get("initial_state") is not None:
        # Keras gives one half of the list to each layer, without looking at the states.
        raise call.refuse(
            "ST304",
            f"cannot start from states: {forward.row.name} and {backward.row.name} carry different numbers",
            label="the halves carry different states",
            help=f"use two layers of one kind: bi({forward.title})",
            at=("argument", "initial_state"),
        )
    check_call(call, states, incoming.shape[0])
    weights = one.weights + two.weights
    return Outcome(outputs, weights, {"state": states} if alike else {}, one.needs + two.needs)


def _spectral(call: LayerCall) -> Outcome:
    inner, incoming = call["layer"], call.inputs[0]
    _check_trainable(call)
    if not isinstance(inner, Layer) or not inner.row.keras.startswith(_NORMED):
        raise call.refuse(
            "ST313",
            f"keeps a kernel to a norm, and {inner.title} has not one of its own",
            label="has no one kernel",
            help="wrap a dense, conv1d, conv2d, conv3d or embed layer",
            at=("argument", "layer"),
        )
    if inner.get("lora_rank") is not None:
        raise call.refuse(
            "ST313",
            "needs a kernel that it can set, which one with a lora_rank is not",
            label="has a lora_rank",
            help="leave lora_rank out",
            at=("argument", "layer"),
        )
    if incoming.dtype not in FLOATS:
        # Keras turns the output back into the dtype of the input: vectors would become whole numbers.
        raise call.refuse(
            "ST310",
            f"gives the dtype it is given, and {incoming.dtype} would cut its output to whole numbers",
            label=f"is given {incoming.dtype}",
            help="leave the dtype out of in(...): it is float32 then",
            at=("input", 0),
        )
    outcome = _inside(call, inner, incoming)
    first, *rest = outcome.weights
    vector = Weight("vector_u", (1, first.shape[-1]), trainable=False)
    output = Tensor(outcome.outputs[0].shape, compute_dtype(call.args))
    return Outcome((output,), (first, vector, *rest), {}, outcome.needs)


ROWS = (
    Row(
        "bi",
        "Bidirectional",
        "Reads a sequence with a recurrent layer forwards and with another backwards, and merges the two.",
        "T ... -> layer...",
        "in(T,8) -> bi(lstm(64,seq)) -> bi(gru(32),sum)",
        time=timing.both_ways,
        mask=masking.recurrent,
        role="wrapper",
        params=(
            _INNER,
            Param("merge_mode", k.optional(k.choice(*_MERGING)), "concat"),
            Param("weights", k.NOTHING, None),
            Param("backward_layer", k.optional(k.LAYER), None, short="backward"),
            INITIAL_STATE,
            MASK,
        ),
        positional=("layer", "merge_mode"),
        rule=_bi,
        aliases=("bidirectional",),
        recurrent=True,
    ),
    Row(
        "td",
        "TimeDistributed",
        "Applies a layer or a whole flow to every step, with the same weights.",
        "T F ... -> T layer...",
        "in(T,28,28,1) -> td(conv2d(16,3,relu) -> maxpool2d(2) -> flatten) -> lstm(32)",
        time=timing.each_step,
        mask=masking.passes,
        role="wrapper",
        params=(_INNER, MASK),
        positional=("layer",),
        rule=_td,
        settle=_td_dtype,
        aliases=("time_distributed",),
        kernels=("jax", "torch", "tensorflow"),
        steps=True,
    ),
    Row(
        "repeat",
        "RepeatVector",
        "Repeats one vector a number of times, as the steps of a sequence.",
        "F -> n F",
        "in(32) -> repeat(10) -> lstm(64,seq)",
        time=timing.repeats,
        mask=masking.ends,
        role="repetition",
        params=(Param("n", k.SIZE),),
        positional=("n",),
        aliases=("repeat_vector",),
        dtype="declared",
    ),
    Row(
        "spectral_normalization",
        "SpectralNormalization",
        "Keeps the largest singular value of a layer's kernel at 1.",
        "... -> layer...",
        "in(T,8) -> spectral_normalization(conv1d(16,3))",
        time=timing.as_inside,
        mask=masking.ends,
        role="wrapper",
        params=(_INNER, Param("power_iterations", k.integer(1), 1)),
        positional=("layer",),
        rule=_spectral,
        aliases=("spectralnorm",),
        across_batch=True,
        one_shape=True,
    ),
)
