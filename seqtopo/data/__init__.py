"""Data: against a spec, read from headers where that is enough; series, cut as a spec wants them; samples of
unequal lengths, padded.
"""

from seqtopo.data.sequences import for_spec, pad, pieces, split, windows

__all__ = ["for_spec", "pad", "pieces", "split", "windows"]
