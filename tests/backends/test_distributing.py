"""Training in several processes gives what one process gives."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.distributing.fitting import first_batch
from seqtopo.distributing.launching import launch
from seqtopo.distributing.shares import additive
from tests.support.backend_run import LONG
from tests.support.on_ranks import CASES, OF_EACH, REFUSED, run

ROOT = Path(__file__).resolve().parents[2]
JAX = keras.backend.backend() == "jax"
TORCH = keras.backend.backend() == "torch"
HERE = [*CASES] if LONG or TORCH else ["plain", "masked", "summed", "two", "normalized"]
"""The cases that run here: each is compiled by every rank, which takes JAX and TensorFlow long."""
SOME = ["fewer", "held"] if JAX else ["held", "adding"]
NOT_HERE = ([*OF_EACH] if JAX else [*REFUSED]) if LONG or TORCH else SOME
"""The cases that are refused here."""
RANKS = int(os.environ.get("SEQTOPO_RANKS", "2"))
"""The long run takes four, too."""
ADAM = 2e-5
"""Adam divides by the root of small numbers, and so enlarges what rounding leaves; measured: 1.4e-6."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any, Any]]:
    """The histories and weights of all cases, trained by so many ranks at once, and what was refused."""
    folder = tmp_path_factory.mktemp("ranks")
    code = launch([sys.executable, "-m", "tests.support.on_ranks", str(folder), *HERE, *NOT_HERE], RANKS)
    assert code == 0
    with np.load(folder / "weights.npz") as weights:
        said = [json.loads((folder / f"{name}.json").read_text()) for name in ("histories", "refused")]
        yield said[0], dict(weights), said[1]


@pytest.mark.parametrize("case", HERE)
def test_ranks_come_to_the_weights_and_numbers_of_one_process(
    case: str, trained: tuple[Any, Any, Any]
) -> None:
    histories, weights, _ = trained
    if case in ("normalized", "dropped") and not JAX:
        # Each rank has the statistics and the noise of its own rows; that the ranks agree was tested in them.
        assert np.isfinite(weights[case]).all()
        return
    history, alone = run(case)
    np.testing.assert_allclose(weights[case], alone, rtol=0, atol=ADAM if case == "adam" else 1e-5)
    for name, numbers in history.items():
        np.testing.assert_allclose(histories[case][name], numbers, rtol=1e-4, err_msg=name)


@pytest.mark.parametrize("case", NOT_HERE)
def test_what_would_not_be_exact_is_refused(case: str, trained: tuple[Any, Any, Any]) -> None:
    assert REFUSED[case][1] in trained[2][case]


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype")  # JAX says it of Keras' own IoU
@pytest.mark.parametrize("made", [x for x in vars(keras.metrics).values() if isinstance(x, type)])
def test_states_of_metrics_add_up(made: type) -> None:
    """The states of metrics add up, so that a step may add up the counts of the ranks."""
    metric = _metric(made)
    if metric is None:
        return
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, size=(12, 3)).astype("float32")
    guess = rng.uniform(0.05, 0.95, size=(12, 3)).astype("float32")
    if made.__name__.startswith("Sparse"):
        y = rng.integers(0, 3, size=12).astype("float32")
    if made in (keras.metrics.MeanIoU, keras.metrics.IoU):
        guess = np.round(guess)

    def states(rows: slice) -> list[Any]:
        metric.reset_state()
        if made in (keras.metrics.Mean, keras.metrics.Sum):
            metric.update_state(guess[rows])
        else:
            metric.update_state(y[rows], guess[rows])
        return [keras.ops.convert_to_numpy(variable) for variable in metric.variables]

    whole = states(slice(None))
    for all_of_them, first, second in zip(whole, states(slice(6)), states(slice(6, 12)), strict=True):
        np.testing.assert_allclose(first + second, all_of_them, rtol=1e-5)
    assert additive(metric)


def _metric(made: type) -> Any:
    """A metric of a class; None where it is a base, or only wraps a function."""
    if made in (keras.metrics.Metric, keras.metrics.MeanMetricWrapper):
        return None
    more: dict[type, dict[str, Any]] = {
        keras.metrics.IoU: {"num_classes": 2, "target_class_ids": [0]},
        keras.metrics.OneHotIoU: {"num_classes": 3, "target_class_ids": [0]},
        keras.metrics.MeanIoU: {"num_classes": 2},
        keras.metrics.OneHotMeanIoU: {"num_classes": 3},
        keras.metrics.SensitivityAtSpecificity: {"specificity": 0.5},
        keras.metrics.SpecificityAtSensitivity: {"sensitivity": 0.5},
        keras.metrics.PrecisionAtRecall: {"recall": 0.5},
        keras.metrics.RecallAtPrecision: {"precision": 0.5},
        keras.metrics.TopKCategoricalAccuracy: {"k": 2},
        keras.metrics.SparseTopKCategoricalAccuracy: {"k": 2},
    }
    return made(**more.get(made, {}))


def test_a_model_that_ranks_cannot_train_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    from seqtopo.distributing import fitting

    monkeypatch.setattr(fitting, "join", lambda device: object())
    model = seqtopo.compile("in(3,1,batch=2) -> gru(4,stateful) -> dense(1)\ntrain adam, loss=mse")
    with pytest.raises(seqtopo.DistributionError, match="stateful"):
        seqtopo.distribute(model)
    with pytest.raises(seqtopo.DistributionError, match="not compiled"):
        seqtopo.distribute(seqtopo.compile("in(3,1) -> gru(4)"))


@pytest.mark.parametrize(
    ("device", "match"), [("gpu:7", "cannot use gpu:7"), ("tpux", "no device"), ("cpu:x", "no device")]
)
def test_a_device_that_the_backend_would_not_use_is_refused(device: str, match: str) -> None:
    with pytest.raises(seqtopo.DistributionError, match=match):
        seqtopo.distribute(device=device)


