"""What an ``in(...)`` declares: axes in each other's place, and the samples among them."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Node
from seqtopo.layers.sizes import Shape, Size, is_open
from seqtopo.layers.values import FLOATS
from seqtopo.lint.edits import step
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.steps import in_place
from seqtopo.lint.view import View
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

_TIMES = {
    "T", "TIME", "TIMES", "STEPS", "TIMESTEPS", "TIME_STEPS", "SEQ", "SEQ_LEN", "SEQLEN", "LENGTH", "LEN",
    "WINDOW", "LAGS",
}  # fmt: skip
_FEATURES = {
    "F",
    "FEATURES",
    "FEATURE",
    "FEATS",
    "N_FEATURES",
    "NUM_FEATURES",
    "CHANNELS",
    "VARIABLES",
    "MELS",
}
_SAMPLES = {"SAMPLES", "N_SAMPLES", "NUM_SAMPLES", "BATCH", "BATCH_SIZE", "BATCHSIZE", "BS"}
_PERHAPS_SAMPLES = {"N", "B"}
_FEW_STEPS, _MANY_FEATURES = 16, 1000


@rule("ST603")
def axes_swapped(view: View) -> Iterator[Finding]:
    """``in(F,T)``: time steps come first, features last."""
    for index in view.graph.inputs:
        node = view.graph.nodes[index]
        shape, call = view.out(node).shape, view.edits.call(node)
        if call is None or len(shape) != 2 or view.out(node).dtype not in FLOATS or len(call.args) < 2:
            continue
        users = view.users(node)
        if not users or not all(_reads_steps(view, user) for user in users):
            continue
        named = _symbol(call, 0) in _FEATURES and _symbol(call, 1) in _TIMES
        one_window = all(_one_window(view, user, shape) for user in users)
        if not named and not one_window and not _lopsided(shape[0], shape[1]):
            continue
        first, second = call.args[:2]
        swapped = tree.Call(call.span, call.name, (second, first, *call.args[2:]))
        one, other = print_expr(first.value), print_expr(second.value)
        yield Finding(
            call.span,
            f"in({one},{other}) is {one} time steps of {other} features: the axes seem to be swapped",
            label=f"{one} steps of {other} features",
            labels=(Label(users[0].span, "reads the first axis as time"),),
            help=f"if the data is (samples, {one}, {other}) with {other} steps, turn it: in({one},{other}) "
            "-> swap",
            fixes=(
                Fix(
                    "declare the steps first, as the data then has to be",
                    (Edit(call.span, print_expr(swapped)),),
                ),
                *_turned(view, node),
            ),
        )


def _turned(view: View, node: Node) -> Iterator[Fix]:
    edit = view.edits.after(node, step(node.span, "swap"))
    if edit is not None:
        yield Fix("turn the data as it comes", (edit,))


def _reads_steps(view: View, node: Node) -> bool:
    return node.layer is not None and (
        node.layer.row.recurrent or view.has_role(node, "convolution", "attention", "mask")
    )


def _lopsided(steps: Size, features: Size) -> bool:
    """Whether there are very few steps of very many features, which are no usual width of a vector."""
    if not isinstance(steps, int) or not isinstance(features, int):
        return False
    usual = features & -features >= 128
    return 1 < steps <= _FEW_STEPS and features >= _MANY_FEATURES and not usual


def _one_window(view: View, node: Node, shape: Shape) -> bool:
    """Whether a convolution has one window only, over a few steps of many more features."""
    steps, features = shape
    if not view.has_role(node, "convolution") or not isinstance(features, int):
        return False
    return isinstance(steps, int) and view.out(node).shape[0] == 1 < steps and features >= 50 * steps


def _symbol(call: tree.Call, place: int) -> str:
    if place >= len(call.args) or call.args[place].name is not None:
        return ""
    value = call.args[place].value
    return value.name.upper() if isinstance(value, tree.Name) and value.is_symbol else ""


@rule("ST604")
def samples_in_input(view: View) -> Iterator[Finding]:
    """``in(BATCH,T,F)``: the shape of one sample is declared, without the axis of the samples."""
    for index in view.graph.inputs:
        node = view.graph.nodes[index]
        call = view.edits.call(node)
        if call is None or len(call.args) < 2:
            continue
        first = _symbol(call, 0)
        sure = first in _SAMPLES
        likely = first in _PERHAPS_SAMPLES and _symbol(call, 1) in _TIMES and len(view.out(node).shape) > 1
        twice = node.batch is not None and not is_open(node.batch) and node.batch == view.out(node).shape[0]
        if not (sure or likely or (twice and len(view.out(node).shape) > 2)):
            continue
        axis = print_expr(call.args[0].value)
        left = tree.Call(call.span, call.name, call.args[1:])
        yield Finding(
            call.args[0].span,
            f"in(...) declares one sample, and {axis} looks like the number of samples",
            label=f"would be {axis} steps",
            help="leave it out: Keras adds the axis of the batch itself; where stateful needs a fixed "
            f"one, write batch={axis}",
            fixes=tuple(_without_samples(view, node, left)),
        )


def _without_samples(view: View, node: Node, left: tree.Call) -> Iterator[Fix]:
    """The ``in(...)`` without its first axis, where all that follows takes one axis less."""
    edits = [Edit(node.span, print_expr(left))]
    for call in view.calls:
        if view.is_row(call, "td") and view.copies(call) == 1:
            written = view.written(call)
            inside = written.args[0].value if isinstance(written, tree.Call) and written.args else None
            if inside is None:
                return
            edits.append(view.rewrite(call, inside))
        elif not (in_place(view, call) or view.has_role(call, "dense", "embedding")):
            return
    yield Fix("leave the samples out", tuple(edits))
