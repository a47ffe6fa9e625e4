"""Find mistakes in the calls of a model that no spec can contain.

Arguments and names that Keras does not have, calls that lack a value, layers without the effect they are for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from math import inf

from seqtopo.code.arrays import as_array
from seqtopo.code.layer_calls import REDUCES_BATCH
from seqtopo.code.model import Argument, CodeCall, CodeLayer, CodeModel, Training, Where
from seqtopo.code.model_attributes import TRAINING
from seqtopo.code.parsing import expression_at
from seqtopo.code.spec_arguments import TRAINED, parameter
from seqtopo.diag.model import Diagnostic, Edit, Fix
from seqtopo.diag.nearest import nearest
from seqtopo.layers.legacy_objects import OBJECTS
from seqtopo.layers.objects import entry_of, names
from seqtopo.layers.row import Row
from seqtopo.layers.sizes import show_shape
from seqtopo.source import Span

_NAMED = re.compile(r"[\w.]+(\([\w.]*\))?")
"""A name, or the length of one."""


def call_findings(model: CodeModel) -> Iterator[Diagnostic]:
    """Yield the mistakes in the calls of a model, each at its place in the Python text."""
    seen: set[CodeLayer] = set()
    for call in model.calls:
        if call.lacks and call.where is not None:
            yield _lacks_value(call, call.where)
        if call.layer.row is None and call.layer.kind.startswith("ops."):
            yield from _along_batch(call)
        layer = call.layer
        if layer in seen or layer.where is None:
            continue
        seen.add(layer)
        if layer.why == REDUCES_BATCH:
            yield _reduces_batch(layer.where)
        if layer.kind == "Masking":
            yield from _masks_nothing(call, layer.where)
        if layer.kind == "Embedding":
            yield from _other_weights(layer, layer.where)
            if layer.counted:
                yield _counted_rows(layer, layer.where)


def _lacks_value(call: CodeCall, where: Where) -> Diagnostic:
    """Return ST314 for an attention layer whose call has a query and no value."""
    found = expression_at(where, ast.Call)
    given = found.node.args[0] if found is not None and len(found.node.args) == 1 else None
    new = ""
    if isinstance(given, ast.Name):
        new = f"{given.id}, {given.id}"
    elif isinstance(given, ast.List) and len(given.elts) == 2:
        new = ", ".join(map(ast.unparse, given.elts))
    fix: Fix | None = None
    if found is not None and given is not None and new:
        fix = Fix(f"give it query and value: ({new})", (Edit(found.span(given), new),), safe=True)
    return where.finding(
        "ST314",
        f"{call.layer.kind} is called without its value",
        label="has a query alone",
        notes=["Keras takes query and value as two arguments, also where both are the same"],
        by_hand="give it query and value, such as (x, x)",
        fix=fix,
    )


_NOTE_ON_BATCH = "in Keras axis 0 is the batch and axis 1 the first axis of a sample, such as the time"


def _along_batch(call: CodeCall) -> Iterator[Diagnostic]:
    """Find an operation that takes one sample of the batch, or works along the samples (ST312)."""
    args = {**call.layer.args, **call.args}
    where, key, axis = call.where, args.get("key"), args.get("axis")
    fix: Fix | None = None
    if where is None:
        return
    if key is not None and isinstance(key.value, tuple) and key.value and type(key.value[0]) is int:
        item = expression_at(where, ast.Subscript)
        if item is not None:
            start = item.span(item.node.slice).start
            fix = Fix("take a step of every sample", (Edit(Span(start, start), ":, "),))
        yield where.finding(
            "ST312",
            f"[{key.value[0]}] takes one sample of the batch: axis 0 is the batch",
            severity="warning",
            label="is left of the whole batch",
            notes=[_NOTE_ON_BATCH],
            by_hand="take a step of every sample: [:, -1]",
            fix=fix,
        )
    elif axis is not None and axis.value == 0 and type(axis.value) is int:
        name = call.layer.kind.removeprefix("ops.")
        kept = args.get("keepdims")
        if name not in (_REDUCES | _MIXES) or (name in _REDUCES and kept is not None and kept.value):
            return  # a mean of the batch that is taken off each sample is meant
        if axis.where is not None and axis.where.text == "0" and axis.where.source is where.source:
            fix = Fix("work along the first axis of a sample", (Edit(axis.where.span, "1"),))
        yield where.finding(
            "ST312",
            f"{name} takes the samples of a batch together: its axis 0 is the batch",
            severity="warning",
            label="works along the samples",
            notes=[_NOTE_ON_BATCH],
            by_hand="write axis=1 to work along the steps",
            fix=fix,
        )


# Not a fact about layers: functions of keras.ops.
_REDUCES = frozenset({"mean", "sum", "max", "min", "prod", "std", "var", "logsumexp", "amax", "amin"})
_MIXES = frozenset({"softmax", "log_softmax", "cumsum", "cumprod", "flip", "sort", "argmax", "argmin"})


def _reduces_batch(where: Where) -> Diagnostic:
    """Return ST312 for a ``Lambda`` that takes a mean or the like over the batch axis."""
    return where.finding(
        "ST312",
        "Lambda takes the samples of a batch together: its axis 0 is the batch",
        severity="warning",
        label="gives one answer for the whole batch",
        notes=[_NOTE_ON_BATCH],
        help="write axis=1 to take the steps together",
    )


_RANGES: Mapping[str, tuple[float, float]] = {
    "tanh": (-1, 1),
    "softsign": (-1, 1),
    "sigmoid": (0, 1),
    "hard_sigmoid": (0, 1),
    "softmax": (0, 1),
    "relu": (0, inf),
    "softplus": (0, inf),
    "exponential": (0, inf),
}
"""The least and the greatest number that an activation gives."""
_ACTIVATES = frozenset({"Dense", "EinsumDense", "Conv1D", "SeparableConv1D", "Activation"})


def _masks_nothing(call: CodeCall, where: Where) -> Iterator[Diagnostic]:
    """Find a mask for a value that the layer before it never gives (ST662)."""
    given = call.layer.args.get("mask_value")
    value = 0.0 if given is None else given.value
    before = call.inputs[0].of if call.inputs else None
    if not isinstance(before, CodeCall) or isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    maker = before.layer
    if maker.kind not in _ACTIVATES:
        return
    activation = maker.args.get("activation")
    word = activation.value if activation is not None else None
    low, high = _RANGES.get(word, (-inf, inf)) if isinstance(word, str) else (-inf, inf)
    if low <= value <= high:
        return
    gives = f"numbers from {low} to {high}" if high < inf else f"no numbers below {low}"
    yield where.finding(
        "ST662",
        f"Masking masks nothing: {maker.kind} before it never gives {value}",
        severity="warning",
        label=f"looks for steps of {value}",
        labels=[(maker.where, f"gives {gives}")],
        notes=["padded steps have that value at the input only, and a layer gives others for them"],
        help=f"put Masking before the {maker.kind}, on the input",
    )


def _other_weights(layer: CodeLayer, where: Where) -> Iterator[Diagnostic]:
    """Find an embedding that is given a matrix of another shape than its own (ST302)."""
    given = layer.args.get("weights")
    value = given.value if given is not None else None
    if given is None or not isinstance(value, (list, tuple)) or len(value) != 1:
        return
    array = as_array(value[0])
    shape = array.shape if array is not None else None
    sizes = [layer.args[name].value for name in ("input_dim", "output_dim") if name in layer.args]
    if shape is None or len(sizes) != 2 or not all(isinstance(n, int) for n in (*shape, *sizes)):
        return
    if tuple(shape) == tuple(sizes):
        return
    fix: Fix | None = None
    places = [layer.args[name].where for name in ("input_dim", "output_dim")]
    if len(shape) == 2 and all(at is None or at.text.isdigit() for at in places):
        parts = zip(places, sizes, shape, strict=True)
        edits = [Edit(at.span, str(new)) for at, old, new in parts if old != new and at is not None]
        if edits:
            fix = Fix(f"make it as large as the matrix: {show_shape(shape)}", tuple(edits))
    yield where.finding(
        "ST302",
        f"Embedding is given weights of {show_shape(shape)}, but its own are {show_shape(tuple(sizes))}",
        label=f"has {sizes[0]} rows of {sizes[1]} numbers",
        notes=["Keras refuses weights of another shape when the layer is built"],
        by_hand="the matrix has one row for each id, from 0 to input_dim - 1",
        fix=fix,
    )


def _counted_rows(layer: CodeLayer, where: Where) -> Diagnostic:
    """Return ST716 for an embedding with as many rows as words, whose ids begin at 1."""
    rows = layer.args["input_dim"].where
    text = rows.text if rows is not None else "that number"
    fix: Fix | None = None
    if rows is not None and rows.source is where.source and _NAMED.fullmatch(text):
        edit = Edit(Span(rows.span.end, rows.span.end), " + 1")
        fix = Fix(f"give it a row for the greatest id, too: {text} + 1", (edit,))
    return where.finding(
        "ST716",
        f"ids that begin at 1 go up to {text}, but Embedding has rows for the ids below {text}",
        severity="warning",
        label=f"has {text} rows",
        notes=["the dictionary of that length numbers its words from 1"],
        by_hand=f"the number of rows is the greatest id plus 1: {text} + 1",
        fix=fix,
    )


_OTHER_ARGUMENTS = frozenset((
    "name", "dtype", "trainable", "autocast", "activity_regularizer", "weights", "dynamic", "batch_size",
    "input_shape", "batch_input_shape", "batch_shape", "input_dim", "input_length", "input_dtype",
    "implementation", "consume_less", "time_major", "zero_output_for_mask", "ragged", "sparse", "sparse_grad",
    "fused", "virtual_batch_size", "adjustment", "rms_scaling", "causal", "quantization_config",
))  # fmt: skip
"""Arguments that some Keras takes, or took, beside those of a layer's row."""
_MOST_LISTED = 8
# Not a fact about layers: the arguments of the methods of a model.
_BY_NAME: Mapping[str, tuple[str, ...]] = {
    "compile": ("run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss"),
    "fit": (
        *("shuffle", "class_weight", "sample_weight", "initial_epoch", "steps_per_epoch", "validation_steps"),
        *("validation_batch_size", "validation_freq"),
    ),
    "evaluate": ("callbacks", "return_dict"),
    "predict": ("callbacks",),
}
"""The arguments of methods of a model behind those that code gives by position."""
_OF_OLD_METHODS = frozenset((
    "nb_epoch", "nb_worker", "max_queue_size", "max_q_size", "workers", "use_multiprocessing", "pickle_safe",
    "sample_weight_mode", "target_tensors", "distribute", "show_accuracy", "class_mode", "generator", "data",
    "samples_per_epoch", "nb_val_samples", "val_samples", "experimental_run_tf_function", "theano_mode",
    "pss_evaluation_shards", "from_serialized",
))  # fmt: skip
_LIKELY = {"optimizer": '"adam"', "loss": '"mse"', "metric": '"mae"'}
_CUSTOM = re.compile(r"custom_obj|CustomObject|register_keras_serializable|register_serializable")
"""Matches the calls of Keras that give names to custom objects."""


