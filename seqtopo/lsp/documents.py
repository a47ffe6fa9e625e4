"""Hold the documents that an editor has open, with the checks of their texts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.uris import to_fs_path

from seqtopo.code.asked import Asked
from seqtopo.code.check import Read, reader, verified
from seqtopo.code.findings import CheckedFile, check_code
from seqtopo.code.model import CodeFile
from seqtopo.code.notebook import Notebook
from seqtopo.code.read import read_cells, read_text
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.graph import Graph, Sources
from seqtopo.graph.resolver import resolve
from seqtopo.lint.selection import Selection
from seqtopo.lsp.positions import Text, common_start
from seqtopo.report.analyse import Checked, analyse_parsed, is_space, linted
from seqtopo.report.space_walk import spaced
from seqtopo.source import Source, Span
from seqtopo.syntax.parse import Reading
from seqtopo.syntax.parse import read as read_tokens
from seqtopo.syntax.read import SPEC_ENDINGS
from seqtopo.system.bounds import CODE_BYTES

SPEC, PYTHON = "seqtopo", "python"
"""The languages, as editors call them."""

_MAGIC = re.compile(r"[ \t]*%%seqtopo\b[^\n]*")
_GIVEN = re.compile(r"-D ?([A-Za-z]\w*)=(?:\"([^\"]*)\"|'([^']*)'|([^\s{}]+))(?=\s|$)")
"""A name that the magic's line binds; a value in braces is one of the notebook, which is not known."""


class Spec:
    """The text of a spec at one time, with its checks, each of which is made on request."""

    def __init__(
        self, text: str, name: str, selection: Selection, dims: Mapping[str, str] | None = None
    ) -> None:
        self.source = Source(text, name)
        self.selection = selection
        self.dims = dims or {}

    @cached_property
    def checked(self) -> Checked:
        """The spec, read and checked; one that has a space to search in all of that."""
        checked = analyse_parsed(self.source, self.reading.spec, self.reading.diagnostics, self.dims)
        if is_space(checked):
            checked, _ = spaced(checked, self.dims)
        return linted(checked, self.selection)

    def again(self, text: str) -> Spec:
        """Return the spec of another text in the place of this one."""
        return Spec(text, self.source.name, self.selection, self.dims)

    @cached_property
    def reading(self) -> Reading:
        """The tokens of the text, and its tree."""
        return read_tokens(self.source)

    @cached_property
    def parts(self) -> tuple[Graph, Sources] | None:
        """The graph, and where its nodes are written; of a spec with errors as much of it as there is."""
        resolved = self.checked.resolved
        if resolved is not None:
            return resolved.graph, resolved.written
        spec = self.checked.spec
        if spec is None or not spec.statements:
            return None
        resolution = resolve(spec, self.source)
        return resolution.graph, resolution.sources


class Code:
    """Keras code at one time: a Python text, or the code cells of a notebook together."""

    def __init__(self, file: CodeFile, path: Path | None, selection: Selection) -> None:
        self.file = file
        self.path = path
        self._asked = Asked(selection)

    @cached_property
    def checked(self) -> CheckedFile:
        """The models, checked. Fixes that are said to be safe were not tried yet: see ``tried``."""
        return check_code(self.file, self._asked)

    def tried(self, span: Span) -> CheckedFile:
        """Return the same, where the fixes around a span were tried, and no other is said to be safe."""

        def mild(found: Diagnostic) -> Diagnostic:
            if found.span.start <= span.end and span.start <= found.span.end:
                return found
            return replace(found, fixes=tuple(replace(fix, safe=False) for fix in found.fixes))

        models = [replace(m, diagnostics=tuple(map(mild, m.diagnostics))) for m in self.checked.models]
        found = CheckedFile(self.file, models, tuple(map(mild, self.checked.diagnostics)))
        return verified(found, self.read, self._asked)

    @property
    def read(self) -> Read:
        """The function that reads a changed text in the place of this one."""
        return reader(self.file, self.path)

    def findings(self, text: str, *, tried: bool = True) -> Sequence[Diagnostic]:
        """Return the findings of a changed text, with fixes that were ``tried``."""
        file = self.file if text == self.file.source.text else self.read(text)
        found = check_code(file, self._asked)
        if tried:
            found = verified(found, self.read, self._asked)
        return [d for d in found.every if d.source is file.source]


@dataclass(frozen=True)
class Place:
    """A stretch of a document."""

    document: Document
    span: Span

    @property
    def location(self) -> types.Location:
        """The same for the editor."""
        return types.Location(self.document.uri, self.document.text.range(self.span))


Select = Callable[[str], Selection]
"""Returns the rules that are on for files in a folder."""


