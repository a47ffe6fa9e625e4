"""Run convolutions of every layout: ``python -m tests.support.onednn_run`` prints as JSON which fail."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import seqtopo
from seqtopo.layers.convolution import ROWS

SIZES = {1: "9", 2: "9,8", 3: "6,5,7"}


def _calls() -> Iterator[tuple[str, int, str, str]]:
    """The name of each convolution, the axes it is over, its own arguments, and those it is tried with."""
    several = ("", "dilation_rate=2", "strides=2")
    for row in ROWS:
        rank = int(row.name[row.name.index("conv") + 4])
        own = "3" if row.name.startswith("depthwise") else "4,3"
        uneven = ("strides=(1,2)", "dilation_rate=(1,2)") if rank == 2 else ()
        if rank == 2 and "groups" not in row.by_name and "output_padding" not in row.by_name:
            uneven += ("strides=(1,2),dilation_rate=2",)
        groups = ("groups=2",) if "groups" in row.by_name else ()
        for words in (*several, *uneven, *groups):
            yield row.name, rank, own, words
    for rank in (1, 2):
        yield f"convlstm{rank}d", rank, "4,3", ""


def specs() -> list[str]:
    """Specs of one convolution each."""
    found = []
    for name, rank, own, words in _calls():
        for first in (False, True):
            shape = f"4,{SIZES[rank]}" if first else f"{SIZES[rank]},4"
            args = ",".join(filter(None, (own, words, "channels_first" * first)))
            steps = "3," if name.startswith("convlstm") else ""
            found.append(f"in({steps}{shape}) -> {name}({args})")
    return [
        *found,
        "in(4,9) -> conv1d(4,3,channels_first,dtype=float16)",
        "in(9,4) -> conv1d_transpose(4,3,dilation_rate=2,dtype=float64)",
        "in(9,8,4) -> depthwise_conv2d(3,(1,2),dtype=bfloat16)",
        "in(5,4,9) -> td(conv1d(4,3,channels_first))",
        "in(5,4,9,8) -> td(spectral_normalization(conv2d(4,3,channels_first)))",
        "in(3,4,9) -> bi(convlstm1d(4,3,channels_first))",
    ]


def failing() -> list[str]:
    """The specs whose models fail when they are called, or when they learn, here."""
    return [text for text in specs() if not _runs(text)]


def _runs(text: str) -> bool:
    model = seqtopo.compile(text, kernels=False)
    x = keras.ops.convert_to_tensor(np.ones((2, *model.input_shape[1:]), "float32"))
    try:
        if keras.backend.backend() != "tensorflow":
            model(x)
            return True
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(tf.cast(model(x), "float32"))
        tape.gradient(total, [x, *(v.value for v in model.trainable_variables)])
    except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError):
        return False
    return True


if __name__ == "__main__":
    print(json.dumps(failing()))
