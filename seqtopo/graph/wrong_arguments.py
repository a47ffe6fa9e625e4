"""Explain a wrong argument: what was given, what is allowed, and what was probably meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from seqtopo.diag.model import Edit, Fix
from seqtopo.diag.nearest import nearest
from seqtopo.graph.outside import example_of, how_to_bind, lower_case_size, means_something, unbound
from seqtopo.graph.symbols import callee
from seqtopo.graph.unknown_layers import layers_of_cells, modernized
from seqtopo.layers import legacy
from seqtopo.layers.kinds import NOTHING
from seqtopo.layers.legacy import Gone, Renamed
from seqtopo.layers.row import Param, Row
from seqtopo.layers.sizes import symbol
from seqtopo.layers.values import Refusal, Word, show
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import call as made
from seqtopo.syntax.rewrite import edit, number, with_flag, without_argument, word

Step = tree.Call | tree.Name
Read = Callable[[tree.Expr], Any]

_LIKELY = {"kernel_size": 3, "output_dim": 64, "rate": 0.2}
"""The most common values of arguments that are often missing."""


class WrongCall(NamedTuple):
    """A call whose arguments do not fit its row; ``value`` evaluates an expression."""

    row: Row
    call: Step
    value: Read

    def unknown_name(self, arg: tree.Argument, name: tree.Name) -> Refusal:
        """Return the refusal of an argument that no parameter is named after: ``nb_filter=64``."""
        given = name.name
        if given in self.row.flags:
            param, value = self.row.flags[given]
            fix = Fix(f"write {given} alone", (edit(arg.span, word(given)),))
            return Refusal(
                "ST202",
                f"{self._written} has no argument {given}: it is a flag, a bare word that sets {param.name}",
                name.span,
                label="is a flag",
                help=f"write {given} alone, or {param.name}={show(value)}",
                fixes=(fix,),
            )
        if given == "state" and self.row.recurrent:
            return self.second_output("return_state", arg)
        if _is_old_name(given, self.row):
            known = legacy.argument(given, self.row.by_name)
            if isinstance(known, Renamed):
                return self._renamed(arg, name, known)
            if isinstance(known, Gone):
                return self._removed(arg, name, known)
        taken = self._given_names()
        known_names = [known for known in self.row.by_name if known not in taken]
        return self._unknown("argument", given, name.span, known_names, _known_names(self.row))

    def _unknown(self, what: str, given: str, span: Span, names: Iterable[str], known: str) -> Refusal:
        """Return the refusal of a word that is none of ``names``; ``known`` lists them in words."""
        near = nearest(given, list(names))
        help = f"did you mean {near}?" if near else known
        return Refusal(
            "ST202",
            f"{self._written} has no {what} {given}",
            span,
            label=f"unknown {what}",
            help=help,
            fixes=(Fix(help, (Edit(span, near),)),) if near else (),
        )

    def _given_names(self) -> set[str]:
        """Return the names of the parameters that a call already gives, by position or by name."""
        args = self.call.args if isinstance(self.call, tree.Call) else ()
        named = {arg.name.name for arg in args if arg.name is not None}
        places = sum(
            arg.name is None and not (isinstance(arg.value, tree.Name) and arg.value.name in self.row.flags)
            for arg in args
        )
        taken = {param.name for param in self.row.by_place[:places]} | named
        return {name for name, param in self.row.by_name.items() if param.name in taken or name in taken}

    @property
    def _written(self) -> str:
        """The layer's name as the spec writes it, which may be an alias."""
        written = callee(self.call)
        return written if written in self.row.aliases else self.row.name

    def _renamed(self, arg: tree.Argument, name: tree.Name, known: Renamed) -> Refusal:
        to = known.to[0]
        value = arg.value
        plain = (
            value.name
            if isinstance(value, tree.Name)
            else value.value
            if isinstance(value, tree.String)
            else ""
        )
        now = legacy.value(to, str(plain))
        new = tree.Argument(arg.span, word(to), word(now) if now else value)
        help = f"write {print_expr(new)}"
        return Refusal(
            "ST202",
            f"{self._written} has no argument {name.name}: in Keras 3 it is {to}",
            name.span,
            label=f"its name in {known.since}",
            help=help,
            fixes=(Fix(help, (self._edit_with_others(arg, new),), safe=known.exact or now is not None),),
        )

    def _edit_with_others(self, arg: tree.Argument, new: tree.Argument | None) -> Edit:
        """Return the edit that replaces or removes an old argument, and with it all others that are old."""
        alone = Edit(arg.span, print_expr(new)) if new is not None else None
        if not isinstance(self.call, tree.Call):
            assert alone is not None
            return alone
        rest = without_argument(self.call, arg)
        if new is not None:
            kept = tuple(new if a is arg else a for a in self.call.args)
            rest = tree.Call(self.call.span, self.call.name, kept)
        every = modernized(rest)
        return alone if alone is not None and every == rest else edit(self.call.span, every)

    def _removed(self, arg: tree.Argument, name: tree.Name, known: Gone) -> Refusal:
        fixes: list[Fix] = []
        if isinstance(self.call, tree.Call):
            rest = without_argument(self.call, arg)
            if name.name == "bidirectional":
                fixes.append(Fix("read both ways", (edit(self.call.span, made("bi", rest)),)))
            elif name.name == "num_layers":
                several = tree.Arithmetic(self.call.span, with_flag(rest, "seq"), (("*", arg.value),))
                fixes.append(Fix("repeat the layer", (edit(self.call.span, several),)))
            elif name.name == "padding_idx" and "mask" in self.row.flags:
                fixes.append(Fix("mask the id 0", (edit(self.call.span, with_flag(rest, "mask")),)))
            elif name.name in ("nb_row", "nb_col"):
                fixes.extend(_one_kernel(self.call))
            else:
                fixes.append(
                    Fix(
                        known.instead if known.harmless else f"take {name.name} out",
                        (edit(self.call.span, rest),),
                        safe=known.harmless,
                    )
                )
        return Refusal(
            "ST202",
            f"{self._written} has no argument {name.name}: {known.why}",
            name.span,
            label="stands elsewhere now" if known.harmless else "unknown argument",
            help=known.instead,
            fixes=tuple(fixes),
        )

    def unknown_flag(self, arg: tree.Argument, given: str, place: Param | None) -> Refusal:
        """Return the refusal of a bare word that the layer lacks; ``place`` is the parameter at its place."""
        old = isinstance(legacy.argument(given, self.row.by_name), Gone)
        named = nearest(given, self.row.flags) is None and not old and not means_something(given)
        if place is not None and _is_size(place) and named:
            return lower_case_size("ST202", self._size_words(), arg.span)
        if given in self.row.by_name:
            param = self.row.by_name[given]
            return Refusal(
                "ST202",
                f"{self._written}'s {given} is not a flag: it needs a value, {param.kind.words}",
                arg.span,
                label="needs a value",
                help=f"write {given}=...",
            )
        if given in ("state", "return_state") and self.row.recurrent:
            return self.second_output("return_state", arg)
        for param in self.row.params:
            now = legacy.value(param.name, given)
            if now is not None and now in self.row.flags:
                return Refusal(
                    "ST202",
                    f"{self._written} has no flag {given}: its {param.name} is {param.kind.words}",
                    arg.span,
                    label="unknown flag",
                    help=f"write {now}",
                    fixes=(Fix(f"write {now}", (edit(arg.span, word(now)),), safe=True),),
                )
        known = legacy.argument(given, self.row.by_name)
        if isinstance(known, Gone):
            return self._removed(arg, tree.Name(arg.span, given), known)
        names = [*self.row.flags, *self.row.by_name]
        return self._unknown("flag", given, arg.span, names, _known_flags(self.row))

    def bound_to_no_flag(self, name: tree.Name, given: Word, place: Param | None) -> Refusal:
        """Return the refusal of ``dropout(P)`` where P stands for a word; see ``unknown_flag``."""
        if place in self.row.required:
            return self._bound_to(place, name, given.name)
        flags = [flag for flag in ("relu", *self.row.flags) if flag in self.row.flags]
        near = nearest(given.name, flags)
        return Refusal(
            "ST202",
            f"{name.name} stands for {given.name}, which is not a flag of {self._written}"
            + (f", nor its {place.short or place.name}: {place.kind.words}" if place is not None else ""),
            name.span,
            label=f"is {given.name}",
            help=f"did you mean {near}?"
            if near is not None
            else how_to_bind(
                name.name,
                (next(iter(flags), "relu") if place is None else example_of(place.kind, ["relu"])),
                another=True,
            ),
            fixes=(Fix(f"did you mean {near}?", (Edit(name.span, near),)),) if near is not None else (),
        )

    def bound_to_flag(self, param: Param) -> Refusal | None:
        """Return the refusal of ``lstm(N)`` with N bound to a flag, so that a parameter is missing."""
        for arg in self.call.args if isinstance(self.call, tree.Call) and not param.short else ():
            if (
                arg.name is not None
                or not isinstance(arg.value, tree.Name)
                or arg.value.name in self.row.flags
            ):
                continue
            given = self.value(arg.value)
            if isinstance(given, Word) and given.name in self.row.flags:
                return self._bound_to(param, arg.value, given.name)
        return None

    def _bound_to(self, param: Param, name: tree.Name, given: str) -> Refusal:
        wants = f"{self._written}'s {param.short or param.name} must be {param.kind.words}"
        return Refusal(
            "ST203",
            f"{name.name} stands for {given}, and {wants}",
            name.span,
            label=f"is {given}",
            help=how_to_bind(name.name, example_of(param.kind), another=True),
        )

    def _size_words(self) -> tuple[str, ...]:
        """Return the bare words of a call that are not flags, at places where a size may stand."""
        found = []
        for arg in self.call.args if isinstance(self.call, tree.Call) else ():
            param = self.row.by_name.get(arg.name.name) if arg.name is not None else None
            free = arg.name is None or (param is not None and _is_size(param))
            if free and isinstance(arg.value, tree.Name) and arg.value.name not in self.row.flags:
                word = self.value(arg.value)
                if isinstance(word, Word):
                    found.append(word.name)
        return tuple(found)

    def cells(self) -> Refusal | None:
        """Return the refusal of ``rnn([lstm_cell(8), lstm_cell(8)])``; None for a call without cells."""
        layers = layers_of_cells(self.call)
        if layers is None or not isinstance(self.call, tree.Call):
            return None
        help = f"write {print_expr(layers)}"
        return Refusal(
            "ST203",
            f"{self.row.name} takes a number of units and no cells: "
            "a cell is written as the layer that runs it",
            self.call.args[0].span,
            label="cells",
            help=help,
            fixes=(Fix(help, (edit(self.call.span, layers),)),),
        )

    def second_output(self, name: str, arg: tree.Argument) -> Refusal:
        """Return the refusal of ``return_state``: second outputs are used by name, never asked for."""
        named = self._written
        second = "scores" if name == "return_attention_scores" else "state"
        fixes: tuple[Fix, ...] = ()
        if isinstance(self.call, tree.Call):
            fixes = (Fix("take it out", (edit(self.call.span, without_argument(self.call, arg)),)),)
            if second == "state":
                every = with_flag(without_argument(self.call, arg), "seq")
                fixes += (Fix("or for the output at every step, write seq", (edit(self.call.span, every),)),)
        return Refusal(
            "ST215",
            f"{name} is never written: the {second} of a layer with a name is name.{second}",
            arg.span,
            label="take it out",
            help=f"name the layer ('{named}(...) as name') and write name.{second} where you need it",
            fixes=fixes,
        )

    def one_too_many(self, arg: tree.Argument) -> Refusal:
        """Return the refusal of one positional argument more than the layer takes."""
        flags = [word for word in ("relu", *self.row.flags) if word in self.row.flags]
        open_ = (
            unbound(self.value(arg.value), arg.value.span, "a flag may stand here", flags[0])
            if flags
            else None
        )
        if (
            open_ is not None
            and isinstance(self.call, tree.Call)
            and not isinstance(self.call.args[0].value, tree.Name)
        ):
            return open_
        positional = [self.row.by_name[name.rstrip("*")] for name in self.row.positional]
        names = ", ".join(p.short or p.name for p in positional)
        if isinstance(arg.value, tree.Name) and arg.value.is_symbol and flags:
            return Refusal(
                "ST203",
                f"{arg.value.name} stands for {show(self.value(arg.value))}, but only a flag of "
                f"{self._written} may stand here",
                arg.span,
                label="no flag",
                help=how_to_bind(arg.value.name, flags[0], another=True),
            )
        fixes: list[Fix] = []
        if isinstance(self.call, tree.Call) and len(positional) == 1 and self.row.recurrent:
            # PyTorch says first what comes in: LSTM(8, 16).
            second = without_argument(self.call, self.call.args[0])
            fixes.append(
                Fix("keep the second: what comes in is not written", (edit(self.call.span, second),))
            )
        return Refusal(
            "ST205",
            f"{self._written} takes {len(positional) or 'no'} argument{'s' * (len(positional) != 1)} "
            f"by position{f' ({names})' if names else ''}, this is one more",
            arg.span,
            label="one more",
            help=f"give it by name, as in {self._written}({_example_name(self.row, positional)}=...)",
            fixes=tuple(fixes),
        )

    def missing(self, param: Param, found: Mapping[str, Any], width: Callable[[], Any]) -> Refusal:
        """Return the refusal of a call without an argument that has no default."""
        likely: Any = _LIKELY.get(param.name)
        if param.name == "key_dim" and isinstance(heads := found.get("num_heads"), int):
            try:
                features = width()
            except Refusal:
                features = None
            likely = features // heads if isinstance(features, int) and features >= heads else 64
        fixes: tuple[Fix, ...] = ()
        if likely is not None and not any(a.name is not None for a in getattr(self.call, "args", ())):
            value = (
                number(likely)
                if isinstance(likely, int)
                else tree.Number(self.call.span, likely, str(likely))
            )
            at = sum(a.name is None for a in getattr(self.call, "args", ()))
            args = (*getattr(self.call, "args", ())[:at], tree.Argument(self.call.span, None, value))
            name = self.call.name if isinstance(self.call, tree.Call) else self.call
            step = tree.Call(self.call.span, name, args)
            fixes = (Fix(f"write {print_expr(step)}", (edit(self.call.span, step),)),)
        return Refusal(
            "ST204",
            f"{self._written} needs {param.short or param.name}: {param.kind.words}",
            self.call.span,
            label=f"{param.name} is missing",
            help=fixes[0].title if fixes else f"as in: {self.row.example}",
            fixes=fixes,
        )

    def misfit_of(self, param: Param, given: Any, misfit: Refusal, arg: tree.Argument) -> Refusal:
        """Return the refusal of a value that its parameter does not take."""
        name = param.short or param.name
        open_ = unbound(
            given,
            arg.value.span,
            f"{self.row.name}'s {name} must be {misfit.expected}",
            example_of(param.kind, ["relu"]),
        )
        if open_ is not None:
            return open_
        shown = show(given)
        fixes: tuple[Fix, ...] = ()
        help = f"as in: {self.row.example}"
        now = legacy.value(param.name, str(given))
        near = nearest(str(given), misfit.near) if misfit.near else None
        items = given if isinstance(given, tuple) else (given,)
        words = tuple([item.name for item in items if isinstance(item, Word)])
        if (
            now is None
            and near is None
            and words
            and _is_size(param)
            and not any(map(means_something, words))
        ):
            return lower_case_size("ST203", words, arg.value.span if len(items) == 1 else arg.span)
        if now is not None:
            help = f"write {now}"
            fixes = (Fix(help, (Edit(arg.value.span, now),), safe=True),)
        elif near is not None:
            help = f"did you mean {near}?"
            fixes = (Fix(help, (Edit(arg.value.span, near),)),)
        elif param.kind is NOTHING and isinstance(self.call, tree.Call):
            help = f"take {name} out"
            fixes = (Fix(help, (edit(self.call.span, without_argument(self.call, arg)),)),)
        elif isinstance(given, (int, float, tuple)):
            ways = self._other_number(param, given) or self._padded()
            help, fixes = (ways[0].title, tuple(ways)) if ways else (help, ())
        if not fixes and isinstance(arg.value, tree.Name) and arg.value.is_symbol:
            help = how_to_bind(arg.value.name, example_of(param.kind, ["relu"]), another=True)
        return Refusal(
            "ST203",
            f"{self._written}({name}={shown}): {name} must be {misfit.expected}",
            arg.value.span,
            label="not allowed",
            help=help,
            fixes=fixes,
        )

    def _other_number(self, param: Param, given: Any) -> list[Fix]:
        """Return the fix for a rate in percent, or for a whole number with a decimal point."""
        if isinstance(given, (bool, tuple)):
            return []
        likely: int | float
        if 1 < given <= 100 and param.kind.accepts(given / 100) and not param.kind.accepts(2):
            likely = given / 100
        elif isinstance(given, float) and given.is_integer() and param.kind.accepts(int(given)):
            likely = int(given)
        else:
            return []
        at = next((a.value.span for a in getattr(self.call, "args", ()) if _is_number(a.value, given)), None)
        return [Fix(f"write {likely}", (Edit(at, str(likely)),))] if at is not None else []

    def _padded(self) -> list[Fix]:
        """Return the fix for ``crop(-1,0)``, which is a padding."""
        other = {"crop": "pad", "cropping1d": "zero_padding1d"}.get(self.row.name)
        if other is None or not isinstance(self.call, tree.Call) or not self.call.args:
            return []
        numbers = [self.value(a.value) for a in self.call.args]
        if len(numbers) == 1 and isinstance(numbers[0], tuple):
            numbers = list(numbers[0])
        if len(numbers) > 2 or not all(isinstance(n, int) and n <= 0 for n in numbers):
            return []
        ends = [number(-n) for n in numbers]
        if self.row.name == "cropping1d":
            ends = [tree.Tuple(self.call.span, tuple(ends))] if len(ends) == 2 else ends
        step = made(other, *ends)
        return [Fix(f"put steps on: {print_expr(step)}", (edit(self.call.span, step),))]

    def initializer_of_old(self, arg: tree.Argument) -> Refusal:
        """Return the refusal of ``init=glorot_uniform`` in a recurrent layer."""
        new = tree.Argument(arg.span, word("kernel_initializer"), arg.value)
        help = f"write {print_expr(new)}"
        return Refusal(
            "ST202",
            f"{self.row.name}'s init is the state it starts from, not how its weights begin: "
            "that is kernel_initializer",
            arg.span,
            label="an initializer, Keras 1's init",
            help=help,
            fixes=(Fix(help, (Edit(arg.span, print_expr(new)),), safe=True),),
        )


