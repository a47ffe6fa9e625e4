"""Show on a terminal how far something is that takes longer than a second.

All of it goes to the standard error. Nothing is shown where that is no terminal, where ``CI`` is set, and
where ``TERM`` is ``dumb``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

AFTER = 1.0
"""What is done within so many seconds shows nothing."""
EVERY = 1.0
_ERASE = "\r\x1b[K"
_ROOM = 100

T = TypeVar("T")
Told = Callable[..., None]
"""Is called with how much is done of a bar, and with words to show behind it."""


def is_shown() -> bool:
    """Return whether the standard error is a terminal that somebody looks at."""
    if os.environ.get("CI") or os.environ.get("TERM") == "dumb":
        return False
    return bool(getattr(sys.stderr, "isatty", bool)())


class _Line:
    """The last line of the terminal: what is done now, and for how many seconds; or a bar."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.since = 0.0
        self.drawn = False
        self.bar: Any = None
        self.hidden = 0
        self.lock: Any = None
        """Is there while a thread draws the line."""

    def draw(self) -> None:
        """Draw the line anew, where a second has passed."""
        with self.lock:
            took = time.monotonic() - self.since
            if self.words and not self.hidden and self.bar is None and took >= AFTER:
                sys.stderr.write(f"{_ERASE}{self.words[-1][:_ROOM]} ... {took:.0f} s")
                sys.stderr.flush()
                self.drawn = True

    def erase(self) -> None:
        """Erase the line or the bar; the next drawing brings it back."""
        if self.bar is not None:
            self.bar.clear()
        elif self.drawn:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
            self.drawn = False


_line = _Line()


@contextmanager
def running(words: str) -> Iterator[None]:
    """Show inside the ``with`` block, in a line of its own, what is done and for how long: ``words``, or what
    ``doing`` says.
    """
    if _line.lock is not None or not is_shown():
        yield
        return
    import threading  # most commands are done before a line is shown

    over = threading.Event()

    def drawing() -> None:
        while not over.wait(EVERY):
            _line.draw()

    _line.lock = threading.Lock()
    _line.words, _line.since = [words], time.monotonic()
    thread = threading.Thread(target=drawing, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        _line.erase()
        _line.words, _line.lock = [], None


@contextmanager
def doing(words: str) -> Iterator[None]:
    """Say for the line that ``running`` shows what is done inside the ``with`` block."""
    before = _line.since
    _line.words.append(words)
    _line.since = time.monotonic() if _line.lock is not None and before else before
    try:
        yield
    finally:
        _line.words.remove(words)
        _line.since = before


@contextmanager
def cleared() -> Iterator[None]:
    """Keep the line away inside the ``with`` block, in which something else is written or typed."""
    if _line.lock is None and _line.bar is None:
        yield
        return
    lock = _line.lock or _nothing()
    with lock:
        _line.erase()
        _line.hidden += 1
    try:
        yield
    finally:
        _line.hidden -= 1


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def bar(words: str, total: int, unit: str = "step", *, asked: bool = False) -> Iterator[Told]:
    """Give a function that is told how much of ``total`` is done, and shows it as a bar of tqdm, where it is
    installed. ``asked`` shows it in notebooks too.
    """
    made = _tqdm(words, total, unit, asked)
    if made is None:
        yield lambda done, note="": None
        return

    def told(done: int, note: str = "") -> None:
        if note:
            made.set_postfix_str(note, refresh=False)
        made.update(done - made.n)

    before, _line.bar = _line.bar, made
    if _line.drawn:
        sys.stderr.write(_ERASE)
        _line.drawn = False
    try:
        yield told
    finally:
        made.close()
        _line.bar = before


def _tqdm(words: str, total: int, unit: str, asked: bool) -> Any:
    notebook = asked and type(sys.stderr).__module__.startswith("ipykernel")
    if not (notebook or is_shown()):
        return None
    from importlib.util import find_spec  # takes long to load, for what is shown nowhere

    if find_spec("tqdm") is None:
        return None
    # The form for notebooks is a widget, and needs what draws widgets.
    if notebook and find_spec("ipywidgets") is not None:
        from tqdm.notebook import tqdm
    else:
        from tqdm.std import tqdm
    file = None if notebook else sys.stderr
    return tqdm(
        total=total, desc=words, unit=unit, file=file, leave=notebook, delay=AFTER, dynamic_ncols=True
    )


def tracked(items: Sequence[T], words: str, unit: str = "file") -> Iterator[T]:
    """Give the items one after the other, and show as a bar how many of them are done."""
    if len(items) < 2:
        yield from items
        return
    with bar(words, len(items), unit) as told:
        for number, item in enumerate(items, 1):
            yield item
            told(number)
