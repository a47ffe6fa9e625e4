"""Build the models of a spec from stock Keras layers, with kernels and states attached, for every backend."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
    """Return the models of a spec that was read, each built when it is asked for, and ready to run.

    Raises:
        SpecError: for the reasons for which ``compile`` raises it.
        ValueError: the seed is not a whole number from 0 up.
    """
    resolved = buildable_spec(checked, max_params)
    if seed is not None and (isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0):
        raise ValueError(f"a seed is a whole number from 0 up, such as seed=1, not {seed!r}")
    choose(backend)
    from seqtopo.runtime.kernels.attaching import ready_models  # loads Keras

    return ready_models(resolved, None if seed is None else operator.index(seed), kernels=kernels)


@contextmanager
def keras_refusals(source: Source) -> Iterator[None]:
    """Turn an error of Keras about a spec that the checker accepted into a diagnostic with Keras' words.

    Raises:
        SpecError: ST404, from Keras' own error.
    """
    try:
        yield
    except SpecError:
        raise
    except Exception as error:
        reason = str(error).strip() or type(error).__name__
        if isinstance(error, KeyError):  # whose text is the repr of what it was given
            reason = str(error.args[0])
        newer = "either the checker is wrong, or this Keras is newer than the ones it knows"
        report = "report it, with the spec and these notes"
        old = old_versions()
        help = f"install such a version first; if it stays, {report}" if old else f"please {report}"
        if "parameter name can" in reason:
            # What torch.nn.Module says of the names of its parameters.
            newer = "PyTorch takes no '.' in the name of a layer that has weights"
            help = "write another character in its place, or build it with another backend: --backend jax"
            old = ()
        raise SpecError(
            (
                Diagnostic(
                    "ST404",
                    "Keras refused a spec in which the checker found nothing wrong",
                    Span(0, 0),
                    notes=(
                        f"{running()} said: {reason}",
                        *(old or (newer,)),
                    ),
                    help=help,
                    source=source,
                ),
            )
        ) from error


@contextmanager
def backend_failures(what: str, source: Source | None = None, help: str = "") -> Iterator[None]:
    """Turn an error of the backend, while ``what`` is done, into a diagnostic with the backend's words.

    Errors that seqtopo's own code raises are not changed.

    Raises:
        SpecError: ST438, from the backend's own error.
    """
    try:
        yield
    except SpecError:
        raise
    except Exception as error:
        if _is_ours(error):
            raise
        full = isinstance(error, MemoryError) or any(word in str(error).lower() for word in _NO_MEMORY)
        raise SpecError(
            (
                Diagnostic(
                    "ST438",
                    f"{running()} ran out of memory while {what}"
                    if full
                    else f"{running()} stopped while {what}",
                    Span(0, 0),
                    notes=(f"{type(error).__name__}: {_reason(str(error))}",),
                    help="take smaller batches" if full else help or "try another backend: --backend NAME",
                    source=source,
                ),
            )
        ) from error


_NO_MEMORY = ("out of memory", "resource_exhausted", "can't allocate memory", "unable to allocate")
"""The words with which backends say that there is no memory left."""
_OURS = str(Path(__file__).parents[1])
_BEFORE = ("Graph execution error", "Detected at node", "Exception encountered when calling", "  ", "\t")
"""The first words of lines that only say where an error of Keras or TensorFlow is from."""


def _reason(text: str) -> str:
    """Return the first line of an error's text that says what went wrong."""
    lines = [line for line in text.splitlines() if line.strip()]
    found = next((line for line in lines if not line.startswith(_BEFORE)), lines[0] if lines else "")
    return " ".join(found.split())[:500]


def _is_ours(error: Exception) -> bool:
    """Return whether an error was raised by seqtopo's code, and not by a backend that it called."""
    if type(error).__module__.startswith("seqtopo"):
        return True
    if not isinstance(error, (ValueError, TypeError, AttributeError, NameError, LookupError, AssertionError)):
        return isinstance(error, OSError)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS)
