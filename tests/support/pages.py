"""Take the pages for readers apart and run them; ``python -m tests.support.pages`` writes their outputs anew.

A ``console`` block is a session of commands: ``$ seqtopo ...`` runs; ``$ cat FILE`` says what is in a file
that later commands read, or shows a Python file that an earlier command wrote. In a ``console numbers-vary``
block numbers may differ from run to run. A ``python`` block is a doctest, a ``seqtopo`` block a spec. Each
page has a folder of its own, with the examples in it as ``examples/``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import seqtopo
from seqtopo.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
GUIDE = ROOT / "examples" / "guide"
SCALE = ROOT / "examples" / "scale" / "README.md"
PAGES = (README, ROOT / "CONTRIBUTING.md", SCALE, *sorted(GUIDE.glob("*.md")))
"""The pages whose blocks are run. The README of each example with a spec has a test of its own."""
_BLOCK = re.compile(r"^```(\w+)((?: [\w-]+)?)\n(.*?)^```$", re.M | re.S)
_VARIES = " numbers-vary"
_NUMBER = re.compile(r"-?\d[\d,]*(\.\d+)?(e-?\d+)?")


@dataclass(frozen=True)
class Command:
    """One command of a console block, and the output that stands below it."""

    line: str
    shown: str
    varies: bool = False
    """True if numbers in the output may differ from run to run."""

    def agrees_with(self, printed: str) -> bool:
        """Return whether a command printed what is shown."""
        if self.varies:
            return _without_numbers(printed) == _without_numbers(self.shown)
        return printed == self.shown


def _without_numbers(text: str) -> str:
    """Return the words of a text, with 0 in the place of each number.

    >>> _without_numbers("epoch 1/3  loss 0.2781 and 3,652 steps")
    'epoch 0/0 loss 0 and 0 steps'
    """
    return " ".join(_NUMBER.sub("0", text).split())


def name_of(page: Path) -> str:
    """Return how a page is named in a test: its path in the checkout."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of a page that are in a language."""
    return [body for kind, _, body in _BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


def commands(page: Path) -> list[Command]:
    """Return the commands of a page's console blocks."""
    text = page.read_text(encoding="utf-8")
    return [
        command
        for kind, how, body in _BLOCK.findall(text)
        if kind == "console"
        for command in session(body, how == _VARIES)
    ]


def session(block: str, varies: bool = False) -> list[Command]:
    """Return the commands of a console block. A quote that is open at a line's end goes on in the next."""
    found: list[Command] = []
    line, shown = "", ""
    for text in block.splitlines():
        if line and line.count('"') % 2:
            line += "\n" + text
        elif text.startswith("$ "):
            if line:
                found.append(Command(line, shown, varies))
            line, shown = text[2:], ""
        else:
            shown += text + "\n"
    return [*found, Command(line, shown, varies)]


def environment(**more: str) -> dict[str, str]:
    """Return a child's environment: our code, a quiet TensorFlow, no terminal's width."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "FORCE_COLOR")}
    return {**inherited, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **more}


def prepare(folder: Path) -> Path:
    """Give an empty folder the examples, as a checkout has them."""
    # A copy, since commands may write there; without what earlier runs have written.
    ignored = shutil.ignore_patterns("*.keras", "__pycache__", "guide", "pictures")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=ignored)
    return folder


def outputs_of(found: Sequence[Command], folder: Path) -> list[str]:
    """Return what each command prints in ``folder``. All run in one process, which loads Keras once."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _RUN],
        input=json.dumps([(command.line, command.shown) for command in found]),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    printed: list[str] = json.loads(done.stdout.splitlines()[-1])
    return printed


_RUN = """
import json, sys
from tests.support.pages import run
print(json.dumps([run(line, shown) for line, shown in json.load(sys.stdin)]))
"""


def run(line: str, shown: str) -> str:
    """Return what a command prints in the working directory, in this process."""
    program, *arguments = shlex.split(line)
    if program == "cat" and arguments[0].endswith(".py"):
        return Path(arguments[0]).read_text(encoding="utf-8")
    if program == "cat":
        Path(arguments[0]).write_text(shown, encoding="utf-8")
        return shown
    assert program == "seqtopo", f"a page may show seqtopo and cat, not {program}"
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = main(arguments)
    assert code in (0, 1), f"{line}: {errors.getvalue()}"
    # A failed build says so on the error stream.
    return out.getvalue() or errors.getvalue()


def write_anew(page: Path) -> None:
    """Write a page's specs in the house style, and the outputs of its console blocks as they are now."""
    with tempfile.TemporaryDirectory() as name:
        folder = prepare(Path(name))

        def renewed(match: re.Match[str]) -> str:
            kind, how, body = match.groups()
            if kind == "seqtopo":
                return f"```seqtopo\n{seqtopo.format_spec(body)}```"
            if kind != "console":
                return match[0]
            found = session(body, how == _VARIES)
            printed = outputs_of(found, folder)
            body = "".join(f"$ {c.line}\n{each}" for c, each in zip(found, printed, strict=True))
            return f"```console{how}\n{body}```"

        text = _BLOCK.sub(renewed, page.read_text(encoding="utf-8"))
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for asked in [Path(name).resolve() for name in sys.argv[1:]] or PAGES:
        write_anew(asked)
