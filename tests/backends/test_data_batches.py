"""Cut series in Keras' own hands: the order in ``fit``, states that go on, no TensorFlow."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

import seqtopo
from seqtopo import data


def order_in_fit(dataset: Any, **more: Any) -> list[list[float]]:
    """The first number of each batch, as ``fit`` takes them, by epochs."""
    seen: list[float] = []
    stock = type(dataset).__getitem__

    class Watched(type(dataset)):  # type: ignore[misc]
        def __getitem__(self, index: int) -> Any:
            batch = stock(self, index)
            seen.append(float(batch[0][0, 0, 0]))
            return batch

    model = seqtopo.compile("in(?,1) -> gru(2) -> dense(1)")
    model.compile("sgd", "mse")
    model.train_on_batch(*dataset[0])  # or Keras looks at a batch first, to build the model
    dataset.__class__ = Watched
    model.fit(dataset, epochs=2, verbose=0, **more)
    batches = len(dataset)
    assert len(seen) >= 2 * batches
    seen = seen[-2 * batches :]
    return [seen[:batches], seen[batches:]]


def test_pieces_stay_in_order_whatever_fit_is_told() -> None:
    dataset = data.pieces(np.arange(101.0) / 100, 5, 2)
    random.seed(1)
    first, second = order_in_fit(dataset)
    np.testing.assert_allclose(first, np.arange(len(dataset)) * 0.05, atol=1e-6)
    assert first == second


def test_windows_have_an_order_in_each_epoch_that_the_seed_says() -> None:
    series = np.arange(200.0) / 200
    first, second = order_in_fit(data.windows(series, 5, batch_size=8, shuffle=True, seed=3))
    assert first != second
    again, _ = order_in_fit(data.windows(series, 5, batch_size=8, shuffle=True, seed=3), shuffle=False)
    assert first == again
    plain, same = order_in_fit(data.windows(series, 5, batch_size=8))
    assert plain == same == sorted(plain)


def test_pieces_with_states_give_what_the_whole_series_gives() -> None:
    series = np.random.default_rng(0).normal(size=(61, 2)).astype("float32")
    spec = "in(5,2,batch=3) -> lstm(4,seq,stateful) -> dense(2)"
    model = seqtopo.compile(spec)
    dataset = data.for_spec(spec, series)
    assert (len(dataset), dataset.cut.dropped) == (4, 0)
    found = model.predict(dataset, verbose=0).reshape(4, 3, 5, 2)
    whole = seqtopo.compile("in(20,2) -> lstm(4,seq) -> dense(2)")
    whole.set_weights(model.get_weights())
    rows = series[:60].reshape(3, 20, 2)
    expected = whole.predict(rows, verbose=0)
    np.testing.assert_allclose(np.moveaxis(found, 0, 1).reshape(3, 20, 2), expected, atol=1e-5)


def test_filled_up_steps_have_no_part_in_the_loss() -> None:
    series = np.random.default_rng(0).normal(size=(24, 1)).astype("float32")
    spec = "in(5,1,batch=1) -> lstm(4,seq,stateful) -> dense(1)"
    dataset = data.for_spec(spec, series, remainder="pad")
    assert [len(batch) for batch in (dataset[0], dataset[4])] == [3, 3]
    assert dataset[4][2].tolist() == [[1, 1, 1, 0, 0]]
    model = seqtopo.compile(spec)
    model.compile("sgd", "mse")
    model.fit(dataset, epochs=1, verbose=0, callbacks=[seqtopo.ResetStates()])
    assert np.isfinite(model.get_weights()[0]).all()
