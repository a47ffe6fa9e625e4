"""Draw a model's initial weights on the host, from one seed.

While a model is built, Keras' variables ask this module for their first values. Each weight has random
numbers of its own, which depend on the seed, the name of its layer in the spec and its place among that
layer's weights. They depend neither on the backend, nor on what the process did before, nor on the rest of
the model.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from threading import Lock
from typing import Any
from weakref import WeakSet

import keras
import numpy as np

from seqtopo.emit import keras_private
from seqtopo.emit.initializers import draw


class InitialWeights:
    """The initial weights of a spec's layers, from a seed.

    Without one, a seed is drawn from Python's ``random``, as Keras' own are: two builds differ, and
    ``keras.utils.set_random_seed`` makes a program's builds the same in each run.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = random.getrandbits(64) if seed is None else seed
        self._layer = ""
        self._drawn: Counter[str] = Counter()
        self._seeded: WeakSet[Any] = WeakSet()

    @contextmanager
    def supplied(self) -> Iterator[None]:
        """Draw the first values of variables that this thread makes inside the ``with`` block."""
        before = _current.set(self)
        _hook.put()
        try:
            yield
        finally:
            _hook.take_away()
            _current.reset(before)

    @contextmanager
    def of(self, layer: str) -> Iterator[None]:
        """Draw the weights inside the ``with`` block for the layer of this name.

        A layer without a name is a part of another.
        """
        before, self._layer = self._layer, layer or self._layer
        try:
            yield
        finally:
            self._layer = before

    def initialize(self, variable: Any, initializer: Any, stock: Any) -> None:
        """Give a new variable its first value; ``stock`` is Keras' own method for it."""
        seed = _seed_of(initializer)
        if seed is not None and not isinstance(seed, int):
            # A seed generator: Keras goes on from where it is.
            stock(variable, initializer)
            return

        def numbers() -> np.random.Generator:
            # Each key has a stream of its own (Salmon et al., "Parallel random numbers", 2011).
            key = self._bits("weight") if seed is None else _hash(seed)
            return np.random.Generator(np.random.Philox(key=key))

        if not keras_private.has(variable, "_shape", "_dtype", "_initialize", "_convert_to_tensor"):
            stock(variable, initializer)
            return
        dtype = keras_private.get(variable, "_dtype")
        values = draw(initializer, tuple(keras_private.get(variable, "_shape")), dtype, numbers)
        if values is not None:
            tensor = keras_private.get(variable, "_convert_to_tensor")(values, dtype=dtype)
            keras_private.get(variable, "_initialize")(tensor)
        elif seed is None and keras_private.look_up(initializer, "_init_seed") is not keras_private.ABSENT:
            # A class that goes back to Keras' own draws from the backend: from our seed, this once.
            before, initializer.seed = initializer.seed, self._bits("weight") % 2**31
            try:
                stock(variable, initializer)
            finally:
                initializer.seed = before
        else:
            stock(variable, initializer)

    def seed_generators(self, layer: Any) -> None:
        """Seed the random numbers that a layer draws when it runs, such as noise, if the spec gives no seed.

        On PyTorch, Keras leaves dropout without a seed to PyTorch's own generator, which is faster.
        """
        for part in keras_private.layers_inside(layer):
            for generator in keras_private.seed_generators(part):
                # The list also holds a layer's states, see ``runtime.states.tracking``.
                drawn = isinstance(generator, keras.random.SeedGenerator)
                if not drawn or not keras_private.has(generator, "_initial_seed"):
                    continue
                seed = keras_private.get(generator, "_initial_seed")
                if seed is None and generator not in self._seeded:
                    self._seeded.add(generator)
                    seed = [self._bits("running") % 2**31, 0]
                    generator.state.assign(np.array(seed, dtype=generator.state.dtype))

    def _bits(self, purpose: str) -> int:
        """Return 128 bits that differ at each call: this layer's next ones for that purpose."""
        key = f"{self.seed}/{self._layer}/{purpose}"
        self._drawn[key] += 1
        return _hash(f"{key}/{self._drawn[key]}")


def _seed_of(initializer: Any) -> Any:
    """Return the seed that an initializer was given; None if Keras drew it, or if it has none."""
    seed = _given_seed(initializer, None)
    try:
        scopes = keras_private.function(_GLOBAL_STATE, "get_global_attribute")("name_scope_stack")
    except keras_private.KerasLacksError:
        scopes = None
    # An EinsumDense gives its weight a copy of its initializer that takes a drawn seed for one given.
    own = getattr(scopes[-1].caller, "kernel_initializer", None) if scopes else None
    drawn = _given_seed(own, seed) is None and getattr(own, "seed", None) == seed
    return None if drawn else seed


def _given_seed(initializer: Any, default: Any) -> Any:
    """Return the seed that an initializer of Keras was given; ``default`` for one that draws nothing."""
    found = keras_private.look_up(initializer, "_init_seed")
    return default if found is keras_private.ABSENT else found


def _hash(seed: int | str) -> int:
    return int.from_bytes(blake2b(str(seed).encode(), digest_size=16).digest())


_GLOBAL_STATE = "keras.src.backend.common.global_state"
_current: ContextVar[InitialWeights | None] = ContextVar("initial_weights", default=None)


class _Hook:
    """A hook that makes Keras' variables ask for their first values while it is installed.

    Keras has no public way to set them: a layer's inner ones make their own variables, and its initializers
    must not change. So the one method that every new variable calls is replaced while something is being
    built. Variables of other threads are left alone.
    """

    METHOD = "_initialize_with_initializer"

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._there = False
        self._inherited = True
        self._stock: Any = None

    def put(self) -> None:
        """Install the hook, or count one user more."""
        with self._lock:
            self._users += 1
            if self._users == 1 and keras_private.has(keras.Variable, self.METHOD):
                self._there = True
                self._inherited = self.METHOD not in vars(keras.Variable)
                self._stock = stock = keras_private.get(keras.Variable, self.METHOD)

                def initialize(variable: Any, initializer: Any) -> None:
                    weights = _current.get()
                    if weights is None:
                        stock(variable, initializer)
                    else:
                        weights.initialize(variable, initializer, stock)

                setattr(keras.Variable, self.METHOD, initialize)

    def take_away(self) -> None:
        """Count one user less, and remove the hook after the last."""
        with self._lock:
            self._users -= 1
            if not self._users and self._there:
                self._there = False
                if self._inherited:
                    delattr(keras.Variable, self.METHOD)
                else:
                    setattr(keras.Variable, self.METHOD, self._stock)


_hook = _Hook()
