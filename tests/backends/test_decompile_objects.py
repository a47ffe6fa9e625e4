"""Keras objects to specs and back: each with each of its arguments, the first of its kind and another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import keras
import pytest

import seqtopo
from seqtopo.decompiler.decompile import Decompiled, decompile_config, decompiled
from seqtopo.decompiler.serialized import _complete_objects, serialized
from seqtopo.emit.keras_builder import KerasBuilder
from seqtopo.emit.objects import argument, made
from seqtopo.layers.object_values import Entry
from seqtopo.layers.objects import FAMILIES, MODULES, read_object
from seqtopo.layers.values import Object
from seqtopo.report.analyse import analyse
from tests.support.draw_arguments import value_of as read
from tests.support.numbering import number_anew
from tests.support.object_values import BESIDE, OTHER, call, value_of

TRAINED = {"optimizer": "optimizer", "schedule": "optimizer", "loss": "loss", "metric": "metrics"}
"""The argument of ``compile`` that holds an object of each family."""
NOT_TOGETHER = ("clipvalue", "global_clipnorm")
"""Arguments that exclude another one."""
CASES = [
    (f, entry) for f, entries in FAMILIES.items() for entry in entries if f != "activation" and entry.keras
]


def written(entry: Entry) -> Iterator[str]:
    """An object bare, with all of its arguments, and with each of them."""
    needed = [part.name for part in entry.parts if part.required]
    values = {part.name: value_of(entry, part)[0] for part in entry.parts}
    besides = [one.split("=") for (of, _), b in BESIDE.items() if of == entry.name for one in b.split(", ")]
    together = {name: text for name, text in {**values, **dict(besides)}.items() if name not in NOT_TOGETHER}
    yield call(entry.name, [f"{name}={OTHER[name]}" for name in needed])
    yield call(entry.name, [f"{name}={text}" for name, text in together.items()])
    for name, text in values.items():
        others = [f"{other}={OTHER[other]}" for other in needed if other != name]
        beside = [BESIDE[entry.name, name]] if (entry.name, name) in BESIDE else []
        yield call(entry.name, [*others, *beside, f"{name}={text}"])


def build(family: str, entry: Entry, text: str) -> Any:
    """The Keras object of a text: always an object, not the word that Keras makes one of."""
    found = read_object(family, read(text))
    return made(KerasBuilder(), family, found if isinstance(found, Object) else Object(entry.name))


def module_of(family: str) -> Any:
    found: Any = keras
    for part in MODULES[family].split("."):
        found = getattr(found, part)
    return found


def config_of(family: str, found: Any) -> Any:
    """Return the configuration of an object in a live model."""
    if family == "schedule":
        return config_of("optimizer", keras.optimizers.SGD(found))
    config = keras.saving.serialize_keras_object(found)
    _complete_objects(config, found, family)
    return config


@cache
def base(spec: str) -> dict[str, Any]:
    return serialized(seqtopo.compile(spec))


def come_back(family: str, entry: Entry, configs: Sequence[Any]) -> list[tuple[Any, Decompiled]]:
    """The objects of the specs of models that have those of some configurations."""
    if family in ("optimizer", "schedule"):
        return [_trained(family, 1, config) for config in configs]
    if family in TRAINED:
        objects, found = _trained(family, len(configs) if family == "loss" else 1, list(configs))
        return [(one, found) for one in objects]
    count = len(configs)
    layers = "in(6,1) -> [{}]" if entry.name == "stft" else "in(2) -> [{}]"
    model = base(layers.format(", ".join(["conv1d(2,3)" if entry.name == "stft" else "dense(2)"] * count)))
    key = f"kernel_{family}"
    own = iter(configs)
    changed = [
        {**one, "config": {**one["config"], key: next(own)}} if key in one["config"] else one
        for one in model["config"]["layers"]
    ]
    found = decompile_config({**model, "config": {**model["config"], "layers": changed}})
    resolved = analyse(found.text).resolved
    assert resolved is not None, found.text
    back = []
    for value in resolved.graph.outputs:
        layer = resolved.graph.nodes[value.node].layer
        assert layer is not None
        param = layer.row.by_name[key]
        back.append((module_of(family).get(argument(KerasBuilder(), param, layer.get(key))), found))
    return back


def _trained(family: str, outputs: int, given: Any) -> tuple[Any, Decompiled]:
    """Return the decompiled ``compile`` arguments of a model with so many outputs."""
    key = TRAINED[family]
    model = base(f"in(2) -> [{', '.join(['dense(1)'] * outputs)}]")
    found = decompile_config({**model, "compile_config": {key: given}})
    assert found.training is not None, found.text
    again = made(KerasBuilder(), {"metrics": "metric"}.get(key, key), getattr(found.training, key))
    if family == "schedule":
        return again._learning_rate, found
    module = module_of(family)
    # A bare word stands for the function of its loss, which the object calls.
    return [module.get(one) if isinstance(one, str) else one for one in again] if isinstance(
        again, list
    ) else again, found


def differing(family: str, one: Any, two: Any) -> str:
    """Return the first difference of two objects; "" for none."""
    if family == "loss" and not isinstance(two, keras.losses.Loss):
        two = type(one)() if two is one.fn else two
    if type(one) is not type(two):
        return f"{one} against {two}"
    a, b = (config_of(family, it)["config"] for it in (one, two))
    return str([(k, a.get(k), b.get(k)) for k in {**a, **b} if _plain(a.get(k)) != _plain(b.get(k))] or "")


def _plain(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v, k) for k, v in value.items() if k != "shared_object_id"}
    # Keras numbers names by how many objects the process has made.
    value = re.sub(r"_\d+$", "", value) if isinstance(value, str) else value
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def wrong(family: str, entry: Entry, *, anew: bool) -> str:
    """Return the parts of an object that are lost, each the first of its kind with ``anew``; "" for none."""
    texts = list(written(entry))
    texts = [*texts, *texts[:2]] if anew else texts[:2]
    objects = []
    for i, text in enumerate(texts):
        if anew and i < len(texts) - 2:
            number_anew()
        objects.append(build(family, entry, text))
    back = come_back(family, entry, [config_of(family, one) for one in objects])
    assert len(back) == len(objects)
    for text, one, (two, found) in zip(texts, objects, back, strict=True):
        said = differing(family, one, two) or " ".join(d.message for d in found.diagnostics)
        if said:
            return f"{text}: {said}, {found.text}"
    return ""


@pytest.mark.parametrize(("family", "entry"), CASES, ids=lambda v: v if isinstance(v, str) else v.name)
def test_fault_a3_each_argument_comes_back(family: str, entry: Entry) -> None:
    assert wrong(family, entry, anew=True) == ""


@pytest.mark.parametrize(("family", "entry"), CASES, ids=lambda v: v if isinstance(v, str) else v.name)
def test_what_keras_does_not_save_is_marked(family: str, entry: Entry) -> None:
    for part in entry.parts:
        needed = [f"{p.name}={OTHER[p.name]}" for p in entry.parts if p.required and p is not part]
        beside = [BESIDE[entry.name, part.name]] if (entry.name, part.name) in BESIDE else []
        text, value = value_of(entry, part)
        one = build(family, entry, call(entry.name, [*needed, *beside, f"{part.name}={text}"]))
        plain = keras.saving.serialize_keras_object(one)["config"]
        assert bool(part.unsaved) == (part.name not in plain), part.name
        if part.unsaved:
            assert config_of(family, one)["config"][part.name] == value


def small(**compiled: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(**{"optimizer": "sgd", "loss": "mse", **compiled})
    return model


def test_fault_a3_a_live_loss_keeps_what_keras_does_not_save(tmp_path: Path) -> None:
    model = small(loss=keras.losses.Huber(0.5))
    text = seqtopo.decompile(model, strict=True)
    assert "loss=huber(0.5)" in text
    assert seqtopo.compile(text).loss._fn_kwargs == {"delta": 0.5}
    model.save(tmp_path / "model.keras")
    found = decompiled(tmp_path / "model.keras")
    assert [d.code for d in found.diagnostics] == ["ST505"]
    assert "huber, whose delta Keras does not save" in found.diagnostics[0].message
    with pytest.raises(seqtopo.SpecError, match="delta"):
        seqtopo.decompile(tmp_path / "model.keras", strict=True)


def test_fault_a3_the_dtype_of_a_loss_is_told_of_a_live_model_alone(tmp_path: Path) -> None:
    """The guide says so: it changes where Keras saves it."""
    model = small(loss=keras.losses.MeanSquaredError(dtype="float64"))
    assert "loss=mean_squared_error(dtype=float64)" in seqtopo.decompile(model, strict=True)
    model.save(tmp_path / "model.keras")
    assert "loss=mse" in seqtopo.decompile(tmp_path / "model.keras", strict=True)


@pytest.mark.parametrize(
    ("policy", "options", "said"),
    [
        ("mixed_float16", {}, "train loss_scale(sgd), loss=mse"),
        ("mixed_float16", {"auto_scale_loss": False}, "train sgd, loss=mse, auto_scale_loss=false"),
        ("mixed_float16", {"optimizer": "nadam"}, "train loss_scale(nadam), loss=mse"),
        ("mixed_bfloat16", {}, "train sgd, loss=mse"),
        ("float32", {"auto_scale_loss": False}, "train sgd, loss=mse"),
    ],
)
def test_fault_a3_a_live_model_says_how_its_loss_is_scaled(
    policy: str, options: dict[str, Any], said: str
) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = small(**options)
    finally:
        keras.config.set_dtype_policy(before)
    text = seqtopo.decompile(model, strict=True)
    assert text.splitlines()[-1] == said
    assert type(seqtopo.compile(text).optimizer) is type(model.optimizer)


def test_a_file_does_not_say_whether_the_loss_of_a_mixed_model_was_scaled(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        small().save(path)
    finally:
        keras.config.set_dtype_policy(before)
    (found,) = decompiled(path).diagnostics
    assert (found.code, found.severity) == ("ST505", "warning")
    assert "does not save whether the loss was scaled" in found.message
    assert "loss_scale(" in (found.help or "")
    with pytest.raises(seqtopo.SpecError, match="scaled"):
        seqtopo.decompile(path, strict=True)


def test_of_a_mixed_layer_in_a_file_the_scaling_is_a_note(tmp_path: Path) -> None:
    """Keras does not save the policy of a functional model, which decides."""
    path = tmp_path / "model.keras"
    model = seqtopo.compile("in(4) -> dense(1,dtype=mixed_float16)\ntrain sgd, loss=mse")
    assert decompiled(model).diagnostics == ()
    model.save(path)
    (found,) = decompiled(path).diagnostics
    assert (found.code, found.severity) == ("ST505", "info")
    assert "train sgd, loss=mse" in seqtopo.decompile(path, strict=True)


def test_fault_a3_a_live_model_says_a_choice_of_xla_that_keras_would_not_make() -> None:
    automatic = small().jit_compile
    chosen = small(jit_compile=not automatic)
    text = seqtopo.decompile(chosen, strict=True)
    assert text.splitlines()[-1] == f"train sgd, loss=mse, jit_compile={'false' if automatic else 'true'}"
    assert seqtopo.compile(text).jit_compile is chosen.jit_compile
    for jit_compile in ("auto", automatic):
        model = small(jit_compile=jit_compile)
        assert seqtopo.decompile(model, strict=True).splitlines()[-1] == "train sgd, loss=mse"


# TensorFlow decomposes no matrix of bfloat16: there Keras cannot make the model.
BITS_16 = ["float16"] if keras.config.backend() == "tensorflow" else ["float16", "bfloat16"]


@pytest.mark.parametrize("dtype", BITS_16)
def test_fault_a3_a_model_of_16_bits_comes_back_with_another_initializer_and_says_so(dtype: str) -> None:
    half = keras.layers.LSTM(4, dtype=dtype)
    # Without bfloat16 matrices to decompose, Keras leaves a Sequential unbuilt and says nothing.
    model = keras.Sequential([keras.Input((5, 3), dtype=dtype), keras.layers.Bidirectional(half)])
    found = decompiled(model)
    assert [d.code for d in found.diagnostics] == ["ST504"]
    assert "recurrent_initializer='orthogonal'" in found.diagnostics[0].message
    assert f"lstm(4,dtype={dtype},recurrent_initializer=glorot_uniform)" in found.text
    assert seqtopo.compile(found.text).output_shape == (None, 8)
    with pytest.raises(seqtopo.SpecError, match="recurrent_initializer"):
        seqtopo.decompile(model, strict=True)


def test_fault_a3_a_live_layer_keeps_what_keras_does_not_save() -> None:
    spec = "in(4,3) -> bi(lstm(4,seq,use_cudnn=false)) -> rnn(4,seed=7)"
    spec += " -> dense(4,kernel_initializer=identity(2))"
    assert " ".join(seqtopo.decompile(seqtopo.compile(spec), strict=True).split()) == spec


def test_what_keras_does_not_save_of_an_initializer_is_told(tmp_path: Path) -> None:
    seqtopo.compile("in(4) -> dense(4,kernel_initializer=identity(2))").save(tmp_path / "model.keras")
    (found,) = decompiled(tmp_path / "model.keras").diagnostics
    assert (found.code, found.severity) == ("ST504", "warning")
    assert "whose gain Keras does not save" in found.message


@pytest.mark.parametrize(
    "metric",
    [
        lambda: keras.metrics.MeanSquaredError(name="mse"),
        lambda: keras.metrics.MeanSquaredError(name="mse", dtype="float16"),
        lambda: keras.metrics.MeanSquaredError(name="mean_squared_error_1"),
        lambda: keras.metrics.MeanSquaredError(name="none"),
        lambda: keras.metrics.BinaryCrossentropy(from_logits=True),
        lambda: keras.metrics.BinaryIoU(),
    ],
)
def test_fault_a3_metrics_are_reported_under_their_names(metric: Any) -> None:
    number_anew()
    one = metric()
    text = seqtopo.decompile(small(metrics=[one]), strict=True)
    number_anew()
    (two,) = keras.tree.flatten(seqtopo.compile(text)._compile_metrics._user_metrics)
    # Keras reports a word as that word.
    assert (two if isinstance(two, str) else two.name) == one.name
    assert isinstance(two, str) or not differing("metric", one, two)


@pytest.mark.parametrize("word", ["MSE", "MAE", "MAPE", "MSLE", "BCE", "KLD", "MeanSquaredError"])
def test_a_loss_or_metric_by_another_of_keras_words_comes_back(word: str) -> None:
    model = small(loss=word, metrics=[] if word == "KLD" else [word])
    again = seqtopo.compile(seqtopo.decompile(model, strict=True))
    one, two = (keras.losses.get(each.loss) for each in (model, again))
    assert getattr(one, "fn", one) is getattr(two, "fn", two)
    # Keras reports a metric under the very word that it was given.
    assert keras.tree.flatten(again._compile_metrics._user_metrics if word != "KLD" else []) == (
        [word] if word != "KLD" else []
    )


def test_a_weight_for_each_class_comes_back() -> None:
    loss = keras.losses.CategoricalFocalCrossentropy(alpha=[0.2, 0.3, 0.5])
    text = seqtopo.decompile(small(loss=loss), strict=True)
    assert "categorical_focal_crossentropy((0.2,0.3,0.5))" in text
    assert list(seqtopo.compile(text).loss.alpha) == [0.2, 0.3, 0.5]


if __name__ == "__main__":
    for each in CASES:
        assert wrong(*each, anew=False) == ""
