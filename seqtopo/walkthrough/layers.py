"""Which words there are for which layer; the row's own sentence comes first in all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from seqtopo.walkthrough import features, recurrent, windows
from seqtopo.walkthrough.call_view import At
from seqtopo.walkthrough.words import the

_Words = Callable[[At], Iterator[str]]

_MERGING = ("add", "sub", "mul", "avg", "max", "min")
_ATTENTION = ("attention", "additive_attention", "mha", "group_query_attention")
_RANKS = (1, 2, 3)

_SPECIAL: Mapping[str, _Words] = {
    "bi": recurrent.bidirectional,
    "td": recurrent.distributed,
    "repeat": recurrent.repeat,
    "dense": features.dense,
    "embed": features.embedding,
    "mask": features.masking,
    "norm": features.normalized,
    "batchnorm": features.normalized,
    "pos": features.positions,
    "one_hot": features.one_hot,
    "act": features.activation,
    "softmax": features.softmax,
    "mean": features.reduced,
    "sum": features.reduced,
    "concat": features.concatenated,
    **dict.fromkeys(_MERGING, features.merged),
    **dict.fromkeys(_ATTENTION, features.attention),
    **{f"conv{rank}d": windows.convolution for rank in _RANKS},
    **{f"{kind}_conv{rank}d": windows.convolution for kind in ("separable", "depthwise") for rank in (1, 2)},
    **{f"{kind}pool{rank}d": windows.pooling for kind in ("max", "avg") for rank in _RANKS},
    **{f"g{kind}pool{rank}d": windows.everything for kind in ("max", "avg") for rank in _RANKS},
    "last": windows.ends,
    "first": windows.ends,
    "at": windows.one_step,
    "pad": windows.padded,
    "crop": windows.padded,
    "flip": windows.flipped,
    "flatten": windows.flattened,
    "reshape": windows.reshaped,
    "swap": windows.exchanged,
    "permute": windows.exchanged,
    "upsample1d": windows.stretched,
    "conv1d_transpose": windows.stretched,
}
"""By the row's main name. One that is missing here has its sentence and its shapes alone."""


_ENOUGH = ("dense", "act", "softmax")
"""Layers of which the row's sentence would say less than what is said of the call."""


def words_for(at: At, *, new: bool = True) -> list[str]:
    """What a call does: the row's sentence where the layer is ``new``, then what it does with its numbers."""
    inside = at.inside() if at.row.steps else None
    found = list(_special(at)) if inside is None else _at_each_step(at, inside)
    told = found and (not new or at.row.name in _ENOUGH)
    return found if told else [at.row.about, *found]


def _special(at: At) -> Iterator[str]:
    found = _SPECIAL.get(at.row.name)
    if found is None and at.row.recurrent:
        found = recurrent.recurrent
    if found is None and "dropout" in at.row.name:
        found = features.dropped
    return found(at) if found is not None else iter(())


def _at_each_step(at: At, inside: At) -> list[str]:
    """What the layer in a wrapper does with one step, which is all it sees at a time."""
    words = list(_special(inside))
    first, *more = words if words and inside.row.name in _ENOUGH else [inside.row.about, *words]
    return [f"at each of {the(at.steps, 'step')} by itself: {first[:1].lower()}{first[1:]}", *more]
