"""Read the calls in a model's configuration, in an order in which each comes after those it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeGuard

from seqtopo.decompiler.files import as_dict, as_list, as_text, bounded_name, shown
from seqtopo.decompiler.losses import UnreadableError, wrong
from seqtopo.layers.registry import NAMES
from seqtopo.layers.wrappers import merging_row

MOST_CALLS = 20_000
"""The most calls of a model: as many layers as a spec may have."""
TENSOR = "__keras_tensor__"
SLICE = "__slice__"
ELLIPSIS = "__ellipsis__"

Shaped = tuple[tuple[int | None, ...], str]
"""A shape with the batch axis, and a dtype."""


class Ref(NamedTuple):
    """One output of one call of a layer, by the layer's name."""

    layer: str
    call: int
    output: int = 0


@dataclass
class Call:
    """One call of a layer, a model or an operation of ``keras.ops``."""

    ref: Ref
    config: Mapping[str, Any]
    args: list[Any] = field(default_factory=list)
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    output_shapes: dict[int, Shaped] = field(default_factory=dict)
    """The shapes and dtypes of its outputs, by their numbers, if a later call says them."""
    shapes: Mapping[Ref, Shaped] = field(default_factory=dict)
    """The shapes and dtypes of its inputs."""

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.ref.layer

    @property
    def kind(self) -> str:
        """The name of the class."""
        return str(self.config.get("class_name"))

    @property
    def is_input(self) -> bool:
        """True for an ``InputLayer``."""
        return self.kind == "InputLayer"

    @property
    def is_keras(self) -> bool:
        """True if the class is Keras' own."""
        return str(self.config.get("module")).split(".")[0] == "keras"

    @property
    def is_operation(self) -> bool:
        """True for an operation of ``keras.ops``."""
        return str(self.config.get("module")).startswith(("keras.src.ops", "keras.ops"))

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The layer's or operation's own configuration."""
        return as_dict(self.config.get("config"), f"the config of {shown(self.name)}")

    @property
    def asks_state(self) -> bool:
        """True for a recurrent layer, or a wrapper of one, that returns its states."""
        inner = self.settings.get("layer")
        config = inner.get("config") if isinstance(inner, dict) else None
        return bool(self.settings.get("return_state")) or bool(
            isinstance(config, dict) and config.get("return_state")
        )


@dataclass
class Calls:
    """The calls of a model in order, and its inputs and outputs."""

    ordered: list[Call]
    inputs: list[Ref]
    outputs: list[Ref]
    input_keys: tuple[str, ...]
    output_keys: tuple[str, ...]
    """The names of the inputs and outputs in a dictionary, "" for each where they are in a list."""

    @cached_property
    def by_ref(self) -> Mapping[Ref, Call]:
        """The calls by the reference to their first output."""
        return {call.ref: call for call in self.ordered}


def refs_in(value: Any) -> Iterator[Ref]:
    """Yield the references to tensors in some arguments, in their order."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from refs_in(item)
    elif isinstance(value, dict):
        if value.get("class_name") == TENSOR:
            yield _history(as_dict(value.get("config"), "a tensor").get("keras_history"))
        else:
            for item in value.values():
                yield from refs_in(item)


def _history(value: Any) -> Ref:
    parts = as_list(value, "a tensor's keras_history")
    if len(parts) < 3 or not isinstance(parts[0], str) or not all(type(p) is int for p in parts[1:3]):
        raise wrong(f"a tensor is said to come from {shown(parts)}, which is not a layer, call and output")
    return Ref(parts[0], parts[1], parts[2])


def calls_of(config: Mapping[str, Any], inside: bool) -> Calls:
    """Return the calls of a serialized ``Sequential`` or functional model.

    A model ``inside`` another one may lack inputs of its own.

    Raises:
        UnreadableError: it is not what Keras writes (ST502).
    """
    body = as_dict(config.get("config"), "the model's config")
    layers = [as_dict(x, "a layer") for x in as_list(body.get("layers"), "the model's layers")]
    if len(layers) > MOST_CALLS:
        raise _too_many(len(layers), "layers")
    if config.get("class_name") == "Sequential":
        return _sequential(config, body, layers, inside)
    return _functional(body, layers)


def _too_many(count: int, what: str) -> UnreadableError:
    return wrong(
        f"the model has {count:,} {what}, which is more than {MOST_CALLS:,}", "give a part of it by itself"
    )


