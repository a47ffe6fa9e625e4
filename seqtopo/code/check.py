"""Read Python files and check their models, and say which model of a file a name means."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqtopo.code.asked import Asked
from seqtopo.code.findings import CheckedFile, CheckedModel, check_code
from seqtopo.code.migrate import PREFIX
from seqtopo.code.model import CodeFile
from seqtopo.code.notebook import Notebook
from seqtopo.code.read import read_cells, read_file, read_text
from seqtopo.code.rewrite import changed_cells
from seqtopo.diag.fixing import together
from seqtopo.diag.model import Diagnostic, Fix
from seqtopo.diag.nearest import nearest
from seqtopo.lint.selection import Selection
from seqtopo.report.analyse import Checked
from seqtopo.report.report import Report
from seqtopo.source import Source, Span
from seqtopo.syntax.pasted import reports_python
from seqtopo.syntax.read import unreadable

_MOST_TRIED = 20
_MOST_MIGRATED = 60
_MOST_ANSWERED = 3
_IMPORTS = "import keras; from keras import *; from keras.layers import *; from keras.models import *\n"

Read = Callable[[str], CodeFile]
"""A function that reads another text in the place of a file's."""


def check_path(
    path: str | os.PathLike[str],
    asked: Asked | None = None,
) -> CheckedFile:
    """Return the models of a Python file or notebook, checked, with safe fixes that were tried.

    Raises:
        NotOneModelError: there is data, and it cannot be told for which model.
        NoSuchLossError: it is for a loss that there is not.
    """
    try:
        code = read_file(Path(path))
    except OSError as error:
        found = unreadable(path, error)
        return CheckedFile(CodeFile(found.source or Source("", str(path))), [], (found,))
    return verified(check_code(code, asked), reader(code, Path(path)), asked)


def check_text(
    text: str,
    name: str = "<python>",
    dims: Mapping[str, Any] | None = None,
    selection: Selection | None = None,
    *,
    asked: Asked | None = None,
) -> CheckedFile:
    """Return the models of a Python text, checked; ``asked`` stands for ``dims`` and ``selection``."""
    code = read_text(text, name)
    asked = asked or Asked(selection or Selection(), dims or {})
    return verified(check_code(code, asked), reader(code), asked)


def report_of_file(path: str | os.PathLike[str], asked: Asked) -> Report:
    """Return the report of the one model of a file; of several, one with the diagnostics of all."""
    found = check_path(path, asked)
    if len(found.models) == 1 and not found.diagnostics:
        return found.models[0].report
    return Report(found.code.source, found.every_shown)


def with_models(checked: Checked) -> Checked:
    """Return a spec that is Python code with the models that the code makes, as notes.

    The code may lack its imports: its names are those of Keras.
    """

    def answered(one: Diagnostic) -> Diagnostic:
        if not reports_python(one):
            return one
        models = check_text(_IMPORTS + checked.source.text).models[:_MOST_ANSWERED]
        notes = tuple(note for model in models for note in _model_lines(model))
        help = "to check Keras code as it stands, keep it in a file whose name ends in .py"
        return replace(one, notes=notes, help=f"{help}; {one.help}" if notes else one.help)

    return replace(checked, diagnostics=tuple(map(answered, checked.diagnostics)))


def _model_lines(model: CheckedModel) -> list[str]:
    error = next((d for d in model.diagnostics if d.severity == "error"), None)
    if error is not None:
        return [f"{model.name} has a mistake: {error.message}"]
    # A statement goes on where a line is indented.
    first, *rest = re.sub(r"\n[ \t]+", " ", model.spec.strip()).splitlines() or [""]
    return [f"{model.name} as a spec: {first}", *filter(None, rest)]


def reader(code: CodeFile, path: Path | None = None) -> Read:
    """Return the function that reads a changed text of a file as the file was read."""
    notebook = code.notebook
    if notebook is None:
        return lambda text: read_text(text, code.source.name, path)

    def read(text: str) -> CodeFile:
        changed = changed_cells(notebook, text)
        before = notebook.source.text
        cells = [
            (cell.number, changed.get(cell.number, before[cell.span.start : cell.span.end]), cell.run)
            for cell in notebook.cells
        ]
        return read_cells(Notebook(code.source.name, cells), path)

    return read


