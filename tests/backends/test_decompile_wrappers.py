"""Wrappers around models: to specs and back, to the same configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest

import seqtopo
from seqtopo.decompiler.decompile import decompiled
from tests.support.roundtrip import round_trip

L = keras.layers
S = keras.Sequential
TD = L.TimeDistributed


def model_of(shape: tuple[int | None, ...], flow: Callable[[Any], Any], **name: str) -> keras.Model:
    """A functional model of one input."""
    source = keras.Input(shape)
    return keras.Model(source, flow(source), **name)


def repeated(x: Any) -> Any:
    layer = L.Dense(3)
    return layer(layer(x))


AROUND: dict[str, tuple[tuple[int | None, ...], Callable[[], Any], str]] = {
    "one layer": ((6, 3), lambda: S([L.Dense(3)]), "td(id -> dense(3))"),
    "one layer, input": ((6, 3), lambda: S([keras.Input((3,)), L.Dense(3)]), "td(id -> dense(3))"),
    "one layer, named": ((6, 3), lambda: S([L.Dense(3)], name="head"), "head = id -> dense(3)"),
    "one layer, functional": ((6, 3), lambda: model_of((3,), L.Dense(3)), "td(id -> dense(3))"),
    "two layers": ((6, 3), lambda: S([L.Dense(3), L.Dense(2)]), "td(dense(3) -> dense(2))"),
    "two layers, alike": ((6, 3), lambda: S([L.Dense(3), L.Dense(3)]), "td(dense(3) * 2)"),
    "two layers, named": ((6, 3), lambda: S([L.Dense(3), L.Dense(2)], name="head"), "head = dense(3)"),
    "residual": ((6, 3), lambda: model_of((3,), lambda x: L.Add()([x, L.Dense(3)(x)])), "td(res(dense(3)))"),
    "shared": ((6, 3), lambda: model_of((3,), repeated), "td(shared_dense * 2)"),
    "attention": (
        (6, 4, 3),
        lambda: model_of((4, 3), lambda x: L.MultiHeadAttention(2, 3)(x, x)),
        "td(id -> mha",
    ),
    "recurrent": ((6, 4, 3), lambda: S([L.LSTM(4)]), "td(id -> lstm(4))"),
    "both directions": ((6, 4, 3), lambda: S([L.Bidirectional(L.LSTM(4))]), "td(id -> bi(lstm(4)))"),
    "open steps": ((None, None, 3), lambda: S([L.LSTM(4)]), "td(id -> lstm(4))"),
    "twice, a layer": ((6, 4, 3), lambda: TD(L.Dense(3)), "td(td(dense(3)))"),
    "twice, a model": ((6, 4, 3), lambda: TD(S([L.Dense(3)])), "td(td(id -> dense(3)))"),
    "model of a wrapper": ((6, 4, 3), lambda: S([TD(L.Dense(3))]), "td(id -> td(dense(3)))"),
    "model of a model's wrapper": (
        (6, 4, 3),
        lambda: S([TD(S([L.Dense(3), L.Dense(2)])), L.LSTM(2)]),
        "td(td(dense(3) -> dense(2)) -> lstm(2))",
    ),
    "images": (
        (6, 8, 8, 1),
        lambda: S([L.Conv2D(4, 3), L.MaxPooling2D(2), L.Flatten()]),
        "td(conv2d(4,3) -> ",
    ),
}


@pytest.mark.parametrize("case", AROUND.values(), ids=list(AROUND))
def test_fault_b2_a_model_in_a_wrapper_comes_back(case: Any) -> None:
    shape, inner, text = case
    for model in (S([keras.Input(shape), TD(inner())]), model_of(shape, TD(inner()))):
        trip = round_trip(model)
        assert (trip.wrong, trip.found.diagnostics) == ("", ())
        assert text in " ".join(trip.found.text.split())
        assert seqtopo.compile(trip.found.text).count_params() == model.count_params()


def test_fault_b2_a_model_that_two_wrappers_share_comes_back() -> None:
    inner = S([L.Dense(3), L.Dense(3)])
    model = model_of((6, 3), lambda x: TD(inner)(TD(inner)(x)))
    text = seqtopo.decompile(model, strict=True)
    assert text.count("dense(3)") == 1
    assert seqtopo.compile(text).count_params() == model.count_params() == 24


@pytest.mark.parametrize(
    ("inner", "text", "said"),
    [
        (lambda: S([S([L.Dense(3)], name="inner")]), "td(id -> dense(3))", "inner is a model inside"),
        (lambda: S([S([L.Dense(4), L.Dense(3)]), L.Dense(2)]), "td(dense(U) for U in [4, 3, 2])", "inside"),
        (lambda: model_of((3,), lambda x: x), "td(id)", "is a model without layers"),
    ],
    ids=["one layer", "two layers", "none"],
)
def test_fault_b2_what_is_said_otherwise_in_a_wrapper_is_told(inner: Any, text: str, said: str) -> None:
    model = S([keras.Input((6, 3)), TD(inner())])
    found = decompiled(model)
    assert [d.code for d in found.diagnostics] == ["ST506"]
    assert said in found.diagnostics[0].message
    assert text in found.text
    assert seqtopo.compile(found.text).count_params() == model.count_params()


def test_fault_b2_a_layer_of_an_inner_model_may_have_the_name_of_an_input() -> None:
    one, two = keras.Input((5, 4), name="one"), keras.Input((3, 4), name="two")
    step = keras.Input((None, 4))
    inner = keras.Model(step, keras.layers.Dense(4, name="two")(step), name="inner")
    last = keras.layers.Dense(4, name="last")
    merged = keras.layers.Concatenate(axis=1)([last(inner(one)), last(two)])
    found = decompiled(keras.Model([one, two], merged))
    assert not found.lossy
    assert 'dense(4,name="two")' in found.text
    assert "in(3,4) as two" in found.text


@pytest.mark.parametrize("wrapper", [TD, L.Bidirectional])
def test_a_wrapper_that_is_frozen_comes_back(wrapper: Any) -> None:
    outer = wrapper(L.LSTM(3))
    x = keras.Input((6, 4, 2) if wrapper is TD else (4, 2))
    model = keras.Model(x, L.Dense(1)(outer(x)))
    outer.trainable = False
    text = seqtopo.decompile(model, strict=True)
    assert "(lstm(3,frozen))" in text
    assert len(seqtopo.compile(text).trainable_weights) == len(model.trainable_weights) == 2
    # Keras keeps this to the wrapper, and trains the layer inside.
    held = wrapper(L.LSTM(3), trainable=False)
    model = keras.Model(x, L.Dense(1)(held(x)))
    (told,) = decompiled(model).diagnostics
    assert told.severity == "warning"
    assert len(seqtopo.compile(seqtopo.decompile(model)).trainable_weights) == len(model.trainable_weights)
