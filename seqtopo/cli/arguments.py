"""What the commands take, and words for what they do not take."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from seqtopo.graph.buildable import MAX_PARAMS
from seqtopo.layers.values import show
from seqtopo.lint.selection import NoSuchRule, Selection, selection
from seqtopo.system.shell import command

if TYPE_CHECKING:
    import argparse

Number = int | float
Value = Number | tuple[Number, ...] | str

_NAME = r"[^\W\d]\w*"
_WHOLE = r"[+-]?\d{1,18}"
_FRACTION = r"[+-]?(\d{1,18}\.\d{0,18}|\.\d{1,18}|\d{1,18}(\.\d{0,18})?[eE][+-]?\d{1,3})"

FORMATS = ("text", "concise", "json", "github", "sarif")


class UsageError(Exception):
    """The command was called in a way it does not understand; says how to call it."""

    def __init__(self, message: str, *help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        """Lines of its own, each about what to write instead."""


class _Group:
    """Arguments as they are declared, not yet those of a parser."""

    def __init__(self) -> None:
        self.declared: list[tuple[tuple[str, ...], dict[str, Any]]] = []

    def add_argument(self, *names: str, **settings: Any) -> None:
        """Declares an argument, as ``argparse`` takes it."""
        self.declared.append((names, settings))


class Parser(_Group):
    """What a command takes.

    Most runs name a spec and no option. They are read here: only the others, and those that ask for help,
    load ``argparse``, which takes as long as starting Python.
    """

    def __init__(self, command: str, about: str, examples: Sequence[str]) -> None:
        super().__init__()
        self._says = (command, about, examples)
        self.more = ""
        """What else the help says, before the examples."""
        self._groups: list[_Group] = []

    def add_mutually_exclusive_group(self) -> _Group:
        """Arguments of which one may be given."""
        self._groups.append(_Group())
        return self._groups[-1]

    def parse_args(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments by name.

        Raises:
            UsageError: they are not understood.
            SystemExit: help was asked for, and printed.
        """
        return self._plain(words) or self.in_full().parse_args(words)

    def in_full(self) -> argparse.ArgumentParser:
        """The parser that reads everything."""
        from seqtopo.cli.full_parser import FullParser

        made = FullParser(*self._says, UsageError)
        made.epilog = "\n\n".join(filter(None, (self.more, made.epilog)))
        for names, settings in self.declared:
            made.add_argument(*names, **settings)
        for group in self._groups:
            one = made.add_mutually_exclusive_group()
            for names, settings in group.declared:
                one.add_argument(*names, **settings)
        return made

    def _plain(self, words: Sequence[str]) -> Any:
        """The same for words that are no options, where one argument takes them all; else None."""
        if not words or any(word.startswith("-") and word != "-" for word in words):
            return None
        found: dict[str, Any] = {}
        for names, settings in (d for group in (self, *self._groups) for d in group.declared):
            if names[0].startswith("-"):
                switch = settings.get("action") == "store_true"
                found[_dest(names, settings)] = settings.get("default", False if switch else None)
            elif settings.get("nargs") == "+" and "type" not in settings:
                found[names[0]] = list(words)
            else:
                return None
        return SimpleNamespace(**found)


def _dest(names: Sequence[str], settings: Mapping[str, Any]) -> str:
    long = next((name for name in names if name.startswith("--")), names[0])
    dest: str = settings.get("dest", long.lstrip("-").replace("-", "_"))
    return dest


def add_stock(parser: Parser) -> None:
    """Adds ``--stock``."""
    parser.add_argument(
        "--stock", action="store_true", help="run the layers as Keras has them, without seqtopo's kernels"
    )


def add_imports(parser: Parser) -> None:
    """Adds ``--import``."""
    parser.add_argument(
        "--import",
        dest="modules",
        metavar="MODULE",
        action="append",
        default=[],
        help="a Python module with layers of your own (@seqtopo.layer), such as my.layers; once for each",
    )


def import_modules(names: Sequence[str], backend: str | None = None) -> None:
    """Imports modules that the command line names, from the current folder or where Python finds them.

    They may import Keras, so the backend is chosen first.

    Raises:
        UsageError: there is none of that name, or it cannot be imported.
    """
    import sys
    from importlib import import_module

    from seqtopo.emit.backend import BackendError, pick

    with suppress(BackendError):  # a module may do without, and so may the command
        pick(backend)
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    for name in names:
        if name.endswith(".py") or not all(part.isidentifier() for part in name.split(".")):
            dotted = name.removesuffix(".py").replace(os.sep, ".").strip(".")
            raise UsageError(
                f"{name} is not the name of a module", f"write it as Python does: --import {dotted}"
            )
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and f"{name}.".startswith(f"{error.name}."):
                help = "it is looked for in the current folder and on PYTHONPATH"
                raise UsageError(f"there is no module {name}", help) from None
            raise UsageError(f"the module {name} cannot be imported: {error}") from None
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            raise UsageError(f"the module {name} cannot be imported: {said}") from None


def add_dims(parser: Parser) -> None:
    """Adds ``-D`` and ``--import``."""
    add_imports(parser)
    parser.add_argument(
        "-D",
        dest="dims",
        metavar="NAME=VALUE",
        type=binding,
        action="append",
        default=[],
        help="what a name of the spec stands for: a number, a word, a layer or a flow, such as -D T=24, "
        "-D ACT=relu or -D CELL=lstm; wins over 'let' in the spec; once for each name",
    )


