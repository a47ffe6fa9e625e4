"""Published models, said as specs: what the checker makes of them, without Keras."""

from __future__ import annotations

import pytest

from seqtopo.api import check, format_spec
from seqtopo.layers.sizes import Shape
from seqtopo.report.analyse import analyse, report_on
from tests.support.models import FOLDER, LEDGER, MODELS, Model


def open_shape(shape: Shape) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) else None for size in shape)


def test_each_spec_is_in_the_ledger_and_each_model_has_a_spec() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {model.id for model in MODELS}
    assert len(MODELS) > 40


def test_what_is_left_out_has_no_spec_and_says_why() -> None:
    for entry in LEDGER["left_out"]:
        assert not (FOLDER / f"{entry['id']}.txt").exists()
        assert entry["why"]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_a_published_model_checks_to_what_it_comes_to(model: Model) -> None:
    checked = analyse(model.path)
    found = report_on(checked)
    assert not found.diagnostics, str(found)
    assert checked.resolved is not None
    graph = checked.resolved.graph
    inputs = [graph.nodes[i] for i in graph.inputs]
    assert [(open_shape(n.outputs[0].shape), n.outputs[0].dtype) for n in inputs if n.outputs] == [
        (shape[1:], dtype) for shape, dtype in model.inputs
    ]
    assert [open_shape(shape) for shape in found.outputs.values()] == [s[1:] for s in model.outputs]
    assert (found.params, found.trainable_params) == (model.params, model.trainable_params)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_a_spec_is_in_the_house_style_and_says_what_it_is(model: Model) -> None:
    text = model.path.read_text(encoding="utf-8")
    assert format_spec(text) == text
    assert text.startswith("# ")


def test_a_skip_of_several_steps_reads_interleaved_rows() -> None:
    by_three = check(FOLDER / "lstnet.txt", SKIP=3)
    assert by_three.ok
    assert by_three.params == 1609


def test_a_character_model_is_checked_for_sampling() -> None:
    sampling = check(FOLDER / "keras_karpathy_char_rnn.txt", BATCH=1, T=1)
    assert sampling.ok
    assert sampling.params == 370881
