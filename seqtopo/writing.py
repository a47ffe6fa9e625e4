"""A spec as Keras code: ``seqtopo.to_python``."""

from __future__ import annotations

from typing import Any

from seqtopo.api import Checked, Text, analyse, buildable_spec
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.graph import buildable
from seqtopo.source import Span


def to_python(spec: Text, *, part: str = "", max_params: int = buildable.MAX_PARAMS, **dims: Any) -> str:
    """Writes the Keras code of the model that a spec describes: a module with ``build()``.

    Running it gives the model that ``compile`` gives, with the same config; neither seqtopo is needed for
    that, nor Keras for writing it.

    Args:
        spec: the text, or a ``pathlib.Path`` of it.
        part: a named model of the spec, instead of that of the last flow.
        max_params: models with more parameters than this are not written.
        dims: values of names: numbers, or texts such as ``"relu"`` or ``"lstm"``; they win over ``let``.

    Raises:
        SpecError: the spec is wrong, a symbol needs a number, or a custom layer cannot be imported.
        KeyError: the spec has no part of that name.

    >>> written = to_python("in(24,3) -> lstm(64) -> dense(1)")
    >>> for line in written.splitlines()[8:12]:
    ...     print(line.strip())
    inputs = keras.Input(shape=(24, 3), name="input")  # (batch, 24, 3)
    x = layers.LSTM(64, name="lstm")(inputs)  # (batch, 64)
    x = layers.Dense(1, name="dense")(x)  # (batch, 1)
    return keras.Model(inputs, x, name="model")
    """
    return python_of(analyse(spec, dims), max_params, part)


def python_of(checked: Checked, max_params: int = buildable.MAX_PARAMS, part: str = "") -> str:
    """The Keras code of a spec that was read: of its last flow, or of a named part.

    Raises:
        SpecError: what ``to_python`` raises it for.
    """
    resolved = buildable_spec(checked, max_params)
    from seqtopo.emit.python.code import Unwritable
    from seqtopo.emit.python.write import write_python

    try:
        return write_python(resolved, part)
    except Unwritable as error:
        found = Diagnostic("ST421", error.message, Span(0, 0), help=error.help, source=checked.source)
        raise SpecError((found,)) from None
