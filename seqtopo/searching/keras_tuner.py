"""Give a space to KerasTuner: a hypermodel that builds the model of a point."""

from __future__ import annotations

from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from seqtopo.searching.points import Points


class SpecHyperModel:
    """A hypermodel of KerasTuner for a spec's space: it builds the model that ``hp`` chooses.

    A tuner takes it as its ``hypermodel``: it is called with the hyperparameters, and returns a model,
    compiled if the spec has a ``train`` line.
    """

    def __init__(self, points: Points, dims: dict[str, Any], backend: str | None = None) -> None:
        self.points = points
        self.dims = dims
        self.backend = backend
        self.name = "seqtopo"
        self.tunable = True

    def __call__(self, hp: Any) -> Any:
        """Build the model; see ``build``."""
        return self.build(hp)

    def spec(self, hp: Any) -> str:
        """Return the spec that the hyperparameters choose."""
        return self.points.text(self.points.ask(lambda name, distribution: _ask(hp, name, distribution)))

    def build(self, hp: Any) -> Any:
        """Build the model that the hyperparameters choose."""
        from seqtopo.report.analyse import analyse
        from seqtopo.runtime.building import build

        return build(analyse(self.spec(hp), self.dims), self.backend).main()


def _ask(hp: Any, name: str, distribution: BaseDistribution) -> Any:
    """Return the value of a name that KerasTuner chooses from a distribution."""
    if isinstance(distribution, CategoricalDistribution):
        choices = list(distribution.choices)
        if len({type(choice) for choice in choices}) == 1:
            return hp.Choice(name, choices)
        # KerasTuner takes choices of one type only.
        texts = {str(choice): choice for choice in choices}
        return texts[hp.Choice(name, list(texts))]
    sampling = "log" if distribution.log else "linear"  # type: ignore[attr-defined]
    low, high, step = distribution.low, distribution.high, distribution.step  # type: ignore[attr-defined]
    if isinstance(distribution, IntDistribution):
        return hp.Int(name, low, high, step=None if distribution.log else step, sampling=sampling)
    return hp.Float(name, low, high, step=step, sampling=sampling)
