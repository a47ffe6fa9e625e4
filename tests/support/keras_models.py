"""Real Keras models, written as people write them: what ``seqtopo.decompile`` is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import Input, Model, Sequential, layers, ops


def classifier() -> Any:
    """Sequential, compiled by words."""
    model = Sequential(
        [
            Input((100,), dtype="int32"),
            layers.Embedding(500, 16, mask_zero=True),
            layers.Bidirectional(layers.LSTM(8, return_sequences=True)),
            layers.LSTM(8, dropout=0.2, kernel_regularizer=keras.regularizers.L2(1e-4)),
            layers.Dense(3, activation="softmax"),
        ],
        name="classifier",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def seq2seq() -> Any:
    """Keras' own example of an encoder and a decoder with states, whose decoder's states go nowhere."""
    encoder_inputs = Input((None, 7), name="encoder_inputs")
    encoder = layers.LSTM(6, return_state=True)
    _, state_h, state_c = encoder(encoder_inputs)
    decoder_inputs = Input((None, 9), name="decoder_inputs")
    decoder = layers.LSTM(6, return_sequences=True, return_state=True)
    outputs, _, _ = decoder(decoder_inputs, initial_state=[state_h, state_c])
    return Model([encoder_inputs, decoder_inputs], layers.Dense(9, activation="softmax")(outputs))


def inception() -> Any:
    """Branches of several widths, twice."""
    inputs = x = Input((32, 8))
    for width in (8, 16):
        towers = [layers.Conv1D(width, k, padding="same", activation="relu")(x) for k in (1, 3, 5)]
        pooled = layers.MaxPooling1D(3, strides=1, padding="same")(x)
        towers.append(layers.Conv1D(width, 1, activation="relu")(pooled))
        x = layers.Concatenate()(towers)
    x = layers.GlobalAveragePooling1D()(x)
    return Model(inputs, layers.Dense(2)(x))


def residual_tcn() -> Any:
    """A TCN with named blocks' layers left to Keras, and sums by ``+``."""
    inputs = Input((None, 4))
    x = layers.Conv1D(12, 1)(inputs)
    for dilation in (1, 2, 4, 8):
        y = layers.Conv1D(12, 3, padding="causal", dilation_rate=dilation, activation="relu")(x)
        y = layers.SpatialDropout1D(0.1)(y)
        x = layers.Add()([x, y])
    return Model(inputs, layers.Dense(1)(x), name="tcn")


def transformer() -> Any:
    """An encoder of two blocks, as on keras.io."""
    inputs = x = Input((20, 16))
    for _ in range(2):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.MultiHeadAttention(key_dim=8, num_heads=2, dropout=0.1)(y, y)
        x = x + layers.Dropout(0.1)(y)
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.Conv1D(filters=4, kernel_size=1, activation="relu")(y)
        x = x + layers.Conv1D(filters=16, kernel_size=1)(y)
    x = layers.GlobalAveragePooling1D(data_format="channels_last")(x)
    return Model(inputs, layers.Dense(3, activation="softmax")(x))


def siamese() -> Any:
    """One encoder for two inputs."""
    encoder = Sequential([Input((None, 5)), layers.LSTM(8), layers.Dense(4)], name="encoder")
    left, right = Input((None, 5), name="left"), Input((None, 5), name="right")
    merged = layers.Dot(1, normalize=True)([encoder(left), encoder(right)])
    return Model([left, right], layers.Dense(1, activation="sigmoid")(merged))


def autoencoder() -> Any:
    """Two models, one after the other."""
    encoder = Sequential([Input((24, 3)), layers.LSTM(8), layers.Dense(4)], name="encoder")
    decoder = Sequential(
        [Input((4,)), layers.RepeatVector(24), layers.LSTM(8, return_sequences=True), layers.Dense(3)],
        name="decoder",
    )
    inputs = Input((24, 3))
    model = Model(inputs, decoder(encoder(inputs)), name="autoencoder")
    model.compile(keras.optimizers.Adam(3e-4), keras.losses.MeanSquaredError())
    return model


def wavenet() -> Any:
    """Gates, residuals, and the sum of all skips."""
    inputs = Input((64, 1))
    x = layers.Conv1D(8, 1, padding="causal")(inputs)
    skips = []
    for dilation in (1, 2, 4):
        f = layers.Conv1D(8, 2, padding="causal", dilation_rate=dilation, activation="tanh")(x)
        g = layers.Conv1D(8, 2, padding="causal", dilation_rate=dilation, activation="sigmoid")(x)
        z = layers.Multiply()([f, g])
        skips.append(layers.Conv1D(6, 1)(z))
        x = layers.Add()([x, layers.Conv1D(8, 1)(z)])
    out = layers.ReLU()(layers.Add()(skips))
    return Model(inputs, layers.Conv1D(4, 1, activation="softmax")(out))


