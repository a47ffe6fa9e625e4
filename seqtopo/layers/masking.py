"""What each layer does with the mask of the padded steps that comes in; by the names of the rows.

As Keras 3.15 does it, and for operations without a Keras layer as they are emitted. A row that is in none
of these sets drops the mask: what comes behind it sees every step.
"""

from __future__ import annotations

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
