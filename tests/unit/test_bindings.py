"""Values of names: by ``let``, by ``-D``, and in Python, alike."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import numpy as np
import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.diag.pages import pages
from seqtopo.graph.graph import SubModel
from seqtopo.layers.layer import Layer
from seqtopo.report.analyse import analyse

Capture = pytest.CaptureFixture[str]

VALUES: list[tuple[str, str, str]] = [
    ("in(T,8) -> lstm(4)", "T=24", "in(24,8) -> lstm(4)"),
    ("in(5,8) -> at(K)", "K=-2", "in(5,8) -> at(-2)"),
    ("in(5,8) -> dropout(P)", "P=0.1", "in(5,8) -> dropout(0.1)"),
    ("in(5,8) -> scale(P)", "P=-1e-3", "in(5,8) -> scale(-0.001)"),
    ("in(9,9,1) -> conv2d(4,K)", "K=(3,2)", "in(9,9,1) -> conv2d(4,(3,2))"),
    ("in(8) -> dense(3,ACT)", "ACT=relu", "in(8) -> dense(3,relu)"),
    ("in(8) -> dense(3,activation=ACT)", "ACT=relu", "in(8) -> dense(3,relu)"),
    ("in(5,8) -> lstm(3,FLAG)", "FLAG=seq", "in(5,8) -> lstm(3,seq)"),
    ("in(5,8) -> lstm(3,return_sequences=KEEP)", "KEEP=true", "in(5,8) -> lstm(3,seq)"),
    ("in(5,8) -> conv1d(3,2,PAD)", "PAD=causal", "in(5,8) -> conv1d(3,2,causal)"),
    ("in(8) -> dense(3,kernel_initializer=I)", "I=orthogonal(gain=2)",
     "in(8) -> dense(3,kernel_initializer=orthogonal(gain=2))"),
    ("in(5,8) -> CELL(32,seq)", "CELL=lstm", "in(5,8) -> lstm(32,seq)"),
    ("in(5,8) -> CELL", "CELL=lstm(32)", "in(5,8) -> lstm(32)"),
    ("in(5,8) -> bi(CELL(3),sum)", "CELL=gru", "in(5,8) -> bi(gru(3),sum)"),
    ("in(5,8) -> bi(CELL,sum)", "CELL=gru(3)", "in(5,8) -> bi(gru(3),sum)"),
    ("in(5,8) -> td(BODY)", "BODY=(dense(3) -> relu)", "in(5,8) -> td(dense(3) -> relu)"),
    ("in(5,8) -> BODY * 2", "BODY=(lstm(8,seq) -> dropout(0.1))",
     "in(5,8) -> (lstm(8,seq) -> dropout(0.1)) * 2"),
    ("in(5,8) -> res(BODY)", "BODY=(lstm(8,seq) -> tanh)", "in(5,8) -> res(lstm(8,seq) -> tanh)"),
    ("in(8) -> (dense(N) for N in SIZES)", "SIZES=[4,3]", "in(8) -> (dense(N) for N in [4,3])"),
    ("in(8) -> (dense(N) for N in SIZES)", "SIZES=(4,3)", "in(8) -> (dense(N) for N in [4,3])"),
    ("in(8) -> (dense(N) for N in SIZES)", "SIZES=[2..4]", "in(8) -> (dense(N) for N in [2..4])"),
    ("in(5,8) -> (L for L in LAYERS)", "LAYERS=[lstm(3,seq), gru(2)]",
     "in(5,8) -> (L for L in [lstm(3,seq), gru(2)])"),
    ("in(5,8) -> ((L(N,seq)) for L, N in PAIRS)", "PAIRS=[(lstm,3), (gru,2)]",
     "in(5,8) -> lstm(3,seq) -> gru(2,seq)"),
    ("def f(L) = L -> dense(2)\nin(8) -> f(BODY)", "BODY=(dense(3) -> relu)",
     "def f(L) = L -> dense(2)\nin(8) -> f(dense(3) -> relu)"),
    ("def f(N) = dense(N)\nin(8) -> R(3) -> R(3)", "R=f", "def f(N) = dense(N)\nin(8) -> f(3) -> f(3)"),
    ("train OPT, loss=LOSS, metrics=[M]\nin(8) -> dense(1)", "OPT=adam(1e-3) LOSS=mse M=mae",
     "train adam(1e-3), loss=mse, metrics=[mae]\nin(8) -> dense(1)"),
]  # fmt: skip
"""A spec with a name that is free, its values, and the same spec with the value written out."""


def _pairs(bound: str) -> dict[str, str]:
    words = bound.split(" ") if bound.startswith("OPT=") else [bound]
    return dict(word.split("=", 1) for word in words)  # type: ignore[misc]


def _said(layer: Layer) -> list[str]:
    """A layer's title and its arguments, of what it wraps too."""
    found = [layer.title]
    for name, value in layer.args.items():
        if isinstance(value, Layer):
            found += _said(value)
        elif isinstance(value, SubModel):
            found += [word for n in value.graph.nodes if n.layer for word in _said(n.layer)]
        else:
            found.append(f"{name}={value}")
    return found


