"""Run recurrent models on JAX and TensorFlow: stock Keras, seqtopo, and a loop without Keras' trainer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from timing import Row, Task, compare

BACKENDS = ("jax", "tensorflow")
KINDS = ("lstm", "gru", "simple_rnn")
STEPS = {50: 32, 200: 16, 500: 8}
"""The training steps of one fit: few for an epoch, so that the fixed cost of a fit still shows."""
UNITS, BATCH, ROUNDS = 64, 32, 7
STOCK, OURS, BARE = "stock Keras", "seqtopo", "a loop without a trainer"


def measure(backend: str) -> Iterator[Row]:
    """Time ``fit`` and ``predict`` of two layers and a head, for each kind and length."""
    for kind in KINDS:
        for steps in STEPS:
            yield from _rows(kind, steps, backend)
    yield from _wrapped(backend)


def most(backend: str, kind: str, steps: int) -> float | None:
    """Return the largest wanted time of ``fit``, as a part of stock Keras' time; None if none is wanted."""
    if backend == "tensorflow":
        return 0.75 if steps == min(STEPS) else 1.02
    return {"lstm": 0.85, "gru": 0.7}.get(kind)


def _rows(kind: str, steps: int, backend: str) -> Iterator[Row]:
    spec = f"in({steps},8) -> {kind}({UNITS},seq) -> {kind}({UNITS}) -> dense(1)"
    stock, ours, x, y = _pair(spec)
    what = f"two {kind}({UNITS}), T={steps}, batch {BATCH}"
    fit_most = most(backend, kind, steps)
    tasks: dict[str, Task] = {
        STOCK: _fit(stock, x, y),
        OURS: _fit(ours, x, y),
        BARE: _bare(stock, x, y, backend),
    }
    yield from compare(
        f"{what}, fit",
        tasks,
        {(OURS, STOCK): fit_most, (STOCK, BARE): None, (OURS, BARE): None},
        ROUNDS,
        backend,
        headlines=[(OURS, STOCK)] if steps == 200 and kind != "simple_rnn" else [],
    )
    tasks = {name: _predict(model, x) for name, model in ((STOCK, stock), (OURS, ours))}
    # Without a kernel there is nothing to compare but the noise.
    wanted = 1.02 if fit_most is not None else None
    yield from compare(f"{what}, predict", tasks, {(OURS, STOCK): wanted}, ROUNDS, backend)


def _wrapped(backend: str) -> Iterator[Row]:
    """Time layers that Keras calls once for each step."""
    for inside in ("relu", "dense(16)"):
        stock, ours, x, y = _pair(f"in(200,8) -> td({inside}) -> flatten -> dense(1)")
        tasks: dict[str, Task] = {STOCK: _fit(stock, x, y), OURS: _fit(ours, x, y)}
        what = f"td({inside}), T=200, batch {BATCH}, fit"
        yield from compare(what, tasks, {(OURS, STOCK): 1.0}, ROUNDS, backend)


def _pair(spec: str) -> tuple[Any, Any, Any, Any]:
    """Return a spec's model on stock Keras and on kernels, with the same weights, and data for them."""
    import keras
    import numpy as np

    import seqtopo

    stock, ours = seqtopo.compile(spec, kernels=False), seqtopo.compile(spec)
    ours.set_weights(stock.get_weights())
    for model in (stock, ours):
        model.compile(keras.optimizers.SGD(0.01), "mse")
    random = np.random.default_rng(1)
    length = stock.input_shape[1]
    x = random.normal(size=(BATCH * STEPS[length], *stock.input_shape[1:])).astype("float32")
    return stock, ours, x, random.normal(size=(len(x), 1)).astype("float32")


def _fit(model: Any, x: Any, y: Any) -> Task:
    return lambda: model.fit(x, y, batch_size=BATCH, verbose=0)


def _predict(model: Any, x: Any) -> Task:
    return lambda: model.predict(x, batch_size=BATCH, verbose=0)


def _bare(model: Any, x: Any, y: Any, backend: str) -> Task:
    """Return one epoch of the same training, written without a trainer."""
    step = (_jax_step if backend == "jax" else _tensorflow_step)(model)

    def epoch() -> None:
        for start in range(0, len(x), BATCH):
            loss = step(x[start : start + BATCH], y[start : start + BATCH])
        float(loss)

    return epoch


def _jax_step(model: Any) -> Any:
    import jax

    weights = [jax.numpy.array(v.value) for v in model.trainable_variables]
    fixed = [jax.numpy.array(v.value) for v in model.non_trainable_variables]

    def loss(weights: Any, x: Any, y: Any) -> Any:
        said, _ = model.stateless_call(weights, fixed, x, training=True)
        return ((said - y) ** 2).mean()

    @jax.jit
    def update(weights: Any, x: Any, y: Any) -> Any:
        value, gradient = jax.value_and_grad(loss)(weights, x, y)
        return value, [w - 0.01 * g for w, g in zip(weights, gradient, strict=True)]

    def step(x: Any, y: Any) -> Any:
        nonlocal weights
        value, weights = update(weights, x, y)
        return value

    return step


def _tensorflow_step(model: Any) -> Any:
    import tensorflow as tf

    @tf.function(reduce_retracing=True)
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            value = tf.reduce_mean((model(x, training=True) - y) ** 2)
        variables = [v.value for v in model.trainable_variables]
        for variable, gradient in zip(variables, tape.gradient(value, variables), strict=True):
            variable.assign_sub(0.01 * gradient)
        return value

    return lambda x, y: step(tf.constant(x), tf.constant(y))
