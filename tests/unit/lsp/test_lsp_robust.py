"""The language server stays up: faults, broken texts, large files, notebooks, files that come and go."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient, make_test_lsp_client

from seqtopo.lint.selection import Selection
from seqtopo.lsp import actions, calls, completion, drawing, hints, hover, names, structure
from seqtopo.lsp.diagnostics import diagnostics_of
from seqtopo.lsp.documents import Document
from seqtopo.lsp.positions import Text
from tests.support.imports import ROOT
from tests.support.lsp import CONFIG, Page, begin, open_page
from tests.unit.lsp.test_lsp_findings import KERAS
from tests.unit.lsp.test_lsp_structure import SPEC

pytestmark = pytest.mark.asyncio(loop_scope="module")

RIGHT_KERAS = KERAS.replace("LSTM(64)", "LSTM(64, return_sequences=True)")


# ---- typing ----------------------------------------------------------------------------------------


def ask_everything(document: Document, offset: int) -> None:
    """Asks about a place all that an editor asks."""
    text = document.text
    at = text.position(offset)
    whole = types.Range(types.Position(0, 0), text.position(len(text.text)))
    plain = types.MarkupKind.PlainText
    document.check()
    diagnostics_of(document)
    actions.code_actions(document, types.Range(at, at), None)
    hover.hover(document, at, plain)
    hints.inlay_hints(document, whole)
    completion.complete(document, at, True, plain)
    calls.signature_help(document, at, plain)
    names.definition(document, at)
    names.references(document, at, True)
    names.renameable(document, at)
    structure.symbols(document)
    structure.semantic_tokens(document)
    structure.folds(document)
    structure.formatted(document)
    drawing.lenses(document, "")


TYPED = (
    SPEC,
    "in(T,8) -> lstm(4,seq) as a\n[a, a -> relu] -> add # 😀 seqtopo: ignore[ST621\r\n",
    'let A = [2,4]\nin(T,1) -> [conv1d(8,K,same) for K in A] -> concat -> lstm(8, "x',
    "def f(N, K=3) = conv1d(N,K) -> (relu -> lstm(4)) * 3\nx = in(?,2,batch=3) -> f(4)\nx.state -> dense(",
)


@pytest.mark.parametrize("text", TYPED)
async def test_a_spec_can_be_typed_letter_by_letter(text: str) -> None:
    document = Document("untitled:a", "seqtopo", Text(""), 1, lambda _: Selection())
    drawings = drawing.Drawings()
    for end in range(len(text) + 1):
        document.changed([types.TextDocumentContentChangeWholeDocument(text[:end])], end)
        ask_everything(document, end)
        drawings.draw(document, "graph")


async def test_keras_code_can_be_typed_word_by_word() -> None:
    document = Document("untitled:a.py", "python", Text(""), 1, lambda _: Selection())
    ends = [i for i in range(len(KERAS)) if KERAS[i] in "\n(.,)"]
    for end in ends:
        document.changed([types.TextDocumentContentChangeWholeDocument(KERAS[:end])], end)
        ask_everything(document, end)


# ---- faults ----------------------------------------------------------------------------------------


async def faulty(tmp_path: Path, program: str) -> LanguageClient:
    """A server into which a fault is put."""
    script = tmp_path / "server.py"
    script.write_text(
        f"{program}\nfrom seqtopo.lint.selection import Selection\n"
        "from seqtopo.lsp.server import serve\nserve('0', lambda folder: Selection())\n"
    )
    client = make_test_lsp_client()
    env = dict(CONFIG.server_env or {})
    await client.start_io(sys.executable, str(script), env=env)
    assert isinstance(client, LanguageClient)
    await begin(client)
    return client


async def test_a_fault_in_a_request_is_one_line_in_the_log(tmp_path: Path) -> None:
    plant = "import seqtopo.lsp.hover as h\nh._in_spec = lambda *a: 1 / 0"
    client = await faulty(tmp_path, plant)
    page = open_page(client, SPEC)
    assert await client.text_document_hover_async(types.HoverParams(**page.position("let"))) is None
    assert await client.text_document_folding_range_async(types.FoldingRangeParams(page.id))
    (said,) = [m.message for m in client.log_messages]
    assert said.startswith("textDocument/hover: ZeroDivisionError: division by zero at ")
    assert "\n" not in said
    await client.shutdown_session()
    await client.stop()


async def test_a_fault_in_a_check_ends_nothing(tmp_path: Path) -> None:
    plant = "import seqtopo.lsp.documents as d\nd.linted = lambda *a: 1 / 0"
    client = await faulty(tmp_path, plant)
    page = open_page(client, SPEC)
    symbols = await client.text_document_document_symbol_async(types.DocumentSymbolParams(page.id))
    assert symbols
    assert any(m.message.startswith("check: ZeroDivisionError") for m in client.log_messages)
    await client.shutdown_session()
    await client.stop()


async def test_what_is_no_message_ends_nothing(client: LanguageClient) -> None:
    uri = types.TextDocumentIdentifier("file:///never/opened.seqtopo")
    assert await client.text_document_hover_async(types.HoverParams(uri, types.Position(9, 9))) is None
    client.text_document_did_close(types.DidCloseTextDocumentParams(uri))
    client.protocol.notify("seqtopo/unknown", {"a": 1})
    answer = await client.protocol.send_request_async("seqtopo/drawing", {"kind": "graph"})
    assert answer.svg is None
    assert await open_page(client, "in(8) -> dense(1)\n").found() == []


async def test_a_request_that_is_taken_back_does_no_harm(client: LanguageClient) -> None:
    page = open_page(client, SPEC)
    for number in range(10):
        client.protocol.send_request(
            "textDocument/hover", types.HoverParams(**page.position("lstm")), msg_id=f"r{number}"
        )
        client.cancel_request(types.CancelParams(f"r{number}"))
    assert await page.found() == []


# ---- files -----------------------------------------------------------------------------------------


async def test_a_document_that_is_closed_has_no_findings(client: LanguageClient) -> None:
    page = open_page(client, "in(T,8) -> lstm(64) -> lstm(32)\n", "file:///nowhere/closed.seqtopo")
    assert await page.found()
    client.text_document_did_close(types.DidCloseTextDocumentParams(page.id))
    page.version = None  # type: ignore[assignment]
    assert await page.found() == []
    again = open_page(client, "in(8) -> dense(1)\n", page.uri)
    assert await again.found() == []


async def test_the_ending_says_what_a_file_is(client: LanguageClient) -> None:
    text = "in(T,8) -> lstm(64) -> lstm(32)\n"
    assert await open_page(client, text, "a.topo.txt", "plaintext").found()
    plain = open_page(client, text, "a.txt", "plaintext")
    params = types.DocumentSymbolParams(plain.id)
    assert await client.text_document_document_symbol_async(params) is None
    settings = types.DidChangeConfigurationParams({"seqtopo": {"txt": True}})
    client.workspace_did_change_configuration(settings)
    assert await plain.found()
    off = types.DidChangeConfigurationParams({"seqtopo": {"txt": False, "inlayHints": False}})
    client.workspace_did_change_configuration(off)
    page = open_page(client, text)
    whole = types.Range(types.Position(0, 0), types.Position(9, 0))
    asked = types.InlayHintParams(page.id, whole)
    assert await client.text_document_inlay_hint_async(asked) is None
    client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams({"seqtopo": {"inlayHints": True}})
    )
    assert await client.text_document_inlay_hint_async(asked)


async def test_the_settings_of_the_project_hold(client: LanguageClient, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.seqtopo]\nignore = ['ST621']\n")
    text = "in(3,1) -> lstm(8) -> dense(1,softmax)\n"
    page = open_page(client, text, (tmp_path / "a.seqtopo").as_uri())
    assert await page.found() == []
    (tmp_path / "pyproject.toml").write_text("[tool.seqtopo]\nignore = 3\n")
    client.text_document_did_save(types.DidSaveTextDocumentParams(page.id))
    for _ in range(300):
        if client.diagnostics[page.uri]:
            break
        await asyncio.sleep(0.02)
    assert [d.code for d in client.diagnostics[page.uri]] == ["ST621"]
    assert any("ignore is a list of codes" in m.message for m in client.log_messages)


async def test_nothing_of_a_project_is_run(client: LanguageClient, tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    for name in ("helpers.py", "keras.py", "sitecustomize.py"):
        (tmp_path / name).write_text(trap)
    text = "from helpers import width\n" + trap + RIGHT_KERAS
    page = open_page(client, text, (tmp_path / "train.py").as_uri(), "python")
    await page.found()
    await page.actions("layers.LSTM(64")
    assert not (tmp_path / "ran").exists()


async def test_a_file_of_5000_layers(client: LanguageClient) -> None:
    text = "in(T,8)" + "".join("\n    -> dense(8) -> relu" for _ in range(2500)) + " -> lstm(4)\n"
    page = open_page(client, text)
    found = await page.found()
    page.write(text.replace("lstm(4)", "lstm(4) -> lstm(4)"))
    assert len(await page.found()) > len(found) - len(found)
    assert "ST301" in {d.code for d in await page.found()}
    one = types.HoverParams(page.id, types.Position(2500, 8))
    assert await client.text_document_hover_async(one)
    tokens = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(page.id))
    assert tokens is not None
    assert len(tokens.data) > 5 * 5000


async def test_a_text_that_is_too_long_is_refused(client: LanguageClient) -> None:
    (found,) = await open_page(client, "# " + "x" * 5_000_001).found()
    assert found.code == "ST105"


# ---- notebooks -------------------------------------------------------------------------------------


class Book:
    """A notebook that is open in the editor."""

    def __init__(self, client: LanguageClient, uri: str, cells: list[tuple[str, str]]) -> None:
        self.client = client
        self.uri = uri
        self.version = 1
        self.pages: list[Page] = []
        made, texts = [], []
        for number, (language, text) in enumerate(cells):
            cell = f"notebook-cell:{uri}#{number}"
            kind = types.NotebookCellKind.Markup if language == "markdown" else types.NotebookCellKind.Code
            made.append(types.NotebookCell(kind, cell))
            texts.append(types.TextDocumentItem(cell, language, 1, text))
            self.pages.append(Page(client, cell, text))
        client.notebook_document_did_open(
            types.DidOpenNotebookDocumentParams(
                types.NotebookDocument(uri, "jupyter-notebook", 1, made), texts
            )
        )

    def write(self, number: int, range: types.Range, text: str) -> None:
        page = self.pages[number]
        page.version += 1
        self.version += 1
        content = types.NotebookDocumentCellContentChanges(
            types.VersionedTextDocumentIdentifier(page.version, page.uri),
            [types.TextDocumentContentChangePartial(range, text)],
        )
        self.change(types.NotebookDocumentCellChanges(text_content=[content]))

    def change(self, cells: types.NotebookDocumentCellChanges) -> None:
        self.client.notebook_document_did_change(
            types.DidChangeNotebookDocumentParams(
                types.VersionedNotebookDocumentIdentifier(self.version, self.uri),
                types.NotebookDocumentChangeEvent(cells=cells),
            )
        )


CELLS = [
    ("markdown", "# A model"),
    ("python", "import keras\nfrom keras import layers"),
    ("python", "# 😀 %\n!ls\nmodel = keras.Sequential([keras.Input((24, 3)), layers.LSTM(64)])"),
    ("python", "model.add(layers.LSTM(32))"),
    ("python", "%%seqtopo\nin(T,8) -> lstm(64) -> lstm(32)"),
]


async def test_the_cells_of_a_notebook_are_checked_together(client: LanguageClient) -> None:
    book = Book(client, "file:///nowhere/a.ipynb", CELLS)
    first, second, third, magic = book.pages[1:]
    assert await first.found() == []
    (found,) = [*await second.found(), *await third.found()]
    assert found.code == "ST301"
    (wrong,) = await magic.found()
    assert (wrong.code, wrong.range.start) == ("ST301", types.Position(1, 23))
    fix, *_ = await second.actions("layers.LSTM(64)", "quickfix")
    assert fix.edit is not None
    assert fix.edit.changes is not None
    ((uri, edits),) = fix.edit.changes.items()
    assert uri == second.uri
    (edit,) = edits
    book.write(2, edit.range, edit.new_text)
    assert await second.found() == []
    assert await third.found() == []
    hovered = await client.text_document_hover_async(types.HoverParams(**third.position("layers")))
    assert hovered is not None
    assert "takes `(24, 64)`, gives `(32,)`" in str(hovered.contents)


async def test_the_first_line_of_a_cell_binds_names(client: LanguageClient) -> None:
    cell = "%%seqtopo model -D CELL=lstm -D 'F'={columns} -D T={steps}\nin(T,F) -> CELL(64) -> CELL(32)"
    book = Book(client, "file:///nowhere/c.ipynb", [("python", cell)])
    (found,) = await book.pages[0].found()
    assert (found.code, found.range.start) == ("ST301", types.Position(1, 23))


async def test_a_cell_that_goes_takes_its_findings_with_it(client: LanguageClient) -> None:
    book = Book(client, "file:///nowhere/b.ipynb", CELLS[:4])
    assert [*await book.pages[2].found(), *await book.pages[3].found()]
    gone = types.NotebookCellArrayChange(3, 1)
    structure = types.NotebookDocumentCellChangeStructure(
        gone, did_close=[types.TextDocumentIdentifier(book.pages[3].uri)]
    )
    book.version += 1
    book.change(types.NotebookDocumentCellChanges(structure=structure))
    for _ in range(300):
        if not client.diagnostics[book.pages[2].uri] and not client.diagnostics.get(book.pages[3].uri):
            break
        await asyncio.sleep(0.02)
    assert not client.diagnostics[book.pages[2].uri]
    client.notebook_document_did_close(
        types.DidCloseNotebookDocumentParams(
            types.NotebookDocumentIdentifier(book.uri),
            [types.TextDocumentIdentifier(page.uri) for page in book.pages[:3]],
        )
    )
    params = types.HoverParams(**book.pages[2].position("layers"))
    assert await client.text_document_hover_async(params) is None


async def test_a_cell_may_be_a_document_of_its_own(client: LanguageClient) -> None:
    page = open_page(client, KERAS, "vscode-notebook-cell:/nowhere/a.ipynb#X1", "python")
    assert [d.code for d in await page.found()] == ["ST301"]


# ---- starting --------------------------------------------------------------------------------------


async def test_positions_are_counted_in_code_points_where_the_editor_can(tmp_path: Path) -> None:
    client = make_test_lsp_client()
    await client.start_io(*CONFIG.server_command, env=CONFIG.server_env)
    assert isinstance(client, LanguageClient)
    begun = await begin(client, encodings=["utf-16", "utf-32"], drawings="panel")
    assert begun.capabilities.position_encoding == "utf-32"
    page = open_page(client, '# 😀😀\n"😀" in(8) -> lstm(4)\n')
    page.replace(types.Range(types.Position(1, 0), types.Position(1, 4)), "")
    (found,) = await page.found()
    assert found.range.start == types.Position(1, 9)
    page.write("in(8) -> dense(1)\n")
    lenses = await client.text_document_code_lens_async(types.CodeLensParams(page.id))
    assert [x.command.command for x in lenses or () if x.command] == ["", *["seqtopo.showDrawing"] * 2]
    await client.shutdown_session()
    await client.stop()


async def test_what_is_missing_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from seqtopo.cli import lsp
    from seqtopo.cli.main import main

    monkeypatch.setattr(lsp, "find_spec", lambda name: None)
    assert main(["lsp"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("the language server needs pygls: ")
    assert "[lsp]" in line


@pytest.mark.parametrize("port", ["0", "x", "70000"])
async def test_a_port_is_a_number(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    from seqtopo.cli.main import main

    assert main(["lsp", "--tcp", port]) == 2
    assert "a port is a number from 1 to 65535" in capsys.readouterr().err


async def test_an_editor_may_connect_to_a_port(tmp_path: Path) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        taken = await asyncio.create_subprocess_exec(
            *CONFIG.server_command, "--tcp", str(port), env=CONFIG.server_env, stderr=-1
        )
        _, said = await taken.communicate()
        assert taken.returncode == 1
        assert said.decode() == f"port {port} cannot be used: address already in use\n"
    server = await asyncio.create_subprocess_exec(
        *CONFIG.server_command, "--tcp", str(port), env=CONFIG.server_env
    )
    client = make_test_lsp_client()
    for _ in range(600):
        try:
            await client.start_tcp("127.0.0.1", port)
            break
        except OSError:
            await asyncio.sleep(0.1)
    assert isinstance(client, LanguageClient)
    await begin(client)
    assert await open_page(client, "in(T,8) -> lstm(64) -> lstm(32)\n").found()
    await client.shutdown_session()
    await client.stop()
    server.terminate()
    await server.wait()


async def test_starting_loads_neither_keras_nor_numpy() -> None:
    import subprocess

    program = "import seqtopo.lsp.server, sys; print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"keras", "numpy", "jax", "torch", "tensorflow"} & set(said.stdout.split())
