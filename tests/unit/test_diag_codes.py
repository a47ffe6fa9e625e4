"""Every code has a page, and every page has its form."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from seqtopo.diag import codes as PAGES  # noqa: N812
from seqtopo.diag.codes import CODES, PHASES, Code, find, page

ROWS = list(CODES.values())
ids = [row.code for row in ROWS]


def sentences(text: str) -> int:
    # What stands between backticks may hold full stops of its own.
    return len(re.findall(r"[.!?](?= |$)", re.sub(r"`[^`]*`", "code", text)))


def rows_of(file: str) -> tuple[Code, ...]:
    rows: tuple[Code, ...] = import_module(f"seqtopo.diag.codes.{file}").ROWS
    return rows


def test_a_page_is_read_when_its_phase_is_asked_for() -> None:
    program = "import sys; from seqtopo.diag.codes import CODES; {}; print(*sys.modules)"
    read = {}
    for asked in ("CODES['ST301']", "'ST999' in CODES", "list(CODES)"):
        command = [sys.executable, "-c", program.format(asked)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        read[asked] = {name[19:] for name in said if name.startswith("seqtopo.diag.codes.")} - {"row"}
    assert read["CODES['ST301']"] == {"shapes"}
    assert read["'ST999' in CODES"] == {"bug"}
    assert read["list(CODES)"] >= {file for files in PHASES.values() for file in files}


def test_every_file_of_pages_belongs_to_a_phase() -> None:
    folder = Path(PAGES.__file__ or "").parent
    there = {path.stem for path in folder.glob("*.py")} | {path.name for path in folder.glob("[a-z]*/")}
    parts = {"row", "groups", "__init__", "arrays", "labels", "series"}  # the last three make up data
    assert there - parts == {file for files in PHASES.values() for file in files}


@pytest.mark.parametrize("code", ["ST301", "ST101"])
def test_a_code_in_the_wrong_phase_or_defined_twice_is_noticed(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    from seqtopo.diag.codes import text

    monkeypatch.setattr(text, "ROWS", (*text.ROWS, replace(text.ROWS[0], code=code)))
    with pytest.raises(ValueError, match=f"{code} in text.py is defined twice, or in the wrong phase"):
        PAGES._rows.__wrapped__("ST1")


def test_there_are_codes_of_every_phase_we_have() -> None:
    assert {code[:3] for code in CODES} >= {"ST1", "ST2", "ST3", "ST4", "ST9"}
    assert len(CODES) >= 48


def test_a_code_is_defined_once() -> None:
    rows = [row for files in PHASES.values() for file in files for row in rows_of(file)]
    assert rows == ROWS
    assert len({row.code for row in rows}) == len(rows)
    assert len({row.name for row in ROWS}) == len(CODES)


def test_codes_stand_in_order() -> None:
    assert list(CODES) == sorted(CODES)


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_a_row_has_its_form(row: Code) -> None:
    assert re.fullmatch(r"ST[1-9]\d\d", row.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", row.name)
    assert row.severity in ("error", "warning", "info")
    assert row.summary.endswith(".")
    assert len(row.summary) <= 100
    assert 2 <= sentences(row.what) <= 6
    assert 2 <= sentences(row.why) <= 6
    for text in (row.summary, row.what, row.why, row.reason):
        assert text == " ".join(text.split()), "one blank between words"
        assert text.count("`") % 2 == 0


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_a_row_shows_itself_or_says_why_not(row: Code) -> None:
    assert bool(row.example) != bool(row.reason)
    if row.example:
        assert row.instead
        assert row.instead != row.example
    for spec in (row.example, row.instead):
        assert spec == spec.strip()
        assert not re.search(r"[^\x20-\x7e\n]", spec)


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_a_page_says_all_of_its_row(row: Code) -> None:
    text = page(row.code)
    off = "" if row.on else ", off by default"
    assert text.startswith(f"# {row.code} {row.name} ({row.severity}{off})\n")
    flat = " ".join(text.split())
    for part in (row.summary, row.what, row.why, row.reason):
        assert part in flat
    for spec in (row.example, row.instead):
        for line in spec.splitlines():
            assert f"\n{'    ' if line else ''}{line}\n" in text
    prose = [line for line in text.splitlines() if not line.startswith("    ")]
    assert max(len(line) for line in prose) <= 80


def test_a_page_reads_as_a_whole() -> None:
    assert page("st203") == (
        "# ST203 bad-argument (error)\n"
        "\n"
        "The argument's value is of the wrong kind or out of its range.\n"
        "\n"
        "## What\n"
        "\n"
        "The name of the argument is right but its value cannot be used: a word where a\n"
        "number belongs, a negative number of units, a rate above 1. The message says\n"
        "what is allowed.\n"
        "\n"
        "## Why\n"
        "\n"
        "Keras notices some of these when the layer is made, some at the first batch, and\n"
        "some never. A dropout rate of 1.5 makes no sense on any of those days, so it is\n"
        "refused today.\n"
        "\n"
        "## Example\n"
        "\n"
        "    in(T,F) -> dropout(1.5)\n"
        "\n"
        "## Instead\n"
        "\n"
        "    in(T,F) -> dropout(0.5)\n"
    )


def test_a_code_is_found_by_number_and_by_name() -> None:
    assert find(" st301 ") is CODES["ST301"]
    assert find("Wrong-Rank") is CODES["ST301"]
    assert find("ST999") is None
    with pytest.raises(KeyError, match="ST999"):
        page("ST999")
