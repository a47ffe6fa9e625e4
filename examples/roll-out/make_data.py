"""Waves that run along a ring of places, made with a seed."""

from __future__ import annotations

import numpy as np


def waves(series: int = 32, steps: int = 100, places: int = 8, seed: int = 9) -> np.ndarray:
    """Waves of one speed, each with a height and a beginning of its own: (series, steps, places)."""
    random = np.random.default_rng(seed)
    height = random.uniform(0.3, 0.6, (series, 1, 1))
    begin = random.uniform(0, 2 * np.pi, (series, 1, 1))
    time = np.arange(steps)[None, :, None] / 12
    place = np.arange(places)[None, None, :] / places
    return np.asarray(height * np.sin(2 * np.pi * (time - place) + begin), dtype="float32")
