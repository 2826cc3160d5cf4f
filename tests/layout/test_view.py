"""The same elements under other dims, and reductions."""

from collections.abc import Callable
from itertools import product
from math import prod

import pytest
from hypothesis import given, strategies as st

from tests.layout.reference import Table, table
from tests.layout.strategies import layouts, register_layouts
from tilevm.layout import Layout, LayoutError, column_local, column_spatial, local, replicate, row_major, spatial


@given(layouts(3), st.permutations(range(3)))
def test_permute_moves_dims(layout: Layout, dims: list[int]) -> None:
    found = layout.permute(dims)
    assert table(found) == {tuple(index[dim] for dim in dims): held for index, held in table(layout).items()}


def rows(found: Table) -> list[object]:
    """What the elements map to, in row-major order."""
    return [found[index] for index in sorted(found)]


def shapes(size: int) -> list[tuple[int, ...]]:
    divisors = [extent for extent in range(1, size + 1) if size % extent == 0]
    return [shape for shape in product(divisors, repeat=2) if prod(shape) == size]


@given(layouts())
def test_reshape_keeps_row_major_order(layout: Layout) -> None:
    for shape in shapes(layout.size):
        try:
            found = layout.reshape(shape)
        except LayoutError:
            continue
        assert found.shape == shape and rows(table(found)) == rows(table(layout))
        assert found.reshape(layout.shape) == layout


@given(layouts(2))
def test_reshape_finds_every_shape_there_is(layout: Layout) -> None:
    assert layout.flatten().reshape(layout.shape) == layout
    assert layout.reshape(layout.shape) == layout


@given(layouts(3), st.integers(0, 2), st.integers(0, 2))
def test_flatten_joins_both_ends(layout: Layout, start: int, end: int) -> None:
    if start > end:
        start, end = end, start
    found = layout.flatten(start, end)
    assert found.shape == (*layout.shape[:start], prod(layout.shape[start : end + 1]), *layout.shape[end + 1 :])
    assert rows(table(found)) == rows(table(layout))
    assert found == layout.flatten(start - 3, end - 3)


@given(layouts())
def test_squeeze_and_unsqueeze(layout: Layout) -> None:
    units = [dim for dim, extent in enumerate(layout.shape) if extent == 1]
    assert 1 not in layout.squeeze().shape
    assert layout.squeeze().unsqueeze(units) == layout == layout.squeeze(units).unsqueeze(units)
    assert layout.unsqueeze(-1).shape == (*layout.shape, 1)
    assert layout.unsqueeze((0, 2)).squeeze((0, 2)) == layout if layout.rank else True


@given(register_layouts(2), st.sampled_from([0, 1, (0, 1), -1, ()]))
def test_reduce_leaves_results_where_parts_were(layout: Layout, dims: int | tuple[int, ...]) -> None:
    gone = {dim % 2 for dim in ((dims,) if isinstance(dims, int) else dims)}
    found = layout.reduce(dims, keepdims=True)
    threads: dict[tuple[int, ...], set[int]] = {}
    for index in table(layout):
        kept = tuple(0 if dim in gone else i for dim, i in enumerate(index))
        threads.setdefault(kept, set()).update(thread for thread, _ in layout.owners(index))
    assert {index: {thread for thread, _ in found.owners(index)} for index in table(found)} == threads
    assert found.threads == layout.threads
    assert found.squeeze(gone) == layout.reduce(dims)


@given(register_layouts(2))
def test_reduce_keeps_the_order_of_registers(layout: Layout) -> None:
    found = layout.reduce(1)
    pairs = sorted((layout.owners((i, 0))[0][1], found.owners((i,))[0][1]) for i in range(layout.shape[0]))
    assert [new for _, new in pairs] == sorted(new for _, new in pairs)


def test_known_views() -> None:
    fragment = local(2, 1) * spatial(8, 4) * local(1, 2)
    assert str(fragment.reduce(1)) == "(8,2):(4@thread,1@reg) rep 4:1@thread"
    assert fragment.reduce(0) == Layout.parse("(2,4):(1@reg,1@thread) rep 8:4@thread")
    assert (replicate(2) * spatial(4)).reduce(0) == replicate(8)
    assert Layout.parse("2:1@block 2:1@reg").reduce((0, 1)) == Layout.parse("rep 2:1@block")
    atom = column_local(2, 1) * spatial(8, 4) * local(1, 2)
    assert atom.permute((1, 0)) == local(1, 2) * column_spatial(4, 8) * local(2, 1)
    assert Layout().flatten().shape == (1,) and local(1, 1).reshape(()).rank == 0
    assert row_major(2, 1).reduce(1, keepdims=True) == row_major(2, 1)


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (lambda: (spatial(6) * local(2)).reshape((4, 3)), "straddles a cut at extent 3"),
        (lambda: local(6).reshape((4,)), r"shape \(6,\) cannot become \(4,\)"),
        (lambda: local(6).reshape((-2, -3)), "cannot become"),
        (lambda: local(2, 3).permute((0,)), "needs each of 2 dims once"),
        (lambda: local(2, 3).permute((0, 0)), "name one twice"),
        (lambda: local(2, 3).permute((0, 2)), "there is no dim 2 at rank 2"),
        (lambda: local(2, 3).squeeze(0), "dim 0 has extent 2"),
        (lambda: local(2, 3).unsqueeze(3), "there is no dim 3 at rank 3"),
        (lambda: local(2, 3).flatten(1, 0), "flatten from dim 1 to dim 0"),
        (lambda: local(2, 3).flatten(0, 2), "there is no dim 2 at rank 2"),
        (lambda: local(2, 3).reduce(2), "there is no dim 2 at rank 2"),
        (lambda: local(2, 3).reduce((0, -2)), "name one twice"),
        (lambda: row_major(2, 3).reduce(0), "2:3@mem cannot be reduced"),
        (lambda: Layout.parse("2:1@d0").reduce(0), "2:1@d0 cannot be reduced"),
    ],
)
def test_refusals(view: Callable[[], Layout], message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        view()
