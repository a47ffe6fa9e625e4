"""Recognise the operations of seqtopo's emitter in a model's configuration.

``last(3)`` is built as a slice and a reshape, ``repeat(T)`` as a sum with zeros; a value with a mask is
followed by a marker and a ``Masking`` layer. They are recognised by their operations and not by their names,
so a model that was written by hand is decompiled to the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import ldexp
from typing import Any

from seqtopo.decompiler import automatic
from seqtopo.decompiler.calls import TENSOR, Call, Ref, refs_in
from seqtopo.decompiler.layers import default_of, same_value
from seqtopo.decompiler.masks import GIVEN
from seqtopo.decompiler.progress import ModelCalls
from seqtopo.decompiler.slices import Made, is_ours, of_key
from seqtopo.decompiler.values import UnsayableError, plain
from seqtopo.graph.graph import Bundle, Node, Value, infer
from seqtopo.graph.masks import uses_mask
from seqtopo.layers.excluded import snake_case
from seqtopo.layers.function_calls import BY_CLASS, FunctionCall, given_to, row_call
from seqtopo.layers.layer import Layer
from seqtopo.layers.objects import entry_of
from seqtopo.layers.registry import NAMES
from seqtopo.layers.sizes import Shape, is_open
from seqtopo.layers.values import FLOATS, Object, Refusal, Word
from seqtopo.source import Span

WAVES = ("Sin", "Multiply", "Subtract", "Add", "Subtract", "Multiply", "Subtract", "Cumsum", "OnesLike")
"""The operations of the sinusoids, from the last to the first."""


def chain(walk: ModelCalls, ref: Ref, *kinds: str) -> list[Call] | None:
    """Return the calls of these kinds, one behind the other, that end in a value; None for others."""
    found: list[Call] = []
    for kind in kinds:
        call = walk.raw.get(ref._replace(output=0))
        if call is None or call.kind != kind:
            return None
        found.append(call)
        inside = list(refs_in(call.args))
        if not inside:
            return None
        ref = inside[0]
    return found


def positions(walk: ModelCalls, call: Call, refs: list[Ref]) -> Made | None:
    """Return ``pos`` for a value plus vectors that depend on the number of each step."""
    if call.kind != "Add" or len(refs) != 2:
        return None
    added = refs[1]
    cast = chain(walk, added, "Cast")
    if cast is not None:
        added = next(iter(refs_in(cast[0].args)))
    table = chain(walk, added, "Embedding", "Subtract", "Cumsum", "OnesLike", "GetItem")
    if table is not None and next(iter(refs_in(table[-1].args))) == refs[0]:
        config = table[0].settings
        args: dict[str, Any] = {"length": config.get("input_dim")}
        tensor = walk.graph.tensor(walk.values[refs[0]]) if refs[0] in walk.values else None
        if tensor is not None and tensor.shape[0] == args["length"]:
            args.pop("length")
        args["embeddings_initializer"] = config.get("embeddings_initializer")
        args["trainable"] = config.get("trainable", True)
        return Made("pos", args, refs[:1], table=table[0].name)
    waves = chain(walk, added, *WAVES)
    if waves is None:
        return None
    source = chain(walk, next(iter(refs_in(waves[-1].args))), "GetItem")
    if source is None or next(iter(refs_in(source[0].args))) != refs[0]:
        return None
    try:
        values = plain(waves[5].args[1])
    except (UnsayableError, IndexError):
        return None
    if not isinstance(values, tuple) or not all(isinstance(v, float) for v in values):
        return None
    return Made("pos", {"sin": True}, refs[:1]) if _are_rates(values) else None


def _are_rates(values: tuple[float, ...]) -> bool:
    """Return whether values are the rates of Vaswani's sinusoids, cut to their leading bits."""
    width = len(values)
    wanted = [10000.0 ** (-2 * (i // 2) / width) / 6.283185307179586 for i in range(width)]
    return all(abs(v - w) <= ldexp(w, -6) for v, w in zip(values, wanted, strict=True))


MARKER = -(2.0**15)
"""The value of masked steps that the emitter writes before a Masking layer."""
# Not a fact about layers: functions of keras.ops that the emitter takes masked steps out for.
REDUCTIONS = ("mean", "sum", "max", "min")
"""The functions from which the emitter leaves out masked steps."""
MERGES = ("Add",)
HINTS: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], dict[str, Any] | None]] = {
    ("Rescaling", "scale"): lambda c: {"factor": c.get("scale")} if not c.get("offset") else None,
    ("Rescaling", "shift"): lambda c: {"amount": c.get("offset")} if c.get("scale") == 1 else None,
    ("GlobalAveragePooling1D", "mean"): lambda c: {"axis": 1, "keepdims": c.get("keepdims", False)},
    ("ZeroPadding1D", "pad"): lambda c: _pair(c.get("padding")),
    ("Cropping1D", "crop"): lambda c: _pair(c.get("cropping")),
    ("Permute", "swap"): lambda c: _swapped(c.get("dims")),
}
"""The stock layers that operations are built of; their names alone distinguish them from the layer's row."""


