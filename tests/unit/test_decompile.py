"""Models to specs, without Keras: from the configurations that Keras would write."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.decompiler.decompile import compare, decompile_config
from seqtopo.decompiler.folding import fold
from seqtopo.source import Source
from seqtopo.syntax.parse import parse
from seqtopo.syntax.print import print_spec
from seqtopo.system.bounds import CONFIG_BYTES, CONFIG_DEPTH
from tests.support.children import run_module

DTYPE = {
    "module": "keras",
    "class_name": "DTypePolicy",
    "config": {"name": "float32"},
    "registered_name": None,
}


def layer(kind: str, name: str, **config: Any) -> dict[str, Any]:
    """A layer as Keras serializes it."""
    settings = {"name": name, "trainable": True, "dtype": DTYPE, **config}
    return {"module": "keras.layers", "class_name": kind, "config": settings, "registered_name": None}


def tensor(name: str, *shape: int | None, call: int = 0, output: int = 0) -> dict[str, Any]:
    """A value as Keras serializes it."""
    config = {"shape": list(shape), "dtype": "float32", "keras_history": [name, call, output]}
    return {"class_name": "__keras_tensor__", "config": config}


def called(made: dict[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    """A layer with one more call."""
    calls = [*made.get("inbound_nodes", []), {"args": list(args), "kwargs": kwargs}]
    return {**made, "name": made["config"]["name"], "inbound_nodes": calls}


def source(name: str = "input_layer", *shape: int | None) -> dict[str, Any]:
    """An ``InputLayer``."""
    made = layer("InputLayer", name, batch_shape=[None, *(shape or (24, 3))])
    return {**made, "config": {**made["config"], "dtype": "float32"}, "name": name, "inbound_nodes": []}


def model(layers: list[dict[str, Any]], outputs: Any = None, **more: Any) -> dict[str, Any]:
    """A functional model; its output is the last layer's unless others are named."""
    ends = outputs if outputs is not None else [layers[-1]["name"], 0, 0]
    inputs = [[x["name"], 0, 0] for x in layers if x["class_name"] == "InputLayer"]
    body = {"name": "functional", "layers": layers, "input_layers": inputs, "output_layers": ends}
    return {"module": "keras.src.models.functional", "class_name": "Functional", "config": body, **more}


def chain(*made: dict[str, Any]) -> dict[str, Any]:
    """A functional model of one layer behind another."""
    layers = [source()]
    for each in made:
        layers.append(called(each, tensor(layers[-1]["name"])))
    return model(layers)


def text_of(config: dict[str, Any]) -> str:
    return decompile_config(config).text


DENSE = layer("Dense", "dense_7", units=4, activation="relu")


# ---- what is written ------------------------------------------------------------------------------


def test_defaults_and_automatic_names_are_left_out() -> None:
    lstm = layer("LSTM", "lstm_3", units=8, return_sequences=True, activation="tanh", use_bias=True)
    assert text_of(chain(lstm, DENSE)) == "in(24,3) -> lstm(8,seq) -> dense(4,relu)\n"


def test_chosen_names_are_kept() -> None:
    odd = layer("Dense", "Head 1", units=2)
    assert text_of(chain(layer("LSTM", "encoder_lstm", units=8), odd)) == (
        'in(24,3) -> lstm(8) as encoder_lstm -> dense(2,name="Head 1")\n'
    )


def test_names_with_a_slash_are_listed_since_keras_3_refuses_them() -> None:
    found = decompile_config(chain(layer("LSTM", "enc/1", units=8), layer("Dense", "Head/1", units=2)))
    assert found.text.endswith("in(24,3) -> lstm(8) -> dense(2)\n")
    assert [d.code for d in found.diagnostics] == ["ST507", "ST507"]


def test_names_of_our_own_models_come_back_as_bindings() -> None:
    lstm, dense = layer("LSTM", "encoder_lstm", units=8), layer("Dense", "encoder_dense", units=2)
    embedded = model([source("input"), called(lstm, tensor("input")), called(dense, tensor("encoder_lstm"))])
    assert text_of(embedded) == "in(24,3) -> lstm(8) -> dense(2)\n"


