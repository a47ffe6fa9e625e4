"""``seqtopo diff``: compares two topologies layer by layer."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from seqtopo.cli.arguments import STDIN, Parser, UsageError, add_dims, dims_of, is_text
from seqtopo.cli.files import check_specs, say_first_values
from seqtopo.cli.terminal import put, put_diagnostics, terminal
from seqtopo.decompiler.decompile import decompiled
from seqtopo.decompiler.difference import Change, Difference, Side, Step, difference
from seqtopo.diag.error import SpecError
from seqtopo.diag.renderers.cells import visible
from seqtopo.diag.renderers.json import render_json
from seqtopo.layers.sizes import Size, show_shape
from seqtopo.report.analyse import Checked
from seqtopo.syntax.read import is_model

SAME, DIFFERENT, TROUBLE = 0, 1, 2
"""Exit codes, as those of ``diff``."""
MARKS = {"added": "+", "removed": "-", "changed": "~"}
NARROWEST = 24


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "diff",
        "Says what differs between two topologies, layer by layer: layers added (+), removed (-) and\n"
        "changed (~), with their arguments, wiring, shapes and parameters. Names are no difference.\n"
        "Exit codes: 0 the same, 1 different, 2 one of them cannot be read.",
        (
            "seqtopo diff old.txt new.txt",
            "seqtopo diff spec.txt model.keras",
            'seqtopo diff "in(T,8) -> lstm(64) -> dense(1)" spec.txt -D T=24',
            "seqtopo diff a.keras b.keras --format json",
        ),
    )
    made.add_argument(
        "a", help="a spec (a file, - for the standard input, or itself), or a saved model: .keras, .h5, .json"
    )
    made.add_argument("b", help="another one")
    add_dims(made)
    made.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="text for people (the default), json for programs",
    )
    return made


def run(args: argparse.Namespace) -> int:
    """Read both topologies, compare them, and show the difference. Return the exit code."""
    dims = dims_of(args.dims)
    if args.a == args.b == STDIN:
        raise UsageError("the standard input can be read only once", "give one of the two as a file")
    try:
        specs = [side for side in (args.a, args.b) if is_text(side) or not is_model(side)]
        checked = iter(check_specs(specs, dims))
        one, two = (_side(side, next(checked) if side in specs else None) for side in (args.a, args.b))
    except SpecError as error:
        if args.format == "json":
            wrong = json.loads(render_json(error.diagnostics))
            put(json.dumps({"same": None, "diagnostics": wrong}, indent=2))
        else:
            put_diagnostics(error.diagnostics)
        return TROUBLE
    found = difference(one, two)
    if one.name == two.name:
        one, two = replace(one, name="the first"), replace(two, name="the second")
    if args.format == "json":
        put(json.dumps(as_data(found, one.name, two.name), indent=2))
    else:
        put(as_text(found, one.name, two.name, terminal(sys.stdout).width))
    return DIFFERENT if found else SAME


def _side(argument: str, checked: Checked | None) -> Side:
    """Return a topology from a spec that was read, or else from a saved model. Raises SpecError."""
    if checked is None:
        found = decompiled(Path(argument))
        return Side(argument, found.graph, found.training)
    if checked.resolved is None or not checked.ok:
        raise SpecError(checked.diagnostics)
    say_first_values(checked)
    return Side(checked.source.name, checked.resolved.graph, checked.resolved.training)


# ---- text -------------------------------------------------------------------------------------------


def as_text(found: Difference, one: str, two: str, width: int | None) -> str:
    """Return the difference for people, no wider than the terminal."""
    room = max(width or 88, NARROWEST)
    one, two = visible(one), visible(two)
    if not found:
        return "\n".join(
            textwrap.wrap(f"{one} and {two} are the same topology: {found.unchanged} steps", room)
        )
    lines = textwrap.wrap(f"{one} and {two} differ: {_summary(found)}", room)
    lines.append("")
    for follows, several in groupby(found.changes, key=lambda change: change.only_follows):
        changes = list(several)
        if follows and len(changes) > 1:
            lines += _following(changes, room)
            continue
        for change in changes:
            lines += _change(change, room)
    for name, old, new in found.training:
        lines += _wrapped("~ train: ", f"{name}: {old} -> {new}", room)
    before, after = found.params
    if before != after:
        lines += ["", *textwrap.wrap(f"parameters: {_number(before)} -> {_number(after)}", room)]
    return "\n".join(lines)


def _summary(found: Difference) -> str:
    counts = {kind: sum(c.kind == kind for c in found.changes) for kind in ("changed", "added", "removed")}
    counted = [f"{count} {kind}" for kind, count in counts.items() if count]
    counted += ["the training"] if found.training else []
    return ", ".join(counted) + f"; {found.unchanged} the same"


def _change(change: Change, room: int) -> list[str]:
    mark = MARKS[change.kind]
    step = change.one if change.two is None else change.two
    if step is None:
        (what, a, b) = change.differences[0]
        return _wrapped(f"{mark} ", f"{what}: {a} -> {b}", room)
    head = f"{mark} {step.name or step.row}: "
    if change.one is None or change.two is None:
        lines = _wrapped(head, step.text, room)
        takes = f"takes {', '.join(step.inputs)}" if step.inputs else ""
        gives = f"gives {' and '.join(map(show_shape, step.outputs))}"
        return lines + _wrapped("    ", ", ".join(filter(None, (takes, gives, _params(step)))), room)
    lines = _wrapped(head, step.text, room)
    for what, a, b in change.differences:
        lines += _wrapped("    ", f"{what}: {a} -> {b}", room)
    return lines


def _following(changes: Sequence[Change], room: int) -> list[str]:
    """Return the lines for consecutive steps that differ only because one before them does."""
    first = changes[0].two
    what, a, b = changes[0].differences[0]
    head = f"~ {first.name if first else ''} and {len(changes) - 1} more: "
    return _wrapped(head, f"only shapes and sizes, first {what}: {a} -> {b}", room)


def _params(step: Step) -> str:
    return f"{_number(step.params)} parameters" if step.params else ""


def _number(size: Size) -> str:
    return f"{size:,}" if isinstance(size, int) else str(size)


def _wrapped(head: str, text: str, room: int) -> list[str]:
    return textwrap.wrap(head + text, room, subsequent_indent="    ", break_on_hyphens=False)


# ---- data -------------------------------------------------------------------------------------------


def as_data(found: Difference, one: str, two: str) -> dict[str, Any]:
    """Return the difference for programs. ``layers`` has one entry for each layer that differs."""
    return {
        "same": not found,
        "a": one,
        "b": two,
        "layers": [
            {
                "change": change.kind,
                "a": _step_data(change.one),
                "b": _step_data(change.two),
                "differences": _listed(change.differences),
            }
            for change in found.changes
        ],
        "training": _listed(found.training),
        "parameters": {"a": _plain(found.params[0]), "b": _plain(found.params[1])},
        "unchanged": found.unchanged,
    }


def _listed(differences: Sequence[tuple[str, str, str]]) -> list[dict[str, str]]:
    return [{"what": what, "a": a, "b": b} for what, a, b in differences]


def _step_data(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    return {
        "name": step.name,
        "layer": step.text,
        "takes": list(step.inputs),
        "gives": [[_plain(s) for s in shape] for shape in step.outputs],
        "parameters": _plain(step.params),
    }


def _plain(size: Size) -> int | str:
    return size if isinstance(size, int) else str(size)
