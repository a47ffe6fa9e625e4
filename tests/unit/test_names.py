"""Rows by name: each is found by every one of its names, and no name stands twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

import seqtopo
from seqtopo.layers.registry import FAMILIES, NAMES, ROWS, flags, indexed


def test_every_row_is_found_by_each_of_its_names_in_the_order_of_the_reference() -> None:
    assert list(NAMES) == list(indexed(ROWS))
    assert len(NAMES) > 150
    for row in ROWS:
        assert all(NAMES[name] is row for name in (row.name, *row.aliases))
    assert [row for family in FAMILIES.values() for row in family.ROWS] == list(ROWS)
    assert {word for row in ROWS for word in row.flags} == flags()


def test_what_is_no_name_is_not_there() -> None:
    assert "lstn" not in NAMES
    assert NAMES.get("lstn") is None
    with pytest.raises(KeyError, match="lstn"):
        NAMES["lstn"]


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="two rows are called lstm"):
        indexed([*ROWS, replace(NAMES["lstm"], aliases=())])


def test_a_layer_has_no_name_that_keras_refuses() -> None:
    spec = 'in(3,4) -> lstm(3,name="a/b") -> dense(1)'
    (found,) = seqtopo.check(spec).diagnostics
    assert (found.code, found.message) == ("ST203", "lstm(name='a/b'): name must be a name without '/'")
    assert [fix.apply(spec) for fix in found.fixes] == ["in(3,4) -> lstm(3,name=a_b) -> dense(1)"]
    assert seqtopo.check('in(3,4) -> lstm(3,name="a.b:c d") -> dense(1)').ok
