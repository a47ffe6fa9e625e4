"""Feed a model's outputs back into it, in one compiled loop; see ``seqtopo.rollout``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from seqtopo.decompiler.losses import Losses, UnreadableError
from seqtopo.decompiler.serialized import serialized
from seqtopo.decompiler.walk import read_model
from seqtopo.emit import keras_private
from seqtopo.graph.graph import Graph
from seqtopo.graph.receptive_fields import at_length, output_field
from seqtopo.runtime.model_cache import cached
from seqtopo.runtime.states.tracking import get_states, sync_variables
from seqtopo.runtime.stepping.drawing import drawn, gives_probabilities, logits_of
from seqtopo.runtime.stepping.history import RolloutInputs, rollout_inputs
from seqtopo.runtime.stepping.loops import Compiled, numpy_of, scan
from seqtopo.runtime.stepping.nodes import CannotStepError, functional
from seqtopo.runtime.stepping.one_step import OneStep, is_sequence, one_step
from seqtopo.sampling import greedy
from seqtopo.system.progress import bar

Which = Literal["last", "all", "other", ""]


def next_answers(model: Any, source: int, steps: int) -> Which:
    """Return which outputs of a model on ``steps`` steps are those of the steps after input number
    ``source``.

    ``last`` if each output belongs to an input step, ``all`` if they follow the input one after the other,
    ``other`` if neither is so; "" if it is not known.
    """
    graph = cached(model, "spec", lambda: _graph(model))
    if graph is None:
        return ""
    value = graph.outputs[0]
    tensor = graph.tensor(value)
    if tensor is None or len(tensor.shape) < 2:
        return ""
    field = output_field(graph, value, graph.inputs[source])
    if field is None:
        return ""
    count = at_length(tensor.shape[0], field.length, steps)
    if field.axis != 0 or field.window.own is None:
        return "all"
    if not field.window.exact or not isinstance(count, int):
        return ""
    own = field.window.own._replace(plus=at_length(field.window.own.plus, field.length, steps))
    first, last = own.at(0), own.at(count - 1)
    if last == steps - 1:
        return "last"
    return "all" if first == steps and last == steps + count - 1 else "other"


def _graph(model: Any) -> Graph | None:
    try:
        decoded = read_model(serialized(model), Losses(""))
    except (UnreadableError, RecursionError):
        return None
    graph = decoded.graph
    known = not decoded.cut and all(node.outputs is not None for node in graph.nodes)
    return graph if known and graph.inputs and graph.outputs else None


CHUNK = 100
"""The steps between two reports of a progress."""


def rolled_out(
    model: keras.Model,
    history: Any,
    steps: int,
    *,
    future: Any = None,
    sample: Any = None,
    progress: Any = False,
    seed: int | None = None,
    mode: str | None = None,
    states: Any = None,
) -> np.ndarray:
    """Return the result of ``seqtopo.rollout`` for a model that is built."""
    whole, data, plan, output, sample = _prepared(model, history, steps, future, sample, mode, states)
    feed = Feed(data, sample, gives_probabilities(whole, output) if sample is not None else False)
    key = (plan.mode, plan.place, plan.block, sample, data.extra, data.main_features)
    stepping = plan.step_model
    if stepping is not None:
        loop: Any = cached(model, ("step", *key), lambda: _StepLoop(stepping, plan.place, feed))
        begin = loop.start(data, int(steps), states, model)
    else:
        loop = cached(model, ("window", *key), lambda: _WindowLoop(whole, plan.place, plan.block, feed))
        begin = loop.start(data)
    # Whole blocks: what is over in the last one is left out at the end.
    turns = -(-int(steps) // max(plan.block, 1)) * max(plan.block, 1)
    if sample is None:
        chances = np.zeros((turns, 1), "float32")
    else:
        chances = np.random.default_rng(seed).random((turns, data.batch), dtype="float32")
    found = _in_chunks(loop.run, begin, chances, data.future, int(steps), plan.block, progress)
    answer: np.ndarray = np.moveaxis(found, 0, 1)
    return answer[0] if data.single else answer


def check_rollout(model: keras.Model, history: Any, steps: int, mode: str | None = None) -> None:
    """Raise the ValueError that ``rolled_out`` would raise, without compiling or running anything."""
    _prepared(model, history, steps, mode=mode)


def _prepared(
    model: keras.Model,
    history: Any,
    steps: int,
    future: Any = None,
    sample: Any = None,
    mode: str | None = None,
    states: Any = None,
) -> tuple[Any, RolloutInputs, Plan, int, Any]:
    """Return the functional model, the ordered history, the plan, the output's number, and the sampler."""
    if not isinstance(steps, (int, np.integer)) or isinstance(steps, bool) or steps < 1:
        raise ValueError(f"steps is how many to go on for, 1 or more, not {steps!r}")
    if mode not in (None, "step", "window"):
        raise ValueError(f'mode is "step" or "window", or None to let it be chosen, not {mode!r}')
    sync_variables(model)
    whole = cached(model, "whole", lambda: functional(model))
    data = rollout_inputs(whole, history, future, int(steps))
    step_model, refused = cached(model, "one step", lambda: _step_model_of(whole))
    plan = _plan(whole, step_model, refused, data, int(steps), mode, states is not None)
    output = plan.step_model.outputs[plan.place] if plan.step_model is not None else plan.place
    if sample is None and data.is_ids:
        sample = greedy
    data.check_feedback(tuple(whole.outputs[output].shape), sample)
    return whole, data, plan, output, sample


