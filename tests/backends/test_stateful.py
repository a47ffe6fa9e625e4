"""Stateful models on this backend: the state lasts, and nothing else changes."""

from __future__ import annotations

import copy
import json
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers, ops

import seqtopo
from tests.support import stateful_cases as s
from tests.support.cheap_weights import cheap_weights

BACKEND = keras.config.backend()
EAGER = BACKEND == "tensorflow"
"""TensorFlow takes seconds to compile each; what is compiled is said where it matters."""
SPEC = "in(3,2,batch=2) -> lstm(4,seq,stateful) -> gru(3,stateful) -> dense(1)"
CASE = s.Case("some", SPEC)
X = s.given(CASE)
Y = s.labels(np.zeros((len(X), 1)))


def compiled(spec: str = SPEC, *, eager: bool = EAGER) -> Any:
    """A spec's model under weights drawn for it, which does not learn."""
    with cheap_weights():
        model = seqtopo.compile(spec)
    s.set_weights(model)
    model.compile(keras.optimizers.SGD(0.0), "mse", run_eagerly=eager)
    return model


def states(model: Any) -> Any:
    """All its states in a row."""
    return np.concatenate([state.ravel() for state in seqtopo.get_states(model)])


def by_hand(model: Any, rows: Any = X) -> Any:
    """Return the outputs of calls batch after batch."""
    found = [ops.convert_to_numpy(model(rows[i : i + 2])) for i in range(0, len(rows), 2)]
    return np.concatenate(found)


@pytest.mark.parametrize("case", s.ONE_WAY, ids=lambda case: case.name)
def test_in_pieces_it_gives_what_it_gives_for_the_whole(case: s.Case) -> None:
    model, stateless = compiled(case.spec), seqtopo.compile(case.stateless)
    stateless.set_weights(model.get_weights())
    whole = s.series(case)
    got = model.predict(s.given(case), verbose=0)
    if got.ndim > 2:
        want = s.pieces(ops.convert_to_numpy(stateless(whole)))
    else:
        # After the first piece and after all of them: JAX compiles each length anew.
        want = np.concatenate(
            [ops.convert_to_numpy(stateless(whole[:, :end])) for end in (s.STEPS, whole.shape[1])]
        )
        got = np.concatenate([got[: s.BATCH], got[-s.BATCH :]])
    close = 1e-2 if case.loose else 1e-5
    np.testing.assert_allclose(got, want, rtol=close, atol=close)
    # Without the states of the batch before it would be something else.
    forgot = ops.convert_to_numpy(stateless(s.given(case)[-s.BATCH :]))
    assert abs(forgot - got[-s.BATCH :]).max() > 5 * close


WAYS: dict[str, Callable[[Any], object]] = {
    "predict": lambda m: m.predict(X, verbose=0),
    "predict_on_batch": lambda m: [m.predict_on_batch(X[i : i + 2]) for i in range(0, 8, 2)],
    "evaluate": lambda m: m.evaluate(X, Y, verbose=0),
    "test_on_batch": lambda m: [m.test_on_batch(X[i : i + 2], Y[i : i + 2]) for i in range(0, 8, 2)],
    "fit": lambda m: m.fit(X, Y, verbose=0),
    "fit_twice": lambda m: [m.fit(X[:4], Y[:4], verbose=0), m.fit(X[4:], Y[4:], verbose=0)],
    "train_on_batch": lambda m: [m.train_on_batch(X[i : i + 2], Y[i : i + 2]) for i in range(0, 8, 2)],
    "mixed": lambda m: [
        m.train_on_batch(X[:2], Y[:2]),
        m.predict(X[2:4], verbose=0),
        m.fit(X[4:6], Y[4:6], verbose=0),
        m(X[6:]),
    ],
}


@pytest.fixture(scope="module")
def model() -> Any:
    """A compiled model, compiled by its backend too."""
    return compiled(eager=False)


