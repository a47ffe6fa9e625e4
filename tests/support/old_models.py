"""Models as Keras 0.3, 1 and 2 wrote them, by hand: configurations, and HDF5 files with their weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Config = dict[str, Any]
Arrays = Sequence[np.ndarray[Any, Any]]
Named = Mapping[str, Mapping[str, np.ndarray[Any, Any]]]


def layer(class_name: str, **config: Any) -> Config:
    """A layer of Keras 1 or 2."""
    return {"class_name": class_name, "config": config}


def node(name: str, class_name: str, inbound: Sequence[Any], **config: Any) -> Config:
    """A layer of a functional model of Keras 1 or 2."""
    return {**layer(class_name, name=name, **config), "name": name, "inbound_nodes": list(inbound)}


KERAS_03: Config = {
    "name": "Sequential",
    "loss": "mse",
    "optimizer": {"name": "Adam", "lr": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
    "layers": [
        {
            "name": "GRU", "custom_name": "gru", "output_dim": 5, "input_dim": 3, "input_length": 7,
            "input_shape": [7, 3], "return_sequences": True, "go_backwards": False, "stateful": False,
            "init": "glorot_uniform", "inner_init": "orthogonal", "activation": "tanh",
            "inner_activation": "sigmoid", "dropout_W": 0.0, "dropout_U": 0.0, "cache_enabled": True,
        },
        {"name": "BatchNormalization", "custom_name": "batchnormalization", "epsilon": 1e-6, "mode": 0,
         "axis": -1, "momentum": 0.9, "trainable": True},
        {"name": "TimeDistributedMerge", "custom_name": "timedistributedmerge", "mode": "sum"},
        {"name": "Dense", "custom_name": "dense", "output_dim": 2},
        {"name": "Dense", "custom_name": "dense", "output_dim": 2, "activation": "softmax"},
    ],
}  # fmt: skip
"""A ``Sequential`` of Keras 0.3, compiled."""

KERAS_03_GRAPH: Config = {
    "name": "Graph",
    "input_config": [{"name": "input", "input_shape": [100], "dtype": "int"}],
    "node_config": [
        {"name": "embedding", "input": "input", "inputs": [], "merge_mode": "concat", "concat_axis": -1},
        {"name": "forward", "input": "embedding", "inputs": []},
        {"name": "backward", "input": "embedding", "inputs": []},
        {"name": "dropout", "input": None, "inputs": ["forward", "backward"], "merge_mode": "concat"},
        {"name": "sigmoid", "input": "dropout", "inputs": []},
    ],
    "output_config": [{"name": "output", "input": "sigmoid", "inputs": [], "merge_mode": "concat"}],
    "nodes": {
        "embedding": {"name": "Embedding", "input_dim": 20000, "output_dim": 128, "init": "uniform"},
        "forward": {"name": "LSTM", "output_dim": 64, "inner_activation": "sigmoid"},
        "backward": {"name": "LSTM", "output_dim": 64, "go_backwards": True, "inner_activation": "sigmoid"},
        "dropout": {"name": "Dropout", "p": 0.5},
        "sigmoid": {"name": "Dense", "output_dim": 1, "activation": "sigmoid"},
    },
}
"""A ``Graph`` of Keras 0.3."""

KERAS_1: Config = {
    "class_name": "Sequential",
    "keras_version": "1.2.2",
    "config": [
        layer(
            "Embedding", name="embedding_1", trainable=True, batch_input_shape=[None, 100],
            input_dtype="int32", input_dim=2000, output_dim=12, init="uniform", input_length=100,
            mask_zero=False, activity_regularizer=None, W_regularizer=None, W_constraint=None, dropout=0.0,
        ),
        layer(
            "Convolution1D", name="convolution1d_1", trainable=True, nb_filter=6, filter_length=5,
            init="glorot_uniform", activation="relu", border_mode="valid", subsample_length=1,
            W_regularizer={"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}, b_regularizer=None,
            activity_regularizer=None, W_constraint={"name": "MaxNorm", "m": 3, "axis": 0},
            b_constraint=None, bias=True, input_dim=12, input_length=None,
        ),
        layer("MaxPooling1D", name="maxpooling1d_1", stride=4, pool_length=4, border_mode="valid"),
        layer(
            "LSTM", name="lstm_1", trainable=True, return_sequences=False, go_backwards=False, stateful=False,
            unroll=False, consume_less="cpu", input_dim=6, input_length=None, output_dim=7,
            init="glorot_uniform", inner_init="orthogonal", forget_bias_init="one", activation="tanh",
            inner_activation="hard_sigmoid", W_regularizer=None, U_regularizer=None, b_regularizer=None,
            dropout_W=0.2, dropout_U=0.1,
        ),
        layer("Highway", name="highway_1", init="glorot_uniform", activation="relu", bias=True, input_dim=7),
        layer("MaxoutDense", name="maxoutdense_1", output_dim=5, nb_feature=4, bias=True, input_dim=7),
        layer("Dense", name="dense_1", output_dim=1, init="glorot_uniform", activation="linear", bias=True),
        layer("Activation", name="activation_1", trainable=True, activation="sigmoid"),
    ],
}  # fmt: skip
"""A ``Sequential`` of Keras 1, with layers that Keras 3 has not."""

KERAS_1_MERGE: Config = {
    "class_name": "Sequential",
    "keras_version": "1.2.2",
    "config": [
        layer(
            "Merge", name="merge_1", mode="concat", mode_type="raw", concat_axis=-1, dot_axes=-1,
            output_shape=None, output_shape_type="raw", output_mask=None, output_mask_type="raw",
            arguments={},
            layers=[
                {"class_name": "Sequential", "config": [
                    layer("LSTM", name="lstm_1", output_dim=8, batch_input_shape=[None, 10, 3],
                          inner_activation="sigmoid")]},
                {"class_name": "Sequential", "config": [
                    layer("Dense", name="dense_1", output_dim=4, batch_input_shape=[None, 5])]},
            ],
        ),
        layer("Dense", name="dense_2", output_dim=1),
    ],
}  # fmt: skip
"""A ``Sequential`` of Keras 1 that begins with a ``Merge`` of two others."""

_GLOROT = {
    "class_name": "VarianceScaling",
    "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None},
}
KERAS_2: Config = {
    "class_name": "Model",
    "keras_version": "2.2.4",
    "backend": "tensorflow",
    "config": {
        "name": "model_1",
        "layers": [
            node("input_1", "InputLayer", [], batch_input_shape=[None, None, 3], dtype="float32"),
            node("input_2", "InputLayer", [], batch_input_shape=[None, None, 2], dtype="float32"),
            node(
                "lstm_1", "CuDNNLSTM", [[["input_1", 0, 0, {}]]], trainable=True, units=6,
                return_sequences=False, return_state=True, stateful=False, go_backwards=False,
                kernel_initializer=_GLOROT, unit_forget_bias=True, kernel_regularizer=None,
                recurrent_initializer={"class_name": "Orthogonal", "config": {"gain": 1.0, "seed": None}},
                bias_initializer={"class_name": "Zeros", "config": {}},
            ),
            node(
                "lstm_2", "LSTM",
                [[["input_2", 0, 0, {}], ["lstm_1", 0, 1, {}], ["lstm_1", 0, 2, {}]]],
                trainable=True, units=6, return_sequences=True, return_state=True, implementation=1,
                activation="tanh", recurrent_activation="sigmoid", use_bias=True, dropout=0.0, unroll=False,
            ),
            node(
                "time_distributed_1", "TimeDistributed", [[["lstm_2", 0, 0, {}]]], trainable=True,
                layer=layer("Dense", name="dense_1", units=4, activation="softmax", use_bias=True),
            ),
        ],
        "input_layers": [["input_1", 0, 0], ["input_2", 0, 0]],
        "output_layers": [["time_distributed_1", 0, 0]],
    },
}  # fmt: skip
"""A functional encoder and decoder of Keras 2."""

KERAS_2_TRAINING: Config = {
    "optimizer_config": {
        "class_name": "RMSprop",
        "config": {"lr": 0.001, "rho": 0.9, "decay": 0.01, "epsilon": 1e-7},
    },
    "loss": "categorical_crossentropy",
    "metrics": ["acc"],
    "sample_weight_mode": None,
    "loss_weights": None,
}
"""The arguments that it was compiled with."""

TF_KERAS: Config = {
    "class_name": "Sequential",
    "keras_version": "2.9.0",
    "backend": "tensorflow",
    "config": {
        "name": "sequential",
        "layers": [
            layer(
                "InputLayer", batch_input_shape=[None, 20, 4], dtype="float32", sparse=False, ragged=False,
                name="bidirectional_input",
            ),
            layer(
                "Bidirectional", name="bidirectional", trainable=True, dtype="float32",
                batch_input_shape=[None, 20, 4], merge_mode="concat",
                layer=layer(
                    "GRU", name="gru", trainable=True, dtype="float32", return_sequences=True, units=8,
                    return_state=False, go_backwards=False, stateful=False, unroll=False, time_major=False,
                    activation="tanh", recurrent_activation="sigmoid", use_bias=True, reset_after=True,
                    kernel_initializer=layer("GlorotUniform", seed=None), implementation=2,
                ),
            ),
            layer(
                "BatchNormalization", name="batch_normalization", trainable=True, dtype="float32", axis=[2],
                momentum=0.99, epsilon=0.001, center=True, scale=True,
                beta_initializer=layer("Zeros"), gamma_initializer=layer("Ones"),
            ),
            layer("LeakyReLU", name="leaky_re_lu", trainable=True, dtype="float32", alpha=0.1),
            layer("GlobalAveragePooling1D", name="pool", data_format="channels_last"),
            layer("Dense", name="dense", units=3, activation="softmax", use_bias=True),
        ],
    },
}  # fmt: skip
"""A ``Sequential`` of Keras 2 in TensorFlow 2."""

ALL: Mapping[str, Config] = {
    "keras-0.3": KERAS_03,
    "keras-0.3-graph": KERAS_03_GRAPH,
    "keras-1": KERAS_1,
    "keras-1-merge": KERAS_1_MERGE,
    "keras-2": KERAS_2,
    "tf-keras": TF_KERAS,
}


def write_h5(
    path: Path, config: Config, weights: Named, training: Config | None = None, *, texts: bool = False
) -> None:
    """Write a file of Keras 1 or 2: the configuration as an attribute, and a group for each layer.

    ``texts``: attributes are texts, as later h5py versions wrote them, not bytes.
    """

    def said(value: str) -> Any:
        return value if texts else value.encode()

    version = config.get("keras_version", "1.2.2")
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = said(version)
        if "backend" in config:
            file.attrs["backend"] = said(config["backend"])
        body = {k: v for k, v in config.items() if k not in ("keras_version", "backend")}
        file.attrs["model_config"] = said(json.dumps(body))
        if training is not None:
            file.attrs["training_config"] = said(json.dumps(training))
        write_layers(file.create_group("model_weights"), weights)


def write_layers(group: Any, weights: Named) -> None:
    """Write the groups of layers of Keras 1 and 2, as ``save_weights`` does at the head of a file."""
    group.attrs["layer_names"] = [name.encode() for name in weights]
    for name, arrays in weights.items():
        held = group.create_group(name)
        held.attrs["weight_names"] = [one.encode() for one in arrays]
        for one, array in arrays.items():
            held.create_dataset(one, data=array)


def write_weights_03(path: Path, layers: Sequence[Arrays]) -> None:
    """Write what ``save_weights`` of Keras 0.3 did: layers and arrays by their numbers."""
    with h5py.File(path, "w") as file:
        file.attrs["nb_layers"] = len(layers)
        for i, arrays in enumerate(layers):
            group = file.create_group(f"layer_{i}")
            group.attrs["nb_params"] = len(arrays)
            for j, array in enumerate(arrays):
                group.create_dataset(f"param_{j}", data=array)
