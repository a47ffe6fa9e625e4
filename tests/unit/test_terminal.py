"""Printed text from others cannot control a terminal, nor the log of a build."""

from __future__ import annotations

import ast
import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import seqtopo.cli
from seqtopo.cli.main import main
from seqtopo.cli.terminal import put, say
from seqtopo.system.shell import command

Capture = pytest.CaptureFixture[str]
HOSTILE = (
    "a\n::error file=x::pwn",
    "a\r::error::pwn",
    "a\n  ##[error]pwn",
    "a\n##vso[task.setvariable variable=x]pwn",
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "a\u202eb",
    "a\u2028::error::pwn",
    "a\x85::error::pwn",
    "\x9b31m",
    "::error::pwn",
)
COMMAND_FILES = [f for f in Path(seqtopo.cli.__file__).parent.glob("*.py") if f.name != "terminal.py"]
SPEC = "in(3,2) -> lstm(4)"


def assert_clean(text: str) -> None:
    """No control character but the line break, nothing that reorders text, no line that is a command."""
    for line in text.split("\n"):
        assert not line.lstrip().startswith(("::", "##[", "##vso[")), line
        assert "".join(char for char in line if not char.isprintable()) == "", repr(line)


@pytest.mark.parametrize("name", HOSTILE)
def test_fault_c_say_cleans_every_line(name: str) -> None:
    """A line of ours stays one line, whatever is put into it."""
    stream = io.StringIO()
    say(f"saved {name}", name, stream=stream)
    assert_clean(stream.getvalue())
    assert stream.getvalue().count("\n") == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_fault_c_put_guards_what_was_laid_out(name: str) -> None:
    """A renderer that forgot to clean a name does no harm; the colours that it set stay."""
    stream = io.StringIO()
    put(f"\x1b[1;31merror\x1b[0m {name.replace(chr(10), ' ')}\n{name}", stream)
    text = stream.getvalue()
    assert text.startswith("\x1b[1;31merror\x1b[0m ")
    assert_clean(text.replace("\x1b[1;31m", "").replace("\x1b[0m", "").replace("\x1b[31m", ""))


COMMANDS = {
    "check": ["check", "{}"],
    "check, several": ["check", "{}", SPEC],
    "check --select": ["check", SPEC, "--select", "{}"],
    "check -D": ["check", SPEC, "-D", "{}=3"],
    "check -D value": ["check", SPEC, "-D", "T={}"],
    "check --x": ["check", SPEC, "--x", "{}.npy"],
    "check --loss": ["check", SPEC, "--loss", "{}"],
    "check --fix": ["check", "{}", "--fix"],
    "check --diff": ["check", "{}", "--diff"],
    "check github": ["check", "{}", "--format", "github"],
    "check concise": ["check", "{}", "--format", "concise"],
    "check json": ["check", "{}", "--format", "json"],
    "check sarif": ["check", "{}", "--format", "sarif"],
    "no command": ["{}"],
    "no option": ["check", "--{}"],
    "show": ["show", "{}"],
    "draw": ["draw", "{}"],
    "draw -o": ["draw", SPEC, "-o", "{}.svg"],
    "draw -o elsewhere": ["draw", SPEC, "-o", "{}.xyz"],
    "draw --part": ["draw", SPEC, "--part", "{}"],
    "build -o": ["build", SPEC, "-o", "{}.xyz"],
    "build --backend": ["build", SPEC, "--backend", "{}"],
    "build -o .py": ["build", SPEC, "-o", "{}.py"],
    "fmt": ["fmt", "{}"],
    "fmt --check": ["fmt", "--check", "{}"],
    "fmt --diff": ["fmt", "--diff", "{}"],
    "diff": ["diff", "{}", SPEC],
    "layers": ["layers", "{}"],
    "explain": ["explain", "{}"],
    "convert": ["convert", "{}", "x"],
    "convert vgsl": ["convert", "vgsl", "{}"],
    "decompile": ["decompile", "{}.keras"],
    "decompile of no model": ["decompile", "{}"],
    "export": ["export", "{}.keras", "-o", "x.onnx"],
    "export -o": ["export", SPEC, "-o", "{}.xyz"],
    "fit": ["fit", SPEC, "{}.csv"],
    "fit -o": ["fit", SPEC, "x.csv", "-o", "{}"],
    "forecast": ["forecast", "{}.keras", "--steps", "3"],
}


