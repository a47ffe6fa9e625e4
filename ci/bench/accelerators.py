"""Choose the accelerator or the CPU for measurements, by variables that are set before a backend loads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
"""The variables that keep each backend on the CPU."""

FOUND = {
    "jax": "import jax; assert jax.default_backend() != 'cpu'",
    "torch": "import torch; assert torch.cuda.is_available()",
    "tensorflow": "import tensorflow as tf; assert tf.config.list_physical_devices('GPU')",
}
"""Programs that exit without an error if the backend sees an accelerator."""


def leave_alone() -> None:
    """Keep the children on the CPU, so that all backends are measured on the same device."""
    os.environ.update(HIDDEN)


def use(backends: Sequence[str] | None = None) -> str:
    """Let the children use an accelerator; return a message if one of the backends sees none, else ""."""
    for name in HIDDEN:
        os.environ.pop(name, None)
    blind = [
        name
        for name in backends or FOUND
        if subprocess.run([sys.executable, "-c", FOUND[name]], capture_output=True, check=False).returncode
    ]
    if not blind:
        return ""
    return (
        f"ci/bench --gpu: {', '.join(blind)} cannot see an accelerator here. Install the build of it that "
        "is made for one, or name those that can: --backend torch"
    )
