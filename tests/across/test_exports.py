"""Exported models give Keras' outputs in the programs that read them; other models are refused in words."""

from __future__ import annotations

import json
import re
import shlex
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.emit.backend import PREFERENCE
from seqtopo.exporting.formats import FORMATS
from tests.support.children import run_module
from tests.support.export_cases import CASES, STACK, Case

pytestmark = pytest.mark.xdist_group("exports")  # its fixture runs every backend: once
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the outcome of each case."""
    root = tmp_path_factory.mktemp("exports")
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(lambda b: run_module(b, "tests.support.export_run", str(root / f"{b}.json")), PREFERENCE)
        )
    return {
        name: answer
        for b in PREFERENCE
        for name, answer in json.loads((root / f"{b}.json").read_text()).items()
    }


def test_every_way_out_is_tried() -> None:
    assert {(case.format, case.backend) for case in CASES} == {
        (row.name, backend) for row in FORMATS.values() for backend in row.writers
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_gives_what_keras_gives_or_says_why_not(answers: dict[str, Any], case: Case) -> None:
    answer = answers[case.name]
    if case.want:
        assert answer["refused"]["code"] == case.want, answer
        return
    assert "refused" not in answer, answer["refused"]
    assert max(each["apart"] for each in answer["compared"]) < 1e-5
    shapes = [each["inputs"][0] for each in answer["compared"]]
    first = answer["inputs"][0][1]
    # Compared at two batch sizes and two lengths where these are open, and once where nothing is.
    assert len({shape[0] for shape in shapes}) == (2 if first[0] == "batch" else 1)
    assert len({shape[1] for shape in shapes[:2]}) == (2 if "time" in first else 1)


def test_a_loop_that_was_written_for_one_step_only_is_noticed(answers: dict[str, Any]) -> None:
    """Keras' own export on PyTorch reads the first step of any sequence, and says nothing."""
    refused = answers["trusting"]["refused"]
    assert refused["code"] == "ST432"
    assert "does not give what Keras gives at (2, 7, 3)" in refused["message"]


