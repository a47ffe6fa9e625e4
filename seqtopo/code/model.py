"""Models as they are read from Keras code, and as they are written as specs: each part with its place.

`seqtopo.code.read` fills the first records and `seqtopo.code.spec_text` the last two; the checks, fixes and
specs of code are made from them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from seqtopo.code.notebook import Notebook
from seqtopo.diag.codes import CODES
from seqtopo.diag.model import Diagnostic, Fix, Label, Severity
from seqtopo.layers.old_spellings import Note
from seqtopo.layers.row import Row
from seqtopo.layers.values import Tensor, Weight
from seqtopo.source import Source, Span


class Where(NamedTuple):
    """A stretch of a Python text. A notebook's code cells are one text, see ``seqtopo.code.notebook``."""

    source: Source
    span: Span

    @property
    def text(self) -> str:
        """The Python text itself."""
        return self.source.text[self.span.start : self.span.end]

    def finding(
        self,
        code: str,
        message: str,
        *,
        severity: Severity | None = None,
        label: str = "",
        labels: Iterable[tuple[Where | None, str]] = (),
        notes: Iterable[str] = (),
        help: str = "",
        by_hand: str = "",
        fix: Fix | None = None,
    ) -> Diagnostic:
        """Return a diagnostic at this place.

        Of ``labels`` those in other texts are left out; ``by_hand`` is the help where there is no fix.
        """
        mine = [Label(at.span, text) for at, text in labels if at is not None and at.source is self.source]
        return Diagnostic(
            code,
            message,
            self.span,
            severity or CODES[code].severity,
            label,
            tuple(mine),
            tuple(notes),
            help or (by_hand if fix is None else ""),
            () if fix is None else (fix,),
            self.source,
        )


@dataclass(frozen=True)
class Opaque:
    """A value that cannot be told from the text: what it is, in words, and where it comes from."""

    why: str
    where: Where | None = None


@dataclass
class Argument:
    """An argument of a call in Python.

    ``value`` is a number, text, bool, None, tuple, ``Size`` (a symbol or an expression of symbols),
    ``Object`` (a Keras object such as an optimizer), ``CodeLayer``, ``CodeModel``, a tensor or ``Opaque``.
    ``where`` is the value's text and ``whole`` the text with ``name=``; None where the call does not write it
    out, as with ``**kwargs`` or a default.
    """

    value: Any
    where: Where | None = None
    whole: Where | None = None


@dataclass(eq=False)
class CodeLayer:
    """A layer that the code makes, or an operation of ``keras.ops`` that it calls.

    Operators on tensors are operations, too: ``x + y`` is ``ops.add``, and ``x[:, -1]`` ``ops.getitem``, one
    for each axis that is cut, taken or added. The arguments of an operation have the names of its row's
    parameters, the values that come in are the inputs of the call. Without a row, a ``ops.getitem`` has the
    argument ``key`` in its call: a tuple of numbers, ``slice``, None and ``...``.

    ``kind`` is Keras' name (``LSTM``, ``Bidirectional``, ``ops.exp``), in today's spelling; ``row`` is None
    where the language has no row for it, and ``why`` then says why, as in "a custom layer".
    ``args`` are the arguments by Keras' names, whether given by position or by name.
    """

    kind: str
    row: Row | None
    args: dict[str, Argument] = field(default_factory=dict)
    where: Where | None = None
    name: str = ""
    why: str = ""
    calls: list[CodeCall] = field(default_factory=list, repr=False)
    """Its calls in the file, in the order in which they run."""
    weights: tuple[Weight, ...] | None = None
    """Its weights, told at its first call; None where they cannot be told."""
    notes: tuple[Note, ...] = ()
    """The old spellings of the code; ``kind`` and ``args`` are those of Keras 3."""
    made: Any = field(default=None, repr=False)
    """The interpreter's object for a layer of the project."""
    keeps_shape: bool = False
    """True if a layer without a row gives the shape that it takes."""
    counted: bool = False
    """True if its number of rows is the length of a dictionary that numbers its keys from 1."""
    stands_for: tuple[str, dict[str, Any]] | None = field(default=None, repr=False)
    """The operation that a ``Lambda`` was read as, and what that is given; None where it was not."""
    parts: tuple[CodeLayer, ...] = field(default=(), repr=False)
    """The layers one behind the other that it is read as: of the cells of an RNN, or of a model that
    ``TimeDistributed`` applies.
    """
    part_of: CodeLayer | None = field(default=None, repr=False)
    """The layer of the code that it is read for, as one of several."""
    result: Any = field(default=None, repr=False)
    """The result of its first call, where that is read as several layers or operations."""


@dataclass(eq=False)
class CodeInput:
    """An input of a model: ``tensor`` has the shape without the batch axis, ``batch`` a fixed batch size.

    ``tensor`` is None where the code does not say the number of axes.
    """

    tensor: Tensor | None
    batch: Any = None
    name: str = ""
    where: Where | None = None
    shape_where: Where | None = None
    """The text of the shape."""


