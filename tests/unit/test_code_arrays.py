"""Arrays that code makes: their shapes, their ranges, and the arrays they come from."""

from __future__ import annotations

from typing import Any

import pytest

from seqtopo.code import array_calls
from seqtopo.code.arrays import Batches, CodeArray, Items, Thing, as_array
from seqtopo.code.model import Opaque
from seqtopo.code.read import read_text
from seqtopo.layers.sizes import is_open, symbol

N, T, F = symbol("N"), symbol("T"), symbol("F")
ROOMS = {"np": "numpy", "pd": "pandas", "keras": "keras", "tf": "tensorflow", "sk": "sklearn"}


def made(text: str, **names: Any) -> Any:
    """Return the array of an expression of NumPy and the like, by the interpreter's functions."""
    import ast

    def value(node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return names.get(node.id, node.id)
            case ast.Tuple():
                return tuple(map(value, node.elts))
            case ast.List():
                return list(map(value, node.elts))
            case ast.Dict():
                return {
                    value(k): value(v) for k, v in zip(node.keys, node.values, strict=True) if k is not None
                }
            case ast.Slice():
                return slice(
                    *(value(p) if p is not None else None for p in (node.lower, node.upper, node.step))
                )
            case ast.UnaryOp(op=ast.USub()):
                inner = value(node.operand)
                return -inner if not isinstance(inner, CodeArray) else array_calls.unary("-", inner)
            case ast.BinOp():
                sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}[type(node.op)]
                left, right = value(node.left), value(node.right)
                if isinstance(left, CodeArray) or isinstance(right, CodeArray):
                    return array_calls.binary(sign, left, right)
                return {"+": left.__add__, "-": left.__sub__, "*": left.__mul__}[sign](right)
            case ast.Compare():
                return array_calls.binary(">", value(node.left), value(node.comparators[0]))
            case ast.Subscript():
                return array_calls.item(value(node.value), value(node.slice))
            case ast.Attribute():
                path = dotted(node)
                if path in array_calls.CONSTANTS:
                    return array_calls.CONSTANTS[path]
                return (
                    path
                    if path in array_calls.DTYPE_NAMES
                    else array_calls.attribute(value(node.value), node.attr)
                )
            case ast.Call():
                args = list(map(value, node.args))
                named = {k.arg: value(k.value) for k in node.keywords if k.arg}
                name = dotted(node.func)
                if name and array_calls.knows(name):
                    return array_calls.call(name, args, named)
                assert isinstance(node.func, ast.Attribute), text
                return array_calls.method(value(node.func.value), node.func.attr, args, named)
        raise AssertionError(ast.dump(node))

    def dotted(node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return ROOMS.get(node.id, "") if node.id not in names else ""
        if isinstance(node, ast.Attribute):
            room = dotted(node.value)
            return f"{room}.{node.attr}" if room else ""
        return ""

    return value(ast.parse(text, mode="eval").body)


def shape(text: str, **names: Any) -> Any:
    """The shape of an expression, with None for every size that is not known."""
    found = made(text, **names)
    assert isinstance(found, CodeArray), found
    return None if found.shape is None else tuple(None if is_open(size) else size for size in found.shape)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("np.zeros((8, 20, 3))", (8, 20, 3)),
        ("np.zeros(5)", (5,)),
        ("np.full((2, 3), -1.0)", (2, 3)),
        ("np.empty([4, 5], dtype=np.float32)", (4, 5)),
        ("np.zeros((N, T, 1))", (N, T, 1)),
        ("np.arange(10)", (10,)),
        ("np.arange(0, 6, 0.1)", (60,)),
        ("np.arange(N)", (N,)),
        ("np.linspace(0, 1, 100)", (100,)),
        ("np.eye(5)", (5, 5)),
        ("np.random.rand(20, 25, 3)", (20, 25, 3)),
        ("np.random.randn(24, T, 1)", (24, T, 1)),
        ("np.random.normal(size=(8, 4)).astype('float32')", (8, 4)),
        ("np.random.randint(0, 5, 14)", (14,)),
        ("np.random.default_rng(0).normal(size=(3, 2))", (3, 2)),
        ("np.random.default_rng(0).integers(0, 9, size=(3, 2))", (3, 2)),
        ("np.array([[1, 2, 3], [4, 5, 6]])", (2, 3)),
        ("np.array([1, 2, 3])", (3,)),
        ("np.arange(300).reshape(60, 5, 1)", (60, 5, 1)),
        ("np.arange(300).reshape((-1, 5))", (60, 5)),
        ("np.arange(N).reshape(-1, 5)", (None, 5)),
        ("np.reshape(np.zeros((N, T)), (N, T, 1))", (N, T, 1)),
        ("np.expand_dims(np.zeros((8, 20)), axis=-1)", (8, 20, 1)),
        ("np.expand_dims(np.zeros((8, 20)), 0)", (1, 8, 20)),
        ("np.squeeze(np.zeros((8, 1, 20, 1)))", (8, 20)),
        ("np.squeeze(np.zeros((8, 1, 20, 1)), axis=-1)", (8, 1, 20)),
        ("np.zeros((8, 20, 3)).transpose(0, 2, 1)", (8, 3, 20)),
        ("np.transpose(np.zeros((8, 20, 3)), (1, 0, 2))", (20, 8, 3)),
        ("np.zeros((8, 20, 3)).T", (3, 20, 8)),
        ("np.swapaxes(np.zeros((8, 20, 3)), 1, 2)", (8, 3, 20)),
        ("np.moveaxis(np.zeros((8, 20, 3)), -1, 1)", (8, 3, 20)),
        ("np.zeros((8, 20)).flatten()", (160,)),
        ("np.concatenate([np.zeros((8, 3)), np.zeros((4, 3))])", (12, 3)),
        ("np.concatenate((np.zeros((8, 3)), np.zeros((8, N))), axis=1)", (8, N + 3)),
        ("np.stack([np.zeros(5), np.ones(5)])", (2, 5)),
        ("np.stack([np.zeros(5), np.ones(5)], axis=-1)", (5, 2)),
        ("np.vstack([np.zeros(5), np.ones(5)])", (2, 5)),
        ("np.hstack([np.zeros((5, 1)), np.ones((5, 2))])", (5, 3)),
        ("np.column_stack([np.zeros(5), np.ones(5)])", (5, 2)),
        ("np.pad(np.zeros((8, 3)), ((0, 0), (1, 2)))", (8, 6)),
        ("np.tile(np.zeros((8, 3)), (2, 1))", (16, 3)),
        ("np.repeat(np.zeros((8, 3)), 4, axis=1)", (8, 12)),
        ("np.roll(np.zeros((8, 3)), 1)", (8, 3)),
        ("np.where(np.zeros(9) > 0, 1, 0)", (9,)),
        ("np.sin(np.zeros((8, 3)))", (8, 3)),
        ("np.zeros((8, 1)) + np.zeros((3,))", (8, 3)),
        ("np.zeros((8, 3)) / 255.0", (8, 3)),
        ("np.zeros((8, 3)).mean(axis=1)", (8,)),
        ("np.zeros((8, 3)).sum()", ()),
        ("np.mean(np.zeros((8, 20, 3)), axis=(0, 1))", (3,)),
        ("np.zeros((8, 3)).mean(axis=0, keepdims=True)", (1, 3)),
        ("np.argmax(np.zeros((8, 3)), axis=-1)", (8,)),
        ("np.eye(5)[np.random.randint(0, 5, size=(8, 20))]", (8, 20, 5)),
        ("np.zeros((8, 20, 3))[:, -1, :]", (8, 3)),
        ("np.zeros((8, 20, 3))[:3]", (3, 20, 3)),
        ("np.zeros((8, 20, 3))[..., 0]", (8, 20)),
        ("np.zeros((8, 20))[:, :, np.newaxis]", (8, 20, 1)),
        ("np.zeros((8, 20))[None]", (1, 8, 20)),
        ("np.zeros((8, 20, 3))[-1]", (20, 3)),
        ("np.zeros((8, 20, 3))[:, ::2]", (8, 10, 3)),
        ("np.zeros((8, 20, 3))[:, ::-1]", (8, 20, 3)),
        ("np.zeros((8, 20, 3))[[0, 2]]", (2, 20, 3)),
        ("np.zeros((8, 20))[np.zeros(8) > 0]", (None, 20)),
        ("np.zeros((N, 20))[:-5]", (N - 5, 20)),
        ("np.zeros((N, 20))[5:]", (N - 5, 20)),
        ("np.zeros((N, 20))[:100]", (None, 20)),
        ("np.lib.stride_tricks.sliding_window_view(np.zeros(100), 10)", (91, 10)),
        ("np.lib.stride_tricks.sliding_window_view(np.zeros((100, 3)), 10, axis=0)", (91, 3, 10)),
        ("np.load('x.npy')", None),
        ("np.load('x.npy')[:, :5]", None),
        ("pd.read_csv('a.csv')", (None, None)),
        ("pd.read_csv('a.csv', usecols=['a', 'b'])", (None, 2)),
        ("pd.read_csv('a.csv').values", (None, None)),
        ("pd.read_csv('a.csv')['close'].values", (None,)),
        ("pd.read_csv('a.csv')[['close', 'open']].values", (None, 2)),
        ("pd.read_csv('a.csv').iloc[:, 1:3].to_numpy()", (None, None)),
        ("pd.DataFrame({'a': np.zeros(150), 'b': 0})", (150, 2)),
        ("pd.DataFrame({'a': np.zeros(150), 'b': 0}).drop('a', axis=1)", (150, 1)),
        ("pd.DataFrame({'a': np.zeros(150), 'b': 0}).drop(columns=['a'])", (150, 1)),
        ("pd.DataFrame({'a': np.zeros(150), 'b': 0}).iloc[:, 1:2].values", (150, 1)),
        ("pd.DataFrame({'a': np.zeros(150), 'b': 0}).dropna()", (None, 2)),
        ("keras.utils.to_categorical(np.random.randint(0, 3, size=(8,)), 3)", (8, 3)),
        ("keras.utils.to_categorical(np.zeros((8, 20)), num_classes=N)", (8, 20, N)),
        ("keras.utils.to_categorical(np.zeros((8, 1)), 4)", (8, 4)),
        ("keras.utils.to_categorical(np.random.randint(0, 3, size=(900,)))", (900, 3)),
        ("keras.utils.to_categorical(np.random.randint(0, 300, size=(9,)))", (9, None)),
        ("keras.utils.pad_sequences([[1, 2], [3]], maxlen=9)", (2, 9)),
        ("sk.preprocessing.StandardScaler().fit_transform(np.zeros((8, 3)))", (8, 3)),
        ("tf.one_hot(np.zeros((8, 20)), 5)", (8, 20, 5)),
        ("tf.random.normal((8, 20, 3))", (8, 20, 3)),
        ("tf.expand_dims(tf.zeros((8, 20)), -1)", (8, 20, 1)),
        ("tf.cast(np.zeros((8, 20)), tf.float32)", (8, 20)),
    ],
)  # fmt: skip
def test_a_shape_is_told(text: str, expected: Any) -> None:
    assert shape(text, N=N, T=T) == expected


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("np.random.randint(0, 10001, size=(8, 1))", 0, 10000),
        ("np.random.randint(5, size=8)", 0, 4),
        ("np.random.randint(1, 102, size=(8,)) - 1", 0, 100),
        ("np.arange(20) % 10", 0, 9),
        ("np.arange(5, 20, 5)", 5, 15),
        ("np.array([1, 0, 3])", 0, 3),
        ("np.random.rand(8) * 2 - 1", -1, 1),
        ("np.random.uniform(-3, 3, size=8)", -3, 3),
        ("np.random.randint(0, 256, (8, 9)) / 255", 0, 1),
        ("np.random.randint(0, 5, (8, 9))[:, 1:]", 0, 4),
        ("np.random.choice(4, size=8)", 0, 3),
        ("np.random.choice([1, 2, 5], 8)", 1, 5),
        ("np.where(np.random.randn(9) > 0, 1, 0)", 0, 1),
        ("np.random.randn(9) > 0", 0, 1),
        ("keras.utils.to_categorical(np.random.randint(0, 3, size=(8,)), 3)", 0, 1),
        ("keras.utils.pad_sequences([[1, 2], [3]], maxlen=9)", 0, 3),
    ],
)
def test_a_range_is_told(text: str, low: float, high: float) -> None:
    bounds = made(text).bounds
    assert (bounds.low, bounds.high) == (low, high)


