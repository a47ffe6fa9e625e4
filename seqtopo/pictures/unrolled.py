"""Unroll a spec along its time steps: which layers lie on which row, at which steps, and what goes where.

Each sequence of the model has an axis of time; axes whose steps are the same steps are one. Axes side by side
make the columns of the picture. Every layer is a tier: a row of cells at steps of an axis, a bar over all of
them where a layer looks at them all at once, or a single cell for a vector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.graph import Graph, Node, SubModel, Value
from seqtopo.graph.receptive_fields import has_steps
from seqtopo.layers.layer import Layer
from seqtopo.layers.row import Row
from seqtopo.layers.sizes import Expr, Size, atoms, is_open, substitute, symbol, symbols
from seqtopo.layers.step_windows import OutputTime, TimedCall
from seqtopo.layers.values import Tensor
from seqtopo.pictures import labels
from seqtopo.pictures.reading import Reads, keeps_steps, passed_of, reads_of
from seqtopo.pictures.scene import Style
from seqtopo.pictures.showing import show_what_is_read
from seqtopo.pictures.tiers import (
    MOST_AXES,
    MOST_ROWS,
    Axis,
    Link,
    Place,
    Tier,
    TooMuch,
    Unrolled,
    Way,
    region_of,
    side_by_side,
    stack,
)
from seqtopo.source import Source, Span

_FAR = 5040
"""The number of steps that stands for an open one, to put steps in order: strides and pools divide it."""

_BY_STEP = ("steps", "range", "output")
"""The kinds of tiers that have a cell for each step."""

_LONGEST_DETAILS = 36
"""The most characters of a layer's arguments that stand beside its cells."""


def unroll(graph: Graph, source: Source | None = None) -> Unrolled:
    """Unroll a graph along its time steps.

    Raises:
        SpecError: nothing in it goes from step to step, or more lies on top of each other than can be shown.

    >>> from seqtopo.report.analyse import analyse
    >>> found = unroll(analyse("in(T,8) -> lstm(4,seq) -> lstm(2)").resolved.graph)
    >>> [(tier.word, tier.row, tier.direction) for tier in found.tiers]
    [('x', 0, ''), ('lstm', 1, 'forward'), ('lstm', 2, 'forward'), ('y', 3, '')]
    """
    unrolling = _Unrolling(graph)
    try:
        return unrolling.whole()
    except TooMuch as much:
        raise SpecError(
            (
                Diagnostic(
                    "ST452",
                    str(much),
                    Span(0, 0),
                    help="leave out --unrolled: the graph of its layers shows it",
                    source=source,
                ),
            )
        ) from None


