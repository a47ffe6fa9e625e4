"""Run a model's training and prediction steps without Keras' work for less plain models.

The loss, the metrics and the optimizer are Keras' own. Shortcuts are taken for a mean squared error, the mean
of the losses so far, and Adam's update, each with its default settings; for all else Keras' code runs.
"""

from __future__ import annotations

import inspect
import math
from functools import partial
from typing import Any

import keras
import numpy as np
import torch
from keras import tree

from seqtopo.emit.keras_private import get, has, has_hooks, torch_device
from seqtopo.runtime.kernels.attaching import Choice, Kernel, NotNow, Stock
from seqtopo.runtime.kernels.on_torch.graph import FlatModel, flat_model_of

RUNS = ("fit", "evaluate", "predict")

OWN = ("compute_loss", "_compute_loss", "compute_metrics", "zero_grad", "__call__")
"""The methods that a user may have replaced in a model; if so, each step is Keras' own."""


STEP = ("_loss_tracker", "_compile_loss", "_compute_loss", "_aggregate_additional_loss")
ADAM = ("_trainable_variables", "_momentums", "_velocities")
"""The private attributes of an Adam optimizer that a step uses."""


def choose(model: Any) -> Choice:
    """Return the kernel of a model: its direct walk and its steps, or the reason for which it has none."""
    walk = flat_model_of(model)
    if isinstance(walk, Stock):
        return walk
    steps = Steps(walk)
    more: dict[str, Any] = {"train_step": steps.train, "predict_step": steps.predict}
    # For a stateful model, ``fixed_batch`` has wrapped these methods already.
    more |= {name: partial(in_step, name) for name in RUNS if "reset_states" not in vars(model)}
    return Kernel("straight calls", "call", walk, more=tuple(more.items()))


