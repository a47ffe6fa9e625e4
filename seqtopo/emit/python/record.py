"""Build by recording: write down every layer and call as a Python statement."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

from seqtopo.emit.builder import OperationNames
from seqtopo.emit.python.code import Apply, Attribute, Dotted, Item, Unwritable, is_dotted
from seqtopo.layers import masking
from seqtopo.layers.registry import ROWS
from seqtopo.layers.row import REQUIRED, Row
from seqtopo.layers.sizes import Expr, Size
from seqtopo.layers.values import Tensor

FORGETS_REGULARIZER = frozenset({"SimpleRNN"})
"""The classes that take an ``activity_regularizer`` and never use it."""

RESERVED = frozenset(
    {*keyword.kwlist, *keyword.softkwlist, *dir(builtins)}
    | {"keras", "layers", "ops", "np", "math", "re", "Counter", "build", "model"}
    | {"name_operations", "name_masks", "freeze", "sinusoid_rates"}
)
"""The names with a meaning in a written module."""

_REQUIRED: Mapping[str, tuple[str, ...]] = {
    row.keras: tuple(p.keras_name for p in row.params if p.default is REQUIRED) for row in ROWS if row.keras
}
"""The arguments that people pass to a class by position, in Keras' order."""


@dataclass(eq=False)
class Written:
    """A result of a statement, or a part of one: a tensor, a layer or a model."""

    name: str = ""
    """The name in Keras, after which its variable is named."""


Made = TypeVar("Made", bound=Written)


@dataclass(eq=False)
class WrittenTensor(Written):
    """A tensor. The results of inner operations have no shape, as nothing asks for it."""

    shape: tuple[int | None, ...] = ()
    dtype: str = "float32"
    mask_axes: int | None = None
    mask: WrittenTensor | None = None
    inferred: Tensor | None = None


@dataclass(eq=False)
class WrittenLayer(Written):
    """A layer, which is written inside its one call or has a variable; ``keras`` is its class."""

    recorder: Recorder | None = None
    keras: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, x: Any, **kwargs: Any) -> Any:
        """Return the one output of a call."""
        assert self.recorder is not None
        return self.recorder.call(self, [x], kwargs, ())[0]

    @property
    def sequences(self) -> bool:
        """True if it, or the layer inside it, returns every step."""
        inner = self.options.get("layer")
        options = inner.options if isinstance(inner, WrittenLayer) else self.options
        return bool(options.get("return_sequences"))


@dataclass(eq=False)
class WrittenModel(Written):
    """A model, with its input and output tensors."""

    starts: Sequence[WrittenTensor] = ()
    ends: Sequence[WrittenTensor] = ()


@dataclass(eq=False)
class Statement:
    """A statement ``targets = value``; without targets, a call for its effect on ``subject``."""

    value: Any
    targets: tuple[Written, ...] = ()
    subject: Written | None = None
    attribute: str = ""
    """The attribute of ``subject`` that is set."""


