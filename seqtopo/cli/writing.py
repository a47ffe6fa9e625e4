"""Rewrite specs as bytes or show the difference; write files whole or not at all, never onto what is read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from difflib import unified_diff
from pathlib import Path
from typing import NamedTuple

from seqtopo.cli.arguments import STDIN, Parser, UsageError
from seqtopo.cli.files import STDIN_NAME, read_input
from seqtopo.cli.terminal import put
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers.cells import visible
from seqtopo.source import Source, Span
from seqtopo.syntax.read import decode, unreadable
from seqtopo.system import leftovers
from seqtopo.system.bounds import SPEC_BYTES
from seqtopo.system.files import open_file
from seqtopo.system.replacing import mark_as_made, why_kept
from seqtopo.system.shell import command

_MARK = b"\xef\xbb\xbf"


class Original(NamedTuple):
    """A file's text and its bytes."""

    source: Source
    data: bytes

    def written(self, text: str) -> bytes:
        """Return another text as the bytes of this file: its byte order mark, its line endings."""
        new = text.replace("\n", _ending(self.data)).encode("utf-8")
        return (_MARK if self.data.startswith(_MARK) else b"") + new


def original(spec: str) -> tuple[Original | None, tuple[Diagnostic, ...]]:
    """Return the file that an argument names, or the standard input; None, with why, where it
    is not a text.
    """
    try:
        data = read_input() if spec == STDIN else _bytes(Path(spec))
    except OSError as error:
        return None, (unreadable(Path(spec), error),)
    source, problems = decode(data, STDIN_NAME if spec == STDIN else spec)
    return (None, problems) if problems else (Original(source, data), ())


def _bytes(path: Path) -> bytes:
    with open_file(path, streams=True) as file:
        return file.read(SPEC_BYTES + 1)


def _ending(data: bytes) -> str:
    """Return the line ending of a file: that of its first line."""
    return "\r\n" if data[: data.find(b"\n") + 1].endswith(b"\r\n") else "\n"


def put_difference(name: str, before: str, after: str, done: str) -> None:
    """Print the difference of two texts, as ``diff -u`` does."""
    name = visible(name)
    lines = unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, f"{name} ({done})"
    )
    ended = (line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)
    put("".join(ended), colors=False)


def apart(output: str | Path, *inputs: str) -> None:
    """Refuse to overwrite the file that is read. Raises UsageError."""
    path = Path(output)
    for given in inputs:
        if os.path.exists(given) and os.path.realpath(given) == os.path.realpath(path):
            other = path.with_stem(f"{path.stem}-new")
            raise UsageError(
                f"that would write over {given}, which is read", f"write {command('-o', str(other))}"
            )


def keep_what_is_there(output: str | Path, kind: str, text: str = "", *, force: bool = False) -> None:
    """Keep the file at a path, by the rule of ``seqtopo.system.replacing``.

    Raises:
        SpecError: ST732, it would be replaced; ST405, it cannot be looked at.
    """
    path = Path(output)
    try:
        there = "" if force else why_kept(path, kind, text)
    except OSError as error:
        raise SpecError((cannot_write(path, error),)) from error
    if there:
        raise SpecError((would_replace(path, there),))


def would_replace(path: Path, there: str) -> Diagnostic:
    """Return the diagnostic of a file that is kept, with a place that is free."""
    names = (path.with_stem(f"{path.stem}-{i}") for i in range(2, 1000))
    free = next((name for name in names if not os.path.lexists(name)), path.with_stem(f"{path.stem}-new"))
    return Diagnostic(
        "ST732",
        f"{path} would be replaced: {there} is there already",
        Span(0, 0),
        help=f"write elsewhere: {command('-o', str(free))}; or replace it: --force",
    )


def add_force(parser: Parser, what: str) -> None:
    """Add ``--force``, which replaces ``what`` stands at the path of ``-o``."""
    parser.add_argument("--force", action="store_true", help=f"replace {what} that is there already")


def text_place(output: str | Path, what: str) -> None:
    """Refuse to write a text under the ending of a model or a program. Raises UsageError."""
    path = Path(output)
    if path.suffix.lower() in (".keras", ".json", ".h5", ".hdf5", ".py", ".onnx"):
        raise UsageError(
            f"{what} is a text, and {path} would not be one",
            f"write {command('-o', (path.stem or 'spec') + '.txt')}",
        )


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside ``path`` and then rename it, so that there is never half a file.

    The file keeps the permissions of the one it replaces; a link stays one.

    Raises:
        SpecError: ST405, it cannot be written; what stood there is unchanged.
    """
    try:
        _write_beside(path, write)
    except OSError as error:
        raise SpecError((cannot_write(path, error),)) from error


def write_model(path: Path, save: Callable[[Path], object]) -> None:
    """Write a model whole, marked as one that can be made again.

    Raises:
        SpecError: ST405, it cannot be written; what stood there is unchanged.
    """

    def write(there: Path) -> None:
        save(there)
        mark_as_made(there)

    write_whole(path, write)


def _write_beside(path: Path, write: Callable[[Path], object]) -> None:
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
    """Return the diagnostic of a file that could not be written."""
    reason = (error.strerror or str(error)).lower()
    help = "check the path and its permissions"
    if isinstance(error, FileNotFoundError) and not path.absolute().parent.is_dir():
        reason = f"there is no folder {path.parent}"
        help = "make the folder first, or choose another place with -o"
    return Diagnostic("ST405", f"{path} cannot be written: {reason}", Span(0, 0), help=help)
