"""Predict one sequence, or a few, at a time with a compiled model; see ``seqtopo.predictor``."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from seqtopo.emit import keras_private
from seqtopo.runtime.kernels.compiled_call import Arrays, Call, Program, compiled_call
from seqtopo.runtime.states.tracking import attach, get_states, set_states, stateful_layers, sync_variables
from seqtopo.runtime.stepping.nodes import embedding_rows, functional

KEPT = 64
"""The most shapes with a compiled program; beyond that, the least recently used one is dropped."""

Shapes = tuple[tuple[int, ...] | None, ...]


class Predictor:
    """A model as a function of arrays, compiled once for each shape of its inputs."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        whole = functional(model)
        self._stateful = bool(stateful_layers(model))
        if self._stateful:
            attach(model)
        rows = embedding_rows(whole)
        self._inputs = [_Input(x, len(whole.inputs) > 1, rows.get(id(x))) for x in whole.inputs]
        structure = whole.input
        self._structure = structure[0] if isinstance(structure, list) and len(structure) == 1 else structure
        self._call = Call(model, self._structure)
        self._single = len(self._inputs) == 1
        self._programs: OrderedDict[Shapes, Program] = OrderedDict()
        self._lock = threading.Lock()
        self._compiling = threading.Lock()
        # One after the other: what each leaves is where the next one starts.
        self._writing = threading.RLock()

    def __call__(self, x: Any) -> Any:
        """Return the result of ``model.predict`` for one batch."""
        arrays = self._arrays(x)
        sync_variables(self.model)
        program = self._program(arrays)
        with self._writing if program.writes else nullcontext():
            found = program.run(arrays)
        return found[0] if self._call.outputs == 0 else tree.pack_sequence_as(self._call.outputs, found)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the model alone: compiled programs belong to one process, and another compiles its own."""
        return type(self), (self.model,)

    def warm_up(self, *shapes: Sequence[int]) -> None:
        """Compile for inputs of these shapes, batch included, so that the first answer is as fast as later
        ones.

        Without shapes: for one sample, if the model's inputs leave no size open.
        """
        wanted = [tuple(shape) for shape in shapes] or [(x.shape[0] or 1, *x.shape[1:]) for x in self._inputs]
        if len(wanted) != len(self._inputs):
            raise ValueError(f"{self.model.name} has {len(self._inputs)} inputs, so give as many shapes")
        if any(size is None for shape in wanted for size in shape):
            inputs = ", ".join(str(x) for x in self._inputs)
            raise ValueError(
                f"{self.model.name} takes {inputs}: give the shape that will come, with its batch"
            )
        given = [np.zeros(shape, x.dtype) for shape, x in zip(wanted, self._inputs, strict=True)]
        self._program([x.checked(array) for x, array in zip(self._inputs, given, strict=True)])

    @property
    def how(self) -> dict[Any, str]:
        """Return, for each shape so far, what runs, in words; for Keras' own call also the reason."""
        with self._lock:
            found = list(self._programs.items())
        return {shapes[0] if len(shapes) == 1 else shapes: program.how for shapes, program in found}

    def __repr__(self) -> str:
        inputs = ", ".join(str(x) for x in self._inputs)
        lines = [f"predictor of {self.model.name} on {keras.config.backend()}: takes {inputs}"]
        return "\n".join([*lines, *(f"  {shape}: {how}" for shape, how in self.how.items())])

    def _arrays(self, x: Any) -> Arrays:
        if self._single and not isinstance(x, (dict, list, tuple)):
            arrays = [self._inputs[0].checked(x)]
        else:
            flat = self._flat(x)
            arrays = [i.checked(each) for i, each in zip(self._inputs, flat, strict=True)]
        batches = {x.shape[0] for x in arrays if x is not None}
        if len(batches) > 1:
            sizes = ", ".join(str(x.shape[0]) for x in arrays if x is not None)
            raise ValueError(f"the inputs of {self.model.name} have different batches: {sizes} rows")
        return arrays

    def _flat(self, x: Any) -> list[Any]:
        """Return the input arrays in the model's order, given by names or in the model's own structure."""
        by_name = isinstance(self._structure, dict)
        names = sorted(self._structure) if by_name else [i.name for i in self._inputs]
        if isinstance(x, dict):
            missing = [name for name in names if name not in x]
            if not missing:
                return list(tree.flatten([x[name] for name in names]))
            given = ", ".join(map(str, x)) or "none"
            raise ValueError(
                f"{self.model.name} takes the inputs {', '.join(names)}, but {missing[0]} is not given; "
                f"given are {given}"
            )
        if self._single and not by_name:
            # A list of numbers; or, as Keras takes it too, a list of the one array.
            return [x[0] if len(x) == 1 and getattr(x[0], "shape", None) else x]
        flat = tree.flatten(x) if isinstance(x, (list, tuple)) and not by_name else []
        if len(flat) != len(names):
            what = "a dict" if by_name else "a list, or a dict by names,"
            raise ValueError(f"{self.model.name} takes {what} of {len(names)} inputs: {', '.join(names)}")
        return flat

    def _program(self, arrays: Arrays) -> Program:
        shapes = tuple(None if x is None else x.shape for x in arrays)
        found = self._known(shapes)
        if found is not None:
            return found
        with self._compiling:
            found = self._known(shapes)
            if found is None:
                found = self._compile(arrays)
                with self._lock:
                    self._programs[shapes] = found
                    if len(self._programs) > KEPT:
                        self._programs.popitem(last=False)
        return found

    def _known(self, shapes: Shapes) -> Program | None:
        with self._lock:
            found = self._programs.get(shapes)
            if found is None or not found.holds():
                return None
            self._programs.move_to_end(shapes)
        return found

    def _compile(self, arrays: Arrays) -> Program:
        if not self._stateful:
            return compiled_call(self._call, arrays)
        # On some backends it runs once while it is compiled; that must leave no trace.
        with self._writing:
            states = get_states(self.model)
            try:
                return compiled_call(self._call, arrays)
            finally:
                set_states(self.model, states)


