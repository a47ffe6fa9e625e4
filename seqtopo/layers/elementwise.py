"""Functions of ``keras.ops`` that work element by element: of one value, of two, and with given numbers.

A function of two values is also one of a single value and a number: ``x -> divide(2)`` is ``x / 2``, and
``x -> divide(x1=2)`` is ``2 / x``. The arguments have Keras' names; what is not given comes in, in Keras'
order.
"""

from __future__ import annotations

from typing import Any

from seqtopo.layers import kinds as k
from seqtopo.layers import masking, timing
from seqtopo.layers.elementwise_rules import (
    SLOTS,
    chosen,
    clipped,
    compared,
    declared_dtype,
    fractions,
    numbers,
    one_fraction,
    one_number,
    one_truth,
    one_whole,
    scaled,
    truth,
    whole,
)
from seqtopo.layers.masking import ENDED, PASSED, Get, Mask
from seqtopo.layers.operation_rules import by_element_rule
from seqtopo.layers.operations import operation_row
from seqtopo.layers.row import Param, Row, Rule

# ---- masks and times -----------------------------------------------------------------------------------


def follows(get: Get, rank: int) -> Mask:
    """Return the rule for masks: a value's mask goes on beside numbers, and ends where two values meet."""
    fixed = [name for name in SLOTS if get(name) is not None]
    return PASSED if fixed else ENDED


_X1 = Param("x1", k.OPERAND, None)
_X2 = Param("x2", k.OPERAND, None)


def _of_one(name: str, about: str, rule: Rule, *params: Param, **more: Any) -> Row:
    """Return the row of a function of each number alone."""
    example = more.pop("example", f"in(T,8) -> {name}")
    signature = ", ".join(["x", *(p.name for p in params)])
    settings: dict[str, Any] = {"function": f"{name}({signature})", "mask": masking.passes, **more}
    return operation_row(
        name, about, example, params, rule=rule, time=timing.keeps, role="function", **settings
    )


def _of_two(name: str, about: str, rule: Rule, *params: Param, **more: Any) -> Row:
    """Return the row of a function of two values, or of a value and a number."""
    example = more.pop("example", f"in(T,8) -> {name}(2)")
    sides = more.pop("sides", "x1, x2")
    signature = ", ".join([sides, *(p.name for p in params)])
    aliases = "".join(f"; {other}({sides})" for other in more.pop("same", ()))
    return operation_row(
        name,
        about,
        example,
        (_X1, _X2, *params),
        rule=rule,
        time=timing.merges,
        mask=follows,
        role="merge",
        shape="..., ... -> ...",
        inputs=(1, 2),
        positional=("x2",),
        function=f"{name}({signature}){aliases}",
        **more,
    )


def _of_pair(name: str, about: str, rule: Rule, example: str, names: tuple[str, str] = ("x1", "x2")) -> Row:
    """Return the row of a function of two values, which takes no number in the place of one."""
    return operation_row(
        name,
        about,
        example,
        rule=rule,
        time=timing.merges,
        role="merge",
        shape="..., ... -> ...",
        inputs=(2, 2),
        function=f"{name}({', '.join(names)})",
    )


