"""Functions of ``keras.ops`` that multiply two values or more: matrices, equations, vectors, attention."""

from __future__ import annotations

import re
from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.elementwise_rules import common_dtype, fraction
from seqtopo.layers.merging import broadcast, refuse_bool
from seqtopo.layers.operations import operation_row
from seqtopo.layers.row import LayerCall, Outcome, Param, Row, Rule
from seqtopo.layers.sizes import Shape, Size, fits, product
from seqtopo.layers.step_windows import FIRST, SAME, SELF, Bound, OutputTime, TimedCall, Window, every
from seqtopo.layers.values import Products, Refusal, Tensor

# ---- products ------------------------------------------------------------------------------------------


def check_fractions(call: LayerCall) -> str:
    """Return the dtype of fractions that come in.

    Raises:
        Refusal: ST310, for whole numbers and bool.
    """
    dtype = common_dtype(call)
    if dtype != fraction(dtype):
        raise call.refuse(
            "ST310",
            f"computes with fractions (float32) but is given {dtype}",
            label=f"is given {dtype}",
            help="turn it into fractions first: -> cast(float32)",
            at=("input", 0),
        )
    return dtype


def at_least(call: LayerCall, axes: int, names: str, i: int = 0) -> Shape:
    """Return the shape of a value that has so many axes or more; ``names`` says them in a message.

    Raises:
        Refusal: ST301, for fewer.
    """
    shape = call.inputs[i].shape
    if len(shape) < axes:
        raise call.refuse(
            "ST301",
            f"takes {names} but is given {call.inputs[i]}",
            label=f"takes {axes} or more axes, is given {len(shape)}",
            at=("input", i),
            takes=axes,
        )
    return shape


def _unequal(call: LayerCall, a: Size, b: Size, help: str) -> Refusal:
    others = " and ".join(str(t) for t in call.inputs)
    return call.refuse(
        "ST303",
        f"sums over two axes of the same size, but these are {a} and {b} of {others}",
        label=f"{a} here, {b} there",
        help=help,
        at=("input", len(call.inputs) - 1),
    )


def _matmul(call: LayerCall) -> Outcome:
    dtype = check_fractions(call)
    fixed = [name for name in ("x1", "x2") if call[name] is not None]
    if len(fixed) + len(call.inputs) != 2:
        raise call.refuse(
            "ST314",
            f"multiplies two matrices, but is given {len(fixed) + len(call.inputs)}",
            label=f"takes {2 - len(fixed)}, is given {len(call.inputs)}",
            help="write the values as a list: [a, b] -> matmul",
            at=("inputs", 0),
        )
    if not fixed:
        at_least(call, 2, "(..., M, K) and (..., K, N)")
        at_least(call, 2, "(..., M, K) and (..., K, N)", 1)
        one, two = (t.shape for t in call.inputs)
        rest = tuple(Tensor(shape[:-2], dtype) for shape in (one, two))
        front = broadcast(LayerCall(call.row, call.args, rest, call.tensors, call.axes))
    else:
        (name,) = fixed
        matrix = k.array_shape(call[name]) if not isinstance(call[name], bool) else ()
        if len(matrix) != 2:
            raise call.refuse(
                "ST203",
                f"multiplies by a matrix, but {name} is {call[name]}",
                label="no matrix",
                help="write numbers in parentheses, a pair for each row: ((1,0),(0,1))",
                at=("argument", name),
            )
        shape = at_least(call, 1 if name == "x2" else 2, "(..., K)" if name == "x2" else "(..., K, N)")
        one, two = (shape, matrix) if name == "x2" else (matrix, shape)
        front = shape[:-2]
        if len(shape) == 1:
            if not fits(shape[-1], matrix[0]):
                raise _unequal(call, shape[-1], matrix[0], "give the matrix a row for each feature")
            return Outcome((Tensor((matrix[1],), dtype),))
    if not fits(one[-1], two[-2]):
        raise _unequal(call, one[-1], two[-2], "turn one of them first: -> swap")
    return Outcome((Tensor((*front, one[-2], two[-1]), dtype),))


def _matmul_work(call: LayerCall, outcome: Outcome) -> Products:
    summed = call.shape[-1] if call["x1"] is None else call.shape[-2]
    return Products(0, product([*outcome.outputs[0].shape, summed]))


def _multiplies(call: TimedCall) -> OutputTime:
    rank = len(call.in_shape)
    first = call.place == 0 and call.get("x1") is None
    if call.axis == (rank - 1 if first else rank - 2):
        return timing.ends(call)
    return timing.merges(call) if call.axis < rank - 2 else timing.keeps(call)


_OPERAND = r"[a-zA-Z]*(\.\.\.)?[a-zA-Z]*"