def test_objects_are_written_as_people_write_them() -> None:
    penalty = {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 1e-4}}
    start = {
        "module": "keras.initializers",
        "class_name": "Orthogonal",
        "config": {"seed": None, "gain": 2.0},
    }
    made = layer("Dense", "dense", units=4, kernel_regularizer=penalty, kernel_initializer=start)
    assert "dense(4,kernel_regularizer=l2(0.0001),kernel_initializer=orthogonal(2))" in text_of(chain(made))
    # Keras holds this one as a tensor, and L2 as it is given.
    held = {"module": "keras.regularizers", "class_name": "L1", "config": {"l1": 0.0010000000474974513}}
    made = layer("Dense", "dense", units=4, kernel_regularizer=held)
    assert "dense(4,kernel_regularizer=l1(0.001))" in text_of(chain(made))
    held["config"] = {"l1": 0.009999999776482582}
    assert "dense(4,kernel_regularizer=l1)" in text_of(chain(made))


def test_repeats_are_said_once() -> None:
    made = [layer("LSTM", f"lstm_{i}", units=8, return_sequences=True) for i in range(3)]
    assert text_of(chain(*made)) == "in(24,3) -> lstm(8,seq) * 3\n"
    made = [
        layer("Conv1D", f"conv1d_{i}", filters=4 * 2**i, kernel_size=[3], padding="same") for i in range(3)
    ]
    assert text_of(chain(*made)) == "in(24,3) -> conv1d(F,3,same) for F in [4, 8, 16]\n"


def test_a_layer_that_is_called_twice_is_bound() -> None:
    twice = called(called(DENSE, tensor("input_layer", None, 4)), tensor("dense_7", None, 4))
    config = model([source("input_layer", 4), twice], ["dense_7", 1, 0])
    assert text_of(config) == "shared_dense = dense(4,relu)\nin(4) -> shared_dense -> shared_dense\n".replace(
        "shared_dense -> shared_dense\n", "shared_dense * 2\n"
    )


def test_states_are_handed_over() -> None:
    first = called(layer("GRU", "gru", units=5, return_state=True), tensor("a"))
    second = called(
        layer("GRU", "gru_1", units=5),
        tensor("b"),
        initial_state=tensor("gru", None, 5, output=1),
        training=False,
    )
    config = model([source("a"), source("b"), first, second])
    assert text_of(config) == "read = in(24,3) as a -> gru(5)\nin(24,3) as b -> gru(5,init=read.state)\n"


def test_a_state_that_is_taken_alone_comes_back() -> None:
    first = called(layer("LSTM", "lstm", units=5, return_state=True), tensor("input_layer"))
    head = called(layer("Dense", "dense", units=2), tensor("lstm", None, 5, output=1))
    found = decompile_config(model([source(), first, head]))
    assert {d.code for d in found.diagnostics} == {"ST506"}
    assert found.text == "in(24,3) -> lstm(5) -> dense(2)\n"
    head = called(layer("Dense", "dense", units=2), tensor("lstm", None, 5, output=2))
    found = decompile_config(model([source(), first, head]))
    assert found.diagnostics == ()
    assert found.text == "read = in(24,3) -> lstm(5)\nread.state -> item(1) -> dense(2)\n"
    pair = [tensor("lstm", None, 5, output=2), tensor("lstm", None, 5, output=1)]
    swapped = called(layer("LSTM", "lstm_1", units=5), tensor("input_layer"), initial_state=pair)
    found = decompile_config(model([source(), first, swapped]))
    assert [d for d in found.diagnostics if d.severity == "warning"] == []
    assert found.text.splitlines()[2:] == ["h = read.state -> item(1)", "", "x -> lstm(5,init=[h, read])"]


def given_out(*names: str, kind: str = "LSTM", dense: bool = False) -> dict[str, Any]:
    """A recurrent layer whose states leave the model, each by an Identity of such a name."""
    rnn = called(layer(kind, "read", units=5, return_state=True), tensor("input_layer"))
    ends = [
        called(layer("Identity", name), tensor("read", None, 5, output=i + 1)) for i, name in enumerate(names)
    ]
    more = [called(DENSE, tensor(names[0], None, 5))] if dense else []
    outputs = ["read", *names, *(["dense_7"] if dense else [])]
    return model([source(), rnn, *ends, *more], [[name, 0, 0] for name in outputs])


def test_states_that_are_given_out_bear_the_name_of_what_gives_them() -> None:
    assert text_of(given_out("read_state_0", "read_state_1")) == (
        "in(24,3) -> lstm(5) as read\n[read, read.state]\n"
    )
    assert text_of(given_out("step_state", kind="GRU")).splitlines()[-1] == "[[step], step.state]"


