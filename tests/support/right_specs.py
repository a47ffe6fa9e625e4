"""Specs that are right: published models, examples, documentation. No rule may find fault with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from seqtopo.diag.pages import pages
from seqtopo.layers.registry import ROWS
from tests.support.models import MODELS
from tests.support.pages import PAGES, blocks, name_of
from tests.support.topologies import TOPOLOGIES

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```seqtopo\n(.*?)^```$", re.M | re.S)
_ROW = re.compile(r"^\| [^|]+ \| `(in\([^`]+)` \|$", re.M)


def right_specs() -> Iterator[tuple[str, str]]:
    """Yield the origin and the text of each spec."""
    for model in MODELS:
        yield f"model {model.id}", model.path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "examples").glob("*/spec.txt")):
        if path.parent.name != "custom-layer":
            yield f"example {path.parent.name}", path.read_text(encoding="utf-8")
    for topology in TOPOLOGIES:
        yield f"topology {topology.name}", topology.spec
    for page in PAGES:
        for number, block in enumerate(blocks(page, "seqtopo")):
            yield f"{name_of(page)} block {number}", block
    language = (ROOT / "grammar" / "LANGUAGE.md").read_text(encoding="utf-8")
    for number, block in enumerate(_BLOCK.findall(language)):
        yield f"LANGUAGE block {number}", block
    for number, spec in enumerate(_ROW.findall(language)):
        yield f"LANGUAGE topology {number}", spec
    for page in pages():
        if page.instead:
            yield f"instead of {page.code.code}", page.instead
    for row in ROWS:
        yield f"layer {row.name}", row.example
