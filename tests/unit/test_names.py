"""Rows by name: each is found by every one of its names, and no name stands twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

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
