"""Choose the backend before Keras is imported, since it cannot be changed afterwards."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.nearest import nearest
from seqtopo.source import Span
from seqtopo.system import packages
from seqtopo.system.bounds import SETTINGS_BYTES
from seqtopo.system.files import open_file
from seqtopo.system.progress import doing

PREFERENCE = ("jax", "torch", "tensorflow")
"""The backends, in the order in which they are tried if nobody chose: the one that loads fastest first."""

VARIABLE = "KERAS_BACKEND"


class BackendError(SpecError):
    """No backend can be chosen, or it cannot be loaded."""

    def __init__(self, message: str, help: str, code: str = "ST402", *notes: str) -> None:
        super().__init__((Diagnostic(code, message, Span(0, 0), notes=notes, help=help),))


def installed() -> tuple[str, ...]:
    """Return the backends that can be imported here."""
    return tuple(name for name in PREFERENCE if find_spec(name) is not None)


def choose(wanted: str | None = None) -> str:
    """Choose the backend as ``pick`` does, and load Keras on it.

    Raises:
        BackendError: as ``pick``, or Keras cannot be loaded on it.
    """
    name = pick(wanted)
    if "keras" not in sys.modules:
        _load(name)
    return name


def pick(wanted: str | None = None) -> str:
    """Choose the backend, and set ``KERAS_BACKEND`` for Keras.

    ``wanted`` comes first, then ``KERAS_BACKEND``, then the user's ``keras.json`` if it names an installed
    backend (Keras writes "tensorflow" there by default), then the first installed one.

    Raises:
        BackendError: Keras is missing, or has a version that does not work; the backend is unknown or not
            installed; or Keras runs on another one already.
    """
    refuse_packages(wanted)
    if "keras" in sys.modules:
        running = str(sys.modules["keras"].config.backend())
        if wanted and wanted != running:
            raise BackendError(
                f"Keras runs on {running} in this process already, so it cannot run on {wanted}",
                f"choose the backend before Keras is imported: {VARIABLE}={wanted}",
            )
        return running
    there = installed()
    name = wanted or os.environ.get(VARIABLE) or _configured(there) or next(iter(there), "")
    if not name:
        raise BackendError("no backend is installed", _install(PREFERENCE[0]))
    if name not in PREFERENCE:
        near = nearest(name, PREFERENCE)
        raise BackendError(
            f"there is no backend {name}",
            f"did you mean {near}?" if near else f"the backends are {', '.join(PREFERENCE)}",
        )
    if name not in there:
        raise BackendError(f"the backend {name} is not installed", _install(name))
    os.environ[VARIABLE] = name
    # Keras imports TensorFlow on any backend, and it greets; what a user needs to know is a diagnostic.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return name


def refuse_packages(wanted: str | None = None) -> None:
    """Refuse to build if a package other than a backend is missing, or this Keras does not work.

    Nothing is loaded for that.

    Raises:
        BackendError: something is missing, or this Keras is known not to work.
    """
    lacking = packages.missing()
    if lacking:
        backend = wanted if wanted in PREFERENCE else next(iter(installed()), PREFERENCE[0])
        title = "Keras" if lacking[0] == "keras" else f"{lacking[0]}, which building needs,"
        raise BackendError(f"{title} is not installed", _install(backend))
    loaded = sys.modules.get("keras")
    _check_version(str(getattr(loaded, "__version__", "")) if loaded else packages.installed("keras"))


def _load(name: str) -> None:
    """Import Keras.

    Raises:
        BackendError: it cannot be imported on this backend, or its version does not work.
    """
    try:
        with doing(f"loading Keras on {name}"):
            import keras
    # A broken package raises of whatever kind: a missing library is an OSError on PyTorch.
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise BackendError(
            f"Keras cannot be loaded on {name}",
            f"repair {name}, or choose another backend that is installed; {_install(name)}",
            "ST437",
            f"{type(error).__name__}: {reason}",
            *old_versions(name),
        ) from error
    _check_version(keras.__version__)


def _check_version(found: str) -> None:
    """Refuse a version of Keras that is known not to work.

    Raises:
        BackendError: ST436.
    """
    wrong = packages.outside("keras", found)
    if wrong:
        raise BackendError(wrong, f"install one:\n  {packages.get(packages.wanted('keras'))}", "ST436")


def old_versions(backend: str = "") -> tuple[str, ...]:
    """Return sentences on the versions of Keras and of a backend that do not work; () if both do.

    The backend is the running one by default.
    """
    backend = backend or str(sys.modules["keras"].config.backend())
    wrong = [packages.outside(name, packages.installed(name)) for name in ("keras", backend)]
    return tuple(filter(None, wrong))


def running() -> str:
    """Return the version of the running Keras and its backend, in words."""
    import keras

    return f"Keras {keras.__version__} on {keras.config.backend()}"


def _install(name: str) -> str:
    extra = name if name in PREFERENCE else PREFERENCE[0]
    return f"install it:\n  {packages.get_extra(extra)}"


def _configured(there: tuple[str, ...]) -> str:
    # A user without a home folder has "~" for one, here and in Keras.
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    try:
        with open_file(Path(home, "keras.json")) as file:
            found = json.loads(file.read(SETTINGS_BYTES))
        name = found.get("backend", "") if isinstance(found, dict) else ""
    except (OSError, ValueError, RecursionError):
        return ""
    return name if name in there else ""