def _layers(spec: str, **dims: Any) -> tuple[Any, ...]:
    checked = analyse(spec, dims)
    assert checked.ok, [(d.code, d.message) for d in checked.diagnostics]
    assert checked.resolved is not None
    graph = checked.resolved.graph
    nodes = [graph.nodes[i] for i in graph.ancestors(graph.outputs)]
    layers = [_said(n.layer) if n.layer else "in" for n in nodes]
    training = checked.resolved.training
    trained = (training.optimizer, training.loss, training.metrics) if training is not None else ()
    return (*map(str, layers), *(str(n.outputs) for n in nodes), *map(str, trained))


@pytest.mark.parametrize(("spec", "bound", "same"), VALUES)
def test_fault_d12_each_way_to_bind_takes_the_same_values(spec: str, bound: str, same: str) -> None:
    pairs = _pairs(bound)
    wanted = _layers(same)
    assert _layers(spec, **pairs) == wanted
    lets = "".join(f"let {name} = {value}\n" for name, value in pairs.items())
    assert _layers(lets + spec) == wanted
    # What is bound from outside wins, of whatever kind the other is.
    for other in ("3", "relu", "(dense(3) -> relu)", "nothing_at_all(3)"):
        lets = "".join(f"let {name} = {other}\n" for name in pairs)
        assert _layers(lets + spec, **pairs) == wanted


def test_fault_d12_the_command_line_takes_them(capsys: Capture) -> None:
    spec = "in(T,8) -> CELL(4,seq) -> BODY -> dense(3,ACT)"
    bound = ["-D", "CELL=gru", "-D", "BODY=(dropout(0.1) -> lstm(2))", "-D", "ACT=softmax"]
    for command in (["check"], ["show"], ["draw"]):
        assert main([*command, spec, *bound]) == 0
        assert "gru" in capsys.readouterr().out
    assert (
        main(["diff", spec, "in(T,8) -> gru(4,seq) -> dropout(0.1) -> lstm(2) -> dense(3,softmax)", *bound])
        == 0
    )


@pytest.mark.parametrize(
    "value", [4, 4.0, np.int64(4), np.float32(0.5), "4", True, None, (1, 2), [1, (2, "a")]]
)
def test_fault_d12_python_values_are_read_as_the_language_has_them(value: object) -> None:
    found = seqtopo.check("in(8) -> dense(3) -> scale(S)", S=value).diagnostics
    wrong = {bool: ["ST203"], type(None): ["ST203"], list: ["ST203"], tuple: ["ST302"]}
    assert [d.code for d in found] == wrong.get(type(value), []), value


NO_VALUES = (
    "", "re lu", "relu)", "3, F = 4", "3 # steps", "3\nin(9)", "a = 3", object(), float("nan"), b"lstm",
    2**31, "__import__('os').system('x')", "x" * 20_000, np.zeros(3), "let A = 3", "->", "lambda: 3",
)  # fmt: skip


