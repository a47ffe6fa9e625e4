"""The nearest known name."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtopo.diag.nearest import nearest, nearest_all

# fmt: off
LAYERS = [
    "in", "lstm", "gru", "rnn", "simple_rnn", "bi", "td", "repeat", "repeat_vector", "dense",
    "embed", "conv1d", "conv2d", "maxpool1d", "avgpool1d", "gmaxpool1d", "gavgpool1d", "norm",
    "layer_normalization", "batchnorm", "dropout", "flatten", "reshape", "permute", "mask",
    "concat", "add", "sub", "mul", "avg", "max", "min", "dot", "attention", "mha",
    "multi_head_attention", "softmax", "relu", "sigmoid", "p_relu", "global_average_pooling1d",
    "average_pooling1d",
]
# fmt: on


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("lstn", "lstm"),
        ("ltsm", "lstm"),
        ("lst", "lstm"),
        ("lstmm", "lstm"),
        ("gur", "gru"),
        ("LSTM", "lstm"),
        ("RepeatVector", "repeat_vector"),
        ("SimpleRNN", "simple_rnn"),
        ("MultiHeadAttention", "multi_head_attention"),
        ("GlobalAveragePooling1D", "global_average_pooling1d"),
        ("PReLU", "p_relu"),
        ("soft_max", "softmax"),
        ("batch_norm", "batchnorm"),
        ("dropuot", "dropout"),
        ("sigmo", "sigmoid"),
        ("concatenate", "concat"),
        ("pooling1d_average", "average_pooling1d"),
    ],
)
def test_a_slip_finds_what_was_meant(word: str, meant: str) -> None:
    assert nearest(word, LAYERS) == meant


@pytest.mark.parametrize("word", ["", "_", "x", "q7", "fancy", "transformer", "lambda", "a" * 10_000])
def test_a_stranger_finds_nothing(word: str) -> None:
    assert nearest(word, LAYERS) is None


def test_the_same_first_letter_wins_among_equals() -> None:
    assert nearest_all("dat", ["cat", "day"]) == ("day", "cat")


def test_no_more_than_asked_for_and_each_once() -> None:
    assert nearest_all("conv4d", ["conv1d", "conv1d", "conv2d", "conv3d"], limit=2) == ("conv1d", "conv2d")


def test_the_exact_word_comes_first() -> None:
    assert nearest_all("t", ["T", "t"]) == ("t", "T")


def test_long_words_and_many_candidates_cost_little() -> None:
    many = [f"name_{number}" for number in range(3000)]
    began = time.perf_counter()
    nearest("n" * 10_000, ["n" * 9_999, *many])
    nearest("nmae_77", many)
    assert time.perf_counter() - began < 2


@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=8))
def test_only_candidates_are_proposed(word: str, candidates: list[str]) -> None:
    found = nearest_all(word, candidates)
    assert set(found) <= set(candidates)
    assert len(set(found)) == len(found) <= 3


@given(st.from_regex(r"[a-z]{4,12}", fullmatch=True), st.data())
def test_any_single_slip_in_a_word_of_four_letters_is_found(word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(word) - 1))
    other = data.draw(st.sampled_from("abcxyz"))
    slips = [word[:at] + word[at + 1 :], word[:at] + other + word[at:], word[:at] + other + word[at + 1 :]]
    for slip in slips:
        assert nearest(slip, [word]) == word
