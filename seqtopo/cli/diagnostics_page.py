"""The page of all diagnostics as Markdown, from the rows of the codes."""

from __future__ import annotations

import re

from seqtopo.diag.codes import CODES
from seqtopo.diag.codes.groups import grouped
from seqtopo.diag.codes.row import Code

_HEAD = """\
# Diagnostics

<!-- from the rows of the codes; python -m seqtopo.cli.reference writes it -->

What `seqtopo check` may say of a spec: {count} codes, each with what it means, why, an example that gives
just this code, and what to write instead. `seqtopo explain ST301` shows one of them in the terminal, by its
code or by its name.

An **error** cannot work, or Keras refuses it. A **warning** works, and is most likely not what was meant.
An **info** is worth knowing. Lints, the codes from ST600 to ST699, run where there are no errors. Those that
are off by default are switched on by `--select`; `--ignore` switches others off, and so does a comment at the
end of the line, at its place:

```seqtopo
in(3,1) -> lstm(8) -> dense(1,softmax)  # seqtopo: ignore[ST621] a baseline
```

Such a comment may name several codes, with commas between. Where it ends a statement, or stands alone on the
line before one, it speaks for the whole statement. For a whole project, settings stand in the nearest
`pyproject.toml`:

```toml
[tool.seqtopo]
select = ["ST65"]               # beside those that are on by default
ignore = ["softmax-over-one"]   # codes, names, or beginnings of codes
max-params = 50_000_000
```
"""


def diagnostics_page() -> str:
    """The whole page: how to read it, a table of contents, and a section for each code."""
    parts = [_HEAD.format(count=len(CODES)), "## Contents\n"]
    groups = grouped(CODES.values())
    for title, rows in groups.items():
        parts.append(f"[{title}](#{_anchor(title)})\n\n" + _table(rows))
    for title, rows in groups.items():
        parts.append(f"## {title}\n")
        parts += [_section(row) for row in rows]
    return "\n".join(parts).rstrip("\n") + "\n"


def _table(rows: list[Code]) -> str:
    lines = ["| code | name | | says |", "| --- | --- | --- | --- |"]
    lines += [
        f"| [{row.code}](#{_anchor(_heading(row))}) | {row.name} | {_grade(row)} | {_cell(row.summary)} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _section(row: Code) -> str:
    parts = [f"### {_heading(row)}", f"*{_grade(row)}.* {row.summary}", row.what, row.why]
    if row.example:
        parts += ["Example:", _fenced(row.example)]
    else:
        parts.append(f"No example: {row.reason}")
    if row.instead:
        parts += ["Instead:", _fenced(row.instead)]
    return "\n\n".join(parts) + "\n"


def _grade(row: Code) -> str:
    return row.severity if row.on else f"{row.severity}, off by default"


def _heading(row: Code) -> str:
    return f"{row.code} {row.name}"


def _anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _fenced(spec: str) -> str:
    return f"```text\n{spec}\n```"
