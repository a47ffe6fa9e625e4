"""Read the settings of a project: ``[tool.seqtopo]`` in the nearest ``pyproject.toml`` that has one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from seqtopo.cli.arguments import STDIN, UsageError, is_text
from seqtopo.diag.nearest import nearest
from seqtopo.graph.buildable import MAX_PARAMS
from seqtopo.lint.selection import NoSuchRule, Selection, selection
from seqtopo.system.bounds import SETTINGS_BYTES

FILE = "pyproject.toml"
_TABLE = "tool.seqtopo"
_KEYS = ("select", "ignore", "max-params")


class Settings(NamedTuple):
    """The rules that are on, and the most parameters that a model may have."""

    selection: Selection = Selection()
    max_params: int = MAX_PARAMS


def settings_for(folder: str | os.PathLike[str]) -> Settings:
    """Return the settings that hold for specs in a folder: those of the nearest file upwards, else the
    defaults.

    Raises:
        UsageError: the file cannot be read, or it says something that no setting is.
    """
    try:
        here = os.path.realpath(folder)
    except OSError:
        # If the folder itself is unknown, the folders above it are, too.
        return Settings()
    while True:
        path = os.path.join(here, FILE)
        table = _table(path) if os.path.isfile(path) else None
        if table is not None:
            return _read(path, table)
        above = os.path.dirname(here)
        if above == here:
            return Settings()
        here = above


def settings_of(argument: str) -> Settings:
    """Return the settings that hold for a spec as the command line names it; see `settings_for`."""
    at_hand = argument == STDIN or is_text(argument)
    return settings_for("" if at_hand else os.path.dirname(argument))


def _table(path: str) -> Mapping[str, Any] | None:
    """Return the file's table for seqtopo; None if there is none."""
    try:
        with open(path, "rb") as file:
            data = file.read(SETTINGS_BYTES + 1)
    except OSError:
        return None
    if len(data) > SETTINGS_BYTES:
        reason = f"it has more than {SETTINGS_BYTES:,} bytes"
        raise UsageError(f"{path} cannot be read: {reason}", "check that it is the file you mean")
    if not _may_say_something(data):
        return None
    import tomllib

    try:
        found = tomllib.loads(data.decode("utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split()) or "it nests too deeply"
        raise UsageError(
            f"{path} cannot be read: {reason}", "repair it: it may hold settings for seqtopo"
        ) from None
    table = found.get("seqtopo") if isinstance(found, dict) else None
    if table is not None and not isinstance(table, dict):
        raise _wrong(path, "seqtopo is a table", f"write [{_TABLE}] and the settings below it")
    return table


def _may_say_something(data: bytes) -> bool:
    """Return whether the table may be in a file; reading TOML takes longer than most checks.

    A line that leads to the table begins with ``tool``; where that stands alone, as in ``[tool]``,
    other lines may say the rest. An escape in quotes may hide anything.
    """
    if b"seqtopo" not in data and b"\\" not in data:
        return False
    heads = re.finditer(rb"""(?m)^[ \t]*\[*[ \t]*(?:["']?tool["']?[ \t]*(\.[^\n]*)?|"[^"\n]*\\)""", data)
    return any(not head[1] or b"seqtopo" in head[1] or b"\\" in head[1] for head in heads)


def _read(path: str, table: Mapping[str, Any]) -> Settings:
    for key in table:
        if key not in _KEYS:
            near = nearest(key, _KEYS)
            help = f"did you mean {near}?" if near else f"its settings are {', '.join(_KEYS)}"
            raise _wrong(path, f"there is no setting {key[:60]}", help)
    words = {key: table.get(key, []) for key in ("select", "ignore")}
    for key, value in words.items():
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise _wrong(path, f"{key} is a list of codes", f'write {key} = ["ST621"]')
    most = table.get("max-params", MAX_PARAMS)
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise _wrong(path, "max-params is a whole number from 1 up", "write max-params = 1_000_000")
    try:
        return Settings(selection(words["select"], words["ignore"]), most)
    except NoSuchRule as error:
        raise _wrong(path, error.message, error.help) from None


def _wrong(path: str, message: str, help: str) -> UsageError:
    return UsageError(f"{path}, [{_TABLE}]: {message}", help)
