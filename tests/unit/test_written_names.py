"""Layers by another of their names, and cells as the layers that run them."""

from __future__ import annotations

import pytest

import seqtopo

CELLS = [
    ("rnn([lstm_cell(10), lstm_cell(10)])", "lstm(10,seq) -> lstm(10)"),
    ("rnn(lstm_cell(10))", "lstm(10)"),
    ("rnn([gru_cell(10), lstm_cell(5)],seq,stateful)", "gru(10,stateful,seq) -> lstm(5,seq,stateful)"),
    ("rnn([gru_cell(10), lstm_cell(5)],back)", "gru(10,back,seq) -> lstm(5)"),
    ("simple_rnn(simple_rnn_cell(4))", "simple_rnn(4)"),
    ("rnn(stacked_rnn_cells([lstm_cell(10), gru_cell(units=4)]))", "lstm(10,seq) -> gru(units=4)"),
    ("rnn([lstm_cell(10)] * 3)", "lstm(10,seq) -> lstm(10,seq) -> lstm(10)"),
    ("rnn([lstm_cell(10) for N in range(2)])", "lstm(10,seq) -> lstm(10)"),
    ("rnn(cell=lstm_cell(10,dropout=0.1))", "lstm(10,dropout=0.1)"),
    ("RNN([LSTMCell(10), GRUCell(4)])", "lstm(10,seq) -> gru(4)"),
    ("RNN(LSTMCell(10), return_sequences=true)", "lstm(10,return_sequences=true)"),
    ("StackedRNNCells([LSTMCell(10), LSTMCell(10)])", "lstm(10,seq) -> lstm(10)"),
    ("lstm_cell(10)", "lstm(10)"),
    ("bi(rnn(gru_cell(10)))", "bi(gru(10))"),
]


@pytest.mark.parametrize(("written", "layers"), CELLS, ids=[row[0] for row in CELLS])
def test_fault_e6_cells_are_offered_as_their_layers(written: str, layers: str) -> None:
    spec = f"in(20,4,batch=2) -> {written} -> flatten"
    (found,) = seqtopo.check(spec).diagnostics
    assert found.code in ("ST203", "ST209")
    assert "write " in found.help
    assert [fix.apply(spec) for fix in found.fixes] == [f"in(20,4,batch=2) -> {layers} -> flatten"]
    assert seqtopo.check(found.fixes[0].apply(spec)).ok


def test_fault_e6_what_is_no_cell_is_still_no_number_of_units() -> None:
    (found,) = seqtopo.check("in(20,4) -> lstm([4,5])").diagnostics
    assert "units must be a whole number" in found.message


ALIASES = (
    "in(9,int) -> embedding(10,4) -> bidirectional(simple_rnn(4,seq)) -> max_pooling1d(2) -> simple_rnn(3)"
)


def test_fault_f12_a_layer_is_shown_by_the_name_that_it_is_written_with() -> None:
    shown = [
        "in", "embedding(10,4)", "bidirectional(simple_rnn(4))", "max_pooling1d(2)", "simple_rnn(3)"
    ]  # fmt: skip
    report = seqtopo.check(ALIASES)
    assert [layer.layer for layer in report.shapes] == shown
    picture = str(seqtopo.draw(ALIASES))
    for name in shown[1:]:
        assert name in picture
    plain = [layer.layer for layer in seqtopo.check("in(9,4) -> rnn(4,seq) -> bi(rnn(3))").shapes]
    assert plain == ["in", "rnn(4)", "bi(rnn(3))"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("in(9,4) -> simple_rnn(4,sq)", "simple_rnn has no flag sq"),
        ("in(9,4) -> simple_rnn(4,unit=3)", "simple_rnn has no argument unit"),
        ("in(9,4) -> simple_rnn", "simple_rnn needs units"),
        ("in(9,4) -> simple_rnn(0)", "simple_rnn(units=0)"),
        ("in(9,4) -> simple_rnn(4,5)", "simple_rnn takes 1 argument by position"),
        ("in(4) -> simple_rnn(4)", "simple_rnn takes (T, F)"),
    ],
)
def test_fault_f12_so_do_messages(spec: str, said: str) -> None:
    assert said in seqtopo.check(spec).diagnostics[0].message


def test_fault_f12_names_of_one_layer_are_the_same_topology() -> None:
    from seqtopo.decompiler.decompile import compare
    from seqtopo.report.analyse import analyse

    checked = analyse("in(9,4) -> rnn(4,seq) -> norm")
    assert checked.resolved is not None
    assert compare("in(9,4) -> simple_rnn(4,seq) -> layer_normalization", checked.resolved.graph) == ""
