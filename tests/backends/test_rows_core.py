"""The basic, recurrent and wrapping rows against the installed Keras."""

from __future__ import annotations

from typing import Any

import pytest

from seqtopo.layers.layer import Layer
from seqtopo.layers.registry import NAMES
from seqtopo.layers.sizes import symbol, unknown
from seqtopo.layers.values import Object, Refusal, Tensor, Word
from tests.support.rows import assert_both_refuse, assert_row_agrees, assert_row_refuses


def layer(name: str, *given: Any, **more: Any) -> Layer:
    """A layer as an argument, its arguments read as a spec's are."""
    row = NAMES[name]
    args = dict(zip(row.positional, given, strict=False)) | more
    return Layer(row, {row.by_name[n].name: row.by_name[n].kind.read(v) for n, v in args.items()})


RECURRENT = ("lstm", "gru", "rnn")
UNITS = {"units": 4}


@pytest.mark.parametrize("name", RECURRENT)
@pytest.mark.parametrize(
    "args",
    [
        {},
        {"return_sequences": True},
        {"return_sequences": True, "return_state": True},
        {"use_bias": False},
        {"go_backwards": True, "unroll": True},
        {"trainable": False},
        {"dtype": "mixed_bfloat16", "return_state": True},
        {"dropout": 0.1, "recurrent_dropout": 0.2, "seed": 3},
        {"activation": "relu", "kernel_initializer": Object("orthogonal", (), {"gain": 2.0})},
        {"kernel_regularizer": Object("l2", (), {"l2": 0.1}), "bias_constraint": Word("non_neg")},
        {"recurrent_initializer": "identity"},
    ],
)
@pytest.mark.parametrize("shape", [(5, 3), ("T", 3)])
def test_recurrent_layers(name: str, args: dict[str, Any], shape: tuple[Any, ...]) -> None:
    assert_row_agrees(name, UNITS | args, [shape])


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_call(name: str) -> None:
    states = 2 if name == "lstm" else 1
    tensors = {"initial_state": [((4,), "float32")] * states, "mask": [(("T",), "bool")]}
    assert_row_agrees(name, UNITS, [("T", 3)], tensors=tensors)
    assert_row_agrees(name, UNITS, [("T", 3)], ["int32"])


def test_gru_with_one_bias() -> None:
    assert_row_agrees("gru", UNITS | {"reset_after": False}, [(5, 3)])


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_refusals(name: str) -> None:
    assert_both_refuse(name, {"units": 0}, [(5, 3)], "ST203")
    assert_both_refuse(name, UNITS, [(3,)], "ST301")
    assert_both_refuse(name, UNITS, [(5, 3, 2)], "ST301")
    assert_row_refuses(name, UNITS | {"kernel_constraint": Object("max_norm", (2, 2))}, [(5, 3)], "ST203")
    assert_row_refuses(name, UNITS | {"activation": "glu"}, [(5, 3)], "ST203")


CONV_LSTM = {"filters": 4, "kernel_size": 3}
IMAGES: dict[int, tuple[Any, ...]] = {1: (9,), 2: (9, 8), 3: (9, 8, 7)}


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(
    "args",
    [
        {},
        {"return_sequences": True, "padding": "same", "strides": 2},
        {"return_sequences": True, "return_state": True, "dilation_rate": 2},
        {"use_bias": False, "trainable": False},
        {"dtype": "mixed_bfloat16", "kernel_size": 1, "go_backwards": True},
    ],
)
@pytest.mark.parametrize("steps", [5, "T"])
def test_convolutional_lstm(rank: int, args: dict[str, Any], steps: Any) -> None:
    assert_row_agrees(f"convlstm{rank}d", CONV_LSTM | args, [(steps, *IMAGES[rank], 3)])
    first = {"data_format": "channels_first"}
    assert_row_agrees(f"convlstm{rank}d", CONV_LSTM | args | first, [(steps, 3, *IMAGES[rank])])


def test_convolutional_lstm_states() -> None:
    good = {"initial_state": [((7, 4), "float32")] * 2}
    assert_row_agrees("convlstm1d", CONV_LSTM, [(5, 9, 3)], tensors=good)


