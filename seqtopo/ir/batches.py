"""Fixed batches: a stateful layer needs one, and a model has one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.ir.graph import Graph, Node, SubModel
from seqtopo.ir.problem import Problem
from seqtopo.ir.site import size_text
from seqtopo.ir.sources import Sources
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Size, fits
from seqtopo.syntax import tree
from seqtopo.syntax.print import print_expr
from seqtopo.syntax.rewrite import with_argument

_LIKELY = 32
"""A batch to propose where none is written: what ``fit`` takes by itself."""


def check_batches(graph: Graph, sources: Sources) -> Iterator[Problem]:
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
                    fixes=(
                        *_batch_of(sources, (node,), first.batch),
                        *_batch_of(sources, (first,), node.batch),
                    ),
                )
            continue
        came = [of[v.node] for v in node.inputs]
        of[index] = next((b for b in came if b is not None), None)
        if None in came and is_stateful(node.layer):
            source = next((graph.nodes[i] for i in graph.sources(node.inputs) if of[i] is None), node)
            every = [graph.nodes[i] for i in graph.sources(graph.outputs)]
            batch = next((n.batch for n in every if n.batch is not None), _LIKELY)
            open_inputs = [n for n in every if n.batch is None]
            yield Problem(
                "ST308",
                f"{node.layer.title} is stateful: it carries its states from one batch to the next, so it "
                "must know how many samples a batch has",
                node.span,
                label="stateful",
                labels=(Label(source.span, "any batch"),) if source is not node else (),
                help="write the batch in in(...), as in in(T,F,batch=1)",
                fixes=tuple(_batch_of(sources, open_inputs, batch)),
            )


def _batch_of(sources: Sources, nodes: Sequence[Node], batch: Size | None) -> Iterator[Fix]:
    """The same fixed batch in several inputs."""
    edits = []
    for node in nodes:
        expr = sources.of(node)
        if not isinstance(expr, tree.Call) or batch is None:
            return
        new = with_argument(expr, -1, ("batch",), size_text(batch))
        edits.append(Edit(expr.span, print_expr(new)))
    if edits:
        yield Fix(f"fix the batch: {', '.join(edit.text for edit in edits[:2])}", tuple(edits))


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
