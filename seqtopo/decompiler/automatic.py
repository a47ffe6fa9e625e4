"""Distinguish automatic names, which Keras or seqtopo gives, from chosen ones."""

from __future__ import annotations

import re

from seqtopo.layers.excluded import snake_case
from seqtopo.layers.objects import entry_of
from seqtopo.layers.row import Row

INPUTS = ("input", "input_layer", "keras_tensor", "input_tensor")
MODELS = ("model", "functional", "sequential", "steps")


def base(name: str) -> str:
    """Return a name without the number behind it.

    >>> base("lstm_3"), base("encoder_lstm"), base("conv1d")
    ('lstm', 'encoder_lstm', 'conv1d')
    """
    return _match(name)


def _match(name: str) -> str:
    found = re.fullmatch(r"(.+?)_\d+", name)
    return found[1] if found else name


def bases(row: Row, activation: object = None) -> set[str]:
    """Return the automatic names of a layer with this row."""
    found = {row.name, *row.aliases}
    if row.keras:
        found |= {snake_case(row.keras), row.keras.lower()}
    if row.emit:
        found |= {row.emit, snake_case(row.emit)}
    if isinstance(activation, str) and entry_of("activation", activation):
        found.add(activation)
    return found


def split(name: str, row: Row, activation: object = None) -> tuple[bool, str]:
    """Return whether a layer's name is automatic, and the binding or macro in front of it.

    >>> from seqtopo.layers.registry import NAMES
    >>> split("lstm_2", NAMES["lstm"]), split("encoder_lstm", NAMES["lstm"]), split("lower", NAMES["lstm"])
    ((True, ''), (True, 'encoder'), (False, ''))
    """
    stem = _match(name)
    for known in sorted(bases(row, activation), key=len, reverse=True):
        if known in (stem, name):
            return True, ""
        if stem.endswith(f"_{known}") and len(stem) > len(known) + 1:
            return True, stem[: -len(known) - 1]
    return False, ""


def giver(name: str, extra: str) -> str:
    """Return the binding in the name of an output of states or scores; "" for any other name.

    >>> giver("encoder_state_1", "state"), giver("seen_scores", "scores"), giver("hidden", "state")
    ('encoder', 'seen', '')
    """
    found = re.fullmatch(rf"(\w+)_{extra}(_\d+)?(-\d+)?", name)
    return found[1] if found else ""


def is_model(name: str) -> bool:
    """Return whether a model's name is automatic."""
    return _match(name) in MODELS


def is_input(name: str) -> bool:
    """Return whether an input's name is automatic."""
    return _match(name) in INPUTS