def test_one_process_alone_is_left_as_it_is() -> None:
    model = seqtopo.compile("in(3,1) -> gru(4) -> dense(1)\ntrain adam, loss=mse")
    before = dict(vars(model))
    assert seqtopo.distribute(model, device="cpu") is model
    assert vars(model).keys() == before.keys()


def test_the_first_batch_is_taken_of_arrays_only() -> None:
    x = np.zeros((50, 3))
    found = first_batch({"x": x, "y": x, "batch_size": 8})
    assert found is not None
    assert [part if part is None else part.shape for part in found] == [(8, 3), (8, 3), None]
    assert first_batch({"x": iter([x])}) is None


def test_metrics_may_be_one() -> None:
    """Keras takes a list only; a spec takes both."""
    model = seqtopo.compile("in(3,1) -> gru(4) -> dense(1)\ntrain adam, loss=mse, metrics=mae")
    history = model.fit(np.zeros((4, 3, 1)), np.zeros((4, 1)), verbose=0).history
    assert set(history) == {"loss", "mae"}


# Ranks are started and ended alike on each backend, and starting them takes long: elsewhere, one fault.
FAULTS = ["data", "weights", "death"] if LONG or TORCH else ["weights"]


# JAX alone waits for the other ranks when a process ends.
@pytest.mark.parametrize("fault", [*FAULTS, "error"] if LONG or JAX else FAULTS)
def test_ranks_that_are_out_of_step_end_with_the_reason(fault: str, tmp_path: Path, capfd: Any) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys, time\n"
        "import numpy as np, keras, seqtopo\n"
        "from seqtopo.distributing.group import join\n"
        "seqtopo.distribute()\n"
        "rank, fault = int(os.environ['RANK']), sys.argv[1]\n"
        "if fault == 'error':\n"
        "    with join().leaving_on_error():\n"
        "        if rank: raise RuntimeError('broken')\n"
        "    time.sleep(60)\n"  # it is ended before
        "    sys.exit(9)\n"
        "model = seqtopo.compile('in(4,2) -> lstm(3) -> dense(1)\\ntrain sgd, loss=mse')\n"
        "seqtopo.distribute(model)\n"
        "x = np.random.default_rng(rank if fault == 'data' else 0).normal(size=(16, 4, 2))\n"
        "def change(epoch, logs):\n"
        "    if rank and fault == 'weights': model.layers[-1].bias.assign([7.0])\n"
        "    if rank and fault == 'death': os._exit(3)\n"
        "callback = keras.callbacks.LambdaCallback(on_epoch_begin=change)\n"
        "try:\n"
        "    model.fit(x, x[:, 0, :1], batch_size=8, epochs=3, verbose=0, callbacks=[callback])\n"
        "except seqtopo.DistributionError as error:\n"
        "    print(error.reason, flush=True)\n"
        "    sys.exit(5)\n",
        encoding="utf-8",
    )
    code = launch([sys.executable, str(script), fault], 2)
    said = capfd.readouterr()
    assert code in {"death": (3,), "error": (1,)}.get(fault, (5, 1))
    words = {
        "data": "different batches",
        "weights": "other weights",
        "death": "rank 1 ended with 3",
        "error": "RuntimeError: broken",
    }
    assert words[fault] in said.out + said.err


def test_fit_of_the_command_line_trains_in_processes(tmp_path: Path, capsys: Any) -> None:
    spec, data = tmp_path / "spec.txt", tmp_path / "s.npy"
    spec.write_text("in(6,1) -> gru(4) -> dense(1)\ntrain sgd(0.1), loss=mse\n", encoding="utf-8")
    np.save(data, np.sin(np.arange(120.0) / 5)[:, None])

    fit = ["fit", str(spec), str(data)]
    command = [sys.executable, "-m", "seqtopo", *fit, "--processes", "2", "--epochs", "2"]
    command += ["-o", str(tmp_path / "both.keras")]
    both = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert both.returncode == 0, both.stderr
    assert both.stdout.count("train:") == 1
    assert both.stdout.count("Saved") == 1
    # One process is this one, which has its backend already.
    one = main([*fit, "--epochs", "2", "-o", str(tmp_path / "one.keras")])
    assert one == 0, capsys.readouterr().err
    first, second = (keras.saving.load_model(tmp_path / f"{name}.keras") for name in ("both", "one"))
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert main([*fit, "--device", "gpu:9", "-o", str(tmp_path / "two.keras")]) == 1
    assert "error[ST735]" in capsys.readouterr().err
    assert not (tmp_path / "two.keras").exists()


def test_the_script_of_the_example_trains_alone_and_under_torchrun(tmp_path: Path) -> None:
    script = ROOT / "examples" / "scale" / "train.py"
    train = runpy.run_path(str(script))["train"]
    alone = train(epochs=1).get_weights()
    if not (LONG or TORCH):
        assert all(np.isfinite(weight).all() for weight in alone)
        return
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, str(script), "--epochs", "1", "-o", str(tmp_path / "both.keras")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("val_loss") == 1
    both = keras.saving.load_model(tmp_path / "both.keras").get_weights()
    for one, other in zip(alone, both, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("count", ["0", "-1", "1000"])
def test_a_number_of_processes_that_makes_no_sense_is_refused(
    count: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("s.npy", np.sin(np.arange(120.0))[:, None])
    code = main(["fit", "in(6,1) -> gru(4) -> dense(1)", "s.npy", "--processes", count, "-o", "m.keras"])
    assert code == 2
    said = capsys.readouterr().err
    assert ("are too many" if count == "1000" else "is not a whole number") in said
