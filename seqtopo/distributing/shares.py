"""Train on one rank's share of each batch, so that all ranks together do what one process would.

Every rank gets the whole batch and takes its rows, in order. Then gradients, metrics and other states are
summed, so that the weights stay the same on all ranks. If the ranks cannot share a batch evenly (usually the
last one of an epoch), every rank computes it as a whole, which is exact for any loss and layer.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import keras
from keras import ops

from seqtopo.distributing.group import Group
from seqtopo.distributing.ranks import DistributionError
from seqtopo.emit.keras_private import (
    KerasLacksError,
    get,
    layers_inside,
    mask_of,
    own_weights,
    seed_generators,
)

CLOSE = 1e-3
"""The relative difference up to which two numbers count as the same: sums are made in other orders."""
SUMS = 2**31 - 1
"""The modulus of checksums."""
FACTOR = 31
"""The factor of the batches before, so that their order counts."""


class Shares(ABC):
    """The training step of one rank; a backend's class sums tensors over the ranks."""

    def __init__(self, model: keras.Model, group: Group) -> None:
        self.model = model
        self.world, self.rank = group.ranks.world, group.ranks.rank
        self.generators = [g.state for each in layers_inside(model) for g in seed_generators(each)]
        self.times: Any = None
        """The ratio of the batch's rows to this rank's, while a step runs; else None."""
        self.tested: tuple[Any, Any] = (None, None)
        """The model's own ``test_function``, and the one in shares that stands for it."""
        self.checked = keras.Variable(0, dtype="int64", name="checksum", trainable=False)
        """A number that distinguishes the batches so far from others, so that ranks can compare them."""

    @abstractmethod
    def rows(self, data: Any) -> tuple[Any, Any]:
        """Return this rank's rows of a batch, and the ratio of the batch's rows to these."""

    @abstractmethod
    def reduced(self, tensors: Sequence[Any], what: str) -> list[Any]:
        """Return the sums of tensors over the ranks; ``what`` names this sum among others."""

    @abstractmethod
    def fixed(self, variable: Any) -> Any:
        """Return a variable's present value."""

    @abstractmethod
    def checksum(self, data: Any) -> Any:
        """Return a checksum of a batch, below ``SUMS``, that does not depend on the order of adding."""

    def apply(self, optimizer: Any, gradients: list[Any], variables: Any) -> None:
        """Update the variables by Keras' own ``apply``."""
        type(optimizer).apply(optimizer, gradients, variables)

    def install(self) -> None:
        """Put the step and the summing of gradients into the instances of the model and its optimizer.

        Raises:
            DistributionError: a layer's loss or a metric cannot be summed over the ranks.
        """
        model, stock = self.model, self.model.train_step

        def train_step(data: Any) -> Any:
            return self.step(stock, data)

        self.refresh()
        model.train_step = train_step
        model.train_function = None  # it was made of the step before

    def refresh(self) -> None:
        """Update the changes to the optimizer and the losses, which another ``compile`` makes anew."""
        self._refuse()
        optimizer = self.model.optimizer

        def apply(gradients: Any, trainable_variables: Any = None) -> None:
            self.apply(optimizer, self.mean(list(gradients), "gradients"), trainable_variables)

        if "apply" not in vars(optimizer):
            optimizer.apply = apply
        self._share_losses()

    def checksum_of_batch(self) -> int:
        """Return a number that distinguishes the batches so far from others."""
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
        if type(self.model).train_step is not keras.Model.train_step:
            raise DistributionError(
                f"{type(self.model).__name__} has a train_step of its own, which may not go row by row",
                "override compute_loss in the place of it; or train on JAX, or in one process",
            )
        for metric in metrics_of(self.model):
            if not additive(metric):
                raise DistributionError(
                    f"the metric {metric.name} is not Keras' own, and may not be added up over ranks",
                    "compile without it, and compute it from predict; or train on JAX",
                )

    def try_out(self, batch: tuple[Any, ...] | None) -> None:
        """Compare losses and metrics of the first batch, computed whole and in shares, where the model has
        parts that are not Keras' own.

        Raises:
            DistributionError: they differ, or there is no batch to compare them by.
        """
        parts = own_parts(self.model)
        if not parts:
            return
        named = ", ".join(parts[:3])
        if batch is None:
            raise DistributionError(
                f"{named} is tried on the first batch, which cannot be taken from this data beforehand",
                "give arrays, a PyDataset, a DataLoader or a generator; or train on JAX",
            )
        rows = len(keras.tree.flatten(batch[0])[0])
        share = rows // self.world
        if not share:
            return  # every rank computes this batch as a whole
        start = self.rank * share
        whole = self._numbers(batch, slice(share * self.world), shared=False)
        shared = self._numbers(batch, slice(start, start + share), shared=True)
        for name, one in whole.items():
            if math.isfinite(one) and not math.isclose(one, shared[name], rel_tol=CLOSE, abs_tol=CLOSE):
                raise DistributionError(
                    f"{name} of a batch is {one:.6g}, but {shared[name]:.6g} from the ranks' shares of it: "
                    f"{named} is not made sample by sample",
                    "give one value for each sample; or train on JAX, or in one process",
                )

    def _numbers(self, batch: tuple[Any, ...], rows: slice, *, shared: bool) -> dict[str, float]:
        """Return the loss and the metrics of some rows of a batch, added up over the ranks where shared."""
        model = self.model

        def taken(part: Any) -> Any:
            return keras.tree.map_structure(lambda a: ops.convert_to_tensor(a[rows]), part)

        x, y, weights = (None if p is None else taken(p) for p in (*batch, None, None)[:3])
        self.times = float(self.world) if shared else None
        model.reset_metrics()
        try:
            answers = model(x, training=False)
            loss = model.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights, training=False)
            model.compute_metrics(x, y, answers, sample_weight=weights)
        finally:
            self.times = None
        if shared:
            (loss,) = self.mean([loss], "tried loss")
            counted = model.metrics_variables
            sums = self.reduced([self.fixed(v) for v in counted], "tried metrics") if counted else []
            for variable, added in zip(counted, sums, strict=True):
                variable.assign(added)
        found = {**model.get_metrics_result(), "the loss": loss}
        found.pop("loss", None)  # its mean over the batches so far
        numbers = {
            name: float(keras.ops.convert_to_numpy(x)) for name, x in found.items() if not len(x.shape)
        }
        model.reset_metrics()
        return numbers

    def refuse_added_losses(self) -> None:
        """Refuse losses that layers add: whether they are means of a batch or sums is not known.

        Raises:
            DistributionError: there is one.
        """
        penalties = sum(v.regularizer is not None for v in self.model.trainable_weights)
        if len(self.model.losses) > penalties:
            raise DistributionError(
                "a layer adds a loss of its own (add_loss), and how it is made of a batch is not known",
                "add it in the model's compute_loss; or train on JAX, or in one process",
            )

    @contextmanager
    def validating(self) -> Iterator[None]:
        """Compute this rank's share of each batch of a validation inside the ``with`` block."""
        model, before = self.model, self.model.test_function
        if self.tests_in_its_own_way():
            yield  # such a step may not go row by row: each rank computes the whole batch
            return
        stock = model.test_step

        def test_step(data: Any) -> Any:
            return self.step(stock, data, training=False)

        model.test_step = test_step
        try:
            if self.tested[0] is not before:  # compile makes another one
                model.make_test_function(force=True)
                self.tested = before, model.test_function
            model.test_function = self.tested[1]
            yield
        finally:
            model.test_function = before
            del model.test_step

    def tests_in_its_own_way(self) -> bool:
        """Return whether a model has another ``test_step`` than Keras'."""
        return "test_step" in vars(self.model) or type(self.model).test_step is not keras.Model.test_step

    def step(self, stock: Any, data: Any, *, training: bool = True) -> Any:
        """Do the work of ``train_step`` or ``test_step`` for the whole batch, on this rank's rows of it."""
        model = self.model
        rows, self.times = self.rows(data)
        self.checked.assign((self.checked * FACTOR + ops.cast(self.checksum(data), "int64")) % SUMS)
        known = {id(v): self.fixed(v) for v in model.metrics_variables}
        for variable in model.metrics_variables:
            variable.assign(ops.zeros_like(variable))
        try:
            with self.noise_of_rank() if training else nullcontext():
                stock(rows)
        finally:
            times, self.times = self.times, None
        metrics = model.metrics_variables
        others = self._depending_on_rows() if training else []
        # All ranks have counted a batch that was not shared; together it counts once.
        share, by_batch = times / self.world, self.counted_by_batch()
        counted = [
            self.fixed(v) * ops.cast(1 / self.world if id(v) in by_batch else share, v.dtype) for v in metrics
        ]
        what = "states" if training else "tested"
        sums = self.reduced([*counted, *(self.fixed(v) for v in others)], what)
        for variable, added in zip(metrics, sums, strict=False):
            before = known.get(id(variable))
            variable.assign(added if before is None else before + added)
        for variable, added in zip(others, sums[len(metrics) :], strict=True):
            variable.assign(added / self.world)
        return model.get_metrics_result()

    def counted_by_batch(self) -> set[int]:
        """Return the ids of the variables of metrics in which each batch counts alike, however many rows."""
        return set()

    def mean(self, tensors: list[Any], what: str) -> list[Any]:
        """Return the means of tensors over the ranks; None stays None."""
        some = [x for x in tensors if x is not None]
        found = iter([x / self.world for x in self.reduced(some, what)] if some else ())
        return [None if x is None else next(found) for x in tensors]

    def _depending_on_rows(self) -> list[Any]:
        """Return the states that depend on a rank's rows, as moving averages of batch normalisation do.

        Weights that are frozen do not, and stay as they are to the last bit.
        """
        weights = {id(v) for layer in layers_inside(self.model) for v in own_weights(layer)}
        known = weights | {id(state) for state in self.generators}
        return [
            v
            for v in self.model.non_trainable_variables
            if keras.backend.is_float_dtype(v.dtype) and id(v) not in known
        ]

    @contextmanager
    def noise_of_rank(self) -> Iterator[None]:
        """Draw other numbers on each rank; after the ``with`` block the generators are equal again."""
        for state in self.generators:
            state.assign(state + ops.convert_to_tensor([self.rank, 0], state.dtype))
        yield
        for state in self.generators:
            state.assign(state - ops.convert_to_tensor([self.rank, 0], state.dtype))

    def _share_losses(self) -> None:
        """Replace each loss by a ``SharedLoss``; Keras makes the list of losses at the first batch."""
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

    Keras divides by the number of elements that are not masked, or by the sum of the sample weights; each
    rank knows these for its own rows only. Outside of a training step it equals the original loss.
    """

    def __init__(self, loss: Any, shares: Shares, what: str) -> None:
        self.loss, self.shares, self.what = loss, shares, what

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loss, name)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the loss of this rank's rows, weighted by their part of the batch."""
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


