"""``seqtopo fmt``: formats specs in the house style, in place."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from seqtopo.cli.arguments import STDIN, Parser
from seqtopo.cli.terminal import put_bytes, put_diagnostics, say
from seqtopo.cli.writing import original, put_difference, write_whole
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.syntax.print import format_text


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "fmt",
        "Writes specs in the one house style, in place; comments stay, and so does the meaning.",
        (
            "seqtopo fmt spec.txt",
            "seqtopo fmt specs/*.txt --check   (changes nothing; exit code 1 where something would change)",
            "seqtopo fmt spec.txt --diff       (shows what would change)",
            "cat spec.txt | seqtopo fmt -      (writes to the standard output)",
        ),
    )
    made.add_argument("specs", nargs="+", metavar="spec", help="a file, or - for the standard input")
    made.add_argument("--check", action="store_true", help="change nothing, say which files would change")
    made.add_argument("--diff", action="store_true", help="change nothing, show what would change")
    return made


@dataclass(frozen=True)
class Formatted:
    """A file's text before and after, without its line endings; ``data`` is what to write."""

    name: str
    before: str
    after: str
    data: bytes

    @property
    def changes(self) -> bool:
        """True if formatting changes the file."""
        return self.before != self.after


def run(args: argparse.Namespace) -> int:
    """Format, or with ``--check`` and ``--diff`` only say what would change. Return the exit code."""
    found: list[Diagnostic] = []
    done: list[Formatted] = []
    for spec in dict.fromkeys(args.specs):
        formatted, wrong = _format(spec)
        found += wrong
        if formatted is None:
            continue
        if args.check or args.diff:
            _show(formatted, args.diff)
        elif spec == STDIN:
            put_bytes(formatted.data)
        elif formatted.changes:
            try:
                write_whole(Path(spec), partial(Path.write_bytes, data=formatted.data))
            except SpecError as error:
                found += error.diagnostics
                continue
            say(f"formatted {spec}")
        done.append(formatted)
    put_diagnostics(found)
    changed = sum(one.changes for one in done)
    if not changed and done and not found and args.specs != [STDIN]:
        say("nothing to change")
    return 1 if found or (args.check and changed) else 0


def _format(spec: str) -> tuple[Formatted | None, list[Diagnostic]]:
    found, problems = original(spec)
    if found is None:
        return None, list(problems)
    after, wrong = format_text(found.source)
    if after is None:
        return None, [replace(d, source=found.source) for d in wrong]
    return Formatted(found.source.name, found.source.text, after, found.written(after)), []


def _show(formatted: Formatted, diff: bool) -> None:
    if not formatted.changes:
        return
    if not diff:
        say(f"would format {formatted.name}")
        return
    put_difference(formatted.name, formatted.before, formatted.after, "formatted")
