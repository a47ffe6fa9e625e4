"""Makes a series of noisy measurements of a level that wanders slowly. The seed is fixed."""

import numpy as np

KEPT = 0.998
"""How much of the level each step keeps."""
PUSH = np.sqrt(1 - KEPT**2)
"""The standard deviation of what a step brings; the level's own is 1, and so is that of the noise."""


def measured(steps: int = 24_000, seed: int = 10) -> np.ndarray:
    """The measurements, in their order: shape (steps, 1)."""
    chance = np.random.default_rng(seed)
    level, found = 0.0, np.empty(steps)
    for step in range(steps):
        level = KEPT * level + PUSH * chance.normal()
        found[step] = level + chance.normal()
    return found[:, None].astype("float32")


def best_forecasts(series: np.ndarray) -> np.ndarray:
    """For each step the forecast of one who knows how the data is made (Kalman's filter): (steps, 1)."""
    level, doubt, found = 0.0, 1.0, np.empty_like(series)
    for step, value in enumerate(series[:, 0]):
        found[step] = level
        gain = doubt / (doubt + 1)
        level, doubt = KEPT * (level + gain * (value - level)), KEPT**2 * (1 - gain) * doubt + PUSH**2
    return found