class _Input:
    """The checks and conversions of one input of a model."""

    def __init__(self, tensor: Any, one_of_several: bool, rows: int | None) -> None:
        self.rows = rows
        self.name = tensor.name
        self.shape = tuple(tensor.shape)
        self.optional = keras_private.is_optional(tensor)
        self.what = f"the input {self.name}" if one_of_several else "the model"
        wanted = keras.backend.standardize_dtype(tensor.dtype)
        self.text = f"{_shown(self.shape)} {wanted}"
        # NumPy has no bfloat16 of its own, and the model casts what it is given.
        wanted = "float32" if wanted == "bfloat16" else wanted
        self.dtype = np.dtype("O" if wanted == "string" else wanted)

    def __str__(self) -> str:
        return self.text

    def checked(self, x: Any) -> Any:
        """Return an array of the right shape and dtype, contiguous in memory."""
        if x is None and self.optional:
            return None
        if not isinstance(x, np.ndarray):
            x = self._array(x)
        want, have = self.shape, x.shape
        if len(have) != len(want) or any(w not in (None, h) for w, h in zip(want, have, strict=True)):
            raise ValueError(self._wrong_shape(have))
        if not have[0]:
            raise ValueError(f"{self.what} is given a batch of no rows")
        if x.dtype != self.dtype:
            if not self.dtype.hasobject and not np.can_cast(x.dtype, self.dtype, "same_kind"):
                raise ValueError(
                    f"{self.what} takes {self}, but is given {x.dtype}; "
                    f"if that is meant, give x.astype({self.dtype.name!r})"
                )
            x = x.astype(self.dtype, order="C")
        if self.rows is not None and x.size and not 0 <= x.min() <= x.max() < self.rows:
            # JAX and XLA would answer all the same.
            wrong = x.min() if x.min() < 0 else x.max()
            raise ValueError(f"{self.what} takes ids from 0 to {self.rows - 1}, but is given {wrong}")
        if not (x.flags.c_contiguous and x.flags.writeable):
            # PyTorch takes no others.
            return np.array(x, order="C")
        return x

    def _array(self, x: Any) -> np.ndarray:
        if ops.is_tensor(x):
            return np.asarray(ops.convert_to_numpy(x))
        try:
            return np.asarray(x)
        except ValueError as error:
            raise ValueError(
                f"{self.what} takes {self}, but what is given is not an array: its rows have different "
                "lengths, or are of different kinds"
            ) from error

    def _wrong_shape(self, have: tuple[int, ...]) -> str:
        message = f"{self.what} takes {self}, but is given {_shown(have)}"
        want = self.shape
        if len(have) == len(want) - 1 and all(w in (None, h) for w, h in zip(want[1:], have, strict=True)):
            return f"{message}: one sample without a batch; give x[None], a batch of one"
        if len(have) != len(want):
            return f"{message}: {len(have)} axes for {len(want)}"
        axis = next(i for i, (w, h) in enumerate(zip(want, have, strict=True)) if w not in (None, h))
        return f"{message}: axis {axis} has {have[axis]} for {want[axis]}"


def _shown(shape: Sequence[int | None]) -> str:
    """Return a shape as a spec writes it, ``?`` for any size; of an input, with the batch in front."""
    sizes = ["?" if size is None else str(size) for size in shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
