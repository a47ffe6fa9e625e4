"""Find arguments and names of Keras objects in code that Keras does not have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from seqtopo.code.model import Argument, CodeLayer, CodeModel, Training, Where
from seqtopo.code.parsing import expression_at
from seqtopo.code.spec_arguments import parameter
from seqtopo.diag.model import Diagnostic, Edit, Fix
from seqtopo.diag.nearest import nearest
from seqtopo.layers.legacy_objects import OBJECTS
from seqtopo.layers.objects import entry_of, names
from seqtopo.layers.row import Row
from seqtopo.source import Span

_OTHER_ARGUMENTS = frozenset(
    {
        *(
            "name",
            "dtype",
            "trainable",
            "autocast",
            "activity_regularizer",
            "weights",
            "dynamic",
            "batch_size",
        ),
        *("input_shape", "batch_input_shape", "batch_shape", "input_dim", "input_length", "input_dtype"),
        *(
            "implementation",
            "consume_less",
            "time_major",
            "zero_output_for_mask",
            "ragged",
            "sparse",
            "sparse_grad",
        ),
        *("fused", "virtual_batch_size", "adjustment", "rms_scaling", "causal", "quantization_config"),
    }
)
"""Arguments that some Keras takes, or took, beside those of a layer's row."""
_MOST_LISTED = 8
# Not a fact about layers: the arguments of the methods of a model.
_FIT = (
    *("x", "y", "batch_size", "epochs", "verbose", "callbacks", "validation_split", "validation_data"),
    *("shuffle", "class_weight", "sample_weight", "initial_epoch", "steps_per_epoch", "validation_steps"),
    *("validation_batch_size", "validation_freq"),
)
_OF_METHODS: Mapping[str, tuple[str, ...]] = {
    "compile": (
        *("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly"),
        *("steps_per_execution", "jit_compile", "auto_scale_loss"),
    ),
    "fit": _FIT,
    "evaluate": ("x", "y", "batch_size", "verbose", "sample_weight", "steps", "callbacks", "return_dict"),
    "predict": ("x", "batch_size", "verbose", "steps", "callbacks"),
}
_OF_OLD_METHODS = frozenset(
    {
        *("nb_epoch", "nb_worker", "max_queue_size", "max_q_size", "workers", "use_multiprocessing"),
        *("pickle_safe", "sample_weight_mode", "target_tensors", "distribute", "show_accuracy", "class_mode"),
        *(
            "generator",
            "data",
            "samples_per_epoch",
            "nb_val_samples",
            "val_samples",
            "experimental_run_tf_function",
        ),
        *("theano_mode", "pss_evaluation_shards", "from_serialized"),
    }
)
_FAMILIES: Mapping[str, str] = {
    "optimizer": "optimizer",
    "loss": "loss",
    "metrics": "metric",
    "weighted_metrics": "metric",
}
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
        if one.method in _OF_METHODS:
            known = _OF_METHODS[one.method]
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
    for key, family in _FAMILIES.items():
        argument = call.args.get(key)
        if argument is None or has_own_objects(call.where.source.text):
            continue
        for word in _words(argument.value):
            if not _is_known(family, word):
                yield _no_object(key, family, word, argument.where or call.where)


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
