"""Find the place of a refused call and the path of its values, and explain the refusal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from seqtopo.diag.model import Edit
from seqtopo.graph.graph import Graph, Node, Sources, Value
from seqtopo.graph.receptive_fields import passes
from seqtopo.graph.symbols import size_text
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Row
from seqtopo.layers.sizes import Size, is_open, show_shape
from seqtopo.layers.values import FLOATS, Refusal, Tensor, show
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import NOWHERE, call, declared, flow, number, with_argument, word

MOST_BACK = 200
"""The most nodes back in which a cause is looked for."""


class Site(NamedTuple):
    """A step that does not take its inputs. ``step`` is its text in the tree."""

    graph: Graph
    row: Row
    step: tree.Expr
    sources: Sources
    node: Node | None = None

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The incoming values."""
        return self.node.inputs if self.node is not None else ()

    def tensor(self, value: Value) -> Tensor:
        """Return the shape and dtype of an incoming value."""
        found = self.graph.tensor(value)
        assert found is not None
        return found

    def predecessors(self, value: Value) -> Iterator[Node]:
        """Yield the nodes behind a value, the nearest first, up to an input or a merge."""
        for _ in range(MOST_BACK):
            node = self.graph.nodes[value.node]
            yield node
            if node.layer is None or len(node.inputs) != 1 or value.extra:
                return
            value = node.inputs[0]

    def input_of(self, node: Node) -> Tensor | None:
        """Return the input of a node with one value; None for other nodes."""
        return self.graph.tensor(node.inputs[0]) if len(node.inputs) == 1 else None

    def insert_before(self, *steps: tree.Expr) -> Edit:
        """Return the edit that inserts steps before this one."""
        at = self.step.span.start
        return Edit(Span(at, at), f"{print_expr(flow(steps))} -> ")

    def rewrite(self, node: Node, step: tree.Expr | None) -> Edit | None:
        """Return the edit that replaces a node's step, or removes it if ``step`` is None."""
        if step is not None:
            return Edit(node.span, print_expr(step))
        return taken_out(self.sources, node)

    def branches(self) -> tuple[tree.Expr, ...]:
        """Return the items of the incoming list, one for each value; () if it is not a plain list.

        For a loop in the list it is the loop's body, once for each of its values.
        """
        if isinstance(self.step, tree.Call) and self.step.name.name == "res" and len(self.step.args) == 1:
            items: tuple[tree.Expr, ...] = (word("id"), self.step.args[0].value)
        else:
            around = self.sources.around(self.step.span)
            before = around[0].steps[around[1] - 1] if around is not None and around[1] > 0 else None
            items = self._spread(before.items) if isinstance(before, tree.List) else ()
        return items if len(items) == len(self.inputs) else ()

    def _spread(self, items: tuple[tree.Expr, ...]) -> tuple[tree.Expr, ...]:
        found: list[tree.Expr] = []
        for item in items:
            if isinstance(item, tree.Branches):
                _, turns, _ = self.sources.branches.get(item.span, (item, 0, 0))
                found += [item.body] * turns
            else:
                found.append(item)
        return tuple(found)

    def append(self, i: int, *steps: tree.Expr) -> Edit | None:
        """Return the edit that appends steps to a branch."""
        items = self.branches()
        if not items:
            return None
        item = items[i]
        longer = flow(steps if isinstance(item, tree.Name) and item.name == "id" else (item, *steps))
        if item.span == NOWHERE or (isinstance(self.step, tree.Call) and self.step.name.name == "res"):
            changed = (*items[:i], longer, *items[i + 1 :])
            return Edit(self.step.span, print_expr(flow((tree.List(NOWHERE, changed), word("add")))))
        if isinstance(item, tree.Name) and item.name == "id":
            return Edit(item.span, print_expr(longer))
        return Edit(Span(item.span.end, item.span.end), f" -> {print_expr(flow(steps))}")

    def source(self, value: Value) -> tuple[Node, tree.Call] | None:
        """Return the ``in(...)`` behind a value, with its text, if no merge is in between."""
        *_, last = self.predecessors(value)
        expr = self.sources.of(last)
        return (last, expr) if last.layer is None and isinstance(expr, tree.Call) else None