@pytest.mark.parametrize(
    "text",
    [
        "np.zeros(8)",  # they may be filled later
        "np.random.randn(8)",
        "np.arange(20)[:5]",
        "np.random.rand(8).astype('int32')",
        "np.load('y.npy')",
        "np.random.randint(0, N, size=8)",
        "np.arange(5) % 10 - np.arange(5)",
        "np.argmax(np.zeros((8, 3)), axis=-1)",
    ],
)
def test_a_range_that_is_not_certain_is_not_told(text: str) -> None:
    assert made(text, N=N).bounds is None


def test_numbers_that_code_writes_are_forgotten() -> None:
    ids = made("np.random.randint(0, 5, (8, 9))")
    array_calls.store(ids, (slice(None), 0), 7)
    assert ids.bounds is None
    assert ids.shape == (8, 9)


def test_a_new_column_widens_a_table() -> None:
    table = made("pd.DataFrame({'a': np.zeros(150), 'b': 0})")
    array_calls.store(table, "c", 1)
    assert table.shape == (150, 3)
    array_calls.store(table, "a", 1)
    assert table.shape == (150, 3)
    other = made("pd.read_csv('a.csv')")
    array_calls.store(other, "c", 1)
    assert is_open(other.shape[1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("np.eye(5)[np.zeros((8, 20))]", True),
        ("keras.utils.to_categorical(np.zeros(8), 3)", True),
        ("keras.utils.to_categorical(np.zeros(8), 3)[:4]", True),
        ("keras.utils.to_categorical(np.zeros(8), 3)[:, 1:]", False),
        ("keras.utils.to_categorical(np.zeros(8), 3).argmax(axis=-1)", False),
        ("np.random.randint(0, 2, (8, 3))", False),
    ],
)
def test_one_hot_labels_are_told(text: str, expected: bool) -> None:
    assert made(text).one_hot is expected


