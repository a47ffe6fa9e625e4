"""States: stateful layers without what they need."""

from __future__ import annotations
