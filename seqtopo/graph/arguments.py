"""Match a call's arguments with its row's parameters, and read each by its kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seqtopo.layers.objects import entry_of
from seqtopo.layers.row import Param, Row
from seqtopo.layers.values import Refusal, Word
from seqtopo.source import Span
from seqtopo.syntax import tree

if TYPE_CHECKING:
    from seqtopo.graph.wrong_arguments import WrongCall


@dataclass(eq=False)
class Arguments:
    """The arguments of a call: those of the constructor, those of the call, and the values among the latter.

    ``spans`` are the places at which they were written.
    """

    args: dict[str, Any] = field(default_factory=dict)
    call: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)


Read = Callable[[tree.Expr], Any]


def read_arguments(
    row: Row, call: tree.Call | tree.Name, value: Read, layer: Read, tensors: Read, unshared: bool = True
) -> Arguments:
    """Match the arguments of a call with the parameters of its row, and read each by its kind.

    ``value``, ``layer`` and ``tensors`` read an expression as plain value, as a layer or flow, and as
    values of the graph. With ``unshared`` off, only call arguments may be given.

    Raises:
        Refusal: an argument is unknown, missing, given twice, or not of its parameter's kind.
    """
    found = Arguments()
    if row.recurrent and isinstance(call, tree.Call) and call.args and _may_be_cells(call.args[0].value):
        problem = _wrong(row, call, value).cells()
        if problem is not None:
            raise problem
    positional = row.by_place
    rest = bool(row.positional) and row.positional[-1].endswith("*")
    taken = 0
    several: list[tree.Argument] = []
    for arg in call.args if isinstance(call, tree.Call) else ():
        if arg.name is not None:
            param = row.by_name.get(arg.name.name)
            if param is None:
                raise _wrong(row, call, value).unknown_name(arg, arg.name)
            _put(found, row, param, arg, call, value, layer, tensors)
            continue
        if isinstance(arg.value, tree.Name):
            # A word that is a flag of the layer stays one, whatever bears its name elsewhere.
            plain = taken >= len(positional) or positional[taken].kind.takes == "value"
            word: Any = Word(arg.value.name)
            if word.name not in row.flags and plain:
                word = value(arg.value)
            if isinstance(word, Word):
                flag = row.flags.get(word.name)
                if flag is not None:
                    _set(found, flag[0], flag[1], arg)
                    continue
                if plain:
                    as_positional = taken < len(positional) and positional[taken].kind.accepts(word)
                    if not as_positional:
                        place = positional[taken] if taken < len(positional) else None
                        if word.name != arg.value.name:
                            raise _wrong(row, call, value).bound_to_no_flag(arg.value, word, place)
                        raise _wrong(row, call, value).unknown_flag(arg, word.name, place)
        if rest and taken == len(positional) - 1:
            several.append(arg)
            continue
        if taken >= len(positional):
            raise _wrong(row, call, value).one_too_many(arg)
        _put(found, row, positional[taken], arg, call, value, layer, tensors)
        taken += 1
    if several:
        _put_rest(found, row, positional[-1], several, call, value)
    for name in () if unshared else found.args:
        raise Refusal(
            "ST202",
            f"{name} belongs to the layer, which is shared: only arguments of its call can be given here",
            found.spans[name],
            help="give it where the layer is bound",
        )
    if unshared:
        _complete(found, row, call, value)
    for name in ("return_state", "return_attention_scores"):
        if name in found.spans and (found.args.get(name) or found.call.get(name)):
            given = call.args if isinstance(call, tree.Call) else ()
            arg = next(a for a in given if a.span == found.spans[name])
            raise _wrong(row, call, value).second_output(name, arg)
    return found


def _wrong(row: Row, call: tree.Call | tree.Name, value: Read) -> WrongCall:
    """Load the module that explains a wrong call: only a wrong spec needs it, and loading it takes long."""
    from seqtopo.graph.wrong_arguments import WrongCall

    return WrongCall(row, call, value)


def _may_be_cells(given: tree.Expr) -> bool:
    """Return whether an argument is written like recurrent cells: a call of a cell, or a list."""
    if isinstance(given, tree.Arithmetic):
        given = given.first
    if isinstance(given, tree.Call):
        return given.name.name.lower().endswith(("cell", "cells"))
    return isinstance(given, (tree.List, tree.Tuple))


def _complete(found: Arguments, row: Row, call: tree.Call | tree.Name, value: Read) -> None:
    for param in row.required:
        if param.name not in found.args:
            wrong = _wrong(row, call, value)
            bound = wrong.bound_to_flag(param)
            if bound is not None:
                raise bound
            raise wrong.missing(param, found.args, lambda: value(tree.Wild(call.span)))


def _is_initializer(param: Param, expr: tree.Expr, value: Read) -> bool:
    """Return whether ``init`` of a recurrent layer, the first state here, is given an initializer.

    In Keras 1 ``init`` was the initializer of the weights.
    """
    if param.short != "init" or not isinstance(expr, (tree.Name, tree.String)):
        return False
    name = expr.name if isinstance(expr, tree.Name) else expr.value
    if not entry_of("initializer", name):
        return False
    try:
        return isinstance(value(expr), (Word, str))
    except Refusal as refusal:
        if refusal.is_known:
            raise
        return False


def _put(
    found: Arguments,
    row: Row,
    param: Param,
    arg: tree.Argument,
    call: tree.Call | tree.Name,
    value: Read,
    layer: Read,
    tensors: Read,
) -> None:
    takes = param.kind.takes
    if takes == "layer":
        _set(found, param, layer(arg.value), arg)
        return
    if takes in ("tensor", "tensors"):
        if _is_initializer(param, arg.value, value):
            raise _wrong(row, call, value).initializer_of_old(arg)
        read = tensors(arg.value)
        if read is not None and takes == "tensor" and len(read) != 1:
            raise Refusal(
                "ST203",
                f"{row.name}({param.name}=...) takes one value, this is {len(read)}",
                arg.span,
                help="merge them first: [a, b] -> concat as both",
            )
        _set(found, param, read, arg)
        return
    word = arg.value.name if isinstance(arg.value, tree.Name) else ""
    given = Word(word) if word in param.kind.flags else value(arg.value)
    _set(found, param, _read(row, param, given, arg, call, value), arg)


def _put_rest(
    found: Arguments,
    row: Row,
    param: Param,
    several: list[tree.Argument],
    call: tree.Call | tree.Name,
    value: Read,
) -> None:
    items = tuple(value(a.value) for a in several)
    if len(items) == 1 and isinstance(items[0], (tuple, list)):
        items = tuple(items[0])
    whole = tree.Argument(several[0].span.cover(several[-1].span), None, several[0].value)
    _set(found, param, _read(row, param, items, whole, call, value), whole)


def _read(
    row: Row, param: Param, given: Any, arg: tree.Argument, call: tree.Call | tree.Name, value: Read
) -> Any:
    try:
        return param.kind.read(given)
    except Refusal as misfit:
        raise _wrong(row, call, value).misfit_of(param, given, misfit, arg) from None


def _set(found: Arguments, param: Param, value: Any, arg: tree.Argument) -> None:
    if param.name in found.spans:
        raise Refusal(
            "ST205",
            f"{param.name} is given twice",
            arg.span,
            label="the second time",
            help="keep one of them",
        )
    found.spans[param.name] = arg.span
    if param.kind.takes in ("tensor", "tensors"):
        if value is not None:
            found.tensors[param.name] = value
    elif param.call:
        found.call[param.name] = value
    else:
        found.args[param.name] = value
