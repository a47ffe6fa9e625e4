"""Export models for other programs (``seqtopo.export``), in a process of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.nearest import nearest
from seqtopo.emit.backend import installed, refuse_packages
from seqtopo.exporting.formats import FORMATS, Format, able, format_of, has, written_by
from seqtopo.source import Span
from seqtopo.system import leftovers, packages
from seqtopo.system.progress import doing
from seqtopo.system.replacing import why_kept

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Port:
    """An input or output of an exported model: its name there and its shape, with words for open sizes."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str


@dataclass(frozen=True)
class Exported:
    """The result of ``export``: the files, and the comparison with Keras.

    Attributes:
        path: The file or folder that was written.
        format: The format's name, as ``export`` takes it: ``"onnx"``, ``"tflite"``, ...
        backend: The Keras backend that traced the model.
        inputs: The inputs of the exported model: names, shapes with the batch axis (a word for an open size),
            and dtypes.
        outputs: Its outputs, in the same way.
        engine: The program that ran the exported model, ``""`` if none is installed.
        compared: For each run the shapes of the inputs, and the largest difference from Keras' output,
            relative to the largest number of that output.
    """

    path: Path
    format: str
    backend: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    engine: str
    compared: tuple[tuple[tuple[tuple[int, ...], ...], float], ...]


def export(
    model: keras.Model | Path,
    path: str | Path,
    *,
    format: str | None = None,
    via: str | None = None,
    step: bool = False,
    batch: int | None = None,
    modules: Sequence[str] = (),
    force: bool = False,
) -> Exported:
    """Export a model for another program, by Keras' own ``export``, and compare the two before the file is
    kept.

    Args:
        model: a Keras model, or the ``pathlib.Path`` of a ``.keras`` file.
        path: where to write. Its ending says the format: ``.onnx``, ``.tflite``, ``.pt2`` (PyTorch), or none,
            for the folder of a TensorFlow SavedModel.
        format: ``onnx``, ``saved_model``, ``tflite`` or ``pt2``, if the ending does not say it.
        via: the backend that writes it; it gets the model as a ``.keras`` file, so any works. The default is
            the installed one that writes the format best.
        step: exports the one-step model: one time step and the states go in, the answer and the next states
            come out.
        batch: fixes the number of sequences that go in at a time. TensorFlow Lite needs it for recurrent
            layers, and gets 1.
        modules: names of modules that define layers of your own, for a file. Those of a model are known.
        force: replaces a file of another kind that is there already.

    Returns:
        The path, the names of inputs and outputs, and the largest difference from Keras: the exported model
        is run at two batch sizes and two lengths, if they are open.

    Raises:
        SpecError: the backend cannot export it (others that can are named), the exported model gives other
            outputs than Keras, a package is missing, or the place cannot be written to.

    >>> import seqtopo
    >>> model = seqtopo.compile("in(?,3) -> gru(4) -> dense(1)")
    >>> try:
    ...     export(model, "model.h5")
    ... except seqtopo.SpecError as error:
    ...     print(error.diagnostics[0].message)
    no format ends in .h5
    """
    target = Path(path)
    row = chosen_format(target, format)
    backends = chosen_backends(row, via)
    refuse_place(target, row, *([model] if isinstance(model, Path) else []), force=force)
    options: dict[str, Any] = {"step": step, "batch": batch, "modules": list(modules)}
    if isinstance(model, Path):
        return exported({"model": str(model.absolute()), **options}, target, row, backends)
    with tempfile.TemporaryDirectory(prefix="seqtopo-") as folder:
        from seqtopo.runtime.custom_classes import modules_of

        options["modules"] += modules_of(model)
        if "__main__" in options["modules"]:
            raise _refuse(
                "ST431",
                "the model cannot be exported: a layer of it is defined in the program that runs",
                "move it to a module of its own, and import it from there: it is exported in another process",
            )
        file = Path(folder) / "model.keras"
        model.save(file)
        return exported({"model": str(file), **options}, target, row, backends)


def _refuse(code: str, message: str, help: str, notes: Sequence[str] = ()) -> SpecError:
    return SpecError((Diagnostic(code, message, Span(0, 0), notes=tuple(notes), help=help),))


