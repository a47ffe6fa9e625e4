"""Functions and methods of pandas, scikit-learn, keras.utils, keras.datasets and tf.data: the arrays and
objects that they return, as far as these can be told without running them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from seqtopo.code.arrays import (
    Batches,
    Bounds,
    CodeArray,
    Given,
    Items,
    Origin,
    Thing,
    arrays_in,
    as_array,
    as_size,
    by_element,
    dtype_of,
    is_number,
    like,
    new_size,
    nothing,
)
from seqtopo.code.model import Opaque
from seqtopo.code.numpy_calls import Function, adding_to
from seqtopo.layers.sizes import Expr, Shape, Size, ceil_div

CALLS: dict[str, Function] = {}
"""The functions that tell a call's result, by the full name of the called function."""
gives = adding_to(CALLS)

# pandas: rows and columns


@gives(
    "pandas.read_csv", "pandas.read_excel", "pandas.read_table", "pandas.read_parquet", "pandas.read_json",
    "pandas.read_pickle", "pandas.read_hdf", "pandas.read_feather", "pandas.read_sql",
)  # fmt: skip
def _read_table(given: Given) -> CodeArray:
    rows = as_size(given.kwargs["nrows"]) if "nrows" in given.kwargs else new_size()
    names = given.kwargs.get("usecols") or given.kwargs.get("names")
    columns = tuple(names) if isinstance(names, (list, tuple)) and _texts(names) else None
    if given.kwargs.get("squeeze") is True:
        return CodeArray((rows,), is_table=True)
    width = as_size(len(names)) if isinstance(names, (list, tuple)) else new_size()
    if columns is not None and "index_col" in given.kwargs:
        columns, width = None, new_size()
    return CodeArray((rows, width), is_table=True, columns=columns, where=given.where)


def _texts(values: Any) -> bool:
    return all(isinstance(one, str) for one in values)


@gives("pandas.DataFrame")
def _frame(given: Given) -> CodeArray:
    data, names = given.get(0, "data"), given.get(2, "columns")
    if isinstance(data, dict):
        columns = tuple(data) if _texts(data) else None
        first = [as_array(one) for one in data.values()]
        rows = next((one.shape[0] for one in first if one is not None and one.shape), new_size())
        return CodeArray((rows, len(data)), is_table=True, columns=columns, where=given.where)
    array = as_array(data) or nothing()
    columns = tuple(names) if isinstance(names, (list, tuple)) and _texts(names) else None
    shape = array.shape
    if shape is None or len(shape) != 2:
        shape = ((*(shape or ()), new_size())[0], len(names) if columns is not None else new_size())
    if columns is not None and len(columns) != shape[1]:
        columns = None
    return CodeArray(
        shape, array.dtype, array.bounds, origin=Origin(array, "same"), is_table=True, columns=columns
    )


@gives("pandas.Series")
def _series(given: Given) -> CodeArray:
    array = given.array(0, "data")
    rows = array.rows
    return CodeArray((rows,), array.dtype, array.bounds, origin=Origin(array, "same"), is_table=True)


@gives("pandas.get_dummies")
def _dummies(given: Given) -> CodeArray:
    array = given.array(0, "data")
    return CodeArray((array.rows, new_size()), "bool", is_table=True)


@gives("pandas.concat", "pandas.merge", "pandas.date_range", "pandas.to_datetime")
def _other_table(given: Given) -> CodeArray:
    return CodeArray(None, is_table=True)


@gives("pandas.to_numeric")
def _to_numeric(given: Given) -> CodeArray:
    return like(given.array(), given.array().shape)


# scikit-learn

SCALERS = (
    *("StandardScaler", "MinMaxScaler", "RobustScaler", "MaxAbsScaler"),
    *("PowerTransformer", "QuantileTransformer"),
)
"""Classes that learn the scale of their data: what they were fitted on is known to them."""


def _thing(kind: str) -> Function:
    def made(given: Given) -> Thing:
        return Thing(kind, {"args": tuple(given.args), **given.kwargs})

    return made


for _name in (*SCALERS, "Normalizer", "LabelEncoder", "LabelBinarizer", "OneHotEncoder"):
    CALLS[f"sklearn.preprocessing.{_name}"] = _thing(f"sklearn.preprocessing.{_name}")


