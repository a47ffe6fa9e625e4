"""CONTRIBUTING.md names files and functions that are there. Its Python is run with that of other pages."""

from __future__ import annotations

import re

from tests.support.imports import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PLACED = re.compile(r"`(\w+)`\s+(?:in|of)\s+`([\w/]+\.py)`")
"""A name and the file that it is in."""


def missing(text: str) -> list[str]:
    """The files that a text names, in backquotes with a folder in front, and that are not there."""
    named = re.findall(r"`([\w.-]+(?:/[\w.-]+)+)`", text)
    # What scripts make is not in a fresh checkout.
    return [name for name in named if not name.startswith("build/") and not (ROOT / name).exists()]


def test_the_files_that_contributing_names_are_there() -> None:
    assert TEXT.count(".py`") > 15
    assert missing(TEXT) == []


def test_a_file_that_is_not_there_would_be_noticed() -> None:
    assert missing("`seqtopo/source.py` and `seqtopo/gone.py`") == ["seqtopo/gone.py"]


def test_the_files_of_the_code_reader_are_there() -> None:
    _, _, walk = TEXT.partition("A walk through `seqtopo/code`")
    named = set(re.findall(r"`(\w+\.py)`", walk.partition("\n## ")[0]))
    assert len(named) > 15
    assert named <= {path.name for path in (ROOT / "seqtopo/code").glob("*.py")}


def misplaced(text: str) -> list[str]:
    """The names that a text places in a file, as in "`parse` in `seqtopo/syntax/parse.py`", wrongly."""
    defined = r"^(?:class |def |    def )?{}\b"
    return [
        f"{name} in {file}"
        for name, file in PLACED.findall(text)
        if not re.search(defined.format(name), (ROOT / file).read_text(encoding="utf-8"), re.M)
    ]


def test_the_names_that_contributing_gives_are_where_it_says() -> None:
    assert len(PLACED.findall(TEXT)) > 12
    assert misplaced(TEXT) == []


def test_a_name_that_is_not_where_a_page_says_would_be_noticed() -> None:
    text = "`parse` in `seqtopo/syntax/parse.py`, and `pars` of `seqtopo/syntax/parse.py`"
    assert misplaced(text) == ["pars in seqtopo/syntax/parse.py"]