@dataclass(eq=False)
class Document:
    """An open document: a spec, a Python file, or a cell of a notebook."""

    uri: str
    language: str
    text: Text
    version: int
    select: Select
    notebook: OpenNotebook | None = None
    last: Spec | None = None
    """The last spec without errors."""
    last_version: int = 0
    _spec: Spec | None = None
    _code: Code | None = None

    @cached_property
    def path(self) -> str:
        """The file, or the whole address where it is none."""
        return file_of(self.uri) or self.uri

    def changed(self, changes: Sequence[types.TextDocumentContentChangeEvent], version: int) -> None:
        """Apply the changes that the editor sends."""
        for change in changes:
            self.text = self.text.changed(change)
        self.version = version
        self.forget()

    def forget(self) -> None:
        """Discard the checks of the text, as after a change."""
        self._spec = self._code = None
        if self.notebook is not None:
            self.notebook.forget()

    @property
    def is_spec(self) -> bool:
        """True if it holds a spec: a file, or a cell that begins with ``%%seqtopo``."""
        return self.language == SPEC or (self.notebook is not None and bool(_MAGIC.match(self.text.text)))

    @property
    def spec(self) -> Spec | None:
        """The spec with its checks; None for Python code."""
        if not self.is_spec:
            return None
        if self._spec is None:
            # The first line of a cell may be a command of the notebook, which stands for blanks.
            magic = _MAGIC.match(self.text.text) if self.notebook is not None else None
            line = magic[0] if magic is not None else ""
            text = " " * len(line) + self.text.text[len(line) :]
            dims = {name: "".join(value) for name, *value in _GIVEN.findall(line)}
            self._spec = Spec(text, self.path, self._selection, dims)
        return self._spec

    @property
    def is_checked(self) -> bool:
        """True if the present text has been checked already."""
        known = self.notebook if self.notebook is not None and not self.is_spec else self
        return any("checked" in vars(one) for one in (self._spec, known._code) if one is not None)

    def check(self) -> Spec | None:
        """Return the spec, and remember it as the last right one if it has no errors."""
        spec = self.spec
        if spec is not None and spec.checked.ok:
            self.last, self.last_version = spec, self.version
        return spec

    @property
    def code(self) -> Code | None:
        """The Python code with its checks, for a cell that of the whole notebook; None for a spec."""
        if self.language != PYTHON or self.is_spec:
            return None
        if self.notebook is not None:
            return self.notebook.code
        if self._code is None:
            text = self.text.text if len(self.text.text) <= CODE_BYTES else ""
            path = Path(self.path) if file_of(self.uri) else None
            self._code = Code(read_text(text, self.path, path), path, self._selection)
        return self._code

    @property
    def _selection(self) -> Selection:
        path = self.notebook.path if self.notebook is not None else self.path
        return self.select(os.path.dirname(path))

    def place(self, span: Span) -> Place | None:
        """Return the place of a span of the code, or of the spec; it may be in another cell."""
        if self.notebook is not None and not self.is_spec:
            return self.notebook.place(span)
        return Place(self, span)

    def in_code(self, offset: int) -> int:
        """Return an offset of this document as one of the code that it is a part of."""
        if self.notebook is not None and not self.is_spec:
            return self.notebook.start_of(self) + offset
        return offset

    def kept(self, span: Span) -> Span | None:
        """Return the present span of one of the last right spec; None if its text was changed."""
        if self.last is None:
            return None
        old, new = self.last.source.text, self.text.text
        start = common_start(old, new)
        if span.end <= start:
            return span
        end = common_start(old[start:][::-1], new[start:][::-1])
        if span.start >= len(old) - end:
            by = len(new) - len(old)
            return Span(span.start + by, span.end + by)
        return None


@dataclass(eq=False)
class OpenNotebook:
    """A notebook that the editor has open, and its cells in their order."""

    uri: str
    select: Select
    cells: list[tuple[Document, Any]] = field(default_factory=list)
    """Each cell's document, and when the cell was run last, as the notebook counts."""
    version: int = 0
    _code: Code | None = None

    @property
    def path(self) -> str:
        """The notebook's file, or its address where it is none."""
        return file_of(self.uri) or self.uri

    def forget(self) -> None:
        """Discard the checks of the code, as after a change in a cell."""
        self._code = None

    @property
    def code(self) -> Code:
        """The Python cells as one text, with its checks."""
        if self._code is None:
            found = [
                (number, document.text.text, run)
                for number, (document, run) in enumerate(self.cells)
                if document.language == PYTHON and not document.is_spec
            ]
            path = Path(self.path) if file_of(self.uri) else None
            file = read_cells(Notebook(self.path, found), path)
            self._code = Code(file, path, self.select(os.path.dirname(self.path)))
        return self._code

    def place(self, span: Span) -> Place | None:
        """Return the cell in which a span of the whole code begins, and where."""
        notebook = self.code.file.notebook
        cell = notebook.cell(span.start) if notebook is not None else None
        if cell is None or cell.number >= len(self.cells):
            return None
        by = cell.span.start
        return Place(self.cells[cell.number][0], Span(span.start - by, max(span.start, span.end) - by))

    def start_of(self, document: Document) -> int:
        """Return the offset at which a cell begins in the whole code."""
        notebook = self.code.file.notebook
        for cell in notebook.cells if notebook is not None else ():
            if self.cells[cell.number][0] is document:
                return cell.span.start
        return 0


