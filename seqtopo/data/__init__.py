"""Check data against a spec, cut series for a spec, and pad samples of unequal lengths.

A name is loaded when it is first asked for, since checking a spec without data loads no NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqtopo.data.sequences import for_spec, pad, pieces, split, windows

__all__ = ["for_spec", "pad", "pieces", "split", "windows"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("seqtopo.data.sequences"), name)