def add_spec_options(parser: Parser) -> None:
    """Adds ``-D`` and ``--max-params``."""
    add_dims(parser)
    parser.add_argument(
        "--max-params",
        metavar="N",
        type=_count,
        help=f"the most parameters the model may have (default: {MAX_PARAMS:,}, or what pyproject.toml says)",
    )


def add_rule_options(parser: Parser) -> None:
    """Adds ``--select``, ``--ignore`` and ``--strict``."""
    for name, what in (("select", "on, beside those that are on by default"), ("ignore", "off")):
        parser.add_argument(
            f"--{name}",
            metavar="CODES",
            action="append",
            default=[],
            help=f"rules to switch {what}: codes, names or beginnings of codes, such as ST621,ST65 "
            "or ALL; wins over pyproject.toml",
        )
    parser.add_argument("--strict", action="store_true", help="warnings make the exit code 1, too")


def add_fix_options(parser: Parser) -> None:
    """Adds ``--fix``, ``--diff`` and ``--suggest``."""
    one = parser.add_mutually_exclusive_group()
    one.add_argument(
        "--fix", action="store_true", help="make the fixes that are safe, in place; says what is left"
    )
    one.add_argument("--diff", action="store_true", help="show what --fix would change, and change nothing")
    one.add_argument(
        "--suggest", action="store_true", help="print each way out of the first mistake as a whole spec"
    )


def add_format(parser: Parser) -> None:
    """Adds ``--format``."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="how to write what was found: text for people (the default), concise (one line each), "
        "json for programs, github for annotations in a pull request, sarif for code scanning",
    )


def seed(text: str) -> int:
    """A ``--seed``, read: what Keras and NumPy take for one.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    from argparse import ArgumentTypeError

    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) >= 2**32:
        raise ArgumentTypeError(f"{text[:40]!r} is not a whole number from 0 up, below 2**32")
    return int(text)


def binding(text: str) -> tuple[str, Value]:
    """A ``-D NAME=VALUE``, read: a number or a tuple of numbers, or the text of another value.

    Raises:
        argparse.ArgumentTypeError: it is none; says what one looks like.

    >>> binding("T=24"), binding("RATE=0.5"), binding("SIZES=(3,5)"), binding("CELL=lstm")
    (('T', 24), ('RATE', 0.5), ('SIZES', (3, 5)), ('CELL', 'lstm'))
    """
    from argparse import ArgumentTypeError

    name, equals, value = (part.strip() for part in text.partition("="))
    shown = text if len(text) <= 40 else text[:37] + "..."
    if not equals or not re.fullmatch(_NAME, name):
        raise ArgumentTypeError(f"{shown!r} is not NAME=VALUE; write -D T=24")
    found = _value(value)
    if found is None:
        more = "write one -D for each: -D T=24 -D F=3"
        if not re.search(r",\s*\w+\s*=", value):
            more = f"write -D {name[:20]}=24, -D {name[:20]}=relu or -D '{name[:20]}=(lstm(8,seq) -> relu)'"
        raise ArgumentTypeError(f"the value in {shown!r} is no number, word or layer; {more}")
    return name, found


def _value(text: str) -> Value | None:
    if text.startswith("(") and text.endswith(")"):
        items = [_number(item.strip()) for item in text[1:-1].removesuffix(",").split(",")]
        known = [item for item in items if item is not None]
        if len(known) == len(items):
            return tuple(known)
    number = _number(text)
    if number is not None:
        return number
    from seqtopo.graph.outside import NoValue, value_of

    try:
        value: Value = value_of(text)
    except NoValue:
        return None
    return value


def _number(text: str) -> Number | None:
    if re.fullmatch(_WHOLE, text):
        return int(text)
    return float(text) if re.fullmatch(_FRACTION, text) else None


def _count(text: str) -> int:
    from argparse import ArgumentTypeError

    digits = text.replace("_", "").replace(",", "")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18 or int(digits) < 1:
        raise ArgumentTypeError(f"{text[:40]!r} is not a whole number from 1 up; write --max-params 1000000")
    return int(digits)


def dims_of(pairs: Sequence[tuple[str, Value]]) -> dict[str, Any]:
    """The bindings by name.

    Raises:
        UsageError: one is given twice.
    """
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            once = command(*bound_from_outside({name: value}))
            raise UsageError(f"-D {name} is given twice", f"write it once: {once}")
        found[name] = value
    return found


def bound_from_outside(dims: Mapping[str, Any]) -> list[str]:
    """The words that bind names on a command line.

    >>> bound_from_outside({"T": 24, "CELL": "lstm", "K": (3, 5)})
    ['-D', 'T=24', '-D', 'CELL=lstm', '-D', 'K=(3,5)']
    """
    pairs = [f"{name}={value if isinstance(value, str) else show(value)}" for name, value in dims.items()]
    return [word for pair in pairs for word in ("-D", pair)]


def chosen(args: argparse.Namespace, settings: Selection) -> Selection:
    """The rules that ``--select`` and ``--ignore`` choose, on top of the settings.

    Raises:
        UsageError: one of them names no rule.
    """
    try:
        return selection(args.select, args.ignore, settings)
    except NoSuchRule as error:
        raise UsageError(error.message, error.help) from None