def test_windows_of_a_loop_have_a_shape_and_an_origin() -> None:
    series = made("np.zeros((N, 3))", N=N)
    i = symbol("I")
    windows = Items(array_calls.item(series, slice(i, i + 24)), N - 24, i)
    found = made("np.array(w)", w=windows)
    assert found.shape == (N - 24, 24, 3)
    assert (found.origin.how, found.origin.length, found.origin.step) == ("windows", 24, 1)
    assert found.origin.of is series
    labels = made("np.array(w)", w=Items(array_calls.item(series, (i + 24, 0)), N - 24, i))
    assert labels.shape == (N - 24,)
    assert array_calls.length(windows) == N - 24


def test_windows_that_are_listed_one_by_one_have_the_same() -> None:
    series = made("np.arange(100)")
    cuts = [array_calls.item(series, slice(i, i + 10)) for i in range(0, 90, 5)]
    found = made("np.array(w)", w=cuts)
    assert found.shape == (18, 10)
    assert (found.origin.how, found.origin.length, found.origin.step) == ("windows", 10, 5)
    ends = [array_calls.item(series, slice(i - 10, i)) for i in range(10, 100, 10)]
    assert made("np.array(w)", w=ends).origin.step == 10


def test_a_split_has_its_sizes() -> None:
    x, y = made("np.zeros((100, 5, 1))"), made("np.zeros(100)")
    x_train, x_test, y_train, y_test = array_calls.call(
        "sklearn.model_selection.train_test_split", [x, y], {"test_size": 0.2}
    )
    assert [a.shape for a in (x_train, x_test, y_train, y_test)] == [(80, 5, 1), (20, 5, 1), (80,), (20,)]
    assert x_train.origin.shuffled
    parts = array_calls.call("sklearn.model_selection.train_test_split", [made("np.zeros((N, 3))", N=N)])
    assert [is_open(part.shape[0]) for part in parts] == [True, True]