@dataclass(frozen=True)
class Plan:
    """The mode of a roll-out, its output, and the number of steps that the model gives at once."""

    mode: str
    place: int
    step_model: OneStep | None = None
    block: int = 1


def _plan(
    whole: Any,
    step_model: OneStep | None,
    refused: CannotStepError | None,
    data: RolloutInputs,
    steps: int,
    mode: str | None,
    given_states: bool,
) -> Plan:
    length = whole.inputs[data.main].shape[1]
    stateful = any(
        getattr(layer, "stateful", False)
        for layer in keras_private.layers_inside(whole, include_self=False)
        if isinstance(layer, keras.layers.RNN)
    )
    if mode is None:
        if stateful or given_states:
            mode = "step"
        elif length is None:
            mode = "step" if step_model is not None and not _gives_block(step_model, whole) else "window"
            if step_model is None:
                assert refused is not None
                raise refused
        else:
            mode = "window"
            if data.length < length and step_model is not None and data.length + steps <= length + 1:
                mode = "step"
    if mode == "step":
        if step_model is None:
            assert refused is not None
            raise refused
        if _gives_block(step_model, whole):
            raise ValueError(
                f"{whole.name} gives several steps at once, so that it cannot be fed back one step at a "
                'time; use mode="window"'
            )
        if given_states and not step_model.states:
            raise ValueError(f"{whole.name} has no states that it could start from")
        return Plan("step", 0, step_model)
    if stateful:
        raise ValueError(f'{whole.name} is stateful: it goes on step by step, so use mode="step"')
    if given_states:
        raise ValueError('states are for mode="step": a window is read from the start each time')
    size = data.length if length is None else length
    if data.length < size:
        raise ValueError(
            f"{whole.name} takes windows of {size} steps, but the history has only {data.length}; "
            "give more of it, or build the model for any length: in(?,...)"
        )
    data.keep_last(size)
    output = whole.outputs[0].shape
    which = next_answers(whole, data.main, size) if step_model is None and len(output) == 3 else ""
    if which == "other":
        raise ValueError(
            f"none of the answers of {whole.name} stands for the next step, so it cannot be fed back"
        )
    if step_model is not None:
        sequence = step_model.sequences[0]
    else:
        sequence = which == "last" or (not which and len(output) == 3 and output[1] in (None, size))
    block = output[1] if not sequence and len(output) == 3 and not data.output_is_ids(output) else 1
    if block is None:
        raise ValueError(f"{whole.name} gives a sequence of no fixed length, so what follows is not clear")
    if block > 1 and data.future is not None:
        raise ValueError(f"{whole.name} gives {block} steps at once, which future cannot be fed along with")
    return Plan("window", 0, None, 0 if sequence else block)


def _gives_block(step_model: OneStep, whole: Any) -> bool:
    shape = whole.outputs[step_model.outputs[0]].shape
    return not step_model.sequences[0] and len(shape) == 3 and shape[1] != 1


def _step_model_of(whole: Any) -> tuple[OneStep | None, CannotStepError | None]:
    try:
        return one_step(whole, [i for i, x in enumerate(whole.inputs) if is_sequence(x)]), None
    except CannotStepError as error:
        return None, error


