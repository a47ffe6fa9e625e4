"""Functions of ``keras.ops``: each comes back from a model, and its row is held against Keras."""

from __future__ import annotations

import inspect
import os
import re
from dataclasses import replace
from functools import cache
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import pytest
from keras import ops

import seqtopo
from seqtopo.layers.excluded import EXCLUDED_FUNCTIONS
from seqtopo.layers.function_calls import ARGUMENTS
from seqtopo.layers.functions import Function, functions, functions_of, spellings
from seqtopo.layers.objects import entry_of
from seqtopo.layers.registry import FREE, NAMES, ROWS
from seqtopo.layers.row import REQUIRED, Row
from tests.support import draws, function_cases
from tests.support.backend_run import LONG
from tests.support.cheap_weights import cheap_weights
from tests.support.compare_accepted import compare_accepted

AXES = ("axis", "axes", "axis1", "axis2")
"""Arguments whose default is the time here where Keras would take the batch."""
SLICES = {"get_item"}
"""Said by ``last``, ``first``, ``at`` and ``slice``."""
AT_RUN = re.compile("of int32 comes out in int64|positive-definite|Cholesky|failed to converge|ComplexHalf")
"""Results that depend on drawn numbers, or on Keras' backend: places are int64 on PyTorch."""
KERAS_FAILS = {
    "jax": (
        "ops.norm(x,axis",
        "ops.norm(x,ord=1",
        "ops.average_pool(",
        "ops.max_pool(",
        "ops.cholesky_inverse(",
        "ops.quantile(",
    ),
    "tensorflow": ("ops.argpartition(x,2,axis=1)", "ops.searchsorted("),
    "torch": (),
}
"""Calls that Keras itself fails at when a model is run on a backend, however it was made."""
DRAWS = int(os.environ.get("SEQTOPO_DRAWS", "150"))

SHAPES = {"x": (6, 4), "y": (6, 4), "q": (5, 5), "ids": (6,)}


def built(expression: str) -> keras.Model:
    """A model of an expression of ``x``, ``y``, ``q`` and ``ids``, those that it has."""
    inputs = {
        name: keras.Input(shape, name=name, dtype="int32" if name == "ids" else "float32")
        for name, shape in SHAPES.items()
        if re.search(rf"\b{name}\b", expression)
    }
    found = eval(expression, {"ops": ops, "np": np, **inputs})
    several = list(inputs.values())
    return keras.Model(several if len(several) > 1 else several[0], found)


def data_for(model: keras.Model) -> list[Any]:
    """Numbers for each input: some above 0 and some below, and ids."""
    rng = np.random.default_rng(0)
    return [
        rng.integers(0, 4, (2, *x.shape[1:])).astype("int32")
        if x.dtype == "int32"
        else rng.normal(size=(2, *x.shape[1:])).astype("float32")
        for x in model.inputs
    ]


def results(model: keras.Model, data: list[Any]) -> list[Any]:
    """Return the outputs of a model, as arrays."""
    found = model(data if len(data) > 1 else data[0])
    return [ops.convert_to_numpy(x) for x in keras.tree.flatten(found)]


EXPRESSIONS = (*function_cases.COMMON, *function_cases.FUNCTIONS)
SOME = slice(None, None, 1 if keras.config.backend() == "torch" or LONG else 5)
"""Of the others, a few run on each backend: all do in the long run."""


@pytest.mark.parametrize("expression", EXPRESSIONS[SOME])
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore:(?s).*torch.cross:UserWarning")
def test_an_expression_comes_back_from_a_model(expression: str) -> None:
    model = built(expression)
    text = seqtopo.decompile(model, strict=True)
    again = seqtopo.compile(text, kernels=False)
    assert [(x.shape, x.dtype) for x in again.outputs] == [(x.shape, x.dtype) for x in model.outputs], text
    data = data_for(model)
    if expression.startswith(KERAS_FAILS[keras.config.backend()]):
        with pytest.raises(Exception, match="Exception encountered when calling"):
            results(model, data)
        return
    for mine, theirs in zip(results(again, data), results(model, data), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5, err_msg=text)
    # The saved model is plain Keras.
    config = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(again))
    assert len(config.layers) == len(again.layers)


def test_softmax_over_the_steps_is_said_so() -> None:
    assert "softmax(time)" in seqtopo.decompile(built("ops.softmax(x,axis=1)"))


@pytest.mark.parametrize(
    ("expression", "spec"),
    [
        ("1.0-x", "sub(x1=1)"),
        ("x/2", "divide(2)"),
        ("2/x", "divide(x1=2)"),
        ("x**2", "power(2)"),
        ("x[...,0:1]", "first(1,features)"),
        ("ops.where(x>0,x,0.0)", "[greater(0), id] -> where(x2=0)"),
        ("ops.top_k(x,2)[0]", "top_k(2) -> item(0)"),
        ("ops.maximum(x,0.0)", "max(x2=0)"),
        ("ops.tile(x,[1,2,1])", "tile(2,1)"),
        ("ops.norm(x,axis=-1)", "linalg_norm(axis=features)"),
        ("ops.argmax(x,axis=1)", "argmax(time)"),
    ],
)
def test_an_expression_reads_well(expression: str, spec: str) -> None:
    assert f"-> {spec}" in seqtopo.decompile(built(expression)), seqtopo.decompile(built(expression))


