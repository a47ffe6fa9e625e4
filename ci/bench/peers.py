"""Build a model from one line of text: VGSLify, and seqtopo with the same layers, on VGSLify's backends.

VGSLify is installed by ``pip install vgslify``. Its neighbour neural-dsl (0.2.9) cannot do the same work: the
package does not import as it is installed, and the Keras code that it writes for this model does not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from timing import Row, compare

BACKENDS = ("tensorflow", "torch")
SPEC = "in(24,8) -> lstm(64,seq) -> lstm(32) -> dense(1)"
VGSL = "None,24,8 Lfs64 Lf32 Fl1"
DEEP_SPEC = "in(24,8) -> lstm(32,seq) * 20 -> dense(1)"
DEEP_VGSL = f"None,24,8 {'Lfs32 ' * 20}Fl1"
ROUNDS = 7


def measure(backend: str) -> Iterator[Row]:
    """Time the building of a small and of a deeper model; yield nothing if VGSLify is not installed."""
    if find_spec("vgslify") is None:
        return
    from vgslify import VGSLModelGenerator

    import seqtopo

    theirs = VGSLModelGenerator(backend=backend)
    for what, spec, vgsl in (("two LSTMs", SPEC, VGSL), ("twenty LSTMs", DEEP_SPEC, DEEP_VGSL)):
        tasks = {
            "seqtopo": lambda spec=spec: seqtopo.compile(spec),
            "VGSLify": lambda vgsl=vgsl: theirs.generate_model(vgsl),
        }
        yield from compare(f"building {what}", tasks, {("seqtopo", "VGSLify"): None}, ROUNDS, backend)
