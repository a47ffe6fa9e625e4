"""Recurrent layers on kernels give what stock Keras gives, and learn the same, whatever their arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from keras import layers, ops

import seqtopo
from seqtopo.runtime.kernels import attaching
from tests.support.cheap_weights import cheap_weights

BACKEND = keras.config.backend()
EXAMPLES = {"torch": 40, "tensorflow": 5, "jax": 3}[BACKEND]
"""The others compile each of them, and are tested where they have kernels."""
MASKS = ("none", "right", "left", "holes", "empty rows", "nothing", "everything")


@dataclass(frozen=True)
class Case:
    """A recurrent layer, and what it is given."""

    kind: str = "LSTM"
    arguments: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, int, int] = (3, 4, 2)
    mask: str = "none"
    inside: str = ""
    given_states: bool = False
    dtype: str = "float32"
    seed: int = 0


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any argument of a row, any shape, any mask."""
    kind = draw(st.sampled_from(("LSTM", "GRU", "SimpleRNN")))
    mask = draw(st.sampled_from(MASKS))
    arguments: dict[str, Any] = {"units": draw(st.integers(1, 4))}
    flags = ["use_bias", "return_sequences", "return_state", "go_backwards"]
    flags += [] if mask != "none" else ["unroll"]
    flags += ["reset_after"] if kind == "GRU" else []
    arguments |= {flag: draw(st.booleans()) for flag in flags}
    often = st.sampled_from(("tanh", "tanh", "tanh", "relu", "linear"))
    arguments["activation"] = draw(often)
    if kind != "SimpleRNN":
        arguments["recurrent_activation"] = draw(st.sampled_from(("sigmoid", "sigmoid", "hard_sigmoid")))
    arguments["dropout"] = draw(st.sampled_from((0.0, 0.0, 0.3)))
    arguments["recurrent_dropout"] = draw(st.sampled_from((0.0, 0.0, 0.0, 0.3)))
    if not arguments["dropout"] and not arguments["recurrent_dropout"]:
        arguments["stateful"] = draw(st.sampled_from((False, False, True)))
    inside = draw(st.sampled_from(("", "", "", "Bidirectional", "RNN", "TimeDistributed")))
    if inside in ("RNN", "TimeDistributed"):
        mask = "none"
        arguments = {k: v for k, v in arguments.items() if k not in ("return_state", "stateful")}
    if inside == "TimeDistributed":
        arguments["return_sequences"] = False
    if inside == "Bidirectional":
        # Its layer for the way back goes backwards.
        arguments |= {"go_backwards": False, "stateful": False}
    return Case(
        kind,
        arguments,
        tuple(draw(st.integers(1, most)) for most in (4, 6, 3)),
        mask,
        inside,
        not inside and draw(st.booleans()),
        draw(st.sampled_from(("float32", "float32", "mixed_bfloat16"))),
        draw(st.integers(0, 9)),
    )


def mask_of(case: Case) -> np.ndarray:
    """Return the mask of the steps."""
    batch, length, _ = case.shape
    random = np.random.default_rng(case.seed)
    lengths, at = random.integers(1, length + 1, size=(batch, 1)), np.arange(length)[None]
    holes = random.random((batch, length)) < 0.5
    return {
        "right": at < lengths,
        "left": at >= length - lengths,
        "holes": holes,
        "empty rows": holes & (np.arange(batch)[:, None] % 2 > 0),
        "nothing": at < 0 * lengths,
    }.get(case.mask, at < length + 0 * lengths)


