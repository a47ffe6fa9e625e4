"""Findings that hold for a spec and are not told of code: of what Keras took when it was written, of what a
test expects to fail or only exercises, and of what the author has plainly decided.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import PurePath

from seqtopo.code.arrays import CodeArray, as_array, way_back
from seqtopo.code.call_findings import has_own_objects
from seqtopo.code.keras_names import is_layer_class
from seqtopo.code.machine import tensor_of
from seqtopo.code.model import CodeCall, CodeFile, CodeInput, CodeModel, SpecText, Where
from seqtopo.code.parsing import parsed
from seqtopo.code.spec_arguments import parameter
from seqtopo.diag.model import Diagnostic
from seqtopo.source import Span

_EXPECTS = frozenset({"raises", "assertRaises", "assertRaisesRegex", "assertRaisesRegexp"})
"""The contexts of pytest and unittest in which code has to fail."""
_TEST_FILE = re.compile(r"test_.*\.py|.*_test\.py")
_OF_TRAINING = frozenset({"ST715"})
"""Codes beside the lints of mistakes that keep a model from learning."""
_CONVOLVED = {"Conv1D": 2, "Conv2D": 3, "Conv3D": 4}
"""The axes of what a convolution takes; tf.keras 2 took more, and convolved over the last ones."""


_GONE = re.compile(
    r"\bkeras\.(?:preprocessing\.text|utils\.np_utils|backend\.tensorflow_backend"
    r"|layers\.(?:core|recurrent|embeddings|convolutional|pooling|wrappers|normalization|merge))\b"
    r"|\b(?:nb_epoch|nb_filter|border_mode|CuDNNLSTM|CuDNNGRU|fit_generator)\b"
)
"""Matches names that Keras 3 does not have.

