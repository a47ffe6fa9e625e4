"""Arguments for a row's call, as text: of each parameter's kind, and now and then of another."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

from seqtopo.graph.scope import Evaluator, Scope
from seqtopo.layers.objects import entry_of, names
from seqtopo.layers.registry import NAMES
from seqtopo.layers.row import REQUIRED, Param, Row
from seqtopo.layers.sizes import Size, product
from seqtopo.layers.values import DTYPES, Refusal, Tensor
from seqtopo.source import Source
from seqtopo.syntax.parse import parse

_NUMBERS = (
    "1",
    "2",
    "2",
    "3",
    "4",
    "5",
    "6",
    "8",
    "0",
    "-1",
    "0.1",
    "0.25",
    "0.5",
    "1.0",
    "1.5",
    "-2",
    "-0.5",
)
_WORDS = (
    "true", "false", "none", "time", "features", "channels_first", "channels_last", "valid", "same",
    "causal", "auto", "sum", "mul", "concat", "ave", "dot", "multi_hot", "count", "one_hot", "nearest",
    "bilinear", "bicubic", "log", "magnitude", "psd", "hann", "hamming", "density", "spectrum",
    "mixed_float16", "mixed_bfloat16", "int8", "float8",
)  # fmt: skip
_TUPLES = (
    "(1,2)", "(2,1)", "(2,2)", "(3,2)", "(1,1)", "(1,)", "(2,)", "(-1,)", "(1,1,1)", "(1,2,1)", "(2,2,2)",
    "((1,0),(0,1))", "((1,1),(1,0),(0,1))", "(2,3,4)", "(0,1)", "()", "(0.1,0.9)", "(-1,1)",
)  # fmt: skip
_OBJECTS = (
    "l2(0.01)", "l1(0.1)", "l1_l2(l1=0.01)", "orthogonal_regularizer(0.1)", "max_norm(2)",
    "unit_norm(axis=0)",
    "min_max_norm(0,1)", "orthogonal(gain=2)", "constant(0.5)", "random_normal(stddev=0.1)", "identity(2)",
    "variance_scaling(1.0)", "leaky_relu(negative_slope=0.1)", "softmax(axis=-1)", "relu(max_value=6)", "'x'",
)  # fmt: skip
_FAMILIES = ("activation", "initializer", "regularizer", "constraint")

POOL: tuple[str, ...] = (
    *_NUMBERS, *_WORDS, *_TUPLES, *_OBJECTS, *DTYPES, *(n for f in _FAMILIES for n in names(f)),
)  # fmt: skip
"""Values as a spec writes them: for every kind, some that it takes and many that it does not."""


@cache
def value_of(text: str) -> Any:
    """Return the value of an argument's text."""
    spec, _ = parse(Source(f"in({text})"))
    assert spec is not None, text
    call = spec.statements[0].value  # type: ignore[union-attr]
    return Evaluator().value(call.args[0].value, Scope())  # type: ignore[union-attr]


@cache
def _fitting(row: str, name: str) -> tuple[str, ...]:
    """The pool's values that a row's parameter takes."""
    param = NAMES[row].by_name[name]
    found = []
    for text in dict.fromkeys(POOL):
        try:
            param.kind.read(value_of(text))
        except Refusal:
            continue
        # A switch is not drawn as none, nor anything as what it is by default: most draws would be.
        found += [text] * (1 if text == "none" else 3)
    return tuple(found)


Hint = Callable[[Random, tuple[Tensor, ...]], str]


def _reshape(random: Random, come: tuple[Tensor, ...]) -> str:
    sizes = [s for t in come for s in t.shape]
    whole: Size = product(sizes)
    if isinstance(whole, int):
        a = random.choice([d for d in range(1, 13) if whole % d == 0] + [5])
        return random.choice(
            (f"({a},{max(whole // a, 1)})", f"({a},?)", "(-1,)", f"({whole},)", f"({a},-1,1)")
        )
    last = sizes[-1] if isinstance(sizes[-1], int) else 1
    return random.choice((f"(?,{last})", f"(-1,1,{last})", "(?,2)", "(?,1)", "(4,?)"))


def _permutation(random: Random, come: tuple[Tensor, ...]) -> str:
    order = list(range(1, len(come[0].shape) + 1)) if come else [1]
    random.shuffle(order)
    return f"({','.join(map(str, order))},)"


def _channel_divisor(random: Random, come: tuple[Tensor, ...]) -> str:
    last = come[0].shape[-1] if come and come[0].shape else 1
    return str(random.choice([d for d in range(1, 9) if isinstance(last, int) and last % d == 0] or [1]))


def _moments(random: Random, come: tuple[Tensor, ...]) -> str:
    last = come[0].shape[-1] if come and come[0].shape else 1
    if isinstance(last, int) and last < 20 and random.random() < 0.3:
        return f"({','.join(['0.5'] * last)},)"
    return "0.5"


def _equation(random: Random, come: tuple[Tensor, ...]) -> str:
    rank = len(come[0].shape) if come else 1
    letters = "abcde"[: rank + 1]
    return repr(
        random.choice(
            (f"{letters},{letters[-1]}z->{letters[:-1]}z", "...x,xy->...y", "ab,bc->ac", "abc,cde->abde")
        )
    )


def _einsum_shape(random: Random, come: tuple[Tensor, ...]) -> str:
    sizes = [str(s) if isinstance(s, int) else "none" for t in come for s in t.shape]
    return random.choice(("4", f"({','.join([*sizes[:-1], '4'])},)", "(none,4)", "(none,2,3)", "4"))


