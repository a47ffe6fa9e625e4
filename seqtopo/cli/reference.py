"""Write the generated files: ``python -m seqtopo.cli.reference``.

The tables of the language reference and the TextMate grammar come from the rows of the layers, the index of
diagnostics from their pages, and the parser's tables from the grammar. ``--check`` writes nothing and returns
exit code 1 if one is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from seqtopo.cli.terminal import say
from seqtopo.cli.textmate import grammar_text
from seqtopo.cli.writing import write_whole
from seqtopo.diag.codes import grouped, index_row
from seqtopo.diag.pages import pages
from seqtopo.graph.graph import Graph, Node
from seqtopo.graph.receptive_fields import fields, is_sequence, passes
from seqtopo.layers.excluded import EXCLUDED, EXCLUDED_FUNCTIONS
from seqtopo.layers.masking import Mask
from seqtopo.layers.objects import FAMILIES as OBJECTS
from seqtopo.layers.objects import MODULES, names
from seqtopo.layers.registry import FAMILIES
from seqtopo.layers.row import Row
from seqtopo.report.analyse import analyse
from seqtopo.report.layer_facts import LayerFacts, facts, time_words
from seqtopo.syntax.grammar import TABLES, tables_text

_DIAGNOSTICS_HEAD = """\
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
    parts = [_DIAGNOSTICS_HEAD.format(count=len(found))]
    for title, codes in grouped(found).items():
        table = "\n".join([_TABLE, *map(index_row, codes)])
        parts.append(f"## {title}\n\n{table}\n")
    return "\n".join(parts)


BACKENDS = {"jax": "JAX", "torch": "PyTorch", "tensorflow": "TensorFlow"}
"""The backends of the table's last columns, by Keras' names."""

_LAYERS_HEAD = """\
# What each layer has

<!-- from the rows; python -m seqtopo.cli.reference writes it -->

Every layer of the language works on JAX, PyTorch and TensorFlow. Where the column of a backend says *kernel*,
the layer runs there on a faster way to compute the same, unless its arguments or the call forbid it, which
`seqtopo.kernels(model)` reports; elsewhere Keras' own code runs. The kernels of JAX and of TensorFlow run on
CPUs alone. *oneDNN* marks layers that TensorFlow computes, with some of their arguments, only on CPUs where
it uses oneDNN.

The columns *time* and *masks* say what the layer does in its example, which `seqtopo layers NAME` shows;
other arguments may change it.

- **Time**: what each step that goes out is made from: *each step alone* means the step in its place,
  *the steps so far* that step and those before it, *one step each* a step that may stand in another place,
  *a window* several steps next to each other, *all steps* the whole sequence. Or the time axis *ends*, or
  becomes *another axis*. With several incoming values that are treated differently, both are listed. A cell
  is empty where no time axis comes in.
- **Masks**: whether the mask of padded steps *passes*, *ends*, or is *made* here, and whether masked steps
  are left out of the computation (*used*).
- **States**: whether the layer can start from a state that is given (`init`), and keep its state from batch
  to batch (`stateful`). Both work on every backend.
"""


