"""Find old names around models: methods, training, optimizers, ``keras.backend`` (ST805 to ST809)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from seqtopo.code.keras_names import Meaning
from seqtopo.code.model import CodeFile
from seqtopo.code.old_names import OldText, of_keras, package_of
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
    trained = {one.where.span for model in code.models for one in model.training}
    metrics = [
        k.value for n in text.nodes if isinstance(n, ast.Call) for k in n.keywords if k.arg == "metrics"
    ]
    named = [_texts(value) for value in metrics]
    accuracy = bool(named) and all("accuracy" in names and "acc" not in names for names in named)
    words = ("ReduceLROnPlateau", "LearningRateScheduler", "optimizer.lr", "set_value")
    resets = frozenset(where.span for where in code.resets)
    return Known(frozenset(trained), resets, accuracy, any(word in text.text for word in words))


def _texts(node: ast.expr) -> list[str]:
    parts = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
    return [p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)]


def _finding(
    text: OldText, code: str, span: Span, message: str, help: str = "", fixes: Iterable[Fix] = ()
) -> Diagnostic:
    return Diagnostic(code, message, span, "warning", help=help, fixes=tuple(fixes), source=text.source)


def _renamed(text: OldText, code: str, keyword: ast.keyword, new: str) -> Diagnostic:
    """Return the finding that an argument has another name, with its fix."""
    at = text.span(keyword)
    edit = Edit(Span(at.start, at.start + len(keyword.arg or "")), new)
    fix = Fix(f"write {new}=", (edit,), safe=True)
    return _finding(text, code, at, f"Keras 3 calls {keyword.arg} {new}", fixes=[fix])


def _without(text: OldText, call: ast.Call, gone: Iterable[ast.keyword]) -> list[Edit]:
    return text.without_arguments(call, gone)


# ---- models --------------------------------------------------------------------------------------------


def model_findings(text: OldText, call: ast.Call, found: Meaning) -> Iterator[Diagnostic]:
    """Find old arguments: ``Model(input=x, output=y)`` and ``InputLayer(input_shape=...)``."""
    names = old.MODEL_ARGUMENTS if found.kind == "model" else old.INPUT_ARGUMENTS
    for keyword in call.keywords:
        if new := names.get(keyword.arg or ""):
            yield _renamed(text, "ST805", keyword, new)


def method_findings(text: OldText, call: ast.Call, known: Known) -> Iterator[Diagnostic]:
    """Yield a finding for each old name in a call of a model's method (ST805, ST806)."""
    if not isinstance(call.func, ast.Attribute):
        return
    name, place = call.func.attr, text.last_name(call.func)
    ours = text.span(call) in known.trained
    if name == "compile":
        for keyword in call.keywords:
            why = old.COMPILE_BY_HAND.get(keyword.arg or "")
            if why and (ours or _compiles(call)):
                fixes = []
                if keyword.arg == "class_mode" or _is_none(keyword.value):
                    fixes = [Fix("leave it out", tuple(_without(text, call, [keyword])), safe=True)]
                told = "" if fixes else why
                yield _finding(
                    text, "ST805", text.span(keyword), f"Keras 3 has no {keyword.arg} in compile", told, fixes
                )
            if keyword.arg in ("loss", "optimizer") and (ours or _compiles(call)):
                yield from _named_loss(text, keyword)
        return
    if name in old.GONE_METHODS and (ours or name in ("predict_classes", "to_yaml")):
        yield _gone_method(text, call, name, place)
        return
    if name == "reset_states" and not call.args and isinstance(text.parents.get(call), ast.Expr):
        yield from _reset(text, call, call.func, known)
    method = old.METHODS.get(name)
    if method is not None and (ours or method.distinct or _is_training(call)):
        yield from _method(text, call, call.func, method)
    elif name == "save_weights":
        yield from _weights_file(text, call)


def _compiles(call: ast.Call) -> bool:
    return any(k.arg in ("loss", "optimizer", "metrics") for k in call.keywords)


def _is_training(call: ast.Call) -> bool:
    """Return whether the arguments of a ``fit`` are such as only old Keras had."""
    return any(
        k.arg in ("nb_epoch", "samples_per_epoch", "nb_val_samples", "show_accuracy") for k in call.keywords
    )


def _named_loss(text: OldText, keyword: ast.keyword) -> Iterator[Diagnostic]:
    value = keyword.value
    if keyword.arg != "loss" or not isinstance(value, ast.Constant) or not isinstance(value.value, str):
        return
    new = {"kullback_leibler_divergence": "kl_divergence", "cosine_proximity": "cosine_similarity",
           "logcosh": "log_cosh"}.get(value.value)  # fmt: skip
    if new is not None:
        at = text.span(value)
        quote = text.of(at)[:1]
        fix = Fix(f"write {new}", (Edit(at, f"{quote}{new}{quote}"),), safe=True)
        yield _finding(text, "ST807", at, f"Keras 3 calls the loss {value.value} {new}", fixes=[fix])


