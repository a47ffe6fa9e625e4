"""Search on a real PostgreSQL server, which is started in a folder of its own and ended again.

``python -m tests.support.search_postgres``: workers are killed, and none of their trials is lost; then many
workers that answer at once show what the storage bears.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.search_kills import at_once, killed, words_of

NOBODY = 65534
"""PostgreSQL does not run as root: it runs as the user that owns nothing."""


def programs() -> Path:
    """Return the folder of PostgreSQL's programs.

    Raises:
        FileNotFoundError: it is not installed.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).parent
    raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql")


def _call(words: Sequence[str]) -> None:
    as_nobody = (
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    )
    environment = {**os.environ, "HOME": "/tmp", "LC_ALL": "C"}
    subprocess.run([*as_nobody, *words], check=True, env=environment, cwd="/tmp", stdout=subprocess.DEVNULL)


@contextmanager
def server() -> Iterator[str]:
    """Start a server in a folder of its own; yields the URL of an empty database."""
    where = programs()
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        data = f"{folder}/data"
        _call(
            [
                str(where / "initdb"),
                "-D",
                data,
                "-U",
                "seqtopo",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-sync",
            ]
        )
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c max_connections=200"
        _call([str(where / "pg_ctl"), "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start"])
        try:
            _call([str(where / "createdb"), "-h", folder, "-U", "seqtopo", "studies"])
            yield f"postgresql://seqtopo@/studies?host={folder}"
        finally:
            _call([str(where / "pg_ctl"), "-D", data, "-m", "fast", "-w", "stop"])


def main() -> None:
    """Kill workers of a study on the server; then let many answer at once."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with server() as url:
        begin = time.perf_counter()
        ended = words_of(killed(url, 4, 40, 0.2, 10))
        took = time.perf_counter() - begin
        print(f"PostgreSQL: 4 workers, 40 trials, 10 kills: {ended}; {took:.0f} s", flush=True)
    if many:
        with server() as url, tempfile.TemporaryDirectory() as folder:
            for where in (url, f"{folder}/study.log"):
                kind = "PostgreSQL" if where is url else "journal"
                took = at_once(where, many, 2 * many)
                print(f"{kind}: {many} workers that answer at once, {2 * many} trials in {took:.1f} s")


if __name__ == "__main__":
    main()
