"""One value for each parameter of each layer that is not its default, and what goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Config:
    """A serialized Keras object or layer: its class, and some of its settings."""

    class_name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """The reason why a parameter cannot be given, the code of its finding, and a value to try."""

    why: str
    code: str
    text: str = "true"


_WEIGHTS = (
    *("kernel", "recurrent", "bias", "embeddings", "depthwise", "pointwise", "alpha"),
    *("beta", "gamma", "moving_mean", "moving_variance", "activity"),
)
OBJECTS: Mapping[str, tuple[str, Any]] = {
    name: value
    for i, weight in enumerate(_WEIGHTS)
    for name, value in {
        f"{weight}_initializer": (f"constant({i / 4})", Config("Constant", {"value": i / 4})),
        f"{weight}_regularizer": (f"l1({i / 4})", Config("L1", {"l1": i / 4})),
        f"{weight}_constraint": (f"max_norm({i})", Config("MaxNorm", {"max_value": float(i), "axis": 0})),
    }.items()
}
"""Values for what a weight is made and held by: no two alike, so that one layer can be given them all."""

VALUES: Mapping[str, tuple[str, Any]] = {
    # of every layer
    "name": ("'called'", "called"),
    "trainable": ("false", False),
    "dtype": ("mixed_bfloat16", Config("DTypePolicy", {"name": "mixed_bfloat16"})),
    # sizes
    "units": ("3", 3),
    "filters": ("6", 6),
    "input_dim": ("8", 8),
    "output_dim": ("5", 5),
    "kernel_size": ("3", 3),
    "pool_size": ("3", 3),
    "output_size": ("3", 3),
    "strides": ("4", 4),
    "dilation_rate": ("2", 2),
    "groups": ("2", 2),
    "depth_multiplier": ("3", 3),
    "output_padding": ("1", 1),
    "size": ("3", 3),
    "n": ("3", 3),
    "num_heads": ("3", 3),
    "key_dim": ("5", 5),
    "value_dim": ("3", 3),
    "head_dim": ("3", 3),
    "num_query_heads": ("4", 4),
    "num_key_value_heads": ("1", 1),
    "sliding_window": ("2", 2),
    "num_tokens": ("8", 8),
    "lora_rank": ("1", 1),
    "lora_alpha": ("2", 2),
    "power_iterations": ("2", 2),
    # words and shapes
    "padding": ("same", "same"),
    "data_format": ("channels_first", "channels_first"),
    "interpolation": ("bilinear", "bilinear"),
    "score_mode": ("concat", "concat"),
    "merge_mode": ("sum", "sum"),
    "output_mode": ("count", "count"),
    "equation": ("'xyc,cz->xyz'", "xyc,cz->xyz"),
    "bias_axes": ("'bz'", "bz"),
    "target_shape": ("(4,6)", (4, 6)),
    "dims": ("(1,2)", (1, 2)),
    "cropping": ("(1,2)", (1, 2)),
    "noise_shape": ("(2,1,4)", (2, 1, 4)),
    "output_shape": ("3", 3),
    # axes
    "axis": ("time", 1),
    "axes": ("time", 1),
    "attention_axes": ("(2,)", 2),
    "shared_axes": ("time", 1),
    # numbers
    "rate": ("0.5", 0.5),
    "stddev": ("0.5", 0.5),
    "dropout": ("0.25", 0.25),
    "recurrent_dropout": ("0.5", 0.5),
    "seed": ("7", 7),
    "epsilon": ("0.25", 0.25),
    "momentum": ("0.5", 0.5),
    "renorm_momentum": ("0.5", 0.5),
    "renorm_clipping": ("(0.5,2,1)", {"rmin": 0.5, "rmax": 2, "dmax": 1}),
    "mask_value": ("5", 5),
    "offset": ("3", 3),
    "mean": ("2", 2),
    "variance": ("3", 3),
    "l1": ("0.5", 0.5),
    "l2": ("0.5", 0.5),
    "alpha": ("0.5", 0.5),
    "negative_slope": ("0.125", 0.125),
    "max_value": ("6", 6),
    "threshold": ("0.5", 0.5),
    "logit_soft_cap": ("5", 5),
    "reverse_dtype": ("float16", "float16"),
    # switches
    "use_bias": ("false", False),
    "unit_forget_bias": ("false", False),
    "return_sequences": ("true", True),
    "go_backwards": ("true", True),
    "stateful": ("true", True),
    "unroll": ("true", True),
    "use_cudnn": ("false", False),
    "reset_after": ("false", False),
    "tie_weights": ("false", False),
    "mask_zero": ("true", True),
    "keepdims": ("true", True),
    "center": ("false", False),
    "scale": ("false", False),
    "invert": ("true", True),
    "renorm": ("true", True),
    "normalize": ("true", True),
    "use_scale": ("true", True),
    "use_gate": ("true", True),
    "flash_attention": ("false", False),
    # objects
    "activation": ("sigmoid", "sigmoid"),
    "recurrent_activation": ("softsign", "softsign"),
    **OBJECTS,
    # layers
    "layer": ("dense(3)", Config("Dense", {"units": 3})),
    "backward_layer": ("lstm(2,relu,back)", Config("LSTM", {"activation": "relu", "go_backwards": True})),
}
"""The text of a value in a spec, and the value in the layer's configuration; by the parameter's name."""

VALUES_OF: Mapping[tuple[str, str], tuple[str, Any]] = {
    ("additive_attention", "use_scale"): ("false", False),
    ("rescaling", "scale"): ("0.5", 0.5),
    ("category_encoding", "dtype"): ("bfloat16", Config("DTypePolicy", {"name": "bfloat16"})),
    ("td", "dtype"): (
        "mixed_bfloat16, layer=dense(2,dtype=mixed_bfloat16)",
        Config("DTypePolicy", {"name": "mixed_bfloat16"}),
    ),
    **{(f"spatial_dropout{n}d", "dtype"): ("mixed_bfloat16", "mixed_bfloat16") for n in (1, 2, 3)},
    ("bi", "layer"): ("gru(3)", Config("GRU", {"units": 3})),
    ("einsum_dense", "output_shape"): ("(6,5)", (6, 5)),
    ("group_normalization", "groups"): ("4", 4),
    **{("zero_padding" + n, "padding"): ("(1,2)", (1, 2)) for n in ("1d", "2d", "3d")},
    ("cropping3d", "cropping"): ("(1,2,2)", ((1, 1), (2, 2), (2, 2))),
    ("zero_padding3d", "padding"): ("(1,2,2)", ((1, 1), (2, 2), (2, 2))),
    ("cropping2d", "cropping"): ("((1,2),(2,1))", ((1, 2), (2, 1))),
    ("zero_padding2d", "padding"): ("((1,2),(2,1))", ((1, 2), (2, 1))),
    ("stft_spectrogram", "mode"): ("psd", "psd"),
    ("stft_spectrogram", "frame_length"): ("12", 12),
    ("stft_spectrogram", "frame_step"): ("4", 4),
    ("stft_spectrogram", "fft_length"): ("32", 32),
    ("stft_spectrogram", "window"): ("cosine", "cosine"),
    ("stft_spectrogram", "periodic"): ("true", True),
    ("stft_spectrogram", "scaling"): ("spectrum", "spectrum"),
    ("stft_spectrogram", "expand_dims"): ("true", True),
    ("mel_spectrogram", "fft_length"): ("32", 32),
    ("mel_spectrogram", "sequence_stride"): ("4", 4),
    ("mel_spectrogram", "sequence_length"): ("8", 8),
    ("mel_spectrogram", "window"): ("hamming", "hamming"),
    ("mel_spectrogram", "sampling_rate"): ("8000", 8000),
    ("mel_spectrogram", "num_mel_bins"): ("6", 6),
    ("mel_spectrogram", "min_freq"): ("40", 40),
    ("mel_spectrogram", "max_freq"): ("3000", 3000),
    ("mel_spectrogram", "power_to_db"): ("false", False),
    ("mel_spectrogram", "top_db"): ("60", 60),
    ("mel_spectrogram", "mag_exp"): ("1.5", 1.5),
    ("mel_spectrogram", "min_power"): ("0.001", 0.001),
    ("mel_spectrogram", "ref_power"): ("2", 2),
}
"""The same for a parameter of one row, where its values are that row's own."""

