"""Explain a step that names no layer: what the name is in Keras or PyTorch, and what to write instead.

A cell of Keras' RNN is written as the layer that runs it; several are such layers, one after the other.
"""

from __future__ import annotations

from functools import lru_cache

from seqtopo.diag.model import Edit, Fix
from seqtopo.layers import legacy
from seqtopo.layers.excluded import snake_case, why_not
from seqtopo.layers.legacy import CLASSES, Class, Gone, Renamed
from seqtopo.layers.registry import NAMES
from seqtopo.layers.values import Refusal
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import NOWHERE, edit, flow, with_flag, without_argument, word
from seqtopo.syntax.rewrite import call as made

_SOURCES = ("Input", "InputLayer", "input", "input_layer")
_DEEPEST = 20
_CELL = "_cell"
_STACKED = "stacked_rnn_cells"
_OF_ALL = ("stateful", "unroll")
_OF_FIRST = ("back", "go_backwards")
_MOST_CELLS = 100
_SHAPES = ("shape", "input_shape", "batch_shape", "batch_input_shape")


@lru_cache(maxsize=1)
def _by_class() -> dict[str, str]:
    return {row.keras: row.name for row in NAMES.values() if row.keras}


def known_elsewhere(name: tree.Name, step: tree.Expr | None) -> Refusal | None:
    """Return the refusal of a name of another library or of an earlier Keras; None for any other."""
    if name.name in _SOURCES:
        return _source(name, step)
    if name.name in _by_class():
        now = _by_class()[name.name]
        help = f"write {now}"
        fix = Edit(name.span, now)
        if step is not None and (new := modernized(step)) != tree.Call(
            step.span, word(now), getattr(step, "args", ())
        ):
            fix = edit(step.span, new)
        return Refusal(
            "ST201",
            f"there is no layer {name.name}: Keras' class of that name is {now} here",
            name.span,
            label="a Python class",
            help=help,
            fixes=(Fix(help, (fix,), safe=True),),
        )
    old = CLASSES.get(name.name)
    return _old(name, step, old) if old is not None else None


def _old(name: tree.Name, step: tree.Expr | None, old: Class) -> Refusal:
    if not old.to:
        return Refusal(
            "ST201",
            f"there is no layer {name.name} any more, as there was in {old.since}"
            if old.since.startswith("Keras ")
            else f"there is no layer {name.name}, which is {old.since}'s",
            name.span,
            label="unknown",
            help=old.instead,
        )
    new = _translated(step, old)
    shown = print_expr(new) if new is not None else old.to
    help = f"write {shown}" if len(shown) < 60 else f"write {old.to}"
    exact = old.since.startswith("Keras")
    fixes = () if new is None or step is None else (Fix(help, (edit(step.span, new),), safe=exact),)
    return Refusal(
        "ST201",
        f"there is no layer {name.name}: it is the name that {old.since} has for {old.inside or old.to}",
        name.span,
        label=f"from {old.since}",
        help=help,
        fixes=fixes,
    )


def _translated(step: tree.Expr | None, old: Class) -> tree.Expr | None:
    if isinstance(step, tree.Name):
        step = tree.Call(step.span, step, ())
    if not isinstance(step, tree.Call):
        return None
    args = step.args
    if old.drops and len([a for a in args if a.name is None]) > old.drops - (old.to in ("batchnorm", "norm")):
        for first in [a for a in args if a.name is None][: old.drops]:
            rest = without_argument(step, first)
            step = rest if isinstance(rest, tree.Call) else tree.Call(NOWHERE, step.name, ())
    elif old.to in ("gavgpool1d", "gmaxpool1d"):
        step = tree.Call(NOWHERE, step.name, ())
    inner = word(old.inside or old.to)
    layer = modernized(tree.Call(step.span, inner, step.args))
    return made(old.to, layer) if old.inside else layer


def modernized(step: tree.Expr, depth: int = 0) -> tree.Expr:
    """Return a call with today's names, its own and those of its arguments, as far as they mean the same.

    >>> from seqtopo.syntax.rewrite import number
    >>> print_expr(modernized(made("Bidirectional", made("LSTM", 64, inner_init=word("zeros")))))
    'bi(lstm(64,recurrent_initializer=zeros))'
    """
    name = step.name if isinstance(step, tree.Call) else step
    if not isinstance(name, tree.Name) or depth > _DEEPEST:
        return step
    row = NAMES.get(_by_class().get(name.name, name.name))
    if row is None:
        return step
    own = name if name.name in NAMES else word(row.name)
    args = []
    for given in step.args if isinstance(step, tree.Call) else ():
        old = legacy.argument(given.name.name, row.by_name) if given.name is not None else None
        if given.name is not None and given.name.name in row.by_name:
            old = None
        if isinstance(old, Gone) and old.harmless:
            continue
        label = word(old.to[0]) if isinstance(old, Renamed) and old.exact else given.name
        args.append(tree.Argument(given.span, label, modernized(given.value, depth + 1)))
    return tree.Call(step.span, own, tuple(args)) if args else own


def _source(name: tree.Name, step: tree.Expr | None) -> Refusal:
    new = _input_of(step)
    help = f"write {print_expr(new)}" if new is not None else "write in(T,F)"
    given = {a.name.name for a in getattr(step, "args", ()) if a.name is not None}
    whole = given <= {*_SHAPES, "dtype"}
    return Refusal(
        "ST201",
        f"there is no layer {name.name}: an input is a source, in(...), with the sizes of one sample",
        name.span,
        label="is written in",
        help=help,
        fixes=(Fix(help, (edit(step.span, new),), safe=whole),)
        if new is not None and step is not None
        else (),
    )


