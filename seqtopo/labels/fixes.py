"""Draft fixes that make an output fit its labels, as edits of the spec; callers verify each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations

from seqtopo.advice.branches import behind_merge, steps_kept, steps_let_go
from seqtopo.diag.model import Edit, Fix
from seqtopo.graph.graph import Node, Sources
from seqtopo.graph.symbols import size_text
from seqtopo.labels.main_path import MainPath, is_valid_convolution, units_of
from seqtopo.layers import registry
from seqtopo.layers.layer import Layer
from seqtopo.layers.objects import names
from seqtopo.layers.sizes import Shape, Size, count, fits, is_open, product, show_shape
from seqtopo.source import Span
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import NOWHERE, call, with_flag, without, word

_WIDTHS = ("units", "filters")
_MOST_AXES = 5
"""The most axes whose orders are tried."""


@dataclass(frozen=True)
class Wanted:
    """The shape that an output must have for its labels."""

    shape: Shape

    @property
    def steps(self) -> str:
        """The number of steps as a spec writes it; "" if it cannot be written."""
        return _written(self.shape[0]) if len(self.shape) >= 2 else ""

    @property
    def width(self) -> str:
        """The width as a spec writes it; "" if it cannot be written."""
        return _written(self.shape[-1]) if self.shape else "1"


def drafts(path: MainPath, wanted: Wanted, sources: Sources) -> Iterator[Fix]:
    """Yield every plausible fix, the likeliest first, each also with the width corrected."""
    yield from _regrouped(path, wanted, sources)
    width = width_fix(path, wanted, sources)
    for fix in _by_time(path, wanted, sources):
        yield fix
        if width is not None and not _overlap(fix.edits, width.edits):
            yield Fix(f"{fix.title}, and {width.title}", _joined(fix.edits, width.edits))
    if width is not None:
        yield width
    if len(wanted.shape) > max(len(path.shape), 1):
        yield from _answered_whole(path, wanted, sources)


def _regrouped(path: MainPath, wanted: Wanted, sources: Sources) -> Iterator[Fix]:
    """Yield fixes that regroup the axes of the same numbers: split, join or swap some of them."""
    given, asked = path.shape, wanted.shape
    if path.nodes[0].layer is None or given == asked or any(map(is_open, (*given[1:], *asked[1:]))):
        return
    if len(given) == len(asked):
        orders = permutations(range(len(given))) if len(given) <= _MOST_AXES and given[1:] else ()
        fitting = [order for order in orders if tuple(given[i] for i in order) == asked]
        if fitting:
            order = min(fitting, key=lambda o: sum(a > b for a, b in combinations(o, 2)))
            turn = call("permute", *(i + 1 for i in order))
            yield _append(path, sources, turn, f"turn the axes behind it: {print_expr(turn)}")
        return
    cut = len(asked) > len(given)
    groups = _groups(given, asked) if cut else _groups(asked, given)
    if groups is None:
        return
    shape = show_shape(asked)
    if not cut and len(asked) == 1:
        step: tree.Expr = word("flatten")
        title = f"join the {' x '.join(map(str, given))} numbers to one answer: flatten"
    else:
        step = call("reshape", *map(size_text, asked))
        changed = [(one, many) for one, many in groups if len(many) > 1]
        what = " and ".join(
            f"{one} into {' x '.join(map(str, many))}" if cut else f"{' x '.join(map(str, many))} to {one}"
            for one, many in changed
        )
        title = f"{'cut' if cut else 'join'} {what}, as {shape} has them: {print_expr(step)}"
    yield _append(path, sources, step, title)


def _groups(few: Shape, many: Shape) -> list[tuple[Size, Shape]] | None:
    """Return, for each axis of a shape, the axes of another one that it holds in order; None without a match.

    >>> _groups((20, 30), (20, 10, 3)), _groups((20, 30), (30, 20))
    ([(20, (20,)), (30, (10, 3))], None)
    """
    found: list[tuple[Size, Shape]] = []
    rest = list(many)
    for i, size in enumerate(few):
        taken: list[Size] = rest[:1]
        del rest[:1]
        last = i == len(few) - 1
        while rest and (last or not fits(size, product(taken))):
            taken.append(rest.pop(0))
        if not taken or not fits(size, product(taken)):
            return None
        found.append((size, tuple(taken)))
    return None if rest else found


def _answered_whole(path: MainPath, wanted: Wanted, sources: Sources) -> Iterator[Fix]:
    """Yield fixes with a last layer for all numbers of a label's last axes, and a reshape to these."""
    kept = len(path.shape) - 1
    asked, last = wanted.shape, path.nodes[0]
    if last.layer is None or path.shape[:kept] != asked[:kept] or not all(map(writable, asked)):
        return
    if (
        asked[-1] == 1
        or fits(product(asked), product(path.shape))
        or (not kept and asked[:1] == path.steps[:1])
    ):
        return
    first, *rest = map(size_text, asked[kept:])
    many = print_expr(tree.Arithmetic(NOWHERE, first, tuple(("*", size) for size in rest)))
    cut = print_expr(call("reshape", *map(size_text, asked)))
    expr = sources.of(last)
    plain = last is path.wide and last.layer.get("activation") in (None, "linear") and not _recurs(last)
    changed = _with_width(expr, many) if expr is not None and plain else None
    if changed is not None:
        text = f"{print_expr(changed)} -> {cut}"
        yield Fix(f"answer all of them at once, and cut them: {text}", (Edit(last.span, text),))
    elif last.layer.row.recurrent:
        text = f"dense({many}) -> {cut}"
        at = Span(last.span.end, last.span.end)
        yield Fix(f"answer all of them at once, and cut them: {text}", (Edit(at, f" -> {text}"),))