def has_own_objects(text: str) -> bool:
    """Return whether a Python text may register custom objects, such as activations."""
    return _CUSTOM.search(text) is not None


def name_findings(model: CodeModel) -> Iterator[Diagnostic]:
    """Yield the names in a model's code that Keras lacks: arguments of layers, losses and the like."""
    seen: set[CodeLayer] = set()
    for call in model.calls:
        yield from _of_layer(call.layer, seen)
    for one in model.training:
        if one.method == "compile":
            yield from _objects(one)
            if model.complete and model.outputs and not one.is_past:
                yield from _counts(one, model)
        if one.method in _BY_NAME:
            known = (*TRAINING[one.method], *_BY_NAME[one.method])
            for key, argument in one.args.items():
                near = nearest(key, [name for name in known if name not in one.args])
                if key not in known and key not in _OF_OLD_METHODS and near is not None:
                    yield from _unknown(one.method, key, argument, [near])


def _of_layer(layer: CodeLayer, seen: set[CodeLayer]) -> Iterator[Diagnostic]:
    if layer in seen or layer.row is None or layer.kind.startswith("ops."):
        return
    seen.add(layer)
    for key, argument in layer.args.items():
        if isinstance(argument.value, CodeLayer):
            yield from _of_layer(argument.value, seen)
        if parameter(layer.row, key) is None and key not in _OTHER_ARGUMENTS and key.isidentifier():
            known = [name for name in _arguments(layer.row) if name not in layer.args]
            yield from _unknown(layer.kind, key, argument, known)


