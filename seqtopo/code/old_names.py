"""Look up the names of a Python text by its imports, also in branches that are never read."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from seqtopo.code import keras_names
from seqtopo.code.keras_names import OTHER, Meaning
from seqtopo.code.model import CodeFile, Where
from seqtopo.code.parsing import Lines, begins_line, indent, insertion
from seqtopo.diag.model import Edit, Fix
from seqtopo.layers.old_programs import PACKAGES
from seqtopo.source import Source, Span

_NOW = ("tensorflow.keras", "keras")
"""The packages that are Keras 3."""


class Binding(NamedTuple):
    """The path that a name of the text is bound to, and the import that binds it; None for an assignment."""

    path: str
    statement: ast.Import | ast.ImportFrom | None = None
    alias: ast.alias | None = None


class OldText:
    """A Python text with its syntax: it looks up the meaning of names and the spans of nodes."""

    def __init__(self, code: CodeFile) -> None:
        self.code = code
        self.source: Source = code.source
        self.text = code.source.text
        self.lines = Lines(code.source)
        self.nodes: list[ast.AST] = []
        self.parents: dict[ast.AST, ast.AST] = {}
        for statement in code.statements:
            self._add(statement)
        self.bindings: dict[str, Binding] = {}
        self.stars: list[ast.ImportFrom] = []
        self._bind()

    def _add(self, statement: ast.stmt) -> None:
        todo: list[ast.AST] = [statement]
        while todo:
            node = todo.pop()
            self.nodes.append(node)
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
                todo.append(child)

    def _bind(self) -> None:
        set_elsewhere = Counter(_set_names(self.nodes))
        imports = [n for n in self.nodes if isinstance(n, (ast.Import, ast.ImportFrom))]
        for node in sorted(imports, key=lambda n: n.lineno):
            for alias in node.names:
                self._bind_import(node, alias, set_elsewhere)
        for found in self.nodes:
            if isinstance(found, ast.Assign) and len(found.targets) == 1:
                target, path = found.targets[0], self.path(found.value)
                if isinstance(target, ast.Name) and path and set_elsewhere[target.id] == 1:
                    self.bindings.setdefault(target.id, Binding(path))

    def _bind_import(
        self, node: ast.Import | ast.ImportFrom, alias: ast.alias, set_elsewhere: Counter[str]
    ) -> None:
        if isinstance(node, ast.Import):
            first = alias.name.split(".")[0]
            name, path = (alias.asname, alias.name) if alias.asname else (first, first)
        elif node.level or not node.module:
            return
        elif alias.name == "*":
            if of_keras(node.module):
                self.stars.append(node)
            return
        else:
            name, path = alias.asname or alias.name, f"{node.module}.{alias.name}"
        if not set_elsewhere[name]:
            self.bindings.setdefault(name, Binding(path, node, alias))

    # ---- names ---------------------------------------------------------------------------------------

    def path(self, node: ast.AST) -> str:
        """Return the dotted name that an expression means, as the imports spell it; "" for anything else."""
        if isinstance(node, ast.Attribute):
            before = self.path(node.value)
            return f"{before}.{node.attr}" if before else ""
        if not isinstance(node, ast.Name):
            return ""
        found = self.bindings.get(node.id)
        if found is not None:
            return found.path
        if node.id in self._taken:
            return ""
        for star in self.stars:
            names = keras_names.star(keras_names.canonical(star.module or "")) or {}
            if node.id in names:
                return f"{star.module}.{node.id}"
        return ""

    def meaning(self, node: ast.AST) -> Meaning:
        """Return Keras' meaning of an expression, ``OTHER`` if it is no name of Keras."""
        path = of_keras(self.path(node))
        return keras_names.meaning(path) if path else OTHER

    @cached_property
    def _taken(self) -> frozenset[str]:
        return frozenset(_set_names(self.nodes))

    @cached_property
    def loads(self) -> Counter[str]:
        """The number of times that each name is read."""
        return Counter(n.id for n in self.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))

    def is_free(self, name: str) -> bool:
        """Return whether no variable, import or parameter of the text has a name."""
        return name not in self.bindings and name not in self._taken and not self.loads[name]

    # ---- places --------------------------------------------------------------------------------------

    def span(self, node: ast.AST) -> Span:
        """Return the span of a node in the text."""
        return self.lines.span(node)

    def of(self, span: Span) -> str:
        """Return the text of a span."""
        return self.text[span.start : span.end]

    def last_name(self, node: ast.expr) -> Span:
        """Return the span of the last part of a dotted name."""
        end = self.span(node).end
        length = len(node.attr) if isinstance(node, ast.Attribute) else end - self.span(node).start
        return Span(end - length, end)

    def spreads(self, call: ast.Call) -> bool:
        """Return whether a call takes arguments from a list or a dictionary."""
        return any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords)

    def beside(self, node: ast.Attribute, name: str) -> str:
        """Return the text of a dotted name with another last part."""
        return self.of(self.span(node)).removesuffix(node.attr) + name

    def line_break(self, at: int) -> str:
        """Return a line break as the text has them, and the indentation of the line of an offset."""
        return ("\r\n" if "\r\n" in self.text else "\n") + indent(self.text, at)

    def at(self, part: Span | ast.AST) -> Where:
        """Return the place of a span or a node of the text."""
        return Where(self.source, part if isinstance(part, Span) else self.span(part))

    # ---- edits ---------------------------------------------------------------------------------------

    def leave_out(self, call: ast.Call, keyword: ast.keyword) -> Fix:
        """Return the fix that takes an argument out of a call."""
        return Fix("leave it out", tuple(self.without_arguments(call, [keyword])), safe=True)

    def renamed_argument(self, keyword: ast.keyword, new: str) -> Edit:
        """Return the edit that gives an argument another name."""
        start = self.span(keyword).start
        return Edit(Span(start, start + len(keyword.arg or "")), new)

    def reworded(self, node: ast.expr, new: str) -> Edit:
        """Return the edit that writes another text in the quotes of a literal."""
        quote = self.of(self.span(node))[:1]
        return Edit(self.span(node), f"{quote}{new}{quote}")

    def file_renamed(self, node: ast.expr, ending: str, new: str) -> Fix:
        """Return the fix that gives the name of a file another ending."""
        name = self.of(self.span(node)).replace(ending, new)
        return Fix(f"write {name}", (Edit(self.span(node), name),))

    def line_before(self, statement: ast.stmt, line: str) -> Edit | None:
        """Return the edit that puts a line before a statement; None if that begins no line."""
        at = self.span(statement).start
        return insertion(at, line + self.line_break(at)) if begins_line(self.text, at) else None

    def renamed(self, node: ast.expr, new: str) -> list[Edit] | None:
        """Return the edits that call a class by another name of the same module.

        None if that cannot be told.
        """
        place = self.last_name(node)
        found = self.bindings.get(node.id) if isinstance(node, ast.Name) else None
        if isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and found is None):
            return [Edit(place, new)]  # a name may come from an import of everything
        if not isinstance(node, ast.Name) or found is None or found.alias is None:
            return None
        if found.alias.asname is not None:
            at = self.span(found.alias)
            edit = Edit(Span(at.start, at.start + len(found.alias.name)), new)
            return [edit] if self.loads[node.id] == 1 else None
        brought = self.brought(found.alias, node.id, new)
        return None if brought is None else [Edit(place, new), *brought]

    def brought(self, alias: ast.alias, old: str, new: str) -> list[Edit] | None:
        """Return the edits that import a name beside another one of its module."""
        known = self.bindings.get(new)
        if known is not None:
            ours = (keras_names.canonical(known.path).rsplit(".", 1)[-1]) == new
            return [] if ours and of_keras(known.path) else None
        if not self.is_free(new):
            return None
        at = self.span(alias)
        if self.loads[old] == 1:
            return [Edit(Span(at.start, at.start + len(alias.name)), new)]
        return [insertion(at.end, f", {new}")]

    def without_arguments(self, call: ast.Call, gone: Iterable[ast.keyword]) -> list[Edit]:
        """Return the edits that take arguments out of a call."""
        taken = {self.span(keyword) for keyword in gone}
        spans = sorted(self.span(node) for node in (*call.args, *call.keywords))
        return self.without(spans, {i for i, span in enumerate(spans) if span in taken})

    def without(self, spans: Sequence[Span], gone: set[int]) -> list[Edit]:
        """Return the edits that take arguments or names out of a list with commas between."""
        edits: list[Edit] = []
        for i in sorted(gone):
            here, before = spans[i], spans[i - 1] if i else None
            behind = spans[i + 1] if i + 1 < len(spans) else None
            if before is not None and not any(j not in gone for j in range(i)):
                before = None  # nothing is left before it
            if before is not None and "#" not in self.text[before.end : here.start]:
                edits.append(Edit(Span(before.end, here.end), ""))
            elif behind is not None and "#" not in self.text[here.end : behind.start]:
                edits.append(Edit(Span(here.start, behind.start), ""))
            else:
                rest = self.text[here.end :]
                comma = rest[: len(rest) - len(rest.lstrip())] + "," if rest.lstrip()[:1] == "," else ""
                edits.append(Edit(Span(here.start, here.end + len(comma)), ""))
        return edits


