"""Diagnostics for programs: concise, JSON, GitHub, SARIF."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.diag.renderers import MODULES, renderer
from seqtopo.diag.renderers.json import render_json
from seqtopo.diag.renderers.lines import render_concise, render_github
from seqtopo.diag.renderers.sarif import render_sarif
from seqtopo.diag.renderers.text import render_text
from seqtopo.source import Source, Span

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "sarif-part.schema.json").read_text(encoding="utf-8")
)

BAD = Diagnostic(
    "ST301",
    "lstm takes (T, F) but is given (64,)",
    Span(23, 31),
    label="takes 2 axes, is given 1",
    labels=(Label(Span(11, 19), "gives (64,): only its last step"),),
    notes=("100% sure",),
    help="add seq to the lstm before it",
    fixes=(Fix("add seq", (Edit(Span(18, 18), ", seq"),), safe=True),),
    source=Source("in(T,F) -> lstm(64)\n-> lstm(32)", "a dir/spec.txt"),
)
NOWHERE = Diagnostic("ST402", "no backend", Span(0, 0), severity="warning")


def assert_sarif(text: str) -> dict[str, Any]:
    """The one run of a log, after a look at its form."""
    log = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(log)
    run: dict[str, Any] = log["runs"][0]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return run


def test_the_table_names_all_renderers() -> None:
    expected = {
        "text": render_text,
        "concise": render_concise,
        "json": render_json,
        "github": render_github,
        "sarif": render_sarif,
    }
    assert expected == {name: renderer(name) for name in MODULES}


def test_concise_is_one_line_each() -> None:
    assert render_concise([BAD, replace(NOWHERE, message="no\nbackend")]) == (
        "a dir/spec.txt:2:4: error[ST301] lstm takes (T, F) but is given (64,)\nwarning[ST402] no backend\n"
    )


def test_json_has_these_keys_and_no_others() -> None:
    assert json.loads(render_json([BAD])) == [
        {
            "code": "ST301",
            "name": "wrong-rank",
            "severity": "error",
            "message": "lstm takes (T, F) but is given (64,)",
            "file": "a dir/spec.txt",
            "start": 23,
            "end": 31,
            "line": 2,
            "column": 4,
            "end_line": 2,
            "end_column": 12,
            "label": "takes 2 axes, is given 1",
            "labels": [
                {
                    "text": "gives (64,): only its last step",
                    "start": 11,
                    "end": 19,
                    "line": 1,
                    "column": 12,
                    "end_line": 1,
                    "end_column": 20,
                }
            ],
            "notes": ["100% sure"],
            "help": "add seq to the lstm before it",
            "fixes": [
                {
                    "title": "add seq",
                    "safe": True,
                    "edits": [
                        {
                            "text": ", seq",
                            "start": 18,
                            "end": 18,
                            "line": 1,
                            "column": 19,
                            "end_line": 1,
                            "end_column": 19,
                        }
                    ],
                }
            ],
        }
    ]


def test_json_without_a_text_has_null_places() -> None:
    (found,) = json.loads(render_json([replace(NOWHERE, code="ST999")]))
    places = ("file", "start", "end", "line", "column", "end_line", "end_column")
    assert [found[key] for key in places] == [None] * 7
    assert found["name"] == ""
    assert render_json([]) == "[]\n"


def test_json_keeps_wrong_places_within_the_text() -> None:
    source = Source("in(T)")
    spans = (Span(-5, 2), Span(3, 900), Span(99, 99), Span(4, 2))
    found = json.loads(render_json([replace(NOWHERE, span=span, source=source) for span in spans]))
    assert [(one["start"], one["end"]) for one in found] == [(0, 2), (3, 5), (5, 5), (4, 4)]
    assert [(one["column"], one["end_column"]) for one in found] == [(1, 3), (4, 6), (6, 6), (5, 5)]


def test_github_escapes_what_it_must() -> None:
    odd = replace(
        BAD,
        message="a: 5%, b\r\nnext",
        source=Source(BAD.source.text if BAD.source else "", "a,b:c%\r\n.txt"),
    )
    assert render_github([odd, replace(NOWHERE, severity="info")]) == (
        "::error file=a%2Cb%3Ac%25%0D%0A.txt,line=2,col=4,endLine=2,endColumn=12,title=ST301 wrong-rank"
        "::a: 5%25, b%0Anext%0Atakes 2 axes, is given 1%0Anote: 100%25 sure"
        "%0Ahelp: add seq to the lstm before it%0Ahelp: add seq\n"
        "::notice title=ST402 no-backend::no backend\n"
    )


def test_sarif_has_a_rule_for_each_code_and_a_result_for_each_diagnostic() -> None:
    run = assert_sarif(render_sarif([BAD, NOWHERE, BAD, replace(NOWHERE, code="ST999", severity="info")]))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["ST301", "ST402", "ST999"]
    assert rules[0]["name"] == "WrongRank"
    assert rules[0]["shortDescription"]["text"] == CODES["ST301"].summary
    assert [result["level"] for result in run["results"]] == ["error", "warning", "error", "note"]
    artifact = {"uri": "a%20dir/spec.txt"}
    region = {"startLine": 2, "startColumn": 4, "endLine": 2, "endColumn": 12}
    assert run["columnKind"] == "unicodeCodePoints"
    first, second = run["results"][:2]
    assert first["message"]["text"] == (
        "lstm takes (T, F) but is given (64,)\n"
        "takes 2 axes, is given 1\n"
        "100% sure\n"
        "help: add seq to the lstm before it"
    )
    assert first["locations"] == [{"physicalLocation": {"artifactLocation": artifact, "region": region}}]
    assert first["relatedLocations"][0]["message"] == {"text": "gives (64,): only its last step"}
    place = {"startLine": 1, "startColumn": 19, "endLine": 1, "endColumn": 19}
    assert first["fixes"] == [
        {
            "description": {"text": "add seq"},
            "artifactChanges": [
                {
                    "artifactLocation": artifact,
                    "replacements": [{"deletedRegion": place, "insertedContent": {"text": ", seq"}}],
                }
            ],
        }
    ]
    assert "locations" not in second


def test_sarif_says_nothing_twice_and_no_empty_fix() -> None:
    twice = replace(BAD, labels=BAD.labels * 2, fixes=(*BAD.fixes, *BAD.fixes, Fix("by hand", ())))
    (result,) = assert_sarif(render_sarif([twice]))["results"]
    assert len(result["relatedLocations"]) == len(result["fixes"]) == 1


def test_the_schema_would_notice() -> None:
    log = json.loads(render_sarif([BAD]))
    log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    with pytest.raises(jsonschema.ValidationError, match="minimum"):
        assert_sarif(json.dumps(log))
