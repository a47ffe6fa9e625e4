"""Arrays as far as code tells of them: shape, dtype, range of numbers, and which array they come from.

Nothing is computed: ``np.random.randint(0, 5, size=(8, 20))`` is an array of shape (8, 20) with whole
numbers from 0 to 4. A size that cannot be told is an ``unknown(k)`` with a number of its own, so that it is
equal to itself; a shape whose number of axes cannot be told is None. What calls give is in
``seqtopo.code.array_calls``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise, zip_longest
from typing import Any, Literal, NamedTuple

from seqtopo.code.model import Opaque, Where
from seqtopo.code.values import is_size
from seqtopo.layers.sizes import Expr, Shape, Size, divides, product, same, unknown

_numbers = count(1)
_UNKNOWN_FROM = 1_000_000
"""The numbers of unknown sizes begin here: those of a spec's own ``?`` are smaller."""


def new_size() -> Size:
    """Return a size of which nothing is known."""
    return unknown(_UNKNOWN_FROM + next(_numbers))


class Bounds(NamedTuple):
    """The least and the greatest number in an array.

    ``drawn`` is whether they are those of a distribution, so that any part of the array has them too;
    ``whole`` is False where the numbers certainly have fractions.
    """

    low: float
    high: float
    drawn: bool = False
    whole: bool = True


class Origin(NamedTuple):
    """The step that made an array out of another one.

    ``how`` is ``same`` (the samples are the same ones, in order), ``rows`` (some of them, from ``start`` up
    to ``stop``), ``windows`` (samples of ``length`` rows, one every ``step`` rows), ``split`` (one part of
    ``train_test_split``) or ``scaled`` (by a scaler fitted on the array ``fitted``).
    """

    of: CodeArray
    how: Literal["same", "rows", "windows", "split", "scaled"]
    where: Where | None = None
    start: Size | None = None
    stop: Size | None = None
    length: Size | None = None
    step: Size | None = None
    shuffled: bool = False
    fitted: CodeArray | None = None
    fitted_where: Where | None = None


@dataclass(eq=False)
class CodeArray:
    """An array, a table or a list of samples in code, as far as it can be told.

    ``shape`` has the axis of the samples; None where the number of axes is not known. ``dtype`` is NumPy's
    name, "" where it is not known, ``object`` for samples of unequal lengths: their ``bounds`` are then those
    of all numbers in them. ``columns`` are the names of a table's columns.
    """

    shape: Shape | None
    dtype: str = ""
    bounds: Bounds | None = None
    one_hot: bool = False
    origin: Origin | None = field(default=None, repr=False)
    where: Where | None = field(default=None, repr=False)
    is_table: bool = False
    columns: tuple[str, ...] | None = None
    below: Size | None = None
    """The exclusive upper bound of its ids where that is a symbol: ``n`` of ``randint(0, n)``."""
    is_random: bool = False
    """True if its numbers are drawn at random, one by one."""
    key: int = field(default_factory=lambda: next(_numbers))
    """Tells arrays apart."""

    @property
    def rank(self) -> int | None:
        """The number of axes."""
        return None if self.shape is None else len(self.shape)

    @property
    def kind(self) -> str:
        """NumPy's letter for the dtype, as ``f`` for floats; "" where it is not known."""
        return kind_of(self.dtype)

    @property
    def rows(self) -> Size:
        """The number of samples; a size of its own where it is not known."""
        return self.shape[0] if self.shape else new_size()

    @property
    def drawn(self) -> Bounds | None:
        """The bounds that any part of it has, too; None where none are known."""
        return self.bounds if self.bounds is not None and self.bounds.drawn else None

    def forget(self) -> None:
        """Forget the range of its numbers, as the code writes into it."""
        self.bounds, self.one_hot, self.below = None, False, None


@dataclass(eq=False)
class Items:
    """A list that a loop fills: ``count`` items like ``item``, which was read for any ``variable``.

    ``variable`` is the loop's variable as a size, whose values go up by ``step`` from ``start``.
    """

    item: Any
    count: Size
    variable: Size | None = None
    start: Size = 0
    step: Size = 1


@dataclass(eq=False)
class Batches:
    """A data set that gives batches: what one batch has of ``x``, ``y`` and weights.

    ``element`` is what iterating gives: an array, or a tuple or dictionary of them. ``batched`` is whether
    their first axis is the batch.
    """

    element: Any
    batched: bool = True


