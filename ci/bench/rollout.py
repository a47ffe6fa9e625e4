"""Feed 200 steps back: `seqtopo.rollout`, `predict` in a loop on stock Keras, and the backend by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from timing import Row, Task, compare

BACKENDS = ("jax", "torch", "tensorflow")
STEPS = 200
WINDOW = 29
ROUNDS = 3
STOCK, HAND, OURS = "predict in a loop, stock Keras", "the loop by hand in the backend", "rollout"

Step = Callable[[Any, Any], tuple[Any, Any]]
"""A function from an input (batch, 1) and a state to the answer and the next state."""


def measure(backend: str) -> Iterator[Row]:
    """Time a sliding window, and a state that is kept."""
    import seqtopo

    history = np.random.default_rng(1).normal(size=(1, WINDOW, 1)).astype("float32")

    window = "in(29,1) -> simple_rnn(20) -> dense(1)"
    model, stock = seqtopo.compile(window), seqtopo.compile(window, kernels=False)
    stock.set_weights(model.get_weights())

    def slides() -> Any:
        seen = history
        for _ in range(STEPS):
            said = stock.predict(seen[:, -WINDOW:], verbose=0)
            seen = np.concatenate([seen, said[:, None]], axis=1)
        return seen[:, WINDOW:]

    by_hand = _sliding(backend, model.get_weights())
    tasks = {STOCK: slides, HAND: lambda: by_hand(history), OURS: lambda: _rolled(model, history)}
    yield from _rows("a window of 29 that slides", tasks, backend)

    # The best that can be written by hand with predict: its shapes stay the same, its states last.
    keeps = seqtopo.compile("in(1,1,batch=1) -> lstm(32,seq,stateful) -> dense(1)", kernels=False)
    free = seqtopo.compile("in(?,1) -> lstm(32,seq) -> dense(1)")
    free.set_weights(keeps.get_weights())

    def remembers() -> Any:
        keeps.reset_states()
        for t in range(WINDOW):
            said = keeps.predict(history[:, t : t + 1], verbose=0)
        found = []
        for _ in range(STEPS):
            found.append(said[:, 0])
            said = keeps.predict(said, verbose=0)
        return np.stack(found, axis=1)

    lasting = _lasting(backend, free.get_weights())
    tasks = {STOCK: remembers, HAND: lambda: lasting(history), OURS: lambda: _rolled(free, history)}
    yield from _rows("an LSTM that keeps its state", tasks, backend)


def _rolled(model: Any, history: Any) -> Any:
    import seqtopo

    return seqtopo.rollout(model, history, STEPS)


def _rows(what: str, tasks: dict[str, Task], backend: str) -> Iterator[Row]:
    want = tasks[OURS]()
    for task in tasks.values():
        np.testing.assert_allclose(task(), want, atol=1e-4)
    pairs = {(OURS, STOCK): None, (OURS, HAND): None}
    headlines = [(OURS, STOCK)]
    yield from compare(f"{what}, {STEPS} steps", tasks, pairs, ROUNDS, backend, headlines=headlines)


# ---- by hand ----------------------------------------------------------------------------------------


def _sliding(backend: str, weights: list[np.ndarray]) -> Callable[[Any], Any]:
    """Return the loop of a SimpleRNN that reads its window anew for each step, written in the backend."""
    if backend == "torch":
        return _torch_sliding(weights)
    start, step = _simple(backend, weights)

    def answer(seen: Any) -> Any:
        state = start
        for t in range(WINDOW):
            said, state = step(seen[:, t], state)
        return said

    return _jax_sliding(answer) if backend == "jax" else _tensorflow_sliding(answer)


def _simple(backend: str, weights: list[np.ndarray]) -> tuple[Any, Step]:
    ops = _ops(backend)
    kernel, recurrent, bias, out, end = map(ops.constant, weights)

    def step(x: Any, h: Any) -> tuple[Any, Any]:
        h = ops.tanh(x @ kernel + h @ recurrent + bias)
        return h @ out + end, h

    return ops.constant(np.zeros((1, 20), "float32")), step


def _cell(backend: str, weights: list[np.ndarray]) -> tuple[Any, Step]:
    ops = _ops(backend)
    kernel, recurrent, bias, out, end = map(ops.constant, weights)

    def step(x: Any, state: Any) -> tuple[Any, Any]:
        h, c = state
        i, f, g, o = ops.split(x @ kernel + h @ recurrent + bias)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h @ out + end, (h, c)

    zeros = ops.constant(np.zeros((1, 32), "float32"))
    return (zeros, zeros), step


class _Ops:
    """The operations that a cell needs, of JAX or of TensorFlow."""

    def __init__(self, constant: Any, tanh: Any, sigmoid: Any, split: Any) -> None:
        self.constant, self.tanh, self.sigmoid, self.split = constant, tanh, sigmoid, split


def _ops(backend: str) -> _Ops:
    if backend == "jax":
        import jax

        return _Ops(jax.numpy.asarray, jax.numpy.tanh, jax.nn.sigmoid, lambda x: jax.numpy.split(x, 4, 1))
    import tensorflow as tf

    return _Ops(tf.constant, tf.tanh, tf.sigmoid, lambda x: tf.split(x, 4, 1))


def _jax_sliding(answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    import jax

    @jax.jit
    def loop(history: Any) -> Any:
        def turn(seen: Any, _: Any) -> tuple[Any, Any]:
            said = answer(seen)
            return jax.numpy.concatenate([seen[:, 1:], said[:, None]], axis=1), said

        return jax.lax.scan(turn, history, None, length=STEPS)[1]

    return lambda history: np.moveaxis(np.asarray(loop(history)), 0, 1)


def _tensorflow_sliding(answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    import tensorflow as tf

    @tf.function
    def loop(history: Any) -> Any:
        found = tf.TensorArray(tf.float32, STEPS)
        seen = history
        for i in tf.range(STEPS):
            said = answer(seen)
            seen = tf.concat([seen[:, 1:], said[:, None]], axis=1)
            found = found.write(i, said)
        return found.stack()

    return lambda history: np.moveaxis(loop(tf.constant(history)).numpy(), 0, 1)


def _torch_sliding(weights: list[np.ndarray]) -> Callable[[Any], Any]:
    import torch

    rnn, end = _torch_layers(torch.nn.RNN(1, 20, batch_first=True), weights)

    @torch.no_grad()
    def loop(history: Any) -> Any:
        seen = torch.from_numpy(history)
        for _ in range(STEPS):
            said = end(rnn(seen[:, -WINDOW:])[0][:, -1])
            seen = torch.cat([seen, said[:, None]], 1)
        return seen[:, WINDOW:].numpy()

    return loop


def _torch_layers(recurrent: Any, weights: list[np.ndarray]) -> tuple[Any, Any]:
    """Return PyTorch's layers on Keras' weights, which have one bias and not two."""
    import torch

    kernel, inner, bias, out, last = (torch.from_numpy(w.copy()) for w in weights)
    for name, value in zip(
        ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"),
        (kernel.T, inner.T, bias, torch.zeros_like(bias)),
        strict=True,
    ):
        getattr(recurrent, name).data.copy_(value)
    end = torch.nn.Linear(*out.shape)
    end.load_state_dict({"weight": out.T, "bias": last})
    return recurrent, end


def _lasting(backend: str, weights: list[np.ndarray]) -> Callable[[Any], Any]:
    """Return the loop of an LSTM that keeps its state, written in the backend."""
    if backend == "torch":
        return _torch_lasting(weights)
    start, step = _cell(backend, weights)
    return _jax_lasting(start, step) if backend == "jax" else _tensorflow_lasting(start, step)


def _jax_lasting(start: Any, step: Step) -> Callable[[Any], Any]:
    import jax

    @jax.jit
    def loop(history: Any) -> Any:
        def read(carry: Any, x: Any) -> Any:
            said, state = step(x, carry[1])
            return (said, state), None

        def go(carry: Any, _: Any) -> Any:
            said, state = carry
            return step(said, state), said

        first = (jax.numpy.zeros((1, 1)), start)
        carry, _ = jax.lax.scan(read, first, jax.numpy.moveaxis(history, 1, 0))
        return jax.lax.scan(go, carry, None, length=STEPS)[1]

    return lambda history: np.moveaxis(np.asarray(loop(history)), 0, 1)


def _tensorflow_lasting(start: Any, step: Step) -> Callable[[Any], Any]:
    import tensorflow as tf

    @tf.function
    def loop(history: Any) -> Any:
        state = start
        said = tf.zeros((1, 1))
        for t in tf.range(WINDOW):
            said, state = step(history[:, t], state)
        found = tf.TensorArray(tf.float32, STEPS)
        for i in tf.range(STEPS):
            found = found.write(i, said)
            said, state = step(said, state)
        return found.stack()

    return lambda history: np.moveaxis(loop(tf.constant(history)).numpy(), 0, 1)


def _torch_lasting(weights: list[np.ndarray]) -> Callable[[Any], Any]:
    import torch

    lstm, end = _torch_layers(torch.nn.LSTM(1, 32, batch_first=True), weights)

    @torch.no_grad()
    def loop(history: Any) -> Any:
        found, state = lstm(torch.from_numpy(history))
        said = end(found[:, -1:])
        answers = []
        for _ in range(STEPS):
            answers.append(said[:, 0])
            found, state = lstm(said, state)
            said = end(found)
        return torch.stack(answers, 1).numpy()

    return loop
