"""A series cut as a spec wants it: steps, batch and kind come from the checked spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from seqtopo.data.cutting import Answers, Cut, Pieces, Remainder, Wanted, Windows
from seqtopo.data.fitting import with_data
from seqtopo.data.sequences import Targets, columns_of
from seqtopo.data.series import Series, read_series
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.batches import is_stateful
from seqtopo.graph.graph import Graph, Node, Value
from seqtopo.graph.seen import Field, at_length, is_sequence, output_field
from seqtopo.layers.sizes import Size, same, show_shape
from seqtopo.layers.values import INTEGERS
from seqtopo.report.analyse import Checked, analyse
from seqtopo.system.shell import command


@dataclass(frozen=True)
class Asked:
    """What ``for_spec`` was told beside the spec; None where the spec says it."""

    steps: int | None = None
    horizon: int | None = None
    stride: int = 1
    batch_size: int | None = None
    shuffle: bool = False
    answers: Any = None
    targets: Targets = None
    remainder: Any = None
    seed: int = 0
    loss: str | None = None
    by: str | None = None


@dataclass(frozen=True)
class _Place:
    """A spec that was read, and its input, to point at in what is refused."""

    checked: Checked
    node: Node

    @property
    def graph(self) -> Graph:
        assert self.checked.resolved is not None
        return self.checked.resolved.graph

    @property
    def steps(self) -> Size:
        """How many steps the input takes."""
        assert self.node.outputs is not None
        return self.node.outputs[0].shape[0]

    def refuse(self, message: str, help: str, label: str = "", node: Node | None = None) -> NoReturn:
        """Raises SpecError (ST727) at the input, or another node."""
        span = (node or self.node).span
        found = Diagnostic("ST727", message, span, label=label, help=help, source=self.checked.source)
        raise SpecError((found,))


def cut_for(
    spec: str | Path | Checked, series: Any, asked: Asked, dims: Mapping[str, Any]
) -> tuple[Cut, Checked]:
    """The batches that a spec wants of a series, and the spec with its symbols learned from them.

    Raises:
        SpecError: the spec is wrong, the series is, or one does not fit the other.
    """
    checked = spec if isinstance(spec, Checked) else analyse(spec, dims)
    if checked.resolved is None or not checked.ok:
        raise SpecError(checked.diagnostics)
    place = _input(checked)
    read = read_series(series, ids=_takes_ids(place), by=asked.by)
    steps = _steps(place, asked)
    batch = place.node.batch if isinstance(place.node.batch, int) else None
    sample = _sample(read, steps, batch)
    place = _input(_fitting(with_data(checked, sample, None, None, dims)))
    wanted = _wanted(place, read, steps, asked)
    cut = _cut(place, read, steps, batch, wanted, asked)
    x, y = cut[0][:2]
    return cut, _fitting(with_data(place.checked, x, y, asked.loss, dims))


def takes_ids(checked: Checked) -> bool:
    """Whether a spec without errors takes ids."""
    assert checked.resolved is not None
    graph = checked.resolved.graph
    return _takes_ids(_Place(checked, graph.nodes[graph.inputs[0]]))


def carries_states(checked: Checked) -> bool:
    """Whether a spec without errors has a stateful layer."""
    assert checked.resolved is not None
    return any(layer is not None and is_stateful(layer) for layer in checked.resolved.graph.layers())


def _fitting(checked: Checked) -> Checked:
    """The spec where the data fits it; raises SpecError otherwise."""
    wrong = tuple(d for d in checked.diagnostics if d.severity == "error")
    if wrong:
        raise SpecError(wrong)
    return checked


def _input(checked: Checked) -> _Place:
    assert checked.resolved is not None
    graph = checked.resolved.graph
    place = _Place(checked, graph.nodes[graph.inputs[0]])
    if len(graph.inputs) > 1:
        place.refuse(
            f"the spec takes {len(graph.inputs)} inputs, but a series goes into one",
            "cut the series for each input with seqtopo.data.windows, and give them to fit by name",
        )
    if len(graph.outputs) > 1:
        place.refuse(
            f"the spec gives {len(graph.outputs)} outputs, but a series has answers for one",
            "cut the answers for each with seqtopo.data.windows, and give them to fit by name",
        )
    shape = place.node.outputs[0].shape if place.node.outputs else ()
    if len(shape) != (1 if _takes_ids(place) else 2):
        place.refuse(
            f"a series is cut into samples of (steps, features), but this takes {show_shape(shape)}",
            f"write in({shape[0]},1) for one feature at each step"
            if len(shape) == 1
            else "bring the samples into that shape yourself, and give them to fit",
            f"one sample is {show_shape(shape)}",
        )
    return place


def _takes_ids(place: _Place) -> bool:
    """Whether ids come in: whole numbers, or an axis of numbers that are looked up."""
    if place.node.outputs is None:
        return False
    tensor = place.node.outputs[0]
    return tensor.dtype in INTEGERS or (len(tensor.shape) == 1 and is_sequence(place.graph, place.node.index))


def _steps(place: _Place, asked: Asked) -> int:
    declared = place.steps
    if not isinstance(declared, int):
        if asked.steps is None:
            place.refuse(
                f"the spec takes sequences of any length ({declared} steps), so it does not say how long a "
                "window is",
                "say it: steps=24 in Python, --steps 24 on the command line; or write the number in the spec",
                "any number of steps",
            )
        return asked.steps
    if asked.steps not in (None, declared):
        place.refuse(
            f"windows of {asked.steps} steps are asked for, but the spec takes {declared}",
            "leave out steps, or write a symbol in the spec: in(T,...)",
            f"takes {declared} steps",
        )
    return declared


def _sample(read: Series, steps: int, batch: int | None) -> np.ndarray[Any, Any]:
    """What the spec is held against: of ids all, side by side; else a batch of the first window."""
    rows = read.steps // steps // (batch or 1) * (batch or 1)
    if read.is_ids and rows:
        return read.array[: rows * steps].reshape(rows, steps)
    first = read.take(np.arange(steps))
    return np.broadcast_to(first, (batch or 1, *first.shape))


def _wanted(place: _Place, read: Series, steps: int, asked: Asked) -> Wanted:
    graph = place.graph
    output = graph.outputs[0]
    node, tensor = graph.nodes[output.node], graph.tensor(output)
    assert tensor is not None
    shape = tensor.shape
    many = len(shape) >= 2
    if not many and asked.answers not in (None, "ahead"):
        place.refuse(
            f"the model gives one answer for the whole window, {show_shape(shape)}, but {asked.answers!r} "
            "wants one for every step",
            "add seq to the last recurrent layer, to keep its steps",
            f"gives {show_shape(shape)}",
            node,
        )
    columns = columns_of(read, asked.targets)
    told = len(columns) if columns is not None else read.features
    if many:
        wanted = _for_steps(place, node, output, steps, asked, columns)
        width = 1
    else:
        gives = shape[-1] if shape else 1
        # One feature, and several numbers in a row: as many steps ahead.
        several = gives if told == 1 and not read.is_ids and isinstance(gives, int) else 1
        wanted = Wanted("ahead", asked.horizon or several, columns)
        width = wanted.horizon
    if not read.is_ids and shape and same(shape[-1], told * width) is False:
        _refuse_width(place, read, node, shape[-1], told, width)
    return wanted


def _for_steps(
    place: _Place,
    node: Node,
    output: Value,
    steps: int,
    asked: Asked,
    columns: tuple[int, ...] | None,
) -> Wanted:
    """What is wanted of a model that gives several steps: for each, what it cannot have seen."""
    tensor = place.graph.tensor(output)
    assert tensor is not None
    shape, source = tensor.shape, place.node.index
    gives = at_length(shape[0], place.steps, steps)
    count = gives if isinstance(gives, int) else steps
    field = output_field(place.graph, output, source)
    own = _own_steps(field, place.steps, steps, count)
    behind = own is not None and min(own) >= steps
    following = None if own is None or behind else _following(field, own, place.steps, steps)
    answers: Answers = asked.answers or ("ahead" if following is None else "next")
    if answers == "ahead":
        if asked.horizon not in (None, count):
            place.refuse(
                f"{asked.horizon} steps ahead are wanted, but the model gives {count}",
                f"leave out the horizon, or write repeat({asked.horizon}) or last({asked.horizon})",
                f"gives {show_shape(shape)}",
                node,
            )
        after = tuple(step - steps for step in own) if behind and own and not asked.answers else None
        return Wanted("ahead", count, columns, True, None if after == tuple(range(count)) else after)
    if asked.horizon not in (None, 1) or (answers == "same" and asked.horizon is not None):
        place.refuse(
            f"{asked.horizon} steps ahead are wanted, but the model is told "
            + ("the step after each of its own" if answers == "next" else "the window itself"),
            f'leave out the horizon, or say answers="ahead" for the {count} steps after the window',
            f"gives {show_shape(shape)}",
            node,
        )
    if answers == "same" and (own is None or behind) and count == steps:
        return Wanted("same", 1, columns, True)
    if own is None or behind:
        place.refuse(
            f"the model gives {count} steps for the {steps} that it takes, so no step has an answer of its "
            "own",
            'say answers="ahead", or keep every step: seq, padding same or causal',
            f"gives {show_shape(shape)}",
            node,
        )
    if answers == "next" and following is None:
        place.refuse(
            "each answer sees steps behind its own, so that the step after it stands in what the model is "
            "shown",
            'say answers="ahead" for the steps after the window, or let each step see those up to it: causal '
            "padding, one direction",
            f"gives {show_shape(shape)}",
            node,
        )
    if own == tuple(range(steps)):
        return Wanted(answers, 1, columns, True)
    places = tuple(step + (answers == "next") - steps for step in own)
    return Wanted(answers, 1, columns, True, places)


def _own_steps(field: Field | None, length: Size, steps: int, count: int) -> tuple[int, ...] | None:
    """The step of the window that each answer belongs to; None where none does, or it cannot be told."""
    if field is None or field.axis != 0 or field.window.own is None:
        return None
    if not field.window.exact and count == steps:
        return tuple(range(steps))
    own = field.window.own._replace(plus=at_length(field.window.own.plus, length, steps))
    found = [own.at(step) for step in range(count)]
    if not field.window.exact or not all(isinstance(step, int) for step in found):
        return None
    return tuple(step for step in found if isinstance(step, int))


def _following(field: Field | None, own: tuple[int, ...], length: Size, steps: int) -> tuple[int, ...] | None:
    """The step after each answer's own; None where one of them stands in the window and is seen."""
    assert field is not None
    found = tuple(step + 1 for step in own)
    high = field.window.high._replace(plus=at_length(field.window.high.plus, length, steps))
    for place, step in enumerate(found):
        last = high.at(place)
        if step < steps and not (isinstance(last, int) and last < step):
            return None
    return found


