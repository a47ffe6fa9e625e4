"""Shuffle an epoch without memory: the place of each number is computed, not stored."""

from __future__ import annotations

from typing import Any

import numpy as np

_ROUNDS = 4
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def shuffled(at: np.ndarray[Any, Any], count: int, seed: int, epoch: int) -> np.ndarray[Any, Any]:
    """Return where the numbers ``at``, of ``range(count)``, are in the order of an epoch: a permutation of
    all.

    A Feistel network (Luby and Rackoff, 1988) over the next power of four, walked on until it is inside
    (Black and Rogaway, 2002). So billions of windows are shuffled without a list of them.

    >>> found = shuffled(np.arange(10), 10, seed=0, epoch=0)
    >>> sorted(found.tolist()) == list(range(10)), bool((found != np.arange(10)).any())
    (True, True)
    """
    half = max(1, (max(count - 1, 1).bit_length() + 1) // 2)
    keys = np.random.default_rng([seed, epoch]).integers(0, 2**63, _ROUNDS, dtype="uint64")
    found = np.asarray(at, "uint64")
    found = _network(found, half, keys)
    outside = found >= count
    while outside.any():
        found[outside] = _network(found[outside], half, keys)
        outside = found >= count
    return found.astype("int64")


def _network(numbers: np.ndarray[Any, Any], half: int, keys: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    mask, shift = np.uint64(2**half - 1), np.uint64(half)
    left, right = numbers >> shift, numbers & mask
    for key in keys:
        left, right = right, left ^ (_mixed(right + key) & mask)
    return (left << shift) | right


def _mixed(numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Steele, Lea and Flood's splitmix64; it wraps around as it should."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _MIX[0]
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _MIX[1]
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))


def lacking_classes(early: np.ndarray[Any, Any], late: np.ndarray[Any, Any]) -> str:
    """Return the classes that most of the later labels have and none of the earlier ones, in words; "" for
    none.

    >>> lacking_classes(np.array([0, 0, 1, 1]), np.array([2, 2, 2, 1]))
    'the class 2'
    """
    if not len(late):
        return ""
    strange = ~np.isin(late, np.unique(early))
    if strange.mean() <= 0.5:
        return ""
    names = [f"{float(one):g}" for one in np.unique(late[strange])]
    shown = ", ".join(names[:5]) + (" and others" if len(names) > 5 else "")
    return f"the class{'es' if len(names) > 1 else ''} {shown}"
