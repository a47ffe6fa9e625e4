"""Say a sequence model's topology in one line, get a checked Keras 3 model.

>>> import seqtopo
>>> seqtopo.check("in(T,F) -> lstm(64,seq) -> lstm(32)").ok
True
"""

from seqtopo.api import SpecError, check, compile, compile_all, format_spec
from seqtopo.layers.custom import layer
from seqtopo.report import LayerShape, Report

__all__ = ["LayerShape", "Report", "SpecError", "check", "compile", "compile_all", "format_spec", "layer"]

__version__ = "0.1.0"