@pytest.mark.parametrize("argv", COMMANDS.values(), ids=COMMANDS)
def test_fault_c_words_and_names_of_files(
    argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Each command is given hostile words, as names of files that are there and of files that are not."""
    monkeypatch.chdir(tmp_path)
    for name in HOSTILE:
        for there in (False, True):
            if there:
                # Every name that a file system takes, with a spec in it that fmt has something to do with.
                Path(name.replace("/", "_")).write_text("in( 3,2 )->lstm( 4 )->gru(2)\n", encoding="utf-8")
                Path(f"{name}.csv".replace("/", "_")).write_text("a,b\n1,2\nx,3\n", encoding="utf-8")
            main([word.replace("{}", name) for word in argv])
            shown = capsys.readouterr()
            if argv[-1] == "github":
                # Each of its lines is a command, for a finding.
                lines = shown.out.splitlines()
                assert all(line.startswith(("::error file=", "::error title=")) for line in lines)
                assert_clean(shown.out.replace("::error ", "") + shown.err)
            else:
                assert_clean(shown.out + shown.err)


@pytest.mark.parametrize("header", HOSTILE)
def test_fault_c_names_of_columns(
    header: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """The first row of a table is shown in diagnostics, and cleaned there."""
    monkeypatch.chdir(tmp_path)
    quoted = '"' + header.replace('"', '""') + '"'
    Path("x.csv").write_text(f"{quoted},b\n1,2\nx,3\n", encoding="utf-8", newline="")
    main(["fit", SPEC, "x.csv"])
    shown = capsys.readouterr()
    assert_clean(shown.out + shown.err)
    assert "x.csv" in shown.err


def _printing_calls(path: Path) -> list[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]


def _unsafe(call: ast.Call) -> bool:
    """Return whether ``put`` puts a name into a text itself, or something is printed past ``say``."""
    assert isinstance(call.func, ast.Name)
    if call.func.id == "print":
        return True
    return call.func.id == "put" and any(isinstance(node, ast.JoinedStr) for node in ast.walk(call))


def test_fault_c_a_command_says_what_it_prints() -> None:
    """In the commands, ``put`` takes what a renderer made; a text with a name in it goes through ``say``."""
    calls = [(file, call) for file in COMMAND_FILES for call in _printing_calls(file)]
    assert sum(getattr(call.func, "id", "") in ("say", "put") for _, call in calls) > 40
    found = [f"{file.name}:{call.lineno}" for file, call in calls if _unsafe(call)]
    assert not found, "write say(...) there"
    planted = ast.parse('put(f"saved {name}")').body[0]
    assert isinstance(planted, ast.Expr)
    assert isinstance(planted.value, ast.Call)
    assert _unsafe(planted.value)


def test_the_standard_output_is_written_in_one_place() -> None:
    """Nothing but the terminal's module writes to the streams of a command."""
    assert "stdout.write" not in "".join(file.read_text(encoding="utf-8") for file in COMMAND_FILES)


@pytest.mark.parametrize("name", [*HOSTILE, "a'b\x1b[8m\\c", "\x7f\u2066"])
def test_fault_c_a_command_with_such_a_word_is_plain_and_means_that_word(name: str) -> None:
    printed = command("printf", "%s", name)
    rest = printed.replace("\n", "")
    assert rest.replace("\t", "").isprintable()
    bash = shutil.which("bash")
    if bash is not None and "\x00" not in name:
        found = subprocess.run([bash, "-c", printed], capture_output=True, check=True).stdout
        assert found == os.fsencode(name)


@pytest.mark.parametrize("code", ["8", "30", "7", "5;41"])
def test_fault_c_what_hides_text_is_no_colour_of_ours(code: str) -> None:
    stream = io.StringIO()
    put(f"\x1b[1;31merror\x1b[0m \x1b[{code}mhidden", stream)
    assert "\x1b[1;31merror\x1b[0m" in stream.getvalue()
    assert f"\x1b[{code}m" not in stream.getvalue()


def test_fault_c_a_colour_in_the_text_of_a_file_is_none_of_ours(tmp_path: Path, capsys: Capture) -> None:
    spec = tmp_path / "spec.txt"
    spec.write_text("in(6,4)->lstm(3)  # \x1b[31mred\x1b[0m\n", encoding="utf-8")
    main(["fmt", "--diff", str(spec)])
    out = capsys.readouterr().out
    assert "red" in out
    assert "\x1b" not in out
