"""Answer an editor: which request is answered by what, and when a changed text is checked.

A fault of ours in one request is logged as one line, and that request has no answer; the server goes on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Generator
from pathlib import PurePosixPath
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInternalError
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter, lsp_method

from seqtopo.lint.selection import Selection
from seqtopo.lsp.actions import KINDS, code_actions
from seqtopo.lsp.calls import SIGNATURE_TRIGGERS, signature_help
from seqtopo.lsp.completion import TRIGGERS, complete, resolve
from seqtopo.lsp.diagnostics import diagnostics_of
from seqtopo.lsp.documents import PYTHON, SPEC, Document, Documents, Select
from seqtopo.lsp.drawing import Drawings, Drawn, lenses
from seqtopo.lsp.hints import inlay_hints
from seqtopo.lsp.hover import hover
from seqtopo.lsp.names import definition, highlights, references, rename, renameable
from seqtopo.lsp.positions import choose_encoding
from seqtopo.lsp.structure import LEGEND, folds, formatted, semantic_tokens, symbols

_SHORTEST, _LONGEST = 0.05, 1.5
"""Seconds from the last change of a text to its check."""
_SLOW = 0.15
"""Seconds of a check above which requests wait until the typing pauses."""


class _Protocol(LanguageServerProtocol):
    """The protocol, whose documents are ours: pygls counts lines by more line breaks than editors do."""

    lsp_text_document__did_open = None  # type: ignore[assignment]
    lsp_text_document__did_change = None  # type: ignore[assignment]
    lsp_text_document__did_close = None  # type: ignore[assignment]
    lsp_notebook_document__did_open = None  # type: ignore[assignment]
    lsp_notebook_document__did_change = None  # type: ignore[assignment]
    lsp_notebook_document__did_close = None  # type: ignore[assignment]

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """Choose the encoding of positions; pygls itself takes the one that the editor names first."""
        general = params.capabilities.general
        if general is not None and general.position_encodings:
            general.position_encodings = [choose_encoding(general.position_encodings)]
        return (yield from super().lsp_initialize(params))


class Server(LanguageServer):
    """The language server of one editor."""

    def __init__(self, version: str, select: Select) -> None:
        super().__init__(
            "seqtopo",
            version,
            notebook_document_sync=types.NotebookDocumentSyncOptions(
                [
                    types.NotebookDocumentFilterWithCells(
                        cells=[types.NotebookCellLanguage(PYTHON), types.NotebookCellLanguage(SPEC)]
                    )
                ]
            ),
            protocol_cls=_Protocol,
            converter_factory=default_converter,
        )
        self.documents = Documents(self._selected(select))
        self.settings: dict[str, Any] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._took: dict[str, float] = {}
        self._problems: set[str] = set()
        """The messages about unreadable settings that were shown, each once."""
        self.drawings = Drawings()
        self.drawn: set[str] = set()
        """The documents whose drawings were asked for."""
        _register(self)

    # ---- faults and settings -------------------------------------------------------------------------

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log a fault as one line; the reason why a request fails stands in its answer."""
        if not isinstance(error, JsonRpcException) or isinstance(error, JsonRpcInternalError):
            self.log_fault(error, getattr(source, "__name__", "message"))

    def log_fault(self, error: BaseException, where: str) -> None:
        """Log a fault of ours as one line, for the editor and on the standard error."""
        at = error.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        place = f" at {at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at is not None else ""
        line = f"{where}: {type(error).__name__}: {' '.join(str(error).split())[:300]}{place}"
        logging.getLogger("seqtopo.lsp").error("%s", line)
        self.say(line, types.MessageType.Error)

    def say(self, line: str, kind: types.MessageType = types.MessageType.Info) -> None:
        """Write a line into the editor's log."""
        try:
            self.window_log_message(types.LogMessageParams(kind, line))
        except Exception as error:  # the editor is gone, and with it who would read this
            logging.getLogger("seqtopo.lsp").error("the log cannot be written: %s", error)

    def _selected(self, select: Select) -> Select:
        """Return the rules of a folder.

        If its settings cannot be read, tells so once, and gives the default ones.
        """

        def found(folder: str) -> Selection:
            try:
                return select(folder)
            except Exception as error:
                line = " ".join(str(error).split()) or type(error).__name__
                if line not in self._problems:
                    self._problems.add(line)
                    self.say(line, types.MessageType.Warning)
                return Selection()

        return found

    def configure(self, given: Any) -> None:
        """Take settings over, from an object of the protocol or a dictionary."""
        found = _plain(given)
        inner = _plain(found.get("seqtopo", found))
        self.settings.update(inner)
        self.documents.txt = self.is_on("txt", default=False)
        self.documents.python = self.is_on("python")

    def is_on(self, name: str, *, default: bool = True) -> bool:
        """Return whether a setting is switched on."""
        return bool(self.settings.get(name, default))

    # ---- checks --------------------------------------------------------------------------------------

    def check_later(self, document: Document) -> None:
        """Check a document when its typing pauses; of a notebook all cells together."""
        key = document.notebook.uri if document.notebook is not None else document.uri
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        delay = min(max(_SHORTEST, 2 * self._took.get(key, 0)), _LONGEST)
        self._timers[key] = asyncio.get_running_loop().call_later(delay, self._check, key, document)

    def _check(self, key: str, document: Document) -> None:
        self._timers.pop(key, None)
        began = time.perf_counter()
        cells = [cell for cell, _ in document.notebook.cells] if document.notebook is not None else []
        for one in cells or [document]:
            if self.documents.find(one.uri) is one:
                try:
                    self.publish(one)
                except Exception as error:
                    self.log_fault(error, "check")
        self._took[key] = time.perf_counter() - began

    def publish(self, document: Document) -> None:
        """Send the diagnostics of a document."""
        document.check()
        found = diagnostics_of(document)
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(document.uri, found, document.version)
        )
        if document.uri in self.drawn:
            self.protocol.notify("seqtopo/drawingChanged", {"uri": document.uri, "version": document.version})

    def forget(self, uri: str) -> None:
        """Clear the diagnostics of a document that is closed, or no longer checked."""
        timer = self._timers.pop(uri, None)
        if timer is not None:
            timer.cancel()
        self._took.pop(uri, None)
        self.drawn.discard(uri)
        self.drawings.forget(uri)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def refresh(self) -> None:
        """Check every open document anew, as after a change of the settings."""
        for document in self.documents:
            document.language = self.documents.language_of(document.uri, document.language)
            document.forget()
            if self.documents.find(document.uri) is None:
                self.forget(document.uri)
            else:
                self.check_later(document)

    def markup(self, feature: str) -> types.MarkupKind:
        """Return the markup of a feature's texts: Markdown if the editor shows it."""
        can: Any = getattr(self.client_capabilities.text_document, feature, None)
        for part in ("completion_item", "signature_information"):
            can = getattr(can, part, can)
        formats = getattr(can, "content_format", None) or getattr(can, "documentation_format", None) or ()
        kind = types.MarkupKind
        return kind.Markdown if kind.Markdown in formats else kind.PlainText

    @property
    def takes_snippets(self) -> bool:
        """True if the editor takes completions with places to fill in."""
        document = self.client_capabilities.text_document
        completion = document.completion if document is not None else None
        item = completion.completion_item if completion is not None else None
        return bool(item is not None and item.snippet_support)

    @property
    def shows_documents(self) -> bool:
        """True if the editor can be asked to open a file."""
        window = self.client_capabilities.window
        return bool(window is not None and window.show_document is not None and window.show_document.support)

    @property
    def draw_command(self) -> str:
        """The command behind a lens: the editor's own where it has a panel."""
        return "seqtopo.showDrawing" if self.settings.get("drawings") == "panel" else "seqtopo.draw"

    async def settled(self, document: Document) -> bool:
        """Wait until the typing pauses where a check takes long and was not made yet.

        Returns false where the text has changed meanwhile.
        """
        key = document.notebook.uri if document.notebook is not None else document.uri
        if self._took.get(key, 0) < _SLOW or document.is_checked:
            return True
        version = document.version
        await asyncio.sleep(_SLOW)
        return document.version == version

    def warm_up(self) -> None:
        """Check a short spec, so that the first edit does not wait for modules to load."""
        for text, language in ((_WORDS, SPEC), (_WRONG, SPEC), ("import keras", PYTHON)):
            item = types.TextDocumentItem(f"untitled:{language}", language, 0, text)
            diagnostics_of(Documents(self.documents.select).open(item))


