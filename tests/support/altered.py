"""Changes in nested data, as in a model's configuration: a value less, another one, one in a wrong place."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

CHANGED = (None, 0, -1, 1.5, 1e308, "", "x", [], {}, True, [None], 10**20, "lstm", [0, 0], [-1], 10**400)


def alter(data: Any, random: Random) -> None:
    """Change a value somewhere in nested data, take it away, or put in another part of the same data."""
    places = list(_places(data))
    if not places:
        return
    holder, key = random.choice(places)
    other, other_key = random.choice(places)
    match random.randrange(5):
        case 0:
            del holder[key]
        case 1:
            holder[key] = copy.deepcopy(random.choice(CHANGED))
        case 2:
            holder[key] = copy.deepcopy(other[other_key])
        case 3:
            if isinstance(holder[key], (int, float)):
                holder[key] = random.choice([0, -1, 2, 7, 0.5])
            elif isinstance(holder[key], str):
                holder[key] = random.choice([holder[key][:-1], holder[key] * 2, "a b", "relu", "a\nb"])
        case 4:
            if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(holder[key]))


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(data) if isinstance(data, dict) else range(len(data)):
        yield data, key
        if isinstance(data[key], (dict, list)):
            yield from _places(data[key])