def _arguments(row: Row) -> tuple[str, ...]:
    return tuple(p.keras_name for p in row.by_name.values() if p.keras_name and not p.call)


def _unknown(kind: str, key: str, argument: Argument, known: list[str]) -> Iterator[Diagnostic]:
    """Find an argument, written with its name, that does not exist (ST202)."""
    whole = argument.whole
    if whole is None or not re.match(rf"{key}\s*=", whole.text):
        return  # it comes from elsewhere, such as **kwargs
    place = Where(whole.source, Span(whole.span.start, whole.span.start + len(key)))
    near = nearest(key, known)
    more = ", ..." if len(known) > _MOST_LISTED else ""
    yield place.finding(
        "ST202",
        f"{kind} has no argument {key}",
        label="unknown argument",
        by_hand=f"its arguments are {', '.join(known[:_MOST_LISTED])}{more}",
        fix=Fix(f"did you mean {near}?", (Edit(place.span, near),)) if near is not None else None,
    )


def _objects(call: Training) -> Iterator[Diagnostic]:
    """Find the name of an optimizer, a loss or a metric that Keras does not have (ST217)."""
    for key, family in TRAINED:
        argument = call.args.get(key)
        if argument is None or has_own_objects(call.where.source.text):
            continue
        for word in _words(argument.value):
            if not _is_known(family, word):
                yield _no_object(key, family, word, argument.where or call.where)


