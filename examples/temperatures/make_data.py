"""Makes temperatures.csv: ten years of daily temperatures that behave like weather.

Around the course of the year the weather wanders: each day keeps part of the deviation of the day before
and gets a new push that nothing announces. The seed is fixed, so the file is the same wherever it is made.
"""

import csv
import math
import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

FILE = Path(__file__).with_name("temperatures.csv")
FIRST_DAY = date(2010, 1, 1)
DAYS = 3652
KEPT = 0.7
"""How much of a day's deviation the next day keeps."""
PUSH = 2.5
"""The standard deviation of what a day brings that nothing announced, in degrees."""


def course(number: int) -> float:
    """What a day of that number has on average, in degrees: a cosine over the year, coldest in January."""
    return 10.0 - 9.0 * math.cos(2 * math.pi * (number - 20) / 365.25)


def temperatures(days: int = DAYS, seed: int = 29) -> list[tuple[date, float]]:
    """The days and their mean temperatures in degrees Celsius, to one decimal."""
    chance = random.Random(seed)
    deviation = 0.0
    found = []
    for number in range(days):
        deviation = KEPT * deviation + chance.gauss(0.0, PUSH)
        found.append((FIRST_DAY + timedelta(days=number), round(course(number) + deviation, 1)))
    return found


def best_forecasts(series: Sequence[float]) -> list[float]:
    """For each day but the first, the forecast of one who knows how the data is made, from the day before.

    ``series`` is the whole of the file. No forecast can be better on average: only the push is missing.
    """
    return [course(n + 1) + KEPT * (celsius - course(n)) for n, celsius in enumerate(series[:-1])]


def main() -> None:
    """Writes the file."""
    with FILE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["day", "celsius"])
        writer.writerows((day.isoformat(), f"{celsius:.1f}") for day, celsius in temperatures())
    print(f"wrote {DAYS} days to {FILE.name}")


if __name__ == "__main__":
    main()
