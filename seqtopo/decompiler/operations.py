"""Recognise in a model's configuration the operations that seqtopo's emitter writes.

``last(3)`` is built as a slice and a reshape, ``repeat(T)`` as a sum with zeros, and where a value has a mask
a marker and a ``Masking`` layer stand behind. Each is told by its operations, not by its name, so that a
model written by hand comes back in the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import ldexp
from typing import Any

from seqtopo.decompiler import automatic
from seqtopo.decompiler.calls import Call, Ref, refs_in
from seqtopo.decompiler.layers import default_of, same_value
from seqtopo.decompiler.progress import ModelCalls
from seqtopo.decompiler.slices import Made, is_ours, of_key
from seqtopo.decompiler.values import UnsayableError, plain
from seqtopo.graph.graph import Node, Value
from seqtopo.graph.masks import heeds
from seqtopo.layers.excluded import snake_case
from seqtopo.layers.layer import Layer
from seqtopo.layers.objects import entry_of
from seqtopo.layers.sizes import is_open
from seqtopo.layers.table import NAMES
from seqtopo.layers.values import FLOATS, Object, Refusal, Word
from seqtopo.source import Span

MARKER = -(2.0**15)
"""What the emitter sets masked steps to, before a Masking layer."""
BY_ELEMENT = {"Absolute": "abs", "Abs": "abs", "Exp": "exp", "Log": "log", "Sqrt": "sqrt", "Square": "square"}
REDUCTIONS = {"Mean": "mean", "Sum": "sum", "Max": "max", "Min": "min"}
MERGES = {"Add": "add", "Subtract": "sub", "Multiply": "mul", "Maximum": "max", "Minimum": "min"}
WAVES = ("Sin", "Multiply", "Subtract", "Add", "Subtract", "Multiply", "Subtract", "Cumsum", "OnesLike")
"""The operations of the sinusoids, from the last to the first."""
HINTS: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], dict[str, Any] | None]] = {
    ("Rescaling", "scale"): lambda c: {"factor": c.get("scale")} if not c.get("offset") else None,
    ("Rescaling", "shift"): lambda c: {"amount": c.get("offset")} if c.get("scale") == 1 else None,
    ("GlobalAveragePooling1D", "mean"): lambda c: {"axis": 1, "keepdims": c.get("keepdims", False)},
    ("ZeroPadding1D", "pad"): lambda c: _pair(c.get("padding")),
    ("Cropping1D", "crop"): lambda c: _pair(c.get("cropping")),
    ("Permute", "swap"): lambda c: _swapped(c.get("dims")),
}
"""Stock layers that an operation is built of: told apart from the layer's own row by their names alone."""


def match(walk: ModelCalls, call: Call) -> bool:
    """Make the node of an operation that ends with this call; returns False where none does."""
    if call.kind == "Masking" and call.settings.get("mask_value") == MARKER:
        return _remasked(walk, call)
    if call.kind == "Where":
        return _zeroed(walk, call)
    if call.kind == "Reshape" and call.is_keras and not call.is_operation:
        return _pinned(walk, call)
    if call.kind == "GetItem" and call.is_operation:
        return _slices(walk, call)
    if call.kind == "Add" and call.is_operation and _counted(walk, call):
        return True
    made = _operation(walk, call) if call.is_operation else _hinted(call)
    return made is not None and _place(walk, call, made)


def _place(walk: ModelCalls, call: Call, made: Made) -> bool:
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
    came = walk.graph.tensor(walk.values[made.refs[0]])
    if made.name != "expand" and came is not None and read.get("axis") == len(came.shape) > 1:
        # The emitter counts it from the front; the last is the features.
        read["axis"] = -1
    node = walk.graph.add(Span(0, 0), layer)
    node.inputs = tuple(walk.values[ref] for ref in made.refs)
    if walk.place(call, node):
        return False
    if made.remark:
        walk.losses.otherwise(call.name, made.remark)
    _tell_mask(walk, call, made, node)
    return True


def _tell_mask(walk: ModelCalls, call: Call, made: Made, node: Node) -> None:
    """Note that Keras' operation drops a mask which the row heeds; seqtopo's makes it anew."""
    value = Value(node.index)
    came = node.inputs[0]
    given = next(iter(refs_in(call.args)), None)
    reduces = heeds(walk.graph, node) and walk.masks.of.get(came) and given in made.refs
    tensor = walk.graph.tensor(value)
    passes = (
        walk.masks.of.get(value) and tensor is not None and len(tensor.shape) == 2 and tensor.dtype in FLOATS
    )
    if call.is_operation and (passes or reduces):
        row = made.name if made.name != "act" else "an activation"
        remark = f"{call.name} drops the mask of what comes in, as operations do; {row} in a spec uses it"
        walk.progress.unmasked[id(walk.graph), node.index] = remark


def stem_of(name: str) -> str:
    """Return an operation's name; "" for one with a hyphen, which only the emitter gives, to parts and
    copies.
    """
    return "" if "-" in name else name


# ---- masks ------------------------------------------------------------------------------------------