@dataclass(eq=False)
class CodeCall:
    """A call of a layer on tensors.

    ``form`` says how the code writes it, which decides how an edit puts a layer before or behind it:
    ``call`` (``y = Dense(1)(x)``), ``item`` (in the list of a Sequential) or ``add`` (``model.add(...)``).
    ``statement`` is the whole statement. ``gives`` is None where the shapes cannot be told, such as behind
    a mistake or an opaque layer. States and scores follow the outputs: the second value of an LSTM with
    ``return_state`` is ``CodeTensor(call, 1)``.
    """

    layer: CodeLayer
    inputs: tuple[CodeTensor, ...]
    args: dict[str, Argument] = field(default_factory=dict)
    where: Where | None = None
    statement: Where | None = None
    form: Literal["call", "item", "add"] = "call"
    gives: tuple[Tensor, ...] | None = None
    number: int = 0
    """The position of the call in the reading of the file: later calls have higher numbers."""
    lacks: str = ""
    """The parameter of the call in Keras that must be given, and is not."""


class CodeTensor(NamedTuple):
    """A tensor of a model: the call or input that gives it, and its place among several outputs."""

    of: CodeCall | CodeInput
    output: int = 0


@dataclass
class Training:
    """A ``compile``, ``fit``, ``evaluate`` or ``predict`` of a model, with its arguments by Keras' names."""

    method: str
    args: dict[str, Argument]
    where: Where
    alone: bool = False
    """True if it stands in a function that nothing calls, so that values from outside may be others."""
    layers: tuple[int, ...] = ()
    is_past: bool = False
    """True if the model has other layers since, told by the ``layers`` of a Sequential at the time."""


@dataclass(eq=False)
class CodeModel:
    """A model that the code makes.

    ``calls`` are in the order in which they run; the calls of a model that is called inside it stand among
    them, in its place.

    ``name`` is the variable or the function that has it; ``stops`` says what could not be read and where.
    """

    name: str
    where: Where
    inputs: tuple[CodeInput, ...] = ()
    outputs: tuple[CodeTensor, ...] = ()
    calls: list[CodeCall] = field(default_factory=list)
    training: list[Training] = field(default_factory=list)
    stops: list[Opaque] = field(default_factory=list)
    keras_name: str = ""
    """The name that the code gives to Keras, as in ``Model(x, y, name="encoder")``."""
    output_keys: tuple[str, ...] = ()
    """The keys of the outputs of a model that gives a dictionary."""
    complete: bool = True
    """True if its structure is known from inputs to outputs, opaque layers aside."""

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names by which ``compile`` knows the outputs; "" for one that Keras names by itself."""
        if self.output_keys:
            return self.output_keys
        layers = [value.of.layer if isinstance(value.of, CodeCall) else None for value in self.outputs]
        given = [layer.args.get("name") if layer is not None else None for layer in layers]
        return tuple(one.value if one is not None and isinstance(one.value, str) else "" for one in given)


Value: TypeAlias = Any
"""A value in the interpreter: see ``seqtopo.code.values``."""


@dataclass
class CodeFile:
    """A Python file or notebook that was read: its models in the order in which the code makes them."""

    source: Source
    models: list[CodeModel] = field(default_factory=list)
    stops: list[Opaque] = field(default_factory=list)
    damage: list[Opaque] = field(default_factory=list)
    """The places from which the file, or the rest of it, cannot be read as Python."""
    notebook: Notebook | None = None
    """The cells, where the file is a notebook; ``source`` is then that of all code cells."""
    symbols: dict[str, str] = field(default_factory=dict)
    """The Python text that each symbol stands for: ``X_TRAIN_SHAPE_1`` and ``x_train.shape[1]``."""
    statements: list[ast.stmt] = field(default_factory=list, repr=False)
    """The syntax of the text."""
    resets: list[Where] = field(default_factory=list)
    """The calls that reset the states of whole models."""


VALUE, LAYER = "value_", "layer_"
"""The prefixes of generated names in the spec: no Python word in a message is taken for one of them."""


Kind = Literal["step", "layer", "argument", "input", "shape", "name", "train"]


class Piece(NamedTuple):
    """A part of the spec, and the layer, call or input of the code that it stands for.

    It is a step, a layer where it is bound, an argument of either, an input and its shape, the name of a
    value, or an argument of ``compile``.
    """

    span: Span
    kind: Kind
    where: Where | None = None
    call: CodeCall | None = None
    layer: CodeLayer | None = None
    input: CodeInput | None = None
    key: str = ""
    """The argument's name in Keras."""


@dataclass
class SpecText:
    """The spec of a model, and its parts in the order of the text.

    ``whole`` is false where something of the model is missing. ``guessed`` are inputs that stand for
    values which the code computes in a way that no spec can say.
    """

    source: Source
    model: CodeModel
    pieces: list[Piece] = field(default_factory=list)
    values: dict[str, CodeTensor] = field(default_factory=dict)
    """The tensors by their names in the spec."""
    layers: dict[str, CodeLayer] = field(default_factory=dict)
    """The layers by their names in the spec."""
    whole: bool = True
    guessed: list[Span] = field(default_factory=list)
    left_out: list[Opaque] = field(default_factory=list)
    """The layers that are not in it, and why."""

    def pieces_at(self, span: Span) -> list[Piece]:
        """Return the parts that a span means: the part at it exactly, else the smallest around it, else
        those in it.
        """
        exact = [p for p in self.pieces if p.span == span]
        if exact:
            return exact
        around = [p for p in self.pieces if p.span.start <= span.start and span.end <= p.span.end]
        if around:
            return [min(around, key=lambda p: p.span.end - p.span.start)]
        return [p for p in self.pieces if span.start <= p.span.start and p.span.end <= span.end]
