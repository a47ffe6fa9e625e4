"""Recurrent layers: LSTM, GRU, the simple RNN, and the convolutional LSTMs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.kinds import per_axis
from seqtopo.layers.limits import check_known, check_objects, check_sizes, check_weights
from seqtopo.layers.parameters import (
    DATA_FORMAT,
    FILTERS,
    MASK,
    PADDING,
    SEED,
    USE_BIAS,
    check_floats,
    kernel_size,
)
from seqtopo.layers.row import LayerCall, Outcome, Param, Row, compute_dtype
from seqtopo.layers.sizes import Shape, Size, divides, fits, product
from seqtopo.layers.values import Products, Tensor, Weight
from seqtopo.layers.windows import channels_first, check_dilation, slid

SEQ = Param("return_sequences", k.BOOL, False, flags={"seq": True})
STATE = Param("return_state", k.BOOL, False)
BACK = Param("go_backwards", k.BOOL, False, flags={"back": True})
STATEFUL = Param("stateful", k.BOOL, False)
UNROLL = Param("unroll", k.BOOL, False)
INITIAL_STATE = Param("initial_state", k.TENSORS, None, short="init", call=True)


def states_of(call: LayerCall, count: int, shape: Shape) -> tuple[Tensor, ...]:
    """Return the final states, ``count`` of one shape; checks the initial states and the mask, too."""
    states = (Tensor(shape, compute_dtype(call.args)),) * count
    check_call(call, states, call.inputs[0].shape[0])
    return states


def check_call(call: LayerCall, states: tuple[Tensor, ...], steps: Size) -> None:
    """Refuse initial states and masks that do not go with the sequence; Keras looks at neither."""
    incoming = call.tensors.get("initial_state")
    if incoming is not None:
        check_states(call, incoming, states)
    for mask in call.tensors.get("mask", ()):
        if len(mask.shape) != 1 or not fits(mask.shape[0], steps):
            raise call.refuse(
                "ST302" if len(mask.shape) == 1 else "ST301",
                f"takes a mask with one value a step, ({steps},), but is given {mask}",
                label=f"gives {mask}, a mask is ({steps},)",
                help="make the mask from the same sequence, one true or false for each step",
                at=("argument", "mask"),
            )


def check_states(call: LayerCall, incoming: tuple[Tensor, ...], wanted: tuple[Tensor, ...]) -> None:
    """Refuse initial states that are not of the number, rank and width wanted."""
    each = "one" if len(wanted) == 1 else str(len(wanted))
    if len(incoming) != len(wanted):
        raise call.refuse(
            "ST304",
            f"starts from {each} state{'s' * (len(wanted) > 1)} {wanted[0]}, but is given {len(incoming)}",
            label=f"{len(incoming)} given, {each} wanted",
            help="hand over the states of a layer of the same kind: init=name.state",
            at=("argument", "initial_state"),
        )
    for have, want in zip(incoming, wanted, strict=True):
        same_rank = len(have.shape) == len(want.shape)
        if not same_rank or not all(map(fits, have.shape, want.shape)):
            raise call.refuse(
                "ST304",
                f"starts from a state of shape {want}, but is given {have}",
                label=f"gives {have}, a state is {want}",
                help=(
                    "a state is one vector a sample: hand over name.state, not the sequence"
                    if not same_rank
                    else f"project it to the width first: -> dense({want.shape[-1]})"
                    if len(want.shape) == 1
                    else "hand over the state of a layer with the same filters and places"
                ),
                at=("argument", "initial_state"),
            )


def _one_state(call: LayerCall, output: Tensor) -> Mapping[str, tuple[Tensor, ...]]:
    return {"state": states_of(call, 1, (call["units"],))}


def _two_states(call: LayerCall, output: Tensor) -> Mapping[str, tuple[Tensor, ...]]:
    return {"state": states_of(call, 2, (call["units"],))}


def _unrolled(call: LayerCall) -> tuple[Size, ...]:
    return (call.shape[0],) if call["unroll"] else ()


SHAPE = "T F -> units; return_sequences: T F -> T units"

UNITS = Param("units", k.SIZE)
ACTIVATION = Param("activation", k.ACTIVATION, "tanh")
RECURRENT_ACTIVATION = Param("recurrent_activation", k.ACTIVATION, "sigmoid")
UNIT_FORGET_BIAS = Param("unit_forget_bias", k.BOOL, True)
_INITIALIZERS = (
    Param("kernel_initializer", k.INITIALIZER, "glorot_uniform"),
    Param("recurrent_initializer", k.INITIALIZER, "orthogonal"),
    Param("bias_initializer", k.INITIALIZER, "zeros"),
)
_REGULARIZERS = (
    Param("kernel_regularizer", k.REGULARIZER, None),
    Param("recurrent_regularizer", k.REGULARIZER, None),
    Param("bias_regularizer", k.REGULARIZER, None),
    Param("activity_regularizer", k.REGULARIZER, None),
    Param("kernel_constraint", k.CONSTRAINT, None),
    Param("recurrent_constraint", k.CONSTRAINT, None),
    Param("bias_constraint", k.CONSTRAINT, None),
    Param("dropout", k.RATE, 0.0),
    Param("recurrent_dropout", k.RATE, 0.0),
)
_RETURNS = (SEQ, STATE, BACK, STATEFUL)
_CALL = (INITIAL_STATE, MASK)
_RNN_SEED = replace(SEED, unsaved="cell.seed")
_USE_CUDNN = Param("use_cudnn", k.either(k.BOOL, k.choice("auto", flags=False)), "auto", unsaved="use_cudnn")


def _work(call: LayerCall, outcome: Outcome) -> Products:
    """Return the products of both kernels in each step, at every place of a convolution's state."""
    kernel, recurrent = (product(weight.shape) for weight in outcome.weights[:2])
    state = outcome.extras["state"][0].shape
    width = call["units"] if "units" in call.row.by_name else call["filters"]
    places = divides(product(state), width)
    times = call.shape[0] * (1 if places is None else places)
    return Products(kernel * times, recurrent * times)