SHARES = (
    *("dropout", "alpha_dropout", "gaussian_dropout", "gaussian_noise"),
    *(f"spatial_dropout{n}d" for n in (1, 2, 3)),
)
ALWAYS: Mapping[str, Mapping[str, str]] = {
    "einsum_dense": {"equation": "'abc,cz->abz'", "output_shape": "(6,2)", "bias_axes": "'z'"},
    "group_normalization": {"groups": "2"},
    "normalization": {"mean": "1", "variance": "1"},
    "category_encoding": {"num_tokens": "9"},
    "stft_spectrogram": {"frame_length": "16", "fft_length": "16"},
    "mel_spectrogram": {"fft_length": "16", "num_mel_bins": "4", "sequence_stride": "8"},
    "bi": {"layer": "lstm(2)"},
    "td": {"layer": "dense(2)"},
    "spectral_normalization": {"layer": "dense(2)"},
    "reshape": {"target_shape": "(8,3)"},
    "permute": {"dims": "(2,1)"},
    "act": {"activation": "tanh"},
}
"""The arguments of a row in each case, beside a 2 for all else that Keras requires (a share for a share)."""

BESIDE: Mapping[tuple[str, str], Mapping[str, str]] = {
    **{(f"conv{n}d_transpose", "output_padding"): {"strides": "2"} for n in (1, 2, 3)},
    ("batchnorm", "renorm_clipping"): {"renorm": "true"},
    ("batchnorm", "renorm_momentum"): {"renorm": "true"},
    **{(row, "lora_alpha"): {"lora_rank": "1"} for row in ("dense", "embed", "einsum_dense")},
    ("category_encoding", "count_weights"): {"output_mode": "count"},
}
"""The arguments that must be given beside an argument."""

