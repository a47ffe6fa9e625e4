"""Open the storage of a study, and let a worker join only if it searches the same."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from seqtopo.diag.error import SpecError
from seqtopo.diag.model import Diagnostic
from seqtopo.graph.domains import in_words
from seqtopo.source import Span

try:
    import fcntl
except ImportError:  # not on this system
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".study.log"
"""The ending of the journal beside the data."""
RECORD = "seqtopo"
"""The attribute of a study with its record."""
HEARTBEAT, GRACE = 20, 80
"""The seconds between two heartbeats of a worker, and those without one after which it counts as dead."""
_TRIES = 5
_CONNECTIONS = {"pool_size": 1, "max_overflow": 1, "pool_pre_ping": True}
"""A worker holds one connection, and a second one only while it gives a sign of life."""
NO_JOURNAL = "it is no journal of a study, or it is damaged"
MOST_RETRIES = 2
"""The most times that a trial of a killed worker is queued again."""

Space = Mapping[str, Mapping[str, Any]]
"""The domain of each name as data; see ``Space.data``."""


@contextmanager
def _locked(file: Any, path: str) -> Iterator[None]:
    """Lock a journal for one writer; the system releases the lock if the process dies."""
    if fcntl is None:
        lock = JournalFileOpenLock(path)
        lock.acquire()
        try:
            yield
        finally:
            lock.release()
    else:
        fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
        yield


class WholeLines(JournalFileBackend):
    """A journal of whole lines: a partial line, from a full disk or a killed worker, is cut off."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        super().__init__(self.path)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append lines, or nothing.

        Raises:
            OSError: they cannot be written.
        """
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        with open(self.path, "r+b") as file, _locked(file, self.path):
            end = _end_of_lines(file)
            file.truncate(end)
            file.seek(end)
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.truncate(self.path, end)
                raise


def _end_of_lines(file: Any) -> int:
    """Return the position behind the last whole line of a file."""
    end = int(file.seek(0, os.SEEK_END))
    at = end
    while at > 0:
        begin = max(0, at - 65536)
        file.seek(begin)
        found = file.read(at - begin).rfind(b"\n")
        if found >= 0:
            return begin + int(found) + 1
        at = begin
    return 0


def wrong(code: str, message: str, help: str, notes: tuple[str, ...] = ()) -> SpecError:
    """Return an error with one diagnostic that has no place in a spec."""
    return SpecError((Diagnostic(code, message, Span(0, 0), notes=notes, help=help),))


def open_storage(
    url: str | None, journal: Path, *, make: bool = True, heartbeat: int = HEARTBEAT, grace: int = GRACE
) -> BaseStorage:
    """Return the storage at a URL, or the journal at a path; with ``make`` a missing one is made.

    Workers of a database write a heartbeat every ``heartbeat`` seconds, and count as dead after ``grace``.

    Raises:
        SpecError: ST443, it cannot be opened.
    """
    try:
        if url is None or url.startswith("journal://"):
            path = Path(url.removeprefix("journal://")) if url else journal
            if not make and not path.is_file():
                raise wrong(
                    "ST442",
                    f"there is no study: {path} is not there",
                    "begin one: seqtopo search spec.txt data.csv",
                )
            return JournalStorage(WholeLines(path))
        return _database(url, heartbeat, grace)
    except SpecError:
        raise
    # Drivers raise what they like; a journal may be no journal.
    except Exception as error:
        where = "the journal" if url is None else "the storage"
        help = "write a path of your own, --storage journal://FILE, or a URL such as "
        help += "--storage postgresql://user@host/database"
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
        elif isinstance(error, ImportError):
            reason = "the driver of this database is not installed"
            help = "install it: psycopg for postgresql://, PyMySQL for mysql+pymysql://"
        elif url is None or url.startswith("journal://"):
            reason = NO_JOURNAL
        else:
            reason = _reason(error)
        raise wrong("ST443", f"{where} {url or journal} cannot be used: {reason}", help) from None


def _database(url: str, heartbeat: int, grace: int) -> RDBStorage:
    """Return the storage in a database; several workers may make its tables at once, so each retries."""
    for left in reversed(range(_TRIES)):
        try:
            with warnings.catch_warnings():  # heartbeats are called experimental
                warnings.simplefilter("ignore")
                return RDBStorage(
                    _with_driver(url),
                    heartbeat_interval=heartbeat,
                    grace_period=grace,
                    engine_kwargs={} if url.startswith("sqlite") else _CONNECTIONS,
                )
        except ImportError:
            raise
        except Exception:
            if not left:
                raise
            time.sleep(0.5 * random.random())
    raise AssertionError


def _with_driver(url: str) -> str:
    """Return a URL of PostgreSQL that names the installed driver, if it names none."""
    scheme, colon, rest = url.partition("://")
    if scheme in ("postgresql", "postgres") and not importlib.util.find_spec("psycopg2"):
        return f"postgresql+psycopg{colon}{rest}"
    return url


@dataclass(frozen=True)
class Record:
    """The record of what a study searches.

    It has the spec's fixed text, the data's digest, the options on which scores depend, the search's options,
    and the space with a version of each name.
    """

    text: str
    data: str
    options: Mapping[str, Any]
    space: Space
    versions: Mapping[str, int] = field(default_factory=dict)

    def names(self) -> dict[str, str]:
        """Return the names in Optuna of those names whose choices were changed."""
        return {name: f"{name}@{version}" for name, version in self.versions.items() if version > 1}

    def as_data(self) -> dict[str, Any]:
        """Return the record as data for JSON."""
        return {
            "text": self.text,
            "data": self.data,
            "options": dict(self.options),
            "space": {name: dict(each) for name, each in self.space.items()},
            "versions": dict(self.versions),
        }


def join(
    storage: BaseStorage,
    name: str,
    record: Record,
    *,
    widen: bool = False,
    sampler: Any = None,
    pruner: Any = None,
) -> tuple[optuna.Study, Record]:
    """Return the study of that name, made if it does not exist, and its record.

    Raises:
        SpecError: ST441, the study searches something else; ST443, it cannot be written.
    """
    with storage_failures(name):
        study = optuna.create_study(
            storage=storage, study_name=name, load_if_exists=True, sampler=sampler, pruner=pruner
        )
        if RECORD not in study.user_attrs:
            study.set_user_attr(RECORD, record.as_data())
        stored = study.user_attrs.get(RECORD)
        known = _record_of(name, stored)
        found = checked_record(name, known, record, widen=widen)
        if found != known:
            study.set_user_attr(RECORD, found.as_data())
    return study, found


def _record_of(name: str, stored: Any) -> Record:
    if not isinstance(stored, dict):
        raise wrong(
            "ST441", f"the study {name} is not one of seqtopo search", "take another name: --study NAME"
        )
    if stored.keys() != {each.name for each in fields(Record)}:
        raise wrong(
            "ST441",
            f"the study {name} was begun by another version of seqtopo",
            "go on with that version, or search this under another name: --study NAME",
        )
    return Record(**stored)


def _reason(error: BaseException) -> str:
    """Return the words of a driver's error, without those of SQLAlchemy around it."""
    said = str(error).partition("(Background on this error")[0].partition("[SQL:")[0]
    return " ".join(said.split())[:300] or type(error).__name__


