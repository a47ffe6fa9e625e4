"""Searching a space: drawing, counting, joining, and going on; trials train nothing here."""

from __future__ import annotations

import io
import os
import random
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage

import seqtopo
from seqtopo.cli.main import main
from seqtopo.cli.search_board import Board
from seqtopo.cli.search_picture import picture
from seqtopo.cli.search_show import put_study
from seqtopo.diag.error import SpecError
from seqtopo.searching import sampling
from seqtopo.searching.leases import WHY, counted, lease
from seqtopo.searching.results import best_trials, importance, in_short, pareto, values_of
from seqtopo.searching.storage import SUFFIX, checked_record, join
from seqtopo.system.threads import limit_threads, share
from tests.support.search_worker import SPACE, journal, points_of, points_tried, record_of, worker_on

ROOT = Path(__file__).parents[2]


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


def test_a_trial_of_another_space_has_no_spec_here() -> None:
    spec = "search A in [2..4], B in [lstm, gru]\nin(5,2) -> B(A)"
    for params, said in (
        ({"A": 2}, "the trial has no B, and this spec searches B: one of lstm, gru"),
        ({"A": 9, "B": "lstm"}, "the trial has A=9, and this spec searches A: whole numbers 2 to 4"),
        ({"A": 2, "B": "simple_rnn"}, "the trial has B=simple_rnn, "),
    ):
        distributions = {
            name: optuna.distributions.CategoricalDistribution([v]) for name, v in params.items()
        }
        trial = optuna.trial.create_trial(params=params, distributions=distributions, value=0.5)
        with pytest.raises(SpecError, match=re.escape(said)):
            seqtopo.spec_of_trial(trial, spec)


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


