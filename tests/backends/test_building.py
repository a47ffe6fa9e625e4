"""Building costs as much for each layer, however many there are: counted in calls, not in seconds."""

from __future__ import annotations

import cProfile
import gc
from collections.abc import Callable

import keras
import pytest

import seqtopo
from seqtopo.emit import deep

SPECS: dict[str, Callable[[int], str]] = {
    "a chain": lambda n: "in(8) -> " + " -> ".join(["dense(8,relu)"] * n),
    "branches": lambda n: "x = in(8)\n[" + ", ".join(["x -> dense(8)"] * n) + "] -> add",
    "a shared layer": lambda n: "d = dense(8)\nx = in(8)\n[" + ", ".join(["x -> d"] * n) + "] -> add",
    "operations": lambda n: "in(5,8) -> " + " -> ".join(["flip(time) -> exp"] * n),
    "steps around": lambda n: "\n".join(
        [
            "x0 = in(8)",
            *(f"x{i + 1} = [x{i}, x{i} -> dense(8)] -> add" for i in range(n)),
            f"x{n} -> dense(1)",
        ]
    ),
}


def calls(spec: str) -> int:
    """Count the calls of Python's functions in a build."""
    profile = cProfile.Profile()
    profile.runcall(seqtopo.compile, spec, seed=1)
    return sum(entry.callcount for entry in profile.getstats())


def assert_linear(spec: Callable[[int], str], step: int) -> None:
    """Asserts that as many layers more always cost as many calls more."""
    calls(spec(2))  # what is done once in a process
    one, two, three = (calls(spec(step * n)) for n in (1, 2, 3))
    assert three - two == pytest.approx(two - one, rel=0.04)


@pytest.mark.parametrize("name", SPECS)
def test_building_is_linear(name: str) -> None:
    assert_linear(SPECS[name], 16)


def test_so_it_is_where_graphs_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep, "DEEPEST", 20)
    monkeypatch.setattr(deep, "SEGMENT", 10)
    assert_linear(SPECS["a chain"], 21)
    assert_linear(SPECS["steps around"], 21)


def test_what_is_not_linear_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    between = deep.between

    def slow(graph: object, *rest: object) -> object:
        for _ in 4 * graph.nodes:  # type: ignore[attr-defined]
            between(graph, *rest)  # type: ignore[arg-type]
        return between(graph, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(deep, "between", slow)
    with pytest.raises(AssertionError, match="comparison failed"):
        assert_linear(SPECS["a chain"], 16)


@pytest.mark.parametrize("on", [True, False])
def test_the_search_for_garbage_is_as_it_was(on: bool) -> None:
    assert gc.isenabled()
    if not on:
        gc.disable()
    try:
        seqtopo.compile("in(3) -> dense(2)")
        assert gc.isenabled() == on
    finally:
        gc.enable()


def test_the_search_for_garbage_goes_on_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(deep, "between", refuses)
    with pytest.raises(seqtopo.SpecError, match="no room"):
        seqtopo.compile("in(3) -> dense(2)")
    assert gc.isenabled()


@pytest.mark.parametrize(
    "spec",
    [
        "in(8,8,8) -> conv2d(4,3) -> maxpool2d(2) -> gavgpool2d",
        "in(8,8) -> bi(lstm(4,seq)) -> td(dense(3)) -> gmaxpool1d",
        "in(6,6,6) -> td(conv1d(4,3)) -> flatten(data_format=none)",
        "in(4,6,6,6) -> convlstm2d(3,2) -> zero_padding2d(1)",
    ],
)
def test_fault_0_the_users_keras_json_does_not_turn_the_axes_of_a_spec(spec: str) -> None:
    import keras

    usual = seqtopo.compile(spec, seed=1)
    keras.config.set_image_data_format("channels_first")
    try:
        other = seqtopo.compile(spec, seed=1)
    finally:
        keras.config.set_image_data_format("channels_last")
    assert other.output_shape == usual.output_shape
    assert [layer.output.shape for layer in other.layers] == [layer.output.shape for layer in usual.layers]


def test_a_name_that_pytorch_refuses_is_said_to_be_one() -> None:
    spec = 'in(3) -> relu(name="a.b") -> dense(1,name="c.d")'
    if keras.config.backend() != "torch":
        assert seqtopo.compile(spec).layers[-1].name == "c.d"
        return
    with pytest.raises(seqtopo.SpecError, match=r"PyTorch takes no '\.' in the name of a layer that has"):
        seqtopo.compile(spec)
