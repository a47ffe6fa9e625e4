"""Parse Python texts and pieces of them, and tell where each part stands."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from seqtopo.code.model import Where
from seqtopo.diag.model import Edit
from seqtopo.source import Source, Span

Node = TypeVar("Node", bound=ast.expr)


def parsed(text: str) -> ast.Module | SyntaxError:
    """Return the syntax of a Python text, or what is wrong with it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        return error
    except ValueError as error:
        return SyntaxError(str(error))
    except (RecursionError, MemoryError):
        return SyntaxError("it nests too deeply")


def is_python(text: str) -> bool:
    """Return whether a text is valid Python."""
    return isinstance(parsed(text), ast.Module)


def insertion(at: int, text: str) -> Edit:
    """Return the edit that puts a text at an offset."""
    return Edit(Span(at, at), text)


def begins_line(text: str, at: int) -> bool:
    """Return whether only blanks stand before an offset in its line."""
    return not text[text.rfind("\n", 0, at) + 1 : at].strip()


def indent(text: str, at: int) -> str:
    """Return the blanks that the line of an offset begins with."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())] if line.strip() else line


class Lines:
    """The lines of a Python text: converts places as ``ast`` counts them to offsets in the text."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.starts = [0, *(m.end() for m in re.finditer(r"\r\n|\r|\n", source.text))]
        self.plain = source.text.isascii()

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a place as ``ast`` counts it: lines from 1, columns in bytes from 0."""
        start = self.starts[min(line, len(self.starts)) - 1]
        if self.plain:
            return start + column
        stop = self.starts[line] if line < len(self.starts) else len(self.source.text)
        text = self.source.text[start:stop]
        return start + (column if text.isascii() else len(text.encode()[:column].decode(errors="ignore")))

    def span(self, node: ast.AST) -> Span:
        """Return the span of a node in the text."""
        first = self.offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        end: int | None = getattr(node, "end_lineno", None)
        return Span(first, self.offset(end, node.end_col_offset) if end is not None else first)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Expression(Generic[Node]):
    """An expression that was parsed from the text of a place."""

    node: Node
    where: Where
    lines: Lines

    def span(self, part: ast.AST) -> Span:
        """Return the span of a part of it in the whole text."""
        start, end = self.lines.span(part)
        begin = self.where.span.start - 1
        return Span(begin + start, begin + end)

    @property
    def items(self) -> Sequence[ast.expr] | None:
        """The items of a list or tuple, the values of a dictionary; None for anything else."""
        if isinstance(self.node, (ast.Tuple, ast.List)):
            return self.node.elts
        return self.node.values if isinstance(self.node, ast.Dict) else None

    def place(self, part: ast.AST) -> Where:
        """Return the place of a part of it."""
        return Where(self.where.source, self.span(part))


def expression_at(where: Where, kind: type[Node]) -> Expression[Node] | None:
    """Return the expression at a place; None if none of that kind stands there."""
    text = f"({where.text}\n)"
    tree = parsed(text)
    statement = tree.body[0] if isinstance(tree, ast.Module) and len(tree.body) == 1 else None
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, kind):
        return None
    return Expression(statement.value, where, Lines(Source(text)))
