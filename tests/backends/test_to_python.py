"""Python that was written of a spec makes the model that ``compile`` makes: config, training, outputs.

Each spec is compared on one of the backends: a config does not depend on it. Outputs, which follow from it,
are compared on PyTorch, which compiles nothing first; in the long run those of every spec.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.emit.backend import PREFERENCE
from seqtopo.emit.objects import UNKNOWN_WORDS
from seqtopo.emit.python.record import FORGETS_REGULARIZER
from seqtopo.graph.buildable import unbound
from seqtopo.layers import objects
from seqtopo.layers.registry import NAMES
from seqtopo.report.analyse import analyse
from tests.support.backend_run import LONG
from tests.support.compare_python import compare_python, run_source
from tests.support.draws import draw
from tests.support.imports import ROOT
from tests.support.numbering import number_anew
from tests.support.right_specs import right_specs
from tests.support.topologies import TOPOLOGIES

HERE = PREFERENCE.index(keras.config.backend())
DIMS = {f"topology {topology.name}": topology.dims for topology in TOPOLOGIES}
UNIQUE = {text: name for name, text in reversed(list(right_specs())) if not name.startswith("instead of")}
RUNS = keras.config.backend() == "torch"
EVERY = RUNS and LONG
MINE = {
    name: text
    for i, (text, name) in enumerate(sorted(UNIQUE.items()))
    if EVERY or i % len(PREFERENCE) == HERE
}
DRAWS = [seed for seed in range(30) if seed % len(PREFERENCE) == HERE]
LARGEST = 200_000
"""Parameters up to which outputs are compared, too."""


def _dims(text: str, known: dict[str, Any]) -> dict[str, Any]:
    checked = analyse(text, known)
    assert checked.resolved is not None
    assert checked.spec is not None
    # Of a space, the model of its first choice.
    known |= {name: domain.first for name, domain in checked.resolved.searched.items()}
    missing = {d.message.split()[0] for d in unbound(checked.resolved.graph, checked.spec)}
    return {**known, **{name: 6 + i for i, name in enumerate(sorted(missing))}}


@pytest.mark.parametrize("name", MINE)
def test_a_right_spec_is_written_as_it_is_compiled(name: str) -> None:
    dims = _dims(MINE[name], dict(DIMS.get(name, {})))
    params = seqtopo.check(MINE[name], **dims).params
    assert not compare_python(MINE[name], run=RUNS and isinstance(params, int) and params < LARGEST, **dims)


@pytest.mark.parametrize("seed", DRAWS)
def test_a_drawn_spec_is_written_as_it_is_compiled(seed: int) -> None:
    text = draw(seed).accepted
    assert text is not None
    dims = _dims(text, {})
    try:
        seqtopo.compile(text, **dims)
    except seqtopo.SpecError:
        # What a backend cannot build is the matter of the tests of drawn specs.
        return
    assert not compare_python(text, run=RUNS, **dims)


DEEP = "in(4,3) -> lstm(3,seq) -> dense(3,tanh) * 900"
ODD = {
    "names": "in(4,3) as class -> dense(3) as print -> last(2) as x -> dense(2) as build\ntrain adam",
    "one_masked": "in(?,int) -> embed(9,4,mask) as seen -> lstm(3)",
    "forgotten": "in(4,3) -> rnn(3,activity_regularizer=l2(0.1))",
    "frozen": "in(4,3) -> bi(lstm(3,seq,frozen)) -> lstm(3) -> dense(2,frozen)",
    "shared_masks": "f = flip\na = in(6,4) -> mask -> f\nb = in(5,4) -> f\n[a, b] -> concat(time) -> gru(2)",
    "twice": "tower = mask -> lstm(2,seq) -> flip\n[in(6,4) -> tower, in(5,4) -> tower] -> concat(time)",
    "inner_masks": "in(3,5,int) -> td(embed(9,4,mask) -> pos(sin) -> mean(time)) -> gru(2)",
    "names_of_masks": "in(6,int) -> embed(9,4,mask) -> dense(3) as not_equal -> dense(2) as any -> lstm(2)",
    "two_ends": "a = in(4,3) -> dense(2)\n[a, a -> flip as b, a]",
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_spec_is_written_as_it_is_compiled(name: str) -> None:
    assert not compare_python(ODD[name])


@pytest.mark.parametrize("spec", [DEEP] if HERE == 1 else ["in(4,3) -> dense(3,tanh) * 9"])
def test_what_is_too_deep_for_keras_is_written_in_pieces(spec: str) -> None:
    assert not compare_python(spec, run=False)


def test_a_layer_that_is_left_out_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    stock = seqtopo.to_python
    monkeypatch.setattr(seqtopo, "to_python", lambda spec: stock(spec).replace("units=3", "units=4"))
    assert not compare_python("in(4,3) -> dense(3)")
    monkeypatch.setattr(seqtopo, "to_python", lambda spec: stock(spec).replace("Dense(3", "Dense(4"))
    assert "3 is written as 4" in compare_python("in(4,3) -> dense(3)")


def test_a_part_is_written_alone() -> None:
    spec = "code = in(5,3) -> lstm(4)\nagain = in(4) -> repeat(5) -> lstm(3,seq)\ncode -> again"
    model = run_source(seqtopo.to_python(spec, part="again"))
    assert (model.name, model.output_shape) == ("again", (None, 5, 3))
    number_anew()
    assert run_source(seqtopo.to_python(spec, part="again")).get_config() == model.get_config()


def test_a_custom_layer_is_imported_where_it_is_defined(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ROOT / "examples" / "custom-layer"
    monkeypatch.syspath_prepend(str(folder))
    import attend_pool.row  # noqa: F401

    spec = (folder / "spec.txt").read_text(encoding="utf-8")
    assert "from attend_pool.row import attend_pool" in seqtopo.to_python(spec)
    assert not compare_python(spec)
    for module in [name for name in sys.modules if name.startswith("attend_pool")]:
        monkeypatch.delitem(sys.modules, module)


def test_words_that_keras_does_not_know_are_in_the_list() -> None:
    for family, module in (("loss", keras.losses), ("metric", keras.metrics)):
        unknown = set()
        for entry in objects.FAMILIES[family]:
            if not entry.keras or any(part.required for part in entry.parts):
                continue
            for name in (entry.name, *entry.aliases, entry.keras):
                try:
                    module.get(name)
                except (ValueError, TypeError):
                    unknown.add(name)
        assert unknown == UNKNOWN_WORDS[family]


@pytest.mark.parametrize("call", ["rnn(3", "lstm(3", "gru(3", "dense(3", "conv1d(3,2"])
def test_classes_that_forget_their_regularizer_are_in_the_list(call: str) -> None:
    row = NAMES[call.split("(")[0]]
    source = seqtopo.to_python(f"in(6,4) -> {call},activity_regularizer=l2(0.1))")
    bare = "\n".join(line for line in source.splitlines() if ".activity_regularizer = " not in line)
    layer = run_source(bare).layers[1]
    assert (layer.activity_regularizer is None) == (row.keras in FORGETS_REGULARIZER)


def test_a_config_is_saved_for_keras_to_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = "in(4,3) -> lstm(3,seq) -> flip -> dense(2)\ntrain adam(1e-3), loss=mse"
    target = tmp_path / "model.json"
    assert main(["build", spec, "-o", str(target)]) == 0
    assert "model_from_json" in capsys.readouterr().out
    text = target.read_text(encoding="utf-8")
    assert json.loads(text)["class_name"] == "Functional"
    again = keras.models.model_from_json(text)
    assert json.loads(again.to_json())["config"] == json.loads(text)["config"]
    assert [x.name for x in again.layers] == ["input", "lstm", "dense"]
