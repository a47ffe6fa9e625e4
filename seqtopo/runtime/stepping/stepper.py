"""Walk a Keras graph, and build its one-step model of the same layers, with states in and out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
from keras import ops, tree

from seqtopo.emit import keras_private
from seqtopo.runtime.stepping.nodes import (
    CannotStepError,
    arguments_of,
    functional,
    masked_by,
    ordered,
    source_of,
    tensors_in,
)
from seqtopo.runtime.stepping.per_step import TIME, refusal

Kind = Literal["context", "steps", "final"]


@dataclass(eq=False)
class Seen:
    """A tensor of the whole model, as the one-step model has it.

    ``kind`` is ``context`` for a tensor that does not depend on the steps; then ``tensor`` is the whole
    model's. It is ``steps`` for a sequence, of which the one-step model has one step (batch, 1, ...), and
    ``final`` for a value known after the last step so far, which has the same shape in both models.
    """

    kind: Kind
    tensor: Any


@dataclass(eq=False)
class State:
    """A state of the one-step model: its input, its output, and its initial value.

    ``shape`` has None for the batch; a second None is the most steps that are remembered. The initial value
    is zeros, or ``context``, a tensor of the whole model.
    """

    name: str
    given: Any
    next: Any = None
    context: Any = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape, as Keras has it."""
        return tuple(self.given.shape)


Found = list["Seen | None"] | None
Rule = Callable[["Stepper", Any, dict[int, Seen]], Found]
"""A function that makes one call for a step; it returns None for a call on each step alone."""