def read_subscripts(text: str, ranks: tuple[int, ...]) -> tuple[list[str], str] | None:
    """Return the letters of each value and of the result, the batch's first; None if it is no such equation.

    ``ranks`` are the values' numbers of axes with the batch; an ellipsis becomes as many capital letters.

    >>> read_subscripts("btf,bsf->bts", (3, 3)), read_subscripts("b...f->b...", (4,))
    ((['btf', 'bsf'], 'bts'), (['bYZf'], 'bYZ'))
    >>> read_subscripts("btf,sf", (3, 2))
    """
    takes, arrow, gives = text.replace(" ", "").partition("->")
    parts = takes.split(",")
    if (
        not arrow
        or len(parts) != len(ranks)
        or not all(re.fullmatch(_OPERAND, part) for part in (*parts, gives))
    ):
        return None
    if "..." not in text:
        return parts, gives
    spare = "TUVWXYZ"
    if any(letter in spare for letter in text):
        return None
    longest = ""
    found = []
    for part, rank in zip(parts, ranks, strict=True):
        count = rank - len(part.replace("...", ""))
        if not 0 <= count <= len(spare) or (count and "..." not in part):
            return None
        letters = spare[len(spare) - count :]
        longest = max(longest, letters if "..." in part else "", key=len)
        found.append(part.replace("...", letters))
    return found, gives.replace("...", longest)


def _einsum(call: LayerCall) -> Outcome:
    dtype = common_dtype(call)
    text = call["subscripts"]
    read = read_subscripts(text, tuple(len(t.shape) + 1 for t in call.inputs))
    if read is None:
        raise _no_equation(
            call, "is not of a form it knows", "write letters, the batch's first: 'btf,bsf->bts'"
        )
    parts, gives = read
    batch = parts[0][:1]
    if not batch or any(p[:1] != batch or batch in p[1:] for p in (*parts, gives)):
        why = "the batch has a letter of its own, the first of every value and of the result"
        raise _no_equation(call, why, "write letters, the batch's first: 'btf,bsf->bts'")
    sizes: dict[str, Size] = {}
    for i, (part, tensor) in enumerate(zip(parts, call.inputs, strict=True)):
        if len(part) != len(tensor.shape) + 1:
            raise call.refuse(
                "ST301",
                f"names {len(part)} axes with the batch, '{part}', but is given {tensor}",
                label=f"is given {len(tensor.shape) + 1} axes with the batch",
                help="write a letter for each axis, the batch first",
                at=("input", i),
                takes=len(part) - 1,
            )
        for letter, size in zip(part[1:], tensor.shape, strict=True):
            known = sizes.setdefault(letter, size)
            if known == 1:
                sizes[letter] = size
            elif size != 1 and not fits(known, size):
                raise call.refuse(
                    "ST303",
                    f"has the axis {letter} of '{text}' with {known} places, and with {size} in {tensor}",
                    label=f"is given {tensor}",
                    help="give axes of different sizes different letters",
                    at=("input", i),
                )
    for part in (*parts, gives):
        if len(set(part)) < len(part):
            raise _no_equation(call, f"{part} names a letter twice", "give each axis a letter of its own")
    strange = next((letter for letter in gives[1:] if letter not in sizes), "")
    if strange:
        raise _no_equation(call, f"{strange} comes from nowhere", "name axes of the values in the result")
    return Outcome((Tensor(tuple(sizes[letter] for letter in gives[1:]), dtype),))


def _einsum_work(call: LayerCall, outcome: Outcome) -> Products:
    """Return one product for each place of all axes; none for a sum of one value."""
    read = read_subscripts(call["subscripts"], tuple(len(t.shape) + 1 for t in call.inputs))
    if read is None or len(call.inputs) == 1:
        return Products()
    sizes: dict[str, Size] = {}
    for part, tensor in zip(read[0], call.inputs, strict=True):
        for letter, size in zip(part[1:], tensor.shape, strict=True):
            if sizes.get(letter, 1) == 1:
                sizes[letter] = size
    return Products(0, product(sizes.values()))


def _no_equation(call: LayerCall, label: str, help: str) -> Refusal:
    return call.refuse(
        "ST203",
        f"cannot read the equation '{call['subscripts']}': {label}",
        label=label,
        help=help,
        at=("argument", "subscripts"),
    )


def _by_letters(call: TimedCall) -> OutputTime:
    read = read_subscripts(call.get("subscripts"), tuple(len(t.shape) + 1 for t in call.inputs))
    if read is None:
        return timing.unknown(call)
    parts, gives = read
    letter = parts[call.place][call.axis + 1]
    if letter not in gives:
        return timing.ends(call)
    place = gives.index(letter) - 1
    if call.steps == 1 and call.out_shape[place] != 1:
        return OutputTime(place, Window(FIRST, FIRST))
    return OutputTime(place, SAME)


def _cross(call: LayerCall) -> Outcome:
    refuse_bool(call)
    shape = broadcast(call)
    if any(not t.shape or t.shape[-1] != 3 for t in call.inputs):
        raise call.refuse(
            "ST302",
            f"multiplies vectors of 3 numbers, but is given {call.inputs[0]}",
            label="is not 3 wide",
            help="give it 3 features: -> dense(3), or first(3,features)",
            at=("input", 0),
        )
    return Outcome((Tensor(shape, common_dtype(call)),))


