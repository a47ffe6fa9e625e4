"""Read ``in(...)``: shape, dtype and batch size of an input; check which layers need a fixed batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from seqtopo.diag.model import Edit, Fix, Label
from seqtopo.diag.nearest import nearest
from seqtopo.graph.graph import Graph, Node, Sources, SubModel
from seqtopo.graph.outside import lower_case_size
from seqtopo.graph.symbols import size_text
from seqtopo.layers.layer import Layer
from seqtopo.layers.sizes import LIMIT, Expr, Size, fits, is_open
from seqtopo.layers.values import DTYPES, Object, Refusal, Tensor, Word, show
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import with_argument

BATCH = 32
"""The samples of a batch where nothing says their number, as in Keras' ``fit``."""

SHORT_DTYPES = {"int": "int32", "float": "float32", "uint": "uint32"}
"""The dtypes that have a short name."""


_FLAGS = (*DTYPES, "int", "batch")


class InputArguments(NamedTuple):
    """The shape, dtype and batch size that an ``in(...)`` declares; ``below`` is V in ``int(V)``."""

    tensor: Tensor
    batch: Size | None
    below: Size | None


def read_input(call: tree.Call, value: Callable[[tree.Expr], Any]) -> InputArguments:
    """Read the arguments of an ``in(...)``.

    Raises:
        Refusal: one of them is no size, flag or argument of ``in``.
    """
    shape: list[Size] = []
    dtype: str | None = None
    batch: Size | None = None
    below: Size | None = None
    for arg in call.args:
        # A dtype stays one, whatever bears its name elsewhere.
        word = arg.value.name if isinstance(arg.value, tree.Name) else ""
        given = Word(word) if word in (*SHORT_DTYPES, *DTYPES) else value(arg.value)
        if arg.name is not None:
            if arg.name.name == "batch":
                batch = _size(given, arg, "the batch size")
            elif arg.name.name == "dtype":
                dtype = _dtype(given.name if isinstance(given, Word) else given, arg)
            else:
                raise Refusal(
                    "ST218",
                    f"in(...) has no argument {arg.name.name}",
                    arg.name.span,
                    help=(
                        "write the sizes alone: in(T,F)"
                        if arg.name.name in ("shape", "input_shape", "batch_shape")
                        else "name an input with 'as': in(T,F) as name"
                        if arg.name.name == "name"
                        else "its arguments are sizes, a dtype such as int, and batch=..."
                    ),
                )
            continue
        if isinstance(given, Word) or (isinstance(given, Object) and given.name == "int"):
            words = _sizes_in_lower_case(call, value)
            if words:
                raise lower_case_size("ST218", words, arg.span)
            if dtype is not None:
                raise Refusal(
                    "ST218", "in(...) is given two dtypes", arg.span, label="the second", help="keep one"
                )
            if isinstance(given, Object):
                if len(given.args) != 1 or given.kwargs:
                    raise Refusal(
                        "ST218",
                        "int(V) takes one size: ids are below it",
                        arg.span,
                        help="as in in(T,int(1000))",
                    )
                below = _size(given.args[0], arg, "the number of ids")
                dtype = "int32"
            else:
                dtype = _dtype(given.name, arg)
            continue
        if isinstance(given, (tuple, list)):
            raise Refusal(
                "ST218",
                "in(...) takes its sizes alone, without parentheses or None for the batch",
                arg.span,
                help="write in(T,F)",
                fixes=_unpacked(given, arg),
            )
        if given is None:
            raise Refusal(
                "ST218",
                "in(...) has no none: a length that is not known is '?', and the batch is left out",
                arg.span,
                help="write ?",
                fixes=(Fix("write ?", (Edit(arg.span, "?"),)),),
            )
        shape.append(_size(given, arg, "a size"))
    return InputArguments(Tensor(tuple(shape), dtype or "float32"), batch, below)


def _sizes_in_lower_case(call: tree.Call, value: Callable[[tree.Expr], Any]) -> tuple[str, ...]:
    """Return the words in an ``in(...)`` that are probably sizes, since they are near to no dtype."""
    found = []
    for arg in call.args:
        batch = arg.name is not None and arg.name.name == "batch"
        word = value(arg.value) if isinstance(arg.value, tree.Name) and (batch or arg.name is None) else None
        if not isinstance(word, Word) or word.name in (*DTYPES, *SHORT_DTYPES):
            continue
        if batch or nearest(word.name, _FLAGS) is None:
            found.append(word.name)
    return tuple(found)


def _unpacked(given: Any, arg: tree.Argument) -> tuple[Fix, ...]:
    items = ",".join("?" if i is None or (isinstance(i, Expr) and is_open(i)) else show(i) for i in given)
    return (Fix("write the sizes alone", (Edit(arg.span, items),)),)


