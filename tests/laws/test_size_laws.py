"""Laws of sizes: one normal form, and the numbers that come out where symbols get theirs."""

from __future__ import annotations

from functools import reduce
from math import prod
from operator import add

from hypothesis import given, settings
from hypothesis import strategies as st

from seqtopo.layers.sizes import Size, floor_div, product, remainder, substitute, symbol

SYMBOLS = (symbol("T"), symbol("S"), symbol("F"))
VALUES = {"T": 7, "S": 12, "F": 5}


def _grown(inner: st.SearchStrategy[Size]) -> st.SearchStrategy[Size]:
    pairs, divided = st.tuples(inner, inner), st.tuples(inner, st.integers(1, 5))
    return st.one_of(
        pairs.map(lambda p: p[0] + p[1]),
        pairs.map(lambda p: p[0] - p[1]),
        pairs.map(lambda p: p[0] * p[1]),
        divided.map(lambda p: floor_div(*p)),
        divided.map(lambda p: remainder(*p)),
    )


sizes: st.SearchStrategy[Size] = st.recursive(
    st.sampled_from(SYMBOLS) | st.integers(-4, 9), _grown, max_leaves=5
)
laws = settings(max_examples=100)


def assert_same(one: Size, other: Size) -> None:
    """Check that two ways to one size give the same: equal, of one hash, written alike."""
    assert (one, hash(one), str(one), type(one)) == (other, hash(other), str(other), type(other))


@laws
@given(sizes, st.integers(0, 6))
def test_times_a_number_is_a_sum(size: Size, times: int) -> None:
    summed: Size = reduce(add, [size] * times, 0)
    assert_same(size * times, summed)
    assert_same(times * size, summed)
    assert_same(size * -times, 0 - summed)


@laws
@given(st.lists(sizes, max_size=4).flatmap(lambda s: st.tuples(st.just(s), st.permutations(s))))
def test_a_product_has_no_order(pair: tuple[list[Size], list[Size]]) -> None:
    one, other = pair
    assert_same(product(one), product(other))
    assert substitute(product(one), VALUES) == prod(substitute(size, VALUES) for size in one)


@laws
@given(sizes, sizes, sizes)
def test_a_sum_is_multiplied_term_by_term(a: Size, b: Size, c: Size) -> None:
    assert_same((a + b) * c, a * c + b * c)
