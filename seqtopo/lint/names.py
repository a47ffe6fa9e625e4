"""Which names a spec makes, and which of them it uses."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.lint.edits import every
from seqtopo.syntax import tree


class Names:
    """The names of a spec: ``used`` are those that stand where they are used, and not where they are
    bound. What a flow says of its own name is not a use.
    """

    def __init__(self, spec: tree.Spec) -> None:
        self.used: set[str] = set()
        self._made: dict[int, set[str]] = {}
        for statement in spec.statements:
            nodes = list(every(statement))
            bound = {id(name) for node in nodes for name in _binds(node)}
            names = {n.name for n in nodes if isinstance(n, tree.Name) and id(n) not in bound}
            self.used |= names - ({statement.name.name} if isinstance(statement, tree.Bind) else set())
            made = {node.name.name for node in nodes if isinstance(node, tree.As)}
            if isinstance(statement, (tree.Bind, tree.Def)):
                made.add(statement.name.name)
            self._made[id(statement)] = made

    def uses(self, statement: tree.Statement) -> bool:
        """Whether something uses what a statement names, by ``=`` or by ``as``."""
        return not self._made[id(statement)].isdisjoint(self.used)


def _binds(node: tree.Node) -> Iterator[tree.Name]:
    """The names in a node that it binds, or that say which argument is given."""
    match node:
        case tree.Bind() | tree.Def() | tree.Binding() | tree.Parameter() | tree.As():
            yield node.name
        case tree.For():
            yield from node.targets
        case tree.Argument(name=tree.Name() as name):
            yield name