def scaler_method(thing: Thing, name: str, given: Given) -> Any:
    """Return the result of a method of a scaler; its ``fit`` is noted in the scaler."""
    array = as_array(given.get(0, "X", "x", "y"))
    encoder = thing.kind.rpartition(".")[2]
    if array is None:
        return None
    if encoder not in SCALERS and encoder != "Normalizer":
        return _encoded(encoder, array) if name in ("transform", "fit_transform") else None
    learns = encoder != "Normalizer"
    if name in ("fit", "fit_transform", "partial_fit") and learns:
        again = name == "partial_fit" and "fitted" in thing.facts
        # Fitted in several pieces or branches: the data cannot be told.
        thing.facts["fitted"] = None if again else array
        thing.facts["fitted_where"] = given.where
    if name in ("fit", "partial_fit"):
        return thing
    if name in ("transform", "fit_transform"):
        fitted, at = thing.facts.get("fitted"), thing.facts.get("fitted_where")
        origin = Origin(array, "same", given.where)
        if fitted is not None:
            origin = Origin(array, "scaled", given.where, fitted=fitted, fitted_where=at)
        return CodeArray(array.shape, "float64", origin=origin, where=given.where)
    if name == "inverse_transform":
        return by_element(array, "float64")
    return None


def _encoded(encoder: str, array: CodeArray) -> CodeArray:
    rows = array.rows
    if encoder == "LabelEncoder":
        return CodeArray((rows,), "int64")
    return CodeArray((rows, new_size()), "" if encoder == "OneHotEncoder" else "int64")


@gives(
    *(f"sklearn.preprocessing.{name}" for name in ("scale", "minmax_scale", "normalize")),
    "keras.utils.normalize",
)
def _scale(given: Given) -> CodeArray:
    return by_element(given.array(0, "X", "x"), "float64")


@gives("sklearn.utils.shuffle")
def _shuffle(given: Given) -> Any:
    found = arrays_in(given.args)
    mixed = [CodeArray(a.shape, a.dtype, a.bounds, a.one_hot) for a in found]
    return mixed if len(mixed) != 1 else mixed[0]


@gives("sklearn.model_selection.train_test_split", "sklearn.cross_validation.train_test_split")
def _train_test_split(given: Given) -> list[CodeArray]:
    test, train = given.kwargs.get("test_size"), given.kwargs.get("train_size")
    shuffled = given.kwargs.get("shuffle", True)
    sizes: dict[Size, tuple[Size, Size]] = {}
    found: list[CodeArray] = []
    shared = (new_size(), new_size())
    for value in given.args:
        array = as_array(value) or nothing()
        rows = array.shape[0] if array.shape else None
        parts = shared if rows is None else sizes.setdefault(rows, _split_sizes(rows, test, train, shared))
        bounds = array.drawn
        for i, size in enumerate(parts):
            shape = None if array.shape is None else (size, *array.shape[1:])
            part = (i, i + 1) if shuffled is False else (None, None)
            origin = Origin(array, "split", given.where, part[0], part[1], shuffled=shuffled is True)
            found.append(CodeArray(shape, array.dtype, bounds, array.one_hot, origin, given.where))
    return found


def _split_sizes(rows: Size, test: Any, train: Any, unknown: tuple[Size, Size]) -> tuple[Size, Size]:
    """Return the numbers of samples for training and for testing."""
    if test is None and train is None:
        test = 0.25
    if not isinstance(rows, int) or not all(one is None or is_number(one) for one in (test, train)):
        if isinstance(test, int) and not isinstance(test, bool) and train is None:
            return rows - test, test
        return unknown
    tests = math.ceil(rows * test) if isinstance(test, float) else test
    trains = math.floor(rows * train) if isinstance(train, float) else train
    if tests is None:
        tests = rows - trains
    if trains is None:
        trains = rows - tests
    return (trains, tests) if trains >= 0 and tests >= 0 else unknown


# keras.utils and keras.preprocessing

_SEQUENCE = ("keras.preprocessing.sequence", "keras_preprocessing.sequence")
_UTILS = ("keras.utils", "keras.utils.np_utils", *_SEQUENCE)


