"""What names mean where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from seqtopo.graph.graph import Bundle, Graph
from seqtopo.source import Span
from seqtopo.syntax import tree

KEYWORDS = ("let", "def", "train", "in", "for", "as", "is", "id", "res")
"""The words of the language itself."""


@dataclass(frozen=True)
class Passed:
    """What was written for a recipe's parameter or a ``for``, and where its names are looked up."""

    expr: tree.Expr
    scope: Scope


class _Flow:
    def __str__(self) -> str:
        return "a flow"


FLOW = _Flow()
"""The value of a name that was given a flow: it has none, it is a step."""


@dataclass
class Plain:
    """A number, tuple or word, or a flow: of a ``let``, a recipe's parameter, a ``for``.

    ``passed`` is what was written, for use as a step: each use makes fresh layers. ``note`` says of a
    binding from outside what was bound.
    """

    value: Any
    span: Span
    passed: Passed | None = None
    note: str = ""


@dataclass
class Named:
    """A value of a graph, bound by ``=`` or ``as``, or the list that an ``as`` has collected.

    ``nodes`` is the stretch of the graph that was made for it.
    """

    values: Bundle
    span: Span
    graph: Graph
    nodes: range = range(0)


@dataclass
class Use:
    """One application of a block: what came in, what it gave, and the nodes made for it."""

    graph: Graph
    incoming: Bundle
    values: Bundle
    nodes: range


@dataclass
class Block:
    """A flow without a source, bound by ``=``: applied where it stands, always with the same layers.

    ``uses`` are the places where it was applied, in their order.
    """

    name: str
    body: tree.Expr
    span: Span
    uses: list[Use] = field(default_factory=list)


@dataclass
class Recipe:
    """A ``def``: each use makes fresh layers."""

    name: str
    params: tuple[tree.Parameter, ...]
    body: tree.Expr
    span: Span


@dataclass
class Failed:
    """A name whose flow had a mistake: using it is not reported again."""

    span: Span


Bound = Plain | Named | Block | Recipe | Failed


@dataclass
class Scope:
    """Names bound here, and behind them those of the scope around it."""

    parent: Scope | None = None
    names: dict[str, Bound] = field(default_factory=dict)
    own_names: bool = True
    """Whether ``as`` binds here: in a recipe it does, in a ``for`` it binds around it."""

    def find(self, name: str) -> Bound | None:
        """What a name means, or None."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def home(self) -> Scope:
        """The scope that ``as`` binds in."""
        scope = self
        while not scope.own_names and scope.parent is not None:
            scope = scope.parent
        return scope

    def root(self) -> Scope:
        """The scope of the spec's own statements: what a recipe or a block sees, wherever it is used."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def all_names(self) -> Iterator[str]:
        """Every name that can be used here."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope.names
            scope = scope.parent
