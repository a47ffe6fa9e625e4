"""Functions of ``keras.ops`` of whole matrices: inverses, factors, diagonals."""

from __future__ import annotations

from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.kinds import Kind
from seqtopo.layers.limits import check_known
from seqtopo.layers.merging import refuse_bool
from seqtopo.layers.operation_rules import SUMS
from seqtopo.layers.operations import operation_row
from seqtopo.layers.parameters import axis_index, axis_indices
from seqtopo.layers.products import at_least, check_fractions
from seqtopo.layers.row import LayerCall, Outcome, Param, Row, Rule
from seqtopo.layers.sizes import Shape, Size, fits
from seqtopo.layers.step_windows import SAME, Bound, OutputTime, TimedCall, Window, shifted
from seqtopo.layers.values import Tensor

# ---- matrices ------------------------------------------------------------------------------------------

_PARTS: dict[str, str] = {
    "cholesky": "N N",
    "cholesky_inverse": "N N",
    "inv": "N N",
    "det": "",
    "logdet": "",
    "eigh": "N; N N",
}
"""The axes that replace the two axes of a square matrix in each function's outputs; ``;`` between outputs."""


def _of_square(call: LayerCall) -> Outcome:
    dtype = check_fractions(call)
    front, size = _square(call)
    axes = {"N": size}
    shapes = [(*front, *(axes[name] for name in part.split())) for part in _PARTS[call.row.name].split(";")]
    return Outcome(tuple(Tensor(shape, dtype) for shape in shapes))


def _square(call: LayerCall) -> tuple[Shape, Size]:
    shape = at_least(call, 2, "(..., N, N)")
    one, two = shape[-2:]
    if one == two:
        return shape[:-2], one
    if isinstance(one, int) and isinstance(two, int):
        raise call.refuse(
            "ST302",
            f"takes square matrices, but is given {call.inputs[0]}",
            label=f"is {one} by {two}",
            help="multiply it by itself first: [x, x -> swap] -> matmul",
            at=("input", 0),
        )
    raise call.refuse(
        "ST308",
        f"must know that its matrices are square, but is given {call.inputs[0]}",
        label=f"is {one} by {two}",
        help="write both numbers in in(...), or bind the symbol",
        at=("input", 0),
    )


def _pinv(call: LayerCall) -> Outcome:
    dtype = check_fractions(call)
    shape = at_least(call, 2, "(..., M, N)")
    return Outcome((Tensor((*shape[:-2], shape[-1], shape[-2]), dtype),))


def _rank(call: LayerCall) -> Outcome:
    check_fractions(call)
    return Outcome((Tensor(at_least(call, 2, "(..., M, N)")[:-2], "int32"),))


def _solve(call: LayerCall) -> Outcome:
    dtype = check_fractions(call)
    front, size = _square(call)
    right = call.inputs[1].shape
    alike = len(right) == len(front) + 2 and all(map(fits, right[:-1], (*front, size)))
    if not alike:
        raise call.refuse(
            "ST303",
            f"solves for as many rows as the matrix has, not {call.inputs[0]} and {call.inputs[1]}",
            label=f"is {call.inputs[1]}",
            help=f"give it {size} rows, and as many axes: -> expand(-1)",
            at=("input", 1),
        )
    return Outcome((Tensor(right, dtype),))


def _smaller(call: LayerCall, shape: Shape) -> Size:
    one, two = shape[-2:]
    if isinstance(one, int) and isinstance(two, int):
        return min(one, two)
    if one == two:
        return one
    what = f"which of two sizes is smaller, but is given {call.inputs[0]}"
    raise call.must_know(what, "one is not known", ("input", 0))


def _qr(call: LayerCall) -> Outcome:
    dtype = check_fractions(call)
    shape = at_least(call, 2, "(..., M, N)")
    check_known(call.row.name, call.inputs, shape[-2:], call.args)
    size = shape[-2] if call["mode"] == "complete" else _smaller(call, shape)
    outputs = (Tensor((*shape[:-1], size), dtype), Tensor((*shape[:-2], size, shape[-1]), dtype))
    return Outcome(outputs, needs=shape[-2:])