def layers_page() -> str:
    """Return the page: for each family of rows, a table of what its layers have."""
    titles = ["layer", "time", "masks", "states", *BACKENDS.values()]
    parts = [_LAYERS_HEAD]
    for family in FAMILIES.values():
        heading = (family.__doc__ or "").split("\n")[0].replace("``", "`")
        lines = [
            _row_line(titles),
            _row_line(["---"] * len(titles)),
            *(_row_line(_cells(row)) for row in family.ROWS),
        ]
        parts.append(f"{heading}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _row_line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Row) -> list[str]:
    graph, nodes = _uses(row, row.example)
    masks = [_mask(graph, node) for node in nodes]
    time = _times(graph, nodes)
    if not any(time) and row.shape.startswith("...") and row.inputs == (1, 1):
        # It takes any number of axes, and its example shows it behind the end of the time axis.
        shown = f"in(T,8) -> {row.example.rpartition('-> ')[2]}"
        time = _times(*_uses(row, shown)) if analyse(shown).resolved is not None else []
    states = ["`init`"] * ("initial_state" in row.by_name) + ["`stateful`"] * ("stateful" in row.by_name)
    kernels = [_on(row, backend) for backend in BACKENDS]
    return [f"`{row.name}`", _joined(time), _joined(masks), " ".join(states), *kernels]


def _uses(row: Row, spec: str) -> tuple[Graph, list[Node]]:
    """Return the graph of a spec, and the nodes of a row in it."""
    resolved = analyse(spec).resolved
    assert resolved is not None, spec
    nodes = [node for node in resolved.graph.nodes if node.layer is not None and node.layer.row is row]
    return resolved.graph, nodes


def _times(graph: Graph, nodes: list[Node]) -> list[str]:
    return [_time(graph, node, place) for node in nodes for place in range(len(node.inputs))]


def _joined(words: list[str]) -> str:
    """Return the words for several uses of a layer as one text, each once."""
    return "; ".join(dict.fromkeys(word for word in words if word))


def _on(row: Row, backend: str) -> str:
    found = ["kernel"] if backend in row.kernels else []
    if backend == "tensorflow" and row.by_onednn is not None:
        found.append("oneDNN")
    return ", ".join(found)


def _time(graph: Graph, node: Node, place: int) -> str:
    incoming = fields(graph).get(node.inputs[place], {})
    in_time = any(field.axis == 0 and is_sequence(graph, source) for source, field in incoming.items())
    passed = passes(graph, node, place)
    return time_words(passed) if passed is not None and in_time else ""


def _mask(graph: Graph, node: Node) -> str:
    inputs = graph.tensors(node.inputs)
    rule = node.callee.row.mask
    return mask_words(rule(node.callee.get, len(inputs[0].shape))) if rule is not None and inputs else ""


def mask_words(mask: Mask) -> str:
    """Return in words what a layer does with masks.

    >>> mask_words(Mask("first", True)), mask_words(Mask("none")), mask_words(Mask("every"))
    ('used, passes', 'ends', 'passes where every value has one')
    """
    gives = {
        "first": "passes",
        "every": "passes where every value has one",
        "any": "passes where any value has one",
        "new": "made",
        "none": "ends",
    }[mask.output]
    return f"used, {gives}" if mask.uses else gives


PAGE = Path(__file__).resolve().parents[2] / "grammar" / "LANGUAGE.md"
"""The language reference, in a checkout."""
DIAGNOSTICS = PAGE.with_name("DIAGNOSTICS.md")
"""The page of the codes, in a checkout."""
LAYERS = PAGE.with_name("LAYERS.md")
"""The page that says what each layer has on each backend, in a checkout."""

EDITORS = PAGE.parent / "editors" / "vscode" / "syntaxes" / "seqtopo.tmLanguage.json"
"""The TextMate grammar, in a checkout."""

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
    """Return the flags, the short word where a parameter has one; of many words, a few."""
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
    """Return the classes of ``keras.layers`` that the language lacks, as Markdown, a line for each reason."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for name, reason in EXCLUDED.items():
        grouped.setdefault((reason.why, reason.instead), []).append(name)
    lines = ["| in Keras | left out, since | instead |", "| --- | --- | --- |"]
    for (why, instead), found in grouped.items():
        known = " ".join(f"`{name}`" for name in found)
        lines.append(f"| {known} | {why} | {instead.replace('{name}', 'NAME')} |")
    return "\n".join(lines)


def excluded_functions_table() -> str:
    """Return the functions of ``keras.ops`` that the language lacks, as Markdown, a line for each reason."""
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
    """Write the pages anew, or with ``--check`` say which are stale. Return the exit code."""
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
        (EDITORS, _text(EDITORS), grammar_text()),
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