INCOMING: Mapping[str, str] = {
    **dict.fromkeys(("lstm", "gru", "rnn", "bi"), "in(6,4,batch=2)"),
    "convlstm1d": "in(3,6,4,batch=2)",
    "convlstm2d": "in(3,6,6,4,batch=2)",
    "convlstm3d": "in(3,6,6,6,4,batch=2)",
    "embed": "in(6,int)",
    "reversible_embedding": "in(6,int)",
    "category_encoding": "in(6,int)",
    "repeat": "in(4)",
    "dropout": "in(6,4,batch=2)",
    "alpha_dropout": "in(6,4,batch=2)",
    "stft_spectrogram": "in(64,64)",
    "group_normalization": "in(4,4)",
    **dict.fromkeys(("norm", "rms_normalization"), "in(6)"),
    "mel_spectrogram": "in(64)",
    **dict.fromkeys(("attention", "additive_attention", "dot"), "in(6,4) in(6,4)"),
    **dict.fromkeys(("add", "sub", "mul", "avg", "max", "min", "concat"), "in(6,4) in(6,4)"),
}
"""The inputs of a row, if its number of axes does not decide them."""

INCOMING_OF: Mapping[tuple[str, str], str] = {
    ("reversible_embedding", "reverse"): "in(6,2)",
    ("mha", "attention_axes"): "in(6,5,4)",
}
"""The same for one parameter."""

CALLS: Mapping[str, tuple[str, ...]] = {
    "mask": ("in(6,bool)",),
    "query_mask": ("in(6,bool)",),
    "value_mask": ("in(6,bool)",),
    "key_mask": ("in(6,bool)",),
    "attention_mask": ("in(6,6,bool)",),
    "count_weights": ("in(6)",),
}
"""The values of the graph that an argument of a call is given."""

CALLS_OF: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("lstm", "initial_state"): ("in(2,batch=2)", "in(2,batch=2)"),
    ("gru", "initial_state"): ("in(2,batch=2)",),
    ("rnn", "initial_state"): ("in(2,batch=2)",),
    ("bi", "initial_state"): ("in(2,batch=2)",) * 4,
    ("convlstm1d", "initial_state"): ("in(5,2,batch=2)",) * 2,
    ("convlstm2d", "initial_state"): ("in(5,5,2,batch=2)",) * 2,
    ("convlstm3d", "initial_state"): ("in(5,5,5,2,batch=2)",) * 2,
    **{(row, "mask"): ("in(6,bool,batch=2)",) for row in ("lstm", "gru", "rnn", "bi")},
    **{(f"convlstm{n}d", "mask"): ("in(3,bool,batch=2)",) for n in (1, 2, 3)},
    ("attention", "mask"): ("in(6,bool)",) * 2,
    ("additive_attention", "mask"): ("in(6,bool)",) * 2,
    ("softmax", "mask"): ("in(6,4,bool)",),
}

