"""Models back to specs, for Python: from a live model, a file, or a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.source import Source, Span

if TYPE_CHECKING:
    import keras

    from seqtopo.decompiler.decompile import Decompiled


def decompile(model: keras.Model | str | Path | Mapping[str, Any], *, strict: bool = False) -> str:
    """The spec of a Keras model: what a person would have written to get it.

    Repeats are folded into ``* 3`` or ``for``, repeated parts into ``def``, residual blocks into
    ``res``; names are kept where somebody chose them, and ``train`` says what the model was compiled
    with. ``compile`` makes the same model of it again. What a spec cannot say, such as a ``Lambda``, is left
    out, and stands as a comment at the top.

    Args:
        model: a Sequential or functional model; or the path of a ``.keras`` file, or of a ``.json`` file with
            what ``model.to_json()`` gives; or such a configuration as a dictionary. Files are read without
            Keras, and nothing in them is run.
        strict: raises where something is left out.

    Returns:
        The spec, in the house style.

    Raises:
        SpecError: there is no model in the file, or it is a subclass whose ``call`` is code; with
            ``strict``, also where a spec cannot say all of it.

    >>> import seqtopo
    >>> model = seqtopo.compile("in(?,3) -> lstm(8,seq) -> lstm(8,seq) -> dense(1)")
    >>> print(seqtopo.decompile(model), end="")
    in(T,3) -> lstm(8,seq) * 2 -> dense(1)
    """
    found = decompiled(model)
    if strict and found.lossy:
        raise SpecError(tuple(d for d in found.diagnostics if d.severity == "warning"))
    return found.text


def decompiled(model: keras.Model | str | Path | Mapping[str, Any]) -> Decompiled:
    """The spec of a model, with what it leaves out as diagnostics and the graph that it means.

    Takes and raises what ``decompile`` does.
    """
    from seqtopo.decompiler.decompile import FailedError, decompile_config
    from seqtopo.decompiler.files import read_config
    from seqtopo.decompiler.losses import UnreadableError

    name = str(model) if isinstance(model, (str, Path)) else ""
    try:
        if isinstance(model, Mapping):
            config: Mapping[str, Any] = model
        elif isinstance(model, (str, Path)):
            config = read_config(Path(model))
        else:
            from seqtopo.runtime.serialized import serialized

            config = serialized(model)
        return decompile_config(config, name)
    except UnreadableError as error:
        raise SpecError((error.placed(name),)) from None
    except FailedError as error:
        raise SpecError((_our_fault(str(error), name),)) from None


def _our_fault(said: str, name: str) -> Diagnostic:
    return Diagnostic(
        "ST901",
        "this is a mistake in seqtopo: no spec was found that means this model",
        Span(0, 0),
        notes=(f"the last one that was tried differs: {said}",),
        help="please report it, with the model's configuration: model.to_json()",
        source=Source("", name) if name else None,
    )
