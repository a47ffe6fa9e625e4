"""Find trials whose worker was killed, and queue them again.

A storage with heartbeats does that itself; a journal has none. So a worker writes a lease on its trial: its
host, its process, and the end of the lease. A trial that failed without a reason, or whose lease has run out,
lost its worker.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from seqtopo.searching.storage import GRACE, HEARTBEAT, MOST_RETRIES

LEASE, WHY, RETRY_OF, SAME_AS, SURPLUS = "lease", "why", "retry_of", "same_as", "surplus"
"""The attributes of trials: the lease of the worker, the reason of a failure, the killed trial that is
repeated, the trial with the same point, and a mark for one that was begun after the last wanted one."""
_DROPPED = (SAME_AS, SURPLUS)


def lease(seconds: float = GRACE) -> dict[str, Any]:
    """Return a lease of this process from now on."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": _started(os.getpid()),
        "until": time.time() + seconds,
    }


def _started(pid: int) -> str:
    """Return the start time of a process of this machine, as the system has it; "" if it is not known."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def is_over(held: Any) -> bool:
    """Return whether a lease has run out, or its process on this machine has ended."""
    if not isinstance(held, dict):
        return False
    if held.get("host") == socket.gethostname():
        pid = int(held.get("pid", 0))
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass
        if held.get("started") and _started(pid) != held["started"]:
            return True
    return float(held.get("until", 0)) < time.time()


def is_mine(held: Any) -> bool:
    """Return whether a lease is one of this process."""
    mine = lease()
    return isinstance(held, dict) and all(held.get(name) == mine[name] for name in ("host", "pid", "started"))


class Holding:
    """A lease on a trial while it trains, or on a study, which is renewed from time to time.

    Where the storage has heartbeats, that of a trial need not be renewed.
    """

    def __init__(self, owner: optuna.Trial | Study, attribute: str = LEASE, *, renew: bool = True) -> None:
        self.owner = owner
        self.attribute = attribute
        self.renew = renew
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Holding:
        self.owner.set_user_attr(self.attribute, lease())
        if self.renew:
            self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        if self.thread.is_alive():
            self.thread.join()

    def _renew(self) -> None:
        while not self.stop.wait(HEARTBEAT):
            try:
                self.owner.set_user_attr(self.attribute, lease())
            except Exception:  # the disk may be full: the next renewal may be written
                continue


def counted(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that count: a killed one once, by its retry, and no dropped ones."""
    return [
        t
        for t in trials
        if not any(mark in t.user_attrs for mark in _DROPPED)
        and not (t.state == TrialState.FAIL and WHY not in t.user_attrs)
    ]


def queue_again(study: Study, trial: FrozenTrial) -> None:
    """Queue the point of a killed trial again; one that kills its worker each time fails for good."""
    first = origin(trial)
    before = [t for t in study.get_trials(deepcopy=False) if origin(t) == first]
    kept = {k: v for k, v in trial.user_attrs.items() if k not in (LEASE, WHY)}
    attrs = {**kept, RETRY_OF: first, "after": trial.number}
    if any(t.user_attrs.get("after") == trial.number for t in before):
        return
    dead = len(before) > MOST_RETRIES
    # Killed while its names were being written, it has no whole point yet: that is drawn again.
    whole = "point" in trial.user_attrs
    if dead:
        attrs[WHY] = f"its worker was killed {len(before)} times"
    study.add_trial(
        create_trial(
            state=TrialState.FAIL if dead else TrialState.WAITING,
            params=trial.params if whole else {},
            distributions=trial.distributions if whole else {},
            user_attrs=attrs,
        )
    )


def _retried(trial: FrozenTrial) -> int | None:
    """Return the number of the killed trial that a trial repeats."""
    found = trial.user_attrs.get(RETRY_OF)
    return None if found is None else int(found)


def origin(trial: FrozenTrial) -> int:
    """Return the number of a trial, or of the killed one that it repeats."""
    found = _retried(trial)
    return trial.number if found is None else found


def ordinal(trials: Sequence[FrozenTrial], trial: FrozenTrial) -> int:
    """Return the number of a trial's point in its study, from 0; a repeated trial has that of the killed one.

    So a study has the same points whether workers were killed or not.
    """
    first = origin(trial)
    return first - sum(1 for t in trials if t.number < first and _retried(t) is not None)


def requeue_killed(study: Study, trials: Sequence[FrozenTrial], *, heartbeats: bool = False) -> int:
    """Queue the trials of killed workers again, and return their number.

    Where the storage has ``heartbeats``, it finds most of them; not those whose worker was killed before its
    first sign of life, or that failed by the hand of one that was killed before it queued them.
    """
    found = 0
    done = {t.user_attrs.get("after") for t in trials}
    for trial in trials:
        killed = trial.state == TrialState.FAIL and not any(m in trial.user_attrs for m in (WHY, *_DROPPED))
        if killed and trial.number not in done:
            queue_again(study, trial)
            found += 1
        elif trial.state == TrialState.RUNNING and _is_lost(trial, heartbeats=heartbeats):
            try:
                study.tell(trial.number, state=TrialState.FAIL)
            except (UpdateFinishedTrialError, ValueError):  # somebody else was faster
                continue
            queue_again(study, trial)
            found += 1
    return found


def _is_lost(trial: FrozenTrial, *, heartbeats: bool) -> bool:
    """Return whether a running trial has no worker: its lease is over, or none was written in time."""
    held = trial.user_attrs.get(LEASE)
    if held is not None:
        return not heartbeats and is_over(held)
    begun = trial.datetime_start
    return begun is not None and time.time() - begun.timestamp() > GRACE