def model_of(case: Case) -> Any:
    """A model of the case's layer, and a dense one before it."""
    batch, *shape = case.shape
    size = batch if case.arguments.get("stateful") else None
    layer = getattr(layers, case.kind)(**case.arguments, seed=1, bias_initializer="normal", dtype=case.dtype)
    if case.inside == "Bidirectional":
        layer = layers.Bidirectional(layer, dtype=case.dtype)
    elif case.inside == "RNN":
        keep = ("return_sequences", "go_backwards", "unroll")
        layer = layers.RNN(
            [layer.cell, layers.LSTMCell(2, dtype=case.dtype)],
            **{k: v for k, v in case.arguments.items() if k in keep},
            dtype=case.dtype,
        )
    if case.inside == "TimeDistributed":
        shape = [2, *shape]
        layer = layers.TimeDistributed(layer, dtype=case.dtype)
    start = keras.Input(shape, batch_size=size)
    inputs, kwargs = [start], {}
    if case.mask != "none":
        inputs.append(keras.Input(shape[:1], batch_size=size, dtype="bool"))
        kwargs["mask"] = inputs[-1]
    if case.given_states:
        states = 2 if case.kind == "LSTM" else 1
        inputs += [keras.Input((case.arguments["units"],), batch_size=size) for _ in range(states)]
        kwargs["initial_state"] = inputs[-states:]
    dense = layers.Dense(case.shape[-1], activation="tanh", dtype=case.dtype)(start)
    return keras.Model(inputs if len(inputs) > 1 else start, layer(dense, **kwargs))


def outcome(case: Case, *, kernels: bool) -> tuple[Any, list[np.ndarray]]:
    """The model, and in a row: its outputs, losses of two steps, the weights after them."""
    # On PyTorch, Keras draws dropout from PyTorch's own generator.
    keras.utils.set_random_seed(case.seed)
    with cheap_weights():
        model = seqtopo.attach(model_of(case), kernels=kernels)
    random = np.random.default_rng(case.seed)
    model.set_weights([random.normal(size=w.shape) / 2 for w in model.get_weights()])
    given = [
        mask_of(case) if x.dtype == "bool" else random.normal(size=(case.shape[0], *x.shape[1:]))
        for x in model.inputs
    ]
    given = [x if x.dtype == bool else x.astype("float32") for x in given]
    given = given if len(given) > 1 else given[0]
    found = keras.tree.flatten(model(given, training=False))
    labels = [np.full(x.shape, 0.5, "float32") for x in found]
    model.compile("sgd", ["mse"] * len(found), jit_compile=False, run_eagerly=BACKEND != "torch")
    said = [model.train_on_batch(given, labels if len(labels) > 1 else labels[0]) for _ in range(2)]
    values = [ops.convert_to_numpy(ops.cast(x, "float32")) for x in found]
    return model, [*values, np.ravel(said[0]), np.ravel(said[1]), *model.get_weights()]


def native(case: Case) -> bool:
    """Return whether PyTorch's own layer can run it."""
    of = case.arguments
    return (
        case.inside != "RNN"
        and of["activation"] in (("tanh", "relu") if case.kind == "SimpleRNN" else ("tanh",))
        and of.get("recurrent_activation", "sigmoid") == "sigmoid"
        and of.get("reset_after", True)
        and not of["recurrent_dropout"]
        and bool(mask_of(case).any())
    )


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=True)
@given(cases())
@example(Case(arguments={"units": 3, "activation": "tanh", "recurrent_dropout": 0.0, "go_backwards": True}))
def test_a_recurrent_layer_gives_the_same_and_learns_the_same(case: Case) -> None:
    assert_equal(case)


def assert_equal(case: Case) -> None:
    """With kernels it gives and learns what it gives and learns without; PyTorch runs its own layers."""
    _, want = outcome(case, kernels=False)
    model, got = outcome(case, kernels=True)
    loose = 0.05 if case.dtype != "float32" else 2e-5
    for ours, stock in zip(got, want, strict=True):
        np.testing.assert_allclose(ours, stock, rtol=loose, atol=loose)
    if BACKEND == "torch" and native(case):
        rnn = [x for x in attaching.layers(model) if isinstance(x, layers.RNN)]
        inside = [attaching.attached(layer) for layer in rnn]
        assert all(x is not None and not x.fell_back and "native" in x.kernel.name for x in inside)


@pytest.mark.parametrize("mask", MASKS if BACKEND == "torch" else MASKS[:1])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"] if BACKEND == "torch" else ["GRU"])
def test_every_mask(kind: str, mask: str) -> None:
    for sequences in (False, True):
        for inside in ("", "Bidirectional"):
            back = sequences and not inside
            arguments = {"units": 3, "return_sequences": sequences, "go_backwards": back}
            arguments |= {"return_state": True, "activation": "tanh", "recurrent_dropout": 0.0}
            assert_equal(Case(kind, arguments, (4, 6, 2), mask, inside))
