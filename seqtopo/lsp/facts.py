"""Write the facts about nodes, layers, arguments and Keras objects as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from seqtopo.diag.codes import CODES
from seqtopo.diag.pages import page
from seqtopo.graph.counting import count, owners
from seqtopo.graph.graph import Graph, Node, Value
from seqtopo.graph.kind import receptive_of
from seqtopo.graph.receptive_fields import Field, fields, is_sequence
from seqtopo.layers.object_values import Entry
from seqtopo.layers.objects import MODULES, signature
from seqtopo.layers.row import COMMON, Param, Row
from seqtopo.layers.sizes import Shape, Size, show_shape, total
from seqtopo.layers.step_windows import OutputTime
from seqtopo.layers.values import Tensor
from seqtopo.lsp.documents import Document
from seqtopo.report.layer_facts import COMMON_NAMES, NEVER_WRITTEN, facts, param_facts, time_words
from seqtopo.source import Span

_SHOWN_PARAMS = 14
_SHOWN_FLAGS = 8


def nodes_of(document: Document) -> tuple[Graph | None, list[tuple[Span, Node]]]:
    """Return the nodes of a spec and where they are written.

    While the text cannot be read they are those of the last right text, where it has not been changed since.
    """
    spec = document.spec
    if spec is None:
        return None, []
    if spec.reading.diagnostics and document.last is not None and document.last.parts is not None:
        graph, _ = document.last.parts
        kept = ((document.kept(node.span), node) for node in graph.nodes)
        return graph, [(span, node) for span, node in kept if span is not None]
    if spec.parts is None:
        return None, []
    graph, _ = spec.parts
    return graph, [(node.span, node) for node in graph.nodes]


def shapes_text(tensors: tuple[Tensor, ...] | None) -> str:
    """Return shapes in a few characters; the dtype with those that are not of floats.

    >>> shapes_text((Tensor((24, 8)), Tensor((3,), "int32")))
    '(24, 8), (3,) int32'
    """
    return ", ".join(
        show_shape(t.shape) + ("" if t.dtype == "float32" else f" {t.dtype}") for t in tensors or ()
    )


def several(shapes: list[str]) -> str:
    """Return shapes of several uses of one place, each once, and of many only some.

    >>> several(["(3,)", "(3,)", "(4,)"])
    '(3,) or (4,)'
    """
    found = list(dict.fromkeys(shapes))
    return " or ".join(found[:2]) + (" or ..." if len(found) > 2 else "")


def number(size: Size) -> str:
    """Return a count with commas, or its expression."""
    return f"{size:,}" if isinstance(size, int) else str(size)


def parameters_of(graph: Graph, node: Node) -> Size:
    """Return the number of parameters of a node's layer."""
    if node.layer is None:
        return 0
    return total([count(weights) for weights in owners(graph, [node.layer]).values()])


def node_words(graph: Graph, node: Node) -> Iterator[str]:
    """Yield texts on a node's input and output shapes, its parameters, and the steps that it sees."""
    gives = shapes_text(node.outputs)
    if node.layer is None:
        yield f"an input: `{gives}` for each sample of the batch"
        return
    takes = several([shapes_text(graph.tensors((value,))) for value in node.inputs])
    size = parameters_of(graph, node)
    counted = f"; {number(size)} parameters" if size != 0 else "; no parameters"
    if gives:
        yield f"takes `{takes}`, gives `{gives}`{counted}"
    elif takes:
        yield f"is given `{takes}`, which it does not take"
    if node.outputs is not None:
        yield from sight(graph, Value(node.index))


def sight(graph: Graph, value: Value) -> Iterator[str]:
    """Yield texts on how far a value looks back over each input that has steps."""
    known = fields(graph) if value.node in set(graph.ancestors(graph.outputs)) else {}
    for source, field in known.get(value, {}).items():
        if is_sequence(graph, source):
            name = graph.nodes[source].name
            of = f" of `{name}`" if len(graph.inputs) > 1 and name else ""
            yield f"looks back{of}: {_sees(field)}"


def _sees(field: Field) -> str:
    found = receptive_of(field)
    if found is not None:
        return str(found)
    if field.axis is None:
        return "all steps" if field.whole else "some of the steps"
    return f"{time_words(OutputTime(field.axis, field.window))}" if not field.whole else "all steps"


# ---- pages -----------------------------------------------------------------------------------------


def layer_page(row: Row) -> str:
    """Return the page of a layer: its sentence and parameters; made once for each layer."""
    if row.name not in _layer_pages:
        _layer_pages[row.name] = _page_of(row)
    return _layer_pages[row.name]


_layer_pages: dict[str, str] = {}


def _page_of(row: Row) -> str:
    of = facts(row)
    also = f" (also {', '.join(f'`{name}`' for name in of.aliases)})" if of.aliases else ""
    lines = [f"**{of.name}**{also}: {of.about}", *filter(None, [of.note])]
    if of.keras:
        lines.append(f"In Keras: `{of.keras}`")
    lines.append("\n".join(f"- `{shape}`" for shape in of.shapes))
    known = [p for p in row.params if p.name not in (*NEVER_WRITTEN, *COMMON_NAMES)]
    listed = [f"- {param_words(row, param)}" for param in known[:_SHOWN_PARAMS]]
    if len(known) > _SHOWN_PARAMS:
        names = ", ".join(f"`{param.name}`" for param in known[_SHOWN_PARAMS:])
        listed.append(f"- and {names}")
    lines.append("\n".join(listed))
    if of.seconds:
        lines.append("Second values: " + ", ".join(f"`.{name}`" for name in of.seconds))
    lines.append(f"Example: `{of.example}` gives `{of.output}`")
    return "\n\n".join(filter(None, lines))


def param_words(row: Row, param: Param) -> str:
    """Return the words for an argument: the values that it takes, and its default."""
    of = param_facts(row, param)
    words = f"`{of.name}`" + (f" or `{of.short}`" if of.short else "") + f": {of.takes}"
    words += f"; `{of.default}` if not given" if of.default else "; must be given"
    if of.flags:
        more = ", ..." if len(of.flags) > _SHOWN_FLAGS else ""
        words += f". As a flag: {', '.join(f'`{flag}`' for flag in of.flags[:_SHOWN_FLAGS])}{more}"
    return words


def params_of(row: Row) -> list[Param]:
    """Return the parameters that a spec may give to a layer, its own first."""
    own = [p for p in row.params if p.name not in NEVER_WRITTEN]
    return [*own, *(p for p in COMMON if p.name in row.by_name and p not in own)]


def object_page(family: str, entry: Entry) -> str:
    """Return the page of a Keras object: its class and parameters."""
    lines = [f"`{signature(entry)}`, an object of `keras.{MODULES[family]}`"]
    if entry.keras:
        lines[0] = f"`{signature(entry)}`: `keras.{MODULES[family]}.{entry.keras}`"
    lines.append(
        "\n".join(
            f"- `{part.name}`: {part.takes.words}" + ("; must be given" if part.required else "")
            for part in entry.parts
        )
    )
    return "\n\n".join(filter(None, lines))


@cache
def code_page(code: str, uri: str) -> str:
    """Return the meaning of a code, in short, with a link to its page."""
    row = CODES[code]
    return f"[{code} {row.name}]({uri}): {' '.join(page(code).what.split())}"


def shape_words(shapes: tuple[Shape, ...]) -> str:
    """Return shapes, each once."""
    return ", ".join(dict.fromkeys(map(show_shape, shapes)))