@pytest.mark.parametrize("value", NO_VALUES)
def test_fault_d12_what_is_no_value_is_named(value: object) -> None:
    [found] = seqtopo.check("in(T,8) -> dense(3)", T=value).diagnostics
    assert found.code == "ST406", found
    assert found.message.startswith("T cannot be bound so: ")


@pytest.mark.parametrize(
    ("spec", "name", "example"),
    [
        ("in(T,8) -> dropout(P)", "P", "P=0.1"),
        ("in(T,8) -> dropout(2*P)", "P", "P=0.1"),
        ("in(T,8) -> CELL(32,seq)", "CELL", "CELL=lstm"),
        ("in(T,8) -> CELL -> dense(1)", "CELL", "CELL=dense(64)"),
        ("in(T,8) -> bi(CELL(32))", "CELL", "CELL=lstm"),
        ("in(T,8) -> td(BODY)", "BODY", "BODY=dense(64)"),
        ("in(T,8) -> NORM(3)", "NORM", "NORM=lstm"),
        ("in(8) -> dense(3,ACT)", "ACT", "ACT=relu"),
        ("in(T,8) -> lstm(3,FLAG)", "FLAG", "FLAG="),
        ("in(8) -> dense(3,kernel_initializer=INIT)", "INIT", "INIT=glorot_uniform"),
        ("in(8) -> dense(3,kernel_regularizer=REG)", "REG", "REG=l2(0.0001)"),
        ("in(T,8) -> conv1d(3,2,padding=PAD)", "PAD", "PAD=valid"),
        ("in(T,8) -> lstm(3,return_sequences=KEEP)", "KEEP", "KEEP=true"),
        ("in(8) -> (dense(N) for N in SIZES)", "SIZES", "SIZES=[1,2,4]"),
        ("train OPT\nin(8) -> dense(1)", "OPT", "OPT=adam"),
        ("train adam, loss=LOSS\nin(8) -> dense(1)", "LOSS", "LOSS=mse"),
        ("in(T,8) -> lstm(3,init=START)", "START", "START="),
    ],
)
def test_fault_d12_a_name_whose_value_must_be_known(spec: str, name: str, example: str) -> None:
    report = seqtopo.check(spec)
    [found] = report.diagnostics
    assert (found.code, found.message.partition(":")[0]) == ("ST223", f"{name} is not bound")
    assert "bind it: -D " in found.help
    assert example in found.help.replace('"', "")
    assert report.unbound == (name,)


def test_fault_d12_the_report_says_what_must_be_bound(capsys: Capture) -> None:
    assert seqtopo.check("in(T,F) -> lstm(H)").unbound == ("F", "H")
    assert seqtopo.check("in(T,F) -> lstm(H)", F=3).unbound == ("H",)
    assert seqtopo.check("in(T,8) -> lstm(3)").unbound == ()
    assert seqtopo.check("in(T,8) -> LSTM(H)").unbound == ("H",)
    spec = "in(T,8) -> CELL(H,seq) -> dropout(P) -> dense(3,ACT)"
    assert seqtopo.check(spec).unbound == ("CELL", "H", "P", "ACT")
    assert seqtopo.check(spec, CELL="lstm").unbound == ("H", "P", "ACT")
    assert main(["check", spec, "-D", "CELL=lstm", "--format", "json"]) == 1
    [found] = json.loads(capsys.readouterr().out)["specs"]
    assert found["unbound"] == ["H", "P", "ACT"]


