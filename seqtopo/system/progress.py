"""Show on a terminal the progress of work that takes longer than a second.

All of it goes to the standard error. Nothing is shown where that is no terminal, where ``CI`` is set, and
where ``TERM`` is ``dumb``.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

AFTER = 1.0
"""The seconds after which work is shown; shorter work shows nothing."""
EVERY = 1.0
_ERASE = "\r\x1b[K"
_ROOM = 100

T = TypeVar("T")
Told = Callable[..., None]
"""A function that is called with the amount done, and with words to show behind the bar."""


def is_shown() -> bool:
    """Return whether the standard error is a terminal that somebody looks at."""
    if os.environ.get("CI") or os.environ.get("TERM") == "dumb":
        return False
    return bool(getattr(sys.stderr, "isatty", bool)())


class _Line:
    """The last line of the terminal: the words for the current work with its seconds, or a bar."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.since = 0.0
        self.drawn = False
        self.bar: Any = None
        self.hidden = 0
        self.lock: Any = None
        """The lock of the line, while a thread draws it; else None."""

    def draw(self) -> None:
        """Draw the line anew if a second has passed."""
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
    """Show the current work and its seconds in a line of its own inside the ``with`` block.

    The words are ``words``, or those that ``doing`` sets.
    """
    if _line.lock is not None or not is_shown():
        yield
        return
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
    """Set the words that ``running`` shows inside the ``with`` block."""
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
    """Hide the line inside the ``with`` block, in which something else is written or typed."""
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
    """Show a bar of tqdm, if that is installed, and give the function that moves it on towards ``total``.

    ``asked`` shows the bar in notebooks too.
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


def tracked(items: Sequence[T], words: str) -> Iterator[T]:
    """Yield the items one after the other, and show as a bar how many of them are done."""
    if len(items) < 2:
        yield from items
        return
    with bar(words, len(items), "file") as told:
        for number, item in enumerate(items, 1):
            yield item
            told(number)
