"""Translate slices of a value, ``x[:, -3:, 0]``, to operations of the language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from seqtopo.decompiler import automatic
from seqtopo.decompiler.calls import ELLIPSIS, SLICE, Call, Ref
from seqtopo.decompiler.losses import wrong
from seqtopo.layers.registry import NAMES
from seqtopo.layers.sizes import Size
from seqtopo.layers.values import Tensor


@dataclass(frozen=True)
class Made:
    """A row's name with arguments and inputs, and a note on what is said otherwise ("" for none).

    ``ready`` are arguments that are read already; ``table`` names the layer whose weights it uses.
    """

    name: str
    args: Mapping[str, Any]
    refs: Sequence[Ref]
    remark: str = ""
    ready: Mapping[str, Any] = field(default_factory=dict)
    table: str = ""


def is_ours(call: Call) -> bool:
    """Return whether an operation is a part of one that the emitter wrote."""
    return "-" in call.name


def of_key(call: Call, key: list[Any], tensor: Tensor) -> list[Made] | None:
    """Return the operations of a key on a value, in an order in which axes keep their numbers.

    None if the key cuts the batch, or has a negative stride other than -1 along a whole axis.

    Raises:
        UnreadableError: the value has fewer axes than the key.
    """
    named = sum(part is not None and not _is_ellipsis(part) for part in key)
    if named > len(tensor.shape) + 1 or sum(map(_is_ellipsis, key)) > 1:
        raise wrong(f"{call.name} takes {named} axes of a value that has {len(tensor.shape) + 1}")
    rest: list[Any] = [...] * (len(tensor.shape) + 1 - named)
    at = next((i for i, part in enumerate(key) if _is_ellipsis(part)), len(key))
    parts: list[Any] = [part if part is None else _part(part) for part in key[:at]]
    parts += rest
    parts += [part if part is None else _part(part) for part in key[at + 1 :]]
    if any(part is False for part in parts) or not _keeps_batch(key):
        return None
    if any(isinstance(part, dict) and part.get("step", 1) < 0 and part != {"step": -1} for part in parts):
        return None
    cuts: list[Made] = []
    picks: list[Made] = []
    added: list[Made] = []
    axis = place = 0
    for i, part in enumerate(parts):
        if part == {} and not (is_ours(call) and i == len(key) - 1):
            part = ...
        if part is None:
            added.append(Made("expand", {"axis": place}, ()))
        elif isinstance(part, int):
            picks.insert(0, Made("at", {"index": part, "axis": axis}, ()))
        elif axis and part is not ... and (cut := _cut_of(call, part, tensor.shape[axis - 1])) is not None:
            cuts.append(replace(cut, args={**cut.args, "axis": axis}))
        place += not isinstance(part, int)
        axis += part is not None
    return [*cuts, *picks, *added]


def why_not(key: object) -> str:
    """Return why a spec cannot say a key that :func:`of_key` refused."""
    if isinstance(key, list) and _keeps_batch(key):
        return "a spec cuts at whole numbers, and goes back along the whole of an axis only, with flip"
    return "it cuts the batch, which a spec leaves as it is"


def _keeps_batch(key: list[Any]) -> bool:
    """Return whether a key keeps the first axis as it is."""
    return not key or _is_ellipsis(key[0]) or (key[0] is not None and _part(key[0]) == {})


def _cut_of(call: Call, part: Mapping[str, int], size: Size) -> Made | None:
    """Return the operation that cuts one axis by a slice; None if the slice takes it whole."""
    if part.get("step", 1) < 0:
        return Made("flip", {}, ())
    start, stop, step = part.get("start", 0), part.get("stop"), part.get("step", 1)
    stem = call.name.split("-")[0]
    named = next((row for row in ("slice", "crop") if automatic.split(stem, NAMES[row])[0]), "")
    if isinstance(size, int) and not is_ours(call):
        first, end, step = slice(start, stop, step).indices(size)
        if (first, step) == (0, 1) and end >= size:
            return None
        # Keras takes a bound beyond the ends for the end.
        start = max(start, -size) if start < 0 else start
        stop = None if stop is not None and stop >= size else stop
    if step == 1 and named == "crop" and start >= 0 and (stop is None or stop < 0):
        return Made("crop", {"before": start, "after": -(stop or 0)}, ())
    if step == 1 and not named:
        if start < 0 and stop is None:
            return Made("last", {"n": -start}, ())
        if not start and stop is not None and stop > 0:
            return Made("first", {"n": stop}, ())
    return Made("slice", {"start": start, "stop": stop, "step": step}, ())


def _is_ellipsis(part: Any) -> bool:
    return isinstance(part, dict) and part.get("class_name") == ELLIPSIS


def _part(part: Any) -> dict[str, int] | int | bool:
    """Return a slice of one axis as a dictionary, or an index; False for anything else."""
    if type(part) is int:
        return part
    config = part.get("config") if isinstance(part, dict) and part.get("class_name") == SLICE else None
    if not isinstance(config, dict):
        return False
    found = {name: config[name] for name in ("start", "stop", "step") if config.get(name) is not None}
    return found if all(type(v) is int for v in found.values()) else False