def taken_out(sources: Sources, node: Node) -> Edit | None:
    """Return the edit that removes a node's step from its flow; None if it stands in none."""
    around = sources.around(node.span)
    if around is None:
        return None
    steps, i = around[0].steps, around[1]
    if i > 0:
        return Edit(Span(steps[i - 1].span.end, steps[i].span.end), "")
    return Edit(Span(steps[0].span.start, steps[1].span.start), "")


def is_recurrent(node: Node) -> bool:
    """Return whether a node is a call of a recurrent layer."""
    return node.layer is not None and node.layer.row.recurrent


def core(node: Node) -> Layer | None:
    """Return a node's layer, or the one inside it for a ``bi``."""
    if node.layer is None:
        return None
    inner = node.layer.get("layer") if node.layer.row.recurrent else None
    return inner if isinstance(inner, Layer) else node.layer


def gives_steps(node: Node) -> bool:
    """Return whether a recurrent node returns its output at every step."""
    layer = core(node)
    return is_recurrent(node) and layer is not None and bool(layer.get("return_sequences"))


def forgets_steps(node: Node) -> bool:
    """Return whether a recurrent node returns only its last step."""
    return is_recurrent(node) and not gives_steps(node)


def one_step_at(graph: Graph, node: Node) -> int | None:
    """Return the index of the one step that a selection such as ``last(1)`` keeps; else None."""
    layer = node.layer
    if layer is None or layer.row.role != "selection" or layer.get("axis") != 1:
        return None
    incoming, gives = graph.tensor(node.inputs[0]), node.outputs[0].shape if node.outputs else ()
    if incoming is None or len(incoming.shape) < 2 or gives[:1] != (1,):
        return None
    passed = passes(graph, node)
    if layer.get("start") is not None or passed is None:
        found = layer.get("start")
    else:
        step = passed.window.low.at(0)
        found = -1 if step == incoming.shape[0] - 1 else step
    return found if isinstance(found, int) else None


def step_itself(graph: Graph, sources: Sources, value: Value) -> tuple[str, Edit] | None:
    """Return ``at(i)`` for a ``slice`` of one step behind a value, and the edit that writes it."""
    for _ in range(MOST_BACK):
        node = graph.nodes[value.node]
        index = one_step_at(graph, node)
        expr = sources.of(node)
        if index is not None and expr is not None:
            taken = print_expr(call("at", index))
            return taken, Edit(expr.span, taken)
        if (
            node.layer is None
            or len(node.inputs) != 1
            or not node.outputs
            or node.outputs[0].shape[:1] != (1,)
        ):
            return None
        value = node.inputs[0]
    return None


def collapses_steps(graph: Graph, node: Node) -> bool:
    """Return whether a call removes the time axis without reading the steps in order, as pooling does."""
    if node.layer is None or len(node.inputs) != 1:
        return False
    passed = passes(graph, node)
    ends = passed is not None and passed.axis is None
    pools = ends and node.layer.row.role in ("pooling", "reduction", "merge", "selection")
    return pools or node.layer.row.name == "flatten"


def maker(graph: Graph, value: Value) -> Node:
    """Return the node that made a value's number of axes, behind nodes that keep it."""
    node = graph.nodes[value.node]
    for _ in range(len(graph.nodes)):
        if node.layer is None or len(node.inputs) != 1 or value.extra:
            return node
        before, after = graph.tensor(node.inputs[0]), graph.tensor(value)
        if before is None or after is None or len(before.shape) != len(after.shape):
            return node
        if is_recurrent(node):
            return node
        value = node.inputs[0]
        node = graph.nodes[value.node]
    return node


def shaper(graph: Graph, value: Value) -> Node:
    """Return the node that made a value's sizes, behind nodes that keep them."""
    node = graph.nodes[value.node]
    for _ in range(len(graph.nodes)):
        if node.layer is None or len(node.inputs) != 1 or value.extra or is_recurrent(node):
            return node
        before, after = graph.tensor(node.inputs[0]), graph.tensor(value)
        if before is None or after is None or before.shape != after.shape or "units" in node.layer.args:
            return node
        value = node.inputs[0]
        node = graph.nodes[value.node]
    return node


