"""Each parameter of each layer to a spec and back, to the same configuration."""

from __future__ import annotations

import keras
import pytest

from tests.backends.test_parameter_values import Built, built
from tests.support.cheap_weights import cheap_weights
from tests.support.parameter_cases import LEDGER
from tests.support.roundtrip import round_trip

ROWS = list(LEDGER) if keras.config.backend() == "torch" else list(LEDGER)[::8]
"""All on PyTorch, which builds fastest: a configuration does not depend on the backend."""


@pytest.mark.parametrize("row", ROWS)
def test_fault_a3_each_parameter_comes_back(row: str) -> None:
    with cheap_weights():
        found = built(row)
        assert isinstance(found, Built), str(found)
        trip = round_trip(found.model)
    assert (trip.wrong, trip.found.diagnostics) == ("", ())