@pytest.mark.parametrize("way", WAYS)
def test_the_state_lasts_however_it_is_run(model: Any, way: str) -> None:
    model.reset_states()
    assert not states(model).any()
    by_hand(model)
    want = states(model)
    assert abs(want).max() > 0.01
    model.reset_states()
    WAYS[way](model)
    np.testing.assert_allclose(states(model), want, rtol=1e-5, atol=1e-6)


def test_both_directions_start_from_their_own_states() -> None:
    model = compiled("in(3,2,batch=2) -> bi(gru(3,seq,stateful))")
    (forward, backward) = (model.layers[1].forward_layer, model.layers[1].backward_layer)
    got = model.predict(X, verbose=0)
    halves = []
    for layer, back in ((forward, False), (backward, True)):
        plain = layers.GRU(3, return_sequences=True, return_state=True, go_backwards=back)
        plain.build((2, 3, 2))
        plain.set_weights(layer.get_weights())
        state = ops.zeros((2, 3))
        rows = []
        for i in range(0, 8, 2):
            given, state = plain(X[i : i + 2], initial_state=state)
            rows.append(ops.convert_to_numpy(given)[:, :: -1 if back else 1])
        halves.append(np.concatenate(rows))
    np.testing.assert_allclose(got, np.concatenate(halves, axis=-1), rtol=1e-5, atol=1e-5)


def by_keras(*, built: bool = True) -> Any:
    """A model written by hand: stacked cells, inside another model."""
    cells = layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)], stateful=True)
    inner = keras.Sequential([keras.Input((3, 2), batch_size=2), cells], name="inner")
    if not built:
        return keras.Sequential([layers.GRU(3, stateful=True)], name="outer")
    start = keras.Input((3, 2), batch_size=2)
    return keras.Model(start, layers.Dense(1)(inner(start)), name="outer")


def test_a_model_written_by_hand_that_ran_before_it_was_attached() -> None:
    model = by_keras()
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.predict(X, batch_size=2, verbose=0)
    model.evaluate(X, Y, batch_size=2, verbose=0)
    assert seqtopo.attach(seqtopo.attach(model)) is model
    model.reset_states()
    want = by_hand(model)
    for run in (lambda: model.predict(X, verbose=0), lambda: by_hand(model)):
        model.reset_states()
        np.testing.assert_allclose(run(), want, rtol=1e-5, atol=1e-6)
    model.fit(X, Y, verbose=0)
    assert [state.shape for state in seqtopo.get_states(model)] == [(2, 3), (2, 3), (2, 4)]
    model.get_layer("inner").reset_states()
    assert not states(model).any()


