"""Builds, trains and saves the topologies on one backend: ``python -m tests.support.topology_run FOLDER``.

Into the folder come, for each: ``.fresh.npz``, the outputs under weights that are the same on every
backend; ``.keras``, the saved model, trained for two steps where the spec says how; ``.in.npz`` and
``.labels.npz``; ``.out.npz``, its outputs when it was saved; ``.losses.json``, those of two steps more.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import seqtopo
from tests.support import topologies as t
from tests.support.cheap_weights import cheap_weights


def main(folder: Path) -> None:
    """Run every topology; what one needs is let go before the next."""
    folder.mkdir(parents=True)
    for topology in t.TOPOLOGIES:
        with cheap_weights():
            model = seqtopo.compile(topology.spec, **topology.dims)
        t.set_weights(topology, model)
        run(topology, model, folder)


def run(topology: t.Topology, model: Any, folder: Path) -> None:
    """Write what one built model gives."""
    values = t.data(topology, model)
    given = t.one_or_list(values)
    np.savez(folder / f"{topology.name}.in.npz", *values)
    saved = folder / f"{topology.name}.keras"
    if not topology.trained:
        # Before it is run: a stateful model would be saved with what it remembers.
        model.save(saved)
    fresh = t.several(model.predict(given, batch_size=len(values[0]), verbose=0))
    np.savez(folder / f"{topology.name}.fresh.npz", *fresh)
    out = fresh
    if topology.trained:
        labels = t.labels(topology, fresh)
        np.savez(folder / f"{topology.name}.labels.npz", *labels)
        _steps(model, given, labels)
        model.save(saved)
        out = t.several(model.predict(given, verbose=0))
        losses = json.dumps(_steps(model, given, labels))
        (folder / f"{topology.name}.losses.json").write_text(losses)
    np.savez(folder / f"{topology.name}.out.npz", *out)


def _steps(model: Any, given: Any, labels: list[Any]) -> list[dict[str, float]]:
    wanted = t.one_or_list(labels)
    said = [model.train_on_batch(given, wanted, return_dict=True) for _ in range(2)]
    return [{name: float(value) for name, value in each.items()} for each in said]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
