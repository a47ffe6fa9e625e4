"""Declare ``--x``, ``--y``, ``--weights`` and ``--loss``, and check a spec or code against that data."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from seqtopo.cli.arguments import Parser, UsageError
from seqtopo.report.analyse import Checked


def add_data_options(parser: Parser) -> None:
    """Add ``--x``, ``--y``, ``--weights`` and ``--loss``."""
    sides = (
        ("x", "data for an input"),
        ("y", "the labels of an output"),
        ("weights", "sample weights, for all outputs or one"),
    )
    for side, what in sides:
        parser.add_argument(
            f"--{side}",
            metavar="[NAME=]FILE",
            action="append",
            default=[],
            help=f"an .npy or .npz file with {what}; once for each, by name where there are several",
        )
    add_pad(parser)
    parser.add_argument(
        "--loss", metavar="NAME", help="the loss that --y is for, where the spec has no train statement"
    )


def add_pad(parser: Parser) -> None:
    """Add ``--pad``."""
    parser.add_argument(
        "--pad",
        action="store_true",
        help="pad samples of unequal lengths at their end, to the longest, with what the spec masks "
        "(0, or V of mask(V)): an .npz file with one array a sample, as numpy.savez(path, *samples, y=y) "
        "writes it",
    )


def fitted(checked: Checked, args: argparse.Namespace, dims: Mapping[str, Any], specs: int = 1) -> Checked:
    """Return the spec with its data, as ``--x``, ``--y`` and ``--weights`` give it; unchanged where they give
    none.

    ``specs`` is how many there are: data is for one.

    Raises:
        UsageError: there are several specs, a name stands twice, or there is no such loss.
    """
    data = data_of(args, specs)
    if data is None:
        return checked
    from seqtopo.data.fitting import NoSuchLossError, with_data

    try:
        return with_data(checked, data.x, data.y, args.loss, dims, data.weights, pad=args.pad)
    except NoSuchLossError as error:
        raise UsageError(str(error), "for example: --loss mse") from None


class Files(NamedTuple):
    """The files that the options name for each side: none, paths in their order, or paths by name."""

    x: Any
    y: Any
    weights: Any


def data_of(args: argparse.Namespace, specs: int = 1) -> Files | None:
    """Return the data that the options give; None where they give none.

    Raises:
        UsageError: there are several specs, or a name stands twice.
    """
    found = Files(*(_given(side, getattr(args, side)) for side in ("x", "y", "weights")))
    nothing = found == (None, None, None)
    if nothing and args.pad:
        raise UsageError("--pad says what to do with --x", "for example: --x samples.npz --pad")
    if nothing and args.loss is None:
        return None
    if specs > 1:
        raise UsageError(
            "data is for one spec", "check the specs one by one: seqtopo check spec.txt --x X.npy"
        )
    if nothing:
        raise UsageError("--loss says what --y is for", "for example: --y Y.npy --loss mse")
    return found


def _given(side: str, files: Sequence[str]) -> Any:
    """Return the value of an option: nothing, paths in their order, or paths by name."""
    pairs = [_pair(file) for file in files]
    names = [name for name, _ in pairs if name]
    if not names:
        return [path for _, path in pairs] or None
    if len(names) < len(pairs) or len(set(names)) < len(names):
        raise UsageError(
            f"each --{side} needs a name of its own", f"for example: --{side} text=A.npy --{side} date=B.npy"
        )
    return dict(pairs)


def _pair(file: str) -> tuple[str, str]:
    name, equals, path = file.partition("=")
    return (name, path) if equals and name.isidentifier() and not os.path.lexists(file) else ("", file)