def test_the_callback_resets_when_it_is_asked_to() -> None:
    model = compiled()
    seen: dict[str, list[bool]] = {"epoch": [], "test": [], "predict": []}

    class Look(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            seen["epoch"].append(bool(states(model).any()))

        def on_test_begin(self, logs: Any = None) -> None:
            seen["test"].append(bool(states(model).any()))

        def on_predict_begin(self, logs: Any = None) -> None:
            seen["predict"].append(bool(states(model).any()))

    def run(*callbacks: Any) -> dict[str, list[bool]]:
        for found in seen.values():
            found.clear()
        with_look = [*callbacks, Look()]
        model.predict(X, verbose=0)
        model.fit(X, Y, epochs=2, verbose=0, callbacks=with_look, validation_data=(X[:2], Y[:2]))
        model.predict(X, verbose=0, callbacks=with_look)
        return copy.deepcopy(seen)

    remembers = {"epoch": [True, True], "test": [True, True], "predict": [True]}
    assert run() == remembers
    assert run(seqtopo.ResetStates()) == {**remembers, "epoch": [False, False]}
    assert run(seqtopo.ResetStates(evaluate=True)) == {**remembers, "epoch": [False] * 2, "test": [False] * 2}
    assert run(seqtopo.ResetStates(predict=True)) == {**remembers, "epoch": [False] * 2, "predict": [False]}


def test_a_callback_may_reset_in_the_middle_of_an_epoch() -> None:
    model = compiled()
    found = []

    class EverySecond(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                model.reset_states()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            found.append(states(self.model))

    # The second half is the first one again.
    model.fit(np.tile(X[:4], (2, 1, 1)), np.tile(Y[:4], (2, 1)), verbose=0, callbacks=[EverySecond()])
    np.testing.assert_allclose(found[:2], found[2:], rtol=1e-5, atol=1e-6)
    assert abs(found[0] - found[1]).max() > 1e-3


def test_states_are_variables_but_not_weights() -> None:
    model = compiled()
    plain = keras.models.clone_model(model)
    assert model.count_params() == plain.count_params() == seqtopo.check(SPEC).params
    assert [w.shape for w in model.weights] == [w.shape for w in plain.weights]
    assert len(model.variables) == len(plain.variables) + 3
    assert not any(
        v.trainable for v in model.variables[len(model.trainable_variables) :] if "state" in v.name
    )


def contents(file: Path) -> dict[str, Any]:
    """Return the config and the arrays of a .keras file, by name."""
    found: dict[str, Any] = {}
    with zipfile.ZipFile(file) as archive:
        text = archive.read("config.json").decode()
        # They say which objects are one, by where they lie in memory.
        found["config"] = json.loads(re.sub(r'(, )?"shared_object_id": \d+', "", text))
        with archive.open("model.weights.h5") as stream, h5py.File(stream) as weights:
            weights.visititems(
                lambda name, item: found.update({name: item[()].tolist()}) if hasattr(item, "dtype") else None
            )
    return found


def test_the_file_is_that_of_keras_alone_and_can_be_attached(tmp_path: Path) -> None:
    model = compiled()
    model.predict(X, verbose=0)
    plain = keras.Model.from_config(model.get_config())
    plain.set_weights(model.get_weights())
    plain.compile(keras.optimizers.SGD(0.0), "mse", run_eagerly=EAGER)
    for name, each in (("attached", model), ("plain", plain)):
        each.save(tmp_path / f"{name}.keras")
        each.save_weights(tmp_path / f"{name}.weights.h5")
    ours, theirs = (contents(tmp_path / f"{name}.keras") for name in ("attached", "plain"))
    assert len(ours) > 5
    assert {**ours, "config": 0} == {**theirs, "config": 0}
    assert ours["config"]["config"] == theirs["config"]["config"]
    assert "seqtopo" not in json.dumps(ours["config"])
    assert (tmp_path / "attached.weights.h5").stat().st_size == (tmp_path / "plain.weights.h5").stat().st_size
    loaded = seqtopo.attach(keras.models.load_model(tmp_path / "attached.keras"))
    assert not states(loaded).any()
    model.reset_states()
    np.testing.assert_allclose(by_hand(loaded), by_hand(model), rtol=1e-6, atol=1e-6)
    loaded.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    "copied",
    [lambda m: pickle.loads(pickle.dumps(m)), keras.models.clone_model],
    ids=["pickle", "clone"],
)
def test_a_copy_has_states_of_its_own(copied: Callable[[Any], Any]) -> None:
    model = compiled()
    again = seqtopo.attach(copied(model))
    again.set_weights(model.get_weights())
    want = by_hand(model)
    assert not states(again).any()
    np.testing.assert_allclose(by_hand(again), want, rtol=1e-6, atol=1e-6)


def test_states_can_be_kept_and_set_again() -> None:
    model = compiled()
    by_hand(model, X[:4])
    kept = seqtopo.get_states(model)
    want = by_hand(model, X[4:])
    seqtopo.set_states(model, [ops.convert_to_tensor(state) for state in kept])
    np.testing.assert_allclose(model.predict(X[4:], verbose=0), want, rtol=1e-6, atol=1e-6)


def test_what_a_call_gave_is_still_there_after_training() -> None:
    start = keras.Input((3, 2), batch_size=2)
    rnn = layers.SimpleRNN(1, stateful=True, return_state=True, unroll=True)
    model = seqtopo.attach(keras.Model(start, rnn(start)))
    given = model(X[:2])
    before = [ops.convert_to_numpy(each).copy() for each in given]
    model.predict(X, verbose=0)
    for each, was in zip(given, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(each), was)


def test_parts_share_their_states_and_take_the_batch() -> None:
    with cheap_weights():
        whole = seqtopo.compile("tail = repeat(3) -> lstm(2,stateful)\nin(3,2,batch=2) -> gru(4) -> tail")
    tail = whole.part("tail")
    assert tail.input_shape == (2, 4)
    s.set_weights(whole)
    tail.predict(np.ones((4, 4)), verbose=0)
    assert states(whole).any()
    whole.reset_states()
    assert not states(tail).any()


@pytest.mark.parametrize(
    "spec",
    [
        "in(3,2,batch=2) -> lstm(4,stateful,dropout=0.2,recurrent_dropout=0.3) -> dense(1)",
        "in(3,2,batch=2) -> gru(4,stateful,unroll) -> dense(1)",
        "in(3,2,batch=2) -> lstm(4,stateful,dtype=mixed_float16) -> dense(1,dtype=float32)",
        "in(3,2,batch=2) -> mask -> bi(lstm(3,stateful)) -> dense(1)",
        "step = gru(2,stateful)\nin(2,3,2,batch=2) -> td(step) -> lstm(2,stateful) -> dense(1)",
    ],
)
def test_it_trains(spec: str) -> None:
    model = compiled(spec)
    model.compile("adam", "mse", run_eagerly=EAGER)
    x = np.stack([X, X], 1) if "td(" in spec else X
    losses = model.fit(x, Y, epochs=2, verbose=0, callbacks=[seqtopo.ResetStates()]).history["loss"]
    assert np.isfinite(losses).all()
    assert states(model).any()


def test_compiled_steps_carry_the_state() -> None:
    model = compiled(eager=False)
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=BACKEND != "torch", **MORE.get(BACKEND, {}))
    by_hand(model)
    want = states(model)
    model.reset_states()
    model.fit(X, Y, verbose=0)
    np.testing.assert_allclose(states(model), want, rtol=1e-5, atol=1e-6)