def test_a_model_is_exported_from_the_command_line_and_run(tmp_path: Path, capsys: Capture) -> None:
    import onnxruntime

    out = tmp_path / "model.onnx"
    assert main(["export", STACK, "-o", str(out)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Wrote {out}: ONNX, through tensorflow\n")
    assert "takes  input  (batch, time, 3)  float32" in shown
    assert "gives  dense  (batch, 1)        float32" in shown
    assert "on (2, 7, 3) and on (3, 12, 3): the same as Keras.\n" in shown
    session = onnxruntime.InferenceSession(str(out))
    (found,) = session.run(["dense"], {"input": np.ones((4, 9, 3), "float32")})
    assert found.shape == (4, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_what_cannot_be_exported_leaves_nothing_behind(tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "model.onnx"
    out.write_text("was here")
    # Without --force, a text that somebody wrote is not even tried to be replaced.
    assert main(["export", "in(T,3) -> bi(lstm(4))", "-o", str(out), "--via", "jax", "--force"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error[ST431]: jax cannot export this model as ONNX\n")
    assert "help: let another backend write it: leave out --via jax" in said
    assert out.read_text() == "was here"
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_fault_d1_the_exact_gelu_is_exported_through_tensorflow(answers: dict[str, Any]) -> None:
    assert "refused" not in answers["tensorflow-onnx-gelu"]


def refusal(backend: str, code: str = "ST431", help: str = "", *, elsewhere: bool = True) -> dict[str, Any]:
    """Return the answer of a child that cannot export."""
    said = {"code": code, "message": f"{backend} cannot", "notes": ["why"], "help": help}
    return {"refused": {**said, "elsewhere": elsewhere}}


def test_fault_d1_a_number_of_steps_is_bound_by_the_name_that_it_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture
) -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: dict[str, Any], file: Path, backend: str) -> dict[str, Any]:
        asked.append(request)
        return refusal(backend, "ST434", "bind it: -D T=24", elsewhere=False)

    monkeypatch.setattr("seqtopo.exporting._asked", answer)
    out = str(tmp_path / "my model.onnx")
    assert main(["export", "in(Len,3) -> lstm(N)", "-D", "N=4", "-o", out, "--batch", "2"]) == 1
    said = capsys.readouterr().err
    assert "bind it: -D Len=24\n" in said
    (command,) = re.findall(r"(?m)^ +seqtopo (export .*)$", said)
    assert main(shlex.split(command)) == 1
    assert asked[-1]["dims"] == {"N": 4, "Len": 24}
    assert asked[-1]["batch"] == 2
    # A size without a name cannot be bound.
    assert main(["export", "in(?,3) -> lstm(4)", "-o", out]) == 1
    assert "in place of ?" in capsys.readouterr().err


def test_fault_d1_no_backend_that_has_refused_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture
) -> None:
    asked: list[str] = []

    def answer(request: object, file: Path, backend: str) -> dict[str, Any]:
        asked.append(backend)
        help = "bind it: -D T=24" if backend == "torch" else ""
        return refusal(backend, "ST434" if help else "ST431", help)

    monkeypatch.setattr("seqtopo.exporting._asked", answer)
    argv = ["export", STACK, "-o", str(tmp_path / "a.onnx")]
    assert main(argv) == 1
    assert asked == ["tensorflow", "jax", "torch"]
    said = capsys.readouterr().err
    assert said.startswith("error[ST431]: no backend that is installed can export this model as ONNX\n")
    assert all(f"note: {name}: {name} cannot why" in said for name in asked)
    assert "--via" not in said
    assert "help: bind it: -D T=24" in said
    # One that is asked for by name is tried alone, and the way on is all of them.
    del asked[:]
    assert main([*argv, "--via", "jax"]) == 1
    assert asked == ["jax"]
    assert "leave out --via jax" in capsys.readouterr().err


def test_fault_d1_what_no_backend_can_mend_is_tried_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture
) -> None:
    asked: list[str] = []

    def answer(request: object, file: Path, backend: str) -> dict[str, Any]:
        asked.append(backend)
        return refusal(backend, "ST435", "write --step", elsewhere=False)

    monkeypatch.setattr("seqtopo.exporting._asked", answer)
    assert main(["export", STACK, "-o", str(tmp_path / "a.onnx")]) == 1
    assert asked == ["tensorflow"]
    assert "help: write --step" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["-o", "a.h5"], 1, "no format ends in .h5"),
        (["-o", "a", "--format", "onxx"], 1, "did you mean onnx?"),
        (["-o", "a.onnx", "--via", "mxnet"], 1, "mxnet cannot write ONNX"),
        (["-o", "a.pt2", "--via", "jax"], 1, "take one that can: --via torch"),
        (["-o", "no/where.onnx"], 1, "there is no folder no"),
        (["-o", "a.onnx", "--batch", "0"], 2, "--batch 0 is not a number of sequences"),
        (["-o", "taken"], 1, "it is there, and is no SavedModel"),
    ],
)
def test_what_is_asked_for_is_looked_at_first(
    argv: list[str], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").touch()
    assert main(["export", STACK, *argv]) == code
    assert words in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_wrong_spec_and_a_missing_file_are_shown_as_elsewhere(tmp_path: Path, capsys: Capture) -> None:
    out = str(tmp_path / "a.onnx")
    assert main(["export", "in(T,3) -> lstm(4) -> lstm(4)", "-o", out]) == 1
    assert "add seq to the lstm before it" in capsys.readouterr().err
    assert main(["export", "in(T,F) -> lstm(4)", "-o", out]) == 1
    assert "F needs a number before this can be built" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "no.keras"), "-o", out]) == 2
    assert "there is no file" in capsys.readouterr().err
    with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    assert main(["export", str(tmp_path / "bad.keras"), "-o", out]) == 1
    assert "error[ST431]: Keras cannot load the model" in capsys.readouterr().err


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture) -> None:
    monkeypatch.setattr("seqtopo.exporting.formats.has", lambda name: name != "tf2onnx")
    monkeypatch.setattr("seqtopo.exporting.has", lambda name: name != "tf2onnx")
    assert main(["export", STACK, "-o", str(tmp_path / "a.onnx"), "--via", "tensorflow"]) == 1
    said = capsys.readouterr().err
    assert "tensorflow needs the package tf2onnx to write ONNX" in said
    assert "pip install tf2onnx; or take one that can: --via jax" in " ".join(said.split())


def test_the_python_face_takes_a_path(tmp_path: Path) -> None:
    with pytest.raises(seqtopo.SpecError, match=r"no format ends in \.h5"):
        seqtopo.export(tmp_path / "a.keras", tmp_path / "b.h5")
