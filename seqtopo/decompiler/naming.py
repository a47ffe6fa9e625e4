"""Name the values of a spec: chosen names are kept, and others are made where one is needed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqtopo.decompiler import automatic, writing
from seqtopo.decompiler.units import Unit
from seqtopo.graph.graph import Graph, Node, SubModel
from seqtopo.layers import registry
from seqtopo.layers.excluded import snake_case
from seqtopo.layers.layer import Layer
from seqtopo.layers.registry import FREE
from seqtopo.layers.row import Role, Row
from seqtopo.syntax import tree

_NAME = re.compile(r"[a-z][A-Za-z0-9_]*")
# Not a fact about layers: the keys are roles, some of which are names of layers, too.
WORDS: Mapping[Role, str] = {
    "embedding": "embedded",
    "recurrent": "read",
    "dense": "projected",
    "merge": "merged",
    "join": "merged",
    "product": "merged",
    "norm": "normed",
    "attention": "attended",
    "convolution": "found",
    "transposed": "found",
}
"""The names for values that need one and have none, by the role of their layer."""


def is_name(text: str) -> bool:
    """Return whether a text is a name of the language without a meaning there."""
    return _NAME.fullmatch(text) is not None and not registry.has_meaning(text)


def ours(graph: Graph) -> bool:
    """Return whether a graph has names that seqtopo's emitter gives, and none that only Keras gives."""
    found = False
    for node in graph.nodes:
        stem = automatic.base(node.layer.name if node.layer is not None else node.name)
        if node.layer is None:
            if stem in automatic.INPUTS and stem != "input":
                return False
            found = found or stem == "input"
        elif node.layer.row.keras:
            row = node.layer.row
            keras = {snake_case(row.keras), row.keras.lower()}
            if stem in keras and row.name not in keras:
                return False
            own = row.name not in keras and (stem == row.name or stem.endswith(f"_{row.name}"))
            found = found or own
    return found


def _functions_in(layer: Any) -> set[str]:
    """Return the names of functions that a layer is or contains, which nothing else may have."""
    if isinstance(layer, SubModel):
        return {name for node in layer.graph.nodes for name in _functions_in(node.layer)}
    if not isinstance(layer, Layer):
        return set()
    inside = {name for value in layer.args.values() for name in _functions_in(value)}
    return inside | ({layer.row.name} & FREE)


