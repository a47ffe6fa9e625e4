"""``seqtopo show``: explains a spec step by step in plain words."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import replace

from seqtopo.cli.arguments import Parser, add_dims, dims_of
from seqtopo.cli.files import check_spec_or_model, say_first_values
from seqtopo.cli.python_code import is_code
from seqtopo.cli.settings import settings_of
from seqtopo.cli.terminal import put, put_diagnostics, terminal
from seqtopo.diag.renderers.cells import Row, paint, shortened, visible, wrap
from seqtopo.report.analyse import linted
from seqtopo.walkthrough import Step, Walkthrough, walk

_WIDEST = 80
_LONGEST = 400
_INDENT = "   "
_SHAPE = re.compile(r"\([^()]{,40}\)")
_HOLD = "\u00a0"


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "show",
        "Walks through a spec, or a model in Keras code, in plain words: what comes into each layer and\n"
        "what leaves it, which steps are kept, where states go, which kind of topology it is and why, and\n"
        "what training compares.",
        (
            'seqtopo show "in(24,3) -> lstm(64,seq) -> lstm(32) -> dense(1)"',
            "seqtopo show spec.txt",
            "seqtopo show spec.txt -D T=24",
            "seqtopo show train.py:NAME",
        ),
    )
    made.add_argument("spec", help="a spec's or a Python file, - for the standard input, or a spec")
    add_dims(made)
    return made


def run(args: argparse.Namespace) -> int:
    """Walk through a spec, or say what is wrong with it. Return the exit code."""
    screen = terminal(sys.stdout)
    checked = check_spec_or_model(args.spec, dims_of(args.dims))
    from_code = is_code(args.spec)
    if not from_code:  # what is found in code is told by check, at its place there
        checked = linted(checked, settings_of(args.spec).selection)
    if checked.diagnostics:
        put_diagnostics(checked.diagnostics, sys.stdout)
    if checked.resolved is None or not checked.ok:
        return 1
    say_first_values(checked)
    found = walk(checked.resolved)
    text = walkthrough(_in_keras_words(found) if from_code else found, screen.width, color=screen.color)
    put(("\n" if checked.diagnostics else "") + text)
    return 0


def _in_keras_words(found: Walkthrough) -> Walkthrough:
    """Return the same walk in the words of Keras, for the author of Keras code."""
    from seqtopo.code.words import keras_title, keras_words  # a spec is walked without it

    def words(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(keras_words, texts))

    steps = tuple(
        replace(
            step,
            written=keras_words(step.written) if "(" in step.written else keras_title(step.written),
            words=keras_words(step.words),
        )
        for step in found.steps
    )
    return replace(found, reasons=words(found.reasons), steps=steps, training=words(found.training))


def walkthrough(found: Walkthrough, width: int = _WIDEST, *, color: bool = False) -> str:
    """Return a walk as text, in lines of at most ``width`` columns, and never of more than are easy to read.

    >>> from seqtopo.report.analyse import analyse
    >>> print(walkthrough(walk(analyse("in(8) -> dense(1)").resolved)).splitlines()[0])
    one-to-one: one value in, one answer out
    """
    width = max(20, min(width, _WIDEST))
    rows: list[Row] = [((line, "strong"),) for line in wrap(f"{found.kind}: {found.meaning}", width)]
    rows += [(), *_paragraph(found.reasons, width)]
    rows += [(), *_paragraph([found.legend], width), ()]
    for number, step in enumerate(found.steps, 1):
        rows += [*_step(number, step, width), ()]
    rows += [(("Training", "strong"),)]
    rows += _paragraph(found.training, width, _INDENT)
    return paint(rows, color).rstrip("\n")


def _step(number: int, step: Step, width: int) -> list[Row]:
    head = f"{number}. "
    written = visible(shortened(f"{step.name}: {step.written}", _LONGEST))
    lines = wrap(written, width - len(head))
    rows: list[Row] = [((head + lines[0], "strong"),)]
    rows += [((" " * len(head) + line, "strong"),) for line in lines[1:]]
    rows += _paragraph([step.shapes], width, _INDENT)
    rows += _paragraph([step.words], width, _INDENT)
    return rows


def _paragraph(texts: tuple[str, ...] | list[str], width: int, indent: str = "") -> list[Row]:
    # A shape stays on one line.
    held = (_SHAPE.sub(lambda shape: shape[0].replace(" ", _HOLD), visible(text)) for text in texts)
    lines = [line for text in held for line in wrap(text, width - len(indent))]
    return [((indent + line.replace(_HOLD, " "), "plain"),) for line in lines]
