"""Rolling out: as the loop that people write by hand, in every mode; mistakes say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import seqtopo
from seqtopo import sampling
from seqtopo.runtime.stepping.stepper import Stepper
from tests.support import rollout_cases as cases

STEPS = 4


def ready(spec: str) -> Any:
    """A built model whose weights are the same everywhere."""
    model = seqtopo.compile(spec)
    cases.set_weights(model)
    return model


@pytest.mark.parametrize("name", [*cases.STEPPED, *cases.WINDOWS])
def test_as_the_naive_loop(name: str) -> None:
    model = ready({**cases.STEPPED, **cases.WINDOWS}[name])
    history = cases.history_for(model)
    have = seqtopo.rollout(model, history, STEPS)
    np.testing.assert_allclose(have, cases.naive(model, history, STEPS), atol=1e-5)


def test_a_state_that_is_not_carried_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ready(cases.STEPPED["many_to_many"])
    history = cases.history_for(model)
    state = Stepper.state

    def forgets(self: Stepper, *given: Any) -> Any:
        found = state(self, *given)
        found.__class__ = type(
            "Forgets", (type(found),), {"next": property(lambda s: s.given, lambda s, x: None)}
        )
        return found

    monkeypatch.setattr(Stepper, "state", forgets)
    have = seqtopo.rollout(model, history, STEPS)
    assert abs(have - cases.naive(model, history, STEPS)).max() > 1e-3


def test_weights_that_change_are_seen() -> None:
    model = ready(cases.STEPPED["many_to_many"])
    history = cases.history_for(model)
    before = seqtopo.rollout(model, history, STEPS)
    model.set_weights([0.5 * w for w in model.get_weights()])
    after = seqtopo.rollout(model, history, STEPS)
    assert abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, cases.naive(model, history, STEPS), atol=1e-5)


def test_training_in_between_is_seen() -> None:
    model = ready(cases.STEPPED["many_to_one"])
    history = cases.history_for(model)
    seqtopo.rollout(model, history, STEPS)
    model.compile("sgd", "mse")
    model.fit(history, history[:, -1], epochs=2, verbose=0)
    have = seqtopo.rollout(model, history, STEPS)
    np.testing.assert_allclose(have, cases.naive(model, history, STEPS), atol=1e-5)


def test_what_is_known_ahead() -> None:
    model = ready("in(?,3) -> lstm(4,seq) -> dense(1)")
    history = cases.history_for(model)
    future = cases.generator().normal(size=(3, STEPS, 2)).astype("float32")
    have = seqtopo.rollout(model, history, STEPS, future=future)
    np.testing.assert_allclose(have, cases.naive(model, history, STEPS, future), atol=1e-5)


@pytest.mark.parametrize("length", ["?", "6"])
def test_what_is_known_ahead_in_an_input_of_its_own(length: str) -> None:
    model = ready(f"[in({length},1) as own, in({length},2) as known] -> concat -> gru(4) -> dense(1)")
    own, known = (cases.generator().normal(size=(3, 6, n)).astype("float32") for n in (1, 2))
    future = cases.generator().normal(size=(3, 4, 2)).astype("float32")
    have = seqtopo.rollout(model, {"own": own, "known": known}, 4, future=future)
    for i in range(4):
        last = (own, known) if length == "?" else (own[:, -6:], known[:, -6:])
        answer = model.predict(list(last), verbose=0)
        np.testing.assert_allclose(have[:, i], answer, atol=1e-5)
        own = np.concatenate([own, answer[:, None]], axis=1)
        known = np.concatenate([known, future[:, i : i + 1]], axis=1)


def test_several_steps_at_once() -> None:
    model = ready("in(6,2) -> lstm(4) -> repeat(3) -> lstm(4,seq) -> dense(2)")
    history = cases.history_for(model, 6)
    first = model.predict(history, verbose=0)
    second = model.predict(np.concatenate([history[:, 3:], first], axis=1), verbose=0)
    want = np.concatenate([first, second], axis=1)[:, :5]
    np.testing.assert_allclose(seqtopo.rollout(model, history, 5), want, atol=1e-5)


def test_one_without_a_batch() -> None:
    model = ready(cases.STEPPED["many_to_many"])
    history = cases.history_for(model)
    have = seqtopo.rollout(model, history[0], STEPS)
    np.testing.assert_allclose(have, seqtopo.rollout(model, history, STEPS)[0], atol=1e-6)


def test_in_parts_with_a_progress() -> None:
    model = ready(cases.STEPPED["many_to_many"])
    history = cases.history_for(model)
    said: list[tuple[int, int]] = []
    have = seqtopo.rollout(model, history, 230, progress=lambda done, steps: said.append((done, steps)))
    assert said == [(100, 230), (200, 230), (230, 230)]
    np.testing.assert_allclose(have, seqtopo.rollout(model, history, 230), atol=1e-5)


def test_a_stateful_model_starts_from_zeros_unless_told() -> None:
    model = ready("in(?,2,batch=3) -> lstm(2,seq,stateful)")
    plain = ready("in(?,2) -> lstm(2,seq)")
    history = cases.history_for(plain)
    model.predict(history, batch_size=3, verbose=0)
    before = seqtopo.get_states(model)
    have = seqtopo.rollout(model, history, STEPS)
    np.testing.assert_allclose(have, cases.naive(plain, history, STEPS), atol=1e-5)
    for state, other in zip(seqtopo.get_states(model), before, strict=True):
        np.testing.assert_array_equal(state, other)
    twice = np.concatenate([history, history], axis=1)
    have = seqtopo.rollout(model, history, STEPS, states="model")
    np.testing.assert_allclose(have, cases.naive(plain, twice, STEPS), atol=1e-5)


def test_a_causal_model_of_fixed_length_fills_its_window() -> None:
    model = ready("in(8,int(9)) -> embed(9,8) -> pos -> res(norm -> mha(2,4,causal)) -> dense(9)")
    ids = cases.generator().integers(0, 9, (2, 3)).astype("int32")
    want = ids
    for i in range(3, 8):
        padded = np.pad(want, ((0, 0), (0, 8 - i)))
        said = model.predict(padded, verbose=0)[:, i - 1 : i].argmax(-1)
        want = np.concatenate([want, said.astype("int32")], axis=1)
    np.testing.assert_array_equal(seqtopo.rollout(model, ids, 5), want[:, 3:])


def test_tokens_by_chance_come_from_the_seed_and_the_likeliest() -> None:
    model = ready("in(?,7) -> lstm(8,seq) -> dense(7) -> softmax")
    history = np.eye(7, dtype="float32")[cases.generator().integers(0, 7, (40, 5))]
    first = model.predict(history, verbose=0)[:, -1]
    two = np.sort(first.argsort(-1)[:, -2:], axis=-1)
    said = seqtopo.rollout(model, history, 3, sample=sampling.top_k(2), seed=1)
    assert said.shape == (40, 3)
    assert all(s in pair for s, pair in zip(said[:, 0], two, strict=True))
    assert len({tuple(row) for row in said}) > 1
    again = seqtopo.rollout(model, history, 3, sample=sampling.top_k(2), seed=1)
    np.testing.assert_array_equal(said, again)
    own = seqtopo.rollout(model, history, 3, sample=lambda logits: keras.ops.argmax(logits, axis=-1))
    np.testing.assert_array_equal(own, seqtopo.rollout(model, history, 3, sample=sampling.greedy))
    np.testing.assert_array_equal(own[:, 0], first.argmax(-1))


def test_chance_follows_the_probabilities() -> None:
    model = ready("in(?,int(4)) -> embed(4,3) -> lstm(3,seq) -> dense(4,softmax)")
    ids = np.ones((4000, 2), "int32")
    want = model.predict(ids[:1], verbose=0)[0, -1]
    said = seqtopo.rollout(model, ids, 1, sample=sampling.temperature(1.0), seed=3)
    np.testing.assert_allclose(np.bincount(said[:, 0], minlength=4) / 4000, want, atol=0.03)


@pytest.mark.parametrize(
    ("spec", "shape", "more", "match"),
    [
        ("in(?,3) -> lstm(4,seq) -> dense(1)", (2, 5, 3), {}, r"future=, shape \(batch, steps, 2\)"),
        ("in(?,1) -> lstm(4,seq) -> dense(3)", (2, 5, 1), {}, r"takes 1 features at each step and gives 3"),
        ("in(?,3) -> lstm(3,seq)", (2, 5, 2), {}, r"axis 2 is 2, not 3"),
        ("in(?,3) -> lstm(3,seq)", (5,), {}, r"takes \(batch, T, 3\)"),
        ("in(?,3) -> lstm(3,seq)", (2, 0, 3), {}, r"history is empty"),
        ("in(9,2) -> lstm(2)", (2, 5, 2), {"steps": 30}, r"windows of 9 steps.*only 5.*in\(\?"),
        ("in(?,2) -> bi(lstm(2,seq),sum)", (2, 5, 2), {}, r"bi \(Bidirectional\).*mode=\"window\""),
        ("in(?,3) -> lstm(3,seq)", (2, 5, 3), {"steps": 0}, r"steps is how many"),
        ("in(?,3) -> lstm(3,seq)", (2, 5, 3), {"mode": "slide"}, r"mode is \"step\" or \"window\""),
        ("in(?,3) -> lstm(3,seq)", (2, 5, 3), {"states": [np.zeros((2, 3))]}, r"the states have the shapes"),
    ],
)
def test_a_mistake_says_what_to_do(
    spec: str, shape: tuple[int, ...], more: Mapping[str, Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        seqtopo.rollout(spec, np.zeros(shape), **{"steps": 4, **more})


IDS = "in(?,int(4)) -> embed(4,3) -> gru(3,seq) -> "
JOINED = "[in(?,1) as own, in(?,2) as known] -> concat -> gru(4) -> dense(1)"


@pytest.mark.parametrize(
    ("spec", "history", "more", "match"),
    [
        (f"{IDS}dense(4)", [[0, 1.5]], {}, r"has 1.5 in it, but takes whole numbers"),
        (f"{IDS}dense(4)", [[0, 2**40]], {}, r"has 1.09951e\+12 in it"),
        (f"{IDS}dense(4)", [[0, 4]], {}, r"has the id 4 in it, but there are ids from 0 to 3"),
        (f"{IDS}dense(4)", [[0, -1]], {}, r"has the id -1 in it"),
        (f"{IDS}dense(6)", [[0, 1]], {}, r"says something of 6 ids, but takes ids from 0 to 3"),
        (f"{IDS}dense(1)", [[0, 1]], {}, r"gives one number, which does not say which id"),
        ("in(?,1) -> gru(3,seq) -> dense(1)", [[[1.0]]], {"sample": sampling.greedy}, r"gives one number"),
        ("in(?,1) -> gru(3,seq) -> dense(1)", [[["a"]]], {}, r"dtype <U1, but the model takes numbers"),
        ("in(?,1) -> gru(3,seq) -> dense(1)", [[[1j]]], {}, r"dtype complex128, but the model takes numbers"),
        (
            "in(?,2) -> gru(3) -> dense(1)",
            [[[1, 1]]],
            {"future": np.full((1, 4, 1), np.nan)},
            r"future has NaN",
        ),
        (
            JOINED,
            [np.ones((1, 5, 1)), np.ones((1, 5, 2))],
            {"future": np.ones((1, 4, 1))},
            r"future goes into known, so it must have \(1, 4, 2\)",
        ),
    ],
)
def test_fault_a_what_the_backends_would_answer_all_the_same_is_refused(
    spec: str, history: Any, more: Mapping[str, Any], match: str
) -> None:
    given = history if len(history) > 1 else np.asarray(history)
    with pytest.raises(ValueError, match=match):
        seqtopo.rollout(spec, given, 4, **more)


def test_fault_b_several_ids_at_once_are_drawn_one_by_one() -> None:
    for spec in ("in(6,int(5)) -> embed(5,3)", "in(6,5)"):
        model = ready(f"{spec} -> lstm(4) -> repeat(3) -> lstm(4,seq) -> dense(5,softmax)")
        ids = cases.generator().integers(0, 5, (2, 6)).astype("int32")
        vectors = np.eye(5, dtype="float32")
        history = ids if "int" in spec else vectors[ids]
        have = seqtopo.rollout(model, history, 5, sample=sampling.greedy)
        first = model.predict(history, verbose=0).argmax(-1)
        after = np.concatenate([history[:, 3:], first if "int" in spec else vectors[first]], axis=1)
        second = model.predict(after, verbose=0).argmax(-1)
        np.testing.assert_array_equal(have, np.concatenate([first, second], axis=1)[:, :5])
        drawn = seqtopo.rollout(model, history, 5, sample=sampling.temperature(2.0), seed=1)
        assert drawn.shape == (2, 5)
        assert (
            len(np.unique(seqtopo.rollout(model, history, 60, sample=sampling.temperature(9.0), seed=1))) > 2
        )


def test_fault_b_an_index_that_was_saved_is_followed(tmp_path: Path) -> None:
    """A file makes a list of the key of an index, of which Keras makes no new call."""
    model = ready("in(?,2) -> gru(3,seq) -> at(-1) -> dense(2)")
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    history = cases.history_for(model)
    have = seqtopo.rollout(loaded, history, STEPS)
    np.testing.assert_allclose(have, cases.naive(model, history, STEPS), atol=1e-5)


def test_fault_d_a_layer_may_have_the_name_of_what_a_step_adds() -> None:
    """Keras gives the first addition in a process the name ``add``, as a residual connection has it."""
    keras.backend.clear_session()
    model = ready("in(?,4) -> res(mha(2,2,causal)) -> dense(4)")
    history = cases.history_for(model)
    have = seqtopo.rollout(model, history, STEPS)
    np.testing.assert_allclose(have, cases.naive(model, history, STEPS), atol=1e-5)
    assert {"add", "mha"} <= {layer.name for layer in model.layers}


def test_numbers_that_are_none_are_refused() -> None:
    history = np.zeros((2, 5, 3))
    history[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        seqtopo.rollout("in(?,3) -> lstm(3,seq)", history, 4)


def test_an_open_length_by_windows() -> None:
    model = ready("in(?,2) -> bi(lstm(2,seq),sum)")
    history = cases.history_for(model)
    first = model.predict(history, verbose=0)[:, -1:]
    second = model.predict(np.concatenate([history[:, 1:], first], axis=1), verbose=0)[:, -1:]
    have = seqtopo.rollout(model, history, 2, mode="window")
    np.testing.assert_allclose(have, np.concatenate([first, second], axis=1), atol=1e-5)


def test_what_looks_at_numbers_in_python_runs_too() -> None:
    """On PyTorch, such a model cannot be traced."""
    model = ready("in(?,int(5)) -> one_hot(5) -> gru(4,seq) -> dense(5)")
    ids = cases.generator().integers(0, 5, (2, 5)).astype("int32")
    have = seqtopo.rollout(model, ids, 6)
    for i in range(6):
        said = model.predict(ids, verbose=0)[:, -1].argmax(-1)
        np.testing.assert_array_equal(have[:, i], said)
        ids = np.concatenate([ids, said[:, None].astype("int32")], axis=1)


def test_fault_f9_a_fixed_batch_needs_its_axis() -> None:
    """(4, 3) may be four rows of one step, or one row of four steps."""
    model = ready("in(?,3,batch=4) -> lstm(4,seq) -> dense(3)")
    with pytest.raises(ValueError, match=r"the batch of \w+ is 4, .* give \(4, steps, 3\)"):
        seqtopo.rollout(model, np.zeros((4, 3)), 2)
    assert seqtopo.rollout(model, np.zeros((4, 5, 3)), 2).shape == (4, 2, 3)
    one = ready("in(?,3,batch=1) -> lstm(4,seq) -> dense(3)")
    assert seqtopo.rollout(one, np.zeros((5, 3)), 2).shape == (2, 3)


@pytest.mark.parametrize(
    ("spec", "shape", "message"),
    [
        (
            "in(?,3,batch=4) -> lstm(4,seq) -> dense(3)",
            (3, 5, 3),
            r"batch=4, but the history has 3 rows, the shape \(3, 5, 3\): give \(4, T, 3\), or write batch=3",
        ),
        ("in(?,3,batch=4) -> lstm(4,seq,stateful) -> dense(3)", (8, 5, 3), "batch=4, .* 8 rows"),
        ("in(5,3,batch=4) -> lstm(4) -> dense(3)", (1, 5, 3), "batch=4, .* 1 row, .* write batch=1"),
        ("in(?,int(9),batch=4) -> embed(9,4) -> lstm(4,seq) -> dense(9)", (3, 5), r"give \(4, T\)"),
        ("in(?,3,batch=1) -> lstm(4,seq) -> dense(3)", (2, 5, 3), "batch=1, .* 2 rows"),
    ],
)
def test_fault_f9_b9_another_number_of_rows_than_the_fixed_batch_is_refused(
    spec: str, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        seqtopo.rollout(ready(spec), np.zeros(shape), 2)
