"""Makes hourly temperatures: a course over the day, and weather that wanders. The seed is fixed."""

import numpy as np


def temperatures(hours: int = 5000, seed: int = 18) -> np.ndarray:
    """Degrees Celsius at each hour: shape (hours, 1)."""
    chance = np.random.default_rng(seed)
    weather, width, found = 0.0, 6.0, np.empty(hours)
    for hour in range(hours):
        if hour % 24 == 0:
            width = chance.uniform(3.0, 9.0)  # clear days swing more than cloudy ones
        weather = 0.97 * weather + 0.5 * chance.normal()
        found[hour] = 12 + weather - width * np.cos(2 * np.pi * (hour % 24 - 4) / 24)
    return found[:, None].astype("float32")
