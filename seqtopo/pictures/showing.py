"""Choose which steps of an unrolled spec are shown beside the first two and the last: those that windows
read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from seqtopo.layers.sizes import Size
from seqtopo.pictures.tiers import Axis, Link, Place, Tier

MOST_SHOWN = 12
"""The maximum number of steps of one sequence that are shown because windows read them."""

SHOWN_WHOLE = 8
"""A sequence that windows read is shown whole where it is no longer than this."""

_MOST_READ = 4
"""The maximum size of a window whose steps are shown for its own sake."""

Order = Callable[[Size], int]


def show_what_is_read(tiers: Sequence[Tier], order: Order) -> None:
    """Show the steps that the last one is made of, through all windows, where they are few; where they
    are many, those that each window by itself reaches from the last step.
    """
    windows = [(tier, link) for tier in tiers for link in tier.links if link.reads is not None]
    axes = {link.place.axis.find() for _, link in windows} | {t.output.axis.find() for t, _ in windows}
    for axis in axes:
        if isinstance(axis.last, int) and axis.last <= SHOWN_WHOLE:
            for step in range(1, axis.last + 1):
                axis.mark(step, step)
    whole = _cone(tiers, order)
    for axis in axes:
        _mark_all(axis, whole.get(axis, {}), order)
    for tier, link in windows:
        read = _taps(tier, link, [order(tier.output.last)], order)
        if len(read) <= _MOST_READ:
            _mark_all(link.place.axis.find(), dict.fromkeys(read, link.place), order)


def _mark_all(axis: Axis, steps: Mapping[int, Place], order: Order) -> None:
    """Mark steps, if they are not too many."""
    if len({*axis.marks, *steps}) <= MOST_SHOWN:
        for number, place in steps.items():
            axis.mark(number, _step(place, number, order))


def _step(place: Place, number: int, order: Order) -> Size:
    """Return the step with a number, counted from the nearer end of a place."""
    before, after = number - order(place.first), order(place.last) - number
    return place.first + before if before < after else place.last - after


def _taps(tier: Tier, link: Link, steps: Iterable[int], order: Order) -> set[int]:
    """Return the steps that those of a tier read, by their numbers; not many more than can be shown."""
    assert link.reads is not None
    first, base = order(tier.output.first), order(link.place.first)
    found: set[int] = set()
    for step in steps:
        found.update(base - 1 + n for n in islice(link.reads(step - first + 1), MOST_SHOWN + 1))
        if len(found) > 2 * MOST_SHOWN:
            break
    return found


def _cone(tiers: Sequence[Tier], order: Order) -> dict[Axis, dict[int, Place]]:
    """Return the steps of each axis from which the last steps of the outputs are made."""
    needed: list[set[int]] = [set() for _ in tiers]
    found: dict[Axis, dict[int, Place]] = {}
    for i in reversed(range(len(tiers))):
        tier = tiers[i]
        own = sorted(needed[i])[-2 * MOST_SHOWN :]
        for link in tier.links:
            if not link.place.many:
                continue
            last = order(link.place.last)
            same = tier.kind in ("steps", "range") and tier.output.axis.find() is link.place.axis.find()
            if link.reads is not None:
                read = _taps(tier, link, own or [order(tier.output.last)], order)
            else:
                read = {n for n in own if n <= last} if same and own else {last}
            needed[link.source] |= read
            steps = found.setdefault(link.place.axis.find(), {})
            for number in read:
                steps.setdefault(number, link.place)
    return found
