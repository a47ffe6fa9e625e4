"""Published models, said as specs: Keras builds each to what the ledger says."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import seqtopo
from tests.support.cheap_weights import cheap_weights
from tests.support.models import MODELS, Model


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_a_published_model_is_built_to_what_it_comes_to(model: Model) -> None:
    with cheap_weights():
        built = seqtopo.compile(model.path)
    assert [(x.shape, keras.backend.standardize_dtype(x.dtype)) for x in built.inputs] == list(model.inputs)
    assert [y.shape for y in built.outputs] == list(model.outputs)
    trained = sum(int(np.prod(w.shape)) for w in built.trainable_weights)
    assert (built.count_params(), trained) == (model.params, model.trainable_params)