def test_convolutional_lstm_refusals() -> None:
    assert_both_refuse("convlstm1d", CONV_LSTM | {"padding": "causal"}, [(5, 9, 3)], "ST203")
    assert_both_refuse("convlstm1d", CONV_LSTM | {"kernel_size": 10}, [(5, 9, 3)], "ST306")
    assert_both_refuse("convlstm1d", CONV_LSTM | {"strides": 2, "dilation_rate": 2}, [(5, 9, 3)], "ST203")
    assert_both_refuse("convlstm1d", CONV_LSTM | {"strides": 0}, [(5, 9, 3)], "ST203")
    assert_both_refuse("convlstm1d", CONV_LSTM, [(9, 3)], "ST301")


@pytest.mark.parametrize(
    ("args", "shape", "dtype"),
    [
        ({"units": 4}, (3,), "float32"),
        ({"units": 4}, ("T", 5, 3), "float32"),
        ({"units": 4, "use_bias": False, "activation": "softmax"}, (3,), "int32"),
        ({"units": 4, "dtype": "mixed_float16"}, (3,), "float32"),
        ({"units": 4, "lora_rank": 2}, ("T", 3), "float32"),
        ({"units": 4, "lora_rank": 2, "trainable": False, "lora_alpha": 2}, (3,), "float32"),
        (
            {
                "units": 4,
                "kernel_initializer": "identity",
                "kernel_constraint": Object("max_norm", (), {"axis": 1}),
            },
            (3,),
            "float32",
        ),
    ],
)
def test_dense(args: dict[str, Any], shape: tuple[Any, ...], dtype: str) -> None:
    assert_row_agrees("dense", args, [shape], [dtype])


def test_dense_refusals() -> None:
    assert_both_refuse("dense", {"units": 0}, [(3,)], "ST203")
    assert_both_refuse("dense", {"units": 4}, [()], "ST301")
    assert_both_refuse("dense", {"units": 4, "bias_initializer": "orthogonal"}, [(3,)], "ST203")
    assert_both_refuse("dense", {"units": 4, "bias_initializer": "identity"}, [(3,)], "ST203")
    assert_both_refuse("dense", {"units": 4, "lora_rank": 2, "kernel_constraint": "non_neg"}, [(3,)], "ST203")
    assert_row_refuses("dense", {"units": 4, "activation": "glu"}, [(3,)], "ST203")
    assert_row_refuses("dense", {"units": 4, "quantization_config": 8}, [(3,)], "ST203")


EINSUMS = (
    ("abc,cd->abd", (None, 4), "d", ("T", 3)),
    ("abc,cd->abd", (5, 4), None, (5, 3)),
    ("abc,cd->abd", (None, 4), "d", (5, 3)),
    ("abc,cde->abde", (None, 2, 4), "de", ("T", 3)),
    ("abc,cde->abde", (None, 2, 4), "d", ("T", 3)),
    ("abcd,cde->abe", (None, 4), "e", ("T", 2, 3)),
    ("...x,xy->...y", 4, "y", ("T", 3)),
    ("...x,xy->...y", 4, "y", (3,)),
    ("...ab,bc->...ac", (None, 4), "c", (7, "T", 3)),
    ("...ab,bc->...ac", 4, "c", (3,)),
    ("ab...,bc->ac...", 4, "c", (3, 5)),
    ("ab...,bc->ac...", 4, None, (3,)),
    ("abc,cd->ad", 4, None, (5, 3)),
    ("abc,bd->adc", (4, None), "d", (5, 3)),
    ("abc,bcd->abd", (None, 4), "bd", (5, 3)),
    ("ABc,cd->ABd", (symbol("T"), 4), "d", ("T", 3)),
)


