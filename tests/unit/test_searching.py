"""Searching a space: drawing, counting, joining, and going on; trials train nothing here."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

import seqtopo
from seqtopo.cli.search_picture import picture
from seqtopo.cli.search_show import put_study
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.searching import leases
from seqtopo.searching.leases import LEASE, WHY, counted, is_over, lease, requeue_killed
from seqtopo.searching.results import best_trials, importance, pareto, tally, values_of
from seqtopo.searching.storage import SUFFIX, checked_record, join, open_storage
from seqtopo.source import Span
from seqtopo.system.threads import limit_threads, share
from tests.support.search_worker import SPACE, points_of, record_of, worker_on

ROOT = Path(__file__).parents[2]


def points_tried(trials: list[FrozenTrial]) -> list[str]:
    return [t.user_attrs["point"] for t in sorted(trials, key=lambda t: t.number)]


def journal(path: Path) -> Any:
    return open_storage(f"journal://{path}", path)


# ---- points ----------------------------------------------------------------------------------------------


def test_a_point_asks_only_for_what_it_uses() -> None:
    text = "search BODY in [(lstm(U)), (gru(V) -> relu)], U in [1..3], V in [4, 5]\nin(7,4) -> BODY\n"
    worker = worker_on(InMemoryStorage(), 12, sampler="tpe", text=text)
    assert worker.run() == "exhausted"  # it has five points
    trials = counted(worker.study.trials)
    assert sorted(points_tried(trials)) == [
        "BODY=(gru(V) -> relu), V=4", "BODY=(gru(V) -> relu), V=5",
        "BODY=(lstm(U)), U=1", "BODY=(lstm(U)), U=2", "BODY=(lstm(U)), U=3",
    ]  # fmt: skip


def test_the_spec_of_a_trial_has_let_in_place_of_search() -> None:
    spec = (
        "# first\nsearch A in [2..9], B in [(lstm(4)), gru(C)]  # second\n"
        "search C in [3, 4]\nin(5,2) -> B -> dense(A)"
    )
    trial = optuna.trial.FixedTrial({"A": 7, "B": "(lstm(4))"})
    text = seqtopo.spec_of_trial(trial, spec)
    assert text == "# first\nlet A = 7, B = (lstm(4))  # second\nin(5,2) -> B -> dense(A)\n"
    assert seqtopo.check(text).params == 4 * (2 * 4 + 4 * 4 + 4) + 4 * 7 + 7
    bound = seqtopo.spec_of_trial(optuna.trial.FixedTrial({"B": "gru(C)", "C": 3}), spec, A=2)
    assert "let A = 2, B = gru(C)" in bound


def test_no_trial_is_one_that_is_not_allowed() -> None:
    most = 12_000
    points = points_of(max_params=most)
    shares = [points.params(values) or 0 for values in points.some_topologies()]
    assert shares
    for sampler in ("random", "tpe"):
        worker = worker_on(InMemoryStorage(), 20, sampler=sampler, max_params=most)
        worker.run()
        found = [t.user_attrs["params"] for t in counted(worker.study.trials)]
        assert len(found) == 20
        assert max(found) <= most
        assert worker.study.sampler.redrawn > 0  # type: ignore[attr-defined]


def test_where_hardly_a_point_is_allowed_one_is_still_taken() -> None:
    text = "search A in [1..300], B in [1..300]\nin(4,2) -> dense(A) -> lstm(B) -> dense(1)\n"
    worker = worker_on(InMemoryStorage(), 3, text=text, max_params=60)
    worker.run()
    assert [t.user_attrs["params"] <= 60 for t in counted(worker.study.trials)] == [True] * 3
    assert worker.study.sampler.fallen_back >= 1  # type: ignore[attr-defined]


def test_the_fewest_steps_left() -> None:
    text = "search K in [2..9]\nin(20,4) -> conv1d(8,K) * 2 -> gmaxpool1d -> dense(1)\n"
    worker = worker_on(InMemoryStorage(), 4, text=text, min_steps=15, sampler="grid")
    worker.run()
    assert sorted({t.params["K"] for t in counted(worker.study.trials)}) == [2, 3]
    assert {t.user_attrs["steps"] for t in counted(worker.study.trials)} == {18, 16}


@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_the_same_seed_gives_the_same_trials_with_any_number_of_workers(sampler: str, tmp_path: Path) -> None:
    text = SPACE.replace("[0.0..0.5]", "[0.0..0.5] step 0.25")
    alone = worker_on(InMemoryStorage(), 12, sampler=sampler, text=text)
    alone.run()
    path = tmp_path / "study.log"
    two = [worker_on(journal(path), 12, sampler=sampler, text=text) for _ in range(2)]
    while any(len(counted(w.study.trials)) < 12 for w in two):
        for worker in two:
            worker.study.optimize(worker._objective, n_trials=1)
    assert points_tried(alone.study.trials) == points_tried(two[0].study.trials)[:12]
    assert [t.value for t in alone.study.trials] == [t.value for t in two[0].study.trials][:12]
    other = worker_on(InMemoryStorage(), 12, sampler="random", text=text, seed=1)
    other.run()
    assert points_tried(other.study.trials) != points_tried(alone.study.trials)


def test_equal_points_are_trained_once() -> None:
    trained: list[str] = []
    text = "search A in [1..3]\nin(4,2) -> lstm(A) -> dense(1)\n"
    worker = worker_on(InMemoryStorage(), 9, text=text, sampler="random")
    train = worker.train

    def noted(spec: str, seed: int, report: Any) -> Any:
        trained.append(spec)
        return train(spec, seed, report)

    worker.train = noted
    worker.run()
    assert len(trained) == len(set(trained)) <= 3
    assert all("value_of" in t.user_attrs for t in worker.study.trials[len(trained) :][-1:])


# ---- joining ---------------------------------------------------------------------------------------------

DIFFERENT: list[tuple[str, dict[str, Any], str]] = [
    (SPACE.replace("dense(1)", "dense(2)"), {}, "is of another spec"),
    (SPACE, {"data": "other"}, "is of other data"),
    (SPACE, {"epochs": 3}, "was begun with other options: epochs is None, not 3"),
    (SPACE.replace("[4..64]", "[4..32]"), {}, "searches more than this spec: UNITS"),
    (SPACE.replace("[lstm, gru]", "[lstm]"), {}, "searches more than this spec: CELL"),
    (SPACE.replace("[4..64]", "[4..68]"), {}, "this spec searches more than the study s: UNITS"),
    (
        SPACE.replace("[lstm, gru]", "[lstm, gru, simple_rnn]"),
        {},
        "this spec searches more than the study s: CELL",
    ),
]


@pytest.mark.parametrize(("text", "options", "said"), DIFFERENT)
def test_a_worker_that_searches_something_else_is_refused(
    text: str, options: dict[str, Any], said: str
) -> None:
    storage = InMemoryStorage()
    join(storage, "s", record_of())
    with pytest.raises(SpecError, match=re.escape(said)) as caught:
        join(storage, "s", record_of(text, **options))
    assert caught.value.diagnostics[0].code == "ST441"
    join(storage, "s", record_of())  # the study is as it was
    join(storage, "another", record_of(text, **options))


def test_a_wider_space_is_recorded_with_widen() -> None:
    storage = InMemoryStorage()
    worker = worker_on(storage, 6, name="s")
    worker.run()
    wide = SPACE.replace("[4..64]", "[4..96]").replace("[lstm, gru]", "[lstm, gru, simple_rnn]")
    study, record = join(storage, "s", record_of(wide), widen=True)
    assert record.versions == {"CELL": 2}  # Optuna fixes the choices of a name; a range may grow
    with pytest.raises(SpecError, match="searches more than this spec: UNITS and CELL"):
        join(storage, "s", record_of())
    again = worker_on(storage, 14, name="s", text=wide)
    again.points.names = record.names()
    again.run()
    assert {"CELL", "CELL@2"} <= {name for t in study.trials for name in t.params}
    assert all(set(values_of(t)) == {"UNITS", "DEPTH", "RATE", "CELL"} for t in study.trials)
    assert checked_record("s", record, record_of(wide), widen=False) == record


def test_a_study_of_somebody_else_is_refused() -> None:
    storage = InMemoryStorage()
    study = optuna.create_study(storage=storage, study_name="s")
    study.set_user_attr("seqtopo", "?")
    with pytest.raises(SpecError, match="not one of seqtopo search"):
        join(storage, "s", record_of())


# ---- failures --------------------------------------------------------------------------------------------


def _wrong(code: str, message: str) -> SpecError:
    return SpecError((Diagnostic(code, message, Span(0, 0)),))


def test_a_loss_that_is_not_finite_fails_the_trial_and_not_the_worker() -> None:
    worker = worker_on(InMemoryStorage(), 20)
    train = worker.train

    def sometimes(spec: str, seed: int, report: Any) -> Any:
        if seed % 2:
            raise _wrong("ST731", "loss is nan in training, in epoch 1")
        return train(spec, seed, report)

    worker.train = sometimes
    assert worker.run() == "done"
    counts = tally(worker.study.trials)
    assert counts.complete + counts.failed == 20
    assert counts.reasons == {"loss is nan in training, in epoch 1": counts.failed}


def test_where_every_trial_fails_the_worker_says_why() -> None:
    worker = worker_on(InMemoryStorage(), 50)

    def never(spec: str, seed: int, report: Any) -> Any:
        raise _wrong("ST438", "torch stopped while a trial was trained")

    worker.train = never
    with pytest.raises(SpecError, match="8 trials failed one after the other: torch stopped"):
        worker.run()
    assert len(worker.study.trials) == 8


def test_a_stop_ends_after_the_epoch_and_the_trial_is_trained_later(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    asked = iter([False, False, False, False, True])
    worker = worker_on(journal(path), 5)
    worker.stopping = lambda: next(asked, True)
    assert worker.run() == "stopped"
    again = worker_on(journal(path), 5)
    assert again.run() == "done"
    alone = worker_on(InMemoryStorage(), 5)
    alone.run()
    done = counted(again.study.trials)
    assert len(done) == 5
    assert {t.user_attrs["point"] for t in done} == set(points_tried(alone.study.trials))
    assert {t.value for t in done} == {t.value for t in alone.study.trials}


def test_a_killed_worker_leaves_its_trial_to_others(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    child = _child(path, 6, 30.0)
    storage = journal(path)
    _until(lambda: any("seed" in t.user_attrs for t in _trials(storage)), child)
    child.kill()
    child.communicate()
    (lost,) = [t for t in _trials(storage) if t.state == TrialState.RUNNING]
    worker = worker_on(storage, 6)
    assert worker.run() == "done"
    done = counted(worker.study.trials)
    assert len(done) == 6
    retried = [t for t in done if t.user_attrs.get("retry_of") == lost.number]
    assert [t.params for t in retried] == [lost.params]


def test_a_trial_that_kills_its_worker_each_time_fails_for_good() -> None:
    worker = worker_on(InMemoryStorage(), 4)
    for _ in range(leases.MOST_RETRIES + 1):
        trial = worker.study.ask()
        trial.set_user_attr(LEASE, {**lease(), "until": 0.0, "host": "elsewhere"})
        assert requeue_killed(worker.study) == 1
    assert worker.run() == "done"
    counts = tally(worker.study.trials)
    assert (counts.complete, counts.failed) == (3, 1)
    assert list(counts.reasons) == ["its worker was killed 3 times"]


def test_a_lease_is_over_when_its_time_or_its_process_is() -> None:
    mine = lease()
    assert not is_over(mine)
    assert is_over({**mine, "until": time.time() - 1})
    assert is_over({**mine, "started": "1"}) == bool(mine["started"])
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert is_over({**mine, "pid": gone.pid})
    assert not is_over({**mine, "host": "elsewhere", "pid": gone.pid})


def _trials(storage: Any) -> list[FrozenTrial]:
    studies = storage.get_all_studies()
    return storage.get_all_trials(studies[0]._study_id) if studies else []


def _child(path: Path | str, trials: int, seconds: float, *more: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.support.search_worker", str(path), str(trials), str(seconds), *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        words, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def _until(met: Any, child: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        if met():
            return
        assert child.poll() is None, child.communicate()
        time.sleep(0.05)
    raise AssertionError("it took too long")


def test_two_processes_on_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    children = [_child(path, 20, 0.01) for _ in range(2)]
    for child in children:
        out, err = child.communicate(timeout=240)
        assert (child.returncode, out) == (0, "done\n"), err
    trials = _trials(journal(path))
    done = counted(trials)
    assert len(done) == 20
    assert {t.state for t in done} == {TrialState.COMPLETE}
    assert len({t.user_attrs["lease"]["pid"] for t in trials}) == 2


def test_a_journal_with_half_a_line_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    worker_on(journal(path), 3).run()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":4,"worker')
    worker = worker_on(journal(path), 5)
    assert worker.run() == "done"
    assert path.read_bytes().startswith(whole)
    assert all(json.loads(line) for line in path.read_text().splitlines())
    assert len(counted(worker.study.trials)) == 5


def test_a_full_disk_leaves_whole_lines_and_the_next_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    worker_on(journal(path), 2).run()
    limit = path.stat().st_size + 700
    code = (
        "import resource, runpy, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        f"sys.argv = ['worker', {str(path)!r}, '9', '0.0']\n"
        "runpy.run_module('tests.support.search_worker', run_name='__main__')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    full = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert full.returncode == 1
    assert "File too large" in full.stderr
    assert all(json.loads(line) for line in path.read_text().splitlines())
    worker = worker_on(journal(path), 9)
    assert worker.run() == "done"
    assert len(counted(worker.study.trials)) == 9


# ---- what is shown ---------------------------------------------------------------------------------------


def test_results(capsys: pytest.CaptureFixture[str]) -> None:
    worker = worker_on(InMemoryStorage(), 15)
    worker.run()
    best = best_trials(worker.study, 3)
    assert best[0].value == min(t.value for t in worker.study.trials if t.value is not None)
    assert set(importance(worker.study)) == {"UNITS", "DEPTH", "RATE", "CELL"}
    front = pareto(worker.study.trials, (lambda t: t.value, lambda t: t.user_attrs.get("params")))
    assert best[0] in front
    for one in front:
        assert not any(
            (t.value or 0) < (one.value or 0) and t.user_attrs["params"] < one.user_attrs["params"]
            for t in worker.study.trials
        )
    put_study(worker.study, pareto_too=True)
    out = capsys.readouterr().out
    assert out.startswith("study study: 15 trained\n")
    assert "what mattered: " in out
    drawn = picture(worker.study)
    assert drawn.count("<circle") == 15 * 5
    assert "CELL" in drawn


def test_cores_are_shared() -> None:
    assert [share(range(8), i, 3) for i in range(3)] == [[0, 1], [2, 3], [4, 5]]
    environment = {"OMP_NUM_THREADS": "7"}
    limit_threads(sorted(os.sched_getaffinity(0)), environment)
    assert environment["OMP_NUM_THREADS"] == "7"
    assert environment["TF_NUM_INTRAOP_THREADS"] == str(len(os.sched_getaffinity(0)))


class _Hp:
    """What KerasTuner hands to a hypermodel: takes the last choice, and the upper end."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def Choice(self, name: str, values: list[Any]) -> Any:  # noqa: N802 - KerasTuner's name
        assert len({type(value) for value in values}) == 1
        return self.asked.setdefault(name, values[-1])

    def Int(self, name: str, low: int, high: int, step: int | None, sampling: str) -> int:  # noqa: N802
        return self.asked.setdefault(name, high)

    def Float(self, name: str, low: float, high: float, step: float | None, sampling: str) -> float:  # noqa: N802
        return self.asked.setdefault(name, high)


def test_a_hypermodel_asks_for_what_a_point_uses() -> None:
    hp = _Hp()
    text = seqtopo.hypermodel(SPACE).spec(hp)
    assert text.startswith("let UNITS = 64, DEPTH = 3, RATE = 0.5\nlet CELL = gru\n")
    assert list(hp.asked) == ["UNITS", "DEPTH", "RATE", "CELL"]
    mixed = seqtopo.hypermodel("search A in [relu, none]\nin(5,8) -> dense(3,A)")
    assert "let A = none" in mixed.spec(_Hp())


def test_the_journal_lies_beside_the_data() -> None:
    from seqtopo.cli.search_show import journal_of

    assert journal_of("data/t.csv") == Path(f"data/t{SUFFIX}")


def test_interrupts_are_counted() -> None:
    from seqtopo.cli.search_run import Interrupt

    interrupt = Interrupt()
    with interrupt.watching(quiet=True):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        assert interrupt()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_why_a_trial_failed_is_kept() -> None:
    worker = worker_on(InMemoryStorage(), 1)

    def never(spec: str, seed: int, report: Any) -> Any:
        raise MemoryError

    worker.train = never
    worker.run()
    assert [t.user_attrs[WHY] for t in worker.study.trials] == ["there was not enough memory"]