def test_what_is_proposed_beyond_the_bound_is_changed_as_little_as_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proposed = {"UNITS": 64, "DEPTH": 3, "RATE": 0.25, "CELL": "gru"}

    class Proposing(optuna.samplers.RandomSampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            return dict.fromkeys(proposed)

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
            return proposed

    monkeypatch.setattr(sampling, "_inner", lambda kind, seed: Proposing(seed=seed))
    worker = worker_on(InMemoryStorage(), 8, sampler="cmaes", max_params=12_000)
    worker.run()
    trials = counted(worker.study.trials)
    assert max(t.user_attrs["params"] for t in trials) <= 12_000
    near = [sum(t.params[name] == value for name, value in proposed.items()) for t in trials]
    assert sum(near) / len(near) >= 2, near
    assert max(near) == 3


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


def test_small_numbers_keep_their_digits() -> None:
    text = (
        "search EPS in [1e-15..1e-13] log, S in [1e-14..9e-14] step 1e-14\nin(4,2) -> batchnorm(epsilon=EPS)"
    )
    worker = worker_on(InMemoryStorage(), 20, text=text + " -> dropout(S)\n")
    worker.run()
    assert worker.points.domains["S"].value(4) == 5e-14
    chance = random.Random(0)
    for trial in worker.study.trials:
        again = worker.points.between(trial.params, chance)
        assert all(1e-15 <= each["EPS"] <= 1e-13 for each in (trial.params, again))
    assert len({t.params["EPS"] for t in worker.study.trials}) == 20
    third = points_of("search R in [0.3333333333333333..0.4]\nin(4,2) -> dropout(R)\n")
    assert third.ask(lambda name, known: 0.3333333333333333) == {"R": 0.3333333333333333}


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


def test_equal_models_are_trained_once() -> None:
    text = (
        "search CELL in [lstm, gru], DEPTH in [0..1], BODY in [(dropout(R)), dropout(0.5)]\n"
        "search R in [0.25, 0.5]\n"
        "in(4,2) -> CELL(3,seq) * DEPTH -> BODY -> at(-1) -> dense(1)\n"
    )
    worker = worker_on(InMemoryStorage(), 12, text=text, sampler="grid")
    worker.run()
    trials = counted(worker.study.trials)
    assert len(trials) == 12  # with DEPTH=0 there is no CELL, and BODY is one of two
    assert sum("value_of" not in t.user_attrs for t in trials) == 6
    assert len(best_trials(worker.study, 12)) == 6
    first = {t.number: t for t in trials}
    assert all(t.value == first[t.user_attrs.get("value_of", t.number)].value for t in trials)


def test_a_space_of_more_than_is_remembered_is_not_exhausted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MOST_KEPT", 3)
    text = "search A in [1..9]\nin(4,2) -> lstm(A) -> dense(1)\n"
    worker = worker_on(InMemoryStorage(), 9, text=text, sampler="tpe")
    assert worker.run() == "done"
    assert len(set(points_tried(worker.study.trials))) == 9


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
    shares = importance(study)
    assert set(shares) == {"UNITS", "DEPTH", "RATE", "CELL"}
    assert sum(shares.values()) == pytest.approx(1.0)  # both versions of CELL count


@pytest.mark.parametrize("content", [b"\x00\xff\xfe\n", b"one\ntwo\n", b'{"a":1}\n', b"[1]\n"])
def test_what_is_no_journal_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "s.study.log"
    path.write_bytes(content)
    with pytest.raises(SpecError, match="it is no journal of a study"):
        join(journal(path), "s", record_of())


def test_a_study_of_another_version_is_refused() -> None:
    storage = InMemoryStorage()
    study, record = join(storage, "s", record_of())
    for stored in ({**record.as_data(), "more": 1}, {"text": SPACE}):
        study.set_user_attr("seqtopo", stored)
        with pytest.raises(SpecError, match="the study s was begun by another version of seqtopo"):
            join(storage, "s", record_of())


def test_a_study_of_somebody_else_is_refused() -> None:
    storage = InMemoryStorage()
    study = optuna.create_study(storage=storage, study_name="s")
    study.set_user_attr("seqtopo", "?")
    with pytest.raises(SpecError, match="not one of seqtopo search"):
        join(storage, "s", record_of())


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


def test_a_table_cuts_no_number_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = worker_on(InMemoryStorage(), 2)
    worker.run()
    best = best_trials(worker.study, 1)[0]
    for width, said in (
        (200, f"  {best.params['CELL']}"),
        (60, f"  trial {best.number}: {in_short(best)}\n"),
    ):
        monkeypatch.setenv("COLUMNS", str(width))
        put_study(worker.study)
        out = capsys.readouterr().out
        assert said in out
        assert ".." not in out


def test_the_table_of_a_terminal_is_written_over_what_else_stands_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    worker = worker_on(InMemoryStorage(), 1)
    board = Board(worker.study, 1, plain=False)
    board.update(now=True)
    board.update(now=True)
    assert shown.getvalue().count("\r\x1b[1A\x1b[J") == 1  # the seconds of the running work stand below it
    board.leave()
    board.update(now=True)
    assert shown.getvalue().count("\x1b[1A") == 1


def test_cores_are_shared() -> None:
    assert [share(range(8), i, 3) for i in range(3)] == [[0, 1], [2, 3], [4, 5]]
    environment = {"OMP_NUM_THREADS": "7"}
    limit_threads(sorted(os.sched_getaffinity(0)), environment)
    assert environment["OMP_NUM_THREADS"] == "7"
    assert environment["TF_NUM_INTRAOP_THREADS"] == str(len(os.sched_getaffinity(0)))


class _Hp:
    """Stand in for KerasTuner's hyperparameters: take the last choice, and the upper end."""

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


def test_a_study_is_shown_by_its_name_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.study.log").write_bytes(b"\x99 no journal\n")
    worker_on(journal(tmp_path / f"b{SUFFIX}"), 1, name="waves").run()
    assert main(["search", "--show", "waves"]) == 0
    assert "study waves: 1 trained" in capsys.readouterr().out
    Path("c.study.log").touch()
    for name in ("one", "two"):
        worker_on(journal(tmp_path / f"e{SUFFIX}"), 1, name=name).run()
    for name, code, said in (
        ("nothing", 2, "no study nothing in one of this folder give its file: --show a.study.log"),
        ("c.study.log", 1, "there is no study c.study.log in c.study.log help: no search has begun there"),
        ("a.study.log", 1, "error[ST443]: the journal a.study.log cannot be used"),
        (
            "e.study.log",
            1,
            "e.study.log holds several studies help: its studies are one and two: --study NAME",
        ),
    ):
        assert main(["search", "--show", name]) == code
        assert said in " ".join(capsys.readouterr().err.split())


def test_the_journal_lies_beside_the_data() -> None:
    from seqtopo.cli.search_show import journal_of

    assert journal_of("data/t.csv") == Path(f"data/t{SUFFIX}")


def test_a_worker_stops_with_the_process_that_started_it() -> None:
    from seqtopo.cli.search_run import Interrupt

    assert not Interrupt(os.getppid())()
    assert Interrupt(os.getpid())()


def test_why_a_worker_ended_is_its_diagnostic() -> None:
    from seqtopo.cli.search_run import _why

    assert (
        _why("WARNING: all\nerror[ST443]: no room\nhelp: make room\n\n1 error\n") == "error[ST443]: no room"
    )
    assert _why("Traceback:\n  x\nOSError: gone\n") == "OSError: gone"
    assert _why("") == ""


def test_one_process_trains_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    from seqtopo.cli import search_run

    monkeypatch.setattr(search_run, "CLAIM", 0.0)
    study, _ = join(InMemoryStorage(), "s", record_of())
    for held, mine in (
        (None, True),
        (lease(), True),
        ({**lease(), "host": "elsewhere"}, False),  # containers often give their processes the same number
        ({**lease(), "host": "elsewhere", "until": 0.0}, True),
        ({**lease(), "pid": 1, "started": ""}, False),
    ):
        study.set_user_attr(search_run.FINISHING, held)
        assert search_run._is_claimed(study) is mine, held


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