def chosen_format(path: Path, name: str | None) -> Format:
    """Return the format with this name, or by the path's ending.

    Raises:
        SpecError: there is none of that name or ending.
    """
    if name is not None:
        if name in FORMATS:
            return FORMATS[name]
        near = nearest(name, FORMATS)
        known = f"the formats are {', '.join(FORMATS)}"
        raise _refuse("ST433", f"there is no format {name}", f"did you mean {near}?" if near else known)
    found = format_of(path)
    if found is None:
        endings = ", ".join(row.suffix for row in FORMATS.values() if row.suffix)
        raise _refuse(
            "ST433",
            f"no format ends in {path.suffix}",
            f"the endings are {endings}, or none for a TensorFlow SavedModel; or name one: --format onnx",
        )
    return found


def chosen_backends(format: Format, via: str | None) -> list[str]:
    """Return the backends that may export: the requested one, or the installed ones, the best first.

    Raises:
        SpecError: none can write the format, or a package is missing.
    """
    refuse_packages(via)
    there = installed()
    can = able(format, there)
    ways = (
        f"take one that can: --via {can[0]}" if can else f"{format.title} is written by {written_by(format)}"
    )
    if via is None:
        if can:
            return can
        best, needs = next(iter(format.writers.items()))
        missing = list(dict.fromkeys(name for name in (best, needs) if not has(name)))
        raise _refuse(
            "ST433",
            f"nothing that is installed writes {format.title}",
            f"install {' and '.join(missing)}: {_install(missing)}",
        )
    if via not in format.writers:
        raise _refuse("ST433", f"{via} cannot write {format.title}", ways)
    if via not in there:
        raise _refuse("ST433", f"the backend {via} is not installed", f"{_install([via])}; or {ways}")
    if not has(format.writers[via]):
        needs = format.writers[via]
        raise _refuse(
            "ST433",
            f"{via} needs the package {needs} to write {format.title}",
            f"{_install([needs])}; or {ways}",
        )
    return [via]


def _install(names: Iterable[str]) -> str:
    return packages.get(*map(packages.wanted, names))


def refuse_place(target: Path, format: Format, *read: str | Path, force: bool = False) -> None:
    """Refuse a place that cannot be written to, before a minute is spent on the export.

    ``read`` are the files from which it is made; ``force`` replaces another file.

    Raises:
        SpecError: ST405, there is no such folder, something else stands there, or it is one of ``read``;
            ST732, what stands there is kept, by the rule of ``seqtopo.system.replacing``.
    """
    there = ""
    try:
        place = _place(target)
        stands = os.path.lexists(place)
        reason = ""
        if not place.parent.is_dir():
            reason = f"there is no folder {target.parent}"
        elif place == Path.cwd():
            reason = "it is the current folder"
        elif any(os.path.realpath(file) == str(place) for file in read if os.path.isfile(file)):
            reason = "the model is read from it"
        elif stands and format.suffix and not place.is_file():
            reason = "it is a folder" if place.is_dir() else "it is not a file"
        elif not os.access(place.parent, os.W_OK):
            reason = f"the folder {place.parent} is not writable"
        elif stands and not format.suffix and not place.is_dir():
            reason = "it is there, and is no SavedModel"
        elif stands and not format.suffix:
            reason = "it is there, and is no SavedModel alone" if why_kept(place, format.name) else ""
        elif stands and not force:
            there = why_kept(place, format.name)
    except (OSError, ValueError) as error:
        reason = _reason(error)
    if reason:
        raise _refuse("ST405", f"{target} cannot be written: {reason}", "choose another place with -o")
    if there:
        raise _refuse(
            "ST732",
            f"{target} would be replaced: {there} is there already",
            "choose another place with -o; or replace it: --force",
        )


def _place(target: Path) -> Path:
    """Return the path to write to: a link is kept, and its target is replaced.

    Raises:
        OSError: no file can have that name.
        ValueError: the same, for a name with a null character.
    """
    place = Path(os.path.realpath(target))
    with suppress(FileNotFoundError, NotADirectoryError):
        place.lstat()
    return place


def _reason(error: Exception) -> str:
    if isinstance(error, ValueError):
        return "its name has a null character"
    return (getattr(error, "strerror", None) or str(error)).lower()


def exported(wanted: Mapping[str, Any], target: Path, format: Format, backends: Sequence[str]) -> Exported:
    """Export in a process on the first of these backends that can, and move the result into its place.

    ``wanted`` is a ``child.Request``.

    Raises:
        SpecError: as ``export``; none of the backends can.
    """
    place = _place(target)
    leftovers.sweep(place.parent)
    refused: dict[str, Mapping[str, Any]] = {}
    for backend in backends:
        try:
            answer = _exported_on(wanted, place, format, backend)
        except OSError as error:
            raise _refuse(
                "ST405", f"{target} cannot be written: {_reason(error)}", "choose another place with -o"
            ) from error
        if "refused" not in answer:
            return _exported(answer, target, format, backend)
        refused[backend] = answer["refused"]
        if not answer["refused"]["elsewhere"]:
            break
    raise _with_ways(refused, format)


