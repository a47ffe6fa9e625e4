"""Each parameter of each layer once, from the text of a spec to what the Keras layer says it was told."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

import keras
import pytest

import seqtopo
from seqtopo.layers.registry import NAMES
from seqtopo.layers.row import Row
from seqtopo.report.analyse import analyse
from tests.support.parameter_cases import (
    LEDGER,
    Case,
    always,
    cases,
    incoming,
    keras_parameters,
    spellings,
)
from tests.support.parameter_values import (
    FOLLOWS,
    NO_TRACE,
    NO_WORDS,
    REFUSED,
    REFUSED_OF,
    UNSEEN,
    Config,
    Refused,
    refused,
    value_of,
)

CASES = [case for line in LEDGER.values() for case in cases(line)]


class Built:
    """The layers of some cases of one row, in one model; what the checker refuses stands in ``wrong``."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self.wrong: dict[Case, str] = {}
        self.names: dict[Case, str] = {}
        self.sources: dict[Case, Mapping[str, str]] = {}
        self.plain: dict[tuple[tuple[str, str], ...], str] = {}
        lines: dict[str, str] = {}
        branches: list[str] = []
        for case in cases:
            text, names = branch(case, f"p{len(self.names)}", {})
            report = seqtopo.check(spec(names, [text]))
            if not report.ok:
                self.wrong[case] = str(report)
                continue
            base = tuple(case.always.items())
            if base not in self.plain:
                self.plain[base] = f"b{len(self.plain)}"
                without = dataclasses.replace(case, written="", config={}, sets=(), sources=())
                branches.append(branch(without, self.plain[base], lines)[0])
            self.names[case] = "called" if case.what == "name" else f"p{len(self.names)}"
            text, _ = branch(case, self.names[case], lines)
            branches.append(text)
            self.sources[case] = {f"c{i}": lines[f"{s} # c{i}"] for i, s in enumerate(case.sources)}
        self.model = seqtopo.compile(spec(lines, branches))

    def layer(self, case: Case) -> Any:
        """The layer that was given the case's arguments."""
        return self.model.get_layer(self.names[case])

    def without(self, case: Case) -> Any:
        """The layer that was given the same but for the case's own."""
        return self.model.get_layer(self.plain[tuple(case.always.items())])


