"""Build with Keras: make stock layers and call operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np

from seqtopo.emit import inlined_helpers, keras_private
from seqtopo.emit.builder import OperationNames
from seqtopo.emit.initial_weights import InitialWeights
from seqtopo.layers.sizes import Size
from seqtopo.layers.values import Tensor

_MASKED = (keras.layers.RNN, keras.layers.Bidirectional, keras.layers.TimeDistributed)


def keep_masks(layer: keras.Layer) -> None:
    """Make recurrent layers and their wrappers pass on the mask that they use.

    Some versions of Keras after 3.15 drop it: the second of two LSTMs would count padding as steps.
    """
    for part in keras_private.layers_inside(layer):
        if isinstance(part, _MASKED):
            part.supports_masking = True


class _Operations:
    """The functions of ``keras.ops``, each noting the tensor that it returns."""

    def __init__(self, names: OperationNames) -> None:
        self._names = names

    def __getattr__(self, kind: str) -> Any:
        function = getattr(keras.ops, kind)
        return lambda *args, **kwargs: self._names.note(kind, function(*args, **kwargs))

    def get_item(self, x: Any, key: Any) -> Any:
        return self._names.note("get_item", x[key])


class KerasBuilder:
    """The builder that makes Keras layers and tensors at once; ``weights`` draws the initial weights."""

    def __init__(self, seed: int | None = None) -> None:
        self.weights = InitialWeights(seed)
        self._names = OperationNames()
        self._named: set[keras.Operation] = set()
        self.layers: Any = keras.layers
        self.ops: Any = _Operations(self._names)

    def input(self, tensor: Tensor, batch: Size | None, name: str) -> Any:
        """Return an input of the model."""
        return keras.Input(
            tuple(s if isinstance(s, int) else None for s in tensor.shape),
            batch_size=batch if isinstance(batch, int) else None,
            dtype=tensor.dtype,
            name=name or None,
        )

    def model(self, starts: Sequence[Any], ends: Sequence[Any], name: str) -> keras.Model:
        """Return the model from some tensors to others, with the operations that compute masks named."""
        inlined_helpers.name_masks(list(ends), self._named)
        return keras.Model(
            starts[0] if len(starts) == 1 else list(starts),
            ends[0] if len(ends) == 1 else list(ends),
            name=name,
        )

    def making(self, name: str) -> AbstractContextManager[None]:
        """Attribute variables that are made inside the ``with`` block to the layer of this name."""
        return self.weights.of(name)

    def settings(self) -> Mapping[str, Any]:
        """Return the arguments that layers must get, since Keras would read them from the user's
        ``keras.json``.

        A spec has its channels last, unless it says otherwise.
        """
        usual = {"data_format": "channels_last"}
        return {} if keras.config.image_data_format() == usual["data_format"] else usual

    def custom(self, make: Any, kwargs: Mapping[str, Any]) -> Any:
        """Return a layer made by a function or class of the user's."""
        return make(**kwargs)

    def call(
        self, layer: Any, args: Sequence[Any], kwargs: Mapping[str, Any], inferred: Sequence[Tensor]
    ) -> list[Any]:
        """Return the outputs of a layer or a model."""
        keep_masks(layer)
        result = layer(*args, **kwargs)
        self.weights.seed_generators(layer)
        return list(result) if isinstance(result, (list, tuple)) else [result]

    def object(self, path: str, kwargs: Mapping[str, Any]) -> Any:
        """Return an object of Keras by its place in ``keras``."""
        found: Any = keras
        for part in path.split("."):
            found = getattr(found, part)
        return found(**kwargs)

    def array(self, values: Any, dtype: str) -> Any:
        """Return an array of constants, which Keras saves by its values."""
        return np.asarray(values, dtype=dtype)

    def worked_out(self, function: str, argument: int, index: int) -> Any:
        """Return one of the arrays that a function of `inlined_helpers` returns."""
        return getattr(inlined_helpers, function)(argument)[index]

    def several(
        self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any], inferred: Sequence[Tensor]
    ) -> list[Any]:
        """Return the outputs of a function of ``keras.ops`` with several."""
        return list(getattr(self.ops, function)(*args, **kwargs))

    def mask(self, x: Any) -> Any | None:
        """Return the mask that Keras has put on a tensor."""
        return keras_private.mask_of(x)

    def freeze(self, layer: Any) -> None:
        """Exclude from training what a frozen layer made in its first call."""
        inlined_helpers.freeze(layer)

    def expect(self, layer: Any, axis: int, size: int) -> None:
        """Make a layer raise an error with its name if an axis of its input has another size.

        No file stores this: a loaded model raises Keras' own error, that it cannot reshape.
        """
        layer.input_spec = keras.InputSpec(axes={axis: size})

    def hold_regularizer(self, layer: Any, given: Any) -> None:
        """Set the ``activity_regularizer`` with which a layer was made, if its class dropped it.

        Keras' ``SimpleRNN`` takes and documents one, but never uses it; a loaded layer drops it again.
        """
        if layer.activity_regularizer is None:
            layer.activity_regularizer = keras.regularizers.get(given)

    def unique(self, word: str) -> str:
        """Return a name that no other operation of the process has."""
        return f"{word}_{keras.backend.get_uid(word)}"

    def settle(self, value: Any, inferred: Tensor, stem: str, taken: bool) -> None:
        """Name the operations that were made since the last call of this method."""
        self._named |= inlined_helpers.name_operations(dict(self._names.settle(value, stem, taken)))

    def name_of(self, tensor: Any) -> str:
        """Return the name of the operation or layer that made a tensor."""
        return keras_private.name_of(tensor)

    def compile(self, model: keras.Model, kwargs: Mapping[str, Any]) -> None:
        """Compile a model."""
        model.compile(**kwargs)
