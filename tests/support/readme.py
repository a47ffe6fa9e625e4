"""What README.md shows, taken out and run; ``python -m tests.support.readme`` writes its outputs anew.

A ``console`` block is a session of commands, ``$ seqtopo ...`` or ``$ cat FILE``, which says what is in a
file, or shows Python that a command before it wrote; a ``python`` block is a doctest; a ``seqtopo`` block
is a spec.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Command:
    """One command of a console block, and the output that stands below it."""

    line: str
    shown: str


def blocks(language: str) -> list[str]:
    """The blocks of a language."""
    return [body for kind, body in _BLOCK.findall(README.read_text(encoding="utf-8")) if kind == language]


def session(block: str) -> list[Command]:
    """The commands of a console block. A quote that is open at a line's end goes on in the next."""
    found: list[Command] = []
    line, shown = "", ""
    for text in block.splitlines():
        if line and line.count('"') % 2:
            line += "\n" + text
        elif text.startswith("$ "):
            if line:
                found.append(Command(line, shown))
            line, shown = text[2:], ""
        else:
            shown += text + "\n"
    return [*found, Command(line, shown)]


def environment(**more: str) -> dict[str, str]:
    """A child's environment: our code, a Keras home of its own, a quiet TensorFlow, no terminal's width."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "FORCE_COLOR")}
    return {**inherited, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **more}


def output_of(command: Command, folder: Path) -> str:
    """What a command prints in ``folder``, run as a person would."""
    program, *arguments = shlex.split(command.line)
    if program == "cat" and arguments[0].endswith(".py"):
        return (folder / arguments[0]).read_text(encoding="utf-8")
    if program == "cat":
        (folder / arguments[0]).write_text(command.shown, encoding="utf-8")
        return command.shown
    assert program == "seqtopo", f"the README may show seqtopo and cat, not {program}"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "seqtopo", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), f"{command.line}: {done.stderr}"
    # A failed build says so on the error stream, where TensorFlow writes as well.
    return done.stdout or done.stderr


def write_anew() -> None:
    """Writes the outputs of the console blocks as they are now."""

    def renewed(match: re.Match[str]) -> str:
        kind, body = match.groups()
        if kind != "console":
            return match[0]
        commands = session(body)
        body = "".join(f"$ {c.line}\n{output_of(c, Path(folder))}" for c in commands)
        return f"```console\n{body}```"

    with tempfile.TemporaryDirectory() as folder:
        text = _BLOCK.sub(renewed, README.read_text(encoding="utf-8"))
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_anew()
