"""The rows of the layer table against the reviewed ledger, both ways."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import pytest

from seqtopo.api import check
from seqtopo.layers.objects import BARE_ACTIVATIONS
from seqtopo.layers.registry import NAMES, ROWS
from seqtopo.layers.row import REQUIRED, Param, Row
from seqtopo.layers.values import show
from seqtopo.report.analyse import analyse
from tests.support.ledger import Line, read

LEDGER = read()


def assert_rows_are_the_ledgers(rows: Iterable[Row]) -> None:
    """Asserts that each row has a line in the ledger and each line a row."""
    names = {row.name for row in rows}
    assert sorted(names - LEDGER.keys()) == [], "rows without a line in the ledger"
    assert sorted(LEDGER.keys() - names) == [], "lines of the ledger without a row"


def assert_row_is_its_line(row: Row, line: Line) -> None:
    """Asserts that a row says what its line in the ledger says, no less and no more."""
    bare = {row.flags[word][0].keras_name for word in BARE_ACTIVATIONS if word in row.flags}
    calls = tuple(p.keras_name for p in row.params if p.call)
    short = {p.short: p.keras_name or p.name for p in row.params if p.short}
    own = "" if row.keras else ", ".join(map(declared, row.params))
    for what, ours, theirs in (
        ("class", row.keras, line.keras),
        ("names", sorted(row.aliases), sorted(line.also)),
        ("order", row.positional, line.order),
        ("values", row.inputs, line.values),
        ("flags", flags_of(row), line.flags),
        ("activation", bare, {line.activation} if line.activation else set()),
        ("short names", short, line.short),
        ("call", calls, line.call),
        ("parameters", own, line.own),
        ("shape", tuple(clause.strip() for clause in row.shape.split(";")), line.shape),
        ("left out", row.without, line.without),
    ):
        assert ours == theirs, f"{row.name} and its line differ: {what}"
    assert second_values(row) == line.second, f"{row.name} and its line differ: second values"


def flags_of(row: Row) -> dict[str, tuple[str, Any]]:
    """Every bare word but the activations: Keras' argument, and the value the word stands for."""
    return {
        word: (param.keras_name or param.name, value)
        for word, (param, value) in row.flags.items()
        if param.kind.family != "activation"
    }


def declared(param: Param) -> str:
    """A parameter with its default, as the ledger writes it."""
    if param.default is REQUIRED:
        return param.name
    default = param.default if isinstance(param.default, str) else show(param.default)
    return f"{param.name}={default}"


def second_values(row: Row) -> dict[str, int]:
    """The second values of the row's call in its example, and how many tensors each is."""
    resolved = analyse(row.example).resolved
    assert resolved is not None, row.example
    node = next(n for n in resolved.graph.nodes if n.layer is not None and n.layer.row.name == row.name)
    return {name: len(tensors) for name, tensors in node.extras.items()}