_OBJECT = "it is a Python object, to be given to the built layer"
REFUSED: Mapping[str, Refused] = {
    "return_state": Refused("states have a name of their own, NAME.state", "ST215"),
    "return_attention_scores": Refused("scores have a name of their own, NAME.scores", "ST215"),
    "quantization_config": Refused(_OBJECT, "ST203"),
    "gptq_unpacked_column_size": Refused("Keras writes it itself, when it saves a quantized layer", "ST203"),
    "weights": Refused(_OBJECT, "ST203"),
}
"""Parameters that no spec can give."""

REFUSED_OF: Mapping[tuple[str, str], Refused] = {
    ("category_encoding", "sparse"): Refused("no layer of the language takes sparse values", "ST203"),
    **{
        (row, "trainable"): Refused("Keras would still train the layer inside", "ST313", "false")
        for row in ("bi", "td", "spectral_normalization")
    },
    **{
        (row, "lora_alpha"): Refused("Keras uses the rank instead", "ST203", "2")
        for row in ("dense", "embed")
    },
    ("batchnorm", "synchronized"): Refused("Keras has it on TensorFlow only", "ST203"),
    ("mha", "query_mask"): Refused("Keras reads the query's mask from the query itself", "ST203", "x0"),
}


FOLLOWS: Mapping[tuple[str, str], tuple[str, ...]] = {
    **{(f"{kind}pool{n}d", "pool_size"): ("strides",) for kind in ("max", "avg") for n in (1, 2, 3)},
    ("batchnorm", "renorm"): ("renorm_clipping",),
    ("mha", "key_dim"): ("value_dim",),
    # Its values are then not as wide as its keys; see the emitter.
    ("mha", "value_dim"): ("return_attention_scores",),
    **{(row, "lora_rank"): ("lora_alpha",) for row in ("dense", "embed", "einsum_dense")},
    ("td", "dtype"): ("layer",),
    ("bi", "layer"): ("backward_layer",),
    ("mel_spectrogram", "sampling_rate"): ("max_freq",),
    ("mel_spectrogram", "fft_length"): ("sequence_length",),
}
"""The parameters that Keras sets from another parameter where they are not given."""

UNSEEN: Mapping[tuple[str, str], str] = {
    **{(row, "use_cudnn"): "use_cudnn" for row in ("lstm", "gru")},
    ("rnn", "seed"): "cell.seed",
    **{(f"spatial_dropout{n}d", "dtype"): "dtype_policy.name" for n in (1, 2, 3)},
}
"""Parameters that Keras' own configuration leaves out, and the attribute that holds them."""

NO_TRACE: Mapping[tuple[str, str], str] = {
    (row, "flash_attention"): "true needs a GPU, and false is none to Keras; its own test looks at the call"
    for row in ("mha", "group_query_attention")
}
"""Parameters whose value can be seen nowhere in the layer, and why."""

NO_WORDS: Mapping[tuple[str, str], Refused] = {
    ("mha", "features"): Refused("only steps can be attended to", "ST312"),
}
"""Bare words that say what the layer cannot do."""

WORDS_OF: Mapping[tuple[str, str], Any] = {("prelu", "features"): 2}
"""The value that Keras gets for a word that depends on the shape: PReLU counts axes from the front."""


def refused(row: str, parameter: str) -> Refused | None:
    """Return the reason why a parameter cannot be given; None if it can."""
    return REFUSED_OF.get((row, parameter), REFUSED.get(parameter))


def value_of(row: str, parameter: str) -> tuple[str, Any]:
    """Return the text of a value for a parameter, and Keras' value. ``KeyError`` if there is none."""
    if (row, parameter) in VALUES_OF:
        return VALUES_OF[row, parameter]
    if parameter not in VALUES:
        raise KeyError(f"{row} has a parameter {parameter}, for which there is no value to try")
    return VALUES[parameter]
