"""Choose the edges that run straight down: a chain lies on one line, and a skip steps aside."""

from __future__ import annotations

from seqtopo.pictures.layering import Layers, Stretch

Pair = tuple[int, int]
"""An element and one in the next rank."""


def rails(layers: Layers) -> list[Stretch]:
    """Return the stretches that are to be straight; none crosses another, and no element has two above or
    below.

    First those between two elements that have nothing else there, then those of the main line, then the long
    ways of single values.
    """
    between: dict[Pair, Stretch] = {}
    for s in layers.stretches:
        known = between.get((s.top, s.bottom))
        if known is None or (s.slot, s.port) < (known.slot, known.port):
            between[s.top, s.bottom] = s
    place = {element: i for row in layers.rows for i, element in enumerate(row)}
    accepted: list[list[Pair]] = [[] for _ in layers.rows]
    found: list[Stretch] = []
    for pairs in _by_weight(layers, between):
        for pair in pairs:
            here = accepted[layers.ranks[pair[0]]]
            a, b = place[pair[0]], place[pair[1]]
            if all((a - c) * (b - d) > 0 for c, d in here):
                here.append((a, b))
                found.append(between[pair])
    return found


def _by_weight(layers: Layers, between: dict[Pair, Stretch]) -> tuple[list[Pair], list[Pair], list[Pair]]:
    up: list[list[int]] = [[] for _ in layers.ranks]
    down: list[list[int]] = [[] for _ in layers.ranks]
    for top, bottom in between:
        up[bottom].append(top)
        down[top].append(bottom)
    before = _before(layers, up)

    def onward(element: int) -> int | None:
        """Return where the main line goes on: through the box beside a skip, past an output to the rest."""
        boxes = [e for e in down[element] if not layers.is_stand_in(e)] or down[element]
        boxes = [e for e in boxes if down[e]] or boxes
        return boxes[0] if len(boxes) == 1 else None

    def back(element: int) -> int | None:
        """Return where the main line comes from: the only box there, if what comes in beside it are skips
        around it and one other line at most. With more, an element lies in the middle of all.
        """
        boxes = [e for e in up[element] if not layers.is_stand_in(e)] or up[element]
        if len(boxes) != 1:
            return None
        others = {between[e, element].net[0] for e in up[element]} - before[boxes[0]]
        return boxes[0] if len(others) < 2 else None

    chains, lines, ways = [], [], []
    for top, bottom in sorted(between):
        if len(down[top]) == len(up[bottom]) == 1:
            chains.append((top, bottom))
        elif onward(top) == bottom and back(bottom) == top:
            lines.append((top, bottom))
        elif layers.is_stand_in(top) and layers.is_stand_in(bottom):
            ways.append((top, bottom))
    return chains, lines, ways


def _before(layers: Layers, up: list[list[int]]) -> list[set[int]]:
    """What each element depends on, itself included."""
    found: list[set[int]] = [{e} for e in range(len(layers.ranks))]
    for row in layers.rows:
        for element in row:
            found[element].update(*(found[e] for e in up[element]))
    return found
