"""Format a spec in the house style, with every comment kept in its place.

What fits on a line stands on one line. A longer flow has a step a line, a longer list or call an item
a line. A comment is written at the next place where a line can break, so it never moves past more
than the expression it stands in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from seqtopo.diag.model import Diagnostic
from seqtopo.source import Source
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import (
    definition_head,
    domain_end,
    loop_head,
    operator,
    print_expr,
    print_spec,
)
from seqtopo.syntax.parse import read
from seqtopo.syntax.tokens import Token

__all__ = ["format_spec", "format_text", "print_expr", "print_spec"]

_STEP = 4


def format_text(source: Source, width: int = 88) -> tuple[str | None, list[Diagnostic]]:
    r"""Return a text in the house style, its lines no longer than ``width`` where they can break.

    It means the same as before, and formatting it again changes nothing. A text that cannot be read
    is left alone: None, and what is wrong with it.

    >>> format_text(Source("in( T,F )->lstm( 64,seq ) # encoder"))[0]
    'in(T,F) -> lstm(64,seq)  # encoder\n'
    >>> format_text(Source("in(T,F) ->"))[1][0].code
    'ST102'
    """
    reading = read(source)
    if reading.spec is None or reading.diagnostics:
        return None, reading.diagnostics
    return format_spec(reading.spec, source, reading.tokens, width), []


def format_spec(spec: tree.Spec, source: Source, tokens: Sequence[Token], width: int = 88) -> str:
    """Return the text of a tree with the comments among the ``tokens`` that it was read from."""
    return _Writer(source, _comments(tokens), width).spec(spec)


class _Comment(NamedTuple):
    start: int
    text: str
    trails: bool  # something stands before it on its line


def _comments(tokens: Sequence[Token]) -> list[_Comment]:
    found = []
    begins_line = True
    for token in tokens:
        if token.type == "COMMENT":
            found.append(_Comment(token.start, token.text.rstrip(), not begins_line))
        begins_line = token.type == "NEWLINE"
    return found


_Item = tree.Binding | tree.Domain | tree.Argument


def _value(item: _Item) -> tree.Expr:
    return item.values if isinstance(item, tree.Domain) else item.value


class _Writer:
    """Lines in the making, and the comments that are still to be written."""

    def __init__(self, source: Source, comments: list[_Comment], width: int) -> None:
        self.source = source
        self.comments = comments
        self.starts = [comment.start for comment in comments]
        self.next = 0
        self.width = width
        self.lines: list[str] = []
        self.line: list[str] = []
        self.column = 0
        self.commented = False  # the line in the making ends with a comment

    # Lines

    def put(self, text: str) -> None:
        self.line.append(text)
        self.column += len(text)

    def newline(self, indent: int = 0) -> None:
        if self.line:
            self.lines.append("".join(self.line))
        self.line = [" " * indent] if indent else []
        self.column = indent
        self.commented = False

    def flush(self, upto: int, indent: int) -> None:
        """Write the comments that stand before a place; the caller begins a new line."""
        while self.next < len(self.comments) and self.starts[self.next] < upto:
            comment = self.comments[self.next]
            self.next += 1
            if comment.trails and self.line and not self.commented:
                self.put("  " + comment.text)
            else:
                self.newline(indent)
                self.put(comment.text)
            self.commented = True

    def blank_before(self, start: int) -> None:
        """Keep one blank line, if the source has any before the line on which ``start`` is."""
        number = self.source.place(start).line
        if self.lines and number > 1 and not self.source.line(number - 1).strip():
            self.lines.append("")

    # Statements

    def spec(self, spec: tree.Spec) -> str:
        for statement in spec.statements:
            self.between(statement.span.start)
            self.newline()
            self.blank_before(statement.span.start)
            # A comment between a name and its value is moved to the line before.
            while self.next < len(self.comments) and self.starts[self.next] < _first(statement).span.start:
                self.put(self.comments[self.next].text)
                self.next += 1
                self.newline()
            self.statement(statement)
        self.between(len(self.source.text) + 1)
        self.newline()
        return "".join(line + "\n" for line in self.lines)

    def between(self, upto: int) -> None:
        """Print the comments behind a statement and on the lines before the next one."""
        while self.next < len(self.comments) and self.starts[self.next] < upto:
            comment = self.comments[self.next]
            if not comment.trails:
                self.newline()
                self.blank_before(comment.start)
            self.flush(comment.start + 1, 0)

    def statement(self, node: tree.Statement) -> None:
        match node:
            case tree.Let():
                self.series("let ", node.bindings)
            case tree.Search():
                self.series("search ", node.domains)
            case tree.Train():
                self.series("train ", node.args)
            case tree.Bind():
                self.put(f"{node.name.name} = ")
                self.expr(node.value, 0)
            case tree.Def():
                self.put(definition_head(node))
                self.expr(node.body, 0)
            case tree.Output():
                self.expr(node.value, 0)

    def series(self, word: str, items: Sequence[_Item]) -> None:
        """Print ``let``, ``search`` and ``train``: all on one line, or one item a line."""
        flat = word + ", ".join([print_expr(item) for item in items])
        last = items[-1]
        broken = self.comment_in(items[0].span.start, last.span.start) or self.must_break(_value(last))
        if not broken and len(flat) <= self.width:
            self.put(flat)
            return
        self.put(word)
        for index, item in enumerate(items):
            if index:
                self.put(",")
                self.flush(item.span.start, _STEP)
                self.newline(_STEP)
            if isinstance(item, tree.Binding):
                self.put(f"{item.name.name} = ")
                self.expr(item.value, _STEP, tail=1)
            elif isinstance(item, tree.Domain):
                ending = domain_end(item)
                self.put(f"{item.name.name} in ")
                self.expr(item.values, _STEP, tail=len(ending) + 1)
                self.put(ending)
            else:
                self.item(item, _STEP)

    # Expressions

    def comment_in(self, start: int, end: int) -> bool:
        at = bisect_left(self.starts, start, self.next)
        return at < len(self.starts) and self.starts[at] < end

    def must_break(self, node: tree.Node) -> bool:
        """Return whether a comment belongs to a place inside an expression where its line can break."""
        if not self.comment_in(*node.span):
            return False
        match node:
            case tree.Flow():
                last = node.steps[-1]
                return self.comment_in(node.span.start, last.span.start) or self.must_break(last)
            case tree.Group():
                return True
            case tree.List() | tree.Tuple():
                return bool(node.items)
            case tree.Call():
                return bool(node.args)
            case tree.As() | tree.Negative():
                return self.must_break(node.body)
            case tree.For():
                return self.must_break(node.body) or self.must_break(node.values)
            case tree.Branches(loops=loops):
                before = self.comment_in(node.span.start, loops[-1].span.start)
                return before or any(self.must_break(loop.values) for loop in loops)
            case tree.Arithmetic():
                return any(map(self.must_break, (node.first, *(operand for _, operand in node.rest))))
            case _:
                return False

    def expr(self, node: tree.Expr, indent: int, tail: int = 0) -> None:
        """Write an expression that begins on this line; its further lines are indented by ``indent``.

        ``tail`` is the room that what follows on its last line needs.
        """
        flat = print_expr(node)
        if self.column + len(flat) + tail <= self.width and not self.must_break(node):
            self.put(flat)
            return
        match node:
            case tree.Flow():
                self.expr(node.steps[0], indent)
                for step in node.steps[1:]:
                    self.flush(step.span.start, indent + _STEP)
                    self.newline(indent + _STEP)
                    self.put("-> ")
                    self.expr(step, indent + _STEP, tail)
            case tree.Group():
                self.bracket("(", (node.body,), ")", node.span.end, indent)
            case tree.List(items=items) if items:
                self.bracket("[", items, "]", node.span.end, indent)
            case tree.Tuple(items=items) if items:
                self.bracket("(", items, ")", node.span.end, indent, comma=True)
            case tree.Call(args=args) if args:
                self.bracket(f"{node.name.name}(", args, ")", node.span.end, indent)
            case tree.As():
                ending = f" as {node.name.name}"
                self.expr(node.body, indent, tail + len(ending))
                self.put(ending)
            case tree.For():
                self.expr(node.body, indent, len(loop_head(node)))
                self.put(loop_head(node))
                self.expr(node.values, indent, tail)
            case tree.Branches():
                self.expr(node.body, indent)
                for loop in node.loops:
                    self.flush(loop.span.start, indent)
                    self.newline(indent)
                    self.put(loop_head(loop).lstrip())
                    self.expr(loop.values, indent, tail)
            case tree.Arithmetic():
                self.expr(node.first, indent)
                for mark, operand in node.rest:
                    self.put(operator(node, mark))
                    self.expr(operand, indent, tail)
            case tree.Negative():
                self.put("-")
                self.expr(node.body, indent, tail)
            case _:
                self.put(flat)

    def bracket(
        self,
        opening: str,
        items: Sequence[tree.Expr | tree.Argument],
        closing: str,
        end: int,
        indent: int,
        comma: bool = False,
    ) -> None:
        """Print the items between two brackets, one item a line."""
        # With a comma behind its one item, a pair of parentheses would become a tuple.
        comma = comma or opening != "("
        inner = indent + _STEP
        self.put(opening)
        for item in items:
            self.flush(item.span.start, inner)
            self.newline(inner)
            self.item(item, inner)
            if comma:
                self.put(",")
        self.flush(end, inner)
        self.newline(indent)
        self.put(closing)

    def item(self, item: tree.Expr | tree.Argument, indent: int) -> None:
        if not isinstance(item, tree.Argument):
            self.expr(item, indent, tail=1)
            return
        if item.name is not None:
            self.put(f"{item.name.name}=")
        self.expr(item.value, indent, tail=1)


def _first(node: tree.Statement) -> tree.Node:
    """Return the part of a statement from which on it can stand on several lines."""
    match node:
        case tree.Let():
            return node.bindings[0].value
        case tree.Search():
            return node.domains[0].values
        case tree.Train():
            return node.args[0].value
        case tree.Def():
            return node.body
        case _:
            return node.value
