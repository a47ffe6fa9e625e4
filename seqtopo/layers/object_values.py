"""The row of a Keras object, and the kinds of value that its parameters take.

These are not ``kinds``: the kinds read objects, so they stand above this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, NamedTuple

from seqtopo.layers.values import DTYPES, Refusal, Word


class Takes(NamedTuple):
    """The values that a parameter takes: in words, and a reader that returns one or raises ``Refusal``.

    ``families`` are the families of objects it takes, which the reader of objects reads itself.
    """

    words: str
    read: Callable[[Any], Any]
    families: tuple[str, ...] = ()


class Part(NamedTuple):
    """One parameter of an object, under Keras' name and with Keras' default.

    ``unsaved`` is the attribute of the live object that holds the value, where Keras leaves the parameter
    out of the object's configuration.
    """

    name: str
    takes: Takes
    default: Any
    required: bool = False
    unsaved: str = ""


class Entry(NamedTuple):
    """One object: its name here, the attribute of its Keras module, its other names, its parameters.

    ``keras`` is "" where only the bare word means something to Keras. ``check`` looks at all the
    arguments together and says what they have to be, or "". ``ranks`` are the numbers of axes that a
    weight may have for the object to work on it, where Keras says so.
    """

    name: str
    keras: str
    aliases: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    check: Callable[[Mapping[str, Any]], str] | None = None
    ranks: tuple[int, int | None] | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The names that stand in a spec without quotes, its own first."""
        return tuple(name for name in (self.name, *self.aliases) if name[0].islower())


def class_name(name: str) -> str:
    """Return the name of Keras' class for a name with underscores.

    >>> class_name("log_cosh")
    'LogCosh'
    """
    return "".join(word.capitalize() for word in name.split("_"))


def parts(**given: Takes | tuple[Takes, Any]) -> tuple[Part, ...]:
    """Return parameters in Keras' order: ``gain=(NUMBER, 1.0)``, or ``k=WHOLE`` without a default."""
    return tuple(
        Part(name, g, None, required=True) if isinstance(g, Takes) else Part(name, *g)
        for name, g in given.items()
    )


def unsaved(attribute: str, given: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return parameters that Keras leaves out of the configuration, with the attribute that holds
    each value.
    """
    return tuple(part._replace(unsaved=attribute) for part in given)


def _read_bool(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    raise Refusal()


def number(
    least: float | None = None,
    most: float | None = None,
    *,
    above: float | None = None,
    below: float | None = None,
) -> Takes:
    """Return the kind of a number in bounds: ``least`` and ``most`` included, ``above`` and ``below`` not.

    Read as a float, which Keras demands in places (``sgd(momentum=0)``).
    """
    bounds = {"from": least, "above": above, "up to": most, "below": below}
    words = " ".join(
        ["a number", *(f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None)]
        + ["up"] * (least is not None and most is None)
    )

    def read(value: Any) -> Any:
        fits = (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and isfinite(value)
            and (least is None or value >= least)
            and (above is None or value > above)
            and (most is None or value <= most)
            and (below is None or value < below)
        )
        if fits:
            return float(value)
        raise Refusal()

    return Takes(words, read)


def whole(least: int | None = None) -> Takes:
    """Return the kind of a whole number."""

    def read(value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool) and (least is None or value >= least):
            return value
        raise Refusal()

    return Takes("a whole number" if least is None else f"a whole number from {least} up", read)


def word(*words: str) -> Takes:
    """Return the kind of one of a few words, bare or as a string."""

    def read(value: Any) -> Any:
        text = value.name if isinstance(value, Word) else value
        if isinstance(text, str) and text in words:
            return text
        raise Refusal()

    return Takes(" or ".join(words), read)


def or_none(takes: Takes) -> Takes:
    """Return the kind that also accepts none."""
    return Takes(f"{takes.words}, or none", lambda v: None if v is None else takes.read(v), takes.families)


def several(takes: Takes) -> Takes:
    """Return the kind of a tuple or list of values, at least one."""

    def read(value: Any) -> Any:
        if isinstance(value, (tuple, list)) and value:
            return tuple(takes.read(v) for v in value)
        raise Refusal()

    return Takes(f"values in parentheses, each {takes.words}", read)


def either(*options: Takes) -> Takes:
    """Return the kind of what any of several kinds takes, tried in order."""

    def read(value: Any) -> Any:
        for takes in options:
            try:
                return takes.read(value)
            except Refusal:
                continue
        raise Refusal()

    return Takes(", or ".join(t.words for t in options), read, tuple(f for t in options for f in t.families))


def _no_plain(value: Any) -> Any:
    raise Refusal()


def an_object(family: str, words: str) -> Takes:
    """Return the kind of an object of a family: ``exponential_decay(1e-2,1000,0.9)``."""
    return Takes(words, _no_plain, (family,))


def _read_text(value: Any) -> Any:
    text = value.name if isinstance(value, Word) else value
    if isinstance(text, str) and text:
        return text
    raise Refusal()


BOOL = Takes("true or false", _read_bool)
NUMBER = number()
WHOLE = whole()
TEXT = Takes("a string in quotes", _read_text)
DTYPE = or_none(word(*DTYPES))
AXIS = either(whole(), several(whole()))
SEED = or_none(whole(0))
