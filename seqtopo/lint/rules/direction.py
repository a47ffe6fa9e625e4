"""Direction and causality: what a step may know of the steps after it."""

from __future__ import annotations
