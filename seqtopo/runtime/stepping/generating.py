"""Generate sequences with a trained encoder-decoder; see ``seqtopo.generate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from seqtopo.runtime.model_cache import cached
from seqtopo.runtime.states.tracking import sync_variables
from seqtopo.runtime.stepping.drawing import Beams, drawn, gives_probabilities, logits_of
from seqtopo.runtime.stepping.history import as_input, check_batch, check_choice
from seqtopo.runtime.stepping.loops import Compiled, numpy_of, scan
from seqtopo.runtime.stepping.nodes import CannotStepError, embedding_rows, functional, source_of
from seqtopo.runtime.stepping.one_step import OneStep, is_sequence, one_step
from seqtopo.sampling import Sampler, greedy

CHUNK = 32
"""The steps after which it is checked whether all sequences have ended."""


def generated(
    model: keras.Model,
    source: Any,
    *,
    start: Any,
    future: Any,
    stop: int | None,
    max_steps: int,
    sample: Any,
    beams: int,
    length_penalty: float,
    seed: int | None,
    target: str | None,
) -> np.ndarray:
    """Return the result of ``seqtopo.generate``."""
    for name, number in (("max_steps", max_steps), ("beams", beams)):
        if not isinstance(number, (int, np.integer)) or isinstance(number, bool) or number < 1:
            raise ValueError(f"{name} is a whole number from 1 up, not {number!r}")
    sync_variables(model)
    whole = cached(model, "whole", lambda: functional(model))
    ahead = None if future is None else np.asarray(future)
    known = None if ahead is None else ahead.shape[2:]
    writer = cached(model, ("decoder", target, known), lambda: decoder_step(whole, target, known))
    step_model = writer.step_model
    tensor = whole.inputs[step_model.stepped[writer.main]]
    is_ids = not keras.backend.is_float_dtype(tensor.dtype)
    output = whole.outputs[step_model.outputs[0]]
    if not is_ids and (stop is not None or beams > 1):
        raise ValueError(
            f"{whole.name} writes vectors, of which none is a stop sign, and beams choose among ids"
        )
    if beams > 1 and sample not in (None, greedy):
        raise ValueError(
            "beams look for the likeliest sequence, and sample draws by chance: take one of them"
        )
    if beams > 1 and beams > int(output.shape[-1]):
        raise ValueError(f"{beams} beams need {beams} ids to choose from, but there are {output.shape[-1]}")
    features = int(output.shape[-1] or 0)
    lacking = 0 if is_ids else int(tensor.shape[-1] or 0) - features
    if lacking and (lacking < 0 or known != (lacking,) or writer.joined is not None):
        way_out = f"; give the other {lacking} as future=, shape (batch, max_steps, {lacking})"
        raise ValueError(
            f"{whole.name} gives {features} features, but takes back {tensor.shape[-1]}"
            + way_out * (lacking > 0)
        )
    rows = embedding_rows(whole)
    if is_ids:
        check_choice(whole.name, output.shape[-1], rows.get(id(tensor)), sample or greedy)
    arrays = _sources(whole, step_model, source, rows)
    batch = arrays[0].shape[0]
    if ahead is not None and ahead.shape[:2] != (batch, max_steps):
        raise ValueError(
            f"future is known for each step that is written, so it begins with {(batch, int(max_steps))}, "
            f"but it has the shape {ahead.shape}"
        )
    probabilities = is_ids and gives_probabilities(whole, step_model.outputs[0])
    key = (target, is_ids, sample, stop, int(beams), float(length_penalty), known)
    make = lambda: _Decoder(writer, is_ids, probabilities, sample or greedy, stop, int(beams))  # noqa: E731
    loop = cached(model, ("generate", *key), make)
    if ahead is not None:
        taken = tensor if writer.joined is None else whole.inputs[step_model.stepped[writer.joined]]
        ahead = as_input("future", ahead, taken, None if writer.joined is None else rows.get(id(taken)))
    first = _first(start, (batch,) if is_ids else (batch, features), tensor, rows.get(id(tensor)))
    numbers = np.random.default_rng(seed)
    return loop(arrays, first, ahead, int(max_steps), numbers, float(length_penalty))


@dataclass(frozen=True)
class Writer:
    """The one-step model of a decoder, and the places of its inputs.

    ``main`` is the place, among the inputs by steps, of the one that generated steps go into; ``joined`` that
    of the one that the known future goes into, if it has its own.
    """

    step_model: OneStep
    main: int = 0
    joined: int | None = None


def decoder_step(whole: Any, target: str | None, known: tuple[int, ...] | None = None) -> Writer:
    """Return the one-step model that generates: one input goes by steps, all others are read beforehand.

    ``known`` is the shape, without batch and steps, of the known future: it goes in behind the generated
    features, or into an input by steps of its own.

    Raises:
        CannotStepError: no input can go by steps so, or several can.
    """
    names = [source_of(x).name for x in whole.inputs]
    if target is not None and target not in names:
        raise ValueError(f"{whole.name} has no input {target}; its inputs are {names}")
    if len(names) < 2:
        raise CannotStepError(
            f"{whole.name} has one input only, so nothing to write from; "
            "seqtopo.rollout goes on from a history"
        )
    sequences = [i for i, x in enumerate(whole.inputs) if is_sequence(x)]
    tries: list[tuple[int, int | None]] = [(i, None) for i in sequences if target in (None, names[i])]
    if known is not None:
        tries += [
            (i, j) for i, _ in tries for j in sequences if j != i and whole.inputs[j].shape[2:] == known
        ]
    found: list[Writer] = []
    refused = []
    for i, j in tries:
        stepped = sorted({i} if j is None else {i, j})
        try:
            step_model = one_step(whole, stepped)
        except CannotStepError as error:
            refused.append(error)
            continue
        # By steps of an encoder's input the answer can be told too, anew after each; it is not written.
        fits = known is None or _accepts_output(
            whole.inputs[i], whole.outputs[step_model.outputs[0]], known, j
        )
        if step_model.sequences[0] and fits:
            found.append(Writer(step_model, stepped.index(i), None if j is None else stepped.index(j)))
    if len(found) > 1:
        raise CannotStepError(
            f"more than one input of {whole.name} could be written: say which, target={names!r}"
        )
    if not found and known is not None:
        takes = ", ".join(f"{names[i]} {tuple(whole.inputs[i].shape[1:])}" for i in sequences)
        raise CannotStepError(
            f"future has {sum(known)} features at each step, but {whole.name} has no place for them: it "
            f"takes {takes}. They go behind those that are written, or into an input of that width by itself"
        )
    if not found and refused:
        raise refused[-1]
    if not found:
        raise CannotStepError(
            f"no input of {whole.name} has an answer at each of its steps, to be written by it"
        )
    return found[0]


def _accepts_output(tensor: Any, output: Any, known: tuple[int, ...], joined: int | None) -> bool:
    """Return whether an input takes the output, with the known future behind it or in another input."""
    if not keras.backend.is_float_dtype(tensor.dtype):
        return joined is not None
    behind = sum(known) if joined is None else 0
    return tuple(tensor.shape[2:]) == (output.shape[-1] + behind,)


def _sources(whole: Any, step_model: OneStep, source: Any, rows: Mapping[int, int]) -> list[np.ndarray]:
    names = [source_of(whole.inputs[i]).name for i in step_model.others]
    if isinstance(source, Mapping):
        if set(source) != set(names):
            raise ValueError(f"the source must be given for {names}, but is for {sorted(source)}")
        source = [source[name] for name in names]
    elif len(names) == 1:
        one = isinstance(source, (list, tuple)) and len(source) == 1 and hasattr(source[0], "shape")
        source = list(source) if one else [source]
    if not isinstance(source, (list, tuple)) or len(source) != len(names):
        raise ValueError(f"the source must be given for {names}, in a list or by name")
    found = []
    for name, one, i in zip(names, source, step_model.others, strict=True):
        tensor = whole.inputs[i]
        array = np.asarray(keras.ops.convert_to_numpy(one) if hasattr(one, "shape") else one)
        want = tuple(tensor.shape)
        if array.ndim != len(want) or any(
            w not in (None, h) for w, h in zip(want[1:], array.shape[1:], strict=False)
        ):
            shown = "(" + ", ".join(["batch", *("T" if w is None else str(w) for w in want[1:])]) + ")"
            raise ValueError(f"{name} takes {shown}, but the source has the shape {array.shape}")
        check_batch(name, array, want, "source")
        found.append(as_input(f"the source of {name}", array, tensor, rows.get(id(tensor))))
    if len({x.shape[0] for x in found}) != 1:
        raise ValueError(f"the sources must agree in the batch, but have {[x.shape for x in found]}")
    return found


def _first(start: Any, want: tuple[int, ...], tensor: Any, rows: int | None) -> np.ndarray:
    array = as_input("start", np.asarray(start), tensor, rows)
    try:
        return np.array(np.broadcast_to(array, want))
    except ValueError:
        raise ValueError(f"start has the shape {array.shape}, but the first step is {want}") from None


class _Decoder:
    """The loop that generates after the encoder has read its inputs."""

    def __init__(
        self, writer: Writer, is_ids: bool, probabilities: bool, sample: Any, stop: int | None, beams: int
    ) -> None:
        step_model = writer.step_model
        self.writer, self.step_model, self.is_ids, self.probabilities = (
            writer,
            step_model,
            is_ids,
            probabilities,
        )
        self.sample: Sampler | Any = sample
        self.stop = stop
        self.beams = Beams(beams, stop) if beams > 1 else None
        self.dtypes = [keras.backend.standardize_dtype(s.given.dtype) for s in step_model.states]
        models = [step_model.model] + ([step_model.encoder] if step_model.encoder is not None else [])
        self._read = Compiled(self._reading, models)
        self._write = Compiled(self._beaming if self.beams else self._writing, models)

    def __call__(
        self,
        sources: list[np.ndarray],
        first: np.ndarray,
        ahead: np.ndarray | None,
        steps: int,
        numbers: Any,
        penalty: float,
    ) -> np.ndarray:
        """Return the generated sequences (batch, steps, ...)."""
        batch = first.shape[0]
        contexts, states = self._read(sources, self.step_model.start(batch, steps))
        width = self.beams.width if self.beams else 1
        carry: list[Any] = [np.repeat(first, width, axis=0), np.zeros((batch * width,), "bool")]
        if self.beams:
            carry += self.beams.start(batch, steps)
        carry += states
        # Time first, and what is known of a sequence for each of its beams.
        known = [] if ahead is None else [np.moveaxis(np.repeat(ahead, width, axis=0), 0, 1)]
        found = []
        for begin in range(0, steps, CHUNK):
            size = min(CHUNK, steps - begin)
            turns = np.arange(begin, begin + size, dtype="int32")
            chances = numbers.random((size, batch), dtype="float32")
            part = [x[begin : begin + size] for x in known]
            carry, written = self._write(contexts, carry, turns, chances, part)
            found.append(numpy_of(written))
            if self.stop is not None and bool(numpy_of(carry[1]).all()):
                break
        if self.beams:
            return self.beams.best(numpy_of(carry[2:5]), penalty)
        whole: np.ndarray = np.moveaxis(np.concatenate(found), 0, 1)
        missing = steps - whole.shape[1]
        return np.pad(whole, ((0, 0), (0, missing)), constant_values=self.stop or 0) if missing else whole

    def _reading(self, sources: list[Any], states: list[Any]) -> tuple[list[Any], list[Any]]:
        contexts: list[Any] = []
        if self.step_model.encoder is not None:
            found = self.step_model.encoder(sources if len(sources) > 1 else sources[0], training=False)
            found = found if isinstance(found, (list, tuple)) else [found]
            # Without the masks that Keras hangs on tensors: those that are needed are inputs.
            found = [ops.stop_gradient(x) for x in found]
            contexts, starts = found[: self.step_model.contexts], iter(found[self.step_model.contexts :])
            states = [
                x if s.context is None else ops.cast(next(starts), x.dtype)
                for s, x in zip(self.step_model.states, states, strict=True)
            ]
        if self.beams:
            contexts, states = (
                [ops.repeat(x, self.beams.width, axis=0) for x in y] for y in (contexts, states)
            )
        return contexts, list(states)

    def _step(
        self, given: Any, known: Sequence[Any], contexts: list[Any], states: Sequence[Any]
    ) -> tuple[Any, list[Any]]:
        inputs = [given]
        joined = self.writer.joined
        if known and joined is None:
            inputs = [ops.concatenate([given, ops.cast(known[0], given.dtype)], axis=-1)]
        elif known and joined is not None:
            inputs.insert(joined, ops.cast(known[0], self.step_model.model.inputs[joined].dtype))
        found = list(self.step_model.model([*inputs, *contexts, *states], training=False))
        after = found[len(self.step_model.outputs) :]
        return found[0], [ops.cast(x, d) for x, d in zip(after, self.dtypes, strict=True)]

    def _writing(
        self, contexts: list[Any], carry: list[Any], turns: Any, chances: Any, known: list[Any]
    ) -> tuple[Any, Any]:
        def body(contexts: list[Any], carry: list[Any], step: list[Any]) -> tuple[list[Any], list[Any]]:
            given, done, *states = carry
            output, states = self._step(given, step[2:], contexts, states)
            if not self.is_ids:
                answer = ops.cast(output, given.dtype)
                return [answer, done, *states], [answer]
            answer = drawn(self.sample, logits_of(output, self.probabilities), step[1])
            if self.stop is not None:
                answer = ops.where(done, self.stop, answer)
                done = ops.logical_or(done, ops.equal(answer, self.stop))
            answer = ops.cast(answer, given.dtype)
            return [answer, done, *states], [answer]

        steps = [turns, chances, *known]
        carry, (written,) = scan(body, list(contexts), list(carry), steps, turns.shape[0])
        return list(carry), written

    def _beaming(
        self, contexts: list[Any], carry: list[Any], turns: Any, chances: Any, known: list[Any]
    ) -> tuple[Any, Any]:
        assert self.beams is not None
        beams = self.beams

        def body(contexts: list[Any], carry: list[Any], step: list[Any]) -> tuple[list[Any], list[Any]]:
            given, done, scores, lengths, written, *states = carry
            output, states = self._step(given, step[2:], contexts, states)
            log_probs = ops.log_softmax(ops.cast(logits_of(output, self.probabilities), "float32"), axis=-1)
            from_, ids, done, scores, lengths, written = beams.turn(
                log_probs, done, scores, lengths, written, step[0]
            )
            states = [ops.take(x, from_, axis=0) for x in states]
            ids = ops.cast(ids, given.dtype)
            return [ids, done, scores, lengths, written, *states], [ids]

        steps = [turns, chances, *known]
        carry, (ids,) = scan(body, list(contexts), list(carry), steps, turns.shape[0])
        return list(carry), ids
