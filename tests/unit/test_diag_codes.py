"""Every code has a page, and every page has its form."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from seqtopo.cli.reference import diagnostics_page
from seqtopo.diag import pages as module
from seqtopo.diag.codes import CODES, find, read_index
from seqtopo.diag.pages import Page, page, pages, parse_page
from tests.support.imports import ROOT

PAGES = pages()
FOLDER = ROOT / "grammar" / "diagnostics"
ids = [each.code.code for each in PAGES]


def sentences(text: str) -> int:
    # What stands between backticks may hold full stops of its own.
    return len(re.findall(r"[.!?](?= |$)", re.sub(r"`[^`]*`", "code", text)))


def opened_by(program: str) -> set[str]:
    """The files in ``grammar`` that a program opens, in a process of its own."""
    hook = "import sys; sys.addaudithook(lambda event, args: event == 'open' and print(args[0]))"
    said = subprocess.run(
        [sys.executable, "-c", f"{hook}\n{program}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(re.findall(r"/grammar/(\S+\.md)$", said.stdout, re.M))


def test_a_check_opens_the_index_alone_and_a_page_is_opened_when_it_is_asked_for() -> None:
    index = {"DIAGNOSTICS.md"}
    assert opened_by("import seqtopo; seqtopo.check('in(20,4) -> lstm(8)')") == index
    assert opened_by("import seqtopo; str(seqtopo.check('in(T,8) -> lstm(64) -> lstm(32)'))") <= index
    assert opened_by("from seqtopo.diag.codes import CODES; list(CODES.values())") == index
    asked = "from seqtopo.cli.main import main; main(['explain', 'ST301'])"
    assert opened_by(asked) == index | {"diagnostics/ST301.md"}


def test_the_index_says_what_the_pages_say() -> None:
    assert list(CODES.values()) == [each.code for each in PAGES], "run python -m seqtopo.cli.reference"
    assert list(read_index(diagnostics_page()).values()) == [each.code for each in PAGES]


TEXT = (FOLDER / "ST301.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("severity: error", "severity: fatal", "begins with its severity"),
        ("---\n\n#", "#", "begins with its severity"),
        ("# ST301 wrong-rank", "# wrong-rank", "has a title such as"),
        ("## Why", "## Reason", "has the sections"),
        ("## Example", "### Example", "has the sections"),
    ],
)
def test_a_page_of_another_form_is_refused(old: str, new: str, match: str) -> None:
    assert parse_page(TEXT).code == CODES["ST301"]
    assert old in TEXT
    with pytest.raises(ValueError, match=match):
        parse_page(TEXT.replace(old, new))


@pytest.mark.parametrize(
    ("file", "text", "match"),
    [
        ("ST302.md", TEXT, "ST302.md is the page of ST301"),
        ("ST302.md", TEXT.replace("ST301", "ST302"), "ST302 and ST301 have the same name: wrong-rank"),
        ("ST303.md", "", "ST303.md: a page begins with"),
    ],
)
def test_a_code_that_is_defined_twice_or_elsewhere_is_noticed(
    file: str, text: str, match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ST301.md").write_text(TEXT, encoding="utf-8")
    (tmp_path / file).write_text(text, encoding="utf-8")
    monkeypatch.setattr(module, "_folder", lambda: str(tmp_path))
    with pytest.raises(ValueError, match=match):
        pages()


def test_there_are_codes_of_every_phase_we_have() -> None:
    assert {code[:3] for code in CODES} >= {"ST1", "ST2", "ST3", "ST4", "ST9"}
    assert len(CODES) >= 48


def test_a_code_is_defined_once() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{code}.md" for code in CODES}
    assert len({code.name for code in CODES.values()}) == len(CODES)


def test_codes_stand_in_order() -> None:
    assert list(CODES) == sorted(CODES)


@pytest.mark.parametrize("each", PAGES, ids=ids)
def test_a_page_has_its_form(each: Page) -> None:
    code = each.code
    assert re.fullmatch(r"ST[1-9]\d\d", code.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code.name)
    assert code.severity in ("error", "warning", "info")
    assert code.summary.endswith(".")
    assert len(code.summary) <= 100
    assert 2 <= sentences(each.what) <= 6
    assert 2 <= sentences(each.why) <= 6
    for text in (code.summary, each.what, each.why, each.reason):
        assert text == " ".join(text.split()), "one blank between words"
        assert text.count("`") % 2 == 0
    assert max(map(len, each.markdown.splitlines())) <= 110 or each.example


@pytest.mark.parametrize("each", PAGES, ids=ids)
def test_a_page_shows_its_code_or_says_why_not(each: Page) -> None:
    assert bool(each.example) != bool(each.reason)
    if each.example:
        assert each.instead
        assert each.instead != each.example
    for spec in (each.example, each.instead):
        assert spec == spec.strip()
        assert not re.search(r"[^\x20-\x7e\n]", spec)


@pytest.mark.parametrize("each", PAGES, ids=ids)
def test_a_page_is_shown_whole(each: Page) -> None:
    text, code = page(each.code.code).text(), each.code
    off = "" if code.on else ", off by default"
    assert text.startswith(f"# {code.code} {code.name} ({code.severity}{off})\n")
    flat = " ".join(text.split())
    for part in (code.summary, each.what, each.why, each.reason):
        assert part in flat
    for spec in (each.example, each.instead):
        for line in spec.splitlines():
            assert f"\n{'    ' if line else ''}{line}\n" in text
    prose = [line for line in text.splitlines() if not line.startswith("    ")]
    assert max(len(line) for line in prose) <= 80


def test_a_page_reads_as_a_whole() -> None:
    assert page("st203").text() == (
        "# ST203 bad-argument (error)\n"
        "\n"
        "The argument's value is of the wrong kind or out of its range.\n"
        "\n"
        "## What it means\n"
        "\n"
        "The name of the argument is right but its value cannot be used: a word where a\n"
        "number belongs, a negative number of units, a rate above 1. The message says\n"
        "what is allowed.\n"
        "\n"
        "## Why\n"
        "\n"
        "Keras notices some of these when the layer is made, some at the first batch, and\n"
        "some never. A dropout rate of 1.5 never makes sense, so it is refused at once.\n"
        "\n"
        "## Example\n"
        "\n"
        "    in(T,F) -> dropout(1.5)\n"
        "\n"
        "## Instead\n"
        "\n"
        "    in(T,F) -> dropout(0.5)\n"
    )


def test_a_spec_is_shown_as_it_is_with_its_empty_lines() -> None:
    spec = "in(T,F) -> lstm(64)\n\n# two lines, one of them long " + "-" * 90
    shown = parse_page(TEXT.replace("in(T,F) -> lstm(64) -> lstm(32)", spec))
    assert shown.example == spec
    assert "\n\n    in(T,F) -> lstm(64)\n\n    # two" in shown.text()
    assert replace(shown, markdown="## A\n").text() == "## A\n"


def test_a_code_is_found_by_number_and_by_name() -> None:
    assert find(" st301 ") is CODES["ST301"]
    assert find("Wrong-Rank") is CODES["ST301"]
    assert find("ST999") is None
    with pytest.raises(KeyError, match="ST999"):
        page("ST999")