def own_parts(model: keras.Model) -> list[str]:
    """Return the losses, metrics and layers of a model that neither Keras nor seqtopo defines, in words."""

    def own(made: Any) -> bool:
        return not str(getattr(made, "__module__", "")).startswith(("keras.", "seqtopo."))

    found = [f"the layer {x.name}" for x in layers_inside(model) if own(type(x)) and x is not model]
    if own(type(model)):
        found.append(f"the model {type(model).__name__}")
    given = {"loss": model.loss}
    try:
        compiled = get(model, "_compile_metrics")
        if compiled is not None:
            given["metric"] = [get(compiled, "_user_metrics"), get(compiled, "_user_weighted_metrics")]
    except KerasLacksError:
        found.append("a metric")
    for what, parts in given.items():
        for part in keras.tree.flatten(parts):
            made = getattr(part, "fn", part)  # Keras wraps functions
            if made is not None and not isinstance(made, str):
                kind = made if hasattr(made, "__name__") else type(made)
                found += [f"the {what} {kind.__name__}"] if own(kind) else []
    return found


def metrics_of(model: keras.Model) -> list[Any]:
    """Return the metrics of a compiled model, those inside others each for itself."""
    found: list[Any] = []
    for metric in model.metrics:
        inner = getattr(metric, "metrics", None)
        found.extend(inner if inner else [metric])
    return found


def additive(metric: Any) -> bool:
    """Return whether the states of a metric for two batches add up to its state for both."""
    # Those of all metrics of Keras do, a test tries each; of a user's own class nobody knows.
    return type(metric).__module__.startswith("keras.")
