"""Cut a series for a checked spec, which determines the steps, the batch and the targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from seqtopo.data.cut_options import CutOptions, SpecInput, Way
from seqtopo.data.cutting import Answers, Cut, Pieces, Remainder, Wanted, Windows
from seqtopo.data.fitting import with_data
from seqtopo.data.series import Series, columns_of, read_series
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic, Fix
from seqtopo.graph.graph import Node, Value
from seqtopo.graph.inputs import BATCH, is_stateful
from seqtopo.graph.receptive_fields import Field, at_length, is_sequence, output_field
from seqtopo.labels.fixes import Wanted as WantedShape
from seqtopo.labels.fixes import width_fix
from seqtopo.labels.main_path import MainPath
from seqtopo.layers.sizes import Size, same, show_shape
from seqtopo.layers.values import INTEGERS
from seqtopo.report.analyse import Checked, analyse
from seqtopo.system.shell import command

LENGTHS = (24, 12, 8, 6, 4, 3, 2, 1)
"""The numbers of steps that are tried if a spec leaves it open."""


def cut_for(
    spec: str | Path | Checked, series: Any, asked: CutOptions, dims: Mapping[str, Any], *, tries: bool = True
) -> tuple[Cut, Checked]:
    """Return the batches that a spec needs of a series, and the spec with its symbols bound by them.

    Without ``tries``, a refusal proposes no fixes.

    Raises:
        SpecError: the spec or the series is wrong, or they do not fit together.
    """
    checked = spec if isinstance(spec, Checked) else analyse(spec, dims)
    if checked.resolved is None or not checked.ok:
        raise SpecError(checked.diagnostics)
    place = _input(checked)
    read = read_series(series, ids=_takes_ids(place), by=asked.by)
    if tries:
        again = partial(_cut_again, read, dims)
        place = replace(place, asked=asked, dims=dims, cut=again)
    _check_shape(place, read)
    steps = _steps(place, asked)
    batch = place.node.batch if isinstance(place.node.batch, int) else None
    sample = _sample(read, steps, batch)
    learned = _fitting(with_data(checked, sample, None, None, dims))
    given, place = place, replace(place, checked=learned, node=_input(learned).node)
    wanted = _wanted(place, read, steps, asked)
    try:
        cut = _cut(place, read, steps, batch, wanted, asked)
    except SpecError as error:
        if tries:
            _advise_on_sizes(given, error.diagnostics[0], read, steps, batch, wanted)
        raise
    x, y = cut[0][:2]
    return cut, _fitting(with_data(place.checked, x, y, asked.loss, dims))


def _advise_on_sizes(
    place: SpecInput, found: Diagnostic, read: Series, steps: int, batch: int | None, wanted: Wanted
) -> None:
    """Refuse a series that is too short or leaves steps over, and propose what works instead.

    That is shorter windows, smaller batches, fewer steps ahead, or another ``remainder``.
    """
    asked, ways, fixes = place.asked, list[Way](), list[Fix | None]()
    pieces = carries_states(place.checked)
    if found.code == "ST726":
        kept = ('keep a smaller batch at the end: remainder="keep"', replace(asked, remainder="keep"))
        ways = [
            *([kept] if batch is None and not pieces else []),
            ('leave them out: remainder="drop"', replace(asked, remainder="drop")),
            ('fill up with zeros of weight 0: remainder="pad"', replace(asked, remainder="pad")),
        ]
        place.advise(found, ways, (), last="take a series of another length")
    if found.code != "ST724":
        return
    rest = place.node.outputs[0].shape[1:] if place.node.outputs else ()
    rest = tuple(size if isinstance(size, int) else read.features for size in rest)
    several = max(1, (batch or 1) // len(read.every_length)) if pieces else 1
    most = (min(read.every_length) if pieces else max(read.every_length)) - wanted.beyond
    count = most - steps + 1
    if not pieces and count > 0 and isinstance(batch, int):
        fixes.append(place.declare(batch=count // asked.stride or 1))
    elif not pieces and count > 0:
        ways.append((f"take batches of {count}", replace(asked, batch_size=count)))
    for shorter in sorted({min(most // several, steps - 1), *LENGTHS}, reverse=True):
        if not 1 <= shorter < steps:
            continue
        if isinstance(place.steps, int):
            if place.repairs(fix := place.declare(shorter, *rest)):
                fixes.append(fix)
                break
        elif place.works(replace(asked, steps=shorter)):
            said = f"take windows of {shorter} steps: steps={shorter} in Python, --steps {shorter} on the "
            ways.append((f"{said}command line", replace(asked, steps=shorter)))
            break
    if asked.horizon is not None and asked.horizon > 1:
        said = "predict one step ahead: horizon=1 in Python, --horizon 1 on the command line"
        ways.append((said, replace(asked, horizon=1)))
    place.advise(found, ways, fixes, last="take a longer series")


def _cut_again(read: Series, dims: Mapping[str, Any], checked: Checked, asked: CutOptions) -> object:
    return cut_for(checked, read, asked, dims, tries=False)


def takes_ids(checked: Checked) -> bool:
    """Return whether a spec without errors takes ids."""
    assert checked.resolved is not None
    graph = checked.resolved.graph
    return _takes_ids(SpecInput(checked, graph.nodes[graph.inputs[0]]))


def carries_states(checked: Checked) -> bool:
    """Return whether a spec without errors has a stateful layer."""
    assert checked.resolved is not None
    return any(layer is not None and is_stateful(layer) for layer in checked.resolved.graph.layers())


def _fitting(checked: Checked) -> Checked:
    """Return the spec if the data fits it.

    Raises:
        SpecError: it does not.
    """
    wrong = tuple(d for d in checked.diagnostics if d.severity == "error")
    if wrong:
        raise SpecError(wrong)
    return checked


def _input(checked: Checked) -> SpecInput:
    assert checked.resolved is not None
    graph = checked.resolved.graph
    place = SpecInput(checked, graph.nodes[graph.inputs[0]])
    for values, side, what in ((graph.inputs, "takes", "inputs"), (graph.outputs, "gives", "outputs")):
        if len(values) > 1:
            end = "a series goes into one" if side == "takes" else "a series has answers for one"
            place.refuse(
                f"the spec {side} {len(values)} {what}, but {end}",
                help="cut what each of them is given with seqtopo.data.windows, and give it to fit by name",
            )
    return place


def _check_shape(place: SpecInput, read: Series) -> None:
    shape = place.node.outputs[0].shape if place.node.outputs else ()
    if len(shape) == (1 if _takes_ids(place) else 2):
        return
    fixes: list[Fix | None] = []
    if len(shape) == 1:
        fixes.append(place.declare(shape[0], read.features))
    elif len(shape) > 2:
        sizes = ",".join(map(str, shape))
        fixes.append(place.declare(shape[0], read.features, behind=f"reshape({sizes})"))
    place.refuse(
        f"a series is cut into samples of (steps, features), but this takes {show_shape(shape)}",
        fixes=fixes,
        label=f"one sample is {show_shape(shape)}",
    )


def _takes_ids(place: SpecInput) -> bool:
    """Return whether ids come in: whole numbers, or one axis of numbers that are looked up."""
    if place.node.outputs is None:
        return False
    tensor = place.node.outputs[0]
    return tensor.dtype in INTEGERS or (len(tensor.shape) == 1 and is_sequence(place.graph, place.node.index))


def _steps(place: SpecInput, asked: CutOptions) -> int:
    declared = place.steps
    if not isinstance(declared, int):
        if asked.steps is None:
            several = ((f"steps={n} in Python, --steps {n} on the command line", n) for n in LENGTHS)
            found = [(f"say it, as in {words}", replace(asked, steps=n)) for words, n in several]
            works = next((way for way in found if place.cut is not None and place.works(way[1])), None)
            place.refuse(
                f"the spec takes sequences of any length ({declared} steps), so it does not say how long a "
                "window is",
                [works] if works is not None else (),
                help="say it by steps in Python, by --steps on the command line",
                label="any number of steps",
            )
        return asked.steps
    if asked.steps not in (None, declared):
        rest = place.node.outputs[0].shape[1:] if place.node.outputs else ()
        place.refuse(
            f"windows of {asked.steps} steps are asked for, but the spec takes {declared}",
            [("leave out steps", replace(asked, steps=None))],
            [place.declare(None, *rest)],
            label=f"takes {declared} steps",
        )
    return declared


def _sample(read: Series, steps: int, batch: int | None) -> np.ndarray[Any, Any]:
    """Return the sample that a spec is checked with: all ids in rows, or a batch of the first window."""
    rows = read.steps // steps // (batch or 1) * (batch or 1)
    if read.is_ids and rows:
        return read.array[: rows * steps].reshape(rows, steps)
    first = read.take(np.arange(steps))
    return np.broadcast_to(first, (batch or 1, *first.shape))


def _wanted(place: SpecInput, read: Series, steps: int, asked: CutOptions) -> Wanted:
    graph = place.graph
    output = graph.outputs[0]
    node, tensor = graph.nodes[output.node], graph.tensor(output)
    assert tensor is not None
    shape = tensor.shape
    many = len(shape) >= 2
    columns = columns_of(read, asked.targets)
    targets = len(columns) if columns is not None else read.features
    if not many and asked.answers not in (None, "ahead"):
        place.refuse(
            f"the model gives one answer for the whole window, {show_shape(shape)}, but {asked.answers!r} "
            "wants one for every step",
            [_without_answers(asked)],
            place.drafts(output, (steps, targets)),
            label=f"gives {show_shape(shape)}",
            node=node,
        )
    wanted: Wanted
    if many:
        width = 1
    else:
        gives = shape[-1] if shape else 1
        # One feature, and several numbers in a row: as many steps ahead. Of a series of several features it
        # may be as many features of the next step.
        alone = targets == 1 and read.features == 1 and not read.is_ids
        several = gives if alone and isinstance(gives, int) else 1
        wanted = Wanted("ahead", asked.horizon or several, columns)
        width = wanted.horizon
    if not read.is_ids and shape and same(shape[-1], targets * width) is False:
        _refuse_width(place, read, output, targets, 0 if many else width)
    return _for_steps(place, node, output, steps, asked, columns) if many else wanted


def _without_answers(asked: CutOptions) -> Way:
    return "leave out answers, --same on the command line", replace(asked, answers=None)


def _for_steps(
    place: SpecInput,
    node: Node,
    output: Value,
    steps: int,
    asked: CutOptions,
    columns: tuple[int, ...] | None,
) -> Wanted:
    """Return the targets for a model that gives several steps, so that no answer's target was seen."""
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
                [("leave out the horizon", replace(asked, horizon=None))],
                place.drafts(output, (asked.horizon or 1, *shape[1:])),
                label=f"gives {show_shape(shape)}",
                node=node,
            )
        after = tuple(step - steps for step in own) if behind and own and not asked.answers else None
        return Wanted("ahead", count, columns, True, None if after == tuple(range(count)) else after)
    if asked.horizon not in (None, 1) or (answers == "same" and asked.horizon is not None):
        place.refuse(
            f"{asked.horizon} steps ahead are wanted, but the model predicts "
            + ("the step after each of its own" if answers == "next" else "the window itself"),
            [
                ("leave out the horizon", replace(asked, horizon=None)),
                (
                    f'say answers="ahead" for the {count} steps after the window',
                    replace(asked, answers="ahead", horizon=count),
                ),
            ],
            label=f"gives {show_shape(shape)}",
            node=node,
        )
    if answers == "same" and (own is None or behind) and count == steps:
        return Wanted("same", 1, columns, True)
    if own is None or behind:
        place.refuse(
            f"the model gives {count} steps for the {steps} that it takes, so no step has an answer of its "
            "own",
            [
                (
                    f'say answers="ahead" for the {count} steps after the window',
                    replace(asked, answers="ahead"),
                ),
                _without_answers(asked),
            ],
            place.drafts(output, (steps, *shape[1:])),
            label=f"gives {show_shape(shape)}",
            node=node,
        )
    if answers == "next" and following is None:
        place.refuse(
            "each answer sees steps behind its own, so that the step after it stands in what the model is "
            "shown",
            [('say answers="ahead" for the steps after the window', replace(asked, answers="ahead"))],
            help="let each step see those up to it only: causal padding, one direction",
            label=f"gives {show_shape(shape)}",
            node=node,
        )
    if own == tuple(range(steps)):
        return Wanted(answers, 1, columns, True)
    places = tuple(step + (answers == "next") - steps for step in own)
    return Wanted(answers, 1, columns, True, places)


