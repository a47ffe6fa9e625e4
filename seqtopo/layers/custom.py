"""Custom layers: a Python function or class becomes a row of the table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from seqtopo.layers import kinds, registry
from seqtopo.layers.kinds import Kind
from seqtopo.layers.row import COMMON, REQUIRED, Param, Row

Make = TypeVar("Make", bound=Callable[..., Any])

_BY_ANNOTATION = {
    "int": kinds.SIZE,
    "float": kinds.NUMBER,
    "bool": kinds.BOOL,
    "str": kinds.STRING,
    "tuple": kinds.each(kinds.ANYTHING),
}
_BY_NAME = {"activation": kinds.ACTIVATION, "axis": kinds.AXIS, "rate": kinds.RATE, "seed": kinds.SEED}
_BY_ENDING = {
    "_activation": kinds.ACTIVATION,
    "_initializer": kinds.INITIALIZER,
    "_regularizer": kinds.REGULARIZER,
    "_constraint": kinds.CONSTRAINT,
}


def layer(
    shape: str,
    *,
    name: str = "",
    about: str = "",
    weights: str = "",
    inputs: tuple[int, int | None] = (1, 1),
    example: str = "",
    aliases: tuple[str, ...] = (),
) -> Callable[[Make], Make]:
    """Makes a Keras layer known to specs, by decorating its class or a function that returns it.

    The parameters, their kinds and defaults are read from the signature: a parameter without a default
    is given by position, in order. Checking uses ``shape`` and ``weights`` alone, so a function that
    imports Keras inside keeps a check free of Keras.

    Args:
        shape: the shape rule as a pattern, ``T F -> units``: axes without the batch, parameters by
            name; ``...`` is any number of axes, a comma separates inputs.
        name: how specs call it; else the function's name, or the class's in snake_case.
        about: one sentence; else the docstring's first line.
        weights: the variables in order, ``kernel: F units; bias: units if use_bias``; a ``!`` behind
            the name marks one that is not trained.
        inputs: how many values it takes, least and most (None: any number).
        example: a spec that uses it.
        aliases: other names.

    Returns:
        The decorated function or class as it was, with its row as the attribute ``row``.

    Raises:
        ValueError: the name is taken.
        TypeError: there is no shape rule, as in a bare ``@seqtopo.layer``.

    >>> @layer("T F -> F", weights="query: F")
    ... def attend_pool(temperature: float = 1.0, name=None):
    ...     "A learned query attends to every step."
    ...     from my_package import AttendPool
    ...     return AttendPool(temperature, name=name)
    >>> import seqtopo
    >>> seqtopo.check("in(T,16) -> attend_pool -> dense(2)").params
    50
    """
    # Without parentheses Python gives what is decorated in the place of the shape rule.
    if not isinstance(shape, str):
        raise TypeError('layer needs the shape rule, as in @seqtopo.layer("T F -> T units")')

    def join(make: Make) -> Make:
        words = about or (inspect.getdoc(make) or "A custom layer.").splitlines()[0]
        own = name or registry.snake_case(make.__name__)
        signature = inspect.signature(make)
        params = tuple(_params(signature))
        row = Row(
            own,
            "",
            words,
            shape,
            example or f"in(T,8) -> {own}",
            params=params,
            positional=tuple(p.name for p in params if p.default is REQUIRED),
            weights=weights,
            inputs=inputs,
            aliases=aliases,
            without=tuple(p.name for p in COMMON if not _accepts(signature, p.name)),
            make=make,
        )
        registry.register(row)
        make.row = row  # type: ignore[attr-defined]  # a function or class takes any attribute
        return make

    return join


def _accepts(signature: inspect.Signature, name: str) -> bool:
    return name in signature.parameters or any(
        p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.parameters.values()
    )


def _params(signature: inspect.Signature) -> Iterator[Param]:
    common = {p.name for p in COMMON}
    for param in signature.parameters.values():
        if param.kind in (param.VAR_KEYWORD, param.VAR_POSITIONAL) or param.name in common:
            continue
        default = REQUIRED if param.default is param.empty else param.default
        flags = {"nobias": False} if param.name == "use_bias" else {}
        yield Param(param.name, _kind(param), default, flags=flags)


def _kind(param: inspect.Parameter) -> Kind:
    if param.name in _BY_NAME:
        return _BY_NAME[param.name]
    for ending, kind in _BY_ENDING.items():
        if param.name.endswith(ending):
            return kind
    annotation = param.annotation
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    words = [w.strip() for w in str(text).split("|")]
    found = next((_BY_ANNOTATION[w] for w in words if w in _BY_ANNOTATION), None)
    if found is None:
        found = _BY_ANNOTATION.get(type(param.default).__name__, kinds.ANYTHING)
    return kinds.optional(found) if "None" in words or param.default is None else found
