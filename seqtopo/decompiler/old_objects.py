"""Translate regularizers, initializers, optimizers and losses of Keras 0.3 to 2 to those of Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtopo.decompiler.files import shown
from seqtopo.decompiler.losses import Losses
from seqtopo.layers import legacy_objects
from seqtopo.layers.excluded import snake_case
from seqtopo.layers.objects import entry_of
from seqtopo.layers.old_spellings import OBJECT_ARGUMENTS, OBJECTS, SCALED, TF_KERAS, modern

_FAMILIES = ("initializer", "regularizer", "constraint")
_ASIDE = ("dtype", "name")


def modern_object(key: str, value: Any) -> Any:
    """Return the value of a layer's argument as Keras 3 writes it."""
    family = key.rpartition("_")[2]
    if key == "dtype":
        return _dtype(value)
    if not isinstance(value, dict):
        return value
    if family in _FAMILIES:
        return _object(family, value)
    if family == "activation" and isinstance(value.get("config"), dict):
        found = modern(str(value.get("class_name")), value["config"], TF_KERAS)
        if found.known:
            return _keras("layers", found.class_name, found.kwargs)
    return value


def _keras(module: str, class_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "module": f"keras.{module}",
        "class_name": class_name,
        "config": dict(config),
        "registered_name": None,
    }


def _dtype(value: Any) -> Any:
    """Return a dtype, from its name or from a policy."""
    config = value.get("config") if isinstance(value, dict) else None
    if (
        isinstance(value, dict)
        and value.get("class_name") in ("Policy", "PolicyV1")
        and isinstance(config, dict)
    ):
        return {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": config.get("name")},
            "registered_name": None,
        }
    return value


def _object(family: str, value: dict[str, Any]) -> Any:
    """Return an initializer, regularizer or constraint as Keras 3 writes it."""
    name, config = value.get("class_name"), value.get("config")
    if name is None and isinstance(value.get("name"), str):
        # Keras 0.3 and 1 wrote the arguments beside the name.
        name, config = value["name"], {k: v for k, v in value.items() if k != "name"}
    if not isinstance(name, str) or ">" in str(value.get("registered_name") or ""):
        return value
    name = OBJECTS.get(name, name)
    renamed = OBJECT_ARGUMENTS.get(name, {})
    config = config if isinstance(config, dict) else {}
    config = {renamed.get(k, k): v for k, v in config.items() if k != "dtype"}
    if name == "VarianceScaling":
        name, config = _scaled(config)
    if name == "L1L2":
        name, config = _l1_l2(config)
    if not name:
        return None
    if entry_of(family, name) is None:
        return value
    return _keras(f"{family}s", name, config)


