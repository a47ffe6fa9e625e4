"""The measurements: ``python ci/bench`` takes all of them, ``python ci/bench cold_check`` one.

Each module beside this one has a ``measure()`` that gives lines to print. What is measured is how many
times as long A takes as B, the two timed by turns in one run: absolute times say more about the machine
than about us. Nothing is asserted here.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def main(names: list[str]) -> int:
    """Takes the measurements of these names, or all. Returns the exit code."""
    here = Path(__file__).parent
    known = sorted({file.stem for file in here.glob("*.py")} - {"__main__", "timing"})
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"there is no {unknown[0]}; the measurements are {', '.join(known)}", file=sys.stderr)
        return 2
    sys.path[:0] = [str(here), str(here.parents[1])]
    for name in names or known:
        module = import_module(name)
        print(f"{name}: {(module.__doc__ or '').splitlines()[0]}")
        for line in module.measure():
            print(f"  {line}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
