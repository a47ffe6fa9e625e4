"""Write a changed Python text back into the bytes of its file: what does not change stays as it is."""

from __future__ import annotations

import io
import json
import re
import tokenize
from collections.abc import Iterator
from difflib import SequenceMatcher

from seqtopo.code.notebook import Notebook, read_notebook

_MARK = "\ufeff"


class NotRewrittenError(Exception):
    """Raised if the bytes of a file are not those that the text was read from."""


def rewritten(data: bytes, before: str, after: str, notebook: bool = False) -> bytes:
    r"""Return the bytes of a file whose text changes, in its encoding and with its line endings.

    Raises:
        NotRewrittenError: the file has another text by now.

    >>> rewritten(b"a = 1\r\nb = 2\r\n", "a = 1\r\nb = 2\r\n", "a = 1\r\nb = 3\r\n")
    b'a = 1\r\nb = 3\r\n'
    """
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    text = data.decode(encoding)
    mark = _MARK if text.startswith(_MARK) else ""
    text = text.removeprefix(_MARK)
    if notebook:
        return (mark + _in_cells(text, before, after)).encode(encoding)
    if text != before:
        if text.replace("\r\n", "\n") != before:
            raise NotRewrittenError
        after = _with_endings(text, before, after)
    return (mark + after).encode(encoding)


def _with_endings(text: str, before: str, after: str) -> str:
    """Return the lines of ``after``; unchanged ones keep the line ending that they have in a text."""
    old, new = text.splitlines(keepends=True), after.splitlines(keepends=True)
    plain = before.splitlines(keepends=True)
    ending = "\r\n" if "\r\n" in text else "\n"
    done: list[str] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, plain, new, autojunk=False).get_opcodes():
        if tag == "equal":
            done += old[i1:i2]
        else:
            done += [line.rstrip("\n") + ending if line.endswith("\n") else line for line in new[j1:j2]]
    return "".join(done)


def _in_cells(text: str, before: str, after: str) -> str:
    """Return the JSON of a notebook with the changed lines of its cells."""
    notebook = read_notebook(text, "")
    if notebook.source.text != before:
        raise NotRewrittenError
    cells = changed_cells(notebook, after)
    places = list(_sources(text))
    for number, changed in sorted(cells.items(), reverse=True):
        start, end = places[number]
        text = text[:start] + _written(text[start:end], changed) + text[end:]
    return text


def changed_cells(notebook: Notebook, after: str) -> dict[int, str]:
    """Return the cells that change where the text of a notebook becomes another, with their new texts."""
    before = notebook.source.text
    found: dict[int, str] = {}
    parts = SequenceMatcher(
        None, before.splitlines(keepends=True), after.splitlines(keepends=True), autojunk=False
    )
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for cell in notebook.cells:
        first = before.count("\n", 0, cell.span.start)
        last = before.count("\n", 0, cell.span.end)
        lines: list[str] = []
        for tag, i1, i2, j1, j2 in parts.get_opcodes():
            if tag == "equal":
                lines += old[max(i1, first) : min(i2, last)] if i1 < last and i2 > first else []
            elif first <= i1 < last or (i1 == i2 == last and tag == "insert" and i1 > first):
                lines += new[j1:j2]
        joined = "".join(lines)
        if joined != before[cell.span.start : cell.span.end]:
            found[cell.number] = joined
    return found


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]')


def _sources(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each cell's source (a text or a list) in the JSON of a notebook."""
    path: list[str] = []
    key = ""
    start = -1
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in "{[":
            if token == "[" and key in ("source", "input") and _in_cell(path):
                start = match.start()
            path.append(key)
            key = ""
        elif token in "}]":
            ended = path.pop() if path else ""
            if start >= 0 and token == "]" and ended in ("source", "input") and _in_cell(path):
                yield start, match.end()
                start = -1
            key = ""
        elif token[0] == '"':
            behind = text[match.end() :].lstrip()[:1] if len(token) < 100 else ""
            if behind == ":":
                key = json.loads(token)
            elif key in ("source", "input") and _in_cell(path):
                yield match.start(), match.end()
        elif token == ",":
            key = ""


def _in_cell(path: list[str]) -> bool:
    """Return whether a path is that of a cell: an object in the list ``cells``."""
    return len(path) >= 2 and path[-2] == "cells" and path[-1] == ""


def _written(old: str, text: str) -> str:
    """Return the source of a cell as JSON, laid out as it was."""
    ascii_only = old.isascii()
    lines = text.splitlines(keepends=True)
    was = json.loads(old)
    if isinstance(was, str):
        return json.dumps(text if was.endswith("\n") else text.removesuffix("\n"), ensure_ascii=ascii_only)
    if was and not was[-1].endswith("\n") and lines:
        lines[-1] = lines[-1].removesuffix("\n")
    between = re.match(r"\[(\s*)", old)
    joint = re.search(r'",(\s*)"', old)
    indent = between[1] if between is not None else ""
    end = re.search(r"(\s*)\]$", old)
    parts = [json.dumps(line, ensure_ascii=ascii_only) for line in lines]
    return f"[{indent}{(',' + (joint[1] if joint else indent or ' ')).join(parts)}{end[1] if end else ''}]"
