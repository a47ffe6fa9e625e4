"""Which kind of topology a graph is, and which of its layers make it one, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seqtopo.ir.graph import Graph, Node
from seqtopo.layers.layer import Layer
from seqtopo.layers.values import Tensor
from seqtopo.walkthrough.at import name_of
from seqtopo.walkthrough.words import count, is_sequence, listed, value

_SHOWN = 3


def reasons(graph: Graph, kind: str, samples: list[str], axis: str) -> Iterator[str]:
    """Why the topology is of its kind: ``samples`` are its inputs in words, ``axis`` what they lie along."""
    nodes = [graph.nodes[i] for i in graph.ancestors(graph.outputs)]
    came = [tensor for i in graph.inputs for tensor in graph.nodes[i].outputs or ()]
    gone = graph.tensors(graph.outputs) or ()
    yield f"what comes in, for each sample: {_values(samples)}"
    yield f"what goes out: {_values([value(tensor, each='number') for tensor in gone])}"
    ends, begins = _ends(graph, nodes), _begins(graph, nodes)
    if kind == "one-to-one":
        yield "no time steps come in and none go out"
    elif kind == "one-to-many":
        yield f"nothing that comes in has time steps; with {_named(begins)} they begin" if begins else ""
    elif kind == "many-to-one":
        yield f"in {_named(ends)} the {axis} ends: one answer for all of it" if ends else ""
    elif kind == "many-to-many":
        yield _in_step(nodes, came, gone)
    else:
        yield from _delayed(nodes, ends, begins)


def _delayed(nodes: list[Node], ends: list[Node], begins: list[Node]) -> Iterator[str]:
    handed = [node for node in nodes if node.tensors.get("initial_state")]
    if ends and begins:
        yield (
            f"in {_named(ends)} the time axis ends, when the whole sequence is read; with {_named(begins)} "
            "another one begins: the output starts when the input is over"
        )
    elif handed:
        yield (
            f"what {_named(handed)} starts from is the end of another sequence: that one is read as a whole "
            "before the output begins"
        )


def _in_step(nodes: list[Node], came: Sequence[Tensor], gone: Sequence[Tensor]) -> str:
    lengths = {tensor.shape[0] for tensor in came if is_sequence(tensor)}
    left = [tensor.shape[0] for tensor in gone if len(tensor.shape) >= 2]
    if lengths.issuperset(left):
        each = "there is one answer for each step that comes in"
    else:
        before = " and ".join(sorted(map(str, lengths)))
        each = f"{count(left[0], 'step')} go out where {before} come in, in their order"
    if any(map(_looks_ahead, nodes)):
        return f"{each}; to each answer, the steps behind its own may count, too"
    if any(map(_remembers, nodes)):
        return f"{each}; to each answer, its own step and those before it count"
    return f"{each}; to each answer, that step alone counts"


def _core(node: Node) -> Layer | None:
    inner = node.layer.get("layer") if node.layer is not None else None
    return inner if isinstance(inner, Layer) else node.layer


def _looks_ahead(node: Node) -> bool:
    layer = node.layer
    if layer is None:
        return False
    name = layer.row.name
    if name in ("bi", "flip") or (layer.row.recurrent and layer.get("go_backwards")):
        return True
    if name in ("attention", "additive_attention", "mha", "group_query_attention"):
        return not node.call.get("use_causal_mask", layer.get("use_causal_mask"))
    return name == "conv1d" and layer.get("padding") == "same" and layer.get("kernel_size") not in (1, (1,))


def _remembers(node: Node) -> bool:
    core = _core(node)
    return core is not None and (
        core.row.recurrent
        or core.row.name in ("conv1d", "cumsum", "separable_conv1d", "depthwise_conv1d")
        or core.row.name in ("attention", "additive_attention", "mha", "group_query_attention")
    )


def _ends(graph: Graph, nodes: list[Node]) -> list[Node]:
    """The calls in which a sequence comes in and something without steps goes out."""
    found = []
    for node in nodes:
        came = graph.tensors(node.inputs) or ()
        if node.layer is not None and any(map(is_sequence, came)) and node.outputs:
            found += [node] if len(node.outputs[0].shape) < 2 and not is_sequence(node.outputs[0]) else []
    return found


def _begins(graph: Graph, nodes: list[Node]) -> list[Node]:
    """The calls in which no sequence comes in and one goes out."""
    found = []
    for node in nodes:
        came = graph.tensors(node.inputs) or ()
        if node.layer is not None and came and not any(map(is_sequence, came)) and node.outputs:
            found += [node] if is_sequence(node.outputs[0]) else []
    return found


def _named(nodes: list[Node]) -> str:
    names = list(dict.fromkeys(name_of(node) for node in nodes))
    return listed(names if len(names) <= _SHOWN else [*names[:_SHOWN], f"{len(names) - _SHOWN} more"])


def _values(words: list[str]) -> str:
    if len(words) == 1:
        return words[0]
    if len(set(words)) == 1:
        return f"{count(len(words), 'value')}, each {words[0]}"
    return "; ".join(f"({i}) {text}" for i, text in enumerate(words[:6], 1)) + (
        "; and more" if len(words) > 6 else ""
    )
