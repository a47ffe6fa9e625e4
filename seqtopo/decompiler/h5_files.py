"""Read the configuration and the weights in an HDF5 file that Keras 0.3 to 3 saved.

h5py, which comes with Keras, reads it, in a process of its own: the HDF5 library crashes or hangs on some
damaged files.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqtopo.decompiler.files import no_model, parse_config
from seqtopo.decompiler.losses import UnreadableError
from seqtopo.system.bounds import H5_BYTES_A_SECOND, H5_SECONDS
from seqtopo.system.files import open_file
from seqtopo.system.packages import get


def read_h5(path: Path) -> dict[str, Any]:
    """Return the configuration of the model in an HDF5 file, with ``keras_version`` and ``training_config``.

    Raises:
        UnreadableError: it holds none, is damaged, or h5py is not installed (ST501).
        OSError: there is no such file.
    """
    texts = ask(path, "config")["texts"]
    config = parse_config(texts["model_config"], str(path))
    # Keras 1 did not write its version into the oldest files.
    config.setdefault("keras_version", texts["keras_version"] or "1.0")
    if texts["backend"] is not None:
        config.setdefault("backend", texts["backend"])
    if texts["training_config"] is not None:
        config["training_config"] = parse_config(texts["training_config"], f"{path} (training_config)")
    return config


def ask(path: Path, what: str, *out: str) -> dict[str, Any]:
    """Return the answer of ``h5_child`` for a file.

    Raises:
        UnreadableError: the file is damaged, or h5py is not installed (ST501).
        OSError: there is no such file.
    """
    open_file(path).close()
    if find_spec("h5py") is None:
        said = f"{path} is an HDF5 file, which h5py reads: it is not installed"
        raise UnreadableError("ST501", said, get("h5py"))
    root = str(Path(__file__).resolve().parents[2])
    size = os.path.getsize(path)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "seqtopo.decompiler.h5_child", what, str(path), *out],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, *sys.path)))},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=H5_SECONDS + size / H5_BYTES_A_SECOND,
        )
    except subprocess.TimeoutExpired:
        raise no_model(f"{path} cannot be read: it is damaged, and the HDF5 library does not end") from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    except ValueError:
        answer = {}
    if "wrong" in answer:
        raise UnreadableError(*answer["wrong"])
    if not answer or "damaged" in answer:
        said = answer.get("damaged", "the HDF5 library gives up on it")
        raise no_model(f"{path} cannot be read: {f'it is damaged ({said})' if size else 'it is empty'}")
    return answer