def branch(case: Case, name: str, sources: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The case's layer with what it is applied to, and the sources, to which it adds its own."""

    def source(text: str) -> str:
        # What follows the # tells two inputs of one shape apart.
        return sources.setdefault(text, f"x{len(sources)}")

    fixed = [f"{name}={text}" for name, text in case.always.items() if name not in case.sets]
    call = f"{case.row}({', '.join(filter(None, [case.written, *fixed]))})"
    for i, text in enumerate(case.sources):
        call = re.sub(rf"\bc{i}\b", source(f"{text} # c{i}"), call)
    given = [
        source(f"{text} # {i}")
        for i, text in enumerate(incoming(LEDGER[case.row], case.what.removesuffix(" (flag)")))
    ]
    return f"{listed(given)} -> {call}" + (f" as {name}" if "name" not in case.config else ""), sources


def listed(flows: list[str]) -> str:
    """Several flows as a list; one as it is."""
    return flows[0] if len(flows) == 1 else f"[{', '.join(flows)}]"


def spec(sources: Mapping[str, str], branches: list[str]) -> str:
    """A spec of some branches, each an output."""
    lines = [f"{name} = {text.partition(' #')[0]}" for text, name in sources.items()]
    return "\n".join([*lines, listed(branches)])


@cache
def built(row: str) -> Built | seqtopo.SpecError:
    """Every case of a row, built once; why not, where Keras refuses one."""
    try:
        return Built(case for case in CASES if case.row == row)
    except seqtopo.SpecError as error:
        return error


def plain(value: Any) -> Any:
    """A part of a configuration as it can be compared: no lists, one number for several equal ones."""
    if isinstance(value, Mapping):
        if "class_name" in value:
            settings = plain(value.get("config") or {})
            return Config(
                value["class_name"], {n: v for n, v in settings.items() if n != "name" or len(settings) < 3}
            )
        return {name: plain(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        items = tuple(map(plain, value))
        return items[0] if items and all(item == items[0] for item in items) else items
    return value


def agrees(have: Any, want: Any) -> bool:
    """Return whether a part of a configuration is as a case says; of an object, the arguments it says."""
    if isinstance(want, Config):
        settings = have.settings if isinstance(have, Config) else {}
        same = isinstance(have, Config) and have.class_name == want.class_name
        return same and all(agrees(settings.get(name), value) for name, value in want.settings.items())
    return type(have) is type(want) and bool(have == want)


def assert_value_stands(row: Built, case: Case) -> None:
    """Asserts that the layer has the case's values under Keras' names, and else what it has without them."""
    assert case not in row.wrong, f"refused: {row.wrong.get(case)}"
    layer, without = row.layer(case), row.without(case)
    have, base = plain(layer.get_config()), plain(without.get_config())
    for name, want in case.config.items():
        found = attrgetter(UNSEEN[case.row, name])(layer) if (case.row, name) in UNSEEN else have.get(name)
        assert agrees(found, plain(want)), f"{case.row}: {case.written} makes {name} {found!r}, not {want!r}"
    changed = {n for n in have.keys() | base.keys() if have.get(n) != base.get(n)} - {"name"}
    follows = {n for name in case.config for n in FOLLOWS.get((case.row, name), ())}
    strangers = changed - follows - case.config.keys()
    assert not strangers, f"{case.row}: {case.written} also changes {strangers}"
    if case.changes:
        same = {name for name in case.config if (case.row, name) not in UNSEEN} - changed - {"name"}
        assert not same, f"{case.row}: {case.written} does not change {same}"
    assert_call_was_given(row, case)


def assert_call_was_given(row: Built, case: Case) -> None:
    """Asserts that the layer's call was given the case's values, and else what it is given without them."""
    given = _call_arguments(row.layer(case))
    base = _call_arguments(row.without(case))
    for name, want in case.call.items():
        named = (
            [row.sources[case][n] for n in want]
            if isinstance(want, tuple)
            else row.sources[case].get(want, want)
        )
        assert given.get(name) == named, f"{case.row}: {case.written} gives the call {given}"
    follows = [n for name in case.config for n in FOLLOWS.get((case.row, name), ())]
    strangers = {n for n in {*given, *base}.difference(case.call, follows) if given.get(n) != base.get(n)}
    assert not strangers, f"{case.row}: {case.written} also gives the call {strangers}"


def _call_arguments(layer: Any) -> dict[str, Any]:
    (node,) = layer._inbound_nodes

    def name(value: Any) -> Any:
        return value.name if isinstance(value, keras.KerasTensor) else value

    given = {n: keras.tree.map_structure(name, v) for n, v in node.arguments.kwargs.items()}
    given.pop("training", None)  # Keras adds it where it makes the graph.
    return given


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.row}-{case.what}")
def test_the_value_stands_under_keras_name(case: Case) -> None:
    row = built(case.row)
    assert isinstance(row, Built), str(row)
    assert_value_stands(row, case)


SPELLINGS = [pair for line in LEDGER.values() for pair in spellings(line)]


@pytest.mark.parametrize(("short", "long"), SPELLINGS, ids=lambda c: f"{c.row}-{c.written.partition('=')[0]}")
def test_a_word_says_what_the_long_form_says(short: Case, long: Case) -> None:
    assert arguments(short) == arguments(long)


def arguments(case: Case) -> str:
    """The arguments of the case's layer and of its call, by Keras' names, as they are read."""
    text, sources = branch(case, "p", {})
    resolved = analyse(spec(sources, [text])).resolved
    assert resolved is not None, text
    node = resolved.graph.nodes[resolved.graph.outputs[0].node]
    assert node.layer is not None
    given = {**node.layer.args, **node.call, **node.tensors}
    return str(sorted((node.layer.row.by_name[name].keras_name, str(value)) for name, value in given.items()))


CANNOT_BE_GIVEN = [
    (line.name, name, reason)
    for line in LEDGER.values()
    for name in dict.fromkeys([*keras_parameters(line), *line.call])
    if (reason := refused(line.name, name)) is not None
]


@pytest.mark.parametrize(
    ("row", "name", "reason"), CANNOT_BE_GIVEN, ids=lambda v: v if isinstance(v, str) else ""
)
def test_what_cannot_be_given_is_refused(row: str, name: str, reason: Refused) -> None:
    line = LEDGER[row]
    case = Case(row, name, f"{name}={reason.text}", always=always(line, name), sets=(name,))
    text, sources = branch(case, "p", {})
    report = seqtopo.check(spec(sources, [text]))
    assert reason.code in [d.code for d in report.diagnostics], f"{text}: {report}"


@pytest.mark.parametrize(("row", "word"), NO_WORDS)
def test_a_word_for_what_cannot_be_is_refused(row: str, word: str) -> None:
    line = LEDGER[row]
    name = line.flags[word][0]
    text, sources = branch(Case(row, word, word, always=always(line, name), sets=(name,)), "p", {})
    assert NO_WORDS[row, word].code in [d.code for d in seqtopo.check(spec(sources, [text])).diagnostics]


@pytest.mark.parametrize("row", ["mha", "group_query_attention"])
def test_flash_attention_reaches_keras(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    line = LEDGER[row]
    stock = getattr(keras.layers, line.keras)
    told: list[Any] = []
    needed = [f"{name}={text}" for name, text in always(line, "").items()]

    def make(flash_attention: Any = None, **kwargs: Any) -> Any:
        told.append(flash_attention)
        return stock(**kwargs)

    monkeypatch.setattr(keras.layers, line.keras, make)
    seqtopo.compile(f"{incoming(line)[0]} -> {row}({', '.join([*needed, 'flash_attention=true'])})")
    assert told == [True]
    assert (row, "flash_attention") in NO_TRACE


def test_no_reason_is_stale() -> None:
    named = {(row, name) for row, name, _ in CANNOT_BE_GIVEN}
    assert REFUSED_OF.keys() <= named
    assert REFUSED.keys() <= {name for _, name in named}


def test_a_parameter_without_a_value_fails() -> None:
    with pytest.raises(KeyError, match="no value to try"):
        value_of("lstm", "new_in_keras")


def swapped(row: Row, one: str, two: str) -> Row:
    """The row in which two parameters stand for each other's Keras arguments."""
    names = {one: two, two: one}
    params = tuple(
        dataclasses.replace(param, keras=names[param.name]) if param.name in names else param
        for param in row.params
    )
    return dataclasses.replace(row, params=params)


def flagged(row: Row, of: str, **flags: Any) -> Row:
    """The row in which a parameter has other bare words."""
    params = tuple(dataclasses.replace(p, flags=flags) if p.name == of else p for p in row.params)
    return dataclasses.replace(row, params=params)


@pytest.mark.parametrize(
    ("row", "what", "match"),
    [
        (swapped(NAMES["lstm"], "go_backwards", "unroll"), "go_backwards", "go_backwards False, not True"),
        (swapped(NAMES["lstm"], "go_backwards", "unroll"), "back (flag)", "go_backwards False, not True"),
        (
            swapped(NAMES["lstm"], "kernel_regularizer", "bias_regularizer"),
            "objects",
            "kernel_regularizer Config",
        ),
        (flagged(NAMES["lstm"], "go_backwards", back=False), "back (flag)", "go_backwards False, not True"),
        (
            flagged(flagged(NAMES["lstm"], "go_backwards"), "unroll", back=True),
            "back (flag)",
            "go_backwards False, not True",
        ),
        (
            dataclasses.replace(NAMES["conv1d"], positional=("kernel_size", "filters", "strides")),
            "by position",
            "filters 3, not 6",
        ),
        (swapped(NAMES["mha"], "key_mask", "value_mask"), "key_mask", "gives the call"),
        (swapped(NAMES["lstm"], "initial_state", "mask"), "mask", "gives the call"),
    ],
    ids=[
        "swapped",
        "flag of the swapped",
        "regularizers",
        "flag's value",
        "flag of another",
        "order",
        "call",
        "state",
    ],
)
def test_a_planted_mistake_is_seen(row: Row, what: str, match: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NAMES, row.name, row)
    (case,) = [case for case in CASES if (case.row, case.what) == (row.name, what)]
    with pytest.raises(AssertionError, match=match):
        assert_value_stands(Built([case]), case)


def test_simple_rnn_is_held_by_its_activity_regularizer() -> None:
    """Keras' class takes it and forgets it."""
    model = seqtopo.compile("in(5,3) -> simple_rnn(4,activity_regularizer=l1(0.5))")
    model(keras.ops.ones((2, 5, 3)))
    assert len(model.losses) == 1


def test_weights_of_half_precision_are_not_orthogonal() -> None:
    """TensorFlow alone decomposes matrices of float16, with which Keras fills an orthogonal one."""
    report = seqtopo.check("in(5,3) -> lstm(4,dtype=float16)")
    assert [d.code for d in report.diagnostics] == ["ST203"]
    assert "mixed_float16" in report.diagnostics[0].help
    seqtopo.compile("in(5,3) -> lstm(4,dtype=float16,recurrent_initializer=glorot_uniform)")
