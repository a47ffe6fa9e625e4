"""Show a study: the best trials, what mattered, and which are worth their size or their speed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from seqtopo.cli.arguments import UsageError
from seqtopo.cli.terminal import put, say, terminal
from seqtopo.diag.error import SpecError
from seqtopo.graph.domains import in_words
from seqtopo.report.columns import Column, columns
from seqtopo.searching.results import (
    FINALISTS,
    best_trials,
    importance,
    in_short,
    pareto,
    tally,
    values_of,
)
from seqtopo.searching.storage import SUFFIX, open_storage, storage_failures, wrong

SHOWN = 5
"""The number of trials that are shown."""


def journal_of(data: str) -> Path:
    """Return the path of the journal beside a file of data."""
    return Path(data).with_suffix(SUFFIX)


def show(args: argparse.Namespace) -> int:
    """Show the study that ``--show`` names. Returns the exit code."""
    name, journal = args.show, Path(args.show)
    if args.storage is None and not journal.is_file():
        journal = journal_of(args.data or args.spec) if args.spec is not None else _journal_here(name)
    storage = open_storage(args.storage, journal, make=False)
    with storage_failures(name):
        names = [frozen.study_name for frozen in storage.get_all_studies()]
    wanted = name if name in names else args.study or (names[0] if len(names) == 1 else None)
    if wanted not in names:
        where = args.storage or journal
        help = f"its studies are {in_words(names)}: --study NAME" if names else "no search has begun there"
        several = len(names) > 1 and wanted is None and journal.is_file() and name == str(journal)
        said = (
            f"{where} holds several studies" if several else f"there is no study {wanted or name} in {where}"
        )
        raise wrong("ST442", said, help)
    put_study(optuna.load_study(study_name=wanted, storage=storage), pareto_too=args.pareto)
    return 0


def _journal_here(name: str) -> Path:
    """Return the journal of this folder that holds a study of that name."""
    there = sorted(Path().glob(f"*{SUFFIX}"))
    for path in there:
        try:
            studies = open_storage(None, path).get_all_studies()
        except SpecError:  # it is no journal
            continue
        if name in [frozen.study_name for frozen in studies]:
            return path
    raise UsageError(
        f"there is no journal {name}, and no study {name} in one of this folder",
        f"give its file: --show {there[0] if there else 'temperatures.study.log'}; "
        "or the storage of the study: --storage URL",
    )


def put_study(study: Study, *, pareto_too: bool = False) -> None:
    """Print the results of a study."""
    trials = study.get_trials(deepcopy=False)
    counts = tally(trials)
    say(f"study {study.study_name}: {counts}")
    for why, count in sorted(counts.reasons.items(), key=lambda item: -item[1])[:SHOWN]:
        say(f"  failed{f' {count} times' if count > 1 else ''}: {why}")
    best = best_trials(study, SHOWN)
    if not best:
        say("no trial has a score yet")
        return
    say("", "the best trials, by the loss on what is held out of each trial:")
    _put_trials(best, study.user_attrs.get(FINALISTS, {}))
    shares = importance(study)
    if shares:
        say(
            "", "what mattered: " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
        )
    if pareto_too:
        done = [t for t in trials if t.state == TrialState.COMPLETE]
        front = pareto(done, (lambda t: t.value, lambda t: t.user_attrs.get("params"), _latency))
        say("", "no other trial is better, smaller and faster than these:")
        _put_trials(front, {})


def _latency(trial: FrozenTrial) -> float | None:
    # Times differ from run to run: a tenth of a millisecond is no difference.
    found = trial.user_attrs.get("latency")
    return None if found is None else round(float(found), 4)


def _put_trials(trials: Sequence[FrozenTrial], again: Mapping[str, Any]) -> None:
    table = [
        Column("trial", [str(t.number) for t in trials], right=True),
        Column("loss", [f"{t.value:.4g}" for t in trials], right=True),
    ]
    if again:
        table.append(Column("with other seeds", [_spread(again.get(str(t.number))) for t in trials]))
    table += [
        Column("parameters", [_whole(t.user_attrs.get("params")) for t in trials], right=True),
        Column("answers in", [_milliseconds(t.user_attrs.get("latency")) for t in trials], right=True),
    ]
    names = list(dict.fromkeys(name for t in trials for name in values_of(t)))
    values = [Column(name, [_cell(values_of(t).get(name)) for t in trials]) for name in names]
    width = terminal(sys.stdout).width
    # A number that is cut off says something else, so names that find no room stand on lines of their own.
    if 2 + sum(2 + max(map(len, (c.heading, *c.cells))) for c in (*table, *values)) <= width + 2:
        put(columns([*table, *values], width, indent=2))
        return
    put(columns(table, width, indent=2))
    for trial in trials:
        say(f"  trial {trial.number}: {in_short(trial)}")


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _whole(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _milliseconds(value: Any) -> str:
    return "" if value is None else f"{1000 * value:.2f} ms"


def _spread(scores: Any) -> str:
    if not scores:
        return ""
    return f"{min(scores):.4g} to {max(scores):.4g}"