def _svd(call: LayerCall) -> Outcome:
    dtype = check_fractions(call)
    shape = at_least(call, 2, "(..., M, N)")
    check_known(call.row.name, call.inputs, shape[-2:], call.args)
    size, front = _smaller(call, shape), shape[:-2]
    values = Tensor((*front, size), dtype)
    if not call["compute_uv"]:
        return Outcome((values,), needs=shape[-2:])
    left, right = (shape[-2], shape[-1]) if call["full_matrices"] else (size, size)
    outputs = (Tensor((*front, shape[-2], left), dtype), values, Tensor((*front, right, shape[-1]), dtype))
    return Outcome(outputs, needs=shape[-2:])


def _of_matrices(call: TimedCall) -> OutputTime:
    if call.axis < len(call.in_shape) - 2:
        return timing.keeps(call)
    return timing.ends(call)


# ---- squares -------------------------------------------------------------------------------------------


def _diagonal_of(call: LayerCall) -> tuple[Shape, Size]:
    a, b = (axis_index(call, name, call[name]) for name in ("axis1", "axis2"))
    if a == b:
        raise call.refuse(
            "ST312",
            "needs two axes, but is given one twice",
            label="the same axis",
            help="name two axes; features is the last one, the same as -1",
            at=("argument", "axis2"),
        )
    offset = call["offset"]
    one, two = call.shape[a], call.shape[b]
    size: Size
    if isinstance(one, int) and isinstance(two, int):
        size = max(min(one + min(offset, 0), two - max(offset, 0)), 0)
    elif one == two and not offset:
        size = one
    else:
        what = f"how long the diagonal is, but is given {call.inputs[0]}"
        raise call.must_know(what, "one size is not known", ("argument", "axis1"))
    return tuple(s for i, s in enumerate(call.shape) if i not in (a, b)), size


def _diagonal(call: LayerCall) -> Shape:
    rest, size = _diagonal_of(call)
    return (*rest, size)


def _trace(call: LayerCall) -> Outcome:
    refuse_bool(call)
    rest, _ = _diagonal_of(call)
    dtype = call.inputs[0].dtype
    return Outcome((Tensor(rest, SUMS.get(dtype, dtype)),))


def _on_diagonal(call: TimedCall) -> OutputTime:
    (one,), (two,) = call.axes("axis1"), call.axes("axis2")
    if call.axis in (one, two):
        offset = call.get("offset")
        if len(call.out_shape) < len(call.in_shape) - 1:
            return timing.ends(call)
        before = max(-offset, 0) if call.axis == one else max(offset, 0)
        return OutputTime(len(call.out_shape) - 1, shifted(before))
    return OutputTime(call.axis - (one < call.axis) - (two < call.axis), SAME)


def _triangle(call: LayerCall) -> Shape:
    if len(call.shape) < 2:
        raise call.refuse(
            "ST301",
            f"takes (..., M, N) but is given {call.inputs[0]}",
            label=f"takes 2 axes, is given {len(call.shape)}",
            at=("input", 0),
            takes=2,
        )
    return call.shape


def _rotated(call: LayerCall) -> Shape:
    a, b = axis_indices(call, "axes")
    shape = list(call.shape)
    if call["k"] % 2 == 0 and shape[a] != shape[b]:
        raise call.refuse(
            "ST302",
            f"turns {call.inputs[0]} by {call['k']} quarters, of which Keras says a wrong shape",
            label=f"is {shape[a]} by {shape[b]}",
            help="turn both axes one after the other: -> flip(1) -> flip(2)",
            at=("argument", "k"),
        )
    shape[a], shape[b] = shape[b], shape[a]
    return tuple(shape)


def _rotates(call: TimedCall) -> OutputTime:
    first, second = call.axes("axes")
    turns = call.get("k") % 4
    if call.axis not in (first, second) or not turns:
        return timing.keeps(call)
    back = Bound(-1, call.steps - 1)
    reverse = Window(back, back, back)
    if turns == 2:
        return OutputTime(call.axis, reverse)
    there = second if call.axis == first else first
    return OutputTime(there, reverse if (call.axis == second) == (turns == 1) else SAME)


def _row(name: str, about: str, example: str, signature: str, rule: Rule, *params: Param, **more: Any) -> Row:
    settings: dict[str, Any] = {"time": _of_matrices, "mask": masking.ends, "role": "algebra", **more}
    return operation_row(name, about, example, params, rule=rule, function=f"{name}({signature})", **settings)


_TWO = {"shape": "..., ... -> ...", "inputs": (2, 2)}
_UPPER = Param("upper", k.TRUTH, False)
_SYMMETRIC = "in(6,4) -> [id, id] -> einsum('btf,btg->bfg')"

