"""Choose the words for a layer; the row's own sentence comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from seqtopo.layers.row import Role
from seqtopo.walkthrough import features, recurrent, windows
from seqtopo.walkthrough.call_view import CallView, the

_Words = Callable[[CallView], Iterator[str]]

_RANKS = (1, 2, 3)

_BY_ROLE: Mapping[Role, _Words] = {
    "recurrent": recurrent.recurrent,
    "convolution": windows.convolution,
    "attention": features.attention,
    "merge": features.merged,
    "join": features.concatenated,
    "reduction": features.reduced,
    "norm": features.normalized,
    "noise": features.dropped,
}

# Not a fact about layers: which words tell of a call what is special about it.
_SPECIAL: Mapping[str, _Words] = {
    "bi": recurrent.bidirectional,
    "td": recurrent.distributed,
    "repeat": recurrent.repeat,
    "dense": features.dense,
    "embed": features.embedding,
    "mask": features.masking,
    "pos": features.positions,
    "one_hot": features.one_hot,
    "act": features.activation,
    "softmax": features.softmax,
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
"""Functions by the row's main name; rows in neither table have only their sentence and shapes."""


# Not a fact about layers: of which calls the words here say all there is to say.
_ENOUGH = ("dense", "act", "softmax")
"""Layers whose call is described fully, so that the row's sentence is left out."""


def words_for(call: CallView, *, new: bool = True) -> list[str]:
    """Describe a call: the row's sentence where the layer is ``new``, then what it does with its numbers."""
    inside = call.inside() if call.row.steps else None
    found = list(_special(call)) if inside is None else _at_each_step(call, inside)
    enough = found and (not new or call.row.name in _ENOUGH)
    return found if enough else [call.row.about, *found]


def _special(call: CallView) -> Iterator[str]:
    found = _SPECIAL.get(call.row.name) or _BY_ROLE.get(call.row.role)
    return found(call) if found is not None else iter(())


def _at_each_step(call: CallView, inside: CallView) -> list[str]:
    """Return sentences on what the layer in a wrapper does with one step, which is all it sees at a time."""
    words = list(_special(inside))
    first, *more = words if words and inside.row.name in _ENOUGH else [inside.row.about, *words]
    return [f"at each of {the(call.steps, 'step')} by itself: {first[:1].lower()}{first[1:]}", *more]
