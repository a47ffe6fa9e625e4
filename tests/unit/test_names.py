"""Rows by name: each is found in its own module, and no other module is read for it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from seqtopo.layers.index import FLAGS, MODULES
from seqtopo.layers.names import Names, indexed
from seqtopo.layers.table import FAMILIES, NAMES, ROWS


def test_every_row_is_found_by_each_of_its_names_in_the_order_of_the_reference() -> None:
    assert list(NAMES) == list(indexed(ROWS)) == list(MODULES)
    assert len(NAMES) == len(MODULES) > 150
    for row in ROWS:
        assert all(NAMES[name] is row for name in (row.name, *row.aliases))
    assert set(MODULES.values()) == set(FAMILIES)
    assert {word for row in ROWS for word in row.flags} == FLAGS


def test_what_is_no_name_is_not_there() -> None:
    assert "lstn" not in NAMES
    assert NAMES.get("lstn") is None
    with pytest.raises(KeyError, match="lstn"):
        NAMES["lstn"]


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="two rows are called lstm"):
        indexed([*ROWS, replace(NAMES["lstm"], aliases=())])


def test_asking_whether_there_is_a_name_reads_nothing() -> None:
    fresh = Names()
    assert "lstm" in fresh
    assert len(fresh) == len(list(fresh)) == len(MODULES)
    assert not fresh.loaded


@pytest.mark.parametrize(
    ("name", "along"),
    [
        ("lstm", set()),
        ("dense", set()),
        ("conv1d", set()),
        ("mha", set()),
        ("layernorm", set()),
        ("td", {"recurrent"}),
        ("concat", {"operations"}),
    ],
)
def test_a_name_reads_the_module_of_its_row(name: str, along: set[str]) -> None:
    program = f"import sys; from seqtopo.layers.names import NAMES; NAMES[{name!r}]; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    read = {module.removeprefix("seqtopo.layers.") for module in said.stdout.split()} & set(FAMILIES)
    assert read == {MODULES[name], *along}
