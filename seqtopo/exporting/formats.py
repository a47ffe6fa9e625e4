"""List the export formats: the backends that write each, the packages they need, and the engines that run it.

This module does not load Keras.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import PurePath


@dataclass(frozen=True)
class Format:
    """An export format.

    ``keras`` is its name in Keras' ``export``, ``suffix`` the ending of its files ("" for a folder).
    ``writers`` are the backends that can write it, the best first, with the package that each needs for it.
    ``engine`` is the package that runs it. ``any_steps`` are the backends whose files take any number of
    steps through a recurrent layer; the others write the loop out for a fixed number.
    """

    name: str
    title: str
    keras: str
    suffix: str
    writers: Mapping[str, str]
    engine: str
    loops: str = ""
    """The reason for which the other backends need a fixed number of steps."""
    any_steps: Sequence[str] = ()
    any_batch: bool = True
    """True if a recurrent layer can take any batch size in it."""


FORMATS: Mapping[str, Format] = {
    row.name: row
    for row in (
        Format(
            "onnx",
            "ONNX",
            "onnx",
            ".onnx",
            {"tensorflow": "tf2onnx", "jax": "jax2onnx", "torch": "onnxscript"},
            "onnxruntime",
            loops="PyTorch writes a loop out, step by step",
            any_steps=("tensorflow", "jax"),
        ),
        Format(
            "saved_model",
            "TensorFlow SavedModel",
            "tf_saved_model",
            "",
            {"tensorflow": "tensorflow", "jax": "tensorflow"},
            "tensorflow",
            any_steps=("tensorflow", "jax"),
        ),
        Format(
            "tflite",
            "TensorFlow Lite (LiteRT)",
            "litert",
            ".tflite",
            {"tensorflow": "tensorflow"},
            "tensorflow",
            loops="its own operations keep what a loop gives for a fixed number of steps only",
            any_batch=False,
        ),
        Format(
            "pt2",
            "PyTorch ExportedProgram",
            "torch",
            ".pt2",
            {"torch": "torch"},
            "torch",
            loops="PyTorch writes a loop out, step by step",
        ),
    )
}
"""The formats by name."""

BY_SUFFIX: Mapping[str, Format] = {row.suffix: row for row in FORMATS.values()}


def format_of(path: PurePath) -> Format | None:
    """Return the format of a path's ending; None if no format has it.

    >>> format_of(PurePath("model.onnx")).name, format_of(PurePath("served")).name
    ('onnx', 'saved_model')
    """
    return BY_SUFFIX.get(path.suffix)


def able(format: Format, installed: Sequence[str]) -> list[str]:
    """Return the installed backends that can write a format, the best first."""
    return [name for name, needs in format.writers.items() if name in installed and has(needs)]


def has(package: str) -> bool:
    """Return whether a package is installed."""
    return find_spec(package) is not None


def written_by(format: Format) -> str:
    """Return the backends that write a format, in words.

    >>> written_by(FORMATS["onnx"])
    'tensorflow, jax or torch'
    """
    *others, last = format.writers
    return f"{', '.join(others)} or {last}" if others else last