class Feed:
    """The conversion of an output to the answer of a step, and of that to the next step's inputs."""

    def __init__(self, data: RolloutInputs, sample: Any, probabilities: bool) -> None:
        self.sample = sample
        self.probabilities = probabilities
        self.is_ids = data.is_ids
        self.dtypes = data.dtypes
        self.main = data.main
        self.extra = data.extra
        self.features = data.main_features

    def answer(self, output: Any, chance: Any) -> Any:
        """Return the answer of one step: (batch, F), or the ids (batch,)."""
        if self.sample is None:
            return output
        return drawn(self.sample, logits_of(output, self.probabilities), chance)

    def inputs(self, answer: Any, future: Sequence[Any]) -> list[Any]:
        """Return the inputs of the next step, in the order of the model's sequences."""
        if self.sample is not None and not self.is_ids:
            # Keras' one_hot looks at the numbers on PyTorch, so that it cannot be traced.
            places = ops.cast(ops.arange(self.features), "int32")
            answer = ops.equal(ops.expand_dims(ops.cast(answer, "int32"), -1), places)
        dtype = self.dtypes[self.main]
        own = ops.cast(answer, dtype)
        if self.extra == "features":
            own = ops.concatenate([own, ops.cast(future[0], dtype)], axis=-1)
        others = iter(future if self.extra == "inputs" else [])
        return [own if i == self.main else ops.cast(next(others), d) for i, d in enumerate(self.dtypes)]


class _StepLoop:
    """The roll-out by states, in two programs: reading the history, and continuing."""

    def __init__(self, step_model: OneStep, place: int, feed: Feed) -> None:
        self.step_model, self.place, self.feed = step_model, place, feed
        self.dtypes = [keras.backend.standardize_dtype(s.given.dtype) for s in step_model.states]
        models = [step_model.model] + ([step_model.encoder] if step_model.encoder is not None else [])
        self._read = Compiled(self._reading, models)
        self.run = Compiled(self._going_on, models)

    def start(self, data: RolloutInputs, steps: int, states: Any, model: Any) -> list[Any]:
        """Read the history, and return contexts, states and the first output."""
        room = data.length + steps
        first = self.step_model.start(data.batch, room)
        if states is not None:
            _set_states(first, states, self.step_model, model)
        keep = [s.context is None for s in self.step_model.states] if states is None else [True] * len(first)
        return list(self._read(data.sequences, data.statics, first, np.asarray(keep)))

    def _reading(self, sequences: list[Any], statics: list[Any], states: list[Any], keep: Any) -> list[Any]:
        contexts: list[Any] = []
        if self.step_model.encoder is not None:
            found = self.step_model.encoder(statics, training=False)
            found = found if isinstance(found, (list, tuple)) else [found]
            # Without the masks that Keras hangs on tensors: those that are needed are inputs.
            found = [ops.stop_gradient(x) for x in found]
            contexts, starts = found[: self.step_model.contexts], iter(found[self.step_model.contexts :])
            states = [
                x if s.context is None else ops.where(keep[i], x, ops.cast(next(starts), x.dtype))
                for i, (s, x) in enumerate(zip(self.step_model.states, states, strict=True))
            ]
        moved = [ops.moveaxis(x, 1, 0) for x in sequences]
        end = self.step_model.model.outputs[self.place]
        width = (
            end.shape[1:] if self.step_model.sequences[self.place] or len(end.shape) < 3 else end.shape[2:]
        )
        output = ops.zeros((sequences[0].shape[0], *width), dtype=end.dtype)

        def body(fixed: list[Any], carry: list[Any], step: list[Any]) -> tuple[list[Any], list[Any]]:
            output, states = self._step(step, fixed, carry[1:])
            return [output, *states], []

        (output, *states), _ = scan(body, contexts, [output, *states], moved, moved[0].shape[0])
        return [contexts, output, *states]

    def _step(self, inputs: list[Any], contexts: list[Any], states: list[Any]) -> tuple[Any, list[Any]]:
        found = self.step_model.model([*inputs, *contexts, *states], training=False)
        found = list(found) if isinstance(found, (list, tuple)) else [found]
        number = len(self.step_model.outputs)
        output = found[self.place]
        if len(output.shape) == 3 and not self.step_model.sequences[self.place]:
            output = output[:, 0]
        following = found[number:]
        return output, [ops.cast(x, d) for x, d in zip(following, self.dtypes, strict=True)]

    def _going_on(self, begin: list[Any], chances: Any, future: list[Any]) -> tuple[Any, Any]:
        contexts, *carry = begin

        def body(fixed: list[Any], carry: list[Any], step: list[Any]) -> tuple[list[Any], list[Any]]:
            output, *states = carry
            answer = self.feed.answer(output, step[0])
            output, states = self._step(self.feed.inputs(answer, step[1:]), fixed, states)
            return [output, *states], [answer]

        carry, (answers,) = scan(body, contexts, carry, [chances, *future], chances.shape[0])
        return [contexts, *carry], answers


