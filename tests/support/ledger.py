"""The reviewed ledger of the layers, ``tests/unit/ledger.txt``, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PLACE = Path(__file__).resolve().parents[1] / "unit" / "ledger.txt"

Value = bool | int | str | None
KEYS = (
    *("also", "order", "values", "switches", "words", "axis", "choice"),
    *("activation", "short", "call", "own", "second", "shape", "without"),
)
_VALUES: Mapping[str, Value] = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Line:
    """The line of one layer in the ledger. ``flags`` are all its bare words but activations' names."""

    name: str
    keras: str
    also: tuple[str, ...]
    order: tuple[str, ...]
    values: tuple[int, int | None]
    flags: Mapping[str, tuple[str, Value]]
    activation: str
    short: Mapping[str, str]
    call: tuple[str, ...]
    own: str
    second: Mapping[str, int]
    shape: tuple[str, ...]
    without: tuple[str, ...]


def value(text: str) -> Value:
    """A value as the ledger writes it."""
    return _VALUES[text] if text in _VALUES else int(text) if text.lstrip("-").isdigit() else text


@cache
def read(text: str | None = None) -> Mapping[str, Line]:
    """The ledger's lines by the layer's name; ``text`` stands for the file's."""
    found: dict[str, Line] = {}
    for block in (PLACE.read_text() if text is None else text).split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if lines:
            line = _line(lines)
            assert line.name not in found, f"{line.name} stands in the ledger twice"
            found[line.name] = line
    assert found, "an empty ledger"
    return found


def _line(lines: list[str]) -> Line:
    name, _, keras = lines[0].partition(" = ")
    said: dict[str, list[str]] = {key: [] for key in KEYS}
    key = ""
    for line in lines[1:]:
        first, _, rest = line.strip().partition(" ")
        if line.startswith("   "):
            said[key][-1] += " " + line.strip()
        else:
            key = first
            said[key].append(rest.strip())
    one = {k: v[0] if v else "" for k, v in said.items()}
    layer = keras != "operation"
    without = tuple(one["without"].split())
    least, dots, most = (one["values"] or "1").partition("..")
    return Line(
        name,
        keras if layer else "",
        tuple(one["also"].split()),
        tuple(one["order"].split()),
        (int(least), (int(most) if most else None) if dots else int(least)),
        _flags(said, layer and "trainable" not in without),
        one["activation"],
        dict(pair.split() for pair in one["short"].split(", ") if pair),
        tuple(one["call"].split()),
        one["own"],
        {n: int(count) for n, count in (pair.split() for pair in one["second"].split(", ") if pair)},
        tuple(said["shape"]),
        without,
    )


def _flags(said: Mapping[str, list[str]], trainable: bool) -> dict[str, tuple[str, Value]]:
    switches = [*" ".join(said["switches"]).split(), *["trainable"] * trainable]
    flags: dict[str, tuple[str, Value]] = {word: (word, True) for word in switches}
    if trainable:
        flags["frozen"] = ("trainable", False)
    if "use_bias" in switches:
        flags["nobias"] = ("use_bias", False)
    for parameter in said["axis"]:
        flags |= {"time": (parameter, 1), "features": (parameter, -1)}
    for choice in said["choice"]:
        parameter, _, words = choice.partition(":")
        flags |= {word: (parameter, word) for word in words.split()}
    for pair in ", ".join(said["words"]).split(", "):
        if pair:
            word, meaning = pair.split()
            parameter, _, text = meaning.partition("=")
            flags[word] = (parameter, value(text))
    return flags
