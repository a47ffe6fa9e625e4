"""Read bindings from outside, ``-D NAME=VALUE`` and ``compile(spec, NAME=VALUE)``; refuse unbound names."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, NamedTuple

from seqtopo.diag.model import Diagnostic
from seqtopo.layers.kinds import Kind
from seqtopo.layers.objects import FAMILIES, entry_of
from seqtopo.layers.registry import has_meaning
from seqtopo.layers.sizes import LIMIT, Expr, symbols
from seqtopo.layers.values import DTYPES, Object, Refusal, Word, show
from seqtopo.source import Source, Span
from seqtopo.syntax import tree
from seqtopo.syntax.parse import parse
from seqtopo.system.shell import command

LONGEST = 10_000
"""The most characters of a value that are read."""
_SHOWN = 60


def value_of(given: Any) -> Any:
    """Return a value from outside as the resolver takes it: a number, a tuple of numbers, or a text.

    Python's other values become the text that a spec has for them; it is read, never run.

    Raises:
        Refusal: the language has no such value, or the text is none.

    >>> value_of(24), value_of((3, 5)), value_of("lstm"), value_of([3, "same"]), value_of(None)
    (24, (3, 5), 'lstm', '[3,same]', 'none')
    """
    if _is_plain(given):
        return given
    text = _text(given)
    if read_value("X", text) is None:
        raise Refusal(expected=f"{shown(text)!r} is not a value")
    return text


def _is_plain(given: Any) -> bool:
    """Return whether a value is a number or a tuple of numbers, which the resolver takes as it is."""
    if isinstance(given, tuple):
        return all(map(_is_plain, given))
    return type(given) in (int, float) and abs(given) < LIMIT


def _text(given: Any) -> str:
    """Return a Python value as a spec writes it.

    Raises:
        Refusal: the language has no such value.
    """
    if isinstance(given, str):
        return given.strip()
    if given is None or isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, (tuple, list)):
        items = ",".join(map(_text, given))
        if isinstance(given, list):
            return f"[{items}]"
        return f"({items}{',' if len(given) == 1 else ''})"
    number: int | float
    try:
        number = operator.index(given)
    except TypeError:
        number = _fraction(given)
    if abs(number) >= LIMIT:
        # Python writes out no number of more than 4,300 digits.
        many = isinstance(number, int) and number.bit_length() >= 200
        what = f"one of {number.bit_length()} bits" if many and isinstance(number, int) else number
        raise Refusal(expected=f"a number must be below 2**31, not {what}")
    return repr(number)


def _fraction(given: Any) -> float:
    """Return a Python float from a float or a number of NumPy's."""
    if hasattr(given, "__float__") and not getattr(given, "shape", ()):
        number = float(given)
        if isfinite(number):
            return number
        raise Refusal(expected=f"{number} is not a number")
    raise Refusal(expected=f"{shown(repr(given))} is neither a number nor a text")


def read_value(name: str, text: str, offset: int = 0) -> tree.Binding | None:
    """Return the binding of a ``let`` that a value's text makes, with spans that count from ``offset``.

    None if the text is not one value.

    >>> read_value("CELL", "lstm(32)").value.name.name
    'lstm'
    >>> read_value("T", "3, F = 4"), read_value("T", "3 # steps"), read_value("T", "")
    (None, None, None)
    """
    before = f"let {name} = "
    if len(text) > LONGEST or "\n" in text or "\r" in text:
        return None
    spec, found = parse(Source(" " * offset + before + text))
    if spec is None or found or len(spec.statements) != 1:
        return None
    statement = spec.statements[0]
    if not isinstance(statement, tree.Let) or len(statement.bindings) != 1:
        return None
    binding = statement.bindings[0]
    # A comment behind the value, or anything else that is not part of it, would be lost.
    whole = Span(offset + len(before), offset + len(before) + len(text.rstrip()))
    return binding if binding.value.span == whole else None


def shown(text: str) -> str:
    """Return a text for a message, cut if it is long."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


class OutsideBinding(NamedTuple):
    """A name that is bound from outside, with its value in words and the span of the value's text, if any."""

    name: str
    value: str
    span: Span = Span(0, 0)

    @property
    def note(self) -> str:
        """The note of a diagnostic that names this binding."""
        return f"{self.name} is bound from outside: {self.name}={shown(self.value)}"


@dataclass(eq=False)
class Outside:
    """All names that are bound from outside.

    The texts of the values lie behind the spec's own, so that no place in them is one of the spec; what
    is found in them is reported at the place in the spec where the name stands.
    """

    begin: int
    given: dict[str, OutsideBinding] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    """The values that are numbers or tuples of numbers, by name."""
    bindings: dict[str, tree.Binding] = field(default_factory=dict)
    """The values that were read from texts, by name, each as a binding."""

    def is_in(self, span: Span) -> bool:
        """Return whether a span lies in the text of a value."""
        return span.start >= self.begin

    def binding_at(self, span: Span) -> OutsideBinding | None:
        """Return the binding whose value's text contains a span; None for a span in the spec."""
        return next((g for g in self.given.values() if g.span.start <= span.start < g.span.end), None)

    def placed(self, found: Diagnostic, here: Span) -> Diagnostic:
        """Return a diagnostic of a value from outside, moved to a span of the spec.

        Fixes in the value's text are dropped, since they would not change the spec.
        """
        labels = [label for label in found.labels if not self.is_in(label.span)]
        fixes = tuple(fix for fix in found.fixes if not any(self.is_in(edit.span) for edit in fix.edits))
        if not self.is_in(found.span):
            return replace(found, labels=tuple(labels), fixes=fixes)
        given = self.binding_at(found.span)
        notes = (*found.notes, given.note) if given is not None else found.notes
        return replace(
            found,
            span=here,
            label="" if self.is_in(here) else found.label,
            labels=tuple(label for label in labels if label.span != here),
            notes=notes,
            fixes=fixes,
        )


