"""Estimate the length of a ``fit``, since compiling a loop pays only if training repeats it often enough.

XLA takes one to two seconds of a processor to compile the loops of a model; the gain grows with the training
steps and the time steps in each. Measured on LSTM, GRU and SimpleRNN of 20 to 64 units, the two are equal
after 2,500 to 14,000 time steps; without this estimate, a first epoch of 20 batches took 1.1 to 1.7 times as
long as with stock Keras.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from keras import ops

from seqtopo.runtime.kernels.attaching import NotNow
from seqtopo.runtime.model_cache import cached
from seqtopo.runtime.states.tracking import rows_of

WORTH_COMPILING = 10_000
"""The time steps, in all training steps together, from which compiling pays."""

_steps: ContextVar[float] = ContextVar("steps", default=math.inf)
"""The training steps of the running ``fit``, with earlier ones; infinite if they are not known."""
_declined: ContextVar[set[int] | None] = ContextVar("declined", default=None)
"""The lengths of the loops that were not compiled in the running ``fit``."""


def look_ahead(length: int) -> None:
    """Refuse a loop over ``length`` time steps if compiling it does not pay in the running ``fit``.

    Raises:
        NotNow: it does not.
    """
    if _steps.get() * length < WORTH_COMPILING:
        declined = _declined.get()
        if declined is not None:
            declined.add(length)
        raise NotNow("this fit is too short to win back what compiling its loop costs")


def fit(model: Any, *args: Any, **kwargs: Any) -> Any:
    """Run a model's ``fit`` with its number of training steps known to its loops."""
    stock = type(model).fit
    given = inspect.signature(stock).bind(model, *args, **kwargs)
    steps = planned(given.arguments)
    if model.optimizer is not None:
        # Steps of earlier calls count, since some users call fit for one epoch again and again.
        steps += int(ops.convert_to_numpy(model.optimizer.iterations))
    declined: set[int] = cached(model, "declined", set)
    if any(steps * length >= WORTH_COMPILING for length in declined):
        declined.clear()
        model.train_function = None  # it was traced without the loops
    tokens = _steps.set(steps), _declined.set(declined)
    try:
        return stock(*given.args, **given.kwargs)
    finally:
        _steps.reset(tokens[0])
        _declined.reset(tokens[1])


def planned(given: Mapping[str, Any]) -> float:
    """Return the training steps of a ``fit`` with these arguments; infinite if its data does not tell."""
    epochs = given.get("epochs", 1) - given.get("initial_epoch", 0)
    if given.get("steps_per_epoch"):
        return float(epochs * given["steps_per_epoch"])
    x = given.get("x")
    rows = rows_of(x)
    if rows is not None:
        return float(epochs * math.ceil(rows / (given.get("batch_size") or 32)))
    try:
        return float(epochs * len(x))  # type: ignore[arg-type]
    except TypeError:  # a generator, or a data set that does not know its length
        return math.inf