def resized(node: Node, step: tree.Expr | None, width: Size) -> tree.Expr | None:
    """Return a node's step with another width; None if no argument sets it."""
    layer = core(node)
    if layer is None or step is None or not isinstance(width, int):
        return None
    name = next((n for n in ("units", "filters") if layer.row.positional[:1] == (n,)), "")
    if node.layer is not layer and node.layer is not None and node.layer.get("merge_mode") == "concat":
        width = width // 2 if width % 2 == 0 else width
    return with_argument(step, 0, (name,), number(width)) if name else None


def called(step: tree.Expr) -> str:
    """Return the name of a step in a title."""
    name = step.name if isinstance(step, tree.Call) else step
    return name.name if isinstance(name, tree.Name) else "layer"


def declared_steps(graph: Graph) -> Iterator[Size]:
    """Yield the numbers of steps that the inputs declare; images have none."""
    for node in graph.nodes:
        if node.layer is None and node.outputs and len(node.outputs[0].shape) in (2, 4, 5):
            steps = node.outputs[0].shape[0]
            if not is_open(steps):
                yield steps


def free_symbol(graph: Graph) -> str:
    """Return a symbol for a size that no input declares."""
    taken = {
        str(s) for n in graph.nodes if n.layer is None and n.outputs is not None for s in n.outputs[0].shape
    }
    return next(name for name in ("T", "S", "N", "STEPS", "STEPS_2") if name not in taken)


def named_steps(graph: Graph, sources: Sources) -> tuple[str, Edit] | None:
    """Return a symbol for the only input with an open number of steps, and the edit that writes it."""
    sequences = (
        node
        for node in graph.nodes
        if node.layer is None and node.outputs and len(node.outputs[0].shape) in (2, 4, 5)
    )
    found = list(islice(sequences, 2))
    expr = sources.of(found[0]) if len(found) == 1 else None
    if not isinstance(expr, tree.Call) or not found[0].outputs or not is_open(found[0].outputs[0].shape[0]):
        return None
    name = free_symbol(graph)
    sizes = (word(name), *map(size_text, found[0].outputs[0].shape[1:]))
    return name, Edit(expr.span, print_expr(declared(expr, sizes)))


def at_every_step(step: tree.Expr) -> tree.Expr:
    """Return a step or a flow inside ``td(...)``."""
    return call("td", step)


MANY_SAMPLES = 500
"""The size from which the first axis of an input with an axis too many is taken for the number of samples."""


def causes(refusal: Refusal, site: Site) -> Iterator[str]:
    """Yield the notes on a refusal: the layers behind its inputs that changed their axes, and how."""
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
    """Yield a note on an ``embed`` behind a value, which makes a vector of every number."""
    for node in site.predecessors(value):
        incoming = site.input_of(node) if node.layer is not None and node.layer.row.name == "embed" else None
        if incoming is not None and len(incoming.shape) > 1:
            what = "vectors already, and no ids" if incoming.dtype in FLOATS else "rows of ids, or one-hot"
            expr = site.sources.of(node)
            name = called(expr) if expr is not None else "embed"
            yield f"{name} makes a vector of every single number in {incoming}: these are {what}"
            return


def samples_first(site: Site, node: Node, takes: int) -> bool:
    """Return whether an ``in(...)`` seems to begin with the number of samples, which must not be written."""
    shape = node.outputs[0].shape if node.layer is None and node.outputs is not None else ()
    if len(shape) != takes + 1:
        return False
    first = shape[0]
    return (is_open(first) and site.row.recurrent) or (isinstance(first, int) and first >= MANY_SAMPLES)


def _declared(site: Site, value: Value, takes: int) -> Iterator[str]:
    """Yield a note on the ``in(...)`` behind a value if it declares an axis too many or too few."""
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
    """Yield a note on an attention among merged values, which returns as many rows as its first value has."""
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
    """Yield a note on a layer behind one of the values that takes every second step."""
    for value in site.inputs:
        for node in site.predecessors(value):
            stride = stride_of(node)
            if stride > 1 and node.layer is not None and "pool" not in node.layer.row.name:
                expr = site.sources.of(node)
                name = called(expr) if expr is not None else node.layer.row.name
                yield f"{name} goes {stride} steps at a time, and the other branch does not"
                return


def stride_of(node: Node) -> int:
    """Return the stride of a layer along its first axis; 1 without strides."""
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
