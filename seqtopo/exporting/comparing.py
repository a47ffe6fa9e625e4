"""Run the exported model and Keras on the same inputs, and compare their outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import tree

from seqtopo.exporting.engines import ENGINES, alone
from seqtopo.exporting.formats import Format


class RefusedError(Exception):
    """A model is not exported; has the code, the message, and the help of the diagnostic.

    ``elsewhere`` says that another backend may be able to export it.
    """

    def __init__(self, code: str, message: str, *notes: str, help: str = "", elsewhere: bool = True) -> None:
        super().__init__(message)
        self.answer = {
            "code": code,
            "message": message,
            "notes": list(notes),
            "help": help,
            "elsewhere": elsewhere,
        }


def error_text(error: BaseException) -> str:
    """Return the text of an error on one line, shortened."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words[:300]}{'...' if len(words) > 300 else ''}"


Array = np.ndarray[Any, Any]
Sample = tuple[list[Array], list[Array]]
"""A pair of inputs and Keras' outputs for them."""

LENGTHS = ((7, 12), (32, 48), (160, 224))
"""The numbers of steps to compare at; the longer ones are for models that need more steps."""
BATCHES = (2, 3)
SLACK = {"float32": 1e-4, "float64": 1e-4}
"""The largest allowed differences, relative to the largest output; larger for the narrow dtypes."""


def samples(model: keras.Model, signature: Sequence[Any]) -> Iterator[Sample]:
    """Yield inputs of two batches and two lengths, if they are open, with Keras' outputs for them."""
    open_batch = all(spec.shape[0] is None for spec in signature)
    open_steps = any(None in spec.shape[1:] for spec in signature)
    last: Exception | None = None
    batches = BATCHES if open_batch else (signature[0].shape[0],) * 2
    for lengths in LENGTHS if open_steps else ((0, 0),):
        found = []
        for batch, steps in dict.fromkeys(zip(batches, lengths, strict=True)):
            arrays = [_array(spec, batch, steps) for spec in signature]
            try:
                found.append((arrays, _run(model, arrays)))
            # Keras and the backends raise what they like for a length that is too short.
            except Exception as error:
                found, last = [], error
                break
        if found:
            yield from found
            return
    if last is not None:
        raise RefusedError(
            "ST431",
            f"the model cannot be exported: Keras itself cannot run it on {keras.config.backend()}"
            + (" at any length that was tried" if open_steps else ""),
            error_text(last),
            help="bind the number of time steps: -D T=24" if open_steps else "",
        )


def _array(spec: Any, batch: int, steps: int) -> Array:
    shape = tuple(batch if i == 0 else steps if size is None else size for i, size in enumerate(spec.shape))
    draw = np.random.default_rng(1)
    if spec.dtype.startswith(("int", "uint", "bool")):
        # Ids that every vocabulary has.
        return np.asarray(draw.integers(0, 2, shape), dtype=spec.dtype)
    return np.asarray(draw.normal(size=shape), dtype="float32" if spec.dtype == "bfloat16" else spec.dtype)


def _run(model: keras.Model, arrays: Sequence[Array]) -> list[Array]:
    found = model(alone([keras.ops.convert_to_tensor(array) for array in arrays]), training=False)
    return [np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(x, "float32"))) for x in tree.flatten(found)]


def compared(model: keras.Model, format: Format, out: str, trials: Sequence[Sample]) -> dict[str, Any]:
    """Run the exported model on the samples, and return the comparison.

    Raises:
        RefusedError: it gives other outputs than Keras, or does not run.
    """
    names = [x.name for x in model.inputs]
    found = []
    try:
        engine = ENGINES[format.name](out, names)
    except Exception as error:
        raise RefusedError(
            "ST432",
            f"what {keras.config.backend()} exported cannot be loaded, so it was not kept",
            error_text(error),
        ) from None
    for arrays, want in trials:
        shapes = [list(array.shape) for array in arrays]
        try:
            have = engine.run(arrays)
        except Exception as error:
            raise RefusedError(
                "ST432",
                f"what {keras.config.backend()} exported does not run at {_shown(shapes)}, "
                "so it was not kept",
                error_text(error),
            ) from None
        off = _largest_difference(want, have)
        if off is None or off > SLACK.get(model.compute_dtype, 3e-2):
            ours, theirs = (_shown([list(x.shape) for x in each]) for each in (want, have))
            how = f"they differ by {off:.2g} of the largest number" if off is not None else ""
            raise RefusedError(
                "ST432",
                f"what {keras.config.backend()} exported does not give what Keras gives at {_shown(shapes)}, "
                "so it was not kept",
                how or f"it gives {theirs}, and Keras {ours}",
            )
        found.append({"inputs": shapes, "apart": off})
    more = {"outputs": list(engine.outputs)} if engine.outputs else {}
    return {"engine": engine.title, "compared": found, "names": {"inputs": list(engine.inputs), **more}}


def _shown(shapes: Sequence[Sequence[int]]) -> str:
    return " and ".join(f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})" for shape in shapes)


def _largest_difference(want: Sequence[Array], have: Sequence[Array]) -> float | None:
    """Return the largest difference relative to the largest number; None if the shapes differ."""
    if [x.shape for x in want] != [np.shape(x) for x in have]:
        return None
    far = [
        float(np.max(np.abs(a - np.asarray(b, "float32")), initial=0))
        / max(1.0, float(np.max(np.abs(a), initial=0)))
        for a, b in zip(want, have, strict=True)
    ]
    return max(far) if np.isfinite(far).all() else float("inf")