class _WindowLoop:
    """The roll-out by a sliding window, which the model reads anew for each step."""

    def __init__(self, whole: Any, place: int, block: int, feed: Feed) -> None:
        self.whole, self.place, self.block, self.feed = whole, place, block, feed
        self.run = Compiled(self._going_on, [whole])

    def start(self, data: RolloutInputs) -> list[Any]:
        """Return the first windows, and the inputs that have no steps."""
        return [data.sequences, data.statics]

    def _going_on(self, begin: list[Any], chances: Any, future: list[Any]) -> tuple[Any, Any]:
        windows, statics = begin
        place = self.place
        inputs = self.feed

        def body(statics: list[Any], windows: list[Any], step: list[Any]) -> tuple[list[Any], list[Any]]:
            found = self.whole(inputs_in_order(self.whole, windows, statics), training=False)
            output = (found if isinstance(found, (list, tuple)) else [found])[place]
            if not self.block:
                output = output[:, -1]
            elif self.block > 1 and inputs.sample is not None:
                drawn = [inputs.answer(output[:, i], step[0][i]) for i in range(self.block)]
                own = ops.stack([inputs.inputs(answer, ())[0] for answer in drawn], axis=1)
                slid = ops.concatenate([windows[0], own], axis=1)[:, -windows[0].shape[1] :]
                return [slid], [ops.stack(drawn, axis=0)]
            elif self.block > 1:
                own = ops.cast(output, windows[0].dtype)
                slid = ops.concatenate([windows[0], own], axis=1)[:, -windows[0].shape[1] :]
                return [slid], [ops.moveaxis(output, 1, 0)]
            elif len(output.shape) == 3:
                output = output[:, 0]
            answer = inputs.answer(output, step[0])
            following = inputs.inputs(answer, step[1:])
            slid = [
                ops.concatenate([w[:, 1:], ops.expand_dims(x, 1)], axis=1)
                for w, x in zip(windows, following, strict=True)
            ]
            return slid, [answer]

        several = max(self.block, 1)
        length = chances.shape[0] // several
        if several > 1:
            chances = ops.reshape(chances, (length, several, *chances.shape[1:]))
        windows, (answers,) = scan(body, statics, list(windows), [chances, *future], length)
        if several > 1:
            answers = ops.reshape(answers, (length * several, *answers.shape[2:]))
        return [windows, statics], answers


def inputs_in_order(whole: Any, sequences: Sequence[Any], statics: Sequence[Any]) -> Any:
    """Return the inputs of the whole model from those with steps and those without."""
    with_steps, without = iter(sequences), iter(statics)
    found = [next(with_steps) if is_sequence(x) else next(without) for x in whole.inputs]
    return found if len(found) > 1 else found[0]


def _set_states(first: list[np.ndarray], states: Any, step_model: OneStep, model: Any) -> None:
    if isinstance(states, str):
        if states != "model":
            raise ValueError(f'states are "model", those that the model remembers, or arrays, not {states!r}')
        arrays: list[Any] = list(get_states(model))
    else:
        arrays = [np.asarray(x) for x in states]
    want, have = [x.shape for x in first], [x.shape for x in arrays]
    if want != have:
        raise ValueError(f"the states have the shapes {want}, but {have} are given")
    first[:] = [np.asarray(x, dtype=f.dtype) for x, f in zip(arrays, first, strict=True)]


def _in_chunks(
    run: Callable[..., Any],
    begin: Any,
    chances: np.ndarray,
    future: Sequence[np.ndarray] | None,
    steps: int,
    block: int,
    progress: Any,
) -> np.ndarray:
    several = max(block, 1)
    size = -(-CHUNK // several) * several if progress and steps > CHUNK else len(chances)
    found = []
    with bar("rolling out", steps, asked=True) if progress is True else nullcontext() as told:
        for start in range(0, steps, size):
            part = slice(start, min(start + size, steps))
            begin, answers = run(begin, chances[start : start + size], [x[part] for x in future or []])
            found.append(numpy_of(answers))
            if told is not None:
                told(part.stop)
            elif progress:
                progress(part.stop, steps)
    whole: np.ndarray = np.concatenate(found)[:steps]
    return whole