def _size(given: Any, arg: tree.Argument, what: str) -> Size:
    if isinstance(given, Expr):
        return given
    if isinstance(given, Word):
        raise lower_case_size("ST218", (given.name,), arg.span)
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise Refusal(
            "ST218",
            f"{what} is a whole number from 1 up, a symbol or '?', not {show(given)}",
            arg.span,
            label="no size",
            help="-1 and none are written '?'" if given == -1 else "",
        )
    if given >= LIMIT:
        raise Refusal(
            "ST316",
            f"{what} must stay below {LIMIT:,}",
            arg.span,
            label=f"is {given:,}",
            help="make it smaller",
        )
    return given


def _dtype(name: Any, arg: tree.Argument) -> str:
    if isinstance(name, str):
        name = SHORT_DTYPES.get(name, name)
        if name in DTYPES:
            return str(name)
    near = nearest(str(name), _FLAGS)
    raise Refusal(
        "ST218",
        f"in(...) has no flag {show(name)}" if isinstance(name, str) else f"{show(name)} is not a dtype",
        arg.span,
        help=f"did you mean {near}?" if near else "a flag of in(...) is a dtype, such as int or float16",
        fixes=(Fix(f"did you mean {near}?", (Edit(arg.span, near),)),) if near else (),
    )


_LIKELY = 32
"""The batch size of a proposed fix where none is written: the default of ``fit``."""


def check_batches(graph: Graph, sources: Sources) -> Iterator[Refusal]:
    """Yield a refusal for each wrong batch size of a graph: ST308 where a stateful layer has no fixed one,
    ST302 where two inputs have different ones.
    """
    behind = [graph.nodes[index] for index in graph.ancestors(graph.outputs)]
    if not any(node.batch is not None or (node.layer and is_stateful(node.layer)) for node in behind):
        return
    first: Node | None = None
    ways_out: tuple[Fix, ...] = ()
    of: dict[int, Size | None] = {}
    opened: dict[int, Node] = {}
    """The nearest input without a fixed batch that each node comes from."""
    for node in behind:
        index = node.index
        if node.layer is None:
            of[index] = node.batch
            if node.batch is None:
                opened[index] = node
            if first is None and node.batch is not None:
                first = node
            elif first is not None and node.batch is not None and not fits(node.batch, first.batch or 0):
                yield Refusal(
                    "ST302",
                    "the inputs of a model have one batch size, but these have "
                    f"{first.batch} and {node.batch}",
                    node.span,
                    label=f"batch={node.batch}",
                    labels=(Label(first.span, f"batch={first.batch}"),),
                    help="write the same batch in both",
                    fixes=(
                        *_batch_of(sources, (node,), first.batch),
                        *_batch_of(sources, (first,), node.batch),
                    ),
                )
            continue
        incoming = [of[v.node] for v in node.inputs]
        of[index] = next((b for b in incoming if b is not None), None)
        begins = next((opened[v.node] for v in node.inputs if v.node in opened), None)
        if begins is not None and of[index] is None:
            opened[index] = begins
        if None in incoming and is_stateful(node.layer):
            if not ways_out:
                # The same for every stateful layer, so it is made once.
                every = [graph.nodes[i] for i in graph.inputs]
                batch = next((n.batch for n in every if n.batch is not None), _LIKELY)
                ways_out = tuple(_batch_of(sources, [n for n in every if n.batch is None], batch))
            yield Refusal(
                "ST308",
                f"{node.layer.title} is stateful: it carries its states from one batch to the next, so it "
                "must know how many samples a batch has",
                node.span,
                label="stateful",
                labels=(Label(begins.span, "any batch"),) if begins is not None else (),
                help="give the batch size in in(...), as in in(T,F,batch=1)",
                fixes=ways_out,
            )


def _batch_of(sources: Sources, nodes: Sequence[Node], batch: Size | None) -> Iterator[Fix]:
    """Yield the fix that gives several inputs the same batch size."""
    edits = []
    for node in nodes:
        expr = sources.of(node)
        if not isinstance(expr, tree.Call) or batch is None:
            return
        new = with_argument(expr, -1, ("batch",), size_text(batch))
        edits.append(Edit(expr.span, print_expr(new)))
    if edits:
        yield Fix(f"fix the batch: {', '.join(edit.text for edit in edits[:2])}", tuple(edits))


def is_stateful(layer: Layer) -> bool:
    """Return whether a layer, or one inside it, carries its states from batch to batch."""
    if layer.args.get("stateful"):
        return True
    for inner in layer.args.values():
        if isinstance(inner, Layer) and is_stateful(inner):
            return True
        if isinstance(inner, SubModel) and any(n.layer and is_stateful(n.layer) for n in inner.graph.nodes):
            return True
    return False
