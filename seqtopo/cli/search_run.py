"""Run a search: alone or as several processes, then train the best again, write it and fit it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial

from seqtopo.cli import fit as fit_command
from seqtopo.cli.arguments import STDIN, UsageError, bound_from_outside, dims_of, is_text
from seqtopo.cli.files import check_spec
from seqtopo.cli.search_board import Board
from seqtopo.cli.search_picture import picture
from seqtopo.cli.search_show import journal_of, put_study, show
from seqtopo.cli.settings import settings_of
from seqtopo.cli.terminal import say, say_nothing
from seqtopo.cli.writing import apart, keep_what_is_there, write_whole
from seqtopo.data.jobs import OptionError
from seqtopo.diag.error import SpecError
from seqtopo.searching.leases import Holding, counted, is_mine, is_over, lease
from seqtopo.searching.results import FINALISTS, best_trials, in_short, values_of
from seqtopo.searching.running import training_of
from seqtopo.searching.sampling import REPEATED, derived_seed
from seqtopo.searching.setting_up import Options, Search, has_heartbeats, set_up
from seqtopo.searching.storage import open_storage, storage_failures, wrong
from seqtopo.searching.worker import Stopped, Worker
from seqtopo.system.replacing import FOUND
from seqtopo.system.shell import command
from seqtopo.system.threads import cores, share

INTERRUPTED = 130
SEEDS = 3
"""The number of seeds that each of the best is trained with, its own among them."""
FINISHING = "finishing"
"""The attribute of a study that holds which worker trains the best model again."""
CLAIM = 0.5
"""The seconds in which another worker may claim it too: the last one has it."""


class Interrupt:
    """Ends a search after the epoch at the first Ctrl-C, and at once at the second."""

    def __init__(self, parent: int | None = None) -> None:
        self.asked = False
        self.parent = parent
        """The process that started this one, which ends with it."""
        self.told: Callable[[], None] = lambda: None
        """A function that is called when a line about it was written to the terminal."""

    def __call__(self) -> bool:
        """Return whether the search is to stop."""
        return self.asked or (self.parent is not None and os.getppid() != self.parent)

    @contextmanager
    def watching(self, *, quiet: bool = False) -> Iterator[None]:
        """Take Ctrl-C for a wish to stop, where signals can be taken."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, frame: object) -> None:
            if self.asked:
                raise KeyboardInterrupt
            self.asked = True
            if not quiet:
                # Python may be in the middle of a line: what is written past its buffers locks nothing.
                os.write(2, b"\nstopping after this epoch; once more stops at once\n")
                self.told()

        before = signal.signal(signal.SIGINT, handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def search(args: argparse.Namespace) -> int:
    """Search, show what was found, and train the best; with ``--show`` only show. Returns the exit code."""
    if args.show is not None:
        return show(args)
    at_hand = args.spec == STDIN or is_text(args.spec)
    dims = dims_of(args.dims)
    output = Path(args.output)
    apart(output, args.data, *([] if at_hand else [args.spec]))
    if not os.access(output.parent, os.W_OK):
        reason = "is not there" if not output.parent.exists() else "cannot be written to"
        raise UsageError(
            f"the folder {output.parent} {reason}", "name another place for the best spec: -o PATH"
        )
    keep_what_is_there(output, "found", force=args.force)
    if not output.exists():
        keep_what_is_there(output.with_suffix(".keras"), "model", force=args.force)
    keep_what_is_there(output.with_suffix(".svg"), "loss curve", force=args.force)
    keep_what_is_there(_picture_path(output), "picture", force=args.force)
    name = args.study or ("model" if at_hand else Path(args.spec).stem)
    checked = check_spec(args.spec, dims)
    options = _options(args)
    try:
        found = set_up(
            checked,
            options,
            dims,
            settings_of(args.spec).selection,
            say if args.worker is None else say_nothing,
        )
    except OptionError as error:
        raise UsageError(str(error), error.help) from None
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    storage = open_storage(args.storage, journal_of(args.data))
    study = found.join(storage, name)
    heartbeats = has_heartbeats(storage)
    interrupt = Interrupt(None if args.worker is None else int(args.worker))
    if args.worker is not None:
        with interrupt.watching(quiet=True):
            _worker(found, study, interrupt, heartbeats, args).run()
        return 0
    _say_what_is_searched(found, study, args)
    board = Board(study, args.trials)
    interrupt.told = board.leave
    with interrupt.watching():
        if args.jobs > 1:
            why = _run_workers(args, checked.source.text, board, interrupt)
        else:
            worker = _worker(found, study, interrupt, heartbeats, args)
            worker.tell, worker.each_epoch = (lambda trial: board.update(now=True)), board.update
            why = worker.run()
        board.update(now=True)
        if why == "stopped":
            say("", "stopped; the same command goes on from there", stream=sys.stderr)
            return INTERRUPTED
        if why == "exhausted":
            say("every choice of the space has been tried", stream=sys.stderr)
    return _finish(found, study, interrupt, args, output)


def _options(args: argparse.Namespace) -> Options:
    return Options(**{name: getattr(args, name) for name in Options.__dataclass_fields__})


def _worker(
    found: Search, study: Study, interrupt: Interrupt, heartbeats: bool, args: argparse.Namespace
) -> Worker:
    worker = Worker(study, found.points, training_of(found), args.trials, found.options.seed, interrupt)
    worker.heartbeats = heartbeats
    return worker


def _say_what_is_searched(found: Search, study: Study, args: argparse.Namespace) -> None:
    space = found.space
    more = f", for each value of {' and '.join(space.continuous)}" if space.continuous else ""
    say(f"space: {space.points:,} points{more}; looked at {space.looked_at()}; none fails")
    before = len(study.get_trials(deepcopy=False))
    where = args.storage or journal_of(args.data)
    say(f"study {study.study_name} in {where}" + (f", with {before} trials so far" if before else ""))
    if args.sampler not in REPEATED and args.jobs > 1:
        say(f"{args.sampler} learns from the trials that have ended: with several workers, runs differ")


def _run_workers(args: argparse.Namespace, text: str, board: Board, interrupt: Interrupt) -> str:
    """Run several processes on this machine, and watch the study until they end."""
    there = cores()
    children = []
    for number in range(args.jobs):
        environment = dict(os.environ)
        own = share(there, number, args.jobs)
        limit = json.dumps(
            {"args": {**vars(args), "spec": _spec_for(args, text), "worker": str(os.getpid())}, "cores": own}
        )
        for_child = [sys.executable, "-m", "seqtopo.cli.search"]
        children.append(
            subprocess.Popen(
                for_child,
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
                process_group=0,  # or a terminal's Ctrl-C would reach them twice, and end them at once
            )
        )
        stdin = children[-1].stdin
        assert stdin is not None
        stdin.write(limit)
        stdin.close()
    said = [""] * len(children)
    readers = [threading.Thread(target=_read, args=(child, said, i)) for i, child in enumerate(children)]
    for reader in readers:
        reader.start()
    try:
        while any(child.poll() is None for child in children):
            time.sleep(0.2)
            board.update()
            if interrupt():
                for child in children:
                    if child.poll() is None:
                        child.send_signal(signal.SIGINT)
                for child in children:
                    child.wait()
                return "stopped"
    except BaseException:
        for child in children:
            child.kill()
        raise
    finally:
        for reader in readers:
            reader.join()
    codes = [child.returncode for child in children]
    if all(codes):
        words = next((why for text in said if (why := _why(text))), f"exit code {codes[0]}")
        raise wrong(
            "ST445", "every worker ended before the search did", "run it with --jobs 1 to see why", (words,)
        )
    board.update(now=True)
    for number, code in enumerate(codes, 1):
        if code:
            board.leave()
            how = f"was killed by signal {-code}" if code < 0 else f"ended early: {_why(said[number - 1])}"
            say("", f"worker {number} of {args.jobs} {how}; the others did its trials", stream=sys.stderr)
    # A worker that is not needed any more ends as one does that has nothing left to try.
    return "done" if len(counted(board.study.get_trials(deepcopy=False))) >= args.trials else "exhausted"


def _why(said: str) -> str:
    """Return the first diagnostic among what a worker wrote to its standard error, else its last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("error[")), (lines or [""])[-1])[:800]


def _read(child: subprocess.Popen[str], said: list[str], number: int) -> None:
    assert child.stderr is not None
    said[number] = child.stderr.read()


def _spec_for(args: argparse.Namespace, text: str) -> str:
    return text if args.spec == STDIN else str(args.spec)


# ---- the best --------------------------------------------------------------------------------------------


def _finish(found: Search, study: Study, interrupt: Interrupt, args: argparse.Namespace, output: Path) -> int:
    """Train the best few again, and write and fit the best of them, where no other worker does it."""
    name = study.study_name
    with storage_failures(name):
        claimed = _is_claimed(study)
    if not claimed:
        say(f"another process of the study {name} trains the best; see it with --show", stream=sys.stderr)
        return 0
    try:
        with Holding(study, FINISHING):
            return _train_the_best(found, study, interrupt, args, output)
    finally:
        with suppress(Exception):  # the disk may be full: then the claim runs out
            study.set_user_attr(FINISHING, None)


def _train_the_best(
    found: Search, study: Study, interrupt: Interrupt, args: argparse.Namespace, output: Path
) -> int:
    best = best_trials(study, args.finalists)
    if not best:
        put_study(study)
        return 1
    with interrupt.watching():
        scores = _scores_by_seed(found, study, best, interrupt, args)
    if scores is None:
        say("", "stopped; the same command goes on from there", stream=sys.stderr)
        return INTERRUPTED
    put_study(study, pareto_too=args.pareto)
    winner = min(best, key=lambda t: statistics.fmean(scores[t.number]))
    mine = scores[winner.number]
    spread = f"{min(mine):.4g} to {max(mine):.4g} with {len(mine)} seeds" if len(mine) > 1 else "one seed"
    loss = f"loss {statistics.fmean(mine):.4g} ({spread})"
    head = f"{FOUND.decode()}{study.study_name}: trial {winner.number}, {loss}\n"
    text = found.points.text(values_of(winner), head)
    write_whole(output, lambda path: path.write_text(text, encoding="utf-8"))
    drawn = _picture_path(output)
    write_whole(drawn, lambda path: path.write_text(picture(study), encoding="utf-8"))
    say("", f"the best: trial {winner.number}, {in_short(winner)}: {loss}")
    say(f"Wrote {output}, and the course of the search as {drawn}")
    say("", "now trained on all but what no trial saw, and compared on that, by:")
    say(command("seqtopo", *_fit_words(args, output)))
    return fit_command.run(fit_command.parser().parse_args(_fit_words(args, output)[1:]))


def _is_claimed(study: Study) -> bool:
    """Claim the training of the best model for this process; return False where another one has it.

    If that process dies, the next that asks has it.
    """
    held = study.user_attrs.get(FINISHING)
    if isinstance(held, dict) and not is_over(held) and not is_mine(held):
        return False
    study.set_user_attr(FINISHING, lease())
    time.sleep(CLAIM)
    return is_mine(study.user_attrs.get(FINISHING))


def _scores_by_seed(
    found: Search, study: Study, best: Sequence[FrozenTrial], interrupt: Interrupt, args: argparse.Namespace
) -> dict[int, list[float]] | None:
    """Return the scores of each of the best with several seeds; None if it was stopped."""
    known: dict[str, list[float]] = dict(study.user_attrs.get(FINALISTS, {}))
    training: Any = None

    def report(step: int, value: float) -> None:
        if interrupt():
            raise Stopped

    for trial in best:
        assert trial.value is not None
        scores = list(known.get(str(trial.number), [trial.value]))
        while args.finalists > 1 and len(scores) < SEEDS:
            training = training or training_of(found)
            text = found.points.text(values_of(trial))
            seed = derived_seed(found.options.seed + len(scores), trial.number)
            say(f"trial {trial.number} again, with seed {len(scores) + 1} of {SEEDS}", stream=sys.stderr)
            try:
                scores.append(training(text, seed, report).value)
            except SpecError:  # its loss is not finite with this seed
                scores.append(float("inf"))
            except Stopped:
                return None
            known[str(trial.number)] = scores
            with storage_failures(study.study_name):
                study.set_user_attr(FINALISTS, known)
        known[str(trial.number)] = scores
    return {trial.number: known[str(trial.number)] for trial in best}


def _fit_words(args: argparse.Namespace, output: Path) -> list[str]:
    """Return the words of the command that trains the best spec on all data but those that no trial saw."""
    words = ["fit", str(output), str(args.data), "-o", str(output.with_suffix(".keras")), "--force"]
    for name, default in (("epochs", 10), ("batch", None), ("steps", None), ("horizon", None), ("stride", 1)):
        if getattr(args, name) != default:
            words += [f"--{name}", str(getattr(args, name))]
    for target in args.target or ():
        words += ["--target", target]
    if args.validation != 0.2:
        words += ["--validation", str(args.validation)]
    words += [f"--{name}" for name in ("scale", "pad", "same", "stock") if getattr(args, name)]
    words += ["--series", args.series] if args.series else []
    words += ["--seed", str(args.seed)] if args.seed else []
    words += ["--backend", args.backend] if args.backend else []
    for module in args.modules or ():
        words += ["--import", module]
    return [*words, *bound_from_outside(dims_of(args.dims))]


def _picture_path(output: Path) -> Path:
    """Return the path of the picture of the search, beside the best spec."""
    return output.with_name(f"{output.stem}-search.svg")
