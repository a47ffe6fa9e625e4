"""Allowances for random specs: intended strictness beyond Keras, and limits of backends."""

from __future__ import annotations

import os

from seqtopo.graph.graph import SubModel
from seqtopo.layers.layer import Layer
from seqtopo.report.analyse import analyse


def stricter(code: str, row: str, message: str) -> str:
    """Return why the checker refuses what Keras builds and runs; "" if there is no such reason."""
    return next(
        (
            why
            for c, rows, words, why in STRICTER
            if c == code and (not rows or row in rows) and words in message
        ),
        "",
    )


def onednn_only(text: str) -> tuple[str, str]:
    """Return the first part of a spec that TensorFlow computes only through oneDNN, and its dtype."""
    checked = analyse(text)
    assert checked.resolved is not None, text
    graphs = [checked.resolved.graph]
    for graph in graphs:
        for layer in graph.layers():
            inner: object = layer
            while isinstance(inner, Layer):
                what = inner.row.onednn_only(inner.args)
                if what:
                    return what, inner.get("dtype") or "float32"
                inner = inner.args.get("layer")
            if isinstance(inner, SubModel):
                graphs.append(inner.graph)
    return "", ""


def _lacks_onednn(text: str, said: str) -> bool:
    """Return whether TensorFlow fails because it computes a part of the spec only through oneDNN."""
    if not said.startswith(("UnimplementedError", "InvalidArgumentError")):
        return False
    what, dtype = onednn_only(text)
    return bool(what) and (dtype != "float32" or os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "1")


def at_run(backend: str, text: str, error: BaseException) -> str:
    """Return why a backend cannot run a model that Keras builds; "" if that is no limit of the backend."""
    said = f"{type(error).__name__}: {error}"
    if backend == "tensorflow" and _lacks_onednn(text, said):
        return "TensorFlow computes it on a CPU through oneDNN alone"
    return next(
        (
            why
            for b, parts, words, why in LIMITS
            if b in ("", backend) and words in said and all(part in text for part in parts.split())
        ),
        "",
    )


STRICTER: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    ("ST203", (), "would end the whole process", "Keras on TensorFlow divides by zero there, which ends it"),
    ("ST301", (), "adaptive_", "Keras on TensorFlow divides by zero there, which ends the process"),
    ("ST306", (), "samples, but is given", "not every backend reflects as much of a short signal"),
    ("ST309", (), "takes for", "Keras' masks of steps go with one axis of them"),
    ("ST302", ("rescaling",), "does not stretch", "Keras broadcasts unequal ranks in silence"),
    (
        "ST309",
        ("attention", "additive_attention"),
        "of one width",
        "Keras broadcasts a width of 1",
    ),
    ("ST312", (), "names no axis", "written so, it can only be a slip"),
    ("ST312", ("concat",), "has no axis", "Keras does not look at the axis where there is one value"),
    (
        "ST309",
        ("mha",),
        "along the time axis alone",
        "Keras masks steps along one axis, whatever is attended over",
    ),
    (
        "ST203",
        ("category_encoding",),
        "sparse tensors on some",
        "some backends only, and no layer after it takes them",
    ),
    ("ST203", ("normalization",), "variance below 0", "what comes out is not a number"),
    (
        "ST203",
        ("conv1d_transpose",),
        "makes kernels of one channel",
        "Keras keeps a kernel of another shape than it asked for; the bias alone stretches to its channels",
    ),
    (
        "ST203",
        ("einsum_dense",),
        "take gptq_unpacked_column_size=",
        "Keras writes it itself, when it saves a quantized layer, and looks at it only there",
    ),
    ("ST203", (), "=True, not", "Keras takes true for 1"),
    ("ST203", (), "=False, not", "Keras takes false for 0"),
    ("ST203", (), "not true or false", "Keras asks only whether a value counts as true"),
    ("ST203", (), "does not take quantization_config=", "Keras looks at it when it quantizes"),
    ("ST203", (), "but its alpha_regularizer", "Keras does not look at it where the layer is frozen"),
    ("ST203", (), "not a dtype such as", "Keras takes whatever bears a name for a dtype"),
    ("ST203", ("mha",), "works on weights of 2 axes", "Keras does not look at it where the layer is frozen"),
    ("ST203", ("reshape",), "does not take target_shape=(None,)", "Keras takes none for what is left over"),
    ("ST203", ("reversible_embedding",), "divides by its logit_soft_cap", "what comes out is not a number"),
    ("ST203", ("rms_normalization",), "does not take epsilon=-", "Keras does not look at it"),
    ("ST308", (), "a weight's sizes must be known", "to compare, a number was put in the place of ?"),
    ("ST309", (), "as many steps in the key as", "Keras looks at numbers only, when the model is built"),
    (
        "ST214",
        (),
        "takes one value but is given",
        "Keras takes the list for one value, and drops what it says",
    ),
    ("ST311", ("spectral_normalization",), "it was built for", "Keras compares the sizes that it knows"),
    ("ST301", (), "takes a mask with one value a step", "Keras' own masks go with one axis of steps"),
    ("ST301", ("mask",), "takes (..., F)", "Keras takes the batch for the steps"),
    ("ST301", ("mel_spectrogram", "stft_spectrogram"), "takes (T,)", "Keras takes the batch for the steps"),
    ("ST203", (), "does not take seed=", "Keras looks at a seed where it is used, if it is"),
    ("ST310", ("category_encoding",), "takes ids, which are", "TensorFlow counts no others"),
    ("ST308", (), "with these arguments it is built for a known number", "Keras unrolls no open length"),
    ("ST203", (), "lora_alpha other than", "Keras uses the rank instead, without a word"),
    ("ST203", (), "decomposes matrices", "no backend but TensorFlow can"),
    ("ST203", ("batchnorm",), "TensorFlow only", "no backend but TensorFlow can"),
    ("ST303", (), "merges values of equal axes", "Keras broadcasts unequal ranks in silence"),
    ("ST310", ("spectral_normalization",), "cut its output", "the output would be cut to whole numbers"),
    ("ST313", (), "does not pass frozen on", "Keras would train what is meant to be frozen"),
    ("ST312", (), "it is the batch", "no layer may mix the samples of a batch"),
    ("ST312", (), "names an axis twice", "it can only be a slip"),
    ("ST314", ("max", "min"), "is given one", "max(time) reduces, so max alone may be half written"),
    ("ST310", (), "computes with fractions", "what whole numbers do here is not the same on every backend"),
    ("ST310", (), "whole numbers of two dtypes", "what comes out is not the same on every backend"),
    (
        "ST310",
        (),
        "needs vectors of fractions",
        "what whole numbers do here is not the same on every backend",
    ),
    (
        "ST301",
        ("attention", "additive_attention"),
        "takes (..., ",
        "Keras takes the batch for the steps",
    ),
    ("ST301", ("mha",), "takes (T, ..., F)", "Keras attends over nothing: each value alone"),
    ("ST312", ("mha",), "only steps can be attended to", "Keras attends over the features, or mixes samples"),
    ("ST304", (), "starts from", "Keras looks neither at the number of states nor at their width"),
    ("ST309", ("attention", "additive_attention"), "same leading axes", "Keras broadcasts them in silence"),
    ("ST309", ("attention", "additive_attention"), "same number of axes", "Keras broadcasts them in silence"),
    ("ST301", ("category_encoding",), "takes (T,)", "Keras encodes another axis than it says"),
    ("ST302", (), "noise_shape", "Keras broadcasts unequal ranks in silence"),
    ("ST312", ("norm",), "normalizes the last axes", "Keras on PyTorch fails on others"),
    (
        "ST312",
        ("rms_normalization",),
        "scales the last axes only",
        "Keras scales others by weights that broadcast",
    ),
    ("ST203", ("max", "min"), "keeps the axis it reduces", "Keras' layer of that name has no keepdims"),
    ("ST203", ("max", "min"), "over an axis is a plain operation", "Keras' operation takes no dtype"),
    ("ST310", (), "needs numbers, but is given bool", "TensorFlow has no arithmetic on truth values"),
    ("ST203", ("mha",), "reads the query's mask from the query itself", "Keras does not look at the mask"),
)
"""Code, rows (none: all), words of the message, and the reason."""