@pytest.mark.parametrize(("equation", "output_shape", "bias_axes", "shape"), EINSUMS)
def test_einsum_dense(
    equation: str, output_shape: Any, bias_axes: str | None, shape: tuple[Any, ...]
) -> None:
    args = {"equation": equation, "output_shape": output_shape, "bias_axes": bias_axes}
    assert_row_agrees("einsum_dense", args, [shape])
    assert_row_agrees("einsum_dense", args | {"lora_rank": 2, "dtype": "mixed_bfloat16"}, [shape])


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "shape", "code"),
    [
        ("bad", 4, None, (3,), "ST203"),
        ("abc,cd->abd", (6, 4), "d", (5, 3), "ST302"),
        ("abc,cd->abd", (5, 4), "q", (5, 3), "ST203"),
        ("abc,cd->abd", (None, 4), "", (5, 3), "ST203"),
        ("abc,cd->abd", (None, 4), "a", (5, 3), "ST203"),
        ("abc,cd->abd", (None, 4), None, (5,), "ST301"),
        ("abc,cd->abd", (None, None), None, (5, 3), "ST308"),
        ("abc,cde->abd", (None, 4), None, (5, 3), "ST203"),
        ("abc,cd->abe", (None, 4), None, (5, 3), "ST203"),
        ("abc,acd->abd", (None, 4), None, (5, 3), "ST203"),
    ],
)
def test_einsum_dense_refuses_what_keras_refuses(
    equation: str, output_shape: Any, bias_axes: str | None, shape: tuple[int, ...], code: str
) -> None:
    args = {"equation": equation, "output_shape": output_shape, "bias_axes": bias_axes}
    assert_both_refuse("einsum_dense", args, [shape], code)


@pytest.mark.parametrize(
    ("equation", "output_shape", "shape", "code"),
    [
        ("abc,cd->abd", (None, 4, 4), (5, 3), "ST203"),  # Keras gives a shape with an axis too many
        ("abc,cd->bad", (None, 4), (5, 3), "ST203"),  # and one with the batch in the wrong place
        ("abc,cd->abd", (None, 4), (5, 6, 3), "ST301"),  # takes any rank and fails at the first batch
        ("abc,cd->abd junk", (None, 4), (5, 3), "ST203"),
    ],
)
def test_einsum_dense_refuses_what_breaks_later(
    equation: str, output_shape: Any, shape: tuple[int, ...], code: str
) -> None:
    assert_row_refuses("einsum_dense", {"equation": equation, "output_shape": output_shape}, [shape], code)


TABLE = {"input_dim": 10, "output_dim": 4}


@pytest.mark.parametrize(
    ("args", "shape", "dtype"),
    [
        ({}, (5,), "int32"),
        ({"mask_zero": True, "embeddings_initializer": "uniform"}, ("T",), "int32"),
        ({"dtype": "mixed_bfloat16"}, (), "int32"),
        ({"lora_rank": 2}, ("T", 3), "float32"),
        ({"trainable": False}, (5,), "uint8"),
    ],
)
def test_embeddings(args: dict[str, Any], shape: tuple[Any, ...], dtype: str) -> None:
    assert_row_agrees("embed", TABLE | args, [shape], [dtype])
    if "lora_rank" not in args:
        assert_row_agrees("reversible_embedding", TABLE | args, [shape], [dtype])


@pytest.mark.parametrize(
    "args", [{}, {"tie_weights": False}, {"reverse_dtype": "float32", "logit_soft_cap": 30.0}]
)
def test_embeddings_in_reverse(args: dict[str, Any]) -> None:
    assert_row_agrees("reversible_embedding", TABLE | args | {"reverse": True}, [("T", 4)])
    assert_row_refuses("reversible_embedding", TABLE | args | {"reverse": True}, [("T", 5)], "ST302")


