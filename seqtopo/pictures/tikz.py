"""Write a scene as a LaTeX document of its own, drawn by TikZ, in the letters of LaTeX."""

from __future__ import annotations

import re

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
    head,
    shortened,
)

_SIGNS = {
    **{char: f"\\{char}" for char in "{}_&%$#"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    '"': "\\textquotedbl{}",
    "`": "\\textasciigrave{}",
    "'": "\\textquotesingle{}",
    "×": "$\\times$",
    "✕": "$\\times$",
    "→": "$\\rightarrow$",
    "←": "$\\leftarrow$",
    "−": "$-$",
    "÷": "$\\div$",
    "·": "$\\cdot$",
    "⋯": "$\\cdots$",
    "σ": "$\\sigma$",
    "⊙": "$\\odot$",
    "′": "$'$",
    "…": "\\ldots{}",
}
_LIGATURES = re.compile(r"([-,])(?=\1)")
"""Matches the first of two characters that LaTeX would join to one sign."""


def tikz(scene: Scene, *, dark: bool = False, pixels: tuple[int, int] | None = None) -> str:
    """Return the scene as a document of the class ``standalone``; a pixel is 0.75 points."""
    unit = 0.75 * (pixels[0] / scene.w if pixels else 1)
    colours = {"paper": PAPER, "ink": INK, "faint": FAINT, "edge": LINE, "mark": MARK}
    names = {name: pair[dark] for name, pair in colours.items()}
    for family in sorted({box.family for box in scene.boxes}):
        fill, stroke = COLOURS[family][2:] if dark else COLOURS[family][:2]
        names[f"{family}fill"], names[f"{family}edge"] = fill, stroke
    small, title = (size * unit for size in (PIXELS.small, PIXELS.title))
    shown = "".join(f"{latex(text.text)}{latex(text.sub)}" for text in scene.texts)
    lines = [
        f"% {latex(scene.title)}",
        "\\documentclass[tikz,border=0pt]{standalone}",
        "\\usepackage[T1]{fontenc}",
        "\\usepackage[scaled]{helvet}",
        "\\renewcommand{\\familydefault}{\\sfdefault}",
        *(f"\\definecolor{{st{name}}}{{HTML}}{{{colour[1:].upper()}}}" for name, colour in names.items()),
        *_declared(shown),
        "\\begin{document}",
        f"\\begin{{tikzpicture}}[x={unit:g}bp,y=-{unit:g}bp,",
        "  every node/.style={inner sep=0pt,outer sep=0pt},",
        f"  small/.style={{font=\\fontsize{{{small:.4g}bp}}{{{small * 1.2:.4g}bp}}\\selectfont}},",
        f"  title/.style={{font=\\fontsize{{{title:.4g}bp}}{{{title * 1.2:.4g}bp}}\\selectfont\\bfseries}}]",
        f"\\fill[stpaper] (0,0) rectangle ({scene.w},{scene.h});",
        *(_box(box, unit) for box in scene.boxes if box.is_frame),
        *(_line(line, unit) for line in scene.upwards),
        *(_box(box, unit) for box in scene.boxes if not box.is_frame),
        *(_text(text, unit) for text in scene.texts),
        "\\end{tikzpicture}",
        "\\end{document}",
    ]
    return "\n".join(lines) + "\n"


def _declared(text: str) -> list[str]:
    """Return lines that let pdfLaTeX show a question mark for each character that it does not know.

    Without them it would stop; other engines know all characters.
    """
    lines = [
        f"\\expandafter\\ifx\\csname u8:\\detokenize{{{char}}}\\endcsname\\relax"
        f"\\DeclareUnicodeCharacter{{{ord(char):04X}}}{{?}}\\fi"
        for char in sorted({char for char in text if not char.isascii()})
    ]
    return ["\\ifdefined\\DeclareUnicodeCharacter", *lines, "\\fi"] if lines else []


def _box(box: Box, unit: float) -> str:
    radius = min(box.h // 2, 14) if box.family in ("input", "output") else 5
    edge, width = ("stmark", 3) if box.marked else (f"st{box.family}edge", 1)
    style = f"fill=st{box.family}fill,draw={edge},line width={width * unit:g}bp"
    style += f",rounded corners={radius * unit:g}bp"
    if box.family == "frame":
        style += f",dash pattern=on {5 * unit:g}bp off {4 * unit:g}bp"
    return "\n".join(
        f"\\draw[{style}] ({box.x + shift},{box.y + shift}) rectangle ({box.x + shift + box.w},"
        f"{box.y + shift + box.h});"
        for shift in ((4, 0) if box.copies else (0,))
    )


def _line(line: Line, unit: float) -> str:
    points = shortened(line.points) if line.arrow else list(line.points)
    colour, thick = ("stmark", 2.4) if line.marked else ("stedge", 1.3)
    style = f"draw={colour},line width={thick * unit:g}bp,rounded corners={PIXELS.corner * unit:g}bp"
    if dash := STYLES[line.style].split():
        style += f",dash pattern=on {int(dash[0]) * unit:g}bp off {int(dash[1]) * unit:g}bp"
    found = f"\\draw[{style}] {_way(points)};"
    if line.arrow:
        found += f"\n\\fill[{colour}] {_way(head(line.points))} -- cycle;"
    return found


def _way(points: list[Point] | tuple[Point, ...]) -> str:
    return " -- ".join(f"({x},{y})" for x, y in points)


def _text(text: Text, unit: float) -> str:
    anchor = {"start": "base west", "middle": "base", "end": "base east"}[text.anchor]
    size = PIXELS.title if text.size == "title" else PIXELS.small
    words = latex(text.text)
    if text.sub:
        low = (size - 3) * unit
        words += f"\\raisebox{{-{3 * unit:g}bp}}{{\\fontsize{{{low:.4g}bp}}{{{low:.4g}bp}}"
        words += f"\\selectfont {latex(text.sub)}}}"
    where = f"({text.x},{text.y + size * 36 // 100})"
    colour = "stfaint" if text.faint else "stink"
    return f"\\node[{text.size},anchor={anchor},text={colour}] at {where} {{{words}}};"


def latex(text: str) -> str:
    r"""Return a text that LaTeX shows as it is, whatever is in it.

    >>> latex("50% of a_b × \\x")
    '50\\% of a\\_b $\\times$ \\textbackslash{}x'
    """
    found = "".join(_SIGNS.get(c, c if c.isprintable() else "?") for c in text)
    return _LIGATURES.sub(r"\1{}", found)