@gives(*(f"{room}.to_categorical" for room in _UTILS))
def _to_categorical(given: Given) -> CodeArray:
    array, classes = given.array(0, "y", "x"), given.get(1, "num_classes", "nb_classes")
    if classes is None and array.bounds is not None and array.shape is not None:
        numbers = [size for size in array.shape if isinstance(size, int)]
        high = array.bounds.high
        # Among many random numbers the greatest one occurs.
        many = len(numbers) == len(array.shape) and math.prod(numbers) >= 10 * (high + 1)
        if float(high).is_integer() and (many or not array.bounds.drawn):
            classes = int(high) + 1
    width = as_size(classes) if classes is not None else new_size()
    shape = array.shape
    if shape is not None:
        shape = (*shape[:-1], width) if shape[-1:] == (1,) and len(shape) > 1 else (*shape, width)
    return CodeArray(shape, "float64", Bounds(0, 1, True), True, Origin(array, "same"), given.where)


@gives(*(f"{room}.pad_sequences" for room in _UTILS))
def _pad_sequences(given: Given) -> CodeArray:
    value = given.get(0, "sequences")
    array = as_array(value) or nothing()
    length = given.get(1, "maxlen")
    rows = array.rows
    steps = as_size(length) if length is not None else new_size()
    rest: Shape = array.shape[2:] if array.shape is not None else ()
    bounds = array.bounds
    fill = given.get(5, "value", otherwise=0.0)
    if bounds is not None and is_number(fill):
        bounds = Bounds(min(bounds.low, fill), max(bounds.high, fill), bounds.drawn)
    dtype = dtype_of(given.get(2, "dtype"), "int32")
    origin = Origin(array, "same") if array.shape is not None or isinstance(value, CodeArray) else None
    below = array.below if fill == 0 else None
    return CodeArray((rows, steps, *rest), dtype, bounds, origin=origin, where=given.where, below=below)


@gives(
    "keras.utils.timeseries_dataset_from_array",
    "keras.preprocessing.timeseries_dataset_from_array",
    "keras.preprocessing.sequence.timeseries_dataset_from_array",
)
def _timeseries(given: Given) -> Batches:
    data, targets = given.array(0, "data"), given.get(1, "targets")
    length = as_size(given.get(2, "sequence_length"))
    step = given.get(3, "sequence_stride", otherwise=1)
    batch = given.get(5, "batch_size", otherwise=128)
    unbatched = batch is None and given.has(5, "batch_size")
    size = new_size()
    shape = None if data.shape is None else (size, length, *data.shape[1:])
    origin = Origin(data, "windows", given.where, length=length, step=step if isinstance(step, int) else None)
    x = CodeArray(shape, data.dtype, data.bounds, origin=origin, where=given.where)
    if targets is None:
        return Batches(x, not unbatched)
    labels = as_array(targets) or nothing()
    y_shape = None if labels.shape is None else (size, *labels.shape[1:])
    bounds = labels.drawn
    y = CodeArray(y_shape, labels.dtype, bounds, labels.one_hot, where=given.where)
    return Batches((x, y), not unbatched)


@gives(
    "keras.preprocessing.sequence.TimeseriesGenerator",
    "keras.src.legacy.preprocessing.sequence.TimeseriesGenerator",
)
def _generator(given: Given) -> Batches:
    data, labels = given.array(0, "data"), given.array(1, "targets")
    length, stride = as_size(given.get(2, "length")), given.get(3, "sampling_rate", otherwise=1)
    size = new_size()
    if isinstance(stride, int) and stride > 1:
        length = ceil_div(length, stride)
    x = CodeArray(None if data.shape is None else (size, length, *data.shape[1:]), data.dtype)
    y = CodeArray(
        None if labels.shape is None else (size, *labels.shape[1:]), labels.dtype, None, labels.one_hot
    )
    return Batches((x, y))


@gives("keras.preprocessing.text.Tokenizer", "keras_preprocessing.text.Tokenizer")
def _tokenizer(given: Given) -> Thing:
    return Thing("keras.preprocessing.text.Tokenizer", dict(given.kwargs))


def tokenizer_method(thing: Thing, name: str, given: Given) -> Any:
    """Return the result of a method of the ``Tokenizer`` of Keras 2."""
    if name in ("texts_to_sequences", "texts_to_matrix"):
        most = thing.facts.get("num_words")
        texts = as_array(given.get(0, "texts"))
        rows = texts.shape[0] if texts is not None and texts.shape else new_size()
        if name == "texts_to_matrix":
            return CodeArray((rows, as_size(most) if most is not None else new_size()), "float64")
        bounds = Bounds(1, most - 1, True) if isinstance(most, int) and most > 1 else None
        below = most if isinstance(most, Expr) else thing.facts.get("words") if most is None else None
        return CodeArray((rows,), "object", bounds, below=below)
    return None


