"""ST6xx: the spec builds, but is it what was meant? One file a subject, as the rules have."""

from __future__ import annotations

from seqtopo.diag.codes.lints import (
    axes,
    cost,
    direction,
    heads,
    ignores,
    masks,
    states,
    time,
    unused,
    versions,
)

ROWS = (
    *time.ROWS,
    *direction.ROWS,
    *heads.ROWS,
    *masks.ROWS,
    *states.ROWS,
    *cost.ROWS,
    *unused.ROWS,
    *ignores.ROWS,
    *axes.ROWS,
    *versions.ROWS,
)
