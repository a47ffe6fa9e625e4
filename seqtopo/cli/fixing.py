"""``seqtopo check --fix``, ``--diff`` and ``--suggest``: applies fixes, or shows what they would change."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from seqtopo.cli.arguments import STDIN, chosen, dims_of, fix_only, is_text
from seqtopo.cli.data_options import fitted
from seqtopo.cli.python_code import is_python
from seqtopo.cli.settings import settings_of
from seqtopo.cli.terminal import put, put_bytes, put_diagnostics, say
from seqtopo.cli.writing import Original, original, put_difference, write_whole
from seqtopo.diag.error import SpecError
from seqtopo.diag.fixing import Check, fixed, suggestions
from seqtopo.diag.model import Diagnostic
from seqtopo.report.analyse import analyse, linted, unbuildable
from seqtopo.source import Source


def run(args: argparse.Namespace) -> int:
    """Apply, show or suggest fixes. Returns the exit code: 1 where mistakes are left."""
    left: list[Diagnostic] = []
    grave = ("error", "warning") if args.strict else ("error",)
    for spec in dict.fromkeys(args.specs):
        if is_python(spec, args.language):
            from seqtopo.cli.fixing_code import mend  # a spec is mended without reading any Python

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
