"""Explain a spec in plain words, layer by layer."""

from __future__ import annotations

from seqtopo.walkthrough.walk import Step, Walkthrough, walk

__all__ = ["Step", "Walkthrough", "walk"]
