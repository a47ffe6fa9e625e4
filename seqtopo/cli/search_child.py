"""One worker process of ``seqtopo search --jobs K``: it takes its arguments and its cores from its input."""

from __future__ import annotations

import argparse
import json
import sys

from seqtopo.system.threads import limit_threads


def main() -> int:
    """Work on the study until it is done. Return the exit code."""
    given = json.loads(sys.stdin.read())
    limit_threads(given["cores"])
    from seqtopo.cli.arguments import import_modules  # may load a backend, which takes its threads then
    from seqtopo.cli.search import run

    args = argparse.Namespace(**given["args"])
    args.dims = [(name, tuple(value) if isinstance(value, list) else value) for name, value in args.dims]
    if args.modules:
        import_modules(args.modules, args.backend)
    return run(args)


if __name__ == "__main__":
    sys.exit(main())
