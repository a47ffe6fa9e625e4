"""The language server reports what is found, and offers the ways out."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient

from seqtopo.lint.selection import Selection
from seqtopo.lsp.documents import Document
from seqtopo.lsp.positions import Text
from seqtopo.source import Span
from tests.support.lsp import open_page

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRONG = "in(T,8) -> lstm(64) -> lstm(32)\n"
RIGHT = "in(T,8) -> lstm(64,seq) -> lstm(32)\n"
KERAS = """\
import keras
from keras import layers

model = keras.Sequential(
    [
        keras.Input((24, 3)),
        layers.LSTM(64),
        layers.LSTM(32),
        layers.Dense(1),
    ]
)
"""


async def test_a_mistake_is_reported_with_its_place_and_its_cause(client: LanguageClient) -> None:
    page = open_page(client, WRONG)
    (found,) = await page.found()
    assert found.range == types.Range(page.at("lstm(32)"), page.at("lstm(32)", behind=True))
    assert (found.code, found.source, found.severity) == ("ST301", "seqtopo", types.DiagnosticSeverity.Error)
    assert found.message.startswith("lstm takes (T, F) but is given (64,)")
    assert found.message.endswith("help: add seq to the lstm before it, to keep its steps")
    assert found.code_description is not None
    assert found.code_description.href.endswith("/diagnostics/ST301.md")
    assert [r.message for r in found.related_information or ()] == [
        "takes 2 axes, is given 1",
        "gives (64,): only its last step",
    ]
    assert (found.related_information or ())[1].location.range.start == page.at("lstm(64)")


async def test_a_mistake_that_is_mended_is_taken_back(client: LanguageClient) -> None:
    page = open_page(client, WRONG)
    assert await page.found()
    page.write(RIGHT)
    assert await page.found() == []


async def test_what_is_of_no_use_is_tagged(client: LanguageClient) -> None:
    page = open_page(client, "in(8) -> flatten -> dense(1)\n")
    (found,) = await page.found()
    assert (found.code, list(found.tags or ())) == ("ST661", [types.DiagnosticTag.Unnecessary])


async def test_what_is_spelled_in_an_old_way_is_tagged(client: LanguageClient, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.seqtopo]\nselect = ['ST8']\n")
    text = KERAS.replace("from keras import layers", "from keras.layers.core import Dense")
    page = open_page(client, text, (tmp_path / "old.py").as_uri(), "python")
    tags = {str(d.code): list(d.tags or ()) for d in await page.found()}
    assert tags["ST801"] == [types.DiagnosticTag.Deprecated]


async def test_a_safe_fix_is_preferred(client: LanguageClient) -> None:
    page = open_page(client, "in(8) -> flatten -> dense(1)\n")
    first, *_ = await page.actions("flatten", "quickfix")
    assert (first.title, first.is_preferred) == ("leave it out", True)
    assert page.after(first) == "in(8) -> dense(1)\n"


async def test_a_guess_is_marked(client: LanguageClient) -> None:
    page = open_page(client, WRONG)
    titles = {action.title: action for action in await page.actions("lstm(32)")}
    title = "add seq to the lstm before it, to keep its steps (a guess)"
    assert titles[title].is_preferred is None
    assert page.after(titles[title]) == RIGHT


async def test_all_safe_fixes_are_made_at_once(client: LanguageClient) -> None:
    page = open_page(client, "a = in(8) => flatten -> dense(4)\n\na -> dense(1) → relu\n")
    (action,) = await page.actions("a =", "source.fixAll")
    assert action.kind == "source.fixAll.seqtopo"
    assert page.after(action) == "a = in(8) -> dense(4)\n\na -> dense(1) -> relu\n"


async def test_nothing_is_offered_where_nothing_is_wrong(client: LanguageClient) -> None:
    assert await open_page(client, RIGHT).actions("lstm") == []


async def test_a_finding_is_ignored_by_a_comment(client: LanguageClient) -> None:
    page = open_page(client, "in(3,1) -> lstm(8) -> dense(1,softmax)\n")
    (action,) = [a for a in await page.actions("dense") if a.title.startswith("ignore")]
    assert action.title == "ignore ST621 here, and say why"
    page.write(page.after(action))
    assert page.text.endswith("dense(1,softmax)  # seqtopo: ignore[ST621] say why\n")
    assert await page.found() == []


async def test_a_comment_that_is_there_takes_another_code(client: LanguageClient) -> None:
    text = "in(24,3) -> lstm(8,seq) -> lstm(4) -> dense(1,softmax)  # seqtopo: ignore[ST621] why\n"
    page = open_page(client, text.replace("dense(1", "dense(8,relu) -> dropout(0.5) -> dense(1"))
    codes = {str(d.code) for d in await page.found()}
    for code in codes:
        (action,) = [a for a in await page.actions("dense(1") if a.title.startswith(f"ignore {code}")]
        assert f"ignore[ST621, {code}] why" in page.after(action)


async def test_an_error_cannot_be_ignored(client: LanguageClient) -> None:
    page = open_page(client, WRONG)
    assert not [a for a in await page.actions("lstm(32)") if a.title.startswith("ignore")]


async def test_keras_code_is_checked_and_fixed(client: LanguageClient) -> None:
    page = open_page(client, KERAS, "train.py", "python")
    (found,) = await page.found()
    assert found.code == "ST301"
    assert found.range.start == page.at("layers.LSTM(64)")
    *_, related = found.related_information or ()
    assert related.location.range.start == page.at("layers.LSTM(32)")
    (first, *_) = await page.actions("layers.LSTM(64)", "quickfix")
    page.write(page.after(first))
    assert "layers.LSTM(64, return_sequences=True)" in page.text
    assert await page.found() == []


async def test_all_safe_fixes_of_keras_code_are_made_at_once(client: LanguageClient) -> None:
    text = KERAS.replace("layers.LSTM(64),\n", "layers.LSTM(64),\n        layers.Flatten(),\n")
    page = open_page(client, text.replace("        layers.LSTM(32),\n", ""), "train.py", "python")
    assert [d.code for d in await page.found()] == ["ST661"]
    assert not [a for a in await page.actions("layers.Flatten") if a.kind == "source.fixAll.seqtopo"]
    (action,) = await page.actions("import keras", "source.fixAll")
    assert page.after(action) == page.text.replace("        layers.Flatten(),\n", "")
    (first, *_) = await page.actions("layers.Flatten")
    assert first.is_preferred
    page.write(page.after(first))
    assert await page.found() == []


async def test_reading_that_stops_is_a_hint(client: LanguageClient) -> None:
    layer = "class Mine(layers.Layer):\n    def call(self, x):\n        return other(x)\n\n\nmodel ="
    text = KERAS.replace("model =", layer).replace("LSTM(64)", "LSTM(8, return_sequences=True),Mine(4)")
    page = open_page(client, text, "train.py", "python")
    assert [(d.message, d.severity, d.range.start) for d in await page.found()] == [
        ("not read: Mine: a custom layer", types.DiagnosticSeverity.Hint, page.at("Mine(4)")),
        (
            "not read: LSTM follows what is not known",
            types.DiagnosticSeverity.Hint,
            page.at("layers.LSTM(32)"),
        ),
        ("not read: Dense follows what is not known", types.DiagnosticSeverity.Hint, page.at("layers.Dense")),
    ]


async def test_a_model_of_which_nothing_is_read_says_so(client: LanguageClient) -> None:
    text = KERAS.replace("import keras\n", "import keras\nimport other\n").replace(
        "layers.LSTM(64)", "other.make()"
    )
    page = open_page(client, text, "train.py", "python")
    assert [d.message for d in await page.found()] == ["not read: nothing of model can be told from the code"]


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
async def test_positions_are_counted_in_utf_16(client: LanguageClient, eol: str) -> None:
    page = open_page(client, f"# 😀 a\teuro €{eol}\tin(8) -> lstm(4) # 😀{eol}")
    (found,) = await page.found()
    assert found.range == types.Range(types.Position(1, 10), types.Position(1, 17))
    page.replace(types.Range(types.Position(0, 2), types.Position(0, 4)), "x")
    page.replace(types.Range(types.Position(1, 10), types.Position(1, 17)), "dense(4)")
    page.replace(types.Range(types.Position(1, 21), types.Position(1, 23)), "flatten ->")
    assert await page.found() == []
    page.replace(types.Range(types.Position(1, 10), types.Position(1, 15)), "lstm")
    assert (await page.found())[0].range.end == types.Position(1, 17)


async def test_a_line_ends_where_the_editor_says_so() -> None:
    # Python ends lines at form feeds and at U+2028 as well.
    text = Text("a\x0cb\u2028c\rd\r\ne\n", "utf-16")
    assert [text.position(at).line for at in range(len(text.text) + 1)] == [0] * 6 + [1, 1, 1, 2, 2, 3]
    assert all(text.offset(text.position(at)) == at for at in range(len(text.text)) if at != 8)
    assert text.position(8) == types.Position(1, 1)


async def test_places_in_the_last_right_text_are_found_again() -> None:
    document = Document("untitled:a", "seqtopo", Text("in(8) -> dense(4) -> relu"), 1, lambda _: Selection())
    document.check()
    document.changed([types.TextDocumentContentChangeWholeDocument("in(8) -> dense( -> relu")], 2)
    document.check()
    assert document.kept(Span(0, 5)) == Span(0, 5)
    assert document.kept(Span(9, 17)) is None
    assert document.kept(Span(21, 25)) == Span(19, 23)