def test_a_scaler_remembers_what_it_was_fitted_on() -> None:
    data = made("np.zeros((100, 3))")
    scaler = array_calls.call("sklearn.preprocessing.MinMaxScaler", [])
    assert isinstance(scaler, Thing)
    array_calls.method(scaler, "fit", [data])
    found = array_calls.method(scaler, "transform", [array_calls.item(data, slice(80, None))])
    assert found.shape == (20, 3)
    assert found.origin.how == "scaled"
    assert found.origin.fitted is data


def test_known_data_sets_have_their_shapes_and_ids() -> None:
    (x, y), (x_test, _) = array_calls.call("keras.datasets.imdb.load_data", [], {"num_words": 20000})
    assert (x.shape, x.dtype, x.bounds[:2]) == ((25000,), "object", (1, 19999))
    assert y.bounds[:2] == (0, 1)
    padded = array_calls.call("keras.utils.pad_sequences", [x_test], {"maxlen": 80})
    assert (padded.shape, padded.bounds[:2]) == ((25000, 80), (0, 19999))
    (x, y), _ = array_calls.call("tensorflow.keras.datasets.mnist.load_data", [])
    assert (x.shape, y.bounds[:2]) == ((60000, 28, 28), (0, 9))


def test_data_sets_of_batches() -> None:
    data = made("np.zeros((100, 3))")
    batches = array_calls.call(
        "keras.utils.timeseries_dataset_from_array", [data, made("np.zeros(100)")], {"sequence_length": 10}
    )
    assert isinstance(batches, Batches)
    x, y = batches.element
    assert x.shape[1:] == (10, 3)
    assert len(y.shape) == 1
    slices = array_calls.call("tensorflow.data.Dataset.from_tensor_slices", [(data, data)])
    assert slices.element[0].shape == (3,)
    batched = array_calls.method(slices, "batch", [16])
    assert [len(one.shape) for one in batched.element] == [2, 2]


