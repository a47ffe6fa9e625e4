"""Say a sequence model's topology in one line, get a checked Keras 3 model.

>>> import seqtopo
>>> seqtopo.check("in(T,F) -> lstm(64,seq) -> lstm(32)").ok
True
"""

from seqtopo import data, sampling
from seqtopo.api import check, compile, compile_all, format_spec
from seqtopo.diag.error import SpecError
from seqtopo.layers.custom import layer
from seqtopo.report import LayerShape, Report
from seqtopo.rolling import generate, rollout
from seqtopo.runtime.kernels.listing import LayerKernel, kernels
from seqtopo.runtime.stateful import ResetStates, attach, get_states, set_states

__all__ = [
    "LayerKernel",
    "LayerShape",
    "Report",
    "ResetStates",
    "SpecError",
    "attach",
    "check",
    "compile",
    "compile_all",
    "data",
    "format_spec",
    "generate",
    "get_states",
    "kernels",
    "layer",
    "rollout",
    "sampling",
    "set_states",
]

__version__ = "0.1.0"
