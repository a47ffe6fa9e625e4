"""Write ``train`` from the arguments with which a model was compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from seqtopo.decompiler import writing
from seqtopo.decompiler.files import shown
from seqtopo.decompiler.losses import Losses
from seqtopo.decompiler.values import UnsayableError, object_of, plain_dtype, unsaved_parts
from seqtopo.graph.graph import Graph
from seqtopo.graph.training import read_training
from seqtopo.layers.object_values import Entry
from seqtopo.layers.objects import entry_of
from seqtopo.layers.values import Object, Refusal, Word
from seqtopo.syntax import tree
from seqtopo.system.bounds import COMPILED_ITEMS

FAMILIES = {"loss": "loss", "metrics": "metric", "weighted_metrics": "metric"}
AS_BY_DEFAULT: Mapping[str, tuple[Any, ...]] = {
    "loss_weights": (None,),
    "run_eagerly": (False, None),
    "steps_per_execution": (1, None),
    # Keras writes down what it found to be faster here; elsewhere that is found anew.
    "jit_compile": ("auto", True, False, None),
    "auto_scale_loss": (True, None),
}
"""The values of ``compile`` arguments that need not be written."""
CHOSEN = "chosen"
"""The key in a live model's configuration with the names of the arguments that the user chose."""
MIXED = "mixed_float16"
"""The policy for which Keras scales the loss."""

Read = Callable[[tree.Expr], Any]


def train_statement(
    config: Any, outputs: Sequence[str], keys: Sequence[str], losses: Losses, read: Read
) -> tree.Train | None:
    """Return the ``train`` statement of a compile configuration; None if the model was not compiled.

    ``outputs`` are the names by which Keras knows the outputs, ``keys`` those of a model that gives a
    dictionary. ``read`` evaluates a written value.
    """
    if not isinstance(config, dict) or not config:
        return None
    one = _Training(tuple(outputs), tuple(keys), losses, read)
    return one.statement(config)


def tell_loss_scaling(config: Mapping[str, Any], graph: Graph, losses: Losses) -> None:
    """Add a note if a file does not say whether the loss was scaled.

    Keras scales the loss if the model's policy is mixed_float16. It saves neither that nor, for a functional
    model, the policy.
    """
    compiled, model = config.get("compile_config"), config.get("config")
    if not isinstance(compiled, dict) or not compiled.get("optimizer") or "auto_scale_loss" in compiled:
        return
    optimizer = compiled["optimizer"]
    if isinstance(optimizer, dict) and optimizer.get("class_name") == "LossScaleOptimizer":
        return
    is_mixed = isinstance(model, dict) and plain_dtype(model.get("dtype")) == MIXED
    if is_mixed or any(n.layer is not None and n.layer.args.get("dtype") == MIXED for n in graph.nodes):
        losses.add(
            "ST505",
            f"{'the model' if is_mixed else 'a layer'} is of {MIXED}, and Keras does not save whether the "
            "loss was scaled: the spec does not scale it",
            "warning" if is_mixed else "info",
            help="if it was, write the optimizer as loss_scale(...) in train",
        )


def _items(given: Any) -> int:
    """Return the number of items of an argument, those in nested lists included."""
    inner = given.values() if isinstance(given, dict) else given if isinstance(given, (list, tuple)) else ()
    return sum(map(_items, inner)) if inner else 1


def _short_word(entry: Entry) -> str:
    """Return the word for an object that people write: mse."""
    return min(entry.words, key=len)


