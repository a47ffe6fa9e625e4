"""Define ``SpecError``, the exception that carries the diagnostics of a user's mistake."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers import renderer

_OURS = str(Path(__file__).parents[1]) + os.sep


class SpecError(ValueError):
    """Raised if a spec, its data, or a model's file is wrong; its text reads like the command's output.

    Attributes:
        diagnostics: The findings; at least one of them is an error.

    >>> import seqtopo
    >>> try:
    ...     seqtopo.compile("in(T,8) -> lstm(64) -> lstm(32)")
    ... except seqtopo.SpecError as error:
    ...     print(error.diagnostics[0].code, error.diagnostics[0].message)
    ST301 lstm takes (T, F) but is given (64,)
    """

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__(diagnostics)

    def __str__(self) -> str:
        return "\n" + renderer("text")(self.diagnostics)

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows for an uncaught error: the user's code and the message."""
        color = not os.environ.get("NO_COLOR")
        places = []
        for frame in traceback.extract_tb(self.__traceback__):
            if frame.filename.startswith(_OURS):
                break
            if f"{os.sep}IPython{os.sep}" not in frame.filename and frame.line:
                file = f"{Path(frame.filename).name}, " if os.path.isfile(frame.filename) else ""
                within = "" if frame.name.startswith("<") else f" in {frame.name}"
                places.append(f"{file}line {frame.lineno}{within}: {frame.line}")
        return ["SpecError", *places, "", *renderer("text")(self.diagnostics, color=color).splitlines()]
