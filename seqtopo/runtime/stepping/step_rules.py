"""Define one step of layers with a memory: recurrent, causal convolution and attention, sums over time."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops, tree

from seqtopo.emit import keras_private
from seqtopo.runtime.stepping.nodes import bound, index_key, masked_by
from seqtopo.runtime.stepping.per_step import TIME
from seqtopo.runtime.stepping.stepper import Found, Rule, Seen, Stepper, cannot


def rule(operation: Any) -> Rule | None:
    """Return the rule of an operation that has a memory; None for an operation on each step alone.

    A rule may return None: then the call is treated as one on each step alone.
    """
    for kind, found in _RULES:
        if isinstance(operation, kind):
            return found
    return _OPERATIONS.get(type(operation).__name__) if not isinstance(operation, keras.Layer) else None


def _recurrent(stepper: Stepper, node: Any, env: dict[int, Seen]) -> Found:
    """Call a recurrent layer's cell once. A masked step leaves states and output as they were."""
    layer = node.operation
    if layer.go_backwards:
        raise cannot(layer, "it reads the sequence from its end")
    given = bound(layer, *_arguments(node))
    sequence = given["sequences"] if "sequences" in given else next(iter(given.values()))
    if env[id(sequence)].kind != "steps":
        raise cannot(layer, "it starts from states that are known after the last step only")
    start = given.get("initial_state")
    step = stepper.flat(env[id(sequence)].tensor)
    shapes = _plain(layer.state_size)
    starts = [None] * len(tree.flatten(shapes)) if start is None else tree.flatten(start)
    if any(x is not None and env[id(x)].kind != "context" for x in starts):
        raise cannot(layer, "it starts from states that are known after the last step only")
    states = []
    for i, (size, first) in enumerate(zip(tree.flatten(shapes), starts, strict=True)):
        state = stepper.state(f"{layer.name}_state_{i}", (size,), layer.cell.compute_dtype)
        state.context = None if first is None else env[id(first)].tensor
        states.append(state)
    if "cell" not in layer.get_config():
        # Keras makes it, and calls that of every LSTM lstm_cell; no config and no file has this name.
        layer.cell.name = f"{layer.name}_cell"
    before = tree.pack_sequence_as(shapes, [s.given for s in states])
    output, after = (
        layer.cell(step, before, training=False) if _trains(layer.cell) else layer.cell(step, before)
    )
    following = tree.flatten(after)
    mask = given.get("mask")
    if mask is not None:
        if env[id(mask)].kind != "steps":
            raise cannot(layer, "its mask has a number for each step at once")
        kept = env[id(mask)].tensor
        last = before[-1][0] if tree.is_nested(before[0]) else before[0]
        output = ops.where(kept, output, ops.zeros_like(output) if layer.zero_output_for_mask else last)
        following = [ops.where(kept, x, s.given) for x, s in zip(following, states, strict=True)]
    for state, x in zip(states, following, strict=True):
        state.next = x
    answer = Seen("steps", stepper.lifted(output)) if layer.return_sequences else Seen("final", output)
    return [answer, *(Seen("final", x) for x in following)] if layer.return_state else [answer]


def _plain(sizes: Any) -> Any:
    """Return sizes as plain lists, without the list class in which Keras' layers keep attributes."""
    return [_plain(size) for size in sizes] if isinstance(sizes, (list, tuple)) else sizes


def _trains(cell: Any) -> bool:
    return keras_private.takes(cell, "training")


def _arguments(node: Any) -> tuple[Any, Any]:
    return node.arguments.args, node.arguments.kwargs


def _image_recurrent(stepper: Stepper, node: Any, env: dict[int, Seen]) -> Found:
    raise cannot(node.operation, "steps of pictures are not carried one by one")


