"""Check the numbers in labels: ids below the classes, lengths for CTC, ranges of the loss and of the head."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf

from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic, Edit, Fix, Label
from seqtopo.graph.graph import Node, Sources
from seqtopo.graph.masks import makes
from seqtopo.graph.training import Training
from seqtopo.labels.class_ids import RANGES, activation_behind, ids_fit, loss_fixes
from seqtopo.labels.fixes import Wanted, classes_fix, width_fix, with_argument
from seqtopo.labels.loss_shapes import (
    BINARY,
    IDS,
    ONE_HOT,
    REGRESSIONS,
    Metric,
    loss_name,
    metrics_of,
    verdict,
)
from seqtopo.labels.main_path import MainPath
from seqtopo.labels.words import LabelCase
from seqtopo.layers.sizes import Shape, count, is_open
from seqtopo.layers.values import Object
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import without

Tried = Callable[[Fix], bool]
"""A function that returns whether a fix leaves a spec without errors."""

_FROM_ZERO = frozenset({"poisson", "mean_squared_logarithmic_error"})
"""The losses whose labels are 0 or more."""
_PERCENTAGE = "mean_absolute_percentage_error"
_SIGNS = frozenset({"hinge", "squared_hinge"})
"""The losses whose labels are -1 and 1, or 0 and 1, which Keras converts."""
_MOST_CLASSES = 1000
"""The number of classes from which whole numbers are hardly class ids."""


def range_problems(
    case: LabelCase, path: MainPath, training: Training | None, sources: Sources, tried: Tried
) -> Iterator[Diagnostic]:
    """Yield ST705 to ST709: labels whose shape fits, and whose numbers do not."""
    loss = case.loss
    if loss in IDS or loss == "ctc":
        yield from _ids(case, path, training, sources, tried)
    if loss == "ctc":
        yield from _alignment(case, path, sources, tried)
    if loss in ONE_HOT and case.values is not None and not case.values.shares:
        fixes, title = _as_classes(case, path, training, sources, tried)
        yield _out_of_range(
            case,
            path,
            f"{loss} wants probabilities that add up to 1 for each label, and those in {case.holder} do not",
            f"for class ids: {title} with sparse_categorical_crossentropy"
            if title
            else "where several classes may be right at once: binary_crossentropy, with dense(N,sigmoid)",
            fixes,
        )
    if loss in BINARY or loss in _SIGNS or loss in _FROM_ZERO:
        yield from _out_of_loss_range(case, path, training, sources, tried)
    if loss == _PERCENTAGE:
        yield from _divided_by_zero(case, path, training, tried)
    if loss in REGRESSIONS:
        yield from _out_of_head_range(case, path, training, sources, tried)
    outputs = path.graph.outputs
    for metric in metrics_of(training, len(outputs), outputs.index(path.output)):
        if training is not None and metric.name != loss:
            yield from _out_of_metric_range(case, path, metric, training, tried)
    if not loss:
        yield from _without_loss(case, path, training, sources, tried)


def _without_loss(
    case: LabelCase, path: MainPath, training: Training | None, sources: Sources, tried: Tried
) -> Iterator[Diagnostic]:
    """Yield the problems of labels under every loss that fits their shape."""
    output, shape = path.shape, case.labels.shape
    if verdict("mean_squared_error", shape, output) == "fits":
        if RANGES.get(activation_behind(path.nodes[0].layer)) == (0.0, 1.0):
            yield from _out_of_head_range(case, path, training, sources, tried)
    elif ids_fit(shape, output) and (case.values is None or case.values.whole):
        classes = activation_behind(path.nodes[0].layer) == "softmax"
        # With another head, a loss of the user's own may read the numbers in another way.
        for problem in _ids(case, path, training, sources, tried):
            if not classes and _may_be_ids(case, output):
                help = f"{problem.help}, if they are ids of classes; else name the loss"
                yield replace(problem, code="ST707", severity=CODES["ST707"].severity, help=help)
            elif classes:
                yield problem


def _may_be_ids(case: LabelCase, output: Shape) -> bool:
    """Return whether labels look like ids of about as many classes as the output has numbers."""
    between, classes = _span(case), output[-1]
    if case.labels.dtype != "int32" or between is None or not isinstance(classes, int):
        return False
    return classes >= 3 and between[0] >= 0 and between[1] <= 2 * classes


def _as_classes(
    case: LabelCase, path: MainPath, training: Training | None, sources: Sources, tried: Tried
) -> tuple[tuple[Fix, ...], str]:
    """Return the fix and the layer for one unit that is compared with ids of three classes or more.

    The fix gives a share for each class, and the loss for ids if the spec names a loss. Both are empty in any
    other case.
    """
    between = _span(case)
    output = path.shape
    if between is None or (output and output[-1] != 1) or case.labels.shape[len(output) :]:
        return (), ""
    low, high = between
    whole = case.values.whole if case.values is not None else True
    if not whole or not low >= 0 or not 2 <= high < _MOST_CLASSES:
        return (), ""
    classes = int(high) + 1
    head = classes_fix(path, classes, sources)
    edits, title = head.edits, head.title
    if training is not None and isinstance(training.loss, list):
        return (), f"dense({classes},softmax)"
    if case.loss and case.loss not in IDS:
        name = "sparse_categorical_crossentropy"
        title = f"{title}, and use {name}"
        if training is not None and training.loss is not None:
            edits = (*edits, Edit(training.spans["loss"], f"loss={name}"))
    fix = Fix(f"for ids of {classes} classes: {title}", edits)
    return ((fix,) if tried(fix) else ()), f"dense({classes},softmax)"


def _span(case: LabelCase) -> tuple[float, float] | None:
    """Return the least and the greatest number in labels; None if they are not known."""
    if case.values is not None:
        return case.values.low, case.values.high
    below = case.labels.below
    return (0, below - 1) if isinstance(below, int) else None


def _ids(
    case: LabelCase, path: MainPath, training: Training | None, sources: Sources, tried: Tried
) -> Iterator[Diagnostic]:
    classes, between = path.shape[-1], _span(case)
    if not isinstance(classes, int) or between is None:
        return
    low, high = between
    node = path.wide or path.nodes[0]
    ignored = case.values is not None and low == -1
    if low < 0:
        yield Diagnostic(
            "ST705",
            f"{case.holder} holds the id {low:.0f}, but class ids begin at 0",
            node.span,
            label=f"{classes} classes",
            help="mark labels to leave out by loss=sparse_categorical_crossentropy(ignore_class=-1)"
            if ignored and case.loss != "ctc"
            else "count the classes from 0",
        )
    if high < classes:
        return
    top = int(high)
    blank = ", with 0 for the blank" if case.loss == "ctc" else ""
    from_one = case.values is not None and low >= 1 and top == classes and case.loss != "ctc"
    found = f"{case.holder} go to {top}" if not case.name else f"the labels in {case.name} go to {top}"
    one = classes == 1 and case.loss != "ctc"
    phrase = (
        f"{found}, but one unit knows one class only, 0"
        if one
        else f"{found}, but {classes} classes are 0..{classes - 1}{blank}"
    )
    fixes = [] if from_one and not one else list(_more_classes(case, path, training, sources, top))
    fixes = [fix for fix in fixes if tried(fix)]
    yield Diagnostic(
        "ST705",
        phrase + (f": subtract 1 from {case.name}" if from_one and not one else ""),
        node.span,
        label=f"gives {classes} class{'' if classes == 1 else 'es'}",
        labels=(Label(case.span, f"ids below {top + 1}"),) if case.span is not None else (),
        help=f"count from 0: {case.name} - 1"
        if from_one and not one
        else "answer yes or no by binary_crossentropy, or give the last layer 2 units"
        if one and top == 1
        else f"give the last layer {top + 1} units",
        fixes=tuple(fixes),
    )


def _more_classes(
    case: LabelCase, path: MainPath, training: Training | None, sources: Sources, top: int
) -> Iterator[Fix]:
    """Yield fixes of ids above the classes: the binary loss for two classes at one unit, or as many units."""
    if path.shape[-1] == 1 and top == 1 and case.loss != "ctc":
        yield from loss_fixes(case, training, "binary_crossentropy", "1,int(2)")[:1]
    loss = training.loss if training is not None else None
    logits = isinstance(loss, Object) and bool(loss.kwargs.get("from_logits"))
    activation = activation_behind(path.nodes[0].layer)
    if case.loss == "ctc" or activation in ("softmax", "log_softmax"):
        fix = width_fix(path, Wanted((*path.shape[:-1], top + 1)), sources)
        if fix is not None:
            yield fix
        return
    yield classes_fix(path, top + 1, sources, logits=logits or (not activation and path.shape[-1] != 1))


def _alignment(case: LabelCase, path: MainPath, sources: Sources, tried: Tried) -> Iterator[Diagnostic]:
    steps, length = path.shape[0], case.labels.shape[0]
    if case.values is not None:
        length = case.values.longest
    if not isinstance(steps, int) or not isinstance(length, int) or steps >= length:
        return
    shorter = [
        n
        for n in path.nodes
        if n.inputs and len(path.output_shape(n)) > 1 and path.output_shape(n)[:1] != path.input_shape(n)[:1]
    ]
    node = shorter[0] if shorter else path.nodes[-1]
    before = path.input_shape(node)[:1]
    yield Diagnostic(
        "ST706",
        f"ctc cannot align a label of {count(length, 'symbol')} with {count(steps, 'step')}: it needs at "
        "least one step for each symbol",
        node.span,
        label=f"{count(before[0], 'step')} to {path.output_shape(node)[0]}"
        if before
        else count(steps, "step"),
        labels=(Label(case.span, f"up to {count(length, 'symbol')}"),) if case.span is not None else (),
        notes=("a symbol that follows itself needs a blank, one step more, in between",)
        + ((f"the steps on the way: {' -> '.join(map(str, path.steps))}",) if len(path.steps) > 2 else ()),
        help="shorten the time less: smaller strides and pools",
        fixes=tuple(_shortened_less(node, length, path, sources, tried)),
    )


def _shortened_less(node: Node, length: int, path: MainPath, sources: Sources, tried: Tried) -> Iterator[Fix]:
    expr = sources.of(node)
    before = path.input_shape(node)[0] if path.input_shape(node) else 0
    if not isinstance(expr, tree.Call) or not isinstance(before, int) or before < length:
        return
    stride = before // length
    index = 0 if "pool" in expr.name.name else 2
    named = [
        i for i, a in enumerate(expr.args) if a.name is not None and a.name.name in ("strides", "pool_size")
    ]
    index = named[0] if named else index
    if index >= len(expr.args) or not isinstance(expr.args[index].value, tree.Number):
        return
    text = print_expr(with_argument(expr, index, str(stride)))
    fix = Fix(f"move by {count(stride, 'step')} at a time: {text}", (Edit(expr.span, text),))
    if tried(fix):
        yield fix


def _out_of_loss_range(
    case: LabelCase, path: MainPath, training: Training | None, sources: Sources, tried: Tried
) -> Iterator[Diagnostic]:
    """Yield ST708: labels outside of the range that a loss takes: from 0 to 1, from -1 to 1, or from 0 up."""
    between = _span(case)
    if between is None:
        return
    low, high = between
    least, most = (-1.0 if case.loss in _SIGNS else 0.0), (inf if case.loss in _FROM_ZERO else 1.0)
    if least <= low and high <= most:
        return
    fixes, classes = _as_classes(case, path, training, sources, tried)
    takes = "labels from 0 up" if most == inf else f"labels from {least:g} to 1"
    yield _out_of_range(
        case,
        path,
        f"{case.loss} wants {takes}, and {_holds(case)} {_shown_span(case)}",
        "it is for counts and sizes; for other numbers use mse"
        if case.loss in _FROM_ZERO
        else "for other numbers: mse"
        if fixes
        else f"for class ids: {classes or 'dense(N,softmax)'} with sparse_categorical_crossentropy; for "
        "numbers of their own: mse",
        fixes,
    )


def _divided_by_zero(
    case: LabelCase, path: MainPath, training: Training | None, tried: Tried
) -> Iterator[Diagnostic]:
    """Yield ST708: labels of 0 under the percentage error, which divides by them."""
    values, between = case.values, _span(case)
    zeros = values.zeros if values is not None else 0
    # Labels of padded steps may be 0 where a mask or weights leave them out.
    if case.weighted or _may_be_masked(path):
        return
    if not zeros and (values is not None or between is None or between[0] > 0):
        return
    fixes: tuple[Fix, ...] = ()
    if training is not None and isinstance(training.loss, str) and loss_name(training.loss) == _PERCENTAGE:
        fix = Fix("train it by mae", (Edit(training.spans["loss"], "loss=mae"),))
        fixes = (fix,) if tried(fix) else ()
    yield _out_of_range(
        case,
        path,
        f"mape divides by the labels, and {_how_many_zeros(case)} 0",
        "use mae or huber, or leave the labels of 0 out",
        fixes,
        notes=(_OUTWEIGHS,),
    )


def _may_be_masked(path: MainPath) -> bool:
    """Return whether a layer makes a mask, which may leave labels out."""
    return any(makes(path.graph, node) for node in path.graph.nodes if node.layer is not None)


def _out_of_metric_range(
    case: LabelCase, path: MainPath, metric: Metric, training: Training, tried: Tried
) -> Iterator[Diagnostic]:
    """Yield ST708 for labels that a metric does not take."""
    between, values = _span(case), case.values
    if between is None:
        return
    # Masks leave labels out of every metric, weights only out of weighted_metrics.
    weighed = case.weighted and metric.argument == "weighted_metrics"
    if metric.name == _PERCENTAGE and not weighed and not _may_be_masked(path):
        zeros = values.zeros if values is not None else int(between[0] <= 0)
        if not zeros:
            return
        said = f"divides by the labels, and {_how_many_zeros(case)} 0"
        notes: tuple[str, ...] = (_OUTWEIGHS,)
    elif metric.name in _FROM_ZERO and between[0] < 0:
        said = f"wants labels from 0 up, and {_holds(case)} {_shown_span(case)}"
        notes = ()
    else:
        return
    fix = _other_metric(metric, training)
    fixes = (fix,) if fix is not None and tried(fix) else ()
    yield Diagnostic(
        "ST708",
        f"the metric {metric.given if isinstance(metric.given, str) else metric.name} {said}",
        training.spans[metric.argument],
        severity=CODES["ST708"].severity,
        label=f"is measured against {case.name or 'them'}",
        labels=(Label(case.span, "the labels"),) if case.span is not None else (),
        notes=notes,
        help="" if fixes else "measure mae, for how far off the answers are",
        fixes=fixes,
    )


def _other_metric(metric: Metric, training: Training) -> Fix | None:
    """Return the fix with ``mae`` in place of a metric, if the argument has only bare words; else None."""
    given = training.metrics if metric.argument == "metrics" else training.options[metric.argument]
    words = given if isinstance(given, list) else [given]
    if not all(isinstance(word, str) for word in words):
        return None
    kept = dict.fromkeys("mae" if word == metric.given else word for word in words)
    text = f"{metric.argument}=[{','.join(kept)}]"
    return Fix("measure mae, for how far off the answers are", (Edit(training.spans[metric.argument], text),))


_OUTWEIGHS = "Keras divides by 1e-07 there: one such label outweighs all the others"


def _how_many_zeros(case: LabelCase) -> str:
    """Return the number of labels that are 0, in words with a verb."""
    zeros = case.values.zeros if case.values is not None else 0
    if not zeros:
        return "some of the labels are"
    return f"{zeros:,} of the numbers in {case.name} {'is' if zeros == 1 else 'are'}"


def _shown_span(case: LabelCase) -> str:
    low, high = _span(case) or (0, 0)
    return f"{low:.4g} to {high:.4g}"


def _out_of_head_range(
    case: LabelCase, path: MainPath, training: Training | None, sources: Sources, tried: Tried
) -> Iterator[Diagnostic]:
    between = _span(case)
    if between is None:
        return
    low, high = between
    head = path.nodes[0]
    name = activation_behind(head.layer)
    least, most = RANGES.get(name, (-inf, inf))
    if low >= least - 1e-6 and high <= most + 1e-6:
        return
    span = (f"from {least:g}" if least > -inf else "up", f"to {most:g}" if most < inf else "up")
    reach = "only numbers " + " ".join(span)
    expr = sources.of(head)
    fixes: tuple[Fix, ...] = ()
    written = head.layer is not None and name in head.layer.args.values() and not head.layer.row.recurrent
    if expr is not None and written:
        plain = Fix(f"leave {name} out: any number", (Edit(expr.span, print_expr(without(expr, name))),))
        fixes = (plain,) if print_expr(expr) != plain.edits[0].text and tried(plain) else ()
    elif expr is not None and not is_open(path.shape[-1]):
        end = Span(head.span.end, head.span.end)
        title = f"end with dense({path.shape[-1]}), which gives any number"
        more = Fix(title, (Edit(end, f" -> dense({path.shape[-1]})"),))
        fixes = (more,) if tried(more) else ()
    shares = (least, most) == (0.0, 1.0)
    ids, classes = _as_classes(case, path, training, sources, tried) if shares else ((), "")
    yield _out_of_range(
        case,
        path,
        f"{_holds(case)} {_shown_span(case)}, but {name} gives {reach}",
        f"for class ids: {classes}; else scale the labels, or end with a layer without {name}"
        if classes and not ids
        else f"scale the labels, or end with a layer without {name}",
        (*ids, *fixes),
        # One unit with a sigmoid is for yes or no, and whole numbers beyond 1 are ids more often than not.
        "ST707" if classes and not case.loss else "ST709",
    )


def _holds(case: LabelCase) -> str:
    return f"{case.name} holds numbers from" if case.name else "labels go from"


def _out_of_range(
    case: LabelCase,
    path: MainPath,
    message: str,
    help: str,
    fixes: tuple[Fix, ...] = (),
    code: str = "ST708",
    notes: tuple[str, ...] = (),
) -> Diagnostic:
    return Diagnostic(
        code,
        message,
        path.nodes[0].span,
        severity=CODES[code].severity,
        label=f"is compared with {case.name or 'them'}",
        labels=(Label(case.span, "the labels"),) if case.span is not None else (),
        notes=notes,
        help=help,
        fixes=fixes,
    )
