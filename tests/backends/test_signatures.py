"""Every row with a Keras class has that class's parameters, in their order and with their defaults."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections import defaultdict
from typing import Any

import pytest

from seqtopo.layers.registry import NAMES, ROWS
from seqtopo.layers.row import COMMON, REQUIRED, Param, Row
from tests.support.rows import keras

KERAS_ROWS = tuple(row for row in ROWS if row.keras)
COMMON_NAMES = {*(p.name for p in COMMON), "autocast", "kwargs", "self"}
FOR_CALLS_ONLY = {"inputs", "training", "kwargs", "self"}


def assert_signature_agrees(row: Row) -> None:
    """Asserts that a row has the parameters of its Keras class: names, order, defaults, call arguments."""
    layer = getattr(keras.layers, row.keras)
    theirs = [
        (p.name, REQUIRED if p.default is p.empty else p.default)
        for p in inspect.signature(layer.__init__).parameters.values()
        if p.name not in COMMON_NAMES and p.kind is not p.VAR_POSITIONAL
    ]
    ours = [(p.keras_name, p.default) for p in row.params if not p.call and p.keras_name]
    assert ours == theirs, f"{row.name} has not the parameters of {row.keras}"
    for (name, mine), (_, default) in zip(ours, theirs, strict=True):
        # 1 == 1.0 == True: an equal default of another type would be written differently.
        assert type(mine) is type(default), f"{row.name}: {name} is {mine!r} here, {default!r} in Keras"
    call = set(inspect.signature(layer.call).parameters) - FOR_CALLS_ONLY
    strangers = {p.keras_name for p in row.params if p.call and p.keras_name} - call
    assert not strangers, f"{row.keras} takes no {strangers} when it is called"


def assert_common_parameters_agree(row: Row) -> None:
    """Asserts that Keras' class takes ``name``, ``trainable`` and ``dtype`` where the row says so."""
    parameters = inspect.signature(getattr(keras.layers, row.keras).__init__).parameters
    open_ended = "kwargs" in parameters
    for param in COMMON:
        has = param.name in row.by_name
        assert has == (open_ended or param.name in parameters), f"{row.keras}: {param.name}"


def snake_case(name: str) -> str:
    """A class name as Keras writes a layer's default name."""
    return str(keras.src.utils.naming.to_snake_case(name))


def test_there_are_rows_to_compare() -> None:
    assert len(KERAS_ROWS) > 60


@pytest.mark.parametrize("row", KERAS_ROWS, ids=lambda row: row.name)
def test_parameters_are_those_of_keras(row: Row) -> None:
    assert_signature_agrees(row)


@pytest.mark.parametrize("row", KERAS_ROWS, ids=lambda row: row.name)
def test_common_parameters_are_those_of_keras(row: Row) -> None:
    assert_common_parameters_agree(row)


@pytest.mark.parametrize("row", KERAS_ROWS, ids=lambda row: row.name)
def test_defaults_are_values_that_the_kinds_take(row: Row) -> None:
    for param in row.params:
        if param.default is not REQUIRED and param.kind.takes == "value":
            param.kind.read(param.default)


@pytest.mark.parametrize("row", KERAS_ROWS, ids=lambda row: row.name)
def test_positional_arguments_are_parameters(row: Row) -> None:
    assert {n.rstrip("*") for n in row.positional} <= set(row.by_name)


def test_every_name_of_a_keras_class_leads_to_its_row() -> None:
    names = defaultdict(list)
    for name, layer in inspect.getmembers(keras.layers, inspect.isclass):
        names[layer].append(name)
    for row in KERAS_ROWS:
        for name in names[getattr(keras.layers, row.keras)]:
            assert NAMES[snake_case(name)] is row, f"{name} does not lead to {row.name}"


def _with(row: Row, of: str, **changes: Any) -> Row:
    def changed(param: Param) -> Param:
        return dataclasses.replace(param, **changes) if param.name == of else param

    return dataclasses.replace(row, params=tuple(map(changed, row.params)))


@pytest.mark.parametrize(
    ("row", "match"),
    [
        (_with(NAMES["conv1d"], "padding", default="same"), "not the parameters"),
        (_with(NAMES["conv1d"], "use_bias", default=1), "use_bias is 1 here, True in Keras"),
        (_with(NAMES["conv1d"], "groups", name="group"), "not the parameters"),
        (dataclasses.replace(NAMES["conv1d"], params=NAMES["conv1d"].params[::-1]), "not the parameters"),
        (dataclasses.replace(NAMES["conv1d"], params=NAMES["conv1d"].params[:-1]), "not the parameters"),
        (_with(NAMES["batchnorm"], "mask", name="masks"), re.escape("takes no {'masks'}")),
    ],
    ids=["default", "type of a default", "name", "order", "missing", "call"],
)
def test_the_comparison_notices_a_planted_mistake(row: Row, match: str) -> None:
    with pytest.raises(AssertionError, match=match):
        assert_signature_agrees(row)


def test_the_comparison_notices_a_common_parameter_that_keras_lacks() -> None:
    with pytest.raises(AssertionError, match="trainable"):
        assert_common_parameters_agree(dataclasses.replace(NAMES["spatial_dropout1d"], without=()))
