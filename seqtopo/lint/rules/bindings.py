"""Find names and flows that nothing uses, axes of inputs in each other's place, and loops that meant
something else.
"""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.advice.verify_fixes import Trial
from seqtopo.diag.model import Edit, Fix, Label, fix_by
from seqtopo.graph.graph import Node
from seqtopo.layers.sizes import Shape, Size, is_open
from seqtopo.layers.values import FLOATS
from seqtopo.lint.edits import step
from seqtopo.lint.steps import in_place
from seqtopo.lint.view import Finding, View, rule
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import items_of, without_item


def _model(view: View) -> tree.Statement | None:
    """Return the statement whose flow is the model's output."""
    flows = [s for s in view.spec.statements if isinstance(s, (tree.Bind, tree.Output))]
    return flows[-1] if flows else None


def _gone(statement: tree.Statement) -> tuple[Fix, ...]:
    return (Fix("take it out", (Edit(statement.span, ""),)),)


@rule("ST665")
def unused_size(view: View) -> Iterator[Finding]:
    """Find a name of a ``let`` or a ``search`` that nothing refers to."""
    for statement in view.spec.statements:
        if not isinstance(statement, (tree.Let, tree.Search)):
            continue
        for i, item in enumerate(items_of(statement)):
            name = item.name.name
            if name in view.names.used:
                continue
            searched = isinstance(statement, tree.Search)
            meant = "its value" if searched else "the number"
            yield Finding(
                item.span,
                f"nothing refers to {name}" + (", so searching it changes nothing" if searched else ""),
                label="not used",
                help=f"write {name} where {meant} is meant, or take it out",
                fixes=(Fix("take it out", (without_item(statement, i),)),),
            )


@rule("ST666")
def unused_layers(view: View) -> Iterator[Finding]:
    """Find a macro or a block that is never applied: none of its layers is made."""
    last = _model(view)
    for statement in view.spec.statements:
        if not isinstance(statement, (tree.Def, tree.Bind)) or statement is last:
            continue
        name = statement.name.name
        macro = isinstance(statement, tree.Def)
        if view.names.uses(statement) or (not macro and name in view.resolved.parts):
            continue
        yield Finding(
            statement.name.span,
            f"{name} is never applied, so none of its layers is part of a model",
            label="not used",
            help=f"write -> {name}{'(...)' if macro else ''} where it belongs, or take it out",
            fixes=_gone(statement),
        )


@rule("ST667")
def unused_input(view: View) -> Iterator[Finding]:
    """Find an input that reaches no output: the model does not take it."""
    last = _model(view)
    for statement in view.spec.statements:
        if not isinstance(statement, tree.Bind) or statement is last or view.names.uses(statement):
            continue
        if statement.name.name in view.resolved.parts and _is_input(statement.value):
            yield Finding(
                statement.span,
                f"the input {statement.name.name} reaches no output, so the model does not take it",
                label="not used",
                help="merge it with the others, as in [a, b] -> concat, or take it out",
                fixes=_gone(statement),
            )


def _is_input(expr: tree.Expr) -> bool:
    while isinstance(expr, (tree.Group, tree.As)):
        expr = expr.body
    return isinstance(expr, tree.Call) and expr.name.name == "in"


@rule("ST660")
def lost_flow(view: View) -> Iterator[Finding]:
    """Find a flow without a name that is not the last: nothing is made of it."""
    last = _model(view)
    for statement in view.spec.statements:
        if isinstance(statement, tree.Output) and statement is not last and last is not None:
            if view.names.uses(statement):
                continue
            yield Finding(
                statement.span,
                "this flow is not used: the last flow of a spec is the model, and this one has no name to "
                "use it by",
                label="not used",
                labels=(Label(last.span, "is the model"),),
                help="name both, as in a = ..., and write [a, b] at the end for a model of two outputs",
            )


