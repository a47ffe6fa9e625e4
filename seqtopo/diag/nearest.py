"""Find the known name that a misspelt word was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

# Longer words are only compared for equality: their edit distance would take too long for a guess.
_LONGEST = 64
_SHORTEST_BEGINNING = 3


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that ``word`` was most likely meant to be; None if none is near enough.

    Case and underscores do not count, so that Keras' class names find their snake_case names.

    >>> nearest("lstn", ["gru", "lstm"])
    'lstm'
    >>> nearest("RepeatVector", ["repeat", "repeat_vector"])
    'repeat_vector'
    >>> nearest("xyz", ["gru", "lstm"]) is None
    True
    """
    found = nearest_all(word, candidates, limit=1)
    return found[0] if found else None


def nearest_all(word: str, candidates: Iterable[str], *, limit: int = 3) -> tuple[str, ...]:
    """Return at most ``limit`` candidates near to ``word``, the nearest first.

    Equally near ones keep the order of the candidates.

    >>> nearest_all("conv4d", ["conv1d", "conv2d", "dense"])
    ('conv1d', 'conv2d')
    """
    key = _key(word)
    ranked: list[tuple[int, int, str]] = []
    for place, candidate in enumerate(dict.fromkeys(candidates)):
        rank = _rank(word, key, candidate)
        if rank is not None:
            ranked.append((rank, place, candidate))
    return tuple(candidate for _, _, candidate in sorted(ranked)[:limit])


@lru_cache(maxsize=10_000)
def _key(word: str) -> str:
    return word.replace("_", "").replace("-", "").lower()


def _rank(word: str, key: str, candidate: str) -> int | None:
    """Return the distance of a candidate in tenths of an edit; None if it is too far."""
    other = _key(candidate)
    if not key or not other:
        return None
    if key == other:
        return 0 if word == candidate else 1
    if len(key) > _LONGEST or len(other) > _LONGEST:
        return None
    # An edit weighs more in a short word: one edit turns `td` into half of all two-letter words.
    allowed = min(3, max(len(key), len(other)) // 3)
    if len(key) <= 2 and len(key) == len(other) and key[0] == other[0]:
        allowed = 1
    distance = _distance(key, other, allowed)
    if distance is not None:
        # A wrong first letter is rare, so among equals the same one is the better guess.
        return 10 * distance + (0 if key[0] == other[0] else 5)
    begun = len(key) >= _SHORTEST_BEGINNING and other.startswith(key)
    overshot = 2 * len(other) >= len(key) >= 2 * _SHORTEST_BEGINNING and key.startswith(other)
    if begun or overshot:
        return 40
    if len(key) == len(other) and sorted(word.lower().split("_")) == sorted(candidate.lower().split("_")):
        return 50
    return None


def _distance(left: str, right: str, allowed: int) -> int | None:
    """Return the number of edits from one word to the other; None if it is above ``allowed``.

    Edits are insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
    """
    if abs(len(left) - len(right)) > allowed:
        return None
    before: list[int] = []
    previous = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        current = [i]
        for j, b in enumerate(right, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > allowed:
            return None
        before, previous = previous, current
    return previous[-1] if previous[-1] <= allowed else None
