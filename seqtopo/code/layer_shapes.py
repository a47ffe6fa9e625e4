"""Infer the outputs of layer calls, and the weights of the layers, by the rules of their rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.code.machine import tensor_of
from seqtopo.code.model import CodeCall, CodeLayer, CodeModel, CodeTensor, Opaque, Value
from seqtopo.code.values import is_list, tensors_in
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Outcome
from seqtopo.layers.values import Refusal, Tensor

_HARMLESS = frozenset(
    (
        *("name", "trainable", "seed", "weights", "dtype", "rate", "dropout", "recurrent_dropout", "stddev"),
        *("epsilon", "momentum", "alpha", "negative_slope", "l1", "l2", "mask_value", "stateful", "unroll"),
    )
)
"""Arguments of which no shape depends."""
_STAND_IN = {"rate": 0.5, "stddev": 0.5, "activation": "linear", "negative_slope": 0.5, "alpha": 1.0}
"""Stand-ins for required arguments whose values are not known; no shape depends on them."""


class InnerModel:
    """A model as one thing, such as ``TimeDistributed`` applies at every step."""

    def __init__(self, code: CodeModel) -> None:
        self.code = code

    @property
    def title(self) -> str:
        """The name of the model in messages."""
        return self.code.name or "the model"

    def get(self, name: str) -> Any:
        """Return None: a model has no arguments of its own."""
        return None

    def outcome(self, inputs: tuple[Tensor, ...], tensors: Mapping[str, tuple[Tensor, ...]]) -> Outcome:
        """Return the outputs and weights for these inputs.

        Raises:
            Refusal: a layer inside does not take what reaches it.
        """
        gives: dict[CodeTensor, Tensor] = {
            CodeTensor(i): t for i, t in zip(self.code.inputs, inputs, strict=False)
        }
        weights: dict[CodeLayer, tuple[Any, ...]] = {}
        known = tuple(tensor_of(t) for t in self.code.outputs)
        if None not in known and tuple(i.tensor for i in self.code.inputs) == inputs:
            layers = dict.fromkeys(call.layer for call in self.code.calls)
            return Outcome(known, tuple(w for layer in layers for w in layer.weights or ()))
        for call in self.code.calls:
            found = outcome_of(call, gives)
            if found is None:
                raise Refusal(expected="a model whose shapes are known")
            outputs, weights_now = found
            weights.setdefault(call.layer, weights_now)
            gives.update({CodeTensor(call, i): t for i, t in enumerate(outputs)})
        try:
            outputs = tuple(gives[t] for t in self.code.outputs)
        except KeyError:
            raise Refusal(expected="a model whose shapes are known") from None
        return Outcome(outputs, tuple(w for ws in weights.values() for w in ws))


def table_layer(layer: CodeLayer) -> Layer | None:
    """Return the layer as the table has it; None if an argument that matters is not known."""
    row = layer.row
    if row is None:
        return None
    ours = layer.kind.startswith("ops.")
    params = {p.name if ours else p.keras_name: p for p in row.by_name.values() if not p.call}
    args: dict[str, Any] = {}
    for name, given in layer.args.items():
        param = params.get(name)
        if param is None:
            continue
        value = given.value
        if isinstance(value, CodeLayer):
            value = table_layer(value)
        elif isinstance(value, CodeModel):
            value = InnerModel(value) if value.complete else None
        elif _is_opaque(value):
            if param.kind.family or name in _HARMLESS:
                continue
            return None
        if value is None and param.kind.takes == "layer":
            if given.value is None:
                continue
            return None
        if name == "weights":
            continue
        try:
            args[param.name] = param.kind.read(value)
        except Refusal:
            if param.kind.family or (name in _HARMLESS and isinstance(value, (int, float, str))):
                continue
            return None
    for missing in (p.name for p in row.required if p.name not in args):
        if missing not in _STAND_IN or missing not in layer.args:
            return None
        args[missing] = _STAND_IN[missing]
    return Layer(row, args, layer.name)


def _is_opaque(value: Value) -> bool:
    return isinstance(value, Opaque) or (is_list(value) and any(map(_is_opaque, value)))


def outcome_of(
    call: CodeCall, gives: Mapping[CodeTensor, Tensor] | None = None
) -> tuple[tuple[Tensor, ...], tuple[Any, ...]] | None:
    """Return the outputs of a call, with states and scores behind them, and the weights of its layer.

    ``gives`` are the tensors that come in where they are not those of the calls themselves.

    Raises:
        Refusal: the layer does not take them.
    """
    layer = call.layer

    def tensor(value: CodeTensor) -> Any:
        return tensor_of(value) if gives is None else gives.get(value)

    inputs = tuple(map(tensor, call.inputs))
    if layer.row is None:
        known = layer.keeps_shape and inputs and inputs[0] is not None
        return ((inputs[0],), ()) if known else None
    if any(t is None for t in inputs):
        return None
    made = table_layer(layer)
    if made is None:
        return None
    args: dict[str, Any] = {}
    given: dict[str, tuple[Tensor, ...]] = {}
    params = {p.keras_name: p for p in made.row.params if p.call}
    for name, passed in call.args.items():
        param = params.get(name)
        came = tensors_in(passed.value)
        if param is None or passed.value is None:
            continue
        if came:
            found = tuple(map(tensor, came))
            if any(t is None for t in found):
                return None
            given[param.name] = found
        elif param.kind.takes == "value" and not _is_opaque(passed.value):
            args[param.name] = param.kind.read(passed.value)
    outcome = made.row.outcome({**made.args, **args}, inputs, given)
    outputs = outcome.outputs
    for name, extra in outcome.extras.items():
        if _returns_extra(layer, call, name):
            outputs += tuple(extra)
    return outputs, outcome.weights


def _returns_extra(layer: CodeLayer, call: CodeCall, extra: str) -> bool:
    if extra == "state":
        return returns_state(layer) is True
    scores = call.args.get("return_attention_scores")
    return scores is not None and scores.value is True


def returns_state(layer: CodeLayer) -> Any:
    """Return the value of ``return_state``, that of the wrapped layer for a Bidirectional without one."""
    inner, given = layer.args.get("layer"), layer.args.get("return_state")
    if given is not None:
        return given.value
    wrapped = inner.value if inner is not None and layer.kind == "Bidirectional" else None
    return returns_state(wrapped) if isinstance(wrapped, CodeLayer) else False


def infer(call: CodeCall, strict: bool = False) -> None:
    """Fill in the outputs of a call, and its layer's weights at its first call.

    Raises:
        Refusal: the layer does not take what comes in, where ``strict``.
    """
    try:
        found = outcome_of(call)
    except Refusal:
        if strict:
            raise
        found = None
    call.gives = found[0] if found is not None else None
    if found is not None and call.layer.weights is None and call.layer.row is not None:
        call.layer.weights = found[1]
