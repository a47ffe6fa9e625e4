"""Read the data to train on, cut it for a spec, and check it against the spec."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from seqtopo.data.array import Array
from seqtopo.data.choosing import chosen_training, kinds_of, labels_of, noted
from seqtopo.data.cut_options import CutOptions
from seqtopo.data.cutting import Cut, Samples, Wanted, Windows, lacking_classes
from seqtopo.data.fitting import ends_of, with_data
from seqtopo.data.loading import Members, load
from seqtopo.data.padding import slots_of
from seqtopo.data.series import Series, refuse
from seqtopo.data.spec_cutting import carries_states, cut_for, takes_ids
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.inputs import BATCH
from seqtopo.lint.selection import Selection
from seqtopo.report.analyse import Checked, analyse, linted

MOST_SHOWN = 6
"""The most features that a line names."""
OTHER_SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.0)
"""The validation shares that are tried if a series is too short for the requested one."""


class Options(Protocol):
    """The options of reading and cutting data, as the command line of ``seqtopo fit`` has them."""

    data: Any
    series: str | None
    pad: bool
    target: list[str] | None
    steps: int | None
    horizon: int | None
    stride: int
    scale: bool
    same: bool
    batch: int | None
    validation: float
    seed: int


class OptionError(ValueError):
    """An option does not go with the spec or the data; ``help`` says what to do."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help


_OF_SERIES = {"target": None, "steps": None, "horizon": None, "stride": 1, "scale": False, "same": False}
"""The options for series alone, each with its default."""


@dataclass(frozen=True)
class Job:
    """One training: the spec with its symbols and loss, the training data, and the held-out data.

    ``added`` is the loss or ``train`` statement that was chosen for the spec, "" for none.
    """

    checked: Checked
    added: str
    train: Cut | Samples
    held: Cut | Samples | None
    series: Series | None = None
    early: Series | None = None
    ids: bool = False

    @property
    def wanted(self) -> Wanted | None:
        """The targets that windows or segments are cut with; None for samples."""
        return getattr(self.train, "wanted", None)

    @property
    def targets(self) -> tuple[int, ...]:
        """The numbers of the predicted features of a series."""
        assert self.series is not None
        wanted = self.wanted
        every = tuple(range(self.series.features))
        return wanted.columns if wanted is not None and wanted.columns is not None else every


@dataclass(frozen=True)
class Reading:
    """The settings with which one training reads its data.

    ``selection`` are the rules that are on, ``say`` prints lines about the data, ``left_out`` is a share at
    the end that this training must not see.
    """

    args: Options
    dims: dict[str, Any]
    selection: Selection = field(default_factory=Selection)
    say: Callable[[str], object] = print
    left_out: float = 0.0


def read_data(checked: Checked, args: Options) -> Series | Members:
    """Return the contents of the data file, as the spec takes it.

    Raises:
        SpecError: the file does not hold such data.
    """
    assert checked.resolved is not None
    graph = checked.resolved.graph
    ends = ends_of(graph)
    slots = slots_of(graph, "x", ends[0]) if args.pad else ()
    return load(Path(args.data), takes_ids(checked), *ends, args.series, slots)


