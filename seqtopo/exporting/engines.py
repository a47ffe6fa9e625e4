"""Runs what was exported, in the program it is for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Engine:
    """An exported model, loaded: its inputs' and outputs' names, and ``run``, from arrays to arrays."""

    title: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    run: Callable[[Sequence[Array]], list[Array]]


def onnx(path: str, inputs: Sequence[str]) -> Engine:
    """An ONNX file in onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = tuple(each.name for each in session.get_inputs())

    def run(arrays: Sequence[Array]) -> list[Array]:
        found: list[Array] = session.run(None, dict(zip(names, arrays, strict=True)))
        return found

    outputs = tuple(each.name for each in session.get_outputs())
    return Engine("onnxruntime", names, outputs, run)


def saved_model(path: str, inputs: Sequence[str]) -> Engine:
    """A SavedModel in TensorFlow."""
    import tensorflow as tf

    loaded = tf.saved_model.load(path)

    def run(arrays: Sequence[Array]) -> list[Array]:
        tensors = [tf.constant(array) for array in arrays]
        given = tensors[0] if len(tensors) == 1 else tensors
        # Outputs by name come in the order of their names there, which ours have not.
        return [value.numpy() for value in _leaves(loaded.serve(given))]

    return Engine("TensorFlow", tuple(inputs), (), run)


def tflite(path: str, inputs: Sequence[str]) -> Engine:
    """A TensorFlow Lite file in its interpreter."""
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_path=path, num_threads=os.cpu_count())
    signature = interpreter.get_signature_runner()
    details = signature.get_input_details()
    names = tuple(sorted(details, key=lambda name: _place(name, inputs)))

    def run(arrays: Sequence[Array]) -> list[Array]:
        found = signature(**dict(zip(names, arrays, strict=True)))
        # output_0, output_1 and so on: by their numbers
        return [found[name] for name in sorted(found, key=lambda name: (len(name), name))]

    return Engine("TensorFlow Lite", names, tuple(signature.get_output_details()), run)


def _place(name: str, inputs: Sequence[str]) -> tuple[int, str]:
    """Where an input of this name stands: TensorFlow may have made its name fit its own rules."""
    plain = [each.replace("-", "_").lower() for each in inputs]
    stem = name.replace("-", "_").lower()
    return (plain.index(stem) if stem in plain else len(plain), name)


def pt2(path: str, inputs: Sequence[str]) -> Engine:
    """An ExportedProgram in PyTorch."""
    import torch

    program = torch.export.load(path).module()

    def run(arrays: Sequence[Array]) -> list[Array]:
        tensors = [torch.from_numpy(array) for array in arrays]
        with torch.no_grad():
            found = program(tensors[0] if len(tensors) == 1 else tensors)
        return [value.numpy() for value in _leaves(found)]

    return Engine("PyTorch", tuple(inputs), (), run)


def _leaves(found: Any) -> list[Any]:
    if isinstance(found, dict):
        return [leaf for name in found for leaf in _leaves(found[name])]
    if isinstance(found, (list, tuple)):
        return [leaf for each in found for leaf in _leaves(each)]
    return [found]


ENGINES: dict[str, Callable[[str, Sequence[str]], Engine]] = {
    "onnx": onnx,
    "saved_model": saved_model,
    "tflite": tflite,
    "pt2": pt2,
}
"""What loads a file of each format."""
