"""The basic layers: dense, embeddings, masking, rescaling and normalizing with given numbers."""

from __future__ import annotations

from typing import Any

from seqtopo.layers import einsum_dense, masking, timing
from seqtopo.layers import kinds as k
from seqtopo.layers.kinds import array_shape
from seqtopo.layers.parameters import (
    ACTIVATION,
    LORA,
    QUANTIZATION,
    USE_BIAS,
    axis_indices,
    check_floats,
    constraints,
    initializer,
    regularizers,
    with_lora,
)
from seqtopo.layers.row import LayerCall, Outcome, Param, Row, compute_dtype
from seqtopo.layers.sizes import Shape, Size, fits, product, volume
from seqtopo.layers.values import FLOATS, Products, Weight


def _dense_weights(call: LayerCall) -> tuple[Weight, ...]:
    units = call["units"]
    bias = (Weight("bias", (units,)),) if call["use_bias"] else ()
    return with_lora(call, Weight("kernel", (call.axes["F"], units)), bias)


def _dense_work(call: LayerCall, outcome: Outcome) -> Products:
    return Products(product(outcome.outputs[0].shape) * call.shape[-1])


def _reversed_work(call: LayerCall, outcome: Outcome) -> Products:
    return Products(volume([outcome.outputs[0].shape]) * call["output_dim"] if call["reverse"] else 0)


def _embedding_weights(call: LayerCall) -> tuple[Weight, ...]:
    return with_lora(call, Weight("embeddings", (call["input_dim"], call["output_dim"])))


def _tied_weights(call: LayerCall) -> tuple[Weight, ...]:
    vocab, width = call["input_dim"], call["output_dim"]
    untied = () if call["tie_weights"] else (Weight("reverse_embeddings", (width, vocab)),)
    return (Weight("embeddings", (vocab, width)), *untied)


def _floats_alone(call: LayerCall) -> dict[str, Size]:
    # Keras reports floats for ids, and returns them unchanged.
    check_floats(call)
    return {}


def _check_reverse(call: LayerCall) -> dict[str, Size]:
    if call["logit_soft_cap"] == 0:
        raise call.refuse(
            "ST203",
            "divides by its logit_soft_cap, which is 0",
            label="must be above 0",
            help="leave it out for no cap",
            at=("argument", "logit_soft_cap"),
        )
    reverse = call["reverse_dtype"]
    if call["reverse"] and reverse not in (None, compute_dtype(call.args)):
        # Keras reports the layer's own dtype, and returns this one.
        raise call.refuse(
            "ST310",
            f"computes in {compute_dtype(call.args)}, but its reverse_dtype is {reverse}",
            label="another dtype than the layer's",
            help=f"leave reverse_dtype out, and write -> cast({reverse}) where that is wanted",
            at=("argument", "reverse_dtype"),
        )
    # Keras checks the width only when it is called on data.
    if call["reverse"] and not fits(call.axes["W"], call["output_dim"]):
        raise call.refuse(
            "ST302",
            f"turns vectors of {call['output_dim']} back into ids, but is given {call.inputs[0]}",
            label=f"is given {call.inputs[0]}",
            help=f"project to the width first: -> dense({call['output_dim']})",
            at=("input", 0),
        )
    return {}


def _check_broadcast(call: LayerCall) -> dict[str, Size]:
    for name in ("scale", "offset"):
        numbers = array_shape(call[name])
        under = call.shape[len(call.shape) - len(numbers) :]
        if len(numbers) > len(call.shape) or not all(map(_stretches, numbers, under)):
            raise call.refuse(
                "ST302",
                f"has a {name} of shape {numbers}, which does not broadcast to {call.inputs[0]}",
                label=f"has the shape {numbers}",
                help="give one number, or one for each feature",
                at=("argument", name),
            )
    return {}


def _stretches(have: int, over: Size) -> bool:
    return have == 1 or have == over


def _kept(call: LayerCall) -> tuple[int, ...]:
    """Return the axes that have a mean and a variance of their own, in their order."""
    return () if call["axis"] is None else tuple(sorted(axis_indices(call)))


def _check_moments(call: LayerCall) -> dict[str, Size]:
    for name in ("mean", "variance"):
        if call[name] is None:
            raise call.refuse(
                "ST203",
                f"needs a {name}: a spec holds no data to take it from",
                label=f"has no {name}",
                help="write both, as normalization(mean=(0.5,1.2), variance=(1,4)), or use batchnorm or norm",
            )
    kept = _kept(call)
    mean, variance = array_shape(call["mean"]), array_shape(call["variance"])
    over = tuple(call.shape[i] for i in kept)
    fit = len(mean) <= len(over) and all(map(_stretches, mean, over[len(over) - len(mean) :]))
    if mean != variance or not fit:
        other = f" and a variance of shape {variance}" if mean != variance else ""
        wants = f"one number, or {'*'.join(map(str, over))} of them" if over else "one number"
        raise call.refuse(
            "ST302",
            f"has a mean of shape {mean}{other}, where it is given {call.inputs[0]} and takes {wants}",
            label=f"has the shape {mean}",
            help="give mean and variance one number each, or one for each size of the axis",
            at=("argument", "mean"),
        )
    if _least(call["variance"]) < 0:
        raise call.refuse(
            "ST203",
            "has a variance below 0, whose root is not a number",
            label="must be 0 or more",
            help="a variance is a mean of squares: give the standard deviation's square",
            at=("argument", "variance"),
        )
    return {}