MORE = {"jax": {"steps_per_execution": 2}, "tensorflow": {"steps_per_execution": 2}}
"""PyTorch takes one step at a time."""


def test_rows_that_are_no_whole_batches_are_refused() -> None:
    model = compiled()
    with pytest.raises(ValueError, match=r"3 rows are not whole batches.*Leave out 1, or give 1 more"):
        model.predict(X[:3])
    with pytest.raises(ValueError, match=r"fixed batch of 2, so batch_size cannot be 4; leave it out"):
        model.fit(X, Y, batch_size=4)
    with pytest.raises(ValueError, match=r"1 rows for validation are not whole batches"):
        model.fit(X, Y, validation_data=(X[:1], Y[:1]))
    with pytest.raises(ValueError, match=r"7 rows are not whole batches"):
        model.fit(X, Y, validation_split=0.1)


def test_other_mistakes_say_what_to_do() -> None:
    model = compiled()
    with pytest.raises(ValueError, match=r"have the shapes .*\(2, 4\).*give what get_states gives"):
        seqtopo.set_states(model, [np.zeros((2, 5))])
    stateless = seqtopo.attach(seqtopo.compile("in(3,2) -> lstm(4)"))
    assert not hasattr(stateless, "reset_states")
    with pytest.raises(ValueError, match=r"no stateful layer, so it has no states; write stateful"):
        seqtopo.get_states(stateless)
    with pytest.raises(ValueError, match=r"no stateful layer, so ResetStates has nothing to reset"):
        stateless.predict(X, verbose=0, callbacks=[seqtopo.ResetStates()])
    with pytest.raises(ValueError, match=r"gru\w* in outer has no states yet.*keras\.Input"):
        seqtopo.attach(by_keras(built=False))
