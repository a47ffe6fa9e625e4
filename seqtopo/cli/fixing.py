"""``seqtopo check --fix``, ``--diff``, ``--suggest``: fix specs, Python files and notebooks, or show it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from seqtopo.cli.arguments import STDIN, UsageError, chosen, dims_of, fix_only, is_text
from seqtopo.cli.code_models import asked_of, unknown_dims, usage_errors
from seqtopo.cli.data_options import fitted
from seqtopo.cli.files import STDIN_NAME, read_input
from seqtopo.cli.python_code import is_python, split_name
from seqtopo.cli.settings import settings_of
from seqtopo.cli.terminal import put, put_bytes, put_diagnostics, say
from seqtopo.cli.writing import Original, original, put_difference, write_whole
from seqtopo.code.check import only_model, reader, verified
from seqtopo.code.findings import CheckedFile, check_code
from seqtopo.code.model import CodeFile
from seqtopo.code.read import read_bytes, read_raw
from seqtopo.code.rewrite import NotRewrittenError, changed_cells, rewritten
from seqtopo.diag.error import SpecError
from seqtopo.diag.fixing import Check, fixed, suggestions
from seqtopo.diag.model import Diagnostic
from seqtopo.report.analyse import analyse, linted, unbuildable
from seqtopo.source import Source
from seqtopo.syntax.read import unreadable


def run(args: argparse.Namespace) -> int:
    """Apply, show or suggest fixes. Returns the exit code: 1 where mistakes are left."""
    left: list[Diagnostic] = []
    grave = ("error", "warning") if args.strict else ("error",)
    for spec in dict.fromkeys(args.specs):
        if is_python(spec, args.language):
            from seqtopo.cli.fixing import mend  # a spec is mended without reading any Python

            left += mend(args, spec, grave)
            continue
        found, wrong = (Original(Source(spec), b""), ()) if is_text(spec) else original(spec)
        left += wrong
        if found is None:
            continue
        name = found.source.name
        check = _checker(args, spec, dims_of(args.dims), name)
        if args.suggest:
            left += _suggest(found.source.text, check)
        else:
            left += _fix(spec, found, check, grave if args.diff else ())
    put_diagnostics(left)
    return 1 if any(d.severity in grave for d in left) else 0


def _checker(args: argparse.Namespace, spec: str, dims: Mapping[str, Any], name: str) -> Check:
    """Return a function that checks a text as ``seqtopo check`` checks the spec, with its data."""
    settings = settings_of(spec)
    selection = chosen(args, settings.selection)
    most = args.max_params or settings.max_params

    only = fix_only(args.fix_only)

    def check(text: str) -> Sequence[Diagnostic]:
        read = fitted(analyse(Source(text, name), dims), args, dims, len(args.specs))
        checked = linted(read, selection)
        lacking = unbuildable(checked, most) if checked.ok else ()
        return only((*checked.diagnostics, *(d for d in lacking if d.code != "ST401")))

    return check


def _fix(spec: str, found: Original, check: Check, only_show: Sequence[str]) -> Sequence[Diagnostic]:
    """Mend a spec, or show it mended with severities in ``only_show``; return the findings that are left."""
    before = found.source.text
    done = fixed(before, check)
    name = found.source.name
    count = f"{done.count} mistake{'s' * (done.count != 1)}"
    if only_show:
        if done.text != before:
            put_difference(name, before, done.text, "fixed")
        return [d for d in check(before) if d.severity in only_show]
    if spec == STDIN:
        put_bytes(found.written(done.text))
    elif is_text(spec):
        put(done.text, colors=False)
    elif done.text != before:
        try:
            write_whole(Path(spec), partial(Path.write_bytes, data=found.written(done.text)))
        except SpecError as error:
            return error.diagnostics
        say(f"fixed {count} in {spec}")
    else:
        say(f"nothing in {spec} has a safe fix")
    if done.count and (spec == STDIN or is_text(spec)):
        say(f"fixed {count}", stream=sys.stderr)
    return check(done.text)


def _suggest(text: str, check: Check) -> Sequence[Diagnostic]:
    some = False
    for suggestion in suggestions(text, check):
        say(*[""] * some, f"# {'; then '.join(suggestion.titles)}")
        put(suggestion.text.rstrip(), colors=False)
        some = True
    if some:
        return []
    found = check(text)
    say("# nothing to suggest" + ("" if found else ": the spec is fine"))
    return found


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
