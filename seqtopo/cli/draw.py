"""``seqtopo draw``: draws a spec as a picture."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqtopo.cli.arguments import Parser, UsageError, add_dims, dims_of, is_text
from seqtopo.cli.files import check_spec, is_left_out, say_first_values
from seqtopo.cli.terminal import put, put_diagnostics, say, terminal
from seqtopo.cli.writing import add_force, apart, keep_what_is_there, write_whole
from seqtopo.decompiler.decompile import decompiled
from seqtopo.diag.error import SpecError
from seqtopo.pictures.draw import DIRECTIONS, FORMATS, THEMES, Paper, drawing_of
from seqtopo.report.analyse import Checked, analyse
from seqtopo.source import Source
from seqtopo.syntax.parse import parse
from seqtopo.syntax.read import is_model
from seqtopo.system.bounds import SPEC_BYTES
from seqtopo.system.shell import command

_SIGNS = "┌┄▼×…╎"


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "draw",
        "Draws a spec: its layers as a graph, with shapes, branches, shared weights and states; or its\n"
        "time steps side by side. Without -o it is drawn in characters, on the terminal.",
        (
            'seqtopo draw "in(24,3) -> lstm(64,seq) -> lstm(32) -> dense(1)"',
            "seqtopo draw spec.txt -o topology.svg",
            "seqtopo draw spec.txt -o topology.png --scale 3 --theme light",
            "seqtopo draw --unrolled spec.txt -o steps.svg",
            "seqtopo draw --mermaid spec.txt",
            "seqtopo draw spec.txt --part encoder",
            "seqtopo draw spec.txt --no-parts",
            'seqtopo draw --loop "in(T,3) -> lstm(8,seq) -> dense(3)"',
            'seqtopo draw --unrolled --feedback "in(T,3) -> lstm(8,seq) -> dense(3)"',
            "seqtopo draw model.keras -o topology.svg",
            "seqtopo draw spec.txt -o slide.svg --size 16:9",
            "seqtopo draw spec.txt --cell lstm_1 -o cell.svg",
            "seqtopo draw spec.txt -o figure.svg --direction right --params --highlight lstm_1",
        ),
    )
    made.add_argument(
        "spec",
        help="a file, - for the standard input, or a spec; or a saved Keras model: .keras, .h5 or .json",
    )
    made.add_argument(
        "-o",
        dest="output",
        metavar="FILE",
        type=Path,
        help=f"where to write it; the ending says what: {', '.join(FORMATS)} (.mmd and .md are Mermaid)",
    )
    add_force(made, "a file of another kind")
    made.add_argument(
        "--unrolled",
        action="store_true",
        help="time steps side by side: inputs below, states to the right, outputs above",
    )
    made.add_argument(
        "--sources",
        action="store_true",
        help="with --unrolled: let what the last outputs are made of stand out, such as the fan of a TCN",
    )
    made.add_argument(
        "--cell",
        metavar="NAME",
        default="",
        help="what happens inside a step of this recurrent layer, such as lstm_1: gates, states, weights",
    )
    made.add_argument("--part", metavar="NAME", default="", help="draw this named model of the spec")
    shown = made.add_mutually_exclusive_group()
    shown.add_argument("--text", action="store_true", help="in characters (the default without -o)")
    shown.add_argument("--mermaid", action="store_true", help="as a Mermaid flowchart, for Markdown")
    made.add_argument("--ascii", action="store_true", help="in ASCII characters alone")
    made.add_argument("--unfold", action="store_true", help="every copy of '* n' and 'for' by itself")
    made.add_argument(
        "--loop", action="store_true", help="the states of recurrent layers as arrows back into them"
    )
    made.add_argument(
        "--feedback", action="store_true", help="the output as the next input, as a roll-out feeds it back"
    )
    made.add_argument(
        "--no-parts", action="store_true", help="no frames around the named flows that the spec is made of"
    )
    made.add_argument(
        "--theme", choices=THEMES, default="auto", help="colours; auto: as the reader's screen (SVG)"
    )
    made.add_argument("--direction", choices=DIRECTIONS, help="which way data goes in a file (default: down)")
    made.add_argument(
        "--size",
        type=_size,
        metavar="W:H",
        help="of the picture in a file: 16:9, the width for the height, or 1600x900, in pixels; without "
        "--direction it goes the way that fills it better",
    )
    made.add_argument("--params", action="store_true", help="how many parameters each layer has, in its box")
    made.add_argument(
        "--highlight",
        metavar="NAME",
        action="append",
        default=[],
        help="let a layer, an input or a named flow stand out, such as lstm_1; once for each",
    )
    made.add_argument(
        "--scale", type=_scale, default=2.0, metavar="N", help="how large a PNG is (default: 2)"
    )
    add_dims(made)
    return made


def _scale(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.1 <= found <= 20:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a number from 0.1 to 20; write --scale 2")
    return found


def _size(text: str) -> str:
    try:
        Paper.read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _refuse_spec(path: Path) -> None:
    """Raise UsageError where a picture would replace a spec, which may have its ending, too."""
    if path.suffix.lower() != ".txt" or not path.is_file() or path.stat().st_size > SPEC_BYTES:
        return
    spec, wrong = parse(Source(path.read_text(encoding="utf-8", errors="replace")))
    if spec is not None and spec.statements and not wrong:
        other = path.with_stem(f"{path.stem}-drawn")
        raise UsageError(
            f"{path} holds a spec, and a picture would replace it", f"write {command('-o', str(other))}"
        )


def run(args: argparse.Namespace) -> int:
    """Draw a spec, or say what is wrong with it. Return the exit code."""
    output: Path | None = args.output
    if output is not None and output.suffix.lower() not in FORMATS:
        raise UsageError(
            f"the ending of {str(args.output)!r} does not say what to write",
            f"write one of {', '.join(FORMATS)}: seqtopo draw spec.txt -o topology.svg; without -o it is "
            "drawn on the terminal",
        )
    if output is not None:
        apart(output, args.spec)
        _refuse_spec(output)
    alone = (args.unrolled, args.part, args.loop, args.feedback, args.params, args.highlight)
    if args.cell and any(alone):
        raise UsageError(
            "--cell draws the inside of one layer", "leave out the options that are for the graph of layers"
        )
    if args.loop and args.unrolled:
        raise UsageError("unrolled, a loop is the arrow from step to step", "leave out one of the two")
    if args.mermaid and args.unrolled:
        raise UsageError("Mermaid draws graphs, not unrolled steps", "leave out one of the two")
    if args.unrolled and (args.direction or args.params or args.highlight):
        raise UsageError(
            "--direction, --params and --highlight are for the graph of layers: unrolled, the steps go to "
            "the right, and a layer has many boxes",
            "leave them out, or --unrolled",
        )
    ending = output.suffix.lower() if output is not None else ".mmd" if args.mermaid else ".txt"
    if args.size and ending in (".mmd", ".md", ".txt"):
        raise UsageError("--size is for pictures in files", "write it with -o topology.svg or topology.png")
    if args.direction == "right" and ending == ".txt":
        raise UsageError("in characters it goes down", "write it with -o topology.svg, or as --mermaid")
    if args.sources and not args.unrolled:
        raise UsageError("--sources are steps, but the graph of layers has none", "write --unrolled, too")
    if (args.highlight or args.sources) and ending == ".txt":
        raise UsageError("in characters nothing stands out", "write it with -o topology.svg, or as --mermaid")
    if output is not None and (args.text or args.mermaid):
        raise UsageError("-o writes a file, by its ending", "leave out --text and --mermaid, or -o")
    screen = terminal(sys.stdout)
    try:
        checked = _checked(args.spec, dims_of(args.dims))
        drawing = drawing_of(
            checked,
            unrolled=args.unrolled,
            part=args.part,
            fold=not args.unfold,
            parts=not args.no_parts,
            loop=args.loop,
            feedback=args.feedback,
            theme=args.theme,
            direction=args.direction,
            size=args.size,
            params=args.params,
            highlight=args.highlight,
            cell=args.cell,
            sources=args.sources,
        )
        if output is not None:
            keep_what_is_there(output, "picture", force=args.force)
            data = drawing.encoded(output.suffix, scale=args.scale)
    except KeyError as error:
        raise UsageError(str(error.args[0])) from None
    except SpecError as error:
        put_diagnostics(error.diagnostics, sys.stdout)
        return 1
    say_first_values(checked)
    if output is None:
        put(drawing.mermaid() if args.mermaid else drawing.text(screen.width, ascii=args.ascii or _plain()))
        return 0
    try:
        write_whole(output, lambda path: path.write_bytes(data))
    except SpecError as error:
        put_diagnostics(error.diagnostics)
        return 1
    say(f"Wrote {output}")
    return 0


def _checked(argument: str, dims: Mapping[str, Any]) -> Checked:
    """Return the checked spec that an argument names, or that of a saved model; prints what it leaves out.

    Raises:
        SpecError: there is no model in the file.
    """
    if is_text(argument) or not is_model(argument):
        checked = check_spec(argument, dims)
        put_diagnostics([d for d in checked.diagnostics if is_left_out(d)])
        return checked
    found = decompiled(Path(argument))
    if found.diagnostics:
        put_diagnostics(found.diagnostics)
    return analyse(found.text, dims)


def _plain() -> bool:
    """Return whether the output cannot take box-drawing characters."""
    try:
        _SIGNS.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return True
    return False
