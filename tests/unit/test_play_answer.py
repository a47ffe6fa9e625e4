"""The answers to the page: plain data, for any text."""

from __future__ import annotations

import json
from typing import Any

import pytest

import seqtopo
from seqtopo.play.answer import GIVES, answer
from seqtopo.play.server import page_files
from seqtopo.play.views import VIEWS

SPEC = "in(T,8) -> lstm(64,seq) -> lstm(32) -> dense(1)"
CODE = """\
from keras import Input, Sequential, layers
first = Sequential([Input((10, 4)), layers.LSTM(8), layers.Dense(1)])
second = Sequential([Input((10, 4)), layers.LSTM(8), layers.LSTM(4)])
"""
EVERY = {"wants": [*GIVES, *VIEWS]}
COURSE: list[dict[str, Any]] = json.loads(page_files()["course.json"].read_text(encoding="utf-8"))


def test_all_is_answered_as_the_package_says_it() -> None:
    found = answer(SPEC, EVERY)
    assert found.keys() == {"version", *EVERY["wants"]}
    assert found["drawing"]["svg"].startswith("<svg ")
    assert found["unrolled"]["svg"] != found["drawing"]["svg"]
    assert found["python"]["text"] == seqtopo.to_python(SPEC)
    assert found["walk"]["steps"][1][1] == "lstm(64,seq)"
    assert found["formatted"]["text"] == seqtopo.format_spec(SPEC)
    assert "| lstm | lstm(64) | (T, 8) | (T, 64) | 18,688 | every step |" in found["markdown"]["text"]
    assert json.loads(json.dumps(found)) is not None


def test_names_are_bound_from_outside() -> None:
    spec = "in(T,F) -> lstm(8) -> dense(1)"
    assert answer(spec)["report"]["unbound"] == ["F"]
    bound = answer(spec, {"dims": {"F": "3", "T": " 24 "}, "wants": ["report", "python"]})
    assert bound["report"]["unbound"] == []
    assert "shape=(24, 3)" in bound["python"]["text"]


def test_a_theme_is_drawn() -> None:
    light, dark = (
        answer(SPEC, {"wants": ["drawing"], "theme": t})["drawing"]["svg"] for t in ("light", "dark")
    )
    assert light != dark
    assert "<style>" not in light + dark


def test_models_of_code_are_answered_one_by_one() -> None:
    found = answer(CODE, {"language": "python", "wants": ["report", "python", "drawing"]})
    assert [(m["name"], m["line"], m["ok"]) for m in found["report"]["models"]] == [
        ("first", 2, True),
        ("second", 3, False),
    ]
    assert [d["code"] for d in found["report"]["diagnostics"]] == ["ST301"]
    assert found["report"]["table"]["rows"][1][1] == "LSTM(8)"
    assert found["python"]["text"] == "in(10,4) -> lstm(8) -> dense(1)\n"
    second = answer(CODE, {"language": "python", "model": 1, "wants": ["report", "drawing"]})
    assert second["report"]["table"] is None
    assert "refused" in second["drawing"]


def test_python_among_specs_is_told() -> None:
    assert answer(CODE)["report"]["is_python"]
    assert not answer(SPEC)["report"]["is_python"]


def test_code_reads_no_file_beside_it(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.py").write_text("UNITS = 777\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    code = f"from secret import UNITS\n{CODE.replace('LSTM(8)', 'LSTM(UNITS)')}"
    assert "777" not in json.dumps(answer(code, {"language": "python", **EVERY}))


HOSTILE = (
    "",
    "\x00",
    "a" * 5000,
    "(" * 3000,
    "in(T,8) -> " * 2000,
    "\U0001f600 -> lstm",
    "\ud800",
    "<img onerror=x>",
)


@pytest.mark.parametrize("language", ["spec", "python"])
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_any_text_is_answered(text: str, language: str) -> None:
    found = json.dumps(answer(text, {"language": language, **EVERY}))
    assert "mistake in seqtopo" not in found


def test_a_fault_of_ours_does_not_end_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(asked: object) -> None:
        raise ZeroDivisionError("no")

    monkeypatch.setitem(VIEWS, "walk", broken)
    found = answer(SPEC, {"wants": ["walk", "report"]})
    assert "mistake in seqtopo: ZeroDivisionError" in found["walk"]["refused"]
    assert found["report"]["ok"]


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson["title"])
def test_each_lesson_shows_what_it_says(lesson: dict[str, Any]) -> None:
    language = lesson.get("language", "spec")
    found = answer(lesson["spec"], {"language": language, "wants": ["report", "drawing", "unrolled", "walk"]})
    codes = [d["code"] for d in found["report"]["diagnostics"]]
    assert codes == ([lesson["finds"]] if "finds" in lesson else [])
    if not codes:
        assert lesson.get("kind", found["report"]["table"]["kind"]) == found["report"]["table"]["kind"]
        assert all("refused" not in found[want] for want in ("drawing", "unrolled", "walk"))
    if language == "spec":
        assert seqtopo.format_spec(lesson["spec"]) == lesson["spec"]


def test_the_course_shows_all_kinds() -> None:
    assert len({lesson["kind"] for lesson in COURSE if "kind" in lesson}) == 5
    assert len(COURSE) > 10
