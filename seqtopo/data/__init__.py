"""Data: against a spec, read from headers where that is enough; and series, cut as a spec wants them."""

from seqtopo.data.sequences import for_spec, pieces, split, windows

__all__ = ["for_spec", "pieces", "split", "windows"]
