"""Compare the labels of a spec with its outputs: their shapes, their losses and the data."""

from __future__ import annotations

from seqtopo.advice.verify_fixes import Trial
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.resolver import Resolved


def label_findings(resolved: Resolved, *, fixes: bool = True) -> list[Diagnostic]:
    """Return what is wrong with the labels that a spec declares, with ``fixes`` that were tried."""
    if resolved.training is None:
        return []
    from seqtopo.labels.check_labels import check_labels  # most specs declare no labels

    return check_labels(resolved, trial=Trial.of(resolved) if fixes else None)