def _convolution(stepper: Stepper, node: Any, env: dict[int, Seen]) -> Found:
    """Convolve over the last steps that the kernel spans; those before this step are the state.

    The layer itself would pad them, so a copy without padding is made over the same weights.
    """
    layer = node.operation
    span = (layer.kernel_size[0] - 1) * layer.dilation_rate[0]
    if layer.strides[0] != 1:
        raise cannot(layer, f"with strides {layer.strides[0]} it gives fewer steps than it takes")
    if layer.data_format != "channels_last":
        raise cannot(layer, "it has the time steps on its last axis")
    if span and layer.padding != "causal":
        why = (
            "it looks at steps that are still to come" if layer.padding == "same" else "it gives fewer steps"
        )
        raise cannot(layer, f"with padding {layer.padding!r} {why}; padding 'causal' does not")
    (whole,) = node.arguments.keras_tensors
    step = env[id(whole)].tensor
    if not span:
        return [Seen("steps", layer(step))]
    state = stepper.state(f"{layer.name}_past", (span, whole.shape[-1]), whole.dtype)
    steps = ops.concatenate([state.given, step], axis=TIME)
    state.next = steps[:, 1:]
    return [Seen("steps", _unpadded(layer)(steps))]


def _unpadded(layer: Any) -> Any:
    """Return a convolution with the same weights that pads nothing."""
    config = {**layer.get_config(), "padding": "valid", "name": f"{layer.name}_step"}
    copied = type(layer).from_config(config)
    for name, value in vars(layer).items():
        if isinstance(value, keras.Variable):
            setattr(copied, name, value)
    copied.built = True
    return copied


def _attention(stepper: Stepper, node: Any, env: dict[int, Seen]) -> Found:
    """Call multi-head attention with keys from another value as they are, or with those of its memory."""
    layer = node.operation
    given = bound(layer, *_arguments(node))
    query, value = given.pop("query"), given.pop("value")
    key = given.pop("key", None)
    key = value if key is None else key
    kinds = [env[id(x)].kind for x in (query, value, key)]
    if getattr(layer, "sliding_window", None) or keras_private.sliding_window(layer):
        raise cannot(layer, "its sliding window is not kept")
    if kinds == ["steps", "context", "context"] and not given.get("use_causal_mask"):
        masks = [x for x in (given.get("attention_mask"),) if x is not None]
        if any(env[id(x)].kind != "context" or x.shape[TIME] != 1 for x in masks):
            raise cannot(layer, "its attention mask has a number for each step at once")
        args, kwargs = stepper.filled(node, env)
        for name, x in (("value_mask", value), ("key_mask", key)):
            mask = masked_by(env[id(x)].tensor)
            if mask is not None and kwargs.get(name) is None and (name == "value_mask" or key is not value):
                # Keras takes it from the tensor when it runs; what comes in from outside carries none.
                kwargs[name] = stepper.inside(Seen("context", mask))
        return [Seen("steps", tree.flatten(layer(*args, **kwargs))[0])]
    if kinds != ["steps", "steps", "steps"]:
        raise cannot(layer, "its query is not a sequence of steps, but its keys are")
    if not given.get("use_causal_mask"):
        raise cannot(layer, "it looks at steps that are still to come; with causal it does not")
    if given.get("attention_mask") is not None:
        raise cannot(layer, "its attention mask has a number for each step at once")
    past = _Memory(stepper, layer.name)
    values = past.of(env[id(value)].tensor)
    keys = values if key is value else past.of(env[id(key)].tensor)
    valid = ops.expand_dims(past.valid, 1)
    output = layer(env[id(query)].tensor, values, key=keys, attention_mask=valid)
    return [Seen("steps", output)]


def _dot_attention(stepper: Stepper, node: Any, env: dict[int, Seen]) -> Found:
    """Call Attention or AdditiveAttention, whose values come as a list."""
    layer = node.operation
    given = bound(layer, *_arguments(node))
    inputs = given["inputs"]
    query, rest = inputs[0], inputs[1:]
    kinds = {env[id(x)].kind for x in rest}
    if env[id(query)].kind == "steps" and kinds == {"context"} and not given.get("use_causal_mask"):
        return [Seen("steps", stepper.called(node, env)[0])]
    if env[id(query)].kind != "steps" or kinds != {"steps"}:
        raise cannot(layer, "its query is not a sequence of steps, but its keys are")
    if not given.get("use_causal_mask"):
        raise cannot(layer, "it looks at steps that are still to come; with causal it does not")
    past = _Memory(stepper, layer.name)
    made: dict[int, Any] = {}
    for x in rest:
        if id(x) not in made:
            made[id(x)] = past.of(env[id(x)].tensor)
    remembered = [made[id(x)] for x in rest]
    step = env[id(query)].tensor
    masks = [masked_by(step), past.valid, *([None] if len(rest) > 1 else [])]
    return [Seen("steps", layer([step, *remembered], mask=masks))]


