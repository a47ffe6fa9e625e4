"""Write a layer and its arguments: in the row's order, with flags where people write flags."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from seqtopo.decompiler.layers import same_value
from seqtopo.graph.graph import SubModel
from seqtopo.layers import kinds
from seqtopo.layers.layer import Layer
from seqtopo.layers.object_values import TEXT, Part
from seqtopo.layers.objects import BARE_ACTIVATIONS, FAMILIES, entry_of
from seqtopo.layers.row import REQUIRED, Param, Row
from seqtopo.layers.sizes import Expr, is_open
from seqtopo.layers.values import Object, Refusal, Tensor, Word
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse

NOWHERE = Span(0, 0)
Inside = Callable[[Layer | SubModel], tree.Expr]
"""A function that writes the contents of a wrapper."""

_WORD = re.compile(r"[a-z][a-z0-9_]*")


class Quoted(str):
    """A text that is written in quotes, also where it could stand bare."""


def name(text: str) -> tree.Name:
    """Return the tree node of a name."""
    return tree.Name(NOWHERE, text)


def number(value: int | float) -> tree.Expr:
    """Return the tree node of a number; a whole one has no decimal point.

    >>> from seqtopo.syntax.print import print_expr
    >>> [print_expr(number(v)) for v in (3, 0.5, 1e-07, 2.0, -4)]
    ['3', '0.5', '1e-7', '2', '-4']
    """
    if value < 0:
        return tree.Negative(NOWHERE, number(-value))
    if isinstance(value, float) and value.is_integer() and value < 1e6:
        value = int(value)
    text = re.sub(r"e([+-])0*(\d)", lambda m: f"e{m[1].strip('+')}{m[2]}", repr(value))
    return tree.Number(NOWHERE, value, text)


def size(value: Any) -> tree.Expr:
    """Return the tree node of a size: a number, a symbol, an expression of them, or ``?``."""
    if isinstance(value, Expr):
        if is_open(value):
            return tree.Unknown(NOWHERE)
        spec, _ = parse(Source(f"let A = {value}"))
        assert spec is not None
        (let,) = spec.statements
        assert isinstance(let, tree.Let)
        return let.bindings[0].value
    return number(value)


def value(given: Any, family: str = "") -> tree.Expr:
    """Return the tree node of a plain value; ``family`` is that of an object with this name."""
    if given is None or isinstance(given, bool):
        return name(str(given).lower())
    if isinstance(given, (int, float)):
        return number(given)
    if isinstance(given, Expr):
        return size(given)
    if isinstance(given, Word):
        return value(given.name)
    if isinstance(given, str):
        is_bare = _WORD.fullmatch(given) and not isinstance(given, Quoted)
        return name(given) if is_bare else tree.String(NOWHERE, str(given))
    if isinstance(given, tuple):
        return tree.Tuple(NOWHERE, tuple(value(v, family) for v in given))
    if isinstance(given, Mapping):
        return value(tuple(given.values()))
    if isinstance(given, list):
        return tree.List(NOWHERE, tuple(map(value, given)))
    if isinstance(given, Object):
        return keras_object(given, family)
    raise TypeError(type(given).__name__)


def keras_object(given: Object, family: str = "") -> tree.Call:
    """Return the call of an object, ``l2(1e-4)``: its required arguments and the first by position."""
    families = [family] if family else list(FAMILIES)
    entry = next((e for family in families if (e := entry_of(family, given.name))), None)
    args: list[tree.Argument] = []
    parts = {part.name: part for part in entry.parts} if entry else {}
    rest = {key: _part(parts[key], v) if key in parts else value(v) for key, v in given.kwargs.items()}
    for i, part in enumerate(parts.values()):
        if part.name not in rest or (i and not part.required):
            break
        args.append(argument(rest.pop(part.name)))
    args += [argument(v, key) for key, v in rest.items()]
    return call(given.name, args)


def _part(part: Part, given: Any) -> tree.Expr:
    """Return an argument of an object. A text is quoted, since a bare one may be a name of the spec."""
    if TEXT.words in part.takes.words:
        if isinstance(given, str):
            return tree.String(NOWHERE, given)
        if isinstance(given, tuple):
            return tree.Tuple(NOWHERE, tuple(tree.String(NOWHERE, v) for v in given))
    known = [f for f in part.takes.families if isinstance(given, Object) and entry_of(f, given.name)]
    return value(given, next(iter(known), ""))


def argument(given: tree.Expr, key: str = "") -> tree.Argument:
    """Return the tree node of one argument, by position where it has no name."""
    return tree.Argument(NOWHERE, name(key) if key else None, given)


def call(what: str, args: list[tree.Argument]) -> tree.Call:
    """Return the tree node of a call."""
    return tree.Call(NOWHERE, name(what), tuple(args))


def source(tensor: Tensor, batch: Any, opens: Mapping[Any, str]) -> tree.Call:
    """Return an ``in(...)``; ``opens`` are the symbols that stand for open sizes."""
    args = [argument(name(opens[s]) if isinstance(s, Expr) and s in opens else size(s)) for s in tensor.shape]
    if tensor.dtype != "float32":
        args.append(argument(name("int" if tensor.dtype == "int32" else tensor.dtype)))
    if batch is not None:
        args.append(argument(size(batch), "batch"))
    return call("in", args)


def layer(
    given: Layer,
    incoming: tuple[Tensor, ...],
    inside: Inside,
    calls: Mapping[str, Any],
    tensors: Mapping[str, tree.Expr],
) -> tree.Expr:
    """Return a layer's step: ``lstm(64,seq)``, ``relu``, ``[...] -> mha(8,64,causal)`` without its list."""
    row = given.row
    args = {k: v for k, v in {**given.args, **calls}.items() if not _is_default(row, k, v)}
    activation = args.get("activation")
    if row.name == "act" and len(args) == 1 and activation in BARE_ACTIVATIONS and not tensors:
        return name(str(activation))
    written = [*_positional(row, args, incoming, inside), *_flags(row, args)]
    for key, v in args.items():
        written.append(argument(_value(row.by_name[key], v, incoming, inside), _key(row.by_name[key])))
    written += [argument(expr, _key(row.by_name[key])) for key, expr in tensors.items()]
    if not written and entry_of("activation", row.name) is None:
        return name(row.name)
    return call(row.name, written)


