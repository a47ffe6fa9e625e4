"""Dates written in many ways, made with a seed, and the letters they are written in."""

from __future__ import annotations

import random
from datetime import date, timedelta

LETTERS = "\0>0123456789-/., abcdefghijklmnopqrstuvwxyz"
"""What an id stands for; the first is nothing, the second the start sign."""
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
FIRST, DAYS = date(1950, 1, 1), 36_500


def written(day: date, way: int) -> str:
    """A date as people write it, in one of six ways."""
    month = MONTHS[day.month - 1]
    return (
        f"{day.day} {month} {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{day.day} {month[:3]} {day.year}",
        f"{month[:3]} {day.day}, {day.year}",
        f"{day.day}.{day.month}.{day.year}",
        f"{day.month}/{day.day}/{day.year}",
    )[way]


def pairs(count: int, seed: int = 4) -> list[tuple[str, str]]:
    """Dates in any of the six ways, and as ISO 8601 has them; no day comes twice."""
    chance = random.Random(seed)
    days = [FIRST + timedelta(days=n) for n in chance.sample(range(DAYS), count)]
    return [(written(day, chance.randrange(6)), day.isoformat()) for day in days]