class _Memory:
    """The memory of an attention: its values at every step so far, with room for all steps."""

    def __init__(self, stepper: Stepper, name: str) -> None:
        self.stepper, self.name = stepper, name
        self.valid: Any = None

    def of(self, step: Any) -> Any:
        """Return the values so far (batch, room, F); those not ``valid`` (batch, room) are still to come."""
        state = self.stepper.state(f"{self.name}_seen", (None, *step.shape[2:]), step.dtype)
        count = self.stepper.count()
        ones = ops.ones_like(state.given[:, :, 0], dtype="int32")
        place = ops.subtract(ops.cumsum(ones, axis=1), 1)
        state.next = ops.where(ops.expand_dims(ops.equal(place, count), -1), step, state.given)
        if self.valid is None:
            self.valid = ops.less_equal(place, count)
            mask = masked_by(step)
            if mask is not None:
                seen = self.stepper.state(f"{self.name}_mask", (None,), "bool")
                seen.next = ops.where(ops.equal(place, count), mask, seen.given)
                self.valid = ops.logical_and(self.valid, seen.next)
        return state.next


def _cumsum(stepper: Stepper, node: Any, env: dict[int, Seen]) -> Found:
    """Add to the sum so far, which is the state.

    Positions are counted by such a sum. In the whole model there is one row for all; here each row has its
    own, as every state does.
    """
    operation = node.operation
    (whole,) = node.arguments.keras_tensors
    if operation.axis is None or operation.axis % len(whole.shape) != TIME:
        return None
    step = env[id(whole)].tensor
    dtype = node.outputs[0].dtype
    state = stepper.state(f"{operation.name}_sum", (1, *whole.shape[2:]), dtype)
    state.next = ops.add(state.given, ops.cast(step, dtype))
    return [Seen("steps", state.next)]


def _get_item(stepper: Stepper, node: Any, env: dict[int, Seen]) -> Found:
    """Take all steps, or the last one, which is the newest so far."""
    whole, key = (bound(node.operation, *_arguments(node))[name] for name in ("x", "key"))
    key = index_key(key)
    keys = list(key) if isinstance(key, tuple) else [key]
    if any(k is Ellipsis or k is None for k in keys[: TIME + 1]):
        raise cannot(node.operation, "what it takes of the time axis is not clear")
    steps = keys[TIME] if len(keys) > TIME else slice(None)
    one = env[id(whole)].tensor
    if steps in (slice(None), slice(None, None, 1), slice(0, None), slice(0, None, 1)):
        return [Seen("steps", one[tuple(keys)])]
    last = steps == slice(-1, None) or steps == slice(-1, None, 1)
    if last or (isinstance(steps, int) and steps == -1):
        return [Seen("final", one[tuple(keys)])]
    length = whole.shape[TIME]
    if isinstance(steps, int) and length is not None and steps == length - 1:
        keys[TIME] = -1
        return [Seen("final", one[tuple(keys)])]
    raise cannot(node.operation, "it takes other steps than the last one")


_RULES: tuple[tuple[Any, Rule], ...] = (
    ((keras.layers.ConvLSTM1D, keras.layers.ConvLSTM2D, keras.layers.ConvLSTM3D), _image_recurrent),
    (keras.layers.RNN, _recurrent),
    ((keras.layers.Conv1D, keras.layers.SeparableConv1D, keras.layers.DepthwiseConv1D), _convolution),
    ((keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention), _attention),
    (keras.layers.Attention, _dot_attention),
)
_OPERATIONS: dict[str, Rule] = {"Cumsum": _cumsum, "GetItem": _get_item}
