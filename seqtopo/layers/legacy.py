"""Names from earlier versions of Keras and from PyTorch: what each is now, or why it is gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Renamed:
    """An argument that has another name now: the first of ``to`` that the layer has.

    ``exact`` is whether the value means the same under the new name.
    """

    to: tuple[str, ...]
    since: str
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Gone:
    """An argument that the layer no longer has, with the advice what to write.

    ``harmless`` is whether leaving it out changes nothing.
    """

    why: str
    instead: str
    harmless: bool = False


@dataclass(frozen=True, slots=True)
class Class:
    """A layer that is now called ``to``; with ``inside``, in a wrapper: ``td(dense(...))``.

    ``drops`` arguments are left out at the beginning, which said what comes in. Without ``to`` the
    layer is gone, and ``instead`` says what to write.
    """

    to: str
    since: str
    drops: int = 0
    inside: str = ""
    instead: str = ""


_K1, _K2, _TORCH = "Keras 1", "Keras 2", "PyTorch"


def _to(*names: str, since: str = _K1, exact: bool = True) -> Renamed:
    return Renamed(names, since, exact)


_SHAPE = Gone("the shape of what comes in stands in the in(...)", "take it out: in(T,F) declares it", True)
_KERNEL_AREA = Gone("Keras 1 gave the kernel's sides one by one", "write kernel_size=(rows,columns)")

ARGUMENTS: Mapping[str, Renamed | Gone] = {
    "output_dim": _to("units"),
    "nb_filter": _to("filters"),
    "nb_filters": _to("filters"),
    "filter_length": _to("kernel_size"),
    "filter_size": _to("kernel_size"),
    "kernel": _to("kernel_size"),
    "nb_row": _KERNEL_AREA,
    "nb_col": _KERNEL_AREA,
    "border_mode": _to("padding"),
    "subsample": _to("strides"),
    "subsample_length": _to("strides"),
    "atrous_rate": _to("dilation_rate"),
    "dim_ordering": _to("data_format", exact=False),
    "pool_length": _to("pool_size"),
    "length": _to("size"),
    "stride": _to("strides"),
    "init": _to("kernel_initializer", "embeddings_initializer"),
    "inner_init": _to("recurrent_initializer"),
    "inner_activation": _to("recurrent_activation"),
    "forget_bias_init": _to("unit_forget_bias", exact=False),
    "beta_init": _to("beta_initializer"),
    "gamma_init": _to("gamma_initializer"),
    "W_initializer": _to("kernel_initializer"),
    "W_regularizer": _to("kernel_regularizer", "embeddings_regularizer"),
    "U_regularizer": _to("recurrent_regularizer"),
    "b_regularizer": _to("bias_regularizer"),
    "W_constraint": _to("kernel_constraint", "embeddings_constraint"),
    "U_constraint": _to("recurrent_constraint"),
    "b_constraint": _to("bias_constraint"),
    "depthwise_init": _to("depthwise_initializer"),
    "dropout_W": _to("dropout"),
    "dropout_U": _to("recurrent_dropout"),
    "p": _to("rate", since=f"{_K1} and {_TORCH}"),
    "sigma": _to("stddev"),
    "concat_axis": _to("axis"),
    "alpha": _to("negative_slope", since=_K2),
    "nb_feature": _to("units"),
    "num_units": _to("units", since="TensorFlow 1"),
    "n_units": _to("units", since="TensorFlow 1"),
    "hidden_units": _to("units", since="other libraries"),
    "hidden_size": _to("units", since=_TORCH),
    "hidden_dim": _to("units", since=_TORCH),
    "out_features": _to("units", since=_TORCH),
    "out_channels": _to("filters", since=_TORCH),
    "num_embeddings": _to("input_dim", since=_TORCH),
    "vocab_size": _to("input_dim", since="other libraries"),
    "embedding_dim": _to("output_dim", since=_TORCH),
    "nonlinearity": _to("activation", since=_TORCH),
    "dilation": _to("dilation_rate", since=_TORCH),
    "eps": _to("epsilon", since=_TORCH),
    "bias": _to("use_bias", since=f"{_K1} and {_TORCH}"),
    "padding_idx": Gone("Keras masks id 0 alone", "write mask: embed(5000,64,mask)"),
    "input_dim": _SHAPE,
    "input_length": _SHAPE,
    "input_shape": _SHAPE,
    "batch_input_shape": Gone(
        "the shape of what comes in stands in the in(...)", "take it out: in(T,F,batch=32) declares it"
    ),
    "batch_size": Gone("a fixed batch stands in the in(...)", "write it there: in(T,F,batch=32)"),
    "in_features": _SHAPE,
    "in_channels": _SHAPE,
    "input_size": _SHAPE,
    "normalized_shape": _SHAPE,
    "num_features": _SHAPE,
    "implementation": Gone("Keras 3 chooses the computation itself", "take it out", True),
    "consume_less": Gone("Keras 3 chooses the computation itself", "take it out", True),
    "unit_type": Gone("no layer has it", "take it out"),
    "batch_first": Gone("the batch always comes first, and is not written", "take it out", True),
    "bidirectional": Gone("reading both ways is a layer around this one", "write bi(...) around it"),
    "num_layers": Gone("several layers are written in a row", "repeat it: (lstm(64,seq)) * 2"),
    "proj_size": Gone("Keras has no projection inside an LSTM", "put a dense(...) after it"),
    "mode": Gone("each way to merge has a layer of its own", "choose the layer: add, concat, mul"),
    "nb_epoch": Gone("a spec describes the model, not the run", "give it to fit: model.fit(x, y, epochs=10)"),
    "epochs": Gone("a spec describes the model, not the run", "give it to fit: model.fit(x, y, epochs=10)"),
    "trainable_weights": Gone("a layer is trained as a whole or not at all", "write frozen, or nothing"),
}  # fmt: skip
"""The present forms of arguments, by the names that people write."""

VALUES: Mapping[str, Mapping[str, str]] = {
    "merge_mode": {
        **dict.fromkeys(("average", "avg", "mean"), "ave"),
        **dict.fromkeys(("add", "plus"), "sum"),
        **dict.fromkeys(("concatenate", "cat", "stack"), "concat"),
        **dict.fromkeys(("multiply", "prod", "product"), "mul"),
    },
    "data_format": {"th": "channels_first", "tf": "channels_last", "NCHW": "channels_first",
                    "NHWC": "channels_last"},
}  # fmt: skip
"""Values that other libraries, or earlier versions, call otherwise, by parameter."""


def _gone(instead: str, since: str = _K1) -> Class:
    return Class("", since, instead=instead)


CLASSES: Mapping[str, Class] = {
    "TimeDistributedDense": Class("td", _K1, inside="dense"),
    "TimeDistributedFlatten": Class("td", _K1, inside="flatten"),
    "CuDNNLSTM": Class("lstm", _K2),
    "CuDNNGRU": Class("gru", _K2),
    "AtrousConvolution1D": Class("conv1d", _K1),
    "AtrousConv1D": Class("conv1d", _K1),
    "AtrousConvolution2D": Class("conv2d", _K1),
    "Convolution1D": Class("conv1d", _K1),
    "Convolution2D": Class("conv2d", _K1),
    "Convolution3D": Class("conv3d", _K1),
    "Deconvolution1D": Class("conv1d_transpose", _K1),
    "Deconvolution2D": Class("conv2d_transpose", _K1),
    "Deconvolution3D": Class("conv3d_transpose", _K1),
    "Merge": _gone("choose the layer that merges: [a, b] -> concat, add, mul, avg, max or dot(1)"),
    "merge": _gone("choose the layer that merges: [a, b] -> concat, add, mul, avg, max or dot(1)"),
    "TimeDistributedMerge": _gone("reduce the steps: mean(time), sum(time), or last(1)"),
    "Highway": _gone(
        "write its two gates: def highway() = [dense(_,sigmoid) as t, dense(_,relu)] -> mul as new, "
        "and add the incoming value times one minus t"
    ),
    "MaxoutDense": _gone("take the largest of 4 dense layers: dense(4*64) -> reshape(4,64) -> max(1)"),
    "LocallyConnected1D": _gone("Keras 3 has no unshared convolution: use conv1d, or a custom layer", _K2),
    "LocallyConnected2D": _gone("Keras 3 has no unshared convolution: use conv2d, or a custom layer", _K2),
    "SReLU": _gone("use prelu"),
    "ParametricSoftplus": _gone("use act(softplus) or prelu"),
    "ThresholdedReLU": _gone("use relu(threshold=1.0)", _K2),
    "JZS1": Class("gru", _K1),
    "Sequential": _gone("write the layers in a row: in(T,F) -> lstm(64) -> dense(1)", "Keras"),
    "Linear": Class("dense", _TORCH, drops=1),
    "Conv1d": Class("conv1d", _TORCH, drops=1),
    "Conv2d": Class("conv2d", _TORCH, drops=1),
    "ConvTranspose1d": Class("conv1d_transpose", _TORCH, drops=1),
    "ConvTranspose2d": Class("conv2d_transpose", _TORCH, drops=1),
    "BatchNorm1d": Class("batchnorm", _TORCH, drops=1),
    "BatchNorm2d": Class("batchnorm", _TORCH, drops=1),
    "LayerNorm": Class("norm", _TORCH, drops=1),
    "MaxPool1d": Class("maxpool1d", _TORCH),
    "MaxPool2d": Class("maxpool2d", _TORCH),
    "AvgPool1d": Class("avgpool1d", _TORCH),
    "AdaptiveAvgPool1d": Class("gavgpool1d", _TORCH, drops=1),
    "AdaptiveMaxPool1d": Class("gmaxpool1d", _TORCH, drops=1),
    "ZeroPad1d": Class("zero_padding1d", _TORCH),
    "Unflatten": Class("reshape", _TORCH, drops=1),
    "MultiheadAttention": _gone("write mha(heads, key_dim): mha(8,64) attends to itself", _TORCH),
    "TransformerEncoderLayer": _gone(
        "write it: res(mha(8,64)) -> norm -> res(dense(2048,relu) -> dense(_)) -> norm", _TORCH
    ),
}
"""The present layers, by the class names that people write."""


def argument(word: str, has: Collection[str]) -> Renamed | Gone | None:
    """Return the present form of an argument's old name, for a layer that ``has`` these; None if unknown.

    >>> argument("nb_filter", {"filters", "padding"}).to
    ('filters',)
    >>> argument("nb_filter", {"units"}) is None
    True
    """
    found = ARGUMENTS.get(word)
    if isinstance(found, Renamed):
        to = tuple(name for name in found.to if name in has)[:1]
        return Renamed(to, found.since, found.exact) if to else None
    return found


def value(parameter: str, word: str) -> str | None:
    """Return the present name of a value; None if unknown.

    >>> value("merge_mode", "average")
    'ave'
    """
    return VALUES.get(parameter, {}).get(word)
