"""Write the index of all diagnostics as Markdown."""

from __future__ import annotations

from seqtopo.diag.codes import index_row
from seqtopo.diag.groups import grouped
from seqtopo.diag.pages import pages

_HEAD = """\
# Diagnostics

<!-- from the pages in diagnostics/; python -m seqtopo.cli.reference writes it -->

`seqtopo check` and the other commands report {count} different diagnostics. Each code links to its page: what
it means, why, an example that gives just this code, and what to write instead. `seqtopo explain ST301` shows
a page in the terminal, by the code or by its name.

An **error** cannot work, or Keras refuses it. A **warning** works, and is most likely not what was meant.
An **info** is worth knowing. Lints, the codes from ST600 to ST699, run where there are no errors. Those that
are off by default are switched on by `--select`; `--ignore` switches others off, and so does a comment at the
end of the line that is reported:

```seqtopo
in(3,1) -> lstm(8) -> dense(1,softmax)  # seqtopo: ignore[ST621] a baseline
```

Such a comment may name several codes, with commas between. At the end of a statement, or alone on the
line before one, it applies to the whole statement. Settings for a whole project stand in the nearest
`pyproject.toml`:

```toml
[tool.seqtopo]
select = ["ST65"]               # beside those that are on by default
ignore = ["softmax-over-one"]   # codes, names, or beginnings of codes
max-params = 50_000_000
```
"""

_TABLE = "| code | name | severity | what it says |\n| --- | --- | --- | --- |"


def diagnostics_page() -> str:
    """Return the index: how to read it, and for each group a table of its codes."""
    found = [page.code for page in pages()]
    parts = [_HEAD.format(count=len(found))]
    for title, codes in grouped(found).items():
        table = "\n".join([_TABLE, *map(index_row, codes)])
        parts.append(f"## {title}\n\n{table}\n")
    return "\n".join(parts)