def match(walk: ModelCalls, call: Call) -> bool:
    """Add the node of an operation that ends with this call, and return whether there is one."""
    if call.kind == "Masking" and call.settings.get("mask_value") == MARKER:
        return _remasked(walk, call)
    if call.kind == "Where" and _zeroed(walk, call):
        return True
    if call.kind == "Reshape" and call.is_keras and not call.is_operation:
        return _pinned(walk, call)
    if call.kind == "GetItem" and call.is_operation and not _may_be_mask_part(walk, call):
        return _slices(walk, call)
    if call.kind == "Add" and call.is_operation and _counted(walk, call):
        return True
    if call.is_operation and _may_be_mask_part(walk, call):
        walk.deferred.add(call.ref)
        return False
    made = _operation(walk, call) if call.is_operation else _hinted(call)
    return made is not None and _place(walk, call, made)


def resolve(walk: ModelCalls, ref: Ref) -> None:
    """Add the node of an operation that was deferred as a part of a mask, since its value is used."""
    ref = ref._replace(output=0)
    if ref in walk.deferred:
        walk.deferred.remove(ref)
        walk.resolved.add(ref)
        match(walk, walk.raw[ref])


def _may_be_mask_part(walk: ModelCalls, call: Call) -> bool:
    """Return whether an operation may be a part of a mask, which a spec leaves out."""
    if call.ref in walk.resolved:
        return False
    refs = list(refs_in(call.args))
    ref = refs[0] if call.kind == "Where" and len(refs) == 2 else call.ref
    return any(number != GIVEN for _, number in walk.masks.origins(ref) or ())


def _place(walk: ModelCalls, call: Call, made: Made) -> bool:
    for ref in made.refs:
        resolve(walk, ref)
    if not all(ref in walk.values for ref in made.refs):
        return False
    row = NAMES[made.name]
    read: dict[str, Any] = dict(made.ready)
    try:
        for key, value in made.args.items():
            param = row.by_name[key]
            found = param.kind.read(plain(value, param.kind.family))
            if not same_value(found, default_of(param)):
                read[key] = found
    except (Refusal, UnsayableError):
        return False
    nobodys = automatic.base(call.name) == snake_case(call.kind)
    layer = Layer(row, read, made.table or ("" if nobodys else stem_of(call.name)))
    if made.table:
        layer = walk.progress.shared.setdefault(("table", *walk.path, made.table), layer)
    incoming = walk.graph.tensor(walk.values[made.refs[0]])
    if (
        made.name not in ("expand", "stack")
        and incoming is not None
        and read.get("axis") == len(incoming.shape) > 1
    ):
        # The emitter counts it from the front; the last is the features.
        read["axis"] = -1
    inputs = walk.whole(tuple(walk.values[ref] for ref in made.refs))
    if _needs_fractions(walk, layer, inputs):
        inputs = tuple(map(partial(_as_fractions, walk, call), inputs))
    node = walk.graph.add(Span(0, 0), layer)
    node.inputs = inputs
    if walk.place(call, node):
        return False
    if made.remark:
        walk.losses.otherwise(call.name, made.remark)
    _note_dropped_mask(walk, call, made, node)
    return True


