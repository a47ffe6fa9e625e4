"""Models to specs and back: how many come back the same, with what losses, and how long the specs are.

``python -m tests.support.roundtrip [draws]`` prints the figures for the published models and for specs
drawn at random.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")


import seqtopo
from seqtopo.decompiler import automatic
from seqtopo.decompiler.decompile import Decompiled, decompile_config
from seqtopo.decompiler.serialized import serialized
from seqtopo.decompiler.walk import MODELS as MODEL_CLASSES
from seqtopo.runtime.stepping.nodes import functional
from tests.support.cheap_weights import cheap_weights
from tests.support.numbering import number_anew

ASIDES = ("build_config", "shared_object_id", "registered_name", "module", "compile_config")
"""The parts of a configuration beside the topology."""


@dataclass(frozen=True)
class RoundTrip:
    """The result for one model."""

    found: Decompiled
    wrong: str
    """The first difference of the two configurations; "" if they are the same."""

    @property
    def lossless(self) -> bool:
        """True if a spec can say all of the model."""
        return not any(d.severity == "warning" for d in self.found.diagnostics)


def round_trip(model: Any) -> RoundTrip:
    """A model, its spec, and the model of the spec: the two configurations compared."""
    found = decompile_config(serialized(model))
    again = seqtopo.compile(found.text, max_params=10**12)
    # A Sequential's configuration says nothing of its masks.
    return RoundTrip(found, differing(serialized(functional(model)), serialized(again)))


def differing(one: Any, two: Any) -> str:
    """The first place where two configurations differ, whatever the names that nobody chose."""
    return _differing(canonical(one), canonical(two), "model")


def _differing(one: Any, two: Any, at: str) -> str:
    if isinstance(one, dict) and isinstance(two, dict):
        for key in {**one, **two}:
            wrong = _differing(one.get(key), two.get(key), f"{at}.{key}")
            if wrong:
                return wrong
        return ""
    if isinstance(one, list) and isinstance(two, list):
        if len(one) != len(two):
            return f"{at}: {len(one)} against {len(two)}: {str(one)[:300]} | {str(two)[:300]}"
        return next(
            (
                w
                for i, (a, b) in enumerate(zip(one, two, strict=True))
                if (w := _differing(a, b, f"{at}[{i}]"))
            ),
            "",
        )
    return "" if one == two else f"{at}: {str(one)[:200]} against {str(two)[:200]}"


def canonical(config: Any) -> Any:
    """A configuration with layers called by their place, and nothing beside the topology."""
    body = config["config"]
    if config["class_name"] == "Sequential":
        body = _as_functional(body)
    places = {_name(layer): f"#{i}" for i, layer in enumerate(body["layers"])}
    return {
        "layers": [_layer(layer, places) for layer in body["layers"]],
        "input_layers": _several(_moved(body.get("input_layers"), places)),
        "output_layers": _several(_moved(body.get("output_layers"), places)),
    }


def _several(ends: Any) -> Any:
    """Inputs or outputs; the one where there is one."""
    return ends[0] if isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list) else ends


def _as_functional(body: Any) -> Any:
    layers: list[Any] = []
    before = ""
    for layer in body["layers"]:
        given = {"class_name": "__keras_tensor__", "config": {"keras_history": [before, 0, 0]}}
        nodes = [{"args": [given], "kwargs": {}}] if before else []
        before = _name(layer)
        layers.append({**layer, "name": before, "inbound_nodes": nodes})
    return {"layers": layers, "input_layers": [_name(layers[0]), 0, 0], "output_layers": [before, 0, 0]}


def _name(layer: Any) -> str:
    return str(layer.get("name") or layer["config"].get("name"))


def _layer(layer: Any, places: dict[str, str]) -> Any:
    inside = layer["class_name"] in MODEL_CLASSES
    config = canonical(layer) if inside else _plain({**layer["config"], "name": ""})
    calls = _moved(layer.get("inbound_nodes", []), places)
    return {"class_name": layer["class_name"], "config": config, "inbound_nodes": calls}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("class_name") in MODEL_CLASSES:
            return canonical(value)
        inside = value.get("config")
        if value.get("module") == "keras.layers" and isinstance(inside, dict):
            # A layer inside another one.
            value = {**value, "config": {**inside, "name": ""}}
        return {k: _axis(k, _plain(v)) for k, v in value.items() if k not in ASIDES}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _axis(key: str, value: Any) -> Any:
    """An axis in a list of its own is the axis."""
    return value[0] if key == "axis" and isinstance(value, list) and len(value) == 1 else value


def _moved(value: Any, places: dict[str, str]) -> Any:
    """The same with layers called by their place. What is off by default may be said or not."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return _moved(value["config"]["keras_history"], places)
        return {k: _moved(v, places) for k, v in value.items() if v is not None and v is not False}
    if isinstance(value, list):
        if len(value) == 3 and isinstance(value[0], str) and value[0] in places:
            return [places[value[0]], value[1], value[2]]
        return [_moved(v, places) for v in value]
    return value


