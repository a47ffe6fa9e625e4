"""``seqtopo convert model``: writes a saved Keras model as a spec, or carries it over into a
file of Keras 3.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from seqtopo.cli import decompile
from seqtopo.cli.arguments import UsageError
from seqtopo.cli.terminal import put, put_diagnostics, say
from seqtopo.cli.writing import apart, keep_what_is_there, write_model
from seqtopo.decompiler.losses import Losses, UnreadableError
from seqtopo.decompiler.model_files import read_config
from seqtopo.decompiler.old_models import age_of_config
from seqtopo.diag.error import SpecError
from seqtopo.diag.renderers.cells import visible
from seqtopo.emit.backend import choose, refuse_packages
from seqtopo.report.columns import Column, columns
from seqtopo.syntax.read import is_model
from seqtopo.system.shell import command

_H5 = (".h5", ".hdf5")


def run(args: argparse.Namespace) -> int:
    """Write the spec, or the model. Returns the exit code."""
    if not (args.output or "").endswith(".keras"):
        if args.weights or args.theano:
            raise UsageError("weights go into a .keras file", "write -o model.keras")
        form = "json" if args.format == "json" else "text"
        given = {"model": args.text, "output": args.output, "force": args.force}
        wanted = argparse.Namespace(**given, strict=False, format=form)
        return decompile.run(wanted)
    try:
        return _carry(args)
    except SpecError as error:
        put_diagnostics(error.diagnostics)
        return 1


def _carry(args: argparse.Namespace) -> int:
    source, target = Path(args.text), Path(args.output)
    if not is_model(args.text):
        raise UsageError(f"{source.name} is no saved model", "give its .h5 file, or its .json with --weights")
    apart(target, args.text, *([args.weights] if args.weights else ()))
    weights = Path(args.weights) if args.weights else source
    if weights.suffix.lower() == ".json":
        raise UsageError(
            f"{source} has no weights", "give them: --weights weights.h5; or write its spec: -o spec.txt"
        )
    keep_what_is_there(target, "model", force=args.force)
    losses = Losses(str(source))
    try:
        config = read_config(source)
        if weights.suffix.lower() not in _H5:
            raise _not_h5(weights, age_of_config(config) is None)
        refuse_packages()
        choose()
        from seqtopo.exporting.carrying import carry, save  # loads Keras

        made = carry(config, weights, losses, theano=args.theano)
        write_model(target, lambda path: save(made, path))
    except UnreadableError as error:
        raise SpecError((error.placed(str(source)),)) from None
    put_diagnostics(losses.diagnostics)
    rows = made.lines
    table = columns(
        [
            Column("layer", [f"  {visible(name)}" for name, _, _ in rows]),
            Column("weights", [shapes for _, shapes, _ in rows]),
            Column("", [done for _, _, done in rows]),
        ],
        None,
    )
    put(table)
    for note in made.notes:
        say(note)
    say(
        f"Wrote {target}: {made.model.count_params():,} weights of {len(rows)} layers, read back and compared"
    )
    say(f"To look at it: {command('seqtopo', 'check', str(target))}")
    return 0


def _not_h5(weights: Path, is_new: bool) -> UnreadableError:
    if is_new:
        return UnreadableError(
            "ST510", f"{weights} is a file of Keras 3 already", "load it with keras.saving.load_model"
        )
    return UnreadableError(
        "ST510",
        f"{weights} is a .keras file of Keras 2, whose weights are not read",
        "save it in the Keras that wrote it as old.h5: model.save('old.h5')",
    )
