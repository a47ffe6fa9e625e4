"""``seqtopo check``: reports the mistakes in specs, and the shapes of those that are right."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from seqtopo.cli.arguments import (
    Parser,
    add_fix_options,
    add_format,
    add_rule_options,
    add_spec_options,
    bound_from_outside,
    chosen,
    dims_of,
)
from seqtopo.cli.data_options import add_data_options, fitted
from seqtopo.cli.files import STDIN, check_specs
from seqtopo.cli.settings import settings_of
from seqtopo.cli.terminal import put, put_diagnostics, say, terminal
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers import renderer
from seqtopo.diag.renderers.cells import wrap
from seqtopo.graph.buildable import unbound_names
from seqtopo.layers.sizes import Shape, Size
from seqtopo.report.analyse import Checked, linted, report_on, unbuildable
from seqtopo.report.report import Report, shape_table
from seqtopo.syntax.read import is_model
from seqtopo.system.shell import command


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "check",
        "Checks specs without Keras. For a right spec it shows the shapes; for a wrong one, the place,\n"
        "the cause and a way out.\n\n"
        "Warnings say what builds and is most likely not what was meant. A comment at the end of a line,\n"
        "# seqtopo: ignore[ST621] and why, switches one off there. Settings for a whole project stand in\n"
        "pyproject.toml, under [tool.seqtopo]: select, ignore, max-params.",
        (
            "seqtopo check spec.txt",
            'seqtopo check "in(T,8) -> lstm(64,seq) -> lstm(32)"   (the spec itself)',
            "seqtopo check encoder.txt decoder.txt -D T=24 --format concise",
            "seqtopo check spec.txt --select ST65 --ignore ST621 --strict",
            "seqtopo check spec.txt --x X.npy --y Y.npy --loss mse",
            "seqtopo check spec.txt --fix       (makes the safe fixes; --diff only shows them)",
            "seqtopo check spec.txt --suggest   (prints each way out as a whole spec)",
            "cat spec.txt | seqtopo check -",
            "seqtopo check model.h5             (a model that Keras 1 to 3 has saved)",
        ),
    )
    made.add_argument(
        "specs",
        nargs="+",
        metavar="spec",
        help="a file, - for the standard input, or a spec; or a saved Keras model: .keras, .h5, .json",
    )
    add_spec_options(made)
    add_data_options(made)
    add_rule_options(made)
    add_fix_options(made)
    add_format(made)
    return made


def run(args: argparse.Namespace) -> int:
    """Check specs and print what was found. Returns the exit code."""
    if args.fix or args.diff or args.suggest:
        from seqtopo.cli import fixing

        return fixing.run(args)
    dims = dims_of(args.dims)
    checked = check_specs(args.specs, dims)
    before, checked = checked, [fitted(one, args, dims, len(checked)) for one in checked]
    settings = [settings_of(spec) for spec in args.specs]
    checked = [linted(one, chosen(args, of.selection)) for one, of in zip(checked, settings, strict=True)]
    found: list[Report] = []
    unbound: list[tuple[Diagnostic, ...]] = []
    for one, of in zip(checked, settings, strict=True):
        lacking = unbuildable(one, args.max_params or of.max_params) if one.ok else ()
        unbound.append(tuple(d for d in lacking if d.code == "ST401"))
        wrong = tuple(d for d in lacking if d.code != "ST401")
        found.append(report_on(replace(one, diagnostics=(*one.diagnostics, *wrong))))
    every = [d for report in found for d in report.diagnostics]
    if args.format == "json":
        put(as_json(found))
    elif args.format == "text":
        _put_text(found, unbound, _building(args, before[0], checked[0], dims))
    elif text := renderer(args.format)(every):
        put(text, log_commands=args.format == "github")
    grave = ("error", "warning") if args.strict else ("error",)
    return 1 if any(d.severity in grave for d in every) else 0


def _building(
    args: argparse.Namespace, before: Checked, checked: Checked, dims: Mapping[str, Any]
) -> list[str]:
    """The words of the command that builds a spec, or writes that of a saved model.

    Sizes that the data gave are given by ``-D``.
    """
    spec = args.specs[0]
    if checked.source.name == spec and is_model(spec):
        return ["seqtopo", "decompile", spec, "-o", "spec.txt"]
    words = ["seqtopo", "build", checked.source.text if spec == STDIN else spec]
    bound = dict(dims)
    if before.resolved is not None and checked.resolved is not None:
        learned = {n: v for n, v in checked.resolved.dims.items() if n not in dims}
        needed = unbound_names(before.resolved.graph, before.spec) if learned else ()
        bound |= {name: learned[name] for name in needed if name in learned}
    words += bound_from_outside(bound)
    return [*words, "--max-params", str(args.max_params)] if args.max_params else words


def _put_text(
    found: Sequence[Report], unbound: Sequence[tuple[Diagnostic, ...]], building: Sequence[str]
) -> None:
    screen = terminal(sys.stdout)
    every = [d for report in found for d in report.diagnostics]
    put_diagnostics(every, sys.stdout)
    if len(found) > 1:
        for report in found:
            say(f"{report.source.name}: " + (_in_short(report) if report.ok else "errors, see above"))
        return
    report = found[0]
    if report.ok:
        put(("\n" if every else "") + shape_table(report, screen.width, color=screen.color))
        put("\n" + _next_step(report, unbound[0], building, screen.width))


def _in_short(report: Report) -> str:
    count = f"{report.params:,}" if isinstance(report.params, int) else str(report.params)
    return f"fine; {report.kind}, {count} parameters"


def _next_step(report: Report, unbound: tuple[Diagnostic, ...], building: Sequence[str], width: int) -> str:
    """The command that builds the spec, and what that still needs."""
    lines = [line for d in unbound for line in wrap(f"{d.message}.", width)]
    if building[1] == "decompile":
        return "\n".join([*lines, f"To write its spec: {command(*building)}"])
    bound = bound_from_outside(dict.fromkeys(report.unbound, 64))
    return "\n".join([*lines, f"To build it: {command(*building, *bound)}"])


def as_json(
    found: Sequence[Report],
    files: Sequence[Mapping[str, str]] | None = None,
) -> str:
    """Return the reports as JSON, always ASCII. The keys are stable:

    - ``version``: of this form; ``specs``: one object for each spec, with
    - ``file``, ``ok``, ``diagnostics`` (as ``render_json`` writes them), ``kind``, ``params``,
    - ``shapes``: each with ``name``, ``layer``, ``inputs``, ``outputs``, ``dtype``, ``params``, ``shared``,
    - ``outputs``: shapes by name; ``unbound``: the names that must be bound before it can be built;
    - after a build also ``files``: where each model is, by its name.

    A size is a number, or a text where symbols take part.
    """
    import json

    from seqtopo.diag.renderers.json import render_json

    specs: list[dict[str, Any]] = []
    for report in found:
        specs.append(
            {
                "file": report.source.name,
                "ok": report.ok,
                "kind": report.kind,
                "params": None if report.params is None else _size(report.params),
                "shapes": [
                    {
                        "name": line.name,
                        "layer": line.layer,
                        "inputs": [_shape(shape) for shape in line.inputs],
                        "outputs": [_shape(shape) for shape in line.outputs],
                        "dtype": line.dtype,
                        "params": _size(line.params),
                        "shared": line.shared,
                    }
                    for line in report.shapes
                ],
                "outputs": {name: _shape(shape) for name, shape in report.outputs.items()},
                "unbound": list(report.unbound),
                "diagnostics": json.loads(render_json(report.diagnostics)),
            }
        )
    for spec, saved in zip(specs, files or (), strict=False):
        spec["files"] = dict(saved)
    return json.dumps({"version": 1, "specs": specs}, indent=2)


def _size(size: Size) -> int | str:
    return size if isinstance(size, int) else str(size)


def _shape(shape: Shape) -> list[int | str]:
    return [_size(size) for size in shape]
