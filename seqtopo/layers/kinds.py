"""The kinds of a parameter's value: each reads a value, or says in words what it expects."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite
from typing import Any, NamedTuple

from seqtopo.layers.layer_objects import ACTIVATION_LAYERS
from seqtopo.layers.objects import BARE_ACTIVATIONS, read_object
from seqtopo.layers.sizes import LIMIT, Expr
from seqtopo.layers.values import DTYPES, FLOATS, Object, Refusal, Word

POLICIES = ("mixed_float16", "mixed_bfloat16")


class Kind(NamedTuple):
    """One kind of value: its words, and a reader that returns the value or raises ``Refusal``.

    ``flags`` are the bare words that mean a value of this kind where no name is given.
    ``takes`` is "value" for plain configuration, "layer" for a layer or flow, and "tensor" or
    "tensors" for values of the graph, which the resolver reads from the tree.
    """

    words: str
    read: Callable[[Any], Any]
    flags: tuple[str, ...] = ()
    takes: str = "value"
    family: str = ""
    """The family of Keras objects it names one of; "" where it is not an object."""

    def accepts(self, value: Any) -> bool:
        """Return whether a value is of this kind.

        >>> RATE.accepts(0.5), RATE.accepts(2)
        (True, False)
        """
        try:
            self.read(value)
        except Refusal:
            return False
        return True


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def size(least: int = 1) -> Kind:
    """Return the kind of a size: a whole number from ``least`` up, or a symbol."""
    words = f"a whole number from {least} up"

    def read(value: Any) -> Any:
        if isinstance(value, Expr) or (_is_int(value) and least <= value < LIMIT):
            return value
        raise Refusal(
            expected=words if not _is_int(value) or value < least else f"a whole number below {LIMIT}"
        )

    return Kind(words, read)


def integer(least: int | None = None) -> Kind:
    """Return the kind of a whole number that must be known: an axis, a dilation, a seed."""
    words = "a whole number" if least is None else f"a whole number from {least} up"

    def read(value: Any) -> Any:
        if _is_int(value) and (least is None or value >= least) and abs(value) < LIMIT:
            return value
        raise Refusal(expected=words)

    return Kind(words, read)


def number(least: float | None = None, most: float | None = None, *, open_end: bool = False) -> Kind:
    """Return the kind of a number, whole or not, between bounds; with ``open_end`` without the upper one."""
    if least is None and most is None:
        words = "a number"
    elif most is None:
        words = f"a number from {least:g} up"
    else:
        words = f"a number from {least:g} to {most:g}" + (f", but not {most:g} itself" if open_end else "")

    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
            raise Refusal(expected=words)
        low = least is None or value >= least
        high = most is None or value < most or (value == most and not open_end)
        if low and high:
            return value
        raise Refusal(expected=words)

    return Kind(words, read)


def _read_bool(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    raise Refusal(expected="true or false")


def choice(*words: str, flags: bool = True) -> Kind:
    """Return the kind of one of a few words, bare or as a string; a flag too, unless ``flags`` is off."""
    known = ", ".join(words[:-1]) + (" or " if len(words) > 1 else "") + words[-1]

    def read(value: Any) -> Any:
        text = value.name if isinstance(value, Word) else value
        if isinstance(text, str) and text in words:
            return text
        raise Refusal(expected=known, near=words)

    return Kind(known, read, flags=words if flags else ())


def optional(kind: Kind) -> Kind:
    """Return the kind that also accepts none."""

    def read(value: Any) -> Any:
        return None if value is None else kind.read(value)

    return Kind(f"{kind.words}, or none", read, kind.flags, kind.takes)


def either(*kinds: Kind, words: str = "") -> Kind:
    """Return the kind that takes what any of several kinds takes, tried in order; ``words``
    replace theirs.
    """
    words = words or ", or ".join(k.words for k in kinds)

    def read(value: Any) -> Any:
        for kind in kinds:
            try:
                return kind.read(value)
            except Refusal:
                continue
        raise Refusal(expected=words)

    return Kind(words, read, tuple(f for k in kinds for f in k.flags))


def each(kind: Kind, count: int | None = None) -> Kind:
    """Return the kind of a tuple or list of ``count`` values of one kind (any number where None)."""
    words = f"{'' if count is None else f'{count} '}values in parentheses, each {kind.words}"

    def read(value: Any) -> Any:
        if isinstance(value, (tuple, list)) and count in (None, len(value)):
            return tuple(kind.read(v) for v in value)
        raise Refusal(expected=words)

    return Kind(words, read)


def spread(kind: Kind, count: int) -> Kind:
    """Return the kind of one value for all of ``count`` axes, or a tuple with one for each.

    It reads a tuple, and for a single axis the value itself. ``per_axis`` gives the tuple of either, and of a
    default.
    """
    words = kind.words if count == 1 else f"{kind.words}, or {count} of them in parentheses"
    several = each(kind, count)

    def read(value: Any) -> Any:
        if isinstance(value, (tuple, list)):
            try:
                found = several.read(value)
            except Refusal:
                raise Refusal(expected=words) from None
            return found[0] if count == 1 else found
        return kind.read(value) if count == 1 else (kind.read(value),) * count

    return Kind(words, read)


def per_axis(value: Any, count: int) -> tuple[Any, ...]:
    """Return an argument of a ``spread`` kind, or its default, as one value for each axis.

    >>> per_axis(2, 3), per_axis((1, 2), 2)
    ((2, 2, 2), (1, 2))
    """
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * count


def _object(family: str, words: str, flags: tuple[str, ...] = ()) -> Kind:
    def read(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, str):
            value = Word(value)
        if not isinstance(value, (Word, Object)):
            raise Refusal(expected=words)
        try:
            return read_object(family, value)
        except Refusal as error:
            raise Refusal(expected=error.expected or words, near=error.near) from None

    return Kind(words, read, flags, family=family)


def _read_activation(value: Any) -> Any:
    found = ANY_ACTIVATION.read(value)
    if "glu" in (found, getattr(found, "name", "")):
        # Keras accepts it, reports the layer's own shape, and fails at the first call.
        raise Refusal(
            expected="an activation that keeps the shape; glu halves an axis, so it is a step: -> act(glu)"
        )
    if isinstance(found, Object) and found.name not in ACTIVATION_LAYERS:
        # Keras could not save the function with its arguments.
        step = f"{found.name} with arguments is a step of its own, -> act({found})"
        raise Refusal(expected=f"one that Keras can save: {step}")
    return found


def _read_string(value: Any) -> Any:
    if isinstance(value, Word):
        return value.name
    if isinstance(value, str):
        return value
    raise Refusal(expected="a string in quotes")


def _read_layer_name(value: Any) -> Any:
    found = _read_string(value)
    if "/" in found:
        # Keras joins the names of layers and weights with it.
        word = re.sub(r"\W", "_", found)
        raise Refusal(expected="a name without '/'", near=(word,) if word[0].islower() else ())
    return found


def _read_dtype(value: Any) -> Any:
    # Keras accepts integer dtypes, too; weights, products and poolings then fail on some backends.
    text = value.name if isinstance(value, Word) else value
    if text is None or (isinstance(text, str) and text in (*FLOATS, *POLICIES)):
        return text
    raise Refusal(expected=f"a dtype: {', '.join((*FLOATS, *POLICIES))}", near=(*FLOATS, *POLICIES))


def _read_axis(value: Any) -> Any:
    text = value.name if isinstance(value, Word) else value
    if text == "time":
        return 1
    if text == "features":
        return -1
    if not isinstance(text, str) and _is_int(text) and abs(text) < 64:
        return text
    raise Refusal(expected=AXIS.words)


def _read_nothing(value: Any) -> Any:
    if value is None:
        return None
    raise Refusal(expected="left out: it takes a Python object, to be given to the built layer")


def array_shape(value: Any) -> tuple[int, ...]:
    """Return the shape of an argument of the kind ``ARRAY``; raises ``Refusal`` if it is ragged.

    >>> array_shape(2.0), array_shape(((1, 2, 3), (4, 5, 6)))
    ((), (2, 3))
    """
    if isinstance(value, (tuple, list)) and value:
        if set(map(type, value)) == {float} and all(map(isfinite, value)):
            return (len(value),)  # a long row of numbers
        inner = {array_shape(v) for v in value}
        if len(inner) == 1:
            return (len(value), *inner.pop())
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value):
        return ()
    raise Refusal(expected=ARRAY.words)


def _read_array(value: Any) -> Any:
    array_shape(value)
    return value


def _read_plain_dtype(value: Any) -> Any:
    text = value.name if isinstance(value, Word) else value
    if isinstance(text, str) and text in DTYPES:
        return text
    raise Refusal(expected=f"a dtype: {', '.join(DTYPES)}", near=DTYPES)


def _read_operand(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    try:
        array_shape(value)
    except Refusal:
        raise Refusal(expected=OPERAND.words) from None
    return value


def _read_any(value: Any) -> Any:
    return value


SIZE = size()
COUNT = size(0)
BOOL = Kind("true or false", _read_bool)
TRUTH = Kind(BOOL.words, BOOL.read)
"""True or false for a parameter whose name is a word that means something else by itself, ``lower``."""
RATE = number(0, 1)
NUMBER = number()
SEED = optional(integer(0))
STRING = Kind("a string in quotes", _read_string)
LAYER_NAME = Kind(STRING.words, _read_layer_name)
DTYPE = Kind("a dtype such as float32 or mixed_float16", _read_dtype)
AXIS = Kind(
    "time, features or the number of an axis (1 is the first after the batch)",
    _read_axis,
    flags=("time", "features"),
)
AXES = either(AXIS, each(AXIS), words=f"{AXIS.words}, or several of them in parentheses")
ANY_ACTIVATION = _object("activation", "an activation such as relu or tanh", flags=BARE_ACTIVATIONS)
ACTIVATION = Kind(
    ANY_ACTIVATION.words,
    _read_activation,
    tuple(n for n in BARE_ACTIVATIONS if n != "glu"),
    family="activation",
)
INITIALIZER = _object("initializer", "an initializer such as glorot_uniform or orthogonal(gain=2)")
REGULARIZER = _object("regularizer", "a regularizer such as l2(1e-4)")
CONSTRAINT = _object("constraint", "a constraint such as max_norm(2)")
ARRAY = Kind("a number, or numbers in parentheses, nested for more axes", _read_array)
PLAIN_DTYPE = Kind("a dtype such as float32 or int32", _read_plain_dtype, flags=DTYPES)
OPERAND = Kind("a number, or numbers in parentheses for the places along the last axes", _read_operand)
"""A number in the place of an input: ``divide(2)``, ``subtract(x1=1)``."""
ROW_OF_NUMBERS = Kind("a row of numbers in parentheses", ARRAY.read)
"""Numbers that Keras takes as an array and not as a list."""
NOTHING = Kind("none", _read_nothing)
ANYTHING = Kind("a value", _read_any)
LAYER = Kind("a layer or a flow", _read_any, takes="layer")
TENSOR = Kind("a value of the graph, such as a name that is bound to one", _read_any, takes="tensor")
TENSORS = Kind("a value of the graph, or a list of them", _read_any, takes="tensors")