_NO_ID = "fractions that a layer has computed are not ids"
LIMITS: tuple[tuple[str, str, str, str], ...] = (
    ("torch", "embed", "index out of range", _NO_ID),
    ("tensorflow", "embed", "is not in [0", _NO_ID),
    ("tensorflow", "category_encoding", "must be non-negative", _NO_ID),
    (
        "tensorflow",
        "dtype=",
        "not in the list of allowed values",
        "not all of TensorFlow runs in every float dtype",
    ),
    (
        "tensorflow",
        "dtype=",
        "Could not find device for node",
        "not all of TensorFlow runs in every float dtype",
    ),
    (
        "tensorflow",
        "dtype=",
        "was expected to be a double tensor",
        "not all of TensorFlow runs in every float dtype",
    ),
    ("tensorflow", "", "Input dims must be <= 5", "TensorFlow's softmax takes five axes at most"),
    (
        "tensorflow",
        "",
        "is not supported yet. [Op:SelectV2]",
        "TensorFlow broadcasts over so many axes at most",
    ),
    ("torch", "", "not implemented for 'BFloat16'", "not all of PyTorch runs in bfloat16 on a CPU"),
    ("torch", "", "not implemented for 'Half'", "not all of PyTorch runs in float16 on a CPU"),
    ("", "flash_attention", "Flash attention", "there is no flash attention on a CPU"),
    ("jax", "flash_attention", "cuDNN is not detected", "there is no flash attention on a CPU"),
    ("", "bfloat16", "Invalid input type", "Keras has spectrograms in no bfloat16"),
    ("jax", "mask", "Incompatible shapes for broadcasting", "Keras' own masks go with one axis of steps"),
    ("", "use_cudnn", "cuDNN is not supported", "there is no cuDNN on a CPU"),
    ("torch", "lanczos", "not supported", "PyTorch has no Lanczos interpolation"),
    ("", "mask", "out of bounds", "Keras' own masks go with one axis of steps"),
    ("", "mask", "`mask` must be broadcastable", "Keras' own masks go with one axis of steps"),
    ("torch", "mask", "must match the size", "Keras' own masks go with one axis of steps"),
    ("torch", "same", "smaller than kernel size", "a window longer than what it slides over, padding or not"),
    ("", "category_encoding", "must be smaller than num_classes", _NO_ID),
    ("", "mask attention", "comes out as", "Keras' own masks go with one axis of steps"),
)
"""Backend ("": all), words that all stand in the spec, words of the error, and what it cannot do."""
