"""Functions of ``keras.ops`` that take, cut, repeat and put together the places of an axis."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import timing
from seqtopo.layers.kinds import Kind
from seqtopo.layers.merging import broadcast
from seqtopo.layers.operations import AXIS, operation_row
from seqtopo.layers.parameters import axis_index
from seqtopo.layers.row import LayerCall, Outcome, Param
from seqtopo.layers.sizes import Shape, Size, divides, fits, floor_div
from seqtopo.layers.step_windows import SAME, Bound, OutputTime, TimedCall, Window, every, reduced, shifted
from seqtopo.layers.values import INTEGERS, Refusal, Tensor


def _read_places(value: Any) -> Any:
    try:
        sizes = k.array_shape(value)
    except Refusal:
        raise Refusal(expected=_PLACES_WORDS) from None
    if all(isinstance(n, int) for n in _flat(value)) and len(sizes) < 8:
        return value
    raise Refusal(expected=_PLACES_WORDS)


def _flat(value: Any) -> list[Any]:
    return [n for v in value for n in _flat(v)] if isinstance(value, (tuple, list)) else [value]


_PLACES_WORDS = "the number of a place, or several of them in parentheses"
PLACES = Kind(_PLACES_WORDS, _read_places)
SECTIONS = k.either(k.integer(1), k.each(k.integer(0)), words="how many parts, or the places to cut at")
TIMES = k.each(k.SIZE)


# ---- parts ---------------------------------------------------------------------------------------------


def cuts(size: Size, sections: Any, even: bool) -> list[tuple[Size, Size]] | None:
    """Return start and length of each part of an axis; None where that depends on a size not known.

    >>> cuts(7, (2, 5), True), cuts(6, 2, True), cuts(7, 3, False)
    ([(0, 2), (2, 3), (5, 2)], [(0, 3), (3, 3)], [(0, 3), (3, 2), (5, 2)])
    """
    if isinstance(sections, tuple):
        ends: list[Size] = [*sections, size]
        if isinstance(size, int):
            ends = [min(e, size) if isinstance(e, int) else e for e in ends]
        starts: list[Size] = [0, *ends[:-1]]
        lengths = [end - start for start, end in zip(starts, ends, strict=True)]
        return list(zip(starts, (max(n, 0) if isinstance(n, int) else n for n in lengths), strict=True))
    if even:
        part = divides(size, sections)
        part = floor_div(size, sections) if part is None else part
        return [(part * i, part) for i in range(sections)]
    if not isinstance(size, int):
        return None
    found: list[tuple[Size, Size]] = []
    at = 0
    for i in range(sections):
        part = size // sections + (i < size % sections)
        found.append((at, part))
        at += part
    return found


def _split(call: LayerCall) -> Outcome:
    at = axis_index(call, "axis", call["axis"])
    size, sections = call.shape[at], call["indices_or_sections"]
    even = call.row.name == "split"
    if isinstance(sections, tuple):
        rising = all(a <= b for a, b in pairwise(sections))
        if not sections or not rising or (isinstance(size, int) and sections[-1] > size):
            raise call.refuse(
                "ST203",
                f"cuts {call.inputs[0]} at places in rising order, and none beyond its {size}",
                label="not in rising order" if sections and not rising else "no such places",
                help="write the places from the first to the last: split((2,5))",
                at=("argument", "indices_or_sections"),
            )
    if even and isinstance(sections, int) and isinstance(size, int) and size % sections:
        raise call.refuse(
            "ST302",
            f"cuts {call.inputs[0]} into {sections} equal parts, but there are {size} places",
            label=f"{size} does not divide by {sections}",
            help=f"cut at places of your own, as in split(({size // 2},)), or use array_split",
            at=("argument", "indices_or_sections"),
        )
    parts = cuts(size, sections, even)
    if parts is None:
        what = f"how many places there are, but is given {call.inputs[0]}"
        raise call.must_know(what, f"{size} is not known", ("argument", "axis"))
    dtype = call.inputs[0].dtype
    shapes = [(*call.shape[:at], part, *call.shape[at + 1 :]) for _, part in parts]
    return Outcome(tuple(Tensor(shape, dtype) for shape in shapes))


def _splits(call: TimedCall) -> OutputTime:
    if call.axis not in call.axes():
        return timing.keeps(call)
    sections = call.get("indices_or_sections")
    parts = cuts(call.steps, sections, isinstance(sections, int) and len(set(_gives(call))) < 2)
    start = parts[call.output][0] if parts is not None else 0
    return OutputTime(call.axis, shifted(start))


def _gives(call: TimedCall) -> list[Size]:
    return [tensor.shape[call.axis] for tensor in call.outputs]


def _unstack(call: LayerCall) -> Outcome:
    at = axis_index(call, "axis", call["axis"])
    size = call.shape[at]
    if not isinstance(size, int):
        what = f"how many values it gives, but is given {call.inputs[0]}"
        raise call.must_know(what, f"{size} is not known", ("argument", "axis"))
    if call["num"] not in (None, size):
        raise call.refuse(
            "ST302",
            f"gives {size} values of {call.inputs[0]}, not {call['num']}",
            label=f"is {call['num']}",
            help="leave the number out",
            at=("argument", "num"),
        )
    shape = (*call.shape[:at], *call.shape[at + 1 :])
    return Outcome((Tensor(shape, call.inputs[0].dtype),) * size)


def _unstacks(call: TimedCall) -> OutputTime:
    (axis,) = call.axes()
    if call.axis != axis:
        return OutputTime(call.axis - (axis < call.axis), SAME)
    at = Bound(0, call.output)
    return OutputTime(None, Window(at, at, at))


def _item(call: LayerCall) -> Outcome:
    index, count = call["index"], len(call.inputs)
    if not -count <= index < count:
        raise call.refuse(
            "ST314",
            f"takes the value {index} of a list, but is given {count}, which are counted from 0",
            label=f"there are {count} values",
            help=f"write a number from 0 to {count - 1}",
            at=("argument", "index"),
        )
    return Outcome((call.inputs[index],))


def _picks(call: TimedCall) -> OutputTime | None:
    return timing.keeps(call) if call.place == call.get("index") % len(call.inputs) else None


# ---- places --------------------------------------------------------------------------------------------


def _take(call: LayerCall) -> Shape:
    at = axis_index(call, "axis", call["axis"])
    size, places = call.shape[at], call["indices"]
    for place in _flat(places):
        if isinstance(size, int) and not -size <= place < size:
            raise call.refuse(
                "ST306",
                f"takes the place {place} of {call.inputs[0]}, which has {size} there",
                label=f"is not among {size}",
                help=f"write numbers from 0 to {size - 1}, or from -1 down to count from the end",
                at=("argument", "indices"),
            )
    return (*call.shape[:at], *k.array_shape(places), *call.shape[at + 1 :])


def _takes(call: TimedCall) -> OutputTime:
    places = call.get("indices")
    more = len(k.array_shape(places)) - 1
    (axis,) = call.axes()
    if call.axis != axis:
        return OutputTime(call.axis + (more if axis < call.axis else 0), SAME)
    if isinstance(places, int):
        at = Bound(0, places if places >= 0 else call.steps + places)
        return OutputTime(None, Window(at, at, at))
    return OutputTime(call.axis, every(call.steps, None, False))


def _take_along(call: LayerCall) -> Outcome:
    at = axis_index(call, "axis", call["axis"])
    values, places = call.inputs
    if places.dtype not in INTEGERS:
        raise call.refuse(
            "ST310",
            f"takes the numbers of places, but is given {places.dtype}",
            label=f"is {places.dtype}",
            help="give it whole numbers, such as those of argsort or argmax(keepdims)",
            at=("input", 1),
        )
    one = (*values.shape[:at], 1, *values.shape[at + 1 :])
    shape = broadcast(
        LayerCall(call.row, call.args, (places, Tensor(one, values.dtype)), call.tensors, call.axes)
    )
    shape = (*shape[:at], places.shape[at], *shape[at + 1 :])
    return Outcome((Tensor(shape, values.dtype),))


def _takes_along(call: TimedCall) -> OutputTime:
    if call.place == 0 and call.axis in call.axes():
        return OutputTime(call.axis, every(call.steps, None, False))
    return timing.merges(call._replace(get=lambda name: None))


def _tile(call: LayerCall) -> Shape:
    times = call["repeats"]
    if len(times) != len(call.shape):
        raise call.refuse(
            "ST203",
            f"repeats {call.inputs[0]}, which has {len(call.shape)} axes, {len(times)} times",
            label=f"{len(times)} numbers",
            help="write one number for each axis behind the batch",
            at=("argument", "repeats"),
        )
    return tuple(size * n for size, n in zip(call.shape, times, strict=True))


def _tiles(call: TimedCall) -> OutputTime:
    if call.get("repeats")[call.axis] == 1:
        return timing.keeps(call)
    return OutputTime(call.axis, every(call.steps, None, False))


def _repeat(call: LayerCall) -> Shape:
    at = axis_index(call, "axis", call["axis"])
    return (*call.shape[:at], call.shape[at] * call["repeats"], *call.shape[at + 1 :])


def _repeats(call: TimedCall) -> OutputTime:
    if call.axis not in call.axes():
        return timing.keeps(call)
    factor = call.get("repeats")
    if not isinstance(factor, int):
        return OutputTime(call.axis, every(call.steps, None, False))
    bound = reduced(1, 0, factor)
    return OutputTime(call.axis, Window(bound, bound, bound))


def _stack(call: LayerCall) -> Outcome:
    first = call.inputs[0]
    for i, other in enumerate(call.inputs[1:], 1):
        if len(other.shape) != len(first.shape) or not all(map(fits, first.shape, other.shape)):
            raise call.refuse(
                "ST303",
                f"stacks values of one shape, not {first} and {other}",
                label=f"is given {other}",
                help=f"give them the shape {first}: project with dense, or last(N), crop, pad",
                at=("input", i),
            )
        if other.dtype != first.dtype:
            raise call.refuse(
                "ST310",
                f"stacks values of one dtype, not {first.dtype} and {other.dtype}",
                label=f"is {other.dtype}",
                help=f"turn it into the other first: -> cast({first.dtype})",
                at=("input", i),
            )
    wider = (*first.shape, len(call.inputs))
    at = axis_index(call, "axis", call["axis"], wider)
    return Outcome((Tensor((*first.shape[:at], len(call.inputs), *first.shape[at:]), first.dtype),))


ROWS = (
    *(
        operation_row(
            name,
            about,
            example,
            (Param("indices_or_sections", sections), AXIS),
            rule=_split,
            time=_splits,
            role="selection",
            function=f"{name}(x, indices_or_sections, axis)",
        )
        for name, about, example, sections in (
            (
                "split",
                "Several values: so many equal parts of an axis, or what lies between places of it.",
                "in(T,8) -> split(2,features) -> mul",
                SECTIONS,
            ),
            (
                "array_split",
                "So many parts of an axis, the first ones longer by one where they do not come out even.",
                "in(7,8) -> array_split(2) -> concat(time)",
                k.integer(1),
            ),
        )
    ),
    operation_row(
        "unstack",
        "Several values: each place of an axis, without the axis.",
        "in(3,8) -> unstack -> add",
        (Param("num", k.optional(k.integer(1)), None), AXIS),
        positional=("axis",),
        rule=_unstack,
        time=_unstacks,
        role="selection",
        function="unstack(x, num, axis)",
    ),
    operation_row(
        "item",
        "One of several values, counted from 0; from the end where negative.",
        "in(T,8) -> split(2,features) -> item(1)",
        (Param("index", k.integer()),),
        rule=_item,
        time=_picks,
        role="identity",
        inputs=(1, None),
        note="It adds nothing to the model.",
    ),
    operation_row(
        "take",
        "The places of an axis that are named, in their order; without the axis where it is one alone.",
        "in(T,8) -> take((0,2),features)",
        (Param("indices", PLACES), AXIS),
        rule=_take,
        time=_takes,
        role="selection",
        function="take(x, indices, axis)",
    ),
    operation_row(
        "take_along_axis",
        "For each place the number of the first value at the place that the second one says.",
        "x = in(6,8)\n[x, x -> argsort(time)] -> take_along_axis",
        (AXIS,),
        shape="..., ... -> ...",
        rule=_take_along,
        time=_takes_along,
        role="merge",
        inputs=(2, 2),
        function="take_along_axis(x, indices, axis)",
    ),
    operation_row(
        "tile",
        "The whole value again and again, so many times along each axis.",
        "in(T,8) -> tile(1,2)",
        (Param("repeats", TIMES),),
        positional=("repeats*",),
        rule=_tile,
        time=_tiles,
        role="repetition",
        function="tile(x, repeats)",
    ),
    operation_row(
        "repeat_elements",
        "Each step so many times in a row, or each place of another axis.",
        "in(T,8) -> repeat_elements(2)",
        (Param("repeats", k.SIZE), AXIS),
        rule=_repeat,
        time=_repeats,
        role="upsampling",
        function="repeat(x, repeats, axis)",
    ),
    operation_row(
        "stack",
        "Several values side by side along a new axis.",
        "[in(T,8), in(T,8)] -> stack(1)",
        (AXIS,),
        shape="..., ... -> ...",
        rule=_stack,
        time=timing.expands,
        role="join",
        inputs=(1, None),
        function="stack([x], axis)",
    ),
)
