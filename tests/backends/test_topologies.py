"""Every topology on this backend: built, trained and run.

``tests/across`` saves each, and has plain Keras load it on every backend.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import keras
import numpy as np
import pytest

import seqtopo
from tests.support import topologies as t
from tests.support.backend_run import LONG
from tests.support.cheap_weights import cheap_weights

BACKEND = keras.config.backend()
BY_NAME = {topology.name: topology for topology in t.TOPOLOGIES}
SOME = list(BY_NAME)[:: 1 if BACKEND == "torch" or LONG else 4]
"""Those that are compiled: all where nothing is, or little; in the long run all on every backend."""


@cache
def built(name: str) -> tuple[Any, list[Any]]:
    """A topology's model under weights that are drawn for it, and data for its inputs."""
    topology = BY_NAME[name]
    with cheap_weights():
        model = seqtopo.compile(topology.spec, **topology.dims)
    t.set_weights(topology, model)
    if not topology.trained:
        # Those that say how they are trained show that TensorFlow can compile the step; it costs a lot.
        model.compile("sgd", "mse", jit_compile=False if BACKEND == "tensorflow" else "auto")
    return model, t.data(topology, model)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_topology_is_built_to_what_the_checker_says(name: str) -> None:
    topology = BY_NAME[name]
    report = seqtopo.check(topology.spec, **topology.dims)
    model, _ = built(name)
    assert [tuple(y.shape[1:]) for y in model.outputs] == list(topology.outputs)
    trained = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert (model.count_params(), trained) == (report.params, report.trainable_params)


@pytest.mark.parametrize("name", SOME)
def test_a_predictor_answers_what_predict_gives(name: str) -> None:
    model, values = built(name)
    given = t.one_or_list(values)
    answer = seqtopo.predictor(model)
    for x in (given, [value[:, ::-1] for value in values] if len(values) > 1 else given[:, ::-1]):
        states = seqtopo.get_states(model) if hasattr(model, "reset_states") else None
        wanted = t.several(model.predict(x, batch_size=len(values[0]), verbose=0))
        if states is not None:
            seqtopo.set_states(model, states)
        found = t.several(answer(x))
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", SOME)
def test_a_topology_trains(name: str) -> None:
    model, values = built(name)
    given = t.one_or_list(values)
    outputs = t.several(model.predict(given, batch_size=len(values[0]), verbose=0))
    labels = t.labels(BY_NAME[name], outputs)
    before = [np.array(w) for w in model.trainable_weights]
    loss = model.train_on_batch(given, t.one_or_list(labels), return_dict=True)["loss"]
    assert np.isfinite(loss)
    moved = [not np.array_equal(a, np.array(b)) for a, b in zip(before, model.trainable_weights, strict=True)]
    assert any(moved)
