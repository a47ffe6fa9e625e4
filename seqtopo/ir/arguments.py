"""A call's arguments, matched with its row's parameters and read by their kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from seqtopo.diag.model import Edit, Fix
from seqtopo.diag.nearest import nearest
from seqtopo.ir.problem import Problem
from seqtopo.layers.row import REQUIRED, Param, Row
from seqtopo.layers.values import Misfit, Word, show
from seqtopo.source import Span
from seqtopo.syntax import tree


@dataclass
class Arguments:
    """A call's arguments: for the constructor, for the call, and the values among the latter.

    ``spans`` says where each was written.
    """

    args: dict[str, Any] = field(default_factory=dict)
    call: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)


Read = Callable[[tree.Expr], Any]


def read_arguments(
    row: Row, call: tree.Call | tree.Name, value: Read, layer: Read, tensors: Read, unshared: bool = True
) -> Arguments:
    """Matches a call with its row.

    ``value``, ``layer`` and ``tensors`` read an expression as plain value, as a layer or flow, and as
    values of the graph. With ``unshared`` off, only call arguments may be given.

    Raises:
        Problem: an argument is unknown, missing, given twice, or not of its parameter's kind.
    """
    found = Arguments()
    positional = [row.by_name[name.rstrip("*")] for name in row.positional]
    rest = bool(row.positional) and row.positional[-1].endswith("*")
    taken = 0
    several: list[tree.Argument] = []
    for arg in call.args if isinstance(call, tree.Call) else ():
        if arg.name is not None:
            param = row.by_name.get(arg.name.name)
            if param is None:
                _unknown(row, arg.name.name, arg.name.span, named=True)
            _put(found, row, param, arg, value, layer, tensors)
            continue
        if isinstance(arg.value, tree.Name):
            word = value(arg.value)
            if isinstance(word, Word):
                flag = row.flags.get(word.name)
                if flag is not None:
                    _set(found, flag[0], flag[1], arg)
                    continue
                if taken >= len(positional) or positional[taken].kind.takes == "value":
                    as_positional = taken < len(positional) and _reads(positional[taken], word)
                    if not as_positional:
                        _unknown(row, word.name, arg.span, named=False)
        if rest and taken == len(positional) - 1:
            several.append(arg)
            continue
        if taken >= len(positional):
            names = ", ".join(p.short or p.name for p in positional)
            raise Problem(
                "ST205",
                f"{row.name} takes {len(positional) or 'no'} argument{'s' * (len(positional) != 1)} "
                f"by position{f' ({names})' if names else ''}, this is one more",
                arg.span,
                help=f"give it by name, as in {row.name}({_example_name(row, positional)}=...)",
            )
        _put(found, row, positional[taken], arg, value, layer, tensors)
        taken += 1
    if several:
        _put_rest(found, row, positional[-1], several, value)
    for name in () if unshared else found.args:
        raise Problem(
            "ST202",
            f"{name} belongs to the layer, which is shared: only arguments of its call can be given here",
            found.spans[name],
            help="give it where the layer is bound",
        )
    if unshared:
        _complete(found, row, call)
    return found


def _example_name(row: Row, positional: list[Param]) -> str:
    for param in row.params:
        if param not in positional and not param.call:
            return param.name
    return "name"


def _complete(found: Arguments, row: Row, call: tree.Call | tree.Name) -> None:
    for param in row.params:
        if param.default is REQUIRED and param.name not in found.args and not param.call:
            raise Problem(
                "ST204",
                f"{row.name} needs {param.short or param.name}: {param.kind.words}",
                call.span,
                label=f"{param.name} is missing",
                help=f"as in: {row.example}",
            )


def _put(
    found: Arguments, row: Row, param: Param, arg: tree.Argument, value: Read, layer: Read, tensors: Read
) -> None:
    takes = param.kind.takes
    if takes == "layer":
        _set(found, param, layer(arg.value), arg)
        return
    if takes in ("tensor", "tensors"):
        read = tensors(arg.value)
        if read is not None and takes == "tensor" and len(read) != 1:
            raise Problem(
                "ST203",
                f"{row.name}({param.name}=...) takes one value, this is {len(read)}",
                arg.span,
                help="merge them first: [a, b] -> concat as both",
            )
        _set(found, param, read, arg)
        return
    _set(found, param, _read(row, param, value(arg.value), arg), arg)


def _put_rest(found: Arguments, row: Row, param: Param, several: list[tree.Argument], value: Read) -> None:
    items = tuple(value(a.value) for a in several)
    if len(items) == 1 and isinstance(items[0], (tuple, list)):
        items = tuple(items[0])
    whole = tree.Argument(several[0].span.cover(several[-1].span), None, several[0].value)
    _set(found, param, _read(row, param, items, whole), whole)


def _reads(param: Param, value: Any) -> bool:
    try:
        param.kind.read(value)
    except Misfit:
        return False
    return True


def _read(row: Row, param: Param, value: Any, arg: tree.Argument) -> Any:
    try:
        return param.kind.read(value)
    except Misfit as misfit:
        name = param.short or param.name
        given = f"{name}={show(value)}"
        near = nearest(str(value), misfit.near) if misfit.near else None
        fixes = (Fix(f"did you mean {near}?", (Edit(arg.value.span, near),)),) if near else ()
        raise Problem(
            "ST203",
            f"{row.name}({given}): {name} must be {misfit.expected}",
            arg.value.span,
            label=f"{show(value)} is not",
            help=f"did you mean {near}?" if near else f"as in: {row.example}",
            fixes=fixes,
        ) from None


def _set(found: Arguments, param: Param, value: Any, arg: tree.Argument) -> None:
    if param.name in found.spans:
        raise Problem(
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


def _unknown(row: Row, word: str, span: Span, *, named: bool) -> NoReturn:
    names = list(row.by_name)
    flags = list(row.flags)
    near = nearest(word, names if named else [*flags, *names])
    what = "argument" if named else "flag"
    if named and word in row.flags:
        param, value = row.flags[word]
        raise Problem(
            "ST202",
            f"{row.name} has no argument {word}: it is a flag, a bare word that sets {param.name}",
            span,
            help=f"write {word} alone, or {param.name}={show(value)}",
        )
    if not named and word in row.by_name:
        param = row.by_name[word]
        raise Problem(
            "ST202",
            f"{row.name}'s {word} is no flag: it needs a value, {param.kind.words}",
            span,
            help=f"write {word}=...",
        )
    raise Problem(
        "ST202",
        f"{row.name} has no {what} {word}",
        span,
        label=f"unknown {what}",
        help=f"did you mean {near}?" if near else _known(row, named),
        fixes=(Fix(f"did you mean {near}?", (Edit(span, near),)),) if near else (),
    )


def _known(row: Row, named: bool) -> str:
    if named:
        return f"its arguments are {', '.join(p.name for p in row.params)}" if row.params else "it takes none"
    short = [w for w in row.flags if w not in row.by_name]
    return f"its flags are {', '.join(sorted(short))}" if short else "it takes no flags"
