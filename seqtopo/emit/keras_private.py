"""Name every private part of Keras that is used, with what is done if the installed Keras lacks it.

Keras may rename such a part in any version. So no other module reads one: they call this module. If a part is
missing it warns once, and the public way, or Keras' own, is taken instead.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from seqtopo.emit.backend import BackendError, running

NAMES = {
    "_flatten_layers": "the layers inside a layer are found by its attributes",
    "_keras_history": "models are not read call by call",
    "_inbound_nodes": "models are not read call by call",
    "_layers": "layers that a Sequential shares with another model are not told apart",
    "_call_has_training_arg": "the signature of call is read",
    "_call_has_mask_arg": "the signature of call is read",
    "_sliding_window": "an attention's sliding window is looked for as sliding_window",
    "get_keras_mask": "models with masks are not built",
    "set_keras_mask": "models with masks are not run step by step",
    "get_device": "a tensor is made to see where it lies",
    "_functional": "a Sequential is called as Keras calls it",
    "_nodes_by_depth": "models are called as Keras calls them",
    "_outputs_struct": "models are called as Keras calls them",
    "_standardize_inputs": "models are called as Keras calls them",
    "_remat_mode": "models are called as Keras calls them",
    "_loss_tracker": "Keras' own training step runs",
    "_compile_loss": "Keras' own training step runs",
    "_compute_loss": "Keras' own training step runs",
    "_aggregate_additional_loss": "Keras' own training step runs",
    "_flat_losses": "Keras computes the loss",
    "_trainable_variables": "Keras' own update runs",
    "_momentums": "Keras' own update runs",
    "_velocities": "Keras' own update runs",
    "_initialize_with_initializer": "Keras draws the initial weights, and a seed for them is not used",
    "_shape": "Keras draws the initial weights, and a seed for them is not used",
    "_dtype": "Keras draws the initial weights, and a seed for them is not used",
    "_initialize": "Keras draws the initial weights, and a seed for them is not used",
    "_convert_to_tensor": "Keras draws the initial weights, and a seed for them is not used",
    "_init_seed": "an initializer's own seed is not told from a drawn one: Keras draws its weights",
    "get_global_attribute": "an initializer that einsum_dense copied keeps the seed that Keras drew",
    "_compile_metrics": "metrics are tried on the first batch before several processes train",
    "_user_metrics": "metrics are tried on the first batch before several processes train",
    "_user_weighted_metrics": "metrics are tried on the first batch before several processes train",
    "_seed_generators": "noise and states of layers are left as Keras has them",
    "_initial_seed": "noise of layers is left as Keras has it",
    "_resolve_auto_jit_compile": "a choice of jit_compile is not told from what Keras found to be faster",
    "_exclude_from_weight_decay": "weights without weight decay are not told",
    "_exclude_from_weight_decay_pattern": "weights without weight decay are not told",
    "_autocast": "states in mixed precision are cast as Keras does it",
}
"""The private names, each with what is done without it."""

ABSENT: Any = object()
"""The value that ``look_up`` returns if there is no such name."""

_warned: set[str] = set()


class KerasLacksError(Exception):
    """The installed Keras lacks a private name, which the message has."""


def look_up(owner: Any, name: str) -> Any:
    """Return an attribute of an object, a class or a module of Keras; ``ABSENT`` where there is none."""
    return getattr(owner, name, ABSENT)


def get(owner: Any, name: str) -> Any:
    """Return an attribute that each such object of Keras has.

    Raises:
        KerasLacksError: it has none; a warning has said so, once in a process.
    """
    found = look_up(owner, name)
    if found is not ABSENT:
        return found
    message = f"{running()} has no {name}: {NAMES[name]}"
    if name not in _warned:
        _warned.add(name)
        warnings.warn(message, RuntimeWarning, stacklevel=3)
    raise KerasLacksError(message)


def has(owner: Any, *names: str) -> bool:
    """Return whether an object has all of these names; if it lacks one, a warning is given."""
    try:
        for name in names:
            get(owner, name)
    except KerasLacksError:
        return False
    return True


def function(module: str, name: str) -> Any:
    """Return a function of one of Keras' own modules.

    Raises:
        KerasLacksError: there is none.
    """
    found = sys.modules.get(module)
    if found is None:
        try:
            found = import_module(module)
        except ImportError:
            found = None
    return get(found, name)


# ---- layers ------------------------------------------------------------------------------------------


def layers_inside(layer: Any, *, include_self: bool = True) -> list[Any]:
    """Return a layer and the layers inside it, wherever they stand, each before what is inside it."""
    try:
        found = list(get(layer, "_flatten_layers")(include_self=include_self, recursive=True))
    except KerasLacksError:
        found = list(_by_attributes(layer, {id(layer)}))
        found = [layer, *found] if include_self else found
    return found


def _by_attributes(layer: Any, seen: set[int]) -> Iterator[Any]:
    keras = sys.modules["keras"]
    listed = getattr(layer, "layers", None)
    values = listed if isinstance(listed, list) else list(vars(layer).values())
    for value in values:
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(each, keras.Layer) and id(each) not in seen:
                seen.add(id(each))
                yield each
                yield from _by_attributes(each, seen)


def takes(layer: Any, argument: str) -> bool:
    """Return whether the ``call`` of a layer, or of a cell, takes ``training`` or ``mask``."""
    try:
        return bool(get(layer, f"_call_has_{argument}_arg"))
    except KerasLacksError:
        return argument in inspect.signature(layer.call).parameters


def sliding_window(layer: Any) -> Any:
    """Return the sliding window of an attention; None if it sees all steps."""
    found = look_up(layer, "_sliding_window")
    return None if found is ABSENT else found


def own_weights(layer: Any) -> list[Any]:
    """Return the variables that a layer itself would train if it were not frozen; none where Keras hides
    them.
    """
    found = get(layer, "_trainable_variables")
    return list(found or ())


def seed_generators(layer: Any) -> list[Any]:
    """Return the list, kept by Keras, of the generators from which a layer draws noise; [] if it has none."""
    try:
        found: list[Any] = get(layer, "_seed_generators")
    except KerasLacksError:
        found = []
    return found


def automatic_jit_compile(model: Any) -> bool | None:
    """Return the meaning of ``jit_compile="auto"`` for a model on this backend; None if it is unknown."""
    if model.run_eagerly:
        return False
    try:
        return bool(get(model, "_resolve_auto_jit_compile")())
    except KerasLacksError:
        return None


def has_hooks(layer: Any) -> bool:
    """Return whether PyTorch calls something before or after a layer."""
    return bool(layer._forward_hooks or layer._forward_pre_hooks)


def keep_precision(variable: Any) -> None:
    """Keep a variable in its own precision when it is read and written, whatever the policy."""
    if has(variable, "_autocast"):
        variable._autocast = False


# ---- tensors -----------------------------------------------------------------------------------------


def history(tensor: Any) -> tuple[Any, int, int]:
    """Return the operation that made a KerasTensor, with the numbers of its call and of its output.

    Raises:
        KerasLacksError: tensors of this Keras have no history.
    """
    operation, call, output = get(tensor, "_keras_history")
    return operation, call, output


def name_of(tensor: Any) -> str:
    """Return the name of the operation that made a KerasTensor; if that is unknown, the tensor's own."""
    try:
        return str(history(tensor)[0].name)
    except KerasLacksError:
        return str(tensor.name)