# keras.datasets


def _images(train: int, test: int, sample: Shape, classes: int, label: Shape = ()) -> Function:
    def made(given: Given) -> Any:
        return tuple(
            (
                CodeArray((rows, *sample), "uint8", Bounds(0, 255, True)),
                CodeArray((rows, *label), "uint8", Bounds(0, classes - 1, True)),
            )
            for rows in (train, test)
        )

    return made


for _name, _made in {
    "mnist": _images(60000, 10000, (28, 28), 10),
    "fashion_mnist": _images(60000, 10000, (28, 28), 10),
    "cifar10": _images(50000, 10000, (32, 32, 3), 10, (1,)),
}.items():
    CALLS[f"keras.datasets.{_name}.load_data"] = _made


@gives("keras.datasets.cifar100.load_data")
def _cifar100(given: Given) -> Any:
    coarse = given.get(0, "label_mode", otherwise="fine") != "fine"
    return _images(50000, 10000, (32, 32, 3), 20 if coarse else 100, (1,))(given)


def _reviews(train: int, test: int, classes: int) -> Function:
    def made(given: Given) -> Any:
        words = given.get(1, "num_words", "nb_words")
        sizes: tuple[Size, Size] = (train, test)
        if {"maxlen", "test_split"} & set(given.kwargs) or len(given.args) > 3:
            sizes = (new_size(), new_size())
        bounds = Bounds(1, words - 1, True) if isinstance(words, int) and words > 3 else None
        return tuple(
            (
                CodeArray((rows,), "object", bounds),
                CodeArray((rows,), "int64", Bounds(0, classes - 1, True)),
            )
            for rows in sizes
        )

    return made


CALLS["keras.datasets.imdb.load_data"] = _reviews(25000, 25000, 2)
CALLS["keras.datasets.reuters.load_data"] = _reviews(8982, 2246, 46)


@gives("keras.datasets.boston_housing.load_data", "keras.datasets.california_housing.load_data")
def _houses(given: Given) -> Any:
    sizes = (new_size(), new_size())
    return tuple((CodeArray((rows, new_size()), "float64"), CodeArray((rows,), "float64")) for rows in sizes)


# tf.data


@gives("tensorflow.data.Dataset.from_tensor_slices")
def _slices(given: Given) -> Batches:
    return Batches(_each(given.get(0, "tensors"), _sample), batched=False)


@gives("tensorflow.data.Dataset.from_tensors")
def _whole(given: Given) -> Batches:
    return Batches(_each(given.get(0, "tensors"), lambda a: a), batched=False)


def _sample(array: CodeArray) -> CodeArray:
    shape = array.shape[1:] if array.shape else None
    bounds = array.drawn
    return CodeArray(shape, array.dtype, bounds, array.one_hot)


def _each(value: Any, change: Callable[[CodeArray], CodeArray]) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(_each(one, change) for one in value)
    if isinstance(value, dict):
        return {name: _each(one, change) for name, one in value.items()}
    array = as_array(value)
    return change(array) if array is not None else Opaque("no array")


def batches_method(data: Batches, name: str, given: Given) -> Any:
    """Return the result of a method of a ``tf.data.Dataset``."""
    if name in ("shuffle", "prefetch", "cache", "repeat", "take", "skip", "with_options", "shard"):
        return data
    if name in ("batch", "padded_batch"):
        size: Size = new_size()
        if given.kwargs.get("drop_remainder") is True:
            size = as_size(given.get(0, "batch_size"))
        padded = name == "padded_batch"

        def batch(array: CodeArray) -> CodeArray:
            if array.shape is None or padded:
                return CodeArray(None, array.dtype, array.bounds)
            return CodeArray((size, *array.shape), array.dtype, array.bounds, array.one_hot)

        return Batches(_each(data.element, batch), batched=True)
    return None


def listed(value: Any) -> Size | None:
    """Return the number of samples of a list or an array; None if it cannot be told."""
    if isinstance(value, Items):
        return value.count
    array = as_array(value)
    return array.shape[0] if array is not None and array.shape else None
