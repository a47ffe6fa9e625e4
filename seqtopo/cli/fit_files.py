"""Write the files of ``seqtopo fit``: a model, the progress beside it, and the loss curve as a picture."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqtopo.cli.arguments import STDIN, UsageError, is_text
from seqtopo.cli.build import SUFFIX
from seqtopo.cli.terminal import say
from seqtopo.cli.writing import apart
from seqtopo.cli.writing import keep_what_is_there as keep
from seqtopo.data.headers import read_notes
from seqtopo.pictures.svg import xml_text
from seqtopo.system.replacing import LOSS_CURVE
from seqtopo.system.shell import command

if TYPE_CHECKING:
    from seqtopo.data.training.training_runs import Progress

PROGRESS, PICTURE = ".progress.npz", ".svg"
"""The endings of the files beside the model: the epochs so far, and the loss curve."""

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 110, 44, 46
COLORS = {"loss": "#0b6e99", "val_loss": "#c2410c"}
WORDS = {"loss": "training", "val_loss": "held out"}
_START = f'{LOSS_CURVE.decode()}"sans-serif" font-size="13" fill="#333">'


@dataclass
class Training:
    """The path of the model, the number of epochs, and the progress so far."""

    target: Path
    epochs: int
    progress: Progress | None = None

    @contextmanager
    def stopped_in_words(self) -> Iterator[None]:
        """Print at Ctrl-C what is kept, and that the same command goes on."""
        file = self.target.with_suffix(PROGRESS)
        began = _written(file)
        try:
            yield
        except KeyboardInterrupt:
            if self.progress is not None:
                kept = self.progress.kept
            else:  # other processes train, or none does yet
                kept = _epochs_in(file) if _written(file) != began else 0
            if kept:
                say("", f"stopped after epoch {kept} of {self.epochs}; the same command goes on from there")
            elif began:
                say("", "stopped before another epoch was whole; the same command begins where this one did")
            else:
                say("", "stopped before an epoch was whole; the same command starts anew")
            raise


def _written(path: Path) -> int:
    """Return the time at which a file was written, in nanoseconds; 0 if there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _epochs_in(progress: Path) -> int:
    """Return the number of epochs in a progress file; 0 if it cannot be read."""
    try:
        return int(read_notes(progress)["epochs"])
    except Exception:  # see read_notes
        return 0


def target_of(args: argparse.Namespace) -> Path:
    """Return the path of the model. Raises UsageError where no model can be saved there."""
    at_hand = args.spec == STDIN or is_text(args.spec)
    target = Path(args.output) if args.output else Path("model" if at_hand else args.spec).with_suffix(SUFFIX)
    if target.suffix != SUFFIX:
        named = command("-o", str(target.with_suffix(SUFFIX)))
        raise UsageError(f"a model's file ends in {SUFFIX}, not {target.name}", f"write {named}")
    if not os.path.isdir(target.parent):
        raise UsageError(f"there is no folder {target.parent}", "make it first, or save elsewhere with -o")
    for written in (target, target.with_suffix(PROGRESS), target.with_suffix(PICTURE)):
        apart(written, args.data, *([] if at_hand else [args.spec]))
    return target


def keep_what_is_there(target: Path, args: argparse.Namespace) -> None:
    """Keep a model, and a picture that is not a loss curve, by the rule of ``seqtopo.system.replacing``.

    Raises:
        SpecError: ST732, one would be replaced; ST405, it cannot be looked at.
    """
    keep(target, "fitted", force=args.force)
    keep(target.with_suffix(PICTURE), "loss curve", force=args.force)


def loss_curve(history: Mapping[str, Sequence[float]], title: str) -> str:
    """Return the picture of ``loss`` and, where there is one, ``val_loss``: a line each, named at its end."""
    lines = {name: values for name in COLORS if (values := list(history.get(name, ())))}
    numbers = [value for values in lines.values() for value in values if math.isfinite(value)] or [0.0, 1.0]
    ticks = ticks_of(min(0.0, *numbers), max(numbers))
    low, high = ticks[0], ticks[-1]
    epochs = max(map(len, lines.values()), default=1)

    def x(epoch: int) -> float:
        share = (epoch - 1) / (epochs - 1) if epochs > 1 else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [
        _START,
        f'<title>{xml_text(title)}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold">{xml_text(title)}</text>',
    ]
    for tick in ticks:
        parts.append(
            f'<path d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
            f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.4g}</text>'
        )
    for epoch in _epochs(epochs):
        parts.append(
            f'<text x="{x(epoch):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{epoch}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle">epoch</text>')
    ends = _label_heights(
        {name: y(values[-1]) for name, values in lines.items() if math.isfinite(values[-1])}
    )
    for name, values in lines.items():
        points = [(x(i), y(value)) for i, value in enumerate(values, 1) if math.isfinite(value)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLORS[name]}" stroke-width="2"/>')
        if len(points) <= 40:
            parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5" fill="{COLORS[name]}"/>' for a, b in points]
        if name in ends:
            where = f'x="{WIDTH - RIGHT + 10 if epochs > 1 else middle + 10:.0f}" y="{ends[name] + 4:.1f}"'
            parts.append(f'<text {where} fill="{COLORS[name]}">{WORDS[name]}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def ticks_of(low: float, high: float) -> list[float]:
    """Return round numbers from below to above, five or so.

    >>> ticks_of(0.0, 0.43)
    [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    """
    span = high - low or abs(high) or 1.0
    rough = span / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * k for k in (1, 2, 5, 10) if size * k >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil((low + span) / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _epochs(count: int) -> list[int]:
    """Return the epochs whose numbers are written: the first, the last, and some between.

    >>> _epochs(3), _epochs(20)
    ([1, 2, 3], [1, 5, 10, 15, 20])
    """
    step = next(s for k in range(9) for s in (10**k, 2 * 10**k, 5 * 10**k) if count / s <= 6)
    between = [e for e in range(step, count, step) if e > 1 and count - e >= step * 0.5]
    return sorted({1, *between, count})


def _label_heights(ends: dict[str, float]) -> dict[str, float]:
    """Return the heights of two labels at the lines' ends, so far apart that they do not overlap."""
    names = sorted(ends, key=lambda name: ends[name])
    if len(names) == 2 and (gap := ends[names[1]] - ends[names[0]]) < 16:
        push = (16 - gap) / 2
        return {names[0]: ends[names[0]] - push, names[1]: ends[names[1]] + push}
    return ends
