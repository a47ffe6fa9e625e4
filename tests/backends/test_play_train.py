"""A training that the page of ``seqtopo play`` starts."""

from __future__ import annotations

import math

from seqtopo.emit.backend import running
from seqtopo.play.training import Training

SPEC = "in(8,F) -> gru(6) -> dense(F)\n\ntrain adam(1e-2), loss=mse\n"


def test_a_series_is_trained_on_and_the_loss_is_told() -> None:
    rows = "\n".join(f"{math.sin(i / 4):.4f}" for i in range(240))
    options = {"series": f"wave\n{rows}\n", "epochs": 3, "scale": True, "backend": running()}
    found = Training().start(SPEC, options)
    assert found is not None
    events = list(found)
    epochs = [event for event in events if "epoch" in event]
    assert events[-1] == {"ended": "done"}, events
    assert [(event["epoch"], event["of"]) for event in epochs] == [(1, 3), (2, 3), (3, 3)]
    assert all(set(event["numbers"]) == {"loss", "val_loss"} for event in epochs)
    assert epochs[-1]["numbers"]["loss"] < epochs[0]["numbers"]["loss"]
    said = "\n".join(event["line"] for event in events if "line" in event)
    assert "series.csv: 240 steps" in said
    assert "model.keras" not in said