def arguments(
    given: Layer, calls: Mapping[str, Any], tensors: Mapping[str, tree.Expr]
) -> list[tree.Argument]:
    """Return the arguments of a call alone, for a layer that has a name."""
    row = given.row
    args = {k: v for k, v in calls.items() if not _is_default(row, k, v)}
    written = _flags(row, args)
    written += [argument(value(v), _key(row.by_name[k])) for k, v in args.items()]
    return written + [argument(expr, _key(row.by_name[k])) for k, expr in tensors.items()]


def _is_default(row: Row, key: str, given: Any) -> bool:
    default = row.by_name[key].default
    return default is not REQUIRED and same_value(given, default)


def _key(param: Param) -> str:
    return param.short or param.name


def _positional(
    row: Row, args: dict[str, Any], incoming: tuple[Tensor, ...], inside: Inside
) -> list[tree.Argument]:
    """Return the leading arguments by position, and remove them from ``args``."""
    found: list[tree.Argument] = []
    for given in row.positional:
        key = given.rstrip("*")
        if key not in args:
            break
        param, v = row.by_name[key], args[key]
        if v is None and param.default is not REQUIRED:
            break
        del args[key]
        if given.endswith("*") and isinstance(v, tuple):
            found += [argument(tree.Unknown(NOWHERE) if i == -1 else size(i)) for i in v]
            break
        found.append(argument(_value(param, v, incoming, inside)))
    return found


def _flags(row: Row, args: dict[str, Any]) -> list[tree.Argument]:
    """Return the arguments that are written as flags, and remove them from ``args``."""
    found = []
    for key in sorted(args, key=list(row.by_name).index):
        param, v = row.by_name[key], args[key]
        words = [*param.flags, *param.kind.flags, *([param.name] if param.kind is kinds.BOOL else [])]
        axis = param.kind.flags == kinds.AXIS.flags
        for word in words:
            meant = row.flags.get(word)
            if meant is not None and meant[0] is param and meant[1] == v and type(meant[1]) is type(v):
                if axis:
                    break
                del args[key]
                found.append(argument(name(word)))
                break
    return found


def _value(param: Param, given: Any, incoming: tuple[Tensor, ...], inside: Inside) -> tree.Expr:
    if isinstance(given, (Layer, SubModel)):
        return inside(given)
    if param.kind in (kinds.AXIS, kinds.AXES) or param.name == "axis":
        if given == -1:
            return name("features")
        if given == 1 and type(given) is int and incoming and len(incoming[0].shape) == 2:
            return name("time")
        if isinstance(given, tuple) and len(given) == 1:
            return _value(param, given[0], incoming, inside)
    if (
        isinstance(given, tuple)
        and len(given) > 1
        and len(set(given)) == 1
        and _is_repeated_number(param, given)
    ):
        return value(given[0])
    if param.kind is kinds.STRING and isinstance(given, str):
        return tree.String(NOWHERE, given)
    return value(given, param.kind.family)


def _is_repeated_number(param: Param, given: tuple[Any, ...]) -> bool:
    """Return whether one number means the same as a tuple of it."""
    try:
        return bool(param.kind.read(given[0]) == given)
    except (Refusal, TypeError):
        return False