def test_embedding_refusals() -> None:
    assert_both_refuse("embed", TABLE | {"input_dim": 0}, [(5,)], "ST203")
    assert_both_refuse("embed", TABLE | {"lora_rank": 2, "embeddings_constraint": "non_neg"}, [(5,)], "ST203")
    assert_row_refuses("embed", TABLE | {"weights": 1}, [(5,)], "ST203")


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize(
    ("name", "args", "shape"),
    [
        ("mask", {}, ("T", 3)),
        ("mask", {"mask_value": 2, "dtype": "bfloat16"}, (5, 3, 2)),
        ("rescaling", {"scale": 2}, ("T", 3)),
        ("rescaling", {"scale": (1, 2, 3), "offset": (1, 1, 1), "dtype": "mixed_bfloat16"}, (5, 3)),
        ("rescaling", {"scale": ((1,), (2,)), "offset": 1.5}, (2, 3)),
        ("normalization", {"mean": 1, "variance": 2}, ("T", 3)),
        ("normalization", {"mean": (1, 2, 3), "variance": (1, 2, 3), "invert": True}, ("T", 3)),
        ("normalization", {"axis": None, "mean": 1, "variance": 2}, ("T", 3)),
        ("normalization", {"axis": (1, 2), "mean": ((1, 2, 3),) * 2, "variance": ((1, 2, 3),) * 2}, (2, 3)),
        ("normalization", {"axis": (1, 2), "mean": (1, 2, 3), "variance": (1, 2, 3)}, (2, 3)),
        ("normalization", {"axis": 1, "mean": (1, 2), "variance": (0, 2)}, (2, 3)),
        ("identity", {}, ("T", 3)),
        ("identity", {"dtype": "bfloat16"}, ()),
        ("repeat", {"n": 3}, (4,)),
        ("repeat", {"n": 3, "dtype": "bfloat16"}, ("F",)),
    ],
)
def test_plain_layers(name: str, args: dict[str, Any], shape: tuple[Any, ...], dtype: str) -> None:
    if name == "mask" and dtype == "int32":
        # Keras says float32, and gives int32.
        assert_row_refuses(name, args, [shape], "ST310", [dtype])
    else:
        assert_row_agrees(name, args, [shape], [dtype])


def test_plain_refusals() -> None:
    assert_both_refuse("normalization", {"mean": 1}, [(5, 3)], "ST203")
    assert_both_refuse("normalization", {"mean": (1, 2), "variance": (1, 2)}, [(5, 3)], "ST302")
    assert_both_refuse("normalization", {"mean": (1, 2, 3), "variance": 1}, [(5, 3)], "ST302")
    assert_both_refuse("normalization", {"mean": 1, "variance": 1, "axis": 0}, [(5, 3)], "ST312")
    assert_both_refuse("normalization", {"mean": 1, "variance": 1, "axis": 3}, [(5, 3)], "ST312")
    assert_row_refuses("normalization", {"mean": 1, "variance": -1}, [(5, 3)], "ST203")
    assert_row_refuses("normalization", {}, [(5, 3)], "ST203")
    assert_row_refuses("rescaling", {"scale": (1, 2)}, [(5, 3)], "ST302")
    assert_row_refuses("rescaling", {"scale": ((1, 2), (1,))}, [(5, 3)], "ST203")
    assert_row_refuses("rescaling", {"scale": ((1, 2, 3),) * 2}, [(3,)], "ST302")
    assert_both_refuse("repeat", {"n": 0}, [(4,)], "ST203")
    assert_both_refuse("repeat", {"n": 3}, [(4, 5)], "ST301")


BOTH_WAYS = (
    {"layer": layer("lstm", 4)},
    {"layer": layer("gru", 4, return_sequences=True), "merge_mode": "sum"},
    {"layer": layer("rnn", 4, return_sequences=True), "merge_mode": "ave"},
    {"layer": layer("gru", 4), "merge_mode": "mul", "dtype": "mixed_bfloat16"},
    {"layer": layer("gru", 4, return_sequences=True), "merge_mode": None},
    {"layer": layer("lstm", 4, return_state=True, trainable=False)},
    {"layer": layer("lstm", 4), "backward_layer": layer("gru", 4, go_backwards=True)},
    {"layer": layer("lstm", 4, go_backwards=True), "backward_layer": layer("rnn", 4, use_bias=False)},
)


@pytest.mark.parametrize("args", BOTH_WAYS, ids=str)
@pytest.mark.parametrize("steps", [5, "T"])
def test_bidirectional(args: dict[str, Any], steps: Any) -> None:
    assert_row_agrees("bi", args, [(steps, 3)])


