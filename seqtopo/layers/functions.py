"""Functions of ``keras.ops`` by name: the row that says each, and its arguments in Keras' order.

What reads models and code looks a call up here. ``functions`` has every function that a row says, from the
rows' column ``function``; ``spellings`` what TensorFlow and Keras' old backend call them, with their own
arguments. `seqtopo.layers.function_calls` makes a row with its arguments of a call.

>>> take = functions()["take"]
>>> take.row, [(a.name, a.takes) for a in take.arguments]
('take', [('x', 'value'), ('indices', 'plain'), ('axis', 'plain')])
>>> [(a.name, a.parameter, a.takes) for a in functions()["divide"].arguments]
[('x1', 'x1', 'either'), ('x2', 'x2', 'either')]
"""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

from seqtopo.layers import kinds as k
from seqtopo.layers.registry import ROWS
from seqtopo.layers.row import Row


class Argument(NamedTuple):
    """One argument of a function, as Keras names it.

    ``takes`` is a ``value`` that comes in, ``values`` for a list of them, ``rest`` for all that follow,
    ``plain`` for a parameter of the row (``parameter``), and ``either`` for a value or a parameter.
    ``fixed`` holds, for an argument that the row does not have, the one value it may have: None unless the
    row says another.
    """

    name: str
    parameter: str
    takes: Literal["value", "values", "rest", "plain", "either"]
    fixed: Any = None


class Function(NamedTuple):
    """A function of ``keras.ops``: its name, the name of its row, and its arguments in Keras' order."""

    name: str
    row: str
    arguments: tuple[Argument, ...]


def functions_of(row: Row) -> Iterable[Function]:
    """Return the functions that a row says, the one that it is emitted as first."""
    for text in filter(None, (part.strip() for part in row.function.split(";"))):
        name, _, inside = text.removesuffix(")").partition("(")
        yield Function(name, row.name, tuple(_argument(row, part.strip()) for part in inside.split(",")))


def _argument(row: Row, text: str) -> Argument:
    if text.startswith("["):
        return Argument(text.strip("[]"), "", "values")
    if text.startswith("*"):
        return Argument(text[1:], "", "rest")
    name, same, fixed = text.partition("==")
    if same:
        return Argument(name, "", "plain", literal_eval(fixed))
    name, _, parameter = text.partition("=")
    param = row.by_name.get(parameter or name)
    if param is None:
        return Argument(name, "", "value")
    return Argument(name, param.name, "either" if param.kind is k.OPERAND else "plain")


@cache
def functions() -> Mapping[str, Function]:
    """Return every function of ``keras.ops`` that a row says, by its name in ``keras.ops``.

    ``add``, ``multiply`` and ``subtract`` of a value and a number are the rows ``shift`` and ``scale``; how
    arguments that Keras counts otherwise become those of a row, such as the shape of ``reshape`` or the
    widths of ``pad``, is the matter of `seqtopo.layers.function_calls`.
    """
    return {f.name: f for row in ROWS for f in functions_of(row)}


_REDUCTIONS = ("mean", "sum", "max", "min", "prod", "all", "any", "logsumexp", "std", "variance:var")
_BY_ELEMENT = (
    *("abs", "exp", "log", "sqrt", "square", "sin", "cos", "tan", "tanh", "sigmoid", "sign", "floor", "ceil"),
    *("round", "negative", "reciprocal", "rsqrt", "log1p", "expm1", "erf", "softplus", "softsign"),
    *("asin:arcsin", "acos:arccos", "atan:arctan", "sinh", "cosh", "asinh:arcsinh", "acosh:arccosh"),
    *("atanh:arctanh", "is_nan:isnan", "is_inf:isinf", "is_finite:isfinite", "logical_not"),
)
_OF_TWO = (
    *("add", "subtract", "multiply", "divide", "maximum", "minimum", "equal", "not_equal", "less", "greater"),
    *("less_equal", "greater_equal", "logical_and", "logical_or", "logical_xor", "pow:power", "floormod:mod"),
    *("mod", "floordiv:floor_divide", "truediv:divide", "divide_no_nan", "atan2:arctan2"),
)


