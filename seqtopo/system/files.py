"""Open files for reading without blocking, and find those of the folder ``grammar``."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO


def open_file(path: str | os.PathLike[str], *, streams: bool = False) -> BinaryIO:
    """Open a file to read its bytes.

    ``streams`` allows pipes and devices as well, such as those of ``<(command)``: the caller reads from the
    start, and bounds how much. A pipe without a writer reads as empty.

    Raises:
        OSError: it cannot be opened, or is a folder, a pipe or a device.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(0, "it is a folder")
        if not stat.S_ISREG(mode):
            if not streams:
                raise OSError(0, "it is a pipe or a device, not a file")
            os.set_blocking(handle, True)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


_PACKAGE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
_FOLDERS = (os.path.join(_PACKAGE, "grammar"), os.path.join(os.path.dirname(_PACKAGE), "grammar"))
"""The places of the folder ``grammar``: in an installed package, and beside the package in a checkout."""


def grammar_path(name: str) -> str:
    """Return the path of a file or folder in ``grammar``. If there is none: the path in an installed package.

    >>> os.path.basename(grammar_path("seqtopo.lark"))
    'seqtopo.lark'
    """
    paths = [os.path.join(folder, name) for folder in _FOLDERS]
    return next(filter(os.path.exists, paths), paths[0])