def _refuse_width(place: _Place, read: Series, node: Node, gives: Size, told: int, width: int) -> NoReturn:
    ahead = f"{width} steps of " if width > 1 else ""
    # As many as it gives, so that what is proposed works; one where it gives more than there are.
    several = gives if isinstance(gives, int) and gives < read.features else 1
    names = [read.columns[i] if read.columns else i for i in range(several)]
    if len(set(names)) < len(names):
        names = list(range(several))
    options = command(*(word for name in names for word in ("--target", str(name))))
    place.refuse(
        f"the model gives {gives} {'number' if gives == 1 else 'numbers'}, but {ahead}{told} "
        f"{'feature' if told == 1 else 'features'} of {read.name} are to be told",
        f"say which {'feature' if several == 1 else 'features'} it tells: targets={names} in Python, "
        f"{options} on the command line; or give {told * width} units to the "
        "last layer",
        f"gives {gives}",
        node,
    )


def _cut(place: _Place, read: Series, steps: int, batch: int | None, wanted: Wanted, asked: Asked) -> Cut:
    if batch is not None and asked.batch_size not in (None, batch):
        place.refuse(
            f"batches of {asked.batch_size} are asked for, but the spec has batch={batch}",
            f"leave out the batch size, or write batch={asked.batch_size} in the spec",
            f"takes batches of {batch}",
        )
    if carries_states(place.checked):
        if asked.stride != 1 or asked.shuffle:
            place.refuse(
                "a stateful model goes on from one batch to the next, so its pieces can neither overlap nor "
                "be shuffled",
                "leave out stride and shuffle, or take stateful out of the spec",
            )
        if read.lengths and len(read.lengths) != (batch or 1):
            place.refuse(
                f"there are {len(read.lengths)} series side by side, but a batch has {batch or 1}: a "
                "stateful model reads one in each row",
                f"write batch={len(read.lengths)} in the spec",
                f"takes batches of {batch or 1}",
            )
        left: Remainder = "drop" if asked.remainder in (None, "keep") else asked.remainder
        return Pieces(read, steps, wanted, batch or 1, left)
    remainder: Remainder = asked.remainder or ("drop" if batch is not None else "keep")
    if remainder == "pad":
        place.refuse(
            'windows are not filled up: remainder="pad" is for the pieces of stateful models',
            'leave it out, or write "drop"',
        )
    size = batch or asked.batch_size or 32
    return Windows(read, steps, wanted, asked.stride, size, asked.shuffle, asked.seed, remainder)