# ---- every function is a row's, or left out ---------------------------------------------------------


@cache
def public() -> frozenset[str]:
    """The names of the installed ``keras.ops``."""
    found = frozenset(n for n in dir(ops) if not n.startswith("_"))
    assert len(found) > 300
    return found


def said() -> set[str]:
    """The functions that a spec says."""
    activations = {name for name in public() if entry_of("activation", name) is not None}
    return {*functions(), *ARGUMENTS, *SLICES, *activations} & public()


def test_every_function_is_said_or_left_out() -> None:
    assert sorted(public() - said() - EXCLUDED_FUNCTIONS.keys()) == []
    assert sorted(said() & EXCLUDED_FUNCTIONS.keys()) == []


def test_nothing_left_out_is_stale() -> None:
    assert [name for name in EXCLUDED_FUNCTIONS if name not in public()] == []
    assert [name for name in (*functions(), *ARGUMENTS) if name not in public()] == []
    for reason in EXCLUDED_FUNCTIONS.values():
        assert reason.why
        assert reason.instead


def test_every_function_that_is_said_has_an_expression() -> None:
    tried = " ".join((*function_cases.COMMON, *function_cases.FUNCTIONS))
    by_operators = {"power", "mod", "negative", "logical_not", "true_divide", "greater", "get_item"}
    missing = [n for n in sorted(said()) if f"ops.{n}(" not in tried and n not in by_operators]
    assert missing == []


def test_other_spellings_lead_to_functions_that_are_said() -> None:
    for name, (function, arguments) in spellings().items():
        assert function in said(), name
        theirs = {a.partition(":")[2] or a for a in arguments if not a.endswith(":")}
        ours = {a.name for a in functions()[function].arguments} if function in functions() else theirs
        assert {n.lstrip("*") for n in theirs} <= ours, name


# ---- signatures --------------------------------------------------------------------------------------


def assert_signature_agrees(row: Row, function: Function) -> None:
    """Asserts that a function has Keras' arguments in Keras' order, and its row Keras' defaults."""
    theirs = inspect.signature(getattr(ops, function.name)).parameters
    names = [name for name, p in theirs.items() if p.kind is not p.VAR_KEYWORD]
    assert [a.name for a in function.arguments] == names[: len(function.arguments)], function.name
    for argument in function.arguments:
        default = theirs[argument.name].default
        if argument.takes == "plain" and argument.parameter and argument.name not in AXES:
            ours = row.by_name[argument.parameter].default
            assert (ours is REQUIRED) == (default is inspect.Parameter.empty), (row.name, argument.name)
            assert ours is REQUIRED or ours == default, (row.name, argument.name)


@pytest.mark.parametrize("row", [row for row in ROWS if row.function], ids=lambda row: row.name)
def test_a_function_has_the_arguments_of_keras(row: Row) -> None:
    for function in functions_of(row):
        assert_signature_agrees(row, function)


def test_a_planted_mistake_in_a_signature_is_noticed() -> None:
    row = NAMES["roll"]
    (function,) = functions_of(replace(row, function="roll(x, axis, shift)"))
    with pytest.raises(AssertionError, match="roll"):
        assert_signature_agrees(row, function)


# ---- shapes of drawn calls ---------------------------------------------------------------------------


if keras.config.backend() == "torch":
    # The shapes that Keras says do not depend on the backend; JAX has no numbers of 64 bits unless asked.

    def test_drawn_calls_are_built_to_the_shapes_that_are_said() -> None:
        wrong, seen = [], 0
        with cheap_weights():
            for seed in range(DRAWS):
                text = draws.draw(seed, draws.FUNCTIONS).accepted
                if text is None:
                    continue
                found = compare_accepted(text)
                seen += 1
                if found.wrong and not AT_RUN.search(found.wrong):
                    wrong.append(f"draw {seed}: {text!r} {found.wrong}")
        assert not wrong, "\n".join(wrong)
        assert seen > 0.9 * DRAWS


@pytest.mark.parametrize("row", draws.FUNCTIONS[SOME], ids=lambda row: row.name)
def test_a_function_is_written_as_python(row: Row) -> None:
    sizes = {name: size for name, size in (("T", 6), ("S", 5)) if re.search(rf"\b{name}\b", row.example)}
    written: dict[str, Any] = {"__name__": "written"}
    exec(seqtopo.to_python(row.example, **sizes), written)
    model, again = seqtopo.compile(row.example, kernels=False, **sizes), written["build"]()
    assert [(x.shape, x.dtype) for x in again.outputs] == [(x.shape, x.dtype) for x in model.outputs]
    assert [type(x).__name__ for x in again.operations] == [type(x).__name__ for x in model.operations]


def test_a_name_of_a_function_may_be_bound() -> None:
    assert "stack" in FREE
    report = seqtopo.check("def stack() = dense(8) * 2\nin(T,3) -> stack() -> dense(1)")
    assert report.ok
    assert report.params == 3 * 8 + 8 + 8 * 8 + 8 + 8 + 1
