"""What an output is compared with: its labels, as a spec declares them or as data holds them."""

from __future__ import annotations

from dataclasses import dataclass

from seqtopo.graph.training import Labels
from seqtopo.layers.sizes import Size, show_shape
from seqtopo.source import Span


@dataclass(frozen=True)
class Values:
    """What is known of the numbers in an array.

    ``low`` and ``high`` are the least and the greatest finite one, ``whole`` whether all are whole,
    ``shares`` whether those along the last axis add up to 1 everywhere and none is negative, ``longest``
    the most numbers other than 0 in a row. ``missing`` counts NaN and ``endless`` infinite ones.
    """

    low: float
    high: float
    whole: bool = True
    shares: bool = False
    longest: int = 0
    missing: int = 0
    endless: int = 0
    partly: bool = False
    """Whether there are more numbers than were looked at."""


@dataclass(frozen=True)
class Compared:
    """The labels of one output, its loss by its main name ("" for none), and where they come from.

    ``name`` is what holds them where that is data (``y``), "" where the spec declares them; ``span`` is
    where it does. ``steps`` are numbers of time steps that the data is known to have.
    """

    labels: Labels
    loss: str = ""
    name: str = ""
    span: Span | None = None
    values: Values | None = None
    steps: tuple[Size, ...] = ()

    @property
    def said(self) -> str:
        """How a message begins: whose labels, and their shape.

        >>> Compared(Labels((20, 1)), name="y").said
        'each label in y is (20, 1)'
        >>> Compared(Labels(())).said
        'labels are one number'
        >>> Compared(Labels((), "int32", 4)).said
        'labels are one id of 4 classes'
        """
        below = self.labels.below
        shape = show_shape(self.labels.shape) if self.labels.shape else "one number"
        if below is not None:
            shape = f"{show_shape(self.labels.shape)} ids" if self.labels.shape else "one id"
            shape += f" of {below} classes"
        return f"each label in {self.name} is {shape}" if self.name else f"labels are {shape}"

    @property
    def said_of_ids(self) -> str:
        """The same, where the labels are class ids whether or not they are declared so."""
        return self.said if self.labels.below is not None else f"{self.said}, one class id each"

    @property
    def holder(self) -> str:
        """What holds the labels."""
        return self.name or "labels"