def _exported_on(wanted: Mapping[str, Any], place: Path, format: Format, backend: str) -> dict[str, Any]:
    """Export on one backend beside the place, move the result there, and return the child process' answer.

    Raises:
        OSError: it cannot be moved there.
        SpecError: the process gave no answer.
    """
    in_place = tempfile.TemporaryDirectory(dir=place.parent, prefix=leftovers.PREFIX)
    with in_place as folder, leftovers.held(folder):
        # Under its final name: large ONNX models name the files that hold their weights.
        out = Path(folder) / "out" / place.name
        out.parent.mkdir()
        answer = _asked(
            {**wanted, "out": str(out), "format": format.name},
            Path(folder) / "request.json",
            backend,
        )
        if "refused" not in answer:
            for made in out.parent.iterdir():
                _put(made, place.parent / made.name)
        return answer


def _exported(answer: Mapping[str, Any], target: Path, format: Format, backend: str) -> Exported:
    names = answer.get("names", {})
    return Exported(
        target,
        format.title,
        backend,
        _ports(answer["inputs"], names.get("inputs")),
        _ports(answer["outputs"], names.get("outputs")),
        answer["engine"],
        tuple(
            (tuple(tuple(shape) for shape in each["inputs"]), float(each["apart"]))
            for each in answer["compared"]
        ),
    )


def _ports(ports: Sequence[Any], names: Sequence[str] | None) -> tuple[Port, ...]:
    return tuple(
        Port(names[i] if names else name, tuple(shape), dtype) for i, (name, shape, dtype) in enumerate(ports)
    )


def _put(made: Path, place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    mask = os.umask(0o077)
    os.umask(mask)
    if made.is_file():
        made.chmod(0o666 & ~mask)
    made.replace(place)


def _asked(request: Mapping[str, Any], file: Path, backend: str) -> dict[str, Any]:
    """Send a request to the child process, and return its answer.

    Raises:
        SpecError: it gave none.
    """
    file.write_text(json.dumps(request), encoding="utf-8")
    # The child can import what this process can, such as the package of a custom layer.
    path = os.pathsep.join(filter(None, (str(Path(__file__).resolve().parents[2]), *sys.path)))
    with doing(f"exporting on {backend}"):
        done = subprocess.run(
            [sys.executable, "-P", "-W", "ignore", "-m", "seqtopo.exporting.child", str(file)],
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    answer: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if done.returncode == 0 else {}
    if not answer:
        last = [line.strip() for line in done.stderr.splitlines() if line.strip()][-1:]
        return {
            "refused": {
                "code": "ST431",
                "message": f"{backend} ended while it exported the model (exit code {done.returncode})",
                "notes": last,
                "help": "",
                "elsewhere": True,
            }
        }
    return answer


def _with_ways(refused: Mapping[str, Mapping[str, Any]], format: Format) -> SpecError:
    """Return the error of an export that no backend could do, with what else can be tried."""
    backend, last = list(refused.items())[-1]
    if not last["elsewhere"]:
        return _refuse(last["code"], last["message"], last["help"], last["notes"])
    helps = [answer["help"] for answer in refused.values() if answer["help"]]
    untried = [name for name in able(format, installed()) if name not in refused]
    missing = [name for name in format.writers if name not in refused and name not in untried]
    if untried:
        helps.append(f"let another backend write it: leave out --via {backend}")
    elif not helps and missing:
        lacking = dict.fromkeys((missing[0], format.writers[missing[0]]))
        helps.append(f"{missing[0]} may be able to: {_install(lacking)}, then --via {missing[0]}")
    elif not helps:
        others = [other for other in FORMATS.values() if other is not format and able(other, installed())]
        helps += [f"choose another format: --format {other.name}" for other in others[:1]]
    if len(refused) == 1:
        return _refuse(last["code"], last["message"], "; or ".join(helps), last["notes"])
    notes = [
        " ".join((f"{name}: {answer['message']}", *answer["notes"][:1])) for name, answer in refused.items()
    ]
    message = f"no backend that is installed can export this model as {format.title}"
    return _refuse("ST431", message, "; or ".join(dict.fromkeys(helps)), notes)
