"""A spec in plain words, layer by layer, for those who learn: what comes in, what goes on, and why."""

from __future__ import annotations

from seqtopo.walkthrough.walk import Step, Walk, walk

__all__ = ["Step", "Walk", "walk"]
