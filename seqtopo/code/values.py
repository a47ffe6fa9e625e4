"""The values that the interpreter of Keras code works with, beside Python's own.

Numbers, texts, tuples, lists, dictionaries and ranges stand for themselves; a size that is not known as a
number is a ``Size`` of symbols (`seqtopo.layers.sizes`), a layer is a ``CodeLayer`` and what flows through
a model a ``CodeTensor`` (`seqtopo.code.model`). What is here is everything else that a name can hold.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeGuard

from seqtopo.code.model import CodeCall, CodeInput, CodeLayer, CodeModel, CodeTensor, Opaque, Value, Where
from seqtopo.layers.sizes import Expr, Size
from seqtopo.source import Source
from seqtopo.system import bounds

_OPERATORS: tuple[tuple[str, Any, Callable[[Any, Any], Any] | None, str], ...] = (
    ("+", ast.Add, operator.add, "add"),
    ("-", ast.Sub, operator.sub, "subtract"),
    ("*", ast.Mult, operator.mul, "multiply"),
    ("/", ast.Div, operator.truediv, "true_divide"),
    ("//", ast.FloorDiv, operator.floordiv, "floor_divide"),
    ("%", ast.Mod, operator.mod, "mod"),
    ("**", ast.Pow, operator.pow, "power"),
    ("<<", ast.LShift, operator.lshift, ""),
    (">>", ast.RShift, operator.rshift, ""),
    ("&", ast.BitAnd, operator.and_, "logical_and"),
    ("|", ast.BitOr, operator.or_, "logical_or"),
    ("^", ast.BitXor, operator.xor, "logical_xor"),
    ("@", ast.MatMult, None, "matmul"),
    ("==", ast.Eq, operator.eq, "equal"),
    ("!=", ast.NotEq, operator.ne, "not_equal"),
    ("<", ast.Lt, operator.lt, "less"),
    (">", ast.Gt, operator.gt, "greater"),
    ("<=", ast.LtE, operator.le, "less_equal"),
    (">=", ast.GtE, operator.ge, "greater_equal"),
    ("is", ast.Is, None, ""),
    ("is not", ast.IsNot, None, ""),
    ("in", ast.In, None, ""),
    ("not in", ast.NotIn, None, ""),
)
SIGNS: Mapping[Any, str] = {kind: sign for sign, kind, _, _ in _OPERATORS}
"""The signs of Python's operators and comparisons, by their classes in ``ast``."""
OPERATORS = {sign: function for sign, _, function, _ in _OPERATORS if function is not None}
"""The functions of numbers that the signs mean."""
OPERATIONS = {sign: name for sign, _, _, name in _OPERATORS if name}
"""The operations of ``keras.ops`` that the signs mean between tensors."""


class Missing:
    """The value of a name that has none, in the notes on what a branch changed."""


MISSING = Missing()


@dataclass(frozen=True, eq=False, slots=True)
class Unknown(Opaque):
    """A value that is not known. Each is equal to itself only.

    ``text`` is the Python text that it stands for, from which a symbol gets its name. ``parts`` remembers
    what was asked of it: ``x.shape`` asked for twice is one value.
    """

    text: str = ""
    parts: dict[Any, Any] = field(default_factory=dict, repr=False)


COUNTED = "counted from 1"
"""A part of a dictionary of unknown length that numbers its keys from 1, and of its length: an id, too."""


class Turns(NamedTuple):
    """The number of turns of a loop, and the values of its variable: every ``step`` from ``start`` on."""

    number: Size
    start: Size
    step: int
    item: Value = None


class Outside(NamedTuple):
    """A name of an installed package, in its canonical form: ``keras.layers.LSTM``, ``numpy.zeros``."""

    path: str


class Passed(NamedTuple):
    """An argument of a call: its value, and the syntax of the value and of the whole with ``name=``."""

    value: Value
    node: ast.expr | None = None
    whole: ast.expr | ast.keyword | None = None


