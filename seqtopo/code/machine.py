"""The state of one reading: places, symbols, bounds, what branches changed, and what was found."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from seqtopo.code.arrays import Items
from seqtopo.code.keras_names import meaning
from seqtopo.code.model import (
    CodeCall,
    CodeFile,
    CodeInput,
    CodeLayer,
    CodeModel,
    CodeTensor,
    Opaque,
    Value,
    Where,
)
from seqtopo.code.parsing import Lines
from seqtopo.code.values import (
    MISSING,
    OPERATORS,
    Arguments,
    Item,
    KerasModel,
    Module,
    Outside,
    Scope,
    Turns,
    Unknown,
    is_known,
    is_list,
    is_size,
    is_tensor,
)
from seqtopo.layers.sizes import Expr, Size, floor_div, is_open, remainder, symbol, unknown
from seqtopo.layers.values import Tensor
from seqtopo.source import Span
from seqtopo.system import bounds

RETURN, BREAK, CONTINUE, RAISE = "return", "break", "continue", "raise"
"""The ways in which a block of statements ends early."""


Result = TypeVar("Result")
Changes = dict[tuple[int, Any], tuple[Any, Any, Any]]
"""The changes of a branch: the holder of each name or item, its key, and its value before or after."""


class BoundError(Exception):
    """Raised if the reading of a file reaches one of its bounds."""


class LoopBound:
    """A bound on the turns of one loop: enough to make layers, but not to go through data."""

    def __init__(self, machine: Machine, items: int = 0) -> None:
        self.machine = machine
        self.activity = machine.activity
        self.models = len(machine.models)
        self.done = 0
        self.most = bounds.CODE_FEW_TURNS if items > bounds.CODE_IDLE_TURNS else bounds.CODE_IDLE_TURNS

    def is_reached(self) -> bool:
        """Return whether one more turn would be too many; counts the turn otherwise."""
        self.done += 1
        machine = self.machine
        if len(machine.models) - self.models > bounds.CODE_LOOP_MODELS:
            return True
        if machine.activity != self.activity:
            return self.done > bounds.CODE_TURNS
        machine.idle += 1
        few = machine.idle > bounds.CODE_ALL_IDLE_TURNS
        return self.done > (bounds.CODE_FEW_TURNS if few else self.most)


class Machine:
    """The state that the parts of the interpreter share. `seqtopo.code.interpret` adds how statements run."""

    def __init__(self, file: CodeFile) -> None:
        self.file = file
        self.scope: Scope = Scope({}, Module("", file.source))
        self.statement: ast.stmt | None = None
        self.steps = 0
        self.depth = 0
        self.calls = 0
        self.idle = 0
        """The number of loop turns so far that made nothing of Keras."""
        self.activity = 0
        """The number of layers, calls and models made so far."""
        self.alone = False
        """True while a function runs that nothing in the code calls."""
        self.models: list[KerasModel] = []
        self.trail: list[Changes] = []
        self.implicit: dict[int, CodeInput] = {}
        """The inputs that unknown values stand for where they are used as tensors."""
        self.shapes: dict[CodeInput, Unknown] = {}
        """The unknown values that are the shapes of inputs."""
        self._lines: dict[int, Lines] = {}
        self._places: dict[int, tuple[ast.AST, Where]] = {}
        self.limit = bounds.CODE_STEPS
        """The steps at which reading ends."""
        self.distributed: dict[CodeLayer, CodeLayer] = {}
        self.bodies: dict[CodeLayer, tuple[Value, Arguments]] = {}
        """The functions and classes of layers of the project, with what makes the layer."""
        self.channels_first = False
        """True if the code sets Keras to images with their channels in front."""
        self.scalars = Unknown("numbers of the data")
        """The one unknown value that stands for any single number of an array."""
        self.inlined: set[int] = set()
        """The numbers of the calls that stand for a call of a whole model."""
        self._symbols: dict[str, Unknown] = {}
        self._constants: dict[str, Unknown] = {}
        self._from_data: dict[Expr, Unknown] = {}
        self._unknown_sizes = 0
        self._kept: list[Value] = []
        self._stopped: set[tuple[str, Span | None]] = set()

    # ---- what the interpreter does -----------------------------------------------------------------

    def call(self, function: Value, args: Arguments, node: ast.AST) -> Value:
        """Return the result of calling a value."""
        raise NotImplementedError

    def attribute(self, value: Value, name: str, node: ast.AST) -> Value:
        """Return an attribute of a value."""
        raise NotImplementedError

    def code(self, model: KerasModel) -> CodeModel:
        """Return the calls, inputs and outputs of a model as far as they have been read."""
        raise NotImplementedError

    def look_inside(self, layer: CodeLayer, args: Arguments, node: ast.AST) -> tuple[Tensor, ...] | None:
        """Return the outputs of a layer of the project by following its code; None if it cannot."""
        raise NotImplementedError

    def run(self, statements: Sequence[ast.stmt]) -> str:
        """Run statements, and return how they end."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Value) -> None:
        """Assign a value to a name, an attribute, an item or several of them."""
        raise NotImplementedError

    def named(self, value: Value, node: ast.AST | None) -> Value:
        """Return a value that code asks for.

        A size that only the data tells becomes an unknown value, named after its text.
        """
        if isinstance(value, Expr) and is_open(value):
            known = self._from_data.get(value)
            if known is None:
                known = self._from_data[value] = self.unknown(
                    "a size of the data", node, "" if node else "size"
                )
            return known
        return value

    # ---- places --------------------------------------------------------------------------------------

    def where(self, node: ast.AST | None) -> Where | None:
        """Return the place of a node in the file that is being read."""
        if node is None:
            return None
        known = self._places.get(id(node))
        if known is not None:
            return known[1]
        if not hasattr(node, "lineno"):
            return None
        source = self.scope.module.source
        lines = self._lines.get(id(source))
        if lines is None:
            lines = self._lines[id(source)] = Lines(source)
        where = Where(source, lines.span(node))
        self._places[id(node)] = (node, where)
        return where

    def text(self, node: ast.AST) -> str:
        """Return the text of a node, on one line."""
        where = self.where(node)
        return " ".join(where.text[:200].split()) if where else ""

    def tick(self, steps: int = 1) -> None:
        """Count a step; raise ``BoundError`` at the limit."""
        self.steps += steps
        if self.steps > self.limit:
            raise BoundError("the code takes more steps than are followed")

    def stop(self, why: str, node: ast.AST | None = None) -> None:
        """Note that something could not be read."""
        where = self.where(node)
        key = (why, where.span if where else None)
        if key not in self._stopped:
            self._stopped.add(key)
            self.file.stops.append(Opaque(why, where))

    # ---- unknown values and symbols --------------------------------------------------------------------

    def unknown(self, why: str, node: ast.AST | None = None, text: str = "") -> Unknown:
        """Return a new value that is not known, with the reason and its place."""
        where = self.where(node)
        if not text and where is not None:
            text = " ".join(where.text[:200].split())
        return Unknown(why, where, text)

    def constant(self, value: Value) -> Value:
        """Return a value as it is, but an unknown value for a name of a package that is not followed."""
        if not isinstance(value, Outside):
            return value
        known = self._constants.get(value.path)
        if known is None:
            text = value.path.rsplit(".", 1)[-1]
            known = self._constants[value.path] = Unknown(f"{value.path} of a package", None, text)
        return known

    def identity(self, value: Value) -> int:
        """Return the id of a value, which lives on so that no other one gets its id."""
        self._kept.append(value)
        return id(value)

    def part(self, value: Unknown, key: Any, text: str, node: ast.AST | None) -> Unknown:
        """Return a part of an unknown value: the same each time it is asked for."""
        try:
            known = value.parts.get(key)
        except TypeError:  # a list in the key
            return self.unknown(value.why, node, text)
        if known is None:
            known = value.parts[key] = Unknown(value.why, self.where(node), text)
        found: Unknown = known
        return found

    def item(self, value: Unknown, index: int, node: ast.AST | None = None, text: str = "") -> Unknown:
        """Return an item of an unknown value.

        That of ``x.shape[1:]`` is the one of ``x.shape`` behind it.
        """
        whole = value.parts.get("from")
        if whole is not None and index >= 0:
            return self.item(whole[0], whole[1] + index, node)
        return self.part(value, ("item", index), text or f"{value.text}[{index}]", node)

    def size(self, value: Value) -> Value:
        """Return a value as a size: an unknown one as a symbol, anything else as it is."""
        return self.symbol(value) if isinstance(value, Unknown) else value

    def sizes(self, value: Value) -> Value:
        """Return a value, or each of a list, as sizes."""
        if is_list(value):
            return type(value)(map(self.size, value))
        return self.size(value)

    def symbol(self, value: Unknown) -> Size:
        """Return the symbol of an unknown number, named after its text.

        For arithmetic, the result on symbols.
        """
        known: Size | None = value.parts.get("symbol")
        if known is None:
            made = value.parts.get("made of")
            known = self._named(value) if made is None else calculate(made[0], *map(self.size, made[1:]))
            known = self._named(value) if known is None else known
            value.parts["symbol"] = known
        return known

    def _named(self, value: Unknown) -> Expr:
        name = base = symbol_name(value.text)
        number = 1
        while (taken := self._symbols.get(name)) is not None and not (taken.why == value.why == PARAMETER):
            number += 1
            name = f"{base}_{number}"
        self._symbols[name] = value
        self.file.symbols[name] = value.text
        return symbol(name)

    def open_size(self) -> Size:
        """Return a new size for an axis of any length, which Keras calls None."""
        self._unknown_sizes += 1
        return unknown(self._unknown_sizes)

    # ---- what branches change ----------------------------------------------------------------------------

    def put(self, names: dict[Any, Any], key: Any, value: Value) -> None:
        """Set a name or an item; noted, so that a branch can be taken back."""
        self._note(names, key)
        names[key] = value

    def drop(self, names: dict[Any, Any], key: Any) -> None:
        """Delete a name or an item."""
        self._note(names, key)
        names.pop(key, None)

    def changes(self, values: list[Any] | set[Any]) -> None:
        """Note a list or set before it is changed."""
        self._note(values, None)

    def _note(self, holder: Any, key: Any) -> None:
        if self.trail and (id(holder), key) not in self.trail[-1]:
            self.trail[-1][id(holder), key] = (holder, key, _held(holder, key))

    def branch(self, run: Callable[[], Result]) -> tuple[Result, Changes]:
        """Return the result of a branch, and its changes, which are put back."""
        self.trail.append({})
        return run(), self.take_back()

    def take_back(self) -> Changes:
        """End a branch: put back what it changed, and return its changes."""
        changed: Changes = {}
        for where, (holder, key, before) in self.trail.pop().items():
            changed[where] = (holder, key, _held(holder, key))
            _restore(holder, key, before)
        return changed

    def redo(self, changed: Changes) -> None:
        """Make the changes of a branch for good."""
        for holder, key, value in changed.values():
            self._note(holder, key)
            _restore(holder, key, value)

    def join_changes(self, one: Changes, two: Changes, node: ast.AST, turns: Turns | None = None) -> None:
        """Keep what two branches agree on; everything else that they changed is unknown.

        ``turns`` are those of a loop whose body is ``one``: what it appends to a list is then told.
        """
        for where in dict.fromkeys([*one, *two]):
            holder, key, _ = one.get(where) or two[where]
            a, b = (side[where][2] if where in side else _held(holder, key) for side in (one, two))
            if isinstance(holder, dict):
                joined = self.join(a, b, node, key if isinstance(key, str) else "")
            else:
                alike = same_items(a, b) or isinstance(a, set)
                joined = a if alike else self._join_lists(a, b, node, turns)
            self._note(holder, key)
            _restore(holder, key, joined)

    def _join_lists(self, a: list[Any], b: list[Any], node: ast.AST, turns: Turns | None = None) -> list[Any]:
        """Return the common beginning of two lists, and one unknown item for what differs."""
        alike = 0
        while alike < min(len(a), len(b)) and same_items(a[alike : alike + 1], b[alike : alike + 1]):
            alike += 1
        rest = self.unknown(BRANCH, node, "branch")
        if turns is not None and turns.item is not None and len(a) == len(b) + 1 == alike + 1:
            rest.parts["items"] = Items(a[-1], turns.number, self.size(turns.item), turns.start, turns.step)
        if not any(isinstance(x, Item) for x in (*a, *b)):
            return [*a[:alike], rest]
        one, two = (x[-1].gives if x and isinstance(x[-1], Item) else None for x in (a, b))
        joined = self.either(one, two, node) if is_tensor(one) and is_tensor(two) else None
        return [*a[:alike], Item(rest, self.where(node), self.where(node), gives=joined)]

    def join(self, a: Value, b: Value, node: ast.AST, text: str = "") -> Value:
        """Return one value for the two that the sides of a branch give."""
        if a is b or (type(a) is type(b) and is_known(a) and is_known(b) and a == b):
            return a
        if a is MISSING or b is MISSING:
            return b if a is MISSING else a
        if isinstance(a, Expr) and a == b:
            return a
        if is_tensor(a) and is_tensor(b):
            return a if a == b else self.either(a, b, node)
        if isinstance(a, Outside) and isinstance(b, Outside):
            # ``LSTM`` that is ``CuDNNLSTM`` on some machines.
            one_means, two_means = meaning(a.path), meaning(b.path)
            if one_means.kind == "layer" and one_means[:3] == two_means[:3]:
                return a if one_means.old == one_means.name else b
        for one, other in ((a, b), (b, a)):
            if one is None and isinstance(other, KerasModel):
                return other
        if isinstance(a, tuple) and is_list(a) and is_list(b) and type(a) is type(b) and len(a) == len(b):
            return tuple(
                self.join(x, y, node, f"{text}[{i}]") for i, (x, y) in enumerate(zip(a, b, strict=True))
            )
        return self.unknown(BRANCH, node, text)

    def either(self, a: CodeTensor, b: CodeTensor, node: ast.AST) -> CodeTensor:
        """Return a tensor for one of two, as the output of an opaque layer."""
        one, two = tensor_of(a), tensor_of(b)
        layer = CodeLayer("if", None, where=self.where(node), why=BRANCH)
        call = CodeCall(layer, (a, b), where=layer.where, statement=layer.where)
        call.gives = (one,) if one is not None and one == two else None
        self.count(call)
        return CodeTensor(call)

    def count(self, call: CodeCall) -> None:
        """Give a new call its number."""
        self.calls += 1
        call.number = self.calls
        call.layer.calls.append(call)


