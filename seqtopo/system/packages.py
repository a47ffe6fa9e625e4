"""Check the versions of other packages, and print the command that installs what is missing."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

NAME = "seqtopo"
ROOT = Path(__file__).resolve().parents[2]
"""The folder that the package lies in: a checkout, or ``site-packages``."""

Version = tuple[int, ...]
VERSIONS: dict[str, tuple[Version, Version | None]] = {
    "keras": ((3, 15), (4,)),
    "jax": ((0, 10), None),
    "torch": ((2, 13), None),
    "tensorflow": ((2, 21), None),
}
"""The first version that is known to work of what models are built with, and the first one that is not (None:
no such one is known). ``pyproject.toml`` asks for the same; a test holds the two together."""

BUILDING = ("keras", "threadpoolctl")
"""The packages that building needs besides a backend, by the names under which they are imported."""


def outside(package: str, found: str) -> str:
    """Return a sentence on a version of a package that seqtopo does not work with; "" for one that it does.

    >>> outside("keras", "3.8.0")
    'keras 3.8.0 is installed; seqtopo needs 3.15 or later, below 4'
    >>> outside("keras", "3.16.0.dev2026102704"), outside("jax", "0.11.1")
    ('', '')
    """
    least, below = VERSIONS[package]
    have = numbers(found)
    if not have or (have >= least and (below is None or have < below)):
        return ""
    upper = f", below {_dotted(below)}" if below else ""
    return f"{package} {found} is installed; {NAME} needs {_dotted(least)} or later{upper}"


def wanted(package: str) -> str:
    """Return a package with its versions that work, as pip takes it.

    >>> wanted("keras"), wanted("tf2onnx")
    ('keras>=3.15,<4', 'tf2onnx')
    """
    least, below = VERSIONS.get(package, ((), None))
    return package + (f">={_dotted(least)}" if least else "") + (f",<{_dotted(below)}" if below else "")


def numbers(found: str) -> Version:
    """Return the numbers that a version begins with.

    >>> numbers("3.16.0.dev2026102704"), numbers("2.13.0+cpu"), numbers("unknown")
    ((3, 16, 0), (2, 13, 0), ())
    """
    start = re.match(r"\d+(\.\d+)*", found)
    return tuple(map(int, start.group().split("."))) if start else ()


def _dotted(numbers: Version) -> str:
    return ".".join(map(str, numbers))


def installed(package: str) -> str:
    """Return the version of an installed package, from its metadata; "" where it has none."""
    for name in (package, f"{package}-nightly", f"{package}-cpu"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return ""


def missing() -> list[str]:
    """Return the packages that building needs and that are not installed."""
    return [name for name in BUILDING if find_spec(name) is None]


def require(package: str, extra: str, what: str) -> None:
    """Raise ModuleNotFoundError, with the command that helps, if ``what`` needs a package that is missing."""
    if find_spec(package) is None:
        raise ModuleNotFoundError(
            f"{what} needs {package.capitalize()}; install it: {get_extra(extra)}", name=package
        )


def get_extra(extra: str) -> str:
    """Return the command that installs one of the extras, such as ``jax``, into the Python that is running.

    It names the place that seqtopo itself was installed from: a checkout, a wheel, an archive or a
    repository. Where nothing tells that, it names the packages of the extra.
    """
    return get(*(_from_where(extra) or _requirements(extra)))


def get(*requirements: str) -> str:
    """Return the command that installs packages into the Python that is running.

    >>> get("keras>=3.15,<4").endswith("pip install 'keras>=3.15,<4'")
    True
    """
    return " ".join([*_installer(), *map(shlex.quote, requirements)])


def _installer() -> list[str]:
    """Return pip as it is called for this Python: by its name only if that one belongs to this Python."""
    if find_spec("pip") is None and shutil.which("uv"):
        here = os.environ.get("VIRTUAL_ENV") == sys.prefix
        return ["uv", "pip", "install", *([] if here else ["--python", shlex.quote(sys.executable)])]
    found = shutil.which("pip")
    if not sys.executable or (found and Path(found).parent == Path(sys.executable).parent):
        return ["pip", "install"]
    return [shlex.quote(sys.executable), "-m", "pip", "install"]


def _from_where(extra: str) -> tuple[str, ...]:
    """Return pip's arguments that name the origin of seqtopo, with an extra; none if nothing records it."""
    if (ROOT / "pyproject.toml").is_file():
        return "-e", f"{ROOT}[{extra}]"
    try:
        origin = json.loads(distribution(NAME).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, OSError, ValueError):
        return ()
    url = str(origin.get("url", ""))
    if "vcs_info" in origin:
        kind, commit = origin["vcs_info"].get("vcs", "git"), origin["vcs_info"].get("commit_id", "")
        return (f"{NAME}[{extra}] @ {kind}+{url}" + (f"@{commit}" if commit else ""),)
    if url.startswith("file:"):
        path = Path(unquote(urlsplit(url).path))
        return (f"{path}[{extra}]",) if path.exists() else ()
    return (f"{NAME}[{extra}] @ {url}",) if url else ()


def _requirements(extra: str) -> tuple[str, ...]:
    """Return the packages that an extra consists of, from the installed package's metadata."""
    try:
        found: Distribution = distribution(NAME)
    except PackageNotFoundError:
        return tuple(wanted(name) for name in (*BUILDING, extra))
    asked = [line.partition(";") for line in found.requires or ()]
    return tuple(
        line.strip() for line, _, when in asked if re.search(rf"extra\s*==\s*['\"]{extra}['\"]", when)
    )
