"""From an index to where its element lies, and back."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given

from tests.layout.reference import table
from tests.layout.strategies import memory_layouts, register_layouts
from tilevm.layout import Layout, LayoutError, column_major, local, replicate, row_major, spatial, strided


@given(register_layouts())
def test_owners_are_where_the_definition_says(layout: Layout) -> None:
    for index, held in table(layout).items():
        expected = sorted((dict(place).get("thread", 0), dict(place).get("reg", 0)) for place in held)
        assert layout.owners(index) == tuple(expected)


@given(register_layouts())
def test_owners_and_index_at_are_inverse(layout: Layout) -> None:
    slots = product(range(layout.threads), range(layout.registers))
    found = {slot: layout.index_at(*slot) for slot in slots}
    assert all(slot in layout.owners(index) for slot, index in found.items() if index is not None)
    assert sum(len(layout.owners(index)) for index in table(layout)) == len(found)
    assert None not in found.values()
    assert layout.index_at(layout.threads, 0) is layout.index_at(0, layout.registers) is layout.index_at(-1, 0) is None


@given(memory_layouts())
def test_offsets_are_where_the_definition_says(layout: Layout) -> None:
    found = table(layout)
    offsets = {index: dict(next(iter(held))).get("mem", 0) for index, held in found.items()}
    assert {index: layout(index) for index in found} == offsets
    assert layout.cosize == 1 + max(offsets.values())


@given(memory_layouts())
def test_an_int_counts_the_first_dim_fastest(layout: Layout) -> None:
    indices = product(*(range(extent) for extent in reversed(layout.shape)))
    assert [layout(i) for i in range(layout.size)] == [layout(index[::-1]) for index in indices]


def test_known_offsets() -> None:
    assert [row_major(3, 4)(index) for index in np.ndindex(3, 4)] == list(range(12))
    assert [column_major(3, 4)(i) for i in range(12)] == list(range(12))
    assert row_major(3, 4)((np.int64(2), np.int32(1))) == 9
    assert spatial(4)(3) == 3 and Layout()(()) == Layout()(0) == 0


def test_nesting_is_kept_for_indexing() -> None:
    layout = strided(((2, 2), 8), ((1, 4), 16))
    assert layout(((1, 1), 3)) == layout((3, 3)) == 1 + 4 + 48
    atom = local(2, 2) * spatial(8, 4) * local(1, 2)
    assert atom.owners(((0, 5, 1), (1, 2, 1))) == atom.owners((13, 13))
    assert (strided((2, 2), (1, 2)) * strided((2, 1), (1, 0)))(((1, 1), 1)) == 7


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: row_major(2, 3)((2, 0)), "index 2 is not in 0 … 1"),
        (lambda: row_major(2, 3)((0, -1)), "index -1 is not in 0 … 2"),
        (lambda: row_major(2, 3)(6), "index 6 is not in 0 … 5"),
        (lambda: row_major(2, 3)((1,)), "has 1 entries where 2 are due"),
        (lambda: strided(((2, 2),), ((1, 2),))(((1, 2),)), "index 2 is not in 0 … 1"),
        (lambda: strided(((2, 2),), ((1, 2),))(((1, 0, 0),)), "has 3 entries where 2 are due"),
        (lambda: strided(((2, 2),), ((1, 2),))((((1,), 0),)), r"\(1,\) stands in an index"),  # type: ignore[arg-type]
        (lambda: row_major(4)(10**5000), r"index \(a number too long, .*\) is not in 0 … 3"),
        (lambda: replicate(2**17).owners(()), "131072 owners of an element are too many to list: at most 65536"),
        (lambda: row_major(4)("x"), "'x' stands in an index"),  # type: ignore[arg-type]
        (lambda: row_major(4)(1.0), "1.0 stands in an index"),  # type: ignore[arg-type]
        (lambda: (spatial(2) * local(2))(1), "ask owners"),
        (lambda: (replicate(2) * spatial(2))(1), "ask owners"),
        (lambda: row_major(4).owners(1), "a layout on mem has no owners"),
        (lambda: row_major(4).index_at(0, 0), "a layout on mem has no owners"),
        (lambda: Layout.parse("2:1@block").owners(0), "a layout on block has no owners"),
    ],
)
def test_refusals(ask: Callable[[], object], message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        ask()
