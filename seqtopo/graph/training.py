"""Read the ``train`` statement: optimizer, loss, metrics, labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from seqtopo.diag.model import Edit, Fix
from seqtopo.diag.nearest import nearest
from seqtopo.graph.outside import lower_case_size, unbound
from seqtopo.layers.objects import read_object
from seqtopo.layers.sizes import Expr, Size
from seqtopo.layers.values import DTYPES, Object, Refusal, Word, show
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr


@dataclass(frozen=True)
class Labels:
    """The shape of one label, without the batch axis; ``below`` is V in ``int(V)``."""

    shape: tuple[Size, ...]
    dtype: str = "float32"
    below: Size | None = None


@dataclass(frozen=True)
class Values:
    """The properties of the numbers in an array.

    ``low`` and ``high`` are the least and the greatest finite number. ``whole``: all are whole. ``shares``:
    none is negative, and those along the last axis add up to 1 everywhere. ``longest`` is the most numbers
    other than 0 in a row. ``missing`` counts NaN, ``endless`` infinite numbers.
    """

    low: float
    high: float
    whole: bool = True
    shares: bool = False
    longest: int = 0
    missing: int = 0
    endless: int = 0
    partly: bool = False
    """True if there are more numbers than were looked at."""
    zeros: int = 0
    """The number of zeros among those that were looked at."""


@dataclass(frozen=True)
class Training:
    """The arguments of ``model.compile``, and the labels that are expected for each output."""

    span: Span
    optimizer: Any = "rmsprop"
    loss: Any = None
    metrics: Any = None
    labels: tuple[Labels, ...] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)


OPTIONS = {
    "loss_weights": "a number for each output",
    "weighted_metrics": "metrics that take sample weights",
    "run_eagerly": "true or false",
    "steps_per_execution": "a whole number",
    "jit_compile": "true, false or auto",
    "auto_scale_loss": "true or false",
}
"""The other arguments of ``keras.Model.compile``, each with the kind of its value."""

FAMILIES = {"optimizer": "optimizer", "loss": "loss", "metrics": "metric", "weighted_metrics": "metric"}
"""The arguments that take Keras objects, each with the family of these."""

ARGUMENTS = tuple(dict.fromkeys(("optimizer", "loss", "metrics", "labels", *OPTIONS)))
"""Every argument of a ``train`` statement."""


def read_training(statement: tree.Train, value: Callable[[tree.Expr], Any]) -> Training:
    """Read a ``train`` statement.

    Raises:
        Refusal: it names something that Keras does not know, or something twice.
    """
    found: dict[str, Any] = {}
    spans: dict[str, Span] = {}
    for arg in statement.args:
        name = arg.name.name if arg.name is not None else "optimizer"
        if name in spans:
            raise Refusal("ST217", f"{name} is given twice", arg.span, help="keep one")
        if name not in ARGUMENTS:
            near = nearest(name, ARGUMENTS)
            raise Refusal(
                "ST217",
                f"train has no argument {name}",
                arg.span,
                help=f"did you mean {near}?" if near else f"it takes {', '.join(ARGUMENTS)}",
            )
        spans[name] = arg.span
        if name == "labels":
            found[name] = _labels(arg.value, value)
        elif name in FAMILIES:
            found[name] = _objects(FAMILIES[name], name, value(arg.value), arg.value, value)
        else:
            found[name] = _option(name, value(arg.value), arg)
    options = {name: found.pop(name) for name in OPTIONS if name in found}
    return Training(statement.span, options=options, spans=spans, **found)


def _objects(family: str, name: str, given: Any, expr: tree.Expr, value: Callable[[tree.Expr], Any]) -> Any:
    if isinstance(given, (list, tuple)) and family != "optimizer":
        parts = expr.items if isinstance(expr, (tree.List, tree.Tuple)) else ()
        exprs = parts if len(parts) == len(given) else (expr,) * len(given)
        return [_objects(family, name, g, e, value) for g, e in zip(given, exprs, strict=True)]
    if given is None and family != "optimizer":
        return None
    if isinstance(given, str):
        given = Word(given)
    if not isinstance(given, (Word, Object)):
        wants = f"here stands a word such as {_LIKELY[family]}"
        raise (
            _modern(family, expr, value)
            or unbound(given, expr.span, wants, _LIKELY[family])
            or Refusal(
                "ST217", f"{name} cannot be {show(given)}", expr.span, help=f"as in {_EXAMPLES[family]}"
            )
        )
    try:
        found = read_object(family, given)
        # Keras reports a metric under the very word it is given, so a bare word stays as it is.
        return given.name if isinstance(given, Word) and family in ("loss", "metric") else found
    except Refusal as error:
        near = nearest(given.name, error.near) if error.near else None
        raise _modern(family, expr, value) or Refusal(
            "ST217",
            f"{name} cannot be {show(given)}: expected {error.expected}",
            expr.span,
            help=f"did you mean {near}?" if near else f"as in {_EXAMPLES[family]}",
            fixes=(Fix(f"did you mean {near}?", (Edit(expr.span, near),)),)
            if near and isinstance(expr, tree.Name)
            else (),
        ) from None


def _modern(family: str, expr: tree.Expr, value: Callable[[tree.Expr], Any]) -> Refusal | None:
    """Return the refusal of an object of an earlier Keras or of another library; None for any other."""
    from seqtopo.graph.old_objects import modernized

    now = modernized(family, expr, value)
    if now is None:
        return None
    shown = print_expr(now.expr)
    fix = Fix(f"write {shown}", (Edit(expr.span, shown),), safe=now.exact)
    return Refusal("ST217", now.why, expr.span, help=fix.title, fixes=(fix,))


_LIKELY = {"optimizer": "adam", "loss": "mse", "metric": "mae"}
_EXAMPLES = {"optimizer": "train adam(1e-3)", "loss": "loss=mse", "metric": "metrics=[mae]"}


def _option(name: str, value: Any, arg: tree.Argument) -> Any:
    fits = {
        "run_eagerly": isinstance(value, bool),
        "auto_scale_loss": isinstance(value, bool),
        "steps_per_execution": isinstance(value, int) and not isinstance(value, bool) and value >= 1,
        "jit_compile": isinstance(value, bool) or value == Word("auto"),
    }.get(name, _numbers(value))
    if not fits:
        example = "2" if name == "steps_per_execution" else "true"
        raise unbound(value, arg.value.span, f"{name} must be {OPTIONS[name]}", example) or Refusal(
            "ST217", f"{name} must be {OPTIONS[name]}, not {show(value)}", arg.span, help=f"write {name}=..."
        )
    return value.name if isinstance(value, Word) else value


def _numbers(value: Any) -> bool:
    items = value if isinstance(value, (list, tuple)) else [value]
    return all(isinstance(i, (int, float)) and not isinstance(i, bool) for i in items)


def _labels(expr: tree.Expr, value: Callable[[tree.Expr], Any]) -> tuple[Labels, ...]:
    if isinstance(expr, tree.List):
        return tuple(_label(item, value) for item in expr.items)
    return (_label(expr, value),)


def _label_size(item: tree.Expr, value: Callable[[tree.Expr], Any]) -> Any:
    # A dtype stays one, whatever bears its name elsewhere.
    word = item.name if isinstance(item, tree.Name) else ""
    return Word(word) if word in ("int", *DTYPES) else value(item)


def _label(expr: tree.Expr, value: Callable[[tree.Expr], Any]) -> Labels:
    if isinstance(expr, tree.Tuple):
        items = [_label_size(item, value) for item in expr.items]
    elif isinstance(expr, tree.Group):
        items = [_label_size(expr.body, value)]
    else:
        raise Refusal(
            "ST217",
            "labels are written as a shape in parentheses",
            expr.span,
            help="as in labels=(1), labels=(T,1), labels=(int) or labels=()",
        )
    shape: list[Size] = []
    dtype, below = "float32", None
    for item in items:
        if isinstance(item, Word) and (item.name == "int" or item.name in DTYPES):
            dtype = "int32" if item.name == "int" else item.name
        elif isinstance(item, Object) and item.name == "int" and len(item.args) == 1 and not item.kwargs:
            dtype, below = "int32", item.args[0]
        elif isinstance(item, Expr) or (isinstance(item, int) and not isinstance(item, bool) and item >= 1):
            shape.append(item)
        elif isinstance(item, Word):
            raise lower_case_size("ST217", (item.name,), expr.span)
        else:
            raise Refusal(
                "ST217",
                f"a label's shape has sizes and perhaps int, not {show(item)}",
                expr.span,
                help="as in labels=(1), labels=(T,1) or labels=(int)",
            )
    return Labels(tuple(shape), dtype, below)
