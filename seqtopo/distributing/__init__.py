"""Train one model in several processes, with the same results as in one."""

from __future__ import annotations

import keras

from seqtopo.distributing.fitting import FitOnRanks
from seqtopo.distributing.group import Group, join
from seqtopo.distributing.ranks import DistributionError
from seqtopo.runtime.states.tracking import stateful_layers


def put_into(model: keras.Model | None, device: str | None = None) -> keras.Model | None:
    """Join the other processes, and make ``fit`` of a model train with them; see ``seqtopo.distribute``."""
    group = join(device)
    if group is not None and model is not None and not isinstance(vars(model).get("fit"), FitOnRanks):
        _install(model, group)
    return model


def _install(model: keras.Model, group: Group) -> None:
    if not getattr(model, "compiled", False):
        raise DistributionError(f"{model.name} is not compiled", "call its compile before it is distributed")
    if not model.built:
        raise DistributionError(f"{model.name} is not built", "give it a keras.Input, or call it once")
    kept = stateful_layers(model)
    if kept:
        raise DistributionError(
            f"{kept[0].name} is stateful: its states belong to the rows of a whole batch",
            "train it in one process, or without stateful",
        )
    model.fit = FitOnRanks(model, group)
