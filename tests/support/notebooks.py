"""Run notebooks in a kernel of this very Python, and show their outputs as a page.

``python -m tests.support.notebooks FILE`` runs one and writes it with its outputs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from tests.support.imports import ROOT

KERNEL = KernelSpec(
    argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    display_name="this Python",
    language="python",
)


def execute(notebook: Any, folder: Path) -> Any:
    """Return a notebook with its outputs, after it was run in a folder; a cell may raise.

    A process of its own runs it, whose warnings about sockets are not ours.
    """
    file = folder / "notebook.ipynb"
    nbformat.write(notebook, file)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "torch", "NO_COLOR": "1"}
    environment |= {"IPYTHONDIR": str(folder), "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "tests.support.notebooks", str(file)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return nbformat.read(file, as_version=4)


def _run(file: Path) -> None:
    manager = AsyncKernelManager(transport="ipc", ip=str(file.with_suffix(".kernel")))
    manager._kernel_spec = KERNEL
    notebook = nbformat.read(file, as_version=4)
    NotebookClient(notebook, km=manager, timeout=300, allow_errors=True).execute(cwd=str(file.parent))
    nbformat.write(notebook, file)


def of_cells(cells: Sequence[str]) -> Any:
    """Return a notebook with these cells of code."""
    found = nbformat.v4.new_notebook()
    found.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    return found


def shown(cell: Any, kind: str = "text/plain") -> str:
    """Return what a cell shows in one of the forms: what it displays, writes or raises."""
    parts = []
    for output in cell.outputs:
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.append("\n".join(output.traceback))
        else:
            parts.append(output.data.get(kind, ""))
    return "\n".join(parts)


def page(notebook: Any) -> str:
    """Return the outputs of a notebook as a page, each in the form that Jupyter shows."""
    parts = ['<!doctype html><meta charset="utf-8"><title>notebook</title>', _STYLE]
    for cell in notebook.cells:
        parts.append(f"<pre class=cell>{escape(cell.source)}</pre>")
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            rich = [data[kind] for kind in ("text/html", "image/svg+xml") if kind in data]
            text = data.get("text/plain") or output.get("text") or "\n".join(output.get("traceback", ()))
            parts.append(f"<div class=out>{rich[0] if rich else f'<pre>{escape(text)}</pre>'}</div>")
    return "\n".join(parts)


_STYLE = (
    "<style>body{font-family:sans-serif;max-width:900px;margin:20px auto}"
    ".cell{background:#f3f3f3;padding:8px;white-space:pre-wrap}"
    ".out{margin:8px 0 20px;overflow-x:auto}</style>"
)


if __name__ == "__main__":
    _run(Path(sys.argv[1]))
