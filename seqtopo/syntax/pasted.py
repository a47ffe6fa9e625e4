"""Recognise Python code in place of a spec, and show the spec that it would be."""

from __future__ import annotations

import re
from collections.abc import Callable

from seqtopo.source import Source, Span
from seqtopo.syntax.findings import Findings

# What a line of Python with Keras looks like, and no line of a spec does.
_PYTHON = re.compile(
    r"""^[^\S\n]*(?:
      (?:import|from|return|print|assert|raise|yield)\b(?![^\S\n]*(?:=|->|$))
    | (?:class|with|while|if|elif|else|try|except|for)\b[^\n]*:
    | async\s+def\b | @\w
    | def\s+\w+\s*\([^\n]*\)\s*(?:->[^\n:]*)?:
    | [\w.]+\.(?:add|compile|fit|predict|summary|evaluate|save)\(
    | (?:[\w.]+[^\S\n]*=[^\S\n]*)?(?:(?:tf|keras|layers|models|nn|tensorflow|torch)\.)+[A-Za-z]\w*\(
    | [\w.]+[^\S\n]*=[^\S\n]*(?:Sequential|Model)\(
    | (?:[\w.]+[^\S\n]*=[^\S\n]*)?[A-Z]\w*\((?:(?!->)[^\n#])*\)\(\w+\)[^\S\n]*(?:\#[^\n]*)?$
    | [^\n#]*\blambda\s+\w*\s*:
    )""",
    re.VERBOSE | re.MULTILINE,
)

_LAYER = re.compile(r"\b([A-Z]\w*)\(")
_NOT_LAYERS = frozenset({"Sequential", "Model", "Adam", "SGD", "RMSprop"})
_INPUT_SHAPE = re.compile(
    r"(?:batch_)?(?:input_)?shape\s*=\s*\(([^()\n]{0,80})\)\s*,?\s*|^\s*\(([^()\n]{0,80})\)"
)
# A help text is read, not compiled: past this, the rest is left out.
_MOST_LAYERS = 12


def find_python(source: Source) -> tuple[Span, Callable[[Findings], None]] | None:
    """Return the span of a text that is Python and a function that reports it, or None."""
    first = _PYTHON.search(source.text)
    if first is None:
        return None
    text = source.text
    start, end = first.start(), first.end()
    for match in _PYTHON.finditer(text, start):
        end = match.end()
    end = text.find("\n", end)
    # A call that was opened on the last line of Python ends with its bracket.
    end = _bracket_end(text, start, len(text) if end < 0 else end)
    stop = text.find("\n", start)
    line = Span(start + len(first[0]) - len(first[0].lstrip()), len(text) if stop < 0 else stop)
    flow = _as_flow(text[start:end])
    advice = "a spec has only the layers, as a flow: in(T,F) -> lstm(64,seq) -> dense(1)"

    def add(findings: Findings) -> None:
        findings.add(
            "ST102",
            "this is Python code, not a spec",
            line,
            "Python",
            notes=(f"as a spec, it would begin like this: {flow}",) if flow else (),
            help=advice + "; Python reads it with seqtopo.compile(spec)",
        )

    return Span(start, end), add


def _bracket_end(text: str, start: int, end: int) -> int:
    depth = text.count("(", start, end) + text.count("[", start, end)
    depth -= text.count(")", start, end) + text.count("]", start, end)
    while depth > 0 and end < len(text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[end], 0)
        end += 1
    return end


def _as_flow(code: str) -> str:
    """The layers a stretch of Keras code creates, as one flow, as far as they can be told by sight."""
    steps: list[str] = []
    inside = 0
    for match in _LAYER.finditer(code):
        if match[1] in _NOT_LAYERS or match.start() < inside or len(steps) == _MOST_LAYERS:
            continue
        arguments = _arguments(code, match.end())
        inside = match.end() + len(arguments)
        shape = _INPUT_SHAPE.search(arguments)
        if shape:
            sizes = [size.strip() for size in (shape[1] or shape[2] or "").split(",") if size.strip()]
            if not steps:
                steps.append(f"in({','.join('?' if size == 'None' else size for size in sizes)})")
            arguments = (arguments[: shape.start()] + arguments[shape.end() :]).strip().rstrip(",")
        if not match[1].startswith("Input"):
            steps.append(f"{_snake(match[1])}({_values(arguments)})" if arguments else _snake(match[1]))
    return " -> ".join(steps) if len(steps) > 1 else ""


def _arguments(code: str, start: int) -> str:
    """What stands between a call's brackets, the first of which was just passed; short ones only."""
    depth = 1
    for at in range(start, min(len(code), start + 300)):
        depth += (code[at] in "([") - (code[at] in ")]")
        if depth == 0:
            return code[start:at]
    return ""


def _values(arguments: str) -> str:
    tight = re.sub(r"\s*([,=])\s*", r"\1", " ".join(arguments.split()))
    seq = re.sub(r"\breturn_sequences=True\b", "seq", tight)
    small = re.sub(r"\b(?:True|False|None)\b", lambda m: m[0].lower(), seq)
    return re.sub(r"\b([A-Z]\w*)\(", lambda m: f"{_snake(m[1])}(", small)


def _snake(name: str) -> str:
    """Keras' own rule for a class's name in snake_case."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
