"""Read the values that a name is searched in: ``search UNITS in [32, 64], RATE in [0.0..0.5]``.

A list is a choice, a range a number between two ends. This module knows the values;
``seqtopo.report.space`` checks that a model can be made with each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.layers.sizes import LIMIT, Expr
from seqtopo.layers.values import Refusal, show
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr

Number = int | float

_LOOPS = (tree.Branches, tree.For)
MOST_SHOWN = 20
"""The most values of a list that are shown; of a longer one, the first ones and the last."""
LIKE = "as in search UNITS in [32, 64], DEPTH in [1..3], RATE in [0.0..0.5]"


@dataclass(frozen=True)
class Domain:
    """The values that one name is searched in.

    Attributes:
        name: the searched name; ``span`` is where it and its values stand.
        choices: the values of a list as they are written; empty for a range.
        low, high: the ends of a range, both included.
        log: whether a range is searched on a logarithmic scale.
        step: from value to value of a range; None between floats without a step.
    """

    name: str
    span: Span
    choices: tuple[tree.Expr, ...] = ()
    low: Number = 0
    high: Number = 0
    log: bool = False
    step: Number | None = None

    @property
    def count(self) -> int | None:
        """The number of values; None for a range of floats without a step."""
        if self.choices:
            return len(self.choices)
        return None if self.step is None else int((self.high - self.low) / self.step + 1e-9) + 1

    def value(self, index: int) -> Number | str:
        """Return a value by its number, as a binding from outside takes it: a number or a text.

        Between floats without a step there are two: the ends.
        """
        if self.choices:
            return value_of_choice(self.choices[index])
        if self.step is None:
            return self.high if index else self.low
        if isinstance(self.low, int) and isinstance(self.step, int):
            return self.low + index * self.step
        return min(max(shortened(self.low + index * self.step), self.low), self.high)

    @property
    def first(self) -> Number | str:
        """The value that stands for the name where nothing is searched."""
        return self.value(0)

    @property
    def last(self) -> Number | str:
        """The last value of a list, or the greatest of a range."""
        return self.value((self.count or 2) - 1)

    def holds(self, value: Number | str) -> bool:
        """Return whether a value is one of those that are searched."""
        if self.choices:
            return value in map(value_of_choice, self.choices)
        if isinstance(value, str) or not self.low <= value <= self.high:
            return False
        if self.step is None:
            return True
        steps = (value - self.low) / self.step
        return abs(steps - round(steps)) < 1e-6

    def __str__(self) -> str:
        if self.choices:
            shown = list(map(print_expr, self.choices))
            if len(shown) > MOST_SHOWN:
                shown = [*shown[:3], "...", shown[-1]]
            many = f" ({len(self.choices):,} values)" if len(shown) < len(self.choices) else ""
            return f"one of {', '.join(shown)}{many}"
        kind = "whole numbers " if isinstance(self.low, int) and isinstance(self.high, int) else ""
        step = f", step {show(self.step)}" if self.step not in (None, 1) else ""
        return f"{kind}{show(self.low)} to {show(self.high)}{step}{', logarithmic' if self.log else ''}"


def shortened(value: float) -> float:
    """Return a number with the twelve digits that a spec says of it.

    >>> shortened(0.1 + 0.2), shortened(1.25e-14)
    (0.3, 1.25e-14)
    """
    return float(f"{value:.12g}")


def value_of_choice(choice: tree.Expr) -> Number | str:
    """Return one value of a list as a binding from outside takes it: a number, or the text of anything else.

    A flow keeps its parentheses, or gets them.
    """
    if isinstance(choice, tree.Number):
        return choice.value
    if isinstance(choice, tree.Negative) and isinstance(choice.body, tree.Number):
        return -choice.body.value
    text = print_expr(choice)
    return f"({text})" if isinstance(choice, (tree.Flow, tree.Arithmetic, tree.As)) else text


def bound_text(value: Any) -> str:
    """Return a value as ``-D NAME=VALUE`` takes it.

    >>> bound_text(1e-4), bound_text("(lstm(8) -> relu)")
    ('0.0001', '(lstm(8) -> relu)')
    """
    return value if isinstance(value, str) else show(value)


def in_words(names: Sequence[str]) -> str:
    """Return names as a sentence lists them.

    >>> in_words(["A"]), in_words(["A", "B", "C"])
    ('A', 'A, B and C')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def first_value(domain: tree.Domain) -> tree.Expr:
    """Return the first value that is written in a domain; 1 where none is, which ``read_domain`` refuses."""
    values = domain.values
    if isinstance(values, tree.Range):
        return values.low
    first = values.items[0] if isinstance(values, tree.List) and values.items else values
    known = isinstance(values, tree.List) and not isinstance(first, _LOOPS)
    return first if known else tree.Number(values.span, 1, "1")


