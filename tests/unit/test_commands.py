"""The commands that are printed work when they are pasted into a shell."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import seqtopo
from seqtopo.cli.arguments import UsageError, dims_of
from seqtopo.cli.main import main
from seqtopo.cli.writing import text_place
from seqtopo.system.shell import command

Capture = pytest.CaptureFixture[str]


def _pasted(line: str) -> list[str]:
    """The words that a shell makes of a command."""
    script = "seqtopo() { printf '%s\\0' \"$@\"; }; " + line
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert not done.stderr
    return done.stdout.split("\0")[:-1]


WORDS = (
    "spec.txt", "", "my spec.txt", "it's", 'say "hi"', "$HOME", "a\\b", "`ls`", "!x", "in(T,8) -> lstm(4)",
    "a\nb", "*", "~", "#", "K=(3,5)", "é", "-D", "a;b&c|d<e>f",
)  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_fault_d13_a_shell_reads_each_word_as_it_is(word: str) -> None:
    assert _pasted(command("seqtopo", word, "end")) == [word, "end"]


CHECKS = [
    ["in(T,8) -> lstm(64,seq) -> lstm(32) -> dense(1)"],
    ["in(T,F) -> lstm(H)"],
    ["in(T,F) -> lstm(H)", "-D", "H=3"],
    ["in(T,8) -> CELL(4,seq) -> BODY -> conv1d(3,K)", "-D", "CELL=gru",
     "-D", "BODY=(lstm(2,seq) -> dropout(0.1))", "-D", "K=(2,)"],
    ['in(5,int) as ids -> embed(9,4) -> lstm(4,name="my_lstm")'],
    ["in(5,int) as ids -> embed(9,4) -> lstm(4,name='mine') -> dense(3) -> softmax -> dense(20)"],
    ["let N = 3\nin(T,N) -> lstm(N)"],
    ["-", "-D", "T=24"],
    ["a spec's $file.txt", "-D", "T=24"],
    ["in(T,F) -> lstm(4)", "--x", "x.npy"],
    ["in(T,8) -> lstm(64)", "--max-params", "100000"],
]  # fmt: skip


@pytest.mark.parametrize("words", CHECKS, ids=lambda words: " ".join(words))
def test_fault_d13_the_command_that_builds_is_the_one_for_this_spec(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = b'enc = in(T,8) -> lstm(4)\n# "quoted"\nenc -> dense(1)'
    Path("a spec's $file.txt").write_bytes(spec)
    np.save("x.npy", np.zeros((10, 5, 3), "float32"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(spec)))
    assert main(["check", *words]) == 0
    begins, _, line = capsys.readouterr().out.rstrip("\n").partition("To build it: ")
    assert begins
    told = _pasted(line)
    assert told[0] == "build"
    # What is told leaves nothing open, and is the same spec with the same bindings.
    assert main(["check", *told[1:], "--format", "json"]) == 0
    [built] = json.loads(capsys.readouterr().out)["specs"]
    assert built["unbound"] == []
    pairs = [pair for flag, pair in pairwise(words) if flag == "-D"]
    assert set(pairs) <= set(told)


def test_fault_d13_other_commands_name_what_was_given(capsys: Capture) -> None:
    assert main(["in(T,8) -> lstm(4,name='a')"]) == 2
    line = re.search(r"a command comes first: (.*)", capsys.readouterr().err)
    assert line is not None
    assert _pasted(line[1]) == ["check", "in(T,8) -> lstm(4,name='a')"]
    with pytest.raises(UsageError) as twice:
        dims_of([("K", (3, 5)), ("K", (3, 5))])
    assert twice.value.help == ('write it once: -D "K=(3,5)"',)
    with pytest.raises(UsageError) as place:
        text_place("a b.keras", "a spec")
    assert place.value.help == ('write -o "a b.txt"',)


def test_fault_d13_what_binds_a_name_can_be_pasted() -> None:
    help = seqtopo.check("in(T,8) -> (dense(N) for N in SIZES)").diagnostics[0].help
    assert '-D "SIZES=[1,2,4]"' in help


def test_fault_d13_no_command_is_put_together_elsewhere() -> None:
    """A word of the user's in a command goes through ``command``, or a shell may take it apart."""
    root = Path(seqtopo.__file__).parent
    planted = re.compile(
        r"""seqtopo (build|check|fit|draw|show|export|forecast|fmt|decompile) (\w+ )*\{(?!near)"""
    )
    assert planted.search('f"seqtopo forecast {target} --steps 10"')
    files = sorted(root.rglob("*.py"))
    assert len(files) > 100
    found = [str(f) for f in files if f.name != "shell.py" and planted.search(f.read_text(encoding="utf-8"))]
    assert not found, f"write the command by seqtopo.system.shell.command in {found}"
