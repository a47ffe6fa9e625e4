"""A dense layer whose product is written as an equation, and how that equation is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.parameters import (
    ACTIVATION,
    LORA,
    QUANTIZATION,
    check_floats,
    constraints,
    initializer,
    regularizers,
    with_lora,
)
from seqtopo.layers.row import LayerCall, Outcome, Param, Row
from seqtopo.layers.sizes import Expr, Shape, Size, fits, is_open, product, show_shape, unknown
from seqtopo.layers.step_windows import SAME, OutputTime, TimedCall
from seqtopo.layers.values import Products, Refusal, Weight

_FORM = r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?"


class Equation(NamedTuple):
    """An equation of ``einsum_dense``: the letters of the input, the kernel and the output.

    ``left`` and ``right`` say at which end an ellipsis stands for any number of axes.
    """

    input: str
    kernel: str
    output: str
    left: bool
    right: bool


def read_equation(text: str) -> Equation | None:
    """Parse an equation; None if it is not of a form that Keras knows.

    >>> read_equation("...x,xy->...y")
    Equation(input='x', kernel='xy', output='y', left=True, right=False)
    >>> read_equation("ab->ba")
    """
    found = re.fullmatch(_FORM, text)
    if found is None:
        return None
    left, takes, right, kernel, left_out, gives, right_out = found.groups()
    if (left, right) != (left_out, right_out) or (left and right) or (right and len(takes) < 2):
        return None
    return Equation(takes, kernel, gives, bool(left), bool(right))


def _refusal(
    call: LayerCall, code: str, message: str, label: str, help: str, at: str = "equation"
) -> Refusal:
    return call.refuse(code, message, label=label, help=help, at=("argument", at))


def _letters(call: LayerCall) -> Equation:
    """Return the equation after checking that every letter stands where it can."""
    text = call["equation"]
    found = read_equation(text)
    if found is None:
        raise _refusal(
            call,
            "ST203",
            f"cannot read the equation '{text}'",
            "is not of a form it knows",
            "write 'abc,cd->abd', '...x,xy->...y' or 'ab...,bc->ac...': the input, the kernel, the output",
        )
    for part in (found.input, found.kernel, found.output):
        if len(set(part)) < len(part):
            raise _refusal(
                call,
                "ST203",
                f"has the equation '{text}', where {part} names a letter twice",
                f"{part} names a letter twice",
                "give each axis a letter of its own",
            )
    for letter in found.output:
        if letter not in found.input and letter not in found.kernel:
            raise _refusal(
                call,
                "ST203",
                f"has the equation '{text}', whose output has {letter}, which neither input nor kernel has",
                f"{letter} comes from nowhere",
                f"put {letter} into the kernel to make a new axis of it",
            )
    for letter in found.kernel:
        if letter not in found.input and letter not in found.output:
            raise _refusal(
                call,
                "ST203",
                f"has the equation '{text}', whose kernel has {letter}, which neither input nor output has",
                f"{letter} has no size",
                f"put {letter} into the output, or take it out of the kernel",
            )
    return found


def _axes(call: LayerCall, equation: Equation) -> int:
    """Return the number of incoming axes, the batch included, that the ellipsis stands for."""
    rank = len(call.shape) + 1
    elided = rank - len(equation.input)
    if elided < 0 or (elided and not (equation.left or equation.right)):
        more = " or more" if equation.left or equation.right else ""
        raise call.refuse(
            "ST301",
            f"has the equation '{call['equation']}', whose input has {len(equation.input)}{more} axes with "
            f"the batch, but is given {call.inputs[0]}",
            label=f"is given {rank} axes with the batch",
            help="write a letter for each axis of the input, the batch first, or ... for the leading ones",
            at=("input", 0),
            takes=len(equation.input) - 1,
        )
    return elided


def _check_batch(call: LayerCall, equation: Equation, elided: int) -> None:
    if equation.left and elided:
        return
    batch = equation.input[0]
    if equation.output[0] != batch or batch in equation.kernel:
        raise _refusal(
            call,
            "ST203",
            f"has the equation '{call['equation']}', where {batch} is the batch: it must come first in the "
            "output and stay out of the kernel",
            f"{batch} is the batch",
            f"begin the output with {batch}, and keep it out of the kernel",
        )


class Solved(NamedTuple):
    """The shapes that follow from an equation: the output without the batch, the kernel and the bias.

    ``written`` is ``output_shape`` with every known number, and None where the input's open size stays.
    """

    output: Shape
    kernel: Shape
    bias: Shape | None
    written: tuple[Size | None, ...]


def solve(call: LayerCall) -> Solved:
    """Return the shapes of an ``einsum_dense``.

    Raises:
        Refusal: ST203 for an equation, output_shape or bias_axes that cannot be; ST301 and ST302 for
            an input that they do not fit; ST308 for a size of the kernel that nothing tells.
    """
    check_floats(call)
    equation = _letters(call)
    elided = _axes(call, equation)
    _check_batch(call, equation, elided)
    batched = not (equation.left and elided)
    # None stands for the batch, whose size no letter may need.
    incoming: tuple[Size | None, ...] = (None, *call.shape)
    own = incoming[elided:] if equation.left else incoming[: len(equation.input)]
    sizes = dict(zip(equation.input, own, strict=True))
    letters = equation.output[batched:]
    written = call["output_shape"]
    written = written if isinstance(written, tuple) else (written,)
    if len(written) != len(letters):
        raise _refusal(
            call,
            "ST203",
            f"has the equation '{call['equation']}', whose output has {len(letters)} axes to size, but "
            f"output_shape has {len(written)}",
            f"has {len(written)}, needs {len(letters)}",
            f"give a size for each of {', '.join(letters)}, or none where the input's stays",
            at="output_shape",
        )
    left_open = {
        letter
        for letter, size in zip(letters, written, strict=True)
        if letter in equation.input and size is not None and is_open(size)
    }
    filled = tuple(_agree(call, letter, size, sizes) for letter, size in zip(letters, written, strict=True))
    sizes |= dict(zip(letters, filled, strict=True))
    kept = call.shape[: elided - 1] if equation.left and elided else ()
    if kept != kept[::-1]:
        # Keras would tell the layers after it these sizes in reverse.
        raise _refusal(
            call,
            "ST203",
            f"has the equation '{call['equation']}', where ... stands for {show_shape(kept)}: Keras takes "
            "axes of different sizes there in the wrong order",
            f"... stands for {show_shape(kept)}",
            "write a letter for each axis, the batch first",
        )
    trailing = call.shape[len(equation.input) - 1 :] if equation.right else ()
    kernel = tuple(_known(sizes[letter]) for letter in equation.kernel)
    bias = _bias(call, equation, sizes, len(trailing))
    stays = {letter for letter in letters if letter in equation.input and isinstance(sizes[letter], Expr)}
    stays |= left_open
    plain = tuple(None if letter in stays else sizes[letter] for letter in letters)
    shown = tuple(
        _known(size if letter in left_open else sizes[letter])
        for letter, size in zip(letters, written, strict=True)
    )
    return Solved((*kept, *shown, *trailing), kernel, bias, plain)


def _known(size: Size | None) -> Size:
    assert size is not None, "the batch was refused in the kernel"
    return size


def _agree(call: LayerCall, letter: str, size: Size | None, sizes: Mapping[str, Size | None]) -> Size:
    """Return a size of the output: as it is written, or that of the input where none is."""
    incoming = sizes.get(letter)
    if size is None and incoming is None:
        raise _refusal(
            call,
            "ST308",
            f"makes a new axis {letter}, whose size output_shape does not give",
            f"{letter} has no size",
            f"write a number or a symbol for {letter}",
            at="output_shape",
        )
    if size is not None and incoming is not None and not fits(size, incoming):
        raise _refusal(
            call,
            "ST302",
            f"has the equation '{call['equation']}' and an output_shape whose {letter} is {size}, but the "
            f"input's is {incoming}",
            f"{letter} is {incoming} in the input",
            f"write none for {letter}, and it stays as it comes in",
            at="output_shape",
        )
    size = incoming if incoming is not None else size
    assert size is not None
    return size


def _bias(
    call: LayerCall, equation: Equation, sizes: Mapping[str, Size | None], trailing: int
) -> tuple[Size, ...] | None:
    axes = call["bias_axes"]
    if axes is None:
        return None
    strange = [a for a in axes if a not in equation.output or sizes[a] is None]
    if strange or not axes:
        what = f"{strange[0]}, which is not an axis of the output to size" if strange else "no axis at all"
        raise _refusal(
            call,
            "ST203",
            f"has bias_axes '{axes}' with {what}",
            "must be letters of the output",
            f"write some of {', '.join(equation.output)}, such as '{equation.output[-1]}', or leave it out",
            at="bias_axes",
        )
    start = min(map(equation.output.index, axes))
    return (
        *(_known(sizes[letter]) if letter in axes else 1 for letter in equation.output[start:]),
        *(1,) * trailing,
    )


def _shape(call: LayerCall) -> Shape:
    return solve(call).output


def _weights(call: LayerCall) -> tuple[Weight, ...]:
    solved = solve(call)
    bias = (Weight("bias", solved.bias),) if solved.bias is not None else ()
    return with_lora(call, Weight("kernel", solved.kernel), bias, keeps_alpha=True)


def _work(call: LayerCall, outcome: Outcome) -> Products:
    equation = read_equation(call["equation"])
    assert equation is not None
    summed = [
        size
        for letter, size in zip(equation.kernel, solve(call).kernel, strict=True)
        if letter not in equation.output
    ]
    return Products(product([*outcome.outputs[0].shape, *summed]))


def _settle(call: LayerCall) -> Mapping[str, Any]:
    # Keras leaves an axis open where output_shape says none, even where the input's size is known; a spec
    # says ? for that.
    return {"output_shape": solve(call).written}


def _counted(call: LayerCall) -> Mapping[str, Any]:
    written, solved = call["output_shape"], solve(call).written
    several = written if isinstance(written, tuple) else (written,)
    found = tuple(
        unknown(-1 - i) if size is None and isinstance(known, int) else size
        for i, (size, known) in enumerate(zip(several, solved, strict=True))
    )
    return {} if found == several else {"output_shape": found}


def _time(call: TimedCall) -> OutputTime:
    """Return the place of the time axis in the output; it ends where its letter is summed over."""
    equation = read_equation(call.get("equation"))
    assert equation is not None
    elided = len(call.in_shape) + 1 - len(equation.input)
    at = call.axis + 1
    if equation.left and at < elided:
        return timing.keeps(call)
    if equation.right and at >= len(equation.input):
        return OutputTime(len(call.out_shape) - len(call.in_shape) + call.axis, SAME)
    in_front = elided if equation.left else 0
    letter = equation.input[at - in_front]
    if letter not in equation.output:
        return timing.ends(call)
    return OutputTime(equation.output.index(letter) + in_front - 1, SAME)


ROW = Row(
    "einsum_dense",
    "EinsumDense",
    "A dense layer whose product with its kernel is written as an equation, the batch axis included.",
    "... -> output_shape",
    "in(T,64) -> einsum_dense('abc,cde->abde',(none,8,16),bias_axes='de')",
    time=_time,
    mask=masking.ends,
    role="dense",
    params=(
        Param("equation", k.STRING),
        Param("output_shape", k.either(k.optional(k.SIZE), k.each(k.optional(k.SIZE)))),
        ACTIVATION,
        Param("bias_axes", k.optional(k.STRING), None),
        initializer("kernel", "glorot_uniform"),
        initializer("bias", "zeros"),
        *regularizers("kernel", "bias"),
        *constraints("kernel", "bias"),
        *LORA,
        Param("gptq_unpacked_column_size", k.NOTHING, None),
        QUANTIZATION,
    ),
    positional=("equation", "output_shape"),
    rule=_shape,
    weights=_weights,
    work=_work,
    settle=_settle,
    counted=_counted,
    note="In `output_shape`, `none` is the size that comes in, and `?` leaves it open as Keras' None does.",
)
