"""Draw the rows with a wanted ratio as an SVG picture: a dot each on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, LINE, LEFT, RIGHT, TOP, BOTTOM = 1180, 22, 640, 30, 64, 40
NAMES = {"jax": "JAX", "torch": "PyTorch", "tensorflow": "TensorFlow", "": ""}
COLORS = {"jax": "#7c3aed", "torch": "#c2410c", "tensorflow": "#0b6e99", "": "#333"}


def draw(kept: Sequence[Mapping[str, Any]]) -> str:
    """Return the picture of rows in the form of ``results.json``."""
    rows = [
        each
        for each in kept
        if each["device"] == "cpu" and each["unit"] == "times" and each["most"] is not None
    ]
    ends = [max(1e-4, each[end]) for each in rows for end in ("low", "high", "most")] or [1.0]
    low, high = math.floor(math.log10(min(ends))), math.ceil(math.log10(max(*ends, 1.01)))
    height = TOP + LINE * len(rows) + BOTTOM

    def x(ratio: float) -> float:
        share = (math.log10(max(ratio, 10.0**low)) - low) / (high - low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#333">',
        "<title>How long A takes, of B</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        '<text x="16" y="24" font-size="15" font-weight="bold">How long A takes, of B</text>',
        '<text x="16" y="44">a dot is the median, its line the quartiles; the upright mark is the most '
        "that is wanted</text>",
    ]
    for power in range(low, high + 1):
        at = x(10.0**power)
        parts.append(
            f'<path d="M{at:.1f} {TOP - 8}V{height - BOTTOM}" stroke="{"#888" if power == 0 else "#ddd"}"/>'
            f'<text x="{at:.1f}" y="{height - BOTTOM + 18}" text-anchor="middle">{10.0**power:g}</text>'
        )
    for i, each in enumerate(rows):
        y = TOP + LINE * i + LINE / 2
        color = COLORS[each["backend"]]
        where = f"{NAMES[each['backend']]}: " if each["backend"] else ""
        said = f"{where}{each['what']}: {each['a']} / {each['b']}"
        parts += [
            f'<text x="{LEFT - 12}" y="{y + 4:.1f}" text-anchor="end">{escape(said)}</text>',
            f'<path d="M{x(each["low"]):.1f} {y:.1f}H{x(each["high"]):.1f}" stroke="{color}" '
            'stroke-width="3" stroke-opacity="0.4"/>',
            f'<path d="M{x(each["most"]):.1f} {y - 7:.1f}v14" stroke="#333" stroke-width="2"/>',
            f'<circle cx="{x(each["ratio"]):.1f}" cy="{y:.1f}" r="4.5" fill="{color}"/>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