def test_an_identity_of_a_state_that_somebody_named_is_kept_or_listed() -> None:
    assert "identity as hidden" in text_of(given_out("hidden", kind="GRU"))
    assert "identity as read_state" in text_of(given_out("read_state", kind="GRU", dense=True))
    found = decompile_config(given_out("hidden", "cell"))
    assert found.text.splitlines()[-1] == "[read, read.state]"
    assert [d.message for d in found.diagnostics] == [
        f"the name {name!r} is left out: the states are given out together" for name in ("hidden", "cell")
    ]


def test_a_mask_that_comes_of_itself_is_left_out_and_another_comes_back() -> None:
    ids = source("ids", 9)
    ids["config"]["dtype"] = "int32"
    operation = {"module": "keras.src.ops.numpy", "class_name": "NotEqual", "config": {"name": "not_equal"}}
    made = [
        ids,
        called(layer("Embedding", "embedding", input_dim=50, output_dim=4, mask_zero=True), tensor("ids")),
        {**called(operation, tensor("ids", None, 9), 0), "name": "not_equal"},
        called(layer("LSTM", "lstm", units=4), tensor("embedding"), mask=tensor("not_equal", None, 9)),
    ]
    assert text_of(model(made)) == "in(9,int) as ids -> embed(50,4,mask) -> lstm(4)\n"
    other = [
        *made[:1],
        called(layer("Embedding", "embedding", input_dim=50, output_dim=4), tensor("ids")),
        *made[2:],
    ]
    # No layer makes this mask: it is computed, and given.
    assert text_of(model(other)).splitlines()[1:] == [
        "merged = ids -> not_equal(0)",
        "ids -> embed(50,4) -> lstm(4,mask=merged)",
    ]


# ---- laws -------------------------------------------------------------------------------------------


def test_what_is_written_means_the_same_model() -> None:
    found = decompile_config(chain(layer("LSTM", "lstm", units=8), DENSE))
    assert compare(found.text, found.graph) == ""
    for other in (
        "in(24,3) -> lstm(8) -> dense(4)",
        "in(24,4) -> lstm(8) -> dense(4,relu)",
        "in(24,3) -> lstm(8) -> dense(4,relu) -> dropout(0.1)",
        "s = in(24,3) -> lstm(8)\n[s -> dense(4,relu), s] -> concat",
        "in(24,3) -> gru(8) -> dense(4,relu)",
        "in(24,3) -> [lstm(8) -> dense(4,relu), lstm(8) -> dense(4,relu)]",
    ):
        assert compare(other, found.graph), other


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("in(4) -> dense(4) -> dense(4)", "in(4) -> dense(4) * 2"),
        ("in(4) -> dense(4) as a -> dense(4)", "in(4) -> dense(4) as a -> dense(4)"),
        ("in(4) -> dense(1) -> dense(2)", "in(4) -> dense(1) -> dense(2)"),
        ("in(4) -> dense(1) -> dense(2) -> dense(3) -> dense(4)", "in(4) -> dense(U) for U in [1..4]"),
        (
            "in(4) -> [dense(8) -> relu, id] -> concat -> [dense(9) -> relu, id] -> concat",
            "in(4) -> ([dense(U) -> relu, id] -> concat) for U in [8, 9]",
        ),
        ("x = in(4)\n[x, x] -> add", "x = in(4)\n[x, x] -> add"),
        (
            "in(9,4) -> res(dense(4) as s) -> res(dense(4,relu) as s_1)\n[s, s_1] -> add",
            "in(9,4) -> res(dense(4) as s) -> res(dense(4,relu) as s_1)\n[s, s_1] -> add",
        ),
    ],
)
def test_repeats_fold(before: str, after: str) -> None:
    spec, _ = parse(Source(before))
    assert spec is not None
    folded = fold(spec.statements).statements
    assert print_spec(type(spec)(spec.span, tuple(folded))).strip() == after


# ---- files from strangers -------------------------------------------------------------------------


def _zip(path: Path, config: bytes, name: str = "config.json") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, config)
    return path


def _refused(given: Any, code: str, words: str) -> None:
    with pytest.raises(seqtopo.SpecError, match=code) as caught:
        seqtopo.decompile(given)
    # Where a line ends depends on how long the path is.
    assert re.search(words, " ".join(str(caught.value).split()))
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_a_good_file_is_read(tmp_path: Path) -> None:
    path = _zip(tmp_path / "model.keras", json.dumps(chain(DENSE)).encode())
    assert seqtopo.decompile(path) == "in(24,3) -> dense(4,relu)\n"


