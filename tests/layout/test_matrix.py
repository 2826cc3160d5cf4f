"""Layouts as matrices over GF(2), and the vector spaces beneath conversions."""

from itertools import product

import pytest
from hypothesis import given, strategies as st

from tests.layout.reference import table
from tests.layout.strategies import register_layouts, swizzled_layouts
from tilevm.layout import Layout, LayoutError, Swizzle, local, row_major, spatial, strided
from tilevm.layout.gf2 import beyond, echelon, meet, rank

VECTORS = st.lists(st.integers(0, 63), max_size=5)


@given(st.one_of(swizzled_layouts(2), register_layouts(2, blocks=True)))
def test_the_matrix_is_the_layout(layout: Layout) -> None:
    try:
        matrix = layout.bits()
    except LayoutError:
        return
    for index, places in table(layout).items():
        found = tuple(sorted((axis, value) for axis, value in matrix(index).items() if value))
        assert found in places


def test_a_swizzle_as_a_matrix() -> None:
    matrix = row_major(8, 64).swizzle(Swizzle(3, 3, 3)).bits()
    assert matrix.widths == (3, 6)
    assert matrix.columns == {"mem": (64 + 8, 128 + 16, 256 + 32, 1, 2, 4, 8, 16, 32)}


@pytest.mark.parametrize(
    ("layout", "message"),
    [(spatial(3) * local(2), "3:1@thread has no bits"), (strided((2, 2), (1, 1)), "add with carries")],
)
def test_layouts_without_a_matrix(layout: Layout, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        layout.bits()


def span(vectors: list[int]) -> set[int]:
    found = {0}
    for vector in vectors:
        found |= {vector ^ other for other in found}
    return found


@given(VECTORS, VECTORS)
def test_spaces(first: list[int], second: list[int]) -> None:
    assert span(echelon(first)) == span(first) and 2 ** rank(first) == len(span(first))
    assert span(meet(first, second, 6)) == span(first) & span(second)
    more = beyond(first, second)
    assert span([*first, *more]) == span([*first, *second]) and rank([*first, *more]) == rank(first) + len(more)
    for row, other in product(echelon(first), repeat=2):
        assert row is other or not row >> (other.bit_length() - 1) & 1
