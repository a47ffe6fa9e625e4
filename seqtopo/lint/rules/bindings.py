"""Find names, macros, inputs and flows that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.lint.rule import Finding, rule
from seqtopo.lint.view import View
from seqtopo.source import Span
from seqtopo.syntax import tree


def _model(view: View) -> tree.Statement | None:
    """The statement whose flow is the model's output."""
    flows = [s for s in view.spec.statements if isinstance(s, (tree.Bind, tree.Output))]
    return flows[-1] if flows else None


def _gone(statement: tree.Statement) -> tuple[Fix, ...]:
    return (Fix("take it out", (Edit(statement.span, ""),)),)


@rule("ST665")
def unused_size(view: View) -> Iterator[Finding]:
    """A ``let`` that nothing refers to."""
    for statement in view.spec.statements:
        bindings = statement.bindings if isinstance(statement, tree.Let) else ()
        for i, binding in enumerate(bindings):
            if binding.name.name in view.names.used:
                continue
            gone = statement.span
            if i > 0:
                gone = Span(bindings[i - 1].span.end, binding.span.end)
            elif len(bindings) > 1:
                gone = Span(binding.span.start, bindings[1].span.start)
            yield Finding(
                binding.span,
                f"nothing refers to {binding.name.name}",
                label="not used",
                help=f"write {binding.name.name} where the number is meant, or take it out",
                fixes=(Fix("take it out", (Edit(gone, ""),)),),
            )


@rule("ST666")
def unused_layers(view: View) -> Iterator[Finding]:
    """A macro or a block that is never applied: none of its layers is made."""
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
    """An input that reaches no output: the model does not take it."""
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
    """A flow without a name that is not the last: nothing is made of it."""
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
    """A named model that is no part of the output: only ``compile_all`` and ``part`` give it."""
    last = _model(view)
    for statement in view.spec.statements:
        if not isinstance(statement, tree.Bind) or statement is last or view.names.uses(statement):
            continue
        if statement.name.name in view.resolved.parts and not _is_input(statement.value):
            name = statement.name.name
            yield Finding(
                statement.name.span,
                f"{name} is no part of the model's output: it is a model of its own",
                label="not used further down",
                labels=(Label(last.span, "is the model"),) if last is not None else (),
                help=f"for a second output, list it at the end: [..., {name}]; alone, it is "
                f'model.part("{name}")',
            )
