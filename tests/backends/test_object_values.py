"""Each Keras object by its name and with each of its arguments, from a spec to what Keras was told."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import seqtopo
from seqtopo.layers.layer_objects import ACTIVATION_LAYERS
from seqtopo.layers.object_values import NUMBER, Part
from seqtopo.layers.objects import FAMILIES, MODULES
from tests.support.object_values import Made, call, objects, value_of

IN_LAYERS = ("initializer", "regularizer", "constraint")


def cases(*families: str) -> list[Any]:
    """Every object of some families, each by its names and with each argument."""
    found = [pytest.param(made, id=f"{made.family}-{made.written}") for f in families for made in objects(f)]
    assert found
    return found


def class_of(made: Made) -> Any:
    """Return Keras' class of an object, or an activation's function."""
    module: Any = keras
    for part in MODULES[made.family].split("."):
        module = getattr(module, part)
    return getattr(module, made.entry.keras)


FOLLOWS: Mapping[tuple[str, str], tuple[str, ...]] = {("auc", "thresholds"): ("num_thresholds",)}
"""The parts of an object that change with a parameter."""


def assert_told(made: Made, found: Any, without: Any) -> None:
    """Asserts that an object is of its class, has the case's value, and else what it has ``without`` it."""
    assert isinstance(found, class_of(made)), f"{made.written} is {found}"
    assert type(found) is type(without)
    name, want = made.tried, made.config[made.tried]
    have, base = (_with_attribute(it, name) for it in (found, without))
    assert agrees(have.get(name), want), f"{made.written} makes {name} {have.get(name)!r}, not {want!r}"
    changed = {n for n in have.keys() | base.keys() if have.get(n) != base.get(n)} - {"name"}
    assert changed == {name, *FOLLOWS.get((made.entry.name, name), ())} - {"name"}, (
        f"{made.written} changes {changed}"
    )


def _with_attribute(found: Any, name: str) -> dict[str, Any]:
    """Return the parts that can be compared; Keras leaves the gain of identity out of its configuration."""
    config = plain(found)
    return config if name in config or not hasattr(found, name) else {**config, name: getattr(found, name)}


def plain(found: Any) -> dict[str, Any]:
    """An object's configuration, so that it can be compared."""
    # Keras leaves a few out when it writes a configuration, such as the delta of huber.
    config: dict[str, Any] = {**getattr(found, "_fn_kwargs", {}), **_nameless(found.get_config())}
    return config | {name: getattr(found, name) for name in ("name", "dtype") if hasattr(found, name)}