def test_a_zip_bomb_is_not_filled(tmp_path: Path) -> None:
    path = _zip(tmp_path / "bomb.keras", b" " * (CONFIG_BYTES + 10_000_000))
    assert path.stat().st_size < 1_000_000
    _refused(path, "ST501", "more than 64,000,000 bytes")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04 and no more", "not a .keras file"),
        (b"x" * 1000, "not a .keras file"),
    ],
)
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(data)
    _refused(path, "ST501", words)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = _zip(tmp_path / "model.keras", json.dumps(chain(DENSE)).encode())
    data = bytearray(path.read_bytes())
    for at in range(60, 140):
        data[at] ^= 0x5A
    path.write_bytes(bytes(data))
    _refused(path, "ST501", "damaged|cannot be read|not JSON")
    _refused(_zip(tmp_path / "other.keras", b"{}", "other.json"), "ST501", "no config.json")
    _refused(tmp_path / "none.keras", "ST405", "no such file")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[" * (CONFIG_DEPTH + 5) + "]" * (CONFIG_DEPTH + 5), "levels deep"),
        ("[]", "holds no model, but a list"),
        ("3", "holds no model, but a number"),
        ("1" * 5000, "not JSON|holds no model"),
    ],
)
def test_a_text_that_is_no_model_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(text, encoding="utf-8")
    _refused(path, "ST501", words)


def _circle() -> dict[str, Any]:
    a = called(layer("Dense", "a", units=2), tensor("b"))
    b = called(layer("Dense", "b", units=2), tensor("a"))
    return model([source(), a, b])


WRONG: dict[str, Callable[[], Any]] = {
    "no class_name": lambda: {"config": {}},
    "which is code": lambda: {"class_name": "MyModel", "config": {}},
    "the model's config is nothing": lambda: {"class_name": "Functional"},
    "the model's layers is nothing": lambda: {"class_name": "Functional", "config": {}},
    "a layer is a number": lambda: {"class_name": "Functional", "config": {"layers": [3]}},
    "no layers": lambda: {"class_name": "Sequential", "config": {"layers": []}},
    "never built": lambda: {"class_name": "Sequential", "config": {"layers": [DENSE]}},
    "form a circle": _circle,
    "not there": lambda: model([source(), called(DENSE, tensor("nobody"))]),
    "has no output_layers": lambda: model([source()], []),
    "which is not there": lambda: model([source()], ["nobody", 0, 0]),
    "two layers are called": lambda: model([source(), source()]),
    "which is not a layer": lambda: model(
        [source(), called(DENSE, {"class_name": "__keras_tensor__", "config": {"keras_history": [1]}})]
    ),
    "has the size -4": lambda: model([source("x", -4)], ["x", 0, 0]),
    "the batch_shape of x is a text": lambda: model(
        [{**layer("InputLayer", "x", batch_shape="wide"), "name": "x"}], ["x", 0, 0]
    ),
    "the config of Dense is a list": lambda: model(
        [source(), {**called(DENSE, tensor("input_layer")), "config": []}], ["dense_7", 0, 0]
    ),
}


@pytest.mark.parametrize("words", WRONG)
def test_a_configuration_that_keras_does_not_write_is_refused(words: str) -> None:
    _refused(WRONG[words](), "ST502", words)


def test_every_cut_of_a_configuration_is_a_diagnostic_or_a_spec() -> None:
    """Each part of a configuration in turn, replaced by something else: never a traceback."""
    lstm = layer("LSTM", "lstm", units=8, return_sequences=True)
    wrapped = layer("Bidirectional", "bi", layer=lstm, backward_layer=lstm, merge_mode="concat")
    config = chain(wrapped, DENSE)
    config["compile_config"] = {"optimizer": "adam", "loss": ["mse"], "metrics": {"dense_7": "mae"}}
    tried = 0
    codes: set[str] = set()
    for path in list(_paths(config)):
        for junk in (None, 7, "x", [], {"class_name": "Lambda"}):
            changed = json.loads(json.dumps(config))
            _put(changed, path, junk)
            tried += 1
            try:
                text = seqtopo.decompile(changed)
            except seqtopo.SpecError as error:
                codes.add(error.diagnostics[0].code)
            else:
                assert seqtopo.check(text).ok, (path, junk, text)
    assert tried > 400
    assert codes == {"ST502"}


