"""Recognise samples of unequal lengths, and pad them to one length."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from seqtopo.data.array import KINDS, Array, Padding, array_in_file, from_header, from_object
from seqtopo.data.given import NotData, members, one_a_sample
from seqtopo.data.headers import Header, Unreadable, read_headers
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.graph import Graph, Node
from seqtopo.graph.masks import masked_value
from seqtopo.layers.sizes import Shape
from seqtopo.source import Span
from seqtopo.system.bounds import PADDED_NUMBERS

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Slot:
    """The input or output that padded samples are for.

    ``name`` is its name and ``rank`` that of a sample, if it is known. ``steps`` is the declared number (None
    for any), and ``value`` the padding that its masks recognise.
    """

    name: str
    rank: int | None = None
    steps: int | None = None
    value: float = 0


def slots_of(graph: Graph, side: str, names: Sequence[str]) -> list[Slot]:
    """Return the slots of the inputs (``x``) or the outputs, in order; ``names`` are those in the data."""
    if side == "x":
        ends = [graph.nodes[i] for i in graph.inputs]
        shapes = [node.outputs[0].shape if node.outputs else () for node in ends]
        values = [padding_value(graph, node) for node in ends]
    else:
        found = [graph.tensor(value) for value in graph.outputs]
        # Labels have steps where the answers have: of one answer for the whole there is nothing to pad.
        shapes = [tensor.shape if tensor is not None and len(tensor.shape) > 1 else () for tensor in found]
        values = [0.0] * len(shapes)
    ranks = [len(shape) if side == "x" else None for shape in shapes]
    return [Slot(*one) for one in zip(names, ranks, map(_steps, shapes), values, strict=True)]


def _steps(shape: Shape) -> int | None:
    return shape[0] if shape and isinstance(shape[0], int) else None


def padding_value(graph: Graph, source: Node) -> float:
    """Return the padding value of the first layer that masks steps of an input; 0 if no layer does."""
    node = next((n for n in users(graph, source) if masked_value(n) is not None), None)
    return (masked_value(node) if node is not None else None) or 0


def users(graph: Graph, source: Node) -> list[Node]:
    """Return the nodes that take an input's value unchanged."""
    return [n for n in graph.nodes if n.inputs and n.inputs[0].node == source.index]


def padded(
    name: str, samples: Sequence[Any], slot: Slot, at: str = "end", *, bounded: bool = False
) -> tuple[Numbers, Padding]:
    """Return samples in one array (samples, steps, ...), and the record of their padding.

    The array has the steps of the longest sample, or as many as the slot declares, which no sample may exceed
    if it is ``bounded``.

    Raises:
        NotData: they are not arrays of numbers that differ in their steps alone, or hold too many numbers.
    """
    try:
        import numpy as np
    except ImportError:
        from seqtopo.system.packages import get_extra  # it takes long to load

        help = f"install a backend, which brings it: {get_extra('jax')}"
        raise NotData(
            Diagnostic("ST738", "padding needs NumPy, which is not installed", Span(0, 0), help=help)
        ) from None
    arrays = [_plain(f"{name}[{i}]", sample) for i, sample in enumerate(samples)]
    if not arrays:
        _refuse(f"{name} is empty: there are no samples to pad", "look at how it was cut or filtered")
    _look_at_shapes(name, [array.shape for array in arrays])
    first, lengths = arrays[0], [len(array) for array in arrays]
    steps = max(*lengths, slot.steps or 0, 0)
    if bounded and slot.steps is not None and steps > slot.steps:
        longest = lengths.index(steps)
        _refuse(
            f"{name}[{longest}] has {steps} steps, more than {slot.steps}",
            "cut it first: padding takes nothing away",
        )
    shape = (len(arrays), steps, *first.shape[1:])
    _look_at_size(name, shape, lengths)
    dtype = np.result_type(*{array.dtype for array in arrays})
    if not np.can_cast(np.min_scalar_type(slot.value), dtype) and dtype.kind != "f":
        dtype = np.result_type(dtype, np.min_scalar_type(slot.value))
    made = np.full(shape, slot.value, dtype)
    equal = 0
    for row, array in zip(made, arrays, strict=True):
        row[slice(len(array)) if at == "end" else slice(steps - len(array), None)] = array
        same = array == slot.value
        equal += int(same.reshape(len(array), -1).all(axis=1).sum())
    # NaN and infinite numbers have a finding of their own.
    low = min(float(array.min(initial=0, where=np.isfinite(array))) for array in arrays)
    return made, Padding(slot.value, steps * len(arrays) - sum(lengths), equal, sum(lengths), low)


def _plain(name: str, sample: Any) -> Numbers:
    import numpy as np

    try:
        array = np.asarray(sample)
    except (ValueError, TypeError, RuntimeError, OverflowError):
        _refuse(f"{name} is not an array: its steps are not alike", "give each step as many numbers")
    if array.dtype.kind not in "fiub":
        words = KINDS.get(array.dtype.kind, "something that is not a number")
        _refuse(f"{name} holds {words}, not numbers", "make ids of words first, and numbers of the rest")
    return array


