"""Find a file of the folder ``grammar``, which the wheel carries inside the package."""

from __future__ import annotations

import os

_PACKAGE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
_FOLDERS = (os.path.join(_PACKAGE, "grammar"), os.path.join(os.path.dirname(_PACKAGE), "grammar"))
"""In an installed package, and beside the package in a checkout."""


def grammar_path(name: str) -> str:
    """Return the path of a file or folder in ``grammar``; in an installed package where there is none.

    >>> os.path.basename(grammar_path("seqtopo.lark"))
    'seqtopo.lark'
    """
    paths = [os.path.join(folder, name) for folder in _FOLDERS]
    return next(filter(os.path.exists, paths), paths[0])
