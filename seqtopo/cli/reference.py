"""Write the generated files: ``python -m seqtopo.cli.reference``.

The tables of the language reference come from the rows of the layers, the index of diagnostics from their
pages, and the parser's tables from the grammar. ``--check`` writes nothing, and returns exit code 1 if one
is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from seqtopo.cli.diagnostics_page import diagnostics_page
from seqtopo.cli.layer_facts import LayerFacts, facts
from seqtopo.cli.layers_page import layers_page
from seqtopo.cli.terminal import say
from seqtopo.cli.writing import write_whole
from seqtopo.layers.excluded import EXCLUDED, EXCLUDED_FUNCTIONS
from seqtopo.layers.objects import FAMILIES as OBJECTS
from seqtopo.layers.objects import MODULES, names
from seqtopo.layers.table import FAMILIES
from seqtopo.syntax.grammar import TABLES, tables_text

PAGE = Path(__file__).resolve().parents[2] / "grammar" / "LANGUAGE.md"
"""The language reference, in a checkout."""
DIAGNOSTICS = PAGE.with_name("DIAGNOSTICS.md")
"""The page of the codes, in a checkout."""
LAYERS = PAGE.with_name("LAYERS.md")
"""The page that says what each layer has on each backend, in a checkout."""

PARSER = Path(__file__).resolve().parents[1] / "syntax" / TABLES
"""The tables of the parser, in the package."""

BEGIN = "<!-- {name}: from the rows; python -m seqtopo.cli.reference writes it -->"
END = "<!-- end of {name} -->"
_SHOWN_FLAGS = 6


def layer_tables() -> str:
    """Return the layers as Markdown, a table for each family."""
    parts: list[str] = []
    for family in FAMILIES.values():
        heading = (family.__doc__ or "").split("\n")[0].replace("``", "`")
        lines = ["| layer | by position | flags | shape | what it does |", "| --- | --- | --- | --- | --- |"]
        lines += [_line(facts(row)) for row in family.ROWS]
        parts.append(f"{heading}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def _line(of: LayerFacts) -> str:
    cells = (
        ", ".join(f"`{name}`" for name in (of.name, *of.aliases)),
        f"`{', '.join(of.positional).replace('*', ', ...')}`" if of.positional else "",
        " ".join(_flags(of)),
        "; ".join(f"`{shape}`" for shape in of.shapes),
        f"{of.about} {of.note}".strip(),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _flags(of: LayerFacts) -> list[str]:
    """The flags, the short word where a parameter has one; of many words, a few."""
    found: list[str] = []
    for param in of.params:
        words = [word for word in param.flags if word != param.name] or list(param.flags)
        if len(words) > _SHOWN_FLAGS:
            found.append(f"any `{param.name}`")
        else:
            found += [f"`{word}`" for word in words]
    return found


def object_tables() -> str:
    """Return the Keras objects that arguments name, as Markdown."""
    lines = ["| family | in Keras | names |", "| --- | --- | --- |"]
    for family in OBJECTS:
        known = " ".join(f"`{name}`" for name in names(family))
        lines.append(f"| {family} | `keras.{MODULES[family]}` | {known} |")
    return "\n".join(lines)


def excluded_table() -> str:
    """Return what ``keras.layers`` has and the language leaves out, as Markdown; one line for each reason."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for name, reason in EXCLUDED.items():
        grouped.setdefault((reason.why, reason.instead), []).append(name)
    lines = ["| in Keras | left out, since | instead |", "| --- | --- | --- |"]
    for (why, instead), found in grouped.items():
        known = " ".join(f"`{name}`" for name in found)
        lines.append(f"| {known} | {why} | {instead.replace('{name}', 'NAME')} |")
    return "\n".join(lines)


def excluded_functions_table() -> str:
    """Return what ``keras.ops`` has and the language leaves out, as Markdown; one line for each reason."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for name, reason in EXCLUDED_FUNCTIONS.items():
        grouped.setdefault((reason.why, reason.instead), []).append(name)
    lines = ["| in keras.ops | left out, since | instead |", "| --- | --- | --- |"]
    for (why, instead), found in grouped.items():
        lines.append(f"| {' '.join(f'`{name}`' for name in found)} | {why} | {instead} |")
    return "\n".join(lines)


PARTS = {
    "layers": layer_tables,
    "objects": object_tables,
    "left out": excluded_table,
    "functions left out": excluded_functions_table,
}
"""The generated parts of the page, by the names in its markers."""


def refreshed(text: str) -> str:
    """Return the page with its generated parts written anew.

    Raises:
        ValueError: a marker is missing.
    """
    for name, table in PARTS.items():
        begin, end = BEGIN.format(name=name), END.format(name=name)
        head, found, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"the page lacks the marker {begin if not found else end}")
        text = f"{head}{begin}\n\n{table()}\n\n{end}{tail}"
    return text


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the pages anew, or with ``--check`` says which are stale. Returns the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments not in ([], ["--check"]):
        say("usage: python -m seqtopo.cli.reference [--check]", stream=sys.stderr)
        return 2
    language = PAGE.read_text(encoding="utf-8")
    pages = (
        (PAGE, language, refreshed(language)),
        (DIAGNOSTICS, _text(DIAGNOSTICS), diagnostics_page()),
        (LAYERS, _text(LAYERS), layers_page()),
        (PARSER, _text(PARSER), tables_text()),
    )
    stale = [(page, after) for page, before, after in pages if before != after]
    for page, after in stale:
        if arguments:
            say(f"{page} is stale: run python -m seqtopo.cli.reference", stream=sys.stderr)
        else:
            _write(page, after)
    return 1 if stale and arguments else 0


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8") if page.exists() else ""


def _write(page: Path, text: str) -> None:
    write_whole(page, lambda path: path.write_text(text, encoding="utf-8"))
    say(f"wrote {page}")


if __name__ == "__main__":
    sys.exit(main())
