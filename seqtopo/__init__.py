"""Say a sequence model's topology in one line, get a checked Keras 3 model.

>>> import seqtopo
>>> seqtopo.check("in(T,F) -> lstm(64,seq) -> lstm(32)").ok
True

Importing this imports nothing else: a name is loaded when it is first asked for.
"""

import sys

TYPE_CHECKING = False  # as typing has it; importing that would cost as much as starting Python does
if TYPE_CHECKING:
    from seqtopo import data as data
    from seqtopo import sampling as sampling
    from seqtopo.api import ResetStates as ResetStates
    from seqtopo.api import attach as attach
    from seqtopo.api import check as check
    from seqtopo.api import compile as compile
    from seqtopo.api import compile_all as compile_all
    from seqtopo.api import decompile as decompile
    from seqtopo.api import distribute as distribute
    from seqtopo.api import format_spec as format_spec
    from seqtopo.api import generate as generate
    from seqtopo.api import get_states as get_states
    from seqtopo.api import hypermodel as hypermodel
    from seqtopo.api import predictor as predictor
    from seqtopo.api import read_code as read_code
    from seqtopo.api import rollout as rollout
    from seqtopo.api import search as search
    from seqtopo.api import set_states as set_states
    from seqtopo.api import spec_of_trial as spec_of_trial
    from seqtopo.api import to_python as to_python
    from seqtopo.diag.error import SpecError as SpecError
    from seqtopo.distributing.ranks import DistributionError as DistributionError
    from seqtopo.exporting import Exported as Exported
    from seqtopo.exporting import export as export
    from seqtopo.layers.custom import layer as layer
    from seqtopo.pictures.draw import Drawing as Drawing
    from seqtopo.pictures.draw import draw as draw
    from seqtopo.report.report import Report as Report
    from seqtopo.report.table import LayerShape as LayerShape
    from seqtopo.runtime.kernels.attaching import LayerKernel as LayerKernel
    from seqtopo.runtime.kernels.attaching import kernels as kernels
    from seqtopo.vgsl.reader import convert as convert

__version__ = "0.1.0"

# Where each public name is: the imports above, for the interpreter. A test holds the two together.
_HOMES = {
    "DistributionError": "seqtopo.distributing.ranks",
    "Drawing": "seqtopo.pictures.draw",
    "Exported": "seqtopo.exporting",
    "LayerKernel": "seqtopo.runtime.kernels.attaching",
    "LayerShape": "seqtopo.report.table",
    "Report": "seqtopo.report.report",
    "ResetStates": "seqtopo.api",
    "SpecError": "seqtopo.diag.error",
    "attach": "seqtopo.api",
    "check": "seqtopo.api",
    "compile": "seqtopo.api",
    "compile_all": "seqtopo.api",
    "convert": "seqtopo.vgsl.reader",
    "data": "seqtopo",
    "decompile": "seqtopo.api",
    "distribute": "seqtopo.api",
    "draw": "seqtopo.pictures.draw",
    "export": "seqtopo.exporting",
    "format_spec": "seqtopo.api",
    "generate": "seqtopo.api",
    "get_states": "seqtopo.api",
    "hypermodel": "seqtopo.api",
    "kernels": "seqtopo.runtime.kernels.attaching",
    "layer": "seqtopo.layers.custom",
    "predictor": "seqtopo.api",
    "read_code": "seqtopo.api",
    "rollout": "seqtopo.api",
    "sampling": "seqtopo",
    "search": "seqtopo.api",
    "set_states": "seqtopo.api",
    "spec_of_trial": "seqtopo.api",
    "to_python": "seqtopo.api",
}

if not TYPE_CHECKING:  # a type checker that saw this would take any name for a public one
    __all__ = list(_HOMES)

    def __getattr__(name):
        if name not in _HOMES:
            this = sys.modules[__name__]  # from it Python finds the name that was meant
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=this)
        from importlib import import_module

        from seqtopo.system import collector

        home = _HOMES[name]
        with collector.off():  # beside Keras, one walk over all objects takes as long as all that is loaded
            found = import_module(f"{home}.{name}" if home == __name__ else home)
        if home != __name__:
            found = getattr(found, name)
        globals()[name] = found
        return found

    def load_ipython_extension(shell):
        """Do what ``%load_ext seqtopo`` asks for: add ``%%seqtopo`` to an IPython shell."""
        from importlib import import_module

        try:
            load = import_module("seqtopo.notebook.magic").load
        except ModuleNotFoundError as error:
            if error.name.partition(".")[0] != "IPython":
                raise
            from seqtopo.system.packages import get_extra

            raise ImportError(f"%%seqtopo needs IPython; install it: {get_extra('notebook')}") from None
        load(shell)

    def __dir__():
        return sorted({*globals(), *_HOMES})
