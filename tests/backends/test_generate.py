"""Writing with an encoder and a decoder: as the loop by hand; beams find the likeliest of all."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import seqtopo
from seqtopo import sampling
from tests.support import rollout_cases as cases


def ready(name: str) -> tuple[Any, np.ndarray]:
    """A model whose weights are the same everywhere, and what it reads."""
    model = seqtopo.compile(cases.WRITERS[name])
    cases.set_weights(model, 0.9)
    source = cases.generator().integers(1, 9, (4, 6)).astype("int32")
    source[1:3, 4:] = 0
    return model, source


@pytest.mark.parametrize("name", cases.WRITERS)
def test_as_the_naive_loop(name: str) -> None:
    model, source = ready(name)
    have = seqtopo.generate(model, source, start=8, max_steps=6)
    np.testing.assert_array_equal(have, cases.written(model, source, 8, 6))


@pytest.mark.parametrize("name", ["states", "transformer"])
def test_as_many_beams_as_ids_find_the_likeliest_of_two(name: str) -> None:
    model, source = ready(name)
    every = np.array(list(itertools.product(range(9), repeat=2)))
    have = seqtopo.generate(model, source, start=8, max_steps=2, beams=9, length_penalty=0.0)
    for row, said in zip(source, have, strict=True):
        shown = np.stack([np.full(81, 8), every[:, 0]], axis=1).astype("int32")
        told = model.predict({"source": np.repeat(row[None], 81, axis=0), "target": shown}, verbose=0)
        if name == "transformer":
            told = np.exp(told) / np.exp(told).sum(-1, keepdims=True)
        scores = np.log(np.take_along_axis(told, every[..., None], -1))[..., 0].sum(1)
        np.testing.assert_array_equal(said, every[scores.argmax()])


def test_a_stop_sign_ends_a_sequence() -> None:
    model, source = ready("states")
    free = seqtopo.generate(model, source, start=8, max_steps=40)
    stop = int(free[0, 2])
    have = seqtopo.generate(model, source, start=8, max_steps=40, stop=stop)
    assert have.shape == (4, 40)
    for said, without in zip(have, free, strict=True):
        ends = np.flatnonzero(without == stop)
        end = ends[0] if len(ends) else 40
        np.testing.assert_array_equal(said[:end], without[:end])
        assert (said[end:] == stop).all()
    beams = seqtopo.generate(model, source, start=8, max_steps=40, stop=stop, beams=3)
    assert all((row[list(row).index(stop) :] == stop).all() for row in beams if stop in row)


def test_vectors_are_written_too() -> None:
    model = seqtopo.compile(
        "encoder = in(?,3) as source -> lstm(4)\n"
        "in(?,2) as target -> lstm(4,seq,init=encoder.state) -> dense(2)"
    )
    cases.set_weights(model)
    source = cases.generator().normal(size=(3, 5, 3)).astype("float32")
    written = np.zeros((3, 1, 2), "float32")
    for _ in range(4):
        said = model.predict({"source": source, "target": written}, verbose=0)
        written = np.concatenate([written, said[:, -1:]], axis=1)
    have = seqtopo.generate(model, source, start=0.0, max_steps=4)
    np.testing.assert_allclose(have, written[:, 1:], atol=1e-5)


def test_chance_comes_from_the_seed() -> None:
    model, source = ready("states")
    draw = {"start": 8, "max_steps": 9, "sample": sampling.temperature(2.0)}
    one = seqtopo.generate(model, source, seed=1, **draw)
    np.testing.assert_array_equal(one, seqtopo.generate(model, source, seed=1, **draw))
    assert (one != seqtopo.generate(model, source, seed=2, **draw)).any()


def test_mistakes_say_what_to_do() -> None:
    model, source = ready("states")
    single = seqtopo.compile("in(?,3) -> lstm(3,seq)")
    with pytest.raises(ValueError, match=r"one input only.*seqtopo\.rollout"):
        seqtopo.generate(single, np.zeros((1, 4, 3)), start=0.0, max_steps=2)
    with pytest.raises(ValueError, match=r"source takes \(batch, T\)"):
        seqtopo.generate(model, source[0], start=8, max_steps=2)
    with pytest.raises(ValueError, match=r"has no input answer; its inputs are"):
        seqtopo.generate(model, source, start=8, max_steps=2, target="answer")
    with pytest.raises(ValueError, match="take one of them"):
        seqtopo.generate(model, source, start=8, max_steps=2, beams=2, sample=sampling.top_k(2))
    with pytest.raises(ValueError, match="max_steps is a whole number"):
        seqtopo.generate(model, source, start=8, max_steps=0)
    with pytest.raises(ValueError, match="start has the shape"):
        seqtopo.generate(model, source, start=[8, 8], max_steps=2)


KNOWN_AHEAD = {
    "behind its features": """
