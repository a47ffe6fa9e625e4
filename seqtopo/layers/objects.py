"""Keras objects that an argument may name: activations, initializers, regularizers and the like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from seqtopo.layers.object_values import Entry, Part
from seqtopo.layers.values import Object, Refusal, Word, show

_TABLES = {
    "activation": ("layer_objects", "ACTIVATIONS"),
    "initializer": ("layer_objects", "INITIALIZERS"),
    "regularizer": ("layer_objects", "REGULARIZERS"),
    "constraint": ("layer_objects", "CONSTRAINTS"),
    "optimizer": ("optimizer_objects", "OPTIMIZERS"),
    "schedule": ("optimizer_objects", "SCHEDULES"),
    "loss": ("loss_objects", "LOSSES"),
    "metric": ("loss_objects", "METRICS"),
}


class _Families(Mapping[str, tuple[Entry, ...]]):
    def __getitem__(self, family: str) -> tuple[Entry, ...]:
        module, table = _TABLES[family]
        entries: tuple[Entry, ...] = getattr(import_module(f"seqtopo.layers.{module}"), table)
        return entries

    def __iter__(self) -> Iterator[str]:
        return iter(_TABLES)

    def __len__(self) -> int:
        return len(_TABLES)


FAMILIES: Mapping[str, tuple[Entry, ...]] = _Families()
"""Every family of objects: its rows, in the order of their names, read when one is asked for."""

MODULES: Mapping[str, str] = {
    "activation": "activations",
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
    "optimizer": "optimizers",
    "schedule": "optimizers.schedules",
    "loss": "losses",
    "metric": "metrics",
}
"""The module of ``keras`` that a family stands in."""

_WORDS = {
    "activation": "an activation such as relu or tanh",
    "initializer": "an initializer such as glorot_uniform or orthogonal(gain=2)",
    "regularizer": "a regularizer such as l2(1e-4)",
    "constraint": "a constraint such as max_norm(2)",
    "optimizer": "an optimizer such as adam or sgd(0.01, momentum=0.9)",
    "schedule": "a schedule such as exponential_decay(0.01, 1000, 0.9)",
    "loss": "a loss such as mse or sparse_categorical_crossentropy",
    "metric": "a metric such as mae or accuracy",
}


@cache
def _by_name(family: str) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in FAMILIES[family]:
        for name in {entry.name, *entry.aliases, *filter(None, (entry.keras,))}:
            if found.setdefault(name, entry) is not entry:
                raise ValueError(f"two objects are called {name}")
    return found


def names(family: str) -> tuple[str, ...]:
    """Return every name of the objects of a family, the short ones included.

    >>> names("regularizer")
    ('l1', 'l1_l2', 'l1l2', 'l2', 'orthogonal_regularizer')
    """
    return tuple(name for entry in FAMILIES[family] for name in entry.words)


BARE_ACTIVATIONS = tuple(
    n for n in names("activation") if not any(part.required for part in _by_name("activation")[n].parts)
)
"""The activations that need no arguments: those that may stand as a flag."""


def entry_of(family: str, name: str) -> Entry | None:
    """Return the row of an object, by any of its names; None if there is none."""
    return _by_name(family).get(name)


def keras_name(family: str, name: str) -> str:
    """Return the attribute of Keras' module that a name stands for: a class, or an activation's function.

    ``accuracy`` gives "": Keras chooses its class by the output's shape, from
    the bare word alone. Raises ``KeyError`` for a name that is not in the table.

    >>> keras_name("initializer", "he_normal"), keras_name("loss", "mse")
    ('HeNormal', 'MeanSquaredError')
    """
    return _by_name(family)[name].keras


def read_object(family: str, value: Word | Object) -> str | Object:
    """Return the object a value names: its name, or with its arguments by Keras' parameter names.

    Raises:
        Refusal: there is none of that name, or it does not take these arguments.

    >>> read_object("initializer", Word("uniform")), str(read_object("regularizer", Object("l2", (1e-4,))))
    ('random_uniform', 'l2(l2=0.0001)')
    """
    entry = _by_name(family).get(value.name)
    if entry is None:
        raise Refusal(expected=_WORDS[family], near=names(family))
    args, kwargs = (value.args, value.kwargs) if isinstance(value, Object) else ((), {})
    given = _named(entry, args, kwargs)
    missing = [p.name for p in entry.parts if p.required and p.name not in given]
    if missing:
        raise Refusal(expected=f"{signature(entry)}, with {missing[0]}")
    read = {p.name: _read(entry, p, given[p.name]) for p in entry.parts if p.name in given}
    wanted = entry.check(read) if entry.check else ""
    if wanted:
        raise Refusal(expected=f"{signature(entry)}, {wanted}")
    return Object(entry.name, (), read) if read else entry.name


def shortest(families: Sequence[str], value: Any) -> Any:
    """Return a value that was read, whose objects are without the arguments that Keras takes anyhow, by the
    names of their rows.

    >>> adam = Object("adam", (), {"learning_rate": 0.001, "clipnorm": 1.0})
    >>> str(shortest(["optimizer"], adam)), shortest(["loss"], ["mse"])
    ('adam(clipnorm=1.0)', ['mean_squared_error'])
    """
    if isinstance(value, (list, tuple)):
        return type(value)(shortest(families, each) for each in value)
    if isinstance(value, dict):
        return {name: shortest(families, each) for name, each in value.items()}
    if not isinstance(value, (str, Word, Object)):
        return value
    name = value if isinstance(value, str) else value.name
    entry = next((entry for family in families if (entry := entry_of(family, name)) is not None), None)
    if entry is None:
        return value
    given = value.kwargs if isinstance(value, Object) else {}
    takes = {part.name: part for part in entry.parts}
    left = {
        name: shortest(takes[name].takes.families, each) if name in takes else each
        for name, each in given.items()
        if name not in takes or takes[name].required or each != takes[name].default
    }
    return Object(entry.name, (), left) if left else entry.name


def signature(entry: Entry) -> str:
    """Return an object as it is called, with its first few parameters.

    >>> signature(_by_name("constraint")["max_norm"])
    'max_norm(max_value=2, axis=0)'
    """
    shown = [p.name if p.required else f"{p.name}={show(p.default)}" for p in entry.parts]
    return f"{entry.name}({', '.join(shown[:4] + ['...'] * (len(shown) > 4))})"


def _named(entry: Entry, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    if len(args) > len(entry.parts):
        most = len(entry.parts)
        count = f"at most {most} argument{'s' * (most != 1)}" if most else "no arguments"
        raise Refusal(expected=f"{signature(entry)}, with {count}")
    given = {p.name: value for p, value in zip(entry.parts, args, strict=False)}
    known = [p.name for p in entry.parts]
    for name, value in kwargs.items():
        if name not in known:
            takes = f"which takes {', '.join(known)}" if known else "which takes no arguments"
            raise Refusal(expected=f"{signature(entry)}, {takes} but not {name}")
        if name in given:
            raise Refusal(expected=f"{signature(entry)}, with {name} only once")
        given[name] = value
    return given


def _read(entry: Entry, part: Part, value: Any) -> Any:
    takes = part.takes
    if isinstance(value, (Word, Object)):
        for family in takes.families:
            # Its own kind is not an argument of an object (Keras has no loss scaling of loss scaling), so
            # objects never nest deeper than the families do.
            if _by_name(family).get(value.name) not in (None, entry):
                return read_object(family, value)
    try:
        return takes.read(value)
    except Refusal:
        raise Refusal(expected=f"{signature(entry)}, whose {part.name} is {takes.words}") from None
