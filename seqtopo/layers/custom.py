"""Register custom layers: a Python function or class becomes a row of the table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from seqtopo.layers import kinds, masking, registry, timing
from seqtopo.layers.kinds import Kind
from seqtopo.layers.row import COMMON, REQUIRED, ROLES, Param, Role, Row

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
    time: str = "",
    mask: str = "",
    role: Role = "",
) -> Callable[[Make], Make]:
    """Register a Keras layer for specs, by decorating its class or a function that returns it.

    The parameters, their kinds and defaults are read from the signature: a parameter without a default
    is given by position, in order. Checking uses only ``shape`` and ``weights``; so a check loads no Keras if
    the function imports it inside.

    Args:
        shape: the shape rule as a pattern, ``T F -> units``: axes without the batch, parameters by
            name; ``...`` is any number of axes, a comma separates inputs.
        name: the name in specs; by default that of the function, or of the class in snake_case.
        about: one sentence on the layer; by default the docstring's first line.
        weights: the variables in order, ``kernel: F units; bias: units if use_bias``; a ``!`` behind
            the name marks one that is not trained.
        inputs: the minimum and the maximum number of its inputs (None: any number).
        example: a spec that uses the layer.
        aliases: other names.
        time: the layer's effect on time steps, which pictures and lints use: ``keeps`` (each output step is
            computed from the same input step), ``causal`` (from it and those before it), ``mixes`` (from
            all steps), ``ends`` (the output has no steps, and depends on all of them).
        mask: the layer's effect on the mask of padded steps: ``passes`` (hands it on, and ignores it),
            ``uses`` (leaves masked steps out, and hands it on), ``uses_up`` (leaves them out, and has no
            steps in the output), ``ends`` (hands none on), ``makes`` (a new one); for several inputs,
            ``every`` (a mask if each of them has one) or ``any``. By default lints assume ``passes``.
        role: the purpose of the layer, in a word that the rows of the table use: ``norm``, ``noise``,
            ``attention``, ``dense``, ``recurrent``, ``merge`` and so on; pictures and lints use it.

    Returns:
        A decorator. It returns the function or class unchanged, with its row as the attribute ``row``.

    Raises:
        ValueError: the name is taken, or ``time``, ``mask`` or ``role`` is an unknown word.
        TypeError: the shape rule is missing, as in a bare ``@seqtopo.layer``.

    >>> @layer("T F -> F", weights="query: F", time="ends", mask="ends", role="pooling")
    ... def attend_pool(temperature: float = 1.0, name=None):
    ...     "A learned query attends to every step."
    ...     from my_package import AttendPool
    ...     return AttendPool(temperature, name=name)
    >>> import seqtopo
    >>> seqtopo.check("in(T,16) -> attend_pool -> dense(2)").params
    50
    """
    # Without parentheses Python passes the decorated function as the shape rule.
    if not isinstance(shape, str):
        raise TypeError('layer needs the shape rule, as in @seqtopo.layer("T F -> T units")')

    rules = {
        "time": _word("time", time, timing.WORDS),
        "mask": _word("mask", mask, masking.WORDS),
        "role": role if _word("role", role, dict.fromkeys(ROLES, True)) else "",
    }

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
            **rules,
        )
        registry.register(row)
        make.row = row  # type: ignore[attr-defined]  # a function or class takes any attribute
        return make

    return join


def _word(column: str, word: str, known: Mapping[str, Any]) -> Any:
    """Return the rule or value that a word of a column names; None for an empty word."""
    if word and word not in known:
        raise ValueError(f"{column} is {word!r}, and may be {', '.join(filter(None, known))}")
    return known[word] if word else None


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
