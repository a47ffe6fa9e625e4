"""Recognise the masks that Keras passes on by itself.

A configuration holds them as operations and as arguments of calls. A spec leaves them out, as Keras makes
them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqtopo.decompiler.calls import Call, Ref, refs_in
from seqtopo.graph.graph import Graph, Node, Value
from seqtopo.graph.masks import mask_of, masked_value

Origin = tuple[Value, float]
"""The origin of a mask: it marks the steps of a value that are not all this number."""

GIVEN = float("inf")
"""The number in an origin whose value is the mask itself."""
MASK_ARGUMENTS = ("mask", "query_mask", "value_mask", "key_mask")
_OF_MASKS = frozenset(
    {
        *("Any", "ExpandDims", "GetItem", "Flip", "Cast", "Pad", "LogicalAnd", "LogicalOr", "Concatenate"),
        *(
            "BroadcastTo",
            "OnesLike",
            "Squeeze",
            "BitwiseAnd",
            "BitwiseOr",
            "Tile",
            "Reshape",
            "Repeat",
            "All",
            "ConvertToTensor",
        ),
    }
)
"""The operations that make masks from other masks."""


class Masks:
    """The masks of all values, by their origins."""

    def __init__(
        self,
        graph: Graph,
        raw: Mapping[Ref, Call],
        values: Mapping[Ref, Value],
        of: dict[Value, frozenset[Origin]],
    ) -> None:
        self.graph = graph
        self.raw = raw
        self.values = values
        self.of = of

    def after(self, node: Node) -> None:
        """Store the mask of a call's output."""
        found = self._after(node)
        if found:
            self.of[Value(node.index)] = found

    def _after(self, node: Node) -> frozenset[Origin]:
        none: frozenset[Origin] = frozenset()
        if node.layer is None:
            return none
        mask, number = mask_of(self.graph, node), masked_value(node)
        if number is not None:
            return frozenset({(node.inputs[0], float(number))})
        given = node.tensors.get("mask") if node.layer.row.role == "attention" else None
        if given:
            return frozenset({(given[0], GIVEN)})
        return none.union(*mask.output_masks([self.of.get(v, none) for v in node.inputs]))

    def automatic(self, inputs: Sequence[Value], argument: str, refs: Sequence[Ref]) -> bool:
        """Return whether an argument of a call is the mask that its values have anyway."""
        if argument not in MASK_ARGUMENTS:
            return False
        incoming: frozenset[Origin] = frozenset().union(*(self.of.get(v, frozenset()) for v in inputs))
        found = [self.origins(ref) for ref in refs]
        return all(f is not None and f and f <= incoming for f in found)

    def origins(self, ref: Ref) -> frozenset[Origin] | None:
        """Return the origins of a mask; None for a value that is no mask."""
        found: set[Origin] = set()
        todo, seen = [ref], set()
        while todo:
            here = todo.pop()
            if here in seen:
                continue
            seen.add(here)
            call = self.raw.get(here._replace(output=0))
            if here in self.values and (call is None or not call.is_operation):
                found.add((self.values[here], GIVEN))
                continue
            if call is None or not call.is_operation:
                return None
            inside = list(refs_in(call.args))
            if call.kind in ("ZerosLike", "OnesLike"):
                continue
            if call.kind == "NotEqual" and len(inside) == 1 and len(call.args) == 2:
                value, number = self.values.get(inside[0]), call.args[1]
                marked = self.raw.get(inside[0])
                if value is None and marked is not None and marked.kind == "Where":
                    todo += list(refs_in(marked.args))[:1]
                    continue
                if value is None or not isinstance(number, (int, float)):
                    return None
                found.add((value, float(number)))
            elif call.kind in _OF_MASKS:
                todo += inside
            else:
                return None
        return frozenset(found)

    def is_of(self, ref: Any, value: Value) -> bool:
        """Return whether a mask is the one that a value has."""
        found = self.origins(ref)
        return bool(found) and found is not None and found <= self.of.get(value, frozenset())
