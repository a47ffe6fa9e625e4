"""Build every case on one backend, from one seed: ``python -m tests.support.weights_run FILE``.

Into the file comes, for each case, its weights: shape, dtype, and a digest of the bits.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

import seqtopo
from tests.support.weight_cases import CASES, SEED


def described(weight: Any) -> list[Any]:
    """A weight by its shape, its dtype, and a digest of its bits, exact as float64."""
    values = np.asarray(keras.ops.convert_to_numpy(weight.value), dtype="float64")
    digest = hashlib.sha256(values.tobytes()).hexdigest()[:16]
    return [weight.name, list(values.shape), str(weight.dtype), digest]


def main(path: Path) -> None:
    """Build every case; what one needs is let go before the next."""
    found = {}
    for name, (spec, dims) in CASES.items():
        models = seqtopo.compile_all(spec, seed=SEED, **dims)
        found[name] = {part: [described(w) for w in model.weights] for part, model in models.items()}
    path.write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