_SQUARE = (
    Param("offset", k.integer(), 0),
    Param("axis1", Kind(k.AXIS.words, k.AXIS.read), 1),
    Param("axis2", Kind(k.AXIS.words, k.AXIS.read), 2),
)


def _triangle_row(name: str, about: str) -> Row:
    return operation_row(
        name,
        about,
        f"in(6,6) -> {name}",
        (Param("k", k.integer(), 0),),
        rule=_triangle,
        time=timing.keeps,
        role="scaling",
        function=f"{name}(x, k)",
    )


ROWS = (
    _row(
        "cholesky",
        "The triangular matrix whose product with its transpose is the matrix.",
        f"{_SYMMETRIC} -> cholesky",
        "x, upper",
        _of_square,
        _UPPER,
    ),
    _row(
        "cholesky_inverse",
        "The inverse of a matrix whose triangular factor is given.",
        "in(4,4) -> cholesky_inverse",
        "x, upper",
        _of_square,
        _UPPER,
    ),
    _row("inv", "The inverse of a matrix.", "in(4,4) -> inv", "x", _of_square),
    _row("det", "The determinant of a matrix.", "in(4,4) -> det", "x", _of_square),
    _row(
        "logdet", "The logarithm of the determinant of a matrix.", f"{_SYMMETRIC} -> logdet", "x", _of_square
    ),
    _row(
        "eigh",
        "Two values: the eigenvalues of a symmetric matrix, and its eigenvectors.",
        f"{_SYMMETRIC} -> eigh -> item(0)",
        "x",
        _of_square,
    ),
    _row(
        "pinv",
        "The pseudo-inverse of a matrix.",
        "in(6,4) -> pinv",
        "x, rcond",
        _pinv,
        Param("rcond", k.optional(k.NUMBER), None),
    ),
    _row(
        "matrix_rank",
        "The rank of a matrix.",
        "in(6,4) -> matrix_rank",
        "x, tol",
        _rank,
        Param("tol", k.optional(k.NUMBER), None),
    ),
    _row(
        "solve",
        "What multiplied by the first matrix gives the second.",
        "[in(4,4), in(4,2)] -> solve",
        "a, b",
        _solve,
        **_TWO,
    ),
    _row(
        "solve_triangular",
        "What multiplied by the first matrix, of which a triangle counts, gives the second.",
        "[in(4,4), in(4,2)] -> solve_triangular",
        "a, b, lower",
        _solve,
        Param("lower", k.TRUTH, False),
        **_TWO,
    ),
    _row(
        "qr",
        "Two values: an orthogonal and a triangular matrix whose product is the matrix.",
        "in(6,4) -> qr -> item(1)",
        "x, mode",
        _qr,
        Param("mode", k.choice("reduced", "complete", flags=False), "reduced"),
    ),
    _row(
        "svd",
        "Three values: a matrix's singular vectors to the left, its singular values, those to the right.",
        "in(6,4) -> svd(full_matrices=false) -> item(1)",
        "x, full_matrices, compute_uv",
        _svd,
        Param("full_matrices", k.BOOL, True),
        Param("compute_uv", k.BOOL, True),
    ),
    operation_row(
        "diagonal",
        "The diagonal of two axes, as the last axis.",
        "in(6,6) -> diagonal",
        _SQUARE,
        rule=_diagonal,
        time=_on_diagonal,
        role="selection",
        function="diagonal(x, offset, axis1, axis2)",
    ),
    operation_row(
        "trace",
        "The sum of the diagonal of two axes.",
        "in(6,6) -> trace",
        _SQUARE,
        rule=_trace,
        time=_on_diagonal,
        role="reduction",
        function="trace(x, offset, axis1, axis2)",
    ),
    _triangle_row("tril", "What stands on a diagonal of the last two axes or below it, and 0 elsewhere."),
    _triangle_row("triu", "What stands on a diagonal of the last two axes or above it, and 0 elsewhere."),
    operation_row(
        "rot90",
        "Two axes turned by so many quarters.",
        "in(6,8) -> rot90",
        (Param("k", k.integer(), 1), Param("axes", k.each(k.AXIS, 2), (1, 2))),
        rule=_rotated,
        time=_rotates,
        role="shape",
        function="rot90(array, k, axes)",
    ),
)
