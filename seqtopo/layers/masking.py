"""What a layer does with the mask of padded steps: the rules that rows name in their column ``mask``.

A rule says whether the layer leaves masked steps out, and which mask its output has. As Keras 3.15 does it;
for operations without a Keras layer, as they are emitted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple


class Mask(NamedTuple):
    """What one call does with masks.

    ``gives`` is the mask of the output: that of the ``first`` value, one where ``every`` value or ``any`` of
    them has one, a ``new`` one, or ``none``. ``uses`` says whether masked steps take no part in the output.
    """

    gives: Literal["first", "every", "any", "new", "none"]
    uses: bool = False


Get = Callable[[str], Any]
"""The arguments of a layer by name, those with a default among them."""

MaskRule = Callable[[Get, int], Mask]
"""From the arguments, and from the number of axes that come in, without the batch."""

PASSED, USED, ENDED, USED_UP, MADE = (
    Mask("first"),
    Mask("first", True),
    Mask("none"),
    Mask("none", True),
    Mask("new"),
)


def passes(get: Get, rank: int) -> Mask:
    """The mask of the first value goes on; the layer itself takes no notice of it."""
    return PASSED


def uses(get: Get, rank: int) -> Mask:
    """Masked steps take no part, and the mask of the first value goes on."""
    return USED


def uses_up(get: Get, rank: int) -> Mask:
    """Masked steps take no part, and there are no steps behind the layer."""
    return USED_UP


def ends(get: Get, rank: int) -> Mask:
    """No mask goes on: what comes behind the layer sees every step."""
    return ENDED


def makes(get: Get, rank: int) -> Mask:
    """A new mask."""
    return MADE


def looks_up(get: Get, rank: int) -> Mask:
    """A new mask where ``mask_zero`` asks for it, and none otherwise."""
    return MADE if get("mask_zero") else ENDED


def recurrent(get: Get, rank: int) -> Mask:
    """Masked steps are skipped; the mask goes on with the steps, where they are returned."""
    inner = get("layer")
    return USED if (get if inner is None else inner.get)("return_sequences") else USED_UP


def reduces(get: Get, rank: int) -> Mask:
    """Masked steps take no part in what is reduced over time; over other axes, the mask goes on."""
    axis = get("axis")
    several = axis if isinstance(axis, (tuple, list)) else (axis,)
    return USED_UP if 1 in several or -rank in several else PASSED


def merges(get: Get, rank: int) -> Mask:
    """A mask where every value has one. With an axis, ``max`` and ``min`` reduce."""
    return Mask("every") if get("axis") is None else reduces(get, rank)


def joins(get: Get, rank: int) -> Mask:
    """A mask where any value has one."""
    return Mask("any")


# ---- the rows of each kind -----------------------------------------------------------------------------

MAKES = frozenset({"mask", "embed"})
"""Rows that make a mask: ``mask`` always, ``embed`` with its flag."""

PASSES = frozenset(
    {
        *("dense", "rescaling", "normalization", "identity", "td", "pos", "cast"),
        *("norm", "batchnorm", "group_normalization", "unit_normalization"),
        *("dropout", "spatial_dropout1d", "spatial_dropout2d", "spatial_dropout3d"),
        *("gaussian_dropout", "gaussian_noise", "alpha_dropout", "activity_regularization"),
        *("act", "relu", "leaky_relu", "prelu", "elu", "softmax"),
        *("last", "first", "slice", "flip", "pad", "crop", "cumsum", "scale", "shift"),
        *("abs", "exp", "log", "sqrt", "square"),
    }
)
"""Rows that hand the mask of their first value on."""

ATTENTION = frozenset({"attention", "additive_attention", "mha", "group_query_attention"})
"""Rows that heed the masks of all that comes in, and hand the query's on."""

MERGES = frozenset({"add", "sub", "mul", "avg", "max", "min"})
"""Rows that hand a mask on where every value has one. With an axis, ``max`` and ``min`` reduce."""

JOINS = frozenset({"concat"})
"""Rows that hand a mask on where any value has one."""

REDUCES = frozenset({"gavgpool1d", "mean", "sum", "max", "min", "at"})
"""Rows that heed the mask, after which there is none: masked steps take no part in them."""