def _single(random: Random, come: tuple[Tensor, ...]) -> str:
    found = [i for t in come for i, s in enumerate(t.shape, 1) if s == 1]
    return str(random.choice(found or [1]))


HINTS: dict[tuple[str, str], Hint] = {
    ("reshape", "target_shape"): _reshape,
    ("squeeze", "axis"): _single,
    ("permute", "dims"): _permutation,
    ("group_normalization", "groups"): _channel_divisor,
    ("normalization", "mean"): _moments,
    ("normalization", "variance"): _moments,
    ("einsum_dense", "equation"): _equation,
    ("einsum_dense", "output_shape"): _einsum_shape,
    ("group_query_attention", "num_query_heads"): lambda r, _: r.choice(("4", "2", "6")),
    ("group_query_attention", "num_key_value_heads"): lambda r, _: r.choice(("2", "1", "4")),
    ("stft_spectrogram", "frame_length"): lambda r, _: r.choice(("4", "5", "8")),
    ("stft_spectrogram", "fft_length"): lambda r, _: r.choice(("8", "4", "16")),
    ("mel_spectrogram", "fft_length"): lambda r, _: r.choice(("8", "16", "4")),
    ("mel_spectrogram", "sequence_length"): lambda r, _: r.choice(("8", "4")),
    ("mel_spectrogram", "sequence_stride"): lambda r, _: r.choice(("2", "4", "8")),
    ("mel_spectrogram", "num_mel_bins"): lambda r, _: r.choice(("4", "2")),
}
"""The parameters whose value must go with the incoming shape or with another value."""

_FRONT = ("normalization", "einsum_dense", "mel_spectrogram")
"""Rows that are nothing without some of their optional parameters."""


def call_text(random: Random, row: Row, come: tuple[Tensor, ...], inner: str, *, call: bool = True) -> str:
    """A call of a row with drawn arguments; ``inner`` is what a wrapper wraps, and ``call`` says
    whether arguments of the layer's call are drawn too.
    """
    positional = [p.rstrip("*") for p in row.positional]
    args: list[str] = []
    used: set[str] = set()
    for name in positional:
        param = row.by_name[name]
        if param.default is not REQUIRED and random.random() < 0.6:
            break
        text = inner if param.kind.takes == "layer" else _value(random, row, param, come)
        if not text:
            break
        args.append(text)
        used.add(param.name)
    named: list[str] = []
    for param in row.params:
        if param.name in used:
            continue
        if param.default is REQUIRED or (row.name in _FRONT and (row.name, param.name) in HINTS):
            named.append(
                f"{param.name}={inner if param.kind.takes == 'layer' else _value(random, row, param, come)}"
            )
            used.add(param.name)
    for _ in range(random.choice((0, 0, 1, 1, 2, 3))):
        _more(random, row, come, named, used, inner, call=call)
    args += named
    name = random.choice((row.name, row.name, row.name, *row.aliases))
    # Bare, an activation's name is that function, and not the layer of the name.
    return f"{name}({','.join(args)})" if args or entry_of("activation", name) else name


def _more(
    random: Random,
    row: Row,
    come: tuple[Tensor, ...],
    named: list[str],
    used: set[str],
    inner: str,
    *,
    call: bool,
) -> None:
    """One more argument: a flag, or one by its name."""
    if not row.by_name:
        return
    if random.random() < 0.45 and row.flags:
        word = random.choice([w for w in row.flags if w not in ("return_state", "return_attention_scores")])
        param = row.flags[word][0]
        if param.name not in used and (call or not param.call):
            named.append(word)
            used.add(param.name)
        return
    every = list({id(p): p for p in row.by_name.values()}.values())
    param = (
        row.by_name["dtype"] if "dtype" in row.by_name and random.random() < 0.06 else random.choice(every)
    )
    if param.name in (*used, "return_state", "return_attention_scores", "name") or (param.call and not call):
        return
    if param.kind.takes == "layer":
        text = inner.replace("4", "5") if random.random() < 0.2 else inner
    else:
        text = _value(random, row, param, come)
    if text:
        named.append(f"{random.choice((param.name, param.short or param.name))}={text}")
        used.add(param.name)


def _value(random: Random, row: Row, param: Param, come: tuple[Tensor, ...]) -> str:
    """A value for a parameter: of its kind, but for a few."""
    if param.kind.takes in ("tensor", "tensors"):
        return _tensors(random, param, come)
    if random.random() < 0.015:
        return random.choice(POOL)
    hint = HINTS.get((row.name, param.name))
    if hint is not None and random.random() < 0.9:
        return hint(random, come)
    if param.name in ("units", "filters", "output_dim") and random.random() < 0.15:
        return random.choice(("_", "_//2", "U"))
    fitting = _fitting(row.name, param.name)
    return random.choice(fitting) if fitting else ""


def _tensors(random: Random, param: Param, come: tuple[Tensor, ...]) -> str:
    """Values for an argument of a layer's call: states, or masks over the steps."""
    if param.name == "initial_state":
        state = f"in({random.choice((1, 2, 3, 4, 4, 8))})"
        return f"[{state}, {state}]" if random.random() < 0.6 else state
    shape = [str(s) for s in come[0].shape[:-1]] if come else ["4"]
    if any("?" in s for s in shape):
        return ""
    mask = f"in({','.join([*shape, 'bool'])})"
    if param.name == "attention_mask":
        return f"in({','.join([*shape, *shape, 'bool'])})"
    return f"[{mask}, {mask}]" if param.kind.takes == "tensors" else mask