def job_of(checked: Checked, reading: Reading, read: Series | Members | None = None) -> Job:
    """Read and cut the data, choose a loss if the spec names none, and print lines about the data.

    ``read`` is the data, if it was read already.

    Raises:
        SpecError: the spec or the data is wrong, or they do not fit together.
        OptionError: an option does not go with the spec.
    """
    args, say = reading.args, reading.say
    ids = takes_ids(checked)
    read = read_data(checked, args) if read is None else read
    if isinstance(read, Members):
        if args.series is not None:
            raise OptionError("--series names a column of a .csv file", "leave it out: these are samples")
        for name, default in _OF_SERIES.items():
            if getattr(args, name) != default:
                said = f"--{name} says how a series is cut, but {Path(args.data).name} holds samples"
                raise OptionError(said, f"leave out --{name}")
        return _given_samples(checked, reading, read)
    for note in read.notes:
        say(note)
    if args.scale and ids:
        raise OptionError("--scale is for numbers, and the spec takes ids", "leave it out")
    if reading.left_out:
        read = read.without_last(tuple(round(length * reading.left_out) for length in read.every_length))
    train, rest, early, again = _cut(checked, read, args, reading.dims)
    held = read.steps - early.steps
    named = f" ({', '.join(read.columns[:MOST_SHOWN])})" if read.columns else ""
    what = "ids" if ids else f"of {read.features} feature{'s' if read.features > 1 else ''}{named}"
    many = f" in {len(read.lengths)} series" if read.lengths else ""
    say(f"{read.name}: {read.steps:,} steps{many} {what}")
    say(f"train: {train}")
    if train.wanted.time_axis:
        say(f"answers: {train.wanted}")
    say(
        f"held out: {rest}, to predict the last {held:,} steps" if rest is not None else "nothing is held out"
    )
    settled, added = _with_loss(again, reading, [labels_of(train, read, early)], series=True, ids=ids)
    return Job(settled, added, train, rest, read, early, ids)


def _cut(
    checked: Checked, read: Series, args: Options, dims: dict[str, Any]
) -> tuple[Cut, Cut | None, Series, Checked]:
    """Return the training part, the held-out part, the steps before that, and the spec with its symbols
    bound.

    Raises:
        SpecError: the series does not fit the spec; if it is too short, a share that works is named.
    """
    try:
        return _cut_at(checked, read, args, dims, args.validation)
    except SpecError as error:
        short = error.diagnostics[0]
        if short.code != "ST724":
            raise
        for share in _nearest_shares(args.validation):
            try:
                _cut_at(checked, read, args, dims, share)
            except SpecError:
                continue
            raise SpecError((replace(short, help=f"{_holding_out(share)}; or {short.help}"),)) from None
        raise


def _cut_at(
    checked: Checked, read: Series, args: Options, dims: dict[str, Any], share: float
) -> tuple[Cut, Cut | None, Series, Checked]:
    each = tuple(round(length * share) for length in read.every_length)
    held = sum(each)
    if held == read.steps:
        refuse(
            "ST724", f"of the {read.steps} steps of {read.name} all are held out", help="take a longer series"
        )
    before = f"{read.name} without its last {held:,} steps, which are held out," if held else read.name
    early = read.without_last(each)
    if args.scale:
        read = read.scaled_like(early)
        early = replace(early, mean=read.mean, spread=read.spread)
    read.look_for_large()
    targets = [int(t) if t.isdecimal() and t not in read.columns else t for t in args.target or ()] or None
    answers = "same" if args.same else None
    asked = CutOptions(args.steps, args.horizon, args.stride, args.batch, False, answers, targets)
    asked = replace(asked, seed=args.seed, shuffle=not carries_states(checked))
    try:
        train, again = cut_for(checked, early, asked, dims)
    except SpecError as error:
        short = error.diagnostics[0]
        if short.code != "ST724" or not held:
            raise
        raise SpecError((replace(short, message=short.message.replace(read.name, before, 1)),)) from None
    if not held:
        return train, None, early, again
    # The targets lie in the held-out end; the window before them may lie in front of it.
    back = train.before if isinstance(train, Windows) else 0
    late = replace(read.last(each, back), name=f"the held-out end of {read.name}")
    rest = cut_for(checked, late, replace(asked, shuffle=False, stride=1), dims)[0]
    return train, rest, early, again


