"""The language server follows and renames names, shows how a text is built up, formats it and draws it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pytest_lsp import LanguageClient

from seqtopo.lsp.structure import LEGEND
from tests.support.lsp import Page, applied, open_page
from tests.unit.lsp.test_lsp_findings import KERAS

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPEC = """\
# The sizes
# of it
let H = 64
def block(N, K=3) =
    conv1d(N,K,same)
    -> norm as inner
    -> relu

encoder = in(T,8) -> block(H,K=5) -> lstm(32) as code
encoder -> dense(H,relu) -> [dense(1) as middle, dense(1) as spread]
train adam(1e-3), loss=[mse, mse]
"""


async def places(page: Page, mark: str, behind: bool = False) -> list[str]:
    """Return the uses of the name at a mark: each line's number, and the text from there on."""
    params = types.ReferenceParams(types.ReferenceContext(True), **page.position(mark, behind))
    found = await page.client.text_document_references_async(params)
    lines = page.text.splitlines()
    return [lines[x.range.start.line][x.range.start.character :][:9] for x in found or ()]


async def renamed(page: Page, mark: str, name: str) -> str:
    params = types.RenameParams(new_name=name, **page.position(mark))
    edit = await page.client.text_document_rename_async(params)
    assert edit is not None
    assert edit.changes is not None
    return applied(page.text, edit.changes.get(page.uri, ()))


# ---- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "line"),
    [("H,K=5", 2), ("block(H", 3), ("N,K,same", 3), ("K=5", 3), ("encoder ->", 8), ("T,8", 8)],
)
async def test_a_name_leads_to_where_it_is_bound(client: LanguageClient, mark: str, line: int) -> None:
    page = open_page(client, SPEC)
    found = await client.text_document_definition_async(types.DefinitionParams(**page.position(mark)))
    assert isinstance(found, types.Location)
    assert found.range.start.line == line


async def test_all_uses_of_a_name_are_found(client: LanguageClient) -> None:
    page = open_page(client, SPEC)
    assert await places(page, "H = 64") == ["H = 64", "H,K=5) ->", "H,relu) -"]
    assert await places(page, "K,same") == ["K=3) =", "K,same)", "K=5) -> l"]
    assert await places(page, "lstm") == []
    marked = await client.text_document_document_highlight_async(
        types.DocumentHighlightParams(**page.position("H,relu"))
    )
    kind = types.DocumentHighlightKind
    assert [m.kind for m in marked or ()] == [kind.Write, kind.Read, kind.Read]


async def test_a_name_is_renamed_everywhere(client: LanguageClient) -> None:
    page = open_page(client, SPEC)
    assert await renamed(page, "H,relu", "UNITS") == SPEC.replace("H = ", "UNITS = ").replace(
        "(H,", "(UNITS,"
    )
    assert await renamed(page, "K,same", "WIDE") == SPEC.replace("K", "WIDE")
    assert await renamed(page, "block(H", "stage") == SPEC.replace("block", "stage")
    params = types.PrepareRenameParams(**page.position("lstm"))
    assert await client.text_document_prepare_rename_async(params) is None


@pytest.mark.parametrize(
    ("mark", "name", "why"),
    [
        ("encoder ->", "lstm", "lstm is a layer already"),
        ("encoder ->", "block", "block has another meaning"),
        ("H,relu", "N", "N has another meaning"),
        ("H,relu", "units", "must units be"),
        ("encoder ->", "a b", "a b is no name"),
        ("encoder ->", "in", "in is no name"),
    ],
)
async def test_a_name_that_would_mean_something_else_is_refused(
    client: LanguageClient, mark: str, name: str, why: str
) -> None:
    page = open_page(client, SPEC.replace("dense(1)", "dense(N)"))
    with pytest.raises(JsonRpcException, match=why):
        await renamed(page, mark, name)


async def test_nothing_is_renamed_while_a_part_cannot_be_read(client: LanguageClient) -> None:
    page = open_page(client, SPEC.replace("dense(H,relu)", "dense(H,relu"))
    with pytest.raises(JsonRpcException, match="cannot be read"):
        await renamed(page, "H = 64", "UNITS")