def test_bidirectional_call() -> None:
    tensors = {"initial_state": [((4,), "float32")] * 4, "mask": [((5,), "bool")]}
    outcome = assert_row_agrees("bi", {"layer": layer("lstm", 4)}, [(5, 3)], tensors=tensors)
    assert len(outcome.extras["state"]) == 4


@pytest.mark.parametrize("args", [{}, {"return_sequences": True, "padding": "same"}])
def test_bidirectional_convolution(args: dict[str, Any]) -> None:
    assert_row_agrees("bi", {"layer": layer("convlstm1d", 4, 3, **args)}, [("T", 9, 3)])
    first = {"data_format": "channels_first"}
    assert_row_agrees("bi", {"layer": layer("convlstm1d", 4, 3, **args, **first)}, [("T", 3, 9)])


def test_bidirectional_refusals() -> None:
    lstm = layer("lstm", 4)
    both = (
        {"layer": layer("dense", 4)},
        {"layer": layer("bi", lstm)},
        {"layer": layer("td", layer("dense", 4))},
        {"layer": layer("gru", 4, go_backwards=True)},
        {"layer": lstm, "backward_layer": layer("lstm", 4)},
        {"layer": lstm, "backward_layer": layer("lstm", 4, go_backwards=True, return_sequences=True)},
        {"layer": lstm, "backward_layer": layer("dense", 4)},
    )
    for args in both:
        assert_both_refuse("bi", args, [(5, 3)], "ST313")
    assert_both_refuse("bi", {"layer": lstm}, [(3,)], "ST301")
    assert_both_refuse("bi", {"layer": lstm, "merge_mode": "max"}, [(5, 3)], "ST203")
    for mode in ("concat", "sum", None):  # Keras builds it with a wrong shape
        wide = {"layer": lstm, "backward_layer": layer("lstm", 5, go_backwards=True), "merge_mode": mode}
        assert_row_refuses("bi", wide, [(5, 3)], "ST303")
    assert_row_refuses("bi", {"layer": lstm, "trainable": False}, [(5, 3)], "ST313")


EVERY_STEP = (
    (layer("dense", 4), (5, 3), "float32"),
    (layer("dense", 4, trainable=False), ("T", 6, 3), "float32"),
    (layer("embed", 10, 4), ("T", 7), "int32"),
    (layer("lstm", 4, return_sequences=True), (5, 6, 3), "float32"),
    (layer("bi", layer("lstm", 4)), (5, 6, 3), "float32"),
    (layer("td", layer("dense", 4)), (5, 6, 3), "float32"),
    (layer("repeat", 3), (5, 6), "float32"),
    (layer("conv2d", 4, 3), ("T", 8, 8, 1), "float32"),
    (layer("batchnorm"), (5, 6, 3), "float32"),
    (layer("flatten"), (5, 3, 2), "int32"),
    (layer("spectral_normalization", layer("dense", 4)), (5, 3), "float32"),
)


@pytest.mark.parametrize(("inner", "shape", "dtype"), EVERY_STEP, ids=str)
def test_time_distributed(inner: Layer, shape: tuple[Any, ...], dtype: str) -> None:
    assert_row_agrees("td", {"layer": inner}, [shape], [dtype])


def test_time_distributed_refusals() -> None:
    # Keras says that it gives float32, and gives bfloat16.
    inner = layer("dense", 4, dtype="mixed_bfloat16")
    assert_row_refuses("td", {"layer": inner}, [(5, 3)], "ST310")
    assert_both_refuse("td", {"layer": layer("dense", 4)}, [(5,)], "ST301")
    refusal = assert_both_refuse("td", {"layer": layer("conv2d", 4, 3)}, [(5, 8, 1)], "ST301")
    assert refusal.takes == 4
    assert_both_refuse("td", {"layer": layer("conv1d", 4, 9)}, [(5, 8, 1)], "ST306")
    assert_both_refuse("td", {"layer": layer("mha", 2, 4)}, [(5, 8, 3)], "ST313")
    assert_both_refuse("td", {"layer": layer("add")}, [(5, 8, 3)], "ST313")
    assert_row_refuses("td", {"layer": layer("dense", 4), "trainable": False}, [(5, 3)], "ST313")


