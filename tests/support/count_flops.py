"""Count what PyTorch computes of specs, forwards and in a whole step, by its own counter; as JSON.

``python -m tests.support.count_flops FILE SPEC...``, on PyTorch.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import seqtopo

BATCH = 2


def counted(spec: str) -> tuple[int, int]:
    """Return the operations of a batch forwards, and forwards and backwards."""
    model = seqtopo.compile(spec, kernels=False)
    rng = np.random.default_rng(0)
    values: list[Any] = []
    for given in model.inputs:
        shape = (BATCH, *given.shape[1:])
        ids = "int" in given.dtype
        values.append(torch.tensor(rng.integers(0, 5, shape) if ids else rng.normal(size=shape).astype("f")))
    with FlopCounterMode(display=False) as counter:
        out = model(values if len(values) > 1 else values[0], training=True)
        forward = counter.get_total_flops()
        sum(each.sum() for each in keras.tree.flatten(out)).backward()
    return forward, counter.get_total_flops()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps([counted(spec) for spec in sys.argv[2:]]), encoding="utf-8")
