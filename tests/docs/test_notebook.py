"""The example notebook runs, and looks as it should in a browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.support.imports import ROOT
from tests.support.notebooks import execute, of_cells, page, shown

NOTEBOOK = ROOT / "examples" / "notebook" / "forecast.ipynb"
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The example after it was run."""
    return execute(nbformat.read(NOTEBOOK, as_version=4), tmp_path_factory.mktemp("n"))


def cell(notebook: Any, start: str) -> Any:
    """The first cell that begins so."""
    return next(cell for cell in notebook.cells if cell.source.startswith(start))


def test_the_example_is_stored_without_outputs_and_installs_first() -> None:
    cells = [cell for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 8
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    assert "%pip install" in "".join(cells[0]["source"])


@pytest.mark.xdist_group("notebook")
def test_the_example_shows_what_it_says(notebook: Any) -> None:
    assert "31,137" in shown(cell(notebook, "%%seqtopo\nin(T,8) -> lstm(64,seq)"), "text/html")
    assert "lstm(64,seq)" in shown(cell(notebook, "%%seqtopo\nin(T,8) -> lstm(64) "))
    assert "model is the Keras model" in shown(cell(notebook, "%%seqtopo model"))
    assert "<svg" in shown(cell(notebook, "seqtopo.draw"), "image/svg+xml")
    assert "456 windows of 24 steps, in 15 batches: x (32, 24, 1), y (32, 1)" in shown(
        cell(notebook, "hours")
    )
    fit = cell(notebook, "held")
    assert "8 epochs" in shown(fit)
    assert "data:image/svg+xml" in shown(fit, "text/html")
    assert "native LSTM" in shown(cell(notebook, "seqtopo.kernels"), "text/html")
    model = shown(cell(notebook, "model"), "text/html")
    assert "in(24,1) -&gt; lstm(16,seq) -&gt; lstm(8) -&gt; dense(1)" in model
    assert "array([" in shown(cell(notebook, "ahead"))
    assert not [
        cell.source for cell in notebook.cells if "error" in {o.output_type for o in cell.get("outputs", ())}
    ]


@pytest.mark.xdist_group("notebook")
def test_an_error_that_nobody_catches_shows_itself(tmp_path: Path) -> None:
    ran = execute(
        of_cells(["import seqtopo", 'x = 1\nseqtopo.compile("in(4,1) -> lstm(2) -> lstm(2)")']),
        tmp_path,
    )
    said = shown(ran.cells[1]).splitlines()
    assert said[:2] == ["SpecError", 'line 2: seqtopo.compile("in(4,1) -> lstm(2) -> lstm(2)")']
    assert "lstm takes (T, F) but is given (2,)" in "\n".join(said)
    assert "api.py" not in "\n".join(said)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: ci/programs")
@pytest.mark.xdist_group("notebook")
def test_it_looks_as_it_should_in_a_browser(notebook: Any, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright  # only a machine with a browser has a use for it

    path = tmp_path / "page.html"
    path.write_text(page(notebook), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            seen = browser.new_page(viewport={"width": 1000, "height": 800})
            problems: list[str] = []
            seen.on("console", lambda message: problems.append(message.text))
            seen.on("pageerror", lambda error: problems.append(str(error)))
            seen.goto(path.as_uri())
            images = seen.eval_on_selector_all("img", "all => all.map(i => [i.complete, i.naturalWidth])")
            wide = seen.evaluate("document.documentElement.scrollWidth")
            cut = seen.eval_on_selector_all(
                ".out", "all => all.filter(o => o.scrollWidth > o.clientWidth).length"
            )
        finally:
            browser.close()
    assert len(images) == 3
    assert all(complete and width > 100 for complete, width in images)
    assert (wide, cut, problems) == (1000, 0, [])
