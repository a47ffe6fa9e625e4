"""``seqtopo lsp``: the language server, which an editor starts."""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec

from seqtopo import __version__
from seqtopo.cli.arguments import Parser
from seqtopo.cli.settings import settings_for
from seqtopo.cli.terminal import say
from seqtopo.system import packages


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "lsp",
        "Runs the language server, over the standard input and output: an editor starts it and talks to it.\n"
        "It checks specs, and Keras code in Python files and notebook cells, while you type; it runs none\n"
        "of them. grammar/editors/README.md says how editors are set up.",
        (
            "seqtopo lsp",
            "seqtopo lsp --tcp 7777   (at a port of this machine, for one editor)",
        ),
    )
    made.add_argument("--tcp", type=_port, metavar="PORT", help="listen at a port of 127.0.0.1")
    made.add_argument("--stdio", action="store_true", help="as without it: some editors ask for it")
    return made


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")


def run(args: argparse.Namespace) -> int:
    """Talk to an editor until it ends. Return the exit code: 1 where what the server needs is missing."""
    if find_spec("pygls") is None:
        say(f"the language server needs pygls: {packages.get_extra('lsp')}", stream=sys.stderr)
        return 1
    from seqtopo.lsp.server import serve  # it loads an extra

    if args.tcp is None and sys.stdin.isatty():
        say(
            "the language server waits for an editor on the standard input; Ctrl+C ends it", stream=sys.stderr
        )
    try:
        serve(__version__, lambda folder: settings_for(folder).selection, args.tcp)
    except OSError as error:
        say(f"port {args.tcp} cannot be used: {os.strerror(error.errno or 0).lower()}", stream=sys.stderr)
        return 1
    return 0