def _append(path: MainPath, sources: Sources, step: tree.Expr, title: str) -> Fix:
    """Return the fix that adds a step behind the last layer; a softmax there goes behind the new step."""
    node = path.nodes[0]
    expr, text = sources.of(node), print_expr(step)
    if expr is not None and node.layer is not None and len(path.shape) != len(path.input_shape(node)) - 1:
        if node.layer.row.name == "softmax" or print_expr(expr) == "softmax":
            return Fix(title, (Edit(Span(expr.span.start, expr.span.start), f"{text} -> "),))
        bare = without(expr, "softmax", "activation")
        if node.layer.get("activation") == "softmax" and bare != expr:
            return Fix(title, (Edit(expr.span, f"{print_expr(bare)} -> {text} -> softmax"),))
    return Fix(title, (Edit(Span(node.span.end, node.span.end), f" -> {text}"),))


def _by_time(path: MainPath, wanted: Wanted, sources: Sources) -> Iterator[Fix]:
    here = len(path.shape)
    if here < len(wanted.shape):
        yield from _keep_time(path, wanted, sources)
    elif here > max(len(wanted.shape), 1):
        yield from _give_up_time(path, sources)
    elif here >= 2:
        yield from _other_length(path, wanted, sources)


def _keep_time(path: MainPath, wanted: Wanted, sources: Sources) -> Iterator[Fix]:
    kept = steps_kept(path.graph, sources, behind_merge(path.graph, path.output))
    if kept is not None:
        yield kept
    node = path.collapse
    expr = sources.of(node) if node is not None else None
    if node is None or node.layer is None or expr is None:
        return
    if node.layer.row.recurrent:
        title = f"add seq to {print_expr(expr)}, to keep its steps"
        yield Fix(title, (Edit(expr.span, print_expr(with_flag(expr, "seq"))),))
        yield from _decoder(expr, wanted)
        return
    before = next((n for n in path.nodes if n.inputs and n is path.graph.nodes[node.inputs[0].node]), None)
    if before is not None and before.span.end < node.span.start:
        yield Fix(
            f"take {print_expr(expr)} out, to keep the steps",
            (Edit(Span(before.span.end, node.span.end), ""),),
        )


