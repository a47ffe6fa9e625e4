"""Colour a text by a TextMate grammar as editors do, for grammars whose patterns Python can read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

Rule = Mapping[str, Any]
_compiled = cache(re.compile)


def scopes(grammar: Rule, text: str) -> list[str]:
    """Return for each character of a text the innermost scope that names it, "" where none does."""
    found = [""] * len(text)
    _colour(grammar, grammar, text, 0, found)
    return found


def _colour(grammar: Rule, outer: Rule, text: str, start: int, found: list[str]) -> None:
    """Write the scopes of a text that begins at ``start``; ``outer`` says by which patterns."""
    stack = [outer]
    for line in text.splitlines(keepends=True):
        at = 0
        while True:
            rules = list(_rules(grammar, stack[-1]))
            end = stack[-1].get("end")
            tried = ([(end, {"captures": stack[-1].get("endCaptures", {})})] if end else []) + rules
            matches = [
                (match, rule) for pattern, rule in tried if (match := _compiled(pattern).search(line, at))
            ]
            if not matches:
                break
            match, rule = min(
                matches, key=lambda pair: pair[0].start()
            )  # of several the first, as in editors
            if (match, rule) == matches[0] and end and rule is tried[0][1]:
                stack.pop()
            elif "begin" in rule:
                stack.append(rule)
            else:
                assert match.end() > match.start(), f"{rule} matches nothing at {line[at:]!r}"
            whole = {"0": rule} if "match" in rule else {}
            for group, capture in [
                *whole.items(),
                *rule.get("captures", rule.get("beginCaptures", {})).items(),
            ]:
                begin, after = match.span(int(group))
                if "name" in capture:
                    found[start + begin : start + after] = [capture["name"]] * (after - begin)
                if "patterns" in capture:
                    _colour(grammar, capture, match[int(group)], start + begin, found)
            at = match.end()
        start += len(line)


def _rules(grammar: Rule, outer: Rule) -> Iterator[tuple[str, Rule]]:
    """Yield the rules inside another with the patterns that begin them, those it includes in their place."""
    for inner in outer["patterns"]:
        rule = grammar["repository"][inner["include"].removeprefix("#")] if "include" in inner else inner
        pattern = rule.get("match") or rule.get("begin")
        if pattern:
            yield pattern, rule
        else:
            yield from _rules(grammar, rule)
