"""Arrays in the interpreter: what ``seqtopo.code.array_calls`` tells of its values."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from seqtopo.code import array_calls
from seqtopo.code.arrays import Batches, CodeArray, Items, Thing
from seqtopo.code.indexing import Located
from seqtopo.code.machine import BRANCH, Machine
from seqtopo.code.model import Value
from seqtopo.code.values import Arguments, Outside, Unknown, is_list, is_size

_KINDS = (CodeArray, Items, Batches, Thing, Located)


def is_data(value: Value) -> bool:
    """Return whether a value is an array, a table, or an object that makes them, such as a scaler."""
    return isinstance(value, _KINDS)


def given(machine: Machine, value: Value, inside: bool = False) -> Value:
    """Return a value as the calls on arrays take it: unknown numbers in shapes and slices as symbols."""
    if isinstance(value, Unknown):
        return machine.symbol(value) if inside else value
    if isinstance(value, Outside):
        return value.path.removeprefix("builtins.")
    if is_list(value):
        return type(value)(given(machine, v, inside) for v in value)
    if isinstance(value, slice):
        return slice(*(given(machine, p, True) for p in (value.start, value.stop, value.step)))
    return value


def call(machine: Machine, name: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a function of NumPy, pandas or a similar package."""
    sized = array_calls.takes_shape(name)
    places = [given(machine, p.value, sized and is_list(p.value)) for p in args.places]
    if name.endswith((".randint", ".integers")):
        places[:2] = [machine.size(p.value) for p in args.places[:2]]
    named = {
        k: given(machine, p.value, k in ("size", "shape") and is_list(p.value)) for k, p in args.names.items()
    }
    return told(machine, array_calls.call(name, places, named, machine.where(node)), node)


def method(machine: Machine, value: Value, name: str, args: Arguments, node: ast.AST) -> Value:
    """Return the result of a method of an array, a table or the like."""
    if isinstance(value, Thing) and name == "texts_to_sequences":
        words = machine.size(machine.part(_words(machine, value, node), "len()", "len(word_index)", node))
        value.facts["words"] = words + 1 if is_size(words) else None
    places = [given(machine, p.value) for p in args.places]
    named = {k: given(machine, p.value) for k, p in args.names.items()}
    return told(machine, array_calls.method(value, name, places, named, machine.where(node)), node)


def attribute(machine: Machine, value: Value, name: str, node: ast.AST) -> Value:
    """Return an attribute of an array or the like; a method as a value that can be called."""
    if isinstance(value, Thing) and name in ("word_index", "index_word"):
        return _words(machine, value, node)
    found = array_calls.attribute(value, name)
    if found is not None or name in ("shape", "ndim", "size", "dtype"):
        return told(machine, found, node)
    return ArrayMethod(value, name)


def _words(machine: Machine, tokenizer: Thing, node: ast.AST) -> Unknown:
    """Return the vocabulary of a tokenizer, whose ids begin at 1."""
    found: Unknown = tokenizer.facts.setdefault("word_index", machine.unknown("a vocabulary", node))
    return found


class ArrayMethod:
    """A method of an array, or an attribute of it that is not known."""

    def __init__(self, of: Value, name: str) -> None:
        self.of = of
        self.name = name


def _index(machine: Machine, key: Value) -> Value:
    """Return a key as indexing takes it; an unknown one may be an array, unless a loop counts with it."""
    if isinstance(key, Unknown) and not _counts(key):
        return key
    return given(machine, key, True)


def _counts(value: Value, depth: int = 0) -> bool:
    """Return whether an unknown value is the number of a turn of a loop, or arithmetic on one."""
    if not isinstance(value, Unknown) or depth > 9:
        return False
    return "turn" in value.parts or any(_counts(v, depth + 1) for v in value.parts.get("made of", ())[1:])


def item(machine: Machine, value: Value, key: Value, node: ast.AST) -> Value:
    """Return the part of an array that a key in brackets selects."""
    key = tuple(_index(machine, one) for one in key) if isinstance(key, tuple) else _index(machine, key)
    return told(machine, array_calls.item(value, key, machine.where(node)), node)


def store(machine: Machine, value: Value, key: Value, new: Value) -> None:
    """Note that an array is written into."""
    array_calls.store(value, given(machine, key, True), new)


def binary(machine: Machine, sign: str, left: Value, right: Value, node: ast.AST) -> Value:
    """Return the result of a binary operator with an array on one side."""
    found = array_calls.binary(sign, given(machine, left), given(machine, right))
    return told(machine, found, node)


def told(machine: Machine, found: Any, node: ast.AST) -> Value:
    """Return what a function of ``array_calls`` returns; an unknown value for None."""
    return machine.unknown("data that is not known", node) if found is None else found


def filled(
    machine: Machine,
    node: Any,
    generator: ast.comprehension,
    values: Value,
    evaluate: Callable[[Machine, ast.expr], Value],
) -> Value:
    """Return the list of a comprehension over a range of unknown length; None if it is not known."""
    turns = values.parts.get("turns") if isinstance(values, Unknown) else None
    if turns is None or generator.ifs or not isinstance(generator.target, ast.Name):
        return None
    item = machine.unknown("an item of a loop", generator.target)
    machine.assign(generator.target, item)
    rest = machine.unknown(BRANCH, node)
    item.parts["turn"] = True
    found = evaluate(machine, node.elt)
    rest.parts["items"] = Items(found, turns.number, machine.size(item), turns.start, turns.step)
    return [rest]


def counts_from_one(node: ast.DictComp) -> bool:
    """Return whether a dictionary numbers its keys from 1: ``{w: i for i, w in enumerate(ws, start=1)}``."""
    part = node.generators[0]
    call, target = part.iter, part.target
    if len(node.generators) > 1 or not isinstance(call, ast.Call) or not isinstance(target, ast.Tuple):
        return False
    if not isinstance(call.func, ast.Name) or call.func.id != "enumerate" or not call.args:
        return False
    start = next((k.value for k in call.keywords), call.args[1] if len(call.args) > 1 else ast.Constant(0))
    number, value = target.elts[0], ast.unparse(node.value)
    begins = start.value if isinstance(start, ast.Constant) else None
    name = ast.unparse(number)
    return (begins == 1 and value == name) or (begins == 0 and value in (f"{name} + 1", f"1 + {name}"))