BRANCH = "it depends on a branch"
ITEMS = "items that are not known"
PARAMETER = "a parameter without a value"


def tensor_of(value: CodeTensor) -> Any:
    """Return the shape and dtype of a tensor; None if they are not known."""
    if isinstance(value.of, CodeInput):
        return value.of.tensor
    gives = value.of.gives
    return gives[value.output] if gives is not None and value.output < len(gives) else None


def same_items(a: Iterable[Any], b: Iterable[Any]) -> bool:
    """Return whether two lists hold the same items: the same objects, or equal plain values of one type."""
    one, two = list(a), list(b)
    return len(one) == len(two) and all(
        x is y or (type(x) is type(y) and is_known(x) and x == y) for x, y in zip(one, two, strict=True)
    )


def _held(holder: Any, key: Any) -> Any:
    """Return the value of a name or an item, or a copy of a whole list or set."""
    return holder.get(key, MISSING) if isinstance(holder, dict) else holder.copy()


def _restore(holder: Any, key: Any, value: Any) -> None:
    """Give a name or an item, or a whole list or set, a value that `_held` returned."""
    if isinstance(holder, list):
        holder[:] = value
    elif isinstance(holder, set):
        holder.clear()
        holder.update(value)
    elif value is MISSING:
        holder.pop(key, None)
    else:
        holder[key] = value


def calculate(operator: str, a: Value, b: Value) -> Size | None:
    """Return the result of arithmetic on sizes; None if it is no size."""
    if not (is_size(a) and is_size(b)):
        return None
    if operator in ("//", "%") and type(b) is int and b > 0:
        return floor_div(a, b) if operator == "//" else remainder(a, b)
    return OPERATORS[operator](a, b) if operator in ("+", "-", "*") else None


def symbol_name(text: str) -> str:
    """Return the name of the symbol for a Python expression.

    >>> symbol_name("x_train.shape[1]"), symbol_name("len(vocab)")
    ('X_TRAIN_SHAPE_1', 'LEN_VOCAB')
    """
    name = re.sub(r"[^A-Za-z0-9]+", "_", text[:60]).strip("_").upper()
    if not name:
        return "N"
    return f"N_{name}" if name[0].isdigit() else name
