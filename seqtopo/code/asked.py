"""Checks that a caller requests for the models of a file: chosen rules, sizes from outside, a bound on the
parameters, and data for one model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from seqtopo.code.layer_shapes import infer
from seqtopo.code.model import CodeFile, CodeModel
from seqtopo.data.fitting import with_data
from seqtopo.data.given import NotData, read_given
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.buildable import MAX_PARAMS
from seqtopo.layers.sizes import Shape
from seqtopo.layers.values import Tensor
from seqtopo.lint.selection import Selection
from seqtopo.report.analyse import Checked

_FITS = frozenset({"fit", "train_on_batch"})
_MOST_NAMED = 6


class NotOneModelError(ValueError):
    """Raised if data is for one model of a file, and it is unknown for which."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(f"{message}; {help}")
        self.message = message
        self.help = help


class GivenData(NamedTuple):
    """Data for one model of a file: arrays or paths for its inputs and outputs, as ``with_data`` takes them.

    ``model`` names the model; without it, the data is for the only one, or the only one that is fitted.
    """

    x: Any = None
    y: Any = None
    weights: Any = None
    loss: str | None = None
    pad: bool = False
    model: str = ""

    def fitted(self, checked: Checked, dims: Mapping[str, Any]) -> Checked:
        """Return a model's spec with the data, see ``seqtopo.data.fitting.with_data``.

        Raises:
            NoSuchLossError: there is none of that name.
        """
        return with_data(checked, self.x, self.y, self.loss, dims, self.weights, pad=self.pad)

    def for_model(self, code: CodeFile) -> CodeModel:
        """Return the model of a file that the data is for.

        Raises:
            NotOneModelError: there is none, or there are several.
        """
        file = code.source.name
        if not code.models:
            raise NotOneModelError(
                f"{file} makes no model that can be read", "data is compared with the model that takes it"
            )
        fitted = [model for model in code.models if any(t.method in _FITS for t in model.training)]
        found = [m for m in code.models if m.name == self.model] if self.model else fitted or code.models
        names = list(dict.fromkeys(model.name for model in found))
        if len(names) == 1:
            return found[-1]  # the last one that has the name when the code has run
        if not names:
            every = dict.fromkeys(model.name for model in code.models)
            raise NotOneModelError(f"{file} has no model {self.model}", f"its models are {', '.join(every)}")
        does = "fits" if fitted else "makes"
        raise NotOneModelError(
            f"data is for one model, and {file} {does} {len(names)}",
            f"say which: {', '.join(f'{file}:{name}' for name in names[:_MOST_NAMED])}",
        )

    def comparable(
        self, model: CodeModel, *, inputs: bool, outputs: bool
    ) -> tuple[GivenData, tuple[Diagnostic, ...]]:
        """Return the data that can be compared with a model, and findings about the rest.

        ``inputs`` and ``outputs`` say whether those are read.
        """
        sides = (
            ("--x", self.x is not None and not inputs, "its inputs are"),
            ("--y", self.y is not None and not (inputs and outputs), "its end is"),
            ("--weights", self.weights is not None and not (inputs and outputs), "its end is"),
        )
        help = "--unread says where reading stopped, and why"
        told = tuple(
            model.where.finding(
                "ST407", f"{option} cannot be compared with {model.name}: {what} not read", help=help
            )
            for option, left_out, what in sides
            if left_out
        )
        x = self.x if inputs else None
        y, weights = (self.y, self.weights) if inputs and outputs else (None, None)
        return self._replace(x=x, y=y, weights=weights), told[:1]

    def open_inputs(self, model: CodeModel) -> None:
        """Give the inputs of a model whose shapes the code does not say those of the arrays."""
        if self.x is None or all(given.tensor is not None for given in model.inputs):
            return
        try:
            arrays = [array for _, array in read_given("x", self.x).arrays]
        except NotData:
            return  # it is told when the data is compared
        if len(arrays) != len(model.inputs):
            return
        for given, array in zip(model.inputs, arrays, strict=True):
            shape: Shape = array.shape[1:]
            if given.tensor is None and not array.ragged and all(type(n) is int and n > 0 for n in shape):
                given.tensor = Tensor(shape, "int32" if array.kind in "iu" else "float32")
        for call in model.calls:
            infer(call)


class Asked(NamedTuple):
    """The requested checks: the rules that are on, bound sizes, a maximum of parameters, and data."""

    selection: Selection = Selection()
    dims: Mapping[str, Any] = {}
    max_params: int = MAX_PARAMS
    data: GivenData | None = None
