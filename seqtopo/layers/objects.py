"""Keras objects that an argument may name: activations, initializers, regularizers and the like."""

from __future__ import annotations

from seqtopo.layers.values import Object, Word


class NoObject(Exception):  # noqa: N818
    """There is no such object, or not with these arguments."""

    def __init__(self, expected: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(expected)
        self.expected = expected
        self.near = near


def read_object(family: str, value: Word | Object) -> str | Object:
    """The object a value names: its name, or with its arguments read."""
    return value if isinstance(value, Object) else value.name
