"""Set up a study: check the whole space with the data, and join the study of that name."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import Study

from seqtopo.data.jobs import Job, Reading, job_of, read_data
from seqtopo.data.loading import Members
from seqtopo.data.series import Series
from seqtopo.diag.error import SpecError
from seqtopo.graph.buildable import MAX_PARAMS
from seqtopo.graph.domains import bound_text
from seqtopo.lint.selection import Selection
from seqtopo.report.analyse import Checked, analyse, is_space
from seqtopo.report.space import Space
from seqtopo.report.space_choices import Seen
from seqtopo.report.space_walk import spaced
from seqtopo.searching.points import Points, fixed_text
from seqtopo.searching.sampling import NEEDS, WholePoints, pruner_of
from seqtopo.searching.storage import Record, join, wrong
from seqtopo.source import Source
from seqtopo.system import packages

OF_SCORES = ("epochs", "batch", "steps", "horizon", "stride", "target", "validation", "scale", "series")
OF_STUDY = ("pad", "same", "folds", "seed", "sampler", "prune", "max_params", "min_steps")
"""The options that all workers of a study must share."""
MOST_FOLDED = 0.6
"""The largest share of the data in all held-out blocks of the folds together."""
MOST_LOSSES = 100
"""The most values of a list that are looked at for other losses; of a longer list, the ends."""


@dataclass
class Options:
    """The options of a search: how data is read and cut, and how the space is searched."""

    data: Any
    series: str | None = None
    pad: bool = False
    target: list[str] | None = None
    steps: int | None = None
    horizon: int | None = None
    stride: int = 1
    scale: bool = False
    same: bool = False
    batch: int | None = None
    validation: float = 0.2
    seed: int = 0
    epochs: int = 10
    trials: int = 50
    folds: int = 1
    sampler: str = "tpe"
    prune: str = "median"
    max_params: int | None = None
    min_steps: int | None = None
    widen: bool = False
    backend: str | None = None
    stock: bool = False


@dataclass
class Search:
    """A search that is set up: its points, its data, and the lines about both."""

    checked: Checked
    options: Options
    dims: dict[str, Any]
    points: Points
    read: Series | Members
    space: Space
    record: Record
    selection: Selection = field(default_factory=Selection)
    sampler: WholePoints | None = None

    @property
    def source(self) -> Source:
        """The text of the spec."""
        return self.checked.source

    def join(self, storage: BaseStorage, name: str) -> Study:
        """Return the study of that name.

        Raises:
            SpecError: it searches something else, or cannot be written.
        """
        options = self.options
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", module="optuna")
        self.sampler = WholePoints(self.points, options.sampler, options.seed)
        if options.sampler == "grid" and not self.sampler.whole:
            raise _too_large_for_a_grid()
        pruner = pruner_of(options.prune, options.epochs * options.folds)
        study, record = join(storage, name, self.record, widen=options.widen, pruner=pruner)
        self.points.names = record.names()
        study.sampler = self.sampler
        return study


def set_up(
    checked: Checked,
    options: Options,
    dims: Mapping[str, Any],
    selection: Selection | None = None,
    say: Callable[[str], object] = lambda line: None,
) -> Search:
    """Read the data, bind the open sizes to it, and check the whole space with them.

    Raises:
        SpecError: something is wrong with the spec, a choice of it, the data, or the storage.
        OptionError: an option does not go with the spec or the data.
    """
    if not checked.ok and not is_space(checked):
        raise SpecError(checked.diagnostics)
    if not is_space(checked):
        raise wrong(
            "ST444",
            "nothing is searched in this spec",
            "write what to search, such as: search UNITS in [32, 64, 128], RATE in [0.0..0.5]",
        )
    first, _ = spaced(checked, dims)
    if not first.ok:
        raise SpecError(first.diagnostics)
    if first.resolved is None or not first.resolved.searched:
        raise wrong("ST444", "every searched name is bound, so nothing is searched", "leave out a -D")
    if options.validation <= 0:
        raise wrong(
            "ST444", "nothing is held out, so no trial has a score", "hold something out: --validation 0.2"
        )
    check_sampler(options.sampler)
    read = read_data(first, options)
    opened = Points(checked.source, dict(dims))
    (start,) = opened.some_topologies(1)
    source = Source(opened.text(start), checked.source.name)
    reading = Reading(options, dict(dims), selection or Selection(), say, options.validation)
    job = job_of(analyse(source, dims), reading, read)
    assert job.checked.resolved is not None
    learned = {n: v for n, v in job.checked.resolved.dims.items() if n not in opened.domains}
    bound = {**dims, **learned}
    again, space = spaced(analyse(checked.source, bound), bound)
    if not again.ok:
        raise SpecError(again.diagnostics)
    assert space is not None
    points = Points(checked.source, bound, most_params(options), options.min_steps)
    if not points.some_topologies(1):
        raise _nothing_allowed(options, space)
    if options.sampler == "grid":
        _check_grid(space)
    _check_one_loss(points)
    _check_ends(points, checked.source, reading, read, options.folds)
    spec = again.spec
    assert spec is not None
    common = {name: getattr(options, name) for name in (*OF_SCORES, *OF_STUDY)}
    common["bound"] = {name: str(value) for name, value in sorted(dims.items())}
    record = Record(fixed_text(spec), digest(Path(options.data)), common, space.data()["names"])
    return Search(checked, options, dict(dims), points, read, space, record, selection or Selection())


def changed(args: Any, **values: Any) -> Any:
    """Return options with other values."""
    if hasattr(args, "__dataclass_fields__"):
        return replace(args, **values)
    return type(args)(**{**vars(args), **values})


def fold_of(reading: Reading, folds: int, fold: int) -> Reading:
    """Return how a fold of the data is read; fold 0 is the earliest, and no fold has the data's end."""
    share = reading.args.validation
    left_out, held = share, share
    if folds > 1:
        held = min(share, MOST_FOLDED / folds)
        later = (folds - 1 - fold) * held
        left_out, held = share + (1 - share) * later, held / (1 - later)
    return replace(reading, args=changed(reading.args, validation=held), left_out=left_out)