class InStep(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """A callback that does nothing at the end of each batch, so that Keras calls callbacks in the main
    thread.

    If no callback wants the end of a batch, Keras tells them of it in a thread of its own, so as not to wait
    for an accelerator. On a CPU the main thread would wait for that thread at each batch instead.
    """

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Do nothing."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Do nothing."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Do nothing."""


def in_step(name: str, model: Any, *args: Any, **kwargs: Any) -> Any:
    """Run a model's ``fit``, ``evaluate`` or ``predict``, with its callbacks called in the main thread.

    Raises:
        NotNow: it computes on an accelerator, or the callbacks are a ``CallbackList``, which is kept.
    """
    stock = getattr(type(model), name)
    given = inspect.signature(stock).bind(model, *args, **kwargs)
    callbacks = given.arguments.get("callbacks")
    if torch_device() != "cpu" or isinstance(callbacks, keras.callbacks.CallbackList):
        raise NotNow("its callbacks are called as Keras does")
    if name == "predict" and _is_plain_predict(model, given.arguments):
        return _predict(model, given.arguments["x"], given.arguments.get("batch_size") or 32)
    given.arguments["callbacks"] = [*tree.flatten(callbacks or []), InStep()]
    return stock(*given.args, **given.kwargs)


def _is_plain_predict(model: Any, given: dict[str, Any]) -> bool:
    """Return whether ``predict`` is called for an array, with no option but the batch size."""
    x = given["x"]
    return (
        isinstance(x, np.ndarray)
        and x.dtype == np.float32
        and x.flags.c_contiguous
        and x.flags.writeable
        and len(x) > 0
        and given.get("verbose") == 0
        and given.get("callbacks") is None
        and given.get("steps") is None
        and not model.jit_compile
        and "make_predict_function" not in vars(model)
    )


def _predict(model: Any, x: Any, batch_size: int) -> Any:
    """Return the result of ``predict`` for an array."""
    model.eval()
    with torch.no_grad():
        batches = torch.from_numpy(x).split(batch_size)
        found = [model.predict_step((batch,)) for batch in batches]
    return tree.map_structure(
        lambda *parts: np.concatenate([keras.ops.convert_to_numpy(x) for x in parts]), *found
    )


class Steps:
    """The ``train_step`` and ``predict_step`` of a model whose layers are called directly."""

    def __init__(self, walk: FlatModel) -> None:
        self.walk = walk

    def predict(self, model: Any, data: Any) -> Any:
        """Return the result of ``predict_step``: the outputs for a batch."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self._outputs(model, x, training=False)

    def train(self, model: Any, data: Any) -> Any:
        """Update the weights once, as ``train_step`` does, and return the metrics."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        optimizer, weights = model.optimizer, model.trainable_weights
        if optimizer is None or not weights or any(name in vars(model) for name in OWN):
            raise NotNow("it has steps of its own, or nothing to train")
        if not has(model, *STEP):
            raise NotNow("this Keras has another training step")
        outputs = self._outputs(model, x, training=True)
        model.zero_grad()
        loss = _loss(model, x, y, outputs, sample_weight)
        _track(get(model, "_loss_tracker"), loss, tree.flatten(x)[0].shape[0])
        optimizer.scale_loss(loss).backward()
        gradients = [variable.value.grad for variable in weights]
        if "apply" in vars(optimizer):
            # Training on several processes adds the gradients up there.
            with torch.no_grad():
                optimizer.apply(gradients, weights)
        else:
            update(optimizer, gradients, weights)
        return model.compute_metrics(x, y, outputs, sample_weight=sample_weight)

    def _outputs(self, model: Any, x: Any, *, training: bool) -> Any:
        """Return the model's outputs, without Keras' work around a call.

        Raises:
            NotNow: there is work to be done around the call, or the ``FlatModel`` raises it.
        """
        if has_hooks(model) or model.activity_regularizer is not None:
            raise NotNow("there are hooks")
        return self.walk(model, x, training=training)


def _loss(model: Any, x: Any, y: Any, outputs: Any, sample_weight: Any) -> torch.Tensor:
    """Return the loss of a batch, with that of regularizers."""
    found: torch.Tensor
    if (
        sample_weight is None
        and isinstance(y, torch.Tensor)
        and isinstance(outputs, torch.Tensor)
        and y.shape == outputs.shape
        and y.dtype == outputs.dtype == torch.float32
        and _is_plain_error(get(model, "_compile_loss"))
    ):
        found = torch.nn.functional.mse_loss(outputs, y)
        more = model.losses
        if not more:
            return found
        # As Keras adds them up.
        return torch.stack([found, *(get(model, "_aggregate_additional_loss")(each) for each in more)]).sum()
    found = get(model, "_compute_loss")(x=x, y=y, y_pred=outputs, sample_weight=sample_weight, training=True)
    return found


def _is_plain_error(compiled: Any) -> bool:
    """Return whether a model's only loss is the mean squared error of its one output."""
    if type(compiled).__module__ != "keras.src.trainers.compile_utils" or not compiled.built:
        return False
    if not has(compiled, "_flat_losses"):
        return False
    losses = get(compiled, "_flat_losses")
    if len(losses) != 1 or losses[0].loss_weights is not None or compiled.metrics:
        return False
    loss = losses[0].loss
    function = getattr(loss, "fn", loss)
    plain = function is keras.losses.mean_squared_error
    return plain and loss.reduction == "sum_over_batch_size" and loss.dtype == compiled.dtype == "float32"


def _track(tracker: Any, loss: torch.Tensor, batch: int) -> None:
    """Add a batch's loss to a mean, as ``Mean.update_state`` does."""
    if type(tracker) is not keras.metrics.Mean or tracker.dtype != "float32" or loss.dtype != torch.float32:
        tracker.update_state(loss, sample_weight=batch)
        return
    with torch.no_grad():
        tracker.total.value.add_(loss, alpha=batch)
        tracker.count.value.add_(batch)


def update(optimizer: Any, gradients: list[torch.Tensor | None], variables: list[Any]) -> None:
    """Update variables as ``optimizer.apply`` does; a plain Adam's in one call."""
    with torch.no_grad():
        if not _adam(optimizer, gradients, variables):
            type(optimizer).apply(optimizer, gradients, variables)


def _adam(optimizer: Any, gradients: list[torch.Tensor | None], variables: list[Any]) -> bool:
    """Update variables by Adam in one call, and return whether that was possible.

    PyTorch adds epsilon to the corrected root, Keras to the uncorrected one.
    """
    if not (
        variables[0].value.device.type == "cpu"
        and isinstance(optimizer, keras.optimizers.Adam)
        and type(optimizer).__module__.startswith("keras.")
        and type(optimizer).__name__ == "Adam"
        and optimizer.built
        and not (optimizer.clipnorm or optimizer.clipvalue or optimizer.global_clipnorm)
        and not (optimizer.weight_decay or optimizer.use_ema or optimizer.gradient_accumulation_steps)
        and not (optimizer.amsgrad or optimizer.loss_scale_factor)
        and has(optimizer, *ADAM)
        and len(variables) == len(get(optimizer, "_trainable_variables"))
    ):
        return False
    known = get(optimizer, "_trainable_variables")
    for gradient, variable, own in zip(gradients, variables, known, strict=True):
        if gradient is None or variable is not own or variable.constraint is not None:
            return False
        if gradient.dtype != torch.float32 or variable.overwrite_with_gradient:
            return False
    step = int(optimizer.iterations.value) + 1
    correction = math.sqrt(1 - optimizer.beta_2**step)
    torch._fused_adam_(
        [variable.value for variable in variables],
        gradients,
        [each.value for each in get(optimizer, "_momentums")],
        [each.value for each in get(optimizer, "_velocities")],
        [],
        [torch.tensor(float(step))] * len(variables),
        lr=float(optimizer.learning_rate),
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        weight_decay=0.0,
        eps=optimizer.epsilon / correction,
        amsgrad=False,
        maximize=False,
    )
    optimizer.iterations.assign_add(1)
    return True
