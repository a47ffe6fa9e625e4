"""Mend Python files and notebooks with ``seqtopo check --fix``, or show what that would change."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from seqtopo.cli.arguments import STDIN, UsageError, fix_only
from seqtopo.cli.code_models import asked_of, unknown_dims, usage_errors
from seqtopo.cli.files import STDIN_NAME, read_input
from seqtopo.cli.python_code import is_python, split_name
from seqtopo.cli.terminal import put_bytes, say
from seqtopo.cli.writing import put_difference, write_whole
from seqtopo.code.check import only_model, reader, verified
from seqtopo.code.findings import CheckedFile, check_code
from seqtopo.code.model import CodeFile
from seqtopo.code.read import read_bytes, read_raw
from seqtopo.code.rewrite import NotRewrittenError, changed_cells, rewritten
from seqtopo.diag.error import SpecError
from seqtopo.diag.fixing import fixed
from seqtopo.diag.model import Diagnostic
from seqtopo.syntax.read import unreadable


def mend(args: argparse.Namespace, spec: str, grave: Sequence[str]) -> Sequence[Diagnostic]:
    """Mend a file, or show it mended; return what is left to be told."""
    if args.suggest:
        raise UsageError("--suggest shows specs, not Python files", "--diff shows what --fix would change")
    file, name = split_name(spec)
    path = None if spec == STDIN else Path(file)
    try:
        data = read_input() if path is None else read_bytes(path)
    except OSError as error:
        return (unreadable(spec, error),)
    code = read_raw(data, STDIN_NAME if path is None else str(path), path)
    read = reader(code, path)
    asked, only = asked_of(args, spec), fix_only(args.fix_only)

    def check(text: str) -> CheckedFile:
        again = code if text == code.source.text else read(text)
        with usage_errors():
            found = verified(check_code(again, asked), read, asked)
        return only_model(found, name) if name else found

    def findings(text: str) -> Sequence[Diagnostic]:
        return only([d for d in check(text).every if d.source is not None and d.source.text == text])

    before = code.source.text
    if asked.dims and all(is_python(one, args.language) for one in args.specs):
        unknown_dims(asked.dims, [check_code(code, asked._replace(data=None))])
    done = fixed(before, findings)
    count = f"{done.count} mistake{'s' * (done.count != 1)}"
    if args.diff:
        if done.text != before:
            _put_difference(code, done.text)
        return [d for d in _shown(check(before)) if d.severity in grave]
    try:
        new = rewritten(data, before, done.text, code.notebook is not None) if done.text != before else data
    except (NotRewrittenError, UnicodeError, SyntaxError):
        say(f"{spec} is left as it is: its bytes cannot be written back as they were read", stream=sys.stderr)
        return _shown(check(before))
    if path is None:
        put_bytes(new)
    elif new != data:
        try:
            write_whole(path, partial(Path.write_bytes, data=new))
        except SpecError as error:
            return error.diagnostics
        say(f"fixed {count} in {spec}")
    else:
        say(f"nothing in {spec} has a safe fix")
    return _shown(check(done.text))


def _shown(found: CheckedFile) -> list[Diagnostic]:
    return list(found.every_shown)


def _put_difference(code: CodeFile, after: str) -> None:
    if code.notebook is None:
        put_difference(code.source.name, code.source.text, after, "fixed")
        return
    before = code.source.text
    changed = changed_cells(code.notebook, after)
    for cell in code.notebook.cells:
        if cell.number in changed:
            name = f"{code.source.name}:cell {cell.number}"
            old = before[cell.span.start : cell.span.end]
            put_difference(name, old, changed[cell.number], "fixed")
