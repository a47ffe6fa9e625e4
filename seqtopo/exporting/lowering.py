"""Rewrite operations of TensorFlow that tf2onnx does not know with those of ONNX."""

from __future__ import annotations

from typing import Any


def teach_tf2onnx() -> None:
    """Registers them where tf2onnx has none of its own: the exact ``gelu`` needs Erfc, ``celu`` Expm1."""
    from tf2onnx.handler import tf_op

    known = {
        name for versions in tf_op.get_opsets().values() for found in versions if found for name in found
    }
    for name, handler in (("Erfc", _Erfc), ("Expm1", _Expm1)):
        if name not in known:
            tf_op(name)(handler)


class _Erfc:
    """1 - Erf(x), for Erfc(x)."""

    @classmethod
    def version_9(cls, graph: Any, node: Any, **_: Any) -> None:
        node.type = "Erf"
        _subtract(graph, node.output[0], one_first=True)


class _Expm1:
    """Exp(x) - 1, for Expm1(x)."""

    @classmethod
    def version_6(cls, graph: Any, node: Any, **_: Any) -> None:
        node.type = "Exp"
        _subtract(graph, node.output[0], one_first=False)


def _subtract(graph: Any, given: str, *, one_first: bool) -> None:
    """Puts 1 - x or x - 1 behind what a node gives."""
    import numpy as np
    from tf2onnx import utils

    dtype = utils.map_onnx_to_numpy_type(graph.get_dtype(given))
    one = graph.make_const(utils.make_name("one"), np.array(1, dtype)).output[0]
    graph.insert_new_node_on_output("Sub", given, inputs=[one, given] if one_first else [given, one])