def _nameless(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {n: _nameless(v) for n, v in value.items() if n != "name"}
    return list(value) if isinstance(value, tuple) else value


def agrees(have: Any, want: Any) -> bool:
    """Return whether a part of a configuration is as a spec said it; of an object, the arguments it said."""
    if isinstance(want, Mapping):
        return isinstance(have, Mapping) and all(agrees(have["config"][name], v) for name, v in want.items())
    if isinstance(want, tuple):
        return list(have) == list(want)
    return bool(have == want)


def trained(**arguments: str) -> keras.Model:
    """A small model, compiled as a spec says."""
    return seqtopo.compile(f"in(2) -> dense(1)\ntrain {', '.join(f'{n}={v}' for n, v in arguments.items())}")


@cache
def optimizer(written: str) -> Any:
    """The optimizer of a spec."""
    return trained(optimizer=written, loss="mse").optimizer


@cache
def loss(written: str) -> Any:
    """The loss of a spec, as Keras reads it."""
    return keras.losses.get(trained(optimizer="sgd", loss=written).loss)


@cache
def metric(written: str) -> Any:
    """The metric of a spec, as Keras reads it."""
    (found,) = trained(optimizer="sgd", loss="mse", metrics=f"[{written}]")._compile_metrics._user_metrics
    return keras.metrics.get(found)


@pytest.mark.parametrize("made", cases("optimizer"))
def test_the_optimizer_is_told(made: Made) -> None:
    found = optimizer(made.written)
    if made.tried:
        assert_told(made, found, optimizer(made.without))
    assert isinstance(found, class_of(made))


@pytest.mark.parametrize("made", cases("schedule"))
def test_the_schedule_is_told(made: Made) -> None:
    found, without = (optimizer(f"sgd({text})")._learning_rate for text in (made.written, made.without))
    assert_told(made, found, without)


@pytest.mark.parametrize("made", cases("loss"))
def test_the_loss_is_told(made: Made) -> None:
    found = loss(made.written)
    if made.tried:
        assert_told(made, found, loss(call(made.entry.name, ["reduction=sum_over_batch_size"])))
    else:
        function = getattr(found, "fn", found)
        assert function is class_of(made)().fn


@pytest.mark.parametrize("made", [case for case in cases("metric") if case.values[0].entry.keras])
def test_the_metric_is_told(made: Made) -> None:
    found = metric(made.written)
    if made.tried:
        assert_told(made, found, metric(made.without))
    assert isinstance(found, class_of(made))


BY_WORD = ("rmse", "r2", "kld", "logcosh", "binary_iou", "fbeta_score", "mae", "acc", "auc")


# JAX's word on the whole numbers that Keras' own binary_iou asks it for.
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")
def test_metrics_are_reported_under_the_words_of_the_spec() -> None:
    model = seqtopo.compile(f"in(2) -> dense(1,sigmoid)\ntrain sgd, loss=mse, metrics=[{', '.join(BY_WORD)}]")
    logs = model.train_on_batch(np.ones((4, 2)), np.array([[0.0], [1.0], [1.0], [0.0]]), return_dict=True)
    assert set(logs) == {"loss", *BY_WORD}


def test_a_loss_that_keras_has_no_word_for_trains() -> None:
    model = seqtopo.compile(
        "in(2) -> dense(2,softmax)\ntrain lamb, loss=categorical_generalized_cross_entropy"
    )
    assert np.isfinite(model.train_on_batch(np.ones((4, 2)), np.array([0, 1, 1, 0])))


class InLayers:
    """The objects of a family, each in a layer of one model, and the same layers saved and loaded."""

    def __init__(self, family: str, folder: Path) -> None:
        texts = list(dict.fromkeys(t for made in objects(family) for t in (made.written, made.without) if t))
        self.names = {text: f"p{i}" for i, text in enumerate(texts)}
        branches = [f"x -> {_with_object(family, text)} as {name}" for text, name in self.names.items()]
        self.family = family
        self.model = seqtopo.compile(f"x = in(8,1)\n[{', '.join(branches)}]")
        self.model.save(folder / "model.keras")
        self.loaded = keras.models.load_model(folder / "model.keras")

    def found(self, written: str) -> Any:
        """The object that the layer was made with."""
        return self._of(self.model, written)

    def after_loading(self, written: str) -> Any:
        """The object that the loaded layer was made with."""
        return self._of(self.loaded, written)

    def _of(self, model: Any, written: str) -> Any:
        return getattr(model.get_layer(self.names[written]), f"kernel_{self.family}")


def _with_object(family: str, text: str) -> str:
    layer = "conv1d(3,4," if text.startswith("stft") else "dense(3,"
    return f"{layer}kernel_{family}={text})"


@pytest.fixture(scope="module")
def in_layers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The model of a family, built, saved and loaded once."""
    return cache(lambda family: InLayers(family, tmp_path_factory.mktemp(family)))


@pytest.mark.parametrize("made", cases(*IN_LAYERS))
def test_the_layer_is_told_and_keeps_it_when_saved(made: Made, in_layers: Any) -> None:
    built = in_layers(made.family)
    found, loaded = built.found(made.written), built.after_loading(made.written)
    assert isinstance(found, class_of(made))
    if made.tried:
        assert_told(made, found, built.found(made.without))
    assert type(loaded) is type(found)
    assert plain(loaded) == plain(found)


class Activations:
    """Every activation as a step and, where it can be, as a layer's argument; saved and loaded."""

    def __init__(self, folder: Path) -> None:
        self.cases = list(objects("activation"))
        texts = dict.fromkeys(t for made in self.cases for t in (made.written, made.without) if t)
        steps = [f"act({text})" for text in texts]
        layers = [f"dense(6,kernel_initializer=identity,activation={t})" for t in texts if _in_a_layer(t)]
        self.names = {text: f"p{i}" for i, text in enumerate((*steps, *layers))}
        branches = [f"x -> {text} as {name}" for text, name in self.names.items()]
        self.model = seqtopo.compile(f"x = in(4,6)\n[{', '.join(branches)}]")
        self.model.save(folder / "model.keras")
        self.x = np.linspace(-3, 3, 48, dtype="float32").reshape(2, 4, 6)
        self.outputs = self._outputs(self.model)
        self.loaded = self._outputs(keras.models.load_model(folder / "model.keras"))

    def _outputs(self, model: Any) -> dict[str, Any]:
        return dict(zip(self.names, map(keras.ops.convert_to_numpy, model(self.x)), strict=True))


def _in_a_layer(text: str) -> bool:
    name, parenthesis, _ = text.partition("(")
    return name != "glu" and (not parenthesis or name in ACTIVATION_LAYERS)


@pytest.fixture(scope="module")
def activations(tmp_path_factory: pytest.TempPathFactory) -> Activations:
    """The model of the activations, built, saved and loaded once."""
    return Activations(tmp_path_factory.mktemp("activations"))


@pytest.mark.parametrize("made", cases("activation"))
def test_the_activation_computes_with_what_it_is_told(made: Made, activations: Activations) -> None:
    needed = {part.name: 0.5 for part in made.entry.parts if part.required}
    want = _computed(made, activations.x, {**needed, **made.config})
    if made.tried:
        base = _computed(made, activations.x, needed)
        assert want.shape != base.shape or not np.allclose(want, base), "the value makes no difference"
    for text in (f"act({made.written})", f"dense(6,kernel_initializer=identity,activation={made.written})"):
        if text in activations.outputs:
            np.testing.assert_allclose(activations.outputs[text], want, rtol=1e-4, atol=1e-5, err_msg=text)
            np.testing.assert_allclose(activations.loaded[text], want, rtol=1e-4, atol=1e-5, err_msg=text)


def _computed(made: Made, x: Any, arguments: Mapping[str, Any]) -> Any:
    output = class_of(made)(keras.ops.convert_to_tensor(x), **arguments)
    return keras.ops.convert_to_numpy(output)


FAMILIES_TRIED = ("optimizer", "schedule", "loss", "metric", "activation", *IN_LAYERS)


def test_every_family_is_tried() -> None:
    assert set(FAMILIES_TRIED) == set(FAMILIES)


def test_a_parameter_without_a_value_fails() -> None:
    entry = FAMILIES["optimizer"][0]
    with pytest.raises(KeyError, match="no value to try"):
        value_of(entry, Part("new_in_keras", NUMBER, 0.0))


@pytest.mark.parametrize(
    ("found", "match"),
    [
        (keras.regularizers.L1L2(l1=0.25), "makes l1 0.25"),
        (keras.regularizers.L1L2(l2=0.75), "makes l1 0.0"),
        (keras.regularizers.L1L2(l1=0.75, l2=0.75), "changes"),
        (keras.regularizers.L1(0.75), "is <"),
    ],
)
def test_a_planted_mistake_is_seen(found: Any, match: str) -> None:
    (made,) = [made for made in objects("regularizer") if made.written == "l1_l2(l1=0.75)"]
    with pytest.raises(AssertionError, match=match):
        assert_told(made, found, keras.regularizers.L1L2())