encoder = in(?,2) as source -> lstm(6)
decoder = in(?,5) as target -> lstm(6,seq,init=encoder.state) -> dense(2)
""",
    "in an input of its own": """
encoder = in(?,2) as source -> lstm(6)
decoder = [in(?,3) as calendar, in(?,2) as target] -> concat -> lstm(6,seq,init=encoder.state) -> dense(2)
""",
    "beside ids": """
encoder = in(?,2) as source -> lstm(6)
decoder = [in(?,int(9)) as target -> embed(9,4), in(?,3) as calendar]
    -> concat -> lstm(6,seq,init=encoder.state) -> dense(9)
""",
}


@pytest.mark.parametrize("how", KNOWN_AHEAD)
def test_fault_d9_what_is_known_ahead(how: str) -> None:
    """As ``predict`` on what was written so far, with what is known ahead beside it."""
    model = seqtopo.compile(KNOWN_AHEAD[how])
    cases.set_weights(model, 0.9)
    source = cases.generator().normal(size=(3, 4, 2)).astype("float32")
    ahead = cases.generator().normal(size=(3, 5, 3)).astype("float32")
    ids = how == "beside ids"
    shown = np.full((3, 6), 8, "int32") if ids else np.zeros((3, 6, 2), "float32")
    for i in range(5):
        given = {"source": source, "target": shown[:, :-1], "calendar": ahead}
        if how == "behind its features":
            given = {"source": source, "target": np.concatenate([shown[:, :-1], ahead], axis=-1)}
        said = model.predict(given, verbose=0)[:, i]
        shown[:, i + 1] = said.argmax(-1) if ids else said
    start = 8 if ids else 0.0
    have = seqtopo.generate(model, source, start=start, max_steps=5, future=ahead)
    np.testing.assert_allclose(have, shown[:, 1:], atol=1e-5)
    if ids:
        assert seqtopo.generate(model, source, start=8, max_steps=5, future=ahead, beams=2).shape == (3, 5)
    with pytest.raises(ValueError, match=r"begins with \(3, 4\), but it has the shape \(3, 5, 3\)"):
        seqtopo.generate(model, source, start=start, max_steps=4, future=ahead)
    with pytest.raises(ValueError, match=r"future has 2 features at each step, but .* has no place"):
        seqtopo.generate(model, source, start=start, max_steps=5, future=ahead[..., :2])


def test_fault_d9_says_what_is_lacking() -> None:
    model = seqtopo.compile(KNOWN_AHEAD["behind its features"])
    with pytest.raises(ValueError, match=r"give the other 3 as future=, shape \(batch, max_steps, 3\)"):
        seqtopo.generate(model, np.ones((3, 4, 2)), start=0.0, max_steps=5)


def test_fault_f9_another_number_of_sources_than_the_fixed_batch_is_refused() -> None:
    model = seqtopo.compile("""
encoder = in(?,int(9),batch=4) as source -> embed(9,4) -> lstm(8)
decoder = in(?,int(9),batch=4) as target -> embed(9,4) -> lstm(8,seq,init=encoder.state) -> dense(9)
""")
    assert seqtopo.generate(model, np.ones((4, 5)), start=8, max_steps=2).shape == (4, 2)
    with pytest.raises(ValueError, match=r"source has batch=4, but the source has 3 rows, .* give \(4, T\)"):
        seqtopo.generate(model, np.ones((3, 5)), start=8, max_steps=2)
