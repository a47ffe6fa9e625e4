"""``seqtopo layers`` and ``explain``, and the language reference that is generated from the same rows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from seqtopo import check
from seqtopo.cli import reference
from seqtopo.cli.main import main
from seqtopo.cli.reference import diagnostics_page, layers_page
from seqtopo.diag.codes import CODES
from seqtopo.diag.renderers.cells import width
from seqtopo.layers.excluded import EXCLUDED
from seqtopo.layers.registry import ROWS
from seqtopo.layers.row import Row
from seqtopo.report.layer_facts import facts
from seqtopo.syntax.grammar import tables_text

Capture = pytest.CaptureFixture[str]


def test_the_list_names_every_layer(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["layers"]) == 0
    shown = capsys.readouterr().out
    assert all(re.search(rf"^  {row.name}( |$)", shown, re.M) for row in ROWS)
    assert all(width(line) <= 60 for line in shown.splitlines())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_page_says_what_the_row_says(row: Row, capsys: Capture) -> None:
    assert main(["layers", row.name]) == 0
    shown = capsys.readouterr().out
    found = facts(row)
    assert all(f"  {param.name} " in shown for param in found.params)
    assert f"  {row.example}\n  gives {found.output}\n" in shown
    assert all(line == line.rstrip() for line in shown.splitlines())
    for name in (*row.aliases, row.keras):
        assert not name or (main(["layers", name]), capsys.readouterr().out) == (0, shown)


def test_the_page_of_lstm_reads_well(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["layers", "lstm"]) == 0
    shown = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    for line in (
        "(T, F) -> (T, units) with seq",
        "lstm(units)",
        "units a whole number from 1 up; must be given",
        "return_sequences true or false; false if not given. As a flag: return_sequences, seq",
        "x.state, where x is a name bound to what ends with this layer",
        "gives (32,)",
    ):
        assert line in lines
    assert "return_state" not in shown


def test_layers_as_json(capsys: Capture) -> None:
    assert main(["layers", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [layer["name"] for layer in found] == [row.name for row in ROWS]
    assert main(["layers", "lstm", "--format", "json"]) == 0
    [lstm] = json.loads(capsys.readouterr().out)
    assert lstm["seconds"] == ["state"]
    assert {"name": "units", "default": ""}.items() <= lstm["params"][0].items()


@pytest.mark.parametrize("name", ["Lambda", "lambda", "LSTMCell", "random_flip"])
def test_what_is_left_out_is_explained(name: str, capsys: Capture) -> None:
    assert main(["layers", name]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{name} is left out of the language: ")
    assert "\nInstead: " in shown


def test_an_activation_and_a_word_of_the_language_are_explained(capsys: Capture) -> None:
    assert main(["layers", "gelu"]) == 0
    assert capsys.readouterr().out.startswith("gelu is an activation: a flag, as in 'dense(16,gelu)'")
    assert main(["layers", "in"]) == 0
    assert capsys.readouterr().out.startswith("in is the source of a flow, and no layer.")


def test_explain_shows_the_page_by_code_and_by_name(capsys: Capture) -> None:
    for row in CODES.values():
        assert main(["explain", row.code]) == 0
        page = capsys.readouterr().out
        assert page.startswith(f"# {row.code} {row.name}")
        assert main(["explain", row.name]) == 0
        assert capsys.readouterr().out == page


def test_explain_lists_all_codes(capsys: Capture) -> None:
    assert main(["explain"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n{code}  " in shown for code in CODES)


def test_the_language_reference_is_fresh() -> None:
    page = reference.PAGE.read_text(encoding="utf-8")
    assert reference.refreshed(page) == page, "run python -m seqtopo.cli.reference"


def test_a_stale_reference_is_noticed_and_refreshed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    fresh = reference.PAGE.read_text(encoding="utf-8")
    stale = tmp_path / "LANGUAGE.md"
    stale.write_text(fresh.replace("| `lstm` |", "| `lstm`, `lstm2` |"), encoding="utf-8")
    monkeypatch.setattr(reference, "PAGE", stale)
    monkeypatch.setattr(reference, "DIAGNOSTICS", tmp_path / "DIAGNOSTICS.md")
    monkeypatch.setattr(reference, "LAYERS", tmp_path / "LAYERS.md")
    tables = tmp_path / "tables.json"
    tables.write_text(tables_text().replace('"NUMBER"', '"NUMERAL"'), encoding="utf-8")
    monkeypatch.setattr(reference, "PARSER", tables)
    assert reference.main(["--check"]) == 1
    assert capsys.readouterr().err.count("is stale") == 4
    assert reference.main([]) == 0
    assert tables.read_text(encoding="utf-8") == tables_text()
    assert stale.read_text(encoding="utf-8") == fresh
    assert (tmp_path / "DIAGNOSTICS.md").read_text(encoding="utf-8") == diagnostics_page()
    assert (tmp_path / "LAYERS.md").read_text(encoding="utf-8") == layers_page()
    assert reference.main(["--check"]) == 0
    assert reference.main(["--chek"]) == 2


def test_the_page_of_diagnostics_is_fresh() -> None:
    page = reference.DIAGNOSTICS.read_text(encoding="utf-8")
    assert page == diagnostics_page(), "run python -m seqtopo.cli.reference"


def test_the_page_of_what_layers_have_is_fresh_and_names_each() -> None:
    page = reference.LAYERS.read_text(encoding="utf-8")
    assert page == layers_page(), "run python -m seqtopo.cli.reference"
    assert re.findall(r"^\| `(\w+)` \|", page, re.M) == [row.name for row in ROWS]


@pytest.mark.parametrize(
    "line",
    [
        "| `td` | each step alone | passes |  | kernel | kernel | kernel |",
        "| `convlstm1d` | the steps so far | used, passes | `init` `stateful` |  |  | oneDNN |",
        "| `flip` | one step each | passes |  |  |  |  |",
        "| `attention` | each step alone; all steps | used, passes |  |  |  |  |",
        "| `repeat` |  | ends |  |  |  |  |",
        "| `swap` | another axis | ends |  |  |  |  |",
        "| `conv1d` | a window | ends |  |  |  | oneDNN |",
    ],
)
def test_what_a_layer_has_is_told_from_its_row(line: str) -> None:
    # The page is fresh: the test before this one sees to that.
    assert line in reference.LAYERS.read_text(encoding="utf-8").splitlines()


def test_the_index_of_diagnostics_links_to_each_page() -> None:
    index = diagnostics_page()
    links = re.findall(r"^\| \[(ST\d{3})\]\((.*?)\) \| (\S+) \|", index, re.M)
    folder = reference.DIAGNOSTICS.parent / "diagnostics"
    assert {folder.parent / target for _, target, _ in links} == set(folder.iterdir())
    assert len(links) == len(set(links)) > 100
    for code, target, name in links:
        text = (folder.parent / target).read_text(encoding="utf-8")
        assert f"\n# {code} {name}\n" in text
        assert ("default: off" in text) is (", off |" in index.partition(f"[{code}]")[2][:100])


def test_explain_fits_into_the_terminal(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["explain", "ST301"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(width(line) for line in lines if not line.startswith(("    ", "\x1b"))) <= 40
    assert lines[0] == "\x1b[1m# ST301 wrong-rank (error)\x1b[0m"


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the marker"):
        reference.refreshed("# A page\n")


def test_the_reference_names_everything() -> None:
    page = reference.PAGE.read_text(encoding="utf-8")
    assert all(f"| `{row.name}`" in page for row in ROWS)
    assert all(f"`{name}`" in page for name in EXCLUDED)


def test_the_specs_of_the_reference_check() -> None:
    page = reference.PAGE.read_text(encoding="utf-8")
    specs = re.findall(r"```seqtopo\n(.*?)```", page, re.S)
    specs += re.findall(r"^\| .*? \| `(in\(.*)` \|$", page, re.M)
    assert len(specs) > 15
    assert [spec for spec in specs if not check(spec).ok] == []