@pytest.mark.parametrize(
    ("spec", "bound", "code", "words"),
    [
        ("in(8) -> dense(3,ACT)", {"ACT": "rleu"}, "ST202", "ACT=rleu"),
        ("in(8) -> CELL(3)", {"CELL": "lsmt"}, "ST201", "CELL=lsmt"),
        ("in(5,8) -> CELL(3)", {"CELL": "lstm(4)"}, "ST213", "CELL=lstm(4)"),
        ("in(5,8) -> CELL(3)", {"CELL": 3}, "ST213", "CELL=3"),
        ("in(5,8) -> BODY", {"BODY": "(lstm(3) -> lstm(4))"}, "ST301", "BODY=(lstm(3) -> lstm(4))"),
        ("in(5,8) -> td(BODY)", {"BODY": "(dense(3) -> dens(4))"}, "ST201", "BODY=(dense(3) -> dens(4))"),
        ("in(5,8) -> lstm(N)", {"N": "N"}, "ST208", "N=N"),
        ("let N = M\nin(5,8) -> lstm(N)", {"M": "N"}, "ST208", None),
        ("in(5,8) -> lstm(N)", {"N": "-3"}, "ST203", "N=-3"),
        ("in(T,8) -> lstm(4)", {"T": 0}, "ST218", "T=0"),
        ("in(T,8) -> lstm(4)", {"T": "relu"}, "ST218", "T=relu"),
    ],
)
def test_fault_d12_what_does_not_fit_is_told_with_its_name_and_value(
    spec: str, bound: dict[str, Any], code: str, words: str | None
) -> None:
    found = seqtopo.check(spec, **bound).diagnostics
    assert [d.code for d in found] == [code]
    assert 0 <= found[0].span.start < found[0].span.end <= len(spec)
    assert words is None or f"{next(iter(bound))} is bound from outside: {words}" in found[0].notes
    for fix in found[0].fixes:
        assert all(edit.span.end <= len(spec) for edit in fix.edits)


def test_fault_d12_values_may_be_written_with_other_names() -> None:
    assert _layers("in(5,8) -> CELL -> dense(N)", CELL="lstm(2*M)", N="M", M=3) == _layers(
        "in(5,8) -> lstm(6) -> dense(3)"
    )
    assert _layers("let BODY = (CELL(H,seq) -> tanh), CELL = gru\nin(5,8) -> BODY -> BODY", H=4) == _layers(
        "in(5,8) -> gru(4,seq) -> tanh -> gru(4,seq) -> tanh"
    )


def test_fault_d12_fixes_are_tried_with_what_is_bound() -> None:
    [found] = seqtopo.check("in(5,8) -> CELL(4) -> lstm(3)", CELL="gru").diagnostics
    assert found.code == "ST301"
    assert found.fixes[0].apply("in(5,8) -> CELL(4) -> lstm(3)") == "in(5,8) -> CELL(4,seq) -> lstm(3)"
    assert not seqtopo.check("in(5,8) -> BODY -> lstm(3)", BODY="(gru(4) -> tanh)").ok


def test_fault_d12_a_name_of_a_macro_is_not_bound_from_outside() -> None:
    [found] = seqtopo.check("def f(K) = dense(K)\nin(8) -> f(3)", K=4).diagnostics
    assert found.code == "ST406"


FREE = (
    "magnitude", "density", "real", "count", "time", "same", "glu", "seq", "tanh", "features", "linear",
    "valid", "mode", "steps", "causal", "gelu",
)  # fmt: skip
"""Flags and activations, which are not layers."""


@pytest.mark.parametrize("name", FREE)
def test_fault_d11_only_layers_and_words_of_the_language_are_reserved(name: str) -> None:
    assert _layers(f"let {name} = 3\nin(8) -> repeat({name}) -> lstm(2*{name},relu)") == _layers(
        "in(8) -> repeat(3) -> lstm(6,relu)"
    )
    assert seqtopo.check(f"{name} = in(5,8) -> lstm(4)\n{name} -> dense(3)").ok
    assert seqtopo.check(f"{name} = dense(4) -> softmax\nin(8) -> {name} -> dense(3)").params == 36 + 15
    assert seqtopo.check(f"in(5,8) -> lstm(4,seq) as {name} -> [id, {name}] -> concat").ok
    assert seqtopo.check(f"def {name}(N) = dense(N)\nin(8) -> {name}(3)").params == 27
    assert seqtopo.check(f"def f({name}) = repeat({name})\nin(8) -> f(3)").ok
    assert seqtopo.check(f"in(5,8) -> (lstm(2*{name},seq) for {name} in [3,2])").ok


