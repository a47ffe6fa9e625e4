"""Compare some draws with Keras in a process of its own: ``python -m tests.support.run_draws 0 300``.

With ``onednn`` as a third argument, only accepted specs with a layer that TensorFlow may compute through
oneDNN alone. Prints what came of it as JSON. The number of each draw goes to the error stream first, so
that one that ends the process is known too.
"""

from __future__ import annotations

import gc
import json
import sys
from collections import Counter
from dataclasses import dataclass, field

from seqtopo.layers.registry import NAMES
from tests.support.cheap_weights import cheap_weights
from tests.support.compare_accepted import compare_accepted, keras
from tests.support.compare_refused import compare_refused, refused_call
from tests.support.draws import draw, rows_used, shrink

MOST_ALIKE = 10
"""Refusals of one code by one row that are compared in one stretch: most draws are refused alike."""


@dataclass
class Stretch:
    """The results of some draws."""

    accepted: int = 0
    ran: int = 0
    refused: int = 0
    by_language: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def compare(first: int, count: int, *, onednn: bool = False) -> Stretch:
    """Compare the draws from ``first`` on; with ``onednn``, those for which that library matters."""
    found = Stretch()
    alike: Counter[tuple[str, str]] = Counter()
    with cheap_weights():
        for seed in range(first, first + count):
            print(f"draw {seed}", file=sys.stderr, flush=True)
            if seed % 100 == 0:
                keras.backend.clear_session()
                gc.collect()
            _compare(seed, found, alike, onednn=onednn)
    return found


def _compare(seed: int, found: Stretch, alike: Counter[tuple[str, str]], *, onednn: bool) -> None:
    drawn = draw(seed)
    if onednn:
        drawn.refused = []
        rows = rows_used(drawn.accepted) if drawn.accepted else ()
        if all(NAMES[row].by_onednn is None for row in rows):
            return
    if drawn.accepted is not None:
        result = compare_accepted(drawn.accepted)
        found.accepted += 1
        found.ran += result.ran
        found.rows += rows_used(drawn.accepted)
        if result.skipped:
            found.skipped[result.skipped] += 1
        if result.wrong:
            small = shrink(drawn.accepted, _is_wrong)
            found.wrong.append(f"draw {seed}: {small}\n  {compare_accepted(small).wrong}")
    for text in drawn.refused:
        refused = refused_call(text)
        if refused is None:
            found.by_language += 1
            continue
        assert refused.node.layer is not None
        kind = (refused.code, refused.node.layer.row.name)
        alike[kind] += 1
        if alike[kind] > MOST_ALIKE:
            continue
        result = compare_refused(refused)
        found.refused += 1
        if result.skipped:
            found.skipped[result.skipped] += 1
        if result.wrong:
            found.wrong.append(f"draw {seed}: {text}\n  {result.wrong}")


def _is_wrong(text: str) -> bool:
    try:
        return bool(compare_accepted(text).wrong)
    except AssertionError:
        return False


if __name__ == "__main__":
    found = compare(int(sys.argv[1]), int(sys.argv[2]), onednn="onednn" in sys.argv[3:])
    print(json.dumps(vars(found)))