class Recorder:
    """The builder that records, in order, what the emitters ask for."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.names = OperationNames()
        self.layers: Any = _Asked(lambda name: lambda *a, **k: self._layer(name, a, k))
        self.ops: Any = _Asked(lambda name: lambda *a, **k: self._operation(name, a, k))
        self.imports: dict[str, str] = {}
        """The names by which custom layers are imported, with their modules."""
        self._numbers: dict[str, int] = {}
        self._frozen: set[Written] = set()
        self._worked_out: dict[tuple[str, int], tuple[Written, ...]] = {}

    # ---- what is made --------------------------------------------------------------------------------

    def input(self, tensor: Tensor, batch: Size | None, name: str) -> WrittenTensor:
        """Return an input of the model."""
        shape = _numbers(tensor)
        options: dict[str, Any] = {"shape": shape}
        if isinstance(batch, int):
            options["batch_size"] = batch
        if tensor.dtype != "float32":
            options["dtype"] = tensor.dtype
        if name:
            options["name"] = name
        made = WrittenTensor(name, (None, *shape), tensor.dtype, inferred=tensor)
        return self._put(Apply(Dotted("keras.Input"), (), options), made)

    def model(self, starts: Sequence[Any], ends: Sequence[Any], name: str) -> WrittenModel:
        """Return the model from some tensors to others."""
        call = Apply(Dotted("keras.Model"), (_one_or_list(starts), _one_or_list(ends)), {"name": name})
        return self._put(call, WrittenModel(name, tuple(starts), tuple(ends)))

    def _layer(self, keras: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> WrittenLayer:
        options = {k: v for k, v in kwargs.items() if k != "name" or v is not None}
        given = dict(options)
        positional = list(args)
        for required in _REQUIRED.get(keras, ())[len(positional) :]:
            if required not in given:
                break
            positional.append(given.pop(required))
        made = WrittenLayer(options.get("name", ""), self, keras, options)
        return self._put(Apply(Dotted(f"layers.{keras}"), positional, given), made)

    def making(self, name: str) -> AbstractContextManager[None]:
        """Do nothing: no weights are drawn here."""
        return nullcontext()

    def settings(self) -> Mapping[str, Any]:
        """Return nothing: the code says what a spec says, as Keras' users write it."""
        return {}

    def custom(self, make: Any, kwargs: Mapping[str, Any]) -> WrittenLayer:
        """Return a layer made by a function or class of the user's, which is imported.

        Raises:
            Unwritable: nothing can import it.
        """
        module, name = str(getattr(make, "__module__", "")), str(getattr(make, "__qualname__", ""))
        known = is_dotted(module) and is_dotted(name) and "." not in name and module != "__main__"
        if not known or name in RESERVED or self.imports.get(name, module) != module:
            raise Unwritable(
                f"the layer that {name or make!r} makes cannot be written as Python: a module cannot import "
                f"it from {module or 'nowhere'}",
                "define it at the top of a module of its own, under a name that nothing else has",
            )
        self.imports[name] = module
        options = {k: v for k, v in kwargs.items() if k != "name" or v is not None}
        made = WrittenLayer(options.get("name", ""), self, "", options)
        return self._put(Apply(Dotted(name), (), options), made)

    def call(
        self, layer: Any, args: Sequence[Any], kwargs: Mapping[str, Any], inferred: Sequence[Tensor]
    ) -> list[Any]:
        """Return the outputs of a layer or a model: one tensor, unless the checker has more."""
        masks = None
        dtype = "float32"
        if isinstance(layer, WrittenLayer):
            incoming = list(tensors_in([args[0], *args[1:2]] if isinstance(args[0], list) else args[:1]))
            given = kwargs.get("mask")
            masks = mask_axes(
                layer.keras,
                layer.options,
                [len(given.shape)] if isinstance(given, WrittenTensor) else [x.mask_axes for x in incoming],
                [len(x.shape) or 3 for x in incoming],
                layer.sequences,
            )
            dtype = layer.options.get("dtype") or dtype
        made = [WrittenTensor(layer.name, (None, *_numbers(t)), t.dtype, inferred=t) for t in inferred] or [
            WrittenTensor(layer.name, (), dtype)
        ]
        made[0].mask_axes = masks
        for i, extra in enumerate(made[1:], 1):
            extra.name = f"{layer.name}_{i}"
        self.statements.append(Statement(Apply(layer, list(args), dict(kwargs)), tuple(made)))
        return list(made)

    def _operation(self, kind: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> WrittenTensor:
        value = Item(args[0], args[1]) if kind == "get_item" else Apply(Dotted(f"ops.{kind}"), args, kwargs)
        made: WrittenTensor = self.names.note(kind, self._put(value, WrittenTensor()))
        return made

    def several(
        self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any], inferred: Sequence[Tensor]
    ) -> list[WrittenTensor]:
        """Return the outputs of a function of ``keras.ops`` with several."""
        made = [WrittenTensor() for _ in inferred]
        self.statements.append(Statement(Apply(Dotted(f"ops.{function}"), args, kwargs), tuple(made)))
        self.names.note(function, made)
        for tensor, said in zip(made, inferred, strict=True):
            tensor.shape, tensor.dtype, tensor.inferred = (None, *_numbers(said)), said.dtype, said
        return made

    def object(self, path: str, kwargs: Mapping[str, Any]) -> Apply:
        """Return an object of Keras by its place in ``keras``."""
        return Apply(Dotted(f"keras.{path}"), (), kwargs)

    def array(self, values: Any, dtype: str) -> Apply:
        """Return an array of constants."""
        return Apply(Dotted("np.array"), (_lists(values),), {"dtype": dtype})

    def worked_out(self, function: str, argument: int, index: int) -> Written:
        """Return one of the arrays that a function of `seqtopo.emit.inlined_helpers` returns."""
        key = (function, argument)
        if key not in self._worked_out:
            made = tuple(Written(name) for name in ("leading", "rest", "quarter"))
            self.statements.append(Statement(Apply(Dotted(function), (argument,)), made))
            self._worked_out[key] = made
        return self._worked_out[key][index]

    def mask(self, x: WrittenTensor) -> WrittenTensor | None:
        """Return the mask that Keras has put on a tensor."""
        if x.mask is None and x.mask_axes is not None:
            made = WrittenTensor(f"{x.name}_mask", (None,) * x.mask_axes, "bool")
            x.mask = self._put(Attribute(x, "_keras_mask"), made)
        return x.mask

    # ---- what is done with it ------------------------------------------------------------------------

    def freeze(self, layer: WrittenLayer) -> None:
        """Exclude from training what a frozen layer made in its first call."""
        if layer not in self._frozen:
            self._frozen.add(layer)
            self.statements.append(Statement(Apply(Dotted("freeze"), (layer,)), subject=layer))

    def expect(self, layer: WrittenLayer, axis: int, size: int) -> None:
        """Do nothing: Keras' Reshape refuses another size by itself."""

    def hold_regularizer(self, layer: WrittenLayer, given: Any) -> None:
        """Set a layer's activity regularizer, which its class drops."""
        if layer.keras in FORGETS_REGULARIZER:
            self.statements.append(Statement(given, subject=layer, attribute="activity_regularizer"))

    def compile(self, model: WrittenModel, kwargs: Mapping[str, Any]) -> None:
        """Compile a model."""
        given = {k: v for k, v in kwargs.items() if v is not None}
        self.statements.append(Statement(Apply(Attribute(model, "compile"), (), given), subject=model))

    def unique(self, word: str) -> str:
        """Return a name that no other operation has, as Keras counts in a new process."""
        self._numbers[word] = self._numbers.get(word, 0) + 1
        return f"{word}_{self._numbers[word]}"

    def settle(self, value: Any, inferred: Tensor, stem: str, taken: bool) -> None:
        """Name the operations of a node's value, and store the checker's shape and dtype of it."""
        for name, tensor in self.names.settle(value, stem, taken):
            tensor.name = name
        if isinstance(value, list):
            return
        value.shape, value.dtype, value.inferred = (None, *_numbers(inferred)), inferred.dtype, inferred

    def name_of(self, tensor: WrittenTensor) -> str:
        """Return the name of the operation or layer that made a tensor."""
        return tensor.name

    def _put(self, value: Any, made: Made) -> Made:
        self.statements.append(Statement(value, (made,)))
        return made