def _pairs(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        theirs, _, ours = name.partition(":")
        yield theirs, ours or theirs


@cache
def spellings() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Return the functions of ``tf``, ``tf.math``, ``tf.nn`` and Keras' old ``K``, by their dotted names.

    Each has its name in ``keras.ops`` and its own arguments in order, ``theirs:ours`` where Keras' name is
    another. An argument without a name behind the colon is one that Keras does not have.

    >>> spellings()["tf.concat"], spellings()["tf.reduce_mean"]
    (('concatenate', ('values:xs', 'axis')), ('mean', ('input_tensor:x', 'axis', 'keepdims')))
    """
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for theirs, ours in _pairs(_REDUCTIONS):
        found[f"tf.reduce_{theirs}"] = found[f"tf.math.reduce_{theirs}"] = (
            ours,
            ("input_tensor:x", "axis", "keepdims"),
        )
    for theirs, ours in _pairs((*_BY_ELEMENT, "neg:negative")):
        found[f"tf.{theirs}"] = found[f"tf.math.{theirs}"] = (ours, ("x",))
    for theirs, ours in _pairs(_OF_TWO):
        found[f"tf.{theirs}"] = found[f"tf.math.{theirs}"] = (ours, ("x:x1", "y:x2"))
    for theirs, ours in _pairs(
        ("mean", "sum", "max", "min", "prod", "all", "any", "logsumexp", "std", "var")
    ):
        found[f"K.{theirs}"] = (ours, ("x", "axis", "keepdims"))
    for theirs, ours in _pairs(
        ("abs", "exp", "log", "sqrt", "square", "sin", "cos", "sign", "round", "tanh", "sigmoid", "softplus")
    ):
        found[f"K.{theirs}"] = (ours, ("x",))
    for theirs, ours in _pairs(
        ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "maximum", "minimum")
    ):
        found[f"K.{theirs}"] = (ours, ("x:x1", "y:x2"))
    return found | {name: (text[0], tuple(text[1:])) for name, text in _OTHERS.items()}


_OTHERS: Mapping[str, tuple[str, ...]] = {
    "tf.concat": ("concatenate", "values:xs", "axis"),
    "tf.stack": ("stack", "values:x", "axis"),
    "tf.unstack": ("unstack", "value:x", "num", "axis"),
    "tf.split": ("split", "value:x", "num_or_size_splits:indices_or_sections", "axis"),
    "tf.reshape": ("reshape", "tensor:x", "shape:newshape"),
    "tf.transpose": ("transpose", "a:x", "perm:axes"),
    "tf.expand_dims": ("expand_dims", "input:x", "axis"),
    "tf.squeeze": ("squeeze", "input:x", "axis"),
    "tf.tile": ("tile", "input:x", "multiples:repeats"),
    "tf.repeat": ("repeat", "input:x", "repeats", "axis"),
    "tf.roll": ("roll", "input:x", "shift", "axis"),
    "tf.reverse": ("flip", "tensor:x", "axis"),
    "tf.pad": ("pad", "tensor:x", "paddings:pad_width"),
    "tf.gather": ("take", "params:x", "indices", "validate_indices:", "axis"),
    "tf.where": ("where", "condition", "x:x1", "y:x2"),
    "tf.cast": ("cast", "x", "dtype"),
    "tf.one_hot": ("one_hot", "indices:x", "depth:num_classes"),
    "tf.matmul": ("matmul", "a:x1", "b:x2"),
    "tf.linalg.matmul": ("matmul", "a:x1", "b:x2"),
    "tf.einsum": ("einsum", "equation:subscripts", "*operands"),
    "tf.argmax": ("argmax", "input:x", "axis"),
    "tf.math.argmax": ("argmax", "input:x", "axis"),
    "tf.argmin": ("argmin", "input:x", "axis"),
    "tf.math.argmin": ("argmin", "input:x", "axis"),
    "tf.argsort": ("argsort", "values:x", "axis"),
    "tf.sort": ("sort", "values:x", "axis"),
    "tf.cumsum": ("cumsum", "x", "axis"),
    "tf.math.cumsum": ("cumsum", "x", "axis"),
    "tf.math.cumprod": ("cumprod", "x", "axis"),
    "tf.clip_by_value": ("clip", "t:x", "clip_value_min:x_min", "clip_value_max:x_max"),
    "tf.norm": ("norm", "tensor:x", "ord", "axis", "keepdims"),
    "tf.stop_gradient": ("stop_gradient", "input:variable"),
    "tf.zeros_like": ("zeros_like", "input:x", "dtype"),
    "tf.ones_like": ("ones_like", "input:x", "dtype"),
    "tf.math.top_k": ("top_k", "input:x", "k", "sorted"),
    "tf.nn.top_k": ("top_k", "input:x", "k", "sorted"),
    "tf.nn.softmax": ("softmax", "logits:x", "axis"),
    "tf.nn.log_softmax": ("log_softmax", "logits:x", "axis"),
    "tf.nn.relu": ("relu", "features:x"),
    "tf.nn.elu": ("elu", "features:x"),
    "tf.nn.gelu": ("gelu", "features:x", "approximate"),
    "tf.nn.selu": ("selu", "features:x"),
    "tf.nn.silu": ("silu", "features:x"),
    "tf.nn.swish": ("silu", "features:x"),
    "tf.nn.leaky_relu": ("leaky_relu", "features:x", "alpha:negative_slope"),
    "tf.nn.tanh": ("tanh", "x"),
    "tf.nn.sigmoid": ("sigmoid", "x"),
    "tf.nn.l2_normalize": ("normalize", "x", "axis"),
    "tf.math.l2_normalize": ("normalize", "x", "axis"),
    "K.concatenate": ("concatenate", "tensors:xs", "axis"),
    "K.stack": ("stack", "x", "axis"),
    "K.reshape": ("reshape", "x", "shape:newshape"),
    "K.permute_dimensions": ("transpose", "x", "pattern:axes"),
    "K.expand_dims": ("expand_dims", "x", "axis"),
    "K.squeeze": ("squeeze", "x", "axis"),
    "K.tile": ("tile", "x", "n:repeats"),
    "K.repeat_elements": ("repeat", "x", "rep:repeats", "axis"),
    "K.reverse": ("flip", "x", "axes:axis"),
    "K.cast": ("cast", "x", "dtype"),
    "K.one_hot": ("one_hot", "indices:x", "num_classes"),
    "K.argmax": ("argmax", "x", "axis"),
    "K.argmin": ("argmin", "x", "axis"),
    "K.cumsum": ("cumsum", "x", "axis"),
    "K.cumprod": ("cumprod", "x", "axis"),
    "K.clip": ("clip", "x", "min_value:x_min", "max_value:x_max"),
    "K.pow": ("power", "x:x1", "a:x2"),
    "K.softmax": ("softmax", "x", "axis"),
    "K.relu": ("relu", "x"),
    "K.elu": ("elu", "x", "alpha"),
    "K.hard_sigmoid": ("hard_sigmoid", "x"),
    "K.softsign": ("softsign", "x"),
    "K.l2_normalize": ("normalize", "x", "axis"),
    "K.zeros_like": ("zeros_like", "x", "dtype"),
    "K.ones_like": ("ones_like", "x", "dtype"),
    "K.stop_gradient": ("stop_gradient", "variables:variable"),
    "K.switch": ("where", "condition", "then_expression:x1", "else_expression:x2"),
}