_FRACTIONS = (
    ("arccos", "The angle in radians with this cosine."),
    ("arccosh", "The inverse of the hyperbolic cosine."),
    ("arcsin", "The angle in radians with this sine."),
    ("arcsinh", "The inverse of the hyperbolic sine."),
    ("arctan", "The angle in radians with this tangent."),
    ("arctanh", "The inverse of the hyperbolic tangent."),
    ("cbrt", "The cube root of every number."),
    ("ceil", "Every number rounded up."),
    ("cos", "The cosine of every number, in radians."),
    ("cosh", "The hyperbolic cosine of every number."),
    ("deg2rad", "Degrees as radians."),
    ("exp2", "2 to the power of every number."),
    ("expm1", "e to the power of every number, minus 1."),
    ("floor", "Every number rounded down."),
    ("i0", "The modified Bessel function of order 0."),
    ("log10", "The logarithm to base 10."),
    ("log1p", "The natural logarithm of 1 plus every number."),
    ("log2", "The logarithm to base 2."),
    ("rad2deg", "Radians as degrees."),
    ("sin", "The sine of every number, in radians."),
    ("sinc", "sin(pi*x) / (pi*x), and 1 where x is 0."),
    ("sinh", "The hyperbolic sine of every number."),
    ("tan", "The tangent of every number, in radians."),
)
_OF_FRACTIONS = (
    ("erf", "The error function of every number."),
    ("erfc", "1 minus the error function of every number."),
    ("erfinv", "The inverse of the error function."),
    ("rsqrt", "1 divided by the square root of every number."),
)
"""Functions of which Keras says whole numbers where whole numbers come in."""
_KEPT = (
    ("negative", "Every number with the other sign."),
    ("sign", "-1, 0 or 1, by the sign of every number."),
    ("trunc", "Every number without what stands behind the point."),
)
_TRUTHS = (
    ("isfinite", "Whether every number is finite."),
    ("isinf", "Whether every number is infinite."),
    ("isnan", "Whether every number is NaN."),
    ("isneginf", "Whether every number is minus infinity."),
    ("isreal", "Whether every number is real, as all here are."),
    ("isposinf", "Whether every number is plus infinity."),
    ("signbit", "Whether every number has the sign bit, as those below 0 have."),
)
_TWO_NUMBERS = (
    ("power", "The first to the power of the second."),
    ("mod", "What is left of the first when it is divided by the second, with the second's sign."),
    ("fmod", "What is left of the first when it is divided by the second, with the first's sign."),
    ("floor_divide", "The first divided by the second, rounded down."),
    ("fmax", "The larger of two, and of a number and NaN the number."),
    ("fmin", "The smaller of two, and of a number and NaN the number."),
)
_TWO_FRACTIONS = (
    ("divide_no_nan", "The first divided by the second, and 0 where the second is 0."),
    ("arctan2", "The angle in radians of the point whose height is the first and whose width is the second."),
    ("logaddexp", "The logarithm of the sum of e to the power of each."),
    ("logaddexp2", "The logarithm to base 2 of the sum of 2 to the power of each."),
    ("nextafter", "The next number that can be stored, from the first towards the second."),
)
_COMPARED = (
    ("equal", "Whether the first equals the second."),
    ("not_equal", "Whether the first differs from the second."),
    ("greater", "Whether the first is greater than the second."),
    ("greater_equal", "Whether the first is greater than the second, or equal to it."),
    ("less", "Whether the first is less than the second."),
    ("less_equal", "Whether the first is less than the second, or equal to it."),
)
_LOGICAL = (
    ("logical_and", "Whether both are true, or not 0."),
    ("logical_or", "Whether one of two is true, or not 0."),
    ("logical_xor", "Whether just one of two is true, or not 0."),
)
_BITS = (
    ("bitwise_and", "The bits that both whole numbers have."),
    ("bitwise_or", "The bits that one of two whole numbers has."),
    ("bitwise_xor", "The bits that just one of two whole numbers has."),
)
_SHIFTS = (
    (
        "left_shift",
        "The bits of the first moved up by as many places as the second says.",
        "bitwise_left_shift",
    ),
    (
        "right_shift",
        "The bits of the first moved down by as many places as the second says.",
        "bitwise_right_shift",
    ),
)
_DIVISORS = (
    ("gcd", "The greatest common divisor of two whole numbers."),
    ("lcm", "The least common multiple of two whole numbers."),
)
_PAIR = "[in(T,8), in(T,8)]"
_IDS = "[in(T,int), in(T,int)]"

