"""Draw a search: how the best score came about, and what each name does to the score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from optuna.study import Study
from optuna.trial import TrialState

from seqtopo.cli.fit_files import ticks_of
from seqtopo.pictures.svg import xml_text
from seqtopo.searching.results import effects

WIDTH, HEIGHT, COLUMNS = 320, 220, 3
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 34, 40
DOT, LINE = "#0b6e99", "#c2410c"
MOST_NAMES = 12
"""The maximum number of names that are drawn."""


def picture(study: Study) -> str:
    """Return the picture of a study: its history, then a panel for each name with the score of each value."""
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    scores = [t.value for t in done if t.value is not None]
    history = [(t.number, t.value) for t in done if t.value is not None]
    panels = [_history(history, scores)]
    logs = {name for t in done for name, known in t.distributions.items() if getattr(known, "log", False)}
    for name, points in list(effects(study).items())[:MOST_NAMES]:
        panels.append(_effect(name, points, scores, log=name in {one.partition("@")[0] for one in logs}))
    rows = math.ceil(len(panels) / COLUMNS)
    across = min(COLUMNS, len(panels))
    width, height = across * WIDTH, rows * HEIGHT
    title = f"{xml_text(study.study_name)}: {len(done)} trials"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="11" fill="#333">',
        f'<title>{title}</title><rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for index, panel in enumerate(panels):
        x, y = index % COLUMNS * WIDTH, index // COLUMNS * HEIGHT
        parts.append(f'<g transform="translate({x},{y})">{panel}</g>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _scale(scores: Sequence[float]) -> tuple[list[float], float, float]:
    """Return round numbers for the axis of the scores, and its ends.

    The worst tenth of the scores is left out, or it would hide the rest.
    """
    ordered = sorted(scores) or [0.0, 1.0]
    high = ordered[max(0, math.ceil(len(ordered) * 0.9) - 1)]
    ticks = ticks_of(ordered[0], max(high, ordered[0]))
    return ticks, ticks[0], ticks[-1]


def _frame(title: str, scores: Sequence[float]) -> tuple[list[str], float, float]:
    ticks, low, high = _scale(scores)
    parts = [f'<text x="{LEFT}" y="20" font-size="13" font-weight="bold">{xml_text(title)}</text>']
    for tick in ticks:
        y = _y(tick, low, high)
        parts.append(
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:.4g}</text>'
        )
    return parts, low, high


def _y(value: float, low: float, high: float) -> float:
    share = min(max((value - low) / ((high - low) or 1.0), 0.0), 1.0)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _x(share: float) -> float:
    return LEFT + 8 + share * (WIDTH - LEFT - RIGHT - 16)


def _history(points: Sequence[tuple[int, float]], scores: Sequence[float]) -> str:
    parts, low, high = _frame("loss of each trial, and the best so far", scores)
    last = max((number for number, _ in points), default=0) or 1
    best: list[tuple[float, float]] = []
    for number, value in sorted(points):
        x = _x(number / last)
        parts.append(_dot(x, value, low, high))
        best.append((x, min(value, best[-1][1]) if best else value))
    line = " ".join(f"{x:.1f},{_y(value, low, high):.1f}" for x, value in best)
    parts.append(f'<polyline points="{line}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    beyond = " (a ring: beyond the axis)" if any(value > high for value in scores) else ""
    parts.append(_below(f"trial{beyond}", [(0.0, "0"), (1.0, str(last))]))
    return "".join(parts)


def _dot(x: float, value: float, low: float, high: float) -> str:
    """Return the mark of a score: a dot, or a ring at the top for one beyond the axis."""
    kind = f'fill="none" stroke="{DOT}"' if value > high else f'fill="{DOT}" fill-opacity="0.6"'
    return f'<circle cx="{x:.1f}" cy="{_y(value, low, high):.1f}" r="2.5" {kind}/>'


def _effect(name: str, points: Sequence[tuple[Any, float]], scores: Sequence[float], *, log: bool) -> str:
    parts, low, high = _frame(name, scores)
    numbers = all(isinstance(value, (int, float)) for value, _ in points)
    values: list[Any] = (
        sorted({value for value, _ in points}) if numbers else sorted({str(value) for value, _ in points})
    )
    wide = numbers and log and values[0] > 0

    def share(value: Any) -> float:
        if not numbers:
            return (values.index(str(value)) + 0.5) / len(values)
        first, last = (math.log(values[0]), math.log(values[-1])) if wide else (values[0], values[-1])
        at = math.log(value) if wide else value
        return (at - first) / ((last - first) or 1.0)

    for value, score in points:
        parts.append(_dot(_x(share(value)), score, low, high))
    if numbers:
        ends = (
            [(0.0, f"{values[0]:.4g}"), (1.0, f"{values[-1]:.4g}")]
            if len(values) > 1
            else [(0.0, f"{values[0]:.4g}")]
        )
    else:
        ends = [(share(value), _short(value, len(values))) for value in values]
    parts.append(_below("logarithmic" if wide else "", ends))
    return "".join(parts)


def _short(text: str, many: int) -> str:
    most = max(4, 40 // many)
    return text if len(text) <= most else text[: most - 1] + "…"


def _below(title: str, ends: Sequence[tuple[float, str]]) -> str:
    y = HEIGHT - BOTTOM + 16
    marks = [
        f'<text x="{_x(at):.1f}" y="{y}" text-anchor="middle">{xml_text(text)}</text>' for at, text in ends
    ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    return "".join([*marks, f'<text x="{middle:.0f}" y="{y + 14}" text-anchor="middle">{title}</text>'])