class Stepper:
    """The one-step model while it is built."""

    def __init__(self, rule: Callable[[Any], Rule | None]) -> None:
        self.rule = rule
        """A function that returns the rule of an operation that is more than the same call on one step."""
        self.states: list[State] = []
        self.contexts: dict[int, tuple[Any, Any]] = {}
        self._flat: dict[int, tuple[Any, Any]] = {}
        self._names: set[str] = set()
        self._count: State | None = None

    def state(self, name: str, shape: Sequence[int | None], dtype: str) -> State:
        """Add a state to the one-step model; ``shape`` leaves out the batch."""
        name = self._free(name)
        given = keras.Input(tuple(shape), dtype=dtype, name=name)
        found = State(name, given)
        self.states.append(found)
        return found

    def _free(self, name: str) -> str:
        free, i = name, 2
        while free in self._names:
            free, i = f"{name}_{i}", i + 1
        self._names.add(free)
        return free

    def count(self) -> Any:
        """Return the number of steps before this one: (batch, 1)."""
        if self._count is None:
            self._count = self.state("step", (1,), "int32")
            self._count.next = ops.add(self._count.given, 1)
        return self._count.given

    def one(self, whole: Any, name: str) -> tuple[Any, Any]:
        """Add an input for one step; return the input (batch, ...) and the sequence of that step."""
        given = keras.Input(tuple(whole.shape[2:]), dtype=whole.dtype, name=self._free(name))
        return given, self.lifted(given)

    def lifted(self, flat: Any) -> Any:
        """Return a sequence of one step, from the step without a time axis."""
        found = ops.expand_dims(flat, TIME)
        self._flat[id(found)] = (found, flat)
        return found

    def flat(self, step: Any) -> Any:
        """Return the step of a sequence of one step, without the time axis."""
        kept = self._flat.get(id(step))
        if kept is None:
            kept = self._flat[id(step)] = (step, ops.squeeze(step, TIME))
        return kept[1]

    def inside(self, seen: Seen) -> Any:
        """Return a tensor in the one-step model; for one that does not depend on the steps, an input."""
        if seen.kind != "context":
            return seen.tensor
        tensor = seen.tensor
        if id(tensor) not in self.contexts:
            name = self._free(f"{source_of(tensor).name}_given")
            given = keras.Input(
                tuple(tensor.shape[1:]), batch_size=tensor.shape[0], dtype=tensor.dtype, name=name
            )
            self.contexts[id(tensor)] = (tensor, given)
        return self.contexts[id(tensor)][1]

    def run(self, inputs: Sequence[Any], given: Sequence[Seen], outputs: Sequence[Any]) -> list[Seen | None]:
        """Walk from ``inputs``, known as ``given``, to ``outputs``, and return these.

        An output that cannot be known step by step is None.

        Raises:
            CannotStepError: names the layer, says why, and what to do.
        """
        env = {id(x): seen for x, seen in zip(inputs, given, strict=True)}
        for node in ordered(inputs, outputs):
            self._call(node, env)
        return [env.get(id(x)) for x in outputs]

    def _call(self, node: Any, env: dict[int, Seen]) -> None:
        operation = node.operation
        needed = node.arguments.keras_tensors
        missing = [x for x in needed if id(x) not in env]
        if missing:
            source = source_of(missing[0])
            if node.is_input or source is operation:
                raise CannotStepError(f"{operation.name} is an input that the model does not list")
            raise cannot(operation, f"it takes the second value of {source.name}")
        seen = [env[id(x)] for x in needed]
        kinds = {s.kind for s in seen}
        if kinds <= {"context"}:
            found: list[Seen | None] = self._in_context(node, needed, seen)
        elif "steps" not in kinds:
            found = [Seen("final", x) for x in self.called(node, env)]
        elif "final" in kinds:
            raise cannot(operation, "it joins what is known after the last step only with the single steps")
        else:
            found = self._stepped(node, env)
        for output, value in zip(node.outputs, found, strict=False):
            if value is not None:
                env[id(output)] = value
                if value.kind != "context" and masked_by(value.tensor) is None:
                    mask = env.get(id(masked_by(output)))
                    if mask is not None and mask.kind == value.kind:
                        keras_private.put_mask(value.tensor, mask.tensor)

    def _in_context(self, node: Any, needed: Sequence[Any], seen: Sequence[Seen]) -> list[Seen | None]:
        """Return outputs that depend on no step: those of the whole model, or of a sub-model called anew."""
        values = {id(x): s.tensor for x, s in zip(needed, seen, strict=True)}
        if all(values[id(x)] is x for x in needed):
            return [Seen("context", x) for x in node.outputs]
        args, kwargs = arguments_of(node, values)
        return [Seen("context", x) for x in tree.flatten(node.operation(*args, **kwargs))]

    def called(self, node: Any, env: dict[int, Seen], operation: Any = None) -> list[Any]:
        """Return the outputs of a call in the one-step model."""
        args, kwargs = self.filled(node, env)
        return list(tree.flatten((operation or node.operation)(*args, **kwargs)))

    def filled(self, node: Any, env: dict[int, Seen]) -> tuple[Any, Any]:
        """Return the arguments of a call in the one-step model."""
        values = {id(x): self.inside(env[id(x)]) for x in node.arguments.keras_tensors}
        return arguments_of(node, values)

    def _stepped(self, node: Any, env: dict[int, Seen]) -> list[Seen | None]:
        operation = node.operation
        if isinstance(operation, keras.Model):
            return self._inlined(node, env)
        special = self.rule(operation)
        if special is not None:
            found = special(self, node, env)
            if found is not None:
                return found
        args, kwargs = node.arguments.args, node.arguments.kwargs
        flowing = [x for x in node.arguments.keras_tensors if env[id(x)].kind == "steps"]
        why = refusal(operation, args, kwargs, flowing, node.outputs[0])
        if why is not None:
            raise cannot(operation, why)
        if isinstance(operation, keras.layers.Reshape):
            operation = keras.layers.Reshape((1, *operation.target_shape[1:]), dtype=operation.dtype_policy)
        called = self.called(node, env, operation)
        if any(x.shape[TIME] != 1 for x in called):
            raise cannot(operation, "it joins single steps with a whole sequence")
        return [Seen("steps", x) for x in called]

    def _inlined(self, node: Any, env: dict[int, Seen]) -> list[Seen | None]:
        """Step through a model inside the model, by its own calls."""
        model = functional(node.operation)
        given = [env[id(x)] for x in tensors_in((node.arguments.args, node.arguments.kwargs))]
        if len(given) != len(model.inputs):
            raise cannot(model, "it is called with other values beside its inputs")
        return self.run(model.inputs, given, model.outputs)


def cannot(operation: Any, why: str) -> CannotStepError:
    """Return the error for one layer."""
    kind = type(operation).__name__
    return CannotStepError(
        f"{operation.name} ({kind}) cannot be run one step at a time: {why}. "
        'Feed back a window of steps instead: rollout(..., mode="window")'
    )
