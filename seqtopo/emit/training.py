"""Compile the model with the optimizer, loss and metrics that ``train`` names."""

from __future__ import annotations

from typing import Any

from seqtopo.emit.builder import Stock
from seqtopo.emit.objects import made
from seqtopo.graph.training import Training


def compile_model(stock: Stock, model: Any, training: Training) -> None:
    """Compiles a model as its spec says."""
    options = dict(training.options)
    if "weighted_metrics" in options:
        options["weighted_metrics"] = made(stock, "metric", options["weighted_metrics"])
    given = {
        "optimizer": made(stock, "optimizer", training.optimizer),
        "loss": made(stock, "loss", training.loss),
        "metrics": made(stock, "metric", training.metrics),
        **options,
    }
    stock.compile(model, given)


def save_anywhere(model: Any, jit_compile: bool | str) -> None:
    """Lets the compiled model be saved so that every backend can go on training it.

    On PyTorch, Keras writes the backend's own subclass of the optimizer into the file, which no other
    backend can load; the optimizer it stands for is written instead. And on every backend it writes
    whether it found that compiling pays there; elsewhere that is found anew, unless the spec says it:
    else JAX would go on without compiling, and PyTorch would compile each step.
    """
    stock = model.get_compile_config

    def get_compile_config() -> Any:
        config = stock()
        if config:
            config["jit_compile"] = jit_compile
        optimizer = config.get("optimizer") if config else None
        if isinstance(optimizer, dict) and "torch" in str(optimizer.get("module", "")):
            optimizer["module"] = "keras.optimizers"
            optimizer["registered_name"] = None
        return config

    model.get_compile_config = get_compile_config