def test_what_is_not_known_is_said_so() -> None:
    assert array_calls.call("scipy.signal.butter", [3]) is None
    assert array_calls.method(made("np.zeros(3)"), "tofile", ["a"]) is None
    assert array_calls.attribute(made("np.load('a')"), "shape") is None
    assert array_calls.call("numpy.reshape", []) is not None
    found = as_array([Opaque("x"), Opaque("y")])
    assert found is not None
    assert found.shape is None
    assert as_array(object()) is None


WINDOWS = """
import numpy as np
import pandas as pd
from keras import Sequential, layers
data = pd.read_csv("a.csv")[["open", "close"]].values
n = 24
X, y = [], []
"""
FIT = """
X, y = np.array(X), np.array(y)
model = Sequential([layers.Input(X.shape[1:]), layers.LSTM(8), layers.Dense(1)])
model.fit(X, y)
"""


@pytest.mark.parametrize(
    ("loop", "x", "y", "step"),
    [
        (
            "for i in range(len(data) - n):\n    X.append(data[i:i + n])\n    y.append(data[i + n, 0])",
            (None, 24, 2),
            (None,),
            1,
        ),
        (
            "for i in range(n, len(data)):\n    X.append(data[i - n:i, :])\n    y.append(data[i, 0:1])",
            (None, 24, 2),
            (None, 1),
            1,
        ),
        (
            "for i in range(0, len(data) - n, 3):\n    X.append(data[i:i + n])\n    y.append(data[i + n, 0])",
            (None, 24, 2),
            (None,),
            3,
        ),
        (
            "X = [data[i:i + n] for i in range(len(data) - n)]\n"
            "y = [data[i + n, 0] for i in range(len(data) - n)]",
            (None, 24, 2),
            (None,),
            1,
        ),
        (
            "data = np.random.rand(500, 3)\n"
            "for i in range(500 - n):\n    X.append(data[i:i + n])\n    y.append(data[i + n, 0])",
            (476, 24, 3),
            (476,),
            1,
        ),
        (
            "for k in (1, 2):\n    for i in range(len(data)):\n        X.append(data[i:i + k * n])",
            None,
            None,
            None,
        ),
        (
            "for i in range(len(data)):\n    if data[i, 0] > 0:\n        X.append(data[i:i + n])",
            None,
            None,
            None,
        ),
    ],
)
def test_windows_of_loops_in_code_are_told(loop: str, x: Any, y: Any, step: Any) -> None:
    code = read_text(f"{WINDOWS}{loop}{FIT}")
    (call,) = [call for call in code.models[0].training if call.method == "fit"]
    found = as_array(call.args["x"].value)
    assert found is not None
    if x is None:
        assert found.shape is None
        return
    assert found.shape is not None
    assert tuple(size if isinstance(size, int) else None for size in found.shape) == x
    assert found.origin is not None
    assert (found.origin.how, found.origin.length, found.origin.step) == ("windows", 24, step)
    labels = as_array(call.args["y"].value)
    assert labels is not None
    assert labels.shape is not None
    assert tuple(size if isinstance(size, int) else None for size in labels.shape) == y
    assert labels.shape[0] == found.shape[0]


def test_an_index_that_is_not_known_may_be_an_array() -> None:
    code = read_text(
        "import numpy as np\nfrom keras import Sequential, layers\n"
        "model = Sequential([layers.Input((5,)), layers.Dense(1)])\n"
        "model.predict(np.eye(5)[pick()])\nmodel.predict(np.eye(5)[2])\n"
    )
    shapes = [as_array(call.args["x"].value) for call in code.models[0].training]
    assert [found and found.shape for found in shapes] == [None, (5,)]


def test_a_size_that_is_not_known_may_be_a_tuple() -> None:
    code = read_text(
        "import numpy as np\nfrom keras import Sequential, layers\n"
        "model = Sequential([layers.Input((5,)), layers.Dense(1)])\n"
        "model.predict(np.random.rand(2, n))\nmodel.predict(np.random.normal(size=n))\n"
        "model.predict(np.zeros(n))\nmodel.predict(np.zeros((3, n)))\n"
    )
    found = [as_array(call.args["x"].value) for call in code.models[0].training]
    assert [array and array.rank for array in found] == [2, None, None, 2]
