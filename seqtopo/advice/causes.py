"""Explain in a sentence a cause that the shapes do not show."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.advice.failure_site import Site, called
from seqtopo.graph.graph import Node, Value
from seqtopo.layers.sizes import is_open, show_shape
from seqtopo.layers.values import FLOATS, Refusal, show

MANY_SAMPLES = 500
"""A first size of an input from here up is taken for a number of samples, where there is an axis too many."""


def causes(refusal: Refusal, site: Site) -> Iterator[str]:
    """Yield the notes on a refusal: what stands on the way here, and what it does to the axes."""
    if not site.inputs:
        return
    index = int(refusal.at[1]) if refusal.at is not None and refusal.at[0] in ("input", "inputs") else 0
    value = site.inputs[min(index, len(site.inputs) - 1)]
    if refusal.takes is not None:
        yield from _embedded(site, value)
        yield from _declared(site, value, refusal.takes)
    elif refusal.code == "ST303" and site.row.name != "bi":
        yield from _queries(site)
        yield from _strides(site)
    elif refusal.code == "ST307":
        yield from _batch(site, value)
    elif refusal.code == "ST310" and site.row.name == "mask" and site.tensor(value).dtype not in FLOATS:
        yield "mask compares the features of each step with its number; a step of ids has no features"


def _embedded(site: Site, value: Value) -> Iterator[str]:
    """Note an ``embed`` on the way, which makes a vector of every single number."""
    for node in site.back(value):
        came = site.came(node) if node.layer is not None and node.layer.row.name == "embed" else None
        if came is not None and len(came.shape) > 1:
            what = "vectors already, and no ids" if came.dtype in FLOATS else "rows of ids, or one-hot"
            expr = site.sources.of(node)
            name = called(expr) if expr is not None else "embed"
            yield f"{name} makes a vector of every single number in {came}: these are {what}"
            return


def samples_first(site: Site, node: Node, takes: int) -> bool:
    """Return whether an ``in(...)`` seems to begin with the number of samples, which is not written."""
    shape = node.outputs[0].shape if node.layer is None and node.outputs is not None else ()
    if len(shape) != takes + 1:
        return False
    first = shape[0]
    return (is_open(first) and site.row.recurrent) or (isinstance(first, int) and first >= MANY_SAMPLES)


def _declared(site: Site, value: Value, takes: int) -> Iterator[str]:
    """Note what the ``in(...)`` at the beginning declares, where it has an axis too many or too few."""
    source = site.source(value)
    if source is None or source[0].outputs is None:
        return
    shape = source[0].outputs[0].shape
    if samples_first(site, source[0], takes) and value.node == source[0].index:
        yield (
            f"in(...) is the shape of one sample: Keras puts the batch before it, so {show(shape[0])} stands "
            "for no samples here, but for an axis of each"
        )
    elif len(shape) == 3 and takes == 2 and len(site.tensor(value).shape) == 1 and site.row.recurrent:
        yield (
            f"one sample is one image here, {show_shape(shape)}: it has no time axis, and so no steps to read"
        )


def _queries(site: Site) -> Iterator[str]:
    """Note an attention among what is merged, which gives as many rows as its first value has."""
    for value in site.inputs:
        node = site.graph.nodes[value.node]
        if node.layer is not None and node.layer.row.role == "attention" and len(node.inputs) > 1:
            query = site.tensor(node.inputs[0])
            if query.shape[:1] != site.tensor(node.inputs[1]).shape[:1]:
                yield (
                    f"{node.layer.row.name} gives one row for each step of its query, the first of its list: "
                    f"{query.shape[0]} here"
                )
                return


def _strides(site: Site) -> Iterator[str]:
    """Note a layer on the way of one value that takes every second step."""
    for value in site.inputs:
        for node in site.back(value):
            stride = stride_of(node)
            if stride > 1 and node.layer is not None and "pool" not in node.layer.row.name:
                expr = site.sources.of(node)
                name = called(expr) if expr is not None else node.layer.row.name
                yield f"{name} goes {stride} steps at a time, and the other branch does not"
                return


def stride_of(node: Node) -> int:
    """Return by how many places at a time a layer moves along its first axis; 1 where it has no strides."""
    if node.layer is None or "strides" not in node.layer.row.by_name or "transpose" in node.layer.row.name:
        return 1
    strides = node.layer.get("strides")
    first = strides[0] if isinstance(strides, tuple) else strides
    if first is None:
        pool = node.layer.get("pool_size")
        first = pool[0] if isinstance(pool, tuple) else pool
    return first if isinstance(first, int) else 1


def _batch(site: Site, value: Value) -> Iterator[str]:
    source = site.source(value)
    if source is None or source[0].batch is None or site.node is None or site.node.layer is None:
        return
    batch = source[0].batch
    if batch in site.node.layer.get("target_shape"):
        yield f"the batch of {batch} is not an axis of a sample: a reshape cannot move it into one"