class Documents:
    """The open documents and notebooks by their addresses."""

    def __init__(self, select: Select) -> None:
        self.select = select
        self.encoding = "utf-16"
        self.txt = False
        """True if ``.txt`` files are specs."""
        self.python = True
        """True if Python code is checked."""
        self._open: dict[str, Document] = {}
        self._notebooks: dict[str, OpenNotebook] = {}

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._open.values()))

    def find(self, uri: str) -> Document | None:
        """Return an open document that is looked at, or None."""
        document = self._open.get(uri)
        if document is None or not document.language or (document.language == PYTHON and not self.python):
            return None
        return document

    def open(self, item: types.TextDocumentItem, notebook: OpenNotebook | None = None) -> Document:
        """Add a document that the editor has opened."""
        language = self.language_of(item.uri, item.language_id)
        text = Text(item.text, self.encoding)
        made = Document(item.uri, language, text, item.version or 0, self.select, notebook)
        self._open[item.uri] = made
        return made

    def change(
        self,
        uri: str,
        changes: Sequence[types.TextDocumentContentChangeEvent],
        version: int,
    ) -> None:
        """Apply the changes of a document that the editor sends."""
        document = self._open.get(uri)
        if document is not None:
            document.changed(changes, version)

    def close(self, uri: str) -> None:
        """Remove a document that the editor has closed."""
        document = self._open.pop(uri, None)
        if document is not None and document.notebook is not None:
            document.notebook.forget()

    def language_of(self, uri: str, said: str) -> str:
        """Return the language of a document: what the editor says, else by its ending; "" for another."""
        if said in (SPEC, PYTHON):
            return said
        path = (file_of(uri) or uri).lower()
        if path.endswith(SPEC_ENDINGS) or (self.txt and path.endswith(".txt")):
            return SPEC
        return PYTHON if path.endswith(".py") else ""

    # ---- notebooks -----------------------------------------------------------------------------------

    def open_notebook(self, params: types.DidOpenNotebookDocumentParams) -> OpenNotebook:
        """Add a notebook that the editor has opened, with its cells."""
        made = OpenNotebook(params.notebook_document.uri, self.select)
        self._notebooks[made.uri] = made
        texts = {item.uri: item for item in params.cell_text_documents}
        for cell in params.notebook_document.cells:
            self._add_cell(made, len(made.cells), cell, texts.get(cell.document))
        return made

    def change_notebook(self, params: types.DidChangeNotebookDocumentParams) -> OpenNotebook | None:
        """Apply the changes of a notebook: cells that are added, removed, run, or have another text."""
        found = self._notebooks.get(params.notebook_document.uri)
        cells = params.change.cells
        if found is None or cells is None:
            return found
        found.version = params.notebook_document.version
        if cells.structure is not None:
            texts = {item.uri: item for item in cells.structure.did_open or ()}
            array = cells.structure.array
            for document, _ in found.cells[array.start : array.start + array.delete_count]:
                if document.uri not in {cell.document for cell in array.cells or ()}:
                    self.close(document.uri)
            del found.cells[array.start : array.start + array.delete_count]
            for place, cell in enumerate(array.cells or (), array.start):
                self._add_cell(found, place, cell, texts.get(cell.document))
            for item in cells.structure.did_close or ():
                self.close(item.uri)
        for cell in cells.data or ():
            for place, (document, _) in enumerate(found.cells):
                if document.uri == cell.document:
                    found.cells[place] = document, _order_of(cell)
        for change in cells.text_content or ():
            self.change(change.document.uri, change.changes, change.document.version)
        found.forget()
        return found

    def close_notebook(self, uri: str) -> list[Document]:
        """Remove a notebook, and return its cells, which are closed with it."""
        found = self._notebooks.pop(uri, None)
        closed = [document for document, _ in found.cells] if found is not None else []
        for document in closed:
            self.close(document.uri)
        return closed

    def _add_cell(
        self,
        notebook: OpenNotebook,
        place: int,
        cell: types.NotebookCell,
        item: types.TextDocumentItem | None,
    ) -> None:
        document = self._open.get(cell.document)
        if item is not None:
            document = self.open(item, notebook)
        elif document is None:
            document = self.open(types.TextDocumentItem(cell.document, "", 0, ""), notebook)
        if cell.kind != types.NotebookCellKind.Code:
            document.language = ""
        notebook.cells.insert(place, (document, _order_of(cell)))


def _order_of(cell: types.NotebookCell) -> int | None:
    return cell.execution_summary.execution_order if cell.execution_summary is not None else None


def file_of(uri: str) -> str:
    """Return the path of a file's address; "" where it is not that of a file.

    >>> file_of("untitled:Untitled-1")
    ''
    """
    return (to_fs_path(uri) or "") if uri.startswith("file:") else ""
