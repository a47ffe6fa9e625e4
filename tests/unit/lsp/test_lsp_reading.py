"""The language server shows what it knows: pages, shapes, completions, signatures."""

from __future__ import annotations

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient

from tests.support.lsp import Page, open_page
from tests.unit.lsp.test_lsp_findings import KERAS

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPEC = """\
let H = 64
encoder = in(T,8) -> lstm(H,seq) -> lstm(32)

encoder -> dense(16,relu) -> dense(1) as y
train adam(1e-3), loss=mse
"""


async def told(page: Page, mark: str, behind: bool = False) -> str:
    """Return the hover text at a mark."""
    found = await page.client.text_document_hover_async(types.HoverParams(**page.position(mark, behind)))
    if found is None:
        return ""
    assert isinstance(found.contents, types.MarkupContent)
    assert found.contents.kind == types.MarkupKind.Markdown
    return found.contents.value


async def shapes(page: Page) -> list[tuple[str, str]]:
    """The inlay hints: what stands before each on its line, and what it says."""
    whole = types.Range(types.Position(0, 0), types.Position(999, 0))
    found = await page.client.text_document_inlay_hint_async(types.InlayHintParams(page.id, whole))
    lines = page.text.splitlines()
    return [(lines[h.position.line][: h.position.character].split()[-1], str(h.label)) for h in found or ()]


async def offered(page: Page, mark: str = "|") -> dict[str, types.CompletionItem]:
    """Return the completions at a mark, which is taken out of the text."""
    at = page.at(mark)
    page.write(page.text.replace(mark, ""))
    found = await page.client.text_document_completion_async(types.CompletionParams(page.id, at))
    if found is None:
        return {}
    items = found.items if isinstance(found, types.CompletionList) else found
    return {item.label: item for item in items}


async def first(page: Page, mark: str = "|", count: int = 3) -> list[str]:
    """The labels that are offered first."""
    found = await offered(page, mark)
    return sorted(found, key=lambda label: found[label].sort_text or label)[:count]


# ---- hover -----------------------------------------------------------------------------------------


async def test_hover_over_a_layer_shows_its_shapes_and_its_page(client: LanguageClient) -> None:
    text = await told(open_page(client, SPEC), "lstm(H")
    assert "takes `(T, 8)`, gives `(T, 64)`; 18,688 parameters" in text
    assert "looks back: the steps so far" in text
    assert "`keras.layers.LSTM`" in text
    assert "- `(T, F) -> (T, units) with seq`" in text
    assert "- `units`: a whole number from 1 up; must be given" in text


async def test_hover_says_how_far_a_stack_looks_back(client: LanguageClient) -> None:
    page = open_page(client, "in(T,1) -> conv1d(8,3,causal) -> conv1d(8,3,causal,dilation_rate=2)\n")
    text = await told(page, "conv1d(8,3,causal,dil")
    assert "looks back: each answer sees 7 steps: its own and the 6 before it" in text


async def test_hover_over_an_argument_says_what_it_takes(client: LanguageClient) -> None:
    page = open_page(client, "in(T,8) -> lstm(4,seq,recurrent_dropout=0.1,kernel_initializer=he_normal)\n")
    assert "`return_sequences`" in await told(page, "seq")
    assert "`recurrent_dropout`: a number from 0 to 1" in await told(page, "recurrent_dropout")
    assert "keras.initializers.HeNormal" in await told(page, "he_normal")


async def test_hover_over_a_name_shows_what_it_stands_for(client: LanguageClient) -> None:
    page = open_page(client, SPEC)
    assert "`H`: bound by `let`" in await told(page, "H,seq")
    flow = await told(page, "encoder ->")
    assert "encoder = in(T,8) -> lstm(H,seq) -> lstm(32)" in flow
    assert "gives `(32,)`" in flow
    assert "`-D T=24` makes it a number" in await told(page, "T,8")
    assert "keras.optimizers.Adam" in await told(page, "adam")
    assert await told(page, "train") == "`train`: a word that begins a statement"


async def test_hover_over_a_mistake_says_what_its_code_means(client: LanguageClient) -> None:
    text = await told(open_page(client, "in(T,8) -> lstm(64) -> lstm(32)\n"), "lstm(32)")
    assert "[ST301 wrong-rank](file:" in text
    assert "Very often a recurrent layer before it lacks `seq`" in text


