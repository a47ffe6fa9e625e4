"""Read specs from files and the standard input, and write files whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from seqtopo.cli.arguments import UsageError
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.symbols import symbols_of
from seqtopo.report.analyse import Checked, analyse
from seqtopo.source import Source, Span
from seqtopo.syntax.read import decode, read_file
from seqtopo.system.bounds import SPEC_BYTES
from seqtopo.system.shell import command

if TYPE_CHECKING:
    from pathlib import Path

STDIN = "-"
STDIN_NAME = "<stdin>"


def load(argument: str) -> tuple[Source, tuple[Diagnostic, ...]]:
    """Return the spec that an argument names: a path, ``-`` for the standard input, or the spec itself.

    >>> load("in(T,8) -> lstm(4)")[0].name
    '<spec>'
    """
    if argument == STDIN:
        return decode(read_input(), STDIN_NAME)
    return (Source(argument), ()) if is_text(argument) else read_file(argument)


def is_text(argument: str) -> bool:
    """Return whether an argument is a spec, not the name of a file with one: by its arrow, its source, its
    lines.
    """
    looks = not argument.strip() or any(sign in argument for sign in ("->", "in(", "\n"))
    return looks and not os.path.lexists(argument)


def read_input() -> bytes:
    """Return all of the standard input; no more of it than a spec may have."""
    return sys.stdin.buffer.read(SPEC_BYTES + 1)


def check_spec(argument: str, dims: Mapping[str, Any]) -> Checked:
    """Return the spec that an argument names, read and resolved."""
    source, problems = load(argument)
    if problems:
        return Checked(source, None, None, problems)
    return analyse(source, dims)


def check_specs(arguments: Iterable[str], dims: Mapping[str, Any]) -> list[Checked]:
    """Several specs, read and resolved. Not all need each name that is bound, but one of them must."""
    checked = [check_spec(argument, dims) for argument in arguments]
    known = [symbols_of(one.spec) if one.spec and dims else set() for one in checked]
    somewhere = set().union(*known)
    return [
        analyse(one.source, {n: v for n, v in dims.items() if n in names or n not in somewhere})
        if one.spec and len(checked) > 1 and not names >= dims.keys()
        else one
        for one, names in zip(checked, known, strict=True)
    ]


def apart(output: str | Path, *inputs: str) -> None:
    """Refuses to write onto what is read. Raises UsageError."""
    from pathlib import Path

    path = Path(output)
    for given in inputs:
        if os.path.exists(given) and os.path.realpath(given) == os.path.realpath(path):
            other = path.with_stem(f"{path.stem}-new")
            raise UsageError(
                f"that would write over {given}, which is read", f"write {command('-o', str(other))}"
            )


def text_place(output: str | Path, what: str) -> None:
    """Refuses to write a text under an ending that says it is a model or a program. Raises UsageError."""
    from pathlib import Path

    path = Path(output)
    if path.suffix.lower() in (".keras", ".json", ".h5", ".hdf5", ".py", ".onnx"):
        raise UsageError(
            f"{what} is a text, and {path} would not be one",
            f"write {command('-o', (path.stem or 'spec') + '.txt')}",
        )


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file beside ``path`` and then puts it in its place, so that there is never half a file.

    The file keeps the permissions of the one it replaces; a link stays one.

    Raises:
        OSError: it cannot be written; what stood there is unchanged.
    """
    import tempfile
    from pathlib import Path

    from seqtopo.system import leftovers

    real = Path(os.path.realpath(path))
    if real.exists() and not real.is_file():
        raise OSError(0, "it is a folder" if real.is_dir() else "it is not a file")
    leftovers.sweep(real.parent)
    handle, name = tempfile.mkstemp(dir=real.parent, prefix=leftovers.PREFIX, suffix=real.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        with leftovers.held(temporary):
            write(temporary)
        temporary.chmod(real.stat().st_mode & 0o7777 if real.exists() else 0o666 & ~_umask())
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(real)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    # There is no way to ask for it without setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def cannot_write(path: Path, error: OSError) -> Diagnostic:
    """Return what is wrong where a file could not be written."""
    reason = (error.strerror or str(error)).lower()
    help = "check the path and its permissions"
    if isinstance(error, FileNotFoundError) and not path.absolute().parent.is_dir():
        reason = f"there is no folder {path.parent}"
        help = "make the folder first, or choose another place with -o"
    return Diagnostic("ST405", f"{path} cannot be written: {reason}", Span(0, 0), help=help)
