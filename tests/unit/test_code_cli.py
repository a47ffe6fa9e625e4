"""The commands with Python files and notebooks in place of specs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import seqtopo
from seqtopo.cli.main import main
from tests.unit.test_code_findings import IMPORTS, STACKED, notebook

Capture = pytest.CaptureFixture[str]
FINE = (
    IMPORTS
    + """
x = keras.Input((10, 4))
h = layers.LSTM(8)(x)
encoder = keras.Model(x, h)
whole = keras.Model(x, layers.Dense(1)(layers.Flatten()(h)))
"""
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("bad.py").write_text(IMPORTS + STACKED)
    Path("fine.py").write_text(FINE)
    Path("other.py").write_text("print('no model')\n")
    Path("spec.topo.txt").write_text("in(T,8) -> lstm(4)\n")
    Path("deep/venv").mkdir(parents=True)
    Path("deep/venv/hidden.py").write_text(IMPORTS + STACKED)
    Path("deep/a.ipynb").write_text(
        notebook(IMPORTS + "m = keras.Sequential([keras.Input((3,))])", "m.summary()")
    )
    return tmp_path


def test_a_file_is_checked_with_a_table_for_each_model(project: Path, capsys: Capture) -> None:
    assert main(["check", "fine.py"]) == 0
    said = capsys.readouterr().out
    assert "fine.py:6: encoder\nmany-to-one" in said
    assert "fine.py:7: whole\nmany-to-one" in said
    assert "LSTM(8)" in said
    assert "Input" in said


@pytest.mark.parametrize(
    "text", [FINE, f"{IMPORTS}{STACKED}".replace("LSTM(32),", "LSTM(32),  # seqtopo: ignore[ST301]")]
)
def test_a_report_without_a_table_is_shown(project: Path, text: str) -> None:
    Path("code.py").write_text(text)
    report = seqtopo.check(Path("code.py"))
    assert report.ok
    assert str(report).endswith("code.py: no errors")
    assert report._repr_html_()


def test_a_mistake_makes_the_exit_code_1(project: Path, capsys: Capture) -> None:
    assert main(["check", "bad.py"]) == 1
    said = capsys.readouterr().out
    assert "error[ST301]: LSTM takes (T, F) but is given (64,)\n --> bad.py:6:5\n" in said
    assert "bad.py:4: model: errors, see above" in said


def test_a_folder_is_searched_for_what_there_is_to_check(project: Path, capsys: Capture) -> None:
    assert main(["check", "."]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("./spec.topo.txt: fine; many-to-one") for line in lines)
    assert "bad.py:model: errors, see above" in lines
    assert any(line.startswith("fine.py:whole: fine; many-to-one, 425 parameters") for line in lines)
    assert not any("hidden" in line or "other.py" in line for line in lines)


@pytest.mark.parametrize("folder", [".git", ".ipynb_checkpoints", "node_modules", "__pycache__", "my-python"])
def test_folders_of_others_are_passed_over(folder: str, project: Path, capsys: Capture) -> None:
    inside = Path(folder, "lib", "keras_things")
    inside.mkdir(parents=True)
    (inside / "hidden.py").write_text(IMPORTS + STACKED)
    if folder == "my-python":
        assert main(["check", ".", "--format", "concise"]) == 1
        assert "hidden" in capsys.readouterr().out
        Path(folder, "pyvenv.cfg").touch()
    assert main(["check", ".", "--format", "concise"]) == 1
    assert "hidden" not in capsys.readouterr().out


def test_json_has_an_entry_for_each_model(project: Path, capsys: Capture) -> None:
    assert main(["check", "fine.py", "bad.py", "--format", "json"]) == 1
    specs = json.loads(capsys.readouterr().out)["specs"]
    assert [(s["file"], s["name"], s["params"]) for s in specs] == [
        ("fine.py", "encoder", 416),
        ("fine.py", "whole", 425),
        ("bad.py", "model", None),
    ]
    (found,) = specs[2]["diagnostics"]
    assert (found["code"], found["file"], found["line"], found["column"]) == ("ST301", "bad.py", 6, 5)


@pytest.mark.parametrize("form", ["concise", "github", "sarif"])
def test_the_other_formats_name_the_python_file(form: str, project: Path, capsys: Capture) -> None:
    assert main(["check", "bad.py", "--format", form]) == 1
    said = capsys.readouterr().out
    assert "bad.py" in said
    assert "ST301" in said


def test_fix_mends_the_file_and_leaves_the_rest_byte_for_byte(project: Path, capsys: Capture) -> None:
    text = FINE.replace("\n", "\r\n").replace("x = keras", "# ü\r\nx = keras", 1)
    Path("old.py").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert main(["check", "old.py", "--diff"]) == 0
    assert "+whole = keras.Model(x, layers.Dense(1)(h))" in capsys.readouterr().out
    assert main(["check", "old.py", "--fix"]) == 0
    after = text.replace("layers.Flatten()(h)", "h")
    assert Path("old.py").read_bytes() == b"\xef\xbb\xbf" + after.encode()


def test_fix_only_mends_what_it_names(project: Path, capsys: Capture) -> None:
    assert main(["check", "fine.py", "--fix", "--fix-only", "ST62,ST7"]) == 0
    assert Path("fine.py").read_text() == FINE
    assert main(["check", "fine.py", "--fix", "--fix-only", "ST66"]) == 0
    assert Path("fine.py").read_text() == FINE.replace("layers.Flatten()(h)", "h")
    assert main(["check", "fine.py", "--fix", "--fix-only", "nothing"]) == 2


def test_fix_mends_a_cell_and_leaves_the_rest_of_the_notebook(project: Path) -> None:
    cells = [
        "%load_ext autoreload\n" + IMPORTS,
        "m = keras.Sequential([\n    keras.Input((3,)),\n    layers.Flatten(),\n    layers.Dense(1),\n])",
        "m.summary()",
    ]
    Path("b.ipynb").write_text(notebook(*cells))
    assert main(["check", "b.ipynb", "--fix"]) == 0
    cells[1] = cells[1].replace("    layers.Flatten(),\n", "")
    assert Path("b.ipynb").read_text() == notebook(*cells)


@pytest.mark.parametrize("command", ["show", "draw"])
def test_a_model_of_a_file_stands_in_the_place_of_a_spec(
    command: str, project: Path, capsys: Capture
) -> None:
    assert main([command, "fine.py:encoder"]) == 0
    assert "lstm" in capsys.readouterr().out


def test_of_several_models_one_has_to_be_named(project: Path, capsys: Capture) -> None:
    assert main(["show", "fine.py"]) == 1
    assert "fine.py makes 2 models" in capsys.readouterr().out
    assert main(["show", "fine.py:encodr"]) == 1
    assert "did you mean encoder?" in capsys.readouterr().out


def test_two_models_are_compared(project: Path, capsys: Capture) -> None:
    assert main(["diff", "fine.py:encoder", "in(10,4) -> lstm(8)"]) == 0
    assert main(["diff", "fine.py:whole", "in(10,4) -> lstm(8)"]) == 1


def test_a_mistake_in_the_code_is_told_in_the_code(project: Path, capsys: Capture) -> None:
    assert main(["show", "bad.py"]) == 1
    assert "bad.py:6:5" in capsys.readouterr().out


def test_a_file_without_a_model_is_fine_and_told(project: Path, capsys: Capture) -> None:
    assert main(["check", "other.py"]) == 0
    assert "no model is made here" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_told(project: Path, capsys: Capture) -> None:
    assert main(["check", "nowhere.py"]) == 1
    assert "nowhere.py cannot be read: no such file" in capsys.readouterr().out


def test_a_file_that_is_no_python_is_told_with_the_line(project: Path, capsys: Capture) -> None:
    Path("broken.py").write_text(FINE + "def f(:\n    pass\n")
    assert main(["check", "broken.py", "--format", "concise"]) == 1
    said = capsys.readouterr().out
    assert "broken.py:8:1: error[ST107] the rest of this file cannot be read: invalid syntax" in said
    assert "ST661" in said


def test_a_model_of_a_file_is_written_as_a_spec(project: Path, capsys: Capture) -> None:
    assert main(["convert", "keras", "fine.py", "--model", "encoder"]) == 0
    assert capsys.readouterr().out == "in(10,4) -> lstm(8)\n"
    assert main(["convert", "keras", "fine.py:encoder", "-o", "encoder.txt"]) == 0
    assert Path("encoder.txt").read_text() == "in(10,4) -> lstm(8)\n"
    assert main(["convert", "keras", "bad.py"]) == 1


def test_python_reads_and_checks_code(project: Path) -> None:
    encoder, whole = seqtopo.read_code(Path("fine.py"))
    assert (encoder.name, whole.report.params) == ("encoder", 425)
    assert not seqtopo.check(Path("bad.py")).ok
    assert [d.code for d in seqtopo.check(Path("fine.py")).diagnostics] == ["ST661"]
    with pytest.raises(ValueError, match="data is for one model"):
        seqtopo.check(Path("fine.py"), loss="mse")


PASTED = """from keras import layers
model = keras.Sequential([
    layers.Input(shape=(None, 3)),
    layers.LSTM(64, return_sequences=True),
    layers.TimeDistributed(layers.Dense(1, use_bias=False)),
])
model.compile(loss="mse")
"""


def test_python_in_the_place_of_a_spec_is_answered_with_its_models(project: Path, capsys: Capture) -> None:
    (found,) = seqtopo.check(PASTED).diagnostics
    assert (found.code, found.message) == ("ST102", "this is Python code, not a spec")
    flow = "model as a spec: in(T,3) -> lstm(64,seq) -> td(dense(1,nobias))"
    assert found.notes == (flow, "train loss=mse")
    Path("spec.txt").write_text(
        "model = Sequential()\nmodel.add(LSTM(8, input_shape=(10, 3)))\nmodel.add(LSTM(2))\n"
    )
    assert main(["check", "spec.txt"]) == 1
    assert "model has a mistake: LSTM takes (T, F) but is given (8,)" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_reported_so_where_a_spec_is_wanted(
    project: Path, capsys: Capture
) -> None:
    assert main(["show", "missing.py"]) == 1
    assert "error[ST405]: missing.py cannot be read" in "".join(capsys.readouterr())


def test_a_walk_through_code_is_in_the_words_of_keras(project: Path, capsys: Capture) -> None:
    made = """
