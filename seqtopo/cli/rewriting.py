"""Read spec files to rewrite them: as bytes, with their own line endings, and as a diff."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seqtopo.cli.files import STDIN, STDIN_NAME, read_input
from seqtopo.cli.terminal import put
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers.cells import visible
from seqtopo.source import Source
from seqtopo.syntax.read import decode, unreadable
from seqtopo.system.bounds import SPEC_BYTES
from seqtopo.system.opening import open_file

_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Original:
    """A file's text, and its bytes."""

    source: Source
    data: bytes

    def written(self, text: str) -> bytes:
        """Another text as the bytes of this file: its mark, its line endings."""
        new = text.replace("\n", _ending(self.data)).encode("utf-8")
        return (_MARK if self.data.startswith(_MARK) else b"") + new


def original(spec: str) -> tuple[Original | None, tuple[Diagnostic, ...]]:
    """Return the file that an argument names, or the standard input; None with the reason where it is no
    text.
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
    """How the lines of a file end, which is how its first one does."""
    return "\r\n" if data[: data.find(b"\n") + 1].endswith(b"\r\n") else "\n"


def put_difference(name: str, before: str, after: str, done: str) -> None:
    """Shows what changes between two texts, as ``diff -u`` does."""
    from difflib import unified_diff

    name = visible(name)
    lines = unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, f"{name} ({done})"
    )
    put("".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines))
