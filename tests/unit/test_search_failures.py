"""Searching a space: failures, stops, killed workers, and storages that fail; trials train nothing here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from seqtopo.cli.search_board import Board
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.searching import leases
from seqtopo.searching.leases import LEASE, counted, is_over, lease, requeue_killed
from seqtopo.searching.results import tally
from seqtopo.source import Span
from tests.support.search_worker import journal, points_tried, worker_on

ROOT = Path(__file__).parents[2]


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
        assert requeue_killed(worker.study, worker.study.get_trials()) == 1
    assert worker.run() == "done"
    counts = tally(worker.study.trials)
    assert (counts.complete, counts.failed) == (3, 1)
    assert list(counts.reasons) == ["its worker was killed 3 times"]


def test_a_trial_that_was_failed_and_not_queued_is_queued_where_there_are_heartbeats() -> None:
    worker = worker_on(InMemoryStorage(), 4)
    killed = worker.study.ask(worker.points.distributions)
    killed.set_user_attr(LEASE, {**lease(), "until": 0.0, "host": "elsewhere"})
    again = requeue_killed(worker.study, worker.study.get_trials(), heartbeats=True)
    assert again == 0  # its heartbeats say whether it lives
    worker.study.tell(killed, state=TrialState.FAIL)  # and whoever looked was killed before it queued it
    assert requeue_killed(worker.study, worker.study.get_trials(), heartbeats=True) == 1
    assert requeue_killed(worker.study, worker.study.get_trials(), heartbeats=True) == 0
    assert worker.run() == "done"
    assert len(counted(worker.study.trials)) == 4
    alone = worker_on(InMemoryStorage(), 4)  # killed before its point was whole, it is drawn again
    alone.run()
    mine = {t.user_attrs["point"] for t in counted(worker.study.trials)}
    assert mine == set(points_tried(alone.study.trials))


def test_a_worker_that_slept_goes_on_with_another_trial() -> None:
    worker = worker_on(InMemoryStorage(), 4)
    train, woke = worker.train, []

    def asleep(spec: str, seed: int, report: Any) -> Any:
        if not woke:
            woke.append(True)
            (mine,) = [t for t in worker.study.trials if t.state == TrialState.RUNNING]
            worker.study.tell(mine.number, state=TrialState.FAIL)  # by another worker
        return train(spec, seed, report)

    worker.train = asleep
    assert worker.run() == "done"
    done = counted(worker.study.trials)
    assert [t.state for t in done] == [TrialState.COMPLETE] * 4
    assert sum(t.user_attrs.get("retry_of") == 0 for t in done) == 1


def test_a_storage_that_fails_is_said(tmp_path: Path) -> None:
    worker = worker_on(InMemoryStorage(), 4)

    def gone(*_: Any, **__: Any) -> Any:
        raise optuna.exceptions.StorageInternalError from OSError("server closed the connection")

    worker.study._storage.get_all_trials = gone  # type: ignore[method-assign]
    with pytest.raises(SpecError, match="the study study cannot be written: server closed") as caught:
        worker.run()
    assert caught.value.diagnostics[0].code == "ST443"
    board = Board.__new__(Board)
    board.study, board.looked = worker.study, 0.0
    with pytest.raises(SpecError, match="the study study cannot be written: server closed"):
        board.update(now=True)


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
    assert [p.name for p in tmp_path.iterdir()] == ["study.log"]  # no lock is left behind


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
