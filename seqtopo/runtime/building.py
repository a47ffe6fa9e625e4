"""Build the models of a spec and attach them: stock Keras layers, ready to run on every backend."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.emit.backend import choose, old_versions, running
from seqtopo.graph import buildable
from seqtopo.report.analyse import Checked, buildable_spec
from seqtopo.source import Source, Span

if TYPE_CHECKING:
    from seqtopo.emit.build import Built


def build(
    checked: Checked,
    backend: str | None = None,
    max_params: int = buildable.MAX_PARAMS,
    *,
    kernels: bool = True,
    seed: int | None = None,
) -> Built:
    """The models of a spec that was read, each built when it is asked for, and ready to run.

    Raises:
        SpecError: what ``compile`` raises it for.
        ValueError: the seed is no whole number from 0 up.
    """
    resolved = buildable_spec(checked, max_params)
    if seed is not None and (isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0):
        raise ValueError(f"a seed is a whole number from 0 up, such as seed=1, not {seed!r}")
    choose(backend)
    from seqtopo.emit.build import Built
    from seqtopo.runtime.kernels.attaching import make_ready

    return Built(
        resolved, partial(make_ready, kernels=kernels), None if seed is None else operator.index(seed)
    )


@contextmanager
def keras_refusals(source: Source) -> Iterator[None]:
    """Where Keras refuses what the checker accepted, a diagnostic with Keras' words.

    Raises:
        SpecError: ST404, from Keras' own error.
    """
    try:
        yield
    except SpecError:
        raise
    except Exception as error:
        said = str(error).strip() or type(error).__name__
        newer = "either the checker is wrong, or this Keras is newer than the ones it knows"
        report = "report it, with the spec and these notes"
        old = old_versions()
        help = f"install such a version first; if it stays, {report}" if old else f"please {report}"
        raise SpecError(
            (
                Diagnostic(
                    "ST404",
                    "Keras refused a spec in which the checker found nothing wrong",
                    Span(0, 0),
                    notes=(
                        f"{running()} said: {said}",
                        *(old or (newer,)),
                    ),
                    help=help,
                    source=source,
                ),
            )
        ) from error