def _method(text: OldText, call: ast.Call, func: ast.Attribute, method: old.Method) -> Iterator[Diagnostic]:
    """Find a method whose name or arguments Keras 3 has otherwise."""
    name, place = func.attr, text.last_name(func)
    by_hand = [k for k in call.keywords if k.arg in method.by_hand]
    gone = [k for k in call.keywords if k.arg in method.left_out]
    spread = any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords)
    if name == method.to:
        for keyword in call.keywords:
            if new := method.renamed.get(keyword.arg or ""):
                yield _renamed(text, "ST805", keyword, new)
            elif keyword in gone:
                fix = Fix("leave it out", tuple(_without(text, call, [keyword])), safe=True)
                message = f"Keras 3 has no {keyword.arg} in {name}"
                yield _finding(text, "ST805", text.span(keyword), message, fixes=[fix])
            elif keyword in by_hand:
                yield _by_hand(text, keyword, name, method)
        return
    edits = [Edit(place, method.to)]
    for i, node in enumerate(call.args):
        if i and i < len(method.places):
            at = text.span(node).start
            edits.append(Edit(Span(at, at), f"{method.places[i]}="))
    for keyword in call.keywords:
        if new := method.renamed.get(keyword.arg or ""):
            at = text.span(keyword).start
            edits.append(Edit(Span(at, at + len(keyword.arg or "")), new))
    edits += _without(text, call, gone)
    sure = not by_hand and not spread and len(call.args) <= max(1, len(method.places))
    fixes = [Fix(f"call {method.to}", tuple(edits), safe=True)] if sure else []
    told = "" if fixes else f"call {method.to}, and mind what its arguments count"
    yield _finding(text, "ST806", place, f"Keras 3 has {method.to} in place of {name}", told, fixes)
    for keyword in by_hand:
        yield _by_hand(text, keyword, method.to, method)


def _by_hand(text: OldText, keyword: ast.keyword, name: str, method: old.Method) -> Diagnostic:
    arg = keyword.arg or ""
    return _finding(text, "ST805", text.span(keyword), f"Keras 3 has no {arg} in {name}", method.by_hand[arg])


def _gone_method(text: OldText, call: ast.Call, name: str, place: Span) -> Diagnostic:
    fixes: list[Fix] = []
    if name == "predict_classes":
        end = text.span(call).end
        edits = (Edit(place, "predict"), Edit(Span(end, end), ".argmax(axis=-1)"))
        fixes = [Fix("take the class of the largest output", edits)]
    return _finding(text, "ST809", place, f"Keras 3 has no {name}", old.GONE_METHODS[name], fixes)


def _reset(text: OldText, call: ast.Call, func: ast.Attribute, known: Known) -> Iterator[Diagnostic]:
    """Find ``model.reset_states()``: in Keras 3 the layers have that method, and models do not."""
    model, sure = text.of(text.span(func.value)), text.span(call) in known.resets
    if not sure and "model" not in model.lower():
        return
    each = f"[layer.reset_states() for layer in {model}.layers if getattr(layer, 'stateful', False)]"
    fix = Fix("reset those of its layers", (Edit(text.span(call), each),), safe=sure)
    message = "Keras 3 has no reset_states of a model, but of its layers"
    yield _finding(text, "ST806", text.last_name(func), message, fixes=[fix])


def _weights_file(text: OldText, call: ast.Call) -> Iterator[Diagnostic]:
    """Find ``save_weights("x.h5")``: Keras 3 wants names that end in ``.weights.h5``."""
    given = call.args[0] if call.args else None
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        for ending in (".h5", ".hdf5"):
            if given.value.endswith(ending) and not given.value.endswith(".weights.h5"):
                at = text.span(given)
                new = text.of(at).replace(ending, ".weights.h5")
                yield _finding(
                    text,
                    "ST805",
                    at,
                    "Keras 3 writes weights to files whose names end in .weights.h5",
                    "give load_weights the same name",
                    [Fix(f"write {new}", (Edit(at, new),))],
                )


# ---- optimizers and other objects ----------------------------------------------------------------------