def test_fault_b_what_a_live_model_says_of_a_layer_may_be_anything_in_a_file() -> None:
    marks = {"gives": [[[None, 24, 8], "float32"]], "shared_object_id": 7}
    lstm = {**layer("LSTM", "lstm_3", units=8, return_sequences=True), **marks}
    tried = 0
    for path in _paths(marks):
        for junk in (None, True, 7, 1.5, "x", [], [[]], [[[None, "T"], 1]], {"class_name": "Lambda"}):
            changed = json.loads(json.dumps(lstm))
            _put(changed, path, junk)
            assert text_of(chain(changed, DENSE)).startswith("in(24,3) -> lstm(8,seq)"), (path, junk)
            tried += 1
    assert tried > 50


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*at, key)
        yield from _paths(inner, (*at, key))


def _put(value: Any, path: tuple[Any, ...], junk: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = junk


# ---- the command -----------------------------------------------------------------------------------


def test_the_command_writes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _zip(tmp_path / "model.keras", json.dumps(chain(DENSE)).encode())
    spec = tmp_path / "spec.txt"
    assert main(["decompile", str(path)]) == 0
    assert capsys.readouterr().out == "in(24,3) -> dense(4,relu)\n"
    assert main(["decompile", str(path), "-o", str(spec)]) == 0
    assert spec.read_text(encoding="utf-8") == "in(24,3) -> dense(4,relu)\n"
    assert "seqtopo check" in capsys.readouterr().out


def test_strict_fails_where_something_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = {"class_name": "__lambda__", "config": {"value": ["4wAAAA=="]}}
    path = tmp_path / "model.json"
    config = chain(layer("Lambda", "twice", function=code), DENSE)
    config["config"]["layers"][2]["inbound_nodes"][0]["args"] = [tensor("twice", None, 24, 3)]
    path.write_text(json.dumps(config), encoding="utf-8")
    assert main(["decompile", str(path)]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("# twice is a Lambda layer: it holds Python code")
    assert "warning[ST503]" in shown.err
    assert main(["decompile", str(path), "--strict"]) == 1
    capsys.readouterr()
    assert main(["decompile", str(path), "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["spec"].endswith("dense(4,relu)\n")
    assert [d["code"] for d in data["diagnostics"]] == ["ST503"]


def test_the_command_loads_neither_keras_nor_numpy(tmp_path: Path) -> None:
    path = _zip(tmp_path / "model.keras", json.dumps(chain(DENSE)).encode())
    script = (
        "import sys; from seqtopo.cli.main import main; main(sys.argv[1:]); "
        "print([m for m in ('keras', 'numpy', 'jax', 'torch', 'tensorflow') if m in sys.modules])"
    )
    command = [sys.executable, "-c", script, "decompile", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_other_files_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decompile", "model.pkl"]) == 2
    assert "model.save" in capsys.readouterr().err
    assert main(["decompile", "spec.txt"]) == 2
    assert "seqtopo check" in capsys.readouterr().err


def test_fault_a3_objects_come_back_in_a_fresh_process() -> None:
    run_module("torch", "tests.backends.test_decompile_objects")


def test_fault_d2_a_custom_layer_is_told_how_to_join() -> None:
    gated = {**layer("Gated", "gate"), "module": "my.layers", "registered_name": "my>Gated"}
    found = decompile_config(chain(gated, DENSE))
    (lost,) = [d for d in found.diagnostics if d.severity == "warning"]
    assert lost.code == "ST503"
    assert "register it with @seqtopo.layer" in lost.help


def test_fault_d2_a_module_with_layers_is_imported_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gated = {**layer("GatedOne", "gate", units=4), "module": "my.layers", "registered_name": "my>GatedOne"}
    path = _zip(tmp_path / "model.keras", json.dumps(chain(gated, DENSE)).encode())
    (tmp_path / "my_gates.py").write_text(
        "import seqtopo\n@seqtopo.layer('T F -> T units')\ndef gated_one(units, name=None): ...\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [str(tmp_path), *sys.path])
    assert main(["decompile", str(path), "--strict"]) == 1
    assert "--import MODULE" in capsys.readouterr().err
    assert main(["decompile", str(path), "--strict", "--import", "my_gates"]) == 0
    assert "in(24,3) -> gated_one(4)" in capsys.readouterr().out
