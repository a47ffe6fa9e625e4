"""Fixed batches: a stateful layer needs one, and a model has one."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.diag.model import Label
from seqtopo.ir.graph import Graph, Node, SubModel
from seqtopo.ir.problem import Problem
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Size, fits


def check_batches(graph: Graph) -> Iterator[Problem]:
    """What is wrong with the batches of a graph: ST308 where a stateful layer has no fixed one, ST302
    where two inputs have different ones.
    """
    first: Node | None = None
    of: dict[int, Size | None] = {}
    for index in graph.ancestors(graph.outputs):
        node = graph.nodes[index]
        if node.layer is None:
            of[index] = node.batch
            if first is None and node.batch is not None:
                first = node
            elif first is not None and node.batch is not None and not fits(node.batch, first.batch or 0):
                yield Problem(
                    "ST302",
                    f"the inputs of a model have one batch, but these have {first.batch} and {node.batch}",
                    node.span,
                    label=f"batch={node.batch}",
                    labels=(Label(first.span, f"batch={first.batch}"),),
                    help="write the same batch in both",
                )
            continue
        came = [of[v.node] for v in node.inputs]
        of[index] = next((b for b in came if b is not None), None)
        if None in came and is_stateful(node.layer):
            source = next((graph.nodes[i] for i in graph.sources(node.inputs) if of[i] is None), node)
            yield Problem(
                "ST308",
                f"{node.layer.title} is stateful: it carries its states from one batch to the next, so it "
                "must know how many samples a batch has",
                node.span,
                label="stateful",
                labels=(Label(source.span, "any batch"),) if source is not node else (),
                help="write the batch in in(...), as in in(T,F,batch=1)",
            )


def is_stateful(layer: Layer) -> bool:
    """Whether a layer, or one inside it, carries its states from batch to batch."""
    if layer.get("stateful"):
        return True
    for inner in layer.args.values():
        if isinstance(inner, Layer) and is_stateful(inner):
            return True
        if isinstance(inner, SubModel) and any(n.layer and is_stateful(n.layer) for n in inner.graph.nodes):
            return True
    return False
