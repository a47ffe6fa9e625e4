"""Parse, match and fill shape patterns in einops' notation: ``T F -> T units``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import prod
from typing import Any, NamedTuple

from seqtopo.layers.sizes import Shape, Size, fits, show_shape
from seqtopo.layers.values import Refusal, Tensor, Weight


class Term(NamedTuple):
    """One place in a pattern: a product of names and numbers, ``4*units``, or ``...``."""

    text: str
    factors: tuple[str | int, ...]

    def all(self, axes: Mapping[str, Any], args: Mapping[str, Any]) -> Shape:
        """Return the sizes it stands for: one, or for ``...`` and tuple arguments any number."""
        sizes = [f if isinstance(f, int) else axes[f] if f in axes else args[f] for f in self.factors]
        if len(sizes) > 1:
            return (prod(sizes),)
        return sizes[0] if isinstance(sizes[0], tuple) else (sizes[0],)


def read_term(text: str) -> Term:
    """Parse one term of a pattern."""
    return Term(text, tuple(int(f) if f.isdigit() else f for f in text.split("*")))


class WeightPattern(NamedTuple):
    """A weight in a row: its name, its sizes, the argument it depends on."""

    name: str
    sizes: tuple[Term, ...]
    when: str
    trainable: bool


def fill_weights(
    weights: tuple[WeightPattern, ...], axes: Mapping[str, Any], args: Mapping[str, Any]
) -> tuple[Weight, ...]:
    """Return the weights that a layer with these arguments has."""
    return tuple(
        Weight(w.name, tuple(size for term in w.sizes for size in term.all(axes, args)), w.trainable)
        for w in weights
        if not w.when or args[w.when]
    )


@cache
def read_weights(text: str) -> tuple[WeightPattern, ...]:
    """Parse the weights of a row.

    >>> [(w.name, w.when) for w in read_weights("kernel: F units; bias: units if use_bias")]
    [('kernel', ''), ('bias', 'use_bias')]
    """
    found = []
    for part in filter(None, (p.strip() for p in text.split(";"))):
        name, _, rest = part.partition(":")
        sizes, _, when = rest.partition(" if ")
        found.append(
            WeightPattern(
                name.rstrip("!"), tuple(map(read_term, sizes.split())), when.strip(), not name.endswith("!")
            )
        )
    return tuple(found)


class Clause(NamedTuple):
    """One ``inputs -> output`` of a row's pattern, and the argument that must be true for it."""

    when: str
    inputs: tuple[tuple[str, ...], ...]
    output: tuple[Term, ...]

    def match(self, layer: str, inputs: tuple[Tensor, ...], seen: tuple[Tensor, ...]) -> dict[str, Any]:
        """Bind the names of the pattern to the sizes of the values; ``inputs`` is what messages show."""
        axes: dict[str, Any] = {}
        for i, (tensor, incoming) in enumerate(zip(seen, inputs, strict=True)):
            names = self.inputs[min(i, len(self.inputs) - 1)]
            free = "..." in names
            least = len(names) - free
            if len(tensor.shape) != least and not (free and len(tensor.shape) > least):
                raise _rank(layer, names, i, incoming)
            start = names.index("...") if free else len(names)
            middle = len(tensor.shape) - least
            for name, size in zip(names[:start], tensor.shape[:start], strict=True):
                _bind(layer, axes, name, size, i, incoming)
            if free:
                axes.setdefault("...", tensor.shape[start : start + middle])
                for name, size in zip(names[start + 1 :], tensor.shape[start + middle :], strict=True):
                    _bind(layer, axes, name, size, i, incoming)
        return axes

    def fill(self, axes: Mapping[str, Any], args: Mapping[str, Any]) -> Shape:
        """Return the output's shape."""
        return tuple(size for term in self.output for size in term.all(axes, args))


def show_pattern(names: tuple[str, ...]) -> str:
    """Return a pattern as a shape: ``(T, F)``."""
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def _rank(layer: str, names: tuple[str, ...], i: int, incoming: Tensor) -> Refusal:
    least = len(names) - ("..." in names)
    axes = "axis" if least == 1 else "axes"
    more = " or more" if "..." in names else ""
    return Refusal(
        "ST301",
        f"{layer} takes {show_pattern(names)} but is given {show_shape(incoming.shape)}",
        label=f"takes {least}{more} {axes}, is given {len(incoming.shape)}",
        at=("input", i),
        takes=least,
    )


def _bind(layer: str, axes: dict[str, Any], name: str, size: Size, i: int, incoming: Tensor) -> None:
    bound = axes.setdefault(name, size)
    if bound is not size and not fits(bound, size):
        raise Refusal(
            "ST302",
            f"{layer} needs the same {name} in each value, but it is {bound} in the first and {size} here",
            label=f"is given {show_shape(incoming.shape)}",
            help=f"give each value the same {name}",
            at=("input", i),
        )


@cache
def read_clause(text: str) -> Clause:
    """Parse one clause of a row's pattern.

    >>> clause = read_clause("return_sequences: T F -> T units")
    >>> clause.when, clause.inputs, [t.text for t in clause.output]
    ('return_sequences', (('T', 'F'),), ['T', 'units'])
    """
    when, colon, rest = text.rpartition(":")
    takes, _, gives = (rest if colon else text).partition("->")
    return Clause(
        when.strip(),
        tuple(tuple(part.split()) for part in takes.split(",")),
        tuple(map(read_term, gives.split())),
    )