def _give_up_time(path: MainPath, sources: Sources) -> Iterator[Fix]:
    bare = tuple(e for node in path.head for e in _unwrapped(node, sources))
    let_go = steps_let_go(sources, behind_merge(path.graph, path.output))
    if let_go is not None:
        yield Fix(let_go.title, (*let_go.edits, *bare))
    expr = sources.of(path.keeper) if path.keeper is not None else None
    if expr is not None:
        title = f"take seq off {print_expr(expr)}, to keep its last step only"
        yield Fix(title, (Edit(expr.span, print_expr(without(expr, "seq"))), *bare))
    if path.first_dense is not None:
        at = path.first_dense.span.start
        yield Fix(
            "flatten before the first dense, to mix the steps", (Edit(Span(at, at), "flatten -> "), *bare)
        )
    yield _insert("gavgpool1d", "take the mean over the steps with gavgpool1d", path, bare)
    yield _insert("at(-1)", "keep the last step only with at(-1)", path, bare)


def _other_length(path: MainPath, wanted: Wanted, sources: Sources) -> Iterator[Fix]:
    repeat = next((n for n in path.nodes if n.layer is not None and n.layer.row.name == "repeat"), None)
    written = sources.of(repeat) if repeat is not None else None
    if isinstance(written, tree.Call) and written.args and wanted.steps:
        text = print_expr(with_argument(written, 0, wanted.steps))
        yield Fix(f"write {text}", (Edit(written.span, text),))
    expr = sources.of(path.keeper) if path.keeper is not None else None
    if expr is not None:
        yield from _decoder(expr, wanted)
    for node in path.nodes:
        call = sources.of(node)
        if is_valid_convolution(node) and call is not None:
            padded = with_flag(without(call, "valid"), "same")
            yield Fix(
                f"pad {print_expr(call)} with same, to keep its steps", (Edit(call.span, print_expr(padded)),)
            )
    length = path.shape[0]
    if isinstance(length, int) and isinstance(wanted.shape[0], int) and wanted.shape[0] < length:
        last = "step" if wanted.shape[0] == 1 else f"{wanted.steps} steps"
        yield _insert(f"last({wanted.steps})", f"keep the last {last} only", path)


def _decoder(expr: tree.Expr, wanted: Wanted) -> Iterator[Fix]:
    """Yield fixes that read all, then repeat the result for a layer that writes the wanted steps."""
    if wanted.steps:
        reader, writer = without(expr, "seq"), with_flag(without(expr, "seq"), "seq")
        text = f"{print_expr(reader)} -> repeat({wanted.steps}) -> {print_expr(writer)}"
        yield Fix(
            f"read to the end first, then write {count(wanted.shape[0], 'step')}: {text}",
            (Edit(expr.span, text),),
        )


def _insert(step: str, title: str, path: MainPath, more: tuple[Edit, ...] = ()) -> Fix:
    """Return the fix that adds a step before the head, or behind the last layer without a head."""
    if path.head:
        at = path.head[-1].span.start
        return Fix(title, (Edit(Span(at, at), f"{step} -> "), *more))
    end = path.nodes[0].span.end
    return Fix(title, (Edit(Span(end, end), f" -> {step}"),))


def width_fix(path: MainPath, wanted: Wanted, sources: Sources) -> Fix | None:
    """Return the fix that corrects the width where it is made, or by another dense layer; else None."""
    if not wanted.width or path.nodes[0].layer is None:
        return None
    node = path.wide
    expr = sources.of(node) if node is not None else None
    if node is not None and node.layer is not None and expr is not None and not _recurs(node):
        changed = _with_width(expr, wanted.width)
        if changed is not None:
            text = print_expr(changed)
            return Fix(f"write {text}", (Edit(expr.span, text),))
    end = path.nodes[0].span.end
    return Fix(f"end with dense({wanted.width})", (Edit(Span(end, end), f" -> dense({wanted.width})"),))


def classes_fix(path: MainPath, classes: int, sources: Sources, *, logits: bool = False) -> Fix:
    """Return the fix to a last layer with a share for each class, by softmax.

    There is no softmax for a loss that applies it to ``logits``.
    """
    flag = [] if logits else ["softmax"]
    ending = print_expr(call("dense", classes, *flag))
    behind = Fix(
        f"end with {ending}", (Edit(Span(path.nodes[0].span.end, path.nodes[0].span.end), f" -> {ending}"),)
    )
    last, wide = path.nodes[0], path.wide
    expr = sources.of(wide) if wide is not None and not _recurs(wide) else None
    if wide is None or wide.layer is None or expr is None:
        return behind
    changed = _with_width(_with_activation(expr, flag), str(classes))
    if changed is None:
        return behind
    text = print_expr(changed)
    if wide is last:
        return Fix(f"write {text}", (Edit(expr.span, text),))
    between = path.nodes[: path.nodes.index(wide)]
    applied = [node for node in between if node.layer is not None and _applies_activation(node.layer)]
    if not applied:
        return Fix(f"write {text}", (Edit(expr.span, text),))
    if logits or len(applied) > 1 or sources.of(applied[0]) is None:
        return behind
    plain = _with_width(expr, str(classes))
    assert plain is not None
    edits = (Edit(expr.span, print_expr(plain)), Edit(applied[0].span, "softmax"))
    return Fix(f"write {print_expr(plain)}, and softmax behind it", edits)


