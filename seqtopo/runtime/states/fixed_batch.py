"""Make ``fit``, ``evaluate`` and ``predict`` of a model with a fixed batch use its size by default."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import keras
from keras import tree


def hold_to_batch(model: keras.Model) -> None:
    """Make a stateful model's ``fit``, ``evaluate`` and ``predict`` take arrays in batches of its size, in
    order.

    The default of ``batch_size`` is the model's size, and that of ``shuffle`` is False: the state after a
    batch is for the rows that come next. Data sets and generators make their own batches and are not changed.
    A model without a fixed batch is left as it is.
    """
    sizes = {tensor.shape[0] for tensor in getattr(model, "inputs", None) or ()}
    if len(sizes) != 1 or None in sizes:
        return
    (size,) = sizes
    for name in ("fit", "evaluate", "predict"):
        setattr(model, name, _in_batches(getattr(model, name), size))


def _in_batches(stock: Callable[..., Any], size: int) -> Callable[..., Any]:
    signature = inspect.signature(stock)

    @functools.wraps(stock)
    def run(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        given = bound.arguments
        rows = rows_of(given.get("x"))
        if rows is not None:
            batch_size = given.get("batch_size")
            if batch_size not in (None, size):
                raise ValueError(
                    f"the model is stateful with a fixed batch of {size}, so batch_size cannot be "
                    f"{batch_size}; leave it out, or build the model with batch={batch_size}"
                )
            given["batch_size"] = size
            if stock.__name__ == "fit":
                given.setdefault("shuffle", False)
            kept = rows - _held_out(rows, given)
            for number, what in ((kept, "rows"), (rows - kept, "rows for validation")):
                _assert_whole(number, size, what)
            validation = given.get("validation_data")
            if isinstance(validation, (tuple, list)) and validation:
                _assert_whole(
                    rows_of(validation[0]) or 0,
                    given.get("validation_batch_size") or size,
                    "rows for validation",
                )
        return stock(*bound.args, **bound.kwargs)

    return run


def rows_of(x: Any) -> int | None:
    """Return the number of rows of arrays; None for a data set or a generator."""
    leaves = tree.flatten(x)
    shapes = [getattr(leaf, "shape", None) for leaf in leaves]
    whole = [int(shape[0]) for shape in shapes if shape]
    return whole[0] if whole and len(whole) == len(shapes) else None


def _held_out(rows: int, given: dict[str, Any]) -> int:
    """Return the number of rows that ``validation_split`` takes, counted as Keras counts them."""
    split = given.get("validation_split")
    if not split or given.get("validation_data") is not None:
        return 0
    return rows - math.floor(rows * (1.0 - float(split)))


def _assert_whole(rows: int, size: int, what: str) -> None:
    over = rows % size
    if over:
        raise ValueError(
            f"{rows} {what} are not whole batches: the model is stateful and takes {size} rows at a time, "
            f"each of which goes on from its row in the batch before. Leave out {over}, or "
            f"give {size - over} more"
        )