def _marked(walk: ModelCalls, ref: Ref, other: Callable[[Any], bool]) -> tuple[Ref, Ref] | None:
    """The mask and the value of ``where(expand_dims(mask), value, other)``."""
    call = walk.raw.get(ref)
    if call is None or call.kind != "Where" or len(call.args) != 3 or not other(call.args[2]):
        return None
    refs = list(refs_in(call.args))
    return (refs[0], refs[1]) if len(refs) == 2 else None


def _remasked(walk: ModelCalls, call: Call) -> bool:
    """A value whose mask was made anew: the value itself, which has that mask."""
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
    """What our softmax makes of masked places of a value that has not three axes."""
    found = _marked(walk, call.ref, lambda v: v == 0)
    value = walk.values.get(found[1]) if found else None
    layer = walk.graph.nodes[value.node].layer if value is not None else None
    if value is None or found is None or layer is None or layer.row.name != "softmax":
        return False
    walk.values[call.ref] = value
    return True


def _unmasked(walk: ModelCalls, ref: Ref) -> Ref:
    """What comes into a reduction before its masked steps are taken out."""
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
    kind, config = call.kind, call.settings
    refs = list(refs_in(call.args))
    if not refs:
        return None
    one = refs[:1]
    if kind == "Flip" and type(config.get("axis")) is int:
        return Made("flip", {"axis": config["axis"]}, one)
    if kind == "Pad":
        return _pad(call, one)
    if kind in REDUCTIONS:
        axis = config.get("axis")
        if axis is None:
            return None
        axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
        args = {"axis": axis, "keepdims": config.get("keepdims", False)}
        before = _steps_first(walk, one[0]) if kind == "Mean" else one[0]
        return Made(REDUCTIONS[kind], args, [_unmasked(walk, before)])
    if kind == "Cumsum":
        return Made("cumsum", {"axis": config.get("axis")}, [_unmasked(walk, one[0])])
    if kind in BY_ELEMENT:
        return Made(BY_ELEMENT[kind], {}, one)
    if kind == "Squeeze":
        return Made("squeeze", {"axis": config.get("axis")}, one)
    if kind == "ExpandDims":
        return Made("expand", {"axis": config.get("axis")}, one)
    if kind == "Cast":
        return Made("cast", {"dtype": config.get("dtype")}, one)
    if kind == "OneHot" and config.get("axis") == -1:
        return Made("one_hot", {"n": config.get("num_classes")}, one)
    if kind in MERGES:
        return _joined(walk, call, refs)
    if kind == "Divide" and len(refs) == 1 and len(call.args) == 2:
        divisor = call.args[1]
        if isinstance(divisor, (int, float)) and divisor:
            return Made("scale", {"factor": 1 / divisor}, refs, "divides by a number: written as a product")
    if kind == "Concatenate" and type(config.get("axis")) is int:
        return Made("concat", {"axis": config["axis"]}, refs, "is an operation, written as the layer concat")
    if kind == "Transpose" and isinstance(config.get("axes"), list) and config["axes"][:1] == [0]:
        return Made(
            "permute", {"dims": config["axes"][1:]}, one, "is an operation, written as the layer permute"
        )
    return _function(call, one)


def _function(call: Call, refs: Sequence[Ref]) -> Made | None:
    """An activation: as the operation that it is where it has arguments, else as the layer."""
    word = snake_case(call.kind)
    entry = entry_of("activation", word)
    if entry is None or not str(call.config.get("module")).endswith(".nn"):
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
    """What comes into the mean over the steps that stands before one over several axes."""
    call = walk.raw.get(ref)
    if call is not None and call.kind == "GlobalAveragePooling1D" and call.name.endswith("-steps"):
        return next(iter(refs_in(call.args)))
    return ref


def _slices(walk: ModelCalls, call: Call) -> bool:
    """Make the nodes of ``x[:, -3:, 0]``: one for each axis that is cut, picked or added, in a row.

    False where the key cuts the batch, which no spec does.
    """
    refs = list(refs_in(call.args))
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
        _tell_short(walk, call, walk.graph.nodes[walk.values[then.ref].node])
        ref = then.ref
    return True


def _tell_short(walk: ModelCalls, call: Call, node: Node) -> None:
    """Note a cut of fewer steps than asked for, where the built model needs them all."""
    came = walk.graph.tensor(node.inputs[0])
    if node.layer is None or came is None or node.layer.row.name not in ("last", "first") or is_ours(call):
        return
    axis, least = node.layer.get("axis"), node.layer.get("n")
    if least != 1 and not isinstance(came.shape[axis - 1 if axis > 0 else axis], int):
        remark = f"takes what there is of fewer than {least} steps; {node.layer.title} needs {least}"
        walk.losses.otherwise(call.name, remark)


def _pinned(walk: ModelCalls, call: Call) -> bool:
    """A slice of an open axis, whose length is then said by a Reshape of its own."""
    refs = list(refs_in(call.args))
    before = walk.raw.get(refs[0]) if len(refs) == 1 else None
    value = walk.values.get(refs[0]) if refs else None
    if before is None or value is None or before.kind != "GetItem":
        return False
    return _is_length(call, before) and _of_length(walk, call, call, value)