def _applies_activation(layer: Layer) -> bool:
    """Return whether a layer only applies an activation."""
    return layer.row.name in names("activation") or (
        "activation" in layer.row.by_name and units_of(layer) is None
    )


def _with_activation(expr: tree.Expr, flags: list[str]) -> tree.Expr:
    """Return a step with these flags in place of its activation; in ``td(...)`` for the inner layer."""
    if isinstance(expr, tree.Call) and expr.name.name in ("td", "time_distributed") and expr.args:
        inner = expr.args[0]
        first = tree.Argument(inner.span, inner.name, _with_activation(inner.value, flags))
        return tree.Call(expr.span, expr.name, (first, *expr.args[1:]))
    for name in names("activation"):
        expr = without(expr, name, "activation")
    for flag in flags:
        expr = with_flag(expr, flag)
    return expr


def _wraps(step: tree.Call) -> bool:
    row = registry.find(step.name.name)
    return row is not None and row.wraps


def _with_width(expr: tree.Expr, width: str) -> tree.Expr | None:
    """Return a step with another width: its first argument, or its units or filters by name."""
    if not isinstance(expr, tree.Call) or not expr.args:
        return None
    args = list(expr.args)
    value: tree.Expr | None
    if _wraps(expr):
        if isinstance(args[0].value, tree.Call) and _wraps(args[0].value):
            return None
        value = _with_width(args[0].value, width)
        index = 0
    else:
        named = [i for i, a in enumerate(args) if a.name is not None and a.name.name in _WIDTHS]
        index = named[0] if named else 0
        if not named and args[0].name is not None:
            return None
        value = tree.Name(args[index].value.span, width)
    if value is None:
        return None
    args[index] = tree.Argument(args[index].span, args[index].name, value)
    return tree.Call(expr.span, expr.name, tuple(args))


def with_argument(call: tree.Call, index: int, value: str) -> tree.Call:
    """Return a call with another value for one of its arguments."""
    old = call.args[index]
    new = tree.Argument(old.span, old.name, tree.Name(old.value.span, value))
    return tree.Call(call.span, call.name, (*call.args[:index], new, *call.args[index + 1 :]))


def _unwrapped(node: Node, sources: Sources) -> Iterator[Edit]:
    """Yield the edit of ``td(dense(3))`` to ``dense(3)``, as there are no steps any more."""
    expr = sources.of(node)
    if isinstance(expr, tree.Call) and expr.name.name in ("td", "time_distributed") and len(expr.args) == 1:
        yield Edit(expr.span, print_expr(expr.args[0].value))


def _recurs(node: Node) -> bool:
    return node.layer is not None and node.layer.row.recurrent


def _joined(first: tuple[Edit, ...], then: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """Return all edits, with those that insert at one place as one edit."""
    behind = {e.span: e for e in then if e.span.start == e.span.end}
    joined = tuple(Edit(e.span, e.text + behind.pop(e.span).text) if e.span in behind else e for e in first)
    return (*joined, *(e for e in then if e.span in behind or e.span.start != e.span.end))


def _overlap(ours: tuple[Edit, ...], theirs: tuple[Edit, ...]) -> bool:
    return any(a.span.start < b.span.end and b.span.start < a.span.end for a in ours for b in theirs)


def _written(size: Size) -> str:
    return "" if is_open(size) else str(size)


def writable(size: Size) -> bool:
    """Return whether a size can be written as it is: a number, or one symbol."""
    return isinstance(size, int) or (size.is_atom and not is_open(size))
