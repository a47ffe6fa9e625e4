"""List the words of VGSL, one row each, in the dialects of Tesseract, kraken and VGSLify."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from seqtopo.vgsl.state import (
    ACTIVATIONS,
    State,
    Unfit,
    called,
    convolution,
    dense,
    flat,
    fold_height,
    output,
    plain_recurrent,
    pooling,
    rearrange,
    recurrent,
)

TESSERACT, KRAKEN, VGSLIFY = DIALECTS = ("tesseract", "kraken", "vgslify")
BOTH = (TESSERACT, KRAKEN)
N = r"([1-9]\d{0,5})"
NAME = r"(?:\{(?P<name>[^{}\s]+)\})?"


@dataclass(frozen=True)
class Word:
    """One kind of word: its text, its meaning, its dialects, its pattern, and its effect.

    ``does`` is None for a word that is known but that no spec can say.
    """

    written: str
    about: str
    dialects: tuple[str, ...]
    pattern: str
    does: Callable[[State, tuple[str, ...]], None] | None = None

    def match(self, word: str) -> re.Match[str] | None:
        """Return the match of a whole word, or None."""
        return re.fullmatch(self.pattern, word)


def _numbers(given: tuple[str, ...]) -> list[int]:
    return [int(g) for g in given if g and g.isdigit()]


def _tesseract_conv(s: State, given: tuple[str, ...]) -> None:
    y, x, filters, *more = _numbers(given[1:])
    convolution(s, given[0], (y, x), filters, (more[0], more[1]) if more else (1, 1))


def _vgslify_conv(s: State, given: tuple[str, ...]) -> None:
    x, y, *strides, filters = _numbers(given[1:])
    convolution(s, given[0], (x, y), filters, (strides[0], strides[1]) if strides else (1, 1))


def _pool(kind: str, same: bool, s: State, given: tuple[str, ...]) -> None:
    y, x, *strides = _numbers(given)
    pooling(s, kind, (y, x), (strides[0], strides[1]) if strides else None, same)


def _recurrent(s: State, given: tuple[str, ...]) -> None:
    kind, way, axis, summary, units = given
    recurrent(s, kind, way, axis, bool(summary), int(units))


def _keras_recurrent(s: State, given: tuple[str, ...]) -> None:
    kind, way, every, units, drop, again = given
    layer = "lstm" if kind == "L" else "gru"
    back = "back" if way == "r" else ""
    more = (_rate("dropout=", drop), _rate("recurrent_dropout=", again))
    plain_recurrent(s, lambda seq: called(layer, units, seq, back, *more), int(units), bool(every))


def _keras_both_ways(s: State, given: tuple[str, ...]) -> None:
    kind, units, drop, again = given
    layer = "lstm" if kind == "l" else "gru"
    more = (_rate("dropout=", drop), _rate("recurrent_dropout=", again))
    plain_recurrent(s, lambda seq: f"bi({called(layer, units, seq, *more)})", 2 * int(units), True)


def _rate(before: str, percent: str) -> str:
    if not percent:
        return ""
    if int(percent) > 99:
        raise Unfit("ST553", f"a rate of {percent} per cent would leave nothing", "write one from 0 to 99")
    return f"{before}{int(percent) / 100:g}"


def _dropout(s: State, given: tuple[str, ...]) -> None:
    rate, dims = float(given[0] or 0.5), given[1]
    if rate >= 1:
        raise Unfit("ST553", f"a rate of {rate:g} would leave nothing", "write one below 1")
    # With 2 it drops whole channels, wherever they are.
    layer = {"image": "spatial_dropout2d", "line": "spatial_dropout1d"}.get(s.form, "dropout")
    s.add(f"{layer if dims == '2' else 'dropout'}({rate:g})")


def _into_channels(s: State, given: tuple[str, ...]) -> None:
    axis, kept, moved, first, second = map(int, given)
    height = 1 if s.form == "line" else s.height
    if (axis, kept, first, second) != (1, 1, 1, 3) or moved not in (0, height):
        raise Unfit(
            "ST552", "only the whole height can go into the channels", f"write S1(1x{height or 0})1,3"
        )
    fold_height(s)


def _blocks(s: State, given: tuple[str, ...]) -> None:
    rearrange(s, int(given[0]), int(given[1]))


def _everywhere(s: State, given: tuple[str, ...]) -> None:
    dense(s, int(given[1]), ACTIVATIONS[given[0]])


def _connected(s: State, given: tuple[str, ...]) -> None:
    flat(s)
    dense(s, int(given[1]), ACTIVATIONS[given[0]])


def _groups(s: State, given: tuple[str, ...]) -> None:
    if s.channels % int(given[0]):
        raise Unfit("ST553", f"{s.channels} channels do not fall into {given[0]} groups", "choose a divisor")
    s.add(f"groupnorm({given[0]})")


def _steps(s: State, given: tuple[str, ...]) -> None:
    if s.form == "image":
        s.add(f"reshape(?,{s.channels})")
        s.form, s.width = "line", None if None in (s.width, s.height) else (s.width or 0) * (s.height or 0)


def _reshape(s: State, given: tuple[str, ...]) -> None:
    sizes = _numbers(given)
    s.add(f"reshape({','.join(map(str, sizes))})")
    s.form = {3: "image", 2: "line", 1: "vector"}[len(sizes)]
    s.channels = sizes[-1]
    s.height, s.width = (sizes[0], sizes[1]) if len(sizes) == 3 else (1, sizes[0])


def _output(s: State, given: tuple[str, ...]) -> None:
    output(s, given[0], given[1], int(given[2]))


def _keras_output(s: State, given: tuple[str, ...]) -> None:
    # VGSLify looks at neither the number of dimensions nor what comes in.
    dense(s, int(given[2]), {"s": "softmax", "l": "", "c": "softmax"}[given[1]])


RATES = r"(?:,D(\d{1,3}))?(?:,Rd(\d{1,3}))?"
WORDS = (
    Word(
        "C(s|t|r|l|m)Y,X,D",
        "a convolution, Y by X, of D channels",
        (TESSERACT,),
        rf"C([strlm]){N},{N},{N}",
        _tesseract_conv,
    ),
    Word(
        "C(s|t|r|l|m)Y,X,D[,SY,SX]",
        "a convolution, Y by X, of D channels, with strides",
        (KRAKEN,),
        rf"C([strlm]){NAME}{N},{N},{N}(?:,{N},{N})?",
        _tesseract_conv,
    ),
    Word(
        "C(s|t|r|l|m)X,Y,[SX,SY,]D",
        "a convolution, X by Y, of D channels, with strides",
        (VGSLIFY,),
        rf"C([strlm]){N},{N},(?:{N},{N},)?{N}",
        _vgslify_conv,
    ),
    Word("MpY,X", "the maximum of each Y by X", (TESSERACT,), rf"Mp{N},{N}", partial(_pool, "max", False)),
    Word(
        "MpY,X[,SY,SX]",
        "the maximum of each Y by X, with strides",
        (KRAKEN,),
        rf"Mp{NAME}{N},{N}(?:,{N},{N})?",
        partial(_pool, "max", False),
    ),
    Word(
        "MpX,Y[,SX,SY]",
        "the maximum of each X by Y, with strides",
        (VGSLIFY,),
        rf"Mp{N},{N}(?:,{N},{N})?",
        partial(_pool, "max", True),
    ),
    Word("ApX,Y[,SX,SY]", "their mean", (VGSLIFY,), rf"Ap{N},{N}(?:,{N},{N})?", partial(_pool, "avg", True)),
    Word(
        "L(f|r|b)(x|y)[s]N",
        "an LSTM along x or y: forwards, in reverse, both ways; s keeps its end",
        (TESSERACT,),
        rf"(L)([frb])([xy])(s)?{N}",
        _recurrent,
    ),
    Word(
        "(L|G)(f|r|b)(x|y)[s]N",
        "an LSTM or GRU along x or y",
        (KRAKEN,),
        rf"([LG])([frb])([xy])(s)?{NAME}{N}",
        _recurrent,
    ),
    Word(
        "(L|G)(f|r)[s]N[,DP][,RdP]",
        "an LSTM or GRU; here s keeps every step",
        (VGSLIFY,),
        rf"([LG])([fr])(s)?{N}{RATES}",
        _keras_recurrent,
    ),
    Word(
        "B(l|g)N[,DP][,RdP]", "an LSTM or GRU both ways", (VGSLIFY,), rf"B([lg]){N}{RATES}", _keras_both_ways
    ),
    Word("L(S|E)N", "an LSTM that ends in a softmax of its own", (TESSERACT,), rf"L[SE]{N}"),
    Word("F(s|t|r|l|m)N", "all of the image to N numbers", BOTH, rf"F([strlm]){N}", _connected),
    Word("F(s|t|r|l|m)N", "a dense layer", (VGSLIFY,), rf"F([strlm]){N}", _everywhere),
    Word("SY,X", "each Y by X becomes one place, with more channels", (TESSERACT,), rf"S{N},{N}", _blocks),
    Word(
        "S1(1xH)1,3",
        "the height H goes into the channels; 0 is all there is",
        (KRAKEN,),
        rf"S{NAME}(\d)\((\d{{1,6}})x(\d{{1,6}})\)(\d),(\d)",
        _into_channels,
    ),
    Word(
        "Do[P][,2]",
        "dropout, P being 0.5; with 2, of whole channels",
        (KRAKEN,),
        rf"Do{NAME}(\d(?:\.\d{{1,6}})?)?(?:,([12]))?",
        _dropout,
    ),
    Word(
        "DP",
        "dropout of P per cent",
        (VGSLIFY,),
        r"D(\d{1,3})",
        lambda s, g: s.add(_rate("dropout(", g[0]) + ")"),
    ),
    Word("GnN", "a normalization of N groups", (KRAKEN,), rf"Gn{NAME}{N}", _groups),
    Word("Bn", "a batch normalization", (VGSLIFY,), r"Bn", lambda s, g: s.add("batchnorm")),
    Word("Flt", "everything in one vector", (VGSLIFY,), r"Flt", lambda s, g: flat(s)),
    Word("Rc2", "everything in one vector, too", (VGSLIFY,), r"Rc2", lambda s, g: flat(s)),
    Word("Rc3", "an image becomes steps, one a place", (VGSLIFY,), r"Rc3", _steps),
    Word("RX[,Y[,Z]]", "a new shape", (VGSLIFY,), rf"R{N}(?:,{N}(?:,{N})?)?", _reshape),
    Word("RBC..., RBdC...", "a residual block", (VGSLIFY,), rf"RBd?C[strlm]{N},{N},{N}"),
    Word("RN, Rx, Ry", "a network several times over, or in reverse", (TESSERACT,), r"R(?:\d+|xy?|y)"),
    Word(
        "O(2|1|0)(l|s|c)N",
        "the answer for each place (2), each step (1), all (0): sigmoid, softmax, CTC",
        BOTH,
        rf"O([210])([lsc]){NAME}{N}",
        _output,
    ),
    Word(
        "O(2|1|0)(l|s|c)N",
        "the answer: linear, softmax, softmax",
        (VGSLIFY,),
        rf"O([210])([lsc]){N}",
        _keras_output,
    ),
)


def table() -> str:
    """Return the words by dialect, as a table to read.

    >>> print(table().splitlines()[0])
    tesseract
    """
    found = []
    for dialect in DIALECTS:
        words = [w for w in WORDS if dialect in w.dialects and w.does is not None]
        wide = max(len(w.written) for w in words)
        found += [dialect, *(f"  {w.written:{wide}}  {w.about}" for w in words)]
    return "\n".join(found)