_WORDS, _WRONG = "in(T,8) -> lstm(4) -> dense(1)", "in(T,8) -> lstm(4) -> lstm(4)"


def _register(server: Server) -> None:
    """Register the functions that answer the requests of the editor."""
    documents = server.documents

    def on(method: str, options: Any = None) -> Callable[[Callable[[Any], Any]], None]:
        """Register the handler of a notification."""

        def register(function: Callable[[Any], Any]) -> None:
            def handle(params: Any) -> None:
                try:
                    function(params)
                except Exception as error:
                    server.log_fault(error, method)

            server.feature(method, options)(handle)

        return register

    def answer(
        method: str, function: Callable[[Document, Any], Any], options: Any = None, setting: str = ""
    ) -> None:
        """Register the handler of a request about a document; it answers None if its setting is off."""

        async def handle(params: Any) -> Any:
            document = documents.find(params.text_document.uri)
            if document is None or (setting and not server.is_on(setting)):
                return None
            try:
                return function(document, params) if await server.settled(document) else None
            except JsonRpcException:
                raise  # it tells the editor why there is no answer
            except Exception as error:
                server.log_fault(error, method)
                return None

        server.feature(method, options)(handle)

    @on(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        general = params.capabilities.general
        documents.encoding = choose_encoding(general.position_encodings if general is not None else None)
        server.configure(params.initialization_options or {})

    @on(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        server.warm_up()

    @on(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        document = documents.open(params.text_document)
        if documents.find(document.uri) is not None:
            server._check(document.uri, document)

    @on(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        documents.change(params.text_document.uri, params.content_changes, params.text_document.version)
        document = documents.find(params.text_document.uri)
        if document is not None:
            server.check_later(document)

    @on(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        documents.close(params.text_document.uri)
        server.forget(params.text_document.uri)

    @on(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        # The settings of the project, or an imported file, may have changed.
        document = documents.find(params.text_document.uri)
        if document is not None:
            document.forget()
            server.check_later(document)

    @on(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def opened_notebook(params: types.DidOpenNotebookDocumentParams) -> None:
        notebook = documents.open_notebook(params)
        if notebook.cells:
            server._check(notebook.uri, notebook.cells[0][0])

    @on(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def changed_notebook(params: types.DidChangeNotebookDocumentParams) -> None:
        before = {document.uri for document in documents}
        notebook = documents.change_notebook(params)
        for uri in before - {document.uri for document in documents}:
            server.forget(uri)
        if notebook is not None and notebook.cells:
            server.check_later(notebook.cells[0][0])

    @on(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def closed_notebook(params: types.DidCloseNotebookDocumentParams) -> None:
        for document in documents.close_notebook(params.notebook_document.uri):
            server.forget(document.uri)

    @on(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configured(params: types.DidChangeConfigurationParams) -> None:
        server.configure(params.settings or {})
        server.refresh()

    @on(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(params: types.DidChangeWatchedFilesParams) -> None:
        server.refresh()

    _answers(server, answer)
    _drawing(server, server.drawings)


def _answers(server: Server, answer: Callable[..., None]) -> None:
    """Register the handlers of requests about a document."""
    answer(
        types.TEXT_DOCUMENT_CODE_ACTION,
        lambda document, params: code_actions(document, params.range, params.context.only),
        types.CodeActionOptions(code_action_kinds=KINDS),
    )
    answer(
        types.TEXT_DOCUMENT_HOVER,
        lambda document, params: hover(document, params.position, server.markup("hover")),
    )
    answer(
        types.TEXT_DOCUMENT_INLAY_HINT,
        lambda document, params: inlay_hints(document, params.range),
        setting="inlayHints",
    )
    answer(
        types.TEXT_DOCUMENT_COMPLETION,
        lambda document, params: complete(
            document, params.position, server.takes_snippets, server.markup("completion")
        ),
        types.CompletionOptions(trigger_characters=TRIGGERS, resolve_provider=True),
    )
    answer(
        types.TEXT_DOCUMENT_SIGNATURE_HELP,
        lambda document, params: signature_help(document, params.position, server.markup("signature_help")),
        types.SignatureHelpOptions(trigger_characters=SIGNATURE_TRIGGERS),
    )
    answer(types.TEXT_DOCUMENT_DEFINITION, lambda document, params: definition(document, params.position))
    answer(
        types.TEXT_DOCUMENT_REFERENCES,
        lambda document, params: references(document, params.position, params.context.include_declaration),
    )
    answer(
        types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT,
        lambda document, params: highlights(document, params.position),
    )
    answer(types.TEXT_DOCUMENT_PREPARE_RENAME, lambda document, params: renameable(document, params.position))
    answer(
        types.TEXT_DOCUMENT_RENAME,
        lambda document, params: rename(document, params.position, params.new_name),
        types.RenameOptions(prepare_provider=True),
    )
    answer(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, lambda document, params: symbols(document))
    answer(
        types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL,
        lambda document, params: semantic_tokens(document),
        LEGEND,
    )
    answer(types.TEXT_DOCUMENT_FOLDING_RANGE, lambda document, params: folds(document))
    answer(types.TEXT_DOCUMENT_FORMATTING, lambda document, params: formatted(document))
    answer(types.TEXT_DOCUMENT_RANGE_FORMATTING, lambda document, params: formatted(document, params.range))
    answer(
        types.TEXT_DOCUMENT_CODE_LENS,
        lambda document, params: lenses(document, server.draw_command),
        types.CodeLensOptions(),
        setting="codeLens",
    )

    @server.feature(types.COMPLETION_ITEM_RESOLVE)
    def resolved(item: types.CompletionItem) -> types.CompletionItem:
        try:
            return resolve(item, server.markup("completion"))
        except Exception as error:
            server.log_fault(error, types.COMPLETION_ITEM_RESOLVE)
            return item


def _drawing(server: Server, drawings: Drawings) -> None:
    """Register the handlers of drawings: the request and the command."""

    def drawn(uri: str, kind: str, at: Any, theme: str) -> Drawn:
        document = server.documents.find(uri)
        if document is None:
            return Drawn(None, 0, False, "this document is not open, or it holds no spec and no Keras code")
        server.drawn.add(uri)
        position = None if at is None else types.Position(at.get("line", 0), at.get("character", 0))
        try:
            return drawings.draw(document, kind, position, theme)
        except Exception as error:
            server.log_fault(error, "seqtopo/drawing")
            return Drawn(None, document.version, False, "this is a mistake in seqtopo, not in your text")

    @server.feature("seqtopo/drawing")
    def drawing(params: Any) -> dict[str, Any]:
        given = _plain(params)
        document = _plain(given.get("textDocument", {}))
        at = given.get("position")
        uri, kind = str(document.get("uri", "")), str(given.get("kind", "graph"))
        return drawn(
            uri, kind, _plain(at) if at is not None else None, str(given.get("theme", "auto"))
        ).answer

    @server.command("seqtopo.draw")
    async def draw(arguments: Any = None) -> dict[str, Any]:
        given = _plain(arguments or {})
        at = given.get("position")
        uri = str(given.get("uri", ""))
        found = drawn(uri, str(given.get("kind", "graph")), _plain(at) if at is not None else None, "light")
        path = drawings.save(found, f"{PurePosixPath(uri).stem}-{given.get('kind', 'graph')}")
        if path is None:
            server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, str(found.error)))
            return {**found.answer, "file": None}
        if server.shows_documents:
            server.window_show_document(types.ShowDocumentParams(path.as_uri(), external=True))
        else:
            where = types.ShowMessageParams(types.MessageType.Info, f"the drawing is in {path}")
            server.window_show_message(where)
        return {**found.answer, "file": str(path)}


def _plain(given: Any) -> dict[str, Any]:
    """Return an object of the protocol that pygls has no class for as a dictionary."""
    if isinstance(given, dict):
        return given
    return dict(given._asdict()) if hasattr(given, "_asdict") else {}


def serve(version: str, select: Select, port: int | None = None) -> None:
    """Talk to an editor until it ends: over the standard streams, or at a port of this machine."""
    quiet = logging.getLogger("pygls")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    logging.basicConfig(format="seqtopo lsp: %(message)s")
    server = Server(version, select)
    if port is None:
        # The standard output belongs to the protocol alone: what else is printed goes to the standard error.
        output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        server.start_io(stdout=output)
    else:
        server.start_tcp("127.0.0.1", port)