def object_findings(text: OldText, call: ast.Call, found: Meaning, known: Known) -> Iterator[Diagnostic]:
    """Yield a finding for each old argument of an optimizer, a regularizer or a constraint (ST807)."""
    if found.family != "optimizer":
        entry = entry_of(found.family, found.name) if found.family else None
        names = OBJECT_ARGUMENTS.get(entry.keras if entry is not None else found.name, {})
        for keyword in call.keywords:
            new = names.get(keyword.arg or "")
            if new and found.family == "constraint":
                yield _renamed(text, "ST807", keyword, new)
        return
    entry = entry_of("optimizer", found.name)
    title = entry.keras if entry is not None else found.name
    decays = [k for k in call.keywords if k.arg in DECAY]
    for keyword in call.keywords:
        value = keyword.value
        new = old.OPTIMIZER_ARGUMENTS.get(keyword.arg or "")
        if new and not (decays and not _is_zero(decays[0].value)):
            yield _renamed(text, "ST807", keyword, new)
        elif keyword.arg in DROPPED or (keyword.arg == "epsilon" and _is_none(value)):
            fix = Fix("leave it out", tuple(_without(text, call, [keyword])), safe=keyword.arg == "epsilon")
            what = "epsilon=None" if keyword.arg == "epsilon" else keyword.arg
            message = f"Keras 3 has no {what} in {title}"
            yield _finding(
                text, "ST807", text.span(keyword), message, DROPPED.get(keyword.arg or "", ""), [fix]
            )
        elif keyword in decays:
            yield _decay(text, call, keyword, title, known)
    places = old.OPTIMIZER_PLACES.get(title, ())
    if "decay" in places[: len(call.args)] and title != "Nadam":
        at = text.span(call.args[places.index("decay")])
        help = "give the arguments by their names, and a schedule as learning_rate"
        yield _finding(text, "ST807", at, f"Keras 3 has no decay in {title}", help)


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (0, None) and node.value is not False


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _decay(text: OldText, call: ast.Call, keyword: ast.keyword, title: str, known: Known) -> Diagnostic:
    """Return the finding for ``decay=``.

    Its fix writes a schedule that lets the rate fall in the same way.
    """
    message = f"Keras 3 has no {keyword.arg} in {title}, but schedules of the learning rate"
    if _is_zero(keyword.value):
        fix = Fix("leave it out", tuple(_without(text, call, [keyword])), safe=True)
        return _finding(text, "ST807", text.span(keyword), message, fixes=[fix])
    rate = next((k for k in call.keywords if k.arg in ("lr", "learning_rate")), None)
    spelled = _schedule(text, call)
    by_place = call.args[0] if call.args else None
    given = rate.value if rate is not None else by_place
    first = text.of(text.span(given)) if given is not None else old.OPTIMIZER_RATES.get(title, "")
    if not spelled or not first or any(k.arg is None for k in call.keywords):
        help = "give it learning_rate=keras.optimizers.schedules.InverseTimeDecay(rate, 1, decay)"
        return _finding(text, "ST807", text.span(keyword), message, help)
    name, more = spelled
    made = f"{name}({first}, 1, {text.of(text.span(keyword.value))})"
    edits = list(more)
    if given is None:
        edits.append(Edit(text.span(keyword), f"learning_rate={made}"))
    else:
        whole = text.span(rate if rate is not None else given)
        edits.append(Edit(whole, f"learning_rate={made}" if rate is not None else made))
        edits += _without(text, call, [keyword])
    fix = Fix(f"write {made}", tuple(edits), safe=not known.changes_rate)
    help = "" if fix.safe else "a callback or the code itself sets the rate, which no schedule allows"
    return _finding(text, "ST807", text.span(keyword), message, help, [fix])


def _schedule(text: OldText, call: ast.Call) -> tuple[str, list[Edit]] | None:
    """Return the name of ``InverseTimeDecay`` in the text and edits that import it; None if none is safe."""
    name = "InverseTimeDecay"
    known = text.bindings.get(name)
    if known is not None:
        return name, []
    if isinstance(call.func, ast.Attribute):
        whole = text.of(text.span(call.func))
        return f"{whole[: len(whole) - len(call.func.attr)]}schedules.{name}", []
    bound = text.bindings.get(call.func.id) if isinstance(call.func, ast.Name) else None
    statement = bound.statement if bound is not None else None
    if bound is None or not isinstance(statement, ast.ImportFrom) or not text.is_free(name):
        return None
    at = text.span(statement)
    if not text.begins_line(at.start):
        return None
    line = f"from {package_of(bound.path)}.optimizers.schedules import {name}"
    return name, [Edit(Span(at.start, at.start), line + text.new_line(at.start) + text.indent(at.start))]