# ---- structure -------------------------------------------------------------------------------------


def outline(found: Any) -> list[Any]:
    return [(one.name, outline(one.children)) if one.children else one.name for one in found or ()]


async def test_the_outline_of_a_spec(client: LanguageClient) -> None:
    page = open_page(client, SPEC)
    found = await client.text_document_document_symbol_async(types.DocumentSymbolParams(page.id))
    assert outline(found) == [
        "H",
        ("block", ["inner"]),
        ("encoder", ["code"]),
        ("flow", ["middle", "spread"]),
        "train",
    ]


async def test_the_outline_of_keras_code(client: LanguageClient) -> None:
    page = open_page(client, KERAS.replace("LSTM(64)", "LSTM(64, return_sequences=True)"), "a.py", "python")
    found = await client.text_document_document_symbol_async(types.DocumentSymbolParams(page.id))
    assert outline(found) == [("model", ["Input", "LSTM(64)", "LSTM(32)", "Dense(1)"])]


async def test_words_have_colours(client: LanguageClient) -> None:
    page = open_page(client, SPEC)
    whole = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(page.id))
    assert whole is not None
    lines, line, character = page.text.splitlines(), 0, 0
    found: dict[str, str] = {}
    for i in range(0, len(whole.data), 5):
        down, right, length, kind, declared = whole.data[i : i + 5]
        line, character = line + down, right if down else character + right
        word = lines[line][character : character + length]
        found.setdefault(word, LEGEND.token_types[kind] + "!" * declared)
    assert found["# The sizes"] == "comment"
    assert (found["let"], found["H"], found["64"]) == ("keyword", "type!", "number")
    assert (found["block"], found["K"], found["encoder"]) == ("function!", "parameter!", "variable!")
    assert (found["lstm"], found["same"], found["loss"]) == ("class", "enumMember", "property")
    assert (found["->"], found["T"], found["adam"]) == ("operator", "type", "function")


async def test_words_keep_their_colours_while_the_text_is_broken(client: LanguageClient) -> None:
    page = open_page(client, "enc = in(8) -> dense(4)\nenc -> dense(\n")
    whole = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(page.id))
    assert whole is not None
    kinds = [LEGEND.token_types[kind] for kind in whole.data[3::5]]
    first = ["variable", "keyword", "number", "operator", "class", "number"]
    assert kinds == [*first, "variable", "operator", "class"]


async def test_what_stands_on_several_lines_is_folded(client: LanguageClient) -> None:
    page = open_page(client, SPEC)
    found = await client.text_document_folding_range_async(types.FoldingRangeParams(page.id))
    assert [(f.start_line, f.end_line, f.kind) for f in found or ()] == [
        (0, 1, types.FoldingRangeKind.Comment),
        (3, 6, None),
        (4, 6, None),
    ]


OPTIONS = types.FormattingOptions(4, True)


async def test_a_spec_is_formatted(client: LanguageClient) -> None:
    page = open_page(client, "in( T,8 )->lstm( 4 )   # the end\n")
    edits = await client.text_document_formatting_async(types.DocumentFormattingParams(page.id, OPTIONS))
    assert applied(page.text, edits) == "in(T,8) -> lstm(4)  # the end\n"
    page.write("in(T,8) ->")
    params = types.DocumentFormattingParams(page.id, OPTIONS)
    assert not await client.text_document_formatting_async(params)


async def test_line_ends_stay_as_they_are(client: LanguageClient) -> None:
    page = open_page(client, "let  H = 4\r\nin(T,8)->lstm(H)\r\n")
    edits = await client.text_document_formatting_async(types.DocumentFormattingParams(page.id, OPTIONS))
    assert applied(page.text, edits) == "let H = 4\r\nin(T,8) -> lstm(H)\r\n"


