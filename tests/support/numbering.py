"""Keras' numbering of layers, begun anew."""

from __future__ import annotations

import keras


def number_anew() -> None:
    """Make Keras name its next dense layer ``dense`` again.

    Nothing is freed, which Keras would do, too: to go through all that a long run holds takes a second.
    """
    keras.utils.clear_session(free_memory=False)
