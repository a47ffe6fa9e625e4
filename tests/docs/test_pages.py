"""The README and the guide show what is so: their commands and Python are run, their specs are checked."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import seqtopo
from seqtopo.cli.main import COMMANDS
from seqtopo.layers.registry import LANGUAGE
from seqtopo.layers.sizes import show_shape
from tests.support.fuzz import corpus
from tests.support.pages import (
    GUIDE,
    PAGES,
    README,
    Command,
    blocks,
    commands,
    environment,
    name_of,
    outputs_of,
    prepare,
)

CHEATSHEET = GUIDE / "cheatsheet.md"
MOST_WORDS = 1200
SPECS = [(page, spec) for page in PAGES for spec in blocks(page, "seqtopo")]
_KIND = re.compile(r"^\| `([^`|]*->[^`|]*)` \| `([^`]+)` \| `([^`]+)` \| ([^|]+) \|$", re.M)
KINDS = _KIND.findall((GUIDE / "01-first-lstm.md").read_text(encoding="utf-8"))

_LOSS = re.compile(r"^\| [^|`]+ \| `([^`|]+)` \| `(\w+)` \| `([^`]+)` \|$", re.M)
LOSSES = _LOSS.findall((GUIDE / "04-training.md").read_text(encoding="utf-8"))


def too_long(text: str) -> bool:
    """Return whether a README has more words than somebody reads who has just found it."""
    return len(text.split()) > MOST_WORDS


def test_the_readme_is_short() -> None:
    assert not too_long(README.read_text(encoding="utf-8"))


def test_a_readme_of_one_word_more_would_be_noticed() -> None:
    assert too_long("word " * 1201)
    assert not too_long("word " * 1200)


def test_there_is_something_to_run() -> None:
    assert len(PAGES) > 12
    assert len(SPECS) > 5
    assert len(KINDS) == 5
    assert len(LOSSES) == 6
    assert sum(len(commands(page)) for page in PAGES) > 30
    assert sum(len(blocks(page, "python")) for page in PAGES) > 10


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")], ids=name_of)
def test_the_commands_print_what_is_shown(page: Path, tmp_path: Path) -> None:
    prepare(tmp_path)
    shown = commands(page)
    for command, printed in zip(shown, outputs_of(shown, tmp_path), strict=True):
        assert command.agrees_with(printed), f"{command.line}\n{printed}"


def test_numbers_may_vary_where_a_page_says_so_and_words_may_not() -> None:
    shown = Command("seqtopo fit", "epoch 1/3  loss 0.27\n", varies=True)
    assert shown.agrees_with("epoch 1/3  loss 0.2781\n")
    assert not shown.agrees_with("epoch 1/3  mae 0.27\n")
    assert not Command("seqtopo fit", "epoch 1/3  loss 0.27\n").agrees_with("epoch 1/3  loss 0.2781\n")


def test_the_python_gives_what_is_shown(tmp_path: Path) -> None:
    """All pages in one process, which loads Keras once; each has its own names."""
    scripts = []
    for page in PAGES:
        if found := blocks(page, "python"):
            scripts.append(tmp_path / f"{len(scripts)}-{page.stem}.txt")
            scripts[-1].write_text("\n".join(found), encoding="utf-8")
    run = (
        "import doctest, sys\n"
        "results = [doctest.testfile(page, module_relative=False) for page in sys.argv[1:]]\n"
        "sys.exit(any(result.failed for result in results))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", run, *map(str, scripts)],
        cwd=tmp_path,
        env=environment(KERAS_BACKEND="jax"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


@pytest.mark.parametrize(("page", "spec"), SPECS, ids=[name_of(page) for page, _ in SPECS])
def test_the_specs_are_fine_and_in_the_house_style(page: Path, spec: str) -> None:
    report = seqtopo.check(spec)
    assert not report.diagnostics, str(report)
    assert seqtopo.format_spec(spec) == spec


@pytest.mark.parametrize(("spec", "takes", "gives", "kind"), KINDS)
def test_the_table_of_kinds(spec: str, takes: str, gives: str, kind: str) -> None:
    report = seqtopo.check(spec)
    assert report.ok, str(report)
    (output,) = report.outputs.values()
    assert show_shape(report.shapes[0].outputs[0]) == takes
    assert show_shape(output) == gives
    assert report.kind == kind.strip()


def test_the_chapters_are_one_path() -> None:
    """Each is in the list, and leads to the next one."""
    chapters = sorted(path.name for path in GUIDE.glob("[0-9]*.md"))
    assert re.findall(r"^\d+\. \[.*?\]\((.*?)\)", (GUIDE / "README.md").read_text("utf-8"), re.M) == chapters
    for here, after in zip(chapters, [*chapters[1:], "README.md"], strict=True):
        text = (GUIDE / here).read_text(encoding="utf-8")
        assert text.startswith(f"# {int(here[:2])}. ")
        assert text.splitlines()[-1].endswith(f"]({after})")


@pytest.mark.parametrize(("end", "loss", "labels"), LOSSES)
def test_the_table_of_losses(end: str, loss: str, labels: str) -> None:
    report = seqtopo.check(f"in(T,8) -> {end}\n\ntrain adam, loss={loss}, labels={labels}")
    assert not report.diagnostics, str(report)


def test_the_cheat_sheet_has_every_word_of_the_language() -> None:
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", CHEATSHEET.read_text("utf-8")))))
    assert len(LANGUAGE) > 10
    assert set(LANGUAGE) <= words


USED = re.compile(r"^seqtopo (.*?)(?:   .*)?$", re.M)
"""A command in a block that is not run, and what may stand behind it."""


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_that_are_shown_alone_are_understood(page: Path) -> None:
    for block in re.findall(r"^```\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S):
        for line in USED.findall(block):
            command, *arguments = shlex.split(line)
            assert import_module(f"seqtopo.cli.{command}").parser().parse_args(arguments)


def test_the_fuzzer_changes_what_the_pages_show() -> None:
    assert {spec for _, spec in SPECS if "in(" in spec and len(spec) < 3000} <= set(corpus())


def test_the_reference_names_every_command_and_every_public_name() -> None:
    text = (GUIDE / "13-python-and-command-line.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `seqtopo (\w+)", text, re.M)) == set(COMMANDS)
    assert [name for name in seqtopo.__all__ if not re.search(rf"\b{name}\b", text)] == []
