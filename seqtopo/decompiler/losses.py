"""Collect the parts of a model that a spec cannot say, as diagnostics with the layer's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from seqtopo.diag.model import Diagnostic, Severity
from seqtopo.source import Source, Span
from seqtopo.system.bounds import LOSSES


class UnreadableError(Exception):
    """A file or configuration holds no readable model; has the diagnostic."""

    def __init__(self, code: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, Span(0, 0), help=help)

    def placed(self, name: str) -> Diagnostic:
        """Return the diagnostic, with the name of its file."""
        return replace(self.diagnostic, source=Source("", name)) if name else self.diagnostic


def wrong(message: str, help: str = "it is not what Keras 3 writes; save the model anew") -> UnreadableError:
    """Return the error for a configuration that Keras 3 does not write."""
    return UnreadableError("ST502", message, help)


@dataclass
class Losses:
    """The diagnostics on a model, in the order in which they are found.

    A diagnostic found while a call is read belongs to that call. The calls inside an operation are read one
    by one, and their diagnostics are dropped once the whole is recognised.
    """

    name: str = ""
    found: list[Diagnostic] = field(default_factory=list)
    counts: Counter[Severity] = field(default_factory=Counter)

    def add(self, code: str, message: str, severity: Severity = "warning", help: str = "") -> None:
        """Add a diagnostic; of very many, only a note that there are more."""
        self.counts[severity] += 1
        if self.counts[severity] > LOSSES + 1:
            return
        if self.counts[severity] > LOSSES:
            message, help = f"there are more than {LOSSES:,} such; the others are not listed", ""
        source = Source("", self.name) if self.name else None
        self.found.append(Diagnostic(code, message, Span(0, 0), severity, help=help, source=source))

    def argument(self, layer: str, argument: str, value: str, why: str = "") -> None:
        """Add an argument that is left out of the spec."""
        reason = f": {why}" if why else ""
        self.add("ST504", f"{layer} has {argument}={value}, which cannot be written in a spec{reason}")

    def unsaved(self, kind: str, argument: str, default: Any, layer: str = "") -> None:
        """Add an argument of an object that Keras does not save."""
        where = f"{layer} has" if layer else "the model was compiled with"
        message = f"{where} {kind}, whose {argument} Keras does not save: the spec has the default, {default}"
        help = f"if it was another, write {kind}({argument}=...)"
        self.add("ST504" if layer else "ST505", message, help=help)

    def otherwise(self, layer: str, what: str) -> None:
        """Add a note that the spec says something by other means, with the same outputs."""
        self.add("ST506", f"{layer} {what}", "info")

    @contextmanager
    def apart(self) -> Iterator[list[Diagnostic]]:
        """Collect the diagnostics inside the ``with`` block in a list of its own."""
        before, self.found, self.counts = (self.found, self.counts), [], Counter()
        try:
            yield self.found
        finally:
            self.found, self.counts = before

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return the diagnostics, each once."""
        return tuple(dict.fromkeys(self.found))
