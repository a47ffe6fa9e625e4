"""Derive the one-step model of a model: the same layers, one time step and the states in and out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from seqtopo.emit import keras_private
from seqtopo.graph.receptive_fields import has_steps
from seqtopo.layers.values import Tensor
from seqtopo.runtime.stepping.nodes import CannotStepError, functional, ordered, source_of
from seqtopo.runtime.stepping.step_rules import rule
from seqtopo.runtime.stepping.stepper import Seen, State, Stepper


@dataclass(eq=False)
class OneStep:
    """A one-step model, and the models and states that go with it.

    ``model`` takes the step's inputs, then ``contexts`` (values that do not depend on the steps, such as an
    encoder's outputs), then ``states``; it returns the outputs, then the next states. ``encoder`` computes
    the contexts, and the initial values of those states that have one, from the other inputs of the whole
    model; it is None if there are none. ``stepped`` are the numbers of the whole model's inputs that go in by
    steps, ``others`` those of the encoder's. ``outputs`` are the numbers of its outputs, and ``sequences``
    tells for each whether it has a value at every step; the others have the value known after the last step.
    """

    model: keras.Model
    encoder: keras.Model | None
    stepped: tuple[int, ...]
    others: tuple[int, ...]
    contexts: int
    states: tuple[State, ...]
    outputs: tuple[int, ...]
    sequences: tuple[bool, ...]

    def start(self, batch_size: int, room: int | None = None) -> list[np.ndarray]:
        """Return the states before the first step: zeros, each (batch, ...).

        ``room`` is how many steps a causal attention is to remember at most; only its states need it.

        Raises:
            ValueError: a causal attention is there, but no ``room``.
        """
        found = []
        for state in self.states:
            if room is None and None in state.shape[1:]:
                raise ValueError(
                    f"{state.name} remembers every step: say for how many there must be room, "
                    f"start({batch_size}, room=100)"
                )
            shape = (batch_size, *(size or room or 0 for size in state.shape[1:]))
            found.append(np.zeros(shape, dtype=keras.backend.standardize_dtype(state.given.dtype)))
        return found


def one_step(model: keras.Model, stepped: Sequence[int] | None = None) -> OneStep:
    """Return the one-step model of a functional or Sequential model, derived from its own graph.

    It is made of the same layers (of a recurrent one, of its cell), and so of the same weights: training one
    trains the other. Dropout and other layers that only work in training do nothing in it.

    Args:
        model: any functional or Sequential Keras model: built by seqtopo, by hand, or loaded.
        stepped: the numbers of the inputs that go in by steps; else it is found out: all the sequences, or
            in an encoder-decoder the one that the output follows.

    Returns:
        The one-step model. Its inputs are (batch, F) or ids (batch,), then states.

    Raises:
        CannotStepError: (a ValueError) names the layer that needs more than the steps so far, says why, and
            what to do.

    That a causal model is a function of a step and a state is how Graves ("Generating Sequences With
    Recurrent Neural Networks", 2013) writes, and how transformers decode with a cache of keys and values.

    >>> import keras
    >>> inputs = keras.Input((None, 3))
    >>> whole = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.LSTM(4)(inputs)))
    >>> step_model = one_step(whole)
    >>> step_model.model.input_shape, step_model.model.output_shape
    ([(None, 3), (None, 4), (None, 4)], [(None, 1), (None, 4), (None, 4)])
    >>> [state.shape for state in step_model.start(2)]
    [(2, 4), (2, 4)]
    """
    whole = functional(model)
    if stepped is not None:
        return _step_model(whole, tuple(stepped))
    sequences = tuple(i for i, x in enumerate(whole.inputs) if is_sequence(x))
    if not sequences:
        raise CannotStepError(f"{whole.name} has no input with time steps")
    tries = [sequences]
    if len(sequences) > 1:
        tries += [(i,) for i in reversed(sequences)]
    refused: list[CannotStepError] = []
    for some in tries:
        try:
            return _step_model(whole, some)
        except CannotStepError as error:
            refused.append(error)
    raise refused[0]


def is_sequence(tensor: Any) -> bool:
    """Return whether an input has time steps: (batch, T, F), or ids or a mask (batch, T)."""
    return has_steps(Tensor(tuple(tensor.shape[1:]), str(tensor.dtype)))


def _step_model(whole: Any, stepped: tuple[int, ...]) -> OneStep:
    stepper = Stepper(rule)
    given, seen = [], []
    for i, x in enumerate(whole.inputs):
        if i in stepped:
            step, sequence = stepper.one(x, source_of(x).name)
            given.append(step)
            seen.append(Seen("steps", sequence))
        else:
            seen.append(Seen("context", x))
    found = stepper.run(whole.inputs, seen, whole.outputs)
    ends, numbers, sequences = [], [], []
    for i, end in enumerate(found):
        if end is not None and end.kind != "context":
            ends.append(stepper.flat(end.tensor) if end.kind == "steps" else end.tensor)
            numbers.append(i)
            sequences.append(end.kind == "steps")
    if not ends:
        raise CannotStepError(f"no output of {whole.name} depends on the steps that go in")
    states = stepper.states
    contexts = list(stepper.contexts.values())
    starts = [*given, *(x for _, x in contexts), *(s.given for s in states)]
    _name_apart(starts, [*ends, *(s.next for s in states)], whole)
    model = keras.Model(starts, [*ends, *(s.next for s in states)], name=f"{whole.name}_step")
    wanted = [x for x, _ in contexts] + [s.context for s in states if s.context is not None]
    others = tuple(i for i in range(len(whole.inputs)) if i not in stepped)
    encoder = (
        keras.Model([whole.inputs[i] for i in others], wanted, name=f"{whole.name}_encoder")
        if wanted
        else None
    )
    return OneStep(
        model,
        encoder,
        stepped,
        others,
        len(contexts),
        tuple(states),
        tuple(numbers),
        tuple(sequences),
    )


def _name_apart(starts: Sequence[Any], ends: Sequence[Any], whole: Any) -> None:
    """Give operations that were made for the one-step model names that no layer has.

    Raises:
        CannotStepError: two layers of inner models, which are all in one model now, have the same name.
    """
    operations = list({id(node.operation): node.operation for node in ordered(starts, ends)}.values())
    inside = [whole, *keras_private.layers_inside(whole, include_self=False)]
    own = {id(x) for model in inside for x in getattr(model, "operations", ())}
    made = [x for x in operations if id(x) not in own and not isinstance(x, keras.Layer)]
    renamed = {id(x) for x in made}
    found: dict[str, Any] = {}
    for operation in operations:
        if id(operation) in renamed:
            continue
        if found.setdefault(operation.name, operation) is not operation:
            raise CannotStepError(
                f"two layers in inner models are called {operation.name}, and the one-step model holds both: "
                "give them names of their own"
            )
    for operation in made:
        name, number = operation.name, 2
        while operation.name in found:
            operation.name, number = f"{name}_{number}", number + 1
        found[operation.name] = operation


__all__ = ["CannotStepError", "OneStep", "is_sequence", "one_step"]
