"""Draw a scene as PNG by Pillow: no browser, no system library, the same font everywhere."""

from __future__ import annotations

import io
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from seqtopo.pictures.scene import (
    COLOURS,
    FAINT,
    INK,
    LINE,
    MARK,
    PAPER,
    PIXELS,
    STYLES,
    Box,
    Line,
    Point,
    Scene,
    Text,
)

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

_FINER = 3
"""Lines are drawn so much larger and then made smaller, which makes them smooth."""

LARGEST = 60_000_000
"""Pixels that a picture may have."""


def png(
    scene: Scene, *, scale: float = 2.0, dark: bool = False, pixels: tuple[int, int] | None = None
) -> bytes:
    """Return the scene as the bytes of a PNG file, ``scale`` times as large as the SVG, or of so many pixels.

    Raises:
        ImportError: Pillow is not installed.
    """
    from PIL import Image, ImageDraw

    scale = pixels[0] / scene.w if pixels else scale
    scale = min(scale, (LARGEST / max(1, scene.w * scene.h)) ** 0.5)
    fine = scale * _FINER if scene.w * scene.h * (scale * _FINER) ** 2 <= 4 * LARGEST else scale
    size = pixels or (round(scene.w * scale), round(scene.h * scale))
    image = Image.new("RGB", (round(scene.w * fine), round(scene.h * fine)), PAPER[dark])
    pen = _Pen(ImageDraw.Draw(image), fine, dark)
    for box in scene.boxes:
        if box.is_frame:
            pen.box(box)
    for line in scene.upwards:
        pen.line(line)
    for box in scene.boxes:
        if not box.is_frame:
            pen.box(box)
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    # Letters are drawn at their final size, for which the font has hints.
    pen = _Pen(ImageDraw.Draw(image), scale, dark)
    for text in scene.texts:
        pen.text(text)
    made = io.BytesIO()
    image.save(made, "PNG", optimize=True, dpi=(96 * scale, 96 * scale))
    return made.getvalue()


@cache
def _font(size: float, bold: bool) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    name = "labels-bold.ttf" if bold else "labels.ttf"
    return ImageFont.truetype(str(Path(__file__).with_name(name)), size)


class _Pen:
    def __init__(self, draw: ImageDraw.ImageDraw, scale: float, dark: bool) -> None:
        self.draw = draw
        self.scale = scale
        self.dark = dark

    def box(self, box: Box) -> None:
        colours = COLOURS[box.family]
        fill, stroke = colours[2:] if self.dark else colours[:2]
        width = 3 if box.marked else 1
        stroke = MARK[self.dark] if box.marked else stroke
        radius = min(box.h // 2, 14) if box.family in ("input", "output") else 5
        for shift in (4, 0) if box.copies else (0,):
            x, y = box.x + shift, box.y + shift
            self.draw.rounded_rectangle(
                (x * self.scale, y * self.scale, (x + box.w) * self.scale, (y + box.h) * self.scale),
                radius * self.scale,
                fill,
                None if box.family == "frame" else stroke,
                round(width * self.scale),
            )
        if box.family == "frame":
            x, y, right, bottom = box.x, box.y, box.x + box.w, box.y + box.h
            corners = [(x, y), (right, y), (right, bottom), (x, bottom), (x, y)]
            for a, b in pairwise(corners):
                self._dashed([a, b], (5.0, 4.0), stroke, width)

    def line(self, line: Line) -> None:
        colour = (MARK if line.marked else LINE)[self.dark]
        thick = 2.4 if line.marked else 1.3
        points = list(line.points)
        if line.arrow:
            (ax, ay), (bx, by) = points[-2], points[-1]
            dx, dy = (bx > ax) - (bx < ax), (by > ay) - (by < ay)
            cx, cy = bx - dx * PIXELS.head, by - dy * PIXELS.head
            head = [(bx, by), (cx - dy * 4, cy - dx * 4), (cx + dy * 4, cy + dx * 4)]
            self.draw.polygon([(x * self.scale, y * self.scale) for x, y in head], colour)
            points[-1] = bx - dx * min(4, abs(bx - ax)), by - dy * min(4, abs(by - ay))
        dash = STYLES[line.style].split()
        if dash:
            self._dashed(points, (float(dash[0]), float(dash[1])), colour, thick)
        else:
            scaled = [(x * self.scale, y * self.scale) for x, y in _rounded(points)]
            self.draw.line(scaled, colour, max(1, round(thick * self.scale)), joint="curve")

    def _dashed(self, points: list[Point], dash: tuple[float, float], colour: str, width: float) -> None:
        on, off = dash
        at = 0.0
        for (ax, ay), (bx, by) in pairwise(points):
            whole = float(abs(bx - ax) + abs(by - ay))
            dx, dy = (bx > ax) - (bx < ax), (by > ay) - (by < ay)
            done = 0.0
            while done < whole:
                here = at % (on + off)
                step = min((on - here) if here < on else (on + off - here), whole - done)
                if here < on:
                    ends = [(ax + dx * d, ay + dy * d) for d in (done, done + step)]
                    scaled = [(x * self.scale, y * self.scale) for x, y in ends]
                    self.draw.line(scaled, colour, max(1, round(width * self.scale)))
                done += step
                at += step

    def text(self, text: Text) -> None:
        size = (PIXELS.title if text.size == "title" else PIXELS.small) * self.scale
        font = _font(size, text.size == "title")
        colour = (FAINT if text.faint else INK)[self.dark]
        small = _font(size * 0.75, False)
        whole = font.getlength(text.text) + (small.getlength(text.sub) if text.sub else 0.0)
        shift = {"start": 0.0, "middle": whole / 2, "end": whole}[text.anchor]
        x, y = text.x * self.scale - shift, text.y * self.scale + 0.36 * size
        self.draw.text((x, y), text.text, colour, font, anchor="ls")
        if text.sub:
            place = (x + font.getlength(text.text), y + 3 * self.scale)
            self.draw.text(place, text.sub, colour, small, anchor="ls")


def _rounded(points: list[Point]) -> list[tuple[float, float]]:
    """Return a way with round corners, as short straight bits."""
    found: list[tuple[float, float]] = [points[0]]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        reach = min(
            PIXELS.corner,
            (abs(here[0] - before[0]) + abs(here[1] - before[1])) // 2,
            (abs(here[0] - after[0]) + abs(here[1] - after[1])) // 2,
        )
        a, b = _moved_along(here, before, reach), _moved_along(here, after, reach)
        for i in range(7):
            t = i / 6
            found.append(
                (
                    (1 - t) ** 2 * a[0] + 2 * t * (1 - t) * here[0] + t * t * b[0],
                    (1 - t) ** 2 * a[1] + 2 * t * (1 - t) * here[1] + t * t * b[1],
                )
            )
    return [*found, points[-1]]


def _moved_along(a: Point, b: Point, by: int) -> Point:
    dx, dy = (b[0] > a[0]) - (b[0] < a[0]), (b[1] > a[1]) - (b[1] < a[1])
    return a[0] + dx * by, a[1] + dy * by
