"""The cost of a step of several processes, from the spec alone: ``seqtopo check --ranks``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seqtopo.cli.main import main
from seqtopo.graph.counting import Work, work
from seqtopo.layers.registry import ROWS
from seqtopo.report.analyse import analyse
from seqtopo.report.scaling import Scaling, findings, scaling_of

SMALL = "in(24,8) -> lstm(64) -> dense(1)"


def graph_of(spec: str) -> Any:
    resolved = analyse(spec).resolved
    assert resolved is not None
    return resolved.graph


def of(spec: str, ranks: int = 8, batch: int = 64) -> Scaling:
    return scaling_of(graph_of(spec), ranks, batch, 10.0, 100.0)


def test_a_step_by_hand() -> None:
    """24 steps of (8 + 64) x 256 products and 64 more; backwards all but those of the input twice."""
    forward, recurrent, incoming = 2 * (24 * (8 + 64) * 256 + 64), 2 * 24 * 64 * 256, 2 * 24 * 8 * 256
    assert work(graph_of(SMALL)) == Work(forward, 2 * recurrent + incoming + 2 * 2 * 64, ())
    found = of(SMALL)
    assert found.rows == 8
    assert found.flops == 8 * work(graph_of(SMALL)).both
    parameters = (8 + 64 + 1) * 256 + 65
    assert found.bytes == 4 * parameters
    assert found.sent == 4 * parameters * 2 * 7 // 8
    assert found.ratio == pytest.approx((found.sent * 8 / 10e9) / (found.flops / 100e9))


@pytest.mark.parametrize(
    ("spec", "sent"),
    [
        ("in(4,2) -> dense(3,frozen) -> dense(1)", 4 * 4),
        # Moving averages are added up as well: 4 of 8 numbers are trained.
        ("in(4,2) -> batchnorm -> dense(1)", 4 * (8 + 3)),
        ("d = dense(2)\nin(2) -> d -> d", 4 * 6),
    ],
)
def test_what_is_added_up(spec: str, sent: int) -> None:
    assert of(spec).bytes == sent


def test_shared_layers_work_at_each_call() -> None:
    once, twice = (work(graph_of(f"d = dense(2)\nin(2) -> {calls}")) for calls in ("d", "d -> d"))
    assert twice.forward == 2 * once.forward


def test_open_sizes_stay_symbols() -> None:
    found = of("in(T,8) -> lstm(64) -> dense(1)")
    assert str(found.flops) == "851968*T+3072"
    assert found.open == ["T"]
    assert found.ratio is None
    assert "T is open: -D T=100" in "\n".join(found.lines())


def test_what_nobody_knows_is_named() -> None:
    found = of("in(8,8) -> inv -> flatten -> dense(1)")
    assert found.unknown == ("inv",)
    assert "without inv" in "\n".join(found.lines())


def test_a_batch_that_cannot_be_shared_is_computed_by_all() -> None:
    found = of(SMALL, ranks=8, batch=60)
    assert found.rows == 60
    graph = graph_of(SMALL)
    source = analyse(SMALL).source
    (warned,) = findings(found, source, graph.nodes[0].span)
    assert warned.code == "ST737"
    assert "56 or 64 rows" in warned.help


def test_the_batch_of_the_help_balances() -> None:
    found = of(SMALL, ranks=64, batch=64)
    source = analyse(SMALL).source
    (warned,) = findings(found, source, graph_of(SMALL).nodes[0].span)
    assert warned.code == "ST736"
    rows = int(warned.help.split()[2].replace(",", ""))
    assert rows % 64 == 0
    assert list(findings(of(SMALL, 64, rows), source, graph_of(SMALL).nodes[0].span)) == []
    assert list(findings(of(SMALL, 64, rows - 64), source, graph_of(SMALL).nodes[0].span)) != []


def test_one_rank_sends_nothing() -> None:
    found = of(SMALL, ranks=1, batch=7)
    assert (found.sent, found.rows, found.ratio) == (0, 7, 0.0)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_says_or_is_known_not_to(row: Any) -> None:
    """The work of each layer's example is a size; layers with kernels have some."""
    found = work(graph_of(row.example))
    if row.counts_work and row.role in ("dense", "recurrent", "convolution", "transposed", "attention"):
        assert str(found.forward) != "0"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["check", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, SMALL, "--ranks", "64", "--batch", "64")
    assert code == 0
    assert "warning[ST736]" in out
    assert "at --gbps 10" in out
    assert "at --gflops 100" in out
    code, out, _ = run(capsys, SMALL, "--ranks", "64", "--batch", "64", "--strict", "--gbps", "1000")
    assert (code, "ST736" in out) == (0, False)
    assert run(capsys, SMALL, "--ranks", "64", "--batch", "64", "--strict")[0] == 1
    assert "ST736" not in run(capsys, SMALL, "--ranks", "64", "--batch", "64", "--ignore", "ST736")[1]


def test_json_has_it_for_specs_and_code(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code = tmp_path / "train.py"
    code.write_text(
        "import keras\n"
        "model = keras.Sequential([keras.Input((24, 8)), keras.layers.LSTM(64), keras.layers.Dense(1)])\n",
        encoding="utf-8",
    )
    options = ("--ranks", "64", "--batch", "64", "--format", "json")
    of_spec, of_code = (json.loads(run(capsys, name, *options)[1])["specs"][0] for name in (SMALL, str(code)))
    assert of_spec["scaling"] == of_code["scaling"] == of(SMALL, 64, 64).data()
    assert [d["code"] for d in of_code["diagnostics"]] == ["ST736"]
    assert "scaling" not in json.loads(run(capsys, SMALL, "--format", "json")[1])["specs"][0]
    assert "A step of 64 ranks" in run(capsys, str(code), *options[:4])[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--gbps", "3"), "--ranks 8"),
        (("--ranks", "0"), "not a whole number"),
        (("--ranks", "-1"), "not a whole number"),
        (("--ranks", "2", "--gflops", "0"), "not a number above 0"),
        (("--ranks", "2", "--gbps", "nan"), "not a number above 0"),
        (("--ranks", "2", "--fix"), "leave out --fix"),
    ],
)
def test_what_makes_no_sense_is_refused(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    code, _, err = run(capsys, SMALL, *options)
    assert code == 2
    assert said in err