def _own_steps(field: Field | None, length: Size, steps: int, count: int) -> tuple[int, ...] | None:
    """Return the step of the window that each answer belongs to; None if there is none or it is unknown."""
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
    """Return the step after each answer's own; None if one of them is in the window and seen."""
    assert field is not None
    found = tuple(step + 1 for step in own)
    high = field.window.high._replace(plus=at_length(field.window.high.plus, length, steps))
    for place, step in enumerate(found):
        last = high.at(place)
        if step < steps and not (isinstance(last, int) and last < step):
            return None
    return found


def _refuse_width(place: SpecInput, read: Series, output: Value, targets: int, horizon: int) -> NoReturn:
    """Refuse a model whose width is not that of ``targets`` features at ``horizon`` steps (0: at its own)."""
    assert place.checked.resolved is not None
    asked, path = place.asked, MainPath(place.graph, output)
    gives, ahead = path.shape[-1], max(horizon, 1)
    ways: list[Way] = []
    if isinstance(gives, int):
        if horizon and gives % targets == 0 and gives != targets * ahead:
            steps = gives // targets
            which = f"the {steps} steps" if steps > 1 else "the step"
            ways.append(
                (
                    f"say that it predicts {which} after the window: horizon={steps} in Python, --horizon "
                    f"{steps} on the command line",
                    replace(asked, horizon=steps),
                )
            )
        several = gives // ahead
        if gives % ahead == 0 and several < read.features and several != targets:
            ways.append(_name_targets(read, asked, several))
    end = path.nodes[0]
    place.refuse(
        f"the model gives {gives} {'number' if gives == 1 else 'numbers'}, but "
        f"{f'{ahead} steps of ' if ahead > 1 else ''}{targets} "
        f"{'feature' if targets == 1 else 'features'} of {read.name} "
        f"{'is' if targets == 1 and ahead == 1 else 'are'} to be predicted",
        ways,
        [width_fix(path, WantedShape((*path.shape[:-1], targets * ahead)), place.checked.resolved.written)],
        label=f"gives {gives}",
        node=end,
    )


