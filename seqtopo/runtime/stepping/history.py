"""Order the inputs of a roll-out: the history, and the known future."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

from seqtopo.runtime.stepping.nodes import embedding_rows, source_of
from seqtopo.runtime.stepping.one_step import is_sequence
from seqtopo.sampling import Sampler

Extra = Literal["none", "features", "inputs"]


@dataclass
class RolloutInputs:
    """The history of each input with steps (batch, T, ...), and the inputs without steps.

    ``main`` is the number, among those with steps, of the input that outputs are fed back into. ``future`` is
    time first: (steps, batch, G). ``extra`` says where it goes: behind the main input's own features, or into
    the other inputs. ``rows`` is the number of ids in the main input's embedding; None if it is unknown.
    """

    name: str
    sequences: list[np.ndarray]
    statics: list[np.ndarray]
    main: int
    main_features: int
    future: list[np.ndarray] | None
    extra: Extra
    single: bool
    dtypes: tuple[str, ...]
    rows: int | None = None

    @property
    def batch(self) -> int:
        """The number of sequences in the batch."""
        return int(self.sequences[0].shape[0])

    @property
    def length(self) -> int:
        """The number of steps of the history."""
        return int(self.sequences[0].shape[1])

    @property
    def is_ids(self) -> bool:
        """True if ids are fed back, and not numbers."""
        return not keras.backend.is_float_dtype(self.dtypes[self.main])

    def output_is_ids(self, shape: Sequence[int | None]) -> bool:
        """Return whether an output of this shape has a number for each id."""
        return self.is_ids and len(shape) == 2

    def keep_last(self, steps: int) -> None:
        """Drop all of the history but its last steps."""
        self.sequences = [x[:, -steps:] for x in self.sequences]

    def check_feedback(self, output: tuple[int | None, ...], sample: Any) -> None:
        """Check that an output fits the input into which it is fed.

        Raises:
            ValueError: it does not; the text says why, and what to do.
        """
        width = output[-1]
        if sample is not None:
            check_choice(self.name, width, self.rows, sample)
            if not self.is_ids and width != self.main_features:
                raise ValueError(
                    f"{self.name} says something of {width} ids, but takes {self.main_features} features: "
                    "a drawn id cannot go back into it as one of that many"
                )
            return
        if self.extra == "features":
            known = sum(x.shape[-1] for x in self.future or [])
            if width is not None and width + known != self.main_features:
                raise ValueError(
                    f"{self.name} takes {self.main_features} features and gives {width}, so future must have "
                    f"{self.main_features - width}: shape (batch, steps, {self.main_features - width}), "
                    f"but it has {known}"
                )
        elif width != self.main_features:
            ahead = self.main_features - (width or 0)
            way_out = (
                f"give the other {ahead} as future=, shape (batch, steps, {ahead}); the features "
                "that are fed back come first"
                if ahead > 0
                else "a model that is fed back gives as many as it takes, or fewer"
            )
            raise ValueError(
                f"{self.name} takes {self.main_features} features at each step and gives {width}: {way_out}"
            )


def check_choice(name: str, width: int | None, rows: int | None, sample: Any) -> None:
    """Check that an output has a number for each id that a sampler may draw, and no more.

    ``rows`` is the number of ids that the input takes into which the drawn id goes. A function of the user's
    own may draw in any way.

    Raises:
        ValueError: it has not.
    """
    if not isinstance(sample, Sampler) or width is None:
        return
    if width == 1:
        raise ValueError(
            f"{name} gives one number, which does not say which id comes next: end with dense(V), of as many "
            "units as there are ids; or give sample= a function from the number to an id"
        )
    if rows is not None and width > rows:
        raise ValueError(
            f"{name} says something of {width} ids, but takes ids from 0 to {rows - 1}: its embedding has no "
            "row for others that may be drawn"
        )


def rollout_inputs(whole: Any, history: Any, future: Any, steps: int) -> RolloutInputs:
    """Return the history and the future of a roll-out, checked against the model's inputs.

    Raises:
        ValueError: they do not fit; the text says why, and what to do.
    """
    inputs = list(whole.inputs)
    names = [source_of(x).name for x in inputs]
    arrays = _arrays(history, names)
    with_steps = [i for i, x in enumerate(inputs) if is_sequence(x)]
    if not with_steps:
        raise ValueError(f"{whole.name} has no input with time steps that an output could be fed back into")
    first = with_steps[0]
    single = arrays[first].ndim == len(inputs[first].shape) - 1
    rows = inputs[first].shape[0]
    if single and rows not in (None, 1):
        # Nobody can tell whether its first axis is the batch or the steps of one sequence.
        rest = ", ".join(str(size) for size in (rows, "steps", *inputs[first].shape[2:]))
        raise ValueError(
            f"the batch of {whole.name} is {rows}, but the history has the shape {arrays[first].shape}, "
            f"without one: give ({rest})"
        )
    if single:
        arrays = [x[None] for x in arrays]
    for name, array, tensor in zip(names, arrays, inputs, strict=True):
        _check(name, array, tensor)
    batches, lengths = {x.shape[0] for x in arrays}, {arrays[i].shape[1] for i in with_steps}
    if len(batches) > 1 or len(lengths) > 1:
        raise ValueError(
            f"the inputs of the history must agree in batch and steps, but have {[x.shape for x in arrays]}"
        )
    if 0 in lengths or 0 in batches:
        raise ValueError("the history is empty; it needs one step at least")
    rows_of = embedding_rows(whole)
    others = [(names[i], inputs[i], rows_of.get(id(inputs[i]))) for i in with_steps[1:]]
    ahead, extra = _future(future, inputs[first], others, (arrays[first].shape[0], steps), single)
    dtypes = tuple(keras.backend.standardize_dtype(inputs[i].dtype) for i in with_steps)
    arrays = [
        as_input(f"the history of {name}", x, tensor, rows_of.get(id(tensor)))
        for name, x, tensor in zip(names, arrays, inputs, strict=True)
    ]
    sequences = [arrays[i] for i in with_steps]
    statics = [x for i, x in enumerate(arrays) if i not in with_steps]
    features = int(inputs[first].shape[-1] or 0) if len(inputs[first].shape) > 2 else 0
    rows_of_first = rows_of.get(id(inputs[first]))
    return RolloutInputs(
        whole.name, sequences, statics, 0, features, ahead, extra, single, dtypes, rows_of_first
    )


def as_input(what: str, array: np.ndarray, tensor: Any, rows: int | None = None) -> np.ndarray:
    """Return an array in the dtype of an input.

    ``rows`` is the number of ids that the input's embedding has, if it has one. Backends answer for ids
    beyond it in their own ways, and for others than whole numbers as for the whole part.

    Raises:
        ValueError: it holds no numbers, or others than the input takes.
    """
    if array.dtype.kind in "OV":
        # Numbers as Python objects, and bfloat16, which NumPy does not know.
        array = array.astype("float64")
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{what} has the dtype {array.dtype}, but the model takes numbers")
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    with np.errstate(over="ignore"):
        found = array if array.dtype == dtype else array.astype(dtype)
    if array.dtype.kind == "f" and not np.isfinite(found if "float" in dtype else array).all():
        raise ValueError(f"{what} has NaN or infinite numbers in it; fill or drop those steps")
    if "int" in dtype and array.dtype.kind != "b" and (found != array).any():
        wrong = array[found != array][0]
        raise ValueError(f"{what} has {wrong:g} in it, but takes whole numbers of the dtype {dtype}")
    if rows is not None and found.size and not 0 <= found.min() <= found.max() < rows:
        wrong = found.min() if found.min() < 0 else found.max()
        raise ValueError(f"{what} has the id {wrong} in it, but there are ids from 0 to {rows - 1}")
    return found


def _arrays(history: Any, names: Sequence[str]) -> list[np.ndarray]:
    if isinstance(history, Mapping):
        if set(history) != set(names):
            raise ValueError(f"the model's inputs are {list(names)}, but the history has {sorted(history)}")
        history = [history[name] for name in names]
    elif len(names) == 1:
        # A list of numbers is an array, a list of one array that array.
        one = isinstance(history, (list, tuple)) and len(history) == 1 and hasattr(history[0], "shape")
        history = list(history) if one else [history]
    if not isinstance(history, (list, tuple)) or len(history) != len(names):
        raise ValueError(
            f"the model has {len(names)} inputs, {list(names)}: "
            "give the history of each, in a list or by name"
        )
    return [np.asarray(keras.ops.convert_to_numpy(x) if hasattr(x, "shape") else x) for x in history]


def check_batch(name: str, array: np.ndarray, want: Sequence[int | None], what: str) -> None:
    """Check the number of rows of an array against the batch of an input whose shape is ``want``.

    Raises:
        ValueError: the input has a fixed batch, and the array another number of rows.
    """
    if want[0] in (None, array.shape[0]):
        return
    rows = array.shape[0]
    shown = ", ".join(["T" if n is None else str(n) for n in want])
    raise ValueError(
        f"{name} has batch={want[0]}, but the {what} has {rows} row{'' if rows == 1 else 's'}, the shape "
        f"{array.shape}: give ({shown}), or write batch={rows} in the spec"
    )


def _check(name: str, array: np.ndarray, tensor: Any) -> None:
    want = tuple(tensor.shape)
    shown = "(" + ", ".join(["batch", *("T" if n is None else str(n) for n in want[1:])]) + ")"
    if array.ndim != len(want):
        raise ValueError(f"{name} takes {shown}, but the history has the shape {array.shape}")
    check_batch(name, array, want, "history")
    for axis in range(2 if is_sequence(tensor) else 1, len(want)):
        if want[axis] is not None and want[axis] != array.shape[axis]:
            raise ValueError(
                f"{name} takes {shown}, but the history has the shape {array.shape}: axis {axis} is "
                f"{array.shape[axis]}, not {want[axis]}"
            )


def _future(
    future: Any,
    main: Any,
    others: Sequence[tuple[str, Any, int | None]],
    shape: tuple[int, int],
    single: bool,
) -> tuple[list[np.ndarray] | None, Extra]:
    """Return the known future, time first, and where it goes.

    ``main`` is the input into which outputs are fed back, ``others`` are the names, tensors and numbers of
    ids of the other inputs with steps.
    """
    if future is None:
        if others:
            raise ValueError(
                f"the model has {len(others)} more input(s) with time steps: give what goes in there as "
                "future="
            )
        return None, "none"
    several = list(future) if isinstance(future, (list, tuple)) and len(others) > 1 else [future]
    if others and len(several) != len(others):
        raise ValueError(f"future must have one array for each of the {len(others)} other inputs")
    found = []
    for one, (name, tensor, rows) in zip(several, others or [("", main, None)], strict=True):
        array = np.asarray(one)
        if single:
            array = array[None]
        if array.shape[:2] != shape:
            raise ValueError(
                f"future must start with the shape {shape}: one row for each step that is rolled out, "
                f"but has {array.shape}"
            )
        rest = tuple(tensor.shape[2:])
        if name and (len(array.shape) != len(rest) + 2 or array.shape[2:] != rest):
            raise ValueError(f"future goes into {name}, so it must have {(*shape, *rest)}, not {array.shape}")
        what = f"the future of {name}" if name else "the future"
        found.append(np.moveaxis(as_input(what, array, tensor, rows), 0, 1))
    return found, "inputs" if others else "features"
