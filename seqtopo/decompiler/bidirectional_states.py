"""The states of a two-directional layer, merged for a layer that starts from them.

``[h, c]`` of ``bi(lstm(4))`` are four states in Keras; a decoder of one direction starts from two that are
twice as wide. A spec says that as ``init=encoder.state``, with the merging left to the emitter.
"""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.decompiler.calls import Call, Calls, Ref, refs_in
from seqtopo.layers.table import NAMES
from seqtopo.layers.wrappers import merging_row


def merging_states(calls: Calls) -> frozenset[Ref]:
    """The calls that merge states of both directions, where nothing takes what they give but layers that
    start from all of them.
    """
    handed: list[list[Ref]] = []
    other = set(calls.outputs)
    for call in calls.ordered:
        starts = list(_starts(call))
        merged = _are_merged(calls, starts)
        if merged:
            handed.append(starts)
        other |= {ref for ref in refs_in([call.args, call.kwargs]) if not (merged and ref in starts)}
    # Where something else takes one of them, the layer must be given all that it starts from otherwise.
    while taken := [starts for starts in handed if not other.isdisjoint(starts)]:
        other.update(ref for starts in taken for ref in starts)
        handed = [starts for starts in handed if starts not in taken]
    return frozenset(ref for starts in handed for ref in starts)


def _starts(call: Call) -> Iterator[Ref]:
    """The initial states that a call is given."""
    given = call.kwargs.get("initial_state", call.args[1] if len(call.args) > 1 else None)
    return iter(() if call.is_operation else refs_in(given))


def _are_merged(calls: Calls, starts: list[Ref]) -> bool:
    """Whether states are those of both directions of one layer, each merged with its other half."""
    merges = [calls.by_ref.get(ref) for ref in starts]
    pairs = [tuple(refs_in(merge.args)) if merge is not None else () for merge in merges]
    if not pairs or not pairs[0]:
        return False
    reader = calls.by_ref.get(pairs[0][0]._replace(output=0))
    if reader is None or reader.kind != "Bidirectional":
        return False
    mode = reader.settings.get("merge_mode")
    kind = NAMES[merging_row(mode)].keras
    right = all(m is not None and m.kind == kind and m.settings.get("axis", -1) == -1 for m in merges)
    # Behind the outputs come the states of the forward layer, then those of the other.
    first, half = (2 if mode is None else 1), len(starts)
    wanted = [tuple(reader.ref._replace(output=first + i + j) for j in (0, half)) for i in range(half)]
    return right and pairs == wanted
