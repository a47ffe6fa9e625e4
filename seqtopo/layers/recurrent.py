"""Recurrent layers: LSTM, GRU, the simple RNN."""

from __future__ import annotations

from collections.abc import Mapping

from seqtopo.layers import kinds as k
from seqtopo.layers.row import Given, Param, Row, compute_dtype
from seqtopo.layers.sizes import Size, fits
from seqtopo.layers.values import Tensor

SEQ = Param("return_sequences", k.BOOL, False, flags={"seq": True})
STATE = Param("return_state", k.BOOL, False)
BACK = Param("go_backwards", k.BOOL, False, flags={"back": True})
STATEFUL = Param("stateful", k.BOOL, False)
UNROLL = Param("unroll", k.BOOL, False)
USE_BIAS = Param("use_bias", k.BOOL, True, flags={"nobias": False})
INITIAL_STATE = Param("initial_state", k.TENSORS, None, short="init", call=True)
MASK = Param("mask", k.TENSOR, None, call=True)


def states_of(given: Given, count: int, width: Size) -> tuple[Tensor, ...]:
    """The final states: ``count`` vectors of ``width``. Checks those it starts from, too."""
    state = Tensor((width,), compute_dtype(given.args))
    came = given.tensors.get("initial_state")
    if came is not None:
        check_states(given, came, (state,) * count)
    return (state,) * count


def check_states(given: Given, came: tuple[Tensor, ...], wanted: tuple[Tensor, ...]) -> None:
    """Refuses initial states that are not of the number, rank and width wanted."""
    each = "one" if len(wanted) == 1 else str(len(wanted))
    if len(came) != len(wanted):
        raise given.refuse(
            "ST304",
            f"starts from {each} state{'s' * (len(wanted) > 1)} {wanted[0]}, but is given {len(came)}",
            label=f"{len(came)} given, {each} wanted",
            help="hand over the states of a layer of the same kind: init=name.state",
            at=("argument", "initial_state"),
        )
    for have, want in zip(came, wanted, strict=True):
        same_rank = len(have.shape) == len(want.shape)
        if not same_rank or not all(map(fits, have.shape, want.shape)):
            raise given.refuse(
                "ST304",
                f"starts from a state of shape {want}, but is given {have}",
                label=f"gives {have}, a state is {want}",
                help=(
                    f"project it to the width first: -> dense({want.shape[-1]})"
                    if same_rank
                    else "a state is one vector a sample: hand over name.state, not the sequence"
                ),
                at=("argument", "initial_state"),
            )


def _one_state(given: Given, output: Tensor) -> Mapping[str, tuple[Tensor, ...]]:
    return {"state": states_of(given, 1, given["units"])}


def _two_states(given: Given, output: Tensor) -> Mapping[str, tuple[Tensor, ...]]:
    return {"state": states_of(given, 2, given["units"])}


SHAPE = "T F -> units; return_sequences: T F -> T units"


def _initializers(kernel: str = "glorot_uniform", recurrent: str = "orthogonal") -> tuple[Param, ...]:
    return (
        Param("kernel_initializer", k.INITIALIZER, kernel),
        Param("recurrent_initializer", k.INITIALIZER, recurrent),
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
    Param("seed", k.SEED, None),
)
_RETURNS = (SEQ, STATE, BACK, STATEFUL)
_CALL = (INITIAL_STATE, MASK)
_USE_CUDNN = Param("use_cudnn", k.either(k.BOOL, k.choice("auto", flags=False)), "auto")

ROWS = (
    Row(
        "lstm",
        "LSTM",
        "Long short-term memory: reads a sequence step by step and carries two states, h and c.",
        SHAPE,
        "in(T,8) -> lstm(64,seq) -> lstm(32)",
        params=(
            Param("units", k.SIZE),
            Param("activation", k.ACTIVATION, "tanh"),
            Param("recurrent_activation", k.ACTIVATION, "sigmoid"),
            USE_BIAS,
            *_initializers(),
            Param("unit_forget_bias", k.BOOL, True),
            *_REGULARIZERS,
            *_RETURNS,
            UNROLL,
            _USE_CUDNN,
            *_CALL,
        ),
        positional=("units",),
        weights="kernel: F 4*units; recurrent_kernel: units 4*units; bias: 4*units if use_bias",
        extras=_two_states,
        recurrent=True,
    ),
)
