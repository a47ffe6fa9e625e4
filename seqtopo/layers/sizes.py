"""Compute with sizes in one normal form: whole numbers, symbols, and arithmetic over them.

A size is an ``int``, or an ``Expr`` where a symbol or an unknown length takes part. ``Expr`` is a
polynomial with whole coefficients over atoms, kept sorted, so that equal sizes are equal objects:
``T-2+2`` is ``T``. A floor division that does not come out even is an atom of its own, reduced so
that ``(T-1)//2 + 1`` and ``(T+1)//2`` are the same size.

No computer algebra package: one costs longer to import than a whole check takes. The normal form
follows einx's and jaxtyping's idea of dimensions as expressions over named axes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Union

LIMIT = 2**31
"""Sizes stay below this: no backend indexes an axis with more than 31 bits everywhere."""

MOST_TERMS = 64
"""The maximum number of terms in one size; with more of them it becomes an unknown size."""
MOST_FACTORS = 64
"""So does a size where more symbols than this are multiplied."""
MOST_DIVISIONS = 16
"""And one where more divisions than this stand inside each other."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named size, ``T``."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Unknown:
    """A ``?``: any length. Each has a number, so that it is equal to itself only."""

    number: int

    def __str__(self) -> str:
        return "?"


@dataclass(frozen=True, slots=True)
class Quotient:
    """``top // bottom`` that does not come out even."""

    top: Expr
    bottom: int

    def __str__(self) -> str:
        top = str(self.top)
        return f"{top if self.top.is_atom else f'({top})'}//{self.bottom}"


@dataclass(frozen=True, slots=True)
class Remainder:
    """``top % bottom`` that is not known."""

    top: Expr
    bottom: int

    def __str__(self) -> str:
        top = str(self.top)
        return f"{top if self.top.is_atom else f'({top})'}%{self.bottom}"


Atom = Symbol | Unknown | Quotient | Remainder
Monomial = tuple[Atom, ...]


def _key(monomial: Monomial) -> tuple[int, str]:
    return (-len(monomial), "*".join(map(str, monomial)))


@dataclass(frozen=True, slots=True)
class Expr:
    """A size that is not a plain number: a sum of ``coefficient * atom * atom ...`` terms.

    Made by arithmetic on ``symbol("T")`` and ``unknown(0)``, never by hand: the terms are sorted,
    no coefficient is zero, and at least one term has an atom.
    """

    terms: tuple[tuple[Monomial, int], ...]

    @property
    def is_atom(self) -> bool:
        """True if it is a single atom, which needs no parentheses."""
        return len(self.terms) == 1 and self.terms[0][1] == 1 and len(self.terms[0][0]) == 1

    def __add__(self, other: Size) -> Size:
        return _sum(self, other, 1)

    __radd__ = __add__

    def __sub__(self, other: Size) -> Size:
        return _sum(self, other, -1)

    def __rsub__(self, other: int) -> Size:
        return _sum(_times(self, -1), other, 1)

    def __mul__(self, other: Size) -> Size:
        return _times(self, other)

    __rmul__ = __mul__

    def __neg__(self) -> Size:
        return _times(self, -1)

    def __floordiv__(self, other: int) -> Size:
        return floor_div(self, other)

    def __mod__(self, other: int) -> Size:
        return remainder(self, other)

    def __str__(self) -> str:
        text = ""
        for monomial, factor in self.terms:
            sign = "-" if factor < 0 else "+"
            size = abs(factor)
            body = "*".join([str(size)] * (size != 1 or not monomial) + [str(a) for a in monomial])
            text += f"{sign}{body}"
        return text.removeprefix("+")


Size = Union[int, Expr]  # noqa: UP007  (a runtime alias that doctest and mypy both read)
Shape = tuple[Size, ...]


def _build(terms: dict[Monomial, int]) -> Size:
    kept = {m: c for m, c in terms.items() if c}
    if not kept:
        return 0
    if len(kept) == 1 and () in kept:
        return kept[()]
    if len(kept) > MOST_TERMS or max(map(len, kept)) > MOST_FACTORS:
        return unknown(-abs(hash(frozenset(kept.items()))) - 1)
    return Expr(tuple(sorted(kept.items(), key=lambda item: _key(item[0]))))


def _terms(size: Size) -> dict[Monomial, int]:
    return dict(size.terms) if isinstance(size, Expr) else {(): size}


