"""The layers to build so that each parameter of each row is tried: specs, and what Keras is then told."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from tests.support.ledger import Line, read
from tests.support.parameter_values import (
    ALWAYS,
    BESIDE,
    CALLS,
    CALLS_OF,
    INCOMING,
    INCOMING_OF,
    NO_TRACE,
    NO_WORDS,
    OBJECTS,
    SHARES,
    WORDS_OF,
    refused,
    value_of,
)


@dataclass(frozen=True, eq=False)
class Case:
    """One layer in a spec: what is written in its parentheses, and what Keras must have been told.

    ``what`` is the parameter, the word or the name that is tried. ``written`` are the arguments for the
    parameters ``sets``, in the place of those that the layer always gets, ``always``; ``sources`` the
    inputs ``c0``, ``c1`` ... that they name. ``config`` is what the layer's configuration says, ``call``
    what its call was given.
    """

    row: str
    what: str
    written: str
    config: Mapping[str, Any] = field(default_factory=dict)
    call: Mapping[str, Any] = field(default_factory=dict)
    always: Mapping[str, str] = field(default_factory=dict)
    sets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    changes: bool = True
    """True if it must change the configuration: the value is not the default."""


def keras_parameters(line: Line) -> list[str]:
    """The parameters of a row's Keras class, those of every layer included, by Keras' own signature."""
    signature = inspect.signature(getattr(keras.layers, line.keras).__init__).parameters
    own = [n for n, p in signature.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    common = ["name", "trainable", "dtype"] if "kwargs" in signature else []
    return [n for n in dict.fromkeys([*own, *common]) if n not in ("self", "autocast")]


def always(line: Line, of: str) -> dict[str, str]:
    """Return the arguments beside the tried one: those that Keras requires, and those that it needs."""
    signature = inspect.signature(getattr(keras.layers, line.keras).__init__).parameters
    two = "0.125" if line.name in SHARES else "2"
    needed = {
        n: two
        for n, p in signature.items()
        if n != "self" and p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    }
    return {**needed, **ALWAYS.get(line.name, {}), **BESIDE.get((line.name, of), {})}


def incoming(line: Line, of: str = "") -> list[str]:
    """The sources whose values the layer takes."""
    found = INCOMING_OF.get((line.name, of)) or INCOMING.get(line.name)
    if found is None:
        axes = re.search(r"([123])d", line.name)
        found = f"in({'6,' * int(axes[1]) if axes else '6,'}4)"
    return re.findall(r"in\([^)]*\)", found)


def cases(line: Line) -> Iterator[Case]:
    """Every layer to build for a row: each parameter, each word of its own, what is given by position.

    Initializers, regularizers and constraints are given to one layer together; the words that are
    a parameter's name or value stand among the ``spellings``.
    """
    own = [name for name in keras_parameters(line) if not refused(line.name, name)]
    for name in own:
        if name not in OBJECTS and (line.name, name) not in NO_TRACE:
            yield _named(line, name)
    objects = [name for name in own if name in OBJECTS]
    if objects:
        values = {name: value_of(line.name, name) for name in objects}
        written = ", ".join(f"{name}={text}" for name, (text, _) in values.items())
        config = {name: value for name, (_, value) in values.items()}
        yield Case(line.name, "objects", written, config, always=always(line, ""))
    for word, (name, value) in words(line).items():
        given = {name: WORDS_OF.get((line.name, word), value)}
        case = Case(line.name, f"{word} (flag)", word, always=always(line, name), sets=(name,), changes=False)
        if name in line.call:
            yield replace(case, call=given)
        elif word not in (name, value, "frozen"):
            yield replace(case, config=given)
    if line.activation:
        name = line.activation
        given = {name: "relu"}
        yield Case(line.name, "relu (flag)", "relu", given, always=always(line, name), sets=(name,))
    if line.order and line.order[0].rstrip("*") in own:
        yield _by_position(line)
    for name in line.call:
        if not refused(line.name, name) and line.flags.get(name) != (name, True):
            yield _of_the_call(line, name)


def words(line: Line) -> dict[str, tuple[str, Any]]:
    """The bare words of a row that can be given: Keras' argument and the value that each stands for."""
    own = {*keras_parameters(line), *line.call}
    return {
        word: (name, value)
        for word, (name, value) in line.flags.items()
        if name in own and not refused(line.name, name) and (line.name, word) not in NO_WORDS
    }


def spellings(line: Line) -> Iterator[tuple[Case, Case]]:
    """Yield pairs of spellings: a bare word or a short name, and the argument by Keras' name."""
    for word, (name, value) in words(line).items():
        text = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
        long = Case(line.name, word, f"{name}={text}", always=always(line, name), sets=(name,))
        yield replace(long, written=word), long
    for short, name in line.short.items():
        long = _of_the_call(line, name) if name in line.call else _named(line, name)
        yield replace(long, what=short, written=long.written.replace(name, short, 1)), long


def _named(line: Line, name: str) -> Case:
    text, config = value_of(line.name, name)
    sets = (name, *re.findall(r", (\w+)=", text))
    return Case(line.name, name, f"{name}={text}", {name: config}, always=always(line, name), sets=sets)


def _by_position(line: Line) -> Case:
    names = [name.rstrip("*") for name in line.order]
    values = [value_of(line.name, name) for name in names]
    texts = [
        text.strip("()") if name.endswith("*") else text
        for name, (text, _) in zip(line.order, values, strict=True)
    ]
    config = {name: value for name, (_, value) in zip(names, values, strict=True)}
    written = ", ".join(texts)
    return Case(line.name, "by position", written, config, always=always(line, ""), sets=tuple(names))


def _of_the_call(line: Line, name: str) -> Case:
    sources = CALLS_OF.get((line.name, name)) or CALLS[name]
    names = tuple(f"c{i}" for i in range(len(sources)))
    several = len(names) > 1
    written = f"{name}={'[' if several else ''}{','.join(names)}{']' if several else ''}"
    call = {name: names if several or name == "initial_state" else names[0]}
    return Case(line.name, name, written, call=call, always=always(line, name), sources=sources)


LEDGER = {name: line for name, line in read().items() if line.keras}
