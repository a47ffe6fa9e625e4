"""Read what is given as data (arrays, files, lists and dictionaries of them) in the model's order."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqtopo.data.array import Array, from_header, from_object
from seqtopo.data.headers import Unreadable, read_headers
from seqtopo.diag.model import Diagnostic
from seqtopo.layers.sizes import Shape, Size
from seqtopo.source import Span


@dataclass(frozen=True)
class SideArrays:
    """Arrays for one side (``x`` or ``y``), with names if they were given by name."""

    side: str
    arrays: tuple[tuple[str, Array], ...]
    named: bool = False


class NotData(Exception):  # noqa: N818  (it is an answer, not a failure)
    """An object that was given as data is none; holds the diagnostic."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def read_given(side: str, data: Any) -> SideArrays:
    """Return the arrays in what was given as ``x`` or ``y``: an array, a path, a list or a dictionary.

    Raises:
        NotData: it holds no array, or a file cannot be read.
    """
    if isinstance(data, Mapping):
        found = [
            (str(name), one)
            for name, item in data.items()
            for _, one in _arrays(f"{side}[{str(name)!r}]", item)
        ]
        return SideArrays(side, tuple(found), True)
    if isinstance(data, (list, tuple)) and data and all(_is_array(item) for item in data):
        if len(data) == 1:
            return read_given(side, data[0])
        found = [("", one) for i, item in enumerate(data) for _, one in _arrays(f"{side}[{i}]", item)]
        return SideArrays(side, tuple(found))
    if isinstance(data, (list, tuple)) and len(data) > 1 and from_object(side, data) is None:
        # One list for each input, each of samples of unequal lengths, or not.
        items = [from_object(f"{side}[{i}]", item) for i, item in enumerate(data)]
        if all(item is not None and item.shape for item in items):
            return SideArrays(side, tuple(("", item) for item in items if item is not None))
    found = _arrays(side, data)
    return SideArrays(side, tuple(found), len(found) > 1)


def _is_array(item: Any) -> bool:
    return isinstance(item, (str, Path)) or hasattr(item, "shape")


def _arrays(name: str, item: Any) -> list[tuple[str, Array]]:
    if isinstance(item, (str, Path)):
        return _in_file(name, Path(item))
    found = from_object(name, item)
    if found is None:
        raise NotData(
            Diagnostic(
                "ST710",
                f"{name} is not an array: it is a {type(item).__name__}",
                Span(0, 0),
                help="give an array, a path of an .npy or .npz file, or a list or dictionary of them",
            )
        )
    return [("", found)]


def _in_file(name: str, path: Path) -> list[tuple[str, Array]]:
    try:
        headers = read_headers(path)
    except Unreadable as error:
        raise NotData(error.diagnostic(path)) from None
    if len(headers) == 1:
        return [("", from_header(name, header)) for header in headers.values()]
    return [(member, from_header(f"{name}[{member!r}]", header)) for member, header in headers.items()]


def paired(given: SideArrays, names: Sequence[str], span: Span) -> list[Array]:
    """Return the arrays in the order of the inputs or outputs with these names.

    Raises:
        NotData: there are more or fewer arrays, or they have other names.
    """
    by_name = {name: array for name, array in given.arrays if name}
    found = members(given.side, by_name, names) if given.named else None
    if found is not None:
        return _of_one_length([by_name[name] for name in found])
    if len(given.arrays) == len(names) and (not given.named or _in_order(by_name)):
        return _of_one_length([array for _, array in given.arrays])
    if len(names) == 1:
        each = one_a_sample(given.side, by_name, names) if given.named else None
        arrays = [array for name, array in given.arrays if each is None or name in each[0]]
        if (each or not given.named) and (lengths := unequal_lengths([a.shape for a in arrays])) is not None:
            raise NotData(unpadded(given.side, len(arrays), lengths))
    what = "inputs" if given.side == "x" else "outputs"
    wanted = f"{what} {', '.join(names)}" if len(names) > 1 else f"one {what[:-1]}, {names[0]}"
    has = (
        listed(list(by_name))
        if given.named
        else f"{len(given.arrays)} arrays"
        if len(given.arrays) > 1
        else "one array"
    )
    raise NotData(
        Diagnostic(
            "ST711",
            f"{given.side} has {has}, but the model has {wanted}",
            span,
            label=f"takes {', '.join(names)}" if given.side == "x" else f"gives {', '.join(names)}",
            help=f"give one for each, by name: {given.side}={{{', '.join(f'{n!r}: ...' for n in names)}}} "
            f"in Python, --{given.side} {names[0]}=FILE on the command line",
        )
    )