def _sum(a: Size, b: Size, sign: int) -> Size:
    out = _terms(a)
    for monomial, factor in _terms(b).items():
        out[monomial] = out.get(monomial, 0) + sign * factor
    return _build(out)


def _times(a: Size, b: Size) -> Size:
    if isinstance(a, int):
        a, b = b, a
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    if isinstance(a, Expr) and isinstance(b, int) and b:
        # The terms stay in their order.
        return a if b == 1 else Expr(tuple((monomial, factor * b) for monomial, factor in a.terms))
    out: dict[Monomial, int] = {}
    for m1, c1 in _terms(a).items():
        for m2, c2 in _terms(b).items():
            m = tuple(sorted(m1 + m2, key=str))
            out[m] = out.get(m, 0) + c1 * c2
    return _build(out)


@lru_cache(maxsize=4096)
def symbol(name: str) -> Expr:
    """Return a named size.

    >>> str(symbol("T") - 2 + 2)
    'T'
    >>> symbol("T") * 2 + 1 == 1 + symbol("T") + symbol("T")
    True
    """
    return Expr((((Symbol(name),), 1),))


def unknown(number: int) -> Expr:
    """Return a new unknown size: equal to itself only, and possibly to anything."""
    return Expr((((Unknown(number),), 1),))


def floor_div(a: Size, b: int) -> Size:
    """Return ``a // b`` for a whole ``b`` above 0, with everything that divides evenly taken out.

    >>> T = symbol("T")
    >>> str(floor_div(2 * T + 4, 2)), str(floor_div(T - 1, 2) + 1), str(floor_div(T + 1, 2))
    ('T+2', '(T+1)//2', '(T+1)//2')
    """
    if isinstance(a, int):
        return a // b
    if b == 1:
        return a
    even: dict[Monomial, int] = {}
    odd: dict[Monomial, int] = {}
    for monomial, factor in a.terms:
        whole, rest = divmod(factor, b)
        # T//2 keeps its T; 3*T//2 is T + T//2.
        even[monomial] = whole
        odd[monomial] = rest
    rest_size = _build(odd)
    if isinstance(rest_size, int):
        return _build(even)
    more = odd.pop((), 0)
    left = [(m, c) for m, c in odd.items() if c]
    if len(left) == 1 and left[0][1] == 1 and len(left[0][0]) == 1 and isinstance(left[0][0][0], Quotient):
        # (T//2 + 1)//3 is (T + 2)//6
        inner = left[0][0][0]
        top = _sum(inner.top, more * inner.bottom, 1)
        return _sum(_build(even), floor_div(top, inner.bottom * b), 1)
    return _sum(_build(even), _divided(Quotient, rest_size, b), 1)


def ceil_div(a: Size, b: int) -> Size:
    """Return ``a / b`` rounded up.

    >>> ceil_div(7, 2), str(ceil_div(symbol("T"), 2))
    (4, '(T+1)//2')
    """
    return floor_div(_sum(a, b - 1, 1), b)


def remainder(a: Size, b: int) -> Size:
    """Return ``a % b`` for a whole ``b`` above 0."""
    if isinstance(a, int):
        return a % b
    kept = _build({m: c % b for m, c in a.terms})
    return kept % b if isinstance(kept, int) else _divided(Remainder, kept, b)


def _divided(form: type[Quotient | Remainder], top: Expr, bottom: int) -> Expr:
    if _divisions(top) >= MOST_DIVISIONS:
        return unknown(-abs(hash((form.__name__, top, bottom))) - 1)
    return Expr((((form(top, bottom),), 1),))


def _divisions(size: Expr) -> int:
    """Return the depth of divisions inside divisions; never much more than what is allowed."""
    inside = [a.top for monomial, _ in size.terms for a in monomial if isinstance(a, (Quotient, Remainder))]
    return 1 + max(map(_divisions, inside)) if inside else 0


def product(sizes: Iterable[Size]) -> Size:
    """Return the product of all sizes; 1 for none."""
    known = 1
    result: Size | None = None
    for size in sizes:
        if isinstance(size, int):
            known *= size
        else:
            result = size if result is None else result * size
    return known if result is None else result * known


def total(sizes: Iterable[Size]) -> Size:
    """Return the sum of all sizes; 0 for none."""
    result: Size = 0
    for size in sizes:
        result = result + size
    return result


def volume(shapes: Iterable[Shape]) -> Size:
    """Return the total number of elements of arrays of these shapes."""
    return total([product(shape) for shape in shapes])


