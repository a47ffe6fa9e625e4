"""The backend that was named is the one that Keras runs on."""

from __future__ import annotations

import os

import keras

from seqtopo.emit.backend import PREFERENCE


def test_keras_runs_on_the_backend_that_was_named() -> None:
    assert keras.config.backend() == os.environ["KERAS_BACKEND"]
    assert keras.config.backend() in PREFERENCE
