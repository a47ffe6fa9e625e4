"""The index of calls gives what a walk over all of them gives, in the same order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seqtopo.graph.graph import Node
from seqtopo.layers.layer import Layer
from seqtopo.lint.places import place_of
from seqtopo.lint.view import View, in_order
from seqtopo.report.analyse import analyse
from tests.support.right_specs import right_specs

SPECS = [
    *(text for _, text in right_specs()),
    "in(5,9,4) -> td(bi(lstm(3,stateful=false))) -> td(dense(2,relu) -> td(dense(1))) -> bi(gru(2,seq))",
    "a = in(9,4) -> dense(3)\nb = a -> relu -> (dense(3) -> relu) * 2\n[b, a] -> add -> dense(1,softmax)",
]


def views() -> Iterator[View]:
    """Each flow of each spec."""
    for text in SPECS:
        checked = analyse(text)
        if checked.resolved is not None and checked.spec is not None:
            yield from View(checked.resolved, checked.spec).flows


def layers(node: Node) -> Iterator[Layer]:
    """A call's layer, and those inside it."""
    layer: object = node.layer
    while isinstance(layer, Layer):
        yield layer
        layer = layer.get("layer")


def assert_same(found: list[Node], walked: list[Node]) -> None:
    """Check that these are the same nodes, in the same order."""
    assert [node.index for node in found] == [node.index for node in walked]


def test_calls_are_found_by_their_rows_and_arguments() -> None:
    rows: set[str] = set()
    arguments: set[str] = set()
    for view in views():
        for node in view.calls:
            rows.update(layer.row.name for layer in layers(node))
            arguments.update(name for layer in layers(node) for name in layer.args)
        for row in rows:
            assert_same(view.calls_of(row), [n for n in view.calls if view.is_row(n, row)])
            inside = [n for n in view.calls if place_of(view, n).layer.row.name == row]
            assert_same(view.index.called_or_wrapped([row]), inside)
        for name in arguments:
            given = [n for n in view.calls if any(name in layer.args for layer in layers(n))]
            assert_same(view.calls_given(name), given)
    assert {"td", "bi", "lstm", "dense"} <= rows
    assert {"units", "stateful", "activation"} <= arguments


def test_several_rows_are_found_in_the_order_of_the_graph() -> None:
    found = 0
    for view in views():
        for rows in (("dense", "lstm", "bi"), ("relu", "dense", "relu"), ("no such row",), ()):
            assert_same(view.calls_of(*rows), [n for n in view.calls if view.is_row(n, *rows)])
            found += len(view.calls_of(*rows))
    assert found > 100


@pytest.mark.parametrize("several", [[], [[]], [[], []]])
def test_no_nodes_are_an_empty_list(several: list[list[Node]]) -> None:
    assert in_order(*several) == []
