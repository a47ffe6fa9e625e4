"""Find old names around models: methods, training, optimizers, ``keras.backend`` (ST805 to ST809)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from seqtopo.code.keras_names import Meaning
from seqtopo.code.model import CodeFile
from seqtopo.code.old_names import OldText, of_keras, package_of, text_in
from seqtopo.code.parsing import insertion
from seqtopo.diag.model import Diagnostic, Edit, Fix
from seqtopo.layers import old_programs as old
from seqtopo.layers.legacy_objects import DECAY, DROPPED
from seqtopo.layers.objects import entry_of
from seqtopo.layers.old_spellings import OBJECT_ARGUMENTS
from seqtopo.source import Span


class Known(NamedTuple):
    """Facts about a file that are known from reading its models."""

    trained: frozenset[Span]
    """The places where methods of Keras models are called."""
    resets: frozenset[Span]
    """The places where the states of whole models are reset."""
    accuracy: bool
    """True if every model is compiled with the metric ``accuracy`` by this name."""
    changes_rate: bool
    """True if the code changes learning rates while a model trains."""


def known_of(text: OldText, code: CodeFile) -> Known:
    """Return the facts about a file's calls that follow from reading its models."""
    calls = [node for node in text.nodes if isinstance(node, ast.Call)]
    metrics = [k.value for call in calls for k in call.keywords if k.arg == "metrics"]
    named = [[text_in(p) for p in (m.elts if isinstance(m, (ast.List, ast.Tuple)) else [m])] for m in metrics]
    words = ("ReduceLROnPlateau", "LearningRateScheduler", "optimizer.lr", "set_value")
    return Known(
        trained=frozenset(one.where.span for model in code.models for one in model.training),
        resets=frozenset(where.span for where in code.resets),
        accuracy=bool(named) and all("accuracy" in names and "acc" not in names for names in named),
        changes_rate=any(word in text.text for word in words),
    )


def _renamed(
    text: OldText, code: str, call: ast.Call, names: Mapping[str, str], but: Iterable[ast.keyword] = ()
) -> Iterator[Diagnostic]:
    """Find arguments that have another name in Keras 3."""
    for keyword in call.keywords:
        new = names.get(keyword.arg or "")
        if new and keyword not in but:
            fix = Fix(f"write {new}=", (text.renamed_argument(keyword, new),), safe=True)
            yield text.at(keyword).finding(code, f"Keras 3 calls {keyword.arg} {new}", fix=fix)


def _constant(node: ast.expr) -> object:
    """Return the value of a literal; ``...`` for anything else."""
    return node.value if isinstance(node, ast.Constant) else ...


# ---- models --------------------------------------------------------------------------------------------


def model_findings(text: OldText, call: ast.Call, found: Meaning) -> Iterator[Diagnostic]:
    """Find old arguments: ``Model(input=x, output=y)`` and ``InputLayer(input_shape=...)``."""
    names = old.MODEL_ARGUMENTS if found.kind == "model" else old.INPUT_ARGUMENTS
    yield from _renamed(text, "ST805", call, names)


def method_findings(text: OldText, call: ast.Call, known: Known) -> Iterator[Diagnostic]:
    """Yield a finding for each old name in a call of a model's method (ST805, ST806)."""
    func = call.func
    if not isinstance(func, ast.Attribute):
        return
    name, ours = func.attr, text.span(call) in known.trained
    if name == "compile":
        if ours or _has_argument(call, "loss", "optimizer", "metrics"):
            yield from _compile(text, call)
        return
    if name in old.GONE_METHODS and (ours or name in ("predict_classes", "to_yaml")):
        yield _gone_method(text, call, func)
        return
    if name == "reset_states" and not call.args and isinstance(text.parents.get(call), ast.Expr):
        yield from _reset(text, call, func, known)
    method = old.METHODS.get(name)
    # Arguments that only old Keras had tell its methods.
    is_old = _has_argument(call, "nb_epoch", "samples_per_epoch", "nb_val_samples", "show_accuracy")
    if method is not None and (ours or method.distinct or is_old):
        yield from _method(text, call, func, method)
    elif name == "save_weights":
        yield from _weights_file(text, call)


def _has_argument(call: ast.Call, *names: str) -> bool:
    return any(keyword.arg in names for keyword in call.keywords)


def _compile(text: OldText, call: ast.Call) -> Iterator[Diagnostic]:
    for keyword in call.keywords:
        why = old.COMPILE_BY_HAND.get(keyword.arg or "")
        if why:
            harmless = keyword.arg == "class_mode" or _constant(keyword.value) is None
            fix = text.leave_out(call, keyword) if harmless else None
            message = f"Keras 3 has no {keyword.arg} in compile"
            yield text.at(keyword).finding("ST805", message, by_hand=why, fix=fix)
        word = text_in(keyword.value)
        new = _RENAMED_LOSSES.get(word) if keyword.arg == "loss" else None
        if new is not None:
            fix = Fix(f"write {new}", (text.reworded(keyword.value, new),), safe=True)
            yield text.at(keyword.value).finding("ST807", f"Keras 3 calls the loss {word} {new}", fix=fix)