class _Asked:
    """A namespace with a function for any name, made by ``maker``."""

    def __init__(self, maker: Callable[[str], Callable[..., Any]]) -> None:
        self._maker = maker

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return self._maker(name)


def inside(value: Any) -> Iterator[Written]:
    """Yield the recorded objects in a value."""
    todo = [value]
    while todo:
        here = todo.pop()
        if isinstance(here, Written):
            yield here
        elif isinstance(here, Apply):
            todo += [*reversed([*here.kwargs.values()]), *reversed(here.args), here.function]
        elif isinstance(here, (Item, Attribute)):
            todo.append(here.of)
        elif isinstance(here, Mapping):
            todo += reversed([*here.values()])
        elif isinstance(here, (list, tuple)):
            todo += reversed(here)


def tensors_in(value: Any) -> Iterator[WrittenTensor]:
    """Return an iterator over the recorded tensors in a value."""
    return (x for x in inside(value) if isinstance(x, WrittenTensor))


def _numbers(tensor: Tensor) -> tuple[int | None, ...]:
    return tuple(None if isinstance(s, Expr) else s for s in tensor.shape)


def _one_or_list(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _lists(values: Any) -> Any:
    return [_lists(v) for v in values] if isinstance(values, (list, tuple)) else values


_BY_CLASS: Mapping[str, Row] = {row.keras: row for row in ROWS if row.keras}


def mask_axes(
    keras: str,
    options: Mapping[str, Any],
    incoming: Sequence[int | None],
    axes: Sequence[int],
    sequences: bool,
) -> int | None:
    """Return the number of axes of the mask of a layer's first output; None if it has no mask.

    ``incoming`` are these numbers for the inputs, ``axes`` the numbers of axes of the values themselves, and
    ``sequences`` says whether the layer, or the one inside it, returns every step.
    """
    row = _BY_CLASS.get(keras)
    if row is None:
        return None

    def get(name: str) -> Any:
        if name == "return_sequences":
            return sequences
        param = row.by_name.get(name)
        return (
            None
            if param is None or param.kind.takes == "layer"
            else options.get(param.keras_name, param.default)
        )

    mask = (row.mask or masking.passes)(get, axes[0] - 1)
    if mask.output == "new":
        # A mask of ids has a value for each id; one of steps has one for all features of a step.
        return axes[0] if row.role == "embedding" else axes[0] - 1
    found = mask.output_masks(incoming)
    if mask.output == "any":
        return axes[0] - 1 if found else None
    return max((axis for axis in found if axis is not None), default=None)
