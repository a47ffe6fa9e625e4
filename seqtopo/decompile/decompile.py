"""A Keras model's own configuration as a spec: the text that a person would have written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqtopo.decompile.flows import Choices, Writer
from seqtopo.decompile.graphs import Decoded, Reader
from seqtopo.decompile.losses import Losses
from seqtopo.decompile.naming import Naming, ours
from seqtopo.decompile.same import difference
from seqtopo.decompile.units import UnsayableError
from seqtopo.decompile.writing import NOWHERE
from seqtopo.diag.model import Diagnostic
from seqtopo.ir.graph import Graph
from seqtopo.ir.resolve import Resolved, resolve
from seqtopo.source import Source
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_spec
from seqtopo.syntax.parse import parse
from seqtopo.syntax.print import format_text


@dataclass(frozen=True)
class Decompiled:
    """A spec, and what it cannot say of the model it comes from."""

    text: str
    diagnostics: tuple[Diagnostic, ...]
    graph: Graph


class FailedError(Exception):
    """No text that was tried means the same model: our own fault. Says where they differ."""


def decompile_config(config: Mapping[str, Any], name: str = "") -> Decompiled:
    """The spec of a serialized model.

    Raises:
        UnreadableError: the configuration holds no model.
        FailedError: no spec was found that means the same.
    """
    losses = Losses(name)
    decoded = Reader(losses).read(config)
    text, lost = _spec(decoded)
    for one in dict.fromkeys(lost):
        losses.add("ST507", f"the name {one!r} is left out: it is no name in a spec, or taken there")
    return Decompiled(text, losses.diagnostics, decoded.graph)


TRIES = (
    Choices(),
    Choices(opens="?"),
    Choices(parts=False),
    Choices(parts=False, opens="?"),
    Choices(parts=False, forks=False),
    Choices(parts=False, forks=False, opens="?"),
)


def _spec(decoded: Decoded) -> tuple[str, list[str]]:
    said = ""
    for choices in TRIES:
        naming = Naming(ours(decoded.graph))
        naming.reserve(decoded.graph)
        try:
            statements = Writer(decoded, naming, choices).write()
        except UnsayableError as error:
            said = str(error)
            continue
        text = print_spec(tree.Spec(NOWHERE, tuple(statements)))
        said = compare(text, decoded.graph)
        if not said:
            return formatted(text), naming.lost
    raise FailedError(said)


def compare(text: str, graph: Graph) -> str:
    """Where a spec means another model than a graph; "" where it means the same."""
    resolved, found = read(text)
    if resolved is None:
        return f"{found[0].code} {found[0].message}" if found else "it cannot be read"
    return difference(graph, resolved.graph)


def read(text: str) -> tuple[Resolved | None, list[Diagnostic]]:
    """A spec that was written, resolved."""
    spec, found = parse(Source(text))
    if spec is None or found:
        return None, found
    return resolve(spec, Source(text), labels=False)


def formatted(text: str) -> str:
    """The text in the house style."""
    found, _ = format_text(Source(text))
    return text if found is None else found
