"""``seqtopo check``: reports the mistakes in specs and Keras code, and the shapes of what is right."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seqtopo.cli.arguments import (
    GBPS,
    GFLOPS,
    STDIN,
    Parser,
    UsageError,
    add_code_options,
    add_fix_options,
    add_format,
    add_rank_options,
    add_rule_options,
    add_spec_options,
    bound_from_outside,
    chosen,
    dims_of,
)
from seqtopo.cli.data_options import add_data_options, fitted
from seqtopo.cli.files import STDIN_NAME, check_specs, read_input
from seqtopo.cli.python_code import (
    expanded,
    is_python,
    put_models,
    put_stops,
    reports_of,
    split_name,
)
from seqtopo.cli.settings import settings_of
from seqtopo.cli.terminal import put, put_diagnostics, say, terminal
from seqtopo.diag.model import Diagnostic
from seqtopo.diag.renderers import renderer
from seqtopo.diag.renderers.cells import wrap
from seqtopo.graph.buildable import unbound_names
from seqtopo.graph.inputs import BATCH
from seqtopo.layers.sizes import Shape, Size
from seqtopo.lint.selection import Selection
from seqtopo.report.analyse import Checked, is_space, linted, report_on, unbuildable
from seqtopo.report.report import Report, shape_table
from seqtopo.report.space import Space
from seqtopo.source import Source, Span
from seqtopo.syntax.read import is_model
from seqtopo.system.shell import command

if TYPE_CHECKING:
    from seqtopo.code.findings import CheckedFile
    from seqtopo.graph.graph import Graph
    from seqtopo.report.scaling import Scaling


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    made = Parser(
        "check",
        "Checks specs, and the Keras models in Python files and notebooks, without Keras: nothing is run.\n"
        "For a right one it shows the shapes; for a wrong one, the place, the cause and a way out.\n\n"
        "Warnings say what builds and is most likely not what was meant. A comment at the end of a line,\n"
        "# seqtopo: ignore[ST621] and why, switches one off there. Settings for a whole project stand in\n"
        "pyproject.toml, under [tool.seqtopo]: select, ignore, max-params.",
        (
            "seqtopo check spec.txt",
            "seqtopo check train.py notebook.ipynb src/",
            'seqtopo check "in(T,8) -> lstm(64,seq) -> lstm(32)"   (the spec itself)',
            "seqtopo check encoder.txt decoder.txt -D T=24 --format concise",
            "seqtopo check spec.txt --select ST65 --ignore ST621 --strict",
            "seqtopo check spec.txt --x X.npy --y Y.npy --loss mse",
            "seqtopo check spec.txt --fix       (makes the safe fixes; --diff only shows them)",
            "seqtopo check spec.txt --suggest   (prints each way out as a whole spec)",
            "cat spec.txt | seqtopo check -     (cat train.py | seqtopo check - --language python)",
            "seqtopo check model.h5             (a model that Keras 1 to 3 has saved)",
            "seqtopo check spec.txt -D T=24 --ranks 64 --batch 4096   (is it worth 64 processes?)",
        ),
    )
    made.add_argument(
        "specs",
        nargs="+",
        metavar="spec",
        help="a spec's file, a Python file, a notebook, a folder of them, - for the standard input, or a "
        "spec; or a saved Keras model: .keras, .h5, .json",
    )
    add_spec_options(made)
    add_data_options(made)
    add_rule_options(made)
    add_fix_options(made)
    add_code_options(made)
    add_rank_options(made)
    add_format(made)
    return made


def run(args: argparse.Namespace) -> int:
    """Check and say what was found. Return the exit code."""
    args.specs = list(expanded(args.specs))
    _refuse_idle(args)
    if args.fix or args.diff or args.suggest:
        from seqtopo.cli import fixing  # most checks mend nothing

        return fixing.run(args)
    dims = dims_of(args.dims)
    specs = [spec for spec in args.specs if not is_python(spec, args.language)]
    of_specs = iter(_check_specs(args, specs, dims) if specs else ())
    files = _check_files(args, dims, alone=not specs)
    found: list[_Found] = []
    for spec in args.specs:
        if spec in files:
            found += _of_models(files[spec], args, spec)
        else:
            found.append(next(of_specs))
    every = [d for one in found for d in one.report.diagnostics]
    if args.format == "json":
        put(as_json([one.report for one in found], scalings=[one.scaling for one in found]))
    elif args.format == "text":
        _put_text(found, list(files.values()))
    elif text := renderer(args.format)(every):
        put(text, log_commands=args.format == "github")
    if args.unread:
        put_stops(files.values(), sys.stdout if args.format == "text" else sys.stderr)
    grave = ("error", "warning") if args.strict else ("error",)
    return 1 if any(d.severity in grave for d in every) else 0


def _refuse_idle(args: argparse.Namespace) -> None:
    """Refuse options that would do nothing.

    Raises:
        UsageError: there is one.
    """
    if args.language != "spec" and STDIN not in args.specs:
        raise UsageError(
            "--language says what the standard input holds",
            "for example: cat train.py | seqtopo check - --language python",
        )
    if args.unread and not any(is_python(spec, args.language) for spec in args.specs):
        raise UsageError("--unread says where reading Python code stopped", "seqtopo check train.py --unread")
    if not args.ranks and (args.batch or args.gbps or args.gflops):
        raise UsageError(
            "--batch, --gbps and --gflops say how several processes train", "add their number: --ranks 8"
        )
    if args.ranks and (args.fix or args.diff or args.suggest):
        raise UsageError("--ranks goes with no fixes", "leave out --fix, --diff and --suggest")
    if args.fix_only and not (args.fix or args.diff):
        raise UsageError(
            "--fix-only says what --fix and --diff mend", "seqtopo check spec.txt --fix --fix-only ST62"
        )


@dataclass(frozen=True)
class _Found:
    """A report; of a spec also what it lacks, and the words of the command that builds it."""

    report: Report
    unbound: tuple[Diagnostic, ...] = ()
    building: tuple[str, ...] = ()
    file: CheckedFile | None = None
    scaling: Scaling | None = None


def _check_specs(args: argparse.Namespace, specs: Sequence[str], dims: Mapping[str, Any]) -> list[_Found]:
    before = check_specs(specs, dims)
    checked = [fitted(one, args, dims, len(args.specs)) for one in before]
    spaces: list[Space | None] = [None] * len(checked)
    for i, one in enumerate(checked):
        if is_space(one):
            from seqtopo.report.space_walk import spaced  # few specs are spaces

            checked[i], spaces[i] = spaced(one, dims)
    settings = [settings_of(spec) for spec in specs]
    checked = [linted(one, chosen(args, of.selection)) for one, of in zip(checked, settings, strict=True)]
    building = tuple(_building(args, specs[0], before[0], checked[0], dims))
    found: list[_Found] = []
    for one, of, space in zip(checked, settings, spaces, strict=True):
        lacking = unbuildable(one, args.max_params or of.max_params) if one.ok else ()
        unbound = tuple(d for d in lacking if d.code == "ST401")
        wrong = tuple(d for d in lacking if d.code != "ST401")
        report = report_on(replace(one, diagnostics=(*one.diagnostics, *wrong)), space)
        made = _Found(report, unbound, building)
        if args.ranks and report.ok and one.resolved is not None:
            graph = one.resolved.graph
            span = graph.nodes[graph.inputs[0]].span
            scaling, warned = _on_ranks(graph, span, args, chosen(args, of.selection), one.source)
            more = (*report.diagnostics, *warned)
            made = replace(made, report=replace(report, diagnostics=more), scaling=scaling)
        found.append(made)
    return found


def _on_ranks(
    graph: Graph, span: Span, args: argparse.Namespace, selection: Selection, source: Source
) -> tuple[Scaling, tuple[Diagnostic, ...]]:
    """Return the cost of a step of several processes, and the warnings about it."""
    from seqtopo.report.scaling import findings, scaling_of  # few checks ask for it

    speeds = args.gbps or GBPS, args.gflops or GFLOPS
    scaling = scaling_of(graph, args.ranks, args.batch or BATCH, *speeds)
    on = selection.codes()
    return scaling, tuple(d for d in findings(scaling, source, span) if d.code in on)


def _of_models(file: CheckedFile, args: argparse.Namespace, argument: str) -> list[_Found]:
    """Return the reports of a Python file, with the next steps for models that were read completely."""
    found = [_Found(report, file=file) for report in reports_of(file)]
    for i, model in enumerate(file.models if args.ranks else ()):
        report, checked, text = found[i].report, model.checked, model.text
        if not report.ok or checked is None or checked.resolved is None or text is None or not text.whole:
            continue
        selection = chosen(args, settings_of(split_name(argument)[0]).selection)
        graph, place = checked.resolved.graph, model.place
        scaling, warned = _on_ranks(graph, place.span, args, selection, place.source)
        shown = (*report.diagnostics, *file.in_cells(warned))
        found[i] = replace(found[i], report=replace(report, diagnostics=shown), scaling=scaling)
    return found


def _check_files(args: argparse.Namespace, dims: Mapping[str, Any], *, alone: bool) -> dict[str, CheckedFile]:
    """Check the Python files among the arguments, by their names; ``alone`` where there are no specs."""
    found: dict[str, CheckedFile] = {}
    if not any(is_python(spec, args.language) for spec in args.specs):
        return found
    from seqtopo.cli.code_models import asked_of, checked_code, unknown_dims  # specs are checked without it

    for spec in dict.fromkeys(args.specs):
        if is_python(spec, args.language):
            text = read_input().decode("utf-8-sig", "replace") if spec == STDIN else None
            found[spec] = checked_code(STDIN_NAME if spec == STDIN else spec, asked_of(args, spec), text)
    if dims and alone:
        unknown_dims(dims, list(found.values()))
    return found


def _building(
    args: argparse.Namespace, spec: str, before: Checked, checked: Checked, dims: Mapping[str, Any]
) -> list[str]:
    """Return the words of the command that builds a spec, or writes that of a saved model.

    Sizes that the data gave are given by ``-D``.
    """
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


def _put_text(found: Sequence[_Found], files: Sequence[CheckedFile]) -> None:
    screen = terminal(sys.stdout)
    every = [d for one in found for d in one.report.diagnostics]
    put_diagnostics(every, sys.stdout)
    if files and len(files) == 1 and all(one.file is not None for one in found):
        put_models(files[0], screen, apart=bool(every))
        for one in found:
            if one.scaling is not None:
                say("", f"{one.report.name}:")
                _put_scaling(one.scaling, screen.width)
        return
    if len(found) > 1 or files:
        for one in found:
            if one.file is None or one.report.name:
                name = one.report.source.name + (f":{one.report.name}" if one.report.name else "")
                say(f"{name}: " + (in_short(one.report) if one.report.ok else "errors, see above"))
                if one.scaling is not None:
                    _put_scaling(one.scaling, screen.width)
        for file in files:
            if not file.models:
                say(f"{file.code.source.name}: no model")
        return
    report = found[0].report
    if report.ok:
        put(("\n" if every else "") + shape_table(report, screen.width, color=screen.color))
        if report.space is not None:
            lines = [line for text in report.space.lines() for line in _hanging(text, screen.width)]
            put("\n" + "\n".join(lines))
        if found[0].scaling is not None:
            say("")
            _put_scaling(found[0].scaling, screen.width)
        put("\n" + _next_step(report, found[0].unbound, found[0].building, screen.width))


def _put_scaling(scaling: Scaling, width: int) -> None:
    put("\n".join(line for text in scaling.lines() for line in _hanging(text, width)))


def in_short(report: Report) -> str:
    """Return a report without errors in one line."""
    count = f"{report.params:,}" if isinstance(report.params, int) else str(report.params)
    return f"fine; {report.kind}, {count} parameters"


def _hanging(text: str, width: int) -> list[str]:
    """Return a line of the space, wrapped; further lines are indented by two more blanks than the first."""
    indent = " " * (len(text) - len(text.lstrip()))
    lines = wrap(text.strip(), width - len(indent) - 2)
    return [indent + line if i == 0 else f"{indent}  {line}" for i, line in enumerate(lines)]


def _next_step(report: Report, unbound: tuple[Diagnostic, ...], building: Sequence[str], width: int) -> str:
    """Return the command that builds the spec, with what that still needs."""
    lines = [line for d in unbound for line in wrap(f"{d.message}.", width)]
    if building[1] == "decompile":
        return "\n".join([*lines, f"To write its spec: {command(*building)}"])
    if report.space is not None:
        searching = command("seqtopo", "search", building[2], "data.csv", *building[3:])
        first = bound_from_outside({**report.space.first, **dict.fromkeys(report.unbound, 64)})
        one = f"To build its first choice: {command(*building, *first)}"
        return "\n".join([*lines, f"To search it: {searching}", one])
    bound = bound_from_outside(dict.fromkeys(report.unbound, 64))
    return "\n".join([*lines, f"To build it: {command(*building, *bound)}"])


def as_json(
    found: Sequence[Report],
    files: Sequence[Mapping[str, str]] | None = None,
    scalings: Sequence[Scaling | None] = (),
) -> str:
    """Return the reports as JSON, always ASCII. The keys are stable:

    - ``version``: of this form; ``specs``: one object for each spec, with
    - ``file``, ``ok``, ``diagnostics`` (as ``render_json`` writes them), ``kind``, ``params``, and of a model
      in Python code ``name``,
    - ``shapes``: each with ``name``, ``layer``, ``inputs``, ``outputs``, ``dtype``, ``params``, ``shared``,
    - ``outputs``: shapes by name; ``unbound``: the names that must be bound before it can be built;
    - of a spec with ``search`` also ``space``: its names, how many points it has, and what was looked at;
    - with ``--ranks`` also ``scaling``: the bytes and operations of a step, and how the two compare;
    - after a build also ``files``: where each model is, by its name.

    A size is a number, or a text where symbols take part.
    """
    specs: list[dict[str, Any]] = []
    for report in found:
        specs.append(
            {
                "file": report.source.name,
                **({"name": report.name} if report.name else {}),
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
                **({"space": report.space.data()} if report.space is not None else {}),
                "diagnostics": json.loads(renderer("json")(report.diagnostics)),
            }
        )
    for spec, scaling in zip(specs, scalings, strict=False):
        if scaling is not None:
            spec["scaling"] = scaling.data()
    for spec, saved in zip(specs, files or (), strict=False):
        spec["files"] = dict(saved)
    return json.dumps({"version": 1, "specs": specs}, indent=2)


def _size(size: Size) -> int | str:
    return size if isinstance(size, int) else str(size)


def _shape(shape: Shape) -> list[int | str]:
    return [_size(size) for size in shape]
