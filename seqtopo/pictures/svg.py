"""Write a scene as SVG: generic fonts, colours for light and for dark, nothing that runs or is fetched."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

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
    corners,
    head,
    shortened,
)

FONT = "'DejaVu Sans', Verdana, 'Helvetica Neue', Arial, sans-serif"


def svg(scene: Scene, theme: str = "auto", pixels: tuple[int, int] | None = None) -> str:
    """Return the scene as one SVG document, in ``light`` or ``dark``, or ``auto``: as the
    reader's screen is. ``pixels`` are the width and the height, where they are not those of the scene.
    """
    w, h = pixels or (scene.w, scene.h)
    dark = theme == "dark"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {scene.w} {scene.h}" width="{w}" '
        f'height="{h}" role="img" font-family="{FONT}">',
        f"<title>{xml_text(scene.title)}</title>",
        f"<desc>{xml_text(scene.about)}</desc>",
    ]
    if theme == "auto":
        parts.append(f"<style>@media (prefers-color-scheme:dark){{{_dark(scene)}}}</style>")
    parts.append(f'<rect class="st-paper" width="{scene.w}" height="{scene.h}" fill="{PAPER[dark]}"/>')
    # Frames first: everything else lies on them.
    parts += [_box(box, dark) for box in scene.boxes if box.is_frame]
    parts += [_line(line, dark) for line in scene.upwards]
    parts += [_box(box, dark) for box in scene.boxes if not box.is_frame]
    parts += [_words(text, dark) for text in scene.texts]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _dark(scene: Scene) -> str:
    rules = [f".st-paper{{fill:{PAPER[1]}}}", f".st-ink{{fill:{INK[1]}}}", f".st-faint{{fill:{FAINT[1]}}}"]
    rules += [f".st-line{{stroke:{LINE[1]}}}", f".st-head{{fill:{LINE[1]}}}"]
    for family, (_, _, fill, stroke) in COLOURS.items():
        rules.append(f".st-{family}{{fill:{fill};stroke:{stroke}}}")
    if any(box.marked for box in scene.boxes) or any(line.marked for line in scene.lines):
        rules.append(f".st-mark{{stroke:{MARK[1]}}}.st-tip{{fill:{MARK[1]}}}")
    return "".join(rules)


def _box(box: Box, dark: bool) -> str:
    colours = COLOURS[box.family]
    fill, stroke = colours[2:] if dark else colours[:2]
    radius = min(box.h // 2, 14) if box.family in ("input", "output") else 5
    more = ' stroke-dasharray="5 4"' if box.family == "frame" else ""
    kind = f"st-{box.family}"
    if box.marked:
        kind, stroke, more = f"{kind} st-mark", MARK[dark], f'{more} stroke-width="3"'
    where = f'width="{box.w}" height="{box.h}" rx="{radius}" class="{kind}" fill="{fill}"'
    where += f' stroke="{stroke}"'
    behind = f'<rect x="{box.x + 4}" y="{box.y + 4}" {where}/>' if box.copies else ""
    return f'{behind}<rect x="{box.x}" y="{box.y}" {where}{more}/>'


def _line(line: Line, dark: bool) -> str:
    dash = STYLES[line.style]
    more = f' stroke-dasharray="{dash}"' if dash else ""
    points: Sequence[Point] = line.points
    colour = (MARK if line.marked else LINE)[dark]
    kind, thick = (" st-mark", 2.4) if line.marked else ("", 1.3)
    tip = ""
    if line.arrow:
        tip = f'<path d="{_head(points)}" class="st-{"tip" if line.marked else "head"}" fill="{colour}"/>'
        points = shortened(points)
    path = (
        f'<path d="{_path(points)}" class="st-line{kind}" fill="none" stroke="{colour}" '
        f'stroke-width="{thick}"{more}/>'
    )
    return path + tip


def _path(points: Sequence[Point]) -> str:
    """Return the path of a way with round corners."""
    found = [f"M{points[0][0]} {points[0][1]}"]
    for (ax, ay), (x, y), (bx, by) in corners(points):
        found.append(f"L{ax} {ay}Q{x} {y} {bx} {by}")
    return "".join([*found, f"L{points[-1][0]} {points[-1][1]}"])


def _head(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in head(points)) + "Z"


def _words(text: Text, dark: bool) -> str:
    shown = (FAINT if text.faint else INK)[dark]
    size = PIXELS.title if text.size == "title" else PIXELS.small
    bold = ' font-weight="600"' if text.size == "title" else ""
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    sub = f'<tspan dy="3" font-size="{size - 3}">{xml_text(text.sub)}</tspan>' if text.sub else ""
    kind = "faint" if text.faint else "ink"
    return (
        f'<text x="{text.x}" y="{text.y + size * 36 // 100}" font-size="{size}"{bold}{anchor} '
        f'class="st-{kind}" fill="{shown}" xml:space="preserve">{xml_text(text.text)}{sub}</text>'
    )


def xml_text(text: str) -> str:
    """Return a text that cannot be taken for anything else in XML; what XML does not allow is replaced."""
    allowed = "".join(
        c if c in "\t\n" or " " <= c < "\ud800" or "\ue000" <= c not in "\ufffe\uffff" else "\ufffd"
        for c in text
    )
    return escape(allowed)
