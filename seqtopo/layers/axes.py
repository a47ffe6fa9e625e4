"""Convert axis arguments as Keras counts them: 0 is the batch, 1 the first after it, -1 the last."""

from __future__ import annotations

from seqtopo.layers.row import Given
from seqtopo.layers.sizes import Shape, show_shape


def axis_index(given: Given, name: str, axis: int, shape: Shape | None = None) -> int:
    """Return the index of an axis in a shape without the batch: ``time`` (1) is 0, ``features`` (-1) the
    last.

    ``name`` is the argument's, for the place of an error; ``shape`` is the first incoming one if
    none is given.

    Raises:
        Refusal: ST312, for the batch axis and for one that the shape does not have.
    """
    shape = given.shape if shape is None else shape
    rank = len(shape)
    index = axis - 1 if axis > 0 else rank + axis
    if axis == 0 or index == -1:
        raise given.refuse(
            "ST312",
            f"cannot work along axis {axis}: it is the batch, whose samples must not mix",
            label="would mix the samples of the batch",
            help="write time, features, or a number: 1 is the first axis after the batch, -1 the last",
            at=("argument", name),
        )
    if not 0 <= index < rank:
        known = f"1 to {rank}" if rank > 1 else "1"
        raise given.refuse(
            "ST312",
            f"has no axis {axis}: it is given {show_shape(shape)}, whose axes are {known}",
            label=f"{show_shape(shape)} has no axis {axis}",
            help="write time, features, or a number: 1 is the first axis after the batch, -1 the last",
            at=("argument", name),
        )
    return index


def axis_indices(given: Given, name: str = "axis") -> tuple[int, ...]:
    """Return the indices of an argument that is one axis or several, in the order they are written.

    Raises:
        Refusal: ST312, for an axis that is named twice or not at all.

    >>> from seqtopo.layers.row import Row
    >>> from seqtopo.layers.values import Tensor
    >>> row = Row("norm", "LayerNormalization", "", "... -> ...", "")
    >>> axis_indices(Given(row, {"axis": (1, -1)}, (Tensor((24, 8)),), {}, {}))
    (0, 1)
    """
    value = given[name]
    axes = value if isinstance(value, (tuple, list)) else (value,)
    found = tuple(axis_index(given, name, axis) for axis in axes)
    if not found or len(set(found)) < len(found):
        raise given.refuse(
            "ST312",
            "names an axis twice" if found else "names no axis",
            label="each axis once, at least one",
            help="name each axis once; features is the last one, the same as -1",
            at=("argument", name),
        )
    return found
