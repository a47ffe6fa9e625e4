"""``seqtopo play``: opens a page in the browser on which a spec is written, seen and trained."""

from __future__ import annotations

import argparse
import sys
import threading
import webbrowser
from pathlib import Path

from seqtopo.cli.arguments import Parser, add_dims, dims_of, is_text
from seqtopo.cli.files import load
from seqtopo.cli.python_code import is_code, split_name
from seqtopo.cli.settings import settings_of
from seqtopo.cli.terminal import flush, put_diagnostics, say
from seqtopo.code.check import check_path
from seqtopo.decompiler.decompile import decompiled
from seqtopo.diag.error import SpecError
from seqtopo.play.server import PORT, Server, Start
from seqtopo.syntax.read import is_model


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "play",
        "Opens a page in the browser: a spec or Keras code on the left, and on the right, as you type, what\n"
        "is wrong with it, its shapes, its pictures, the Keras code and the walk in words. Where a backend\n"
        "is installed, it trains on a series that you drop in. Nobody but this machine can reach it.",
        (
            "seqtopo play",
            'seqtopo play "in(24,3) -> lstm(64,seq) -> lstm(32) -> dense(1)"',
            "seqtopo play spec.txt",
            "seqtopo play train.py",
            "seqtopo play --no-browser --port 9000",
        ),
    )
    made.add_argument(
        "spec",
        nargs="?",
        help="a file, - for the standard input, or a spec; a Python file, a notebook or a saved Keras model; "
        "none begins with a short course",
    )
    made.add_argument(
        "--port",
        metavar="N",
        type=_port,
        default=PORT,
        help=f"the port (default: {PORT}); if it is taken, another one is chosen",
    )
    made.add_argument("--no-browser", action="store_true", help="print the address and open no browser")
    add_dims(made)
    return made


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a port, a number from 0 to 65535")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C. Return the exit code."""
    try:
        start = _start(args)
    except SpecError as error:
        put_diagnostics(error.diagnostics)
        return 1
    with Server(args.port, start) as server:
        if args.port not in (0, server.server_port):
            say(f"port {args.port} is taken, so it is another one")
        say(f"the page is at {server.url}", "Ctrl-C ends it.")
        flush()
        if not args.no_browser:
            # A browser that runs in the terminal would block the server.
            threading.Thread(target=webbrowser.open, args=[server.url], daemon=True).start()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("", stream=sys.stdout)
    return 0


def _start(args: argparse.Namespace) -> Start:
    """Return the text and settings that the page opens with.

    Raises:
        SpecError: the file cannot be read.
    """
    dims = dims_of(args.dims)
    spec: str | None = args.spec
    start = Start(dims=dims, selection=settings_of(spec or "in()").selection, modules=tuple(args.modules))
    if spec is None:
        return start
    if is_code(spec):
        found = check_path(Path(split_name(spec)[0]))
        if found.code.damage and not found.code.source.text:
            raise SpecError(found.shown)
        start.text, start.language = found.code.source.text, "python"
        if not start.text and found.diagnostics:
            raise SpecError(found.diagnostics)
    elif not is_text(spec) and is_model(spec):
        model = decompiled(Path(spec))
        put_diagnostics(model.diagnostics)
        start.text = model.text
    else:
        source, problems = load(spec)
        if problems:
            raise SpecError(problems)
        start.text = source.text
    return start
