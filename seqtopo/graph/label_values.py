"""What labels hold: ids or one-hot, ids below the classes, lengths for CTC, ranges that a head can reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf

from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.graph.graph import Node
from seqtopo.graph.label_case import Compared
from seqtopo.graph.label_fixes import Wanted, width_fix, with_argument
from seqtopo.graph.loss_shapes import BINARY, IDS, ONE_HOT, PER_CLASS, REGRESSIONS, shown_loss, verdict
from seqtopo.graph.main_path import MainPath
from seqtopo.graph.problem import Problem
from seqtopo.graph.sources import Sources
from seqtopo.graph.training import Training
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import Shape, fits, is_open, show_shape
from seqtopo.layers.values import Object
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import without

Tried = Callable[[Fix], bool]
"""Whether a fix leaves a spec without errors."""

RANGES = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, inf),
    "softplus": (0.0, inf),
    "exponential": (0.0, inf),
    "relu6": (0.0, 6.0),
}
"""What an activation can give, where that is not every number."""


_OF_SHARES = BINARY | {"poisson", "cosine_similarity", "hinge", "squared_hinge"}
"""Losses of an output in shares, which are compared with a label number by number."""


# ---- ids or one-hot --------------------------------------------------------------------------------


def kind_problems(compared: Compared, path: MainPath, training: Training | None) -> Iterator[Problem]:
    """ST704: ids where the loss wants one-hot, or the other way round."""
    labels, loss, values = compared.labels, compared.loss, compared.values
    output = path.shape
    if not output or output[-1] == 1:
        return
    same = len(labels.shape) == len(output) and all(map(fits, labels.shape, output))
    if loss in IDS and same:
        ids = (*output[:-1], f"int({output[-1]})")
        yield _wrong_kind(
            compared,
            path,
            f"{compared.said}, one number for each class (one-hot), but {loss} wants class ids: "
            f"{_shown(output[:-1])}",
            f"either change the loss, or make ids of them: {compared.name or 'y'}.argmax(axis=-1)",
            _fixes(compared, training, "categorical_crossentropy", ",".join(map(str, ids))),
        )
    elif loss in IDS and values is not None and not values.whole:
        yield _wrong_kind(
            compared,
            path,
            f"{loss} wants class ids, and {compared.holder} holds numbers that are not whole",
            "for numbers of their own, use mse; for ids, round them",
            (),
        )
    elif (
        loss in REGRESSIONS
        and _activation(path.nodes[0].layer) == "softmax"
        and _ids_fit(labels.shape, output)
    ):
        yield _wrong_kind(
            compared,
            path,
            f"{shown_loss(loss)} compares numbers, but {compared.said_of_ids}, and the model "
            f"gives a share for each class: {show_shape(output)}",
            "for class ids use sparse_categorical_crossentropy",
            _fixes(compared, training, "sparse_categorical_crossentropy", ",".join(map(str, output))),
        )
    elif loss in _others(path) and not same and _ids_fit(labels.shape, output):
        fixes = _fixes(compared, training, "sparse_categorical_crossentropy", ",".join(map(str, output)))
        yield _wrong_kind(
            compared,
            path,
            f"{compared.said_of_ids}, but {loss} wants one number for each class (one-hot): "
            f"{show_shape(output)}",
            "either change the loss, or make them one-hot: "
            f"keras.utils.to_categorical({compared.name or 'y'})",
            fixes if loss in ONE_HOT else tuple([_first(fix) for fix in fixes[::-1]]),
        )


def _first(fix: Fix) -> Fix:
    return replace(fix, title=fix.title.removeprefix("or "))


def _others(path: MainPath) -> frozenset[str]:
    """The losses that want a number for each class of what a path gives, besides those of numbers."""
    return (
        ONE_HOT | PER_CLASS | (_OF_SHARES if _activation(path.nodes[0].layer) == "softmax" else frozenset())
    )


def _ids_fit(labels: Shape, output: Shape) -> bool:
    return verdict("sparse_categorical_crossentropy", labels, output) == "fits"


def _wrong_kind(
    compared: Compared, path: MainPath, message: str, help: str, fixes: tuple[Fix, ...]
) -> Problem:
    node = path.nodes[0]
    labels = (Label(node.span, f"gives {show_shape(path.shape)}"),)
    if compared.span is None:
        return Problem("ST704", message, node.span, label=labels[0].text, help=help, fixes=fixes)
    return Problem(
        "ST704", message, compared.span, label="of the other kind", labels=labels, help=help, fixes=fixes
    )


def _shown(shape: Shape) -> str:
    return show_shape(shape) if shape else "one for each sample"


def _fixes(compared: Compared, training: Training | None, loss: str, sizes: str) -> tuple[Fix, ...]:
    if training is None or isinstance(training.loss, list) or "loss" not in training.spans:
        return ()
    renamed = f"loss={loss}"
    if isinstance(training.loss, Object):
        renamed = f"loss={replace(training.loss, name=loss)}"
    found = [Fix(f"use {loss}", (Edit(training.spans["loss"], renamed),))]
    if compared.span is not None and training.labels is not None and len(training.labels) == 1:
        found.append(Fix(f"or declare labels=({sizes})", (Edit(compared.span, f"labels=({sizes})"),)))
    return tuple(found)


# ---- ranges ----------------------------------------------------------------------------------------


def range_problems(compared: Compared, path: MainPath, sources: Sources, tried: Tried) -> Iterator[Problem]:
    """ST705 to ST709: labels whose shape fits, and whose values do not."""
    loss = compared.loss
    if loss in IDS or loss == "ctc":
        yield from _ids(compared, path, sources, tried)
    if loss == "ctc":
        yield from _alignment(compared, path, sources, tried)
    if loss in ONE_HOT and compared.values is not None and not compared.values.shares:
        yield _out_of_range(
            compared,
            path,
            f"{loss} wants shares that add up to 1 for each label, and those in {compared.holder} do not",
            "where several classes may be right at once: binary_crossentropy, with dense(N,sigmoid)",
        )
    if loss in BINARY or loss in REGRESSIONS:
        yield from _reach(compared, path, sources, tried)


def _span(compared: Compared) -> tuple[float, float] | None:
    """The least and the greatest number in labels, where they are known."""
    if compared.values is not None:
        return compared.values.low, compared.values.high
    below = compared.labels.below
    return (0, below - 1) if isinstance(below, int) else None


def _ids(compared: Compared, path: MainPath, sources: Sources, tried: Tried) -> Iterator[Problem]:
    classes, between = path.shape[-1], _span(compared)
    if not isinstance(classes, int) or between is None:
        return
    low, high = between
    node = path.wide or path.nodes[0]
    ignored = compared.values is not None and low == -1
    if low < 0:
        yield Problem(
            "ST705",
            f"{compared.holder} holds the id {low:.0f}, but class ids begin at 0",
            node.span,
            label=f"{classes} classes",
            help="mark labels to leave out by loss=sparse_categorical_crossentropy(ignore_class=-1)"
            if ignored and compared.loss != "ctc"
            else "count the classes from 0",
        )
    if high < classes:
        return
    top = int(high)
    blank = ", with 0 for the blank" if compared.loss == "ctc" else ""
    fix = width_fix(path, Wanted((*path.shape[:-1], top + 1)), sources)
    from_one = compared.values is not None and low >= 1 and top == classes and compared.loss != "ctc"
    told = (
        f"{compared.holder} go to {top}"
        if not compared.name
        else f"the labels in {compared.name} go to {top}"
    )
    yield Problem(
        "ST705",
        f"{told}, but {classes} classes are 0..{classes - 1}{blank}"
        + (f": subtract 1 from {compared.name}" if from_one else ""),
        node.span,
        label=f"gives {classes} classes",
        labels=(Label(compared.span, f"ids below {top + 1}"),) if compared.span is not None else (),
        help=f"count from 0: {compared.name} - 1" if from_one else f"give the last layer {top + 1} units",
        fixes=(fix,) if fix is not None and not from_one and tried(fix) else (),
    )


def _alignment(compared: Compared, path: MainPath, sources: Sources, tried: Tried) -> Iterator[Problem]:
    steps, length = path.shape[0], compared.labels.shape[0]
    if compared.values is not None:
        length = compared.values.longest
    if not isinstance(steps, int) or not isinstance(length, int) or steps >= length:
        return
    shorter = [
        n for n in path.nodes if n.inputs and len(path.out(n)) > 1 and path.out(n)[:1] != path.into(n)[:1]
    ]
    node = shorter[0] if shorter else path.nodes[-1]
    before = path.into(node)[:1]
    yield Problem(
        "ST706",
        f"ctc cannot align a label of {length} symbols with {steps} steps: it needs at least one step for "
        "each symbol",
        node.span,
        label=f"{before[0]} steps to {path.out(node)[0]}" if before else f"{steps} steps",
        labels=(Label(compared.span, f"up to {length} symbols"),) if compared.span is not None else (),
        notes=("a symbol that follows itself needs a blank, one step more, in between",)
        + ((f"the steps on the way: {' -> '.join(map(str, path.steps))}",) if len(path.steps) > 2 else ()),
        help="shorten the time less: smaller strides and pools",
        fixes=tuple(_shortened_less(node, length, path, sources, tried)),
    )


def _shortened_less(node: Node, length: int, path: MainPath, sources: Sources, tried: Tried) -> Iterator[Fix]:
    expr = sources.of(node)
    before = path.into(node)[0] if path.into(node) else 0
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
    fix = Fix(f"go on by {stride} steps at a time: {text}", (Edit(expr.span, text),))
    if tried(fix):
        yield fix


def _reach(compared: Compared, path: MainPath, sources: Sources, tried: Tried) -> Iterator[Problem]:
    between = _span(compared)
    if between is None:
        return
    low, high = between
    shown = f"{low:.4g} to {high:.4g}"
    if compared.loss in BINARY:
        if low < 0 or high > 1:
            yield _out_of_range(
                compared,
                path,
                f"{compared.loss} wants labels from 0 to 1, and {_holds(compared)} {shown}",
                "for class ids: dense(N,softmax) with sparse_categorical_crossentropy; for numbers of their "
                "own: mse",
            )
        return
    head = path.nodes[0]
    name = _activation(head.layer)
    least, most = RANGES.get(name, (-inf, inf))
    if low >= least - 1e-6 and high <= most + 1e-6:
        return
    reach = f"none below {least:g}" if most == inf else f"none beyond {least:g} and {most:g}"
    expr = sources.of(head)
    fixes: tuple[Fix, ...] = ()
    if expr is not None and head.layer is not None and name in head.layer.args.values():
        plain = Fix(f"leave {name} out: any number", (Edit(expr.span, print_expr(without(expr, name))),))
        fixes = (plain,) if print_expr(expr) != plain.edits[0].text and tried(plain) else ()
    elif expr is not None and not is_open(path.shape[-1]):
        end = Span(head.span.end, head.span.end)
        title = f"end with dense({path.shape[-1]}), which gives any number"
        more = Fix(title, (Edit(end, f" -> dense({path.shape[-1]})"),))
        fixes = (more,) if tried(more) else ()
    yield _out_of_range(
        compared,
        path,
        f"{_holds(compared)} {shown}, but {name} gives {reach}",
        f"scale the labels, or end with a layer without {name}",
        fixes,
        "ST709",
    )


def _holds(compared: Compared) -> str:
    return f"{compared.name} holds numbers from" if compared.name else "labels go from"


def _activation(layer: Layer | None) -> str:
    """The activation behind which an output comes, in a wrapper that of the layer inside; "" for none."""
    while layer is not None and isinstance(inner := layer.args.get("layer"), Layer):
        if layer.get("merge_mode") == "sum":
            return ""
        layer = inner
    found = layer.get("activation") if layer is not None else None
    if layer is not None and found is None and layer.row.name in RANGES:
        return layer.row.name
    return found if isinstance(found, str) else ""


def _out_of_range(
    compared: Compared,
    path: MainPath,
    message: str,
    help: str,
    fixes: tuple[Fix, ...] = (),
    code: str = "ST708",
) -> Problem:
    return Problem(
        code,
        message,
        path.nodes[0].span,
        severity=CODES[code].severity,
        label=f"is compared with {compared.name or 'them'}",
        labels=(Label(compared.span, "the labels"),) if compared.span is not None else (),
        help=help,
        fixes=fixes,
    )