def utility_findings(text: OldText, call: ast.Call, path: str) -> Iterator[Diagnostic]:
    """Find renamed arguments of callbacks and utilities, and files that Keras 3 writes otherwise."""
    last = path.rsplit(".", 1)[-1]
    for keyword in call.keywords:
        new = old.CALLBACK_ARGUMENTS.get(last, {}).get(keyword.arg or "")
        if new:
            yield _renamed(text, "ST805", keyword, new)
    if last != "ModelCheckpoint":
        return
    for keyword in call.keywords:
        if keyword.arg == "period":
            every = isinstance(keyword.value, ast.Constant) and keyword.value.value == 1
            fixes = [Fix("leave it out", tuple(_without(text, call, [keyword])), safe=True)] if every else []
            help = "" if fixes else "save_freq counts batches, or is 'epoch'"
            yield _finding(
                text, "ST805", text.span(keyword), "Keras 3 has no period in ModelCheckpoint", help, fixes
            )
    given = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "filepath"), None)
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        weights = any(k.arg == "save_weights_only" and not _is_false(k.value) for k in call.keywords)
        wanted = ".weights.h5" if weights else ".keras"
        _, dot, ending = given.value.rpartition(".")
        if dot and ending in ("h5", "hdf5", "hdf", "model") and not given.value.endswith(wanted):
            at = text.span(given)
            new = text.of(at).replace(f"{dot}{ending}", wanted)
            message = f"Keras 3 gives checkpoints names that end in {wanted}"
            help = "give the same name where it is loaded"
            yield _finding(text, "ST805", at, message, help, [Fix(f"write {new}", (Edit(at, new),))])


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


_KEYS = {"acc": "accuracy", "val_acc": "val_accuracy"}


def key_findings(text: OldText, node: ast.Constant, known: Known) -> Iterator[Diagnostic]:
    """Find ``history.history["acc"]`` and ``monitor="val_acc"`` of a model compiled with ``accuracy``."""
    written = node.value if isinstance(node.value, str) else ""
    new = _KEYS.get(written)
    around = text.parents.get(node)
    if new is None or not known.accuracy:
        return
    is_key = isinstance(around, ast.Subscript) and "hist" in text.of(text.span(around.value))
    if is_key or (isinstance(around, ast.keyword) and around.arg == "monitor"):
        at = text.span(node)
        quote = text.of(at)[:1]
        fix = Fix(f"write {new}", (Edit(at, f"{quote}{new}{quote}"),), safe=True)
        message = f"Keras 3 calls what it records of the metric accuracy {new}, and not {written}"
        yield _finding(text, "ST805", at, message, fixes=[fix])


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
    help = old.BACKEND_BY_HAND.get(name, "look for it in keras.ops")
    fixes: list[Fix] = []
    imported = _import_keras(text, node) if to else None
    if imported is not None:
        edits = (Edit(text.span(node), f"keras.{to}"), *more, *imported)
        fixes = [Fix(f"write keras.{to}", edits, safe=True)]
    message = (
        f"Keras 3 has keras.{to} in place of {name}" if to else f"keras.backend has no {name} in Keras 3"
    )
    told = "" if fixes else f"write keras.{to}" if to else help
    yield _finding(text, "ST808", text.last_name(node), message, told, fixes)


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
        places = [(text.span(k).start, k.arg or "") for k in call.keywords]
        edits = [Edit(Span(at, at + len(arg)), renamed[arg]) for at, arg in places]
        return old.RENAMED_FUNCTIONS[name], edits
    if name in old.AXIS_FUNCTIONS and names <= {"axis"}:
        to, most, without, axis = old.AXIS_FUNCTIONS[name]
        count = len(call.args) + len(names)
        if count == without:
            end = text.span(call.args[-1]).end if call.args else text.span(call).end - 1
            return f"ops.{to}", [Edit(Span(end, end), f", axis={axis}")]
        if count == most:
            return f"ops.{to}", []
    return "", []


def _ordering(text: OldText, call: ast.Call) -> tuple[str, list[Edit]]:
    given = call.args[0] if len(call.args) == 1 else None
    word = {"th": "channels_first", "tf": "channels_last"}
    new = word.get(str(given.value)) if isinstance(given, ast.Constant) else None
    if given is None or new is None:
        return "", []
    at = text.span(given)
    quote = text.of(at)[:1]
    return "config.set_image_data_format", [Edit(at, f"{quote}{new}{quote}")]


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
    statement = bound.statement if bound is not None else None
    if statement is None or not text.is_free("keras"):
        return None
    at = text.span(statement).start
    if not text.begins_line(at):
        return None
    return [Edit(Span(at, at), f"import keras{text.new_line(at)}{text.indent(at)}")]
