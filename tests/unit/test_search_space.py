"""The space of a spec with ``search``: all of it is checked, and what fails is said."""

from __future__ import annotations

import json

import pytest

import seqtopo
from seqtopo.cli.main import main
from seqtopo.report import space_walk
from seqtopo.report.space import Space

Capture = pytest.CaptureFixture[str]


def space_of(text: str, **dims: object) -> Space:
    report = seqtopo.check(text, **dims)
    assert report.ok, report
    assert report.space is not None
    return report.space


def test_every_topology_is_looked_at_once() -> None:
    space = space_of(
        "search UNITS in [32, 64, 128], DEPTH in [1..3], RATE in [0.0..0.5], LR in [1e-4..1e-2] log\n"
        "search CELL in [lstm, gru]\n"
        "in(29,1) -> CELL(UNITS,seq) * DEPTH -> dropout(RATE) -> at(-1) -> dense(1)\n"
        "train adam(LR), loss=mse"
    )
    assert (space.points, space.topologies, space.whole, space.failing) == (18, 18, True, 0)
    assert space.continuous == ("RATE", "LR")
    assert space.smallest is not None
    assert space.largest is not None
    assert (space.smallest.params, str(space.smallest)) == (3393, "UNITS=32, DEPTH=1, CELL=gru")
    assert (space.largest.params, str(space.largest)) == (329857, "UNITS=128, DEPTH=3, CELL=lstm")
    for choice in (space.smallest, space.largest):
        values = {**space.first, **choice.values}
        assert (
            seqtopo.check(
                "in(29,1) -> CELL(UNITS,seq) * DEPTH -> at(-1) -> dense(1)",
                **{name: values[name] for name in ("CELL", "UNITS", "DEPTH")},
            ).params
            == choice.params
        )


def test_a_name_that_only_one_choice_uses_is_asked_for_only_there() -> None:
    space = space_of(
        "search BODY in [(lstm(U)), (gru(V) -> relu)], U in [1..3], V in [4, 5]\nin(7,4) -> BODY -> dense(1)"
    )
    assert (space.points, space.topologies) == (12, 5)


def test_what_the_optimizer_alone_takes_makes_no_topologies() -> None:
    space = space_of(
        "search U in [1..3], LR in [1e-4, 1e-3, 1e-2]\n"
        "in(7,4) -> lstm(U) -> dense(1)\ntrain adam(LR), loss=mse"
    )
    assert (space.points, space.topologies) == (9, 3)
    wrong = seqtopo.check(
        "search LR in [1e-4, none]\nin(7,4) -> lstm(3) -> dense(1)\ntrain adam(LR), loss=mse"
    )
    assert [(d.code, d.message.partition(":")[0]) for d in wrong.diagnostics] == [("ST226", "with LR=none")]


FAILS: list[tuple[str, str, str]] = [
    ("search K in [3..9], N in [1..3]\nin(24,4) -> conv1d(8,K) * N -> flatten -> dense(1)",
     "with K=9 and N=3: ", "ST306"),
    ("search H in [2, 3, 4, 7], W in [12, 16]\nin(24,W) -> reshape(H,?) -> dense(1)", "with H=7: ", "ST307"),
    ("search C in [lstm(8), gru(8,seq)]\nin(24,4) -> C -> lstm(3)", "with C=lstm(8): ", "ST301"),
    ("search R in [0.0..1.5]\nin(24,4) -> dropout(R) -> dense(1)", "with R=1.5: ", "ST203"),
    ("search A in [8, 16], B in [8, 16]\nin(4,3) -> [lstm(A), gru(B)] -> add -> dense(1)",
     "with A=8 and B=16: ", "ST303"),
    ("search A in [lstm, glu]\nin(4,3) -> A(8) -> dense(1)", "with A=glu: ", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "begin", "code"), FAILS)
def test_what_fails_is_said_with_the_values_that_matter(text: str, begin: str, code: str) -> None:
    report = seqtopo.check(text)
    found = report.diagnostics[0]
    assert found.code == "ST226"
    assert found.message.startswith(begin), found.message
    assert any(code in note for note in found.notes)
    assert report.space is not None
    assert report.space.failing >= 1
    for fix in found.fixes:
        assert seqtopo.check(fix.apply(text)).ok or "A" in begin, fix


