"""The arguments of ``fit`` and the like as arrays: each with its place and what messages call it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, NamedTuple

from seqtopo.code.arrays import CodeArray, as_array
from seqtopo.code.model import Argument, Opaque, Where
from seqtopo.code.parsing import expression_at

_NAME_LENGTH = 30


class DataArgument(NamedTuple):
    """An array that code hands to a model: its value, its place, and its name in messages."""

    array: CodeArray
    where: Where | None
    name: str

    @property
    def made(self) -> Where | None:
        """The place to show for the array: where it is made, unless that is inside a function."""
        made = self.array.where
        if made is None or self.where is None or made.source is not self.where.source:
            return self.where
        deeper = indent_of(made) > indent_of(self.where)
        return self.where if deeper or made.span.start > self.where.span.start else made


def indent_of(where: Where) -> int:
    """Return the number of characters by which the line of a place is indented."""
    line = where.source.line(where.source.place(where.span.start).line)
    return len(line) - len(line.lstrip())


def arrays_of(argument: Argument | None, side: str, names: Sequence[str]) -> list[DataArgument] | None:
    """Return the arrays of an argument for the inputs or outputs with these names; None if unknown."""
    if argument is None or argument.value is None:
        return None
    value = argument.value
    parts: list[tuple[Argument, str]]
    if isinstance(value, dict):
        if set(value) != set(names):
            return None
        items = dict(zip(value, parts_of(argument) or (), strict=True))
        parts = [(items[name], f"{side}[{name!r}]") for name in names]
    elif isinstance(value, (list, tuple)) and value and _is_several(value, len(names)):
        parts = [(one, f"{side}[{i}]") for i, one in enumerate(parts_of(argument) or ())]
    elif isinstance(value, Opaque):
        return None
    else:
        parts = [(argument, side)]
    if len(parts) != len(names):
        return None
    found = []
    for one, name in parts:
        array = as_array(one.value)
        if array is None:
            return None
        found.append(DataArgument(array, one.where, _name(one.where, name)))
    if len({one.name for one in found}) < len(found):
        found = [one._replace(name=name) for one, (_, name) in zip(found, parts, strict=True)]
    return found


def _is_several(value: Sequence[Any], count: int) -> bool:
    """Return whether a list holds one array for each of ``count`` inputs, and no plain numbers."""
    return len(value) == count and all(isinstance(one, CodeArray) and one.shape != () for one in value)


def _name(where: Where | None, otherwise: str) -> str:
    """Return the name of an array in messages: its text if that is short, else ``otherwise``."""
    if where is None or len(where.text) > _NAME_LENGTH or "\n" in where.text:
        return otherwise
    return where.text


def parts_of(argument: Argument) -> list[Argument] | None:
    """Return the parts of a list, tuple or dictionary, with their places if it is written out."""
    value = argument.value
    values = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(values, (list, tuple)):
        return None
    where = argument.where
    found = expression_at(where, ast.expr) if where is not None else None
    items = (found.items if found is not None else None) or ()
    if found is None or len(items) != len(values):
        return [Argument(one, where) for one in values]
    return [Argument(one, found.place(item)) for one, item in zip(values, items, strict=True)]


def in_batches(argument: Argument) -> tuple[Argument | None, Argument | None, Argument | None]:
    """Return the x, y and sample weights in the elements of a data set; None for those that it lacks."""
    data = argument.value
    element = data.element if data.batched else None
    parts = element if isinstance(element, tuple) else (element,)
    found = [Argument(one, argument.where) if one is not None else None for one in parts[:3]]
    found += [None] * (3 - len(found))
    return found[0], found[1], found[2]