def _given_samples(checked: Checked, reading: Reading, members: Members) -> Job:
    args, dims, say = reading.args, reading.dims, reading.say
    x, y, weights = (members.arrays(side) for side in ("x", "y", "sample_weight"))
    again = with_data(checked, x, y, None, dims, weights)
    if not again.ok:
        raise SpecError(again.diagnostics)
    assert again.resolved is not None
    graph = again.resolved.graph
    settled, added = _with_loss(again, reading, y or (), x, weights)
    samples = members.read()
    if reading.left_out:
        samples = samples.split(round(samples.count * reading.left_out))[0]
    batch = graph.nodes[graph.inputs[0]].batch
    fixed = isinstance(batch, int)
    size = batch if isinstance(batch, int) else args.batch or BATCH
    shuffle = not carries_states(again)
    samples = replace(samples, batch_size=size, shuffle=shuffle, seed=args.seed, whole=fixed)
    early, late, held = _split_samples(samples, args.validation, fixed=fixed)
    rest = f"the last {late} are held out" if held else "nothing is held out"
    for array in x or ():
        if array.padding is not None:
            say(f"{array.name}: padded to {array.shape[1]:,} steps with {array.padding.value:g}, at the end")
    say(f"{Path(args.data).name}: {early} to train with, {rest}")
    assert settled.resolved is not None
    training = settled.resolved.training
    assert training is not None
    for kind, one, other_part in zip(kinds_of(training, len(early.y)), early.y, late.y, strict=True):
        lacking = lacking_classes(one, other_part) if kind in ("ids", "yes-no") else ""
        if lacking:
            found = Diagnostic(
                "ST734",
                f"most of what is held out is of {lacking}, of which training sees none",
                graph.nodes[graph.inputs[0]].span,
                "warning",
                help="the samples seem to be sorted, and the last ones are held out: shuffle x and y "
                "together before they are saved",
                source=settled.source,
            )
            settled = replace(settled, diagnostics=(*settled.diagnostics, found))
    return Job(settled, added, early, late if len(late) else None)


def _split_samples(samples: Samples, share: float, *, fixed: bool) -> tuple[Samples, Samples, int]:
    """Return the samples to train with, the held-out ones, and the number of these.

    Raises:
        SpecError: ST724, a part is smaller than a batch; a share that works is named.
    """
    count, size = len(samples.x[0]), samples.batch_size

    def lacks(share: float) -> str:
        early, late = samples.split(round(count * share))
        if not len(early.x[0]):
            return f"of the {count:,} samples all are held out"
        for part, what in ((early, "left to train with"), (late, "held out")):
            if len(part.x[0]) and not len(part):
                return f"{len(part.x[0])} samples are {what}, fewer than a batch of {size}"
        return ""

    wrong = lacks(share)
    if wrong:
        other = next((one for one in _nearest_shares(share) if not lacks(one)), None)
        if other is not None:
            advice = _holding_out(other)
        else:
            advice = f"write batch={count} or less in the spec" if fixed else "give more samples"
        refuse("ST724", wrong, help=advice)
    held = round(count * share)
    return *samples.split(held), held


def _nearest_shares(share: float) -> list[float]:
    """Return the shares to try in place of one: the nearest first, 0 last."""
    return sorted(OTHER_SHARES, key=lambda other: (other == 0, abs(other - share)))


def _holding_out(share: float) -> str:
    return f"hold out {'nothing' if not share else 'another share'}: --validation {share:g}"


def _with_loss(
    checked: Checked,
    reading: Reading,
    labels: Sequence[Array],
    x: Sequence[Array] | None = None,
    weights: Sequence[Array] | None = None,
    *,
    series: bool = False,
    ids: bool = False,
) -> tuple[Checked, str]:
    """Return the spec with a loss, chosen if it names none, and the added text, after checking it with the
    data.

    Raises:
        SpecError: a rule finds an error.
    """
    assert checked.resolved is not None
    assert checked.spec is not None
    dims = dict(checked.resolved.dims)
    source, added = chosen_training(checked.resolved, checked.spec, labels, series=series, ids=ids)
    again = analyse(source, dims) if added else checked
    given = with_data(replace(again, diagnostics=()), x, list(labels), None, dims, weights)
    found = {(d.code, d.span, d.message): d for d in (*again.diagnostics, *given.diagnostics)}
    settled = replace(given, diagnostics=tuple(found.values()))
    again = linted(settled, reading.selection)
    diagnostics = noted(again.diagnostics, added, len(checked.source.text.rstrip()))
    if not again.ok:
        raise SpecError(diagnostics)
    return replace(again, diagnostics=diagnostics), added
