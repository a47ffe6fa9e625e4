"""Programs of Keras with a few small changes, and what is tried with each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import seqtopo

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
CODES = ("", "[ST301]", "[ST621] a word", "[]", "[ST")
Edit = Callable[[str, Random], str]


def program(random: Random, edits: Sequence[Edit]) -> str:
    """A program that ships, with comments and changes; it may end in the middle of a line."""
    text = random.choice(programs())
    if random.random() < 0.5:
        lines = text.split("\n")
        lines[random.randrange(len(lines))] += f"  # seqtopo: ignore{random.choice(CODES)}"
        text = "\n".join(lines)
    for _ in range(random.choice([0, 1, 1, 2])):
        text = random.choice(edits)(text, random)
    return text.rstrip("\n") if random.random() < 0.5 else text


@cache
def programs() -> tuple[str, ...]:
    """Every program of Keras that ships and is short."""
    found = [file.read_text(encoding="utf-8") for file in ROOT.glob("tests/keras_code/*/*.txt")]
    for page in (ROOT / "README.md", *ROOT.glob("grammar/*.md"), *ROOT.glob("examples/*/*.md")):
        found += [block for block in BLOCK.findall(page.read_text(encoding="utf-8")) if "keras" in block]
    assert len(found) > 50
    return tuple(sorted({text for text in found if len(text) < 6000}))


def checked_code(text: str, as_notebook: bool) -> str:
    """Check a program and show the findings; return the product's own faults as text."""
    if as_notebook:
        cells = [{"cell_type": "code", "source": part} for part in text.split("\n\n")]
        text = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    with TemporaryDirectory() as folder:
        path = Path(folder, "program.ipynb" if as_notebook else "program.py")
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        report = seqtopo.check(path, select="ALL")
        models = seqtopo.read_code(path)
    for each in (report, *(model.report for model in models)):
        str(each)
        each._repr_html_()
    for model in models:
        if model.spec and not (checked := seqtopo.check(model.spec)).ok:
            return f"the spec of {model.name} is refused: {checked.diagnostics[0]}\n{model.spec}"
    return own_faults(report.diagnostics)


def own_faults(diagnostics: Any) -> str:
    """Return the product's own faults among diagnostics, as text."""
    return "; ".join(f"{d.code} {d.message} {d.notes}" for d in diagnostics if d.code.startswith("ST9"))
