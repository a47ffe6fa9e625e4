"""``seqtopo convert``: converts a topology that another program wrote to a spec."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from seqtopo.cli import convert_model
from seqtopo.cli.arguments import STDIN, Parser, UsageError, add_format
from seqtopo.cli.files import STDIN_NAME, load_code, read_input
from seqtopo.cli.terminal import put, put_diagnostics, say
from seqtopo.cli.writing import add_force, apart, keep_what_is_there, text_place, write_whole
from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.nearest import nearest
from seqtopo.diag.renderers import renderer
from seqtopo.source import Source
from seqtopo.syntax.read import decode, read
from seqtopo.system.shell import command
from seqtopo.vgsl.reader import FORMATS, read_vgsl
from seqtopo.vgsl.words import DIALECTS, table

_FORMS = (*FORMATS, "keras", "model")


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "convert",
        "Turns a topology in another program's notation into a spec: VGSL, as Tesseract, kraken and VGSLify\n"
        "write it (its width is X and its height Y where they are open), a Keras model in a Python file or\n"
        "notebook, or a model that Keras 0.3 to 3 saved: .keras, .h5, .json. With -o new.keras a model of\n"
        "Keras 1 or 2 becomes a file of Keras 3, with its weights.",
        (
            'seqtopo convert vgsl "[1,36,0,1 Ct3,3,16 Mp3,3 Lfys64 Lfx96 Lrx96 Lfx512 O1c111]"',
            "seqtopo convert vgsl model.vgsl -o spec.txt",
            "seqtopo convert keras train.py --model encoder -o spec.txt",
            "seqtopo convert model old.h5 -o spec.txt",
            "seqtopo convert model old.h5 -o new.keras",
            "seqtopo convert model old.json --weights weights.h5 -o new.keras",
            'seqtopo convert vgsl "[None,64,None,1 Cr3,3,32 Rc3 Bl128 O1s92]" --dialect vgslify',
        ),
        more=f"the words of VGSL, Y, X and N being numbers:\n{table()}",
    )
    made.add_argument("form", help=f"the notation: {', '.join(_FORMS)}")
    made.add_argument("text", help="the topology, a file of it, or - for the standard input")
    made.add_argument(
        "-o", "--output", metavar="PATH", help="a file to write the spec to; or a model, to a .keras file"
    )
    add_force(made, "a spec or a model")
    made.add_argument(
        "--model", metavar="NAME", default="", help="which model of the Python file, if it makes several"
    )
    made.add_argument(
        "--weights",
        metavar="FILE",
        default="",
        help="the weights of a model's .json, as save_weights wrote them",
    )
    made.add_argument(
        "--theano", action="store_true", help="a model of Keras 1 was trained on Theano, not on TensorFlow"
    )
    made.add_argument(
        "--dialect", choices=DIALECTS, default="", help="whose VGSL it is (default: whose words they are)"
    )
    add_format(made)
    return made


def run(args: argparse.Namespace) -> int:
    """Convert, and print what could not be converted. Returns the exit code."""
    if args.form == "model":
        return convert_model.run(args)
    if args.form not in (*FORMATS, "keras"):
        near = nearest(args.form, _FORMS)
        known = f"the notations are {', '.join(_FORMS)}"
        raise UsageError(f"there is no notation {args.form}", f"did you mean {near}?" if near else known)
    if args.output:
        apart(args.output, args.text)
        text_place(args.output, "a spec")
    spec, found = _of_keras(args) if args.form == "keras" else _of_vgsl(args)
    if spec is not None and args.output:
        data = spec.encode()
        try:
            keep_what_is_there(args.output, "spec", spec, force=args.force)
            write_whole(Path(args.output), lambda path: path.write_bytes(data))
        except SpecError as error:
            spec, found = None, error.diagnostics
    if spec is None:
        _put_wrong(found, args.format)
        return 1
    put_diagnostics(found)  # what the spec leaves out
    if args.output:
        say(f"Wrote {args.output}. To look at it: {command('seqtopo', 'check', args.output)}")
    else:
        put(spec, colors=False)
    return 0


def _of_vgsl(args: argparse.Namespace) -> tuple[str | None, tuple[Diagnostic, ...]]:
    source, found = _load(args.text)
    if found:
        return None, found
    spec, wrong = read_vgsl(source, args.dialect)
    return spec, tuple(wrong)


def _of_keras(args: argparse.Namespace) -> tuple[str | None, tuple[Diagnostic, ...]]:
    """Return the spec of a model in Python code."""
    source, found = load_code(f"{args.text}:{args.model}" if args.model else args.text)
    return (None if any(d.severity == "error" for d in found) else source.text), found


def _load(argument: str) -> tuple[Source, tuple[Diagnostic, ...]]:
    if argument == STDIN:
        return decode(read_input(), STDIN_NAME)
    if os.path.lexists(argument) or _is_path(argument):
        return read(Path(argument))
    return Source(argument.strip(), "<vgsl>"), ()


def _is_path(argument: str) -> bool:
    """Return whether an argument can only be a file's name: it has no bracket, and an ending or a folder."""
    return "[" not in argument and bool(re.search(r"[\w-]\.\w+$|[/\\]", argument))


def _put_wrong(found: tuple[Diagnostic, ...], form: str) -> None:
    if form == "text":
        put_diagnostics(found)
    else:
        put(renderer(form)(found), log_commands=form == "github")
