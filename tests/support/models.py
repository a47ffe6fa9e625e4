"""Published models: the ledger of what they come to, and a spec for each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "models"
LEDGER: dict[str, Any] = json.loads((FOLDER / "models.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Model:
    """The facts of a published model; shapes have the batch axis, and None where any size will do."""

    id: str
    source: str
    params: int
    trainable_params: int
    inputs: tuple[tuple[tuple[int | None, ...], str], ...]
    outputs: tuple[tuple[int | None, ...], ...]

    @property
    def path(self) -> Path:
        """The file of its spec."""
        return FOLDER / f"{self.id}.txt"


MODELS = tuple(
    Model(
        entry["id"],
        entry["source"],
        entry["params"],
        entry["trainable_params"],
        tuple((tuple(i["shape"]), i["dtype"]) for i in entry["inputs"]),
        tuple(map(tuple, entry["outputs"])),
    )
    for entry in LEDGER["models"]
)
