"""The calls of a graph by what they call: most rules look for a few of them, and need not see the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from seqtopo.graph.graph import Node
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Role, Row

Found = defaultdict[str, list[Node]]


class Index:
    """Calls by the names of their rows and arguments, each in the order of the graph.

    ``rows`` are those of the layers themselves, inside their wrappers: ``td(dense(1))`` is of ``dense``.
    """

    def __init__(self, calls: Iterable[Node]) -> None:
        self.rows: dict[str, Row] = {}
        self._called: Found = defaultdict(list)
        self._with_role: Found = defaultdict(list)
        self._held: Found = defaultdict(list)
        self._given: Found = defaultdict(list)
        for node in calls:
            layer = node.layer
            assert layer is not None
            self._called[layer.row.name].append(node)
            self._with_role[layer.row.role].append(node)
            for name in layer.args:
                self._given[name].append(node)
            while isinstance(inner := layer.args.get("layer"), Layer):
                layer = inner
                for name in layer.args:
                    self._given[name].append(node)
            self._held[layer.row.name].append(node)
            self.rows[layer.row.name] = layer.row

    def called(self, rows: Iterable[str]) -> list[Node]:
        """The calls of these rows."""
        return _either(self._called, rows)

    def with_role(self, roles: Iterable[Role]) -> list[Node]:
        """The calls of layers with one of these roles."""
        return _either(self._with_role, roles)

    def held(self, rows: Iterable[str]) -> list[Node]:
        """The calls of these rows, and those of wrappers around them."""
        return _either(self._held, rows)

    def given(self, arguments: Iterable[str]) -> list[Node]:
        """The calls of layers, or of wrappers around layers, that are given one of these arguments."""
        return _either(self._given, arguments)


def _either(found: Found, names: Iterable[str]) -> list[Node]:
    return in_order(*(found[name] for name in names if name in found))


def in_order(*several: list[Node]) -> list[Node]:
    """Lists of nodes of one graph as one, each node once."""
    if len(several) == 1:
        return several[0]
    return [node for _, node in sorted({node.index: node for nodes in several for node in nodes}.items())]
