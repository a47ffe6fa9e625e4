"""The example of each code in every form of output: narrow terminals, without colour, for programs."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import seqtopo
from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.pages import page, pages
from seqtopo.diag.renderers.cells import width
from seqtopo.diag.renderers.json import render_json
from seqtopo.diag.renderers.lines import render_concise, render_github
from seqtopo.diag.renderers.sarif import render_sarif
from seqtopo.diag.renderers.text import render_text

SHOWN = [each.code.code for each in pages() if each.example]
LEVELS = {"error": "error", "warning": "warning", "info": "notice"}
SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "sarif-part.schema.json").read_text(encoding="utf-8")
)


@cache
def found(code: str) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of a code's example."""
    return seqtopo.check(page(code).example, select=[code]).diagnostics


@pytest.mark.parametrize("code", SHOWN)
@pytest.mark.parametrize("columns", [20, 40, 80])
def test_it_fits_into_the_terminal(code: str, columns: int) -> None:
    text = render_text(found(code), width=columns)
    assert max(map(width, text.splitlines())) <= columns
    assert "\x1b" not in text
    assert re.sub(r"\x1b\[[0-9;]*m", "", render_text(found(code), width=columns, color=True)) == text


def _without_verb(said: str) -> str:
    return re.sub(r"^(write|use|take|put|say|add|did you mean) ", "", said.rstrip("?"))


@pytest.mark.parametrize("code", SHOWN)
def test_a_help_does_not_say_a_fix_in_other_words(code: str) -> None:
    for diagnostic in found(code):
        for fix in diagnostic.fixes:
            same = _without_verb(diagnostic.help) == _without_verb(fix.title)
            assert diagnostic.help == fix.title or not same


@pytest.mark.parametrize("code", SHOWN)
def test_it_is_one_line_for_an_editor_and_for_github(code: str) -> None:
    assert render_concise(found(code)).count("\n") == len(found(code))
    annotation = render_github(found(code))
    assert annotation.count("\n") == len(found(code))
    assert annotation.startswith(f"::{LEVELS[CODES[code].severity]} file=<spec>,line=")
    assert f"title={code} {CODES[code].name}::" in annotation


@pytest.mark.parametrize("code", SHOWN)
def test_programs_can_make_the_fixes(code: str) -> None:
    source = page(code).example
    for said, diagnostic in zip(json.loads(render_json(found(code))), found(code), strict=True):
        for fix, meant in zip(said["fixes"], diagnostic.fixes, strict=True):
            text = source
            for edit in sorted(fix["edits"], key=lambda e: (e["start"], e["end"]), reverse=True):
                text = text[: edit["start"]] + edit["text"] + text[edit["end"] :]
            assert text == meant.apply(source) != source


def test_all_of_them_make_one_sarif_log() -> None:
    every = [diagnostic for code in SHOWN for diagnostic in found(code)]
    log = json.loads(render_sarif(every))
    jsonschema.Draft202012Validator(SCHEMA).validate(log)
    rules = {rule["id"]: rule for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert set(rules) == set(SHOWN)
    for code, rule in rules.items():
        assert page(code).why.split()[0] in rule["help"]["markdown"]
        level = rule["defaultConfiguration"]["level"]
        assert level == {"error": "error", "warning": "warning", "info": "note"}[CODES[code].severity]
    with_fixes = [diagnostic for diagnostic in every if diagnostic.fixes]
    assert sum("fixes" in result for result in log["runs"][0]["results"]) == len(with_fixes) > 20
