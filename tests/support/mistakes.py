"""Mistakes people made with sequence models: what was written, what was meant, and what must be said.

Each case is tried in every way in which a person could come by it: the spec alone, with its loss and the
shape of its labels, and with its data. ``python -m tests.support.mistakes`` prints the score, with ``-v``
every message, and with ids those cases alone.
"""

from __future__ import annotations

import re
import sys
import tomllib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import seqtopo
from seqtopo.diag.model import Diagnostic
from seqtopo.report.report import Report

FOLDER = Path(__file__).resolve().parents[1] / "mistakes"


@dataclass(frozen=True)
class Written:
    """One side of a case: a spec, with the data, the loss and the labels that belong to it."""

    spec: str
    x: tuple[str, ...] = ()
    y: tuple[str, ...] = ()
    loss: str = ""
    labels: str = ""


@dataclass(frozen=True)
class Mistake:
    """A case of the ledger.

    ``cause`` are patterns that the words of one diagnostic must all fit; ``says`` those of its help, its
    notes and its fixes. ``fix`` is ``same`` where a fix must come to the shapes and parameters of what was
    meant (or of one of ``also``), ``checks`` where it must check without errors, ``says`` where words have
    to do. ``hint`` is whether an info is enough. ``codes`` are those that may say it. ``open`` says why a
    case is not caught.
    """

    id: str
    source: str
    kind: str
    when: str
    wrong: Written
    right: Written
    needs: frozenset[str] = frozenset()
    also: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    cause: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    fix: str = "says"
    hint: bool = False
    right_says: str = ""
    open: str = ""


@dataclass(frozen=True)
class Trial:
    """A side of a case as it is checked: the text, and the arrays, if any."""

    way: str
    text: str
    x: tuple[str, ...] = ()
    y: tuple[str, ...] = ()
    seed: int = 0

    def check(self) -> Report:
        """The report of it."""
        rng = np.random.default_rng(self.seed)
        data: dict[str, Any] = {}
        for name, shapes in (("x", self.x), ("y", self.y)):
            arrays = [array(shape, rng) for shape in shapes]
            if arrays:
                data[name] = arrays[0] if len(arrays) == 1 else arrays
        return seqtopo.check(self.text, **data)


@dataclass(frozen=True)
class Verdict:
    """The result of a trial: the report, and whether the cause and a fix were named."""

    report: Report
    said: Diagnostic | None
    cause: bool
    fix: bool
    fixes: tuple[str, ...] = ()

    @property
    def caught(self) -> bool:
        """True if a finding that may report the mistake was made."""
        return self.said is not None


def array(shape: str, rng: np.random.Generator) -> Any:
    """Data from its few words: ``(8,10,4) f`` normal, ``u`` uniform, ``i5`` ids below 5, ``i[1,5)`` from 1,
    ``hot`` one-hot, ``padded`` ids below 500 with zeros after each sequence's end. Ids reach both their ends.

    >>> array("(2,3) i5", np.random.default_rng(0)).max()
    np.int64(4)
    """
    match = re.fullmatch(r"\(([\d,]*)\) (f|u|hot|padded|i(\d+)|i\[(-?\d+),(\d+)\))", shape)
    assert match is not None, shape
    sizes = tuple(int(size) for size in match[1].split(",") if size)
    if match[2] == "f":
        return rng.normal(size=sizes).astype("float32")
    if match[2] == "u":
        return rng.uniform(size=sizes).astype("float32")
    if match[2] == "hot":
        return np.eye(sizes[-1], dtype="float32")[rng.integers(0, sizes[-1], sizes[:-1])]
    if match[2] == "padded":
        ids = rng.integers(1, 500, sizes)
        return ids * (np.arange(sizes[1]) < rng.integers(3, sizes[1], (sizes[0], 1)))
    low, high = (0, int(match[3])) if match[3] else (int(match[4]), int(match[5]))
    found = rng.integers(low, high, sizes)
    found.flat[0], found.flat[-1] = low, high - 1
    return found


