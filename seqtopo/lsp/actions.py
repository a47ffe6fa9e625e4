"""Offer the fixes of findings, all safe ones at once, and comments that ignore a finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from lsprotocol import types

from seqtopo.diag.fixing import Check, fixed
from seqtopo.diag.model import Diagnostic, Edit, Fix
from seqtopo.lint.ignores import COMMENT
from seqtopo.lsp.diagnostics import findings, shown
from seqtopo.lsp.documents import Document, Place
from seqtopo.lsp.positions import Text, difference
from seqtopo.source import Span

FIX_ALL = f"{types.CodeActionKind.SourceFixAll.value}.seqtopo"
KINDS = [types.CodeActionKind.QuickFix, FIX_ALL]

REASON = "say why"
"""The placeholder for the reason in a new comment."""


def code_actions(
    document: Document, range: types.Range, only: Sequence[str] | None
) -> list[types.CodeAction]:
    """Return the actions for the findings in a range: safe fixes first, guesses behind them."""
    done: list[types.CodeAction] = []
    if _wanted(types.CodeActionKind.QuickFix.value, only):
        done += _quick_fixes(document, document.text.span(range))
    if _wanted(FIX_ALL, only):
        done += _fix_all(document, asked=bool(only))
    return done


def _wanted(kind: str, only: Sequence[str] | None) -> bool:
    return not only or any(kind == asked or kind.startswith(f"{asked}.") for asked in only)


def _quick_fixes(document: Document, span: Span) -> list[types.CodeAction]:
    near = [one for one in findings(document) if _meet(one[1].span, span)]
    if near and document.code is not None and any(fix.safe for d, _ in near for fix in d.fixes):
        near = [one for one in findings(document, span) if _meet(one[1].span, span)]
    fixes: list[types.CodeAction] = []
    ignores: list[types.CodeAction] = []
    for found, place in near:
        about = [shown(found, place)]
        for fix in found.fixes:
            changes = _changes(document, found, fix)
            if changes is not None:
                fixes.append(
                    types.CodeAction(
                        fix.title if fix.safe else f"{fix.title} (a guess)",
                        types.CodeActionKind.QuickFix,
                        about,
                        is_preferred=True if fix.safe else None,
                        edit=changes,
                    )
                )
        ignored = _ignoring(document, found, place)
        if ignored is not None:
            title = f"ignore {found.code} here, and say why"
            ignores.append(types.CodeAction(title, types.CodeActionKind.QuickFix, about, edit=ignored))
    fixes.sort(key=lambda action: not action.is_preferred)
    return [*fixes, *ignores]


def _meet(one: Span, other: Span) -> bool:
    return one.start <= other.end and other.start <= one.end


def _changes(document: Document, found: Diagnostic, fix: Fix) -> types.WorkspaceEdit | None:
    code = document.code
    if code is not None and found.source is not code.file.source:
        return None
    return workspace_edit(document, fix.edits)


def workspace_edit(document: Document, edits: Iterable[Edit]) -> types.WorkspaceEdit | None:
    """Return edits of the code, or of the spec, in the documents that they stand in."""
    changes: dict[str, list[types.TextEdit]] = {}
    for edit in edits:
        place = document.place(edit.span)
        if place is None:
            return None
        changes.setdefault(place.document.uri, []).append(types.TextEdit(place.location.range, edit.text))
    return types.WorkspaceEdit(changes=dict(changes)) if changes else None


# ---- comments that ignore --------------------------------------------------------------------------


def _ignoring(document: Document, found: Diagnostic, place: Place) -> types.WorkspaceEdit | None:
    """Return the edit that adds a comment to ignore a finding; None if no such comment does."""
    code = document.code
    if found.severity == "error" and code is None:
        return None
    if code is not None and found.source is not code.file.source:
        return None
    for end in dict.fromkeys((place.span.start, place.span.end)):
        edit = _comment(document.text, end, found.code)
        after = Fix("", (edit,)).apply(document.text.text)
        if not any(
            (d.code, d.message) == (found.code, found.message) for d in _findings_with(document, after)
        ):
            return types.WorkspaceEdit(changes={document.uri: document.text.edits([edit])})
    return None


def _comment(text: Text, offset: int, code: str) -> Edit:
    end = text.line_end(offset)
    start = text.text.rfind("\n", 0, end) + 1
    there = COMMENT.search(text.text, start, end)
    if there is not None and there["verb"] == "ignore" and there["codes"]:
        at = there.start("codes") + len(there["codes"].rstrip())
        return Edit(Span(at, at), f", {code}")
    blank = len(text.text[start:end]) - len(text.text[start:end].rstrip())
    return Edit(Span(end - blank, end), f"  # seqtopo: ignore[{code}] {REASON}")


def _findings_with(document: Document, text: str) -> Sequence[Diagnostic]:
    """Return the findings of a document with another text, the other cells of a notebook as they are."""
    spec, code = document.spec, document.code
    if spec is not None:
        return spec.again(text).checked.diagnostics
    if code is None:
        return ()
    if document.notebook is None:
        return code.findings(text, tried=False)
    whole = code.file.source.text
    start = document.in_code(0)
    end = start + len(document.text.text)
    return code.findings(whole[:start] + text + whole[end:], tried=False)


# ---- all safe fixes --------------------------------------------------------------------------------


def _fix_all(document: Document, *, asked: bool) -> Iterator[types.CodeAction]:
    spec, code = document.spec, document.code
    if code is not None and not asked:
        return  # each fix of code takes a check, which nobody waits for who looks at one place
    if not any(fix.safe for found, _ in findings(document) for fix in found.fixes):
        return
    check: Check
    if spec is not None:

        def check(text: str) -> Sequence[Diagnostic]:
            return spec.again(text).checked.diagnostics

        before = document.text.text if spec.source.text == document.text.text else spec.source.text
    elif code is not None:
        check, before = code.findings, code.file.source.text
    else:
        return
    done = fixed(before, check)
    edit = workspace_edit(document, _by_line(before, done.text)) if done.count else None
    if edit is not None:
        count = f"{done.count} mistake{'s' * (done.count != 1)}"
        title = f"fix {count} that {'have' if done.count != 1 else 'has'} a safe fix"
        yield types.CodeAction(title, FIX_ALL, edit=edit)


def _by_line(before: str, after: str) -> list[Edit]:
    """Return the edits between two texts, of only the lines that change: a notebook's cells stay apart."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    edits: list[Edit] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            for edit in difference("".join(old[i1:i2]), "".join(new[j1:j2])):
                span = Span(edit.span.start + starts[i1], edit.span.end + starts[i1])
                edits.append(Edit(span, edit.text))
    return edits
