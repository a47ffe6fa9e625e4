"""Build the Keras models of a resolved spec; the whole model and its named parts share their layers."""

from __future__ import annotations

from collections.abc import Callable

import keras

from seqtopo.emit.emitter import Emitter
from seqtopo.emit.keras_builder import KerasBuilder
from seqtopo.emit.objects import compile_model, save_anywhere
from seqtopo.graph.buildable import ends_of, parts_of
from seqtopo.graph.graph import Value
from seqtopo.graph.resolver import Resolved


class Built:
    """The models of a spec, each built once, when it is asked for; ``finish`` makes it ready to run."""

    def __init__(
        self, resolved: Resolved, finish: Callable[[keras.Model], keras.Model], seed: int | None = None
    ) -> None:
        self.resolved = resolved
        self._finish = finish
        self._builder = KerasBuilder(seed)
        self._emitter = Emitter(resolved.graph, self._builder)
        self._models: dict[str, keras.Model] = {}

    def main(self) -> keras.Model:
        """Return the model of the last flow, compiled if the spec has a ``train`` statement."""
        graph = self.resolved.graph
        with self._builder.weights.supplied():
            model = self._emitter.model(
                [Value(i) for i in graph.inputs], graph.outputs, graph.name, graph.output_names
            )
        self._models[graph.name] = self._finish(model)
        if self.resolved.training is not None:
            training = self.resolved.training
            compile_model(self._builder, model, training)
            save_anywhere(model, training.options.get("jit_compile", "auto"))
        # A plain attribute of the instance: nothing of it is saved, and the class stays Keras' own.
        model.part = self.part
        return model

    def parts(self) -> list[str]:
        """Return the names that ``part`` knows, without that of the last flow."""
        return parts_of(self.resolved)

    def part(self, name: str) -> keras.Model:
        """Return a named model of the spec, with the same layers and weights as the whole.

        Raises:
            KeyError: the spec has no model of that name; lists those that it has.
        """
        if name not in self._models:
            inputs, outputs = ends_of(self.resolved, name)
            with self._builder.weights.supplied():
                model = self._emitter.model(inputs, outputs, name)
            self._models[name] = self._finish(model)
        return self._models[name]