def _counted(walk: ModelCalls, call: Call) -> bool:
    """Match a cut where a second axis is open: the slice plus zeros, whose size was checked on one line."""
    refs = list(refs_in(call.args))
    if len(refs) != 2 or (before := walk.raw.get(refs[0])) is None:
        return False
    chain = _chain(walk, refs[1], "ZerosLike", "Reshape", "GetItem")
    if chain is None or next(iter(refs_in(chain[-1].args))) != refs[0]:
        return False
    cut = refs[0]
    if before.kind == "Max":
        # One number along the axis, whose size Keras tells of a maximum.
        cut = next(iter(refs_in(before.args)))
        before = walk.raw.get(cut)
    value = walk.values.get(cut)
    if before is None or before.kind != "GetItem" or value is None:
        return False
    return _is_length(chain[1], before) and _of_length(walk, call, chain[1], value)


def _is_length(reshape: Call, cut: Call) -> bool:
    stem = reshape.name.removesuffix("-length")
    return cut.name.startswith(f"{stem.split('-')[0]}-get_item")


def _of_length(walk: ModelCalls, call: Call, reshape: Call, value: Value) -> bool:
    walk.values[call.ref] = value
    layer = walk.graph.nodes[value.node].layer
    if layer is not None:
        layer.name = stem_of(reshape.name.removesuffix("-length"))
    return True


def _pad(call: Call, refs: Sequence[Ref]) -> Made | None:
    widths, mode = call.settings.get("pad_width"), call.settings.get("mode")
    number = call.kwargs.get("constant_values", 0)
    if not isinstance(widths, list) or mode != "constant":
        return None
    padded = [i for i, w in enumerate(widths) if w != [0, 0]]
    if len(padded) > 1 or padded == [0] or not isinstance(widths[padded[0] if padded else 0], list):
        return None
    axis = padded[0] if padded else 1
    before, after = widths[axis]
    return Made("pad", {"before": before, "after": after, "axis": axis, "value": number or 0}, refs)


def _joined(walk: ModelCalls, call: Call, refs: list[Ref]) -> Made | None:
    """A sum, product and so on of two values; or of a value and a number."""
    repeated = _repeated(walk, call, refs) or _positions(walk, call, refs)
    if repeated is not None:
        return repeated
    name = MERGES[call.kind]
    if len(refs) == 2:
        return Made(name, {}, refs, f"is an operation, written as the layer {name}")
    number = next((a for a in call.args if not list(refs_in(a))), None)
    try:
        amount = plain(number)
    except UnsayableError:
        return None
    first = bool(list(refs_in(call.args[0])))
    remark = "" if isinstance(amount, (int, tuple)) else "is an operation, written as Rescaling"
    if name == "mul":
        return Made("scale", {"factor": amount}, refs, remark)
    if name == "add":
        return Made("shift", {"amount": amount}, refs, remark)
    if name == "sub" and first and isinstance(amount, (int, float)):
        return Made("shift", {"amount": -amount}, refs, "subtracts a number: written as a sum")
    return None


def _chain(walk: ModelCalls, ref: Ref, *kinds: str) -> list[Call] | None:
    """The calls of these kinds, one behind another, that end in a value."""
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


def _repeated(walk: ModelCalls, call: Call, refs: list[Ref]) -> Made | None:
    """``repeat(T)``: a vector plus zeros of another value's length."""
    if call.kind != "Add" or len(refs) != 2:
        return None
    one = _chain(walk, refs[0], "ExpandDims")
    two = _chain(walk, refs[1], "ExpandDims", "ZerosLike", "GetItem")
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


def _positions(walk: ModelCalls, call: Call, refs: list[Ref]) -> Made | None:
    """``pos``: a value plus vectors that depend on the number of each step."""
    if call.kind != "Add" or len(refs) != 2:
        return None
    added = refs[1]
    cast = _chain(walk, added, "Cast")
    if cast is not None:
        added = next(iter(refs_in(cast[0].args)))
    table = _chain(walk, added, "Embedding", "Subtract", "Cumsum", "OnesLike", "GetItem")
    if table is not None and next(iter(refs_in(table[-1].args))) == refs[0]:
        config = table[0].settings
        args: dict[str, Any] = {"length": config.get("input_dim")}
        tensor = walk.graph.tensor(walk.values[refs[0]]) if refs[0] in walk.values else None
        if tensor is not None and tensor.shape[0] == args["length"]:
            args.pop("length")
        args["embeddings_initializer"] = config.get("embeddings_initializer")
        args["trainable"] = config.get("trainable", True)
        return Made("pos", args, refs[:1], table=table[0].name)
    waves = _chain(walk, added, *WAVES)
    if waves is None:
        return None
    source = _chain(walk, next(iter(refs_in(waves[-1].args))), "GetItem")
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
    """Whether these are the rates of Vaswani's sinusoids, cut to their leading bits."""
    width = len(values)
    wanted = [10000.0 ** (-2 * (i // 2) / width) / 6.283185307179586 for i in range(width)]
    return all(abs(v - w) <= ldexp(w, -6) for v, w in zip(values, wanted, strict=True))
