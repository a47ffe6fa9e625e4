"""The names of old programs, against Keras: the new names exist, and the old ones do not."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import keras
import pytest

from seqtopo.layers import old_programs as old
from seqtopo.layers.old_spellings import OBJECTS, RENAMED_CLASSES


def is_module(path: str) -> bool:
    try:
        importlib.import_module(path)
    except ImportError:
        return False
    return True


def named(path: str) -> Any:
    """Return the object with a dotted name of Keras; None for none."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name, None) if is_module(module) else None


@pytest.mark.parametrize("module", sorted(old.MODULES))
def test_an_old_module_is_gone_and_its_successor_is_there(module: str) -> None:
    assert is_module(old.MODULES[module])
    assert not is_module(module) or module in (*old.IN_TENSORFLOW, *STILL)


STILL = ("keras.legacy.layers",)


def test_names_are_where_they_are_said_to_be() -> None:
    for module, name in [*old.HOMES.values(), *(home for home in old.MOVED.values() if home[0])]:
        assert named(f"{module}.{name}") is not None, name
    for name, title in old.SHORT.items():
        assert hasattr(keras.optimizers, title)
        assert not hasattr(keras.optimizers, name)
    for name, new in old.LOSSES.items():
        assert hasattr(keras.losses, new), name
    rooms = (keras.regularizers, keras.constraints, keras.initializers)
    assert all(any(hasattr(room, new) for room in rooms) for new in OBJECTS.values())


def test_pooling_has_its_short_names_and_no_other_old_layer_has() -> None:
    assert all(hasattr(keras.layers, name) for name in old.ALIASES & RENAMED_CLASSES.keys())
    kept = {name for name in RENAMED_CLASSES.keys() - old.ALIASES if hasattr(keras.layers, name)}
    assert all("Convolution" in name for name in kept)


@pytest.mark.parametrize("name", sorted(old.METHODS))
def test_a_method_takes_the_arguments_by_their_new_names(name: str) -> None:
    method = old.METHODS[name]
    takes = inspect.signature(getattr(keras.Model, method.to)).parameters
    assert name == method.to or not hasattr(keras.Model, name)
    assert set(method.renamed.values()) <= takes.keys()
    assert set(method.places[1:]) <= takes.keys()
    assert not {*method.left_out, *method.by_hand, *method.renamed} & takes.keys()


def test_the_functions_of_the_backend_are_in_the_operations() -> None:
    for name in old.SAME_FUNCTIONS:
        assert hasattr(keras.ops, name), name
        assert not hasattr(keras.backend, name), name
    for name, new in old.RENAMED_FUNCTIONS.items():
        assert named(f"keras.{new}") is not None, name
    for name, (new, most, without, _) in old.AXIS_FUNCTIONS.items():
        takes = list(inspect.signature(getattr(keras.ops, new)).parameters)
        assert "axis" in takes, name
        assert most >= without
    assert all(hasattr(keras.backend, name) for name in old.KEPT_FUNCTIONS)
    assert not any(hasattr(keras.backend, name) for name in old.BACKEND_BY_HAND)


def test_optimizers_have_no_old_arguments_and_the_rates_that_are_said() -> None:
    for title, rate in old.OPTIMIZER_RATES.items():
        takes = inspect.signature(getattr(keras.optimizers, title)).parameters
        assert takes["learning_rate"].default == float(rate)
        assert not {"lr", "decay"} & takes.keys()
    for name, renamed in old.CALLBACK_ARGUMENTS.items():
        made = getattr(keras.callbacks, name, None) or getattr(keras.utils, name)
        assert set(renamed.values()) <= inspect.signature(made).parameters.keys()


def test_a_schedule_lets_the_rate_fall_as_decay_did() -> None:
    schedule = keras.optimizers.schedules.InverseTimeDecay(0.1, 1, 0.01)
    for step in (0, 1, 7, 100):
        assert float(schedule(step)) == pytest.approx(0.1 / (1 + 0.01 * step), rel=1e-5)


@pytest.mark.parametrize("path", sorted(old.GONE))
def test_what_is_gone_is_not_there(path: str) -> None:
    assert named(path) is None
    assert not is_module(path)


def test_what_is_gone_of_models_is_not_there() -> None:
    assert not any(hasattr(keras.Sequential, name) for name in old.GONE_METHODS)
    takes = inspect.signature(keras.Model.compile).parameters
    assert not old.COMPILE_BY_HAND.keys() & takes.keys()
    assert set(old.MODEL_ARGUMENTS.values()) == {"inputs", "outputs"}
