"""Layers that prepare data inside the model: ids as vectors of counts, spectrograms of signals."""

from __future__ import annotations

from collections.abc import Mapping

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.parameters import DATA_FORMAT, PADDING, check_floats
from seqtopo.layers.row import LayerCall, Param, Row
from seqtopo.layers.sizes import Shape, Size, ceil_div
from seqtopo.layers.values import FLOATS, Weight

WINDOWS = (
    *("hann", "hamming", "blackman", "bartlett", "boxcar", "triang", "flattop", "parzen", "bohman"),
    *("blackmanharris", "nuttall", "barthann", "cosine", "tukey", "lanczos"),
)
"""The windows of scipy that have no parameters."""


def _bins(call: LayerCall) -> int:
    frame: int = call["frame_length"]
    fft: int | None = call["fft_length"]
    if fft is not None and fft < frame:
        raise call.refuse(
            "ST203",
            f"transforms {fft} samples at a time, which is less than its frame of {frame}",
            label=f"is below frame_length {frame}",
            help="leave it out, or give a power of two from frame_length up",
            at=("argument", "fft_length"),
        )
    return (fft or 1 << (frame - 1).bit_length()) // 2 + 1


def _step(call: LayerCall) -> int:
    frame: int = call["frame_length"]
    step: int | None = call["frame_step"]
    if step is not None and step > frame:
        raise call.refuse(
            "ST203",
            f"moves on by {step} samples, more than its frame of {frame}: it would skip some",
            label=f"is above frame_length {frame}",
            help="give a frame_step of frame_length or less",
            at=("argument", "frame_step"),
        )
    if step is None and frame < 2:
        raise call.refuse(
            "ST203",
            "moves on by half a frame, and half of 1 is nothing",
            label="too short a frame",
            help="give frame_step=1, or a longer frame",
            at=("argument", "frame_length"),
        )
    return step or frame // 2


def _stft(call: LayerCall) -> Shape:
    check_floats(call)
    length, channels = call.shape
    frame, step, bins = call["frame_length"], _step(call), _bins(call)
    bins = 2 * bins if call["mode"] == "stft" else bins
    if call["padding"] == "same":
        frames: Size = ceil_div(length, step)
    else:
        if isinstance(length, int) and length < frame:
            raise _too_short(call, length, frame, "frame_length")
        frames = (length - frame) // step + 1
    if not call["expand_dims"]:
        return (frames, channels * bins)
    return (frames, bins, channels)


def _too_short(call: LayerCall, length: int, least: int, argument: str) -> Exception:
    return call.refuse(
        "ST306",
        f"needs {least} samples, but is given {call.inputs[0]}",
        label=f"has only {length} samples",
        help=f"give a smaller {argument}, or a longer signal",
        at=("argument", argument),
    )


def _kernels(call: LayerCall) -> tuple[Weight, ...]:
    shape = (call["frame_length"], 1, _bins(call))
    left_out = {"imag": "real_kernel", "real": "imag_kernel"}.get(call["mode"])
    return tuple(Weight(name, shape) for name in ("real_kernel", "imag_kernel") if name != left_out)


