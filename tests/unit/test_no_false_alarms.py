"""No rule finds fault with what is right: published models, known topologies, the documentation."""

from __future__ import annotations

import pytest

from seqtopo.api import check
from tests.support.right_specs import right_specs

SPECS = dict(right_specs())

_AS_PUBLISHED = "it runs step by step on a GPU: TensorFlow's Keras 2 printed a warning of its own for this"

WORTH_KNOWING: dict[str, dict[str, str]] = {
    "ST616": {"model tcn_copy_memory": "its last layer reaches 1793 steps back, of the 621 that there are"},
    "ST651": {
        **{
            f"model {name}": _AS_PUBLISHED
            for name in (
                "dlwp1_conv_gru_jena",
                "dlwp2_stacked_gru_jena",
                "hierarchical_attention",
                "jb_composite_autoencoder",
                "jb_encoder_decoder",
                "jb_stacked_lstm",
                "lstnet",
                "ner_bilstm_cnn",
                "sed_crnn",
            )
        },
        "topology everything_regularized": "every way to regularize is in it, recurrent_dropout among them",
    },
}
"""By code, the specs that are told something worth knowing, each with why its authors would agree."""


def told(name: str) -> dict[str, str]:
    """The codes of what is said of a spec, with the messages."""
    return {d.code: f"{d.severity}: {d.message}" for d in check(SPECS[name]).diagnostics}


def test_there_is_much_to_be_silent_about() -> None:
    assert len(SPECS) > 250


@pytest.mark.parametrize("name", SPECS)
def test_nothing_is_said_of_what_is_right(name: str) -> None:
    expected = {code for code, specs in WORTH_KNOWING.items() if name in specs}
    found = told(name)
    assert set(found) == expected, found
    assert not [m for m in found.values() if not m.startswith("info")]


def test_what_is_worth_knowing_is_said_of_specs_that_stand_here() -> None:
    assert {name for specs in WORTH_KNOWING.values() for name in specs} <= set(SPECS)
    assert all(reason for specs in WORTH_KNOWING.values() for reason in specs.values())


def test_a_false_alarm_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SPECS, "wrong", "in(24,3) -> lstm(8) -> dense(1,softmax)")
    assert told("wrong")
