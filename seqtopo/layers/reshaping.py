"""Layers that change a shape and no value: cropping, padding, upsampling, flattening, reshaping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.kinds import Kind, per_axis
from seqtopo.layers.parameters import DATA_FORMAT, check_floats
from seqtopo.layers.row import LayerCall, Param, Row, Rule
from seqtopo.layers.sizes import (
    Expr,
    Shape,
    Size,
    Unknown,
    divides,
    fits,
    floor_div,
    is_open,
    product,
    remainder,
    symbols,
    unknown,
)
from seqtopo.layers.step_windows import OutputTime, TimedCall, TimeRule, shifted
from seqtopo.layers.values import Refusal
from seqtopo.layers.windows import EXAMPLE, GIVES, TAKES, WIDTH, named, spatial


def borders(rank: int) -> Kind:
    """Return the kind of sizes to crop or pad at both ends of ``rank`` axes, read as a pair for each axis.

    A number is for every end; several axes also take one number, or one pair, each. For one axis
    it is read as the pair itself.

    >>> borders(1).read(2), borders(2).read((1, (0, 3)))
    ((2, 2), ((1, 1), (0, 3)))
    """
    words = (
        "a number, or two in parentheses: (before,after)"
        if rank == 1
        else f"a number, or {rank} numbers or pairs in parentheses: {'(a,b),' * (rank - 1)}(a,b)"
    )
    pair = k.spread(k.COUNT if rank == 1 else k.integer(0), 2)

    def read(value: Any) -> Any:
        try:
            if rank == 1:
                return pair.read(value)
            if not isinstance(value, (tuple, list)):
                return (pair.read(value),) * rank
            if len(value) == rank:
                return tuple(map(pair.read, value))
        except Refusal:
            pass
        raise Refusal(expected=words)

    return Kind(words, read)


def _ends(call: LayerCall, name: str, rank: int) -> tuple[tuple[Size, Size], ...]:
    pairs = borders(rank).read(call[name])
    return (pairs,) if rank == 1 else pairs


def _crop(rank: int) -> Rule:
    def rule(call: LayerCall) -> Mapping[str, Size]:
        left = []
        for size, (before, after) in zip(spatial(call, rank), _ends(call, "cropping", rank), strict=True):
            rest = size - before - after
            if isinstance(rest, int) and rest < 1:
                raise call.refuse(
                    "ST306",
                    f"takes {before} and {after} off an axis of {size}: nothing is left",
                    label=f"takes off {before + after} of {size}",
                    help="take off less, or use a longer input",
                    at=("argument", "cropping"),
                )
            left.append(rest)
        return named(rank, left)

    return rule


def _pad(rank: int) -> Rule:
    def rule(call: LayerCall) -> Mapping[str, Size]:
        ends = _ends(call, "padding", rank)
        padded = (s + before + after for s, (before, after) in zip(spatial(call, rank), ends, strict=True))
        return named(rank, padded)

    return rule


def _time(rank: int, argument: str, sign: int) -> TimeRule:
    """Return the time rule of layers that crop or pad: time moves by the steps cut or put in front."""

    def rule(call: TimedCall) -> OutputTime:
        place = timing.place_of(call, rank)
        if place is None:
            return timing.keeps(call)
        ends = borders(rank).read(call.get(argument))
        before = ends[0] if rank == 1 else ends[place][0]
        return OutputTime(call.axis, shifted(before * sign))

    return rule


def _upsample(rank: int) -> Rule:
    def rule(call: LayerCall) -> Mapping[str, Size]:
        if call.args.get("interpolation", "nearest") != "nearest":
            check_floats(call)
        factors = per_axis(call["size"], rank)
        longer = (s * factor for s, factor in zip(spatial(call, rank), factors, strict=True))
        return named(rank, longer)

    return rule


def _over(rank: int) -> str:
    return f"{TAKES[rank]} -> {GIVES[rank]} {WIDTH[rank]}"


def _where(rank: int) -> str:
    return "before and after the steps" if rank == 1 else "on all sides"


def _crop_row(rank: int) -> Row:
    default: Any = {1: (1, 1), 2: ((0, 0), (0, 0)), 3: ((1, 1), (1, 1), (1, 1))}[rank]
    return Row(
        f"cropping{rank}d",
        f"Cropping{rank}D",
        f"Takes places off {_where(rank)}.",
        _over(rank),
        f"{EXAMPLE[rank]} -> cropping{rank}d(1)",
        params=(Param("cropping", borders(rank), default), *((DATA_FORMAT,) if rank > 1 else ())),
        positional=("cropping",),
        rule=_crop(rank),
        time=_time(rank, "cropping", 1),
        mask=masking.ends,
        role="selection",
        dtype="declared",
    )


def _pad_row(rank: int) -> Row:
    default: Any = {1: 1, 2: (1, 1), 3: ((1, 1), (1, 1), (1, 1))}[rank]
    return Row(
        f"zero_padding{rank}d",
        f"ZeroPadding{rank}D",
        f"Puts zeros {_where(rank)}.",
        _over(rank),
        f"{EXAMPLE[rank]} -> zero_padding{rank}d(1)",
        params=(Param("padding", borders(rank), default), DATA_FORMAT),
        positional=("padding",),
        rule=_pad(rank),
        time=_time(rank, "padding", -1),
        mask=masking.ends,
        role="padding",
        dtype="declared",
    )


INTERPOLATION = Param(
    "interpolation", k.choice("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"), "nearest"
)


def _upsample_row(rank: int) -> Row:
    default: Any = 2 if rank == 1 else (2,) * rank
    return Row(
        f"upsample{rank}d",
        f"UpSampling{rank}D",
        "Repeats each step." if rank == 1 else "Repeats each place along each axis.",
        _over(rank),
        f"{EXAMPLE[rank]} -> upsample{rank}d(2)",
        params=(
            Param("size", k.spread(k.SIZE, rank), default),
            *((DATA_FORMAT,) if rank > 1 else ()),
            *((INTERPOLATION,) if rank == 2 else ()),
        ),
        positional=("size",),
        rule=_upsample(rank),
        time=timing.spreads(rank),
        mask=masking.ends,
        role="upsampling",
        dtype="declared",
        aliases=(f"up_sampling{rank}d",),
    )


def _read_target_size(value: Any) -> Any:
    if isinstance(value, Expr):
        left_over = value.is_atom and isinstance(value.terms[0][0][0], Unknown)
        return -1 if left_over else value
    return -1 if value == -1 and not isinstance(value, bool) else k.SIZE.read(value)


_TARGET_WORDS = "sizes from 1 up, with one ? or -1 at most for what is left over"


def _read_target(value: Any) -> Any:
    several = value if isinstance(value, (tuple, list)) else (value,)
    if len(several) == 1 and isinstance(several[0], (tuple, list)):
        several = several[0]
    try:
        sizes = tuple(map(_read_target_size, several))
    except Refusal:
        raise Refusal(expected=_TARGET_WORDS) from None
    if sizes.count(-1) > 1:
        raise Refusal(expected=_TARGET_WORDS)
    return sizes


def _reshape(call: LayerCall) -> Shape:
    target = call["target_shape"]
    have = product(call.shape)
    known = product(s for s in target if s != -1)
    if -1 not in target:
        if not fits(known, have):
            raise _no_reshape(call, f"needs {_numbers(known)} a sample", have)
        return tuple(target)
    rest = _rest(have, known)
    if rest is None:
        raise _no_reshape(call, f"needs a multiple of {_numbers(known)} a sample", have)
    return tuple(rest if s == -1 else s for s in target)


def _rest(have: Size, known: Size) -> Size | None:
    even = divides(have, known)
    if even is not None:
        return even
    if isinstance(known, Expr):
        # With a ? on either side nothing can be said: the length is open, as it is to Keras.
        open_ended = is_open(have) or is_open(known)
        return unknown(-abs(hash((have, known))) - 1) if open_ended else None
    over = remainder(have, known)
    return None if isinstance(over, int) else floor_div(have, known)


def _numbers(count: Size) -> str:
    return f"{count} number{'s' * (count != 1)}"


def _no_reshape(call: LayerCall, needs: str, have: Size) -> Refusal:
    target = ", ".join("?" if s == -1 else str(s) for s in call["target_shape"])
    open_names = " and ".join(sorted(symbols(have)))
    if -1 in call["target_shape"]:
        advice = f"choose sizes whose product divides {have}"
    elif open_names:
        advice = f"bind {open_names} so that the numbers agree, or write ? for one of the sizes"
    else:
        advice = f"choose sizes whose product is {have}, or write ? for one of them"
    return Refusal(
        "ST307",
        f"{call.row.name}({target}) {needs} but is given {call.inputs[0]}, which is {have}",
        label=f"{needs}, is given {have}",
        help=advice,
        at=("input", 0),
    )


def _flatten(call: LayerCall) -> Mapping[str, Size]:
    return {"numbers": product(call.shape)}


def _read_dims(value: Any) -> Any:
    several = value if isinstance(value, (tuple, list)) else (value,)
    if len(several) == 1 and isinstance(several[0], (tuple, list)):
        several = several[0]
    found = tuple(map(k.AXIS.read, several))
    # Keras counts these from the front only; "features" is the last of as many axes as are named.
    return tuple(d + len(found) + 1 if d < 0 else d for d in found)


def _permute(call: LayerCall) -> Shape:
    dims = call["dims"]
    rank = len(call.shape)
    if sorted(dims) != list(range(1, len(dims) + 1)):
        batch = "0 is the batch, which stays in front; " if 0 in dims else ""
        raise call.refuse(
            "ST312",
            f"needs each axis from 1 to {max(len(dims), 1)} once, but is given ({', '.join(map(str, dims))})",
            label="not an order of the axes",
            help=f"{batch}permute(2,1) swaps time and features",
            at=("argument", "dims"),
        )
    if len(dims) != rank:
        raise call.refuse(
            "ST301",
            f"orders {len(dims)} axes but is given {call.inputs[0]}",
            label=f"orders {len(dims)} axes, is given {rank}",
            help=f"name each of the {rank} axes once, counted from 1",
            at=("input", 0),
            takes=len(dims),
        )
    return tuple(call.shape[d - 1] for d in dims)


ROWS = (
    *(make(rank) for make in (_crop_row, _pad_row, _upsample_row) for rank in (1, 2, 3)),
    Row(
        "flatten",
        "Flatten",
        "All numbers of a sample in one row.",
        "... -> numbers",
        "in(24,8) -> flatten",
        time=timing.flattens,
        mask=masking.ends,
        role="shape",
        params=(DATA_FORMAT,),
        rule=_flatten,
        dtype="input",
    ),
    Row(
        "reshape",
        "Reshape",
        "The same numbers of a sample in another shape; ? is what is left over.",
        "... -> target_shape",
        "in(24,8) -> reshape(12,?)",
        time=timing.reshapes,
        mask=masking.ends,
        role="shape",
        params=(Param("target_shape", Kind(_TARGET_WORDS, _read_target)),),
        positional=("target_shape*",),
        rule=_reshape,
        dtype="input",
    ),
    Row(
        "permute",
        "Permute",
        "The axes in another order.",
        "... -> ...",
        "in(24,8) -> permute(2,1)",
        time=timing.moves_axes,
        mask=masking.ends,
        role="shape",
        params=(Param("dims", Kind("axes, each of them once, counted from 1", _read_dims)),),
        positional=("dims*",),
        rule=_permute,
        dtype="input",
    ),
)
