"""Measure the ratio of two programs' times, with the two timed by turns in one run.

Absolute times say more about the machine than about the programs. Nothing is asserted here.

A module beside this one is a measurement: its ``measure()`` yields rows. If it defines ``BACKENDS``,
``measure(backend)`` is called once for each, in a process of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import accelerators  # noqa: E402
import children  # noqa: E402
import results  # noqa: E402
from timing import Row  # noqa: E402

HELPERS = {"__main__", "accelerators", "answering_by_hand", "children", "results", "picture", "timing"}


def main(argv: list[str]) -> int:
    """Run the measurements that the command line names, or all, and return the exit code."""
    known = sorted({file.stem for file in HERE.glob("*.py")} - HELPERS)
    parser = argparse.ArgumentParser(
        prog="ci/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all by default")
    parser.add_argument("--backend", action="append", metavar="NAME", help="only on this backend")
    parser.add_argument("--gpu", action="store_true", help="on an accelerator, where there is one")
    parser.add_argument(
        "--write",
        action="store_true",
        help="also writes results.json and results.svg, the guide's table and the README's claim; what is "
        "not measured anew stays as it was",
    )
    args = parser.parse_args(argv)
    unknown = [name for name in args.names if name not in known]
    if unknown:
        parser.error(f"there is no {unknown[0]}; the measurements are {', '.join(known)}")
    if args.gpu:
        missing = accelerators.use(args.backend)
        if missing:
            print(missing, file=sys.stderr)
            return 1
    else:
        accelerators.leave_alone()
    found: dict[str, list[Row]] = {}
    for name in args.names or known:
        module = import_module(name)
        print(f"\n{name}: {(module.__doc__ or '').splitlines()[0]}")
        found[name] = []
        try:
            for row in _rows(name, args.backend):
                found[name].append(row)
                print("  " + results.line(row), flush=True)
        except KeyboardInterrupt:
            print("  stopped")
        # After each one, and after a stop: some take minutes.
        if args.write and found[name]:
            results.write({name: found[name]}, gpu=args.gpu)
    return 0


def _rows(name: str, backends: list[str] | None) -> Iterator[Row]:
    module = import_module(name)
    if not hasattr(module, "BACKENDS"):
        yield from module.measure()
        return
    for backend in module.BACKENDS:
        if not backends or backend in backends:
            yield from children.rows(name, backend)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except children.FailedError as error:
        sys.exit(str(error))
