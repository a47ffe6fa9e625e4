"""Train on one rank's share of each batch, so that all ranks together do what one process would.

Every rank is given the whole batch and takes its rows, in order. Then gradients, metrics and other states
are added up, so that the weights stay the same on all ranks. A batch that the ranks cannot share evenly (the
last one of an epoch, as a rule) every rank computes as a whole: that is exact for any loss and layer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from seqtopo.distributing.group import Group
from seqtopo.distributing.ranks import DistributionError
from seqtopo.emit.keras_private import get, layers_inside, mask_of, seed_generators

SUMS = 2**31 - 1
"""What checksums are taken modulo: they fit into an int32."""


class Shares(ABC):
    """The training step of one rank; a backend's class says how tensors are added up over the ranks."""

    def __init__(self, model: keras.Model, group: Group) -> None:
        self.model = model
        self.world, self.rank = group.ranks.world, group.ranks.rank
        self.generators = [g.state for each in layers_inside(model) for g in seed_generators(each)]
        self.times: Any = None
        """How many times as many rows as this rank's the batch has, while a step runs; else None."""
        self.checked = keras.Variable(0, dtype="int32", name="checksum", trainable=False)
        """A number that tells the last batch from others; ranks that read different ones are found by it."""

    @abstractmethod
    def rows(self, data: Any) -> tuple[Any, Any]:
        """Return this rank's rows of a batch, and how many times as many the batch has."""

    @abstractmethod
    def reduced(self, tensors: Sequence[Any], what: str) -> list[Any]:
        """Return the sums of tensors over the ranks; ``what`` names this sum among others."""

    @abstractmethod
    def fixed(self, variable: Any) -> Any:
        """Return a variable's value as it is now."""

    @abstractmethod
    def checksum(self, data: Any) -> Any:
        """Return a number below ``SUMS`` that tells one batch from another, whatever the order of adding."""

    def apply(self, optimizer: Any, gradients: list[Any], variables: Any) -> None:
        """Update the variables by Keras' own ``apply``."""
        type(optimizer).apply(optimizer, gradients, variables)

    def install(self) -> None:
        """Put the step and the summing of gradients into the model and its optimizer, each in the instance.

        Raises:
            DistributionError: a layer's loss or a metric cannot be added up over the ranks.
        """
        model, stock = self.model, self.model.train_step

        def train_step(data: Any) -> Any:
            return self.step(stock, data)

        self.refresh()
        model.train_step = train_step
        model.train_function = None  # it was made of the step before

    def refresh(self) -> None:
        """Take hold of the optimizer and the losses, which another ``compile`` makes anew."""
        self._refuse()
        optimizer = self.model.optimizer

        def apply(gradients: Any, trainable_variables: Any = None) -> None:
            self.apply(optimizer, self.mean(list(gradients), "gradients"), trainable_variables)

        if "apply" not in vars(optimizer):
            optimizer.apply = apply
        self._share_losses()

    def checksum_of_batch(self) -> int:
        """Return a number that tells the last batch, as a whole, from others."""
        return int(keras.ops.convert_to_numpy(self.checked))

    def _refuse(self) -> None:
        for layer in layers_inside(self.model):
            if layer.activity_regularizer is not None or isinstance(
                layer, keras.layers.ActivityRegularization
            ):
                raise DistributionError(
                    f"{layer.name} has an activity_regularizer, whose sum over a rank's rows is not that of "
                    "the batch",
                    "train it in one process, or on JAX",
                )
        for metric in metrics_of(self.model):
            if not additive(metric):
                raise DistributionError(
                    f"the metric {metric.name} is not Keras' own, and may not be added up over ranks",
                    "compile without it, and compute it from predict; or train on JAX",
                )

    def step(self, stock: Any, data: Any) -> Any:
        """Do what ``train_step`` does for the whole batch, on this rank's rows of it."""
        model = self.model
        rows, self.times = self.rows(data)
        self.checked.assign(self.checksum(data))
        known = {id(v): self.fixed(v) for v in model.metrics_variables}
        for variable in model.metrics_variables:
            variable.assign(ops.zeros_like(variable))
        try:
            with self.noise_of_rank():
                stock(rows)
        finally:
            times, self.times = self.times, None
        metrics = model.metrics_variables
        others = [v for v in model.non_trainable_variables if self._drifts(v)]
        # What every rank has counted of a batch that was not shared counts once.
        share = times / self.world
        counted = [self.fixed(v) * ops.cast(share, v.dtype) for v in metrics]
        sums = self.reduced([*counted, *(self.fixed(v) for v in others)], "states")
        for variable, added in zip(metrics, sums, strict=False):
            before = known.get(id(variable))
            variable.assign(added if before is None else before + added)
        for variable, added in zip(others, sums[len(metrics) :], strict=True):
            variable.assign(added / self.world)
        return model.get_metrics_result()

    def mean(self, tensors: list[Any], what: str) -> list[Any]:
        """Return the means of tensors over the ranks; None stays None."""
        some = [x for x in tensors if x is not None]
        found = iter([x / self.world for x in self.reduced(some, what)] if some else ())
        return [None if x is None else next(found) for x in tensors]

    def _drifts(self, variable: Any) -> bool:
        """Whether a state depends on a rank's rows: the moving averages of batch normalisation do."""
        return keras.backend.is_float_dtype(variable.dtype) and all(
            variable is not x for x in self.generators
        )

    @contextmanager
    def noise_of_rank(self) -> Iterator[None]:
        """Draw other numbers on each rank; after the step the generators are the same on all of them."""
        for state in self.generators:
            state.assign(state + ops.convert_to_tensor([self.rank, 0], state.dtype))
        yield
        for state in self.generators:
            state.assign(state - ops.convert_to_tensor([self.rank, 0], state.dtype))

    def _share_losses(self) -> None:
        """Put a ``SharedLoss`` in the place of each loss; Keras makes the list of them at the first batch."""
        compiled = get(self.model, "_compile_loss")
        if compiled is None or "build" in vars(compiled):
            return
        stock = compiled.build

        def build(*args: Any, **kwargs: Any) -> None:
            stock(*args, **kwargs)
            share()

        def share() -> None:
            losses = get(compiled, "_flat_losses")
            for i, each in enumerate(losses):
                losses[i] = each._replace(loss=SharedLoss(each.loss, self, f"loss {i}"))

        compiled.build = build
        if compiled.built:
            share()


