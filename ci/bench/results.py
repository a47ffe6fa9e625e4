"""Write results: a line each for the terminal, a file for programs, a table for the guide."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from timing import Row

HERE = Path(__file__).resolve().parent
FILE = HERE / "results.json"
PICTURE = HERE / "results.svg"
PAGE = HERE / "RESULTS.md"
README = HERE.parents[1] / "README.md"
CHAPTER = HERE.parents[1] / "examples" / "guide" / "14-speed.md"
BEGIN, END = "<!-- ci/bench --write makes this table -->", "<!-- end of the table -->"
BEGIN_CLAIM, END_CLAIM = "<!-- ci/bench --write makes this sentence -->", "<!-- end of the sentence -->"
CLAIMED = "lstm(64), T=200, fit"
"""The work on PyTorch whose rows are the README's one claim."""
PACKAGES = ("keras", "jax", "torch", "tensorflow", "numpy")
ORDER = (
    "first_epoch",
    "kernels_torch",
    "kernels_compiled",
    "answering",
    "rollout",
    "building",
    "cold_check",
    "warm_check",
    "editing",
    "page",
    "processes",
    "trials",
)
"""The order in which measurements are shown; others come last."""
BACKEND_NAMES = {"jax": "JAX", "torch": "PyTorch", "tensorflow": "TensorFlow", "": ""}


def line(row: Row) -> str:
    """Return a row in words, for the terminal."""
    where = f"{BACKEND_NAMES.get(row.backend, row.backend)}: " if row.backend else ""
    spread = f"{number(row.low)} to {number(row.high)}"
    wanted = ""
    if row.most is not None:
        wanted = f"; at most {number(row.most)} is wanted" + ("" if row.met else ": NOT MET")
    if row.unit != "times":
        return f"{where}{row.what}: {row.a}: {number(row.ratio)} {row.unit} ({spread}){wanted}"
    return f"{where}{row.what}: {row.a} takes {number(row.ratio)} ({spread}) of {row.b}{wanted}"


def number(value: float) -> str:
    """Return a ratio with as many digits as are significant.

    >>> number(0.0034), number(0.851), number(12.3), number(21400.0)
    ('0.0034', '0.85', '12', '21,400')
    """
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def write(found: Mapping[str, Sequence[Row]], gpu: bool = False) -> None:
    """Replace the rows of the same measurement and backend by new ones, in all files."""
    from picture import draw

    device = "gpu" if gpu else "cpu"
    kept = read()
    machine = {"date": date.today().isoformat(), "machine": machine_name(), **versions()}
    for name, rows in found.items():
        backends = {row.backend for row in rows}
        new = [{"measurement": name, "device": device, "at": machine, **asdict(row)} for row in rows]
        kept = [
            old
            for old in kept
            if (old["measurement"], old["device"]) != (name, device) or old["backend"] not in backends
        ] + new
    kept.sort(key=lambda each: (each["device"], [*ORDER, each["measurement"]].index(each["measurement"])))
    FILE.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    PICTURE.write_text(draw(kept), encoding="utf-8")
    PAGE.write_text(page(kept), encoding="utf-8")
    CHAPTER.write_text(with_table(CHAPTER.read_text(encoding="utf-8"), kept), encoding="utf-8")
    README.write_text(with_claim(README.read_text(encoding="utf-8"), kept), encoding="utf-8")


def read() -> list[dict[str, Any]]:
    """Return the rows of the last runs."""
    found: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else []
    return found


def page(kept: Sequence[Mapping[str, Any]]) -> str:
    """Return a page with every row."""
    parts = ["# What was measured", "", *_how(), ""]
    for device in sorted({each["device"] for each in kept}):
        rows = [each for each in kept if each["device"] == device]
        parts += [f"## On a {device.upper()}", "", *_table(rows), "", _when(rows), ""]
    return "\n".join(parts)


def with_table(text: str, kept: Sequence[Mapping[str, Any]]) -> str:
    """Return a text with the headlines' table between its two marks.

    Raises:
        ValueError: the marks are not there.
    """
    rows = [each for each in kept if each["device"] == "cpu" and each["headline"]]
    return _between(text, BEGIN, END, [*_table(rows), "", _when(rows)])


def with_claim(text: str, kept: Sequence[Mapping[str, Any]]) -> str:
    """Return a text with the README's one claim about speed between its two marks.

    Raises:
        ValueError: the marks are not there, or what is claimed was not measured.
    """
    ratios = {
        each["b"]: each["ratio"]
        for each in kept
        if (each["device"], each["backend"], each["what"]) == ("cpu", "torch", CLAIMED)
    }
    if not {"stock Keras", "torch.nn by hand"} <= ratios.keys():
        raise ValueError(f"{CLAIMED} on PyTorch was not measured against both")
    stock, by_hand = number(ratios["stock Keras"]), number(ratios["torch.nn by hand"])
    claim = [
        "The layers are Keras' own, and run on faster kernels. On PyTorch, `fit` of an LSTM of 64 units on",
        f"200 steps takes {stock} of the time of stock Keras, and {by_hand} of that of `torch.nn` by hand.",
        "This command measures it:",
    ]
    return _between(text, BEGIN_CLAIM, END_CLAIM, claim)


def _between(text: str, begin: str, end: str, lines: Sequence[str]) -> str:
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"a page has no place for what was measured: {begin} and {end}")
    return "\n".join([f"{before}{begin}", *lines, f"{end}{after}"])


def _how() -> Iterator[str]:
    yield "Written by `python ci/bench --write`. How long A takes, of B: the two are timed by turns in one"
    yield "run, so that what else the machine does falls on both; medians, and quartiles in brackets."


def _table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "| what | on | A | takes, of B | B | wanted |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for each in rows:
        row = Row(**{k: v for k, v in each.items() if k not in ("measurement", "device", "at")})
        wanted = "" if row.most is None else f"at most {number(row.most)}" + ("" if row.met else ", not met")
        unit = "" if row.unit == "times" else f" {row.unit}"
        ratio = f"**{number(row.ratio)}**{unit} ({number(row.low)} to {number(row.high)})"
        yield f"| {row.what} | {BACKEND_NAMES[row.backend]} | {row.a} | {ratio} | {row.b} | {wanted} |"


def _when(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "Nothing was measured yet."
    days = sorted({each["at"]["date"] for each in rows})
    at = max((each["at"] for each in rows), key=lambda each: str(each["date"]))
    packages = ", ".join(f"{name} {at[name]}" for name in PACKAGES if at.get(name))
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"Measured {when} on {at['machine']}, Python {at['python']}, {packages}."


def versions() -> dict[str, str]:
    """Return the versions of the measured packages."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine_name() -> str:
    """Return the machine in words: its number of cores, and their name."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores of {_processor()}, {platform.system()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [each.partition(":")[2].strip() for each in lines if each.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
