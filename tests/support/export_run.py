"""Export the cases of one backend: ``python -m tests.support.export_run FILE`` writes the results."""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from seqtopo.exporting import child
from seqtopo.exporting.formats import FORMATS
from tests.support.export_cases import CASES, STACK, Case


def came_of(case: Case, folder: Path) -> dict[str, Any]:
    """Return the exporter's answer for a case."""
    out = folder / f"out{FORMATS[case.format].suffix}"
    request: child.Request = {
        "spec": case.spec,
        "dims": dict(case.dims),
        "max_params": 10**6,
        "out": str(out),
        "format": case.format,
        "step": case.step,
        "batch": case.batch,
    }
    try:
        return child.export(request)
    except child.RefusedError as refused:
        return {"refused": refused.answer}


def main(file: str) -> None:
    """Run the cases; on PyTorch, also the exporter as it would be if it trusted Keras' own."""
    warnings.simplefilter("ignore")
    backend = keras.config.backend()
    found = {}
    with tempfile.TemporaryDirectory() as root:
        for i, case in enumerate(case for case in CASES if case.backend == backend):
            folder = Path(root) / str(i)
            folder.mkdir()
            found[case.name] = came_of(case, folder)
        if backend == "torch":
            stock = FORMATS["onnx"]
            child.FORMATS["onnx"] = replace(stock, any_steps=("torch",))  # type: ignore[index]
            child._ways = lambda asked: [child.attaching.detach]
            found["trusting"] = came_of(Case("torch", "onnx", STACK), Path(root))
    Path(file).write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
