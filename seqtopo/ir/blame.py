"""From a layer's refusal to a diagnostic: who made the shape, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.ir.graph import Graph, Node, Value
from seqtopo.ir.problem import Problem
from seqtopo.layers.sizes import Size, is_open
from seqtopo.layers.values import Refusal, Tensor
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.print import print_expr


def problem_of(refusal: Refusal, graph: Graph, node: Node, call: tree.Expr, source_of: Sources) -> Problem:
    """The problem that a refusal is, blamed on the layer that made the shape where that is another."""
    at = refusal.at
    span = node.span
    labels: list[Label] = []
    help = refusal.help
    fixes: list[Fix] = []
    if at is not None and at[0] == "argument":
        span = node.spans.get(str(at[1]), span)
    if at is not None and at[0] in ("input", "inputs") and node.inputs:
        index = min(int(at[1]), len(node.inputs) - 1)
        came = graph.tensor(node.inputs[index])
        for i in range(len(node.inputs)) if at[0] == "inputs" or len(node.inputs) > 1 else (index,):
            made = maker(graph, node.inputs[i])
            tensor = graph.tensor(node.inputs[i])
            if made.span != node.span and tensor is not None:
                labels.append(Label(made.span, f"gives {tensor}{_why(made)}"))
        if came is not None and refusal.takes is not None:
            fixes = _rank_fixes(graph, node, index, came, refusal.takes, call, source_of)
            help = help or ("" if fixes else _in_words(refusal.takes, len(came.shape)))
    if len(labels) > 4:
        labels = [*labels[:3], labels[-1]]
    return Problem(
        refusal.code,
        _as_written(refusal.message, node, call),
        span,
        label=refusal.label,
        labels=tuple(dict.fromkeys(labels)),
        notes=refusal.notes,
        help=help,
        fixes=tuple(fixes),
    )


def _as_written(message: str, node: Node, call: tree.Expr) -> str:
    """The message with the layer's name as the spec has it, which may be another of its names."""
    written = call.name if isinstance(call, tree.Call) else call
    if node.layer is None or not isinstance(written, tree.Name):
        return message
    name = node.layer.row.name
    if written.name in node.layer.row.aliases and message.startswith(f"{name} "):
        return written.name + message.removeprefix(name)
    return message


class Sources:
    """Finds the tree node that a graph node was written as, to build fixes on."""

    def __init__(self) -> None:
        self._calls: dict[Span, tree.Expr] = {}

    def note(self, expr: tree.Expr) -> None:
        """Remembers a step."""
        self._calls[expr.span] = expr

    def of(self, node: Node) -> tree.Expr | None:
        """The step a node was written as."""
        return self._calls.get(node.span)


def maker(graph: Graph, value: Value) -> Node:
    """The node that gave a value its number of axes: behind those that only pass it on."""
    node = graph.nodes[value.node]
    for _ in range(len(graph.nodes)):
        if node.layer is None or len(node.inputs) != 1 or value.extra:
            return node
        before, after = graph.tensor(node.inputs[0]), graph.tensor(value)
        if before is None or after is None or len(before.shape) != len(after.shape):
            return node
        if _recurrent(node):
            return node
        value = node.inputs[0]
        node = graph.nodes[value.node]
    return node


def _recurrent(node: Node) -> bool:
    return node.layer is not None and node.layer.row.recurrent


def _forgets_steps(node: Node) -> bool:
    if node.layer is None or not node.layer.row.recurrent:
        return False
    inner = node.layer.get("layer")
    return not (node.layer if inner is None else inner).get("return_sequences")


def _why(node: Node) -> str:
    if _forgets_steps(node):
        return ": only its last step"
    return ""


def _rank_fixes(
    graph: Graph, node: Node, index: int, came: Tensor, takes: int, call: tree.Expr, source_of: Sources
) -> list[Fix]:
    """The ways to another number of axes, the likeliest first."""
    made = maker(graph, node.inputs[index])
    assert node.layer is not None
    name = node.layer.row.name
    fixes: list[Fix] = []
    expr = source_of.of(made)
    if takes > len(came.shape):
        if _forgets_steps(made) and expr is not None:
            title = f"add seq to the {_called(expr)} before it, to keep its steps"
            fixes.append(Fix(title, (Edit(expr.span, print_expr(with_flag(expr, "seq"))),)))
        steps = next(_steps_of(graph), None)
        if len(came.shape) == 1 and takes == 2 and steps is not None:
            title = "or repeat the vector at every step" if fixes else "repeat the vector at every step"
            fixes.append(Fix(title, (Edit(_at(call), f"repeat({steps}) -> "),)))
    elif name == "repeat":
        if _recurrent(made) and expr is not None:
            title = f"take seq off the {_called(expr)}, to keep only its last step"
            fixes.append(Fix(title, (Edit(expr.span, print_expr(without(expr, "seq"))),)))
    elif takes < len(came.shape) == takes + 1 and not node.layer.row.recurrent:
        fixes.append(
            Fix(f"apply {_called(call)} at every step", (Edit(call.span, f"td({print_expr(call)})"),))
        )
    return fixes


def _in_words(takes: int, given: int) -> str:
    """What to do about a number of axes, where no fix can be written."""
    if takes > given:
        return "declare the missing axis in the in(...), keep it in the layers before, or make it with expand"
    return "take an axis away first: last step (no seq), mean(time), flatten, or td(...) around the layer"


def _steps_of(graph: Graph) -> Iterator[Size]:
    """The numbers of steps that the inputs declare, where they say one."""
    for node in graph.nodes:
        if node.layer is None and node.outputs and len(node.outputs[0].shape) >= 2:
            steps = node.outputs[0].shape[0]
            if not is_open(steps):
                yield steps


def _called(expr: tree.Expr) -> str:
    name = expr.name if isinstance(expr, tree.Call) else expr
    return name.name if isinstance(name, tree.Name) else "layer"


def _at(call: tree.Expr) -> Span:
    return Span(call.span.start, call.span.start)


def with_flag(expr: tree.Expr, flag: str) -> tree.Expr:
    """A step with a flag more; for a wrapper, on the layer inside it."""
    span = expr.span
    word = tree.Argument(span, None, tree.Name(span, flag))
    if isinstance(expr, tree.Name):
        return tree.Call(span, expr, (word,))
    if isinstance(expr, tree.Group):
        return tree.Group(span, with_flag(expr.body, flag))
    if isinstance(expr, tree.Call):
        if expr.name.name in ("bi", "bidirectional") and expr.args:
            first = expr.args[0]
            inner = tree.Argument(first.span, first.name, with_flag(first.value, flag))
            return tree.Call(span, expr.name, (inner, *expr.args[1:]))
        at = next((i for i, a in enumerate(expr.args) if a.name is not None), len(expr.args))
        return tree.Call(span, expr.name, (*expr.args[:at], word, *expr.args[at:]))
    return expr


def without(expr: tree.Expr, flag: str) -> tree.Expr:
    """A step without a flag; for a wrapper, on the layer inside it."""
    if isinstance(expr, tree.Group):
        return tree.Group(expr.span, without(expr.body, flag))
    if isinstance(expr, tree.Call):
        if expr.name.name in ("bi", "bidirectional") and expr.args:
            first = expr.args[0]
            inner = tree.Argument(first.span, first.name, without(first.value, flag))
            return tree.Call(expr.span, expr.name, (inner, *expr.args[1:]))
        kept = tuple(a for a in expr.args if not (isinstance(a.value, tree.Name) and a.value.name == flag))
        return tree.Call(expr.span, expr.name, kept)
    return expr
