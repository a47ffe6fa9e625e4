"""``seqtopo search`` trains its trials as ``fit`` does, and fits the best."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import optuna
import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.data.training import training_runs as runs
from seqtopo.diag.error import SpecError
from seqtopo.report.analyse import analyse
from seqtopo.runtime.building import build
from seqtopo.searching.running import training_of
from seqtopo.searching.setting_up import Options, set_up
from seqtopo.searching.worker import Worker
from tests.support import spaces

Capture = pytest.CaptureFixture[str]

SPACE = """\
search UNITS in [2..3], LR in [1e-3..1e-2] log
in(T,F) -> gru(UNITS) -> dense(1)
train adam(LR), loss=mse
"""


@pytest.fixture
def waves(tmp_path: Path) -> Path:
    path = tmp_path / "waves.npy"
    np.save(path, np.sin(np.arange(160.0) / 3)[:, None])
    return path


def test_a_trial_is_rerun_to_the_same_score_and_keeps_off_the_end(waves: Path) -> None:
    options = Options(waves, steps=6, epochs=1)
    found = set_up(analyse(SPACE), options, {})
    assert found.points.dims == {"T": 6, "F": 1}
    train = training_of(found)
    text = found.points.text({"UNITS": 2, "LR": 0.004})
    told: list[tuple[int, float]] = []
    one = train(text, 3, lambda epoch, loss: told.append((epoch, loss)))
    again = train(text, 3, lambda epoch, loss: None)
    assert one.value == again.value == told[-1][1]
    assert train(text, 4, lambda epoch, loss: None).value != one.value
    job = train.job(text, 3)
    assert job.early is not None
    assert job.early.steps == 102  # 160 without the last fifth, and that without its last fifth


def test_the_score_is_the_error_on_the_data_without_penalties_of_weights(waves: Path) -> None:
    penalty = "in(T,F) -> gru(2,kernel_regularizer=l2(0.5)) -> dense(1)\ntrain adam(1e-3), loss=mse\n"
    text = f"search UNITS in [2..3]\n{penalty}".replace("gru(2,", "gru(UNITS,")
    train = training_of(set_up(analyse(text), Options(waves, steps=6, epochs=1), {}))
    told: list[float] = []
    score = train(penalty, 3, lambda epoch, loss: told.append(loss)).value
    job = train.job(penalty, 3)
    runs.seed_everything(3)
    model = build(job.checked, seed=3).main()
    runs.train(model, job.train, job.held, 1, runs.Progress(Path(), ""), lambda w: None, lambda e, n: None)
    errors = [(model.predict_on_batch(x) - y) ** 2 for x, y in (job.held[i] for i in range(len(job.held)))]
    assert score == told[-1] == pytest.approx(float(np.concatenate(errors).mean()), rel=1e-4)


def test_folds_end_later_and_later(waves: Path) -> None:
    found = set_up(analyse(SPACE), Options(waves, steps=6, epochs=1, folds=3), {})
    train = training_of(found)
    text = found.points.text({"UNITS": 2, "LR": 0.004})
    ends = []
    for fold in range(3):
        job = train.job(text, 0, fold)
        assert job.early is not None
        ends.append(job.early.steps)
    assert ends == sorted(set(ends))
    assert ends[-1] == 102
    score = train(text, 0, lambda epoch, loss: None)
    assert len(score.folds) == 3
    assert score.value == pytest.approx(sum(score.folds) / 3)


def test_the_command_searches_goes_on_and_fits_the_best(
    waves: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(waves.parent)
    Path("spec.txt").write_text(SPACE)
    words = ["search", "spec.txt", "waves.npy", "--steps", "6", "--epochs", "1", "--sampler", "random"]
    assert main([*words, "--trials", "2", "--finalists", "1"]) == 0
    out = capsys.readouterr().out
    assert "study spec: 2 trained" in out
    assert "the last value" in out
    best = Path("best.txt").read_text()
    assert best.startswith("# The best of the study spec: trial ")
    assert "\nlet UNITS = " in best
    assert Path("best.keras").exists()
    assert "<circle" in Path("best-search.svg").read_text()
    assert main([*words, "--trials", "3", "--finalists", "1"]) == 0
    assert "with 2 trials so far" in capsys.readouterr().out
    assert main(["search", "--show", "waves.study.log", "--pareto"]) == 0
    assert "study spec: 3 trained" in capsys.readouterr().out
    assert main([*words, "--trials", "3", "--seed", "7"]) == 1
    assert "error[ST441]" in capsys.readouterr().err


def test_what_cannot_be_searched_is_said_before_anything_trains(waves: Path, capsys: Capture) -> None:
    asked = ["search", SPACE, str(waves), "--steps", "6"]
    assert main([*asked, "-o", str(waves.parent / "nowhere" / "best.txt")]) == 2
    assert "nowhere is not there" in capsys.readouterr().err
    for more, said in (
        (["--max-params", "3"], "no choice of this space has at most 3 parameters (the smallest has 33)"),
        (["--min-steps", "9"], "no choice of this space has 9 steps left"),
        (["--sampler", "grid"], "a grid needs steps, and LR lies between 0.001 and 0.01"),
        (["--validation", "0"], "nothing is held out"),
        (["-D", "UNITS=2", "-D", "LR=0.01"], "every searched name is bound"),
    ):
        assert main([*asked, *more]) == 1
        err = " ".join(capsys.readouterr().err.split())
        assert "error[ST444]" in err
        assert said in err, err
    with pytest.raises(SpecError, match="ST226"):
        seqtopo.search(
            "search K in [2..9]\nin(6,1) -> conv1d(2,K) -> gmaxpool1d -> dense(1)", waves, trials=1
        )


@pytest.mark.parametrize("how", ["pruned", "stopped"])
def test_a_trial_that_ends_early_is_no_failure_of_the_backend(
    how: str, waves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = optuna.pruners.ThresholdPruner(upper=-1.0)
    monkeypatch.setattr("seqtopo.searching.setting_up.pruner_of", lambda kind, epochs: never)
    if how == "pruned":
        study = seqtopo.search(SPACE, waves, steps=6, epochs=2, trials=1)
        assert [t.state for t in study.trials] == [optuna.trial.TrialState.PRUNED]
        return
    found = set_up(analyse(SPACE), Options(waves, steps=6, epochs=2), {})
    study = found.join(optuna.storages.InMemoryStorage(), "s")
    worker = Worker(study, found.points, training_of(found), 1, 0)
    worker.each_epoch = lambda: setattr(worker, "stopping", lambda: True)
    assert worker.run() == "stopped"
    states = [t.state for t in study.trials]
    assert states == [optuna.trial.TrialState.FAIL, optuna.trial.TrialState.WAITING]


def test_search_from_python(waves: Path, tmp_path: Path) -> None:
    where = f"journal://{tmp_path}/study.log"
    study = seqtopo.search(SPACE, waves, steps=6, epochs=1, trials=2, storage=where, max_params=40)
    assert isinstance(study, optuna.Study)
    assert [t.params["UNITS"] for t in study.trials] == [2, 2]
    text = seqtopo.spec_of_trial(study.best_trial, SPACE)
    assert seqtopo.compile(text, T=6, F=1).count_params() == study.best_trial.user_attrs["params"] == 33
    again = seqtopo.search(SPACE, waves, steps=6, epochs=1, trials=3, storage=where, max_params=40)
    assert len(again.trials) == 3


@pytest.mark.parametrize("first", [0, 4, 8])
def test_no_point_of_a_space_that_checks_dies_of_its_shape(first: int) -> None:
    ended = [spaces.failures(number, points=1) for number in range(first, first + 4)]
    assert [wrong for _, wrong in ended if wrong] == []
    assert "checks" in {how for how, _ in ended}