def _gru_weights(call: LayerCall) -> tuple[Weight, ...]:
    features, units = call.axes["F"], call["units"]
    weights = [Weight("kernel", (features, 3 * units)), Weight("recurrent_kernel", (units, 3 * units))]
    if call["use_bias"]:
        # One bias for the input and one for the state, where the reset comes after the product.
        weights.append(Weight("bias", (2, 3 * units) if call["reset_after"] else (3 * units,)))
    return tuple(weights)


def _conv_lstm(rank: int) -> Row:
    """Return the row of a convolutional LSTM over ``rank`` axes of each step."""
    axes = {1: "W", 2: "H W", 3: "D H W"}[rank]
    images = {1: "a line", 2: "an image", 3: "a volume"}[rank]
    example = {1: "in(T,28,3)", 2: "in(T,28,28,3)", 3: "in(T,16,28,28,3)"}[rank]

    def rule(call: LayerCall) -> Outcome:
        return _conv_lstm_outcome(call, rank)

    return Row(
        f"convlstm{rank}d",
        f"ConvLSTM{rank}D",
        f"An LSTM whose steps are each {images}: its products are convolutions.",
        f"T {axes} C -> {axes.lower()} filters; return_sequences: T {axes} C -> T {axes.lower()} filters",
        f"{example} -> convlstm{rank}d(16,3,seq)",
        params=(
            FILTERS,
            kernel_size(rank),
            Param("strides", k.spread(k.integer(1), rank), 1),
            PADDING,
            DATA_FORMAT,
            Param("dilation_rate", k.spread(k.integer(1), rank), 1),
            ACTIVATION,
            RECURRENT_ACTIVATION,
            USE_BIAS,
            *_INITIALIZERS,
            UNIT_FORGET_BIAS,
            *_REGULARIZERS,
            SEED,
            *_RETURNS,
            *_CALL,
        ),
        positional=("filters", "kernel_size", "strides"),
        rule=rule,
        **_RECURRENT,
        aliases=(f"conv_lstm{rank}d",),
        recurrent=True,
        work=_work,
        by_onednn=channels_first if rank < 3 else None,
    )