def test_fault_d11_a_flag_stays_one_among_a_layers_arguments() -> None:
    lets = "let seq = 3, tanh = 4, time = 2, same = 5, int = 7, causal = 1\n"
    for spec in (
        "in(5,8) -> lstm(4,seq,activation=tanh) -> mean(time)",
        "in(5,8) -> lstm(4,tanh)",
        "in(5,8) -> conv1d(3,2,same,tanh) -> flip(time) -> conv1d(3,2,padding=causal)",
        "in(5,8) -> softmax(axis=time)",
        "in(5,int) -> embed(9,4)",
        "train adam, loss=sparse_categorical_crossentropy, labels=(int)\nin(8) -> dense(3,softmax)",
    ):
        assert _layers(lets + spec) == _layers(spec), spec
    assert seqtopo.check(lets + "in(5,8) -> lstm(seq)").diagnostics[0].code == "ST204"


@pytest.mark.parametrize("name", ["rnn", "softmax", "relu", "concat"])
@pytest.mark.parametrize("spec", ["{} = in(5,8) -> lstm(4)\n{} -> dense(3)", "in(5,8) -> lstm(4) as {}"])
def test_fault_f10_a_name_that_is_a_layers_can_be_keras_name(name: str, spec: str) -> None:
    found = seqtopo.check(spec.replace("{}", name)).diagnostics[0]
    assert found.code == "ST207"
    assert f'name="{name}"' in found.help
    assert seqtopo.check(f'in(5,8) -> lstm(4,name="{name}")').shapes[-1].name == name
    # A size is not a layer, so it has no name in Keras.
    assert "Keras" not in seqtopo.check(f"let {name} = 3\nin(5,8) -> lstm(4)").diagnostics[0].help


@pytest.mark.parametrize(
    ("spec", "fixed"),
    [
        ("let ACT = rleu\nin(8) -> dense(3,ACT)", "let ACT = relu\nin(8) -> dense(3,ACT)"),
        ("def f(A) = dense(3,A)\nin(8) -> f(rleu)", "def f(A) = dense(3,A)\nin(8) -> f(relu)"),
        ("let CELL = lsmt\nin(5,8) -> CELL(3)", "let CELL = lstm\nin(5,8) -> CELL(3)"),
        ("let OPT = adm\ntrain OPT\nin(8) -> dense(3)", "let OPT = adam\ntrain OPT\nin(8) -> dense(3)"),
    ],
)
def test_fault_d12_a_value_is_mended_where_it_is_written(spec: str, fixed: str) -> None:
    [found] = seqtopo.check(spec).diagnostics
    assert [fix.apply(spec) for fix in found.fixes] == [fixed]
    assert any(label.text == "is its value" for label in found.labels)


def test_fault_d12_a_name_for_a_name_that_nothing_binds() -> None:
    for flow in ("A -> dense(1)", "A(3) -> dense(1)", "bi(A(3)) -> dense(1)", "dropout(A)"):
        [found] = seqtopo.check(f"let A = B\nin(T,8) -> {flow}").diagnostics
        assert (found.code, found.message.partition(":")[0]) == ("ST223", "B is not bound"), flow
    [found] = seqtopo.check("in(5,8) -> CELL(4)", CELL="LSTM").diagnostics
    assert (found.code, found.help, found.fixes) == ("ST201", "write lstm", ())
    [found] = seqtopo.check("in(5,8) -> CELL(4)", CELL="LSTM(").diagnostics
    assert found.code == "ST406"


@pytest.mark.parametrize(
    ("spec", "bound"),
    [
        ("in(5,8) -> bi(A,B)", {"A": "lstm(3)", "B": "(lstm(4,seq) -> tanh)"}),
        ("in(5,8) -> [dense(K) for K in A] -> B", {"A": "x.state"}),
        ("in(5,8) -> [A, B] -> concat", {"A": "B"}),
        ("train A, loss=B\nin(5) -> dense(3)", {"A": "x.state", "B": "td(dense(3))"}),
        ("in(5,8) -> A * B", {"A": "A//2", "B": "dense(3) * 2"}),
        ("in(A,8) -> lstm(3)", {"A": "2*B//0", "B": "3"}),
    ],
)
def test_fault_d12_every_place_that_is_told_is_one_of_the_spec(spec: str, bound: dict[str, str]) -> None:
    found = seqtopo.check(spec, **bound).diagnostics
    assert any(d.severity == "error" for d in found)
    for diagnostic in found:
        edits = [edit.span for fix in diagnostic.fixes for edit in fix.edits]
        for span in (diagnostic.span, *(label.span for label in diagnostic.labels), *edits):
            assert span.end <= len(spec), diagnostic