@dataclass(eq=False)
class Arguments:
    """The arguments of a call; ``unknown`` where more may be given than stand here (``**settings``)."""

    places: list[Passed] = field(default_factory=list)
    names: dict[str, Passed] = field(default_factory=dict)
    unknown: bool = False

    def value(self, place: int, name: str, default: Value = None) -> Value:
        """Return the value at a place or under a name."""
        if name in self.names:
            return self.names[name].value
        return self.places[place].value if 0 <= place < len(self.places) else default

    def has(self, place: int, name: str) -> bool:
        """Return whether there is an argument at a place or under a name."""
        return name in self.names or 0 <= place < len(self.places)

    @property
    def by_place(self) -> list[Value]:
        """The values without names."""
        return [p.value for p in self.places]

    @property
    def values(self) -> list[Value]:
        """All values, in the order of the text."""
        return self.by_place + [p.value for p in self.names.values()]


@dataclass(eq=False)
class Module:
    """A file of the project: the names of its top level, and its text."""

    name: str
    source: Source
    names: dict[str, Value] = field(default_factory=dict)
    package: str = ""
    """The dotted name of the folder that it stands in, for relative imports."""


@dataclass(eq=False)
class Scope:
    """The names of a function's body, or of a module or class, and the scope around them."""

    names: dict[str, Value]
    module: Module
    around: Scope | None = None
    function: Function | None = None
    owner: Class | None = None
    """The class in whose method it is, for ``super()``."""
    elsewhere: dict[str, Scope] = field(default_factory=dict)
    """Names declared ``global`` or ``nonlocal``, with the scope that has them."""
    returned: list[Value] = field(default_factory=list)
    """The values that branches on unknown conditions have returned so far."""

    @property
    def of_function(self) -> Scope:
        """The nearest scope that is a function's; the outermost one if none is."""
        scope = self
        while scope.function is None and scope.around is not None:
            scope = scope.around
        return scope


@dataclass(eq=False)
class Function:
    """A function or lambda of the project, with the values of its defaults and the scope around it."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    defaults: dict[str, Value] = field(default_factory=dict)
    owner: Class | None = None
    kind: str = ""
    """``property``, ``staticmethod``, ``classmethod`` or ""."""
    calls: int = 0
    running: int = 0
    """The number of its calls that run now, inside each other."""

    @property
    def name(self) -> str:
        """Its name; that of a lambda is ``lambda``."""
        return "lambda" if isinstance(self.node, ast.Lambda) else self.node.name


@dataclass(eq=False)
class Class:
    """A class of the project."""

    name: str
    node: ast.ClassDef | None
    bases: tuple[Value, ...]
    names: dict[str, Value]
    module: Module
    fields: tuple[str, ...] | None = None
    """The fields of a dataclass or named tuple, in their order; None for any other class."""
    made: int = 0
    """The number of its instances so far."""

    def ancestors(self) -> list[Value]:
        """Return the class and its bases, those of the project followed, each once."""
        found: list[Value] = []
        todo: list[Value] = [self]
        while todo:
            here = todo.pop(0)
            if any(here is f for f in found) or len(found) > 50:
                continue
            found.append(here)
            if isinstance(here, Class):
                todo[:0] = here.bases
        return found

    def find(self, name: str, after: Class | None = None) -> Value:
        """Return the value of a name in the class or its bases (those behind ``after``), or ``MISSING``."""
        behind = after is None
        for base in self.ancestors():
            if isinstance(base, Class):
                if behind and name in base.names:
                    return base.names[name]
                behind = behind or base is after
        return MISSING

    def is_a(self, *paths: str) -> bool:
        """Return whether one of its bases is one of these names of a package."""
        return any(isinstance(b, Outside) and b.path in paths for b in self.ancestors())

    @property
    def is_plain(self) -> bool:
        """True if nothing unknown is among its bases."""
        return all(isinstance(b, (Class, Outside)) for b in self.ancestors())


@dataclass(eq=False)
class Instance:
    """An object of a class of the project."""

    cls: Class
    names: dict[str, Value] = field(default_factory=dict)
    model: KerasModel | None = None
    """The model that it is, where its class is a Keras model."""
    layer: CodeLayer | None = None
    """The layer that it is, where its class is a Keras layer."""
    where: Where | None = None


class Bound(NamedTuple):
    """A method of an object: a function of the project, or a name that the object's kind knows."""

    of: Value
    name: str
    function: Function | None = None


@dataclass(eq=False)
class Partial:
    """``functools.partial``: something to call with some of its arguments."""

    function: Value
    args: Arguments


class Super(NamedTuple):
    """``super()`` in a method of a class."""

    of: Value
    cls: Class