class _Unrolling:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.tiers: list[Tier] = []
        self.axes: list[Axis] = []
        self.at: dict[Value, tuple[int, Place]] = {}
        self.letters = iter("xzuvwsrq")
        lengths = {
            s
            for i in graph.inputs
            for tensor in graph.nodes[i].outputs or ()
            for s in (symbols(tensor.shape[0]) if tensor.shape else ())
        }
        self.far = lengths
        self.long = 0
        sizes = [s for node in graph.nodes for t in node.outputs or () for s in t.shape[:1] if atoms(s)]
        beside = max((abs(self.order(size)) for size in sizes), default=0)
        self.long = _FAR * (1 + beside * 10 // _FAR)

    def whole(self) -> Unrolled:
        graph = self.graph
        nodes = [graph.nodes[i] for i in graph.ancestors(graph.outputs)]
        if len(nodes) > 400:
            raise TooMuch(f"{len(nodes):,} layers do not fit on top of each other; {MOST_ROWS} rows do")
        pictures = [
            n for n in nodes if n.layer is not None and n.layer.row.name.endswith(("conv2d", "conv3d"))
        ]
        if pictures:
            raise TooMuch("there are no time steps to put side by side: the axes are those of pictures")
        for node in nodes:
            self._node(node)
        for i, value in enumerate(graph.outputs):
            name = graph.output_names[i] if i < len(graph.output_names) else ""
            if not name and len(graph.outputs) > 1:
                name = labels.given_name(graph.nodes[value.node])
            self._output(value, name, "y" + "′" * min(i, 3))
        show_what_is_read(self.tiers, self.order)
        regions = side_by_side(self.tiers, self.axes)
        stack(self.tiers, regions)
        return Unrolled(self.tiers, regions, self.order, [node.index for node in nodes])

    # ---- numbers ---------------------------------------------------------------------------------

    def order(self, size: Size) -> int:
        """Return a number for a step, to put steps in order: open lengths are long, other symbols short."""
        values = {name: self.long if name in self.far else 7 for name in symbols(size)}
        found = substitute(size, {**values, "?": self.long})
        return found if isinstance(found, int) else self.long

    def _axis(self, last: Size, alone: bool = False) -> Axis:
        if is_open(last):
            self.far.add("T")
            last = substitute(last, {"?": symbol("T")})
        axis = Axis(last, len(self.axes), alone)
        self.axes.append(axis)
        if len(self.axes) > 4 * MOST_AXES:
            raise TooMuch("there are too many sequences of different lengths to put side by side")
        end = self.order(last)
        if alone:
            self._mark(axis, 1)
        elif isinstance(last, int) and end <= 6:
            for step in range(1, end + 1):
                self._mark(axis, step)
        else:
            for mark in (1, 2, last):
                if self.order(mark) <= end:
                    self._mark(axis, mark)
        return axis

    def _mark(self, axis: Axis, size: Size) -> None:
        axis.mark(self.order(size), size)

    def _whole(self, axis: Axis) -> Place:
        return Place(axis, 1, axis.last, not axis.alone)

    # ---- nodes -----------------------------------------------------------------------------------

    def _node(self, node: Node) -> None:
        if node.layer is None:
            self._input(node)
            return
        incoming = [self.at[v] for v in node.inputs]
        passed: Mapping[int, OutputTime] = {}
        reads: Mapping[int, Reads] = {}
        tensor = self._gives(node)
        layer = node.layer
        core = layer.get("layer") if layer.row.name == "bi" else layer
        if isinstance(core, Layer) and core.row.recurrent and incoming and incoming[0][1].many:
            tier = self._recurrent(node, layer, core, incoming[0][1], tensor)
        elif layer.row.name == "repeat" and incoming and not incoming[0][1].many:
            tier = self._copies(node, incoming[0][1], tensor)
        elif _cuts(layer.row) and incoming[0][1].many and _on_time(layer):
            tier = self._range(node, layer, incoming[0][1])
        elif not any(place.many for _, place in incoming):
            tier = self._vector(node, [place for _, place in incoming], tensor)
        else:
            passed, reads = self._passed(node, incoming)
            windows = all(n in reads or not place.many for n, (_, place) in enumerate(incoming))
            if not has_steps(tensor) or not windows:
                tier, reads = self._bar(node, incoming, tensor), {}
            elif self._are_alone(passed, incoming, tensor):
                tier, reads = self._steps(node, incoming), {}
            else:
                tier = self._windows(node, incoming, tensor, reads)
        self._feed(tier, node, passed, reads)
        number = self._add(tier)
        for output in range(len(node.outputs or ())):
            self.at[Value(node.index, output)] = (number, tier.output)
        for name, tensors in node.extras.items():
            last = tier.output.last
            if tier.place.many:
                last = tier.place.first if tier.direction == "backward" else tier.place.last
            for output in range(len(tensors)):
                # Of both directions, the second half of the states is of the one that ends at the first step.
                back = tier.direction == "both" and name == "state" and 2 * output >= len(tensors)
                end = tier.place.first if back else last
                place = Place(tier.place.axis, end, end, many=False)
                self.at[Value(node.index, output, name)] = (number, place)

    def _gives(self, node: Node) -> Tensor:
        assert node.outputs
        return node.outputs[0]

    def _add(self, tier: Tier) -> int:
        self.tiers.append(tier)
        return len(self.tiers) - 1

    def _input(self, node: Node) -> None:
        assert node.outputs
        tensor = node.outputs[0]
        many = has_steps(tensor)
        axis = self._axis(tensor.shape[0] if many else 1, alone=not many)
        place = self._whole(axis)
        name = labels.safe(labels.given_name(node))
        word = name if name and len(name) <= 2 else next(self.letters, "x")
        tier = Tier("steps" if many else "vector", "input", word, labels.title(node), name, place, place)
        self.at[Value(node.index)] = (self._add(tier), place)

    def _words(self, node: Node, more: str = "") -> tuple[str, str, str, str]:
        """Return the family of a tier, the words in its cells, and those beside it."""
        layer = node.layer
        assert layer is not None
        tensor = self._gives(node)
        shape = labels.shape_word(tensor.shape, tensor.dtype)
        inner = layer.get("layer")
        word = layer.row.name
        if isinstance(inner, Layer):
            word = inner.row.name if inner.row.name != "act" else str(inner.args.get("activation", "act"))
        elif isinstance(inner, SubModel) and inner.name:
            word = inner.name
        elif word == "act":
            word = labels.title(node)
        note = "  ".join(part for part in (_cut(labels.details([node])), shape, more) if part)
        return labels.family(layer), labels.safe(word)[:12], labels.title(node), note

    def _recurrent(self, node: Node, layer: Layer, core: Layer, incoming: Place, tensor: Tensor) -> Tier:
        both = layer.row.name == "bi"
        back = bool(core.get("go_backwards"))
        many = bool(core.get("return_sequences"))
        first = back and not both
        place = Place(incoming.axis, incoming.first, incoming.last)
        step = incoming.first if first else incoming.last
        gives = place if many else Place(incoming.axis, step, step, many=False)
        more = "" if many else "last step only"
        if many and first:
            more = "last step first"
            if self.order(incoming.last) - 1 > self.order(incoming.first):
                self._mark(incoming.axis, incoming.last - 1)
        family, word, title, note = self._words(node, more)
        tier = Tier("steps", family, word, title, note, place, gives)
        tier.turns = many and first
        tier.direction = "both" if both else "backward" if back else "forward"
        tier.stateful = bool(core.get("stateful"))
        if not many:
            tier.ends = [incoming.first, incoming.last] if both else [step]
        return tier

    def _copies(self, node: Node, incoming: Place, tensor: Tensor) -> Tier:
        axis = self._axis(tensor.shape[0])
        if incoming.axis.alone and incoming.axis.region is None:
            incoming.axis.region = axis
        family, _, title, note = self._words(node)
        place = self._whole(axis)
        return Tier("copies", family, "copy", title, note, place, place)

    def _range(self, node: Node, layer: Layer, incoming: Place) -> Tier:
        """Return the tier of an operation that takes steps off at the ends, or puts some there."""
        axis, first, last = incoming.axis, incoming.first, incoming.last
        name = layer.row.name
        many = name != "at"
        if name == "last":
            first = last - layer.get("n") + 1
        elif name == "first":
            last = first + layer.get("n") - 1
        elif name == "at":
            index = layer.get("index")
            first = last = (first + index) if index >= 0 else (last + index + 1)
        else:
            sign = -1 if name == "pad" else 1
            first = first + layer.get("before") * sign
            last = last - layer.get("after") * sign
        for mark in (first, last):
            self._mark(axis, mark)
        if name == "pad":
            for k in (1, 2):
                if self.order(incoming.last + k) < self.order(last):
                    self._mark(axis, incoming.last + k)
        gives = Place(axis, first, last, many)
        family, _, title, note = self._words(node)
        return Tier("range", family, "0" if name == "pad" else "", title, note, incoming, gives)

    def _vector(self, node: Node, incoming: list[Place], tensor: Tensor) -> Tier:
        family, word, title, note = self._words(node)
        place = max(incoming, key=lambda p: p.axis.number)
        if has_steps(tensor):
            # Steps that begin here: a reshape, or an expand.
            axis = self._axis(tensor.shape[0])
            if place.axis.alone and place.axis.region is None:
                place.axis.region = axis
            return Tier("copies", family, word, title, note, self._whole(axis), self._whole(axis))
        return Tier("vector", family, word, title, note, place, place)

    def _passed(
        self, node: Node, incoming: list[tuple[int, Place]]
    ) -> tuple[dict[int, OutputTime], dict[int, Reads]]:
        """Return where the time axis of each input goes, and which steps each step reads where it does
        not read all.
        """
        layer = node.layer
        assert layer is not None

        def get(name: str) -> Any:
            return self._in_numbers(node.call[name] if name in node.call else layer.get(name))

        inputs = tuple(self._counted(self.graph.tensor(value)) for value in node.inputs)
        outputs = tuple(map(self._counted, node.outputs or ()))
        passed: dict[int, OutputTime] = {}
        reads: dict[int, Reads] = {}
        for n, (_, place) in enumerate(incoming):
            if place.many:
                call = TimedCall(get, inputs, outputs, 0, n)
                passed[n] = passed_of(layer.row, call)
                if (found := reads_of(passed[n], call)) is not None:
                    reads[n] = found
        return passed, reads

    def _in_numbers(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self._in_numbers, value))
        return self.order(value) if isinstance(value, Expr) else value

    def _counted(self, tensor: Tensor | None) -> Tensor:
        assert tensor is not None
        return Tensor(tuple(map(self.order, tensor.shape)), tensor.dtype)

    def _are_alone(
        self, passed: Mapping[int, OutputTime], incoming: list[tuple[int, Place]], tensor: Tensor
    ) -> bool:
        """Return whether each step is treated by itself, and there are as many steps as came in."""
        lengths = {self._count(place) for _, place in incoming if place.many}
        return lengths == {self.order(tensor.shape[0])} and all(map(keeps_steps, passed.values()))

    def _steps(self, node: Node, incoming: list[tuple[int, Place]]) -> Tier:
        places = [place for _, place in incoming if place.many]
        for other in places[1:]:
            self._merge_axes(places[0].axis, other.axis)
        family, word, title, note = self._words(node)
        return Tier("steps", family, word, title, note, places[0], places[0])

    def _merge_axes(self, one: Axis, other: Axis) -> None:
        """Record that two axes have the same steps."""
        a, b = one.find(), other.find()
        if a is b:
            return
        if b.number < a.number:
            a, b = b, a
        region, other_region = region_of(a), region_of(b)
        if b is region:
            a, b = b, a
        if other_region is not region and other_region is not b:
            other_region.region = region
        b.root = a
        a.region = None if a is region else region
        a.marks = {**b.marks, **a.marks}

    def _windows(
        self, node: Node, incoming: list[tuple[int, Place]], tensor: Tensor, reads: Mapping[int, Reads]
    ) -> Tier:
        family, word, title, note = self._words(node)
        n, below = next((n, place) for n, (_, place) in enumerate(incoming) if place.many)
        if self.order(tensor.shape[0]) == self._count(below):
            place = below
        else:
            axis = self._axis(tensor.shape[0])
            axis.region = below.axis
            axis.above = lambda step: self._middle_of(reads[n](step), below)
            place = self._whole(axis)
        return Tier("steps", family, word, title, note, place, place)

    def _count(self, place: Place) -> int:
        return self.order(place.last) - self.order(place.first) + 1

    def _middle_of(self, read: Sequence[int], place: Place) -> int | None:
        return self.order(place.first) - 1 + read[len(read) // 2] if read else None

    def _bar(self, node: Node, incoming: list[tuple[int, Place]], tensor: Tensor) -> Tier:
        family, _, title, note = self._words(node)
        first = next(place for _, place in incoming if place.many)
        gives = Place(first.axis, first.last, first.last, many=False)
        if has_steps(tensor):
            if self.order(tensor.shape[0]) == self._count(first):
                gives = first
            else:
                axis = self._axis(tensor.shape[0])
                axis.region = first.axis
                gives = self._whole(axis)
        return Tier("bar", family, title, title, note, first, gives)

    def _output(self, value: Value, name: str, word: str) -> None:
        source, place = self.at[value]
        tensor = self.graph.tensor(value)
        shape = labels.shape_word(tensor.shape, tensor.dtype) if tensor is not None else ""
        tier = Tier("output", "output", word, labels.safe(name) or "output", shape, place, place)
        style: Style = "state" if value.extra else "data"
        link = Link(source, "step" if place.many else "one", style, place)
        link.reads = self._in_order(tier, value, None)
        tier.links.append(link)
        self._add(tier)

    # ---- what feeds what -------------------------------------------------------------------------

    def _feed(
        self, tier: Tier, node: Node, passed: Mapping[int, OutputTime], reads: Mapping[int, Reads]
    ) -> None:
        for n, value in enumerate(node.inputs):
            source, place = self.at[value]
            style: Style = "state" if value.extra else "data"
            alone = n in passed and keeps_steps(passed[n]) and place == tier.output
            read = self._in_order(tier, value, None if alone else reads.get(n))
            link = Link(source, self._way(tier, place), style, place, read)
            link.alone = alone or tier.kind == "steps"
            tier.links.append(link)
        for name, values in node.tensors.items():
            for n, value in enumerate(values):
                source, place = self.at[value]
                if name == "initial_state":
                    link = Link(source, "one" if not place.many else "gather", "state", place)
                    link.to_last = tier.direction == "backward" or (
                        tier.direction == "both" and 2 * n >= len(values)
                    )
                    if link not in tier.state:
                        tier.state.append(link)
                else:
                    if place.many and tier.kind == "steps":
                        self._merge_axes(tier.place.axis, place.axis)
                    tier.links.append(Link(source, self._way(tier, place), "mask", place))

    def _in_order(self, tier: Tier, value: Value, reads: Reads | None) -> Reads | None:
        """Return which cells of a source the steps of a tier read, where ``reads`` counts its output steps.

        They are the same, except for a recurrent layer that gives the steps in the order in which it reads
        them, the last one first.
        """
        source, place = self.at[value]
        if not (self.tiers[source].turns and place.many and not value.extra) or tier.kind not in _BY_STEP:
            return reads
        count = self._count(place)
        before = self.order(tier.cells_from.first) - self.order(place.first)

        def read(step: int) -> Sequence[int]:
            own = range(step + before, step + before + 1) if reads is None else reads(step)
            return [count + 1 - n for n in reversed(own) if 0 < n <= count]

        return read

    def _way(self, tier: Tier, incoming: Place) -> Way:
        if tier.kind in ("copies", "vector"):
            if incoming.many:
                return "gather"
            return "spread" if tier.kind == "copies" else "one"
        if not incoming.many:
            return "one" if tier.kind in ("bar", "output") else "spread"
        if tier.kind == "bar":
            near = region_of(incoming.axis) is region_of(tier.place.axis)
            return "step" if near else "gather"
        return "step"


def _cut(details: list[str]) -> str:
    """Return as many of the words as fit beside the cells, with dots for the rest."""
    found = ", ".join(details)
    while len(found) > _LONGEST_DETAILS and details:
        details = details[:-1]
        found = ", ".join([*details, "…"])
    return found


def _cuts(row: Row) -> bool:
    """Return whether an operation takes steps off at the ends, or puts some there."""
    ends = any(name in row.by_name for name in ("n", "index", "before"))
    return bool(row.emit) and row.role in ("selection", "padding") and ends


def _on_time(layer: Layer) -> bool:
    axis = layer.get("axis")
    return axis in (None, 1)
