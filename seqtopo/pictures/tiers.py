"""Define the parts of an unrolled picture: axes of time, and tiers of cells along them. No places yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.layers.sizes import Size
from seqtopo.pictures.plan import Feedback
from seqtopo.pictures.reading import Reads
from seqtopo.pictures.scene import Style
from seqtopo.source import Source, Span

Kind = Literal["steps", "copies", "range", "bar", "vector", "output"]
Way = Literal["step", "gather", "spread", "one"]
"""How one tier feeds another: step by step, all steps to one place, one to all steps, one to one."""


@dataclass(eq=False)
class Axis:
    """One sequence of time steps: its last step, and the steps that are shown, by their order."""

    last: Size
    number: int
    alone: bool = False
    """Whether it is not a sequence, but the place of a vector that comes from nowhere in time."""
    marks: dict[int, Size] = field(default_factory=dict)
    root: Axis | None = None
    region: Axis | None = None
    """The axis with which it shares its columns, where it is not the same."""
    above: Callable[[int], int | None] | None = None
    """Above which step of that axis one of its own is best, by their orders."""

    def find(self) -> Axis:
        """Return the axis that it was found to be the same as."""
        return self if self.root is None else self.root.find()

    def mark(self, number: int, step: Size) -> None:
        """Shows a step, whose place in the order of steps is the number."""
        self.find().marks.setdefault(number, step)


@dataclass(frozen=True)
class Place:
    """Where a value is: at the steps from ``first`` to ``last`` of an axis, or at ``last`` alone."""

    axis: Axis
    first: Size
    last: Size
    many: bool = True


@dataclass
class Link:
    """What a tier is given by another one; ``place`` is where what is given is.

    ``reads`` says which of its steps each step is made of, where that is a window; both count from 1.
    """

    source: int
    way: Way
    style: Style
    place: Place
    reads: Reads | None = None
    alone: bool = False
    """Whether each of its steps counts for the same step alone, as that of a query."""
    to_last: bool = False
    """Whether a state goes to the last step, where the reading backwards begins."""


@dataclass
class Tier:
    """One layer along the steps. ``place`` is where its cells are, ``gives`` where what it gives is."""

    kind: Kind
    family: str
    word: str
    title: str
    note: str
    place: Place
    gives: Place
    links: list[Link] = field(default_factory=list)
    state: list[Link] = field(default_factory=list)
    direction: Literal["", "forward", "backward", "both"] = ""
    stateful: bool = False
    ends: list[Size] = field(default_factory=list)
    """The steps whose outputs make the one that goes on, where the others are dropped."""
    row: int = 0

    @property
    def short(self) -> str:
        """The word without arguments."""
        return self.word.partition("(")[0]


@dataclass
class Unrolled:
    """All tiers, the axes from left to right, and a number for each step to put steps in order."""

    tiers: list[Tier]
    regions: list[Axis]
    order: Callable[[Size], int]
    nodes: list[int] = field(default_factory=list)
    """The node of the graph that each tier shows; outputs come after them."""
    back: tuple[int, int] | None = None
    """The tiers of an output and of the input whose next step it becomes."""

    def feed_back(self, back: Feedback, source: Source | None = None) -> None:
        """Draws an output at every step as the next step of an input.

        Raises:
            SpecError: there is no output at every step of that input.
        """
        tiers = len(self.nodes) + back.output, self.nodes.index(back.node)
        given, taken = (self.tiers[i].gives for i in tiers)
        ends = given.axis.find(), self.order(given.first), self.order(given.last)
        if not given.many or ends != (taken.axis.find(), self.order(taken.first), self.order(taken.last)):
            raise SpecError(
                (
                    Diagnostic(
                        "ST454",
                        "side by side, only an output at every step of the input is fed back, each to the "
                        "step after it",
                        Span(0, 0),
                        help="leave out --unrolled: then the arrow goes from the output to the input",
                        source=source,
                    ),
                )
            )
        self.back = tiers


def region_of(axis: Axis) -> Axis:
    """Return the axis whose columns an axis shares."""
    axis = axis.find()
    return region_of(axis.region) if axis.region is not None else axis


class TooMuch(Exception):  # noqa: N818  (it is an answer, not a failure)
    """A spec has no such picture, or it would be too large; says which."""