_RENAMED_LOSSES = {
    "kullback_leibler_divergence": "kl_divergence",
    "cosine_proximity": "cosine_similarity",
    "logcosh": "log_cosh",
}


def _method(text: OldText, call: ast.Call, func: ast.Attribute, method: old.Method) -> Iterator[Diagnostic]:
    """Find a method whose name or arguments Keras 3 has otherwise."""
    name, place = func.attr, text.last_name(func)
    by_hand = [k for k in call.keywords if k.arg in method.by_hand]
    gone = [k for k in call.keywords if k.arg in method.left_out]
    if name == method.to:
        yield from _renamed(text, "ST805", call, method.renamed)
        for keyword in gone:
            if keyword.arg not in method.renamed:
                message = f"Keras 3 has no {keyword.arg} in {name}"
                yield text.at(keyword).finding("ST805", message, fix=text.leave_out(call, keyword))
    else:
        edits = [Edit(place, method.to)]
        for node, argument in list(zip(call.args, method.places, strict=False))[1:]:
            edits.append(insertion(text.span(node).start, f"{argument}="))
        for keyword in call.keywords:
            if new := method.renamed.get(keyword.arg or ""):
                edits.append(text.renamed_argument(keyword, new))
        edits += text.without_arguments(call, gone)
        sure = not by_hand and not text.spreads(call) and len(call.args) <= max(1, len(method.places))
        yield text.at(place).finding(
            "ST806",
            f"Keras 3 has {method.to} in place of {name}",
            by_hand=f"call {method.to}, and mind what its arguments count",
            fix=Fix(f"call {method.to}", tuple(edits), safe=True) if sure else None,
        )
    for keyword in by_hand:
        arg = keyword.arg or ""
        yield text.at(keyword).finding(
            "ST805", f"Keras 3 has no {arg} in {method.to}", help=method.by_hand[arg]
        )


def _gone_method(text: OldText, call: ast.Call, func: ast.Attribute) -> Diagnostic:
    name, place = func.attr, text.last_name(func)
    fix: Fix | None = None
    if name == "predict_classes":
        edits = (Edit(place, "predict"), insertion(text.span(call).end, ".argmax(axis=-1)"))
        fix = Fix("take the class of the largest output", edits)
    return text.at(place).finding("ST809", f"Keras 3 has no {name}", help=old.GONE_METHODS[name], fix=fix)


def _reset(text: OldText, call: ast.Call, func: ast.Attribute, known: Known) -> Iterator[Diagnostic]:
    """Find ``model.reset_states()``: in Keras 3 the layers have that method, and models do not."""
    model, sure = text.of(text.span(func.value)), text.span(call) in known.resets
    if not sure and "model" not in model.lower():
        return
    each = f"[layer.reset_states() for layer in {model}.layers if getattr(layer, 'stateful', False)]"
    fix = Fix("reset those of its layers", (Edit(text.span(call), each),), safe=sure)
    message = "Keras 3 has no reset_states of a model, but of its layers"
    yield text.at(text.last_name(func)).finding("ST806", message, fix=fix)


def _weights_file(text: OldText, call: ast.Call) -> Iterator[Diagnostic]:
    """Find ``save_weights("x.h5")``: Keras 3 wants names that end in ``.weights.h5``."""
    name = text_in(call.args[0]) if call.args else ""
    ending = next((ending for ending in (".h5", ".hdf5") if name.endswith(ending)), "")
    if ending and not name.endswith(".weights.h5"):
        message = "Keras 3 writes weights to files whose names end in .weights.h5"
        fix = text.file_renamed(call.args[0], ending, ".weights.h5")
        yield text.at(call.args[0]).finding("ST805", message, help="give load_weights the same name", fix=fix)


# ---- optimizers and other objects ----------------------------------------------------------------------


