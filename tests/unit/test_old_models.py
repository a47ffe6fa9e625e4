"""Models that Keras 0.3, 1 and 2 saved, read as specs: each with the meaning of its age."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.decompiler.decompile import decompile_config
from seqtopo.decompiler.losses import UnreadableError
from seqtopo.diag.error import SpecError
from tests.support import old_models as old

Capture = pytest.CaptureFixture[str]


def spec_of(config: dict[str, Any]) -> str:
    """The spec on one line, without what it leaves out."""
    text = decompile_config(copy.deepcopy(config)).text
    return " ".join(" ".join(line for line in text.splitlines() if not line.startswith("#")).split())


def lost(config: dict[str, Any]) -> list[str]:
    return [d.message for d in decompile_config(copy.deepcopy(config)).diagnostics if d.severity != "info"]


SPECS = {
    "keras-0.3": "in(7,3) -> gru(5,seq,reset_after=false) -> batchnorm(epsilon=1e-6,momentum=0.9) "
    "-> sum(time) -> dense(2) -> dense(2,softmax) train adam(epsilon=1e-8), loss=mse",
    "keras-0.3-graph": "in(100,int) -> embed(20000,128) -> [lstm(64) as forward, lstm(64,back) as backward] "
    "-> concat as dropout_merge -> dropout(0.5) -> dense(1,sigmoid)",
    "keras-1": "in(100,int) -> embed(2000,12) "
    "-> conv1d(6,5,relu,kernel_regularizer=l2,kernel_constraint=max_norm(3)) -> maxpool1d(4) "
    "-> lstm(7,recurrent_activation=hard_sigmoid,dropout=0.2,recurrent_dropout=0.1) "
    "-> res([dense(7,sigmoid), [dense(7,relu), id] -> sub] -> mul) -> dense(20) -> reshape(4,5) "
    "-> gmaxpool1d -> dense(1) -> sigmoid",
    "keras-1-merge": "[in(10,3) -> lstm(8), in(5) -> dense(4)] -> concat -> dense(1)",
    "keras-2": "read = in(T,3) -> lstm(6) in(S,2) -> lstm(6,seq,init=read.state) -> td(dense(4,softmax))",
    "tf-keras": "in(20,4) -> bi(gru(8,seq)) -> batchnorm -> leaky_relu(0.1) -> gavgpool1d as pool "
    "-> dense(3,softmax)",
}


@pytest.mark.parametrize("name", old.ALL)
def test_a_model_of_each_age_has_its_spec(name: str) -> None:
    assert spec_of(old.ALL[name]) == SPECS[name]


def test_what_keras_3_computes_otherwise_is_a_loss() -> None:
    (said,) = lost(old.KERAS_1)
    assert said.startswith("lstm_1 has recurrent_activation=hard_sigmoid: ")
    assert "0.2*x + 0.5" in said
    assert not lost(old.KERAS_2)


def _sequential(*layers: dict[str, Any], version: str = "1.2.2") -> dict[str, Any]:
    return {"class_name": "Sequential", "keras_version": version, "config": list(layers)}


@pytest.mark.parametrize(
    ("config", "spec"),
    [
        (_sequential(old.layer("LSTM", name="a", output_dim=32, input_dim=1, inner_activation="sigmoid")),
         "in(T,1) -> lstm(32) as a"),
        (_sequential(old.layer("LSTM", name="l", units=4, batch_input_shape=[None, 9, 2]), version="2.1.6"),
         "in(9,2) -> lstm(4,recurrent_activation=hard_sigmoid) as l"),
        (_sequential(old.layer("LSTM", name="l", units=4, batch_input_shape=[None, 9, 2]), version="2.3.1"),
         "in(9,2) -> lstm(4) as l"),
        (_sequential(old.layer("GRU", name="g", units=4, batch_input_shape=[None, 9, 2]), version="2.3.1"),
         "in(9,2) -> gru(4,reset_after=false) as g"),
        (_sequential(old.layer("CuDNNGRU", name="g", units=4, batch_input_shape=[2, 9, 2], stateful=True),
                     version="2.2.4"),
         "in(9,2,batch=2) -> gru(4,stateful) as g"),
        (_sequential(old.layer("TimeDistributedDense", name="t", output_dim=3, input_dim=5, input_length=4)),
         "in(4,5) -> dense(3) as t"),
        (_sequential(old.layer("Bidirectional", name="bidirectional_1", batch_input_shape=[None, 6, 2],
                               merge_mode="sum",
                               layer=old.layer("LSTM", name="lstm_1", output_dim=4, return_sequences=True,
                                               inner_activation="sigmoid"))),
         "in(6,2) -> bi(lstm(4,seq),sum)"),
        (_sequential(old.layer("Dense", name="dense_1", output_dim=2, batch_input_shape=[None, 3],
                               init="one", W_regularizer={"name": "L1L2Regularizer", "l1": 0.1, "l2": 0.2})),
         "in(3) -> dense(2,kernel_initializer=ones,kernel_regularizer=l1_l2(0.1,l2=0.2))"),
        (_sequential(old.layer("Embedding", name="embedding_1", input_dim=9, output_dim=2, mask_zero=True)),
         "in(T) -> embed(9,2,mask)"),
        (_sequential(old.layer("ThresholdedReLU", name="x", theta=0.5, batch_input_shape=[None, 3])),
         "in(3) -> relu(threshold=0.5) as x"),
        (_sequential(old.layer("Convolution2D", name="convolution2d_1", nb_filter=4, nb_row=3, nb_col=2,
                               dim_ordering="tf", border_mode="same", subsample=[1, 1],
                               batch_input_shape=[None, 8, 8, 1])),
         "in(8,8,1) -> conv2d(4,(3,2),same)"),
    ],
)  # fmt: skip
def test_an_argument_has_the_meaning_of_its_age(config: dict[str, Any], spec: str) -> None:
    assert spec_of(config) == spec


def test_a_model_in_a_model_counts_its_calls_from_one() -> None:
    inner = {
        "class_name": "Sequential",
        "name": "sequential_1",
        "inbound_nodes": [[["input_1", 0, 0, {}]], [["input_2", 0, 0, {}]]],
        "config": [old.layer("Dense", name="dense_1", units=3, batch_input_shape=[None, 4])],
    }
    config = {
        "class_name": "Model",
        "keras_version": "2.1.2",
        "config": {
            "name": "model_1",
            "layers": [
                old.node("input_1", "InputLayer", [], batch_input_shape=[None, 4], dtype="float32"),
                old.node("input_2", "InputLayer", [], batch_input_shape=[None, 4], dtype="float32"),
                inner,
                old.node("add_1", "Add", [[["sequential_1", 1, 0, {}], ["sequential_1", 2, 0, {}]]]),
            ],
            "input_layers": [["input_1", 0, 0], ["input_2", 0, 0]],
            "output_layers": [["add_1", 0, 0]],
        },
    }
    assert spec_of(config).endswith("-> add")
    assert "dense" in spec_of(config)


def test_functions_of_tensorflow_are_operations() -> None:
    """Keras 2.4 and later wrote such layers for ``x[:, -1]``, ``a + 1`` and the like."""

    def called(name: str, function: str, *inbound: Any) -> dict[str, Any]:
        kind = "SlicingOpLambda" if "getitem" in function else "TFOpLambda"
        return old.node(name, kind, inbound, trainable=True, dtype="float32", function=function)

    cut = [{"start": None, "stop": None, "step": None}, -1]
    layers = [
        old.node("input_1", "InputLayer", [], batch_input_shape=[None, 9, 2], dtype="float32", ragged=False),
        old.node("lstm", "LSTM", [[["input_1", 0, 0, {}]]], units=4, return_sequences=True),
        called("tf.__operators__.getitem", "__operators__.getitem", ["lstm", 0, 0, {"slice_spec": cut}]),
        called("tf.math.reduce_mean", "math.reduce_mean", ["lstm", 0, 0, {"axis": 1, "keepdims": False}]),
        called("tf.__operators__.add", "__operators__.add",
               ["tf.math.reduce_mean", 0, 0, {"y": ["tf.__operators__.getitem", 0, 0], "name": None}]),
        called("tf.math.multiply", "math.multiply", ["tf.__operators__.add", 0, 0, {"y": 2, "name": None}]),
        called("tf.nn.relu", "nn.relu", ["tf.math.multiply", 0, 0, {"name": None}]),
        called("tf.concat", "concat",
               [["tf.nn.relu", 0, 0, {"axis": -1}], ["tf.math.multiply", 0, 0, {"axis": -1}]]),
    ]  # fmt: skip
    body = {"name": "model", "layers": layers, "input_layers": [["input_1", 0, 0]],
            "output_layers": [["tf.concat", 0, 0]]}  # fmt: skip
    config = {"class_name": "Functional", "keras_version": "2.9.0", "config": body}
    assert spec_of(config) == (
        "in(9,2) -> lstm(4,seq) -> [mean(time), at(-1)] -> add -> scale(2) -> [relu, id] -> concat"
    )
    assert not lost(config)


def test_the_rest_of_a_file_of_keras_2_13_is_read() -> None:
    config = {
        "module": "keras.src.engine.functional",
        "class_name": "Functional",
        "config": {
            "name": "model",
            "layers": [
                old.node(
                    "input_1", "InputLayer", [], batch_input_shape=[None, 9, 2], dtype="float32", ragged=False
                )
                | {"module": "keras.layers", "registered_name": None},
                old.node("lstm", "LSTM", [[["input_1", 0, 0, {}]]], units=4, implementation=2)
                | {"module": "keras.layers", "registered_name": None},
            ],
            "input_layers": [["input_1", 0, 0]],
            "output_layers": [["lstm", 0, 0]],
        },
        "registered_name": "Functional",
    }
    assert spec_of(config) == "in(9,2) -> lstm(4)"


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            old.layer("Lambda", name="cut", function=["4wEAAAABAAAA", None, None], function_type="lambda"),
            "Python code",
        ),
        (
            old.layer("LocallyConnected1D", name="local", nb_filter=3, filter_length=2),
            "whose weights are not shared",
        ),
        (old.layer("Merge", name="m", mode="4wEAAAABAAAA", mode_type="lambda"), "merges by Python code"),
        (old.layer("Mine", name="mine"), "custom layer"),
    ],
)
def test_what_cannot_be_read_is_named(one: dict[str, Any], said: str) -> None:
    config = _sequential(old.layer("Dense", name="d", output_dim=3, input_dim=4), one)
    with pytest.raises(UnreadableError, match=one["config"]["name"]) as caught:
        decompile_config(config)
    assert said in str(caught.value)


def test_a_lambda_that_says_its_shape_stands_as_an_input() -> None:
    function = old.layer("Lambda", name="cut", function=["4wEA", None, None], output_shape=[3])
    config = _sequential(old.layer("Dense", name="d", output_dim=3, input_dim=4), function,
                         old.layer("Dense", name="e", output_dim=1))  # fmt: skip
    assert spec_of(config) == "in(4) -> dense(3) as d in(3) as cut -> dense(1) as e"
    assert any("it holds Python code" in one for one in lost(config))


def test_an_activation_that_is_gone_stands_as_identity() -> None:
    config = _sequential(
        old.layer("Dense", name="d", output_dim=3, input_dim=4), old.layer("SReLU", name="x")
    )
    assert spec_of(config) == "in(4) -> dense(3) as d -> identity as x"
    assert lost(config) == [
        "x is a SReLU layer: Keras 3 has no such activation; what it gives stands as identity"
    ]


@pytest.mark.parametrize("texts", [False, True])
def test_an_hdf5_file_is_read(texts: bool, tmp_path: Path) -> None:
    path = tmp_path / "old.h5"
    old.write_h5(path, old.KERAS_2, {}, old.KERAS_2_TRAINING, texts=texts)
    text = " ".join(seqtopo.decompile(path).split())
    assert text.startswith(SPECS["keras-2"])
    assert text.endswith(
        "train rmsprop(inverse_time_decay(0.001,1,0.01)), loss=categorical_crossentropy, metrics=[acc]"
    )


def test_weights_alone_are_told_as_such(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "one.h5", "w") as file:
        old.write_layers(file, {})
    old.write_weights_03(tmp_path / "two.h5", [])
    with h5py.File(tmp_path / "three.weights.h5", "w") as file:
        file.create_group("layers")
    for name in ("one.h5", "two.h5", "three.weights.h5"):
        with pytest.raises(SpecError, match="holds weights alone") as caught:
            seqtopo.decompile(tmp_path / name)
        assert "--weights" in caught.value.diagnostics[0].help
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file.create_group("images")
    with pytest.raises(SpecError, match="no Keras model is in it"):
        seqtopo.decompile(tmp_path / "data.h5")


def test_without_h5py_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old.write_h5(tmp_path / "old.h5", old.KERAS_2, {})
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(SpecError, match="h5py reads: it is not installed") as caught:
        seqtopo.decompile(tmp_path / "old.h5")
    assert "install h5py" in caught.value.diagnostics[0].help


def test_a_file_that_leads_elsewhere_or_never_ends_is_refused(tmp_path: Path) -> None:
    import h5py

    for name in ("link", "loop", "outside"):
        old.write_h5(tmp_path / f"{name}.h5", old.KERAS_2, {})
    with h5py.File(tmp_path / "link.h5", "a") as file:
        file["there"] = h5py.ExternalLink("/etc/hostname", "/")
    with h5py.File(tmp_path / "loop.h5", "a") as file:
        file["model_weights"]["again"] = file["model_weights"]
    with h5py.File(tmp_path / "outside.h5", "a") as file:
        file.create_dataset("array", (4,), dtype="u1", external=[("/etc/hostname", 0, 4)])
    for name, said in (("link", "a link to another place"), ("loop", "hold themselves"),
                       ("outside", "in another file")):  # fmt: skip
        with pytest.raises(SpecError, match=said):
            seqtopo.decompile(tmp_path / f"{name}.h5")


def test_check_draw_diff_and_show_take_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    old.write_h5(tmp_path / "old.h5", old.TF_KERAS, {})
    Path("old.json").write_text(json.dumps(old.TF_KERAS), encoding="utf-8")
    assert main(["check", "old.h5"]) == 0
    shown = capsys.readouterr().out
    assert "many-to-one" in shown
    assert "To write its spec: seqtopo decompile old.h5 -o spec.txt" in shown
    assert main(["diff", "old.h5", "old.json"]) == 0
    assert main(["diff", "old.h5", SPECS["tf-keras"]]) == 0
    assert main(["draw", "old.json", "--text"]) == 0
    assert "gru" in capsys.readouterr().out
    assert main(["show", "old.json"]) == 0
    assert main(["check", "old.json", "--format", "json", "-D", "T=3"]) == 1
    assert "ST406" in capsys.readouterr().out


def test_check_tells_what_a_model_leaves_out(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps(old.KERAS_1), encoding="utf-8")
    assert main(["check", str(path)]) == 0
    assert "ST504" in capsys.readouterr().out
    assert main(["check", str(path), "in(T,8) -> lstm(4)", "-D", "T=5"]) == 0
    assert "ST504" in capsys.readouterr().out
    assert main(["check", str(path), "--fix"]) == 1
    assert json.loads(path.read_text(encoding="utf-8")) == old.KERAS_1


def test_yaml_and_pickles_are_named(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(
        "backend: tensorflow\nclass_name: Sequential\nconfig:\n- class_name: Dense\n", encoding="utf-8"
    )
    assert main(["check", str(path)]) == 1
    assert "as YAML" in capsys.readouterr().out
    for name in ("model.yaml", "model.pkl"):
        assert main(["decompile", name]) == 2
        assert "can hold code" in (said := capsys.readouterr().err) or "is code" in said
