"""Look into the texts of a fix: the calls of the Python text and how it names layers, the steps of a spec."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from seqtopo.code.data_arguments import indent_of
from seqtopo.code.model import Argument, CodeInput, Where
from seqtopo.code.parsing import (
    Expression,
    Lines,
    begins_line,
    expression_at,
    indent,
    insertion,
    is_python,
    parsed,
)
from seqtopo.code.words import Style, arguments, call_text, keras_text, operation
from seqtopo.diag.model import Edit, Fix
from seqtopo.layers.registry import NAMES
from seqtopo.layers.row import Param, Row
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.print import print_expr


class UntranslatableError(Exception):
    """Raised if no small edit of the Python text does what a fix does."""


class PythonText:
    """One text: ``made`` are the edits of its imports, ``layers`` places where it makes layers.

    ``symbols`` are the texts of sizes that the code has names for.
    """

    def __init__(self, source: Source, symbols: Mapping[str, str], layers: Iterable[Where]) -> None:
        self.source = source
        self.symbols = symbols
        self.layers = list(layers)
        self.made: list[Edit] = []

    def mine(self, where: Where | None) -> Where:
        """Return a place that lies in this text.

        Raises:
            UntranslatableError: it is in another file, or there is none.
        """
        if where is None or where.source.name != self.source.name or where.source.text != self.source.text:
            raise UntranslatableError
        return where

    def call_at(self, place: Where) -> Expression[ast.Call]:
        """Return the call that stands at a place, parsed."""
        found = expression_at(place, ast.Call)
        if found is None:
            raise UntranslatableError
        return found

    def argument_spans(self, call: Expression[ast.Call]) -> list[Span]:
        """Return the spans of the arguments of a call, in their order."""
        return sorted(call.span(arg) for arg in (*call.node.args, *call.node.keywords))

    @cached_property
    def style(self) -> Style:
        """With the quotes that the text uses more often."""
        text = self.source.text
        return Style("'" if text.count("'") > text.count('"') else '"', self.symbols)

    def spelled(self, step: tree.Expr, place: Where, hole: str = "") -> str:
        """Return the code of a new layer as this text names layers.

        ``hole`` stands for the layer it wraps.
        """
        row = row_of(step)
        if row is None or not row.keras:
            raise UntranslatableError
        if isinstance(step, tree.Name):
            return f"{self.spelling(row.keras, place)}()"
        assert isinstance(step, tree.Call)
        given = arguments(row, step)
        if given is None:
            raise UntranslatableError
        parts: list[tuple[Param, object]] = []
        inner = ""
        for param, value in given:
            if param.kind.takes == "layer":
                if parts or not isinstance(value, (tree.Call, tree.Name)):
                    raise UntranslatableError
                inner = hole or self.spelled(value, place)
            else:
                parts.append((param, value))
        text = call_text(row, parts, self.style)
        head, _, rest = text.partition("(")
        joint = ", " if inner and rest != ")" else ""
        return f"{self.spelling(head, place)}({inner}{joint}{rest}"

    def spelling(self, name: str, place: Where) -> str:
        """Return a Keras class as this text names the layers at a place, which may need an import."""
        prefix = self._prefix(place)
        if not prefix and not self._imported(name):
            self._import(name)
        return prefix + name

    def _prefix(self, place: Where) -> str:
        """Return the prefix of layer names in the text: ``layers.``, or nothing."""
        for where in (place, *self.layers):
            match = re.match(r"((?:\w+\.)*)([A-Z]\w*)\(", where.text)
            if match is not None and where.source.text == self.source.text and match[2] not in ("Model",):
                return match[1]
        raise UntranslatableError

    @cached_property
    def _imports(self) -> list[ast.ImportFrom]:
        tree = parsed(self.source.text)
        if isinstance(tree, SyntaxError):
            raise UntranslatableError
        return [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]

    def _imported(self, name: str) -> bool:
        for found in self._imports:
            if any((alias.asname or alias.name) == name for alias in found.names):
                return True
            if any(alias.name == "*" for alias in found.names) and "keras" in (found.module or ""):
                return True
        return False

    def _import(self, name: str) -> None:
        """Add a name to the import that brings the layers."""
        for found in self._imports:
            if not (found.module or "").endswith("layers") and "keras.layers" not in (found.module or ""):
                continue
            last = found.names[-1]
            if last.asname is not None or last.name == "*":
                continue
            self.made.append(insertion(Lines(self.source).span(last).end, f", {name}"))
            return
        raise UntranslatableError

    def _module(self, name: str) -> str:
        """Return the name of a module of Keras in the text, with a dot behind."""
        for found in self._imports:
            if found.module == "keras" and any((a.asname or a.name) == name for a in found.names):
                return f"{name}."
        if re.search(r"^\s*import keras\b(?! as)", self.source.text, re.MULTILINE):
            return f"keras.{name}."
        raise UntranslatableError

    def applied(self, step: tree.Expr, place: Where) -> str:
        """Return the code of a step applied to a hole, which a null character stands for."""
        row = row_of(step)
        if row is not None and row.keras and keras_text(step) is not None:
            return f"{self.spelled(step, place)}(\0)"
        made = operation(print_expr(step))
        if not made:
            raise UntranslatableError
        if made.startswith("ops."):
            made = self._module("ops") + made.removeprefix("ops.")
        elif re.fullmatch(r"[A-Z]\w*\(.*\)", made):
            made = f"{self.spelling(made.partition('(')[0], place)}({made.partition('(')[2]}(x)"
        if len(re.findall(r"\bx\b", made)) != 1:
            raise UntranslatableError
        return re.sub(r"\bx\b", "\0", made)

    def lines_of(self, statement: Where) -> Span:
        """Return the lines of a statement that has them for itself, with a comment behind it."""
        text = self.source.text
        if not begins_line(text, statement.span.start):
            raise UntranslatableError
        start = self.source.start_of(self.source.place(statement.span.start).line)
        end = min(len(text), line_end(text, statement.span.end) + 1)
        behind = text[statement.span.end : end].strip()
        if behind and not behind.startswith("#"):
            raise UntranslatableError
        return Span(start, end)

    def without_assignment(self, statement: Where, call: Span, inner: Span) -> list[Edit] | None:
        """Return the edits that take out ``y = Layer()(x)``, so that the one use of ``y`` reads ``x``.

        None where it is another statement, or the names have other uses.
        """
        text = self.source.text
        given = text[inner.start : inner.end]
        name = re.fullmatch(r"(\w+)\s*=\s*", text[statement.span.start : call.start])
        if name is None or not given.isidentifier() or statement.span.end != call.end:
            return None
        try:
            edits = [Edit(self.lines_of(statement), "")]
        except UntranslatableError:
            return None
        if name[1] != given:
            uses = [Span(*m.span()) for m in re.finditer(rf"\b{name[1]}\b", text)]
            if len(uses) != 2 or uses[0].start != statement.span.start:
                return None
            between = text[statement.span.end : uses[1].start]
            block = re.escape(indent(text, statement.span.start))
            lines = [line for line in between.splitlines()[1:] if line.strip()]
            leaves_block = not all(re.match(block, line) for line in lines)
            if re.search(rf"\b{given}\b[\w\s,]*=(?!=)", between) or leaves_block:
                return None
            edits.append(Edit(uses[1], given))
        after = text
        for edit in reversed(edits):
            after = after[: edit.span.start] + edit.text + after[edit.span.end :]
        return edits if is_python(after) else None  # the line may be all that a block has


def with_names(fix: Fix, source: Source, inputs: Iterable[CodeInput]) -> Fix:
    """Return a fix with the name that the code has for the number of steps of an input, in a repeat.

    The name stands in the same block before it, so that it means the same number.
    """
    found = _REPEATS.search("".join(edit.text for edit in fix.edits))
    if found is None:
        return fix
    for given in inputs:
        where, shape = given.shape_where, given.tensor.shape if given.tensor is not None else ()
        if where is None or where.source.text != source.text or shape[:1] != (int(found[1]),):
            continue
        written = expression_at(where, ast.expr)
        items = (written.items if written is not None else None) or ()
        if len(items) != len(shape):
            continue
        first = items[0]
        name = ast.unparse(first)
        between = source.text[where.span.end : min(edit.span.start for edit in fix.edits)]
        block = indent_of(where)
        lines = [line for line in between.splitlines()[1:] if line.strip()]
        inside = all(len(line) - len(line.lstrip()) >= block for line in lines)
        if isinstance(first, (ast.Name, ast.Attribute)) and between and inside:
            edits = tuple(replace(e, text=_REPEATS.sub(f"RepeatVector({name})", e.text)) for e in fix.edits)
            return replace(fix, title=_REPEATS.sub(f"RepeatVector({name})", fix.title), edits=edits)
    return fix


_REPEATS = re.compile(r"\bRepeatVector\((\d+)\)")


def joined(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Return edits in the order of the text, those at one place as one; none where two change one place."""
    found: list[Edit] = []
    for edit in sorted(dict.fromkeys(edits), key=lambda e: (e.span.start, e.span.end)):
        if found and edit.span.start < found[-1].span.end:
            return ()
        if found and found[-1].span == edit.span and edit.span.start == edit.span.end:
            found[-1] = Edit(edit.span, found[-1].text + edit.text)
        else:
            found.append(edit)
    return tuple(found)