async def test_a_range_is_formatted_by_statements(client: LanguageClient) -> None:
    page = open_page(client, "let  A = 1\nlet  B = 2\nlet  C = 3  # end\nin(A,B,C)->flatten\n")
    part = types.Range(types.Position(1, 5), types.Position(2, 0))
    edits = await client.text_document_range_formatting_async(
        types.DocumentRangeFormattingParams(page.id, part, OPTIONS)
    )
    assert applied(page.text, edits) == "let  A = 1\nlet B = 2\nlet C = 3  # end\nin(A,B,C)->flatten\n"


# ---- lenses and drawings ---------------------------------------------------------------------------


async def lenses(page: Page) -> list[types.CodeLens]:
    found = await page.client.text_document_code_lens_async(types.CodeLensParams(page.id))
    return list(found or ())


async def drawing(page: Page, kind: str = "graph", **more: Any) -> Any:
    params = {"textDocument": {"uri": page.uri}, "kind": kind, **more}
    return await page.client.protocol.send_request_async("seqtopo/drawing", params)


async def test_lenses_stand_above_the_last_flow(client: LanguageClient) -> None:
    found = await lenses(open_page(client, SPEC))
    assert [lens.command and lens.command.title for lens in found] == [
        "parameters: 17,410",
        "draw",
        "unrolled",
    ]
    assert {lens.range.start.line for lens in found} == {9}
    command = found[1].command
    assert command is not None
    assert command.command == "seqtopo.draw"
    answer = await client.workspace_execute_command_async(
        types.ExecuteCommandParams(command.command, command.arguments)
    )
    assert answer["svg"].startswith("<svg")
    shown = client.shown_documents[-1].uri
    assert shown.endswith("spec-graph.svg")
    assert Path(shown.removeprefix("file://")).read_text("utf-8") == answer["svg"]


async def test_lenses_stand_above_each_model_of_keras_code(client: LanguageClient) -> None:
    page = open_page(client, KERAS.replace("LSTM(64)", "LSTM(64, return_sequences=True)"), "a.py", "python")
    found = await lenses(page)
    titles = [lens.command.title for lens in found if lens.command is not None]
    assert titles == ["parameters: 29,857", "draw", "unrolled"]
    assert found[0].range.start == page.at("keras.Sequential")
    drawn = await drawing(page, "unrolled", position={"line": 8, "character": 0})
    assert (drawn.svg[:4], drawn.stale, drawn.error) == ("<svg", False, None)


async def test_the_last_drawing_stays_while_the_text_is_broken(client: LanguageClient) -> None:
    page = open_page(client, "in(8) -> dense(4)\n")
    before = await drawing(page)
    assert (before.version, before.stale, before.error) == (1, False, None)
    page.write("in(8) -> dense(4\n")
    assert await page.found()
    broken = await drawing(page)
    assert (broken.svg, broken.version, broken.stale) == (before.svg, 1, True)
    assert broken.error.startswith("ST10")
    page.write("in(8) -> dense(5)\n")
    mended = await drawing(page)
    assert (mended.version, mended.stale) == (3, False)
    assert mended.svg != before.svg
    assert "dense(5)" in mended.svg


async def test_what_was_right_before_it_was_asked_for_is_drawn(client: LanguageClient) -> None:
    page = open_page(client, "in(8) -> dense(4)\n")
    await page.found()
    page.write("in(8) -> dense(\n")
    found = await drawing(page, "unrolled")
    assert (found.svg is not None, found.version, found.stale) == (True, 1, True)


async def test_nothing_is_drawn_of_what_was_never_right(client: LanguageClient) -> None:
    found = await drawing(open_page(client, "in(8) -> dense(\n"))
    assert (found.svg, found.stale) == (None, False)
    assert found.error.startswith("ST10")


async def test_whoever_shows_a_drawing_hears_of_changes(client: LanguageClient) -> None:
    page = open_page(client, "in(8) -> dense(4)\n")
    await drawing(page)
    page.write("in(8) -> dense(5)\n")
    await page.found()
    assert page.uri in client.drawings
