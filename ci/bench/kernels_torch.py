"""Train and predict on PyTorch: stock Keras, a compiled spec, and a model written with `torch.nn`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from timing import Row, Task, compare

BACKENDS = ("torch",)
BATCH, FEATURES, UNITS = 64, 8, 64
STEPS = {50: 40, 200: 20, 500: 10}
"""The training steps of one fit: few for an epoch, so that the fixed cost of a fit still shows."""
STOCK_STEPS = 4
"""The training steps of one fit of stock Keras, which takes several times as long."""
KERAS, OURS, HAND = "stock Keras", "seqtopo", "torch.nn by hand"
KINDS = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "RNN"}
MOST_FIT, MOST_PREDICT = 1.05, 1.25


def measure(backend: str) -> Iterator[Row]:
    """Time each kind of layer at three lengths, an autoencoder, two directions, masks, and dense layers."""
    for kind in KINDS:
        for length in STEPS:
            spec = f"in({length},{FEATURES}) -> {kind}({UNITS}) -> dense(1)"
            yield from _against_hand(f"{kind}({UNITS})", spec, kind, length, backend)
    yield from _against_hand(
        "autoencoder of lstm",
        "in(200,8) -> lstm(128,seq) -> lstm(64) -> repeat(200) -> lstm(128,seq) -> td(dense(8))",
        "lstm",
        200,
        backend,
        whole=True,
    )
    # PyTorch goes both ways in one call, we in two.
    both = "bi(lstm(64))"
    yield from _against_hand(both, f"in(200,{FEATURES}) -> {both} -> dense(1)", "lstm", 200, backend)
    for what, spec in (
        ("lstm(64), half of the steps masked", "in(200,8) -> mask -> lstm(64) -> dense(1)"),
        ("gru(64,relu)", "in(200,8) -> gru(64,activation=relu) -> dense(1)"),
        ("td(dense(64)) * 2", "in(200,8) -> td(dense(64)) * 2 -> gavgpool1d -> dense(1)"),
    ):
        yield from _against_keras(what, spec, 200, backend)


def _data(length: int, *, whole: bool = False) -> tuple[Any, Any]:
    import numpy as np

    random = np.random.default_rng(1)
    x = random.normal(size=(BATCH * STEPS[length], length, FEATURES)).astype("float32")
    return x, x.copy() if whole else x[:, -1, :1].copy()


def _models(spec: str) -> dict[str, Any]:
    import seqtopo

    found = {KERAS: seqtopo.compile(spec, kernels=False), OURS: seqtopo.compile(spec)}
    for model in found.values():
        model.compile("adam", "mse")
    return found


def _fit(model: Any, x: Any, y: Any) -> Task:
    return lambda: model.fit(x, y, batch_size=BATCH, verbose=0)


def _against_stock(
    what: str, models: dict[str, Any], x: Any, y: Any, backend: str, *, shown: bool = False
) -> Iterator[Row]:
    some = slice(None, None, max(1, len(x) // (BATCH * STOCK_STEPS)))
    tasks = {name: _fit(model, x[some], y[some]) for name, model in models.items()}
    pair = (OURS, KERAS)
    yield from compare(what, tasks, {pair: None}, 3, backend, headlines=[pair] if shown else [])


def _against_hand(
    what: str, spec: str, kind: str, length: int, backend: str, *, whole: bool = False
) -> Iterator[Row]:
    import torch

    x, y = _data(length, whole=whole)
    models = _models(spec)
    net = _Autoencoder(length).net if whole else _Hand(kind, both="bi(" in spec).net
    _same_weights(models[OURS], net)
    optimizer = torch.optim.Adam(net.parameters())
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)

    def train() -> float:
        net.train()
        total = 0.0
        for rows in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(net(inputs[rows]), labels[rows])
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total

    def predict() -> Any:
        net.eval()
        with torch.no_grad():
            return torch.cat([net(batch) for batch in inputs.split(BATCH)]).numpy()

    shown = length == 200 and (whole or what in ("lstm(64)", "gru(64)"))
    headlines = [(OURS, HAND)] if shown else []
    ours = models[OURS]
    yield from compare(
        f"{what}, T={length}, fit",
        {OURS: _fit(ours, x, y), HAND: train},
        {(OURS, HAND): MOST_FIT},
        7,
        backend,
        headlines=headlines,
    )
    yield from _against_stock(f"{what}, T={length}, fit", models, x, y, backend, shown=shown)
    yield from compare(
        f"{what}, T={length}, predict",
        {OURS: lambda: ours.predict(x, batch_size=BATCH, verbose=0), HAND: predict},
        {(OURS, HAND): MOST_PREDICT},
        9,
        backend,
        headlines=headlines,
    )


def _same_weights(model: Any, net: Any) -> None:
    """Give a net the weights of a model; with its own, gradients fade to numbers with which a CPU is slow."""
    import torch
    from keras import layers

    from seqtopo.runtime.kernels.on_torch.native import CALLS

    found: list[Any] = []
    for outer in model.layers:
        ways = [getattr(outer, name, None) for name in ("forward_layer", "backward_layer", "layer")]
        for layer in [way for way in ways if way is not None] or [outer]:
            if type(layer) in CALLS:
                found += CALLS[type(layer)][0].weights(layer.cell)
            elif isinstance(layer, layers.Dense):
                found += [layer.kernel.value.t(), layer.bias.value]
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), found, strict=True):
            parameter.copy_(value)


def _against_keras(what: str, spec: str, length: int, backend: str) -> Iterator[Row]:
    x, y = _data(length)
    if "mask" in spec:
        # Padded on the right: each sequence to another length, half on average.
        for row, steps in enumerate(range(len(x))):
            x[row, 1 + steps * length // len(x) :] = 0
    yield from _against_stock(f"{what}, T={length}, fit", _models(spec), x, y, backend)


class _Hand:
    """A recurrent layer, of one direction or both, and a dense one, written by hand."""

    def __init__(self, kind: str, *, both: bool) -> None:
        import torch

        class Net(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                layer = getattr(torch.nn, KINDS[kind])
                self.read = layer(FEATURES, UNITS, batch_first=True, bidirectional=both)
                self.say = torch.nn.Linear(UNITS * (1 + both), 1)

            def forward(self, x: Any) -> Any:
                steps = self.read(x)[0]
                last = steps[:, -1]
                if both:
                    # Backwards it has read all at the first step.
                    last = torch.cat((last[:, :UNITS], steps[:, 0, UNITS:]), -1)
                return self.say(last)

        self.net = Net()


class _Autoencoder:
    """The autoencoder, written by hand."""

    def __init__(self, length: int) -> None:
        import torch

        class Net(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.first = torch.nn.LSTM(FEATURES, 128, batch_first=True)
                self.second = torch.nn.LSTM(128, 64, batch_first=True)
                self.third = torch.nn.LSTM(64, 128, batch_first=True)
                self.say = torch.nn.Linear(128, FEATURES)

            def forward(self, x: Any) -> Any:
                code = self.second(self.first(x)[0])[0][:, -1]
                return self.say(self.third(code[:, None].expand(-1, length, -1))[0])

        self.net = Net()