def test_fixes_narrow_the_space() -> None:
    text = FAILS[0][0]
    titles = [fix.title for fix in seqtopo.check(text).diagnostics[0].fixes]
    assert titles[:2] == ["search K in [3..8]", "search N in [1..2]"]


def test_where_no_choice_is_right_the_spec_is_wrong_as_it_is() -> None:
    found = seqtopo.check("search A in [1..3]\nin(5,2) -> lstm(A) -> lstm(4)").diagnostics
    assert [d.code for d in found] == ["ST301"]


def test_a_space_that_is_too_large_is_looked_at_in_part_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space_walk, "MOST_LAYERS", 2_000)
    text = (
        "search A in [1..1000], B in [1..1000], C in [1..5]\n"
        "in(24,4) -> lstm(A,seq) * C -> lstm(B) -> dense(1)"
    )
    space = space_of(text)
    assert not space.whole
    assert "may still fail" in space.looked_at()
    assert space.topologies < 2_000


def test_the_same_points_are_drawn_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space_walk, "MOST_LAYERS", 2_000)
    text = "search A in [1..9000], B in [1..9000]\nin(24,4) -> lstm(A,seq) -> lstm(B) -> dense(1)"
    assert space_of(text) == space_of(text)


def test_data_bind_the_open_sizes() -> None:
    import numpy as np

    x, y = np.zeros((40, 12, 3), "float32"), np.zeros((40, 1), "float32")
    text = "search K in [3..9], N in [1..2]\nin(T,F) -> conv1d(8,K) * N -> gmaxpool1d -> dense(1)"
    assert seqtopo.check(text).ok
    (found,) = [d for d in seqtopo.check(text, x=x, y=y).diagnostics if d.severity == "error"]
    assert found.message.startswith("with K=7 and N=2: ")


def test_the_command_shows_the_space_and_writes_it_as_json(capsys: Capture) -> None:
    text = "search A in [1..3], CELL in [lstm, gru]\nin(5,2) -> CELL(A) -> dense(1)"
    assert main(["check", text]) == 0
    out = capsys.readouterr().out
    assert "A space of 6 points; the table shows its first choice:" in out
    assert "Looked at: all 6 topologies." in out
    assert "Parameters: from 17 (A=1, CELL=lstm)" in out or "Parameters: from" in out
    assert "-D A=1 -D CELL=lstm" in out
    assert main(["check", text, "--format", "json"]) == 0
    (spec,) = json.loads(capsys.readouterr().out)["specs"]
    assert spec["space"]["points"] == 6
    assert spec["space"]["names"]["A"] == {"low": 1, "high": 3, "step": 1, "log": False}
    assert spec["space"]["names"]["CELL"] == {"choices": ["lstm", "gru"]}
    assert main(["check", text, "-D", "A=2", "-D", "CELL=gru"]) == 0
    assert "space" not in capsys.readouterr().out


def test_where_every_choice_fails_and_the_first_value_alone_would_not_it_is_said() -> None:
    found = seqtopo.check("search A in [1..3] step 1.5\nin(4,2) -> lstm(A)").diagnostics
    assert [(d.code, d.message) for d in found] == [
        ("ST226", "lstm(units=1.0): units must be a whole number from 1 up")
    ]


def test_the_largest_of_a_space_that_is_looked_at_in_part_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space_walk, "MOST_LAYERS", 2_000)
    names = ", ".join(f"A{i} in [1..9]" for i in range(12))
    flow = " -> ".join(f"dense(A{i})" for i in range(12))
    text = f"search {names}\nin(8,2) -> {flow} -> flatten -> dense(1)"
    space = space_of(text)
    assert not space.whole
    assert space.largest is not None
    assert set(space.largest.values.values()) == {9}
    assert seqtopo.check(text, **space.largest.values).params == space.largest.params


def test_a_long_list_is_shown_in_short(capsys: Capture) -> None:
    values = ", ".join(map(str, range(1, 101)))
    assert main(["check", f"search A in [{values}]\nin(4,2) -> lstm(A)"]) == 0
    assert "  A  one of 1, 2, 3, ..., 100 (100 values)\n" in capsys.readouterr().out