def _one_kernel(call: tree.Call) -> list[Fix]:
    sides = {a.name.name: a for a in call.args if a.name is not None and a.name.name in ("nb_row", "nb_col")}
    if len(sides) != 2:
        return []
    kept = tuple(a for a in call.args if a not in sides.values())
    pair = tree.Tuple(call.span, (sides["nb_row"].value, sides["nb_col"].value))
    args = (*kept, tree.Argument(call.span, word("kernel_size"), pair))
    return [Fix("write kernel_size", (edit(call.span, tree.Call(call.span, call.name, args)),))]


def _is_old_name(given: str, row: Row) -> bool:
    """Return whether a word is more than a parameter's name with other underscores: an old name, perhaps."""
    near = nearest(given, row.by_name)
    return near is None or near.replace("_", "") != given.replace("_", "")


def _is_size(param: Param) -> bool:
    """Return whether a parameter takes a whole number: a size, a count, or a number of steps."""
    return param.kind.accepts(symbol("N")) or "whole number" in param.kind.words


def _is_number(expr: tree.Expr, given: int | float) -> bool:
    return isinstance(expr, tree.Number) and expr.value == given


def _example_name(row: Row, positional: list[Param]) -> str:
    for param in row.params:
        if param not in positional and not param.call:
            return param.name
    return "name"


def _known_names(row: Row) -> str:
    return f"its arguments are {', '.join(p.name for p in row.params)}" if row.params else "it takes none"


def _known_flags(row: Row) -> str:
    short = [w for w in row.flags if w not in row.by_name]
    return f"its flags are {', '.join(sorted(short))}" if short else "it takes no flags"
