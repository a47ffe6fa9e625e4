"""Modernise an object of ``train`` that an earlier Keras or another library had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seqtopo.layers.excluded import snake_case
from seqtopo.layers.legacy_objects import ARGUMENTS, DECAY, DROPPED, OBJECTS, Old
from seqtopo.layers.objects import entry_of, read_object
from seqtopo.layers.values import Object, Refusal, Word, show
from seqtopo.source import Source
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse
from seqtopo.syntax.rewrite import NOWHERE, call, word

Value = Callable[[tree.Expr], Any]
_Changes = list[tuple[str, bool]]


@dataclass(frozen=True)
class Modern:
    """An object in today's spelling, with a note on the old one; ``exact`` if both mean the same."""

    expr: tree.Expr
    why: str
    exact: bool


def modernized(family: str, expr: tree.Expr, value: Value) -> Modern | None:
    """Return today's spelling of an object that Keras 3 lacks; None if no replacement is known."""
    if isinstance(expr, tree.String):
        expr = tree.Name(expr.span, expr.value)
    if not isinstance(expr, (tree.Name, tree.Call)):
        return None
    name, args = (expr.name.name, expr.args) if isinstance(expr, tree.Call) else (expr.name, ())
    changes: _Changes = []
    if entry_of(family, name) is None or (expr.__class__ is tree.Name and name[0].isupper()):
        old = _old(family, name)
        if old is None:
            return None
        now = _read(old.to)
        changes.append((_message(family, name, old), old.exact))
        name = now.name.name if isinstance(now, tree.Call) else old.to
        args = (*args, *(now.args if isinstance(now, tree.Call) else ()))
    if family == "optimizer":
        args = _arguments(name, args, changes, value)
    if not changes:
        return None
    made: tree.Expr = tree.Call(NOWHERE, word(name), args) if args else word(name)
    try:
        found = value(made)
        if isinstance(found, (Word, Object)):
            read_object(family, found)
    except Refusal as refusal:
        if refusal.is_known:
            raise
        return None
    return Modern(made, changes[0][0], all(exact for _, exact in changes))


def _old(family: str, name: str) -> Old | None:
    plain = snake_case(name)
    known = OBJECTS[family]
    found = known.get(name) or known.get(plain) or known.get(name.lower())
    if found is not None:
        return found
    entry = entry_of(family, name)
    written = (name.lower(), plain, entry.name if entry is not None else "")
    lower = next((w for w in written if w != name and w and entry_of(family, w) is not None), None)
    return Old(lower, "") if lower is not None else None


def _message(family: str, name: str, old: Old) -> str:
    if not old.since:
        return f"there is no {family} {name}: names of objects are written in lower case"
    if not old.exact:
        return f"there is no {family} {name}, as in {old.since}; what comes nearest is {old.to}"
    return f"there is no {family} {name}: it is the name that {old.since} had for {old.to}"


def _read(text: str) -> tree.Expr:
    spec, _ = parse(Source(text))
    assert spec is not None
    (statement,) = spec.statements
    assert isinstance(statement, tree.Output)
    return statement.value


def _arguments(
    name: str, args: tuple[tree.Argument, ...], changes: _Changes, value: Value
) -> tuple[tree.Argument, ...]:
    """Return an optimizer's arguments under today's names, and add what was changed to ``changes``."""
    entry = entry_of("optimizer", name)
    assert entry is not None
    parts = {part.name: part for part in entry.parts}
    found: list[tree.Argument] = []
    decay: tree.Expr | None = None
    for arg in args:
        given = arg.name.name if arg.name is not None else ""
        if not given:
            found.append(arg)
        elif given in parts:
            if value(arg.value) is None and parts[given].default is not None:
                what = f"{given}=none is not written: its default is {show(parts[given].default)}"
                changes.append((f"{name}: {what}", True))
            else:
                found.append(arg)
        elif given in DECAY:
            decay = arg.value
            changes.append((f"{name} has no {given}: in Keras 3 the learning rate is a schedule", True))
        elif given in DROPPED:
            changes.append((f"{name} has no {given}: {DROPPED[given]}", True))
        elif given in ARGUMENTS and ARGUMENTS[given].to[0] in parts:
            to, since = ARGUMENTS[given].to[0], ARGUMENTS[given].since
            changes.append((f"{name} has no {given}: in Keras 3 it is {to} ({given} in {since})", True))
            found.append(tree.Argument(NOWHERE, word(to), arg.value))
        else:
            found.append(arg)
    rate = parts.get("learning_rate")
    if decay is None or rate is None or value(decay) in (0, None):
        return tuple(found)
    at = next((i for i, a in enumerate(found) if a.name is None or a.name.name == "learning_rate"), None)
    start = found[at].value if at is not None else _read(show(rate.default))
    schedule = call("inverse_time_decay", start, 1, decay)
    if at is None:
        return (tree.Argument(NOWHERE, None, schedule), *found)
    found[at] = tree.Argument(NOWHERE, found[at].name, schedule)
    return tuple(found)