class SharedLoss:
    """A loss whose mean over the ranks is its value for the whole batch.

    Keras divides by the elements that are not masked, or by the sum of the sample weights; each rank knows
    these of its own rows alone. Outside of a training step it is the loss that it was.
    """

    def __init__(self, loss: Any, shares: Shares, what: str) -> None:
        self.loss, self.shares, self.what = loss, shares, what

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loss, name)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of this rank's rows, as it counts among those of all."""
        value = self.loss(y_true, y_pred, sample_weight)
        shares, reduction = self.shares, getattr(self.loss, "reduction", "")
        if shares.times is None:
            return value
        if reduction == "sum":
            return value * ops.cast(shares.times, value.dtype)
        mask = mask_of(y_pred)
        weighted = reduction == "mean_with_sample_weight" and sample_weight is not None
        if mask is None and not weighted:
            return value  # divided by a number of elements that is the same on each rank
        kept = None if mask is None else ops.cast(mask, value.dtype)
        if weighted:
            weights = ops.cast(sample_weight, value.dtype)
            kept = weights if kept is None else weights * ops.reshape(kept, weights.shape)
        count = ops.sum(kept)
        (total,) = shares.reduced([count], self.what)
        return value * ops.divide_no_nan(count * shares.world, total)


def metrics_of(model: keras.Model) -> list[Any]:
    """Return the metrics of a compiled model, each alone."""
    found: list[Any] = []
    for metric in model.metrics:
        inner = getattr(metric, "metrics", None)
        found.extend(inner if inner else [metric])
    return found


def additive(metric: Any) -> bool:
    """Return whether the states of a metric for two batches add up to its state for both."""
    # Those of all metrics of Keras do, a test tries each; of a user's own class nobody knows.
    return type(metric).__module__.startswith("keras.")
