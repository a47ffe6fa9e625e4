"""Define what a layer does with the mask of padded steps: the rules that rows name in their column ``mask``.

A rule says whether the layer leaves masked steps out, and which mask its output has. As Keras 3.15 does it;
for operations without a Keras layer, as they are emitted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

Known = TypeVar("Known")


class Mask(NamedTuple):
    """The effect of one call on masks.

    ``output`` is the mask of the output: that of the ``first`` value, one where ``every`` value or ``any`` of
    them has one, a ``new`` one, or ``none``. ``uses`` says whether masked steps take no part in the output.
    """

    output: Literal["first", "every", "any", "new", "none"]
    uses: bool = False

    def output_masks(self, incoming: Sequence[Known]) -> list[Known]:
        """Return the incoming masks that make up the mask of the output; a False one counts as no mask."""
        there = [mask for mask in incoming if mask]
        if self.output == "first":
            return [mask for mask in incoming[:1] if mask]
        return (
            there if self.output == "any" or (self.output == "every" and len(there) == len(incoming)) else []
        )


Get = Callable[[str], Any]
"""The arguments of a layer by name, those with a default among them."""

MaskRule = Callable[[Get, int], Mask]
"""A rule that returns a layer's effect on masks, from its arguments and its input's rank."""

PASSED, USED, ENDED, USED_UP, MADE = (
    Mask("first"),
    Mask("first", True),
    Mask("none"),
    Mask("none", True),
    Mask("new"),
)


def passes(get: Get, rank: int) -> Mask:
    """Hand on the mask of the first value; the layer itself ignores it."""
    return PASSED


def uses(get: Get, rank: int) -> Mask:
    """Leave masked steps out, and hand on the mask of the first value."""
    return USED


def uses_up(get: Get, rank: int) -> Mask:
    """Leave masked steps out; the output has no steps and no mask."""
    return USED_UP


def ends(get: Get, rank: int) -> Mask:
    """Hand on no mask: the layers behind see every step."""
    return ENDED


def makes(get: Get, rank: int) -> Mask:
    """Make a new mask."""
    return MADE


def looks_up(get: Get, rank: int) -> Mask:
    """Make a new mask where ``mask_zero`` asks for it, and none otherwise."""
    return MADE if get("mask_zero") else ENDED


def recurrent(get: Get, rank: int) -> Mask:
    """Skip masked steps; hand the mask on where the steps are returned."""
    inner = get("layer")
    return USED if (get if inner is None else inner.get)("return_sequences") else USED_UP


def reduces(get: Get, rank: int) -> Mask:
    """Leave masked steps out of a reduction over time; over other axes, hand the mask on."""
    axis = get("axis")
    several = axis if isinstance(axis, (tuple, list)) else (axis,)
    return USED_UP if 1 in several or -rank in several else PASSED


def merges(get: Get, rank: int) -> Mask:
    """Hand on a mask where every value has one; with an axis, leave masked steps out as a reduction does."""
    return Mask("every") if get("axis") is None else reduces(get, rank)


def joins(get: Get, rank: int) -> Mask:
    """Hand on a mask where any value has one."""
    return Mask("any")


WORDS: Mapping[str, MaskRule] = {
    "passes": passes,
    "uses": uses,
    "uses_up": uses_up,
    "ends": ends,
    "makes": makes,
    "every": merges,
    "any": joins,
}
"""The words by which a custom layer says what it does with masks."""
