"""Which backend Keras runs on: chosen before Keras is imported, since it cannot be changed after."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from seqtopo.diag.model import Diagnostic
from seqtopo.diag.nearest import nearest
from seqtopo.source import Span

PREFERENCE = ("jax", "torch", "tensorflow")
"""The backends, in the order in which they are taken where nobody chose: the lightest first."""

VARIABLE = "KERAS_BACKEND"


class BackendError(ValueError):
    """No backend can be chosen; carries the diagnostic."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(f"{message}\n{help}")
        self.diagnostic = Diagnostic("ST402", message, Span(0, 0), help=help)


def installed() -> tuple[str, ...]:
    """The backends that can be imported here."""
    return tuple(name for name in PREFERENCE if find_spec(name) is not None)


def choose(wanted: str | None = None) -> str:
    """Chooses the backend and tells Keras, by ``KERAS_BACKEND``.

    ``wanted`` comes first, then ``KERAS_BACKEND``, then the user's ``keras.json`` where it names an
    installed backend (Keras writes "tensorflow" there by itself), then the first one installed.

    Raises:
        BackendError: there is no Keras, the backend is unknown or not installed, or Keras runs on
            another one already.
    """
    if find_spec("keras") is None:
        raise BackendError("Keras is not installed", _install(wanted or PREFERENCE[0]))
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
    if name == "tensorflow":
        # TensorFlow greets on import; what a user needs to know comes as a diagnostic.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return name


def running() -> str:
    """Which Keras runs in this process, and on what, in words."""
    import keras

    return f"Keras {keras.__version__} on {keras.config.backend()}"


def _install(name: str) -> str:
    extra = name if name in PREFERENCE else PREFERENCE[0]
    return f"install it: pip install 'seqtopo[{extra}]'"


def _configured(there: tuple[str, ...]) -> str:
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        found = json.loads((Path(home) / "keras.json").read_text(encoding="utf-8"))
        name = found.get("backend", "") if isinstance(found, dict) else ""
    except (OSError, ValueError):
        return ""
    return name if name in there else ""
