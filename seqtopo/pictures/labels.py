"""Label a box: the layer with its main arguments, and the family it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seqtopo.diag.renderers.cells import shortened, visible
from seqtopo.graph.graph import Node, SubModel
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Param, Role, Row
from seqtopo.layers.sizes import Shape, show_shape
from seqtopo.layers.values import show

_LONGEST = 60
_MOST_VALUES = 4
_ASIDE = re.compile(r"(initializer|regularizer|constraint|^seed|^dtype|^name)$")
"""Arguments that say nothing about the topology."""

_FAMILIES: Mapping[Role, str] = {
    **dict.fromkeys(("convolution", "transposed"), "convolution"),
    **dict.fromkeys(("dense", "embedding", "encoding"), "dense"),
    **dict.fromkeys(("merge", "join", "product"), "merge"),
    "attention": "attention",
}


def family(layer: Layer) -> str:
    """Return the family of a layer, for its colours: a wrapper is of the family of what it wraps."""
    inner = layer.get("layer")
    if isinstance(inner, Layer):
        return family(inner)
    row = layer.row
    if row.recurrent:
        return "recurrent"
    if row.role == "pooling":
        # A window that moves, as that of a convolution; what pools over all places has none.
        clause = row.clauses[0]
        return "convolution" if len(clause.inputs[0]) == len(clause.output) else "other"
    if layer.counts_with_numbers or (row.emit_when is not None and row.emit_when(layer.args)):
        return "other"  # a value with a number, and max along an axis, merge nothing
    return _FAMILIES.get(row.role, "other")


def title(node: Node) -> str:
    """Return the layer with the arguments that are given by position: ``lstm(64)``."""
    layer = node.layer
    if layer is None:
        return "in" + (f"({_declared(node)})" if _declared(node) else "")
    inner, name = layer.get("layer"), layer.called or layer.row.name
    if isinstance(inner, SubModel):
        return name if not inner.name else f"{name}({inner.name})"
    if layer.row.name == "act":
        return safe(str(layer.args.get("activation", "act")))
    if isinstance(inner, Layer) and inner.row.name == "act":
        return safe(f"{name}({inner.args.get('activation', 'act')})")
    return safe(layer.title)


def _declared(node: Node) -> str:
    """Return the sizes of an input, as its ``in(...)`` says them."""
    if not node.outputs:
        return ""
    tensor = node.outputs[0]
    words = [str(size) for size in tensor.shape]
    if tensor.dtype != "float32":
        short = "int" if tensor.dtype == "int32" else tensor.dtype
        words.append(short if node.below is None else f"{short}({node.below})")
    if node.batch is not None:
        words.append(f"batch={node.batch}")
    return safe(", ".join(words))


def details(nodes: Sequence[Node]) -> list[str]:
    """Return the other arguments that matter, each as the spec writes it: ``seq``, ``dropout=0.2``; for
    several copies of a layer, those that matter in one of them.
    """
    layers = [node.layer for node in nodes if node.layer is not None]
    if not layers:
        return []
    columns = [_every_argument(layer, node.call) for layer, node in zip(layers, nodes, strict=True)]
    keys = list(dict.fromkeys(key for column in columns for key in column))
    found = []
    for key in keys:
        texts = [
            column[key] if key in column else _default(layer, key)
            for layer, column in zip(layers, columns, strict=True)
        ]
        found.append(safe(merged(texts)))
    # Flags first: they say more about the topology than numbers do.
    return sorted(dict.fromkeys(found), key=lambda text: "=" in text)


def _every_argument(layer: Layer, call: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return the shown arguments of a layer and of the layer in it, each under a key of its own."""
    found = {("", name): text for name, text in _arguments(layer.row, {**layer.args, **call})}
    inner, backward = layer.args.get("layer"), layer.args.get("backward_layer")
    if isinstance(inner, Layer):
        found |= {("layer", name): text for name, text in _arguments(inner.row, inner.args)}
    if isinstance(backward, Layer):
        found["", "backward"] = f"backward={backward.title}"
    return found


def _default(layer: Layer, key: tuple[str, str]) -> str:
    """Return the text of an argument that has its default, beside copies of the layer with another value."""
    inner = layer.args.get(key[0]) if key[0] else layer
    param = inner.row.by_name.get(key[1]) if isinstance(inner, Layer) else None
    return f"{param.short or key[1]}={show(param.default)}" if param is not None else "-"


def _arguments(row: Row, args: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    positional = {name.rstrip("*") for name in row.positional}
    for name, value in args.items():
        param = row.by_name.get(name)
        if name in positional or param is None or _ASIDE.search(name):
            continue
        if isinstance(value, (Layer, SubModel)) or value == param.default:
            continue
        yield name, _argument(param, name, value)


def _argument(param: Param, name: str, value: Any) -> str:
    words = [word for word, meant in param.words.items() if _same(meant, value)]
    if words:
        return min(words, key=len)
    return f"{param.short or name}={value if isinstance(value, str) else show(value)}"


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def safe(text: str) -> str:
    """Return a text of somebody's spec, on one line, not too long, and safe to show."""
    return shortened(visible(text), _LONGEST)


def given_name(node: Node) -> str:
    """Return the name that somebody gave a node; "" for one that says no more than which layer it is, and in
    which macro or binding it was written: ``lstm_1``, ``block_lstm_1``.
    """
    if node.layer is None:
        return "" if re.fullmatch(r"input(_\d+)?", node.name) else node.name
    plain = re.sub(r"_\d+$", "", node.layer.name)
    bases = {node.layer.row.name, str(node.layer.args.get("activation", node.layer.row.name))}
    return "" if any(plain == base or plain.endswith(f"_{base}") for base in bases) else node.layer.name


def merged(texts: Sequence[str]) -> str:
    """Return one text for several copies: what differs from copy to copy stands side by side.

    >>> merged(["conv1d(16,3)", "conv1d(32,3)"])
    'conv1d(16/32,3)'
    >>> merged(["D=1", "D=2", "D=4", "D=8", "D=16"])
    'D=1/2/…/16'
    """
    if len(set(texts)) == 1:
        return texts[0]
    split = [re.split(r"([^\w.*+?-]+)", text) for text in texts]
    if len(set(map(len, split))) > 1:
        return _listed(texts)
    return "".join(_listed(tokens) for tokens in zip(*split, strict=True))


def _listed(values: Sequence[str]) -> str:
    values = list(dict.fromkeys(values))
    if len(values) > _MOST_VALUES:
        values = [*values[:2], "…", values[-1]]
    return "/".join(values)


def shape_word(shape: Shape, dtype: str = "float32") -> str:
    """Return the text of a shape on an edge, with the dtype of whole numbers and truth values."""
    short = {"float32": "", "int32": " int"}.get(dtype, f" {dtype}")
    return safe(f"{show_shape(shape)}{short}")
