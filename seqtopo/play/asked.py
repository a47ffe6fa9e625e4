"""A request of the page about a text, and the text as it is read for that; the last reading is kept."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.lint.selection import Selection
from seqtopo.report.analyse import Checked, analyse, linted
from seqtopo.source import Source, Span

if TYPE_CHECKING:
    from seqtopo.code.findings import CheckedFile

NAME = "spec"
"""The name of the text in messages."""


class Asked:
    """A text with the requests about it; options of a wrong kind count as not given."""

    def __init__(self, text: str, options: Mapping[str, Any], selection: Selection | None) -> None:
        def option(name: str, kind: type, default: Any) -> Any:
            return given if isinstance(given := options.get(name), kind) else default

        self.text = text
        self.wants = [want for want in option("wants", list, ["report"]) if isinstance(want, str)]
        self.is_code = option("language", str, "") == "python"
        self.theme: str = option("theme", str, "")
        self.code: str = option("code", str, "")
        self.number: int = option("model", int, 0)
        dims = option("dims", dict, {})
        self.dims = tuple(sorted((str(name), _value(value)) for name, value in dims.items()))
        self.selection = selection or Selection()

    @property
    def file(self) -> CheckedFile:
        """The models of the Keras code."""
        return _read_code(self.text, self.dims, self.selection)

    @property
    def checked(self) -> Checked:
        """The spec, or the chosen model of the code, resolved.

        Raises:
            SpecError: the code has no such model.
        """
        if not self.is_code:
            return _read_spec(self.text, self.dims, self.selection)
        models = self.file.models
        found = models[self.number].checked if 0 <= self.number < len(models) else None
        if found is None:
            raise SpecError((Diagnostic("ST407", "there is no model to show", Span(0, 0)),))
        return found


def _value(given: Any) -> Any:
    text = str(given).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else text


@lru_cache(maxsize=4)
def _read_spec(text: str, dims: tuple[tuple[str, Any], ...], selection: Selection) -> Checked:
    return linted(analyse(Source(text, NAME), dict(dims)), selection)


@lru_cache(maxsize=2)
def _read_code(text: str, dims: tuple[tuple[str, Any], ...], selection: Selection) -> CheckedFile:
    from seqtopo.code.check import check_text  # a spec is checked without reading any Python

    return check_text(text, "code", dict(dims), selection)