def object_findings(text: OldText, call: ast.Call, found: Meaning, known: Known) -> Iterator[Diagnostic]:
    """Yield a finding for each old argument of an optimizer, a regularizer or a constraint (ST807)."""
    entry = entry_of(found.family, found.name) if found.family else None
    title = entry.keras if entry is not None else found.name
    if found.family == "constraint":
        yield from _renamed(text, "ST807", call, OBJECT_ARGUMENTS.get(title, {}))
    if found.family != "optimizer":
        return
    decays = [k for k in call.keywords if k.arg in DECAY]
    if not decays or _is_zero(decays[0].value):
        yield from _renamed(text, "ST807", call, old.OPTIMIZER_ARGUMENTS)
    for keyword in call.keywords:
        is_epsilon = keyword.arg == "epsilon" and _constant(keyword.value) is None
        if keyword.arg in DROPPED or is_epsilon:
            taken = tuple(text.without_arguments(call, [keyword]))
            fix = Fix("leave it out", taken, safe=keyword.arg == "epsilon")
            what = "epsilon=None" if keyword.arg == "epsilon" else keyword.arg
            help = DROPPED.get(keyword.arg or "", "")
            yield text.at(keyword).finding("ST807", f"Keras 3 has no {what} in {title}", help=help, fix=fix)
        elif keyword in decays:
            yield _decay(text, call, keyword, title, known)
    places = old.OPTIMIZER_PLACES.get(title, ())
    if "decay" in places[: len(call.args)] and title != "Nadam":
        at = call.args[places.index("decay")]
        help = "give the arguments by their names, and a schedule as learning_rate"
        yield text.at(at).finding("ST807", f"Keras 3 has no decay in {title}", help=help)


def _is_zero(node: ast.expr) -> bool:
    value = _constant(node)
    return value is None or (value == 0 and value is not False)


def _decay(text: OldText, call: ast.Call, keyword: ast.keyword, title: str, known: Known) -> Diagnostic:
    """Return the finding for ``decay=``.

    Its fix writes a schedule that lets the rate fall in the same way.
    """
    message = f"Keras 3 has no {keyword.arg} in {title}, but schedules of the learning rate"
    if _is_zero(keyword.value):
        return text.at(keyword).finding("ST807", message, fix=text.leave_out(call, keyword))
    rate = next((k for k in call.keywords if k.arg in ("lr", "learning_rate")), None)
    given = rate.value if rate is not None else call.args[0] if call.args else None
    first = text.of(text.span(given)) if given is not None else old.OPTIMIZER_RATES.get(title, "")
    spelled = _schedule(text, call)
    if not spelled or not first or any(k.arg is None for k in call.keywords):
        help = "give it learning_rate=keras.optimizers.schedules.InverseTimeDecay(rate, 1, decay)"
        return text.at(keyword).finding("ST807", message, help=help)
    name, edits = spelled
    made = f"{name}({first}, 1, {text.of(text.span(keyword.value))})"
    if given is None:
        edits.append(Edit(text.span(keyword), f"learning_rate={made}"))
    else:
        whole, written = (rate, f"learning_rate={made}") if rate is not None else (given, made)
        edits += [Edit(text.span(whole), written), *text.without_arguments(call, [keyword])]
    fix = Fix(f"write {made}", tuple(edits), safe=not known.changes_rate)
    help = "" if fix.safe else "a callback or the code itself sets the rate, which no schedule allows"
    return text.at(keyword).finding("ST807", message, help=help, fix=fix)


def _schedule(text: OldText, call: ast.Call) -> tuple[str, list[Edit]] | None:
    """Return the name of ``InverseTimeDecay`` in the text and edits that import it; None if none is safe."""
    name = "InverseTimeDecay"
    if name in text.bindings:
        return name, []
    if isinstance(call.func, ast.Attribute):
        return text.beside(call.func, f"schedules.{name}"), []
    bound = text.bindings.get(call.func.id) if isinstance(call.func, ast.Name) else None
    if bound is None or not isinstance(bound.statement, ast.ImportFrom) or not text.is_free(name):
        return None
    line = f"from {package_of(bound.path)}.optimizers.schedules import {name}"
    edit = text.line_before(bound.statement, line)
    return None if edit is None else (name, [edit])


def utility_findings(text: OldText, call: ast.Call, path: str) -> Iterator[Diagnostic]:
    """Find renamed arguments of callbacks and utilities, and files that Keras 3 writes otherwise."""
    last = path.rsplit(".", 1)[-1]
    yield from _renamed(text, "ST805", call, old.CALLBACK_ARGUMENTS.get(last, {}))
    if last != "ModelCheckpoint":
        return
    named = {keyword.arg: keyword for keyword in call.keywords}
    period = named.get("period")
    if period is not None:
        fix = text.leave_out(call, period) if _constant(period.value) == 1 else None
        by_hand = "save_freq counts batches, or is 'epoch'"
        yield text.at(period).finding(
            "ST805", "Keras 3 has no period in ModelCheckpoint", by_hand=by_hand, fix=fix
        )
    given = call.args[0] if call.args else named["filepath"].value if "filepath" in named else None
    if given is None:
        return
    weights = "save_weights_only" in named and bool(_constant(named["save_weights_only"].value))
    wanted = ".weights.h5" if weights else ".keras"
    _, dot, ending = text_in(given).rpartition(".")
    if dot and ending in ("h5", "hdf5", "hdf", "model") and not text_in(given).endswith(wanted):
        message = f"Keras 3 gives checkpoints names that end in {wanted}"
        fix = text.file_renamed(given, f".{ending}", wanted)
        yield text.at(given).finding("ST805", message, help="give the same name where it is loaded", fix=fix)