def divides(a: Size, b: Size) -> Size | None:
    """Return ``a / b`` if it comes out even for every value of the symbols, else None.

    >>> T = symbol("T")
    >>> divides(24, 8), divides(25, 8), str(divides(T * 6, 3)), str(divides(T * 6, T))
    (3, None, '2*T', '6')
    """
    if isinstance(b, int):
        if b == 0:
            return None
        if isinstance(a, int):
            return a // b if a % b == 0 else None
        return floor_div(a, b) if all(c % b == 0 for _, c in a.terms) else None
    if a == 0:
        return 0
    if isinstance(a, int) or len(b.terms) != 1:
        return 1 if a == b else None
    monomial, factor = b.terms[0]
    out: dict[Monomial, int] = {}
    for m, c in a.terms:
        left = list(m)
        for atom in monomial:
            if atom not in left:
                return None
            left.remove(atom)
        if c % factor:
            return None
        out[tuple(left)] = c // factor
    return _build(out)


def atoms(size: Size) -> set[Atom]:
    """Return every symbol and unknown in a size, inside quotients too."""
    found: set[Atom] = set()
    todo: list[Size] = [size]
    while todo:
        here = todo.pop()
        if isinstance(here, Expr):
            for monomial, _ in here.terms:
                for atom in monomial:
                    if isinstance(atom, (Quotient, Remainder)):
                        todo.append(atom.top)
                    else:
                        found.add(atom)
    return found


def symbols(size: Size) -> set[str]:
    """Return the names of the symbols in a size.

    >>> sorted(symbols(symbol("T") * symbol("S") // 2))
    ['S', 'T']
    """
    return {a.name for a in atoms(size) if isinstance(a, Symbol)}


def is_open(size: Size) -> bool:
    """Return whether a size contains a ``?``, so that it is unknown until the data is there."""
    return isinstance(size, Expr) and any(isinstance(a, Unknown) for a in atoms(size))


def substitute(size: Size, values: Mapping[str, Size]) -> Size:
    """Return the size with symbols replaced, and unknown sizes by what is given for ``?``.

    >>> T = symbol("T")
    >>> substitute((T + 1) // 2, {"T": 9}), substitute(unknown(1) - 2, {"?": 9})
    (5, 7)
    """
    if isinstance(size, int):
        return size
    out: Size = 0
    for monomial, factor in size.terms:
        term: Size = factor
        for atom in monomial:
            if isinstance(atom, Symbol):
                value: Size = values.get(atom.name, Expr((((atom,), 1),)))
            elif isinstance(atom, Quotient):
                value = floor_div(substitute(atom.top, values), atom.bottom)
            elif isinstance(atom, Remainder):
                value = remainder(substitute(atom.top, values), atom.bottom)
            else:
                value = values.get("?", Expr((((atom,), 1),)))
            term = _times(term, value)
        out = _sum(out, term, 1)
    return out


def same(a: Size, b: Size) -> bool | None:
    """Return whether two sizes are equal: True or False where that is certain, None where it depends.

    Two different symbols are not *provably* equal; ``?`` is possibly equal to anything.

    >>> T, S = symbol("T"), symbol("S")
    >>> same(T - 2 + 2, T), same(T, T + 1), same(T, S), same(T, 24)
    (True, False, None, None)
    """
    if a == b:
        return True
    return False if isinstance(_sum(a, b, -1), int) else None


def fits(a: Size, b: Size) -> bool:
    """Return whether two sizes may stand where equal ones must: provably equal, or one of them ``?``.

    >>> T, S = symbol("T"), symbol("S")
    >>> fits(T, T), fits(T, S), fits(T, unknown(1)), fits(8, 9)
    (True, False, True, False)
    """
    return a == b or (same(a, b) is None and (is_open(a) or is_open(b)))


def count(size: Size, one: str, many: str = "") -> str:
    """Return so many of something in words.

    >>> count(1, "step"), count(24, "step"), count(symbol("T"), "step")
    ('1 step', '24 steps', 'T steps')
    """
    if str(size) == "?":
        return f"any number of {many or one + 's'}"
    shown = f"{size:,}" if isinstance(size, int) else str(size)
    return f"{shown} {one}" if size == 1 else f"{shown} {many or one + 's'}"


def show_shape(shape: Iterable[Size]) -> str:
    """Return a shape as text.

    >>> show_shape((symbol("T"), 64)), show_shape((64,)), show_shape(())
    ('(T, 64)', '(64,)', '()')
    """
    sizes = [str(s) for s in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