def chosen_names(config: Any) -> set[str]:
    """The names of layers that somebody chose, of a model that Keras' own functions made."""
    from seqtopo.decompiler.layers import KERAS_ROWS

    found = set()
    for layer in config["config"]["layers"]:
        row = KERAS_ROWS.get(layer["class_name"])
        name = _name(layer)
        if row is not None and not automatic.split(name, row, layer["config"].get("activation"))[0]:
            found.add(name)
    return found


def _drawn(count: int) -> Iterator[tuple[str, Any]]:
    from tests.support.draws import draw

    for seed in range(count):
        text = draw(seed).accepted
        model = built(text) if text else None
        if model is not None:
            yield str(text), model


def built(text: str) -> Any:
    """The model of a spec, its open symbols bound; None where it cannot be built here."""
    from seqtopo.graph.buildable import unbound
    from seqtopo.report.analyse import analyse

    checked = analyse(text)
    if checked.resolved is None or checked.spec is None:
        return None
    names = sorted({d.message.split()[0] for d in unbound(checked.resolved.graph, checked.spec)})
    try:
        return seqtopo.compile(text, **{name: 6 + i for i, name in enumerate(names)})
    except (seqtopo.SpecError, ValueError, TypeError):
        return None


def figures(pairs: Iterator[tuple[str, Any]], show: bool = False) -> Counter[str]:
    """Return counts of the results for many models, and the lengths of both texts in all."""
    found: Counter[str] = Counter()
    for text, model in pairs:
        found["models"] += 1
        try:
            trip = round_trip(model)
        except Exception as error:
            found["failed"] += 1
            if show:
                print(f"FAILED {text!r}\n   {type(error).__name__} {str(error)[:400]}")
            continue
        found["identical"] += not trip.wrong
        found["lossless"] += trip.lossless
        found["silently different"] += bool(trip.wrong) and not trip.found.diagnostics
        found["characters, by people"] += len(_bare(text))
        found["characters, decompiled"] += len(_bare(trip.found.text))
        again = decompile_config(serialized(seqtopo.compile(trip.found.text, max_params=10**12)))
        found["the same when decompiled again"] += again.text == trip.found.text
        if show and (trip.wrong or again.text != trip.found.text):
            said = [f"{d.code} {d.message}" for d in trip.found.diagnostics]
            print(
                f"DIFFERS {text!r}",
                repr(trip.found.text),
                repr(again.text),
                trip.wrong[:500],
                said,
                sep="\n   ",
            )
    return found


def _bare(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def _published() -> Iterator[tuple[str, Any]]:
    from tests.support.models import MODELS

    for model in MODELS:
        text = model.path.read_text(encoding="utf-8")
        yield text, seqtopo.compile(text, max_params=10**12)


if __name__ == "__main__":
    with cheap_weights():
        print("published:", dict(figures(_published(), "-v" in sys.argv)))
        number_anew()
        draws = [int(a) for a in sys.argv[1:] if a.isdigit()] or [200]
        print("drawn:", dict(figures(_drawn(draws[0]), "-v" in sys.argv)))
