"""README.md shows what is so: its commands and its Python are run, its specs checked, its links followed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import seqtopo
from seqtopo.layers.sizes import show_shape
from tests.support.readme import README, ROOT, blocks, environment, output_of, session

TEXT = README.read_text(encoding="utf-8")
TABLE = re.findall(r"^\| `([^`|]*->[^`|]*)` \| `([^`]+)` \| `([^`]+)` \| ([^|]+) \|$", TEXT, re.M)


def test_there_is_something_to_hold_it_to() -> None:
    assert len(blocks("console")) >= 5
    assert len(blocks("python")) >= 4
    assert len(blocks("seqtopo")) >= 5
    assert len(TABLE) >= 5


def test_the_commands_print_what_is_shown(tmp_path: Path) -> None:
    for block in blocks("console"):
        for command in session(block):
            assert output_of(command, tmp_path) == command.shown, command.line


def test_the_python_gives_what_is_shown(tmp_path: Path) -> None:
    script = tmp_path / "readme.txt"
    script.write_text("\n".join(blocks("python")), encoding="utf-8")
    run = "import doctest, sys; sys.exit(doctest.testfile(sys.argv[1], module_relative=False).failed > 0)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", run, str(script)],
        cwd=tmp_path,
        env=environment(KERAS_BACKEND="jax"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


@pytest.mark.parametrize("spec", blocks("seqtopo"))
def test_the_specs_are_fine_and_in_the_house_style(spec: str) -> None:
    report = seqtopo.check(spec)
    assert not report.diagnostics, str(report)
    assert seqtopo.format_spec(spec) == spec


@pytest.mark.parametrize(("spec", "takes", "gives", "kind"), TABLE)
def test_the_table_of_kinds(spec: str, takes: str, gives: str, kind: str) -> None:
    report = seqtopo.check(spec)
    assert report.ok, str(report)
    (output,) = report.outputs.values()
    assert show_shape(report.shapes[0].outputs[0]) == takes
    assert show_shape(output) == gives
    assert report.kind == kind.strip()


def test_the_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", TEXT)
    assert links
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert not missing
