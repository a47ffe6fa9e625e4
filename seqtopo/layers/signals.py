"""Functions of ``keras.ops`` of signals: Fourier transforms, and windows of the last axis."""

from __future__ import annotations

from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.limits import check_known
from seqtopo.layers.merging import refuse_bool
from seqtopo.layers.operations import operation_row
from seqtopo.layers.products import at_least, check_fractions
from seqtopo.layers.row import LayerCall, Outcome, Param, Row, Rule
from seqtopo.layers.sizes import Shape, fits, floor_div
from seqtopo.layers.step_windows import Bound, OutputTime, TimedCall, Window, every
from seqtopo.layers.values import Tensor

# ---- Fourier transforms --------------------------------------------------------------------------------


def _pair(call: LayerCall, axes: int) -> Shape:
    check_fractions(call)
    real, imaginary = call.inputs
    if len(real.shape) != len(imaginary.shape) or not all(map(fits, real.shape, imaginary.shape)):
        raise call.refuse(
            "ST303",
            f"takes the real and the imaginary part of one shape, not {real} and {imaginary}",
            label=f"is {imaginary}",
            help="give both the same shape",
            at=("input", 1),
        )
    if real.dtype != imaginary.dtype:
        raise call.refuse(
            "ST310",
            f"takes both parts in one dtype, not {real.dtype} and {imaginary.dtype}",
            label=f"is {imaginary.dtype}",
            help=f"turn it into the other first: -> cast({real.dtype})",
            at=("input", 1),
        )
    return at_least(call, axes, "(..., N)" if axes == 1 else "(..., M, N)")


def _fourier(axes: int) -> Rule:
    def rule(call: LayerCall) -> Outcome:
        shape = _pair(call, axes)
        check_known(call.row.name, call.inputs, shape[-axes:], call.args)
        part = Tensor(shape, check_fractions(call))
        return Outcome((part, part), needs=shape[-axes:])

    return rule


def _real_fourier(call: LayerCall) -> Outcome:
    dtype = check_fractions(call)
    shape = at_least(call, 1, "(..., N)")
    length = shape[-1] if call["fft_length"] is None else call["fft_length"]
    part = Tensor((*shape[:-1], floor_div(length, 2) + 1), dtype)
    return Outcome((part, part))


def _inverse_real_fourier(call: LayerCall) -> Outcome:
    shape = _pair(call, 1)
    length = (shape[-1] - 1) * 2 if call["fft_length"] is None else call["fft_length"]
    return Outcome((Tensor((*shape[:-1], length), check_fractions(call)),))


def _transforms(axes: int) -> Any:
    def rule(call: TimedCall) -> OutputTime:
        if call.axis < len(call.in_shape) - axes:
            return timing.keeps(call)
        return OutputTime(call.axis, every(call.steps, None, False))

    return rule


def _short_fourier(call: LayerCall) -> Outcome:
    dtype = check_fractions(call)
    shape = at_least(call, 1, "(..., N)")
    length, stride, bins = call["sequence_length"], call["sequence_stride"], call["fft_length"]
    if bins < length:
        raise call.refuse(
            "ST203",
            f"transforms windows of {length} places, so that fft_length={bins} is too short",
            label=f"is below {length}",
            help=f"write {length} or more",
            at=("argument", "fft_length"),
        )
    size = shape[-1] + (floor_div(bins, 2) * 2 if call["center"] else 0)
    part = Tensor((*shape[:-1], floor_div(size - bins, stride) + 1, floor_div(bins, 2) + 1), dtype)
    return Outcome((part, part))


# ---- windows -------------------------------------------------------------------------------------------


def _windows(call: LayerCall) -> Shape:
    refuse_bool(call)
    size = at_least(call, 1, "(..., N)")[-1]
    length, stride = call["sequence_length"], call["sequence_stride"]
    if isinstance(size, int) and size < length:
        raise call.refuse(
            "ST306",
            f"cuts windows of {length} places, but is given {call.inputs[0]}, which has {size}",
            label=f"has only {size}",
            help="cut shorter ones, or give it a longer sequence",
            at=("argument", "sequence_length"),
        )
    return (*call.shape[:-1], floor_div(size - length, stride) + 1, length)


def _cuts_windows(call: TimedCall) -> OutputTime:
    if call.axis < len(call.in_shape) - 1:
        return timing.keeps(call)
    stride, length = call.get("sequence_stride"), call.get("sequence_length")
    last = Bound(stride, length - 1)
    return OutputTime(call.axis, Window(Bound(stride, 0), last, last))


def _row(name: str, about: str, example: str, signature: str, rule: Rule, *params: Param, **more: Any) -> Row:
    settings: dict[str, Any] = {"mask": masking.ends, "role": "algebra", **more}
    return operation_row(name, about, example, params, rule=rule, function=f"{name}({signature})", **settings)


_TWO = {"shape": "..., ... -> ...", "inputs": (2, 2)}

ROWS = (
    _row(
        "fft",
        "The Fourier transform of [real, imaginary] along the last axis, as two values.",
        "[in(T,8), in(T,8)] -> fft -> item(0)",
        "[x]",
        _fourier(1),
        time=_transforms(1),
        **_TWO,
    ),
    _row(
        "fft2",
        "The Fourier transform of [real, imaginary] along the last two axes, as two values.",
        "[in(T,8), in(T,8)] -> fft2 -> item(0)",
        "[x]",
        _fourier(2),
        time=_transforms(2),
        **_TWO,
    ),
    _row(
        "ifft2",
        "The Fourier transform backwards of [real, imaginary] along the last two axes, as two values.",
        "[in(T,8), in(T,8)] -> ifft2 -> item(0)",
        "[x]",
        _fourier(2),
        time=_transforms(2),
        **_TWO,
    ),
    _row(
        "rfft",
        "The Fourier transform of real numbers along the last axis: its real and its imaginary part.",
        "in(T,8) -> rfft -> item(0)",
        "x, fft_length",
        _real_fourier,
        Param("fft_length", k.optional(k.integer(1)), None),
        time=_transforms(1),
    ),
    _row(
        "irfft",
        "The real numbers whose Fourier transform along the last axis is [real, imaginary].",
        "[in(T,5), in(T,5)] -> irfft",
        "[x], fft_length",
        _inverse_real_fourier,
        Param("fft_length", k.optional(k.integer(1)), None),
        time=_transforms(1),
        **_TWO,
    ),
    _row(
        "stft",
        "The Fourier transforms of windows of the last axis: their real and their imaginary parts.",
        "in(64) -> stft(16,8,16) -> item(0)",
        "x, sequence_length, sequence_stride, fft_length, window, center",
        _short_fourier,
        Param("sequence_length", k.integer(1)),
        Param("sequence_stride", k.integer(1)),
        Param("fft_length", k.integer(1)),
        Param("window", k.optional(k.choice("hann", "hamming", flags=False)), "hann"),
        Param("center", k.TRUTH, True),
        time=_transforms(1),
        role="spectrogram",
        named=("window",),
    ),
    operation_row(
        "extract_sequences",
        "Windows of the last axis, each so long and so many places behind the one before.",
        "in(T) -> extract_sequences(4,2)",
        (Param("sequence_length", k.integer(1)), Param("sequence_stride", k.integer(1))),
        rule=_windows,
        time=_cuts_windows,
        role="spectrogram",
        function="extract_sequences(x, sequence_length, sequence_stride)",
    ),
)
