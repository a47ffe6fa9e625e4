"""Cells of Keras' RNN: what they are here is the layers that run them, one after the other."""

from __future__ import annotations

from seqtopo.diag.model import Fix
from seqtopo.graph.unknown_layers import modernized
from seqtopo.layers.excluded import snake_case
from seqtopo.layers.row import Row
from seqtopo.layers.table import NAMES
from seqtopo.layers.values import Refusal
from seqtopo.syntax import tree
from seqtopo.syntax.canonical import print_expr
from seqtopo.syntax.rewrite import NOWHERE, edit, flow, with_flag, word

_CELL = "_cell"
_STACKED = "stacked_rnn_cells"
_OF_ALL = ("stateful", "unroll")
_OF_FIRST = ("back", "go_backwards")
MOST = 100


def layers_of_cells(step: tree.Expr | None) -> tree.Expr | None:
    """The layers that a cell is, or an ``rnn(...)`` of cells; None where a step is neither.

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
    if not cells or len(cells) > MOST:
        return None
    layers: list[tree.Expr] = []
    for i, cell in enumerate(cells):
        more = tuple([a for a in outer if _belongs(a, i, len(cells))])
        layer = tree.Call(NOWHERE, word(snake_case(cell.name.name).removesuffix(_CELL)), (*cell.args, *more))
        new = modernized(layer)
        layers.append(with_flag(new, "seq") if i < len(cells) - 1 else new)
    return flow(layers)


def of_cells(row: Row, call: tree.Call) -> Refusal | None:
    """The problem of ``rnn([lstm_cell(8), lstm_cell(8)])``; None where a call is given no cells."""
    layers = layers_of_cells(call)
    if layers is None:
        return None
    help = f"write {print_expr(layers)}"
    return Refusal(
        "ST203",
        f"{row.name} takes a number of units and no cells: a cell is written as the layer that runs it",
        call.args[0].span,
        label="cells",
        help=help,
        fixes=(Fix(help, (edit(call.span, layers),)),),
    )


def _cells(expr: tree.Expr) -> list[tree.Call] | None:
    """The cells that an expression is: one, a list of them, or such a list several times."""
    match expr:
        case tree.Group():
            return _cells(expr.body)
        case tree.List(items=items) | tree.Tuple(items=items):
            each = [_cells(item) for item in items]
            return None if None in each else [cell for some in each if some is not None for cell in some]
        case tree.Arithmetic(first=first, rest=(("*", tree.Number(value=int() as times)),)):
            some = _cells(first)
            return some * min(times, MOST + 1) if some is not None else None
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
    """How many turns a loop over values has, where the text says it."""
    match values:
        case tree.List(items=items):
            return len(items)
        case tree.Range(low=tree.Number(value=int() as low), high=tree.Number(value=int() as high)):
            return max(0, min(high - low + 1, MOST + 1))
        case tree.Call(
            name=tree.Name(name="range"), args=(tree.Argument(value=tree.Number(value=int() as n)),)
        ):
            return min(n, MOST + 1)
    return None


def _recurrent(name: str) -> bool:
    row = NAMES.get(name)
    return row is not None and row.recurrent


def _belongs(given: tree.Argument, i: int, count: int) -> bool:
    """Whether an argument of the whole is one of the layer of this number."""
    name = given.name if given.name is not None else given.value
    word = name.name if isinstance(name, tree.Name) else ""
    return word in _OF_ALL or i == (0 if word in _OF_FIRST else count - 1)