def test_every_row_has_a_line_and_every_line_a_row() -> None:
    assert_rows_are_the_ledgers(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_row_is_as_reviewed(row: Row) -> None:
    assert_row_is_its_line(row, LEDGER[row.name])


SHORT = {
    "lstm": "LSTM",
    "gru": "GRU",
    "rnn": "SimpleRNN",
    "simple_rnn": "SimpleRNN",
    "bi": "Bidirectional",
    "td": "TimeDistributed",
    "repeat": "RepeatVector",
    "dense": "Dense",
    "embed": "Embedding",
    **{f"conv{n}d": f"Conv{n}D" for n in (1, 2, 3)},
    **{f"maxpool{n}d": f"MaxPooling{n}D" for n in (1, 2, 3)},
    **{f"avgpool{n}d": f"AveragePooling{n}D" for n in (1, 2, 3)},
    "gmaxpool1d": "GlobalMaxPooling1D",
    "gavgpool1d": "GlobalAveragePooling1D",
    "norm": "LayerNormalization",
    "layer_normalization": "LayerNormalization",
    "batchnorm": "BatchNormalization",
    "dropout": "Dropout",
    "flatten": "Flatten",
    "reshape": "Reshape",
    "permute": "Permute",
    "mask": "Masking",
    "concat": "Concatenate",
    "add": "Add",
    "sub": "Subtract",
    "mul": "Multiply",
    "avg": "Average",
    "max": "Maximum",
    "min": "Minimum",
    "dot": "Dot",
    "attention": "Attention",
    "mha": "MultiHeadAttention",
    "multi_head_attention": "MultiHeadAttention",
    "softmax": "Softmax",
    "relu": "ReLU",
    "act": "Activation",
    "upsample1d": "UpSampling1D",
    "global_average_pooling1d": "GlobalAveragePooling1D",
    "leaky_relu": "LeakyReLU",
    **dict.fromkeys(("last", "first", "at", "pad", "crop", "flip", "mean", "sum", "pos", "expand"), ""),
}
"""The names that the language reference promises, and the Keras class of each."""


@pytest.mark.parametrize("name", SHORT)
def test_the_promised_names_are_there(name: str) -> None:
    assert NAMES[name].keras == SHORT[name]


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("in(T,3) -> lstm(4,seq)", "in(T,3) -> lstm(4,return_sequences=true)"),
        ("in(T,3) -> lstm(4,back)", "in(T,3) -> lstm(4,go_backwards=true)"),
        (
            "in(5,3,batch=2) -> lstm(4,stateful,unroll)",
            "in(5,3,batch=2) -> lstm(4,stateful=true,unroll=true)",
        ),
        ("in(T,3) -> lstm(4,nobias,frozen)", "in(T,3) -> lstm(4,use_bias=false,trainable=false)"),
        ("in(T,3) -> lstm(4,relu)", "in(T,3) -> lstm(units=4,activation=relu)"),
        ("in(T,int) -> embed(9,4,mask)", "in(T,int) -> embed(vocab=9,width=4,mask_zero=true)"),
        ("in(T,3) -> conv1d(4,2,causal)", "in(T,3) -> conv1d(filters=4,kernel_size=2,padding=causal)"),
        ("in(T,3) -> conv1d(4,2,same)", "in(T,3) -> conv1d(filters=4,kernel_size=2,padding='same')"),
        ("in(T,3) -> mha(2,4,causal)", "in(T,3) -> mha(heads=2,key_dim=4,use_causal_mask=true)"),
        ("in(T,3) -> softmax(time)", "in(T,3) -> softmax(axis=1)"),
        ("in(T,3) -> last(2,features)", "in(T,3) -> last(n=2,axis=-1)"),
        ("in(T,3) -> pad(0,2)", "in(T,3) -> pad(before=0,after=2)"),
        ("in(T,3) -> swap(time,features)", "in(T,3) -> swap(first=1,second=-1)"),
        ("in(T,3) -> bi(lstm(4),sum)", "in(T,3) -> bi(layer=lstm(4),merge_mode=sum)"),
        (
            "in(T,3) -> bi(lstm(4),backward=lstm(4,back))",
            "in(T,3) -> bi(lstm(4),backward_layer=lstm(4,go_backwards=true))",
        ),
        ("in(9,3) -> pos(9)", "in(9,3) -> pos(length=9)"),
        ("in(9,4) -> pos(sin)", "in(9,4) -> pos(sin=true)"),
    ],
)
def test_a_flag_says_what_the_long_form_says(short: str, long: str) -> None:
    (one, two) = (analyse(text).resolved for text in (short, long))
    assert one is not None, str(check(short))
    assert two is not None, str(check(long))
    (mine, theirs) = (r.graph.nodes[-1] for r in (one, two))
    assert mine.layer is not None
    assert theirs.layer is not None
    assert str(mine.layer.args) == str(theirs.layer.args)
    assert mine.call == theirs.call


def changed(name: str, of: str, **changes: Any) -> Row:
    """A row with one of its parameters changed."""
    params = tuple(
        dataclasses.replace(param, **changes) if param.name == of else param for param in NAMES[name].params
    )
    return dataclasses.replace(NAMES[name], params=params)


def swapped(name: str, one: str, two: str) -> Row:
    """A row in which two parameters have each other's names, where Keras' own are in their places."""
    names = {one: two, two: one}
    params = tuple(
        dataclasses.replace(param, name=names[param.name], keras=param.name) if param.name in names else param
        for param in NAMES[name].params
    )
    return dataclasses.replace(NAMES[name], params=params)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (swapped("lstm", "go_backwards", "unroll"), "flags"),
        (changed("lstm", "go_backwards", flags={"seq": True}), "flags"),
        (changed("lstm", "go_backwards", flags={"back": False}), "flags"),
        (changed("lstm", "unroll", flags={"fast": True}), "flags"),
        (changed("conv1d", "padding", kind=NAMES["conv2d"].by_name["padding"].kind), "flags"),
        (changed("lstm", "recurrent_activation", kind=NAMES["act"].params[0].kind), "activation"),
        (changed("lstm", "initial_state", short="state"), "short names"),
        (changed("lstm", "mask", call=False), "call"),
        (changed("last", "axis", default=-1), "parameters"),
        (dataclasses.replace(NAMES["lstm"], extras=NAMES["gru"].extras), "second values"),
        (dataclasses.replace(NAMES["lstm"], shape="T F -> units; unroll: T F -> T units"), "shape"),
        (dataclasses.replace(NAMES["lstm"], keras="GRU"), "class"),
        (dataclasses.replace(NAMES["lstm"], aliases=("lstn",)), "names"),
        (dataclasses.replace(NAMES["lstm"], positional=("units", "dropout")), "order"),
        (dataclasses.replace(NAMES["lstm"], inputs=(1, 2)), "values"),
        (dataclasses.replace(NAMES["lstm"], without=("dtype",)), "left out"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_planted_mistake_is_seen(row: Row, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NAMES, row.name, row)
    with pytest.raises(AssertionError, match=f"and its line differ: {what}"):
        assert_row_is_its_line(row, LEDGER[row.name])


def test_a_row_or_a_line_too_many_is_seen() -> None:
    with pytest.raises(AssertionError, match="without a row"):
        assert_rows_are_the_ledgers(ROWS[1:])
    with pytest.raises(AssertionError, match="without a line"):
        assert_rows_are_the_ledgers([*ROWS, dataclasses.replace(ROWS[0], name="denser")])
