"""Plan the drawing of a graph: labelled boxes, and arrows between them. No places yet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seqtopo.graph.graph import Graph, Node, SubModel, Value
from seqtopo.layers.layer import Layer
from seqtopo.pictures import labels
from seqtopo.pictures.folding import Group, Item, Leaf, Part, fold, leaves
from seqtopo.pictures.framing import Stretch, framed, names_left
from seqtopo.pictures.scene import Style
from seqtopo.source import Span


@dataclass
class Port:
    """A value that leaves a box: its shape, and whether it is a state."""

    label: str
    style: Style = "data"


@dataclass
class Block:
    """A box: a layer, an input, an output, or a frame around an ``inner`` plan.

    ``beside`` stands on its left, as ``×3`` or the name of a part; boxes with the same ``tag`` share their
    weights. ``slots`` are what comes in, each with the word at its arrow's head. In an inner plan, blocks of
    the families ``entry`` and ``exit`` stand for the frame's slots and ports, by their ``number``.
    """

    family: str
    title: str = ""
    details: list[str] = field(default_factory=list)
    name: str = ""
    tag: str = ""
    beside: list[str] = field(default_factory=list)
    copies: bool = False
    inner: Plan | None = None
    number: int = 0
    loop: list[str] = field(default_factory=list)
    """The states of a recurrent layer that go back into it at the next step, where that is drawn."""
    nodes: tuple[int, ...] = ()
    """The nodes of the graph that it shows: of copies, those of all."""
    slots: list[str] = field(default_factory=list)
    ports: list[Port] = field(default_factory=list)
    params: str = ""
    """The number of its parameters, in words, where that is shown."""
    marked: bool = False
    """True if it is to stand out."""


@dataclass
class Arrow:
    """An arrow from a port of one block to a slot of another; blocks are given by their places."""

    source: int
    port: int
    target: int
    slot: int
    style: Style


@dataclass(frozen=True)
class Feedback:
    """An output that becomes the next input: the number of the output, the node of the input, and words."""

    output: int
    node: int
    words: str


@dataclass
class Plan:
    """The blocks in the order in which they are computed, and the arrows."""

    blocks: list[Block] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    back: Feedback | None = None

    @property
    def size(self) -> int:
        """The number of blocks, those in frames included."""
        return sum(1 + (block.inner.size if block.inner else 0) for block in self.blocks)


def plan_of(
    graph: Graph,
    loops: Sequence[Span] = (),
    names: Mapping[int, str] | None = None,
    parts: Sequence[Stretch] = (),
    *,
    folded: bool = True,
    looped: bool = False,
) -> Plan:
    """Return the plan of a graph. ``loops`` are the places whose copies may differ (see ``fold``), ``names``
    what the values of nodes are called, ``parts`` what is framed; ``looped`` draws the states that recurrent
    layers hand on from step to step.

    >>> from seqtopo.report.analyse import analyse
    >>> found = plan_of(analyse("in(T,8) -> lstm(64,seq) * 3 -> dense(1)").resolved.graph)
    >>> [(block.title, block.beside) for block in found.blocks]
    [('in(T, 8)', []), ('lstm(64)', ['×3']), ('dense(1)', []), ('output', [])]
    """
    tags = _Tags()
    planner = _Planner(graph, loops, names_left(names or {}, parts, graph.name), folded, tags)
    planner.parts = parts
    planner.looped = looped
    plan = planner.whole()
    tags.settle()
    return plan


class _Tags:
    """The blocks of each layer, which share a letter if there are several."""

    def __init__(self) -> None:
        self.blocks: dict[Layer, list[Block]] = {}

    def note(self, layer: Layer, block: Block) -> None:
        self.blocks.setdefault(layer, []).append(block)

    def settle(self) -> None:
        """Give each shared layer a letter, in the order of the first calls."""
        shared = [blocks for blocks in self.blocks.values() if len(blocks) > 1]
        for number, blocks in enumerate(shared):
            for block in blocks:
                block.tag = _letters(number)


def _letters(number: int) -> str:
    found = ""
    while number >= 0:
        found = chr(ord("A") + number % 26) + found
        number = number // 26 - 1
    return found


class _Planner:
    def __init__(
        self, graph: Graph, loops: Sequence[Span], names: Mapping[int, str], folded: bool, tags: _Tags
    ) -> None:
        self.graph = graph
        self.loops = loops
        self.names = names
        self.folded = folded
        self.tags = tags
        self.parts: Sequence[Stretch] = ()
        self.looped = False
        self.live = set(graph.ancestors(graph.outputs))

    def whole(self) -> Plan:
        level = _Level(self, self.items())
        for i, value in enumerate(self.graph.outputs):
            name = self.graph.output_names[i] if i < len(self.graph.output_names) else ""
            if not name and self.parts and self.graph.name not in ("model", *(p[2] for p in self.parts)):
                name = self.graph.name
            block = level.add(Block("output", "output", name=labels.safe(name)))
            level.connect(value, block, "data", "")
        level.finish()
        return level.plan

    def inside(self) -> Plan:
        """Return the plan of a sub-model: its inputs are entries, its outputs exits."""
        level = _Level(self, self.items(), self.graph.inputs)
        level.exits(self.graph.outputs)
        level.finish()
        return level.plan

    def items(self) -> list[Item]:
        items = fold(self.graph, self.loops) if self.folded else [Leaf([n]) for n in self.graph.nodes]
        return framed(items, self.parts)

    def shape(self, value: Value) -> str:
        tensor = self.graph.tensor(value)
        return labels.shape_word(tensor.shape, tensor.dtype) if tensor is not None else ""


class _Level:
    """One plan while it is built: that of the whole, or of the inside of a frame."""

    def __init__(
        self,
        planner: _Planner,
        items: Sequence[Item],
        entries: Sequence[int] = (),
        numbers: Mapping[Value, int] | None = None,
    ) -> None:
        self.planner = planner
        self.graph = planner.graph
        self.plan = Plan()
        self.submodel = bool(entries)
        self.owner: dict[int, int] = {}
        self.groups: dict[int, Group] = {}
        self.parts: dict[int, tuple[Part, dict[Value, int]]] = {}
        self.numbers = numbers or {}
        self.ports: dict[tuple[int, tuple[int, int | str]], int] = {}
        self.values: dict[tuple[int, int], list[Value]] = {}
        self.entered: dict[Value, int] = {}
        self.alike = {leaf.nodes[0].index: [node.index for node in leaf.alike] for leaf in leaves(items)}
        for number, index in enumerate(entries):
            self._enter(Value(index), number)
        for item in items:
            if any(node.index in planner.live for node in item.nodes):
                self._item(item)

    def add(self, block: Block) -> int:
        self.plan.blocks.append(block)
        return len(self.plan.blocks) - 1

    # ---- blocks ----------------------------------------------------------------------------------

    def _item(self, item: Item) -> None:
        nodes = item.nodes
        if all(node.index in self.owner for node in nodes):
            return
        if isinstance(item, Leaf):
            place = self.add(self._leaf(item, nodes[0]))
        elif isinstance(item, Part):
            place = self.add(Block("frame", beside=[labels.safe(item.name)]))
            self.parts[place] = item, {}
        elif len(item.items) == 1 and isinstance(item.items[0], Leaf):
            place = self.add(self._copies(item, nodes))
            self.groups[place] = item
        else:
            place = self.add(Block("frame", beside=[f"×{item.count}"]))
            self.groups[place] = item
        shown = (node.index for leaf in leaves([item]) for node in leaf.alike)
        self.plan.blocks[place].nodes = tuple(shown)
        for node in nodes:
            self.owner[node.index] = place
        for value, style, role in self._needs(item):
            slot = self.connect(value, place, style, role)
            if place in self.parts:
                self.parts[place][1].setdefault(value, slot)

    def _leaf(self, leaf: Leaf, node: Node) -> Block:
        alike = leaf.alike
        block = Block(
            labels.family(node.layer) if node.layer is not None else "input",
            labels.merged([labels.title(n) for n in alike]),
            labels.details(alike),
        )
        name = self.planner.names.get(node.index) or labels.given_name(node)
        block.name = labels.safe(re.sub(r"_\d+$", "", name) if len(alike) > 1 else name)
        if node.layer is None:
            return block
        if self.planner.looped and block.family == "recurrent":
            block.loop = _states(node)
        inner = node.layer.get("layer")
        if isinstance(inner, SubModel):
            block.family = "frame"
            block.beside = [block.title, *(["at every", "step"] if node.layer.row.name == "td" else [])]
            outer = self.planner
            planner = _Planner(inner.graph, outer.loops, {}, outer.folded, outer.tags)
            planner.looped = outer.looped
            block.inner = planner.inside()
        if self.graph.weights.get(node.layer):
            self.planner.tags.note(node.layer, block)
        return block

    def _copies(self, group: Group, nodes: Sequence[Node]) -> Block:
        leaf = group.items[0]
        assert isinstance(leaf, Leaf)
        block = self._leaf(leaf, nodes[0])
        block.copies = block.inner is None
        shared = len({node.layer for node in nodes}) == 1 and self.graph.weights.get(_layer(nodes[0]))
        block.beside = [f"×{group.count}", *(["same", "weights"] if shared else []), *block.beside]
        return block

    # ---- arrows ----------------------------------------------------------------------------------

    def _needs(self, item: Item) -> list[tuple[Value, Style, str]]:
        """Return the values that come into an item from outside, in order, with their style and word."""
        if isinstance(item, Leaf):
            return list(_slots(item.nodes[0]))
        if isinstance(item, Part):
            inside = {node.index for node in item.nodes}
            needs = [need for inner in item.items for need in self._needs(inner)]
            return [(value, style, "") for value, style, _ in needs if value.node not in inside]
        first = range(item.start, item.start + item.size)
        found: dict[Value, Style] = {}
        for index in first:
            for value, style, _ in _slots(self.graph.nodes[index]):
                if value.node not in first:
                    found[value] = "data" if style == "data" else found.get(value, style)
        return [(value, style, "") for value, style in found.items()]

    def connect(self, value: Value, target: int, style: Style, role: str) -> int:
        """Draw an arrow to a block; returns the slot at which it arrives."""
        source, port = self._origin(value)
        block = self.plan.blocks[target]
        for arrow in self.plan.arrows:
            same = (arrow.source, arrow.port, arrow.target) == (source, port, target)
            if same and arrow.style == style and block.slots[arrow.slot] == role:
                return arrow.slot
        block.slots.append(role)
        self.plan.arrows.append(Arrow(source, port, target, len(block.slots) - 1, style))
        return len(block.slots) - 1

    def _origin(self, value: Value) -> tuple[int, int]:
        """Return the block and the port that a value comes from."""
        place = self.owner.get(value.node)
        if place is None:
            if value not in self.entered:
                number = self.numbers.get(value, len(self.entered))
                known = (v for v in self.entered if v in self.numbers and self.numbers[v] == number)
                if (same := next(known, None)) is not None:
                    return self.entered[same], 0
                self._enter(value, number)
            return self.entered[value], 0
        group = self.groups.get(place)
        offset = (value.node - group.start) % group.size if group is not None else 0
        offset = value.node if place in self.parts else offset
        key = (offset, value.extra or value.output)
        port = self.ports.get((place, key))
        if port is None:
            port = self.ports[place, key] = len(self.plan.blocks[place].ports)
            self.plan.blocks[place].ports.append(Port("", "state" if value.extra else "data"))
        self.values.setdefault((place, port), [])
        if value not in self.values[place, port]:
            self.values[place, port].append(value)
        return place, port

    def _enter(self, value: Value, number: int) -> None:
        # The inputs of copies have their shapes above the frame.
        label = self.planner.shape(value) if self.submodel else ""
        block = Block("entry", number=number, ports=[Port(label)])
        if value.extra:
            block.ports[0].style = "state"
        self.entered[value] = self.add(block)
        if self.submodel:
            self.owner.setdefault(value.node, self.entered[value])
            self.ports[self.entered[value], (0, 0)] = 0

    def exits(self, values: Sequence[Value]) -> None:
        """Let values leave the frame, in this order."""
        for number, value in enumerate(values):
            style: Style = "state" if value.extra else "data"
            self.connect(value, self.add(Block("exit", number=number)), style, "")

    # ---- labels and frames, once it is known what leaves each block ----------------------------

    def finish(self) -> None:
        for (place, port), values in self.values.items():
            self.plan.blocks[place].ports[port].label = self._label(place, values)
        for place, (part, slots) in self.parts.items():
            self.plan.blocks[place].inner = self._part(part, slots, place)
        for place, group in self.groups.items():
            block = self.plan.blocks[place]
            if block.family == "frame" and block.inner is None:
                block.inner = self._frame(group, block, place)

    def _label(self, place: int, values: list[Value]) -> str:
        last = values[-1]
        shape = self.planner.shape(last)
        if last.extra:
            shapes = {self.planner.shape(value) for value in values}
            several = "s" if last.extra == "state" and len(values) > 1 else ""
            return f"{last.extra}{several} {shape}" if len(shapes) == 1 else f"{last.extra}{several}"
        if place in self.groups and len(values) > 1:
            return f"{len(values)} × {shape}"
        leaf = self.plan.blocks[place]
        return shape if leaf.family == "frame" or place in self.groups else self._merged(last)

    def _merged(self, value: Value) -> str:
        alike = self.alike.get(value.node, [value.node])
        return labels.merged([self.planner.shape(Value(index, *value[1:])) for index in alike])

    def _part(self, part: Part, slots: Mapping[Value, int], place: int) -> Plan:
        """Return the plan inside the frame of a named flow."""
        inner = _Level(self.planner, part.items, numbers=slots)
        inner.exits([self.values[place, port][0] for port in range(len(self.plan.blocks[place].ports))])
        inner.finish()
        # A value that is only an output of the frame has its shape below the frame.
        onward = [a for a in inner.plan.arrows if inner.plan.blocks[a.target].family != "exit"]
        for arrow in inner.plan.arrows:
            if all((arrow.source, arrow.port) != (a.source, a.port) for a in onward):
                inner.plan.blocks[arrow.source].ports[arrow.port].label = ""
        return inner.plan

    def _frame(self, group: Group, block: Block, place: int) -> Plan:
        """Return the plan inside the frame of copies: the first copy, with labels that hold for all."""
        start, size = group.start, group.size
        inner = _Level(self.planner, group.first())
        offsets = {port: key[0] for (owner, key), port in self.ports.items() if owner == place}
        leaving: list[Value] = []
        for port in range(len(block.ports)):
            value = self.values[place, port][0]
            leaving.append(Value(start + offsets[port], *value[1:]))
        for node in self.graph.nodes[start + size : start + 2 * size]:
            leaving += [v for v in node.needs if start <= v.node < start + size and v not in leaving]
        inner.exits(leaving)
        inner.finish()
        return inner.plan


def _states(node: Node) -> list[str]:
    """Return the names of the states of a recurrent layer; for both directions, one line each."""
    count = len(node.extras.get("state", ()))
    both = _layer(node).row.name == "bi"
    words = ", ".join("hc"[: count // 2 if both else count]) or "states"
    return [f"{words} →", f"{words} ←"] if both else [words]


def _layer(node: Node) -> Layer:
    return node.callee


def _words_of(layer: Layer) -> tuple[str, ...]:
    """Return the names of a layer's several inputs, as an arrow shows them."""
    if layer.row.role == "attention":
        return ("query", "value", "key")
    return ("", "minus") if layer.row.name == "sub" else ()


def _slots(node: Node) -> list[tuple[Value, Style, str]]:
    """Return the inputs of a node, each with the style of its line and the word at its arrow."""
    words = _words_of(node.layer) if node.layer is not None else ()
    several = len(node.inputs) > 1
    found: list[tuple[Value, Style, str]] = [
        (value, "state" if value.extra else "data", words[i] if several and i < len(words) else "")
        for i, value in enumerate(node.inputs)
    ]
    for name, values in node.tensors.items():
        state = name == "initial_state"
        role = "" if state else name.replace("_", " ")
        found += [(value, "state" if state else "mask", role) for value in values]
    return found