_KEYS = {"acc": "accuracy", "val_acc": "val_accuracy"}


def key_findings(text: OldText, node: ast.Constant, known: Known) -> Iterator[Diagnostic]:
    """Find ``history.history["acc"]`` and ``monitor="val_acc"`` of a model compiled with ``accuracy``."""
    new = _KEYS.get(text_in(node))
    if new is None or not known.accuracy:
        return
    around = text.parents.get(node)
    is_key = isinstance(around, ast.Subscript) and "hist" in text.of(text.span(around.value))
    if is_key or (isinstance(around, ast.keyword) and around.arg == "monitor"):
        message = f"Keras 3 calls what it records of the metric accuracy {new}, and not {text_in(node)}"
        fix = Fix(f"write {new}", (text.reworded(node, new),), safe=True)
        yield text.at(node).finding("ST805", message, fix=fix)


# ---- keras.backend -------------------------------------------------------------------------------------


def backend_findings(text: OldText, node: ast.Attribute) -> Iterator[Diagnostic]:
    """Find a function of ``keras.backend`` that ``keras.ops`` has now (ST808)."""
    path = text.path(node)
    if not of_keras(path).startswith("keras.backend.") or package_of(path) != "keras":
        return
    name = of_keras(path).removeprefix("keras.backend.")
    if "." in name or name in old.KEPT_FUNCTIONS:
        return
    around = text.parents.get(node)
    call = around if isinstance(around, ast.Call) and around.func is node else None
    to, more = _operation(text, name, call)
    imported = _import_keras(text, node) if to else None
    fix: Fix | None = None
    if imported is not None:
        edits = (Edit(text.span(node), f"keras.{to}"), *more, *imported)
        fix = Fix(f"write keras.{to}", edits, safe=True)
    message = (
        f"Keras 3 has keras.{to} in place of {name}" if to else f"keras.backend has no {name} in Keras 3"
    )
    by_hand = f"write keras.{to}" if to else old.BACKEND_BY_HAND.get(name, "look for it in keras.ops")
    yield text.at(text.last_name(node)).finding("ST808", message, by_hand=by_hand, fix=fix)


def _operation(text: OldText, name: str, call: ast.Call | None) -> tuple[str, list[Edit]]:
    """Return Keras 3's name of a backend function and edits of its arguments; "" if none means the same."""
    if call is None:
        return "", []
    names = {k.arg for k in call.keywords}
    if name in old.SAME_FUNCTIONS and names <= old.KEPT_NAMES:
        return f"ops.{name}", []
    renamed = old.RENAMED_NAMES.get(name, {})
    if name in old.RENAMED_FUNCTIONS and names <= renamed.keys():
        if name == "set_image_dim_ordering":
            return _ordering(text, call)
        edits = [text.renamed_argument(k, renamed[k.arg or ""]) for k in call.keywords]
        return old.RENAMED_FUNCTIONS[name], edits
    if name in old.AXIS_FUNCTIONS and names <= {"axis"}:
        to, most, without, axis = old.AXIS_FUNCTIONS[name]
        count = len(call.args) + len(names)
        if count == without:
            end = text.span(call.args[-1]).end if call.args else text.span(call).end - 1
            return f"ops.{to}", [insertion(end, f", axis={axis}")]
        if count == most:
            return f"ops.{to}", []
    return "", []


def _ordering(text: OldText, call: ast.Call) -> tuple[str, list[Edit]]:
    word = text_in(call.args[0]) if len(call.args) == 1 else ""
    new = {"th": "channels_first", "tf": "channels_last"}.get(word)
    if new is None:
        return "", []
    return "config.set_image_data_format", [text.reworded(call.args[0], new)]


def _import_keras(text: OldText, node: ast.expr) -> list[Edit] | None:
    """Return the edits that import ``keras`` where ``keras.backend`` is imported.

    None if they cannot be made.
    """
    known = text.bindings.get("keras")
    if known is not None:
        return [] if known.path == "keras" else None
    while isinstance(node, ast.Attribute):
        node = node.value
    bound = text.bindings.get(node.id) if isinstance(node, ast.Name) else None
    if bound is None or bound.statement is None or not text.is_free("keras"):
        return None
    edit = text.line_before(bound.statement, "import keras")
    return None if edit is None else [edit]