@rule("ST664")
def part_apart(view: View) -> Iterator[Finding]:
    """Find a named model that is not part of the output: only ``compile_all`` and ``part`` give it."""
    last = _model(view)
    for statement in view.spec.statements:
        if not isinstance(statement, tree.Bind) or statement is last or view.names.uses(statement):
            continue
        if statement.name.name in view.resolved.parts and not _is_input(statement.value):
            name = statement.name.name
            yield Finding(
                statement.name.span,
                f"{name} is not part of the model's output: it is a model of its own",
                label="not used further down",
                labels=(Label(last.span, "is the model"),) if last is not None else (),
                help=f"for a second output, list it at the end: [..., {name}]; alone, it is "
                f'model.part("{name}")',
            )


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
    """Find ``in(F,T)``: time steps come first, features last."""
    for index in view.graph.inputs:
        node = view.graph.nodes[index]
        shape, call = view.output_of(node).shape, view.edits.call(node)
        if call is None or len(shape) != 2 or view.output_of(node).dtype not in FLOATS or len(call.args) < 2:
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
                *fix_by("turn the data as it comes", view.edits.after(node, step(node.span, "swap"))),
            ),
        )


def _reads_steps(view: View, node: Node) -> bool:
    return node.layer is not None and (
        node.layer.row.recurrent or view.has_role(node, "convolution", "attention", "mask")
    )


def _lopsided(steps: Size, features: Size) -> bool:
    """Return whether there are very few steps of very many features, as after an exchange of the two."""
    if not isinstance(steps, int) or not isinstance(features, int):
        return False
    usual = features & -features >= 128
    return 1 < steps <= _FEW_STEPS and features >= _MANY_FEATURES and not usual


def _one_window(view: View, node: Node, shape: Shape) -> bool:
    """Return whether a convolution has one window only, over a few steps of many more features."""
    steps, features = shape
    if not view.has_role(node, "convolution") or not isinstance(features, int):
        return False
    return isinstance(steps, int) and view.output_of(node).shape[0] == 1 < steps and features >= 50 * steps


def _symbol(call: tree.Call, place: int) -> str:
    if place >= len(call.args) or call.args[place].name is not None:
        return ""
    value = call.args[place].value
    return value.name.upper() if isinstance(value, tree.Name) and value.is_symbol else ""


@rule("ST604")
def samples_in_input(view: View) -> Iterator[Finding]:
    """Find ``in(BATCH,T,F)``: the shape of one sample is declared, without the axis of the samples."""
    for index in view.graph.inputs:
        node = view.graph.nodes[index]
        call = view.edits.call(node)
        if call is None or len(call.args) < 2:
            continue
        first = _symbol(call, 0)
        sure = first in _SAMPLES
        likely = (
            first in _PERHAPS_SAMPLES and _symbol(call, 1) in _TIMES and len(view.output_of(node).shape) > 1
        )
        twice = (
            node.batch is not None and not is_open(node.batch) and node.batch == view.output_of(node).shape[0]
        )
        if not (sure or likely or (twice and len(view.output_of(node).shape) > 2)):
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
    """Yield the fix that drops the first axis of ``in(...)``, if all that follows takes one axis less."""
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


MOST = 10
"""The maximum number of loops of a spec that are read the old way; each takes a check of its own."""


@rule("ST683")
def branches_of_loop(view: View) -> Iterator[Finding]:
    """Find a bare ``for`` in a list that could be read as a row, as it was before."""
    trial = Trial.of(view.resolved)
    if not trial.is_worth_it:
        return
    for written, turns, _ in list(view.resolved.written.branches.values())[:MOST]:
        row = _as_row(written)
        if turns < 2 or not trial.checks(row):
            continue
        last = written.body.steps[-1] if isinstance(written.body, tree.Flow) else written.body
        short = print_expr(last)
        yield Finding(
            Span(written.loops[0].span.start, written.loops[-1].span.end),
            f"this 'for' makes {turns} branches side by side; until now it meant "
            + (f"{short}, {turns} times in a row" if len(short) < 40 else f"{turns} steps in a row"),
            label=f"{turns} branches",
            help="leave it if branches are meant; a row stands in parentheses: [(FLOW for D in [1,2,4])]",
            fixes=(row,),
        )


def _as_row(written: tree.Branches) -> Fix:
    """Return the fix that turns branches into a row, as in earlier versions: a loop over the last step."""
    last = written.body.steps[-1] if isinstance(written.body, tree.Flow) else written.body
    start, end = last.span.start, written.span.end
    return Fix("write the row that it was", (Edit(Span(start, start), "("), Edit(Span(end, end), ")")))