def _least(value: Any) -> float:
    return min(map(_least, value)) if isinstance(value, (tuple, list)) else float(value)


def _kept_sizes(call: LayerCall) -> Shape:
    return tuple(call.shape[i] for i in _kept(call))


_EMBEDDINGS = (
    initializer("embeddings", "uniform"),
    *regularizers("embeddings"),
    *constraints("embeddings"),
    Param("mask_zero", k.BOOL, False, flags={"mask": True}),
)
_VOCAB = Param("input_dim", k.SIZE, short="vocab")
_WIDTH = Param("output_dim", k.SIZE, short="width")

ROWS = (
    Row(
        "dense",
        "Dense",
        "A fully connected layer over the last axis, the same at every step.",
        "... F -> ... units",
        "in(T,8) -> lstm(32) -> dense(10,softmax)",
        time=timing.sums_features,
        mask=masking.passes,
        role="dense",
        params=(
            Param("units", k.SIZE),
            ACTIVATION,
            USE_BIAS,
            initializer("kernel", "glorot_uniform"),
            initializer("bias", "zeros"),
            *regularizers("kernel", "bias", "activity"),
            *constraints("kernel", "bias"),
            *LORA,
            QUANTIZATION,
        ),
        positional=("units", "activation"),
        weights=_dense_weights,
        work=_dense_work,
        kernels=("torch",),
    ),
    einsum_dense.ROW,
    Row(
        "embed",
        "Embedding",
        "Looks each id up in a table of vectors.",
        "... -> ... output_dim",
        "in(T,int) -> embed(5000,64,mask) -> gru(32)",
        time=timing.looks_up,
        mask=masking.looks_up,
        role="embedding",
        params=(
            _VOCAB,
            _WIDTH,
            *_EMBEDDINGS,
            Param("weights", k.NOTHING, None),
            *LORA,
            QUANTIZATION,
        ),
        positional=("input_dim", "output_dim"),
        weights=_embedding_weights,
        aliases=("embedding",),
    ),
    Row(
        "reversible_embedding",
        "ReversibleEmbedding",
        "Looks ids up in a table, and with reverse turns vectors back into scores for every id.",
        "... -> ... output_dim; reverse: ... W -> ... input_dim",
        "in(T,512) -> reversible_embedding(5000,512,reverse)",
        time=timing.looks_up,
        mask=masking.ends,
        role="embedding",
        params=(
            _VOCAB,
            _WIDTH,
            Param("tie_weights", k.BOOL, True),
            *_EMBEDDINGS,
            Param("reverse_dtype", k.optional(k.choice(*FLOATS, flags=False)), None),
            Param("logit_soft_cap", k.optional(k.number(0)), None),
            Param("reverse", k.BOOL, False, call=True),
        ),
        positional=("input_dim", "output_dim"),
        rule=_check_reverse,
        weights=_tied_weights,
        work=_reversed_work,
    ),
    Row(
        "mask",
        "Masking",
        "Masks the steps whose features all have one value, so that the layers after it skip them.",
        "... F -> ... F",
        "in(T,8) -> mask(0) -> lstm(32)",
        time=timing.keeps,
        mask=masking.makes,
        role="mask",
        params=(Param("mask_value", k.NUMBER, 0.0),),
        positional=("mask_value",),
        rule=_floats_alone,
        aliases=("masking",),
    ),
    Row(
        "rescaling",
        "Rescaling",
        "Multiplies by a scale and adds an offset.",
        "... -> ...",
        "in(28,28,1) -> rescaling(0.0039) -> flatten",
        time=timing.keeps,
        mask=masking.passes,
        role="scaling",
        params=(Param("scale", k.ARRAY), Param("offset", k.ARRAY, 0.0)),
        positional=("scale", "offset"),
        rule=_check_broadcast,
    ),
    Row(
        "normalization",
        "Normalization",
        "Subtracts a given mean and divides by the root of a given variance.",
        "... -> ...",
        "in(T,2) -> normalization(mean=(20,0.5),variance=(9,0.04)) -> lstm(32)",
        time=timing.keeps,
        mask=masking.passes,
        role="scaling",
        params=(
            Param("axis", k.optional(k.AXES), -1),
            Param("mean", k.optional(k.ARRAY), None),
            Param("variance", k.optional(k.ARRAY), None),
            Param("invert", k.BOOL, False),
        ),
        positional=("axis",),
        rule=_check_moments,
        needs=_kept_sizes,
    ),
    Row(
        "identity",
        "Identity",
        "The incoming value unchanged, as a layer of its own.",
        "... -> ...",
        "in(T,8) -> identity",
        time=timing.keeps,
        mask=masking.passes,
        role="identity",
        dtype="input",
    ),
)