def _needs_fractions(walk: ModelCalls, layer: Layer, inputs: Bundle) -> bool:
    """Return whether a number such as 2.0, which a spec writes as 2, makes floats of integers."""
    tensors = walk.graph.tensors(inputs)
    if tensors is None or any(t.dtype in FLOATS for t in tensors):
        return False
    whole = {name: _without_point(value) for name, value in layer.args.items()}
    if all(type(value) is type(layer.args[name]) for name, value in whole.items()):
        return False
    try:
        one, other = layer.outcome(tensors), layer.row.outcome(whole, tensors)
    except Refusal:
        return False
    return [t.dtype for t in one.outputs] != [t.dtype for t in other.outputs]


def _without_point(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_fractions(walk: ModelCalls, call: Call, value: Value) -> Value:
    """Return a value cast to float32, as Keras casts integers where they meet a float."""
    node = walk.graph.add(Span(0, 0), Layer(NAMES["cast"], {"dtype": "float32"}))
    node.inputs = (value,)
    infer(walk.graph, node)
    walk.losses.otherwise(call.name, "makes fractions of whole numbers, written as cast(float32)")
    return Value(node.index)


def _note_dropped_mask(walk: ModelCalls, call: Call, made: Made, node: Node) -> None:
    """Add a note that Keras' operation drops a mask which the row uses; seqtopo's makes it again."""
    value = Value(node.index)
    incoming = node.inputs[0]
    given = next(iter(refs_in(call.args)), None)
    reduces = uses_mask(walk.graph, node) and walk.masks.of.get(incoming) and given in made.refs
    tensor = walk.graph.tensor(value)
    passes = (
        walk.masks.of.get(value) and tensor is not None and len(tensor.shape) == 2 and tensor.dtype in FLOATS
    )
    if call.is_operation and (passes or reduces):
        row = made.name if made.name != "act" else "an activation"
        remark = f"{call.name} drops the mask of what comes in, as operations do; {row} in a spec uses it"
        walk.progress.unmasked[id(walk.graph), node.index] = remark


def stem_of(name: str) -> str:
    """Return an operation's name; "" for one with a hyphen, which only the emitter gives."""
    return "" if "-" in name else name


# ---- masks ------------------------------------------------------------------------------------------


def _marked(walk: ModelCalls, ref: Ref, other: Callable[[Any], bool]) -> tuple[Ref, Ref] | None:
    """Return the mask and the value of ``where(expand_dims(mask), value, other)``."""
    call = walk.raw.get(ref)
    if call is None or call.kind != "Where" or len(call.args) != 3 or not other(call.args[2]):
        return None
    refs = list(refs_in(call.args))
    return (refs[0], refs[1]) if len(refs) == 2 else None


def _remasked(walk: ModelCalls, call: Call) -> bool:
    """Match a value whose mask was made again, which stands for the value itself."""
    refs = list(refs_in(call.args))
    found = _marked(walk, refs[0], lambda v: v == MARKER) if len(refs) == 1 else None
    if found is None or found[1] not in walk.values:
        return False
    value = walk.values[found[1]]
    if not walk.masks.is_of(found[0], value):
        return False
    walk.values[call.ref] = value
    walk.progress.unmasked.pop((id(walk.graph), value.node), None)
    layer = walk.graph.nodes[value.node].layer
    if layer is not None and not layer.name:
        layer.name = stem_of(call.name.removesuffix("-mask"))
    return True


def _zeroed(walk: ModelCalls, call: Call) -> bool:
    """Match zeros at the masked places of a softmax, which the emitter adds for values without three axes."""
    found = _marked(walk, call.ref, lambda v: v == 0)
    value = walk.values.get(found[1]) if found else None
    layer = walk.graph.nodes[value.node].layer if value is not None else None
    if value is None or found is None or layer is None or layer.row.name != "softmax":
        return False
    walk.values[call.ref] = value
    return True


def _unmasked(walk: ModelCalls, ref: Ref) -> Ref:
    """Return the input of a reduction before its masked steps are set to a number."""
    found = _marked(walk, ref, lambda v: isinstance(v, (int, float)))
    value = walk.values.get(found[1]) if found else None
    if found is not None and value is not None and walk.masks.is_of(found[0], value):
        return found[1]
    return ref


# ---- one operation after the other --------------------------------------------------------------------


def _hinted(call: Call) -> Made | None:
    refs = list(refs_in(call.args))
    stem = automatic.base(call.name.split("-")[0])
    for (kind, word), arguments in HINTS.items():
        if call.kind == kind and len(refs) == 1 and (stem == word or stem.endswith(f"_{word}")):
            args = arguments(call.settings)
            return None if args is None else Made(word, args, refs)
    return None


def _pair(value: Any) -> dict[str, Any] | None:
    if isinstance(value, list) and len(value) == 2:
        return {"before": value[0], "after": value[1]}
    return {"before": value, "after": value} if type(value) is int else None


def _swapped(dims: Any) -> dict[str, Any] | None:
    if not isinstance(dims, list):
        return None
    moved = [i for i, d in enumerate(dims, 1) if d != i]
    if not moved:
        return {"first": 1, "second": 1}
    if len(moved) != 2 or [dims[moved[0] - 1], dims[moved[1] - 1]] != [moved[1], moved[0]]:
        return None
    return {"first": moved[0], "second": moved[1]}


def _operation(walk: ModelCalls, call: Call) -> Made | None:
    kind = call.kind
    refs = list(refs_in(call.args))
    if not refs:
        return None
    if kind in MERGES and (found := _repeated(walk, call, refs) or positions(walk, call, refs)):
        return found
    function = BY_CLASS.get(kind.lower())
    found = None if function is None else _of_function(walk, call, function)
    return found or _function(call, refs[:1])


def _of_function(walk: ModelCalls, call: Call, function: str) -> Made | None:
    """Return a function of ``keras.ops`` by its row."""
    given = given_to(function, call.settings, call.args, call.kwargs)
    if given is None:
        return None
    try:
        given = {name: value if any(refs_in(value)) else plain(value) for name, value in given.items()}
    except UnsayableError:
        return None
    found = row_call(function, FunctionCall(given, _is_value, lambda value: _shape_of(walk, value)))
    if found is None:
        return None
    refs = [next(refs_in(value)) for value in found.values]
    args = dict(found.args)
    if isinstance(axis := args.get("axis"), tuple) and len(axis) == 1:
        args["axis"] = axis[0]
    if function in REDUCTIONS and refs:
        before = _steps_first(walk, refs[0]) if function == "mean" else refs[0]
        refs[0] = _unmasked(walk, before)
    if function == "cumsum":
        refs[0] = _unmasked(walk, refs[0])
    return Made(found.row, args, refs, found.remark)


def _is_value(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == TENSOR


def _shape_of(walk: ModelCalls, value: Any) -> Shape | None:
    ref = next(refs_in(value), None)
    if ref is not None:
        resolve(walk, ref)
    tensor = walk.graph.tensor(walk.values[ref]) if ref in walk.values else None
    return None if tensor is None else tensor.shape


def _function(call: Call, refs: Sequence[Ref]) -> Made | None:
    """Return an activation: as an operation if it has arguments, else as the layer."""
    word = snake_case(call.kind)
    entry = entry_of("activation", word)
    if entry is None:
        return None
    kwargs = {
        part.name: call.settings[part.name]
        for part in entry.parts
        if part.name in call.settings and call.settings[part.name] != part.default
    }
    value = Object(word, (), kwargs) if kwargs else Word(word)
    remark = "" if kwargs or word == "glu" else f"is an operation, written as the layer {word}"
    try:
        return Made(
            "act", {}, refs, remark, {"activation": NAMES["act"].by_name["activation"].kind.read(value)}
        )
    except Refusal:
        return None


def _steps_first(walk: ModelCalls, ref: Ref) -> Ref:
    """Return the input of a mean over the steps that the emitter put before one over several axes."""
    call = walk.raw.get(ref)
    if call is not None and call.kind == "GlobalAveragePooling1D" and call.name.endswith("-steps"):
        return next(iter(refs_in(call.args)))
    return ref


def _slices(walk: ModelCalls, call: Call) -> bool:
    """Add the nodes of ``x[:, -3:, 0]``: one for each axis that is cut, indexed or added.

    Return False if the key cuts the batch, which no spec does.
    """
    refs = list(refs_in(call.args))
    for ref in refs:
        resolve(walk, ref)
    tensor = walk.graph.tensor(walk.values[refs[0]]) if refs and refs[0] in walk.values else None
    key = call.args[1] if len(call.args) == 2 else None
    if len(refs) != 1 or tensor is None or not isinstance(key, list):
        return False
    made = of_key(call, key, tensor)
    if made is None:
        return False
    if not made:
        made = [Made("identity", {}, (), "is an operation that takes all there is, written as identity")]
    elif len(made) > 1:
        made[-1] = replace(made[-1], remark="works along several axes, written one after the other")
    ref = refs[0]
    for i, one in enumerate(made):
        last = i == len(made) - 1
        then = call if last else replace(call, ref=call.ref._replace(layer=f"{call.name}-{i}"))
        if not _place(walk, then, replace(one, refs=[ref])):
            return False
        _note_short_cut(walk, call, walk.graph.nodes[walk.values[then.ref].node])
        ref = then.ref
    return True


def _note_short_cut(walk: ModelCalls, call: Call, node: Node) -> None:
    """Add a note on a cut of fewer steps than requested, if the built model needs them all."""
    incoming = walk.graph.tensor(node.inputs[0])
    if (
        node.layer is None
        or incoming is None
        or node.layer.row.name not in ("last", "first")
        or is_ours(call)
    ):
        return
    axis, least = node.layer.get("axis"), node.layer.get("n")
    if least != 1 and not isinstance(incoming.shape[axis - 1 if axis > 0 else axis], int):
        remark = f"takes what there is of fewer than {least} steps; {node.layer.title} needs {least}"
        walk.losses.otherwise(call.name, remark)


def _pinned(walk: ModelCalls, call: Call) -> bool:
    """Match a slice of an open axis whose length a Reshape then sets."""
    refs = list(refs_in(call.args))
    before = walk.raw.get(refs[0]) if len(refs) == 1 else None
    value = walk.values.get(refs[0]) if refs else None
    if before is None or value is None or before.kind != "GetItem":
        return False
    return _is_length(call, before) and _of_length(walk, call, call, value)


def _counted(walk: ModelCalls, call: Call) -> bool:
    """Match a slice with a second open axis: zeros are added, whose size was checked before."""
    refs = list(refs_in(call.args))
    if len(refs) != 2 or (before := walk.raw.get(refs[0])) is None:
        return False
    made = chain(walk, refs[1], "ZerosLike", "Reshape", "GetItem")
    if made is None or next(iter(refs_in(made[-1].args))) != refs[0]:
        return False
    cut = refs[0]
    if before.kind == "Max":
        # One number along the axis, whose size Keras tells of a maximum.
        cut = next(iter(refs_in(before.args)))
        before = walk.raw.get(cut)
    value = walk.values.get(cut)
    if before is None or before.kind != "GetItem" or value is None:
        return False
    return _is_length(made[1], before) and _of_length(walk, call, made[1], value)


def _is_length(reshape: Call, cut: Call) -> bool:
    stem = reshape.name.removesuffix("-length")
    return cut.name.startswith(f"{stem.split('-')[0]}-get_item")


def _of_length(walk: ModelCalls, call: Call, reshape: Call, value: Value) -> bool:
    walk.values[call.ref] = value
    layer = walk.graph.nodes[value.node].layer
    if layer is not None:
        layer.name = stem_of(reshape.name.removesuffix("-length"))
    return True


def _repeated(walk: ModelCalls, call: Call, refs: list[Ref]) -> Made | None:
    """Return ``repeat(T)`` for a vector plus zeros of another value's length."""
    if call.kind != "Add" or len(refs) != 2:
        return None
    one = chain(walk, refs[0], "ExpandDims")
    two = chain(walk, refs[1], "ExpandDims", "ZerosLike", "GetItem")
    if one is None or two is None or one[0].settings.get("axis") != 1:
        return None
    reference = next(iter(refs_in(two[2].args)))
    key = two[2].args[1]
    parts = key if isinstance(key, list) else []
    axis = next((i for i, p in enumerate(parts) if i and isinstance(p, dict)), 0)
    value = walk.values.get(reference)
    if value is None or not axis or walk.graph.nodes[value.node].layer is not None:
        return None
    tensor = walk.graph.tensor(value)
    assert tensor is not None
    size = tensor.shape[axis - 1]
    if is_open(size):
        size = walk.progress.name_size(walk.graph, value, axis - 1)
    return Made("repeat", {}, [next(iter(refs_in(one[0].args)))], ready={"n": size})