async def test_hover_goes_on_while_the_text_is_broken(client: LanguageClient) -> None:
    page = open_page(client, SPEC)
    assert await page.found() == []
    page.write(SPEC.replace("dense(1)", "dense(1"))
    assert await page.found()
    assert "gives `(T, 64)`" in await told(page, "lstm(H")


async def test_hover_over_keras_code_shows_the_layer_and_the_table(client: LanguageClient) -> None:
    page = open_page(client, KERAS.replace("LSTM(64)", "LSTM(64, return_sequences=True)"), "a.py", "python")
    assert "takes `(24, 3)`, gives `(24, 64)`; 17,408 parameters" in await told(page, "layers.LSTM(64")
    table = await told(page, "model =")
    assert "  lstm_1  LSTM(32)  (24, 64)  (32,)" in table
    assert "```seqtopo\nin(24,3) -> lstm(64,seq) -> lstm(32) -> dense(1)\n```" in table


# ---- inlay hints -----------------------------------------------------------------------------------


async def test_a_shape_stands_behind_each_arrow(client: LanguageClient) -> None:
    assert await shapes(open_page(client, SPEC)) == [
        ("->", "(T, 8)"),
        ("->", "(T, 64)"),
        ("lstm(32)", "(32,)"),
        ("->", "(32,)"),
        ("->", "(16,)"),
        ("dense(1)", "(1,)"),
    ]


async def test_shapes_stand_before_a_mistake(client: LanguageClient) -> None:
    found = await shapes(open_page(client, "in(T,8) -> lstm(64) -> lstm(32)\n"))
    assert found == [("->", "(T, 8)"), ("->", "(64,)")]


async def test_shapes_of_several_uses_stand_side_by_side(client: LanguageClient) -> None:
    text = "def f(N) = dense(N)\nin(8) -> f(4) -> f(2) -> relu\n"
    assert ("dense(N)", "(4,) or (2,)") not in await shapes(open_page(client, text))
    text = "def f(N) = dense(N) -> relu\nin(8) -> f(4) -> f(2)\n"
    assert ("relu", "(4,) or (2,)") in await shapes(open_page(client, text))


async def test_shapes_stay_while_the_text_is_broken(client: LanguageClient) -> None:
    page = open_page(client, SPEC)
    await page.found()
    page.write(SPEC.replace("dense(1)", "dense(1"))
    assert ("->", "(T, 64)") in await shapes(page)


async def test_shapes_stand_behind_the_layers_of_keras_code(client: LanguageClient) -> None:
    page = open_page(client, KERAS.replace("LSTM(64)", "LSTM(64, return_sequences=True)"), "a.py", "python")
    assert [shape for _, shape in await shapes(page)] == ["(24, 64)", "(32,)", "(1,)"]


# ---- completion ------------------------------------------------------------------------------------


async def test_layers_are_offered_behind_an_arrow(client: LanguageClient) -> None:
    found = await offered(open_page(client, "in(T,8) -> ls|"))
    item = found["lstm"]
    assert item.kind == types.CompletionItemKind.Class
    assert isinstance(item.text_edit, types.TextEdit)
    assert item.text_edit.new_text == "lstm(${1:units})"
    assert item.text_edit.range.start == types.Position(0, 11)
    whole = await client.completion_item_resolve_async(item)
    assert isinstance(whole.documentation, types.MarkupContent)
    assert "`keras.layers.LSTM`" in whole.documentation.value
    assert {"relu", "in", "concat"} <= found.keys()


async def test_names_in_scope_come_first(client: LanguageClient) -> None:
    text = "def block(N, K=3) = conv1d(N,K)\nenc = in(T,8) -> lstm(4,seq) as steps\nenc -> |\n"
    page = open_page(client, text)
    assert await first(page) == ["block", "enc", "steps"]


async def test_arguments_and_flags_are_offered(client: LanguageClient) -> None:
    found = await offered(open_page(client, "in(T,8) -> lstm(64, |)"))
    assert {"seq", "dropout=", "stateful", "kernel_initializer="} <= found.keys()
    assert found["dropout="].detail == "a number from 0 to 1, 0.0 if not given"
    assert "units=" in found
    assert "lstm" not in found