@dataclass
class Naming:
    """The names of one spec: those that are taken, and those that layers keep."""

    ours: bool
    taken: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    """The names that layers and inputs have; other things may not take them first."""
    inputs: dict[str, int] = field(default_factory=dict)
    """The nodes of the inputs that keep their names, by name.

    No layer may take these names; a layer inside an inner model may have the name of an input of the whole.
    """
    lost: list[str] = field(default_factory=list)

    def copy(self) -> Naming:
        """Return a copy to try names with."""
        return Naming(self.ours, set(self.taken), set(self.kept), self.inputs, [])

    def reserve(self, graph: Graph) -> None:
        """Reserve the chosen names for their layers."""
        for node in graph.nodes:
            self.taken |= _functions_in(node.layer)
            name = node.layer.name if node.layer is not None else node.name
            chosen = not self.is_automatic(node.layer) if node.layer else not automatic.is_input(name)
            if chosen and is_name(name):
                self.kept.add(name)
                if node.layer is None:
                    self.inputs.setdefault(name, node.index)

    # ---- layers ------------------------------------------------------------------------------------

    def is_automatic(self, layer: Layer) -> bool:
        """Return whether a layer's name is automatic."""
        return not layer.name or self._is_automatic(layer.name, layer.row, layer.args.get("activation"))

    def _is_automatic(self, name: str, row: Row, activation: object) -> bool:
        found, prefix = automatic.split(name, row, activation)
        return found and (not prefix or self.ours)

    def named(self, step: tree.Expr, layer: Layer) -> tree.Expr:
        """Return a step with its layer's name."""
        name = layer.name
        if is_name(name) and self._is_free(name):
            self.taken.add(name)
            return tree.As(writing.NOWHERE, step, writing.name(name))
        return self._quoted(step, layer)

    def inner(self, step: tree.Expr, layer: Layer) -> tree.Expr:
        """Return a step inside a wrapper with its layer's name, if that is chosen."""
        name = re.sub(r"^(forward|backward)_", "", layer.name)
        if not name or self._is_automatic(name, layer.row, layer.args.get("activation")):
            return step
        return self._quoted(step, layer, name)

    def _quoted(self, step: tree.Expr, layer: Layer, name: str = "") -> tree.Expr:
        if isinstance(step, tree.Name) and step.name != layer.row.name:
            step = writing.call(layer.row.name, [writing.argument(step)])
        name = name or layer.name
        # Keras 2 took a slash in a name, Keras 3 does not.
        if "name" not in layer.row.by_name or not isinstance(step, (tree.Name, tree.Call)) or "/" in name:
            self.lost.append(name)
            return step
        given = writing.argument(tree.String(writing.NOWHERE, name), "name")
        if isinstance(step, tree.Name):
            return writing.call(step.name, [given])
        if step.name.name == "res":
            self.lost.append(name)
            return step
        return tree.Call(writing.NOWHERE, step.name, (*step.args, given))

    def input(self, node: Node) -> str:
        """Return the name of an input if it is chosen and a spec can say it; else ""."""
        if not node.name or automatic.is_input(node.name):
            return ""
        if self.inputs.get(node.name) == node.index:
            return node.name
        self.lost.append(node.name)
        return ""

    def _is_free(self, name: str, node: Node | None = None) -> bool:
        """Return whether a name is free for a layer, or for the input that is this node."""
        owner = self.inputs.get(name)
        return name not in self.taken and (owner is None or (node is not None and owner == node.index))

    # ---- values, blocks, models ------------------------------------------------------------------

    def bears(self, unit: Unit, name: str) -> bool:
        """Return whether a unit's layer has this name, and it is chosen."""
        return unit.layer is not None and unit.layer.name == name and not self.is_automatic(unit.layer)

    def free(self, unit: Unit, name: str) -> bool:
        """Return whether a name can be a unit's: nothing else has it or will have it."""
        own = name not in self.kept or self.bears(unit, name)
        return is_name(name) and name not in self.taken and own

    def value(self, unit: Unit, hint: str = "") -> str:
        """Return a name for a unit's value."""
        if unit.part is not None:
            return self.fresh(hint or f"{self._part_word(unit.part.name)}_out")
        assert unit.node is not None
        layer = unit.layer
        own = layer.name if layer is not None else unit.node.name
        chosen = not self.is_automatic(layer) if layer is not None else not automatic.is_input(own)
        if chosen and is_name(own) and self._is_free(own, unit.node):
            self.taken.add(own)
            return own
        if layer is None:
            return self.fresh("x")
        return self.fresh(hint or word(layer.row))

    def _part_word(self, name: str) -> str:
        word = re.sub(r"\W", "_", name).strip("_").lower()
        return word if _NAME.fullmatch(word) else "part"

    def hint(self, layer: Layer) -> str:
        """Return the binding in a layer's name, which seqtopo's emitter puts there; else ""."""
        if not self.ours:
            return ""
        found, prefix = automatic.split(layer.name, layer.row, layer.args.get("activation"))
        return prefix if found and is_name(prefix) else ""

    def block(self, layer: Layer) -> str:
        """Return a name for a shared layer: its own if that is chosen."""
        if not self.is_automatic(layer) and is_name(layer.name) and self._is_free(layer.name):
            self.taken.add(layer.name)
            return layer.name
        return self.fresh(f"shared_{layer.row.name}")

    def binding(self, wanted: str, otherwise: str) -> str:
        """Return a name for a part: the wanted one if it is free."""
        if is_name(wanted) and self._is_free(wanted):
            self.taken.add(wanted)
            return wanted
        return self.fresh(re.sub(r"\W", "_", otherwise).strip("_").lower() or "part")

    def model(self, name: str) -> str:
        """Return the name of the last flow; "" if the model's is automatic."""
        if automatic.is_model(name):
            return ""
        if is_name(name) and name not in self.taken | self.kept:
            return name
        if name not in self.lost and not (is_name(name) and name in self.taken):
            self.lost.append(name)
        return ""

    def fresh(self, word: str) -> str:
        """Return an unused name: the word, or the word with a number."""
        found = word
        for number in range(2, 10**6):
            if is_name(found) and found not in self.taken and found not in self.kept:
                break
            found = f"{word}_{number}"
        self.taken.add(found)
        return found


def word(row: Row) -> str:
    """Return the name for a layer's value where it needs one."""
    if row.name == "softmax":
        return "shares"
    return "read" if row.recurrent else WORDS.get(row.role, "h")
