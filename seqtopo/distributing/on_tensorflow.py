"""Add up gradients over processes with TensorFlow's own collective operations."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtopo.distributing.group import Array, Group, Installed
from seqtopo.distributing.ranks import DistributionError, Ranks, exchange, free_port, own_address
from seqtopo.distributing.shares import SUMS, Shares
from seqtopo.emit.keras_private import get

LOST_ERRORS = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
"""The errors of a collective operation whose other ranks have ended."""
GROUP = 1
"""The number by which TensorFlow knows this group of devices."""


def devices(kind: str) -> int:
    """Return the number of devices of a kind that TensorFlow sees."""
    return len(tf.config.list_physical_devices(kind.upper()))


def connected() -> Ranks | None:
    """Return None: TensorFlow says of a cluster only in the environment, see ``ranks_of``."""
    return None


def join(ranks: Ranks) -> Group:
    """Connect the processes to a cluster.

    The strategy is made only because it sets up the cluster. ``fit`` under it fails in Keras 3
    (keras-team/keras#20585); the steps here call the collective operations themselves, outside of it.
    """
    address = f"{own_address(ranks)}:{free_port()}"
    workers = exchange(ranks, address)
    config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": ranks.rank}}
    before = os.environ.get("TF_CONFIG")
    os.environ["TF_CONFIG"] = json.dumps(config)
    try:
        tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise DistributionError(
            f"TensorFlow has been used already ({error})",
            "call seqtopo.distribute() first, before a model is made",
        ) from None
    finally:
        os.environ.pop("TF_CONFIG")
        if before is not None:
            os.environ["TF_CONFIG"] = before
    return TensorFlowGroup(ranks)


def _sum(flat: Any, world: int, what: str) -> Any:
    """Return the sum of a flat tensor over the ranks; ``what``, dtype and size identify the sum."""
    key = zlib.crc32(f"{what} {flat.dtype.name}".encode()) % 2**29 + tf.size(flat)
    return tf.raw_ops.CollectiveReduceV2(
        input=flat,
        group_size=world,
        group_key=GROUP,
        instance_key=key,
        ordering_token=[],
        merge_op="Add",
        final_op="Id",
    )


@tf.function(input_signature=[tf.TensorSpec([None], tf.float64), tf.TensorSpec([], tf.int32)])  # type: ignore[untyped-decorator]
def _total(flat: Any, world: Any) -> Any:
    return _sum(flat, world, "total")


class TensorFlowGroup(Group):
    """The processes that TensorFlow's cluster connects."""

    def is_lost(self, error: Exception) -> bool:
        """Return whether an error says that the connection to another rank broke."""
        return isinstance(error, LOST_ERRORS)

    def _total(self, values: Array) -> Array:
        added: Array = _total(np.ravel(values), self.ranks.world).numpy()
        return added.reshape(values.shape)

    def install(self, model: keras.Model) -> Installed:
        """Make the model's ``train_step`` compute this rank's rows."""
        shares = TensorFlowShares(model, self)
        shares.install()
        return shares


class TensorFlowShares(Shares):
    """The training step of one rank on TensorFlow."""

    def refresh(self) -> None:
        """Update the changes after another ``compile``."""
        super().refresh()
        self.model.jit_compile = False  # XLA does not know these operations

    def counted_by_batch(self) -> set[int]:
        """Return the ids of the variables of metrics in which each batch counts alike, however many rows.

        So do the losses of each of several outputs: a graph does not know the number of rows, by which Keras
        would weight them.
        """
        losses = getattr(get(self.model, "_compile_loss"), "metrics", ())
        return {id(variable) for metric in losses for variable in metric.variables}

    def rows(self, data: Any) -> tuple[Any, Any]:
        """Return this rank's rows of a batch, and the ratio of the batch's rows to these."""
        size = tf.shape(next(x for x in keras.tree.flatten(data) if x is not None))[0]
        even = size % self.world == 0
        share = tf.where(even, size // self.world, size)
        start = tf.where(even, self.rank * share, 0)
        times = tf.where(even, float(self.world), 1.0)
        return keras.tree.map_structure(
            lambda x: None if x is None else x[start : start + share], data
        ), times

    def reduced(self, tensors: Sequence[Any], what: str) -> list[Any]:
        """Return the sums over the ranks, with one message for all of them."""
        dense = [tf.convert_to_tensor(x) for x in tensors]  # an embedding's gradient names rows alone
        wide = tf.float64 if any(x.dtype == tf.float64 for x in dense) else tf.float32
        flat = tf.concat([tf.reshape(tf.cast(x, wide), [-1]) for x in dense], 0)
        added = _sum(flat, self.world, what)
        parts = tf.split(added, tf.stack([tf.size(x) for x in dense]), num=len(dense))
        return [
            tf.ensure_shape(tf.cast(tf.reshape(part, tf.shape(x)), x.dtype), x.shape)
            for part, x in zip(parts, dense, strict=True)
        ]

    def fixed(self, variable: Any) -> Any:
        """Return a copy of a variable's value that later assignments do not change."""
        return tf.identity(variable.value)

    def checksum(self, data: Any) -> Any:
        """Return a number that distinguishes a batch from others."""
        parts = [x for x in keras.tree.flatten(data) if x is not None and x.dtype != tf.string]
        numbers = [tf.cast(tf.bitcast(tf.cast(x, tf.float32), tf.int32), tf.int64) for x in parts]
        return tf.add_n([tf.reduce_sum(each) for each in numbers]) % SUMS
