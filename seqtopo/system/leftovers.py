"""Hold temporary files while they are written, and delete those that a killed process left behind."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = ".seqtopo-"
"""The first characters of the name of a file or folder that is still being written."""
YOUNG = 60.0
"""The age in seconds below which a leftover is not deleted: its writer may not hold it yet."""


@contextmanager
def held(path: Path | str) -> Iterator[None]:
    """Keep a file or folder from being swept by another process, inside the ``with`` block."""
    handle = _open(path)
    try:
        if handle is not None:
            _lock(handle)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def sweep(folder: Path) -> None:
    """Delete the files that killed writers have left in a folder: ours, old enough, and held by nobody."""
    for left in folder.glob(f"{PREFIX}*"):
        try:
            if left.is_symlink() or time.time() - left.stat().st_mtime < YOUNG:
                continue
        except OSError:
            continue
        handle = _open(left)
        if handle is None:
            continue
        try:
            if not _lock(handle):
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
        except OSError:
            continue
        finally:
            os.close(handle)


def _open(path: Path | str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:
        return None


def _lock(handle: int) -> bool:
    """Lock a file for this process and return whether that worked, which it never does on Windows."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True
