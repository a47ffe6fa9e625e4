"""The rows that prepare data inside the model, held against the installed Keras."""

from __future__ import annotations

import pytest

from tests.support.rows import assert_both_refuse, assert_row_agrees, assert_row_refuses


@pytest.mark.parametrize("mode", ["multi_hot", "count", "one_hot"])
def test_category_encoding_agrees(mode: str) -> None:
    args = {"num_tokens": 4, "output_mode": mode}
    for steps in (3, 1, "T"):
        assert_row_agrees("category_encoding", args, [(steps,)], ["int32"])


def test_one_hot_encoding_keeps_the_axes() -> None:
    args = {"num_tokens": 4, "output_mode": "one_hot"}
    assert_row_agrees("category_encoding", args, [(3, 5)], ["int32"])
    assert_row_agrees("category_encoding", args, [(3, 1)], ["int32"])


def test_category_encoding_refuses() -> None:
    assert_both_refuse("category_encoding", {}, [(3,)], "ST204", ["int32"])
    assert_row_refuses("category_encoding", {"num_tokens": 4}, [(3, 5)], "ST301", ["int32"])
    assert_row_refuses("category_encoding", {"num_tokens": 4, "sparse": True}, [(3,)], "ST203", ["int32"])


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"mode": "stft"},
        {"mode": "real"},
        {"mode": "imag", "expand_dims": True},
        {"padding": "same"},
        {"frame_step": 3},
        {"fft_length": 40},
        {"frame_length": 20},
        {"window": None, "scaling": None},
        {"window": "blackman", "periodic": True},
        {"frame_length": 1, "frame_step": 1},
    ],
)
@pytest.mark.filterwarnings("ignore:.fft_length. is recommended")
def test_stft_spectrogram_agrees(args: dict[str, object]) -> None:
    for steps in (100, "T"):
        assert_row_agrees("stft_spectrogram", {"frame_length": 16, **args}, [(steps, 3)])


@pytest.mark.parametrize("expand", [False, True])
def test_stft_spectrogram_agrees_with_channels_first(expand: bool) -> None:
    args = {"frame_length": 16, "data_format": "channels_first", "expand_dims": expand}
    assert_row_agrees("stft_spectrogram", args, [(3, 100)])


def test_stft_spectrogram_refuses() -> None:
    frame = {"frame_length": 16}
    assert_both_refuse("stft_spectrogram", frame, [(10, 3)], "ST306")
    assert_both_refuse("stft_spectrogram", frame, [(100,)], "ST301")
    assert_both_refuse("stft_spectrogram", {**frame, "frame_step": 17}, [(100, 3)], "ST203")
    assert_both_refuse("stft_spectrogram", {**frame, "fft_length": 8}, [(100, 3)], "ST203")
    assert_both_refuse("stft_spectrogram", {"frame_length": 1}, [(100, 3)], "ST203")
    assert_both_refuse("stft_spectrogram", {**frame, "window": "nonsense"}, [(100, 3)], "ST203")
    assert_row_refuses("stft_spectrogram", frame, [(100, 3)], "ST310", ["int32"])


def test_mel_spectrogram_agrees() -> None:
    args = {"fft_length": 128, "sequence_stride": 64, "num_mel_bins": 8}
    for steps in (100, 256, 257, "T"):
        assert_row_agrees("mel_spectrogram", args, [(steps,)])
    assert_row_agrees("mel_spectrogram", {**args, "sequence_length": 100, "window": None}, [(300,)])


def test_mel_spectrogram_refuses() -> None:
    args = {"fft_length": 128, "sequence_stride": 64, "num_mel_bins": 8}
    assert_row_refuses("mel_spectrogram", args, [(64,)], "ST306")
    assert_row_refuses("mel_spectrogram", args, [(255,)], "ST302", match="one more")
    assert_row_refuses("mel_spectrogram", args, [(3, 300)], "ST301")
    assert_both_refuse("mel_spectrogram", {**args, "sequence_length": 129}, [(300,)], "ST203")
