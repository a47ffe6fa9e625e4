"""Read specs from files and the standard input."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from seqtopo.cli.arguments import STDIN, is_text
from seqtopo.cli.python_code import is_code
from seqtopo.cli.terminal import say
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.domains import bound_text
from seqtopo.graph.symbols import symbols_of
from seqtopo.report.analyse import Checked, analyse
from seqtopo.source import Source
from seqtopo.syntax.pasted import reports_python
from seqtopo.syntax.read import decode, is_model, read_file
from seqtopo.system.bounds import SPEC_BYTES
from seqtopo.system.progress import cleared, tracked

STDIN_NAME = "<stdin>"


def load(argument: str) -> tuple[Source, tuple[Diagnostic, ...]]:
    """Return the spec that an argument names: a path, ``-`` for the standard input, or the spec itself.

    >>> load("in(T,8) -> lstm(4)")[0].name
    '<spec>'
    """
    if argument == STDIN:
        return decode(read_input(), STDIN_NAME)
    return (Source(argument), ()) if is_text(argument) else read_file(argument)


def load_code(argument: str) -> tuple[Source, tuple[Diagnostic, ...]]:
    """Return the spec of the model that ``train.py`` or ``train.py:NAME`` means, with what it leaves out."""
    from seqtopo.cli.code_models import spec_in_code  # few arguments are Python, and it takes long to load

    return spec_in_code(argument)


def read_input() -> bytes:
    """Return all of the standard input, up to the size of a spec."""
    with cleared():  # somebody may be typing it
        return sys.stdin.buffer.read(SPEC_BYTES + 1)


def check_spec(argument: str, dims: Mapping[str, Any]) -> Checked:
    """Return the spec that an argument names, read and resolved."""
    source, problems = load_code(argument) if is_code(argument) else load(argument)
    if any(d.severity == "error" for d in problems):
        return Checked(source, None, None, problems)
    checked = analyse(source, dims)
    if problems:
        return replace(checked, diagnostics=(*problems, *checked.diagnostics))
    if any(map(reports_python, checked.diagnostics)):
        from seqtopo.code.check import with_models  # few specs are Python, and it takes long to load

        return with_models(checked)
    return checked


def check_spec_or_model(argument: str, dims: Mapping[str, Any]) -> Checked:
    """Return the spec that an argument names, or that a saved model comes from, with what it lacks."""
    if is_text(argument) or not is_model(argument):
        return check_spec(argument, dims)
    from seqtopo.decompiler.decompile import decompiled  # most arguments are specs, and it takes long to load

    try:
        found = decompiled(argument)
    except SpecError as error:
        return Checked(Source("", argument), None, None, error.diagnostics)
    checked = analyse(Source(found.text, argument), dims)
    return replace(checked, diagnostics=(*found.diagnostics, *checked.diagnostics))


def is_left_out(found: Diagnostic) -> bool:
    """Return whether a finding says what a spec leaves out of a saved model or of one in Keras code."""
    return found.code.startswith("ST50")


def say_first_values(checked: Checked) -> None:
    """Say on the standard error which values stand for the names that are searched, where there are some."""
    domains = checked.resolved.searched if checked.resolved is not None else {}
    if domains:
        values = ", ".join(f"{name}={bound_text(domain.first)}" for name, domain in domains.items())
        say(
            f"{checked.source.name} is a space to search: this is its first choice, {values}",
            stream=sys.stderr,
        )


def check_specs(arguments: Sequence[str], dims: Mapping[str, Any]) -> list[Checked]:
    """Read and resolve several specs. Not all need each name that is bound, but one of them must."""
    checked = [check_spec_or_model(argument, dims) for argument in tracked(arguments, "checking")]
    known = [symbols_of(one.spec) if one.spec and dims else set() for one in checked]
    somewhere = set().union(*known)
    return [
        _with_bindings(one, {n: v for n, v in dims.items() if n in names or n not in somewhere})
        if one.spec and len(checked) > 1 and not names >= dims.keys()
        else one
        for one, names in zip(checked, known, strict=True)
    ]


def _with_bindings(checked: Checked, dims: Mapping[str, Any]) -> Checked:
    """Return the same text with other names bound; what a saved model leaves out is kept."""
    left_out = tuple(filter(is_left_out, checked.diagnostics))
    found = analyse(checked.source, dims)
    return replace(found, diagnostics=(*left_out, *found.diagnostics))
