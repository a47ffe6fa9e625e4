"""The names that stand in expressions: those that a ``let``'s value needs, those that can be bound."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.syntax import tree


def names_in(expr: tree.Expr) -> set[str]:
    """Every name in a ``let``'s value, except those that say which argument is given."""
    nodes = list(tree.every(expr))
    labels = {id(n.name) for n in nodes if isinstance(n, tree.Argument)}
    return {n.name for n in nodes if isinstance(n, tree.Name) and id(n) not in labels}


def free_names(spec: tree.Spec) -> Iterator[tree.Name]:
    r"""Every symbol that stands where nothing in the spec binds it, in the order of the text.

    >>> from seqtopo.source import Source
    >>> from seqtopo.syntax.parse import parse
    >>> spec, _ = parse(Source("def f(K) = conv1d(8,K) -> dense(N)\nlet T = 3\nin(T,F) -> f(W)"))
    >>> [name.name for name in free_names(spec)]
    ['N', 'F', 'W']
    """
    lets = frozenset(b.name.name for s in spec.statements if isinstance(s, tree.Let) for b in s.bindings)
    todo: list[tuple[object, frozenset[str]]] = [(s, lets) for s in reversed(spec.statements)]
    while todo:
        here, bound = todo.pop()
        match here:
            case tree.Name():
                if here.is_symbol and here.name not in bound:
                    yield here
            case tree.For():
                todo += [(here.values, bound), (here.body, bound | {t.name for t in here.targets})]
            case tree.Branches():
                inner = bound
                for loop in here.loops:
                    todo.append((loop.values, inner))
                    inner |= {t.name for t in loop.targets}
                todo.append((here.body, inner))
            case tree.Def():
                own = bound | {p.name.name for p in here.params}
                todo.append((here.body, own))
                todo += [(p.default, own) for p in reversed(here.params)]
            case tree.Argument() | tree.Binding():
                todo.append((here.value, bound))
            case tree.As():
                todo.append((here.body, bound))
            case tree.Node():
                parts = [getattr(here, name) for name in reversed(here.__match_args__) if name != "span"]
                todo += [(part, bound) for part in parts]
            case tuple():
                todo += [(part, bound) for part in reversed(here)]


def symbols_of(spec: tree.Spec) -> set[str]:
    """Every name in a spec that a binding from outside may set: its free symbols and its ``let``s."""
    lets = {b.name.name for s in spec.statements if isinstance(s, tree.Let) for b in s.bindings}
    return lets | {name.name for name in free_names(spec)}
