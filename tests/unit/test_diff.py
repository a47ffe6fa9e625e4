"""Differences of two topologies, layer by layer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqtopo.cli.main import main
from tests.support.models import MODELS

BASE = "in(T,8) -> lstm(64,seq) -> lstm(32) -> dense(1)"


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    code = main(["diff", *args])
    return code, capsys.readouterr().out


@pytest.mark.parametrize(
    "other",
    [
        BASE,
        "in(?,8) -> lstm(64,seq) as first_one -> lstm(32) -> dense(1)",
        "def block(U) = lstm(U,seq)\nin(T,8) -> block(64) -> lstm(32) -> dense(1)",
        "x = in(S,8) -> lstm(64,seq)\ny = x -> lstm(32)\ny -> dense(1,linear)",
        "in(T,8) -> lstm(64,seq,dtype=float32) -> lstm(32) -> dense(1,dtype=float32)",
    ],
)
def test_the_same_topology_in_other_words_is_the_same(other: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = run(capsys, BASE, other)
    assert code == 0
    assert shown == "the first and the second are the same topology: 4 steps\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("adam", "adam(1e-3)"),
        ("sgd(exponential_decay(0.1,9,0.9))", "sgd(exponential_decay(0.1,9,0.9,staircase=false))"),
        ("loss_scale(adam)", "loss_scale(adam(1e-3))"),
        ("adam, loss=mse", "adam, loss=[mean_squared_error]"),
        ("adam, loss=huber, metrics=[]", "adam, loss=huber(1.0)"),
        ("adam, loss=bce, metrics=[auc]", "adam, loss=bce(from_logits=false), metrics=auc(200)"),
        ("adam, loss=mse", "adam, loss=mse, jit_compile=auto, run_eagerly=false, steps_per_execution=1"),
    ],
)
def test_the_same_training_in_other_words_is_the_same(
    one: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, f"{BASE}\ntrain {one}", f"{BASE}\ntrain {other}")[0] == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kernel_regularizer=l2", "kernel_regularizer=l2(0.01)"),
        ("kernel_initializer=orthogonal", "kernel_initializer=orthogonal(1)"),
        ("kernel_constraint=max_norm", "kernel_constraint=max_norm(2)"),
        ("leaky_relu", "activation=leaky_relu(0.2)"),
    ],
)
def test_an_object_with_what_keras_takes_anyhow_is_the_same(
    one: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, f"in(4) -> dense(3,{one})", f"in(4) -> dense(3,{other})")[0] == 0


@pytest.mark.parametrize(
    ("one", "other", "lines"),
    [
        (BASE, BASE.replace("lstm(32)", "lstm(32) -> dropout(0.1)"), ["+ dropout: dropout(0.1)"]),
        (BASE.replace(" -> dense(1)", ""), BASE, ["+ dense: dense(1)"]),
        (BASE, BASE.replace(" -> lstm(32)", " -> gru(32)"), ["- lstm_1: lstm(32)", "+ gru: gru(32)"]),
        (BASE, BASE.replace("64", "16"), ["    units: 64 -> 16", "    parameters: 18,688 -> 1,600"]),
        (BASE, BASE.replace("dense(1)", "dense(1,relu)"), ["    activation: none -> relu"]),
        (BASE, BASE.replace("dense(1)", "dense(1,dtype=float16)"), ["    dtype: none -> float16"]),
        (BASE, BASE.replace("T,8", "T,9"), ["    gives: (T, 8) -> (T, 9)"]),
        (BASE, BASE.replace("T,8", "T,8,batch=4"), ["    batch: none -> 4"]),
        (BASE, f"{BASE}\n\ntrain adam, loss=mse", ["~ train: optimizer: none -> adam"]),
        (
            f"{BASE}\ntrain adam, loss=mse",
            f"{BASE}\ntrain adam(2e-3), loss=mse, metrics=[mae]",
            ["~ train: optimizer: adam -> adam(learning_rate=0.002)", "~ train: metrics: none -> ['mae']"],
        ),
        (
            "in(4) -> dense(3,kernel_regularizer=l2)",
            "in(4) -> dense(3,kernel_regularizer=l2(0.1))",
            ["    kernel_regularizer: l2 -> l2(l2=0.1)"],
        ),
        (
            "in(4) -> [dense(4), id] -> sub",
            "in(4) -> [id, dense(4)] -> sub",
            ["    takes: dense, input -> input, dense"],
        ),
        (
            "x = in(9,4)\n[x -> lstm(4), x -> lstm(4)] -> add",
            "s = lstm(4)\nx = in(9,4)\n[x -> s, x -> s] -> add",
            ["    weights: weights of its own -> shared with an earlier step"],
        ),
        (
            "x = in(4) -> dense(2) as a\n[a, a -> dense(3) as b]",
            "x = in(4) -> dense(2) as a\n[a -> dense(3) as b, a]",
            ["~ outputs: a, b -> b, a"],
        ),
        ("in(9,4) -> td(dense(3))", "in(9,4) -> td(dense(4))", ["    layer: dense(3) -> dense(4)"]),
    ],
)
def test_what_differs_is_told(
    one: str, other: str, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = run(capsys, one, other)
    assert code == 1
    for line in lines:
        assert line in shown.splitlines(), shown


def test_what_only_follows_from_a_change_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    one = "in(T,8) -> lstm(4,seq) -> dropout(0.1) -> relu -> relu -> dense(1)"
    _, shown = run(capsys, one, one.replace("lstm(4", "lstm(5"))
    assert "~ dropout and 3 more: only shapes and sizes, first gives: (T, 4) -> (T, 5)" in shown


@pytest.mark.parametrize("columns", [24, 40, 72])
def test_it_fits_into_the_terminal(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    tcn = [str(model.path) for model in MODELS if model.id.startswith("tcn")]
    code, shown = run(capsys, *tcn)
    assert code == 1
    longest = max(map(len, shown.splitlines()))
    assert longest <= max(columns, 24)


def test_programs_get_data(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = run(capsys, BASE, BASE.replace("lstm(32)", "lstm(16)"), "--format", "json")
    data = json.loads(shown)
    assert code == 1
    assert not data["same"]
    assert [layer["change"] for layer in data["layers"]] == ["changed", "changed"]
    assert data["layers"][0]["differences"][0] == {"what": "units", "a": "32", "b": "16"}
    assert data["layers"][0]["b"]["gives"] == [[16]]
    assert data["parameters"] == {"a": 31137, "b": 23889}
    code, shown = run(capsys, BASE, BASE, "--format", "json")
    assert (code, json.loads(shown)["same"], json.loads(shown)["layers"]) == (0, True, [])


def test_what_cannot_be_read_is_trouble(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", BASE, "in(T,8) -> lsmt(4)"]) == 2
    assert "ST201" in capsys.readouterr().err
    assert main(["diff", str(tmp_path / "none.keras"), BASE]) == 2
    assert "ST405" in capsys.readouterr().err
    assert main(["diff", BASE, str(tmp_path / "none.json"), "--format", "json"]) == 2
    assert json.loads(capsys.readouterr().out)["diagnostics"][0]["code"] == "ST405"


TWO = "a = in(6,3)\nb = in(6,3)\n"


@pytest.mark.parametrize(
    ("one", "other", "lines"),
    [
        (f"{TWO}[a, b] -> concat", f"{TWO}[b, a] -> concat", ["place among the inputs: 1 -> 2"]),
        (
            f"{TWO}[a -> lstm(2), b -> lstm(2)] -> sub",
            f"{TWO}[b -> lstm(2), a -> lstm(2)] -> sub",
            ["place among the inputs: 2 -> 1"],
        ),
        (
            "in(6,3) -> [slice(0,2), slice(2,4)] -> sub",
            "in(6,3) -> [slice(2,4), slice(0,2)] -> sub",
            ["takes: slice(0,2), slice(2,4) -> slice(2,4), slice(0,2)"],
        ),
        (
            "in(6,3) -> td((dense(2) -> relu))",
            "in(6,3) -> td((dense(2) -> tanh))",
            ["layer: (dense(2) -> relu) -> (dense(2) -> tanh)"],
        ),
    ],
)
def test_fault_a_values_in_another_order_are_another_topology(
    one: str, other: str, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = run(capsys, one, other)
    assert code == 1
    for line in lines:
        assert line in shown
    assert json.loads(run(capsys, one, other, "--format", "json")[1])["same"] is False


def test_fault_a_what_no_step_shows_is_a_difference_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("seqtopo.decompiler.difference.first_difference", lambda one, two: "another thing")
    code, shown = run(capsys, BASE, BASE)
    assert code == 1
    assert "another thing" in shown
