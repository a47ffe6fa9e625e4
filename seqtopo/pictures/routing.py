"""Route edges between one rank and the next: down, along a track, and down again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Net:
    """What leaves one place above, or several, and arrives at one or more below; ``track`` is where it turns,
    -1 for one that goes straight down.
    """

    tops: list[int]
    bottoms: list[int]
    track: int = -1

    @property
    def span(self) -> tuple[int, int]:
        """From where to where it runs on its track."""
        return min(self.tops + self.bottoms), max(self.tops + self.bottoms)

    @property
    def straight(self) -> bool:
        """Whether it needs no track."""
        return len({*self.tops, *self.bottoms}) == 1


def assign_tracks(nets: Sequence[Net], near: int) -> int:
    """Gives each net a track, from the top down; returns how many there are.

    Two nets on one track lie apart by more than ``near``. Where one comes down at the place at which another
    goes on down, it turns above it, so that they do not lie on each other.

    >>> nets = [Net([0], [10]), Net([20], [30]), Net([10], [5])]
    >>> assign_tracks(nets, 1), [net.track for net in nets]
    (2, [1, 0, 0])
    """
    turning = [net for net in nets if not net.straight]
    above: dict[int, set[int]] = {i: set() for i in range(len(turning))}
    for i, one in enumerate(turning):
        for j, other in enumerate(turning):
            if i != j and any(abs(top - bottom) <= near for top in one.tops for bottom in other.bottoms):
                above[j].add(i)
    tracks: list[list[Net]] = []
    done: set[int] = set()
    while len(done) < len(turning):
        ready = [i for i in above if i not in done and above[i] <= done]
        # A circle is broken at the widest: lines may then touch for a little.
        ready = ready or [max((i for i in above if i not in done), key=lambda i: turning[i].span)]
        for i in sorted(ready, key=lambda i: (turning[i].span[0] - turning[i].span[1], turning[i].tops)):
            net = turning[i]
            low = max((turning[j].track + 1 for j in above[i] if j in done), default=0)
            track = low
            while track < len(tracks) and any(_meet(net, other, near) for other in tracks[track]):
                track += 1
            while track >= len(tracks):
                tracks.append([])
            tracks[track].append(net)
            net.track = track
            done.add(i)
    return len(tracks)


def _meet(one: Net, other: Net, near: int) -> bool:
    (a, b), (c, d) = one.span, other.span
    return a <= d + near and c <= b + near


def spread(
    wanted: Sequence[int], rooms: Sequence[int], low: int, high: int, pinned: int | None = None
) -> list[int]:
    """Places for slots, each as near as can be to where its edge comes from, in order of those.

    ``rooms`` is the room that each needs on its right. All lie between ``low`` and ``high`` where they fit.
    The ``pinned`` one lies where it wants to; the others make way.

    >>> spread([50, 200], [10, 10], 20, 80)
    [50, 80]
    >>> spread([50, 50, 50], [10, 10, 10], 20, 80)
    [40, 50, 60]
    >>> spread([10, 10], [30, 30], 20, 80)
    [20, 50]
    >>> spread([0, 45, 50], [10, 10, 10], 20, 80, pinned=2)
    [20, 40, 50]
    """
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    at = [min(max(wanted[i], low), high) for i in order]
    fixed = order.index(pinned) if pinned is not None else len(at)
    # Several that come from the same side share their shift, around the middle of them.
    if pinned is None and len(at) > 1 and len(set(at)) == 1:
        whole = sum(rooms[i] for i in order[:-1])
        at[0] = max(low, at[0] - whole // 2)
    for k in range(1, len(at)):
        if k != fixed:
            at[k] = max(at[k], at[k - 1] + rooms[order[k - 1]])
    limit = high
    for k in range(len(at) - 1, -1, -1):
        if k != fixed:
            at[k] = min(at[k], max(limit, low))
        limit = at[k] - (rooms[order[k - 1]] if k else 0)
    found = [0] * len(wanted)
    for k, i in enumerate(order):
        found[i] = at[k]
    return found