def _name_targets(read: Series, asked: CutOptions, several: int) -> Way:
    """Return the advice to name the predicted features, with the first ones as an example."""
    names: list[Any] = [read.columns[i] if read.columns else i for i in range(several)]
    if len(set(names)) < len(names) or any(read.columns.count(name) > 1 for name in names):
        names = list(range(several))
    options = command(*(word for name in names for word in ("--target", str(name))))
    which = "feature" if several == 1 else "features"
    advice = f"say which {which} it predicts, as in targets={names} in Python, {options} on the command line"
    return advice, replace(asked, targets=names)


def _cut(
    place: SpecInput, read: Series, steps: int, batch: int | None, wanted: Wanted, asked: CutOptions
) -> Cut:
    if batch is not None and asked.batch_size not in (None, batch):
        place.refuse(
            f"batches of {asked.batch_size} are asked for, but the spec has batch={batch}",
            [("leave out the batch size", replace(asked, batch_size=None))],
            [place.declare(batch=asked.batch_size)],
            label=f"takes batches of {batch}",
        )
    if carries_states(place.checked):
        if asked.stride != 1 or asked.shuffle:
            given = " and ".join(["stride"] * (asked.stride != 1) + ["shuffle"] * asked.shuffle)
            place.refuse(
                "a stateful model goes on from one batch to the next, so its pieces can neither overlap nor "
                "be shuffled",
                [(f"leave out {given}", replace(asked, stride=1, shuffle=False))],
                help="take stateful out of the spec",
            )
        if read.lengths and len(read.lengths) != (batch or 1):
            place.refuse(
                f"there are {len(read.lengths)} series side by side, but a batch has {batch or 1}: a "
                "stateful model reads one in each row",
                fixes=[place.declare(batch=len(read.lengths))],
                help=f"write batch={len(read.lengths)} in the spec",
                label=f"takes batches of {batch or 1}",
            )
        left: Remainder = "drop" if asked.remainder in (None, "keep") else asked.remainder
        return Pieces(read, steps, wanted, batch or 1, left)
    remainder: Remainder = asked.remainder or ("drop" if batch is not None else "keep")
    if remainder == "pad":
        place.refuse(
            'windows are not filled up: remainder="pad" is for the pieces of stateful models',
            [
                ("leave it out", replace(asked, remainder=None)),
                ('write remainder="drop"', replace(asked, remainder="drop")),
            ],
        )
    size = batch or asked.batch_size or BATCH
    return Windows(read, steps, wanted, asked.stride, size, asked.shuffle, asked.seed, remainder)
