"""Files that hold what was once looked at and found right; rewritten on request, never where CI is set."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "golden"
REQUEST = "SEQTOPO_REWRITE_GOLDEN"


def assert_golden(name: str, found: bytes) -> None:
    """Assert that what was found is what the file holds; with SEQTOPO_REWRITE_GOLDEN=1, write the file."""
    path = FOLDER / name
    if os.environ.get(REQUEST):
        assert not os.environ.get("CI"), f"{REQUEST} is for people who look at what they rewrite"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(found)
    assert path.exists(), f"there is no {name}; {REQUEST}=1 writes it, then look at it"
    assert path.read_bytes() == found, (
        f"{name} is not what it was; {REQUEST}=1 writes it anew, then look at it"
    )
