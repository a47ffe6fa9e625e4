"""The examples' specs: fine as they stand, in the house style, and as their READMEs show them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import seqtopo

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGES_ALONE = {"guide", "pictures", "keras-code", "notebook", "old-models", "scale"}
"""Folders of pages, and of what they read, which are not examples."""
SPECS = sorted(EXAMPLES.glob("*/spec.txt"))
STOCK = [spec for spec in SPECS if spec.parent.name != "custom-layer"]


def name_of(spec: Path) -> str:
    """An example by its folder."""
    return spec.parent.name


def test_each_example_is_whole() -> None:
    folders = [path for path in EXAMPLES.iterdir() if path.is_dir() and path.name not in PAGES_ALONE]
    assert len(folders) == 12
    for folder in folders:
        assert {"spec.txt", "README.md", "train.py"} <= {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("spec", STOCK, ids=name_of)
def test_the_spec_is_fine(spec: Path) -> None:
    report = seqtopo.check(spec)
    assert not report.diagnostics, str(report)


@pytest.mark.parametrize("spec", SPECS, ids=name_of)
def test_the_spec_is_formatted_and_shown(spec: Path) -> None:
    text = spec.read_text(encoding="utf-8")
    assert seqtopo.format_spec(text) == text
    assert f"```seqtopo\n{text}```" in spec.with_name("README.md").read_text(encoding="utf-8")


def test_a_packages_layer_is_found_by_its_entry_point_without_keras(tmp_path: Path) -> None:
    """As an installer leaves it: the package and its .dist-info beside each other, on the path."""
    example = EXAMPLES / "custom-layer"
    shutil.copytree(example / "attend_pool", tmp_path / "attend_pool")
    info = tmp_path / "attend_pool-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: attend-pool\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(
        "[seqtopo.layers]\nattend_pool = attend_pool.row:attend_pool\n", encoding="utf-8"
    )
    assert 'attend_pool = "attend_pool.row:attend_pool"' in (example / "pyproject.toml").read_text()
    child = (
        "import sys, pathlib, seqtopo\n"
        "report = seqtopo.check(pathlib.Path(sys.argv[1]))\n"
        "assert not report.diagnostics, report\n"
        "print([line.params for line in report.shapes], 'keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", child, str(example / "spec.txt")],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{EXAMPLES.parent}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[0, 960, 144, 17] False"