class _Training:
    def __init__(self, outputs: tuple[str, ...], keys: tuple[str, ...], losses: Losses, read: Read) -> None:
        self.outputs = outputs
        self.keys = keys
        self.losses = losses
        self.read = read
        self.args: list[tree.Argument] = []

    def statement(self, config: Mapping[str, Any]) -> tree.Train | None:
        """Return the statement with every argument that can be said; the others go to the losses."""
        self._add("", config.get("optimizer"), self._optimizer)
        for key, family in FAMILIES.items():
            given = config.get(key)
            if given not in (None, []):
                self._add(key, given, partial(self._objects, family))
        chosen = config.get(CHOSEN)
        chosen = chosen if isinstance(chosen, list) else []
        for key, defaults in AS_BY_DEFAULT.items():
            given = config.get(key)
            if key not in chosen and any(
                given is d or (given == d and type(given) is type(d)) for d in defaults
            ):
                continue
            self._add(key, given, self._option)
        for key in config:
            if key not in (*FAMILIES, *AS_BY_DEFAULT, CHOSEN, "optimizer"):
                self._add_loss(key, config[key], "it is not an argument of train")
        return tree.Train(writing.NOWHERE, tuple(self.args)) if self.args else None

    def _add(self, key: str, given: Any, write: Callable[[Any], tree.Expr]) -> None:
        if given is None:
            return
        try:
            if _items(given) > COMPILED_ITEMS:
                raise UnsayableError(f"they are more than {COMPILED_ITEMS:,}")
            argument = writing.argument(write(given), key)
            read_training(tree.Train(writing.NOWHERE, (argument,)), self.read)
        except UnsayableError as error:
            self._add_loss(key or "optimizer", given, str(error))
        except Refusal as refusal:
            self._add_loss(key or "optimizer", given, refusal.message or "a spec has no such value")
        except (TypeError, ValueError):
            self._add_loss(key or "optimizer", given, "a spec has no such value")
        else:
            self.args.append(argument)

    def _add_loss(self, key: str, given: Any, why: str) -> None:
        kind = given.get("class_name") if isinstance(given, dict) else None
        written = given.get("config") if kind == "function" and isinstance(given, dict) else kind or given
        self.losses.add("ST505", f"the model was compiled with {shown(key)} {shown(written)}: {why}")

    def _optimizer(self, given: Any) -> tree.Expr:
        if isinstance(given, str):
            return writing.name(given)
        return self._object("optimizer", given)

    def _object(self, family: str, given: Any) -> tree.Expr:
        if isinstance(given, str):
            known = entry_of(family, given)
            if known is None:
                raise UnsayableError(f"{shown(given)} is none of Keras' own")
            if family == "loss" and given not in known.words:
                given = _short_word(known)
            return writing.value(Word(given))
        if not isinstance(given, dict):
            raise UnsayableError("a spec has no such value")
        if given.get("class_name") == "function":
            word = given.get("config")
            if isinstance(word, str) and given.get("registered_name") in (None, "function"):
                return self._object(family, word)
            raise UnsayableError("it is a Python function")
        found: Word | Object = object_of(family, given)
        for name, part in unsaved_parts(family, given):
            self.losses.unsaved(name, part.name, part.default)
        entry = entry_of(family, found.name)
        if family == "loss" and isinstance(found, Word) and entry is not None:
            found = Word(_short_word(entry))
        return writing.value(found, family)

    def _objects(self, family: str, given: Any) -> tree.Expr:
        if isinstance(given, dict) and "class_name" not in given:
            given = self._by_output(given)
        if isinstance(given, (list, tuple)):
            items = [writing.name("none") if g is None else self._objects(family, g) for g in given]
            return tree.List(writing.NOWHERE, tuple(items))
        return self._object(family, given)

    def _by_output(self, given: Mapping[str, Any]) -> list[Any]:
        """Return the values that are given by the outputs' names or keys, in order."""
        for names in (self.keys, self.outputs):
            if set(given) <= set(names):
                return [given.get(name) for name in names]
        raise UnsayableError("it is given by names that are not the outputs'")

    def _option(self, given: Any) -> tree.Expr:
        if isinstance(given, dict):
            given = self._by_output(given)
        if isinstance(given, str) and given != "auto":
            raise UnsayableError("a spec has no such value")
        return writing.value(given)
