"""A small editor for tests of the language server: a real client that speaks with a real process."""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from typing import Any

from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient

from tests.support.imports import ROOT

CONFIG = ClientServerConfig(
    server_command=[sys.executable, "-m", "seqtopo", "lsp"],
    server_env={**os.environ, "PYTHONPATH": str(ROOT)},
)
_NUMBERS = count()


def place(text: str, mark: str, behind: bool = False) -> types.Position:
    """The place where a mark begins in an ASCII text, or the one behind it."""
    at = text.index(mark) + (len(mark) if behind else 0)
    return types.Position(text.count("\n", 0, at), at - (text.rfind("\n", 0, at) + 1))


def applied(text: str, edits: Any) -> str:
    """An ASCII text with edits of the protocol made."""
    lines = [0, *(i + 1 for i, sign in enumerate(text) if sign == "\n")]

    def offset(at: types.Position) -> int:
        return lines[at.line] + at.character

    for edit in sorted(edits, key=lambda e: offset(e.range.start), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


class Page:
    """A document that is open in the editor."""

    def __init__(self, client: LanguageClient, uri: str, text: str) -> None:
        self.client = client
        self.uri = uri
        self.text = text
        self.version = 1

    @property
    def id(self) -> types.TextDocumentIdentifier:
        return types.TextDocumentIdentifier(self.uri)

    def at(self, mark: str, behind: bool = False) -> types.Position:
        return place(self.text, mark, behind)

    def position(self, mark: str, behind: bool = False) -> dict[str, Any]:
        """The arguments of a request about a place."""
        return {"text_document": self.id, "position": self.at(mark, behind)}

    async def found(self) -> list[types.Diagnostic]:
        """The diagnostics of the document's last version, once they have come."""
        for _ in range(600):
            if self.client.versions.get(self.uri) == self.version:
                return list(self.client.diagnostics[self.uri])
            await asyncio.sleep(0.02)
        raise AssertionError(f"no diagnostics for version {self.version} of {self.uri}")

    def write(self, text: str) -> None:
        """Replace the whole text."""
        self.version += 1
        self.text = text
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.version, self.uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def replace(self, range: types.Range, text: str) -> None:
        """Replace a part of the text; ``self.text`` is not kept up to date."""
        self.version += 1
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.version, self.uri),
                [types.TextDocumentContentChangePartial(range, text)],
            )
        )

    async def actions(self, mark: str, *only: str) -> list[types.CodeAction]:
        at = self.at(mark)
        context = types.CodeActionContext([], only=list(only) or None)
        params = types.CodeActionParams(self.id, types.Range(at, at), context)
        found = await self.client.text_document_code_action_async(params)
        return list(found or ())

    def after(self, action: types.CodeAction) -> str:
        """The text with the edit of an action made."""
        assert action.edit is not None
        assert action.edit.changes is not None
        return applied(self.text, action.edit.changes[self.uri])


def watch(client: LanguageClient) -> None:
    """Note which version of each document the last diagnostics are of."""
    client.versions = {}

    @client.feature("seqtopo/drawingChanged")
    def changed(params: Any) -> None:
        client.drawings = [*getattr(client, "drawings", ()), params.uri]

    take = client.protocol.fm.features[types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS]

    def note(params: types.PublishDiagnosticsParams) -> None:
        take(params)
        client.versions[params.uri] = params.version

    client.protocol.fm.features[types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS] = note


async def begin(client: LanguageClient, **more: Any) -> types.InitializeResult:
    """Start the session of an editor that can all that is asked for here."""
    watch(client)
    capabilities = types.ClientCapabilities(
        general=types.GeneralClientCapabilities(position_encodings=more.pop("encodings", None)),
        window=types.WindowClientCapabilities(show_document=types.ShowDocumentClientCapabilities(True)),
        text_document=types.TextDocumentClientCapabilities(
            completion=types.CompletionClientCapabilities(
                completion_item=types.ClientCompletionItemOptions(
                    snippet_support=True, documentation_format=[types.MarkupKind.Markdown]
                )
            ),
            hover=types.HoverClientCapabilities(content_format=[types.MarkupKind.Markdown]),
            signature_help=types.SignatureHelpClientCapabilities(
                signature_information=types.ClientSignatureInformationOptions(
                    documentation_format=[types.MarkupKind.Markdown]
                )
            ),
        ),
    )
    return await client.initialize_session(
        types.InitializeParams(capabilities, initialization_options=more or None)
    )


def open_page(client: LanguageClient, text: str, name: str = "", language: str = "seqtopo") -> Page:
    """Open a document that needs not be a file."""
    uri = name if ":" in name else f"file:///nowhere/{next(_NUMBERS)}-{name or 'spec.seqtopo'}"
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, 1, text))
    )
    return Page(client, uri, text)
