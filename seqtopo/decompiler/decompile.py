"""Decompile a Keras model's configuration to a spec as a person would write it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtopo.decompiler.difference import first_difference
from seqtopo.decompiler.folding import fold
from seqtopo.decompiler.losses import Losses, UnreadableError, wrong
from seqtopo.decompiler.macros import MOST, Hints, with_macro
from seqtopo.decompiler.model_files import read_config
from seqtopo.decompiler.naming import Naming, ours
from seqtopo.decompiler.old_models import modernized
from seqtopo.decompiler.progress import Decoded
from seqtopo.decompiler.training import tell_loss_scaling, train_statement
from seqtopo.decompiler.units import UnsayableError
from seqtopo.decompiler.walk import read_model
from seqtopo.decompiler.writer import Choices, Writer
from seqtopo.decompiler.writing import NOWHERE
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers.cells import visible
from seqtopo.graph.graph import Graph, Node, Sources
from seqtopo.graph.inputs import check_batches
from seqtopo.graph.resolver import Resolved, resolve
from seqtopo.graph.scope import Evaluator, Scope
from seqtopo.graph.training import Training, read_training
from seqtopo.labels.check_labels import check_labels
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr, print_spec
from seqtopo.syntax.parse import parse
from seqtopo.syntax.print import format_text

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Decompiled:
    """A spec, and diagnostics of the parts of its model that it cannot say."""

    text: str
    diagnostics: tuple[Diagnostic, ...]
    graph: Graph
    training: Training | None = None

    @property
    def lossy(self) -> bool:
        """True if a part of the model is left out."""
        return any(d.severity == "warning" for d in self.diagnostics)


class FailedError(Exception):
    """No tried text means the same model, which is a mistake of seqtopo; says where they differ."""


def decompiled(model: keras.Model | str | Path | Mapping[str, Any]) -> Decompiled:
    """Return the spec of a model, with what it leaves out as diagnostics and the graph that it means.

    Takes and raises what ``seqtopo.decompile`` does.
    """
    name = str(model) if isinstance(model, (str, Path)) else ""
    try:
        if isinstance(model, Mapping):
            config: Mapping[str, Any] = model
        elif isinstance(model, (str, Path)):
            config = read_config(Path(model))
        else:
            from seqtopo.decompiler.serialized import serialized

            config = serialized(model)
        return decompile_config(config, name)
    except UnreadableError as error:
        raise SpecError((error.placed(name),)) from None
    except FailedError as error:
        raise SpecError((_no_spec_found(str(error), name),)) from None


def decompile_config(config: Mapping[str, Any], name: str = "") -> Decompiled:
    """Return the spec of a serialized model.

    Raises:
        UnreadableError: the configuration holds no model.
        FailedError: no spec was found that means the same.
    """
    losses = Losses(name)
    evaluator = Evaluator()

    def values(expr: tree.Expr) -> Any:
        return evaluator.value(expr, Scope())

    try:
        config = modernized(config, losses)
        decoded = read_model(config, losses)
        _refuse_open_batches(decoded.graph)
        statements, lost = _statements(decoded)
        names = [decoded.aliases.get(v) or _name(decoded.graph.nodes[v.node]) for v in decoded.graph.outputs]
        train = train_statement(config.get("compile_config"), names, decoded.output_keys, losses, values)
        train = _fitting_train(statements, train, losses)
        tell_loss_scaling(config, decoded.graph, losses)
    except RecursionError:
        raise wrong("the model is nested too deeply to be read") from None
    for one in dict.fromkeys(lost):
        losses.add("ST507", f"the name {one!r} is left out: it is not a name in a spec, or taken there")
    text = _text([*statements, *([train] if train is not None else [])])
    left_out = [f"# {visible(d.message)}" for d in losses.diagnostics if d.severity == "warning"]
    lines = [line for one in left_out for line in textwrap.wrap(one, 88, subsequent_indent="#   ")]
    comment = "".join(f"{line}\n" for line in lines)
    training = read_training(train, values) if train is not None else None
    return Decompiled(comment + formatted(_spaced(text)), losses.diagnostics, decoded.graph, training)


def spec_of(graph: Graph, train: tree.Train | None = None) -> str:
    """Return the spec of a graph, formatted; ``train`` is its last statement.

    Raises:
        FailedError: no spec was found that means the same.
    """
    statements, _ = _statements(Decoded(graph))
    return formatted(_spaced(_text([*statements, *([train] if train is not None else [])])))


def _refuse_open_batches(graph: Graph) -> None:
    """Refuse a stateful layer whose inputs have no batch size, which Keras cannot build either."""
    for problem in check_batches(graph, Sources()):
        if problem.code == "ST308":
            raise wrong(
                problem.message,
                "give its InputLayer a batch_shape with a batch size, and save anew",
            )


def _name(node: Node) -> str:
    return node.layer.name if node.layer is not None else node.name


def _fitting_train(
    statements: Sequence[tree.Statement], train: tree.Train | None, losses: Losses
) -> tree.Train | None:
    """Return the ``train`` statement without the arguments that the checker refuses for these outputs."""
    while train is not None:
        spec, _ = parse(Source(_text([*statements, train])))
        assert spec is not None
        resolution = resolve(spec, Source(_text([*statements, train])))
        found = resolution.diagnostics
        if resolution.resolved is not None:
            found = check_labels(resolution.resolved)
        wrong = next((d for d in found if d.severity == "error"), None)
        if wrong is None:
            return train
        # The statement that was read has the same arguments, with places.
        (again,) = (one for one in spec.statements if isinstance(one, tree.Train))
        places = [a.span for a in again.args]
        named = [a for a in reversed(train.args) if a.name is not None]
        at = next((a for a, span in zip(train.args, places, strict=True) if wrong.span in (span,)), None)
        at = at if at in named else next(iter(named), None)
        if at is None or at.name is None:
            return None
        losses.add("ST505", f"the model was compiled with {print_expr(at)}: {wrong.message}")
        rest = tuple(a for a in train.args if a is not at)
        train = tree.Train(NOWHERE, rest) if rest else None
    return None


def _spaced(text: str) -> str:
    """Put a blank line around macros, before the last flow and before ``train``."""
    lines = text.rstrip("\n").split("\n")
    found: list[str] = []
    last = len(lines) - 1 - lines[-1].startswith("train ")
    for i, line in enumerate(lines):
        before = lines[i - 1] if i else ""
        apart = before.startswith("def ") != line.startswith("def ") or line.startswith("train ")
        if i and (apart or (i == last and last > 2)):
            found.append("")
        found.append(line)
    return "\n".join(found) + "\n"


TRIES = (
    Choices(),
    Choices(opens="?"),
    Choices(parts=False),
    Choices(parts=False, opens="?"),
    Choices(parts=False, forks=False),
    Choices(parts=False, forks=False, opens="?"),
)


def _statements(decoded: Decoded) -> tuple[list[tree.Statement], list[str]]:
    mismatch = ""
    for choices in TRIES:
        naming = Naming(ours(decoded.graph))
        naming.reserve(decoded.graph)
        writer = Writer(decoded, naming, choices)
        try:
            statements = writer.write()
        except UnsayableError as error:
            mismatch = str(error)
            continue
        mismatch = compare(_text(statements), decoded.graph)
        if not mismatch:
            return shortened(statements, decoded, writer.naming, writer.hints), naming.lost
    raise FailedError(mismatch)


def shortened(
    statements: list[tree.Statement], decoded: Decoded, naming: Naming, hints: Hints
) -> list[tree.Statement]:
    """Return the statements with repeats folded, if they still mean the same."""
    found = statements
    for collect in (True, False):
        folded = fold(statements, collect).statements
        if not compare(_text(folded), decoded.graph):
            found = folded
            break
    for _ in range(MOST):
        trial = naming.copy()
        with_one = with_macro(found, hints, trial.fresh)
        if with_one is None:
            break
        again = next(
            (t for t in (fold(with_one, False).statements, with_one) if not compare(_text(t), decoded.graph)),
            None,
        )
        if again is None:
            break
        found, naming.taken = again, trial.taken
    return found


def _text(statements: Sequence[tree.Statement]) -> str:
    return print_spec(tree.Spec(NOWHERE, tuple(statements)))


def compare(text: str, graph: Graph) -> str:
    """Return where a spec means another model than a graph, in words; "" if it means the same."""
    resolved, found = read(text)
    if resolved is None:
        return f"{found[0].code} {found[0].message}" if found else "it cannot be read"
    return first_difference(graph, resolved.graph)


def read(text: str) -> tuple[Resolved | None, list[Diagnostic]]:
    """Return what a written spec resolves to, and the diagnostics in it."""
    spec, found = parse(Source(text))
    if spec is None or found:
        return None, found
    resolution = resolve(spec, Source(text))
    return resolution.resolved, resolution.diagnostics


def formatted(text: str) -> str:
    """Return the text in the house style."""
    found, _ = format_text(Source(text))
    return text if found is None else found


def _no_spec_found(mismatch: str, name: str) -> Diagnostic:
    return Diagnostic(
        "ST901",
        "this is a mistake in seqtopo: no spec was found that means this model",
        Span(0, 0),
        notes=(f"the last one that was tried differs: {mismatch}",),
        help="please report it, with the model's configuration: model.to_json()",
        source=Source("", name) if name else None,
    )
