"""``seqtopo layers``: lists the layers and what each takes, from the rows; as text, JSON and Markdown."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from seqtopo.cli.arguments import Parser, UsageError
from seqtopo.cli.terminal import put, say, terminal
from seqtopo.diag.nearest import nearest
from seqtopo.diag.renderers.cells import Row as Line
from seqtopo.diag.renderers.cells import paint, wrap
from seqtopo.layers.excluded import why_not
from seqtopo.layers.objects import entry_of
from seqtopo.layers.registry import FAMILIES, LANGUAGE, ROWS, find, names
from seqtopo.layers.row import Row
from seqtopo.report.columns import Column, columns
from seqtopo.report.layer_facts import COMMON_NAMES, LayerFacts, ParamFacts, facts

_SHOWN_FLAGS = 8


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "layers",
        "Lists the layers, or shows one: its shapes, its arguments, its flags, an example.",
        (
            "seqtopo layers lstm",
            "seqtopo layers LayerNormalization   (Keras' names do, too)",
            "seqtopo layers                      (all of them)",
            "seqtopo layers --format json        (all of them, for programs)",
        ),
    )
    made.add_argument("name", nargs="?", help="a layer's name, here or in Keras; none lists all")
    made.add_argument("--format", choices=("text", "json"), default="text", help="text (the default) or json")
    return made


def run(args: argparse.Namespace) -> int:
    """Print one layer or the list. Return the exit code."""
    screen = terminal(sys.stdout)
    if args.name is None:
        put(_json(ROWS) if args.format == "json" else _index(screen.width, screen.color))
        return 0
    name = args.name.strip()
    row = _row(name)
    if row is None and (reason := why_not(name)) is not None:
        say(f"{name} is left out of the language: {reason.why}.", f"Instead: {reason.instead}.")
        return 0
    if row is None and name in LANGUAGE:
        say(f"{name} is {LANGUAGE[name]}, and no layer. The language reference says more.")
        return 0
    if row is None and entry_of("activation", name) is not None:
        say(f"{name} is an activation: a flag, as in 'dense(16,{name})', or a step of its own, as in")
        say(f"'dense(16) -> {name}'. As a step it is this layer:", "")
        row = find("act")
    if row is None:
        raise _unknown(name)
    put(_json([row]) if args.format == "json" else paint(_page(facts(row), screen.width), screen.color))
    return 0


def _row(name: str) -> Row | None:
    """Return the row of a name that is written as in a spec or as in Keras."""
    return next((row for row in ROWS if row.keras == name), None) or find(name)


def _unknown(name: str) -> UsageError:
    shown = name if len(name) <= 60 else name[:57] + "..."
    near = nearest(name, [*names(name), *(row.keras for row in ROWS if row.keras)])
    return UsageError(
        f"there is no layer {shown}",
        f"did you mean seqtopo layers {near}?" if near else "seqtopo layers lists all of them",
    )


def _json(rows: Sequence[Row]) -> str:
    return json.dumps([asdict(facts(row)) for row in rows], indent=2)


def _index(width: int, color: bool) -> str:
    parts: list[str] = []
    for family in FAMILIES.values():
        rows = family.ROWS
        table = [
            Column("", [row.name for row in rows]),
            Column("", [", ".join(row.aliases) for row in rows], drop=1),
            Column("", [row.about for row in rows], wrapped=True),
        ]
        heading = (family.__doc__ or "").split("\n")[0].replace("``", "")
        parts.append(paint([((text, "strong"),) for text in wrap(heading, width)], color).rstrip("\n"))
        parts.append(columns(table, width, indent=2).lstrip("\n") + "\n")
    parts.append("seqtopo layers lstm shows one of them.")
    return "\n".join(parts)


def _page(of: LayerFacts, width: int) -> Iterator[Line]:
    """Yield the page of a layer, in lines of at most ``width`` columns."""
    also = f"  (also {', '.join(of.aliases)})" if of.aliases else ""
    yield ((of.name, "strong"), (also, "plain"))
    yield from _lines(of.about, width)
    if of.note:
        yield from _lines(of.note, width)
    yield from _lines(f"In Keras: {of.keras}" if of.keras else "In Keras: built of stock operations", width)
    yield ()
    yield (("Shapes", "strong"), (" (without the batch axis)", "plain"))
    yield from _lines(f"takes {of.takes}", width, 2)
    for shape in of.shapes:
        yield from _lines(shape, width, 2)
    if of.positional:
        yield ()
        yield (("By position, in this order", "strong"),)
        yield from _lines(f"{of.name}({', '.join(of.positional).replace('*', ', ...')})", width, 2)
    yield ()
    yield (("By name", "strong"),)
    room = min(max((len(_named(param)) for param in of.params), default=0), 26)
    for param in of.params:
        yield from _param_lines(param, room, width)
    yield from _lines(f"and {', '.join(COMMON_NAMES)}, as every layer of Keras" if of.keras else "", width, 2)
    for second in of.seconds:
        yield ()
        yield (("Second value", "strong"),)
        yield from _lines(f"x.{second}, where x is a name bound to what ends with this layer", width, 2)
    yield ()
    yield (("Example", "strong"),)
    yield ((f"  {of.example}", "plain"),)
    yield from _lines(f"gives {of.output}", width, 2)


def _named(param: ParamFacts) -> str:
    return f"{param.name} or {param.short}" if param.short else param.name


def _param_lines(param: ParamFacts, room: int, width: int) -> Iterator[Line]:
    named = _named(param)
    words = param.takes + (f"; {param.default} if not given" if param.default else "; must be given")
    if param.flags:
        more = ", ..." if len(param.flags) > _SHOWN_FLAGS else ""
        words += f". As a flag: {', '.join(param.flags[:_SHOWN_FLAGS])}{more}"
    first, *rest = wrap(words, max(width - room - 4, 20))
    yield ((f"  {named:{room}}  {first}", "plain"),)
    for text in rest:
        yield ((" " * (room + 4) + text, "plain"),)


def _lines(text: str, width: int, indent: int = 0) -> Iterator[Line]:
    if text:
        for line in wrap(text, max(width - indent, 20)):
            yield ((" " * indent + line, "plain"),)
