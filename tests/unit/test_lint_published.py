"""No rule fires on a published model or an example, but for what its authors would want to know."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqtopo.api import check
from tests.support.models import FOLDER

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
OWN_LAYER = EXAMPLES / "custom-layer" / "spec.txt"
"""Its layer joins by a package, which need not be installed here."""
SPECS = [*sorted(FOLDER.glob("*.txt")), *sorted({*EXAMPLES.glob("*/spec.txt")} - {OWN_LAYER})]

WORTH_KNOWING = {
    # They run step by step on a GPU. TensorFlow's Keras 2 printed a warning of its own for each of them.
    "ST651": {
        "dlwp1_conv_gru_jena",
        "dlwp2_stacked_gru_jena",
        "hierarchical_attention",
        "jb_composite_autoencoder",
        "jb_encoder_decoder",
        "jb_stacked_lstm",
        "lstnet",
        "ner_bilstm_cnn",
        "sed_crnn",
    },
}
"""What is said of published models all the same, by code: a word about cost, never about the topology."""


def named(path: Path) -> str:
    return path.stem if path.parent == FOLDER else path.parent.name


def test_there_are_specs_to_check() -> None:
    assert len(SPECS) > 50


@pytest.mark.parametrize("path", SPECS, ids=named)
def test_a_published_model_is_left_alone(path: Path) -> None:
    found = check(path).diagnostics
    expected = {code for code, models in WORTH_KNOWING.items() if named(path) in models}
    assert {d.code for d in found} == expected, [d.message for d in found]
    assert {d.severity for d in found} <= {"info"}
