"""Write a scene as a PDF of one page: lines and letters, with the fonts in it, for papers and for print.

After ISO 32000-1: its section 8 for what is drawn, and 9.7 for fonts whose glyphs have numbers.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from struct import unpack, unpack_from

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
    Scene,
    Text,
    corners,
    head,
    shortened,
)


@dataclass(frozen=True)
class Font:
    """A TrueType font: its bytes, and sizes in thousandths of its own."""

    data: bytes
    glyphs: dict[int, int]
    """The glyph of each character."""
    advances: tuple[int, ...]
    """The width of each glyph."""
    box: tuple[int, ...]
    ascent: int
    descent: int

    def glyph(self, char: str) -> int:
        """Return the glyph of a character, 0 for one that the font lacks."""
        return self.glyphs.get(ord(char), 0)

    def width(self, text: str, size: float) -> float:
        """Return the width of a text."""
        return sum(self.advances[self.glyph(char)] for char in text) * size / 1000


@cache
def font(bold: bool) -> Font:
    """Return one of the two fonts that come with the package."""
    data = Path(__file__).with_name("labels-bold.ttf" if bold else "labels.ttf").read_bytes()
    count = unpack_from(">H", data, 4)[0]
    places = {}
    for at in range(12, 12 + 16 * count, 16):
        tag, _, start, length = unpack_from(">4sIII", data, at)
        places[tag.decode()] = data[start : start + length]
    units: int = unpack_from(">H", places["head"], 18)[0]

    def thousandths(number: int) -> int:
        return round(number * 1000 / units)

    box = tuple(map(thousandths, unpack_from(">4h", places["head"], 36)))
    ascent, descent = unpack_from(">hh", places["hhea"], 4)
    long = unpack_from(">H", places["hhea"], 34)[0]
    glyphs = unpack_from(">H", places["maxp"], 4)[0]
    wide = [unpack_from(">H", places["hmtx"], 4 * min(i, long - 1))[0] for i in range(glyphs)]
    return Font(
        data,
        _characters(places["cmap"]),
        tuple(map(thousandths, wide)),
        box,
        thousandths(ascent),
        thousandths(descent),
    )


def _characters(table: bytes) -> dict[int, int]:
    """Return the glyphs of characters, from the table's part for Unicode in format 4 (OpenType, 'cmap')."""
    for i in range(unpack_from(">H", table, 2)[0]):
        start = unpack_from(">I", table, 4 + 8 * i + 4)[0]
        if unpack_from(">H", table, start)[0] == 4:
            break
    else:
        raise ValueError("the font has no table of characters in format 4")
    count = unpack_from(">H", table, start + 6)[0] // 2
    at = start + 14
    ends = unpack(f">{count}H", table[at : at + 2 * count])
    firsts_at = at + 2 * count + 2
    firsts = unpack_from(f">{count}H", table, firsts_at)
    deltas = unpack_from(f">{count}H", table, firsts_at + 2 * count)
    ranges_at = firsts_at + 4 * count
    ranges = unpack_from(f">{count}H", table, ranges_at)
    found: dict[int, int] = {}
    for i in range(count):
        for char in range(firsts[i], min(ends[i], 0xFFFE) + 1):
            glyph = char
            if ranges[i]:
                glyph = unpack_from(">H", table, ranges_at + 2 * i + ranges[i] + 2 * (char - firsts[i]))[0]
                if not glyph:
                    continue
            found[char] = (glyph + deltas[i]) & 0xFFFF
    return found


POINTS = 0.75
"""A pixel, 1/96 of an inch, in the points of a PDF, 1/72 of an inch."""
_ROUND = 0.5523
"""The distance of the handles of a curve that is nearly a quarter of a circle of radius 1."""


