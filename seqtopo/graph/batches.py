"""Check the fixed batch sizes of a model, which stateful layers need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Graph, Node, Sources, SubModel
from seqtopo.graph.symbols import size_text
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Size, fits
from seqtopo.layers.values import Refusal
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import with_argument

_LIKELY = 32
"""A batch to propose where none is written: what ``fit`` takes by itself."""


def check_batches(graph: Graph, sources: Sources) -> Iterator[Refusal]:
    """Yield what is wrong with the batches of a graph: ST308 where a stateful layer has no fixed one, ST302
    where two inputs have different ones.
    """
    behind = [graph.nodes[index] for index in graph.ancestors(graph.outputs)]
    if not any(node.batch is not None or (node.layer and is_stateful(node.layer)) for node in behind):
        return
    first: Node | None = None
    ways_out: tuple[Fix, ...] = ()
    of: dict[int, Size | None] = {}
    opened: dict[int, Node] = {}
    """The nearest input without a fixed batch that each node comes from."""
    for node in behind:
        index = node.index
        if node.layer is None:
            of[index] = node.batch
            if node.batch is None:
                opened[index] = node
            if first is None and node.batch is not None:
                first = node
            elif first is not None and node.batch is not None and not fits(node.batch, first.batch or 0):
                yield Refusal(
                    "ST302",
                    "the inputs of a model have one batch size, but these have "
                    f"{first.batch} and {node.batch}",
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
        begins = next((opened[v.node] for v in node.inputs if v.node in opened), None)
        if begins is not None and of[index] is None:
            opened[index] = begins
        if None in came and is_stateful(node.layer):
            if not ways_out:
                # The same for every stateful layer, so it is made once.
                every = [graph.nodes[i] for i in graph.inputs]
                batch = next((n.batch for n in every if n.batch is not None), _LIKELY)
                ways_out = tuple(_batch_of(sources, [n for n in every if n.batch is None], batch))
            yield Refusal(
                "ST308",
                f"{node.layer.title} is stateful: it carries its states from one batch to the next, so it "
                "must know how many samples a batch has",
                node.span,
                label="stateful",
                labels=(Label(begins.span, "any batch"),) if begins is not None else (),
                help="give the batch size in in(...), as in in(T,F,batch=1)",
                fixes=ways_out,
            )


def _batch_of(sources: Sources, nodes: Sequence[Node], batch: Size | None) -> Iterator[Fix]:
    """Fix the batch size of several inputs to the same number."""
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
    """Return whether a layer, or one inside it, carries its states from batch to batch."""
    if layer.args.get("stateful"):
        return True
    for inner in layer.args.values():
        if isinstance(inner, Layer) and is_stateful(inner):
            return True
        if isinstance(inner, SubModel) and any(n.layer and is_stateful(n.layer) for n in inner.graph.nodes):
            return True
    return False
