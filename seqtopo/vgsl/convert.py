"""Convert a topology that another program wrote to a spec (``seqtopo.convert``)."""

from __future__ import annotations

from seqtopo.diag.error import SpecError
from seqtopo.source import Source
from seqtopo.vgsl.reader import read_vgsl

FORMATS = ("vgsl",)


def convert(text: str, form: str = "vgsl", *, dialect: str = "") -> str:
    """A topology in another program's notation, as the text of a spec.

    Args:
        text: the topology.
        form: ``vgsl``, the notation of Tesseract, kraken and VGSLify.
        dialect: ``tesseract``, ``kraken`` or ``vgslify``; else the one that knows all of the words.

    Returns:
        The spec, in the house style. Its width is X and its height Y where they are open. It has as many
        parameters as the model; a PyTorch LSTM, such as kraken's, counts a second bias vector.

    Raises:
        SpecError: it cannot be read, or has something that a spec cannot say; with the place.
        ValueError: there is no such form or dialect.

    >>> print(convert("[1,1,0,48 Lbx256 O1c105]"), end="")
    in(X,48) -> bi(lstm(256,seq)) -> dense(105,softmax)
    """
    if form not in FORMATS:
        raise ValueError(f"there is no form {form!r}; the forms are {', '.join(FORMATS)}")
    spec, found = read_vgsl(Source(text, "<vgsl>"), dialect)
    if spec is None:
        raise SpecError(tuple(found))
    return spec