def _look_at_shapes(name: str, shapes: Sequence[tuple[int, ...]]) -> None:
    first = shapes[0]
    for i, shape in enumerate(shapes):
        if not shape:
            _refuse(
                f"{name}[{i}] is a single number, not a sample of steps", "give one array for each sample"
            )
        if not shape[0]:
            _refuse(f"{name}[{i}] has no steps", "leave it out, in the labels too")
        if 0 in shape:
            _refuse(f"{name}[{i}] has no features", "look at how it was read")
        if shape[1:] != first[1:]:
            _refuse(
                f"{name}[0] is {first}, but {name}[{i}] is {shape}: padding evens out the steps alone, the "
                "first axis",
                "give each sample as (steps, features), with the same features",
            )


def _look_at_size(name: str, shape: tuple[int, ...], lengths: Sequence[int]) -> None:
    if math.prod(shape) > PADDED_NUMBERS:
        longest = lengths.index(max(lengths))
        _refuse(
            f"{name} would be {' x '.join(f'{size:,}' for size in shape)} numbers when padded, more than "
            f"{PADDED_NUMBERS:,}: {name}[{longest}] has {max(lengths):,} steps",
            "cut long samples into pieces, or leave them out",
        )


def _refuse(message: str, help: str) -> NoReturn:
    raise NotData(Diagnostic("ST738", message, Span(0, 0), help=help))


def padded_array(name: str, samples: Sequence[Any], slot: Slot) -> Array:
    """Return samples padded by ``padded``, as an array of data with its record of padding."""
    made, padding = padded(name, samples, slot)
    found = from_object(name, made)
    assert found is not None
    return replace(found, padding=padding, numbers=made)


def padded_given(side: str, data: Any, slots: Sequence[Slot]) -> Any:
    """Return what was given for one side, with samples of unequal lengths padded and all else unchanged.

    Raises:
        NotData: they cannot be padded.
    """
    if isinstance(data, Mapping):
        by_name = {slot.name: slot for slot in slots}
        return {
            name: _item(f"{side}[{str(name)!r}]", item, by_name.get(str(name), Slot(str(name))))
            for name, item in data.items()
        }
    paths = isinstance(data, (list, tuple)) and all(isinstance(item, (str, Path)) for item in data)
    if isinstance(data, (list, tuple)) and (paths or len(slots) > 1) and len(data) == len(slots):
        called = [side if len(slots) == 1 else f"{side}[{i}]" for i in range(len(data))]
        return [_item(*one) for one in zip(called, data, slots, strict=True)]
    if isinstance(data, (str, Path)):
        return _in_file(side, Path(data), slots)
    return _item(side, data, slots[0]) if len(slots) == 1 else data


def _item(name: str, item: Any, slot: Slot) -> Any:
    if isinstance(item, (str, Path)):
        return _in_file(name, Path(item), [slot])
    listed = isinstance(item, (list, tuple))
    found = from_object(name, item) if not listed else None
    if not listed and (found is None or found.kind != "O" or len(found.shape) != 1):
        return item
    if listed and not _are_samples(item, slot):
        return item
    return padded_array(name, item, slot)


def _are_samples(items: Sequence[Any], slot: Slot) -> bool:
    """Return whether a list holds samples, and not numbers or one array of all samples."""
    if not items or not all(
        hasattr(item, "__len__") and not isinstance(item, (str, bytes)) for item in items
    ):
        return False
    axes = getattr(items[0], "ndim", None)
    return len(items) > 1 or axes is None or slot.rank is None or axes <= slot.rank


def _in_file(name: str, path: Path, slots: Sequence[Slot]) -> Any:
    try:
        headers = read_headers(path)
    except Unreadable as error:
        raise NotData(error.diagnostic(path)) from None
    side, names = name.partition("[")[0], [slot.name for slot in slots]
    if members(side, headers, names) is not None:
        return path
    found = one_a_sample(side, headers, names)
    if found is None:
        return path
    made = [
        from_header(name, headers[slot.name])
        if group == [slot.name]
        else from_file(name, path, headers, group, slot)
        for group, slot in zip(found, slots, strict=True)
    ]
    return made[0] if len(made) == 1 else dict(zip(names, made, strict=True))


def from_file(
    name: str, path: Path, headers: Mapping[str, Header], group: Sequence[str], slot: Slot
) -> Array:
    """Return the padded samples in a file that has an array for each of them; no pickle is opened.

    Raises:
        NotData: one is missing, or they cannot be padded.
    """
    first = int(group[0].rpartition("_")[2])
    for place, member in enumerate(group, first):
        if int(member.rpartition("_")[2]) != place:
            stem = member.rpartition("_")[0]
            _refuse(
                f"{path.name} lacks {stem}_{place}, between {group[place - first - 1]} and {member}",
                "save the samples anew, numbered without a gap",
            )
        if headers[member].kind not in "fiub":
            words = from_header(member, headers[member]).words
            _refuse(
                f"{member} in {path.name} holds {words}, not numbers",
                "save one array of numbers for each sample",
            )
    _look_at_shapes(name, [headers[member].shape for member in group])
    lengths = [headers[member].shape[0] for member in group]
    _look_at_size(name, (len(group), max(lengths), *headers[group[0]].shape[1:]), lengths)
    try:
        samples = [array_in_file(headers[member]) for member in group]
    except Unreadable as error:
        raise NotData(error.diagnostic(path)) from None
    return padded_array(name, samples, slot)