def _scaled(config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the named initializer that a ``VarianceScaling`` equals, with its arguments."""
    key = (config.get("scale", 1.0), config.get("mode", "fan_in"), config.get("distribution", "normal"))
    try:
        word = SCALED.get(key)
    except TypeError:
        word = None
    return (word, {"seed": config.get("seed")}) if word else ("VarianceScaling", config)


def _l1_l2(config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of an ``L1L2`` and its arguments: ``L1`` or ``L2`` if one is 0, "" if both are."""
    one, two = config.get("l1", 0.0), config.get("l2", 0.0)
    if not one and not two:
        return "", {}
    if not one:
        return "L2", {"l2": two}
    return ("L1", {"l1": one}) if not two else ("L1L2", {"l1": one, "l2": two})


# ---- what a model was compiled with -----------------------------------------------------------------------


def compile_config(config: Mapping[str, Any], losses: Losses) -> dict[str, Any] | None:
    """Return the arguments of ``compile`` in an old file as Keras 3 writes them; None if it has none."""
    given = config.get("compile_config")
    if isinstance(given, dict):
        return given
    given = config.get("training_config")
    if not isinstance(given, dict):
        # Keras 0.3 wrote it beside the layers.
        if not isinstance(config.get("optimizer"), dict):
            return None
        given = {"loss": config.get("loss"), "optimizer_config": _named(config["optimizer"])}
    found: dict[str, Any] = {}
    optimizer = given.get("optimizer_config", given.get("optimizer"))
    if optimizer is not None:
        found["optimizer"] = _optimizer(optimizer, losses)
    for key, family in (("loss", "loss"), ("metrics", "metric"), ("weighted_metrics", "metric")):
        if given.get(key) not in (None, [], {}):
            found[key] = _named_objects(family, given[key])
    if given.get("loss_weights") is not None:
        found["loss_weights"] = given["loss_weights"]
    mode = given.get("sample_weight_mode")
    if isinstance(mode, str):
        losses.add(
            "ST506",
            "the model weighted each step (sample_weight_mode): Keras 3 tells it by the weights' shape",
            "info",
        )
    return found or None


def _named(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object of Keras 0.3, whose arguments stood beside its name, in today's form."""
    return {"class_name": value.get("name"), "config": {k: v for k, v in value.items() if k != "name"}}


def _optimizer(value: Any, losses: Losses) -> Any:
    if not isinstance(value, dict):
        return _words("optimizer", value)
    name, config = value.get("class_name"), value.get("config")
    if not isinstance(name, str) or not isinstance(config, dict):
        return value
    name = name.rpartition(">")[2] if name.startswith("Keras>") else name
    kept: dict[str, Any] = {}
    entry = entry_of("optimizer", name)
    known = {part.name for part in entry.parts} if entry else set()
    for key, given in config.items():
        renamed = legacy_objects.ARGUMENTS.get(key)
        word = next((to for to in renamed.to if to in known), key) if renamed and key not in known else key
        if word in legacy_objects.DECAY or word in (
            "is_legacy_optimizer",
            "jit_compile",
            *legacy_objects.DROPPED,
        ):
            continue
        if given is None or (entry and word not in known and not isinstance(given, dict) and not given):
            continue
        kept[word] = _keras_schedule(given)
    decay = next((config[k] for k in legacy_objects.DECAY if config.get(k)), 0)
    rate = kept.get("learning_rate")
    if isinstance(decay, (int, float)) and decay and isinstance(rate, (int, float)):
        schedule = {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay, "staircase": False}
        kept["learning_rate"] = _keras("optimizers.schedules", "InverseTimeDecay", schedule)
    elif decay:
        losses.add("ST505", f"the model was compiled with decay={shown(decay)}: it cannot be read")
    if not entry:
        return value
    return _keras("optimizers", name, kept)


def _keras_schedule(value: Any) -> Any:
    name, config = (value.get("class_name"), value.get("config")) if isinstance(value, dict) else (None, None)
    if isinstance(name, str) and isinstance(config, dict) and entry_of("schedule", name) is not None:
        return _keras("optimizers.schedules", name, config)
    return value


def _named_objects(family: str, given: Any) -> Any:
    """Return losses or metrics under today's names."""
    if isinstance(given, list):
        return [_named_objects(family, one) for one in given]
    if not isinstance(given, dict):
        return _words(family, given)
    if "class_name" not in given:
        return {key: _named_objects(family, one) for key, one in given.items()}
    name, config = given.get("class_name"), given.get("config")
    if not isinstance(name, str) or not isinstance(config, dict):
        return given
    if name in ("MeanMetricWrapper", "LossFunctionWrapper"):
        # The word that the metric was asked for by.
        said = config.get("name")
        words = [w for w in (config.get("fn"), said) if isinstance(w, str) and entry_of(family, w)]
        return words[-1] if words else given
    entry = entry_of(family, name)
    if entry is None:
        return given
    kept = {k: v for k, v in config.items() if k == "name" or any(part.name == k for part in entry.parts)}
    return _keras("losses" if family == "loss" else "metrics", name, kept)


def _words(family: str, given: Any) -> Any:
    """Return today's name for a word for a loss, metric or optimizer."""
    if not isinstance(given, str):
        return given
    if entry_of(family, given) is not None:
        return given
    found = legacy_objects.OBJECTS.get(family, {}).get(snake_case(given))
    return found.to if found is not None and found.exact and "(" not in found.to else given