def item_spans(place: Where) -> list[Span]:
    """Return the spans of the items of a tuple or list; none for anything else."""
    found = expression_at(place, ast.expr) if place.text.startswith(("(", "[")) else None
    return [found.span(item) for item in found.items or ()] if found is not None else []


def item_texts(text: str) -> list[str]:
    """Return the items of a tuple as they are written.

    >>> item_texts("(None, 2*N)")
    ['None', '2*N']
    """
    return [text[span.start : span.end] for span in item_spans(Where(Source(text), Span(0, len(text))))]


def line_end(text: str, at: int) -> int:
    """Return the end of the line of an offset."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def row_of(node: tree.Expr) -> Row | None:
    """Return the row of a step; None where it is no layer."""
    if isinstance(node, tree.Call):
        return NAMES.get(node.name.name)
    return NAMES.get(node.name) if isinstance(node, tree.Name) else None


def last_name(func: ast.expr) -> str:
    """Return the last part of the name that a call calls."""
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else ""


def shared_steps(one: Sequence[tree.Expr], other: Sequence[tree.Expr]) -> int:
    """Return the number of steps that two flows have in common at the beginning."""
    for i, (a, b) in enumerate(zip(one, other, strict=False)):
        if not same(a, b):
            return i
    return min(len(one), len(other))


def steps_of(value: tree.Expr) -> list[tree.Expr]:
    """Return the steps of a flow, or a step alone."""
    return list(value.steps) if isinstance(value, tree.Flow) else [value]


def kind_of(node: tree.Expr) -> str:
    """Return the name of a step's layer, which is the same for steps with other arguments."""
    row = row_of(node)
    if row is not None:
        return row.name
    if isinstance(node, tree.Call):
        return node.name.name
    return print_expr(node)


def is_bare_activation(node: tree.Expr) -> bool:
    """Return whether a node is a bare activation, short for ``act(...)`` with it as argument."""
    return False if isinstance(node, tree.Call) else row_of(node) is None


def same(one: tree.Expr | None, other: tree.Expr) -> bool:
    """Return whether two steps are written alike."""
    return one is not None and print_expr(one) == print_expr(other)


def wrapped_by(node: tree.Expr) -> tree.Expr | None:
    """Return the node inside a wrapper; None if the node is no wrapper."""
    row = row_of(node)
    if row is None or not row.wraps or not isinstance(node, tree.Call) or not node.args:
        return None
    return node.args[0].value


def given_to(row: Row, node: tree.Expr) -> dict[str, tuple[Param, Any]]:
    """Return the arguments of a step by their parameters' names."""
    if not isinstance(node, tree.Call):
        return {}
    found = arguments(row, node)
    if found is None:
        raise UntranslatableError
    return {param.name: (param, value) for param, value in found}


def argument_of(args: dict[str, Argument], param: Param) -> Argument | None:
    """Return the argument of a call in Python for a parameter."""
    return args.get(param.keras_name) or args.get(param.name)