def _input_of(step: tree.Expr | None) -> tree.Expr | None:
    """Return the ``in(...)`` for an ``Input(shape=(10,3))``."""
    if not isinstance(step, tree.Call) or not step.args:
        return None
    given = {a.name.name if a.name is not None else "": a.value for a in step.args}
    found = next((given[n] for n in (*_SHAPES, "") if n in given), None)
    if isinstance(found, (tree.Tuple, tree.List)):
        sizes = found.items
    elif found is not None:
        sizes = (found.body if isinstance(found, tree.Group) else found,)
    else:
        return None
    if "" in given and found is given[""] and sum(a.name is None for a in step.args) > 1:
        sizes = tuple(a.value for a in step.args if a.name is None)
    if any(name.startswith("batch") for name in given if name in _SHAPES):
        sizes = sizes[1:]
    nothing = tree.Unknown(NOWHERE)
    items = [nothing if isinstance(s, tree.Name) and s.name in ("none", "None") else s for s in sizes]
    flags = ["int"] if isinstance(d := given.get("dtype"), (tree.Name, tree.String)) and "int" in (
        d.name if isinstance(d, tree.Name) else d.value
    ) else []  # fmt: skip
    return made("in", *items, *flags)


def left_out(name: tree.Name, step: tree.Expr | None) -> Refusal | None:
    """Return the refusal of a name that the language leaves out on purpose; None for all others."""
    reason = why_not(name.name)
    if reason is None:
        return None
    layers = layers_of_cells(step)
    help = f"write {print_expr(layers)}" if layers is not None else reason.instead
    return Refusal(
        "ST209",
        f"{name.name} is left out of the language: {reason.why}",
        name.span,
        label="left out",
        help=help,
        fixes=(Fix(help, (Edit(step.span, print_expr(layers)),)),) if layers and step else (),
    )


def layers_of_cells(step: tree.Expr | None) -> tree.Expr | None:
    """Return the layers for a cell or an ``rnn(...)`` of cells; None for any other step.

    >>> from seqtopo.syntax.rewrite import call
    >>> cells = tree.List(NOWHERE, (call("LSTMCell", 8), call("gru_cell", 4)))
    >>> print_expr(layers_of_cells(call("rnn", cells)))
    'lstm(8,seq) -> gru(4)'
    """
    if not isinstance(step, tree.Call):
        return None
    outer: tuple[tree.Argument, ...] = ()
    cells = _cells(step)
    if cells is None and step.args and _recurrent(snake_case(step.name.name)):
        cells, outer = _cells(step.args[0].value), step.args[1:]
    if not cells or len(cells) > _MOST_CELLS:
        return None
    layers: list[tree.Expr] = []
    for i, cell in enumerate(cells):
        more = tuple([a for a in outer if _belongs_to_layer(a, i, len(cells))])
        layer = tree.Call(NOWHERE, word(snake_case(cell.name.name).removesuffix(_CELL)), (*cell.args, *more))
        new = modernized(layer)
        layers.append(with_flag(new, "seq") if i < len(cells) - 1 else new)
    return flow(layers)


def _cells(expr: tree.Expr) -> list[tree.Call] | None:
    """Return the cells that an expression stands for: one, a list of them, or a repeated list."""
    match expr:
        case tree.Group():
            return _cells(expr.body)
        case tree.List(items=items) | tree.Tuple(items=items):
            each = [_cells(item) for item in items]
            return None if None in each else [cell for some in each if some is not None for cell in some]
        case tree.Arithmetic(first=first, rest=(("*", tree.Number(value=int() as times)),)):
            some = _cells(first)
            return some * min(times, _MOST_CELLS + 1) if some is not None else None
        case tree.Branches(body=body, loops=(loop,)):
            some, turns = _cells(body), _turns(loop.values)
            used = {name.name for name in tree.every(body) if isinstance(name, tree.Name)}
            if some is None or turns is None or used.intersection(target.name for target in loop.targets):
                return None
            return some * turns
        case tree.Call():
            name = snake_case(expr.name.name)
            if name == _STACKED and expr.args:
                return _cells(expr.args[0].value)
            if name.endswith(_CELL) and _recurrent(name.removesuffix(_CELL)):
                return [expr]
    return None


def _turns(values: tree.Expr) -> int | None:
    """Return the number of turns of a loop over values; None if the text does not say it."""
    match values:
        case tree.List(items=items):
            return len(items)
        case tree.Range(low=tree.Number(value=int() as low), high=tree.Number(value=int() as high)):
            return max(0, min(high - low + 1, _MOST_CELLS + 1))
        case tree.Call(
            name=tree.Name(name="range"), args=(tree.Argument(value=tree.Number(value=int() as n)),)
        ):
            return min(n, _MOST_CELLS + 1)
    return None


def _recurrent(name: str) -> bool:
    row = NAMES.get(name)
    return row is not None and row.recurrent


def _belongs_to_layer(given: tree.Argument, i: int, count: int) -> bool:
    """Return whether an argument of ``rnn(...)`` belongs to the layer with number ``i`` of ``count``."""
    name = given.name if given.name is not None else given.value
    word = name.name if isinstance(name, tree.Name) else ""
    return word in _OF_ALL or i == (0 if word in _OF_FIRST else count - 1)
