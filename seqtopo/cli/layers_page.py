"""Write ``grammar/LAYERS.md``: what each layer does with time and masks, and what each backend has."""

from __future__ import annotations

from seqtopo.graph.graph import Graph, Node
from seqtopo.graph.seen import fields, is_sequence, passes
from seqtopo.layers.masking import Mask
from seqtopo.layers.row import Row
from seqtopo.layers.step_windows import FIRST, SAME, SELF, Passed
from seqtopo.layers.table import FAMILIES
from seqtopo.report.analyse import analyse

BACKENDS = {"jax": "JAX", "torch": "PyTorch", "tensorflow": "TensorFlow"}
"""The backends of the table's last columns, by Keras' names."""

_HEAD = """\
# What each layer has

<!-- from the rows; python -m seqtopo.cli.reference writes it -->

Every layer of the language works on JAX, PyTorch and TensorFlow. Where the column of a backend says *kernel*,
the layer runs there on a faster way to compute the same, unless its arguments or the call forbid it, which
`seqtopo.kernels(model)` reports; elsewhere Keras' own code runs. The kernels of JAX and of TensorFlow run on
CPUs alone. *oneDNN* marks layers that TensorFlow computes, with some of their arguments, only on CPUs where
it uses oneDNN.

The columns *time* and *masks* say what the layer does in its example, which `seqtopo layers NAME` shows;
other arguments may change it.

- **Time**: what each step that goes out is made from: *each step alone* means the step in its place,
  *the steps so far* that step and those before it, *one step each* a step that may stand in another place,
  *a window* several steps next to each other, *all steps* the whole sequence. Or the time axis *ends*, or
  becomes *another axis*. With several incoming values that are treated differently, both are listed. A cell
  is empty where no time axis comes in.
- **Masks**: whether the mask of padded steps *passes*, *ends*, or is *made* here, and whether masked steps
  are left out of the computation (*used*).
- **States**: whether the layer can start from a state that is given (`init`), and keep its state from batch
  to batch (`stateful`). Both work on every backend.
"""


def layers_page() -> str:
    """Return the page: for each family of rows, a table of what its layers have."""
    titles = ["layer", "time", "masks", "states", *BACKENDS.values()]
    parts = [_HEAD]
    for family in FAMILIES.values():
        heading = (family.__doc__ or "").split("\n")[0].replace("``", "`")
        lines = [_line(titles), _line(["---"] * len(titles)), *(_line(_cells(row)) for row in family.ROWS)]
        parts.append(f"{heading}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Row) -> list[str]:
    graph, nodes = _uses(row, row.example)
    masks = [_mask(graph, node) for node in nodes]
    time = _times(graph, nodes)
    if not any(time) and row.shape.startswith("...") and row.inputs == (1, 1):
        # It takes any number of axes, and its example shows it behind the end of the time axis.
        shown = f"in(T,8) -> {row.example.rpartition('-> ')[2]}"
        time = _times(*_uses(row, shown)) if analyse(shown).resolved is not None else []
    states = ["`init`"] * ("initial_state" in row.by_name) + ["`stateful`"] * ("stateful" in row.by_name)
    kernels = [_on(row, backend) for backend in BACKENDS]
    return [f"`{row.name}`", _joined(time), _joined(masks), " ".join(states), *kernels]


def _uses(row: Row, spec: str) -> tuple[Graph, list[Node]]:
    """Return the graph of a spec, and the nodes of a row in it."""
    resolved = analyse(spec).resolved
    assert resolved is not None, spec
    nodes = [node for node in resolved.graph.nodes if node.layer is not None and node.layer.row is row]
    return resolved.graph, nodes


def _times(graph: Graph, nodes: list[Node]) -> list[str]:
    return [_time(graph, node, place) for node in nodes for place in range(len(node.inputs))]


def _joined(words: list[str]) -> str:
    """Return what several uses of a layer do, each way once."""
    return "; ".join(dict.fromkeys(word for word in words if word))


def _on(row: Row, backend: str) -> str:
    found = ["kernel"] if backend in row.kernels else []
    if backend == "tensorflow" and row.by_onednn is not None:
        found.append("oneDNN")
    return ", ".join(found)


def _time(graph: Graph, node: Node, place: int) -> str:
    came = fields(graph).get(node.inputs[place], {})
    in_time = any(field.axis == 0 and is_sequence(graph, source) for source, field in came.items())
    passed = passes(graph, node, place)
    return time_words(passed) if passed is not None and in_time else ""


def time_words(passed: Passed) -> str:
    """Return in words what a layer does with time.

    >>> from seqtopo.layers.step_windows import shifted
    >>> time_words(Passed(0, SAME)), time_words(Passed(None, SAME)), time_words(Passed(0, shifted(2)))
    ('each step alone', 'ends', 'one step each')
    """
    low, high = passed.window.low, passed.window.high
    if passed.axis is None:
        return "ends"
    if passed.axis:
        return "another axis"
    if passed.window == SAME:
        return "each step alone"
    if low == high:
        return "one step each"
    if low == FIRST and high == SELF:
        return "the steps so far"
    return "a window" if low.factor and high.factor else "all steps"


def _mask(graph: Graph, node: Node) -> str:
    inputs = graph.tensors(node.inputs)
    assert node.layer is not None
    rule = node.layer.row.mask
    return mask_words(rule(node.layer.get, len(inputs[0].shape))) if rule is not None and inputs else ""


def mask_words(mask: Mask) -> str:
    """Return in words what a layer does with masks.

    >>> mask_words(Mask("first", True)), mask_words(Mask("none")), mask_words(Mask("every"))
    ('used, passes', 'ends', 'passes where every value has one')
    """
    gives = {
        "first": "passes",
        "every": "passes where every value has one",
        "any": "passes where any value has one",
        "new": "made",
        "none": "ends",
    }[mask.gives]
    return f"used, {gives}" if mask.uses else gives
