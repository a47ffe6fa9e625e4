"""Find leaks into training: test data in a scaler, in overlapping windows, in the validation data.

A finding needs the whole way of an array to be known, from where it comes from to ``fit`` and ``evaluate``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

from seqtopo.code.arrays import Batches, CodeArray, Origin, way_back
from seqtopo.code.model import Argument, CodeFile, CodeModel, Training, Where
from seqtopo.code.parsing import expression_at
from seqtopo.diag.model import Diagnostic, Edit, Fix
from seqtopo.graph.inputs import BATCH
from seqtopo.layers.sizes import Size, same
from seqtopo.source import Source, Span

_TESTS = ("evaluate", "predict")


def leaks(file: CodeFile, on: frozenset[str]) -> list[Diagnostic]:
    """Return the findings of the rules that are ``on``, one for each place, in the order of the text."""
    found: dict[tuple[str, Source | None, Span], Diagnostic] = {}
    for model in file.models:
        for code, find in _RULES.items():
            for leak in find(model) if code in on else ():
                found.setdefault((code, leak.source, leak.span), leak)
    return sorted(found.values(), key=lambda d: (d.span, d.code))


# Where arrays come from


def _origins(array: CodeArray) -> list[Origin]:
    return [one.origin for one in way_back(array) if one.origin is not None]


def _common_source(a: CodeArray, b: CodeArray) -> tuple[CodeArray, list[Origin], list[Origin]] | None:
    """Return the nearest common source of two arrays, and the steps from it to each of them, in order."""
    way, other = way_back(a), way_back(b)
    keys = [one.key for one in other]
    for i, one in enumerate(way):
        if one.key in keys:
            j = keys.index(one.key)
            steps = [
                [x.origin for x in w[:n] if x.origin is not None][::-1] for w, n in ((way, i), (other, j))
            ]
            return one, steps[0], steps[1]
    return None


def _is_random(array: CodeArray) -> bool:
    """Return whether the samples are drawn one by one, so that their order says nothing."""
    return any(one.is_random for one in way_back(array))


def _x_arrays(argument: Argument | None) -> list[CodeArray]:
    """Return the arrays of an argument ``x``."""
    value = argument.value if argument is not None else None
    if isinstance(value, Batches):
        value = value.element[0] if isinstance(value.element, tuple) and value.element else value.element
    if isinstance(value, dict):
        value = list(value.values())
    values = value if isinstance(value, (list, tuple)) else [value]
    return [one for one in values if isinstance(one, CodeArray)]


def _validated(call: Training) -> list[CodeArray]:
    """Return the arrays x of ``validation_data``."""
    argument = call.args.get("validation_data")
    value = argument.value if argument is not None else None
    if isinstance(value, Batches):
        return _x_arrays(argument)
    return _x_arrays(Argument(value[0])) if isinstance(value, (list, tuple)) and value else []


def _fit_calls(model: CodeModel) -> list[Training]:
    return [call for call in model.training if call.method == "fit"]


# Rules


def scaled_before_split(model: CodeModel) -> Iterator[Diagnostic]:
    """Find a scaler that is fitted on data that is split into training and test data later."""
    for call in _fit_calls(model):
        tests = [(one, "validation_data", call) for one in _validated(call)]
        tests += [
            (one, other.method, other)
            for other in model.training
            if other.method in _TESTS
            for one in _x_arrays(other.args.get("x"))
        ]
        for x, (test, how, other) in product(_x_arrays(call.args.get("x")), tests):
            leak = _scaled_together(x, test)
            if leak is not None:
                where, split = leak
                yield where.finding(
                    "ST691",
                    "the scaler is fitted on all data, before the test data is split off",
                    label="learns the range of the test data, too",
                    labels=[(split, "split here"), (other.where, f"tested by {how}")],
                    notes=["what the model is tested on has taken part in how its training data is scaled"],
                    help="split first, fit the scaler on the training data alone, and transform both with it",
                )


def _scaled_together(x: CodeArray, test: CodeArray) -> tuple[Where, Where] | None:
    """Return the place where a scaler is fitted on data that holds both arrays, and the place where they
    are split; None if no scaler is.
    """
    met = _common_source(x, test)
    if met is None:
        return None
    common, ours, theirs = met
    split = _split_place(ours, theirs)
    if split is None:
        return None
    before = {one.key for one in way_back(common)}
    for origin in _origins(x):
        if origin.how != "scaled" or origin.fitted is None or origin.fitted.key not in before:
            continue
        also = any(o.how == "scaled" and o.fitted is origin.fitted for o in _origins(test))
        if also and origin.fitted_where is not None:
            return origin.fitted_where, split
    return None


def _split_place(ours: Sequence[Origin], theirs: Sequence[Origin]) -> Where | None:
    """Return the place where two arrays become different parts of one; None if they do not, or if it is
    not certain.
    """
    a = next((o for o in ours if o.how != "same"), None)
    b = next((o for o in theirs if o.how != "same"), None)
    if a is None or b is None or a.how != b.how or a.how not in ("rows", "split"):
        return None
    if a.how == "split":
        return a.where
    if a.start is None or b.start is None or (a.start == b.start and a.stop == b.stop):
        return None
    # One row is no test set, and nested parts are no split.
    apart = (
        a.stop == b.start
        or b.stop == a.start
        or _ends_before(a.stop, b.start)
        or _ends_before(b.stop, a.start)
    )
    return a.where if apart else None


def _ends_before(stop: Size | None, start: Size | None) -> bool:
    """Return whether a part certainly ends where another begins, or before that."""
    if stop is None or start is None:
        return False
    gap = start - stop
    return isinstance(gap, int) and gap >= 0


def windows_shuffled_apart(model: CodeModel) -> Iterator[Diagnostic]:
    """Find overlapping windows that are shuffled and split: test windows share steps with training ones."""
    for call in _fit_calls(model):
        for x in _x_arrays(call.args.get("x")):
            for origin in _origins(x):
                if origin.how != "split" or not origin.shuffled or origin.where is None:
                    continue
                cut = _windows_of(origin.of)
                if cut is None or cut.length is None or cut.step is None:
                    continue
                yield origin.where.finding(
                    "ST692",
                    f"train_test_split shuffles windows that overlap: each has {cut.length} steps, and one "
                    f"begins every {'step' if cut.step == 1 else f'{cut.step} steps'}",
                    label="test windows lie among training windows",
                    labels=[(cut.where, f"windows of {cut.length} steps")],
                    notes=["nearly every step of the test data stands in a window of the training data"],
                    help="split by time, the last part for testing: shuffle=False",
                    fix=with_keyword(
                        origin.where, "shuffle", "False", "split by time", blocked=("stratify",)
                    ),
                )


def _windows_of(array: CodeArray) -> Origin | None:
    """Return the step that cut an array into ordered windows that certainly overlap.

    None if there is none.
    """
    for origin in _origins(array):
        if origin.how == "windows":
            step, length = origin.step, origin.length
            overlap = isinstance(step, int) and isinstance(length, int) and 0 < step < length
            return origin if overlap else None
        if origin.how not in ("same", "rows"):
            return None
    return None


def states_of_shuffled_samples(model: CodeModel) -> Iterator[Diagnostic]:
    """Find a stateful model that is trained on shuffled samples."""
    layer = next((call.layer for call in model.calls if _is_stateful(call.layer.args)), None)
    if layer is None:
        return
    for call in _fit_calls(model):
        shuffle, x = call.args.get("shuffle"), call.args.get("x")
        if (shuffle is not None and shuffle.value is not True) or x is None:
            continue
        arrays = _x_arrays(x)
        # A generator or data set has an order of its own; with a y, x is an array.
        if isinstance(x.value, Batches) or not (arrays or call.args.get("y") is not None):
            continue
        if any(map(_is_random, arrays)) or _is_one_batch(call, arrays):
            continue
        at = shuffle.whole if shuffle is not None and shuffle.whole is not None else call.where
        yield at.finding(
            "ST693",
            "the model is stateful, but fit shuffles the samples"
            + ("" if shuffle is not None else ", as it does unless told otherwise"),
            label="in another order in each epoch",
            labels=[(layer.where, "keeps its state from batch to batch")],
            notes=["each sample goes on from the state of one that does not come before it"],
            help="keep the order of the samples: shuffle=False",
            fix=with_keyword(call.where, "shuffle", "False", "keep the order of the samples", safe=True),
        )


def _is_stateful(args: dict[str, Argument], depth: int = 0) -> bool:
    inner = args.get("layer")
    if inner is not None and depth < 5 and isinstance(getattr(inner.value, "args", None), dict):
        return _is_stateful(inner.value.args, depth + 1)
    return "stateful" in args and args["stateful"].value is True


def _is_one_batch(call: Training, arrays: Sequence[CodeArray]) -> bool:
    """Return whether all samples fit into one batch, as far as that is known."""
    given: Any = call.args["batch_size"].value if "batch_size" in call.args else BATCH
    rows = arrays[0].shape[0] if arrays and arrays[0].shape else None
    if isinstance(rows, int) and isinstance(given, int):
        return rows <= given
    return rows is not None and not isinstance(given, (int, float)) and same(rows, given) is True


def validated_on_training_data(model: CodeModel) -> Iterator[Diagnostic]:
    """Find validation data that is, or holds, training data."""
    for call in _fit_calls(model):
        argument = call.args.get("validation_data")
        if argument is None:
            continue
        at = argument.where or call.where
        for x, valid in zip(_x_arrays(call.args.get("x")), _validated(call), strict=False):
            shared = _shared(x, valid)
            if shared is None or _is_random(x):
                continue
            yield at.finding(
                "ST694",
                f"the validation data {'is' if shared else 'has samples of'} the training data",
                label="the model is trained on it, too",
                notes=["its loss says nothing about other data, and never rises where the model overfits"],
                help="keep some samples apart, or let fit do so: validation_split=0.2",
            )
            break


def _shared(x: CodeArray, valid: CodeArray) -> bool | None:
    """Return True if two arrays are the same samples, False if they share some; None if they share none,
    or if it is not known.
    """
    met = _common_source(x, valid)
    if met is None:
        return None
    _, ours, theirs = met
    a = [o for o in ours if o.how != "same"]
    b = [o for o in theirs if o.how != "same"]
    if not a and not b:
        return True
    if len(a) != 1 or len(b) > 1 or any(o.how != "rows" for o in (*a, *b)):
        return None
    ends = [(o.start, o.stop) for o in (*a, *b)]
    if not b:
        return None
    (s1, e1), (s2, e2) = ends
    if not all(isinstance(one, int) for one in (s1, e1, s2, e2)):
        return True if s1 is not None and e1 is not None and (s1, e1) == (s2, e2) else None
    if (s1, e1) == (s2, e2):
        return True
    return False if max(s1, s2) < min(e1, e2) else None  # type: ignore[type-var, operator]


_RULES: dict[str, Callable[[CodeModel], Iterator[Diagnostic]]] = {
    "ST691": scaled_before_split,
    "ST692": windows_shuffled_apart,
    "ST693": states_of_shuffled_samples,
    "ST694": validated_on_training_data,
}


def with_keyword(
    call: Where, name: str, value: str, title: str, *, blocked: tuple[str, ...] = (), safe: bool = False
) -> Fix | None:
    """Return the fix that gives a call an argument by name, in place of another value; None for none."""
    found = expression_at(call, ast.Call)
    if found is None or any(k.arg in (None, *blocked) for k in found.node.keywords):
        return None
    title = f"{title}: {name}={value}"
    given = next((k for k in found.node.keywords if k.arg == name), None)
    if given is not None:
        return Fix(title, (Edit(found.span(given.value), value),), safe)
    args = [*found.node.args, *found.node.keywords]
    if not args:
        return None
    end = max(found.span(arg).end for arg in args)
    return Fix(title, (Edit(Span(end, end), f", {name}={value}"),), safe)


def without_keyword(call: Where, name: str, title: str) -> Fix | None:
    """Return the fix that leaves out an argument that a call gives by name; None if it does not."""
    found = expression_at(call, ast.Call)
    args = [*found.node.args, *found.node.keywords] if found is not None else []
    at = next((i for i, a in enumerate(args) if isinstance(a, ast.keyword) and a.arg == name), 0)
    if found is None or not at:
        return None
    return Fix(title, (Edit(Span(found.span(args[at - 1]).end, found.span(args[at]).end), ""),))