def _crosses(call: TimedCall) -> OutputTime:
    last = call.axis == len(call.in_shape) - 1
    return OutputTime(call.axis, every(call.steps, SELF)) if last else timing.merges(call)


def _distances(call: LayerCall) -> Outcome:
    dtype = check_fractions(call)
    one, two = (at_least(call, 2, "(..., M, K) and (..., N, K)", i) for i in (0, 1))
    if not fits(one[-1], two[-1]):
        raise _unequal(call, one[-1], two[-1], f"project one to the other's width first: -> dense({one[-1]})")
    rest = tuple(Tensor(shape[:-2], dtype) for shape in (one, two))
    front = broadcast(LayerCall(call.row, call.args, rest, call.tensors, call.axes))
    return Outcome((Tensor((*front, one[-2], two[-2]), dtype),))


def _measures(call: TimedCall) -> OutputTime:
    rank = len(call.in_shape)
    if call.axis == rank - 1:
        return timing.ends(call)
    if call.axis < rank - 2:
        return timing.merges(call)
    return OutputTime(call.axis + call.place, SAME)


def _attention_work(call: LayerCall, outcome: Outcome) -> Products:
    query, key, value = (t.shape for t in call.inputs)
    return Products(0, product([*query[:-1], key[0]]) * (query[-1] + value[-1]))


def _dot_product_attention(call: LayerCall) -> Outcome:
    dtype = check_fractions(call)
    for i in range(3):
        if len(call.inputs[i].shape) != 3:
            raise call.refuse(
                "ST301",
                f"takes (T, heads, width) but is given {call.inputs[i]}",
                label=f"takes 3 axes, is given {len(call.inputs[i].shape)}",
                at=("input", i),
                takes=3,
            )
    query, key, value = (t.shape for t in call.inputs)
    # Keras reports the shape of the query as the output shape.
    pairs = (
        *((query[1], key[1]), (query[2], key[2]), (query[2], value[2])),
        *((key[0], value[0]), (key[1], value[1])),
    )
    for a, b in pairs:
        if not fits(a, b):
            raise _unequal(call, a, b, "give all three one width, and key and value one length")
    return Outcome((Tensor((*query[:-1], value[-1]), dtype),))


def _attends(call: TimedCall) -> OutputTime:
    if call.axis == 2:
        return timing.ends(call) if call.place < 2 else timing.keeps(call)
    if call.axis == 1 or call.place == 0:
        return timing.keeps(call)
    high = SELF if call.get("is_causal") else Bound(0, call.steps - 1)
    return OutputTime(0, Window(FIRST, high, None))


def _row(name: str, about: str, example: str, signature: str, rule: Rule, *params: Param, **more: Any) -> Row:
    settings: dict[str, Any] = {"mask": masking.ends, "role": "product", **more}
    return operation_row(name, about, example, params, rule=rule, function=f"{name}({signature})", **settings)


_TWO = {"shape": "..., ... -> ...", "inputs": (2, 2)}

ROWS = (
    _row(
        "matmul",
        "The product of the matrices in the last two axes of two values, or of one and a given matrix.",
        "x = in(T,8)\n[x, x -> swap] -> matmul",
        "x1, x2",
        _matmul,
        Param("x1", k.OPERAND, None),
        Param("x2", k.OPERAND, None),
        positional=("x2",),
        time=_multiplies,
        work=_matmul_work,
        shape="..., ... -> ...",
        inputs=(1, 2),
    ),
    _row(
        "einsum",
        "Products and sums over axes that letters name, the batch's first in every value and in the result.",
        "[in(T,8), in(S,8)] -> einsum('btf,bsf->bts')",
        "subscripts, *operands",
        _einsum,
        Param("subscripts", k.STRING),
        time=_by_letters,
        work=_einsum_work,
        shape="..., ... -> ...",
        inputs=(1, None),
    ),
    _row(
        "cross",
        "The cross product of vectors of 3 numbers.",
        "[in(T,3), in(T,3)] -> cross",
        "x1, x2, axisa==-1, axisb==-1, axisc==-1, axis==None",
        _cross,
        time=_crosses,
        work=lambda call, outcome: Products(),
        **_TWO,
    ),
    _row(
        "cdist",
        "The distance of each step of one value from each of the other.",
        "[in(T,8), in(S,8)] -> cdist",
        "x, y",
        _distances,
        time=_measures,
        **_TWO,
    ),
    _row(
        "dot_product_attention",
        "Attention of [query, key, value], each of heads side by side, without weights.",
        "[in(T,2,4), in(S,2,4), in(S,2,4)] -> dot_product_attention",
        "query, key, value, bias, mask, scale, is_causal, flash_attention, attn_logits_soft_cap",
        _dot_product_attention,
        Param("scale", k.optional(k.NUMBER), None),
        Param("is_causal", k.BOOL, False),
        time=_attends,
        work=_attention_work,
        shape="..., ..., ... -> ...",
        inputs=(3, 3),
    ),
)