def _sequential(
    config: Mapping[str, Any], body: Mapping[str, Any], layers: list[dict[str, Any]], inside: bool
) -> Calls:
    calls: list[Call] = []
    taken: dict[str, int] = {}
    for layer in layers:
        settings = layer.get("config")
        name = settings.get("name") if isinstance(settings, dict) else None
        name = bounded_name(name) if isinstance(name, str) else f"layer_{len(calls)}"
        number = taken[name] = taken.get(name, -1) + 1
        if layer.get("class_name") == "InputLayer":
            if not calls:
                calls.append(Call(Ref(name, 0), layer))
            continue
        if not calls:
            calls.append(_missing_input(config, body, inside))
        calls.append(Call(Ref(name, number), layer, [_tensor(calls[-1].ref)]))
    if not calls:
        raise wrong("the model has no layers", "add layers, and an Input, before it is saved")
    shapes: dict[Ref, Shaped] = {}
    for call, taker in zip(calls, [*calls[1:], None], strict=True):
        # The input shape for which a layer was built is the output shape of the one before it.
        build = taker.config.get("build_config") if taker is not None else None
        shape = build.get("input_shape") if isinstance(build, dict) else None
        if _is_shape(shape):
            call.output_shapes[0] = (tuple(shape), "float32")
        _read_shapes(call)
        if 0 in call.output_shapes:
            shapes[call.ref] = call.output_shapes[0]
        call.shapes = shapes
    return Calls(calls, [calls[0].ref], [calls[-1].ref], ("",), ("",))


def _tensor(ref: Ref) -> dict[str, Any]:
    return {"class_name": TENSOR, "config": {"keras_history": list(ref)}}


def _missing_input(config: Mapping[str, Any], body: Mapping[str, Any], inside: bool) -> Call:
    """Return the input of a Sequential that lists none."""
    build = config.get("build_config")
    shape = body.get("build_input_shape") or (build.get("input_shape") if isinstance(build, dict) else None)
    if shape is None and not inside:
        raise wrong(
            "the model is Sequential and was never built, so nothing says what comes in",
            "give it an Input first, or build it: model.build((None, 24, 3))",
        )
    layer = {
        "class_name": "InputLayer",
        "module": "keras.layers",
        "config": {"batch_shape": shape, "name": "input"},
    }
    return Call(Ref("input", -1), layer)


def _functional(body: Mapping[str, Any], layers: list[dict[str, Any]]) -> Calls:
    found: dict[tuple[str, int], Call] = {}
    shapes: dict[Ref, Shaped] = {}
    count = sum(len(nodes) for layer in layers if isinstance(nodes := layer.get("inbound_nodes"), list))
    if count > MOST_CALLS:
        raise _too_many(count, "calls")
    for layer in layers:
        name = bounded_name(as_text(layer.get("name"), "a layer's name"))
        nodes = as_list(layer.get("inbound_nodes", []), f"the inbound_nodes of {shown(name)}")
        if (name, 0) in found:
            raise wrong(f"two layers are called {shown(name)}")
        if layer.get("class_name") == "InputLayer" or not nodes:
            found[name, 0] = Call(Ref(name, 0), layer)
        for i, node in enumerate(nodes):
            node = as_dict(node, f"a call of {shown(name)}")
            args = as_list(node.get("args", []), f"the args of {shown(name)}")
            kwargs = as_dict(node.get("kwargs", {}), f"the kwargs of {shown(name)}")
            found[name, i] = Call(Ref(name, i), layer, args, kwargs)
            _shapes([args, kwargs], shapes)
    for ref, shaped in shapes.items():
        giver = found.get((ref.layer, ref.call))
        if giver is not None:
            giver.output_shapes[ref.output] = shaped
    for call in found.values():
        _read_shapes(call)
        call.shapes = shapes
    inputs, input_keys = _ends(body.get("input_layers"), "input_layers", found)
    for ref in inputs:
        if ref.output or not found[ref.layer, ref.call].is_input:
            raise wrong(f"the model's input_layers name {shown(ref.layer)}, which is not an input")
    outputs, keys = _ends(body.get("output_layers"), "output_layers", found)
    return Calls(_sorted(found, outputs, inputs), inputs, outputs, input_keys, keys)


def _shapes(value: Any, into: dict[Ref, Shaped]) -> None:
    todo = [value]
    while todo:
        here = todo.pop()
        if isinstance(here, (list, tuple)):
            todo.extend(here)
        elif isinstance(here, dict):
            config = here.get("config")
            if here.get("class_name") != TENSOR or not isinstance(config, dict):
                todo.extend(here.values())
                continue
            shape = config.get("shape")
            if _is_shape(shape):
                into[_history(config.get("keras_history"))] = (tuple(shape), str(config.get("dtype")))


def _read_shapes(call: Call) -> None:
    """Store the shapes in a call's configuration, which that of a live model has and a file lacks."""
    gives = call.config.get("gives")
    if isinstance(gives, list):
        for i, given in enumerate(gives):
            if isinstance(given, list) and len(given) == 2 and _is_shape(given[0]):
                call.output_shapes[i] = (tuple(given[0]), str(given[1]))


