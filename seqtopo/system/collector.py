"""Switch Python's cyclic garbage collector off while a check makes many objects that stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def off() -> Iterator[None]:
    """Switch the collector off inside the ``with`` block, and back to what it was behind it.

    A check makes no cycles. Left on, the collector walks all nodes again and again: a check of 50,000 layers
    takes a fifth to a third longer. Building is as fast with it.

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