def _of_one_length(arrays: list[Array]) -> list[Array]:
    for array in arrays:
        if array.ragged:
            raise NotData(unpadded(array.name, array.shape[0], array.lengths))
    return arrays


def unequal_lengths(shapes: Sequence[Shape]) -> tuple[int, int] | None:
    """Return the least and the most steps, where arrays of these shapes are samples of one input.

    >>> unequal_lengths([(2, 3), (5, 3)]), unequal_lengths([(2, 3), (2, 3)]), unequal_lengths([(2, 3), (5,)])
    ((2, 5), None, None)
    """
    alike = len({shape[1:] for shape in shapes}) == 1 and all(shapes)
    lengths = {size for shape in shapes if isinstance(size := shape[0], int)} if alike else set()
    return (min(lengths), max(lengths)) if len(lengths) > 1 else None


def unpadded(
    name: str, count: Size, lengths: tuple[int, int] | None, path: str = "samples.npz"
) -> Diagnostic:
    """Return the diagnostic of samples of unequal lengths; without ``lengths`` they are in a pickle."""
    many = f"{count} sample{'s' * (count != 1)}"
    ways = "--pad on the command line, pad=True or seqtopo.data.pad(samples) in Python"
    if lengths is not None:
        message = f"{name} holds {many} of {lengths[0]} to {lengths[1]} steps, and a batch has one length"
        way = f"pad them to one length: {ways}; or keras.utils.pad_sequences for ids"
    else:
        message = (
            f"{name} holds {count} Python objects, as NumPy saves samples of unequal lengths: a pickle, "
            "which is never opened here"
        )
        way = f'save one array for each sample, numpy.savez("{path}", *samples, y=y), and pad: {ways}'
    return Diagnostic(
        "ST738", message, Span(0, 0), help=f"{way}. Mask the padding: in(T,F) -> mask, or embed(...,mask)"
    )


def listed(names: Sequence[str], most: int = 6) -> str:
    """Return names joined by commas, without the middle if there are many.

    >>> listed(["x", "y"]), listed([f"arr_{i}" for i in range(500)])
    ('x, y', 'arr_0, arr_1, arr_2, ..., arr_499')
    """
    return ", ".join(names if len(names) <= most else [*names[: most // 2], "...", names[-1]])


def numbered(there: Collection[str], name: str) -> list[str]:
    """Return the arrays of a file that hold one sample each, in the order of their numbers; [] if there are
    none.

    >>> numbered(["x_10", "x_9", "y"], "x"), numbered(["arr_0", "arr_1"], "arr")
    (['x_9', 'x_10'], ['arr_0', 'arr_1'])
    """
    form = re.compile(rf"{re.escape(name)}_(\d{{1,9}})")
    found = {int(match[1]): one for one in there if (match := form.fullmatch(one))}
    return [found[i] for i in sorted(found)]


def one_a_sample(side: str, there: Collection[str], names: Sequence[str]) -> list[list[str]] | None:
    """Return for each input or output the names of its arrays of one sample each, or that of its one array.

    None if one has neither, or if none has an array for each sample.
    """
    usual = [side, *(["arr"] if side == "x" else [])] if len(names) == 1 else []
    found = [
        next(filter(None, (numbered(there, n) for n in (name, *usual))), [name] if name in there else [])
        for name in names
    ]
    return found if all(found) and found != [[name] for name in names] else None


def members(side: str, there: Collection[str], names: Sequence[str]) -> list[str] | None:
    """Return the names of the arrays in a file for inputs or outputs of these names; None if one is missing.

    >>> members("x", ["x", "y"], ["input"]), members("y", ["a", "b", "y"], ["price"])
    (['x'], ['y'])
    >>> members("x", ["b", "a", "y"], ["a", "b"])
    ['a', 'b']
    """
    if set(names) <= set(there):
        return list(names)
    # The usual names of arrays in a file with both sides.
    usual = [n for n in there if n.lower() in (side, f"{side}_train")]
    return usual if len(names) == len(usual) == 1 else None


def _in_order(names: Mapping[str, Array]) -> bool:
    """Return whether names are only those that ``numpy.savez`` gives to arrays without a name, in order."""
    return list(names) == [f"arr_{i}" for i in range(len(names))]
