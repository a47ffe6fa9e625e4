"""Programs that make published models: each is read, and its parameters counted as Keras counts them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqtopo.code.model import CodeFile, CodeModel
from seqtopo.code.read import read_text
from seqtopo.layers.sizes import Size, total, volume

CASES = Path(__file__).resolve().parents[1] / "keras_code"
MODELS = json.loads((CASES / "models/parameters.json").read_text(encoding="utf-8"))
SCRIPTS = json.loads((CASES / "scripts/parameters.json").read_text(encoding="utf-8"))

DATA = {"19-vocab-off-by-one", "41-nb-predict-one-window"}
"""Scripts whose sizes are in their data."""


def read(name: str) -> CodeFile:
    return read_text((CASES / f"{name}.txt").read_text(encoding="utf-8"), name)


def parameters(model: CodeModel) -> Size | None:
    layers = dict.fromkeys(c.layer for c in model.calls if c.layer.row is not None)
    weights = [layer.weights for layer in layers]
    return None if None in weights else total(volume(w.shape for w in ws or ()) for ws in weights)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_published_model_has_the_parameters_that_keras_counts(name: str) -> None:
    found = read(f"models/{name}")
    model = next(m for m in found.models if m.name == "model")
    assert model.complete, model.stops
    if not MODELS[name]["custom_layers"]:
        assert parameters(model) == MODELS[name]["params"]


@pytest.mark.parametrize("name", sorted(p.name.removesuffix(".txt") for p in CASES.glob("scripts/*.good.*")))
def test_a_script_has_the_parameters_that_keras_counts(name: str) -> None:
    case = name.split(".")[0]
    found = read(f"scripts/{name}")
    assert all(m.complete for m in found.models)
    if case not in DATA:
        assert [parameters(m) for m in found.models] == SCRIPTS[case]


def test_there_are_cases() -> None:
    assert len(MODELS) > 40
    assert len(SCRIPTS) > 15
