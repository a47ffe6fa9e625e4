"""The pictures beside the README are what their commands write."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from seqtopo.cli.main import main
from tests.support.golden import assert_golden

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "pictures"
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^seqtopo (draw .*)$", PAGE, re.M)


def test_every_picture_has_a_command_and_is_shown() -> None:
    written = {Path(shlex.split(command)[-1]).name for command in COMMANDS}
    assert len(written) == len(COMMANDS) > 10
    assert written == {path.name for path in FOLDER.glob("*.svg")}
    assert written == set(re.findall(r"\]\((\S+\.svg)\)", PAGE))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_picture_is_what_its_command_writes(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    *words, place = shlex.split(command)
    written = tmp_path / "picture.svg"
    assert main([*words, str(written)]) == 0
    assert_golden(f"../../{place}", written.read_bytes())
