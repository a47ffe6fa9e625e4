"""Data against specs: shapes, kinds, ids, batches, labels; and what symbols learn from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqtopo
from seqtopo import check
from seqtopo.data.loading import load
from seqtopo.diag.model import Diagnostic
from seqtopo.report.analyse import analyse
from seqtopo.report.report import Report
from tests.support.imports import ROOT

RANDOM = np.random.default_rng(0)
SPARSE = "sparse_categorical_crossentropy"


def floats(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype("f4")


def ids(low: int, high: int, *shape: int) -> np.ndarray:
    """Whole numbers of which the least and the greatest are there."""
    found = RANDOM.integers(low, high, shape).ravel()
    found[:2] = (low, high - 1)
    return found.reshape(shape)


def one_hot(*shape: int) -> np.ndarray:
    return np.eye(shape[-1])[RANDOM.integers(0, shape[-1], shape[:-1])]


def report(spec: str, **given: Any) -> Report:
    return check(spec, ignore=["ST6"], **given)


def codes(spec: str, **given: Any) -> list[str]:
    return [d.code for d in report(spec, **given).diagnostics]


CLIPS = "in(4,8,8,3) -> td(conv2d(2,3)) -> td(flatten) -> lstm(4) -> dense(3,softmax)"
STATEFUL = "in(10,int,batch=16) -> embed(20,4) -> lstm(3,stateful) -> dense(5,sigmoid)"

WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "in(1,4) -> flatten -> dense(1)",
        {"x": floats(3, 1, 34)},
        "ST712",
        "34 features at each step, but in(1,4) declares 4",
    ),
    ("in(24,3) -> lstm(4)", {"x": floats(9, 30, 3)}, "ST712", "30 time steps, but in(24,3) declares 24"),
    ("in(1) -> dense(1)", {"x": floats(8, 20, 3)}, "ST712", "has no time axis"),
    ("in(20,3) -> lstm(4)", {"x": floats(8, 20)}, "ST712", "(20,) for each sample"),
    ("in(20,3) -> lstm(4)", {"x": floats(0, 20, 3)}, "ST712", "no samples"),
    ("in(20,3) -> lstm(4)", {"x": np.array(3.0)}, "ST712", "a single number"),
    (CLIPS, {"x": floats(8, 8, 8, 3)}, "ST712", "single frames of (8, 8, 3)"),
    (
        "in(10,3) -> lstm(4)",
        {"x": floats(50, 3)},
        "ST712",
        "single steps of (3,)",
    ),
    ("in(8,8,3) -> conv2d(2,3)", {"x": floats(9, 3, 8, 8)}, "ST714", "the channels come first"),
    ("in(9,int) -> embed(5,2)", {"x": one_hot(8, 9, 5)}, "ST712", "5 numbers for each id"),
    (
        "in(5,3) -> lstm(4) -> dense(3,softmax)",
        {"y": ids(0, 3, 8), "loss": "mse"},
        "ST704",
        "mse compares numbers",
    ),
    ("in(6,30) -> lstm(4)", {"x": floats(6, 30)}, "ST713", "exactly one sample of in(6,30)"),
    ("in(24,3) -> lstm(4)", {"x": floats(8, 3, 24)}, "ST714", "time steps and features are swapped"),
    ("in(?,3) -> lstm(4)", {"x": floats(8, 3, 24)}, "ST714", "time steps and features are swapped"),
    ("in(24,3) -> lstm(4)", {"x": floats(24, 8, 3)}, "ST714", "first axis counts the time steps"),
    ("in(3,1) -> lstm(4)", {"x": np.array([["a", "b", "c"]])}, "ST715", "holds texts"),
    ("in(3,1) -> lstm(4)", {"x": np.array([[[1], [2], None]], object)}, "ST715", "Python objects"),
    ("in(3,int) -> embed(9,4)", {"x": floats(8, 3)}, "ST715", "holds fractions"),
    (
        "in(1,int) -> embed(100,5)",
        {"x": ids(0, 101, 8, 1)},
        "ST716",
        "ids up to 100, but embed(100,5) has rows 0..99",
    ),
    ("in(4,int) -> embed(100,5)", {"x": ids(-1, 9, 8, 4)}, "ST716", "the id -1"),
    ("in(4,int(50)) -> embed(100,5)", {"x": ids(0, 60, 8, 4)}, "ST716", "int(50) has rows 0..49"),
    (
        STATEFUL,
        {"x": ids(0, 20, 500, 10)},
        "ST719",
        "a last batch of 4, and a stateful model takes exactly 16",
    ),
    ("in(5,3,batch=4) -> lstm(3)", {"x": floats(6, 5, 3)}, "ST719", "batch=4 takes exactly 4"),
    (
        "in(5,3) -> lstm(1)",
        {"x": floats(6, 5, 3), "y": floats(5, 1)},
        "ST718",
        "x has 6 samples, but y has 5",
    ),
    ("in(5,3) -> lstm(1)", {"x": np.full((6, 5, 3), np.nan)}, "ST720", "90 are NaN"),
    ("in(5,3) -> dense(1)", {"x": np.full((1, 5, 3), np.inf)}, "ST720", "15 are infinite"),
    ("in(5,3) -> lstm(4) -> dense(9)", {"y": ids(1, 10, 8), "loss": SPARSE}, "ST705", "subtract 1 from y"),
    ("in(5,3) -> lstm(4) -> dense(9)", {"y": ids(0, 12, 8), "loss": SPARSE}, "ST705", "go to 11"),
    ("in(5,3) -> lstm(4) -> dense(9)", {"y": ids(-1, 9, 8), "loss": SPARSE}, "ST705", "begin at 0"),
    ("in(5,3) -> lstm(4) -> dense(9)", {"y": one_hot(8, 9), "loss": SPARSE}, "ST704", "one-hot"),
    ("in(5,3) -> lstm(4) -> dense(9)", {"y": 9 * np.abs(floats(8)), "loss": SPARSE}, "ST704", "not whole"),
    (
        "in(5,3) -> lstm(4) -> dense(9)",
        {"y": ids(0, 9, 8, 1), "loss": "categorical_crossentropy"},
        "ST704",
        "class id",
    ),
    (
        "in(5,3) -> dense(2)",
        {"y": np.ones((8, 5, 2)), "loss": "categorical_crossentropy"},
        "ST708",
        "add up to 1",
    ),
    ("in(5,3) -> lstm(4) -> dense(1)", {"y": floats(8, 1), "loss": "bce"}, "ST708", "from 0 to 1"),
    (
        "in(5,3) -> lstm(1)",
        {"y": 90 + floats(8, 1), "loss": "mse"},
        "ST709",
        "tanh gives only numbers from -1 to 1",
    ),
    (
        "in(5,3) -> lstm(3) -> dense(1,relu)",
        {"y": -1 - ids(0, 5, 8, 1), "loss": "mae"},
        "ST709",
        "only numbers from 0 up",
    ),
    (
        "in(?,2) -> lstm(4) -> dense(1)",
        {"x": floats(2, 29, 2), "y": floats(2, 29), "loss": "mse"},
        "ST703",
        "every step",
    ),
    (
        "in(9,20) -> maxpool1d(4) -> dense(30)",
        {"y": ids(1, 30, 2, 5), "loss": "ctc"},
        "ST706",
        "5 symbols with 2 steps",
    ),
    (
        "in(5,3) -> lstm(4)",
        {"x": floats(8, 5, 3), "y": floats(8, 3)},
        "ST707",
        "(3,), but the model gives (4,)",
    ),
    ("in(5,3) -> lstm(4)", {"y": np.array(["a", "b"])}, "ST715", "a loss takes numbers"),
    ("in(5,3) -> lstm(4)", {"x": {"a": 1}.keys()}, "ST710", "not an array"),
]


@pytest.mark.parametrize(("spec", "given", "code", "words"), WRONG)
def test_what_is_wrong_is_said(spec: str, given: dict[str, Any], code: str, words: str) -> None:
    (found,) = report(spec, **given).diagnostics
    assert found.code == code
    assert words in found.message
    assert found.help or found.fixes
    for fix in found.fixes:
        assert not [d for d in analyse(fix.apply(spec)).diagnostics if d.severity == "error"]


def test_class_names_become_ids_as_the_help_says() -> None:
    spec, y = (
        "in(5,3) -> lstm(4) -> dense(2,softmax)\ntrain loss=sparse_categorical_crossentropy",
        ["b", "a"] * 4,
    )
    (found,) = report(spec, y=np.array(y)).diagnostics
    ids = eval(found.help.partition("y = ")[2], {"numpy": np, "y": y})
    assert list(ids) == [1, 0] * 4
    assert report(spec, y=ids).ok


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("in(24,3) -> lstm(4)", {"x": floats(9, 24, 3)}),
    ("in(24,1) -> lstm(4)", {"x": floats(9, 24)}),
    ("in(24) -> dense(4)", {"x": floats(9, 24, 1)}),
    ("in(?,3) -> lstm(4,seq)", {"x": floats(1, 1, 3), "y": floats(1, 1, 4)}),
    (
        "in(T,F) -> lstm(4) -> repeat(T) -> lstm(4,seq) -> dense(F)",
        {"x": floats(9, 24, 3), "y": floats(9, 24, 3)},
    ),
    ("in(3,int) -> embed(9,4)", {"x": ids(0, 9, 8, 3).astype("f8")}),
    (CLIPS, {"x": floats(8, 4, 8, 8, 3), "y": one_hot(8, 3), "loss": "categorical_crossentropy"}),
    (STATEFUL, {"x": ids(0, 20, 496, 10), "y": RANDOM.random((496, 5)), "loss": "bce"}),
    ("in(5,3) -> lstm(4) -> dense(9)", {"x": floats(8, 5, 3), "y": ids(0, 9, 8), "loss": SPARSE}),
    ("in(5,3) -> lstm(4) -> dense(9)", {"x": floats(8, 5, 3), "y": ids(0, 9, 8, 1), "loss": SPARSE}),
    ("in(5,3) -> lstm(1)", {"x": floats(8, 5, 3), "y": np.tanh(floats(8)), "loss": "mse"}),
    ("in(5,3) -> lstm(4) -> dense(1,sigmoid)", {"y": ids(0, 2, 8), "loss": "bce"}),
    (
        "in(9,20) -> maxpool1d(2) -> dense(30)",
        {"y": np.pad(ids(1, 30, 2, 4), ((0, 0), (0, 9))), "loss": "ctc"},
    ),
    ("in(5,3) -> lstm(1)", {"x": [floats(8, 5, 3)], "y": [floats(8, 1) > 0]}),
    ("in(2,1) -> lstm(1)", {"x": [[[1], [2]], [[3], [4]]], "y": [0.1, 0.2], "loss": "mse"}),
]


@pytest.mark.parametrize(("spec", "given"), RIGHT)
def test_what_is_right_is_left_alone(spec: str, given: dict[str, Any]) -> None:
    assert codes(spec, **given) == []


TWO = "in(16,int) as tok -> embed(500,8) as a\nin(16,int) as seg -> embed(2,8) as b\n[a, b] -> add"


def test_two_inputs_that_are_swapped() -> None:
    tok, seg = ids(0, 500, 3, 16), ids(0, 2, 3, 16)
    (found,) = report(TWO, x=[seg, tok]).diagnostics
    assert found.code == "ST717"
    assert "x[1] has ids up to 499, its table has 2 rows" in found.message
    assert codes(TWO, x=[tok, seg]) == []
    assert codes(TWO, x={"seg": seg, "tok": tok}) == []
    assert codes(TWO, x={"seg": tok, "tok": seg}) == ["ST717"]
    # Too large for both tables: that is another mistake.
    assert codes(TWO, x=[tok, ids(0, 900, 3, 16)]) == ["ST716"]


def test_two_inputs_of_other_shapes_that_are_swapped() -> None:
    spec = "in(24,3) as series -> lstm(4) as a\nin(5) as facts -> dense(4) as b\n[a, b] -> concat"
    (found,) = report(spec, x=[floats(9, 5), floats(9, 24, 3)]).diagnostics
    assert found.code == "ST717"
    assert codes(spec, x=[floats(9, 24, 3), floats(9, 5)]) == []
    assert codes(spec, x=[floats(9, 5), floats(9, 24, 4)]) == ["ST712", "ST712"]


def test_labels_of_two_outputs_that_are_swapped() -> None:
    spec = "r = in(5,3) -> lstm(4)\na = r -> dense(1)\nb = r -> dense(3,softmax)\n[a, b]"
    assert codes(spec, y=[one_hot(8, 3), floats(8, 1)], loss="mse") == ["ST701"]
    assert codes(spec, y=[floats(8, 1), one_hot(8, 3)], loss="mse") == []
    train = "\ntrain adam, loss=[mse, categorical_crossentropy], labels="
    assert codes(f"{spec}{train}[(3), (1)]") == ["ST701"]
    assert codes(f"{spec}{train}[(1), (3)]") == []


def test_the_number_of_arrays_and_their_names() -> None:
    tok = ids(0, 2, 3, 16)
    assert codes(TWO, x=tok) == ["ST711"]
    assert codes(TWO, x={"tok": tok, "other": tok}) == ["ST711"]
    assert codes(TWO, x=[tok, tok, tok]) == ["ST711"]
    assert codes("in(16,int) -> embed(2,8)", x={"anything": tok}) == ["ST711"]


def test_symbols_learn_from_data() -> None:
    spec = "in(T,F) -> lstm(8) -> repeat(S) -> lstm(4,seq) -> dense(F)"
    found = report(spec, x=floats(9, 24, 3), y=floats(9, 10, 3))
    assert found.diagnostics == ()
    assert found.shapes[0].outputs == ((24, 3),)
    assert list(found.outputs.values()) == [(10, 3)]
    assert isinstance(found.params, int)


def test_what_is_bound_otherwise_is_not_learned() -> None:
    x = floats(9, 24, 3)
    assert codes("let T = 30\nin(T,3) -> lstm(4)", x=x) == ["ST712"]
    assert codes("in(T,3) -> lstm(4)", x=x, T=30) == ["ST712"]
    assert codes("in(T,3) -> lstm(4)", x=x, T=24) == []


def test_two_arrays_that_say_two_things_of_a_symbol() -> None:
    spec = "in(T,3) as a -> lstm(4) as p\nin(T,2) as b -> lstm(4) as q\n[p, q] -> concat"
    (found,) = report(spec, x={"a": floats(4, 24, 3), "b": floats(4, 30, 2)}).diagnostics
    assert (found.code, found.message) == ("ST721", "T is 24 in x['a'], but 30 in x['b']")


def test_what_a_symbol_learns_is_checked_like_any_number() -> None:
    assert codes("in(T,F) -> conv1d(4,9)", x=floats(9, 5, 3)) == ["ST306"]


def test_files(tmp_path: Path) -> None:
    x, y = floats(9, 24, 3), floats(9, 1)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    np.savez(tmp_path / "both.npz", x_train=x, y_train=y)
    np.savez(tmp_path / "inputs.npz", seg=ids(0, 2, 3, 16), tok=ids(0, 500, 3, 16))
    np.savez(tmp_path / "unnamed.npz", ids(0, 2, 3, 16), ids(0, 500, 3, 16))
    (tmp_path / "z.npy").write_bytes(b"1,2,3")
    spec = "in(T,F) -> lstm(4) -> dense(1)"
    assert codes(spec, x=tmp_path / "x.npy", y=str(tmp_path / "y.npy"), loss="mse") == []
    assert codes(spec, x=tmp_path / "both.npz", y=tmp_path / "both.npz", loss="mse") == []
    assert codes(TWO, x=tmp_path / "inputs.npz") == []
    assert codes(TWO, x=tmp_path / "unnamed.npz") == ["ST717"]
    (found,) = report(spec, x=tmp_path / "z.npy").diagnostics
    assert (found.code, found.source and found.source.name) == ("ST710", str(tmp_path / "z.npy"))


def test_fault_b8_only_pieces_of_very_much_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqtopo.data.array.MOST", 10)
    monkeypatch.setattr("seqtopo.data.array.PIECE", 10)
    assert codes("in(5,3) -> lstm(4)", x=floats(9, 5, 3)) == ["ST722"]


def test_without_numpy_the_shapes_of_arrays_are_still_checked() -> None:
    program = (
        "import sys; sys.modules['numpy'] = None\nimport seqtopo\n"
        "class Tensor: shape, dtype = (9, 5, 3), 'float32'\n"
        "print(*[d.code for d in seqtopo.check('in(5,4) -> lstm(2)', x=Tensor()).diagnostics])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["ST712", "ST722"]


def test_an_array_that_fails_when_it_is_read_is_not_looked_at() -> None:
    class Far:
        shape, dtype = (9, 5, 3), np.dtype("f4")

        def __getitem__(self, key: object) -> object:
            raise RuntimeError("it is on another device")

    assert codes("in(5,3) -> lstm(4)", x=Far()) == ["ST722"]


def test_a_loss_that_is_none() -> None:
    with pytest.raises(ValueError, match="no loss 'msee'; did you mean mse"):
        check("in(5,3) -> lstm(4)", y=floats(3, 4), loss="msee")


def test_the_loss_of_a_train_statement_is_used() -> None:
    spec = (
        "in(5,3) -> lstm(4) -> dense(9)\n\ntrain adam, loss=sparse_categorical_crossentropy, labels=(int(9))"
    )
    assert codes(spec, y=ids(0, 9, 8)) == []
    (found,) = report(spec, y=one_hot(8, 9)).diagnostics
    assert found.code == "ST704"
    assert found.fixes[0].apply(spec).endswith("loss=categorical_crossentropy, labels=(int(9))")


def test_fault_b7_samples_of_unequal_lengths_are_told_to_be_padded(tmp_path: Path) -> None:
    samples = [floats(steps, 3) for steps in (2, 5, 7)]
    together = np.empty(3, object)
    together[:] = samples
    np.savez(tmp_path / "ragged.npz", x=together, y=floats(3, 1))
    spec = "in(T,3) -> mask -> lstm(4) -> dense(1)"
    for x in (samples, together, [s.tolist() for s in samples]):
        (found,) = [d for d in report(spec, x=x).diagnostics if d.severity == "error"]
        assert (found.code, found.message) == (
            "ST738",
            "x holds 3 samples of 2 to 7 steps, and a batch has one length",
        )
        assert "pad_sequences" in found.help
        assert "mask" in found.help
    ragged = tmp_path / "ragged.npz"
    (found,) = [d for d in report(spec, x=ragged, y=ragged, loss="mse").diagnostics if d.severity == "error"]
    assert (found.code, "which is never opened here" in found.message) == ("ST738", True)
    with pytest.raises(seqtopo.SpecError, match=r"ragged.npz: x holds 3 Python objects"):
        load(ragged, False, ["input"], ["dense"])
    # Two inputs of unequal lengths are two inputs.
    assert "ST738" not in codes(TWO, x=[ids(0, 2, 3, 16), ids(0, 500, 3, 12)])


RAGGED = [floats(steps, 3) for steps in (2, 5, 7)]
MASKED = "in(T,3) -> mask -> lstm(4) -> dense(1)"


def found(spec: str, **given: Any) -> list[Diagnostic]:
    return list(report(spec, y=floats(3, 1), loss="mse", pad=True, **given).diagnostics)


def test_fault_b7_samples_are_padded_to_the_longest_or_to_what_the_spec_declares(tmp_path: Path) -> None:
    together = np.empty(3, object)
    together[:] = RAGGED
    np.savez(tmp_path / "by_number.npz", *RAGGED)
    np.savez(tmp_path / "by_name.npz", **{f"x_{i}": s for i, s in enumerate(RAGGED)}, y=floats(3, 1))
    every = [RAGGED, together, [s.tolist() for s in RAGGED], tmp_path / "by_number.npz"]
    for x in (*every, [tmp_path / "by_name.npz"], {"input": RAGGED}):
        shown = report(MASKED, x=x, y=floats(3, 1), loss="mse", pad=True)
        assert (list(shown.diagnostics), shown.shapes[0].outputs) == ([], ((7, 3),))
    assert found(MASKED.replace("T", "9"), x=RAGGED) == []
    (short,) = found(MASKED.replace("T", "6"), x=RAGGED)
    assert (short.code, short.message) == ("ST712", "x has 7 time steps, but in(6,3) declares 6")
    # What is of one length already stays as it is.
    assert found(MASKED, x=floats(3, 5, 3)) == []
    # A sequence and what stands beside it; the ids begin at 1.
    two = "[in(?,int) as a -> embed(9,4,mask) -> lstm(3), in(2) as b] -> concat -> dense(1)"
    words = [ids(1, 9, steps) for steps in (2, 5, 7)]
    np.savez(tmp_path / "two.npz", b=floats(3, 2), **{f"a_{i}": w for i, w in enumerate(words)})
    for x in ([words, floats(3, 2)], {"a": words, "b": floats(3, 2)}, tmp_path / "two.npz"):
        assert found(two, x=x) == []


def test_fault_b7_a_file_of_samples_of_unequal_lengths_is_told_to_be_padded(tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", *RAGGED, y=floats(3, 1))
    (wrong,) = report(MASKED, x=tmp_path / "r.npz").diagnostics
    assert (wrong.code, wrong.message[:29]) == ("ST738", "x holds 3 samples of 2 to 7 s")
    assert "--pad" in wrong.help
    with pytest.raises(seqtopo.SpecError, match=r"r\.npz: x holds 3 samples of 2 to 7 steps"):
        load(tmp_path / "r.npz", False, ["input"], ["dense"])
    together = np.empty(3, object)
    together[:] = RAGGED
    np.save(tmp_path / "o.npy", together)
    with pytest.raises(seqtopo.SpecError, match=r"o\.npy holds 3 Python objects") as refused:
        load(tmp_path / "o.npy", False, ["input"], ["dense"])
    assert 'numpy.savez("o.npz", *samples, y=y)' in refused.value.diagnostics[0].help
    np.savez(tmp_path / "gap.npz", x_0=RAGGED[0], x_2=RAGGED[1])
    (gap,) = found(MASKED, x=tmp_path / "gap.npz")
    assert (gap.code, gap.message) == ("ST738", "gap.npz lacks x_1, between x_0 and x_2")
    np.savez(tmp_path / "text.npz", x_0=RAGGED[0], x_1=np.array(["a", "b"]))
    (text,) = found(MASKED, x=tmp_path / "text.npz")
    assert (text.code, text.message) == ("ST738", "x_1 in text.npz holds texts, not numbers")


@pytest.mark.parametrize(
    ("spec", "x", "code", "fixed"),
    [
        ("in(T,3) -> lstm(4) -> dense(1)", RAGGED, "ST739", "in(T,3) -> mask -> lstm(4) -> dense(1)"),
        # Where a step of zeros is data, another number is masked.
        (
            "in(T,3) -> lstm(4) -> dense(1)",
            [np.zeros((1, 3)), np.ones((2, 3)), np.ones((4, 3))],
            "ST739",
            "in(T,3) -> mask(-1) -> lstm(4) -> dense(1)",
        ),
        (
            MASKED,
            [np.zeros((1, 3)), np.ones((2, 3)), np.full((4, 3), -1)],
            "ST740",
            "in(T,3) -> mask(-2) -> lstm(4) -> dense(1)",
        ),
        (
            "in(T,int) -> embed(9,4) -> lstm(3) -> dense(1)",
            [[1], [2, 3], [8]],
            "ST739",
            "in(T,int) -> embed(9,4,mask) -> lstm(3) -> dense(1)",
        ),
        ("in(T,int) -> embed(9,4,mask) -> lstm(3) -> dense(1)", [[1], [0, 3], [8]], "ST740", ""),
        # Nothing uses a mask here, so none is offered.
        ("in(T,3) -> conv1d(4,2) -> gmaxpool1d -> dense(1)", RAGGED, "ST739", ""),
        ("in(T,3) -> mask(-9) -> lstm(4) -> dense(1)", RAGGED, "", ""),
        ("in(T,3) -> mask(-9) -> lstm(4) -> dense(1)", [*RAGGED[:2], np.zeros((4, 3))], "", ""),
    ],
)
def test_fault_b7_padding_is_masked_and_nothing_else_is(spec: str, x: Any, code: str, fixed: str) -> None:
    wrong = found(spec, x=x)
    assert [d.code for d in wrong] == [code] * bool(code)
    assert [d.severity for d in wrong] == ["warning"] * bool(code)
    texts = [fix.apply(spec) for d in wrong for fix in d.fixes]
    assert texts == [fixed] * bool(fixed)
    assert all(found(text, x=x) == [] for text in texts)


def test_fault_b7_padded_labels_need_a_mask_at_the_output_or_weights() -> None:
    labels = [s[:, :1] for s in RAGGED]
    every = "in(T,3) -> mask -> lstm(4,seq) -> dense(1)"
    given = {"x": RAGGED, "y": labels, "loss": "mse", "pad": True}
    assert codes(every, **given) == []
    lost = every.replace("dense(1)", "conv1d(1,3,same)")
    assert codes(lost, **given) == ["ST739"]
    assert codes(lost, **given, sample_weight=[np.ones(len(s)) for s in RAGGED]) == []


def test_fault_b7_pad_in_python() -> None:
    made = seqtopo.data.pad(RAGGED, at="start", steps=8)
    assert (made.shape, made.dtype, not made[0, :6].any()) == ((3, 8, 3), np.dtype("f4"), True)
    np.testing.assert_array_equal(made[0, 6:], RAGGED[0])
    assert seqtopo.data.pad([[True], [True, False]], -1).tolist() == [[1, -1], [1, 0]]
    assert seqtopo.data.pad([[250], [1, 2]], 0.5).tolist() == [[250, 0.5], [1, 2]]
    for samples, said in (
        ([], "there are no samples"),
        ([RAGGED[0], np.ones((0, 3))], r"samples\[1\] has no steps"),
        ([RAGGED[0], np.ones((4, 2))], r"samples\[1\] is \(4, 2\)"),
        ([RAGGED[0], 3.0], r"samples\[1\] is a single number"),
        ([["a"], ["b", "c"]], r"samples\[0\] holds texts"),
        ([[[1, 2], [3]], [[1, 2]]], r"samples\[0\] is not an array"),
        ([np.broadcast_to(np.zeros(1), 2**21), *[[1]] * 2**8], "numbers when padded"),
    ):
        with pytest.raises(seqtopo.SpecError, match=said):
            seqtopo.data.pad(samples)
    with pytest.raises(seqtopo.SpecError, match=r"samples\[2\] has 7 steps, more than 5"):
        seqtopo.data.pad(RAGGED, steps=5)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_fault_b7_numbers_that_are_none_are_padded_too(odd: float) -> None:
    x = [np.array([[odd], [0.0]]), np.ones((4, 1))]
    wrong = found("in(T,1) -> mask -> lstm(4) -> dense(1)", x=[*x, np.ones((1, 1))])
    assert sorted(d.code for d in wrong) == ["ST720", "ST740"]


def test_fault_b7_each_of_several_inputs_may_have_samples_of_unequal_lengths() -> None:
    two = "[in(?,3) as a -> mask -> lstm(3), in(?,3) as b -> mask -> lstm(3)] -> concat -> dense(1)"
    (wrong, *_) = report(two, x=[RAGGED, RAGGED]).diagnostics
    assert (wrong.code, wrong.message[:20]) == ("ST738", "x[0] holds 3 samples")
    assert found(two, x=[RAGGED, RAGGED]) == []
