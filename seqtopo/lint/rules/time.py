"""Time steps: kept where one answer is expected, collapsed where a sequence is, swapped with features."""

from __future__ import annotations