Before Keras 3, a merge kept the masks of those values that had one, and ``accuracy`` beside
binary_crossentropy was binary_accuracy where tf.keras was not yet the only Keras.
"""
_IS_OF_TENSORFLOW = re.compile(r"\b(?:tensorflow|tf)\.(?:python\.)?keras\b")


class Withheld:
    """The decisions which findings in a file are withheld."""

    def __init__(self, code: CodeFile) -> None:
        self.code = code
        self.is_test = _TEST_FILE.fullmatch(PurePath(code.source.name).name) is not None

    def of_spec(self, found: Diagnostic, text: SpecText) -> bool:
        """Return whether a finding in a model's spec is withheld."""
        call = next((p.call for p in text.pieces_at(found.span) if p.call is not None), None)
        if found.code == "ST203" and self._is_own_object(found, text):
            return True
        if found.code in ("ST203", "ST301") and call is not None and self._was_taken(found, call):
            return True
        if call is not None and found.code in _OF_INPUTS and _OF_INPUTS[found.code](call, text.model):
            return True
        if found.code == "ST635":
            spans = [label.span for label in found.labels]
            return all(_are_few(p.call) for s in spans for p in text.pieces_at(s) if p.call is not None)
        if found.code == "ST685":
            return self._is_before_3 and not _IS_OF_TENSORFLOW.search(self.code.source.text)
        if found.code == "ST631" and "not every value" in found.message:
            return self._is_before_3
        if found.code not in ("ST601", "ST603"):
            return False
        model = text.model
        if any(map(_is_switched, model.calls)) or _is_turned(model):
            return True
        return found.code == "ST603" and _is_cut(model)

    def of_code(self, told: Diagnostic) -> bool:
        """Return whether a finding in the Python text is withheld."""
        if told.source is not self.code.source:
            return False
        if any(_contains(span, told.span) for span in self._failing):
            return True
        about_training = told.code.startswith("ST6") or told.code in _OF_TRAINING
        return self.is_test and about_training and any(_contains(span, told.span) for span in self._tests)

    def _is_own_object(self, found: Diagnostic, text: SpecText) -> bool:
        """Return whether an unknown name may be that of a custom object, or that of a layer, which
        tf.keras took for an activation.
        """
        piece = next(iter(text.pieces_at(found.span)), None)
        layer = piece.layer if piece is not None else None
        if piece is None or layer is None or layer.row is None:
            return False
        param, given = parameter(layer.row, piece.key), layer.args.get(piece.key)
        if param is None or not param.kind.family:
            return False
        word = given.value if given is not None else None
        was_layer = isinstance(word, str) and is_layer_class(word) and "tensorflow" in self.code.source.text
        return was_layer or has_own_objects(self.code.source.text)

    def _was_taken(self, found: Diagnostic, call: CodeCall) -> bool:
        """Return whether a Keras before 3 took what Keras 3 refuses; tf.keras may be either."""
        if "tensorflow" not in self.code.source.text:
            return False
        if found.code == "ST203":
            return call.layer.kind == "GaussianNoise" and "stddev" in found.message
        tensor = tensor_of(call.inputs[0]) if call.inputs else None
        return tensor is not None and len(tensor.shape) > _CONVOLVED.get(call.layer.kind, 99)

    @cached_property
    def _is_before_3(self) -> bool:
        """True if the code is certainly older than Keras 3."""
        return _GONE.search(self.code.source.text) is not None

    @cached_property
    def _failing(self) -> list[Span]:
        """The bodies that have to fail."""
        if not any(name in self.code.source.text for name in ("raises", "assertRaises")):
            return []
        blocks = [node for node in self._nodes if isinstance(node, (ast.With, ast.AsyncWith))]
        return [self._span(node) for node in blocks if any(map(_expects_error, node.items))]

    @cached_property
    def _tests(self) -> list[Span]:
        """The test functions."""
        functions = [n for n in self._nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
        return [self._span(node) for node in functions if node.name.startswith("test")]

    @cached_property
    def _nodes(self) -> list[ast.stmt]:
        if self.code.notebook is not None:
            return []
        tree = parsed(self.code.source.text)
        nodes = ast.walk(tree) if isinstance(tree, ast.Module) else ()
        return [node for node in nodes if isinstance(node, ast.stmt)]

    def _span(self, node: ast.stmt) -> Span:
        """Return the span of the lines of a statement."""
        source, end = self.code.source, (node.end_lineno or node.lineno) + 1
        stop = source.start_of(end) if end <= source.lines else len(source.text)
        return Span(source.start_of(node.lineno), stop)


def _contains(span: Span, inner: Span) -> bool:
    return span.start <= inner.start and inner.end <= span.end


def _expects_error(item: ast.withitem) -> bool:
    call = item.context_expr
    if not isinstance(call, ast.Call):
        return False
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in _EXPECTS


def _has_channels_first(call: CodeCall, model: CodeModel) -> bool:
    """Return whether images seem to have their channels first, as the settings of Keras may have it."""
    if "data_format" in call.layer.args or not _TAKES_PICTURES.fullmatch(call.layer.kind):
        return False
    shapes = [given.tensor.shape for given in model.inputs if given.tensor is not None]
    return any(len(s) == 3 and s[0] in (1, 3, 4) and s[2] not in (1, 3, 4) for s in shapes)


def _takes_input(call: CodeCall, model: CodeModel) -> bool:
    """Return whether an Embedding takes an input of the model itself.

    Its ids may have several axes then: the words of each line of a text.
    """
    return bool(call.inputs) and isinstance(call.inputs[0].of, CodeInput)


def _are_few(call: CodeCall) -> bool:
    """Return whether float32 holds every id of an Embedding exactly, so that Keras can cast them back."""
    rows = call.layer.args.get("input_dim")
    return rows is None or not isinstance(rows.value, int) or rows.value <= _EXACT


def _takes_numbers(call: CodeCall, model: CodeModel) -> bool:
    """Return whether each value is one number per sample, so that the batch is the only axis there is."""
    tensors = [tensor_of(value) for value in call.inputs]
    return call.layer.kind == "Concatenate" and all(t is not None and t.shape == () for t in tensors)


def _is_of_pictures(call: CodeCall, model: CodeModel) -> bool:
    """Return whether a model works on images, which have no time steps that could be pooled or left out."""
    return any(_TAKES_PICTURES.fullmatch(one.layer.kind) for one in model.calls)


_TAKES_PICTURES = re.compile(r".*(?:Conv|Pooling)2D(?:Transpose)?")
_EXACT = 2**24
"""The largest number up to which float32 holds every whole number."""
_OF_INPUTS: dict[str, Callable[[CodeCall, CodeModel], bool]] = {
    "ST306": _has_channels_first,
    "ST312": _takes_numbers,
    "ST633": _takes_input,
    "ST654": _is_of_pictures,
}
"""By the code of a finding: a function that returns whether the inputs of a call explain it."""


def _is_switched(call: CodeCall) -> bool:
    """Return whether the code decides elsewhere if a layer is stateful.

    It then carries states from batch to batch on purpose.
    """
    given = call.layer.args.get("stateful")
    return given is not None and given.where is not None and given.where.text not in ("True", "False")


def _is_turned(model: CodeModel) -> bool:
    """Return whether the model permutes the axes of an input itself, for another of its branches."""
    return any(
        call.layer.kind == "Permute" and call.inputs and isinstance(call.inputs[0].of, CodeInput)
        for call in model.calls
    )


def _is_cut(model: CodeModel) -> bool:
    """Return whether the code reshapes its samples to the input's steps, so no axes are swapped."""
    shape = model.inputs[0].tensor.shape if model.inputs and model.inputs[0].tensor is not None else None
    for call in model.training:
        given = call.args.get("x")
        array = as_array(given.value) if given is not None else None
        for one in way_back(array) if array is not None else ():
            if one.shape is not None and one.shape[1:] == shape and _is_reshape(one.where):
                return not _has_axes(one.origin.of if one.origin is not None else None, one)
    return False


def _is_reshape(where: Where | None) -> bool:
    return where is not None and "reshape(" in where.text


def _has_axes(before: CodeArray | None, after: CodeArray) -> bool:
    """Return whether an array certainly had the axes of another before."""
    if before is None or before.shape is None or after.shape is None:
        return False
    return all(size in before.shape for size in after.shape[1:])
