"""Whether the measurements run on an accelerator: chosen before a backend is imported, by its variables."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
"""What keeps each backend on the CPU."""

FOUND = {
    "jax": "import jax; assert jax.default_backend() != 'cpu'",
    "torch": "import torch; assert torch.cuda.is_available()",
    "tensorflow": "import tensorflow as tf; assert tf.config.list_physical_devices('GPU')",
}
"""Programs that end well where the backend sees an accelerator."""


def leave_alone() -> None:
    """Keeps the children on the CPU, so that all backends are measured on the same device."""
    os.environ.update(HIDDEN)


def use(backends: Sequence[str] | None = None) -> str:
    """Lets the children take an accelerator; where one of the backends sees none, what to say."""
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
