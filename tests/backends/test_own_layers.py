"""Models with layers of the user's own, which are loaded with the modules that the command line names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.exporting import child
from seqtopo.exporting.comparing import RefusedError
from seqtopo.runtime.custom_classes import custom_objects, modules_of, own_classes

MODULE = '''
import keras
import seqtopo


@seqtopo.layer("T F -> F", weights="query: F")
class OwnPool(keras.layers.Layer):
    """A learned query attends to every step."""

    def build(self, shape):
        self.query = self.add_weight(shape=(shape[-1],), name="query")

    def call(self, x):
        scores = keras.ops.sum(x * self.query, -1, keepdims=True)
        return keras.ops.sum(x * keras.ops.softmax(scores, axis=1), 1)
'''
SPEC = "in(6,1) -> gru(4,seq) -> own_pool -> dense(1)"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the module, a model that was built with it, and a history."""
    found = tmp_path_factory.mktemp("own")
    (found / "own_layers.py").write_text(MODULE, encoding="utf-8")
    (found / "history.csv").write_text("a\n" + "\n".join(str(i % 5) for i in range(12)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(found)
        assert main(["build", SPEC, "--import", "own_layers", "-o", "m.keras"]) == 0
    return found


def test_fault_d2_a_layer_of_ones_own_is_forecast_with_the_module_that_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(folder)
    argv = ["forecast", "m.keras", "--steps", "2", "--history", "history.csv"]
    assert main(argv) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "Keras does not know OwnPool, which own_layers defined" in said
    assert "help: name what defines it: --import own_layers" in said
    assert main([*argv, "--import", "own_layers"]) == 0
    assert "step" in capsys.readouterr().out


def test_fault_d2_an_export_loads_it_with_the_module_that_is_named(folder: Path) -> None:
    def loaded(*modules: str) -> Any:
        request: child.Request = {"model": str(folder / "m.keras"), "modules": list(modules)}
        return child._loaded(request, custom_objects(modules))

    model = loaded("own_layers")
    assert modules_of(model) == ["own_layers"]
    with pytest.raises(RefusedError, match="Keras does not know OwnPool") as raised:
        loaded()
    assert raised.value.answer["help"] == "name what defines it: --import own_layers (in Python: modules=)"


def test_fault_d2_the_python_face_hands_on_where_a_models_layers_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Mapping[str, Any]] = []

    def exported(wanted: Mapping[str, Any], *rest: object) -> None:
        asked.append(wanted)

    monkeypatch.setattr("seqtopo.exporting.exported", exported)
    monkeypatch.setattr("seqtopo.exporting.chosen_backends", lambda *_: ["torch"])
    model = seqtopo.compile(SPEC)
    seqtopo.export(model, tmp_path / "m.pt2")
    seqtopo.export(folder / "m.keras", tmp_path / "m.pt2", modules=["own_layers"])
    assert [wanted["modules"] for wanted in asked] == [["own_layers"], ["own_layers"]]
    type(model.get_layer("own_pool")).__module__ = "__main__"
    try:
        with pytest.raises(seqtopo.SpecError, match="a layer of it is defined in"):
            seqtopo.export(model, tmp_path / "m.pt2")
    finally:
        type(model.get_layer("own_pool")).__module__ = "own_layers"


def test_fault_d2_a_script_cannot_be_named() -> None:
    from seqtopo.runtime.custom_classes import unknown_classes

    config = {"module": "__main__", "class_name": "Pool", "config": {}}
    assert own_classes([config]) == {"Pool": "__main__"}
    assert "move Pool from the script to a module" in unknown_classes(config, ())[1]
