"""What people give as data: arrays, files, lists and dictionaries of them, brought in the model's order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqtopo.data.array import Array, from_header, from_object
from seqtopo.data.headers import Unreadable, read_headers
from seqtopo.dataclass import dataclass
from seqtopo.diag.model import Diagnostic
from seqtopo.source import Span


@dataclass(frozen=True)
class Given:
    """Arrays for one side (``x`` or ``y``): with names, where whoever gave them named them."""

    side: str
    arrays: tuple[tuple[str, Array], ...]
    named: bool = False


class NotData(Exception):  # noqa: N818  (it is an answer, not a failure)
    """What was given is no data; carries the diagnostic."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def read_given(side: str, data: Any) -> Given:
    """The arrays in what was given as ``x`` or ``y``: an array, a path, or a list or dictionary of them.

    Raises:
        NotData: there are none, or a file cannot be read.
    """
    if isinstance(data, Mapping):
        found = [
            (str(name), one)
            for name, item in data.items()
            for _, one in _arrays(f"{side}[{str(name)!r}]", item)
        ]
        return Given(side, tuple(found), True)
    if isinstance(data, (list, tuple)) and data and all(_is_array(item) for item in data):
        if len(data) == 1:
            return read_given(side, data[0])
        found = [("", one) for i, item in enumerate(data) for _, one in _arrays(f"{side}[{i}]", item)]
        return Given(side, tuple(found))
    found = _arrays(side, data)
    return Given(side, tuple(found), len(found) > 1)


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
                f"{name} is no array: it is a {type(item).__name__}",
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


def paired(given: Given, names: Sequence[str], span: Span) -> list[Array]:
    """The arrays in the order of inputs or outputs with these names.

    Raises:
        NotData: there are more or fewer, or their names are others.
    """
    by_name = {name: array for name, array in given.arrays if name}
    found = members(given.side, by_name, names) if given.named else None
    if found is not None:
        return _of_one_length([by_name[name] for name in found])
    if len(given.arrays) == len(names) and (not given.named or _in_order(by_name)):
        return _of_one_length([array for _, array in given.arrays])
    if len(names) == 1 and not given.named and (lengths := _lengths(given)) is not None:
        raise NotData(unpadded(given.side, len(given.arrays), lengths))
    what = "inputs" if given.side == "x" else "outputs"
    wanted = f"{what} {', '.join(names)}" if len(names) > 1 else f"one {what[:-1]}, {names[0]}"
    has = (
        ", ".join(by_name)
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


def _lengths(given: Given) -> tuple[int, int] | None:
    """The least and the most steps, where arrays are the samples of one input."""
    shapes = [array.shape for _, array in given.arrays]
    alike = len({shape[1:] for shape in shapes}) == 1 and all(shapes)
    lengths = {shape[0] for shape in shapes} if alike else set()
    return (min(lengths), max(lengths)) if len(lengths) > 1 else None


def unpadded(name: str, count: int, lengths: tuple[int, int] | None) -> Diagnostic:
    """What is wrong with samples of unequal lengths, and what to do."""
    many = f"{count} sample{'s' * (count != 1)}"
    said = (
        f"{name} holds {many} of {lengths[0]} to {lengths[1]} steps, and a batch has one length"
        if lengths is not None
        else f"{name} holds {count} Python objects, as NumPy saves samples of unequal lengths: a pickle, "
        "which is never opened here"
    )
    pad = "keras.utils.pad_sequences(samples, padding='post', dtype='float32')"
    return Diagnostic(
        "ST738",
        said,
        Span(0, 0),
        help=f"pad them to one length, {pad}, and mask the padding: in(T,F) -> mask, or embed(...,mask)",
    )


def members(side: str, there: Collection[str], names: Sequence[str]) -> list[str] | None:
    """The arrays of a file with these for the inputs or outputs with those names; None where some lack.

    >>> members("x", ["x", "y"], ["input"]), members("y", ["a", "b", "y"], ["price"])
    (['x'], ['y'])
    >>> members("x", ["b", "a", "y"], ["a", "b"])
    ['a', 'b']
    """
    if set(names) <= set(there):
        return list(names)
    # What people call the arrays of a file with both sides in it.
    usual = [n for n in there if n.lower() in (side, f"{side}_train")]
    return usual if len(names) == len(usual) == 1 else None


def _in_order(names: Mapping[str, Array]) -> bool:
    """Whether names say no more than an order: what ``numpy.savez`` calls arrays that have none."""
    return list(names) == [f"arr_{i}" for i in range(len(names))]