def _counts(call: Training, model: CodeModel) -> Iterator[Diagnostic]:
    """Find losses, weights and metrics for another number of outputs, or for names that none has (ST701)."""
    called, count = model.output_names, len(model.outputs)
    for key in ("loss", "loss_weights", "metrics", "weighted_metrics"):
        argument = call.args.get(key)
        value, where = (None, None) if argument is None else (argument.value, argument.where or call.where)
        if where is None:
            continue
        # Of a list of metrics the model's spec tells it.
        of_each = key in ("loss", "loss_weights")
        if isinstance(value, (list, tuple)) and of_each and len(value) not in (0, count):
            has = f"{len(value)} item{'s' * (len(value) != 1)}"
            yield where.finding(
                "ST701",
                f"{key} has {has}, but the model has {count} output{'s' * (count != 1)}",
                label=f"{len(value)} here",
                help="give one for each output, in their order",
            )
        elif isinstance(value, Mapping) and all(called) and len(set(called)) == count:
            for word in value:
                if isinstance(word, str) and word not in called:
                    yield _no_output(key, word, [name for name in called if name not in value], where)


def _no_output(key: str, word: str, left: list[str], where: Where) -> Diagnostic:
    span = _text_of(word, where)
    near = nearest(word, left) or (left[0] if len(left) == 1 else None)
    fix: Fix | None = None
    if near is not None and span is not None:
        fix = Fix(f"write {near}", (Edit(Span(span.start + 1, span.end - 1), near),))
    return Where(where.source, span or where.span).finding(
        "ST701",
        f'{key} is given for "{word}", but the model has no output of that name',
        label="no such output",
        by_hand="the names of outputs are those of their layers, or the keys of outputs={...}",
        fix=fix,
    )


def _words(value: object) -> Iterator[str]:
    """Yield the texts in the value of an argument of ``compile``."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _words(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _words(one)


def _is_known(family: str, word: str) -> bool:
    families = ("metric", "loss") if family == "metric" else (family,)
    spellings = {word, word.lower()}
    return any(entry_of(of, one) or one in OBJECTS[of] for of in families for one in spellings)


def _no_object(key: str, family: str, word: str, where: Where) -> Diagnostic:
    near, span = nearest(word, names(family)), _text_of(word, where)
    fix: Fix | None = None
    if near is not None and span is not None:
        fix = Fix(f"did you mean {near}?", (Edit(Span(span.start + 1, span.end - 1), near),))
    article = "an" if family == "optimizer" else "a"
    return Where(where.source, span or where.span).finding(
        "ST217",
        f'{key} cannot be "{word}": expected {article} {family} such as {_LIKELY[family]}',
        label=f"Keras has no {family} of that name",
        by_hand=f"did you mean {near}?" if near else f"as in {key}={_LIKELY[family]}",
        fix=fix,
    )


def _text_of(word: str, where: Where) -> Span | None:
    """Return the span of a text in an argument, in plain quotes; None if it comes from elsewhere."""
    expression = expression_at(where, ast.expr)
    nodes = ast.walk(expression.node) if expression is not None else ()
    found = [n for n in nodes if isinstance(n, ast.Constant) and n.value == word]
    if expression is None or len(found) != 1:
        return None
    span = expression.span(found[0])
    return span if span.end - span.start == len(word) + 2 else None
