"""The versions of other packages that work, and the commands that install missing ones."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers.text import render_text
from seqtopo.emit import backend
from seqtopo.source import Span
from seqtopo.system import packages

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SPEC = "in(3) -> dense(1)"


def test_fault_b5_pyproject_and_the_checked_versions_are_the_same() -> None:
    extras = PROJECT["optional-dependencies"]
    for name in backend.PREFERENCE:
        asked = {re.split("[=<>]", line)[0]: line for line in extras[name]}
        assert asked.keys() == {"keras", name, "tqdm"}
        assert asked["keras"] == packages.wanted("keras")
        # PyTorch is pinned for the tests; what is checked is a lower bound.
        assert asked[name].replace("==", ">=").removesuffix(".0") == packages.wanted(name)


def test_fault_b4_all_that_building_needs_beside_keras_is_no_extra() -> None:
    base = {re.split("[=<>]", line)[0] for line in PROJECT["dependencies"]}
    assert set(packages.BUILDING) - {"keras"} <= base
    assert packages.missing() == []


@pytest.mark.parametrize("lacking", packages.BUILDING)
def test_fault_b4_what_building_lacks_is_said(monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    monkeypatch.setitem(sys.modules, lacking, None)
    with pytest.raises(SpecError, match="is not installed") as raised:
        backend.choose("torch")
    (found,) = raised.value.diagnostics
    assert found.code == "ST402"
    assert "[torch]" in found.help


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        ("3.8.0", True),
        ("2.15.0", True),
        ("3.15.1", False),
        ("3.16.0.dev1", False),
        ("4.0.0", True),
        ("", False),
    ],
)
def test_fault_b5_versions_outside_of_what_works(found: str, wrong: bool) -> None:
    said = packages.outside("keras", found)
    assert said == (f"keras {found} is installed; seqtopo needs 3.15 or later, below 4" if wrong else "")


def build(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs ``seqtopo build`` where the packages in a folder hide those of their names."""
    path = os.pathsep.join([str(folder), str(ROOT)])
    command = [sys.executable, "-m", "seqtopo", "build", SPEC, "-o", str(folder / "m.keras")]
    return subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": path, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def package(folder: Path, name: str, text: str) -> None:
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(text, encoding="utf-8")


def test_fault_b5_keras_that_is_too_old_is_said(tmp_path: Path) -> None:
    package(tmp_path, "keras", "__version__ = '3.8.0'\n")
    done = build(tmp_path, KERAS_BACKEND="jax")
    assert done.returncode == 1
    assert "error[ST436]: keras 3.8.0 is installed; seqtopo needs 3.15 or later" in done.stderr
    assert "pip install 'keras>=3.15,<4'" in " ".join(done.stderr.split())
    assert "report" not in done.stderr


def test_fault_b5_a_backend_that_does_not_load_is_said(tmp_path: Path) -> None:
    package(tmp_path, "torch", "raise OSError('libcudart.so.12: cannot open shared object file')\n")
    done = build(tmp_path, KERAS_BACKEND="torch")
    assert done.returncode == 1
    assert "error[ST437]: Keras cannot be loaded on torch" in done.stderr
    assert "OSError: libcudart.so.12" in " ".join(done.stderr.split())
    assert "report" not in done.stderr


def distribution(folder: Path, origin: dict[str, Any] | None) -> Distribution:
    """An installed seqtopo that came from somewhere."""
    info = folder / "seqtopo-0.1.0.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", "Name: seqtopo", "Version: 0.1.0", "Requires-Dist: lark>=1.2"]
    lines += ["Requires-Dist: keras<4,>=3.15; extra == 'jax'", "Requires-Dist: jax>=0.10; extra == 'jax'"]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin), encoding="utf-8")
    return Distribution.at(info)


def installed_from(folder: Path, monkeypatch: pytest.MonkeyPatch, origin: dict[str, Any] | None) -> list[str]:
    """Return the requirements of the extra ``jax``."""
    there = distribution(folder, origin)
    monkeypatch.setattr(packages, "ROOT", folder)
    monkeypatch.setattr(packages, "distribution", lambda name: there)
    words = shlex.split(packages.get_extra("jax"))
    return words[words.index("install") + 1 :]


def test_fault_d3_what_is_installed_names_where_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "my wheels" / "seqtopo-0.1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.touch()
    origin = {"url": wheel.as_uri(), "archive_info": {}}
    assert installed_from(tmp_path, monkeypatch, origin) == [f"{wheel}[jax]"]


@pytest.mark.parametrize(
    ("origin", "wanted"),
    [
        (None, ["keras<4,>=3.15", "jax>=0.10"]),
        ({"url": "file:///no/such/seqtopo-0.1.0.tar.gz"}, ["keras<4,>=3.15", "jax>=0.10"]),
        (
            {"url": "https://example.org/s.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            ["seqtopo[jax] @ git+https://example.org/s.git@abc"],
        ),
        (
            {"url": "https://example.org/s.whl", "archive_info": {}},
            ["seqtopo[jax] @ https://example.org/s.whl"],
        ),
    ],
)
def test_fault_d3_where_that_is_gone_or_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: dict[str, Any] | None, wanted: list[str]
) -> None:
    assert installed_from(tmp_path, monkeypatch, origin) == wanted


def test_fault_d3_a_checkout_names_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> Distribution:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, "distribution", none)
    assert packages.get_extra("jax").endswith(f"install -e {shlex.quote(f'{ROOT}[jax]')}")
    monkeypatch.setattr(packages, "ROOT", tmp_path)
    assert packages.get_extra("jax").endswith(
        f"install {shlex.quote('keras>=3.15,<4')} threadpoolctl 'jax>=0.10'"
    )


def test_fault_d3_no_hint_stands_in_the_code_itself() -> None:
    sources = {p: p.read_text(encoding="utf-8") for p in (ROOT / "seqtopo").rglob("*.py")}
    assert len(sources) > 100
    assert [p.name for p, text in sources.items() if "pip install" in text and p.name != "packages.py"] == []


def test_fault_d3_a_command_stands_whole_on_a_line_of_its_own() -> None:
    command = packages.get("a-package>=1", "another-package>=2", "a-third-package-with-a-long-name>=3")
    help = f"to do what was asked for, with so many words that they need two lines, install it:\n  {command}"
    found = Diagnostic("ST402", "it is not installed", Span(0, 0), help=help)
    lines = render_text([found], width=60).splitlines()
    assert command in [line.strip() for line in lines]
    assert all(len(line) <= 60 for line in lines if command not in line)