def _conv_lstm_outcome(call: LayerCall, rank: int) -> Outcome:
    check_floats(call)
    row, args, filters = call.row, call.args, call["filters"]
    check_dilation(call, rank)
    turned = call.inputs[0]
    first = call["data_format"] == "channels_first"
    # The table turns (T, C, H, W) into (C, H, W, T), as it does for a layer without steps.
    steps, channels = (turned.shape[-1], turned.shape[0]) if first else (turned.shape[0], turned.shape[-1])
    sizes = turned.shape[1:-1]
    incoming = (Tensor((steps, channels, *sizes), turned.dtype) if first else turned,)
    places = slid(LayerCall(row, args, (Tensor((*sizes, channels)),), {}, {}), rank, "kernel_size")
    state = Tensor((filters, *places) if first else (*places, filters), compute_dtype(args))
    output = Tensor((steps, *state.shape), state.dtype) if call["return_sequences"] else state
    check_sizes(row.name, incoming, output.shape)
    check_known(row.name, incoming, sizes, {})
    kernels = per_axis(call["kernel_size"], rank)
    trained = call["trainable"] is not False
    weights = (
        Weight("kernel", (*kernels, channels, 4 * filters), trained),
        Weight("recurrent_kernel", (*kernels, filters, 4 * filters), trained),
        *(Weight("bias", (4 * filters,), trained) for _ in range(call["use_bias"])),
    )
    check_weights(row.name, incoming, weights)
    check_objects(row.name, args, weights, output)
    check_call(call, (state, state), steps)
    return Outcome((output,), weights, {"state": (state, state)}, sizes)


_RECURRENT: Mapping[str, Any] = {"time": timing.recurrent, "mask": masking.recurrent, "role": "recurrent"}

ROWS = (
    Row(
        "lstm",
        "LSTM",
        "Long short-term memory: reads a sequence step by step and carries two states, h and c.",
        SHAPE,
        "in(T,8) -> lstm(64,seq) -> lstm(32)",
        **_RECURRENT,
        params=(
            UNITS,
            ACTIVATION,
            RECURRENT_ACTIVATION,
            USE_BIAS,
            *_INITIALIZERS,
            UNIT_FORGET_BIAS,
            *_REGULARIZERS,
            SEED,
            *_RETURNS,
            UNROLL,
            _USE_CUDNN,
            *_CALL,
        ),
        positional=("units",),
        weights="kernel: F 4*units; recurrent_kernel: units 4*units; bias: 4*units if use_bias",
        extras=_two_states,
        states=2,
        recurrent=True,
        work=_work,
        needs=_unrolled,
        kernels=("jax", "torch", "tensorflow"),
    ),
    Row(
        "gru",
        "GRU",
        "Gated recurrent unit: reads a sequence step by step and carries one state.",
        SHAPE,
        "in(T,8) -> gru(64,seq) -> gru(32)",
        **_RECURRENT,
        params=(
            UNITS,
            ACTIVATION,
            RECURRENT_ACTIVATION,
            USE_BIAS,
            *_INITIALIZERS,
            *_REGULARIZERS,
            SEED,
            *_RETURNS,
            UNROLL,
            Param("reset_after", k.BOOL, True),
            _USE_CUDNN,
            *_CALL,
        ),
        positional=("units",),
        weights=_gru_weights,
        extras=_one_state,
        states=1,
        recurrent=True,
        work=_work,
        needs=_unrolled,
        kernels=("jax", "torch", "tensorflow"),
    ),
    Row(
        "rnn",
        "SimpleRNN",
        "The plain recurrent layer: its output is its state, fed back at the next step.",
        SHAPE,
        "in(T,1) -> rnn(20,seq) -> rnn(20)",
        **_RECURRENT,
        params=(
            *(UNITS, ACTIVATION, USE_BIAS, *_INITIALIZERS, *_REGULARIZERS),
            *(*_RETURNS, UNROLL, _RNN_SEED, *_CALL),
        ),
        positional=("units",),
        weights="kernel: F units; recurrent_kernel: units units; bias: units if use_bias",
        extras=_one_state,
        states=1,
        aliases=("simple_rnn",),
        recurrent=True,
        work=_work,
        needs=_unrolled,
        kernels=("torch", "tensorflow"),
        note="Keras' class forgets its activity_regularizer: a loaded model is without it.",
    ),
    _conv_lstm(1),
    _conv_lstm(2),
    _conv_lstm(3),
)
