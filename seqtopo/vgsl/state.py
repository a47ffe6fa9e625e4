"""Track the value that flows through a VGSL string, and translate its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

ACTIVATIONS = {"s": "sigmoid", "t": "tanh", "r": "relu", "l": "", "m": "softmax"}
OUTPUTS = {"l": "sigmoid", "s": "softmax", "c": "softmax"}
"""The activation that an ``O`` ends in; ``c`` is a softmax that is trained by CTC."""


class Unfit(Exception):  # noqa: N818  (it is an answer, not a failure)
    """A word that has no translation at its place."""

    def __init__(self, code: str, message: str, help: str) -> None:
        super().__init__(message)
        self.code, self.message, self.help = code, message, help


@dataclass
class State:
    """A value while it flows through the layers, with the steps of the spec so far.

    ``form`` is ``image`` (width, height, channels), ``line`` or ``column`` of one (steps, channels), or
    ``vector``. In VGSLify an image has its height first, as in Keras.
    """

    form: str
    width: int | None
    height: int | None
    channels: int
    upright: bool = False
    steps: list[str] = field(default_factory=list)

    def add(self, *steps: str) -> None:
        """Add steps of the spec."""
        self.steps += steps

    def branch(self) -> State:
        """Return the same value without any step."""
        return State(self.form, self.width, self.height, self.channels, self.upright)

    def pair(self, y: int, x: int) -> str:
        """Return a size along both axes in the spec's order; one number if they are equal."""
        first, second = (y, x) if self.upright else (x, y)
        return str(first) if first == second else f"({first},{second})"

    def as_line(self) -> None:
        """Drop a height of 1, for layers that run along the line alone."""
        if self.form == "image" and self.height == 1 and not self.upright:
            self.add("reshape(?,_)")
            self.form = "line"


def called(name: str, *arguments: str) -> str:
    """Return a layer's call with those arguments that are not empty."""
    given = [a for a in arguments if a]
    return f"{name}({','.join(given)})" if given else name


# ---- layers that work on images ----------------------------------------------------------------------


def convolution(s: State, act: str, kernel: tuple[int, int], filters: int, strides: tuple[int, int]) -> None:
    """Add a convolution with same padding; sizes are (y, x)."""
    strided = strides != (1, 1)
    if s.form == "image":
        more = f"strides={s.pair(*strides)}" if strided else ""
        s.add(called("conv2d", str(filters), s.pair(*kernel), ACTIVATIONS[act], "same", more))
        s.height, s.width = _shrunk(s.height, strides[0]), _shrunk(s.width, strides[1])
    elif s.form == "line" and kernel[0] == strides[0] == 1:
        more = f"strides={strides[1]}" if strided else ""
        s.add(called("conv1d", str(filters), str(kernel[1]), ACTIVATIONS[act], "same", more))
        s.width = _shrunk(s.width, strides[1])
    else:
        raise _no_height("a convolution over several rows")
    s.channels = filters


def pooling(s: State, kind: str, size: tuple[int, int], strides: tuple[int, int] | None, same: bool) -> None:
    """Add a pooling, ``max`` or ``avg``; sizes are (y, x)."""
    by = strides or size
    if s.form == "image":
        more = f"strides={s.pair(*by)}" if by != size else ""
        s.add(called(f"{kind}pool2d", s.pair(*size), more, "same" if same else ""))
        s.height = _pooled(s.height, size[0], by[0], same)
        s.width = _pooled(s.width, size[1], by[1], same)
    elif s.form == "line" and size[0] == by[0] == 1:
        more = f"strides={by[1]}" if by != size else ""
        s.add(called(f"{kind}pool1d", str(size[1]), more, "same" if same else ""))
        s.width = _pooled(s.width, size[1], by[1], same)
    else:
        raise _no_height("a pooling over several rows")


