"""Which names a spec makes, and which of them it uses."""

from __future__ import annotations

from collections.abc import Iterable

from seqtopo.graph.symbols import names_in
from seqtopo.syntax import tree


class Names:
    """The names of a spec: ``used`` are those that stand where they are used, and not where they are
    bound, or in what is bound from outside. What a flow says of its own name is not a use.
    """

    def __init__(self, spec: tree.Spec, given: Iterable[tree.Binding] = ()) -> None:
        self.used: set[str] = set().union(*(names_in(binding.value) for binding in given))
        self._made: dict[int, set[str]] = {}
        for statement in spec.statements:
            names: list[tree.Name] = []
            bound: set[int] = set()
            made: set[str] = set()
            for node in tree.every(statement):
                if isinstance(node, tree.Name):
                    names.append(node)
                    continue
                bound.update(map(id, _binds(node)))
                if isinstance(node, tree.As):
                    made.add(node.name.name)
            if isinstance(statement, (tree.Bind, tree.Def)):
                made.add(statement.name.name)
            own = statement.name.name if isinstance(statement, tree.Bind) else ""
            self.used.update(n.name for n in names if id(n) not in bound and n.name != own)
            self._made[id(statement)] = made

    def uses(self, statement: tree.Statement) -> bool:
        """Whether something uses what a statement names, by ``=`` or by ``as``."""
        return not self._made[id(statement)].isdisjoint(self.used)


def _binds(node: tree.Node) -> tuple[tree.Name, ...]:
    """The names in a node that it binds, or that say which argument is given."""
    match node:
        case tree.Bind() | tree.Def() | tree.Binding() | tree.Parameter() | tree.As():
            return (node.name,)
        case tree.For() | tree.Loop():
            return node.targets
        case tree.Argument(name=tree.Name() as name):
            return (name,)
    return ()
