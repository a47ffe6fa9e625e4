"""The topologies of the literature and their mixtures: what the checker says of each, without Keras."""

from __future__ import annotations

import pytest

from seqtopo.api import check
from tests.support.topologies import TOPOLOGIES, Topology

COST = ("ST65",)
"""Codes about cost on a GPU, which does not concern the topology."""

by_name = pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda topology: topology.name)


def test_no_two_topologies_share_a_name() -> None:
    assert len({topology.name for topology in TOPOLOGIES}) == len(TOPOLOGIES) > 40


@by_name
def test_a_topology_checks_to_its_kind_and_shapes(topology: Topology) -> None:
    report = check(topology.spec, ignore=COST, **topology.dims)
    assert not report.diagnostics, str(report)
    assert report.kind == topology.kind
    shapes = [tuple(s if isinstance(s, int) else None for s in shape) for shape in report.outputs.values()]
    assert shapes == list(topology.outputs)
    assert report.trainable_params is not None


@by_name
def test_a_topology_checks_before_its_sizes_are_bound(topology: Topology) -> None:
    report = check(topology.spec, ignore=COST)
    assert not report.diagnostics, str(report)
    assert report.kind == topology.kind


def test_the_classic_mistake_is_refused_with_its_cause_its_place_and_its_fix() -> None:
    text = "in(?,1) -> simple_rnn(20,seq) -> simple_rnn(20) -> simple_rnn(20) -> dense(1)"
    (found,) = check(text).diagnostics
    assert (found.code, found.severity) == ("ST301", "error")
    assert found.span.start == text.rindex("simple_rnn")
    cause = next(label for label in found.labels if "only its last step" in label.text)
    assert text[cause.span.start :].startswith("simple_rnn(20) -> simple_rnn(20)")
    (edit,) = found.fixes[0].edits
    mended = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert mended == text.replace("simple_rnn(20) -> simple_rnn(20)", "simple_rnn(20,seq) -> simple_rnn(20)")
    assert check(mended).ok


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("in(4) -> dense(3)", "one-to-one"),
        ("in(4) -> repeat(5) -> lstm(3,seq)", "one-to-many"),
        ("in(5,4) -> lstm(3)", "many-to-one"),
        ("in(5,4) -> lstm(3) -> repeat(2) -> lstm(3,seq)", "many-to-many, delayed"),
        ("in(5,4) -> lstm(3,seq)", "many-to-many"),
    ],
)
def test_the_five_drawings_are_told_apart(spec: str, kind: str) -> None:
    assert check(spec).kind == kind


def test_the_shape_table_says_what_comes_in_and_out_of_each_layer() -> None:
    report = check("in(29,1) -> simple_rnn(20,seq) -> simple_rnn(20) -> dense(1)")
    assert [(line.layer, line.inputs, line.outputs, line.params) for line in report.shapes] == [
        ("in", (), ((29, 1),), 0),
        ("simple_rnn(20)", ((29, 1),), ((29, 20),), 440),
        ("simple_rnn(20)", ((29, 20),), ((20,),), 820),
        ("dense(1)", ((20,),), ((1,),), 21),
    ]
    for name in ("(29, 20)", "1,281", "the last step only"):
        assert name in str(report)