def _shrunk(size: int | None, stride: int) -> int | None:
    return None if size is None else -(-size // stride)


def _pooled(size: int | None, window: int, stride: int, same: bool) -> int | None:
    if size is None:
        return None
    return -(-size // stride) if same else (size - window) // stride + 1


def _no_height(what: str) -> Unfit:
    return Unfit(
        "ST553", f"{what} needs an image, and here is none left", "move it before what ends the image"
    )


# ---- layers that run along an axis -------------------------------------------------------------------


def recurrent(s: State, kind: str, way: str, axis: str, summary: bool, units: int) -> None:
    """Add an LSTM or GRU along ``x`` or ``y``, for each line of the other axis alone.

    ``summary`` keeps only its last output.
    """
    s.as_line()
    inner = _running(kind, way, "" if summary else "seq", units)
    along_steps = {"line": "x", "column": "y"}.get(s.form)
    if s.form == "image":
        turned = (axis == "x") != s.upright
        # Columns stand behind one another in a spec: a layer along y sees each of them alone.
        s.add(*(["swap"] if turned else []), f"td({inner})", *(["swap"] if turned and not summary else []))
        if summary:
            s.form = "column" if axis == "x" else "line"
    elif along_steps == axis:
        s.add(*inner.split(" -> "))
        s.form = "vector" if summary else s.form
    else:
        there = "height" if axis == "y" else "width"
        raise Unfit("ST553", f"this runs along the {there}, and there is none left", "leave it out")
    if summary:
        s.width, s.height = (1, s.height) if axis == "x" else (s.width, 1)
    s.channels = units * (2 if way == "b" else 1)


def _running(kind: str, way: str, seq: str, units: int) -> str:
    layer = "lstm" if kind == "L" else "gru"
    if way == "b":
        return f"bi({called(layer, str(units), seq)})"
    one = called(layer, str(units), seq, "back" if way == "r" else "")
    return f"{one} -> flip" if way == "r" and seq else one


def plain_recurrent(s: State, call: Callable[[str], str], units: int, every: bool) -> None:
    """Add a recurrent layer over the steps of a line, as Keras has it."""
    if s.form != "line":
        what = "an image" if s.form == "image" else "a vector"
        raise Unfit("ST553", f"a recurrent layer takes steps, and here is {what}", "write Rc3 before it")
    s.add(call("seq" if every else ""))
    s.form = s.form if every else "vector"
    s.channels = units


# ---- other layers ------------------------------------------------------------------------------------


def fold_height(s: State) -> None:
    """Fold the height into the channels."""
    if s.form == "line":
        return
    if s.form != "image" or s.height is None:
        raise Unfit("ST553", "the height goes into the channels, so it must be known", "give it in the input")
    s.add(f"reshape(?,{s.height * s.channels})")
    s.form, s.channels, s.height = "line", s.height * s.channels, 1


def rearrange(s: State, y: int, x: int) -> None:
    """Make one place of each block of y by x places, with all their channels."""
    if s.form != "image" or s.height is None:
        raise Unfit(
            "ST553", "blocks of an image whose height is open cannot be rearranged", "give its height"
        )
    if s.height % y or (s.width is not None and s.width % x):
        raise Unfit("ST553", f"blocks of {y} by {x} do not fill this image", "choose sizes that divide it")
    rows, channels = s.height // y, s.channels
    s.add(
        f"reshape(?,{x},{rows},{y},{channels})", "permute(1,3,4,2,5)", f"reshape(?,{rows},{y * x * channels})"
    )
    s.height, s.channels = rows, y * x * channels
    s.width = None if s.width is None else s.width // x


def dense(s: State, units: int, activation: str) -> None:
    """Add a dense layer at every place."""
    s.add(called("dense", str(units), activation))
    s.channels = units


def flat(s: State) -> None:
    """Flatten the value to one vector, whose size must be known."""
    sizes = {"image": (s.width, s.height), "line": (s.width,), "column": (s.height,), "vector": ()}[s.form]
    if None in sizes:
        raise Unfit("ST553", "all of the image goes in, so its size must be known", "give it in the input")
    if s.form != "vector":
        s.add("flatten")
    for size in sizes:
        s.channels *= size or 1
    s.form = "vector"


def output(s: State, dims: str, kind: str, units: int) -> None:
    """Add the output layer: for every place (2), every step (1), or once (0)."""
    s.as_line()
    wanted = {"2": ("image",), "1": ("line", "column"), "0": ("vector",)}[dims]
    if s.form not in wanted:
        here = {"image": "an image", "line": "a line", "column": "a column", "vector": "one vector"}[s.form]
        there = {"2": "an image", "1": "a sequence", "0": "one vector"}[dims]
        help = f"write O{ {'image': 2, 'vector': 0}.get(s.form, 1) }{kind}{units}"
        if s.form == "image" and dims == "1":
            help = "end the height first, with Lfys64 for one"
        raise Unfit("ST553", f"O{dims} answers for {there}, and here is {here}", help)
    dense(s, units, OUTPUTS[kind])


def joined(s: State, branches: Sequence[State]) -> None:
    """Join branches side by side, with their channels one after the other."""
    first = branches[0]
    if any((b.form, b.width, b.height) != (first.form, first.width, first.height) for b in branches):
        raise Unfit(
            "ST553", "these give different sizes, so they cannot stand side by side", "make them equal"
        )
    flows = ", ".join(" -> ".join(b.steps) or "id" for b in branches)
    s.add(f"[{flows}]", "concat")
    s.form, s.width, s.height = first.form, first.width, first.height
    s.channels = sum(b.channels for b in branches)
