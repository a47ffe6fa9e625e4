"""Read the comments of a Python text that speak to seqtopo."""

from __future__ import annotations

import io
import re
import tokenize
from bisect import bisect_right

from seqtopo.lint.ignores import COMMENT, Ignore, words_of
from seqtopo.source import Source, Span

_LAYOUT = {tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}


def comments(source: Source) -> tuple[list[Ignore], list[Span]]:
    """Return the comments of a Python text that speak to seqtopo, and the spans of its logical lines."""
    found: list[tuple[re.Match[str], int, bool]] = []
    statements: list[Span] = []
    begin: int | None = None
    try:
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
            if token.type in _LAYOUT:
                continue  # the last ones stand on a line that the text may not have
            at = source.start_of(token.start[0]) + token.start[1]
            if token.type == tokenize.COMMENT:
                match = COMMENT.search(token.string)
                if match is not None:
                    before = source.text[source.start_of(token.start[0]) : at]
                    found.append((match, at, not before.strip()))
            elif token.type == tokenize.NEWLINE:
                statements.append(Span(at if begin is None else begin, at))
                begin = None
            else:
                begin = at if begin is None else begin
    except (tokenize.TokenError, IndentationError, SyntaxError):
        pass  # what was read so far counts: a notebook's cell may end in the middle
    ignores: list[Ignore] = []
    starts = [s.start for s in statements]
    for match, at, alone in found:
        line_end = source.text.find("\n", at)
        end = len(source.text) if line_end < 0 else line_end
        span = Span(at + match.start(), at + len(source.text[at:end].rstrip()))
        behind = bisect_right(starts, at)
        spoken = starts[behind] if alone and behind < len(starts) else span.start
        around = bisect_right(starts, spoken) - 1
        whole = around >= 0 and (starts[around] == spoken if alone else statements[around].end <= span.start)
        said = Span(span.start, min(at + match.end(), span.end))
        line = source.place(spoken).line
        ignores.append(Ignore(span, said, words_of(match), line, around if whole else -1, alone))
    return ignores, statements
