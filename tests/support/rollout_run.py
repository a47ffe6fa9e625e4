"""Rolls out and writes on one backend: ``python -m tests.support.rollout_run FILE`` fills an .npz."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

import seqtopo
from seqtopo import sampling
from tests.support import rollout_cases as cases


def main(file: str) -> None:
    """Run every case under weights that are the same on every backend."""
    found: dict[str, Any] = {}
    for name, spec in {**cases.STEPPED, **cases.WINDOWS}.items():
        model = seqtopo.compile(spec)
        cases.set_weights(model)
        found[name] = seqtopo.rollout(model, cases.history_for(model), 30)
    source = cases.generator().integers(1, 9, (4, 6)).astype("int32")
    for name, spec in cases.WRITERS.items():
        model = seqtopo.compile(spec)
        cases.set_weights(model, 0.9)
        found[f"written_by_{name}"] = seqtopo.generate(model, source, start=8, max_steps=12)
        found[f"beams_of_{name}"] = seqtopo.generate(model, source, start=8, max_steps=12, beams=4, stop=3)
    model = seqtopo.compile("in(?,int(9)) -> embed(9,4) -> gru(8,seq) -> dense(9)")
    cases.set_weights(model)
    draw = sampling.top_k(5, temperature=0.8)
    found["drawn"] = seqtopo.rollout(model, source, 20, sample=draw, seed=7)
    np.savez(file, **found)


if __name__ == "__main__":
    main(sys.argv[1])
