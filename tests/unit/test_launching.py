"""Ranks are started together and ended together, however one of them or their launcher ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqtopo.cli.fit_files import PROGRESS, Training
from seqtopo.distributing.launching import launch
from seqtopo.distributing.ranks import LOST

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = "import sys; from seqtopo.distributing.launching import launch; sys.exit(launch(sys.argv[1:], 3))"
WAITING = "import os, sys, time; open(os.path.join(sys.argv[1], str(os.getpid())), 'w'); time.sleep(60)"


def _ranks(folder: Path) -> list[int]:
    """Return the process numbers of three ranks that wait, once all have begun."""
    until = time.monotonic() + 50
    while len(list(folder.iterdir())) < 3:
        assert time.monotonic() < until
        time.sleep(0.02)
    return [int(file.name) for file in folder.iterdir()]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("send", "code"),
    [
        (lambda launcher: os.killpg(launcher, signal.SIGINT), 130),
        (lambda launcher: os.kill(launcher, signal.SIGINT), 130),
        (lambda launcher: os.kill(launcher, signal.SIGTERM), 143),
    ],
    ids=["Ctrl-C in a terminal", "INT", "TERM"],
)
def test_a_signal_to_the_launcher_ends_all_ranks(
    send: Callable[[int], None], code: int, tmp_path: Path
) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, sys.executable, "-c", WAITING, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    ranks = _ranks(tmp_path)
    send(launcher.pid)
    _, said = launcher.communicate(timeout=50)
    assert launcher.returncode in (code, -signal.SIGINT)  # Python ends by the signal after its traceback
    assert said.count("Traceback") <= 1, "a rank has spoken"
    assert not [rank for rank in ranks if _runs(rank)]


@pytest.mark.parametrize(
    ("died", "code", "said"),
    [
        ("sys.exit(4 if rank == 1 else LOST)", 4, "rank 1 ended with 4"),
        ("os.kill(os.getpid(), 9) if rank == 2 else sys.exit(LOST)", 1, "rank 2 was ended by signal 9"),
        ("sys.exit(LOST)", LOST, "rank 0 ended with 75"),
    ],
)
def test_the_rank_is_named_that_the_others_lost(died: str, code: int, said: str, capfd: object) -> None:
    script = f"import os, sys, time\nrank, LOST = int(os.environ['RANK']), {LOST}\n"
    script += f"time.sleep(0.3 if rank else 0)\n{died}"  # rank 0 ends first, as one that lost another may
    assert launch([sys.executable, "-c", script], 3) == code
    shown = capfd.readouterr().err  # type: ignore[attr-defined]
    assert f"{said}; the other ranks were ended too" in shown


@pytest.mark.parametrize(
    ("before", "epochs", "said"),
    [
        (0, 0, "stopped before an epoch was whole; the same command starts anew"),
        (0, 2, "stopped after epoch 2 of 5; the same command goes on from there"),
        (2, 0, "stopped before another epoch was whole; the same command begins where this one did"),
        (2, 3, "stopped after epoch 3 of 5; the same command goes on from there"),
    ],
)
def test_a_launcher_says_what_its_ranks_have_kept(
    before: int, epochs: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"model{PROGRESS}"

    def write(count: int) -> None:
        np.savez(file, notes=np.array(json.dumps({"epochs": count})))

    if before:
        write(before)
        os.utime(file, (1, 1))

    def interrupted() -> None:
        with Training(tmp_path / "model.keras", 5).stopped_in_words():
            if epochs:
                write(epochs)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        interrupted()
    assert said in capsys.readouterr().out
