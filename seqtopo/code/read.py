"""Reads Python files and notebooks for the Keras models that they make; nothing in them is run."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from seqtopo.code.interpret import Interpreter
from seqtopo.code.machine import BoundError
from seqtopo.code.model import CodeFile, Opaque, Where
from seqtopo.code.models import code_of
from seqtopo.code.values import KerasModel, Module, Scope
from seqtopo.source import Source, Span


def read_text(text: str, name: str = "<code>") -> CodeFile:
    """Return the models that a Python text makes.

    >>> found = read_text("from keras import layers, Sequential, Input\\n"
    ...                   "model = Sequential([Input((8, 3)), layers.LSTM(4)])")
    >>> [(m.name, [c.layer.kind for c in m.calls]) for m in found.models]
    [('model', ['LSTM'])]
    """
    source = Source(text, name)
    file = CodeFile(source)
    tree = ast.parse(text)
    module = Module("__main__", source)
    machine = Interpreter(file, lambda name, around: None)
    machine.scope = Scope(module.names, module)
    machine.run(tree.body)
    machine.run_uncalled()
    machine.read_unread()
    file.models = [code_of(machine, m) for m in machine.models]
    return file
