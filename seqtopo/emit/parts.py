"""Find the inputs and outputs of the named models of a spec."""

from __future__ import annotations

from seqtopo.graph.graph import Value
from seqtopo.graph.resolver import Resolved
from seqtopo.graph.scope import Named


def parts_of(resolved: Resolved) -> list[str]:
    """Return the names of the models in a spec, without that of the last flow."""
    return [name for name in resolved.parts if ends_of(resolved, name)[0] and not _is_input(resolved, name)]


def ends_of(resolved: Resolved, name: str) -> tuple[list[Value], tuple[Value, ...]]:
    """Return the inputs and outputs of a named model; for a block, those of its first use.

    Raises:
        KeyError: the spec has no model of that name; lists those that it has.
    """
    if name not in resolved.parts:
        known = ", ".join(sorted({*parts_of(resolved), resolved.graph.name}))
        raise KeyError(f"the spec has no part {name}; its parts are {known}")
    bound = resolved.parts[name]
    graph = resolved.graph
    if isinstance(bound, Named):
        return [Value(i) for i in graph.sources(bound.values)], bound.values
    use = next((u for u in bound.uses if u.graph is graph), None)
    return (list(use.incoming), use.values) if use is not None else ([], ())


def _is_input(resolved: Resolved, name: str) -> bool:
    bound = resolved.parts[name]
    graph = resolved.graph
    return isinstance(bound, Named) and all(graph.nodes[v.node].layer is None for v in bound.values)
