"""Stateful specs with a series for each: the whole of it at once, or in pieces that follow each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BATCH, PIECES, STEPS = 2, 4, 3
"""Rows side by side; pieces the series is cut into; time steps in each piece."""


@dataclass(frozen=True)
class Case:
    """A stateful spec over ``T`` open steps. ``loose`` where it computes with half the digits."""

    name: str
    spec: str
    features: tuple[int, ...] = (2,)
    masked: bool = False
    loose: bool = False
    inputs: int = 1

    @property
    def stateless(self) -> str:
        """The same without what it remembers."""
        return self.spec.replace(",stateful", "").replace(",batch=2", "")


ONE_WAY = (
    Case("lstm", "in(T,2,batch=2) -> lstm(4,seq,stateful) -> dense(1)"),
    Case("gru", "in(T,2,batch=2) -> gru(4,seq,stateful) -> dense(1)"),
    Case("simple_rnn", "in(T,2,batch=2) -> simple_rnn(4,seq,stateful) -> dense(1)"),
    Case("last_step", "in(T,2,batch=2) -> lstm(4,stateful) -> dense(1)"),
    Case(
        "stack",
        "in(T,2,batch=2) -> gru(4,seq,stateful) -> lstm(4,seq,stateful) -> rnn(3,stateful) -> dense(1)",
    ),
    Case("named", "core = lstm(4,seq,stateful) -> gru(3,seq,stateful)\nin(T,2,batch=2) -> core -> dense(1)"),
    Case(
        "masked",
        "in(T,2,batch=2) -> mask -> gru(4,seq,stateful) -> lstm(4,seq,stateful) -> dense(1)",
        masked=True,
    ),
    Case("masked_last", "in(T,2,batch=2) -> mask -> lstm(4,stateful) -> dense(1)", masked=True),
    Case("conv_lstm1d", "in(T,6,1,batch=2) -> convlstm1d(3,3,same,seq,stateful)", (6, 1)),
    Case("conv_lstm2d", "in(T,4,4,1,batch=2) -> convlstm2d(2,3,stateful) -> flatten -> dense(1)", (4, 4, 1)),
    Case(
        "mixed",
        "in(T,2,batch=2) -> lstm(4,seq,stateful,dtype=mixed_bfloat16) -> dense(1,dtype=float32)",
        loose=True,
    ),
)
"""Cases that only read forward: in pieces they give the same outputs as for the whole series."""

OTHERS = (
    Case("both_ways", "in(T,2,batch=2) -> bi(lstm(3,seq,stateful)) -> bi(gru(3,stateful),sum) -> dense(1)"),
    Case("unrolled", "in(3,2,batch=2) -> lstm(3,seq,stateful,unroll) -> gru(3,stateful,unroll) -> dense(1)"),
    Case(
        "at_every_step",
        "step = lstm(3,seq,stateful) -> gru(2,stateful)\n"
        "in(3,3,2,batch=2) -> td(step) -> lstm(2,stateful) -> dense(1)",
        (3, 2),
    ),
    Case(
        "shared",
        "reader = gru(3,stateful)\n"
        "[in(T,2,batch=2) as a -> reader, in(T,2,batch=2) as b -> reader] -> concat -> dense(1)",
        inputs=2,
    ),
)
"""Cases that read pieces backwards too, or in several places: only backends can be compared."""

CASES = (*ONE_WAY, *OTHERS)

COMPILED = ("lstm", "both_ways")
"""Cases that run as a user would run them; the others run eagerly where compiling each costs seconds."""


def series(case: Case) -> Any:
    """The whole series of a case: shape ``(batch, pieces * steps, *features)``."""
    import numpy as np

    numbers = np.random.default_rng(sum(map(ord, case.name)))
    found = numbers.normal(size=(BATCH, PIECES * STEPS, *case.features)).astype("float32")
    if case.masked:
        # Among them the whole of a piece, and the first step of one.
        found[0, 1] = found[1, 5:7] = found[0, 6:9] = found[0, 11] = 0.0
    return found


def pieces(whole: Any) -> Any:
    """Its pieces, one batch after the other: shape ``(pieces * batch, steps, *features)``."""
    cut = whole.reshape(BATCH, PIECES, STEPS, *whole.shape[2:])
    return cut.swapaxes(0, 1).reshape(PIECES * BATCH, STEPS, *whole.shape[2:])


def given(case: Case) -> Any:
    """The pieces as the case's model takes them."""
    rows = pieces(series(case))
    return rows if case.inputs == 1 else [rows, -rows]


def labels(like: Any) -> Any:
    """Labels of the shape of outputs."""
    import numpy as np

    return np.random.default_rng(7).normal(size=like.shape).astype("float32")


def set_weights(model: Any) -> None:
    """Set every weight to a number drawn for it, the same on every backend."""
    import numpy as np

    numbers = np.random.default_rng(11)
    model.set_weights([numbers.normal(scale=0.4, size=w.shape).astype("float32") for w in model.weights])