def verified(
    found: CheckedFile,
    read: Read,
    asked: Asked | None = None,
) -> CheckedFile:
    """Return the findings with their fixes tried.

    A fix is safe only if the changed text has one finding less and no other.

    Fixes of old spellings are tried all at once, and one by one where that goes wrong: the models must stay
    as they are.
    """
    source = found.code.source
    before = Counter(_key(d) for d in found.every)
    left = _MOST_TRIED
    migrated = _migrated(found, read, asked)

    def tried(diagnostic: Diagnostic, fix: Fix) -> Fix:
        nonlocal left
        if not fix.safe:
            return fix
        if diagnostic.code.startswith(PREFIX):
            return fix if fix in migrated else replace(fix, safe=False)
        left -= 1
        if left < 0 or diagnostic.source is not source:
            return replace(fix, safe=False)
        after = check_code(read(fix.apply(source.text)), asked)
        less = before - Counter([_key(diagnostic)])
        now = Counter(_key(d) for d in after.every)
        same = len(after.models) == len(found.models)
        return fix if same and not now - less else replace(fix, safe=False)

    def checked(diagnostic: Diagnostic) -> Diagnostic:
        if not any(fix.safe for fix in diagnostic.fixes):
            return diagnostic
        return replace(diagnostic, fixes=tuple(tried(diagnostic, fix) for fix in diagnostic.fixes))

    found.diagnostics = tuple(map(checked, found.diagnostics))
    for model in found.models:
        model.diagnostics = tuple(map(checked, model.diagnostics))
    return found


def _migrated(found: CheckedFile, read: Read, asked: Asked | None) -> set[Fix]:
    """Return the fixes of old spellings that keep the models as they are, and bring no other findings."""
    fixes = [f for d in found.diagnostics if d.code.startswith(PREFIX) for f in d.fixes if f.safe]
    fixes = list(dict.fromkeys(fixes))
    text = found.code.source.text
    before = Counter(_key(d) for d in found.every if not d.code.startswith(PREFIX))

    def is_right(some: Sequence[Fix]) -> bool:
        after = check_code(read(Fix("", together(some)).apply(text)), asked)
        now = Counter(_key(d) for d in after.every if not d.code.startswith(PREFIX))
        return _are_as_before(found, after) and not now - before

    if not fixes or is_right(fixes):
        return set(fixes)
    return {fix for fix in fixes[:_MOST_MIGRATED] if is_right([fix])}


def _are_as_before(found: CheckedFile, after: CheckedFile) -> bool:
    """Return whether a file has the same models before and after a fix, whatever trains them.

    Models of which more is read than before count as the same.
    """
    if [model.name for model in found.models] != [model.name for model in after.models]:
        return False
    pairs = zip(found.models, after.models, strict=True)
    return all(_structure(one) == _structure(other) or _reads_more(one, other) for one, other in pairs)


def _structure(model: CheckedModel) -> str:
    lines = model.text.source.text.splitlines() if model.text is not None else []
    return "\n".join(line for line in lines if not line.startswith("train "))


def _reads_more(before: CheckedModel, after: CheckedModel) -> bool:
    if before.text is None or after.text is None:
        return after.text is not None
    return len(after.text.left_out) < len(before.text.left_out)


def _key(found: Diagnostic) -> tuple[str, str]:
    return found.code, found.message


def model_named(found: CheckedFile, name: str = "") -> tuple[CheckedModel | None, tuple[Diagnostic, ...]]:
    """Return the model of a file that a name means, or what is wrong with the name.

    With no name, it is the only model of the file.
    """
    names = [model.name for model in found.models]
    file = found.code.source.name
    chosen = [model for model in found.models if model.name == name] if name else found.models
    if len(chosen) == 1:
        return chosen[0], ()
    if name and len(chosen) > 1:
        return chosen[-1], ()  # the last one that has the name when the code has run
    unread = tuple(d for d in found.shown if d.severity == "error")
    if not names and unread:
        return None, unread
    if not names:
        message, help = f"{file} makes no model that can be read", _stopped(found)
    elif name:
        near = nearest(name, names)
        message = f"{file} has no model {name}"
        help = f"did you mean {near}?" if near else f"its models are {', '.join(dict.fromkeys(names))}"
    else:
        message = f"{file} makes {len(names)} models"
        help = f"say which: {', '.join(f'{file}:{one}' for one in list(dict.fromkeys(names))[:6])}"
    return None, (Diagnostic("ST407", message, Span(0, 0), help=help, source=Source("", file)),)


def only_model(found: CheckedFile, name: str) -> CheckedFile:
    """Return the file with only the model that a name means, or with what is wrong with the name."""
    model, wrong = model_named(found, name)
    if model is None:
        return replace(found, models=[], diagnostics=wrong)
    return replace(found, models=[model])


def _stopped(found: CheckedFile) -> str:
    for stop in found.code.stops:
        if stop.where is not None:
            line = stop.where.source.place(stop.where.span.start).line
            return f"line {line}: {stop.why}"
    return "seqtopo reads models of keras.Sequential, keras.Model and their layers"