def _is_shape(value: Any) -> TypeGuard[list[int | None]]:
    return isinstance(value, list) and all(size is None or type(size) is int for size in value)


def is_functional(layer: Mapping[str, Any]) -> bool:
    """Return whether the configuration of a layer is that of a functional model."""
    body = layer.get("config")
    return isinstance(body, dict) and "input_layers" in body


def _ends(value: Any, what: str, found: Mapping[tuple[str, int], Call]) -> tuple[list[Ref], tuple[str, ...]]:
    """Return the references to inputs or outputs and their names, flattened as Keras does."""
    keys: list[str] = []
    refs: list[Ref] = []

    def walk(item: Any, key: str) -> None:
        if isinstance(item, dict):
            for name in sorted(item):
                walk(item[name], name)
        elif isinstance(item, list) and len(item) == 3 and isinstance(item[0], str):
            refs.append(_history(item))
            keys.append(key)
        elif isinstance(item, list):
            for one in item:
                walk(one, key)
        else:
            raise wrong(f"the model's {what} are {shown(value)}")

    walk(value, "")
    if not refs:
        raise wrong(f"the model has no {what}")
    for i, ref in enumerate(refs):
        # Keras counts the calls of a functional model inside a model from 1 here, and from 0 elsewhere.
        before = found.get((ref.layer, ref.call - 1))
        if before is not None and is_functional(before.config):
            refs[i] = ref._replace(call=ref.call - 1)
        elif (ref.layer, ref.call) not in found:
            raise wrong(f"the model's {what} name {shown(ref.layer)}, which is not there")
    return refs, tuple(keys)


def _sorted(found: Mapping[tuple[str, int], Call], outputs: list[Ref], inputs: list[Ref]) -> list[Call]:
    """Return the calls behind the outputs, each after those that it needs, with the inputs first."""
    done: dict[tuple[str, int], Call] = {}
    open_: set[tuple[str, int]] = set()
    todo = [((r.layer, r.call), False) for r in (*reversed(outputs), *reversed(inputs))]
    while todo:
        key, ready = todo.pop()
        if key in done:
            continue
        call = found.get(key)
        if call is None:
            raise wrong(f"a call takes what call {key[1]} of {shown(key[0])} gives, which is not there")
        if ready:
            done[key] = call
            open_.discard(key)
            continue
        if key in open_:
            raise wrong(f"{shown(key[0])} takes its own output: the layers form a circle")
        open_.add(key)
        todo.append((key, True))
        needed = dict.fromkeys((r.layer, r.call) for r in refs_in([call.args, dict(call.kwargs)]))
        for other in reversed(needed):
            if other in open_:
                raise wrong(f"{shown(other[0])} takes its own output: the layers form a circle")
            if other not in done:
                todo.append((other, False))
    return list(done.values())


def merging_states(calls: Calls) -> frozenset[Ref]:
    """Return the calls that merge the states of both directions for the initial states of other layers.

    Their outputs are used for nothing else.
    """
    handed: list[list[Ref]] = []
    other = set(calls.outputs)
    for call in calls.ordered:
        starts = list(_starts(call))
        merged = _are_merged(calls, starts)
        if merged:
            handed.append(starts)
        other |= {ref for ref in refs_in([call.args, call.kwargs]) if not (merged and ref in starts)}
    # If another call uses one of the merged states, all states of that start must be written out.
    while taken := [starts for starts in handed if not other.isdisjoint(starts)]:
        other.update(ref for starts in taken for ref in starts)
        handed = [starts for starts in handed if starts not in taken]
    return frozenset(ref for starts in handed for ref in starts)


def _starts(call: Call) -> Iterator[Ref]:
    """Yield the references to the initial states of a call."""
    given = call.kwargs.get("initial_state", call.args[1] if len(call.args) > 1 else None)
    return iter(() if call.is_operation else refs_in(given))


def _are_merged(calls: Calls, starts: list[Ref]) -> bool:
    """Return whether initial states are those of a bidirectional layer, each merged of both directions."""
    merges = [calls.by_ref.get(ref) for ref in starts]
    pairs = [tuple(refs_in(merge.args)) if merge is not None else () for merge in merges]
    if not pairs or not pairs[0]:
        return False
    reader = calls.by_ref.get(pairs[0][0]._replace(output=0))
    if reader is None or reader.kind != "Bidirectional":
        return False
    mode = reader.settings.get("merge_mode")
    kind = NAMES[merging_row(mode)].keras
    right = all(m is not None and m.kind == kind and m.settings.get("axis", -1) == -1 for m in merges)
    # Behind the outputs come the states of the forward layer, then those of the other.
    first, half = (2 if mode is None else 1), len(starts)
    wanted = [tuple(reader.ref._replace(output=first + i + j) for j in (0, half)) for i in range(half)]
    return right and pairs == wanted
