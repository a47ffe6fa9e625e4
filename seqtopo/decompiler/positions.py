"""Recognise the vectors that ``pos`` adds to the steps: learned ones, or sinusoids."""

from __future__ import annotations

from math import ldexp
from typing import Any

from seqtopo.decompiler.calls import Call, Ref, refs_in
from seqtopo.decompiler.progress import ModelCalls
from seqtopo.decompiler.slices import Made
from seqtopo.decompiler.values import UnsayableError, plain

WAVES = ("Sin", "Multiply", "Subtract", "Add", "Subtract", "Multiply", "Subtract", "Cumsum", "OnesLike")
"""The operations of the sinusoids, from the last to the first."""


def chain(walk: ModelCalls, ref: Ref, *kinds: str) -> list[Call] | None:
    """Return the calls of these kinds, one behind the other, that end in a value; None for others."""
    found: list[Call] = []
    for kind in kinds:
        call = walk.raw.get(ref._replace(output=0))
        if call is None or call.kind != kind:
            return None
        found.append(call)
        inside = list(refs_in(call.args))
        if not inside:
            return None
        ref = inside[0]
    return found


def positions(walk: ModelCalls, call: Call, refs: list[Ref]) -> Made | None:
    """Return ``pos`` for a value plus vectors that depend on the number of each step."""
    if call.kind != "Add" or len(refs) != 2:
        return None
    added = refs[1]
    cast = chain(walk, added, "Cast")
    if cast is not None:
        added = next(iter(refs_in(cast[0].args)))
    table = chain(walk, added, "Embedding", "Subtract", "Cumsum", "OnesLike", "GetItem")
    if table is not None and next(iter(refs_in(table[-1].args))) == refs[0]:
        config = table[0].settings
        args: dict[str, Any] = {"length": config.get("input_dim")}
        tensor = walk.graph.tensor(walk.values[refs[0]]) if refs[0] in walk.values else None
        if tensor is not None and tensor.shape[0] == args["length"]:
            args.pop("length")
        args["embeddings_initializer"] = config.get("embeddings_initializer")
        args["trainable"] = config.get("trainable", True)
        return Made("pos", args, refs[:1], table=table[0].name)
    waves = chain(walk, added, *WAVES)
    if waves is None:
        return None
    source = chain(walk, next(iter(refs_in(waves[-1].args))), "GetItem")
    if source is None or next(iter(refs_in(source[0].args))) != refs[0]:
        return None
    try:
        values = plain(waves[5].args[1])
    except (UnsayableError, IndexError):
        return None
    if not isinstance(values, tuple) or not all(isinstance(v, float) for v in values):
        return None
    return Made("pos", {"sin": True}, refs[:1]) if _are_rates(values) else None


def _are_rates(values: tuple[float, ...]) -> bool:
    """Return whether values are the rates of Vaswani's sinusoids, cut to their leading bits."""
    width = len(values)
    wanted = [10000.0 ** (-2 * (i // 2) / width) / 6.283185307179586 for i in range(width)]
    return all(abs(v - w) <= ldexp(w, -6) for v, w in zip(values, wanted, strict=True))