def _words(given: str | list[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _side(entry: dict[str, Any], right: bool) -> Written:
    def of(name: str) -> Any:
        plain = entry.get(name, "")
        return entry.get(f"right_{name}", plain) if right else plain

    return Written(
        (entry["right"] if right else entry.get("wrong", "")).strip(),
        _words(of("x") or []),
        _words(of("y") or []),
        of("loss"),
        of("labels"),
    )


@cache
def mistakes() -> tuple[Mistake, ...]:
    """Every case that a spec can show, in the order of the files."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        if path.name == "out_of_reach.toml":
            continue
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            found.append(
                Mistake(
                    entry["id"],
                    entry.get("source", "our own"),
                    entry.get("kind", "nothing wrong"),
                    entry.get("when", "none"),
                    _side(entry, right=False),
                    _side(entry, right=True),
                    frozenset(entry.get("needs", ())),
                    *(tuple(entry.get(name, ())) for name in ("also", "codes", "cause", "says")),
                    entry.get("fix", "says"),
                    entry.get("hint", False),
                    entry.get("right_says", ""),
                    entry.get("open", ""),
                )
            )
    return tuple(found)


def out_of_reach() -> list[dict[str, str]]:
    """The cases that no spec can show, each with why."""
    return tomllib.loads((FOLDER / "out_of_reach.toml").read_text(encoding="utf-8"))["case"]


def trials(mistake: Mistake, right: bool = False) -> Iterator[Trial]:
    """The ways in which a side of a case is checked: with no more than decides it, and with all there is."""
    side = mistake.right if right else mistake.wrong
    seed = zlib.crc32(mistake.id.encode())
    train = f"\n\ntrain adam, loss={side.loss}" if side.loss else ""
    if not mistake.needs - {"hardware"}:
        yield Trial("spec", f"{side.spec}\n")
    if side.labels:
        yield Trial("labels", f"{side.spec}{train}, labels={side.labels}\n")
    elif mistake.needs & {"loss"} and not mistake.needs & {"labels", "data"}:
        yield Trial("loss", f"{side.spec}{train}\n")
    if side.x or side.y:
        yield Trial("data", f"{side.spec}{train}\n", side.x, side.y, seed)


def _text(found: Diagnostic, advice: bool) -> str:
    """Its words, each label after the text that it stands below."""
    places = [(found.span, found.label), *((label.span, label.text) for label in found.labels)]
    text = found.source.text if found.source else ""
    parts = [found.message, *(f"{text[at.start : at.end]} {said}" for at, said in places), *found.notes]
    if advice:
        parts += [found.help, *(fix.title for fix in found.fixes)]
        parts += [edit.text for fix in found.fixes for edit in fix.edits]
    return " ".join(" ".join(parts).split())


def _fits(patterns: tuple[str, ...], text: str) -> bool:
    return all(re.search(pattern, text, re.I) for pattern in patterns)


def _size(report: Report) -> tuple[Any, ...]:
    return (tuple(report.outputs.values()), report.params)


def judge(mistake: Mistake, trial: Trial) -> Verdict:
    """Return the verdict on a trial: the finding that best names the mistake's cause and a fix."""
    report = trial.check()
    grave = ("error", "warning")
    lenient = mistake.hint or "hardware" in mistake.needs
    suits = [
        d
        for d in report.diagnostics
        if (lenient or d.severity in grave) and (not mistake.codes or d.code in mistake.codes)
    ]
    best = Verdict(report, None, False, False)
    for found in suits:
        verdict = _of(mistake, trial, report, found)
        if (verdict.cause, verdict.fix) > (best.cause, best.fix) or best.said is None:
            best = verdict
    return best


def _of(mistake: Mistake, trial: Trial, report: Report, found: Diagnostic) -> Verdict:
    cause = _fits(mistake.cause, _text(found, advice=False))
    says = _fits(mistake.says, _text(found, advice=True))
    source = found.source or report.source
    meant = {_size(seqtopo.check(spec)) for spec in (mistake.right.spec, *mistake.also)}
    results, same, checks = [], False, False
    for fix in found.fixes:
        text = fix.apply(source.text)
        same_data = replace(trial, text=text)
        right_data = replace(same_data, x=mistake.right.x, y=mistake.right.y) if trial.x else same_data
        after = same_data.check()
        if not after.ok:
            # Where the data was wrong, too, the fix is for the right one.
            after = right_data.check()
        clean = after.ok and not any(d.code == found.code and d.severity != "info" for d in after.diagnostics)
        equal = clean and _size(after) in meant
        checks, same = checks or clean, same or equal
        results.append(f"{'=' if equal else '+' if clean else '-'} {fix.title}")
    fixed = {"same": same, "checks": checks, "says": True}[mistake.fix]
    return Verdict(report, found, cause, says and fixed, tuple(results))


def _tell(mistake: Mistake, trial: Trial, verdict: Verdict, loud: bool) -> None:
    marks = "".join(m if on else "-" for m, on in (("C", verdict.cause), ("F", verdict.fix)))
    code = verdict.said.code if verdict.said else "none"
    print(f"{marks if verdict.caught else 'MISSED':6} {code:6} {mistake.id} ({trial.way})")
    if loud or not (verdict.cause and verdict.fix):
        for found in verdict.report.diagnostics:
            advice = replace(found, fixes=())
            print(f"         {found.severity}[{found.code}] {_text(advice, advice=False)}")
            print(f"         help: {found.help}")
        for line in verdict.fixes:
            print(f"         fix {line}")
        wanted = {"cause": mistake.cause, "says": mistake.says, "fix": mistake.fix}
        print(f"         wanted: {wanted}")


def main(words: list[str]) -> None:
    """Print the score."""
    loud, chosen = "-v" in words, [word for word in words if word != "-v"]
    total = caught = cause = fix = silent = silent_caught = noisy = 0
    for mistake in mistakes():
        if chosen and not any(word in mistake.id for word in chosen):
            continue
        for trial in trials(mistake, right=True):
            loud_right = [d for d in trial.check().diagnostics if d.severity != "info"]
            if loud_right and not mistake.right_says:
                noisy += 1
                print(f"NOISE  {mistake.id} ({trial.way}): {loud_right[0].code} {loud_right[0].message}")
        if not mistake.wrong.spec:
            continue
        verdicts = []
        for trial in trials(mistake):
            verdicts.append(judge(mistake, trial))
            _tell(mistake, trial, verdicts[-1], loud)
        total += 1
        caught += all(v.caught for v in verdicts)
        cause += all(v.cause for v in verdicts)
        fix += all(v.fix for v in verdicts)
        silent += mistake.when == "silent"
        silent_caught += mistake.when == "silent" and all(v.cause for v in verdicts)
    print(f"\n{total} mistakes: caught {caught}, cause named {cause}, way out named {fix}")
    print(f"{silent} silent ones: {silent_caught} caught; right specs that are not clean: {noisy}")


if __name__ == "__main__":
    main(sys.argv[1:])
