"""Share the cores of a machine among workers: each gets its part before its backend is imported."""

from __future__ import annotations

import os
from collections.abc import MutableMapping, Sequence

THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
"""The environment variables that PyTorch, NumPy and TensorFlow read on import for their number of threads.
JAX uses the cores that it may run on."""


def cores() -> list[int]:
    """Return the numbers of the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def share(there: Sequence[int], worker: int, workers: int) -> list[int]:
    """Return the cores of one of several workers. Each worker gets the same number, at least one.

    >>> share([0, 1, 2, 3], 1, 2), share([0, 1], 2, 3)
    ([2, 3], [0])
    """
    each = max(1, len(there) // workers)
    first = worker * each
    return [there[i % len(there)] for i in range(first, first + each)]


def limit_threads(own: Sequence[int], environment: MutableMapping[str, str] | None = None) -> None:
    """Restrict this process to some cores, with a thread for each; variables that are already set stay."""
    environment = os.environ if environment is None else environment
    for name in THREADS:
        environment.setdefault(name, str(len(own)))
    pin(own)


def pin(own: Sequence[int], process: int = 0) -> None:
    """Restrict a process, by default this one, to some cores, if the system supports that."""
    if hasattr(os, "sched_setaffinity"):
        try:
            os.sched_setaffinity(process, own)
        except OSError:  # a container may forbid it
            return
