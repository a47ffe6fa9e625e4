"""Track states that last from batch to batch, equally on every backend.

Keras makes the state variables of a ``stateful`` layer untracked. So on JAX, whose trainer carries only
``model.variables`` from step to step, the state is silently lost after each batch; and on PyTorch the state
is overwritten in place while the gradient still needs it, which is an error. Here the variables are tracked
as Keras tracks the states of its random generators: as variables, but neither weights nor saved. And the
layer's loop gets a copy of the state. Layers, configs and files stay Keras' own.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from seqtopo.emit import keras_private


class Tracked:
    """A state variable in the place of a random generator, from which ``Layer.variables`` takes ``state``."""

    def __init__(self, variable: Any) -> None:
        self.state = variable


def attach(model: keras.Model) -> keras.Model:
    """Make every stateful layer of a model carry its state, and return the model; see ``seqtopo.attach``."""
    for layer in stateful_layers(model):
        if layer.states is None:
            raise ValueError(
                f"{layer.name} in {model.name} has no states yet, since it was not built; build the model "
                "before it is attached: give it a keras.Input with a batch_size, or call it once"
            )
        if "reset_state" not in vars(layer):
            _attach_layer(layer)
    for inner in keras_private.layers_inside(model):
        if isinstance(inner, keras.Model) and "reset_states" not in vars(inner) and stateful_layers(inner):
            # Plain attributes of the instance: nothing of them is saved, and the class stays Keras' own.
            inner.reset_states = functools.partial(reset_states, inner)
            hold_to_batch(inner)
    return model


def stateful_layers(model: keras.Model) -> list[Any]:
    """Return the stateful recurrent layers of a model, each once, in the model's order.

    Those in sub-models, in ``Bidirectional`` (both directions) and in ``TimeDistributed`` are included.
    """
    found = keras_private.layers_inside(model, include_self=False)
    return list(dict.fromkeys(x for x in found if isinstance(x, keras.layers.RNN) and x.stateful))


def reset_states(model: keras.Model) -> None:
    """Set the states of every stateful layer to zeros; also inside ``fit``, from a callback.

    Raises:
        ValueError: the model has no stateful layer.
    """
    for variable in _variables(model):
        variable.assign(ops.zeros(variable.shape, variable.dtype))


def get_states(model: keras.Model) -> list[np.ndarray]:
    """Return copies of the states of every stateful layer, see ``seqtopo.get_states``."""
    return [np.array(ops.convert_to_numpy(variable)) for variable in _variables(model)]


def set_states(model: keras.Model, states: Sequence[Any]) -> None:
    """Set the states of every stateful layer; see ``seqtopo.set_states``."""
    variables = _variables(model)
    arrays = [np.asarray(state) for state in states]
    want = [tuple(variable.shape) for variable in variables]
    have = [array.shape for array in arrays]
    if want != have:
        raise ValueError(
            f"the states of {model.name} have the shapes {want}, but {have} are given; "
            "give what get_states gives for this model"
        )
    for variable, array in zip(variables, arrays, strict=True):
        # A copy each: JAX gives the buffers of variables away when it trains.
        variable.assign(ops.copy(ops.convert_to_tensor(array, variable.dtype)))


def sync_variables(model: keras.Model) -> None:
    """Write the values that a running ``fit``, ``evaluate`` or ``predict`` uses into the variables.

    On JAX the trainer keeps them apart, and the variables hold none until it ends. Elsewhere nothing is done.
    """
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()


def _variables(model: keras.Model) -> list[Any]:
    layers = stateful_layers(model)
    if not layers:
        raise ValueError(
            f"{model.name} has no stateful layer, so it has no states; write stateful in the spec, "
            "as in lstm(4,stateful), or stateful=True in Keras"
        )
    sync_variables(model)
    return [variable for layer in layers for variable in tree.flatten(layer.states)]


def _attach_layer(layer: Any) -> None:
    if not keras_private.has(layer, "_seed_generators"):
        return
    for variable in tree.flatten(layer.states):
        # In mixed precision, PyTorch would write to a copy that was cast; the layer casts by itself.
        keras_private.keep_precision(variable)
    # Past Layer's own tracker, which is locked once a layer is built.
    keras_private.seed_generators(layer).extend(Tracked(variable) for variable in tree.flatten(layer.states))
    layer.call = _stateful_call(layer, layer.call)
    layer.reset_state = functools.partial(_reset, layer)


def _reset(layer: Any) -> None:
    """Set the states of a layer to zeros as Keras does, also nested ones of stacked cells."""
    for variable in tree.flatten(layer.states):
        variable.assign(ops.zeros(variable.shape, variable.dtype))


def _stateful_call(layer: Any, stock: Callable[..., Any]) -> Callable[..., Any]:
    """Return the layer's ``call``, which starts from a copy of the states unless it is given others."""
    on_jax = keras.config.backend() == "jax"

    @functools.wraps(stock)
    def call(sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        if initial_state is None:
            initial_state = tree.map_structure(_initial_state, layer.states)
        _fix_batch(sequences, tree.flatten(layer.states)[0].shape[0])
        result = stock(sequences, initial_state=initial_state, mask=mask, training=training)
        if on_jax:
            # The assigned array may be one that the caller gets too. JAX's trainer donates the buffers of
            # variables, and with them the caller's array.
            for variable in tree.flatten(layer.states):
                variable.assign(ops.copy(variable))
        masks = [each for each in tree.flatten(mask) if each is not None]
        if not masks or len(masks[0].shape) != 2 or layer.zero_output_for_mask:
            return result
        output, *states = result if layer.return_state else (result,)
        output = _with_initial_output(layer, output, initial_state, masks[0])
        return (output, *states) if layer.return_state else output

    return call


def _with_initial_output(layer: Any, output: Any, initial_state: Any, mask: Any) -> Any:
    """Return a layer's outputs with masked steps at the beginning set to the state it started from.

    A masked step repeats the step before it, and the first ones repeat the last output of the batch before.
    Keras does so on JAX without unrolling; elsewhere it gives zeros there.
    """
    last = initial_state[0]
    if tree.is_nested(last):
        # The states of stacked cells: the last one's output comes out.
        last = initial_state[-1][0]
    if layer.return_sequences:
        order = ops.flip(mask, axis=1) if layer.go_backwards else mask
        begun = ops.cumsum(ops.cast(order, "int32"), axis=1) > 0
        last = ops.expand_dims(last, 1)
    else:
        begun = ops.any(mask, axis=1)
    begun = ops.reshape(begun, (*ops.shape(begun), *[1] * (len(output.shape) - len(begun.shape))))
    return ops.where(begun, output, ops.cast(last, output.dtype))


def _fix_batch(sequences: Any, batch: int) -> None:
    """Set the number of sequences in TensorFlow's graph, which a data set leaves open.

    Otherwise a loop could start from a state of fixed size and end in one of any size, which is refused.
    """
    if sequences.shape[0] is None and hasattr(sequences, "set_shape"):
        sequences.set_shape((batch, *sequences.shape[1:]))


def _initial_state(variable: Any) -> Any:
    """Return the present state, copied and without a gradient.

    On PyTorch the variable is overwritten before the gradient is computed. On JAX it may come from another
    call of a shared layer in the same step, and as elsewhere no gradient goes back through it.
    """
    return ops.stop_gradient(ops.copy(ops.convert_to_tensor(variable)))


class ResetStates(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """A callback that resets the states of every stateful layer; see ``seqtopo.ResetStates``."""

    def __init__(self, *, evaluate: bool = False, predict: bool = False) -> None:
        super().__init__()
        self.evaluate = evaluate
        self.predict = predict

    def set_model(self, model: Any) -> None:
        """Set the model that is about to run, which must have a stateful layer."""
        super().set_model(model)
        if not stateful_layers(model):
            raise ValueError(
                f"{model.name} has no stateful layer, so ResetStates has nothing to reset; leave it out, "
                "or write stateful in the spec, as in lstm(4,stateful)"
            )
        attach(model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Reset the states."""
        reset_states(self.model)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Reset the states, if ``evaluate`` was set."""
        if self.evaluate:
            reset_states(self.model)

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Reset the states, if ``predict`` was set."""
        if self.predict:
            reset_states(self.model)


def hold_to_batch(model: keras.Model) -> None:
    """Make a stateful model's ``fit``, ``evaluate`` and ``predict`` take arrays in batches of its size, in
    order.

    The default of ``batch_size`` is the model's size, and that of ``shuffle`` is False: the state after a
    batch is for the rows that come next. Data sets and generators make their own batches and are not changed.
    A model without a fixed batch is left as it is.
    """
    sizes = {tensor.shape[0] for tensor in getattr(model, "inputs", None) or ()}
    if len(sizes) != 1 or None in sizes:
        return
    (size,) = sizes
    for name in ("fit", "evaluate", "predict"):
        setattr(model, name, _in_batches(getattr(model, name), size))


def _in_batches(stock: Callable[..., Any], size: int) -> Callable[..., Any]:
    signature = inspect.signature(stock)

    @functools.wraps(stock)
    def run(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        given = bound.arguments
        rows = rows_of(given.get("x"))
        if rows is not None:
            batch_size = given.get("batch_size")
            if batch_size not in (None, size):
                raise ValueError(
                    f"the model is stateful with a fixed batch of {size}, so batch_size cannot be "
                    f"{batch_size}; leave it out, or build the model with batch={batch_size}"
                )
            given["batch_size"] = size
            if stock.__name__ == "fit":
                given.setdefault("shuffle", False)
            kept = rows - _held_out(rows, given)
            for number, what in ((kept, "rows"), (rows - kept, "rows for validation")):
                _assert_whole(number, size, what)
            validation = given.get("validation_data")
            if isinstance(validation, (tuple, list)) and validation:
                _assert_whole(
                    rows_of(validation[0]) or 0,
                    given.get("validation_batch_size") or size,
                    "rows for validation",
                )
        return stock(*bound.args, **bound.kwargs)

    return run


def rows_of(x: Any) -> int | None:
    """Return the number of rows of arrays; None for a data set or a generator."""
    leaves = tree.flatten(x)
    shapes = [getattr(leaf, "shape", None) for leaf in leaves]
    whole = [int(shape[0]) for shape in shapes if shape]
    return whole[0] if whole and len(whole) == len(shapes) else None


def _held_out(rows: int, given: dict[str, Any]) -> int:
    """Return the number of rows that ``validation_split`` takes, counted as Keras counts them."""
    split = given.get("validation_split")
    if not split or given.get("validation_data") is not None:
        return 0
    return rows - math.floor(rows * (1.0 - float(split)))


def _assert_whole(rows: int, size: int, what: str) -> None:
    over = rows % size
    if over:
        raise ValueError(
            f"{rows} {what} are not whole batches: the model is stateful and takes {size} rows at a time, "
            f"each of which goes on from its row in the batch before. Leave out {over}, or "
            f"give {size - over} more"
        )
