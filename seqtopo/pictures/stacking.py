"""Choose which axes lie side by side in which order, and which tiers on which row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seqtopo.pictures.tiers import Axis, Link, Tier, TooMuch, region_of

MOST_ROWS = 40
MOST_AXES = 8


def side_by_side(tiers: Sequence[Tier], axes: Sequence[Axis]) -> list[Axis]:
    """Return the axes that have columns of their own, from left to right: what is needed first is left.

    Raises:
        TooMuch: more than can be shown.
    """
    found = list(dict.fromkeys(region_of(axis) for axis in axes))
    if len(found) > MOST_AXES:
        raise TooMuch(f"{len(found)} sequences side by side are too many to show; {MOST_AXES} are the most")
    before: dict[Axis, set[Axis]] = {axis: set() for axis in found}
    for tier in tiers:
        own = region_of(tier.place.axis)
        for link in (*tier.links, *tier.state):
            other = region_of(tiers[link.source].place.axis)
            if other is not own:
                before[own].add(other)
    order: list[Axis] = []
    while len(order) < len(found):
        ready = [a for a in found if a not in order and before[a] <= set(order)]
        order.append((ready or [a for a in found if a not in order])[0])
    return order


def stack(tiers: Sequence[Tier], regions: Sequence[Axis]) -> None:
    """Gives each tier a row above all that feeds it; one that starts from another's state lies beside it,
    where nothing lies between.

    Raises:
        TooMuch: more rows than can be shown.
    """
    _Stacking(tiers, regions).rows()


class _Stacking:
    def __init__(self, tiers: Sequence[Tier], regions: Sequence[Axis]) -> None:
        self.tiers = tiers
        self.regions = list(regions)

    def rows(self) -> None:
        beside = {i: i for i in range(len(self.tiers))}
        for i, tier in enumerate(self.tiers):
            for link in tier.state:
                if all(map(self._goes_across, tier.state)) and self._may_lie_beside(i, link.source, beside):
                    beside[_top(beside, i)] = _top(beside, link.source)
        groups: dict[int, list[int]] = {}
        for i in range(len(self.tiers)):
            groups.setdefault(_top(beside, i), []).append(i)
        taken: set[tuple[Axis, int]] = set()
        done: set[int] = set()
        waiting = list(groups.values())
        while waiting:
            group = next(g for g in waiting if all(s in done for i in g for s in self._sources(i, g)))
            waiting.remove(group)
            low = max((self.tiers[s].row + 1 for i in group for s in self._sources(i, group)), default=0)
            while any((region_of(self.tiers[i].place.axis), low) in taken for i in group):
                low += 1
            for i in group:
                self.tiers[i].row = low
                taken.add((region_of(self.tiers[i].place.axis), low))
                done.add(i)
        rows = max(tier.row for tier in self.tiers) + 1
        if rows > MOST_ROWS:
            raise TooMuch(f"{rows} rows on top of each other are too many to show; {MOST_ROWS} are the most")

    def _sources(self, i: int, group: list[int]) -> Iterator[int]:
        tier = self.tiers[i]
        for link in (*tier.links, *tier.state):
            if link.source not in group:
                yield link.source

    def _goes_across(self, link: Link) -> bool:
        """Whether a state goes from the last step of one layer to the first of the next."""
        last = self.tiers[link.source].place.last
        return link.way == "one" and not link.to_last and link.place.last == last

    def _may_lie_beside(self, i: int, source: int, beside: dict[int, int]) -> bool:
        ours, theirs = region_of(self.tiers[i].place.axis), region_of(self.tiers[source].place.axis)
        if self.regions.index(theirs) + 1 != self.regions.index(ours):
            return False
        members = {k for k in beside if _top(beside, k) in (_top(beside, i), _top(beside, source))}
        if len({region_of(self.tiers[k].place.axis) for k in members}) < len(members):
            return False
        # Nothing between the two may have to lie above one and below the other.
        todo = [s for k in members for s in self._sources(k, list(members))]
        seen: set[int] = set()
        while todo:
            k = todo.pop()
            if k in members:
                return False
            if k not in seen:
                seen.add(k)
                same = [n for n in beside if _top(beside, n) == _top(beside, k)]
                todo += [s for n in same for s in self._sources(n, same)]
        return True


def _top(beside: dict[int, int], i: int) -> int:
    while beside[i] != i:
        i = beside[i]
    return i
