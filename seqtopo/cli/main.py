"""Run the command ``seqtopo``: find the subcommand, and turn every result into an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import TextIO

from seqtopo import __version__
from seqtopo.cli.arguments import UsageError, import_modules
from seqtopo.cli.terminal import OutputError, flush, put, put_diagnostics, say
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.nearest import nearest
from seqtopo.source import Span
from seqtopo.system.progress import running
from seqtopo.system.shell import command

FINE, FINDINGS, USAGE, INTERRUPTED, CLOSED = 0, 1, 2, 130, 141
"""Exit codes; the last two are those of a process that the signals INT and PIPE ended."""

COMMANDS = {
    "check": "check a spec and show its shapes; needs no Keras",
    "show": "explain a spec step by step, in plain words",
    "draw": "draw a spec, or its steps side by side",
    "build": "build the Keras model and save it",
    "export": "export a model for another program: ONNX, TensorFlow, PyTorch",
    "convert": "convert a topology of another program to a spec",
    "fit": "train a model on a file of data, save it and compare it",
    "search": "find the best topology of a spec with search lines",
    "forecast": "continue a series with a saved model",
    "decompile": "write the spec of a saved Keras model",
    "diff": "compare two specs or saved models",
    "fmt": "format specs in the house style",
    "play": "open a page in the browser to write, see and train a spec",
    "layers": "list the layers, and what each takes",
    "explain": "explain the code of a message",
    "lsp": "run the language server, for editors",
}

OVERVIEW = """\
seqtopo: say a sequence model in one line, get a checked Keras model.

A first spec, to try:
  seqtopo check "in(T,8) -> lstm(64,seq) -> lstm(32) -> dense(1)"

It reads: T steps with 8 features come in, an LSTM gives 64 numbers at every
step, another one gives 32 at the last step, and a dense layer makes one of
them. Save it as a file, spec.txt, and build it with: seqtopo build spec.txt

commands:
{commands}

seqtopo COMMAND --help shows examples of each; seqtopo --version, the version."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of the process.

    Returns:
        0 where all is fine, 1 where something was found, 2 where the command was not understood.
        Whatever happens is said in words; with ``SEQTOPO_DEBUG=1`` a fault of ours shows its traceback.
    """
    try:
        return _exit_code(list(sys.argv[1:] if argv is None else argv))
    except OutputError as error:
        _quiet()
        try:
            say(f"seqtopo: the output cannot be written: {error}", stream=sys.stderr)
        except OutputError:  # nor can this
            _quiet(sys.stderr)
        return FINDINGS


def _exit_code(argv: list[str]) -> int:
    try:
        code = _run(argv)
        flush()
    except UsageError as error:
        say(f"seqtopo: {error.message}", *error.help, stream=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _quiet()
        return CLOSED
    except OutputError:
        raise
    except Exception as error:
        if isinstance(error, FileNotFoundError) and not _in_a_folder():
            reason = "the current folder is not there any more"
            put_diagnostics([Diagnostic("ST405", reason, Span(0, 0), help="change to another one: cd")])
            return FINDINGS
        return _own_fault(error)
    return code


def _in_a_folder() -> bool:
    try:
        return bool(os.getcwd())
    except FileNotFoundError:
        return False


def _run(argv: list[str]) -> int:
    first = argv[0] if argv else ""
    if first in ("", "-h", "--help", "help"):
        commands = "\n".join(f"  {name:9} {what}" for name, what in COMMANDS.items())
        put(OVERVIEW.format(commands=commands))
        return FINE
    if first in ("-V", "--version"):
        say(f"seqtopo {__version__}")
        return FINE
    if first not in COMMANDS:
        raise _no_command(first)
    module = import_module(f"seqtopo.cli.{first}")
    try:
        arguments = module.parser().parse_args(argv[1:])
    except SystemExit as ended:  # after --help
        return int(ended.code or 0)
    with running(f"seqtopo {first}"):
        if modules := getattr(arguments, "modules", None):
            import_modules(modules, getattr(arguments, "backend", None))
        result: int = module.run(arguments)
    return result


def _no_command(word: str) -> UsageError:
    shown = word if len(word) <= 60 else word[:57] + "..."
    if "->" in word or os.path.lexists(word):
        return UsageError(f"a command comes first: {command('seqtopo', 'check', word)}")
    near = nearest(word, COMMANDS)
    known = f"the commands are {', '.join(COMMANDS)}"
    return UsageError(f"there is no command {shown}", f"did you mean seqtopo {near}?" if near else known)


def _quiet(stream: TextIO | None = None) -> None:
    """Let the interpreter flush into nothing when it ends: nobody reads what it would write."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), (stream or sys.stdout).fileno())
    except (OSError, ValueError):
        return


def _own_fault(error: Exception) -> int:
    import platform

    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{'/'.join(where.filename.replace(os.sep, '/').split('/')[-2:])}:{where.lineno}"
    reason = " ".join(str(error).split())[:300]
    found = Diagnostic(
        "ST901",
        "this is a mistake in seqtopo, not in your spec",
        Span(0, 0),
        notes=(
            f"seqtopo {__version__}, Python {platform.python_version()}, {place}: "
            f"{type(error).__name__}: {reason}",
        ),
        help="please report the line above, with the spec; SEQTOPO_DEBUG=1 shows the whole traceback",
    )
    if os.environ.get("SEQTOPO_DEBUG", "") not in ("", "0"):
        put("".join(traceback.format_exception(error)), sys.stderr)
    put_diagnostics([found], wrapped=False)
    return FINDINGS
