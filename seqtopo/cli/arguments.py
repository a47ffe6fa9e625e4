"""Declare the arguments that several commands share, and read their values."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import Any, NoReturn

from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.buildable import MAX_PARAMS
from seqtopo.graph.inputs import BATCH
from seqtopo.graph.outside import value_of
from seqtopo.layers.values import Refusal, show
from seqtopo.lint.selection import NoSuchRule, Selection, selection
from seqtopo.system.shell import command

Number = int | float
Value = Number | tuple[Number, ...] | str

_NAME = r"[^\W\d]\w*"
_WHOLE = r"[+-]?\d{1,18}"
_FRACTION = r"[+-]?(\d{1,18}\.\d{0,18}|\.\d{1,18}|\d{1,18}(\.\d{0,18})?[eE][+-]?\d{1,3})"

GBPS = 10.0
"""The network between two ranks where none is given: a common Ethernet's."""
GFLOPS = 100.0
"""The speed of a rank where none is given: some cores of a CPU, on small matrices."""

FORMATS = ("text", "concise", "json", "github", "sarif")


STDIN = "-"
"""The argument that stands for the standard input."""


class UsageError(Exception):
    """Raised if the command line cannot be understood; its help says what to write."""

    def __init__(self, message: str, *help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        """Lines of its own, each about what to write instead."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors say what is wrong, show an example and say where to read more.

    ``more`` is what the help says between the description and the examples.
    """

    def __init__(self, command: str, about: str, examples: Sequence[str], more: str = "") -> None:
        shown = "examples:\n" + "\n".join(f"  {example}" for example in examples)
        super().__init__(
            prog=f"seqtopo {command}",
            description=about,
            epilog="\n\n".join(filter(None, (more, shown))),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.examples = examples

    def error(self, message: str) -> NoReturn:
        """Raise ``UsageError`` with an example."""
        message = message.removeprefix("argument ")
        if message.startswith("the following arguments are required: "):
            message = f"{self.prog} needs a {message.rpartition(' ')[2]}"
        raise UsageError(message, f"for example: {self.examples[0]}", f"{self.prog} --help says more")


def add_stock(parser: Parser) -> None:
    """Add ``--stock``."""
    parser.add_argument(
        "--stock", action="store_true", help="run the layers as Keras has them, without seqtopo's kernels"
    )


def add_imports(parser: Parser) -> None:
    """Add ``--import``."""
    parser.add_argument(
        "--import",
        dest="modules",
        metavar="MODULE",
        action="append",
        default=[],
        help="a Python module with layers of your own (@seqtopo.layer), such as my.layers; once for each",
    )


def import_modules(names: Sequence[str], backend: str | None = None) -> None:
    """Import modules that the command line names, from the current folder or where Python finds them.

    They may import Keras, so the backend is chosen first.

    Raises:
        UsageError: there is none of that name, or it cannot be imported.
    """
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
            reason = f"{type(error).__name__}: {error}"
            raise UsageError(f"the module {name} cannot be imported: {reason}") from None


def add_dims(parser: Parser) -> None:
    """Add ``-D`` and ``--import``."""
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
    """Add ``-D`` and ``--max-params``."""
    add_dims(parser)
    parser.add_argument(
        "--max-params",
        metavar="N",
        type=_count,
        help=f"the most parameters the model may have (default: {MAX_PARAMS:,}, or what pyproject.toml says)",
    )


def add_rule_options(parser: Parser) -> None:
    """Add ``--select``, ``--ignore`` and ``--strict``."""
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
    """Add ``--fix``, ``--diff`` and ``--suggest``."""
    one = parser.add_mutually_exclusive_group()
    one.add_argument(
        "--fix", action="store_true", help="apply the safe fixes in place, and report what is left"
    )
    one.add_argument("--diff", action="store_true", help="show what --fix would change, and change nothing")
    one.add_argument(
        "--suggest", action="store_true", help="print each way out of the first mistake as a whole spec"
    )


def add_rank_options(parser: Parser) -> None:
    """Add ``--ranks`` and what a step of several processes is judged by; without them each is None."""
    ranks = parser.add_argument_group("training in several processes")
    ranks.add_argument(
        "--ranks",
        metavar="N",
        type=whole,
        help="say what a step of so many processes adds up and computes, and how the two compare",
    )
    ranks.add_argument(
        "--batch",
        metavar="B",
        type=whole,
        help=f"the rows of a whole batch (default: the spec's, or {BATCH})",
    )
    ranks.add_argument(
        "--gbps",
        metavar="G",
        type=_speed,
        help=f"the network between two processes, in gigabits a second (default: {GBPS:g})",
    )
    ranks.add_argument(
        "--gflops",
        metavar="F",
        type=_speed,
        help=f"what a process computes, in 10**9 operations a second (default: {GFLOPS:g})",
    )


def _speed(text: str) -> float:
    if not re.fullmatch(rf"{_WHOLE}|{_FRACTION}", text) or not 0 < float(text) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number above 0")
    return float(text)


def whole(text: str) -> int:
    """Read a whole number from 1 up.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number from 1 up")
    return int(text)


def add_code_options(parser: Parser) -> None:
    """Add ``--language``, ``--fix-only`` and ``--unread``."""
    parser.add_argument(
        "--language",
        choices=("spec", "python"),
        default="spec",
        help="what the standard input holds: a spec (the default) or Python code",
    )
    parser.add_argument(
        "--fix-only",
        metavar="CODES",
        action="append",
        default=[],
        help="the codes, names or beginnings of codes that --fix and --diff mend, such as ST8",
    )
    parser.add_argument(
        "--unread", action="store_true", help="say where reading Python code stopped, and why"
    )


def fix_only(words: Sequence[str]) -> Callable[[Sequence[Diagnostic]], tuple[Diagnostic, ...]]:
    """Return a function that removes the fixes of all findings but those that ``--fix-only`` names.

    Raises:
        UsageError: a word is no code and no beginning of one.
    """
    named = [w.strip() for word in words for w in word.split(",") if w.strip()]
    for word in named:
        if not any(_is_named(code, [word]) for code in CODES):
            raise UsageError(f"there is no code {word[:60]} to fix", "seqtopo explain lists all codes")

    def only(found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
        if not named:
            return tuple(found)
        return tuple(d if _is_named(d.code, named) else replace(d, fixes=()) for d in found)

    return only


def _is_named(code: str, words: Sequence[str]) -> bool:
    row = CODES.get(code)
    return any(
        code.startswith(word.upper()) or (row is not None and row.name == word.lower()) for word in words
    )


def add_format(parser: Parser) -> None:
    """Add ``--format``."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="the format of the report: text for people (the default), concise (one line each), "
        "json for programs, github for annotations in a pull request, sarif for code scanning",
    )


def seed(text: str) -> int:
    """Read the value of ``--seed``: what Keras and NumPy take for one.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number from 0 up, below 2**32")
    return int(text)


def binding(text: str) -> tuple[str, Value]:
    """Read ``-D NAME=VALUE``: a number or a tuple of numbers, or the text of another value.

    Raises:
        argparse.ArgumentTypeError: it is none; says what one looks like.

    >>> binding("T=24"), binding("RATE=0.5"), binding("SIZES=(3,5)"), binding("CELL=lstm")
    (('T', 24), ('RATE', 0.5), ('SIZES', (3, 5)), ('CELL', 'lstm'))
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    shown = text if len(text) <= 40 else text[:37] + "..."
    if not equals or not re.fullmatch(_NAME, name):
        raise argparse.ArgumentTypeError(f"{shown!r} is not NAME=VALUE; write -D T=24")
    found = _value(value)
    if found is None:
        more = "write one -D for each: -D T=24 -D F=3"
        if not re.search(r",\s*\w+\s*=", value):
            more = f"write -D {name[:20]}=24, -D {name[:20]}=relu or -D '{name[:20]}=(lstm(8,seq) -> relu)'"
        raise argparse.ArgumentTypeError(f"the value in {shown!r} is not a number, word or layer; {more}")
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
    try:
        value: Value = value_of(text)
    except Refusal:
        return None
    return value


def _number(text: str) -> Number | None:
    if re.fullmatch(_WHOLE, text):
        return int(text)
    return float(text) if re.fullmatch(_FRACTION, text) else None


def _count(text: str) -> int:
    digits = text.replace("_", "").replace(",", "")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18 or int(digits) < 1:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a whole number from 1 up, write --max-params 1000000"
        )
    return int(digits)


def dims_of(pairs: Sequence[tuple[str, Value]]) -> dict[str, Any]:
    """Return the bindings by name.

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
    """Return the words that bind names on a command line.

    >>> bound_from_outside({"T": 24, "CELL": "lstm", "K": (3, 5)})
    ['-D', 'T=24', '-D', 'CELL=lstm', '-D', 'K=(3,5)']
    """
    pairs = [f"{name}={value if isinstance(value, str) else show(value)}" for name, value in dims.items()]
    return [word for pair in pairs for word in ("-D", pair)]


def chosen(args: argparse.Namespace, settings: Selection) -> Selection:
    """Return the rules that ``--select`` and ``--ignore`` choose, on top of the settings.

    Raises:
        UsageError: one of them names no rule.
    """
    try:
        return selection(args.select, args.ignore, settings)
    except NoSuchRule as error:
        raise UsageError(error.message, error.help) from None


def is_text(argument: str) -> bool:
    """Return whether an argument is a spec and not a file's name: by its arrow, its source, its lines."""
    looks = not argument.strip() or any(sign in argument for sign in ("->", "in(", "\n"))
    return looks and not os.path.lexists(argument)
