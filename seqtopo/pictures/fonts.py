"""Read what a PDF needs of the labels' fonts: the glyph of each character, and how wide it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from struct import unpack, unpack_from


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
