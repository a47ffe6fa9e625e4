"""The command itself: help, usage errors, exit codes, and what never happens: a traceback."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from seqtopo.cli import arguments, check, main
from seqtopo.cli.main import COMMANDS
from seqtopo.cli.main import main as run

ROOT = Path(__file__).resolve().parents[2]


def child(*argv: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, *argv],
        input=stdin,
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
    )


def test_alone_it_shows_a_spec_to_try_that_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)
    [line] = [line for line in shown.splitlines() if line.startswith("  seqtopo check")]
    spec = line.partition('"')[2].rstrip('"')
    assert run(["check", spec]) == 0
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    from seqtopo import __version__

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"seqtopo {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    examples = capsys.readouterr().out.partition("examples:\n")[2].splitlines()
    assert len(examples) >= 2
    assert all("seqtopo " + command in line for line in examples)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["chek"], "did you mean seqtopo check?"),
        (["zzzzzz"], "the commands are check, show, draw, build"),
        (["in(T,8) -> lstm(4)"], 'a command comes first: seqtopo check "in(T,8) -> lstm(4)"'),
        (["check"], "seqtopo check needs a spec\nfor example: seqtopo check spec.txt"),
        (["check", "x", "-D", "T"], "'T' is not NAME=VALUE; write -D T=24"),
        (["check", "x", "-D", "T=x+"], "the value in 'T=x+' is not a number, word or layer; write -D T=24"),
        (["check", "x", "-D", "T=2,F=3"], "write one -D for each: -D T=24 -D F=3"),
        (["check", "x", "-D", "T=2", "-D", "T=3"], "-D T is given twice"),
        (["check", "x", "--max-params", "0"], "write --max-params 1000000"),
        (["check", "x", "--format", "xml"], "invalid choice: 'xml'"),
        (["check", "x", "--nope"], "unrecognized arguments: --nope"),
        (["build", "x", "-o", "m.h5"], "config in .json, not as m.h5\nwrite -o m.keras"),
        (["build", "x.keras"], "would overwrite its spec"),
        (["build", "x", "--part", "a", "--all"], "not allowed with"),
        (["explain", "ST31"], "did you mean seqtopo explain ST301?"),
        (["explain", "qqqqq"], "seqtopo explain lists all codes"),
        (["layers", "lstn"], "did you mean seqtopo layers lstm?"),
        (["layers", "qqqqqqq"], "seqtopo layers lists all of them"),
    ],
)
def test_a_usage_error_says_what_to_write(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(argv) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert words in shown.err
    assert shown.err.startswith("seqtopo: ")
    assert "Traceback" not in shown.err


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("T=24", ("T", 24)),
        (" T = 24 ", ("T", 24)),
        ("T=-1", ("T", -1)),
        ("R=1e-3", ("R", 0.001)),
        ("R=.5", ("R", 0.5)),
        ("S=(3,5)", ("S", (3, 5))),
        ("S=(3,)", ("S", (3,))),
    ],
)
def test_a_binding_is_read(text: str, found: object) -> None:
    assert arguments.binding(text) == found


def test_our_own_fault_is_one_line_to_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "check_specs", lambda *_: {}["nothing"])
    assert run(["check", "in(T,8) -> lstm(4)"]) == 1
    shown = capsys.readouterr().err
    assert "error[ST901]" in shown
    assert "KeyError: 'nothing'" in shown
    assert "Traceback" not in shown
    monkeypatch.setenv("SEQTOPO_DEBUG", "1")
    assert run(["check", "in(T,8) -> lstm(4)"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_ends_in_silence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "check_specs", interrupt)
    assert run(["check", "x"]) == main.INTERRUPTED == 130
    assert capsys.readouterr() == ("", "")


def test_a_closed_pipe_ends_in_silence() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-m", "seqtopo", "layers", "--format", "json"],
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (main.CLOSED, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_fault_0_closed_standard_streams_change_no_exit_code(closed: str) -> None:
    for spec, code in (("in(T,8) -> lstm(4)", 0), ("in(T,8) -> lstm(4) -> lstm(4)", 1)):
        command = f"{shlex.quote(sys.executable)} -m seqtopo check '{spec}' {closed}"
        ended = subprocess.run(command, shell=True, capture_output=True, cwd=ROOT, text=True)
        assert (ended.returncode, "ST901" in ended.stdout + ended.stderr) == (code, False)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
def test_fault_0_output_that_cannot_be_written_is_said() -> None:
    command = f"{shlex.quote(sys.executable)} -m seqtopo check 'in(T,8) -> lstm(4)' > /dev/full"
    ended = subprocess.run(command, shell=True, capture_output=True, cwd=ROOT, text=True)
    assert ended.stderr == "seqtopo: the output cannot be written: no space left on device\n"
    assert ended.returncode == main.FINDINGS
    assert subprocess.run(f"{command} 2>&1", shell=True, cwd=ROOT).returncode == main.FINDINGS


def test_fault_0_a_current_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    command = f"rmdir ../gone; {shlex.quote(sys.executable)} -m seqtopo check"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}

    def run_there(words: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "gone").mkdir(exist_ok=True)
        ended = f"{command} 'in(T,8) -> lstm(4)' {words}"
        return subprocess.run(
            ended, shell=True, capture_output=True, cwd=tmp_path / "gone", text=True, env=env
        )

    assert run_there("").returncode == 0
    ended = run_there("--import json")
    assert ended.returncode == main.FINDINGS
    assert "error[ST405]: the current folder is not there any more" in ended.stderr


def test_the_module_runs_and_reads_the_standard_input() -> None:
    ended = child("-m", "seqtopo", "check", "-", "--format", "concise", stdin="in(T,8) -> lstm(4) -> lstm(4)")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout.startswith("<stdin>:1:23: error[ST301]")
    assert child("-m", "seqtopo", "check", "-", stdin="in(T,8) -> lstm(4)").returncode == 0


def test_what_the_stream_cannot_encode_is_escaped() -> None:
    ended = child(
        "-m",
        "seqtopo",
        "check",
        "-",
        stdin="in(T,8) -> \N{GREEK SMALL LETTER LAMDA}",
        PYTHONIOENCODING="ascii",
        PYTHONUTF8="0",
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr


WATCHED = ("keras", "numpy", "importlib.metadata", "tensorflow", "torch", "jax")
LOADED = "import sys; sys.stderr.write(' '.join(m for m in {watched!r} if m in sys.modules))"


def loaded_after(code: str) -> str:
    """Return the watched modules that a process has loaded after some code."""
    return child("-c", code + LOADED.format(watched=WATCHED)).stderr


def test_checking_loads_neither_keras_nor_numpy() -> None:
    code = "from seqtopo.cli.main import main; main(['check', 'in(T,8) -> lstm(4) -> dense(1)']); "
    assert loaded_after(code) == ""


def test_the_test_of_what_is_loaded_would_notice() -> None:
    assert loaded_after("import numpy; import importlib.metadata; ") == "numpy importlib.metadata"


def process(*argv: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "seqtopo", *argv], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("check", "in(T,8) -> lstm(4)"), 0),
        (("check", "in(T,8) -> lstm(4) -> lstm(4)"), 1),
        (("check",), 2),
        (("layers", "lstm"), 0),
        (("--version",), 0),
        (("chek",), 2),
    ],
)
def test_a_process_ends_with_the_exit_code_and_has_said_everything(argv: tuple[str, ...], code: int) -> None:
    said = process(*argv)
    assert said.returncode == code
    assert said.stdout or said.stderr


def test_a_long_output_through_a_pipe_is_whole() -> None:
    spec = "in(T,8) -> lstm(8,seq) * 3000 -> dense(1)"
    assert process("check", spec).stdout.count("lstm(8)") >= 3000


def test_what_watches_a_run_sees_its_end() -> None:
    code = (
        "import sys, atexit; atexit.register(print, 'ended'); "
        "sys.argv = ['seqtopo', 'check', 'in(T,8) -> lstm(4)']; "
        "{}from seqtopo.__main__ import process; process()"
    )
    watched = [sys.executable, "-c", code.format("sys.setprofile(lambda *_: None); ")]
    alone = [sys.executable, "-c", code.format("")]
    said = [subprocess.run(c, capture_output=True, text=True, check=True).stdout for c in (watched, alone)]
    assert ["ended" in text for text in said] == [True, False]


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("no_such_module", "there is no module no_such_module\nit is looked for in the current folder"),
        (
            "layers/own.py",
            "layers/own.py is not the name of a module\nwrite it as Python does",
        ),
        ("broken_layers", "the module broken_layers cannot be imported: ZeroDivisionError: division by zero"),
        ("lacking_layers", "the module lacking_layers cannot be imported: No module named 'no_such_thing'"),
    ],
)
def test_fault_d2_a_module_that_cannot_be_imported_is_said(
    module: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "broken_layers.py").write_text("1 / 0\n", encoding="utf-8")
    (tmp_path / "lacking_layers.py").write_text("import no_such_thing\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert run(["check", "in(3) -> dense(1)", "--import", module]) == main.USAGE
    assert said in capsys.readouterr().err