NORMED = (
    (layer("dense", 4), (3,)),
    (layer("dense", 4, trainable=False, use_bias=False), ("T", 3)),
    (layer("conv1d", 4, 3), ("T", 3)),
    (layer("conv2d_transpose", 4, 3), (8, 8, 3)),
    (layer("depthwise_conv1d", 3), (5, 3)),
    (layer("embed", 10, 4), ("T",)),
    (layer("einsum_dense", "abc,cd->abd", (None, 4)), ("T", 3)),
)


@pytest.mark.parametrize(("inner", "shape"), NORMED, ids=str)
def test_spectral_normalization(inner: Layer, shape: tuple[Any, ...]) -> None:
    assert_row_agrees("spectral_normalization", {"layer": inner, "power_iterations": 2}, [shape])


def test_spectral_normalization_refusals() -> None:
    name = "spectral_normalization"
    assert_both_refuse(name, {"layer": layer("lstm", 4)}, [(5, 3)], "ST313")
    assert_both_refuse(name, {"layer": layer("separable_conv1d", 4, 3)}, [(5, 3)], "ST313")
    assert_both_refuse(name, {"layer": layer("flatten")}, [(5, 3)], "ST313")
    assert_both_refuse(name, {"layer": layer("dense", 4), "power_iterations": 0}, [(3,)], "ST203")
    assert_row_refuses(name, {"layer": layer("embed", 10, 4)}, [(5,)], "ST310", ["int32"])
    assert_row_refuses(name, {"layer": layer("dense", 4, lora_rank=2)}, [(3,)], "ST313")


def test_open_sizes_that_keras_needs() -> None:
    open_steps = unknown(1)
    assert_row_refuses("lstm", UNITS | {"unroll": True}, [(open_steps, 3)], "ST308")
    assert_row_refuses("lstm", UNITS, [(5, open_steps)], "ST308")
    assert_row_refuses("convlstm1d", CONV_LSTM, [(5, open_steps, 3)], "ST308")
    assert_row_refuses("normalization", {"mean": 1, "variance": 1}, [(5, open_steps)], "ST308")
    assert NAMES["lstm"].outcome(UNITS | {"unroll": True}, (Tensor((symbol("T"), 3)),)).needs == (
        symbol("T"),
    )


def refusal_with(name: str, args: dict[str, Any], shape: tuple[Any, ...], **tensors: Any) -> str:
    """The code with which a row refuses values given to its call; Keras looks at none of them."""
    given = {n: tuple(Tensor(s) for s in shapes) for n, shapes in tensors.items()}
    with pytest.raises(Refusal, match=name) as caught:
        NAMES[name].outcome(args, (Tensor(shape),), given)
    return caught.value.code


def test_states_and_masks_that_do_not_fit() -> None:
    lstm = layer("lstm", 4)
    assert refusal_with("lstm", UNITS, (5, 3), initial_state=[(4,)]) == "ST304"
    assert refusal_with("lstm", UNITS, (5, 3), initial_state=[(4,), (5,)]) == "ST304"
    assert refusal_with("gru", UNITS, (5, 3), initial_state=[(4,), (4,)]) == "ST304"
    assert refusal_with("gru", UNITS, (5, 3), initial_state=[(5, 4)]) == "ST304"
    assert refusal_with("bi", {"layer": lstm}, (5, 3), initial_state=[(4,)] * 2) == "ST304"
    mixed = {"layer": lstm, "backward_layer": layer("gru", 4, go_backwards=True)}
    assert refusal_with("bi", mixed, (5, 3), initial_state=[(4,)] * 3) == "ST304"
    assert refusal_with("convlstm1d", CONV_LSTM, (5, 9, 3), initial_state=[(9, 4)] * 2) == "ST304"
    assert refusal_with("lstm", UNITS, (5, 3), mask=[(6,)]) == "ST302"
    assert refusal_with("lstm", UNITS, (5, 3), mask=[(5, 3)]) == "ST301"
    assert refusal_with("td", {"layer": layer("dense", 4)}, (5, 3), mask=[(4,)]) == "ST302"
