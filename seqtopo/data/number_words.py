"""Suggest how to write a field that is not a number, such as ``1,234`` or ``5 %``."""

from __future__ import annotations

import re

_SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f"), " ")
_MINUS = dict.fromkeys(map(ord, "\u2212\u2013\u2010\uff0d"), "-")
_THOUSANDS = [
    # The separator, and the numbers that have it between thousands without any doubt.
    (",", r"\d{1,3}(,\d{3})+\.\d*|[1-9]\d{0,2}(,\d{3}){2,}|[1-9]\d?(,\d\d)+,\d{3}(\.\d*)?"),
    (".", r"\d{1,3}(\.\d{3})+,\d*|[1-9]\d{0,2}(\.\d{3}){2,}"),
    (" ", r"[1-9]\d{0,2}( \d{3})+([.,]\d*)?"),
    ("'", r"[1-9]\d{0,2}('\d{3})+([.,]\d*)?"),
]
_NAMES = {",": "commas", ".": "points", " ": "spaces", "'": "apostrophes"}
_MONEY = "$\u20ac\u00a3\u00a5\u20b9\u20bd"
OTHER = "leave out columns that hold no numbers; make numbers of words first"


def rewritten(field: str) -> str:
    """Return how to write a number that a field most likely means; never one of another size.

    >>> rewritten("2,5")
    'write numbers with a point, and nothing between thousands: 2.5'
    >>> rewritten("1,234")
    'write 1234 if the comma stands between thousands, 1.234 if it is a decimal comma'
    >>> rewritten("1.234.567,5")
    'leave out the points between thousands, and write a point for the decimals: 1234567.5'
    """
    text = field.strip().translate(_SPACES).replace("\u2019", "'")
    if text.lower() in ("true", "false", "yes", "no"):
        return "write 1 for true and yes, 0 for false and no"
    bare = text.strip(_MONEY + " ")
    if bare != text and _is_like(bare):
        return f"leave the currency out of the whole column{_and(bare)}"
    bare = text.rstrip("%\u2030 ")
    if bare != text and _is_like(bare):
        return f"leave {text[-1]} out of the whole column{_and(bare)}"
    if re.fullmatch(r"\(.+\)", text) and _is_like(text[1:-1]):
        return f"write numbers below 0 with a minus sign: -{text[1:-1]}"
    bare = text.translate(_MINUS)
    if bare != text and _is_like(bare):
        return f"write the minus sign as a hyphen{_and(bare) or f': {bare}'}"
    if bare.endswith("-") and _is_like(bare[:-1]):
        return f"write the minus sign in front: -{bare[:-1]}"
    found = _separated(bare)
    if found:
        return found
    unit = re.fullmatch(r"([+-]?[\d.,]*\d)\s*([^\W\d_]{1,8}|\u00b0\s?[CF]?)", bare)
    if unit and _is_like(unit[1]):
        return (
            f"leave {unit[2]} out of the whole column; where it says how many, as in 5k, write the number out"
        )
    if re.fullmatch(r"[-+\d.eE]+(\s+|\s*[|:]\s*)[-+\d.eE].*", bare):
        return "put commas, semicolons or tabs between the fields"
    return OTHER


def _separated(text: str) -> str:
    """What to write for a number with signs between its digits; "" where there is none."""
    for sign, pattern in _THOUSANDS:
        if re.fullmatch(rf"[+-]?({pattern})", text):
            digits = text.replace(sign, "")
            decimal = ", and write a point for the decimals" if "," in digits else ""
            return f"leave out the {_NAMES[sign]} between thousands{decimal}: {digits.replace(',', '.')}"
    if re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", text):
        return (
            f"write {text.replace(',', '')} if the comma stands between thousands, {text.replace(',', '.')} "
            "if it is a decimal comma"
        )
    if re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?", text):
        return f"write numbers with a point, and nothing between thousands: {text.replace(',', '.')}"
    return ""


def _is_like(text: str) -> bool:
    """Whether a text is a number, perhaps with signs between its digits."""
    try:
        float(text)
    except ValueError:
        return bool(_separated(text))
    return "_" not in text


def _and(text: str) -> str:
    found = _separated(text)
    return f"; {found}" if found else ""
