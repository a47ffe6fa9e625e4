"""Work that takes longer than a second shows its progress on a terminal, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.terminals import Shown, in_terminal

PROGRAM = """
import sys, time
from seqtopo.cli.terminal import say
from seqtopo.system import progress
progress.AFTER = progress.EVERY = 0.02
with progress.running("seqtopo test"):
    time.sleep(0.2)
    say("first")
    with progress.doing("loading"):
        time.sleep(0.2)
    with progress.bar("training", 50, "batch") as told:
        for done in range(1, 51):
            time.sleep(0.01)
            told(done, "loss 0.5")
            if done == 25:
                say("epoch 1/2")
    time.sleep(0.2)
say("last")
"""
LINES = ["first", "epoch 1/2", "last"]


def shown(folder: Path, program: str = PROGRAM, **environment: str) -> Shown:
    """Return the output of the program in a terminal."""
    return in_terminal(["-c", program], folder, **environment)


def screen(text: str) -> list[str]:
    """Return the text on a terminal after a text was written to it."""
    lines = [""]
    at = 0
    for part in re.split(r"(\r|\n|\x1b\[K|\x1b\[A)", text):
        if part == "\r":
            at = 0
        elif part == "\n":
            lines.append("")
            at = 0
        elif part == "\x1b[K":
            lines[-1] = lines[-1][:at]
        else:
            assert "\x1b" not in part
            lines[-1] = lines[-1][:at].ljust(at) + part + lines[-1][at + len(part) :]
            at += len(part)
    return [line.rstrip() for line in lines]


def test_a_terminal_shows_what_is_done_and_for_how_long(tmp_path: Path) -> None:
    found = shown(tmp_path)
    assert found.code == 0
    assert found.out.splitlines() == LINES
    assert "seqtopo test ... 0 s" in found.terminal
    assert "loading ... 0 s" in found.terminal
    assert re.search(r"training: +\d+%.* \d+/50 .*batch.*loss 0\.5", found.terminal)
    # Nothing of it is left at the end.
    assert screen(found.terminal) == [""]


def test_what_is_printed_stands_on_a_line_of_its_own(tmp_path: Path) -> None:
    found = shown(tmp_path, PROGRAM.replace("import sys, time", "import sys, time; sys.stdout = sys.stderr"))
    assert [line for line in screen(found.terminal) if line] == LINES


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"TERM": "dumb"}])
def test_nothing_is_shown_where_nobody_looks(tmp_path: Path, environment: dict[str, str]) -> None:
    assert shown(tmp_path, **environment) == Shown(0, "".join(f"{line}\n" for line in LINES), "")


def test_what_is_done_at_once_shows_nothing(tmp_path: Path) -> None:
    quick = PROGRAM.replace("EVERY = 0.02", "EVERY = 60")
    assert shown(tmp_path, quick).terminal.strip("\r ") == ""


def test_without_tqdm_there_is_no_bar(tmp_path: Path) -> None:
    found = shown(tmp_path, "import sys; sys.modules['tqdm'] = None" + PROGRAM)
    assert found.code == 0
    assert found.out.splitlines() == LINES
    assert "batch" not in found.terminal


def test_a_command_says_what_it_does(tmp_path: Path) -> None:
    slow = (
        "import sys; from seqtopo.system import progress; progress.AFTER = progress.EVERY = 0.01\n"
        "from seqtopo.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    spec = tmp_path / "spec.txt"
    spec.write_text("in(T,8)" + " -> lstm(8,seq)" * 400, encoding="utf-8")
    found = in_terminal(["-c", slow, "check", "spec.txt", "--format", "json"], tmp_path)
    assert found.code == 0
    assert found.out.startswith("{")
    assert "seqtopo check ... 0 s" in found.terminal
    assert screen(found.terminal) == [""]
