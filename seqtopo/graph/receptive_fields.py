"""Find the receptive field of every value: the input steps that each of its steps depends on, row by row.

No other module does. The kind of a topology, the cut of a series, and several rules follow from this, and
not from the number of axes. It takes one pass over the nodes, with sizes that may be symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from seqtopo.graph.graph import Graph, Node, Value
from seqtopo.layers.sizes import Expr, Size, substitute
from seqtopo.layers.step_windows import FIRST, SAME, Bound, OutputTime, TimedCall, Window, every, through
from seqtopo.layers.timing import unknown
from seqtopo.layers.values import FLOATS, Tensor

MOST_INPUTS = 16
"""The most inputs that are followed; further ones are left out."""


class Field(NamedTuple):
    """The steps of one input, of ``length`` steps, that the steps of a value depend on.

    ``axis`` is the time axis of the value, without the batch. If it is None the value has no steps, and
    ``window`` is the same for every step.
    """

    axis: int | None
    window: Window
    length: Size

    @property
    def whole(self) -> bool:
        """True if each step depends on all input steps."""
        low, high = self.window.low, self.window.high
        return not low.factor and not high.factor and low.plus == 0 and high.plus == self.length - 1

    @property
    def steps(self) -> Size | None:
        """The receptive field: the number of steps between both ends, if all have the same; else None."""
        low, high = self.window.low, self.window.high
        if (low.factor, low.over) != (high.factor, high.over) or low.over != 1:
            return None
        return high.plus - low.plus + 1

    def fixed(self, count: Size) -> Field:
        """Return the field of ``count`` steps together, as of a value without steps."""
        if self.axis is None:
            return self
        low, high = self.window.low, self.window.high
        first = low.at(0) if low.factor >= 0 else low.at(count - 1)
        last = high.at(count - 1) if high.factor >= 0 else high.at(0)
        return Field(None, Window(Bound(0, first), Bound(0, last), None, self.window.exact), self.length)


Fields = Mapping[int, Field]
"""The fields of a value in each input with steps, by the input's node."""
NOTHING: Fields = {}


def fields(graph: Graph) -> Mapping[Value, Fields]:
    """Return the fields of every value of a graph without errors, computed once for each graph.

    >>> from seqtopo.report.analyse import analyse
    >>> graph = analyse("in(T,1) -> conv1d(8,3,causal) -> conv1d(8,3,causal,dilation_rate=2)").resolved.graph
    >>> fields(graph)[graph.outputs[0]][0].steps
    7
    """
    if graph.receptive_fields is None:
        graph.receptive_fields = _fields(graph)
    found: Mapping[Value, Fields] = graph.receptive_fields
    return found


def _fields(graph: Graph) -> dict[Value, Fields]:
    found: dict[Value, Fields] = {}
    followed = 0
    for index in graph.ancestors(graph.outputs):
        node = graph.nodes[index]
        if node.outputs is None:
            continue
        if node.layer is None:
            shape = node.outputs[0].shape
            if shape and followed < MOST_INPUTS:
                followed += 1
                found[Value(index)] = {index: Field(0, SAME, shape[0])}
            continue
        _call(graph, node, found)
    return found


def passes(graph: Graph, node: Node, place: int = 0) -> OutputTime | None:
    """Return how a call treats the first axis of one of its inputs; None if the row does not say."""
    if node.layer is None or node.outputs is None or place >= len(node.inputs):
        return None
    inputs = graph.tensors(node.inputs)
    if inputs is None or not inputs[place].shape:
        return None
    return (node.layer.row.time or unknown)(TimedCall(arguments(node), inputs, node.outputs, 0, place))


def arguments(node: Node) -> Callable[[str], Any]:
    """Return a function that gives a call's arguments by name, the layer's own included."""
    layer, given = node.layer, node.call
    assert layer is not None

    def get(name: str) -> Any:
        return given[name] if name in given else layer.get(name)

    return get


def _call(graph: Graph, node: Node, found: dict[Value, Fields]) -> None:
    assert node.layer is not None
    assert node.outputs is not None
    rule = node.layer.row.time or unknown
    incoming = [found.get(value, NOTHING) for value in node.inputs]
    beside = _through_tensors(graph, node, found) if node.tensors else NOTHING
    if not beside and not any(incoming):
        return
    inputs = graph.tensors(node.inputs)
    if inputs is None:
        return
    get = arguments(node)
    for output in range(len(node.outputs)):
        sees: Fields = NOTHING
        for index, before in enumerate(incoming):
            windows: dict[int, OutputTime | None] = {}
            after: dict[int, Field] = {}
            for source, field in before.items():
                if field.axis is None:
                    after[source] = field
                    continue
                if field.axis not in windows:
                    call = TimedCall(get, inputs, node.outputs, field.axis, index, output)
                    windows[field.axis] = rule(call)
                passed = windows[field.axis]
                if passed is None:
                    continue
                axis, window = passed
                if axis == field.axis and window == SAME:
                    after[source] = field
                    continue
                made = through(field.window, window)
                after[source] = Field(
                    axis, made if axis is not None else made._replace(own=None), field.length
                )
                if axis is None:
                    after[source] = after[source]._replace(window=_constant(after[source].window))
            sees = _together(sees, before if after == before else after)
        if sees or beside:
            found[Value(node.index, output)] = _together(sees, beside)
    for name in node.wants:
        ended = _whole_sequence(incoming, inputs, beside)
        for place in range(len(node.extras[name])) if ended else ():
            found[Value(node.index, place, name)] = ended


