"""List which layer of a model runs on which kernel, and why not on a faster one."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from seqtopo.diag.renderers.cells import visible

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LayerKernel:
    """One layer of a model and the kernel that it runs on, as ``kernels`` returns it.

    Attributes:
        layer: The layer's name in the model.
        kernel: The kernel's name, ``"stock"`` for Keras' own code.
        why_not_faster: Why it has no faster kernel, or why its last call ran Keras' own code; else ``""``.
    """

    layer: str
    kernel: str
    why_not_faster: str = ""


class Kernels(tuple[LayerKernel, ...]):
    """The kernels of a model, layer by layer; printed as a table."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return the table: a line for each layer."""
        wide = [max(len(row.layer) for row in self), max(len(row.kernel) for row in self)] if self else [0, 0]
        lines = [f"{row.layer:{wide[0]}}  {row.kernel:{wide[1]}}  {row.why_not_faster}" for row in self]
        return "\n".join(line.rstrip() for line in lines)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print the table, for IPython in a terminal."""
        printer.text(str(self))

    def _repr_html_(self) -> str:
        """Return the table as HTML, for a notebook."""
        style = 'style="padding:2px 12px 2px 0;text-align:left;vertical-align:top"'
        heads = "".join(f"<th {style}>{head}</th>" for head in ("layer", "kernel", "why not a faster one"))
        rows = "".join(
            f"<tr>{''.join(f'<td {style}>{escape(visible(cell))}</td>' for cell in cells)}</tr>"
            for cells in ((row.layer, row.kernel, row.why_not_faster) for row in self)
        )
        return f'<table style="border-collapse:collapse;font-size:13px"><tr>{heads}</tr>{rows}</table>'


def kernels(model: keras.Model) -> Kernels:
    """Return which kernel each layer of a model runs on, and why not a faster one.

    Args:
        model: any Keras model. ``compile`` and ``attach`` put kernels into one; a model that was loaded,
            cloned or written by hand runs on Keras' own code until it is attached.

    Returns:
        A ``LayerKernel`` for each layer whose kind has kernels on the running backend, with those inside
        wrappers and sub-models, in the model's order. Printed, it is a table.

    >>> import seqtopo
    >>> model = seqtopo.compile("in(3,1) -> lstm(4,seq,relu) -> dense(1)", kernels=False)
    >>> ("lstm", "stock") in [(row.layer, row.kernel) for row in kernels(model)]
    True
    """
    from seqtopo.runtime.kernels.attaching import Kernel, attached, choose, layers

    found = []
    for layer in layers(model):
        inside, choice = attached(layer), choose(layer)
        if inside is not None:
            why = inside.kernel.why_not_faster
            if inside.fell_back:
                why = f"the last call ran on stock Keras: {inside.fell_back}"
            found.append(LayerKernel(layer.name, inside.kernel.name, why))
        elif isinstance(choice, Kernel):
            found.append(
                LayerKernel(layer.name, "stock", f"not attached; seqtopo.attach gives it {choice.name}")
            )
        elif choice is not None:
            found.append(LayerKernel(layer.name, "stock", choice.why))
    return Kernels(found)