def read_domain(written: tree.Domain, value: Callable[[tree.Expr], Any]) -> Domain:
    """Return the domain of a name. ``value`` evaluates an expression.

    Raises:
        Refusal: ST224 where these are no values to search in, ST225 where ``log`` or ``step`` does not go
            with them.
    """
    values = written.values
    if isinstance(values, tree.List):
        _check_choices(written, values)
        return Domain(written.name.name, written.span, values.items)
    if not isinstance(values, tree.Range):
        raise Refusal(
            "ST224",
            f"{written.name.name} is searched in {print_expr(values)}, which is neither a list nor a range",
            values.span,
            label="no values to choose from",
            help=f"write a list or a range in square brackets, {LIKE}",
        )
    low, high = (_end(written, end, value(end)) for end in (values.low, values.high))
    step = None if written.step is None else _end(written, written.step, value(written.step))
    _check_range(written, values, low, high)
    _check_scale(written, low, step)
    if isinstance(low, int) and isinstance(high, int):
        if isinstance(step, float):
            low, high = float(low), float(high)
        elif step is None:
            step = 1
    elif step is not None:
        low, high, step = float(low), float(high), float(step)
    else:
        low, high = float(low), float(high)
    found = Domain(written.name.name, written.span, low=low, high=high, log=written.log, step=step)
    if step is None or found.count is None:
        return found
    if found.count == 1:
        assert written.step is not None
        raise Refusal(
            "ST224",
            f"the range of {written.name.name} has one value only, {show(low)}: its step leads beyond "
            f"{show(high)}",
            written.step.span,
            label="too large",
            help=f"take a smaller step, or bind it: let {written.name.name} = {show(low)}",
        )
    last = found.value(found.count - 1)
    assert not isinstance(last, str)
    return Domain(found.name, found.span, low=low, high=last, log=found.log, step=step)


def _check_choices(written: tree.Domain, values: tree.List) -> None:
    name = written.name.name
    if not values.items:
        raise Refusal(
            "ST224",
            f"there is nothing to choose from for {name}: its list is empty",
            values.span,
            label="empty",
            help=f"write its values between the brackets, {LIKE}",
        )
    for item in values.items:
        if isinstance(item, _LOOPS):
            raise Refusal(
                "ST224",
                f"a 'for' makes no values of {name}",
                item.span,
                label="not a value",
                help="write the values out, as in [2, 4, 8], or a range: [2..8] step 2",
            )
    known: dict[str, tree.Expr] = {}
    for index, item in enumerate(values.items):
        text = str(value_of_choice(item))
        if text in known:
            before = values.items[index - 1]
            raise Refusal(
                "ST224",
                f"{name} has the value {text} twice",
                item.span,
                label="again",
                labels=(Label(known[text].span, "stands here already"),),
                help="take one of them out: each value is as likely as the others",
                fixes=(Fix("take the second one out", (Edit(Span(before.span.end, item.span.end), ""),)),),
            )
        known[text] = item
    if written.log or written.step is not None:
        word = "log" if written.log else "step"
        raise Refusal(
            "ST225",
            f"{word} belongs behind a range, and {name} is searched in a list",
            Span(values.span.end, written.span.end),
            label="a list has no scale",
            help=f"take it out, or write a range: {name} in [1..8]",
            fixes=(_without_scale(written, word),),
        )


def _without_scale(written: tree.Domain, word: str) -> Fix:
    return Fix(f"take {word} out", (Edit(Span(written.values.span.end, written.span.end), ""),))


def _end(written: tree.Domain, expr: tree.Expr, found: Any) -> Number:
    """Return the number at an end of a range, or of its step."""
    if not isinstance(found, bool) and isinstance(found, (int, float)):
        if isfinite(found) and abs(found) < LIMIT:
            return found
        raise Refusal(
            "ST224", f"{show(found)} is too large to be searched", expr.span, help="take smaller numbers"
        )
    what = f"{found} is not bound" if isinstance(found, Expr) else f"{print_expr(expr)} is none"
    raise Refusal(
        "ST224",
        f"a range of {written.name.name} needs numbers, and {what}",
        expr.span,
        label="not a number",
        help="write numbers, as in [1..8] or [0.0..0.5]; words and layers stand in a list: [lstm, gru]",
    )


def _check_range(written: tree.Domain, values: tree.Range, low: Number, high: Number) -> None:
    if low > high:
        turned = f"[{print_expr(values.high)}..{print_expr(values.low)}]"
        raise Refusal(
            "ST224",
            f"the range of {written.name.name} is empty: it goes from {show(low)} down to {show(high)}",
            values.span,
            label="the smaller end comes first",
            help=f"write {turned}",
            fixes=(Fix(f"write {turned}", (Edit(values.span, turned),)),),
        )
    if low == high:
        alone = f"[{print_expr(values.low)}]"
        raise Refusal(
            "ST224",
            f"the range of {written.name.name} has one value only, {show(low)}",
            values.span,
            label="both ends are the same",
            help=f"give it two ends, or bind it: let {written.name.name} = {show(low)}",
            fixes=()
            if written.log or written.step
            else (Fix(f"write {alone}", (Edit(values.span, alone),)),),
        )


def _check_scale(written: tree.Domain, low: Number, step: Number | None) -> None:
    name, values = written.name.name, written.values
    behind = Span(values.span.end, written.span.end)
    if written.log and step is not None:
        raise Refusal(
            "ST225",
            f"log and step do not go together for {name}: equal steps are none on a logarithmic scale",
            behind,
            label="one of the two",
            help="keep one of them; or write the values out: [32, 64, 128]",
            fixes=(
                Fix("keep log", (Edit(behind, " log"),)),
                Fix("keep step", (Edit(behind, f" step {show(step)}"),)),
            ),
        )
    if written.log and low <= 0:
        raise Refusal(
            "ST225",
            f"a logarithmic scale begins above 0, and {name} begins at {show(low)}",
            values.span,
            label="has no logarithm at its lower end",
            help="begin above 0, as in [1e-4..1e-2] log, or take log out",
            fixes=(_without_scale(written, "log"),),
        )
    if step is not None and step <= 0:
        assert written.step is not None
        raise Refusal(
            "ST225",
            f"a step leads from the smaller end to the greater, so it is above 0, not {show(step)}",
            written.step.span,
            label="not above 0",
            help="write a number above 0, or take step out",
            fixes=(_without_scale(written, "step"),),
        )