def tagger() -> Any:
    """Words and their features, a label for each."""
    words = Input((None,), dtype="int32", name="words")
    shapes = Input((None, 4), name="shapes")
    x = layers.Concatenate(name="features")([layers.Embedding(200, 12, name="word_vectors")(words), shapes])
    x = layers.Bidirectional(layers.GRU(6, return_sequences=True, name="reader"), merge_mode="sum")(x)
    x = layers.TimeDistributed(layers.Dense(5, activation="softmax"), name="labels")(x)
    return Model([words, shapes], x)


def conv_autoencoder() -> Any:
    """Down and up again."""
    return Sequential(
        [
            Input((64, 2)),
            layers.Conv1D(16, 7, strides=2, padding="same", activation="relu"),
            layers.Dropout(0.2),
            layers.Conv1D(8, 7, strides=2, padding="same", activation="relu"),
            layers.Conv1DTranspose(8, 7, strides=2, padding="same", activation="relu"),
            layers.Dropout(0.2),
            layers.Conv1DTranspose(16, 7, strides=2, padding="same", activation="relu"),
            layers.Conv1DTranspose(2, 7, padding="same"),
        ]
    )


def mixed_precision() -> Any:
    """Layers that compute in half precision, an output that does not."""
    inputs = Input((10, 4))
    x = layers.GRU(8, return_sequences=True, dtype="mixed_float16")(inputs)
    x = layers.GRU(8, dtype="mixed_float16")(x)
    return Model(inputs, layers.Dense(2, dtype="float32")(x))


def scheduled() -> Any:
    """Two outputs, a loss, weight and metric for each, and a schedule."""
    inputs = Input((8, 3), name="series")
    x = layers.LSTM(6)(inputs)
    level = layers.Dense(1, name="level")(x)
    kind = layers.Dense(4, activation="softmax", name="kind")(x)
    model = Model(inputs, [level, kind])
    rate = keras.optimizers.schedules.ExponentialDecay(1e-2, 1000, 0.9, staircase=True)
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
        loss={"level": "mse", "kind": keras.losses.CategoricalCrossentropy(label_smoothing=0.1)},
        loss_weights={"level": 1.0, "kind": 0.5},
        metrics={"level": [keras.metrics.RootMeanSquaredError()], "kind": ["accuracy"]},
    )
    return model


def operations() -> Any:
    """Slices, means and activations as operations on the graph."""
    inputs = Input((16, 6))
    x = layers.Dense(8)(inputs)
    x = ops.relu(x)
    tail = x[:, -4:]
    mean = ops.mean(tail, axis=1)
    last = x[:, -1]
    return Model(inputs, layers.Dense(1)(ops.concatenate([mean, last * 0.5], axis=-1)))


def bahdanau() -> Any:
    """An attention over an encoder, whose state asks."""
    inputs = Input((12, 4))
    steps, state = layers.GRU(6, return_sequences=True, return_state=True)(inputs)
    query = layers.RepeatVector(1)(state)
    context = layers.AdditiveAttention()([query, steps])
    x = layers.Flatten()(context)
    return Model(inputs, layers.Dense(2)(x))


def one_state() -> Any:
    """An LSTM of whose two states only h is used."""
    inputs = Input((9, 3))
    _, state_h, _ = layers.LSTM(5, return_state=True)(inputs)
    return Model(inputs, layers.Dense(2)(state_h))


def nested_twice() -> Any:
    """A model inside a model inside a model, and a layer that all of them share."""
    shared = layers.Dense(4, name="shared_dense")
    block_in = Input((4,))
    block = Model(block_in, layers.LayerNormalization()(shared(block_in)), name="block")
    body_in = Input((4,))
    body = Model(body_in, block(block(body_in)), name="body")
    inputs = Input((4,))
    return Model(inputs, shared(body(inputs)))


MODELS: dict[str, Callable[[], Any]] = {
    make.__name__: make
    for make in (
        *(classifier, seq2seq, inception, residual_tcn, transformer, siamese, autoencoder, wavenet, tagger),
        *(conv_autoencoder, mixed_precision, scheduled, operations, bahdanau, one_state, nested_twice),
    )
}
"""The models by name."""