def _check_ends(points: Points, source: Source, reading: Reading, read: Series | Members, folds: int) -> None:
    """Refuse a space in which the data do not do for a choice, or of which the choices predict other things.

    Each name that changes what comes in or out is looked at with its last value.
    """
    quiet = replace(reading, say=lambda line: None)

    def job(values: Mapping[str, Any]) -> Job:
        text = Source(points.text(values), source.name)
        return job_of(analyse(text, points.dims), fold_of(quiet, folds, 0), read)

    def ends(seen: Seen) -> list[Any]:
        assert seen.resolved is not None
        graph = seen.resolved.graph
        nodes = [graph.nodes[i] for i in graph.inputs]
        return [[n.outputs for n in nodes], graph.tensors(graph.outputs)]

    (start,) = points.some_topologies(1)
    try:
        first = job(start)
    except SpecError as error:
        found = error.diagnostics[0]
        if folds > 1:
            fewer = "take fewer folds: --folds"
            found = replace(found, message=f"with {folds} folds: {found.message}", help=fewer)
        raise SpecError((found,)) from None
    if first.held is None:
        raise wrong("ST444", f"there are too few data for {folds} folds", "take fewer: --folds")
    for name in points.domains.keys() & start.keys():
        last = {**start, name: points.domains[name].last}
        seen = points.look(last)
        if not points.allows(last) or ends(seen) == ends(points.look(start)):
            continue
        last = points.ask(lambda n, _, last=last: last.get(n, points.domains[n].first))  # type: ignore[misc]
        said = f"{name}={bound_text(last[name])}"
        try:
            other = job(last)
        except SpecError as error:
            found = replace(error.diagnostics[0], message=f"with {said}: {error.diagnostics[0].message}")
            raise SpecError((found,)) from None
        if first.wanted != other.wanted:
            raise wrong(
                "ST444",
                f"{name} decides what is predicted, so the losses of trials could not be compared: "
                f"{other.wanted} with {said}, {first.wanted} with {name}={bound_text(start[name])}",
                f"search for each by itself: -D {name}={bound_text(start[name])} --study NAME",
            )


def digest(path: Path) -> str:
    """Return a digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def has_heartbeats(storage: BaseStorage) -> bool:
    """Return whether a storage finds killed workers by itself."""
    return isinstance(storage, RDBStorage)


def most_params(options: Options) -> int:
    """Return the most parameters that a model of a trial may have."""
    return options.max_params or MAX_PARAMS


def check_sampler(kind: str) -> None:
    """Refuse a sampler whose packages are not installed.

    Raises:
        SpecError: ST444.
    """
    lacking = [name for name in NEEDS.get(kind, ()) if not packages.installed(name)]
    if lacking:
        raise wrong(
            "ST444",
            f"the sampler {kind} needs {' and '.join(lacking)}",
            f"install it: {packages.get(*lacking)}",
        )


def _nothing_allowed(options: Options, space: Space) -> SpecError:
    asked = []
    most = most_params(options)
    smallest = space.smallest.params if space.smallest is not None else None
    if options.max_params is not None or (isinstance(smallest, int) and smallest > most):
        asked.append(
            f"at most {most:,} parameters" + (f" (the smallest has {smallest:,})" if smallest else "")
        )
    if options.min_steps is not None:
        asked.append(f"{options.min_steps:,} steps left")
    return wrong(
        "ST444", f"no choice of this space has {' and '.join(asked)}", "ask for less, or widen the space"
    )


def _check_one_loss(points: Points) -> None:
    """Refuse a space in which the loss is searched: the scores of its trials could not be compared."""
    for name, domain in points.domains.items():
        count = domain.count or 2
        values = range(count) if domain.choices and count <= MOST_LOSSES else (0, count - 1)
        seen = [points.looker.look({name: i}) for i in values]
        trained = [s.resolved.training for s in seen if s.resolved is not None]
        losses = {repr((t.loss, t.labels, t.options.get("loss_weights"))) for t in trained if t is not None}
        if len(losses) > 1:
            raise wrong(
                "ST444",
                f"{name} decides the loss, so the losses of trials could not be compared",
                f"search for each loss by itself: -D {name}={bound_text(domain.first)} --study NAME",
            )


def _check_grid(space: Space) -> None:
    if space.continuous:
        name = space.continuous[0]
        domain = space.domains[name]
        raise wrong(
            "ST444",
            f"a grid needs steps, and {name} lies between {domain.low} and {domain.high}",
            f"give it some: {name} in [{domain.low}..{domain.high}] step {(domain.high - domain.low) / 4:g}; "
            "or take another sampler",
        )
    if not space.whole:
        raise _too_large_for_a_grid()


def _too_large_for_a_grid() -> SpecError:
    return wrong("ST444", "this space is too large for a grid", "make it smaller, or take another sampler")