ROWS = (
    *(_of_one(name, about, one_fraction) for name, about in _FRACTIONS),
    *(_of_one(name, about, by_element_rule) for name, about in _OF_FRACTIONS),
    *(_of_one(name, about, one_number) for name, about in _KEPT),
    *(_of_one(name, about, one_truth, mask=masking.ends) for name, about in _TRUTHS),
    _of_one(
        "logical_not",
        "Whether every number is 0, or false.",
        one_truth,
        mask=masking.ends,
        example="in(T,8) -> greater(0) -> logical_not",
    ),
    _of_one(
        "round", "Every number rounded to so many decimals.", one_number, Param("decimals", k.integer(), 0)
    ),
    _of_one(
        "nan_to_num",
        "Every number, and in the place of NaN and of what is infinite another.",
        one_number,
        Param("nan", k.NUMBER, 0.0),
        Param("posinf", k.optional(k.NUMBER), None),
        Param("neginf", k.optional(k.NUMBER), None),
    ),
    _of_one(
        "clip",
        "Every number, but none below the first bound or above the second.",
        clipped,
        Param("x_min", k.NUMBER),
        Param("x_max", k.NUMBER),
        example="in(T,8) -> clip(-1,1)",
    ),
    _of_one(
        "threshold",
        "Every number above a threshold, and another in the place of the others.",
        one_number,
        Param("threshold", k.NUMBER),
        Param("default_value", k.NUMBER),
        example="in(T,8) -> threshold(0.1,0)",
    ),
    _of_one(
        "stop_gradient",
        "The same numbers, through which nothing before is trained.",
        lambda call: call.shape,
        function="stop_gradient(variable)",
    ),
    _of_one(
        "zeros_like",
        "A 0 for every number.",
        declared_dtype,
        Param("dtype", k.optional(k.PLAIN_DTYPE), None),
    ),
    _of_one(
        "ones_like",
        "A 1 for every number.",
        declared_dtype,
        Param("dtype", k.optional(k.PLAIN_DTYPE), None),
    ),
    _of_one(
        "full_like",
        "One given number for every number.",
        declared_dtype,
        Param("fill_value", k.NUMBER),
        Param("dtype", k.optional(k.PLAIN_DTYPE), None),
        example="in(T,8) -> full_like(0.5)",
    ),
    _of_one(
        "saturate_cast",
        "The same numbers in another dtype; those beyond its bounds become the bound.",
        declared_dtype,
        Param("dtype", k.PLAIN_DTYPE),
        example="in(T,8) -> saturate_cast(int8)",
    ),
    _of_one(
        "bitwise_not",
        "Every whole number with all of its bits turned.",
        one_whole,
        example="in(T,int) -> bitwise_not",
        function="bitwise_not(x); bitwise_invert(x)",
    ),
    _of_two("divide", "The first divided by the second.", fractions, same=("true_divide",)),
    *(_of_two(name, about, numbers) for name, about in _TWO_NUMBERS),
    *(_of_two(name, about, fractions) for name, about in _TWO_FRACTIONS),
    _of_two("ldexp", "The first times 2 to the power of the second, a whole number.", scaled),
    _of_pair("hypot", "The root of the sum of both squares.", fractions, f"{_PAIR} -> hypot"),
    _of_pair(
        "heaviside",
        "0 where the first is below 0, 1 where it is above, and the second where it is 0.",
        fractions,
        f"{_PAIR} -> heaviside",
    ),
    *(_of_two(name, about, compared, example=f"in(T,8) -> {name}(0)") for name, about in _COMPARED),
    _of_two(
        "isclose",
        "Whether the first is within a tolerance of the second.",
        compared,
        Param("rtol", k.number(0), 1e-5),
        Param("atol", k.number(0), 1e-8),
        Param("equal_nan", k.BOOL, False),
        example="in(T,8) -> isclose(0,atol=0.1)",
    ),
    *(_of_two(name, about, truth, example=f"{_PAIR} -> {name}") for name, about in _LOGICAL),
    *(_of_pair(name, about, whole, f"{_IDS} -> {name}", ("x", "y")) for name, about in _BITS),
    *(
        _of_two(name, about, whole, example=f"in(T,int) -> {name}(2)", same=(other,), sides="x=x1, y=x2")
        for name, about, other in _SHIFTS
    ),
    *(_of_two(name, about, whole, example=f"in(T,int) -> {name}(6)") for name, about in _DIVISORS),
    operation_row(
        "where",
        "The first value where a condition is true, and the second elsewhere.",
        "x = in(T,8)\n[x -> greater(0), x] -> where(x2=0)",
        (Param("condition", k.OPERAND, None), _X1, _X2),
        shape="..., ... -> ...",
        rule=chosen,
        time=timing.merges,
        role="merge",
        inputs=(1, 3),
        positional=("x1", "x2"),
        function="where(condition, x1, x2)",
    ),
)