x = keras.Input((24,), dtype="int32")
h = layers.Embedding(500, 8, mask_zero=True)(x)
h = layers.Bidirectional(layers.LSTM(16, return_sequences=True))(h)
h = layers.Conv1D(8, 3, padding="causal", activation="relu")(h)
h = layers.TimeDistributed(layers.Dense(4))(h)
h = layers.Flatten()(h)
model = keras.Model(x, layers.Dense(1, activation="sigmoid")(h))
"""
    Path("long.py").write_text(IMPORTS + made)
    assert main(["show", "long.py"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in (
        'Input(shape=(24,), dtype="int32")',
        "Embedding(500, 8, mask_zero=True)",
        "Bidirectional(LSTM(16, return_sequences=True))",
        "With return_sequences=True every step is kept",
        "In Flatten the time axis ends",
        "The code names no loss",
    ):
        assert words in said
    for words in ("lstm(", "seq)", "in(24", "embed(", "train line", "the spec"):
        assert words not in said


def test_the_first_way_out_does_not_begin_with_or() -> None:
    from seqtopo.code.check import check_text

    # Taking Flatten out comes first in a spec, and does not help here: an image has no steps.
    text = """
x = keras.Input((7, 7, 64))
h = layers.Flatten()(layers.AveragePooling2D(7, strides=1)(x))
h = layers.LSTM(512, return_sequences=True)(layers.Dropout(0.5)(layers.Dense(2048)(h)))
model = keras.Model(x, layers.Dense(3)(h))
"""
    (found,) = [d for d in check_text(IMPORTS + text).every if d.code == "ST301"]
    assert [fix.title for fix in found.fixes] == ["repeat the vector at every step: RepeatVector(10)"]


def test_a_size_without_a_number_in_a_message_is_no_fault() -> None:
    from seqtopo.code.words import keras_words, operation

    assert operation("last(N)") == ""
    assert "N" in keras_words("keep the last steps: last(N)")
