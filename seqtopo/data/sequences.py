"""Cut series for training: the public functions for windows, segments, batches of a spec, and splits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seqtopo.data.cut_options import CutOptions
from seqtopo.data.cutting import Cut, Pieces, Wanted, Windows
from seqtopo.data.given import NotData
from seqtopo.data.padding import Slot, padded
from seqtopo.data.series import Series, Targets, columns_of, read_series
from seqtopo.data.spec_cutting import cut_for
from seqtopo.diag.error import SpecError
from seqtopo.emit.backend import choose

if TYPE_CHECKING:
    import keras
    import numpy as np


def windows(
    series: Any,
    steps: int,
    horizon: int = 1,
    stride: int = 1,
    *,
    batch_size: int = 32,
    shuffle: bool = False,
    answers: Literal["ahead", "next", "same"] = "ahead",
    targets: Targets = None,
    time_axis: bool | None = None,
    remainder: Literal["keep", "drop", "error"] = "keep",
    ids: bool = False,
    seed: int = 0,
    by: str | None = None,
) -> keras.utils.PyDataset:
    """Cut a series into overlapping windows, each a sample of its own, with the targets of each.

    Args:
        series: (steps, features), or (steps,) for one feature: an array, a table with ``to_numpy``, or the
            path of an ``.npy``, ``.npz`` or ``.csv`` file. Several series side by side are (series, steps,
            features), or a list or a dict of arrays (steps, features), each of its own length: no window
            reaches from one into another. An ``.npy`` file, or an array of ``numpy.memmap``, may
            be larger than memory: only the batches are copied.
        steps: the number of steps of a window.
        horizon: the number of steps after it that are predicted.
        stride: the number of steps between the beginnings of two windows.
        batch_size: the number of windows of a batch.
        shuffle: a new order of all windows in each epoch, from ``seed``. Without it the order is that of the
            series, whatever ``shuffle`` of ``fit`` is.
        answers: the targets: ``"ahead"``, the ``horizon`` steps after the window; ``"next"``, at each step
            the step after it, for many-to-many; ``"same"``, the window itself, for autoencoders.
        targets: the features that are to be predicted, by number or name; all if None.
        time_axis: whether targets ahead have a time axis; by default, if ``horizon`` is above 1.
        remainder: what happens to windows that do not fill the last batch: ``"keep"`` gives a smaller one,
            ``"drop"`` leaves them out, ``"error"`` refuses.
        ids: the series holds ids: x is (batch, steps), of integers.
        seed: the seed of the order.
        by: the column of a table that names the series that a row is of.

    Returns:
        A ``keras.utils.PyDataset`` for ``fit``, ``evaluate`` and ``predict`` on any backend. A batch is x
        (batch, steps, F) and y: (batch, F) one step ahead, (batch, horizon, F) for several, (batch, steps, F)
        for ``"next"`` and ``"same"``. Its ``cut`` says ``count`` and ``dropped``.

    Raises:
        SpecError: the series is too short, has another rank, holds no numbers, or holds NaN.
        ValueError: an argument is out of its range.

    Windows over a series make forecasting supervised learning: Dietterich, "Machine Learning for Sequential
    Data" (2002).

    >>> import numpy as np
    >>> found = windows(np.arange(10.0), 4, batch_size=3)
    >>> x, y = found[0]
    >>> x.shape, y.shape, x[1, :, 0].tolist(), y[1].tolist(), found.cut.count
    ((3, 4, 1), (3, 1), [1.0, 2.0, 3.0, 4.0], [5.0], 6)
    """
    _whole(steps=steps, horizon=horizon, stride=stride, batch_size=batch_size)
    _one_of("remainder", remainder, ("keep", "drop", "error"))
    read = read_series(series, ids=ids, by=by)
    wanted = _wanted(read, answers, horizon, targets, time_axis)
    return _batches(Windows(read, steps, wanted, stride, batch_size, bool(shuffle), seed, remainder))


def pieces(
    series: Any,
    steps: int,
    batch: int | None = None,
    *,
    horizon: int = 1,
    answers: Literal["ahead", "next", "same"] = "ahead",
    targets: Targets = None,
    time_axis: bool | None = None,
    remainder: Literal["drop", "pad", "error"] = "drop",
    ids: bool = False,
    by: str | None = None,
) -> keras.utils.PyDataset:
    """Cut a series into consecutive segments for ``stateful`` models, which go on where they stopped
    (truncated BPTT).

    The series is laid in ``batch`` rows. Sample i of a batch goes on where sample i of the batch before
    ended, and the order is never shuffled, whatever ``shuffle`` of ``fit`` is.

    Args:
        series: as for ``windows``.
        steps: the number of steps of a segment.
        batch: the number of rows: the ``batch`` of the spec. By default one, or a row for each of several
            series.
        horizon: as for ``windows``.
        answers: as for ``windows``.
        targets: as for ``windows``.
        time_axis: as for ``windows``.
        remainder: what happens to the steps at the end that fill no row of pieces: ``"drop"`` leaves them out
            (``cut.dropped`` says how many), ``"pad"`` fills up with zeros, whose answers have weight 0,
            ``"error"`` refuses.
        ids: as for ``windows``.
        by: as for ``windows``.

    Returns:
        A ``keras.utils.PyDataset``; x and y have the shapes that ``windows`` gives them. With ``"pad"`` there
        are weights, too: (batch,), or (batch, steps) where y has steps.

    Raises:
        SpecError: as ``windows``; or steps are left over, and ``remainder`` is ``"error"``.
        ValueError: an argument is out of its range.

    It is how long texts are read in truncated backpropagation through time: Mikolov et al., "Recurrent neural
    network based language model" (2010).

    >>> import numpy as np
    >>> found = pieces(np.arange(13.0), 3, batch=2, answers="next")
    >>> [found[k][0][:, :, 0].tolist() for k in range(2)], found.cut.dropped
    ([[[0.0, 1.0, 2.0], [6.0, 7.0, 8.0]], [[3.0, 4.0, 5.0], [9.0, 10.0, 11.0]]], 0)
    """
    _whole(steps=steps, horizon=horizon, batch=1 if batch is None else batch)
    _one_of("remainder", remainder, ("drop", "pad", "error"))
    read = read_series(series, ids=ids, by=by)
    rows = batch or len(read.every_length)
    return _batches(Pieces(read, steps, _wanted(read, answers, horizon, targets, time_axis), rows, remainder))


def for_spec(
    spec: str | Path,
    series: Any,
    *,
    steps: int | None = None,
    horizon: int | None = None,
    stride: int = 1,
    batch_size: int | None = None,
    shuffle: bool = False,
    answers: Literal["ahead", "next", "same"] | None = None,
    targets: Targets = None,
    remainder: Literal["keep", "drop", "pad", "error"] | None = None,
    seed: int = 0,
    by: str | None = None,
    **dims: Any,
) -> keras.utils.PyDataset:
    """Cut a series as a spec wants it: its steps, its batch, and targets of the shape that it gives.

    A stateful spec gets ``pieces``, any other ``windows``. Many-to-one predicts what comes ``"ahead"``, one
    step after the window; many-to-many at each step the ``"next"``; many-to-many, delayed, as many steps
    ahead as it gives; and where it gives back what it takes, as an autoencoder does, say ``answers="same"``.

    Args:
        spec: the text, or a ``pathlib.Path`` of it.
        series: as for ``windows``; for a spec of ids, (steps,).
        steps: the number of steps of a window, if the spec leaves it open.
        horizon: the number of steps ahead, if the spec's output does not determine it.
        stride: as for ``windows``.
        batch_size: the number of samples of a batch; 32 if the spec does not say.
        shuffle: as for ``windows``.
        answers: the targets, if they are not those of the spec's kind.
        targets: the predicted features, if the spec's output has fewer than its input.
        remainder: as for ``windows`` or ``pieces``. By itself ``"drop"`` where the batch is fixed, else
            ``"keep"``.
        seed: as for ``windows``.
        by: as for ``windows``.
        dims: the values of names. Those of ``in(T,F)`` are bound by ``steps`` and the series.

    Returns:
        The data set that ``windows`` or ``pieces`` returns.

    Raises:
        SpecError: the spec or the series is wrong, or they do not fit together.
        ValueError: an argument is out of its range.

    >>> import numpy as np
    >>> found = for_spec("in(24,F) -> lstm(8) -> dense(F)", np.zeros((100, 3)))
    >>> [array.shape for array in found[0]]
    [(32, 24, 3), (32, 3)]
    """
    _whole(stride=stride)
    for name, value in (("steps", steps), ("horizon", horizon), ("batch_size", batch_size)):
        if value is not None:
            _whole(**{name: value})
    if answers is not None:
        _one_of("answers", answers, ("ahead", "next", "same"))
    asked = CutOptions(
        steps, horizon, stride, batch_size, bool(shuffle), answers, targets, remainder, seed, by=by
    )
    return _batches(cut_for(spec, series, asked, dims)[0])


def split(
    series: Any, validation: float | int = 0.2, *, ids: bool = False, by: str | None = None
) -> tuple[Series, Series]:
    """Split a series by time: the earlier steps to train with, the last ones to evaluate with. Several series
    side by side are split one by one.

    Cut each part by itself, and nothing of the end is known in training: no window reaches over the split.

    Args:
        series: as for ``windows``.
        validation: the share of the steps that is held out, above 0 and below 1; or their number.
        ids: the series holds ids.
        by: as for ``windows``.

    Returns:
        The two parts, for ``windows``, ``pieces`` and ``for_spec``; ``array`` is (steps, F), not copied.

    Raises:
        SpecError: as ``windows``.
        ValueError: the share is out of its range.

    Holding out the end, not steps at random, is what keeps a forecast's test honest: Bergmeir and Benítez,
    "On the use of cross-validation for time series predictor evaluation" (2012).

    >>> import numpy as np
    >>> train, test = split(np.arange(10.0), 0.3)
    >>> train.steps, test.array[:, 0].tolist()
    (7, [7.0, 8.0, 9.0])
    """
    read = read_series(series, ids=ids, by=by)
    whole = isinstance(validation, int)
    held = [int(validation) if whole else round(n * float(validation)) for n in read.every_length]
    inside = all(h < n for h, n in zip(held, read.every_length, strict=True))
    if isinstance(validation, bool) or not inside or min(held) < 0 or not sum(held):
        raise ValueError(
            "validation is the share to hold out, such as 0.2, or a number of steps below "
            f"{min(read.every_length)}, not {validation!r}"
        )
    return read.without_last(held), read.last(held)


def pad(
    samples: Sequence[Any],
    value: float = 0,
    at: Literal["end", "start"] = "end",
    *,
    steps: int | None = None,
) -> np.ndarray[Any, Any]:
    """Pad samples of unequal lengths to one length.

    Args:
        samples: one array, or nested lists, for each sample: (steps, F), or (steps,) for ids; all alike but
            for their steps.
        value: the value of added steps. The spec must mask it: ``embed(...,mask)`` masks 0, ``mask`` 0,
            ``mask(-1)`` -1. No step of the data should hold it in all features.
        at: the place of added steps, ``"end"`` or ``"start"``.
        steps: the number of steps of all samples afterwards; that of the longest if None.

    Returns:
        An array (samples, steps, F), or (samples, steps), of the samples' own dtype if that can hold
        ``value``.

    Raises:
        SpecError: a sample has no steps, is not an array of numbers, or is not like the others; or one is
            longer than ``steps``.
        ValueError: ``at`` or ``steps`` has another value.

    >>> pad([[3, 1], [4, 1, 5], [9]]).tolist()
    [[3, 1, 0], [4, 1, 5], [9, 0, 0]]
    >>> import numpy as np
    >>> pad([np.ones((2, 3)), np.ones((7, 3))], -1).shape
    (2, 7, 3)
    """
    _one_of("at", at, ("end", "start"))
    _whole(**({} if steps is None else {"steps": steps}))
    try:
        found, _ = padded("samples", samples, Slot("samples", None, steps, value), at, bounded=True)
    except NotData as answer:
        raise SpecError((answer.diagnostic,)) from None
    return found


def _wanted(read: Series, answers: Any, horizon: int, targets: Targets, time_axis: bool | None) -> Any:
    _one_of("answers", answers, ("ahead", "next", "same"))
    if answers != "ahead" and (horizon != 1 or time_axis is not None):
        raise ValueError(f'horizon and time_axis are for answers="ahead", not {answers!r}')
    columns = columns_of(read, targets)
    return Wanted(answers, horizon, columns, horizon > 1 if time_axis is None else bool(time_axis))


def _batches(cut: Cut) -> keras.utils.PyDataset:
    choose()
    from seqtopo.data.training.training_runs import Batches

    return Batches(cut)


def _whole(**numbers: Any) -> None:
    for name, value in numbers.items():
        if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
            raise ValueError(f"{name} is a whole number from 1 up, not {value!r}")


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} is one of {', '.join(map(repr, known))}, not {value!r}")
