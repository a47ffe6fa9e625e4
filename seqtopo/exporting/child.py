"""Export one model in a child process on a chosen backend, since converters print and may end the process.

``python -m seqtopo.exporting.child REQUEST``: the request is a file of JSON, and the answer is written into
it.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import keras

from seqtopo.decompiler.model_files import read_config
from seqtopo.diag.error import SpecError
from seqtopo.emit import keras_private
from seqtopo.exporting.comparing import RefusedError, Sample, compared, error_text, samples
from seqtopo.exporting.engines import WRITERS, by_keras
from seqtopo.exporting.formats import FORMATS, Format, has
from seqtopo.report.analyse import analyse
from seqtopo.runtime.building import build, keras_refusals
from seqtopo.runtime.custom_classes import custom_objects, unknown_classes
from seqtopo.runtime.kernels import attaching, time_distributed
from seqtopo.runtime.states.tracking import stateful_layers
from seqtopo.runtime.stepping.one_step import one_step


class Request(TypedDict, total=False):
    """A request to export: the file of a ``model``, or a ``spec`` with ``dims``; the path and options."""

    model: str
    modules: list[str]
    spec: str
    dims: dict[str, Any]
    max_params: int
    out: str
    format: str
    step: bool
    batch: int | None


def main(request_file: str) -> int:
    """Export as the request says, and return the exit code, which is 0 for a refusal too."""
    path = Path(request_file)
    request = json.loads(path.read_text(encoding="utf-8"))
    warnings.simplefilter("ignore")
    try:
        answer = export(request)
    except RefusedError as refused:
        answer = {"refused": refused.answer}
    path.write_text(json.dumps(answer), encoding="utf-8")
    return 0


def export(request: Request) -> dict[str, Any]:
    """Load, export, run and compare a model, and return the report.

    Raises:
        RefusedError: it cannot be exported, or the exported model gives other outputs.
    """
    format = FORMATS[request["format"]]
    known = custom_objects(request.get("modules", ()))
    model = _flat(_built(request) if "spec" in request else _loaded(request, known))
    names = [_named(x) for x in model.outputs]
    if request["step"]:
        model, names = _step_of(model, names)
    elif stateful_layers(model):
        raise RefusedError(
            "ST435",
            "the model is stateful, and what is exported keeps no states between calls",
            help="export its one-step model, which takes its states and gives the next ones: --step",
            elsewhere=False,
        )
    signature = _signature(model, format, request["batch"])
    trials = list(samples(model, signature))
    return {
        "inputs": [
            [x.name, _sizes(spec.shape), spec.dtype] for x, spec in zip(model.inputs, signature, strict=True)
        ],
        "outputs": [
            [name, _sizes((signature[0].shape[0], *x.shape[1:])), str(x.dtype)]
            for name, x in zip(names, model.outputs, strict=True)
        ],
        "engine": "",
        "compared": [],
        **_written(model, signature, format, request["out"], names, trials),
    }


def _written(
    model: keras.Model,
    signature: Sequence[Any],
    format: Format,
    out: str,
    names: Sequence[str],
    trials: Sequence[Sample],
) -> dict[str, Any]:
    """Write and compare, in the first of the ways that gives the right outputs.

    Raises:
        RefusedError: the result of the last way.
    """
    ways = _ways(format)
    for left, way in enumerate(ways, 1 - len(ways)):
        way(model)
        try:
            _refuse_open_loops(model, format)
            _write(model, signature, format, out, names)
            return compared(model, format, out, trials) if has(format.engine) else {}
        except RefusedError:
            if not left:
                raise
    raise AssertionError("there is a way for every format")


def _ways(format: Format) -> list[Callable[[keras.Model], object]]:
    """Return functions that prepare a model's layers for a converter, in the order in which they are tried.

    On PyTorch, ONNX has the native recurrent layers too, for any number of steps. If their outputs differ
    (under a mask, for one, which only the comparison shows), Keras' own loop is written out step by step.
    """
    if keras.config.backend() != "torch":
        return [_lay_steps_together]
    if format.name == "onnx" and has(format.engine):
        return [attaching.attach, attaching.detach]
    return [attaching.detach]


def _lay_steps_together(model: keras.Model) -> None:
    """Make ``TimeDistributed`` layers call their inner layer once for all steps, if that gives the same.

    With an open number of steps in TensorFlow's graph, Keras (3.15) runs it for as many steps as there are
    sequences; on JAX it cannot be exported at all.
    """
    attaching.attach(
        model,
        lambda layer: (
            time_distributed.choose(layer) if isinstance(layer, keras.layers.TimeDistributed) else None
        ),
    )


def _built(request: Request) -> keras.Model:
    dims: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in request["dims"].items()
    }
    try:
        built = build(analyse(request["spec"], dims), max_params=request["max_params"], kernels=False)
        with keras_refusals(built.resolved.source):
            return built.main()
    except SpecError as error:
        first = error.diagnostics[0]
        raise RefusedError(
            first.code, first.message, *first.notes, help=first.help, elsewhere=False
        ) from None


def _loaded(request: Request, known: Mapping[str, Any]) -> keras.Model:
    path = request["model"]
    try:
        return keras.saving.load_model(path, custom_objects=dict(known), compile=False)
    except Exception as error:
        which, help = unknown_classes(read_config(Path(path)), request.get("modules", ()))
        notes = () if which else (error_text(error),)
        raise RefusedError(
            "ST431",
            f"{which}, so it cannot load the model" if which else "Keras cannot load the model",
            *notes,
            help=help or "save it anew",
            elsewhere=False,
        ) from None


def _flat(model: keras.Model) -> keras.Model:
    """Return the model with its inputs and outputs as flat lists."""
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise RefusedError(
            "ST431",
            "the model does not say what it takes: it is neither functional nor Sequential, or was not built",
            help="give it a keras.Input and save it again",
            elsewhere=False,
        )
    return keras.Model(list(model.inputs), list(model.outputs), name=model.name)


def _step_of(model: keras.Model, names: Sequence[str]) -> tuple[keras.Model, list[str]]:
    """Return the one-step model, and the names of its outputs: the answers, then the next states."""
    try:
        step_model = one_step(model)
    except ValueError as error:
        help = "export the model as it is, without --step"
        raise RefusedError("ST431", str(error), help=help, elsewhere=False) from None
    return step_model.model, [
        *(names[i] for i in step_model.outputs),
        *(f"next_{state.name}" for state in step_model.states),
    ]


def _named(output: Any) -> str:
    """Return the name of an output, which is that of its layer."""
    return keras_private.name_of(output)


def _sizes(shape: Sequence[int | None]) -> list[int | str]:
    """Return a shape with words for open sizes: the batch, and the time steps."""
    words = ("batch", "time")
    return [words[min(i, 1)] if size is None else int(size) for i, size in enumerate(shape)]


def _runs_keras_loop(layer: Any) -> bool:
    """Return whether a layer runs Keras' own loop over the time steps."""
    if not isinstance(layer, keras.layers.RNN):
        return False
    return keras.config.backend() != "torch" or attaching.attached(layer) is None


