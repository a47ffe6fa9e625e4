"""Check causality: a model that predicts the next step must not be shown it."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.diag.model import Fix, Label
from seqtopo.graph.graph import Node, Value
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Size
from seqtopo.layers.timing import Slides
from seqtopo.layers.values import FLOATS
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.steps import looks_ahead, steps
from seqtopo.lint.view import View
from seqtopo.syntax import tree
from seqtopo.syntax.rewrite import with_flag, without

_MANY_KINDS = 16
"""As many features as there are classes in the output are the same things only where there are many."""


@rule("ST615")
def sees_the_future(view: View) -> Iterator[Finding]:
    """A layer that reads later steps, in a model that seems to foretell the next id at every step."""
    shares = [v for v in dict.fromkeys(view.graph.outputs) if not v.extra and _a_distribution(view, v)]
    origins = {index: here.origin for index, here in steps(view).items()} if shares else {}
    groups: dict[int, list[Value]] = {}
    for value in shares:
        if value.node in origins:
            groups.setdefault(origins[value.node], []).append(value)
    for index, values in groups.items():
        origin = view.graph.nodes[index]
        near = _in_step(view, values, index, origins)
        told = {value: _foretells(view, value, origin, near) for value in values}
        values = [value for value in values if told[value]]
        for node in _in_step(view, values, index, origins):
            if _looks_ahead(view, node, index, origins):
                yield _finding(view, node, values[0], told[values[0]])


def _finding(view: View, node: Node, value: Value, why: str) -> Finding:
    assert node.layer is not None
    last = view.maker(value)
    return Finding(
        node.span,
        f"{node.layer.title} reads later steps, in what looks like a model that predicts the next step",
        label="every step sees those after it",
        labels=() if last.span == node.span else (Label(last.span, f"gives {view.tensor(value)}"),),
        notes=(
            why,
            "a model that is trained on the next id finds it in its input: the loss falls to nothing, "
            "and nothing is learned that helps to predict",
        ),
        help=f"{_advice(node)}; a model that tags, or fills in hidden ids, may read them: "
        "# seqtopo: ignore[ST615]",
        fixes=tuple(_fixes(view, node)),
    )


def _advice(node: Node) -> str:
    assert node.layer is not None
    name = node.layer.row.name
    if name == "bi":
        return "read in one direction only"
    if node.layer.row.recurrent:
        return "read forwards only"
    return "let each step see only itself and the steps before it: causal"


def _fixes(view: View, node: Node) -> Iterator[Fix]:
    found = view.edits.written(node)
    assert node.layer is not None
    if found is None:
        return
    if view.has_role(node, "attention"):
        yield Fix(
            "let each step see only itself and the steps before it",
            (view.rewrite(node, with_flag(found, "causal")),),
        )
    elif isinstance(node.layer.row.time, Slides):
        bare = without(found, "same")
        if bare != found:
            yield Fix("pad at the start only", (view.rewrite(node, with_flag(bare, "causal")),))
    elif view.is_row(node, "bi"):
        forward = _forward_alone(node.layer, found)
        if forward is not None:
            yield Fix("read forwards only, as wide as both halves", (view.rewrite(node, forward),))
    elif without(found, "back") != found and not any(view.is_row(u, "flip") for u in view.users(node)):
        yield Fix("read forwards", (view.rewrite(node, without(found, "back")),))


def _forward_alone(layer: Layer, found: tree.Expr) -> tree.Expr | None:
    """The layer inside a ``bi``, as wide as the ``bi`` was, with the states and the mask it was given."""
    if not isinstance(found, tree.Call) or not found.args or layer.get("backward_layer") is not None:
        return None
    call = found.args[0].value
    if not isinstance(call, tree.Call) or not call.args:
        return None
    units, more = call.args[0], tuple(arg for arg in found.args[1:] if arg.name is not None)
    if any(arg.name.name not in ("init", "initial_state", "mask") for arg in more if arg.name is not None):
        return None
    if layer.get("merge_mode") == "concat":
        if units.name is not None or not isinstance(units.value, tree.Number):
            return None
        wide = int(units.value.value) * 2
        number = tree.Number(units.value.span, wide, str(wide))
        units = tree.Argument(units.span, None, number)
    return tree.Call(call.span, call.name, (units, *call.args[1:], *more))


def _a_distribution(view: View, value: Value) -> bool:
    """Whether it is a softmax over the last axis at every step, or the logits of one."""
    if len(view.tensor(value).shape) != 2:
        return False
    layer = view.maker(value).layer
    while layer is not None and layer.row.name == "td" and isinstance(layer.get("layer"), Layer):
        layer = layer.get("layer")
    if layer is None:
        return False
    if layer.row.name == "softmax":
        return layer.get("axis") in (-1, 2)
    if layer.row.name == "act":
        return bool(layer.get("activation") == "softmax")
    return layer.row.name in ("dense", "reversible_embedding") and layer.get("activation") in (
        None,
        "linear",
        "softmax",
    )


def _in_step(view: View, values: list[Value], origin: int, origins: dict[int, int]) -> list[Node]:
    """The nodes that outputs come from and whose steps are those of one input, in their order."""
    found: set[int] = set()
    todo = [value.node for value in values]
    while todo:
        here = todo.pop()
        if here not in found and origins.get(here) == origin:
            found.add(here)
            todo.extend(v.node for v in view.graph.nodes[here].inputs if not v.extra)
    return [view.graph.nodes[i] for i in sorted(found)]


def _foretells(view: View, value: Value, origin: Node, near: list[Node]) -> str:
    """Why the output seems to be the next of what comes in at every step; "" where it does not."""
    if origin.layer is not None:
        return ""
    width = view.tensor(value).shape[-1]
    came = view.out(origin)
    ids = came.dtype not in FLOATS
    tables = [n.layer for n in near if view.has_role(n, "embedding", "encoding") and n.layer is not None]
    if ids and len(came.shape) == 1:
        kinds: set[Size] = {t.get("input_dim") or t.get("n") for t in tables} | {origin.below or 0}
        if width in kinds:
            return f"ids below {width} come in, and a distribution over {width} leaves at every step"
    elif len(came.shape) == 2 and width == came.shape[-1] and _many(width):
        return f"vectors of {width} come in, and a distribution over {width} leaves at every step"
    started = next((n for n in near if n.tensors.get("initial_state")), None)
    if started is None or not (ids or _many(width)):
        return ""
    others = view.graph.sources(started.tensors["initial_state"])
    if others and origin.index not in others:
        return "it starts from the state of another sequence, as the decoder of a translation does"
    return ""


def _many(width: Size) -> bool:
    return not isinstance(width, int) or width >= _MANY_KINDS


def _looks_ahead(view: View, node: Node, origin: int, origins: dict[int, int]) -> bool:
    """Whether a call mixes later steps of the input into earlier ones."""
    layer = node.layer
    if layer is None or not node.inputs or origins.get(node.inputs[0].node) != origin:
        return False
    if layer.row.role == "attention":
        if node.tensors.get("attention_mask"):
            return False
        place = min(1, len(node.inputs) - 1)
        value = node.inputs[place]
        same = not value.extra and origins.get(value.node) == origin
        return same and looks_ahead(view, node, place)
    slides = isinstance(layer.row.time, Slides) and layer.row.time.window == "kernel_size"
    if slides and layer.get("padding") != "same":
        # Without padding each step is the last that it sees.
        return False
    return (slides or layer.row.recurrent) and looks_ahead(view, node)