@dataclass(eq=False)
class Thing:
    """An object that makes or changes arrays: a random generator, a scaler, a tokenizer.

    ``kind`` is its class with the module, ``facts`` is what is known of it.
    """

    kind: str
    facts: dict[str, Any] = field(default_factory=dict)


def kind_of(dtype: str) -> str:
    """Return NumPy's letter for a dtype's name.

    >>> kind_of("float32"), kind_of("int64"), kind_of("bool"), kind_of("object"), kind_of("")
    ('f', 'i', 'b', 'O', '')
    """
    for start, letter in (("float", "f"), ("bfloat", "f"), ("int", "i"), ("uint", "u"), ("bool", "b")):
        if dtype.startswith(start):
            return letter
    return {"object": "O", "str": "U", "complex": "c"}.get(dtype, "")


_SPELLINGS = {"float": "float64", "int": "int64", "double": "float64", "half": "float16", "bool_": "bool"}
_LETTERS = {"f": "float32", "d": "float64", "i": "int32", "b": "int8", "f4": "float32", "f8": "float64",
            "i4": "int32", "i8": "int64", "u1": "uint8", "?": "bool"}  # fmt: skip


def dtype_of(given: Any, otherwise: str = "") -> str:
    """Return the dtype that an argument says; ``otherwise`` where there is none.

    >>> dtype_of("float"), dtype_of(int), dtype_of("numpy.float32"), dtype_of(None, "float64")
    ('float64', 'int64', 'float32', 'float64')
    """
    if given is None:
        return otherwise
    name = given if isinstance(given, str) else getattr(given, "__name__", None) or getattr(given, "name", "")
    name = str(name).rpartition(".")[2].lstrip("<>=|")
    name = _LETTERS.get(name, name)
    name = _SPELLINGS.get(name, name)
    return name if kind_of(name) else ""