def pdf(scene: Scene, *, dark: bool = False, pixels: tuple[int, int] | None = None) -> bytes:
    """Return the scene as the bytes of a PDF file, of the scene's size, or of so many pixels."""
    w, h = pixels or (scene.w, scene.h)
    page = _Page(scene, dark, w / scene.w)
    fonts = (font(False), font(True))
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (en) >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {w * POINTS:g} {h * POINTS:g}] /Contents 4 0 R "
        "/Resources << /Font << /F0 6 0 R /F1 11 0 R >> >> >>".encode(),
        _stream(page.content().encode("ascii")),
        f"<< /Title {_string(scene.title)} /Subject {_string(scene.about)} /Producer (seqtopo) >>".encode(),
    ]
    for one, name, used in zip(fonts, ("SeqtopoLabels", "SeqtopoLabels-Bold"), page.used, strict=True):
        objects += _font(one, name, len(objects) + 1, used)
    return _file(objects)


def _file(objects: Sequence[bytes]) -> bytes:
    """Return the bytes of the file: the objects with their numbers, and the table of where each begins."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += "".join(f"{place:010} 00000 n \n" for place in places).encode()
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 5 0 R >>\n".encode()
    return bytes(out + f"startxref\n{start}\n%%EOF\n".encode())


def _stream(data: bytes, more: str = "") -> bytes:
    packed = zlib.compress(data, 9)
    return (
        f"<< /Length {len(packed)} /Filter /FlateDecode{more} >>\nstream\n".encode() + packed + b"\nendstream"
    )


def _string(text: str) -> str:
    return f"<feff{text.encode('utf-16-be', 'replace').hex()}>"


def _font(one: Font, name: str, first: int, used: dict[int, str]) -> list[bytes]:
    """Return the five objects of a font, the first of them with the number ``first``."""
    wide = " ".join(f"{glyph} [{one.advances[glyph]}]" for glyph in sorted(used))
    box = " ".join(map(str, one.box))
    return [
        f"<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H "
        f"/DescendantFonts [{first + 1} 0 R] /ToUnicode {first + 4} 0 R >>".encode(),
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{name} /CIDToGIDMap /Identity /DW 600 /W [{wide}] "
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
        f"/FontDescriptor {first + 2} 0 R >>".encode(),
        f"<< /Type /FontDescriptor /FontName /{name} /Flags 4 /FontBBox [{box}] /ItalicAngle 0 "
        f"/Ascent {one.ascent} /Descent {one.descent} /CapHeight 730 /StemV 90 "
        f"/FontFile2 {first + 3} 0 R >>".encode(),
        _stream(one.data, f" /Length1 {len(one.data)}"),
        _stream(_to_unicode(used).encode("ascii")),
    ]


def _to_unicode(used: dict[int, str]) -> str:
    """Return the map from glyphs to characters by which a reader can search and copy the text."""
    pairs = [
        f"<{glyph:04x}> <{char.encode('utf-16-be', 'replace').hex()}>" for glyph, char in sorted(used.items())
    ]
    blocks = [pairs[i : i + 100] for i in range(0, len(pairs), 100)]
    listed = "\n".join(f"{len(b)} beginbfchar\n" + "\n".join(b) + "\nendbfchar" for b in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        "1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n"
        f"{listed}\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    )


class _Page:
    """The drawn content of the page, in pixels from the bottom up."""

    def __init__(self, scene: Scene, dark: bool, scale: float) -> None:
        self.scene = scene
        self.dark = dark
        self.scale = scale
        self.used: tuple[dict[int, str], dict[int, str]] = ({0: " "}, {0: " "})
        """The glyphs of each font that are drawn, each with its character."""

    def content(self) -> str:
        scene, factor = self.scene, POINTS * self.scale
        parts = [f"{factor:g} 0 0 {factor:g} 0 0 cm"]
        parts.append(f"{_colour(PAPER[self.dark])} rg 0 0 {scene.w} {scene.h} re f")
        parts += [self._box(box) for box in scene.boxes if box.is_frame]
        parts += [self._line(line) for line in scene.upwards]
        parts += [self._box(box) for box in scene.boxes if not box.is_frame]
        parts += [self._text(text) for text in scene.texts]
        return "\n".join(parts) + "\n"

    def _at(self, x: float, y: float) -> str:
        return f"{x:g} {self.scene.h - y:g}"

    def _box(self, box: Box) -> str:
        fill, stroke = COLOURS[box.family][2:] if self.dark else COLOURS[box.family][:2]
        stroke = MARK[self.dark] if box.marked else stroke
        dash = "[5 4]" if box.family == "frame" else "[]"
        radius = min(box.h // 2, 14) if box.family in ("input", "output") else 5
        pen = f"{_colour(fill)} rg {_colour(stroke)} RG {3 if box.marked else 1} w {dash} 0 d"
        shapes = [self._rounded(box, shift, radius) for shift in ((4, 0) if box.copies else (0,))]
        return "\n".join(f"{pen} {shape} b" for shape in shapes)

    def _rounded(self, box: Box, shift: int, r: int) -> str:
        x0, y0 = box.x + shift, box.y + shift
        x1, y1 = x0 + box.w, y0 + box.h
        k = r * (1 - _ROUND)
        at = self._at
        return " ".join(
            [
                f"{at(x0 + r, y0)} m {at(x1 - r, y0)} l",
                f"{at(x1 - k, y0)} {at(x1, y0 + k)} {at(x1, y0 + r)} c {at(x1, y1 - r)} l",
                f"{at(x1, y1 - k)} {at(x1 - k, y1)} {at(x1 - r, y1)} c {at(x0 + r, y1)} l",
                f"{at(x0 + k, y1)} {at(x0, y1 - k)} {at(x0, y1 - r)} c {at(x0, y0 + r)} l",
                f"{at(x0, y0 + k)} {at(x0 + k, y0)} {at(x0 + r, y0)} c h",
            ]
        )

    def _line(self, line: Line) -> str:
        colour, at = _colour((MARK if line.marked else LINE)[self.dark]), self._at
        points = shortened(line.points) if line.arrow else list(line.points)
        parts = [f"{colour} RG {2.4 if line.marked else 1.3} w [{STYLES[line.style]}] 0 d {at(*points[0])} m"]
        for begin, (x, y), end in corners(points):
            # A curve with one handle as one with two.
            handles = [(p[0] + (x - p[0]) * 2 / 3, p[1] + (y - p[1]) * 2 / 3) for p in (begin, end)]
            parts.append(f"{at(*begin)} l {at(*handles[0])} {at(*handles[1])} {at(*end)} c")
        parts.append(f"{at(*points[-1])} l S")
        if line.arrow:
            a, b, c = head(line.points)
            parts.append(f"{colour} rg {at(*a)} m {at(*b)} l {at(*c)} l h f")
        return " ".join(parts)

    def _text(self, text: Text) -> str:
        bold = text.size == "title"
        size = PIXELS.title if bold else PIXELS.small
        colour = _colour((FAINT if text.faint else INK)[self.dark])
        sub, small = font(False), size - 3
        wide = font(bold).width(text.text, size)
        whole = wide + sub.width(text.sub, small)
        x = text.x - {"start": 0.0, "middle": whole / 2, "end": whole}[text.anchor]
        y = text.y + size * 36 // 100
        found = (
            f"BT {colour} rg /F{int(bold)} {size} Tf {self._at(x, y)} Td {self._shown(text.text, bold)} Tj"
        )
        if text.sub:
            found += f" /F0 {small} Tf {wide:g} -3 Td {self._shown(text.sub, False)} Tj"
        return found + " ET"

    def _shown(self, text: str, bold: bool) -> str:
        """Return the glyphs of a text, and note them as used."""
        one = font(bold)
        for char in text:
            self.used[bold][one.glyph(char)] = char
        return f"<{''.join(f'{one.glyph(char):04x}' for char in text)}>"


def _colour(text: str) -> str:
    """Return a colour as a PDF has it.

    >>> _colour("#ff8000")
    '1 0.502 0'
    """
    return " ".join(f"{round(int(text[i : i + 2], 16) / 255, 3):g}" for i in (1, 3, 5))
