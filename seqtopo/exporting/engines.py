"""Write a model in each format, and load and run it there.

Keras' own ``export`` writes most formats; one that needs more, or that Keras does not know, has a function in
`WRITERS`. Each format has a loader in `ENGINES`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from seqtopo.exporting.formats import Format

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Engine:
    """An exported model, loaded: the names of its inputs and outputs, and ``run`` from arrays to arrays."""

    title: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    run: Callable[[Sequence[Array]], list[Array]]


def onnx(path: str, inputs: Sequence[str]) -> Engine:
    """Load an ONNX file into onnxruntime."""
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
    """Load a SavedModel into TensorFlow."""
    import tensorflow as tf

    loaded = tf.saved_model.load(path)

    def run(arrays: Sequence[Array]) -> list[Array]:
        tensors = [tf.constant(array) for array in arrays]
        given = tensors[0] if len(tensors) == 1 else tensors
        # Outputs by name come in the order of their names there, which ours have not.
        return [value.numpy() for value in _leaves(loaded.serve(given))]

    return Engine("TensorFlow", tuple(inputs), (), run)


def tflite(path: str, inputs: Sequence[str]) -> Engine:
    """Load a TensorFlow Lite file into its interpreter."""
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
    """Return a sort key with the place of the input of this name, which TensorFlow may have changed."""
    plain = [each.replace("-", "_").lower() for each in inputs]
    stem = name.replace("-", "_").lower()
    return (plain.index(stem) if stem in plain else len(plain), name)


def pt2(path: str, inputs: Sequence[str]) -> Engine:
    """Load an ExportedProgram into PyTorch."""
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
"""The function that loads a file of each format."""


def alone(values: list[Any]) -> Any:
    """Return several values as a list, and a single one by itself, as a functional model takes them."""
    return values[0] if len(values) == 1 else values


def by_keras(
    model: keras.Model,
    signature: Sequence[Any],
    format: Format,
    out: str,
    names: Sequence[str],
    **options: Any,
) -> None:
    """Write a model by Keras' own ``export``; the options are those of the format there.

    ``signature`` has an ``InputSpec`` for each input, ``names`` a name for each output.
    """
    inputs = [alone(list(signature))]
    model.export(out, format=format.keras, verbose=False, input_signature=inputs, **options)


def write_onnx(
    model: keras.Model, signature: Sequence[Any], format: Format, out: str, names: Sequence[str]
) -> None:
    """Write an ONNX file whose outputs have the names of their layers."""
    if keras.config.backend() == "tensorflow":
        teach_tf2onnx()
    by_keras(model, signature, format, out, names)
    _name_outputs(out, names)


def _name_outputs(file: str, names: Sequence[str]) -> None:
    """Rename the outputs of an ONNX file after their layers; converters choose names of their own."""
    import onnx

    found = onnx.load(file, load_external_data=False)
    graph = found.graph
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    taken |= {x.name for x in (*graph.input, *graph.initializer)}
    if len(set(names)) < len(names) or taken & set(names):
        return
    for output, name in zip(graph.output, names, strict=True):
        graph.node.append(onnx.helper.make_node("Identity", [output.name], [name]))
        output.name = name
    onnx.save(found, file)


def write_pt2(
    model: keras.Model, signature: Sequence[Any], format: Format, out: str, names: Sequence[str]
) -> None:
    """Write an ExportedProgram whose open axes are dynamic dimensions of ``torch.export``."""
    from torch.export import Dim

    axes = [{axis: Dim.DYNAMIC for axis, size in enumerate(spec.shape) if size is None} for spec in signature]
    shapes = axes[0] if len(axes) == 1 else [(axes,)]
    by_keras(model, signature, format, out, names, dynamic_shapes=shapes)


WRITERS: dict[str, Callable[[keras.Model, Sequence[Any], Format, str, Sequence[str]], None]] = {
    "onnx": write_onnx,
    "pt2": write_pt2,
}
"""The function that writes each format that needs more than Keras' ``export``."""


def teach_tf2onnx() -> None:
    """Register the operations that tf2onnx lacks: Erfc for the exact ``gelu``, Expm1 for ``celu``."""
    from tf2onnx.handler import tf_op

    known = {
        name for versions in tf_op.get_opsets().values() for found in versions if found for name in found
    }
    for name, handler in (("Erfc", _Erfc), ("Expm1", _Expm1)):
        if name not in known:
            tf_op(name)(handler)


class _Erfc:
    """The conversion of Erfc(x) to 1 - Erf(x)."""

    @classmethod
    def version_9(cls, graph: Any, node: Any, **_: Any) -> None:
        node.type = "Erf"
        _subtract(graph, node.output[0], one_first=True)


class _Expm1:
    """The conversion of Expm1(x) to Exp(x) - 1."""

    @classmethod
    def version_6(cls, graph: Any, node: Any, **_: Any) -> None:
        node.type = "Exp"
        _subtract(graph, node.output[0], one_first=False)


def _subtract(graph: Any, given: str, *, one_first: bool) -> None:
    """Add 1 - x or x - 1 behind the output of a node."""
    import numpy as np
    from tf2onnx import utils

    dtype = utils.map_onnx_to_numpy_type(graph.get_dtype(given))
    one = graph.make_const(utils.make_name("one"), np.array(1, dtype)).output[0]
    graph.insert_new_node_on_output("Sub", given, inputs=[one, given] if one_first else [given, one])