def is_optional(tensor: Any) -> bool:
    """Return whether an input of a model may be left out."""
    try:
        return bool(getattr(history(tensor)[0], "optional", False))
    except KerasLacksError:
        return False


def node_of(tensor: Any) -> Any:
    """Return the call of which a KerasTensor is an output.

    Raises:
        KerasLacksError: as ``history``.
    """
    operation, call, _ = history(tensor)
    return get(operation, "_inbound_nodes")[call]


def mask_of(tensor: Any) -> Any:
    """Return the mask that Keras has put on a tensor, or None.

    Raises:
        BackendError: this Keras keeps masks in another place (ST436).
    """
    return _of_masks("get_keras_mask")(tensor)


def put_mask(tensor: Any, mask: Any) -> None:
    """Put a mask on a tensor, as Keras does.

    Raises:
        BackendError: as ``mask_of``.
    """
    _of_masks("set_keras_mask")(tensor, mask)


def _of_masks(name: str) -> Any:
    try:
        return function("keras.src.backend.common.masking", name)
    except KerasLacksError as error:
        raise BackendError(str(error), "install a version of Keras that seqtopo knows", "ST436") from None


def torch_device() -> str:
    """Return the kind of device that Keras puts PyTorch's tensors on: ``cpu`` or ``cuda``, for example."""
    try:
        return str(function("keras.src.backend.torch.core", "get_device")())
    except KerasLacksError:
        return str(sys.modules["keras"].ops.convert_to_tensor(0.0).device.type)