def test_fault_d12_what_stands_for_a_step_is_bound_to_a_whole_step() -> None:
    (found,) = seqtopo.check("in(5,3) -> lstm(4) -> HEAD").diagnostics
    assert found.help.startswith('bind it: -D "HEAD=dense(64)" on the command line')
    assert seqtopo.check("in(5,3) -> lstm(4) -> HEAD", HEAD="dense(64)").ok


@pytest.mark.parametrize(
    ("spec", "bound", "message", "help"),
    [
        ("dropout(P)", "relu", "P stands for relu, and dropout's rate must be a number", "-D P=0.1"),
        ("dropout(P)", "seq", "P stands for seq, and dropout's rate must be a number", "-D P=0.1"),
        ("lstm(P)", "relu", "P stands for relu, and lstm's units must be a whole number", "-D P=2"),
        ("conv1d(4,P,same)", "tanh", "P stands for tanh, and conv1d's kernel_size must be", "-D P=2"),
        ("lstm(4,P)", "foo", "P stands for foo, which is not a flag of lstm", "-D P=relu"),
        ("lstm(4,P)", "3", "P stands for 3, but only a flag of lstm may stand here", "-D P=relu"),
        ("lstm(4,dropout=P)", "relu", "lstm(dropout=relu): dropout must be a number", "-D P=0.1"),
        ("maxpool1d(P)", "relu", "which is not a flag of maxpool1d, nor its pool_size", "-D P=2"),
        ("lstm(4,seq) * P", "relu", "P stands for relu, but a size is a number", "-D P=24"),
    ],
)
def test_fault_d12_a_value_of_another_kind_is_told_by_the_name_that_is_bound(
    spec: str, bound: str, message: str, help: str
) -> None:
    for text, dims in ((f"in(9,4) -> {spec}", {"P": bound}), (f"let P = {bound}\nin(9,4) -> {spec}", {})):
        (found,) = seqtopo.check(text, **dims).diagnostics
        assert message in found.message
        assert help in found.help
        assert "bind it to another value" in found.help


def test_fault_d12_a_value_of_another_kind_in_a_macro_is_told_where_it_comes_from() -> None:
    (found,) = seqtopo.check("def f(P) = dropout(P)\nin(9,4) -> lstm(4) -> f(relu)").diagnostics
    assert "P stands for relu" in found.message
    assert "-D" not in found.help


UNBOUND = (
    *(spec for spec, _, _ in VALUES),
    "in(T,8) -> lstm(N) -> dense(1)",
    "in(5,8) -> N * dense(4)",
    "in(5,8) -> [dense(4) for K in KS] -> concat",
    "in(5,8) -> dropout(P) -> lstm(N,FLAG)",
    "let N = relu\nin(5,8) -> dense(N)",
    "let P = 3\nin(5,8) -> dropout(P)",
    "let ACT = 24\nin(5,8) -> dense(3,ACT)",
    "in(5,8) -> dense(4)\ntrain OPT, loss=LOSS, metrics=[M]",
    "in(5,8) -> dense(4)\ntrain adam(RATE), loss=mse, steps_per_execution=N",
)


def test_fault_d12_each_binding_that_a_help_names_works_pasted(capsys: Capture) -> None:
    tried = 0
    examples = [each.example for each in pages() if each.example]
    for spec in (*UNBOUND, *examples):
        for found in seqtopo.check(spec).diagnostics:
            bind = re.search(r"bind it\b.*?: (-D .+?) on the command line", found.help)
            if bind is None:
                assert "-D" not in found.help, found.help
                continue
            main(["check", spec, *shlex.split(bind[1]), "--format", "json"])
            again = json.loads(capsys.readouterr().out)["specs"][0]["diagnostics"]
            assert found.message not in [each["message"] for each in again], bind[1]
            tried += 1
    assert tried > 15