def is_number(value: Any) -> bool:
    """Return whether a value is a known number, ``int`` or ``float``."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def as_size(value: Any) -> Size:
    """Return a value as a size: an unknown one where it is none, the same each time for the same value."""
    if is_size(value):
        return value
    parts = getattr(value, "parts", None)
    if isinstance(value, Opaque) and isinstance(parts, dict):
        found: Size = parts["symbol"] if "symbol" in parts else parts.setdefault("size", new_size())
        return found
    return new_size()


def as_shape(value: Any) -> Shape | None:
    """Return an argument as a shape: a number, or a list or tuple of them; None where it is neither."""
    if is_size(value):
        return (value,)
    return tuple(map(as_size, value)) if isinstance(value, (tuple, list)) else None


def nothing() -> CodeArray:
    """Return an array of which nothing is known."""
    return CodeArray(None)


def as_array(value: Any) -> CodeArray | None:
    """Return a value as NumPy makes an array of it: nested lists, numbers, lists filled in a loop; None where
    it is no data at all, such as a model.
    """
    if isinstance(value, CodeArray) and value.is_table:
        return CodeArray(
            value.shape, value.dtype, value.bounds, origin=Origin(value, "same"), where=value.where
        )
    if isinstance(value, CodeArray):
        return value
    if isinstance(value, bool):
        return CodeArray((), "bool", Bounds(value, value))
    if isinstance(value, (int, float)):
        return CodeArray((), "int64" if isinstance(value, int) else "float64", Bounds(value, value))
    if isinstance(value, Expr):
        return CodeArray((), "int64")
    if isinstance(value, str):
        return CodeArray((), "str")
    if isinstance(value, range):
        return CodeArray((len(value),), "int64", Bounds(min(value), max(value)) if value else None)
    if isinstance(value, Items):
        return _filled(value)
    if isinstance(value, (list, tuple)):
        opened = [i for i, item in enumerate(value) if isinstance(item, Opaque)]
        if opened:
            # It may stand for any number of items.
            items = getattr(value[-1], "parts", {}).get("items") if opened == [len(value) - 1] else None
            return _filled(_with_first(items, len(value) - 1)) if isinstance(items, Items) else nothing()
        return stacked(arrays_in(value)) if value else nothing()
    return nothing() if value is None or isinstance(value, Opaque) else None


def _with_first(items: Items, count: int) -> Items:
    """Return a list that a loop fills, behind ``count`` items that came before."""
    if not count:
        return items
    start = items.start - items.step * count
    return Items(items.item, items.count + count, items.variable, start, items.step)


def _filled(items: Items) -> CodeArray:
    item = as_array(items.item) or nothing()
    shape = None if item.shape is None else (items.count, *item.shape)
    return CodeArray(shape, item.dtype, item.drawn, item.one_hot, _windows(items, item))


def _windows(items: Items, item: CodeArray) -> Origin | None:
    """Return the origin of windows that a loop cuts out of a series, or of its single rows."""
    cut, steps = item.origin, items.step
    while cut is not None and cut.how == "same":
        cut = cut.of.origin
    if cut is None or cut.how != "rows" or items.variable is None or cut.start is None or cut.stop is None:
        return None
    offset = cut.start - items.variable
    moves = _factor(cut.start, items.variable)
    if not moves:
        return None
    offset = offset + items.start if moves == 1 else items.start * moves
    steps = steps * moves
    return Origin(cut.of, "windows", cut.where, offset, length=cut.stop - cut.start, step=steps)


def _factor(size: Size, variable: Size) -> int:
    """Return the growth of a size with a variable; 0 if that cannot be told."""
    if not isinstance(size, Expr) or not isinstance(variable, Expr) or not variable.is_atom:
        return 0
    (atom,) = variable.terms[0][0]
    factors = [factor for monomial, factor in size.terms if atom in monomial]
    return factors[0] if len(factors) == 1 and ((atom,), factors[0]) in size.terms else 0


def stacked(arrays: Sequence[CodeArray], axis: int = 0) -> CodeArray:
    """Return arrays of one shape put beside each other on a new axis, as ``np.stack`` does."""
    shapes = [array.shape for array in arrays]
    known = [shape for shape in shapes if shape is not None]
    dtype = common_dtype(arrays)
    bounds = union(arrays)
    if not known:
        return CodeArray(None, dtype, bounds)
    first = known[0]
    if any(
        len(shape) != len(first) or any(same(a, b) is False for a, b in zip(shape, first, strict=True))
        for shape in known
    ):
        # Samples of unequal lengths.
        return CodeArray((len(arrays),), "object", bounds)
    axis = axis + len(first) + 1 if axis < 0 else axis
    return CodeArray(
        (*first[:axis], len(arrays), *first[axis:]),
        dtype,
        bounds,
        one_hot=bool(arrays) and all(array.one_hot for array in arrays),
        origin=_listed_windows(arrays) if axis == 0 else None,
    )


def _listed_windows(arrays: Sequence[CodeArray]) -> Origin | None:
    """Return the origin of windows that stand in a list one by one."""
    cuts = [array.origin for array in arrays]
    first = cuts[0]
    if len(cuts) < 2 or first is None or first.how != "rows":
        return None
    starts: list[int] = []
    for cut in cuts:
        if cut is None or cut.how != "rows" or cut.of is not first.of or not isinstance(cut.start, int):
            return None
        starts.append(cut.start)
    steps = {b - a for a, b in pairwise(starts)}
    if len(steps) != 1 or first.stop is None or first.start is None:
        return None
    return Origin(
        first.of, "windows", first.where, first.start, length=first.stop - first.start, step=steps.pop()
    )


def arrays_in(values: Iterable[Any]) -> list[CodeArray]:
    """Return values as arrays; what is none is one of which nothing is known."""
    return [as_array(value) or nothing() for value in values]


def by_element(array: CodeArray, dtype: str, shape: Shape | Literal["same"] | None = "same") -> CodeArray:
    """Return an array of other numbers for the same samples."""
    return CodeArray(array.shape if shape == "same" else shape, dtype, origin=Origin(array, "same"))


def common_dtype(arrays: Iterable[CodeArray]) -> str:
    """Return the dtype that arrays have together; "" where one is not known."""
    found = list(dict.fromkeys(array.dtype for array in arrays))
    if len(found) == 1:
        return found[0]
    order = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
    return max(found, key=order.index) if found and all(dtype in order for dtype in found) else ""


def union(arrays: Sequence[CodeArray]) -> Bounds | None:
    """Return the bounds of all arrays together; None where one is not known."""
    found = [array.bounds for array in arrays]
    known = [bounds for bounds in found if bounds is not None]
    if not known or len(known) < len(found):
        return None
    drawn, whole = all(b.drawn for b in known), all(b.whole for b in known)
    return Bounds(min(b.low for b in known), max(b.high for b in known), drawn, whole)


def broadcast(*shapes: Shape | None) -> Shape | None:
    """Return the shape of element-wise arithmetic; None where it cannot be told.

    >>> broadcast((8, 1, 3), (20, 1)), broadcast((8,), ()), broadcast(None, (2,))
    ((8, 20, 3), (8,), None)
    """
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    out: list[Size] = []
    for sizes in zip_longest(*(reversed(shape) for shape in known), fillvalue=1):
        wide = [size for size in sizes if size != 1]
        numbers = [size for size in wide if isinstance(size, int)]
        out.append(1 if not wide else numbers[0] if numbers else wide[0])
        if not numbers and any(size != wide[0] for size in wide):
            out[-1] = new_size()
    return tuple(reversed(out))


_FARTHEST = 100
"""An array is followed back over so many others."""


def way_back(array: CodeArray) -> list[CodeArray]:
    """Return the array, what it was made of, and so on."""
    found = [array]
    while (origin := found[-1].origin) is not None and len(found) < _FARTHEST:
        found.append(origin.of)
    return found


def like(
    array: CodeArray, shape: Shape | None, *, keeps: bool = True, where: Where | None = None
) -> CodeArray:
    """Return an array of the same numbers in another shape; ``keeps`` is whether its samples stay."""
    origin = Origin(array, "same", where) if keeps else None
    one_hot = array.one_hot and keeps
    return CodeArray(shape, array.dtype, array.bounds, one_hot, origin, where, below=array.below)


def cast(array: CodeArray, dtype: str) -> CodeArray:
    """Return an array in another dtype."""
    if not dtype:
        return CodeArray(array.shape, "", origin=Origin(array, "same"))
    cut = kind_of(dtype) in ("i", "u") and array.kind == "f"
    bounds = None if cut or kind_of(dtype) == "b" else array.bounds
    return CodeArray(array.shape, dtype, bounds, array.one_hot, Origin(array, "same"), below=array.below)


def reshaped(array: CodeArray, sizes: Shape | None, where: Where | None = None) -> CodeArray:
    """Return an array in another shape, with -1 for what is left over."""
    if sizes is None:
        return like(array, None, keeps=False)
    if -1 in sizes:
        rest = product(size for size in sizes if size != -1)
        left = divides(product(array.shape), rest) if array.shape is not None else None
        sizes = tuple((left if left is not None else new_size()) if size == -1 else size for size in sizes)
    first = sizes[:1]
    keeps = array.shape is not None and bool(first) and same(first[0], (*array.shape, 0)[0]) is True
    keeps = keeps or (array.shape is None and bool(first) and isinstance(first[0], Expr))
    return like(array, sizes, keeps=keeps, where=where)


def reduced(array: CodeArray, axis: Any, keepdims: bool = False, given: bool = True) -> CodeArray:
    """Return an array without an axis, or without all where none is ``given``: the shape of a sum."""
    if not given or axis is None:
        whole: Shape | None = () if not keepdims else None
        return CodeArray(whole, "float64")
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    if array.shape is None or not all(is_number(one) for one in axes):
        return nothing()
    drop = {one % len(array.shape) for one in axes if array.shape}
    shape = tuple(1 if i in drop else size for i, size in enumerate(array.shape) if keepdims or i not in drop)
    keeps = 0 not in drop
    return CodeArray(shape, "float64", origin=Origin(array, "same") if keeps else None)


def mapped(array: CodeArray, change: Callable[[float], float] | None) -> CodeArray:
    """Return an array after a function of each number, which goes up with them where ``change`` is given."""
    found, bounds = by_element(array, array.dtype), array.bounds
    if change is not None and bounds is not None:
        low, high = sorted((change(bounds.low), change(bounds.high)))
        found.bounds = Bounds(low, high, bounds.drawn, bounds.whole)
    return found


class Given:
    """The arguments of a call, by position and by name."""

    def __init__(self, args: Sequence[Any], kwargs: Mapping[str, Any], where: Where | None = None) -> None:
        self.args, self.kwargs, self.where = args, kwargs, where

    def get(self, position: int, *names: str, otherwise: Any = None) -> Any:
        """Return the argument at a position, or by one of its names."""
        for name in names:
            if name in self.kwargs:
                return self.kwargs[name]
        return self.args[position] if 0 <= position < len(self.args) else otherwise

    def has(self, position: int, *names: str) -> bool:
        """Return whether the argument is given."""
        return 0 <= position < len(self.args) or any(name in self.kwargs for name in names)

    def array(self, position: int = 0, *names: str) -> CodeArray:
        """Return the argument as an array; an unknown array if it is none."""
        return as_array(self.get(position, *names)) or nothing()
