"""Python's search for cycles, kept off while much is made that stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def off() -> Iterator[None]:
    """Keeps the collector off, and leaves it as it was.

    It would walk all there is, again and again, and find nothing: that doubled the time of a check of
    100,000 layers, and was nearly half of that of building 100 layers on PyTorch.

    >>> with off():
    ...     gc.isenabled()
    False
    """
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
