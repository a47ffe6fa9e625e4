"""Notebooks: the extension and its magic, the display of objects, and errors without our frames."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import seqtopo
from seqtopo.notebook.cards import Card, history_text
from tests.support.imports import ROOT
from tests.unit.test_drawing import TAGS, read

RIGHT, WRONG = "in(T,8) -> lstm(64,seq) -> lstm(32)", "in(T,8) -> lstm(64) -> lstm(32)"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> InteractiveShell:
    """An IPython shell with the extension; it writes no history, and nothing when Python ends."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    config = Config()
    config.HistoryAccessor.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    found = InteractiveShell(config=config)
    found.extension_manager.load_extension("seqtopo")
    return found


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> list[Card]:
    """Return the cards that the magic displays."""
    found: list[Card] = []
    monkeypatch.setattr("seqtopo.notebook.magic.display", found.append)
    return found


def test_a_cell_is_checked_and_drawn(shell: InteractiveShell, cards: list[Card]) -> None:
    shell.run_cell_magic("seqtopo", "", RIGHT)
    (card,) = cards
    assert "18,688" in str(card)
    assert "│ lstm(64) │" in str(card)
    html = card._repr_html_()
    assert read(html).tags <= {*TAGS, "img"}
    assert 'src="data:image/svg+xml;base64,' in html
    assert 'alt="a sequence in' in html
    assert "18,688" in html


def test_a_wrong_cell_shows_the_corrected_spec_and_binds_nothing(
    shell: InteractiveShell, cards: list[Card]
) -> None:
    shell.run_cell_magic("seqtopo", "model", WRONG)
    assert "model" not in shell.user_ns
    shell.push({"model": 7})
    shell.run_cell_magic("seqtopo", "model", WRONG)
    assert shell.user_ns["model"] == 7
    first, second = cards
    assert first.note == "model is not bound"
    assert second.note == "model is not bound anew: it is what it was before"
    for said in (str(first), read(first._repr_html_()).text):
        assert "1 | in(T,8) -> lstm(64,seq) -> lstm(32)" in said
        assert "  |                   ++++" in said
    assert first.drawing is None


def test_sizes_are_bound_by_the_magic_or_by_variables(shell: InteractiveShell, cards: list[Card]) -> None:
    shell.run_cell_magic("seqtopo", "-D T=12 -D CELL=gru", "in(T,F) -> CELL(4)")
    shell.push({"columns": 3})
    shell.run_cell("%%seqtopo -D F={columns}\nin(T,F) -> lstm(4)")
    assert "gru(4)" in str(cards[0])
    assert "(T, 3)" in str(cards[1])


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("a b", "unrecognized arguments: b"),
        ("class", "class cannot be a name in Python"),
        ("2x", "2x cannot be a name"),
        ("-D F", "is not NAME=VALUE"),
        ("-D F=1 -D F=2", "-D F is given twice"),
        ('"model', "No closing quotation"),
    ],
)
def test_a_line_that_is_not_understood(
    shell: InteractiveShell, cards: list[Card], line: str, match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        shell.run_cell_magic("seqtopo", line, RIGHT)
    assert cards == []


def test_the_help_ends_nothing(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell_magic("seqtopo", "--help", RIGHT)
    assert "usage: %%seqtopo" in capsys.readouterr().out


def test_without_ipython_the_extension_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['IPython'] = None\nimport seqtopo\n"
        "try: seqtopo.load_ipython_extension(None)\nexcept ImportError as error: print(error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert said.startswith("%%seqtopo needs IPython; install it: ")
    assert said.count("\n") == 1
    assert "notebook" in said


def test_an_error_shows_the_users_lines_and_none_of_ours() -> None:
    def outer() -> None:
        seqtopo.compile(WRONG)

    with pytest.raises(seqtopo.SpecError) as caught:
        outer()
    lines = caught.value._render_traceback_()
    assert lines[0] == "SpecError"
    (last,) = [i for i, line in enumerate(lines) if line == ""][:1]
    assert lines[last - 1].startswith("test_notebook.py, line ")
    assert lines[last - 1].endswith(" in outer: seqtopo.compile(WRONG)")
    assert not any("api.py" in line or "analyse.py" in line for line in lines)
    assert any("takes (T, F) but is given (64,)" in line for line in lines)


class Printer:
    """As much of IPython's printer as our objects ask for."""

    said = ""

    def text(self, text: str) -> None:
        self.said += text


@pytest.mark.parametrize("text", [RIGHT, WRONG])
def test_a_report_in_a_terminal_reads_as_it_is_printed(text: str) -> None:
    report, printer = seqtopo.check(text), Printer()
    report._repr_pretty_(printer, False)
    assert printer.said == str(report).rstrip("\n")


def test_every_fix_of_a_card_is_the_one_of_the_terminal() -> None:
    report = seqtopo.check("in(10,8)\n-> lstm(64) -> lstm(32)\n-> dense(1)")
    shown: Any = read(report._repr_html_()).text
    drawn = [line for line in str(report).splitlines() if set(line.strip(" |")) == {"+"}]
    assert len(drawn) == 2
    for line in drawn:
        assert line in shown


def test_a_fit_reads_as_numbers() -> None:
    assert history_text({}) == "0 epochs"
    assert "nan in the last" in history_text({"loss": [1.0, float("nan")]})
