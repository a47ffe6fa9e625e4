"""Rows of the layer table against Keras: what each argument does to shapes, dtypes and weights."""

from __future__ import annotations

from typing import Any

import pytest

from seqtopo.layers.registry import NAMES
from seqtopo.layers.sizes import Size, substitute, symbol, unknown
from seqtopo.layers.values import Object, Refusal, Tensor, Word
from tests.support.rows import (
    GivenShape,
    assert_both_refuse,
    assert_row_agrees,
    assert_row_refuses,
    keras,
)

Case = tuple[str, dict[str, Any], GivenShape]

CONVOLUTIONS: list[Case] = [
    ("conv1d", {"filters": 4, "kernel_size": 3}, (9, 2)),
    ("conv1d", {"filters": 4, "kernel_size": (3,), "strides": 2}, (9, 2)),
    ("conv1d", {"filters": 4, "kernel_size": 3, "strides": 2}, ("T", 2)),
    ("conv1d", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, (10, 2)),
    ("conv1d", {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 4}, (5, 2)),
    ("conv1d", {"filters": 4, "kernel_size": 3, "padding": "causal", "strides": 3}, ("T", 2)),
    ("conv1d", {"filters": 4, "kernel_size": 3, "dilation_rate": 2}, ("T", 2)),
    ("conv1d", {"filters": 4, "kernel_size": 3, "groups": 2, "use_bias": False}, (9, 6)),
    ("conv1d", {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, (2, 9)),
    ("conv1d", {"filters": 4, "kernel_size": 1, "trainable": False}, (9, 2)),
    ("conv1d", {"filters": 4, "kernel_size": 1, "dtype": "mixed_float16"}, (9, 2)),
    (
        "conv1d",
        {
            "filters": 4,
            "kernel_size": 2,
            "activation": Word("relu"),
            "kernel_initializer": Object("orthogonal", (), {"gain": 2}),
            "kernel_regularizer": Object("l2", (1e-4,)),
            "bias_constraint": Object("max_norm", (2,)),
        },
        (9, 2),
    ),
    ("convolution2d", {"filters": 4, "kernel_size": (3, 2), "strides": (2, 1)}, (9, 8, 2)),
    ("conv2d", {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, (2, 9, "W")),
    ("conv2d", {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 2}, ("H", 7, 2)),
    ("conv2d", {"filters": 4, "kernel_size": 2, "dilation_rate": (1, 3)}, (9, 8, 2)),
    ("conv3d", {"filters": 4, "kernel_size": (1, 2, 3)}, (4, 5, 6, 2)),
    ("conv3d", {"filters": 4, "kernel_size": 2, "data_format": "channels_first", "groups": 2}, (2, 4, 5, 6)),
    ("separable_conv1d", {"filters": 4, "kernel_size": 3, "depth_multiplier": 2}, (9, 3)),
    ("sepconv1d", {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2}, ("T", 3)),
    ("separable_conv2d", {"filters": 4, "kernel_size": (3, 2), "use_bias": False}, (9, 8, 3)),
    ("sepconv2d", {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, (3, 9, 8)),
    ("depthwise_conv1d", {"kernel_size": 3, "depth_multiplier": 2}, (9, 3)),
    ("dwconv1d", {"kernel_size": 3, "strides": 2, "padding": "same", "use_bias": False}, ("T", 3)),
    ("depthwise_conv2d", {"kernel_size": (3, 2), "data_format": "channels_first"}, (3, 9, 8)),
    ("dwconv2d", {"kernel_size": 3, "depth_multiplier": 3, "padding": "same"}, (9, 8, 2)),
    *(
        (
            "conv1d_transpose",
            {"filters": 4, "kernel_size": kernel, "strides": stride, "padding": padding},
            shape,
        )
        for kernel in (1, 2, 3, 4)
        for stride in (1, 2, 3)
        for padding in ("valid", "same")
        for shape in ((5, 2), ("T", 2))
    ),
    *(
        (
            "conv1d_transpose",
            {"filters": 4, "kernel_size": kernel, "strides": 3, "output_padding": extra, **more},
            (5, 2),
        )
        for kernel in (1, 3, 5)
        for extra in (0, 1, 2)
        for more in ({}, {"padding": "same"})
    ),
    ("conv1d_transpose", {"filters": 4, "kernel_size": 3, "dilation_rate": 2}, ("T", 2)),
    ("conv1d_transpose", {"filters": 4, "kernel_size": 3, "use_bias": False}, (5, 2)),
    ("conv2d_transpose", {"filters": 4, "kernel_size": 3, "strides": (2, 1), "padding": "same"}, (5, 6, 2)),
    (
        "conv2d_transpose",
        {"filters": 4, "kernel_size": (2, 3), "output_padding": (1, 0), "strides": 2},
        (5, 6, 2),
    ),
    ("conv2d_transpose", {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, (2, 5, "W")),
    ("conv3d_transpose", {"filters": 4, "kernel_size": 2, "strides": 2}, (3, 4, 5, 2)),
    (
        "convolution3d_transpose",
        {"filters": 4, "kernel_size": 2, "data_format": "channels_first"},
        (2, 3, 4, 5),
    ),
]

POOLINGS: list[Case] = [
    *(
        (f"{kind}pool1d", {"pool_size": size, "strides": strides, "padding": padding}, shape)
        for kind in ("max", "avg")
        for size in (2, 3)
        for strides in (None, 1, 2)
        for padding in ("valid", "same")
        for shape in ((7, 2), ("T", 2))
    ),
    ("maxpool1d", {}, (7, 2)),
    ("max_pooling1d", {"data_format": "channels_first"}, (2, 7)),
    ("max_pool2d", {}, (7, 8, 2)),
    ("maxpool2d", {"pool_size": (3, 2), "strides": (1, 2)}, (7, "W", 2)),
    ("maxpool3d", {"data_format": "channels_first"}, (2, 4, 5, 6)),
    ("avg_pool2d", {"pool_size": 2, "padding": "same"}, (7, 8, 2)),
    ("average_pooling3d", {"pool_size": (1, 2, 3)}, (4, 5, 6, 2)),
    *(
        (f"g{kind}pool{len(shape) - 1}d", {"keepdims": keep, "data_format": form}, shape)
        for kind in ("max", "avg")
        for shape in (("T", 3), (5, 6, 3), (4, 5, 6, 3))
        for keep in (False, True)
        for form in ("channels_last", None)
    ),
    ("global_average_pooling1d", {"data_format": "channels_first"}, (3, 5)),
    ("global_avg_pool1d", {"data_format": "channels_first", "keepdims": True}, (3, "T")),
    ("global_max_pool2d", {"data_format": "channels_first", "keepdims": True}, (3, 5, 6)),
    ("gmaxpool1d", {"dtype": "float16"}, (5, 3)),
    ("adaptive_max_pooling1d", {"output_size": 3}, ("T", 2)),
    ("adaptive_average_pooling1d", {"output_size": (3,), "data_format": "channels_first"}, (2, 9)),
    ("adaptive_max_pooling2d", {"output_size": (3, 2)}, (9, 8, 2)),
    ("adaptive_average_pooling3d", {"output_size": 2}, (4, 5, 6, 2)),
]

NORMALIZATIONS: list[Case] = [
    ("norm", {}, ("T", 3)),
    ("norm", {"center": False}, (5, 3)),
    ("norm", {"scale": False, "epsilon": 1e-6}, (5, 3)),
    ("norm", {"axis": (Word("time"), Word("features"))}, (5, 3)),
    ("layer_normalization", {"axis": (2, 1)}, (5, 3)),
    ("norm", {"dtype": "mixed_bfloat16"}, (5, 3)),
    ("batchnorm", {}, ("T", 3)),
    ("batchnorm", {"axis": Word("time"), "scale": False}, (5, 3)),
    ("batchnorm", {"center": False, "momentum": 0.9}, (3,)),
    ("batch_normalization", {"renorm": True, "renorm_clipping": (0.3, 3, 5)}, (5, 3)),
    ("batchnorm", {"trainable": False}, (5, 3)),
    ("group_normalization", {"groups": 3}, ("T", 6)),
    ("group_normalization", {"groups": -1, "scale": False}, (5, 6)),
    ("group_normalization", {"groups": 5, "axis": 1}, (5, 6)),
    ("rms_normalization", {}, ("T", 3)),
    ("rms_normalization", {"axis": (1, 2)}, (5, 3)),
    ("rms_normalization", {"axis": (-2, -1)}, (5, 3)),
    ("unit_normalization", {"axis": 1}, ("T", 3)),
    ("unit_normalization", {"axis": (1, 2), "dtype": "float16"}, (5, 3)),
]

REGULARIZATIONS: list[Case] = [
    ("dropout", {"rate": 0.2}, ("T", 3)),
    ("dropout", {"rate": 1, "noise_shape": (None, 1, None), "seed": 3}, (5, 3)),
    ("spatial_dropout1d", {"rate": 0.2, "seed": 1}, ("T", 3)),
    ("spatial_dropout2d", {"rate": 0.2, "data_format": "channels_first"}, (3, 5, 6)),
    ("spatial_dropout3d", {"rate": 0.2, "dtype": "float16"}, (4, 5, 6, 3)),
    ("gaussian_dropout", {"rate": 0.2}, (5, 3)),
    ("gaussian_noise", {"stddev": 0.2}, (5, 3)),
    ("alpha_dropout", {"rate": 0.2, "noise_shape": (None, 5, 1)}, (5, 3)),
    ("activity_regularization", {"l1": 0.1, "l2": 0.2}, (5, 3)),
]

ACTIVATIONS: list[Case] = [
    ("act", {"activation": Word("tanh")}, ("T", 3)),
    ("activation", {"activation": Object("leaky_relu", (), {"negative_slope": 0.1})}, (5, 3)),
    ("relu", {"max_value": 6, "negative_slope": 0.1, "threshold": 0.5}, (5, 3)),
    ("leaky_relu", {"negative_slope": 0.2, "dtype": "float16"}, (5, 3)),
    ("elu", {"alpha": 0.5}, ("T", 3)),
    ("prelu", {}, (5, 3)),
    ("prelu", {"shared_axes": Word("time")}, ("T", 3)),
    ("p_re_lu", {"shared_axes": (1, 2)}, (5, 6, 3)),
    ("prelu", {"shared_axes": -1}, (5, 6, 3)),
    ("softmax", {}, ("T", 3)),
    ("softmax", {"axis": Word("time")}, ("T", 3)),
    ("softmax", {"axis": (1, 2)}, (5, 3)),
]

RESHAPINGS: list[Case] = [
    ("cropping1d", {}, (9, 2)),
    ("cropping1d", {"cropping": 3}, (9, 2)),
    ("cropping1d", {"cropping": (2, 0)}, ("T", 2)),
    ("cropping2d", {}, (9, 8, 2)),
    ("cropping2d", {"cropping": 2}, (9, "W", 2)),
    ("cropping2d", {"cropping": (1, 2)}, (9, 8, 2)),
    ("cropping2d", {"cropping": ((1, 0), (2, 3)), "data_format": "channels_first"}, (2, 9, 8)),
    ("cropping3d", {}, (4, 5, 6, 2)),
    ("cropping3d", {"cropping": ((1, 0), (0, 1), (2, 3))}, (4, 5, 6, 2)),
    ("zero_padding1d", {}, (9, 2)),
    ("zero_padding1d", {"padding": (0, 2)}, ("T", 2)),
    ("zero_padding1d", {"padding": (0, 2), "data_format": "channels_first"}, (2, 9)),
    ("zero_padding2d", {}, (9, 8, 2)),
    ("zero_padding2d", {"padding": ((1, 0), (2, 3)), "data_format": "channels_first"}, (2, 9, "W")),
    ("zero_padding3d", {"padding": (1, 2, 3)}, (4, 5, 6, 2)),
    ("upsample1d", {}, ("T", 2)),
    ("up_sampling1d", {"size": 3}, (5, 2)),
    ("upsample2d", {"size": (1, 3), "interpolation": Word("bilinear")}, (5, 6, 2)),
    ("upsample2d", {"data_format": "channels_first"}, (2, 5, 6)),
    ("upsample3d", {"size": 2}, (4, 5, 6, 2)),
    ("flatten", {}, (4, 5, 6)),
    ("flatten", {}, ("T", 3)),
    ("flatten", {}, ()),
    ("flatten", {"data_format": "channels_first", "dtype": "float16"}, (4, 5)),
    ("reshape", {"target_shape": (8, 3)}, (4, 6)),
    ("reshape", {"target_shape": (8, -1)}, (4, 6)),
    ("reshape", {"target_shape": (unknown(0), 2, 3)}, (4, 6)),
    ("reshape", {"target_shape": (unknown(0), 3)}, ("T", 6)),
    ("reshape", {"target_shape": 24}, (4, 6)),
    ("reshape", {"target_shape": ((2, 12),)}, (4, 6)),
    ("reshape", {"target_shape": (-1, 4)}, ("T", 6)),
    ("permute", {"dims": (2, 1)}, ("T", 6)),
    ("permute", {"dims": (3, 1, 2)}, (4, 5, 6)),
    ("permute", {"dims": (Word("features"), Word("time"))}, (4, 6)),
    ("permute", {"dims": 1}, (4,)),
]

CASES = CONVOLUTIONS + POOLINGS + NORMALIZATIONS + REGULARIZATIONS + ACTIVATIONS + RESHAPINGS


@pytest.mark.parametrize(("name", "args", "shape"), CASES, ids=[f"{n}-{a}-{s}" for n, a, s in CASES])
def test_row_agrees_with_keras(name: str, args: dict[str, Any], shape: GivenShape) -> None:
    assert_row_agrees(name, args, [shape])


WHOLE_NUMBERS: list[Case] = [
    *((name, {}, (6, 4)) for name in ("gavgpool1d", "gmaxpool1d", "norm", "batchnorm", "upsample1d")),
    *((name, {}, (6, 4)) for name in ("cropping1d", "zero_padding1d", "flatten")),
    ("group_normalization", {"groups": 2}, (6, 4)),
    ("reshape", {"target_shape": (4, 6)}, (6, 4)),
    ("permute", {"dims": (2, 1), "dtype": "float16"}, (6, 4)),
]


@pytest.mark.parametrize(("name", "args", "shape"), WHOLE_NUMBERS, ids=[n for n, _, _ in WHOLE_NUMBERS])
def test_row_agrees_with_keras_on_whole_numbers(name: str, args: dict[str, Any], shape: GivenShape) -> None:
    assert_row_agrees(name, args, [shape], ["int32"])


@pytest.mark.parametrize(
    ("name", "mask"), [("gavgpool1d", (6,)), ("batchnorm", (6,)), ("softmax", (6, 4)), ("softmax", (6, 1))]
)
def test_row_agrees_with_keras_where_a_mask_is_given(name: str, mask: GivenShape) -> None:
    assert_row_agrees(name, {}, [(6, 4)], tensors={"mask": [(mask, "bool")]})


BOTH_REFUSE: list[tuple[str, dict[str, Any], GivenShape, str]] = [
    ("conv1d", {"filters": 4, "kernel_size": 4}, (3, 2), "ST306"),
    ("conv1d", {"filters": 4, "kernel_size": 2, "dilation_rate": 3}, (3, 2), "ST306"),
    ("conv1d", {"filters": 4, "kernel_size": 2}, (3,), "ST301"),
    ("conv1d", {"filters": 4, "kernel_size": 2}, (3, 4, 5), "ST301"),
    ("conv1d", {"filters": 4, "kernel_size": 2}, (3, unknown(0)), "ST308"),
    ("conv1d", {"filters": 4, "kernel_size": 2, "strides": 2, "dilation_rate": 2}, (9, 2), "ST203"),
    (
        "conv2d",
        {"filters": 4, "kernel_size": 2, "strides": (2, 1), "dilation_rate": (1, 2)},
        (9, 9, 2),
        "ST203",
    ),
    ("conv1d", {"filters": 4, "kernel_size": 2, "groups": 4}, (9, 6), "ST203"),
    ("conv1d", {"filters": 5, "kernel_size": 2, "groups": 2}, (9, 6), "ST203"),
    ("conv1d", {"filters": 0, "kernel_size": 2}, (9, 6), "ST203"),
    ("conv1d", {"filters": 4, "kernel_size": 0}, (9, 6), "ST203"),
    ("conv1d", {"filters": 4, "kernel_size": (2, 2)}, (9, 6), "ST203"),
    ("conv2d", {"filters": 4, "kernel_size": 2, "padding": "causal"}, (9, 9, 6), "ST203"),
    ("separable_conv1d", {"filters": 4, "kernel_size": 4}, (3, 2), "ST306"),
    ("depthwise_conv1d", {"kernel_size": 4}, (3, 2), "ST306"),
    ("depthwise_conv1d", {"kernel_size": 2, "depth_multiplier": 0}, (3, 2), "ST203"),
    (
        "conv1d_transpose",
        {"filters": 4, "kernel_size": 2, "strides": 2, "output_padding": 2},
        (3, 2),
        "ST203",
    ),
    ("conv1d_transpose", {"filters": 4, "kernel_size": 2, "strides": 2, "dilation_rate": 2}, (3, 2), "ST203"),
    ("maxpool1d", {"pool_size": 4}, (3, 2), "ST306"),
    ("maxpool2d", {"pool_size": 2}, (3, 2), "ST301"),
    ("avgpool1d", {"pool_size": 0}, (3, 2), "ST203"),
    ("gavgpool1d", {}, (3,), "ST301"),
    ("norm", {"axis": 0}, (5, 3), "ST312"),
    ("norm", {"axis": 3}, (5, 3), "ST312"),
    ("norm", {}, (5, unknown(0)), "ST308"),
    ("batchnorm", {"axis": 4}, (5, 3), "ST312"),
    ("batchnorm", {"renorm": True, "renorm_clipping": (3, 1, 1)}, (5, 3), "ST203"),
    ("group_normalization", {"groups": 4}, (5, 6), "ST203"),
    ("group_normalization", {"groups": 32}, (5, 6), "ST203"),
    ("group_normalization", {"groups": 0}, (5, 6), "ST203"),
    ("group_normalization", {"groups": 2, "scale": False, "center": False}, (5, unknown(0)), "ST308"),
    ("unit_normalization", {"axis": 3}, (5, 3), "ST312"),
    ("dropout", {"rate": 2}, (5, 3), "ST203"),
    ("dropout", {"rate": 0.1, "noise_shape": (0, 1)}, (5, 3), "ST203"),
    ("spatial_dropout1d", {"rate": 0.1}, (5,), "ST301"),
    ("gaussian_noise", {"stddev": -1}, (5, 3), "ST203"),
    ("relu", {"max_value": -1}, (5, 3), "ST203"),
    ("leaky_relu", {"negative_slope": -1}, (5, 3), "ST203"),
    ("prelu", {}, (unknown(0), 3), "ST308"),
    ("cropping1d", {"cropping": (4, 5)}, (9, 2), "ST306"),
    ("cropping2d", {"cropping": ((1, 2), (4, 4))}, (9, 8, 2), "ST306"),
    ("cropping1d", {"cropping": (1, 2, 3)}, (9, 2), "ST203"),
    ("upsample1d", {"size": 0}, (9, 2), "ST203"),
    ("reshape", {"target_shape": (20, 16)}, (99, 16), "ST307"),
    ("reshape", {"target_shape": (-1, 5)}, (4, 6), "ST307"),
    ("reshape", {"target_shape": (-1, -1)}, (4, 6), "ST203"),
    ("permute", {"dims": (1, 1)}, (4, 6), "ST312"),
    ("permute", {"dims": (0, 1)}, (4, 6), "ST312"),
    ("permute", {"dims": (2, 1)}, (4, 6, 5), "ST301"),
]


@pytest.mark.parametrize(
    ("name", "args", "shape", "code"), BOTH_REFUSE, ids=[f"{n}-{a}-{s}" for n, a, s, _ in BOTH_REFUSE]
)
def test_row_and_keras_refuse(name: str, args: dict[str, Any], shape: GivenShape, code: str) -> None:
    refusal = assert_both_refuse(name, args, [shape], code)
    assert name in refusal.message


STRICTER: list[tuple[str, dict[str, Any], GivenShape, str]] = [
    # Keras takes them, and fails at the first batch or training step on at least one backend.
    ("gaussian_dropout", {"rate": 1}, (5, 3), "ST203"),
    ("alpha_dropout", {"rate": 1}, (5, 3), "ST203"),
    ("dropout", {"rate": 0.1, "noise_shape": (None, 1)}, (5, 3), "ST302"),
    ("dropout", {"rate": 0.1, "noise_shape": (None, 2, None)}, (5, 3), "ST302"),
    ("softmax", {"axis": 4}, (5, 3), "ST312"),
    ("softmax", {"axis": 0}, (5, 3), "ST312"),
    ("unit_normalization", {"axis": -3}, (5, 3), "ST312"),
    ("norm", {"axis": (2, -1)}, (5, 3), "ST312"),
    ("rms_normalization", {"axis": 1}, (5, 3), "ST312"),
    ("rms_normalization", {"axis": (1, -1)}, (5, 3), "ST312"),
    (
        "conv1d_transpose",
        {"filters": 4, "kernel_size": 2, "output_padding": 0, "padding": "same"},
        (5, 2),
        "ST203",
    ),
    ("conv1d", {"filters": 4, "kernel_size": 2, "activation": Word("glu")}, (5, 2), "ST203"),
    ("act", {"activation": Word("glu")}, (5, 3), "ST302"),
    ("act", {"activation": Object("softmax", (), {"axis": 3})}, (5, 3), "ST312"),
    ("adaptive_max_pooling1d", {"output_size": 3}, (5,), "ST301"),
    # Keras on PyTorch normalizes the last axes only.
    ("norm", {"axis": Word("time")}, (5, 3), "ST312"),
    # Keras takes what leaves an axis empty.
    (
        "conv1d_transpose",
        {"filters": 4, "kernel_size": 4, "strides": 2, "output_padding": 0, "padding": "same"},
        (1, 2),
        "ST203",
    ),
    ("reshape", {"target_shape": (0, 4)}, (4, 6), "ST203"),
]


@pytest.mark.parametrize(
    ("name", "args", "shape", "code"), STRICTER, ids=[f"{n}-{a}-{s}" for n, a, s, _ in STRICTER]
)
def test_row_refuses_what_keras_fails_on_later(
    name: str, args: dict[str, Any], shape: GivenShape, code: str
) -> None:
    assert_row_refuses(name, args, [shape], code)


FRACTIONS_ONLY: list[Case] = [
    ("conv1d", {"filters": 4, "kernel_size": 2}, (6, 4)),
    ("sepconv1d", {"filters": 4, "kernel_size": 2}, (6, 4)),
    ("dwconv1d", {"kernel_size": 2}, (6, 4)),
    ("conv1d_transpose", {"filters": 4, "kernel_size": 2}, (6, 4)),
    ("maxpool1d", {}, (6, 4)),
    ("avgpool1d", {"pool_size": 2}, (6, 4)),
    ("adaptive_max_pooling1d", {"output_size": 2}, (6, 4)),
    ("rms_normalization", {}, (6, 4)),
    ("unit_normalization", {}, (6, 4)),
    *(
        (name, {"rate": 0.1}, (6, 4))
        for name in ("dropout", "spatial_dropout1d", "alpha_dropout", "gaussian_dropout")
    ),
    ("gaussian_noise", {"stddev": 0.1}, (6, 4)),
    *((name, {}, (6, 4)) for name in ("softmax", "leaky_relu", "elu", "prelu")),
]


@pytest.mark.parametrize(("name", "args", "shape"), FRACTIONS_ONLY, ids=[n for n, _, _ in FRACTIONS_ONLY])
def test_row_refuses_whole_numbers(name: str, args: dict[str, Any], shape: GivenShape) -> None:
    assert_row_refuses(name, args, [shape], "ST310", ["int32"])


@pytest.mark.parametrize(
    ("name", "mask"), [("gavgpool1d", (5,)), ("batchnorm", (6, 4)), ("softmax", (6,)), ("softmax", (1, 6, 4))]
)
def test_row_refuses_a_mask_of_another_shape(name: str, mask: tuple[int, ...]) -> None:
    with pytest.raises(Refusal, match="needs a mask") as caught:
        NAMES[name].outcome({}, (Tensor((6, 4)),), {"mask": (Tensor(mask, "bool"),)})
    assert caught.value.code == "ST302"


def test_a_reshape_that_does_not_come_out_says_both_numbers() -> None:
    refusal = assert_row_refuses("reshape", {"target_shape": (20, 16)}, [(99, 16)], "ST307")
    assert (
        refusal.message == "reshape(20, 16) needs 320 numbers a sample but is given (99, 16), which is 1584"
    )


@pytest.mark.parametrize(
    ("name", "args"),
    [
        *(
            (f"{name}", {**args, "strides": strides, "padding": padding})
            for name, args in [
                ("conv1d", {"filters": 4, "kernel_size": 3}),
                ("maxpool1d", {"pool_size": 3}),
                ("conv1d_transpose", {"filters": 4, "kernel_size": 3}),
            ]
            for strides in (1, 2, 3)
            for padding in ("valid", "same")
        ),
        ("upsample1d", {"size": 3}),
        ("cropping1d", {"cropping": (1, 2)}),
        ("zero_padding1d", {"padding": (1, 2)}),
        ("flatten", {}),
        ("reshape", {"target_shape": (-1, 1)}),
    ],
    ids=str,
)
def test_a_symbolic_length_becomes_the_right_number_once_it_is_known(name: str, args: dict[str, Any]) -> None:
    open_shape = assert_row_agrees(name, args, [("T", 2)]).outputs[0].shape
    for steps in (4, 5, 6, 7, 12):
        bound: tuple[Size, ...] = tuple(substitute(s, {"T": steps}) for s in open_shape)
        assert bound == assert_row_agrees(name, args, [(steps, 2)]).outputs[0].shape


def test_glu_halves_the_features() -> None:
    shape = NAMES["act"].outcome({"activation": "glu"}, (Tensor((5, 6)),)).outputs[0].shape
    assert shape == tuple(keras.ops.glu(keras.Input((5, 6))).shape[1:])


def test_sizes_stay_symbolic_in_weights() -> None:
    outcome = NAMES["conv1d"].outcome({"filters": 4, "kernel_size": symbol("K")}, (Tensor((9, symbol("F"))),))
    assert [str(s) for s in outcome.outputs[0].shape] == ["-K+10", "4"]
    assert [tuple(map(str, w.shape)) for w in outcome.weights] == [("K", "F", "4"), ("4",)]
