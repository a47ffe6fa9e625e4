"""Gather the facts of a layer from its row, in words, for whatever shows them."""

from __future__ import annotations

from dataclasses import dataclass

from seqtopo.layers import kinds
from seqtopo.layers.pattern import Clause, show_pattern
from seqtopo.layers.row import COMMON, REQUIRED, Param, Row
from seqtopo.layers.sizes import show_shape
from seqtopo.layers.step_windows import FIRST, SAME, SELF, OutputTime
from seqtopo.layers.values import show
from seqtopo.report.analyse import analyse

COMMON_NAMES = tuple(param.name for param in COMMON)
"""The parameters that every layer has, and that need not be said of each."""

NEVER_WRITTEN = ("return_state", "return_attention_scores")
"""Parameters that Keras has and a spec never gives: the second values are used by name."""


@dataclass(frozen=True)
class ParamFacts:
    """One parameter of a layer, in words.

    Its names, the values that it takes, its default ("" if it must be given), the bare words that set it, and
    whether it belongs to the call.
    """

    name: str
    short: str
    takes: str
    default: str
    flags: tuple[str, ...]
    call: bool


@dataclass(frozen=True)
class LayerFacts:
    """One layer, in words.

    ``shapes`` are its patterns as ``(T, F) -> (units,)``, with the flag they need behind; ``seconds`` are the
    names of its second values, ``output`` that of its example.
    """

    name: str
    aliases: tuple[str, ...]
    keras: str
    about: str
    note: str
    takes: str
    shapes: tuple[str, ...]
    positional: tuple[str, ...]
    params: tuple[ParamFacts, ...]
    seconds: tuple[str, ...]
    example: str
    output: str


def facts(row: Row) -> LayerFacts:
    """Return the facts of a row.

    >>> from seqtopo.layers.registry import NAMES
    >>> found = facts(NAMES["lstm"])
    >>> found.shapes, found.seconds, found.output
    (('(T, F) -> (units,)', '(T, F) -> (T, units) with seq'), ('state',), '(32,)')
    """
    seconds, gives = _tried(row)
    return LayerFacts(
        row.name,
        row.aliases,
        f"keras.layers.{row.keras}" if row.keras else "",
        row.about,
        row.note,
        _count(row),
        tuple(_shape(row, clause) for clause in row.clauses),
        row.positional,
        tuple(param_facts(row, param) for param in row.params if param.name not in NEVER_WRITTEN),
        seconds,
        row.example,
        gives,
    )


def _count(row: Row) -> str:
    least, most = row.inputs
    if (least, most) == (1, 1):
        return "one value"
    if most is None:
        return f"a list of {least} values or more" if least > 1 else "one value, or a list of any number"
    if least == most:
        return f"a list of {least} values"
    return f"one value, or a list of up to {most}" if least == 1 else f"a list of {least} to {most} values"


def _shape(row: Row, clause: Clause) -> str:
    takes = ", ".join(map(_pattern, clause.inputs))
    gives = _pattern(tuple(term.text for term in clause.output))
    listed = f"[{takes}]" if len(clause.inputs) > 1 else takes
    return f"{listed} -> {gives}" + (f" with {_flag(row, clause.when)}" if clause.when else "")


def _flag(row: Row, name: str) -> str:
    """Return the short word that switches an argument on, or its own name."""
    return next((word for word, value in row.by_name[name].flags.items() if value is True), name)


def _pattern(names: tuple[str, ...]) -> str:
    # One name that stands for any number of axes is not a tuple of one.
    return f"({names[0]})" if len(names) == 1 and names[0].endswith("...") else show_pattern(names)


def param_facts(row: Row, param: Param) -> ParamFacts:
    """Return the facts of one parameter of a row."""
    words = tuple(w for w in param.words if row.flags[w][0] is param)
    if param.kind is kinds.BOOL and param.default is True:
        words = tuple(w for w in words if w != param.name)
    default = "" if param.default is REQUIRED else _default(param)
    return ParamFacts(param.name, param.short, param.kind.words, default, words, param.call)


def _default(param: Param) -> str:
    # Keras spells one default with a capital; the spec writes names of objects in one way.
    if isinstance(param.default, str) and param.kind is not kinds.STRING:
        return param.default.lower()
    return show(param.default)


def _tried(row: Row) -> tuple[tuple[str, ...], str]:
    """Return the names of the second values, and the output of the row's example, as checked."""
    checked = analyse(row.example)
    if checked.resolved is None:
        return (), ""
    graph = checked.resolved.graph
    extras = [name for node in graph.nodes if node.layer and node.layer.row is row for name in node.extras]
    tensors = graph.tensors(graph.outputs) or ()
    return tuple(dict.fromkeys(extras)), ", ".join(show_shape(tensor.shape) for tensor in tensors)


def time_words(passed: OutputTime) -> str:
    """Return in words what a layer does with time.

    >>> from seqtopo.layers.step_windows import shifted
    >>> [time_words(OutputTime(*time)) for time in ((0, SAME), (None, SAME), (0, shifted(2)))]
    ['each step alone', 'ends', 'one step each']
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
