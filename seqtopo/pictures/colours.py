"""The colours of families of boxes, for light and for dark; what they say is always written, too."""

from __future__ import annotations

PAPER = ("#ffffff", "#16191d")
INK = ("#1b1f24", "#eceff3")
FAINT = ("#59636e", "#a3adb8")
LINE = ("#4b545e", "#9aa4af")

COLOURS: dict[str, tuple[str, str, str, str]] = {
    "input": ("#eef1f4", "#8b96a1", "#262c33", "#7d8894"),
    "output": ("#eef1f4", "#8b96a1", "#262c33", "#7d8894"),
    "recurrent": ("#dcebfb", "#3f78b5", "#17324e", "#6ea6dd"),
    "convolution": ("#dff2e4", "#3d8a56", "#163a24", "#6fbd88"),
    "dense": ("#fcefd6", "#b07a1c", "#42300f", "#d9a94f"),
    "attention": ("#eee4fa", "#7d57b0", "#34224d", "#b393df"),
    "merge": ("#fbe3e3", "#b0555a", "#4a2023", "#df8f93"),
    "other": ("#f7f8f9", "#a3acb5", "#20252b", "#6b757f"),
    "frame": ("#fafbfc", "#a3acb5", "#1b1f24", "#6b757f"),
    "empty": ("#ffffff", "#a3acb5", "#16191d", "#6b757f"),
}
"""Fill and outline for light, fill and outline for dark."""

STYLES = {"data": "", "state": "6 4", "mask": "2 3", "dropped": "2 3"}
"""How lines are broken."""