def text_in(node: ast.AST) -> str:
    """Return the text of a literal; "" for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def of_keras(path: str) -> str:
    """Return a dotted name of Keras 3, or of what Keras was before it, as ``keras...``; "" for another.

    >>> of_keras("tensorflow.keras.layers.LSTM"), of_keras("tf_keras.layers.LSTM"), of_keras("numpy")
    ('keras.layers.LSTM', '', '')
    """
    path = now(path) or path
    for package in _NOW:
        if path == package or path.startswith(package + "."):
            return "keras" + path[len(package) :]
    return ""


def now(path: str) -> str:
    """Return a dotted name of an old package of Keras by today's name of the package; "" for no such.

    >>> now("tensorflow.python.keras.layers.LSTM"), now("keras.layers.LSTM")
    ('tensorflow.keras.layers.LSTM', '')
    """
    for old, new in PACKAGES.items():
        if path == old or path.startswith(old + "."):
            return new + path[len(old) :]
    return ""


def package_of(path: str) -> str:
    """Return the package that a dotted name of Keras begins with: ``keras`` or ``tensorflow.keras``."""
    path = now(path) or path
    return "tensorflow.keras" if path.startswith("tensorflow.") else "keras"


def _set_names(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Yield the names that a text sets, other than by imports."""
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