async def test_an_argument_that_is_given_is_not_offered_again(client: LanguageClient) -> None:
    found = await offered(open_page(client, "in(T,8) -> lstm(64, dropout=0.1, |)"))
    assert "dropout=" not in found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("in(T,8) -> dense(4, activation=|)", "relu"),
        ("in(T,8) -> dense(4, kernel_initializer=he|)", "he_normal"),
        ("in(T,8) -> dense(4, use_bias=|)", "false"),
        ("in(T,8) -> conv1d(4, 3, padding=|)", "causal"),
        ("in(T,8) -> dense(|)", "T"),
        ("in(T,8) -> td(|)", "dense"),
        ("in(T,8) -> norm(axis=|)", "time"),
        ("in(T,8) -> lstm(4)\ntrain |", "adam"),
        ("in(T,8) -> lstm(4)\ntrain adam, loss=|", "mse"),
        ("in(T,8) -> lstm(4)\ntrain adam, loss=mse, metrics=[mae, |]", "accuracy"),
        ("in(T,8) -> lstm(4)\ntrain adam(|)", "exponential_decay"),
        ("in(T,8) -> lstm(4)\ntrain adam(1e-3, |)", "beta_1="),
        ("in(|)", "int"),
        ("in(T,8) -> [lstm(4), |] -> concat", "gru"),
        ("|", "let"),
        ("enc = in(T,8) -> lstm(4)\ndec = in(S,8) -> lstm(4, init=|)", "enc"),
        ("enc = in(T,8) -> lstm(4)\ndec = in(S,8) -> lstm(4, init=enc.|)", "state"),
        ("def f(N, K=3) = conv1d(N,K)\nin(T,8) -> f(4, |)", "K="),
        ("in(T,8) -> lstm(4) |", "as"),
        ("in(3,1) -> lstm(8) -> dense(1,softmax)  # seqtopo: ignore[|", "ST621"),
    ],
)
async def test_what_fits_is_offered(client: LanguageClient, text: str, wanted: str) -> None:
    found = await offered(open_page(client, text))
    assert wanted in found
    assert len(found) == len(set(found))


async def test_what_is_found_is_offered_first_in_a_comment(client: LanguageClient) -> None:
    page = open_page(client, "in(3,1) -> lstm(8) -> dense(1,softmax)  # seqtopo: ignore[|")
    assert await first(page, count=1) == ["ST621"]


@pytest.mark.parametrize("text", ["in(T,8) # a comment |", 'in(T,8) -> dense(4, name="a|b")'])
async def test_nothing_is_offered_in_comments_and_strings(client: LanguageClient, text: str) -> None:
    assert await offered(open_page(client, text)) == {}


# ---- signatures ------------------------------------------------------------------------------------


async def signature(page: Page, mark: str) -> tuple[str, str]:
    """A signature, and the parameter in it that is being written."""
    params = types.SignatureHelpParams(**page.position(mark))
    found = await page.client.text_document_signature_help_async(params)
    assert found is not None
    (one,) = found.signatures
    parameters = list(one.parameters or ())
    active = found.active_parameter
    if active is None or active >= len(parameters):
        return one.label, ""
    start, end = parameters[active].label
    return one.label, one.label[int(start) : int(end)]


@pytest.mark.parametrize(
    ("text", "label", "active"),
    [
        ("in(T,8) -> lstm(|)", "lstm(units, activation=tanh, ", "units"),
        ("in(T,8) -> conv1d(8,|)", "conv1d(filters, kernel_size, ", "kernel_size"),
        ("in(T,8) -> lstm(8,seq,dropout=|)", "lstm(units, ", "dropout=0.0"),
        ("in(T,8) -> lstm(8,|)", "lstm(units, ", ""),
        ("def f(N,K=3) = conv1d(N,K)\nin(T,8) -> f(4,|)", "f(N, K=...)", "K=..."),
        ("in(T,8) -> lstm(4)\ntrain adam(|)", "adam(learning_rate=0.001, ", "learning_rate=0.001"),
        ("in(|)", "in(T, F, ...)", "T"),
        ("in(T,8) -> td(dense(4|))", "dense(units, ", "units"),
    ],
)
async def test_a_call_shows_what_it_takes(client: LanguageClient, text: str, label: str, active: str) -> None:
    page = open_page(client, text)
    shown, now = await signature(page, "|")
    assert shown.startswith(label)
    assert now == active
