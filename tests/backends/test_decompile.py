"""Models to specs and back, on this backend: the same configuration, and the same outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest

import seqtopo
from seqtopo.decompiler.decompile import decompiled
from seqtopo.decompiler.difference import first_difference
from seqtopo.decompiler.serialized import serialized
from seqtopo.report.analyse import analyse
from tests.support.cheap_weights import cheap_weights
from tests.support.draws import draw
from tests.support.keras_models import MODELS
from tests.support.models import MODELS as PUBLISHED
from tests.support.roundtrip import built, chosen_names, differing, round_trip
from tests.support.same_outputs import assert_same_outputs

SAID_OTHERWISE = {
    "seq2seq": 1,
    "transformer": 4,
    "siamese": 1,
    "autoencoder": 2,
    "operations": 3,
    "nested_twice": 2,
    "one_state": 2,
}
"""The number of parts of each model written by hand that a spec says by other means."""
ON_TORCH = keras.config.backend() == "torch"
DRAWS = 40 if ON_TORCH else 10
HERE = PUBLISHED if ON_TORCH else PUBLISHED[::6]
"""All on PyTorch, which builds fastest: the content of a file does not depend on the backend."""


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_keras_comes_back(name: str) -> None:
    with cheap_weights():
        model = MODELS[name]()
        trip = round_trip(model)
        again = seqtopo.compile(trip.found.text)
    codes = [d.code for d in trip.found.diagnostics]
    assert codes == ["ST506"] * SAID_OTHERWISE.get(name, 0), trip.found.diagnostics
    assert trip.wrong == "" or name in SAID_OTHERWISE
    assert again.count_params() == model.count_params()
    assert_same_outputs(model, again, 2e-2 if name == "mixed_precision" else 1e-5)
    if not codes:
        assert chosen_names(serialized(model)) <= {layer.name for layer in again.layers}


def test_what_a_model_was_compiled_with_comes_back() -> None:
    model = MODELS["scheduled"]()
    again = seqtopo.compile(seqtopo.decompile(model))
    one, two = model.get_compile_config(), again.get_compile_config()
    for config in (one, two):
        # Keras numbers optimizers by how many the process has made.
        del config["optimizer"]["config"]["name"]
    assert one["optimizer"]["config"] == two["optimizer"]["config"]
    assert two["loss_weights"] == [1, 0.5]
    assert two["loss"][1]["config"]["label_smoothing"] == 0.1
    assert two["metrics"][1] == ["accuracy"]


def test_a_file_says_the_same_as_the_model(tmp_path: Path) -> None:
    model = MODELS["classifier"]()
    model.save(tmp_path / "model.keras")
    (tmp_path / "model.json").write_text(model.to_json(), encoding="utf-8")
    text = seqtopo.decompile(model)
    assert seqtopo.decompile(tmp_path / "model.keras") == text
    assert seqtopo.decompile(str(tmp_path / "model.json")) == text


def test_layers_of_a_live_model_that_are_shared_stay_so() -> None:
    model = MODELS["nested_twice"]()
    text = seqtopo.decompile(model)
    assert text.count("dense(4)") == 1
    assert seqtopo.compile(text).count_params() == model.count_params() == 28


@pytest.mark.parametrize("model", HERE, ids=lambda model: model.id)
def test_a_published_model_comes_back(model) -> None:
    with cheap_weights():
        trip = round_trip(seqtopo.compile(model.path))
    assert (trip.wrong, trip.found.diagnostics) == ("", ())
    written = analyse(model.path.read_text(encoding="utf-8")).resolved
    again = analyse(trip.found.text).resolved
    assert written is not None
    assert again is not None
    assert first_difference(written.graph, again.graph) == ""


@pytest.mark.parametrize(
    "spec",
    [
        "in(T,11) -> exp -> slice(3)",
        "in(T,11) -> slice(-2) -> flip",
        "in(T,11) -> last(2) -> flip",
        "in(6,11) -> crop(2,1)",
        "in(6,11) -> crop(2,1,features)",
        "in(6,int) -> embed(9,4,mask) -> dense(3) as not_equal -> lstm(2)",
        "in(T,12) -> bi(lstm(4,seq)) as n0\nn0 -> lstm(8,seq,init=n0.state)",
        "a = in(T,12) -> bi(lstm(4))\nin(S,3) -> lstm(8,seq,init=a.state)",
        "a = in(T,12) -> bi(lstm(4),sum)\nin(S,3) -> lstm(4,seq,init=a.state)",
        "a = in(T,12) -> bi(gru(4))\nin(S,3) -> gru(8,seq,init=a.state)",
        "a = in(T,12) -> bi(lstm(4))\nin(S,3) -> bi(lstm(4,seq),init=a.state)",
        "x = in(5,bool)\nin(5,7) -> [id, id] -> attention(mask=[x, x]) -> last(5,features)",
    ],
)
def test_a_spec_comes_back_word_for_word(spec: str) -> None:
    with cheap_weights():
        trip = round_trip(seqtopo.compile(spec))
    assert trip.found.text.strip() == spec
    assert (trip.wrong, trip.found.diagnostics) == ("", ())


def test_merged_states_that_something_else_takes_come_back() -> None:
    past, future = keras.Input((None, 3)), keras.Input((None, 2))
    _, fh, fc, bh, bc = keras.layers.Bidirectional(keras.layers.LSTM(4, return_state=True), name="past")(past)
    h, c = keras.layers.Concatenate()([fh, bh]), keras.layers.Concatenate()([fc, bc])
    y = keras.layers.LSTM(8)(future, initial_state=[h, c])
    model = keras.Model([past, future], [y, keras.layers.Dense(2)(c)])
    assert_same_outputs(model, seqtopo.compile(seqtopo.decompile(model, strict=True)))


def test_states_that_are_taken_alone_come_back() -> None:
    series = keras.Input((6, 3))
    _, h, c = keras.layers.LSTM(4, return_state=True)(series)
    _, backward = keras.layers.Bidirectional(keras.layers.GRU(3), merge_mode=None)(series)
    swapped = keras.layers.LSTM(4)(series, initial_state=[c, h])
    model = keras.Model(series, [c, swapped, backward])
    assert_same_outputs(model, seqtopo.compile(seqtopo.decompile(model, strict=True)))


def test_drawn_models_come_back() -> None:
    wrong = []
    seen = 0
    with cheap_weights():
        for seed in range(DRAWS):
            text = draw(seed).accepted
            model = built(text) if text else None
            if model is None:
                continue
            seen += 1
            trip = round_trip(model)
            if trip.wrong and trip.lossless:
                wrong.append(f"draw {seed}: {text!r} gives {trip.found.text!r}, {trip.wrong}")
            assert analyse(trip.found.text).ok
    assert seen > DRAWS / 2
    assert not wrong, "\n".join(wrong)


def test_a_difference_would_be_noticed() -> None:
    one = serialized(seqtopo.compile("in(4,3) -> lstm(4,seq) -> dense(2,relu)"))
    for other in (
        "in(4,3) -> lstm(4,seq) -> dense(2)",
        "in(4,3) -> gru(4,seq) -> dense(2,relu)",
        "in(4,3) -> lstm(4,seq) -> dense(2,relu) -> dense(2,relu)",
        "in(4,3) -> [lstm(4,seq), id] -> concat -> dense(2,relu)",
    ):
        assert differing(one, serialized(seqtopo.compile(other)))
    assert not differing(one, serialized(seqtopo.compile("in(4,3) -> lstm(4,seq) as x -> dense(2,relu)")))


@keras.saving.register_keras_serializable("tests")
class Doubled(keras.layers.Layer):
    """A custom layer that a spec knows nothing of."""

    def call(self, inputs):
        return 2 * inputs


def test_what_cannot_be_said_is_listed() -> None:
    inputs = keras.Input((6, 3))
    x = Doubled(name="twice")(keras.layers.LSTM(4, return_sequences=True)(inputs))
    x = keras.layers.Lambda(lambda y: y[:, 0], output_shape=(4,), name="first_step")(x)
    x = keras.layers.Dropout(0.5, name="always")(x, training=True)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile("adam", lambda a, b: a - b)
    found = decompiled(model)
    assert [(d.code, d.severity) for d in found.diagnostics] == [
        ("ST503", "warning"),
        ("ST503", "warning"),
        ("ST504", "warning"),
        ("ST505", "warning"),
    ]
    said = " ".join(d.message for d in found.diagnostics)
    for word in ("twice", "first_step", "always", "training=true", "loss"):
        assert word in said
    assert analyse(found.text).ok
    assert found.text.startswith("# twice is a Doubled layer")
    with pytest.raises(seqtopo.SpecError, match="first_step"):
        seqtopo.decompile(model, strict=True)


def test_fault_a6_branches_that_are_alike_come_back_as_a_loop() -> None:
    ids = keras.Input((50,), dtype="int32")
    embedded = keras.layers.Embedding(100, 16)(ids)
    towers = [keras.layers.Conv1D(128, k, activation="relu")(embedded) for k in (3, 4, 5)]
    merged = keras.layers.Concatenate()([keras.layers.GlobalMaxPooling1D()(tower) for tower in towers])
    trip = round_trip(keras.Model(ids, keras.layers.Dense(2, activation="softmax")(merged)))
    assert "-> [conv1d(128,K,relu) -> gmaxpool1d for K in [3, 4, 5]]" in trip.found.text
    assert trip.wrong == ""
    # A whole block of branches, twice, and a row inside a list, which stands in parentheses.
    blocks = round_trip(MODELS["inception"]())
    assert "conv1d(F,K,same,relu) for K in [1, 3, 5]," in blocks.found.text
    assert ") for F in [8, 16]" in blocks.found.text
    assert blocks.wrong == ""
    row = "in(20,4) -> [id, (conv1d(4,3,same,dilation_rate=D) for D in [1, 2, 4])] -> concat"
    assert seqtopo.decompile(seqtopo.compile(row)).strip() == row


AXES = {
    "prelu": (range(-1, 3), lambda a: keras.layers.PReLU("random_normal", shared_axes=[a])),
    "softmax": ((-2, -1, 1, 2), lambda a: keras.layers.Softmax(a)),
    "batchnorm": ((-2, -1, 1, 2), lambda a: keras.layers.BatchNormalization(a)),
    "norm": ((-1, 2), lambda a: keras.layers.LayerNormalization(a)),
    "group_normalization": ((-2, -1, 1, 2), lambda a: keras.layers.GroupNormalization(1, a)),
    "rms_normalization": ((-1, 2), lambda a: keras.layers.RMSNormalization(a)),
    "unit_normalization": ((-2, -1, 1, 2), lambda a: keras.layers.UnitNormalization(a)),
    "normalization": ((-2, -1, 1, 2), lambda a: keras.layers.Normalization(a, mean=2.0, variance=3.0)),
    "max_norm": (
        (-2, -1, 0, 1),
        lambda a: keras.layers.Dense(6, kernel_constraint=keras.constraints.MaxNorm(1, a)),
    ),
}
"""Layers that work along an axis, by the axes that Keras takes of (6,5) and the checker takes, too."""


@pytest.mark.parametrize(("name", "axis"), [(name, a) for name, (axes, _) in AXES.items() for a in axes])
def test_fault_a4_each_axis_comes_back(name: str, axis: int) -> None:
    model = keras.Sequential([keras.Input((6, 5)), AXES[name][1](axis)])
    trip = round_trip(model)
    again = seqtopo.compile(trip.found.text)
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    assert_same_outputs(model, again, 1e-5)
    codes = [d.code for d in trip.found.diagnostics]
    # Keras takes i for the size i - 1 of the shape without the batch, which a spec says from the front.
    assert codes == ["ST506"] * (name == "prelu" and axis < 1)
    assert bool(trip.wrong) == bool(codes)


def test_fault_a4_an_axis_inside_a_wrapper_comes_back() -> None:
    inner = keras.layers.PReLU("random_normal", shared_axes=[-1])
    model = keras.Sequential([keras.Input((3, 6, 5)), keras.layers.TimeDistributed(inner)])
    again = seqtopo.compile(seqtopo.decompile(model))
    assert again.count_params() == model.count_params() == 5
    assert_same_outputs(model, again, 1e-5)


@pytest.mark.parametrize("around", [lambda layer: layer, keras.layers.TimeDistributed])
@pytest.mark.parametrize(
    ("steps", "shape"),
    [(6, (None, 5)), (6, (6, 5)), (6, (None, 2, 5)), (6, (6, 2, 5)), (None, (None, 5)), (None, (None, 2, 5))],
)
def test_fault_a5_an_open_size_comes_back(
    shape: tuple[int | None, ...], steps: int | None, around: Any
) -> None:
    equation = "abc,cd->abd" if len(shape) == 2 else "abc,cde->abde"
    layer = around(keras.layers.EinsumDense(equation, output_shape=shape))
    outer = () if isinstance(layer, keras.layers.EinsumDense) else (4,)
    model = keras.Sequential([keras.Input((*outer, steps, 3)), layer])
    trip = round_trip(model)
    assert (trip.wrong, trip.found.diagnostics) == ("", ())
    assert seqtopo.compile(trip.found.text).output_shape == model.output_shape


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ((6, 4), lambda: keras.layers.Normalization(None, mean=2.0, variance=3.0)),
        ((6, 4), lambda: keras.layers.Dropout(0.5, noise_shape=(None, 1, None))),
        ((6, 4), lambda: keras.layers.Reshape((-1, 8))),
        ((None, 4), lambda: keras.layers.Reshape((-1, 2, 2))),
        ((5, 6, 4), lambda: keras.layers.TimeDistributed(keras.layers.Reshape((-1, 8)))),
        ((6, 4), lambda: keras.layers.Rescaling([1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 1.0])),
    ],
)
def test_fault_a5_none_and_what_is_left_over_come_back(shape: Any, layer: Any) -> None:
    trip = round_trip(keras.Sequential([keras.Input(shape), layer()]))
    assert (trip.wrong, trip.found.diagnostics) == ("", ())


def test_a_last_layer_without_a_row_is_listed(tmp_path: Path) -> None:
    """Nothing takes what it gives, so a file does not say its shape; a live model does."""
    model = keras.Sequential([keras.Input((6, 3)), keras.layers.LSTM(4), Doubled(name="twice")])
    found = decompiled(model)
    assert [d.code for d in found.diagnostics] == ["ST503"]
    assert found.text.endswith("in(6,3) -> lstm(4) -> identity as twice\n")
    model.save(tmp_path / "model.keras")
    with pytest.raises(seqtopo.SpecError, match="nothing in the file says what shape it gives"):
        seqtopo.decompile(tmp_path / "model.keras")


def test_a_layer_without_a_row_inside_a_sequential_is_listed(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((6, 3)), Doubled(name="twice"), keras.layers.LSTM(4)])
    model.save(tmp_path / "model.keras")
    for given in (model, tmp_path / "model.keras"):
        assert [d.code for d in decompiled(given).diagnostics] == ["ST503"]
        assert seqtopo.decompile(given).endswith("in(6,3) -> identity as twice -> lstm(4)\n")


def test_a_mask_beside_a_reversible_embedding_is_no_mask_that_comes_of_itself() -> None:
    ids = keras.Input((7,), dtype="int32")
    vectors = keras.layers.ReversibleEmbedding(9, 4, mask_zero=True)(ids)
    read = keras.layers.LSTM(3)(vectors, mask=keras.ops.not_equal(ids, 0))
    text = seqtopo.decompile(keras.Model(ids, read), strict=True)
    assert text.splitlines()[1:] == [
        "merged = x -> not_equal(0)",
        "x -> reversible_embedding(9,4,mask) -> lstm(3,mask=merged)",
    ]