def _constant(window: Window) -> Window:
    """Return the window of a value without steps, from that of step 0."""
    return Window(Bound(0, window.low.at(0)), Bound(0, window.high.at(0)), None, window.exact)


def _through_tensors(graph: Graph, node: Node, found: dict[Value, Fields]) -> Fields:
    """Return the fields through states and masks, where each step may depend on all that these depend on."""
    sees: Fields = NOTHING
    for value in (v for bundle in node.tensors.values() for v in bundle):
        tensor = graph.tensor(value)
        if value in found and tensor is not None:
            sees = _together(sees, _fixed(found[value], tensor))
    return sees


def _whole_sequence(incoming: Iterable[Fields], inputs: Iterable[Tensor], beside: Fields) -> Fields:
    """Return the fields of a state or of attention scores, which depend on all input steps."""
    sees = beside
    for before, tensor in zip(incoming, inputs, strict=True):
        sees = _together(sees, _fixed(before, tensor))
    return sees


def _fixed(before: Fields, tensor: Tensor) -> Fields:
    return {
        source: field if field.axis is None else field.fixed(tensor.shape[field.axis])
        for source, field in before.items()
    }


def _together(first: Fields, second: Fields) -> Fields:
    """Return the fields of two values together."""
    if not first or first is second:
        return second
    if not second:
        return first
    found = dict(first)
    for source, field in second.items():
        found[source] = _hull(found[source], field) if source in found else field
    return found


def _hull(first: Field, second: Field) -> Field:
    if first == second:
        return first
    axis = first.axis if first.axis is not None else second.axis
    one, two, length = first.window, second.window, first.length
    own = one.own if first.axis == axis else None
    if own is None and second.axis == axis:
        own = two.own
    clear = one.own is None or two.own is None or one.own == two.own
    if None not in (first.axis, second.axis) and first.axis != second.axis:
        return Field(axis, every(length, own, False), length)
    low = _outer_bound(one.low, two.low, FIRST, False)
    high = _outer_bound(one.high, two.high, Bound(0, length - 1), True)
    exact = one.exact and two.exact and clear and low in (one.low, two.low) and high in (one.high, two.high)
    return Field(axis, Window(low, high, own, exact), length)


def _outer_bound(one: Bound, two: Bound, end: Bound, up: bool) -> Bound:
    """Return the bound further out, up or down; the end of the sequence if that cannot be compared."""
    if one in (two, end):
        return one
    if two == end:
        return two
    if (one.factor, one.over) == (two.factor, two.over):
        apart = two.plus - one.plus
        if isinstance(apart, int):
            return two if (apart > 0) is up else one
    return end


def has_steps(tensor: Tensor) -> bool:
    """Return whether the first axis is time steps.

    It is if there are two axes or more, or if the values are ids or booleans.
    """
    return len(tensor.shape) >= 2 or (len(tensor.shape) == 1 and tensor.dtype not in FLOATS)


def is_sequence(graph: Graph, index: int) -> bool:
    """Return whether the first axis of an input is time steps: of vectors or of ids.

    The one axis of an input of numbers is time steps too if each number becomes a vector, as in ``embed``.
    """
    node = graph.nodes[index]
    if node.outputs is None or not node.outputs[0].shape:
        return False
    if has_steps(node.outputs[0]):
        return True
    if graph.singles is None:
        graph.singles = _single_numbers(graph)
    return index in graph.singles


def _single_numbers(graph: Graph) -> set[int]:
    """Return the inputs with one axis whose numbers become steps later."""
    wanted = {i for i in graph.inputs if len((graph.nodes[i].outputs or (Tensor(()),))[0].shape) == 1}
    found: set[int] = set()
    if not wanted:
        return found
    for value, sees in fields(graph).items():
        tensor = graph.tensor(value)
        if value.extra or tensor is None or len(tensor.shape) < 2:
            continue
        found |= {i for i, f in sees.items() if i in wanted and f.axis == 0 and f.window.own == SAME.own}
    return found


def output_field(graph: Graph, value: Value, source: int) -> Field | None:
    """Return the field of an output in an input, for the first axis of the output as its steps.

    If the input's time axis has ended, or is another axis, each step depends on all that the value does.
    """
    field = fields(graph).get(value, NOTHING).get(source)
    tensor = graph.tensor(value)
    if field is None or tensor is None or field.axis in (0, None):
        return field
    return field.fixed(tensor.shape[field.axis])


def at_length(size: Size, length: Size, steps: int) -> Size:
    """Return a size in which the symbol ``length`` is replaced by a number of steps."""
    if not isinstance(length, Expr) or not length.is_atom:
        return size
    ((atom,), _), *_ = length.terms
    return substitute(size, {str(atom): steps})
