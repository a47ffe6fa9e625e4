"""Interpret functions that make models and are never called, with their defaults and symbols."""

from __future__ import annotations

import ast

from seqtopo.code import keras_names
from seqtopo.code.calling import Caller
from seqtopo.code.classes import kind_of, read_subclass
from seqtopo.code.machine import PARAMETER, BoundError
from seqtopo.code.values import (
    Arguments,
    Function,
    Instance,
    KerasModel,
    Scope,
)
from seqtopo.system import bounds

_MAKERS = frozenset(
    {"Sequential", "Model", "Input", "add", *keras_names.ROW_OF}
    | {"Lambda", "CuDNNLSTM", "CuDNNGRU", "Functional"}
)
"""Words in a function that makes a model or a part of one."""


def _words(node: ast.AST) -> frozenset[str]:
    """Return the names and attributes in a function."""
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
    return frozenset(found)


def run_uncalled(machine: Caller) -> None:
    """Run the functions and methods that make models and are never called."""
    words = {id(f): _words(f.node) for f in machine.functions}
    makers = {f.name for f in machine.functions if words[id(f)] & _MAKERS}
    for _ in range(3):
        makers |= {f.name for f in machine.functions if words[id(f)] & makers}
    waiting = [f for f in machine.functions if not f.calls and f.name in makers]
    named: dict[str, int] = {}
    for function in waiting:
        for word in words[id(function)] & {f.name for f in waiting} - {function.name}:
            named[word] = named.get(word, 0) + 1
    waiting.sort(key=lambda f: named.get(f.name, 0))
    machine.alone = True
    for function in waiting:
        if not function.calls:
            machine.limit = machine.steps + bounds.CODE_UNCALLED_STEPS
            try:
                _run_alone(machine, function)
            except BoundError as error:
                machine.stop(str(error), function.node)
                machine.depth = 0
                machine.trail.clear()
    machine.alone = False


def _run_alone(machine: Caller, function: Function) -> None:
    owner = function.owner
    args = Arguments()
    machine.scope = Scope({}, function.scope.module)
    node = function.node
    if owner is None:
        machine.call_function(function, args, node)
        return
    kind = kind_of(owner)
    if kind == "layer" or (function.name.startswith("__") and function.name != "__init__"):
        return
    if owner.made == 0:
        made = machine.make(owner, Arguments(), node)
        machine.put(owner.names, " an object", made)
        if function.calls or (kind in ("model", "sequential") and function.name == "call"):
            return
    made = owner.names.get(" an object")
    if made is None:
        return
    instance = made.instance if isinstance(made, KerasModel) else made
    if isinstance(instance, Instance):
        machine.call_function(function, args, node, instance)


def read_unread(machine: Caller) -> None:
    """Follow the subclassed models that nothing calls."""
    for model in list(machine.models):
        if model.kind == "subclass" and not model.code.inputs and model.instance is not None:
            call = model.instance.cls.find("call")
            if not isinstance(call, Function) or call.calls:
                continue
            machine.scope = Scope({}, call.scope.module)
            read_subclass(machine, model, machine.unknown(PARAMETER, call.node, "inputs"), call.node)