@dataclass(eq=False)
class Item:
    """A layer or model in a Sequential, with its calls and its outputs."""

    value: Value
    where: Where | None = None
    statement: Where | None = None
    form: str = "item"
    calls: list[CodeCall] = field(default_factory=list)
    gives: Value = None


@dataclass(eq=False)
class KerasModel:
    """A model in the interpreter: how the code uses it, and its calls and layers so far (``code``).

    ``gives`` are the outputs in the structure in which a call gives them: a tensor, a list or a
    dictionary. ``items`` are the layers of a Sequential.
    """

    code: CodeModel
    kind: str = "functional"
    items: list[Item] = field(default_factory=list)
    gives: Value = None
    taken: list[str] = field(default_factory=list)
    """The names of the inputs, where they are given as a dictionary."""
    settings: dict[str, Value] = field(default_factory=dict)
    """The values that the code stores in its attributes."""
    instance: Instance | None = None
    calls: int = 0
    named: bool = False
    node: ast.AST | None = None


@dataclass(eq=False)
class Namespace:
    """An object with settings as attributes, such as ``argparse`` returns."""

    names: dict[str, Value]
    text: str = ""
    parser: bool = False
    """True if it is the parser itself, whose ``names`` are the defaults so far."""


def is_tensor(value: Value) -> TypeGuard[CodeTensor]:
    """Return whether a value is a tensor of a model."""
    return isinstance(value, CodeTensor)


def is_list(value: Value) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Return whether a value is a list or tuple of the code, and no named tuple of the interpreter."""
    return type(value) in (list, tuple)


def is_size(value: Value) -> TypeGuard[Size]:
    """Return whether a value is a whole number, or an expression of symbols."""
    return isinstance(value, Expr) or type(value) is int


def tensors_in(value: Value, depth: int = 0) -> list[CodeTensor]:
    """Return the tensors in a value, in lists, tuples and dictionaries, too."""
    if is_tensor(value):
        return [value]
    if depth > 4:
        return []
    if is_list(value):
        return [t for v in value for t in tensors_in(v, depth + 1)]
    if isinstance(value, dict):
        return [t for v in value.values() for t in tensors_in(v, depth + 1)]
    return []


def leaves(value: Value) -> list[Value]:
    """Return the values in nested lists, tuples and dictionaries; None is left out."""
    if value is None:
        return []
    parts = value.values() if isinstance(value, dict) else value if is_list(value) else None
    return [value] if parts is None else [v for part in parts for v in leaves(part)]


def is_known(value: Value) -> bool:
    """Return whether a value is plain Python and known in all its parts."""
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, range)) or value is ...:
        return True
    if is_list(value) or isinstance(value, (set, frozenset)):
        return all(map(is_known, value))
    if isinstance(value, dict):
        return all(is_known(k) and is_known(v) for k, v in value.items())
    if isinstance(value, slice):
        return is_known(value.start) and is_known(value.stop) and is_known(value.step)
    return False


def truth(value: Value) -> bool | None:
    """Return the truth value of a value; None if it is not known."""
    if isinstance(value, (Opaque, Expr)):
        return None
    plain = (int, float, str, bytes, range, dict, set, frozenset)
    if value is None or isinstance(value, plain) or is_list(value):
        return bool(value)
    if isinstance(
        value, (Function, Class, Bound, Module, Partial, CodeLayer, KerasModel, Namespace, CodeInput)
    ):
        return True
    if isinstance(value, Instance):
        return None if any(value.cls.find(n) is not MISSING for n in ("__bool__", "__len__")) else True
    return None


def items_of(value: Value) -> list[Value] | None:
    """Return the items of a value that can be iterated; None if they are not known."""
    if has_unknown_keys(value):
        return None
    if is_list(value) or isinstance(value, (range, str, dict, set, frozenset, bytes)):
        return list(value) if len(value) <= bounds.CODE_ITEMS else None
    return None


def has_unknown_keys(value: Value) -> bool:
    """Return whether a dictionary or set holds unknown keys, so that its length is unknown."""
    return isinstance(value, (dict, set, frozenset)) and any(isinstance(key, Unknown) for key in value)


def hashable(value: Value) -> bool:
    """Return whether a value can be the key of a dictionary."""
    try:
        hash(value)
    except TypeError:
        return False
    return True
