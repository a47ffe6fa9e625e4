"""The options of ``seqtopo check`` on Python files and notebooks: data, bounds, and what does not apply."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import seqtopo
from seqtopo.cli.main import main
from tests.unit.test_code_findings import IMPORTS, notebook

Capture = pytest.CaptureFixture[str]
LOADED = """
import numpy as np
x_train, y_train = np.load("a.npy"), np.load("b.npy")
"""
OPEN = """
model = keras.Sequential([
    keras.Input((x_train.shape[1], x_train.shape[2])),
    layers.LSTM(8),
    layers.Dense(y_train.shape[1]),
])
model.compile(loss="mse")
model.fit(x_train, y_train)
spare = keras.Sequential([layers.Dense(4), layers.Dense(1)])
"""
TWO = """
a = keras.Input((24, 3), name="a")
b = keras.Input((24, 3), name="b")
sums = keras.Model([a, b], layers.Dense(3)(layers.LSTM(4)(layers.Add()([a, b]))))
last = keras.Model(a, layers.Lambda(mine)(layers.LSTM(4)(a)))
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(IMPORTS + LOADED + OPEN)
    Path("train.ipynb").write_text(notebook(IMPORTS + LOADED, OPEN))
    Path("two.py").write_text(IMPORTS + TWO)
    random = np.random.default_rng(0)
    np.save("x.npy", random.normal(size=(6, 24, 3)))
    np.save("flat.npy", random.normal(size=(6, 5)))
    np.save("y.npy", random.normal(size=(6, 2)))


def checked(capsys: Capture, *args: str, code: int = 0) -> list[dict[str, object]]:
    assert main(["check", *args, "--format", "json"]) == code
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["specs"]
    return found


@pytest.mark.parametrize("file", ["train.py", "train.ipynb"])
def test_data_binds_the_sizes_of_the_model_that_is_fitted(file: str, capsys: Capture) -> None:
    model, spare = checked(capsys, file, "--x", "x.npy", "--y", "y.npy")
    assert (model["name"], model["params"]) == ("model", 4 * 8 * (3 + 8 + 1) + 8 * 2 + 2)
    assert spare["params"] == "4*INPUTS_SHAPE_1+9" or not isinstance(spare["params"], int)


def test_data_gives_an_input_the_shape_that_the_code_does_not_say(capsys: Capture) -> None:
    (spare,) = checked(capsys, "train.py:spare", "--x", "flat.npy")
    assert (spare["name"], spare["params"]) == ("spare", 4 * 5 + 4 + 5)


@pytest.mark.parametrize("file", ["train.py", "train.ipynb"])
def test_data_that_does_not_fit_is_told_at_the_code(file: str, capsys: Capture) -> None:
    assert main(["check", file, "--x", "flat.npy", "--y", "y.npy", "--format", "concise"]) == 1
    said = capsys.readouterr().out
    assert re.search(r"^train\.(py:8|ipynb:cell 2:3):5: error\[ST712\]", said), said


def test_labels_are_compared_under_the_loss_that_is_named(capsys: Capture) -> None:
    named = ["two.py:sums", "--x", "a=x.npy", "--x", "b=x.npy", "--y", "y.npy", "--loss", "mse"]
    (sums,) = checked(capsys, *named, code=1)
    assert [d["code"] for d in sums["diagnostics"]] == ["ST702"]  # type: ignore[attr-defined]


def test_which_model_data_is_for_is_asked_where_several_could_be(capsys: Capture) -> None:
    assert main(["check", "two.py", "--x", "x.npy"]) == 2
    assert "data is for one model, and two.py makes 2\nsay which: two.py:sums" in capsys.readouterr().err
    assert main(["check", "two.py:nothing", "--x", "x.npy"]) == 2
    assert "two.py has no model nothing" in capsys.readouterr().err
    with pytest.raises(ValueError, match="data is for one model"):
        seqtopo.check(Path("two.py"), x="x.npy")


def test_labels_of_a_model_that_is_read_in_part_are_not_passed_over(capsys: Capture) -> None:
    (last,) = checked(capsys, "two.py:last", "--x", "x.npy", "--y", "y.npy", "--loss", "mse", code=1)
    (found,) = last["diagnostics"]  # type: ignore[misc]
    assert (found["code"], found["line"]) == ("ST407", 7)
    assert "--y cannot be compared with last: its end is not read" in found["message"]
    assert checked(capsys, "two.py:last", "--x", "x.npy")


def test_data_in_python() -> None:
    report = seqtopo.check(Path("train.py"), x="x.npy", y=np.zeros((6, 5)))
    assert [d.code for d in report.diagnostics if d.severity == "error"] == []


@pytest.mark.parametrize("file", ["train.py:spare", "train.ipynb:spare"])
def test_a_bound_on_parameters(file: str, capsys: Capture) -> None:
    given = [file, "--x", "flat.npy"]
    assert main(["check", *given, "--max-params", "29"]) == 0
    assert main(["check", *given, "--max-params", "28"]) == 1
    assert "29 parameters" in capsys.readouterr().out
    Path("pyproject.toml").write_text("[tool.seqtopo]\nmax-params = 28\n")
    assert main(["check", *given]) == 1
    assert main(["check", *given, "--max-params", "29"]) == 0


def test_only_the_model_that_is_named_is_checked(capsys: Capture) -> None:
    assert [spec["name"] for spec in checked(capsys, "train.py:spare")] == ["spare"]
    assert main(["check", "train.py:nothing"]) == 1
    assert "train.py has no model nothing" in capsys.readouterr().out
    assert main(["check", "train.py:nothing", "--fix"]) == 1


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["train.py", "--import", "json"], "--import is for the layers of specs"),
        (["train.py", "--suggest"], "--suggest shows specs"),
        (["train.py", "--language", "python"], "--language says what the standard input holds"),
        (["train.py", "--pad"], "--pad says what to do with --x"),
        (["train.py", "--loss", "mse"], "--loss says what --y is for"),
        (["train.py", "--x", "x.npy", "--loss", "mes"], "there is no loss 'mes'"),
        (["train.py", "two.py", "--x", "x.npy"], "data is for one spec"),
        (["train.py", "-D", "X_TRAIN_SHAPE_1=relu"], "is a size that the code does not say: a number"),
        (["train.py", "-D", "NOTHING=3"], "no model has a size NOTHING"),
        (["train.py", "-D", "NOTHING=3", "--diff"], "no model has a size NOTHING"),
        (["train.py", "--fix-only", "ST6"], "--fix-only says what --fix and --diff mend"),
        (["in(3) -> dense(1)", "--unread"], "--unread says where reading Python code stopped"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(args: list[str], says: str, capsys: Capture) -> None:
    assert main(["check", *args]) == 2
    assert says in capsys.readouterr().err


def test_what_is_not_read_stands_beside_other_formats(capsys: Capture) -> None:
    assert main(["check", "two.py:last", "--unread", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["specs"]
    assert "two.py:7: not read: Lambda" in said.err