def _refuse_open_loops(model: keras.Model, format: Format) -> None:
    """Refuse a recurrent layer whose loop needs a fixed number of steps.

    Raises:
        RefusedError: the number is open.
    """
    if keras.config.backend() in format.any_steps or not any(None in x.shape[1:] for x in model.inputs):
        return
    looping = [x.name for x in model.layers if any(map(_runs_keras_loop, keras_private.layers_inside(x)))]
    if not looping:
        return
    raise RefusedError(
        "ST434",
        f"{format.title} through {keras.config.backend()} needs a number of time steps, for {looping[0]}",
        format.loops,
        help="bind it: -D T=24",
    )


def _signature(model: keras.Model, format: Format, batch: int | None) -> list[Any]:
    """Return the signature of the inputs; the batch is open if the format allows it and none is given."""
    recurrent = any(isinstance(x, keras.layers.RNN) for x in keras_private.layers_inside(model))
    fixed = {x.shape[0] for x in model.inputs} - {None}
    if recurrent and not format.any_batch and batch is None and not fixed:
        batch = 1
    return [
        keras.InputSpec(
            shape=(batch or x.shape[0], *x.shape[1:]),
            dtype=keras.backend.standardize_dtype(x.dtype),
            name=x.name,
        )
        for x in model.inputs
    ]


def _write(
    model: keras.Model, signature: Sequence[Any], format: Format, out: str, names: Sequence[str]
) -> None:
    try:
        WRITERS.get(format.name, by_keras)(model, signature, format, out, names)
    # Converters raise of whatever kind, and so do the backends under them.
    except Exception as error:
        raise RefusedError(
            "ST431", f"{keras.config.backend()} cannot export this model as {format.title}", error_text(error)
        ) from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