def _mel(call: LayerCall) -> Mapping[str, Size]:
    """Return the number of frames: one a stride, centred on it.

    The ends are mirrored, so half a transform must be there.
    """
    (length,) = call.shape
    fft, stride, frame = call["fft_length"], call["sequence_stride"], call["sequence_length"]
    if frame is not None and frame > fft:
        raise call.refuse(
            "ST203",
            f"cannot fit frames of {frame} samples into transforms of {fft}",
            label=f"is above fft_length {fft}",
            help="give a sequence_length of fft_length or less",
            at=("argument", "sequence_length"),
        )
    if isinstance(length, int) and length <= fft // 2:
        raise _too_short(call, length, fft // 2 + 1, "fft_length")
    padded = length + 2 * (fft // 2) - fft
    if isinstance(padded, int) and isinstance(length, int) and padded // stride != (length + 1) // stride:
        raise call.refuse(
            "ST302",
            f"makes {padded // stride + 1} frames of {length} samples where Keras counts one more",
            label="Keras would build the next layer for one frame too many",
            help="give one sample more or less, or an even fft_length",
            at=("input", 0),
        )
    return {"frames": padded // stride + 1}


def _encoded(call: LayerCall) -> Shape:
    if call["num_tokens"] is None:
        raise call.refuse(
            "ST204",
            "needs num_tokens: how many ids there are",
            label="num_tokens is missing",
            help="as in: in(T,int) -> category_encoding(20)",
        )
    if call["sparse"]:
        raise call.refuse(
            "ST203",
            "gives sparse tensors on some backends only",
            label="not on every backend",
            help="leave out sparse",
            at=("argument", "sparse"),
        )
    dtype = call.inputs[0].dtype
    if dtype not in (*FLOATS, "int32", "int64"):
        raise call.refuse(
            "ST310",
            f"takes ids, which are int32 or int64 on every backend, but is given {dtype}",
            label=f"is {dtype}",
            help="-> cast(int32) first",
            at=("input", 0),
        )
    if str(call.args.get("dtype")).startswith("mixed_"):
        raise call.refuse(
            "ST203",
            f"has no weights to keep in another dtype: Keras gives float32 under {call['dtype']}",
            label="not a policy of two dtypes",
            help=f"write dtype={call['dtype'].removeprefix('mixed_')}",
            at=("argument", "dtype"),
        )
    kept = call.shape
    if call["output_mode"] == "one_hot":
        if kept[-1:] == (1,):
            kept = kept[:-1]
    elif len(kept) != 1:
        raise call.refuse(
            "ST301",
            f"takes (T,) for {call['output_mode']}, but is given {call.inputs[0]}",
            label=f"takes 1 axis, is given {len(kept)}",
            help="write one_hot for a vector at every place",
            at=("input", 0),
            takes=1,
        )
    else:
        kept = ()
    count = call.tensors.get("count_weights")
    if count is not None and (call["output_mode"] != "count" or len(count[0].shape) != 1):
        raise call.refuse(
            "ST203",
            "weighs the ids of one sequence, under count only",
            label="has no use here",
            help="write category_encoding(20, count, count_weights=...)",
            at=("argument", "count_weights"),
        )
    return (*kept, call["num_tokens"])


_HALF_OPEN = k.optional(k.integer(1))

ROWS = (
    Row(
        "category_encoding",
        "CategoryEncoding",
        "Ids as one vector that marks or counts them, or with one_hot a vector for each.",
        "... -> ... num_tokens",
        "in(T,int) -> category_encoding(20)",
        time=timing.counts,
        mask=masking.ends,
        role="encoding",
        params=(
            Param("num_tokens", k.optional(k.SIZE), None),
            Param("output_mode", k.choice("multi_hot", "count", "one_hot"), "multi_hot"),
            Param("sparse", k.BOOL, False),
            Param("count_weights", k.TENSOR, None, call=True),
        ),
        positional=("num_tokens",),
        rule=_encoded,
    ),
    Row(
        "stft_spectrogram",
        "STFTSpectrogram",
        "The spectrogram of each channel of a signal, by kernels that can be trained.",
        "T C -> frames bins",
        "in(16000,1) -> stft_spectrogram(frame_length=256)",
        time=timing.frames,
        mask=masking.ends,
        role="spectrogram",
        params=(
            Param("mode", k.choice("log", "magnitude", "psd", "real", "imag", "angle", "stft"), "log"),
            Param("frame_length", k.integer(1), 256),
            Param("frame_step", _HALF_OPEN, None),
            Param("fft_length", _HALF_OPEN, None),
            Param("window", k.optional(k.choice(*WINDOWS)), "hann"),
            Param("periodic", k.BOOL, False),
            Param("scaling", k.optional(k.choice("density", "spectrum")), "density"),
            PADDING,
            Param("expand_dims", k.BOOL, False),
            DATA_FORMAT,
        ),
        rule=_stft,
        weights=_kernels,
        needs=lambda call: (call.shape[-1],),
    ),
    Row(
        "mel_spectrogram",
        "MelSpectrogram",
        "The spectrogram of a signal on the mel scale, in decibels: (bands, frames).",
        "T -> num_mel_bins frames",
        "in(16000) -> mel_spectrogram(num_mel_bins=80) -> swap",
        time=timing.mel_frames,
        mask=masking.ends,
        role="spectrogram",
        params=(
            Param("fft_length", k.integer(2), 2048),
            Param("sequence_stride", k.integer(1), 512),
            Param("sequence_length", _HALF_OPEN, None),
            Param("window", k.optional(k.choice("hann", "hamming")), "hann"),
            Param("sampling_rate", k.integer(1), 16000),
            Param("num_mel_bins", k.SIZE, 128),
            Param("min_freq", k.number(0), 20.0),
            Param("max_freq", k.optional(k.number(0)), None),
            Param("power_to_db", k.BOOL, True),
            Param("top_db", k.number(0), 80.0),
            Param("mag_exp", k.NUMBER, 2.0),
            Param("min_power", k.number(0), 1e-10),
            Param("ref_power", k.NUMBER, 1.0),
        ),
        rule=_mel,
        across_batch=True,
        note="The loudest sample of a batch sets the floor of all: with power_to_db, samples are not apart.",
    ),
)
