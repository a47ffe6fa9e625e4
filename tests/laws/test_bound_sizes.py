"""A rule sees every size that is known: written in the spec, bound, or learned from the data."""

from __future__ import annotations

import numpy as np
import pytest

import seqtopo
from seqtopo.diag.pages import pages
from seqtopo.report.analyse import analyse
from seqtopo.source import Source
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse

EXAMPLES = {
    page.code.code: page.example for page in pages() if page.code.code.startswith("ST6") and page.example
}
CHOSEN = {
    "ST662": "a step whose arguments are names does something with other values of them",
    "ST663": "a rate that is bound to 0 is switched off for once",
}
"""Rules that take a name among a layer's arguments for a choice, each with the reason."""


def _numbers(spec: str) -> list[tree.Number]:
    """The numbers of a spec that stand for a value, in the order of the text."""
    parsed, _ = parse(Source(spec))
    assert parsed is not None
    return [n for n in tree.every(parsed) if isinstance(n, tree.Number)]


def _sizes(spec: str) -> list[list[tree.Number | tree.Expr]]:
    """The sizes of each ``in(...)``."""
    parsed, _ = parse(Source(spec))
    assert parsed is not None
    calls = [n for n in tree.every(parsed) if isinstance(n, tree.Call) and n.name.name == "in"]
    return [[a.value for a in call.args if a.name is None] for call in calls]


def _named(spec: str, nodes: list[tree.Number]) -> tuple[str, dict[str, float]]:
    """The spec with a name in place of each number, and what the names stand for."""
    text, values = spec, {}
    for i, node in reversed(list(enumerate(nodes))):
        values[f"N{i}"] = node.value
        text = text[: node.span.start] + f"N{i}" + text[node.span.end :]
    return text, values


def _codes(spec: str, **more: object) -> set[str]:
    return {d.code for d in seqtopo.check(spec, select="ALL", **more).diagnostics}  # type: ignore[arg-type]


@pytest.mark.parametrize("code", sorted(EXAMPLES.keys() - CHOSEN.keys()))
def test_fault_a7_a_number_that_is_bound_is_seen_as_one_that_is_written(code: str) -> None:
    spec = EXAMPLES[code]
    text, values = _named(spec, _numbers(spec))
    wanted = _codes(spec)
    assert code in wanted
    assert code in _codes(text, **values), text
    lets = "".join(f"let {name} = {value}\n" for name, value in values.items())
    assert code in _codes(lets + text), lets + text


def _array(spec: str) -> list[np.ndarray] | None:
    """Data for the inputs of a spec whose sizes are all written; None where one is not."""
    report = seqtopo.check(spec)
    shapes = [line for line in report.shapes if line.layer == "in"]
    if not all(isinstance(size, int) for line in shapes for size in line.outputs[0]):
        return None
    batch = 2
    for node in analyse(spec).resolved.graph.nodes if report.ok else ():  # type: ignore[union-attr]
        if node.layer is None and isinstance(node.batch, int):
            batch = node.batch * 2
    return [np.zeros((batch, *line.outputs[0]), line.dtype) for line in shapes]  # type: ignore[arg-type]


COMPARED: set[str] = set()


@pytest.mark.parametrize("form", ["T{}", "?"])
@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_fault_a7_a_size_that_data_tells_is_seen_as_one_that_is_written(code: str, form: str) -> None:
    spec = EXAMPLES[code]
    data = _array(spec)
    sizes = [size for sizes in _sizes(spec) for size in sizes[:1] if isinstance(size, tree.Number)]
    if not data or not sizes:
        return
    COMPARED.add(code)
    text = spec
    for i, node in reversed(list(enumerate(sizes))):
        text = text[: node.span.start] + form.format(i) + text[node.span.end :]
    if {d.code for d in seqtopo.check(text).diagnostics if d.severity == "error"}:
        return
    assert code in _codes(text, x=data), text


def test_most_rules_were_compared() -> None:
    assert not COMPARED or len(COMPARED) > len(EXAMPLES) // 2