def outside(dims: Mapping[str, Any], source: Source) -> Outside:
    """Return the bindings of ``dims``, whose values come from ``value_of``.

    >>> outside({"T": 3, "CELL": "lstm"}, Source("in(T,2) -> CELL(4)")).given["CELL"].note
    'CELL is bound from outside: CELL=lstm'
    """
    found = Outside(len(source.text) + 1)
    end = found.begin
    for name, value in dims.items():
        if isinstance(value, str):
            binding = read_value(name, value, end)
            assert binding is not None, value
            span = Span(end, binding.span.end + 1)
            end = span.end
            found.given[name] = OutsideBinding(name, value, span)
            found.bindings[name] = binding
        else:
            found.given[name] = OutsideBinding(name, show(value))
            found.values[name] = value
    return found


ANOTHER = "bind it to another value"
"""The start of a help that proposes another value for a name."""


def how_to_bind(name: str, example: str, *, another: bool = False) -> str:
    """Return the three ways to bind a name, or to bind it to ``another`` value than it has.

    >>> how_to_bind("T", "24")
    "bind it: -D T=24 on the command line, compile(spec, T=24) in Python, or 'let T = 24' in the spec"
    """
    quoted = example if _is_number(example) else f'"{example}"'
    begin = ANOTHER if another else "bind it"
    return (
        f"{begin}: {command('-D', f'{name}={example}')} on the command line, "
        f"compile(spec, {name}={quoted}) in Python, or 'let {name} = {example}' in the spec"
    )


def _is_number(text: str) -> bool:
    binding = read_value("X", text)
    value = binding.value if binding is not None else None
    return isinstance(value, tree.Number) or (
        isinstance(value, tree.Tuple) and all(isinstance(i, tree.Number) for i in value.items)
    )


_LIKELY: tuple[Any, ...] = (0.1, 2, (2, 2), True, Word("glorot_uniform"), Object("l2", (0.0001,)))
"""Sample values, of which one fits most kinds; a kind's flags are tried before them."""
LAYER = "lstm"
"""The layer that a help proposes for a name with arguments behind it."""
STEP = "dense(64)"
"""The step that a help proposes for a name that stands alone."""


def unbound(value: object, span: Span, wants: str, example: str, code: str = "ST223") -> Refusal | None:
    """Return the refusal of a size without a number, else None; ``wants`` says what must stand there."""
    name = next(iter(sorted(symbols(value))), "") if isinstance(value, Expr) else ""
    return unbound_name(name, span, wants, example, code) if name else None


def unbound_name(name: str, span: Span, wants: str, example: str, code: str = "ST223") -> Refusal:
    """Return the refusal of a name that nothing binds."""
    return Refusal(
        code,
        f"{name} is not bound: {wants}",
        span,
        label="not bound",
        help=how_to_bind(name, example),
    )


def not_whole(value: object, span: Span, wants: str, example: str, code: str, help: str) -> Refusal:
    """Return the refusal of a value at a place where a whole number must stand, as ``wants`` says."""
    if isinstance(value, Word):
        return lower_case_size(code, (value.name,), span)
    return unbound(value, span, wants, example, code) or Refusal(
        code, f"{wants}, not {show(value)}", span, help=help
    )


def lower_case_size(code: str, words: tuple[str, ...], span: Span) -> Refusal:
    """Return the refusal of lower-case words at places of sizes; the fix for the whole spec is made later."""
    return Refusal(
        code,
        f"{', '.join(words)} {'is not a size' if len(words) == 1 else 'are not sizes'}: "
        "names of sizes begin with an upper-case letter",
        span,
        label="in lower case",
        help="write a number, or a name such as " + upper(words[0]),
        words=words,
    )


def means_something(word: str) -> bool:
    """Return whether a word is one of the language or of Keras, and so not a size that a user named."""
    known = has_meaning(word) or word in DTYPES
    return known or any(entry_of(family, word) is not None for family in FAMILIES)


def upper(word: str) -> str:
    """Return a word as a size is written.

    >>> upper("data_dim")
    'Data_dim'
    """
    return word[:1].upper() + word[1:]


def example_of(kind: Kind, more: Iterable[str] = ()) -> str:
    """Return a value that a kind takes, as it is written; the first of its flags, where it has some.

    >>> from seqtopo.layers.kinds import ACTIVATION, BOOL, RATE, REGULARIZER
    >>> [example_of(kind) for kind in (RATE, BOOL, REGULARIZER)], example_of(ACTIVATION, ["relu"])
    (['0.1', 'true', 'l2(0.0001)'], 'relu')
    """
    for value in (*map(Word, (*more, *kind.flags, *_named(kind))), *_LIKELY):
        if kind.accepts(value):
            return show(value)
    return "..."


def _named(kind: Kind) -> list[str]:
    """Return the words that a kind names as examples, as ``a dtype such as float32`` does."""
    return kind.words.partition("such as ")[2].replace(",", " ").split()