@contextmanager
def storage_failures(name: str) -> Iterator[None]:
    """Say of a study whose storage fails that it cannot be written.

    Raises:
        SpecError: ST443, with the reason.
    """
    try:
        yield
    except OSError as error:
        reason, help = error.strerror or str(error), "make room, and run it again: it goes on"
    except json.JSONDecodeError:  # of a journal
        reason, help = NO_JOURNAL, "write a path of your own: --storage journal://FILE"
    except StorageInternalError as error:
        reason = _reason(error.__cause__ or error)
        help = "once the database answers, run it again: it goes on"
    else:
        return
    raise wrong("ST443", f"the study {name} cannot be written: {reason}", help)


def checked_record(name: str, known: Record, mine: Record, *, widen: bool) -> Record:
    """Return the record of the joint search.

    Raises:
        SpecError: ST441, the two do not search the same.
    """
    other = "search this under another name: --study NAME"
    if known.data != mine.data:
        raise wrong(
            "ST441", f"the study {name} is of other data", f"give the file that it began with, or {other}"
        )
    if known.text != mine.text:
        raise wrong(
            "ST441",
            f"the study {name} is of another spec",
            f"what stands beside the search lines must stay as it is: undo the change, or {other}",
            notes=_differences(known.text, mine.text),
        )
    different = [
        k for k in sorted({*known.options, *mine.options}) if known.options.get(k) != mine.options.get(k)
    ]
    if different:
        said = "; ".join(f"{k} is {known.options.get(k)}, not {mine.options.get(k)}" for k in different)
        raise wrong(
            "ST441",
            f"the study {name} was begun with other options: {said}",
            f"give the same ones, or {other}",
        )
    narrower = [
        n for n, domain in known.space.items() if n not in mine.space or not _contains(mine.space[n], domain)
    ]
    if narrower:
        raise wrong(
            "ST441",
            f"the study {name} searches more than this spec: {in_words(narrower)}",
            f"a space may be widened, and not made narrower: write the old values too, or {other}",
        )
    wider = [n for n, domain in mine.space.items() if domain != known.space.get(n)]
    if not wider:
        return known
    if not widen:
        raise wrong(
            "ST441",
            f"this spec searches more than the study {name}: {in_words(wider)}",
            f"record the wider space for all workers: --widen; or {other}",
        )
    versions = dict(known.versions)
    for n in wider:
        if n in known.space and not _same_kind(mine.space[n], known.space[n]):
            versions[n] = versions.get(n, 1) + 1
    return replace(mine, versions=versions)


def _differences(known: str, mine: str) -> tuple[str, ...]:
    old, new = known.splitlines(), mine.splitlines()
    pairs = [(a, b) for a, b in zip(old, new, strict=False) if a != b]
    if not pairs:
        return (f"it has {len(old)} statements, this one has {len(new)}",)
    return (f"it says: {pairs[0][0][:200]}", f"this says: {pairs[0][1][:200]}")


def _contains(wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
    """Return whether every value of one domain is one of another."""
    if "choices" in narrow:
        if "choices" in wide:
            return all(choice in wide["choices"] for choice in narrow["choices"])
        return all(not isinstance(c, str) and wide["low"] <= c <= wide["high"] for c in narrow["choices"])
    if "choices" in wide:
        return False
    return bool(wide["low"] <= narrow["low"] and narrow["high"] <= wide["high"])


def _same_kind(one: Mapping[str, Any], two: Mapping[str, Any]) -> bool:
    """Return whether Optuna accepts both domains under one name: ranges of one kind; choices are fixed."""
    if "choices" in one or "choices" in two:
        return False
    whole = [isinstance(each["low"], int) for each in (one, two)]
    return whole[0] == whole[1] and one["log"] == two["log"] and one["step"] == two["step"]
