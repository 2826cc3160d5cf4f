"""The laws of the Kronecker product, and quotients against every candidate there is."""

from collections.abc import Callable, Iterator
from itertools import product

import pytest
from hypothesis import given

from tests.layout.reference import Table, dense_layouts, frozen, kronecker, table
from tests.layout.strategies import layouts, register_layouts
from tilevm.layout import Layout, LayoutError, Mode, column_spatial, local, replicate, row_major, spatial, strided

Divide = Callable[[Layout, Layout], Layout]


@given(layouts(2), layouts(2))
def test_the_product_is_what_its_definition_says(outer: Layout, inner: Layout) -> None:
    assert table(outer * inner) == kronecker(table(outer), table(inner))


@given(layouts(), layouts(), layouts())
def test_the_product_is_associative(a: Layout, b: Layout, c: Layout) -> None:
    assert (a * b) * c == a * (b * c)


@given(layouts())
def test_the_empty_layout_is_neutral(layout: Layout) -> None:
    assert layout * Layout() == layout == Layout() * layout


@given(register_layouts(), register_layouts())
def test_extents_and_cosizes_multiply(a: Layout, b: Layout) -> None:
    both = a * b  # building it checked that it is dense
    assert both.size == a.size * b.size
    assert both.threads == a.threads * b.threads and both.registers == a.registers * b.registers


def bare(layout: Layout) -> Layout:
    """``layout`` as a quotient of equal ranks writes it: of rank 0 when it has replicas alone."""
    return layout if layout.size > 1 else Layout((), layout.replicas)


@given(layouts(2), layouts(2))
def test_quotients_undo_the_product(a: Layout, b: Layout) -> None:
    assert (a * b) / b == bare(a)
    assert (a * b).left_divide(a) == bare(b)


@given(layouts(), layouts())
def test_quotients_undo_the_product_at_any_rank(a: Layout, b: Layout) -> None:
    both = a * b
    assert (both / b) * b == both
    assert a * both.left_divide(a) == both


def test_known_quotients() -> None:
    assert (replicate(8) * spatial(4)) / (replicate(2) * spatial(4)) == replicate(4)
    assert (replicate(8) * spatial(4)).left_divide(replicate(2)) == replicate(4) * spatial(4)
    assert spatial(2, 4) / spatial(2, 4) == Layout()
    assert spatial(2, 4).left_divide(spatial(2, 1)) == spatial(1, 4)
    assert row_major(8, 8).left_divide(row_major(2, 1)) == strided((4, 8), (8, 1))
    assert local(4, 4) / local(4) == local(4, 1)
    assert local(1, 4) / local(4) == local(1, 1)  # only a factor of rank 2 gives the product its rank


@pytest.mark.parametrize(
    ("divide", "message"),
    [
        (lambda: spatial(8, 4) / column_spatial(8, 4), "on the right: the inner part differs"),
        (lambda: local(4) / local(3), "extent 4 of dim 0 is not a multiple of 3"),
        (lambda: local(4) / local(2, 2), "rank 2 is more than rank 1"),
        (lambda: (local(2) * spatial(3)) / local(2), "3:1@thread straddles a cut at extent 2"),
        (lambda: (replicate(4) * spatial(3)) / replicate(3), "does not step over the inner 3 on thread"),
        (lambda: replicate(4) / replicate(3), "replica 4:1@thread straddles coordinate 3 on thread"),
        (lambda: replicate(8) / spatial(1), "rank 1 is more than rank 0"),
        (lambda: local(4).left_divide(spatial(2)), "on the left: the outer part differs"),
        (lambda: local(6).left_divide(spatial(4)), "extent 6 of dim 0 is not a multiple of 4"),
        (lambda: (spatial(2) * local(2)).left_divide(local(2)), "on the left"),
    ],
)
def test_quotients_that_do_not_exist(divide: Callable[[], Layout], message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        divide()


def test_layouts_multiply_with_layouts_alone() -> None:
    with pytest.raises(TypeError):
        local(2) * 2  # type: ignore[operator]
    with pytest.raises(TypeError):
        local(2) / 2  # type: ignore[operator]


def small_register_layouts() -> list[Layout]:
    """Every map of rank 1 on thread and reg with at most 8 coordinates and extents of factors 2 and 3."""
    extents = ((), (2,), (3,), (2, 2), (2, 3), (3, 2), (2, 2, 2))
    return list(dict.fromkeys(layout for digits in extents for layout in dense_layouts(1, digits)))


def small_planes() -> list[Layout]:
    """Every map of rank 2 on thread and reg with at most 4 coordinates."""
    extents = ((), (2,), (2, 2))
    return list(dict.fromkeys(layout for digits in extents for layout in dense_layouts(2, digits)))


def small_memory_layouts() -> list[Layout]:
    modes = [Mode(extent, "mem", stride) for extent in (2, 3) for stride in range(6)]
    runs = [run for length in (0, 1, 2) for run in product(modes, repeat=length)]
    return list(dict.fromkeys(Layout((run,)) for run in runs))


SETS = pytest.mark.parametrize("small", [small_register_layouts, small_planes, small_memory_layouts])


def products(tables: dict[Layout, Table]) -> Iterator[tuple[Layout, Layout, object]]:
    """Every pair of factors with its product, taken by definition."""
    for (a, outer), (b, inner) in product(tables.items(), repeat=2):
        if len(outer) * len(inner) <= 9:
            yield a, b, frozen(kronecker(outer, inner))


def result(divide: Divide, whole: Layout, factor: Layout) -> Layout | None:
    try:
        return divide(whole, factor)
    except LayoutError:
        return None


@SETS
def test_quotients_are_complete(small: Callable[[], list[Layout]]) -> None:
    """Where any layout of the set is a quotient, it is found; where none is, that is said."""
    tables = {layout: table(layout) for layout in small()}
    wholes = {frozen(found): layout for layout, found in tables.items()}
    rights: dict[tuple[Layout, Layout], Layout] = {}
    lefts: dict[tuple[Layout, Layout], Layout] = {}
    for a, b, found in products(tables):
        if found in wholes:
            rights[wholes[found], b], lefts[wholes[found], a] = bare(a), bare(b)
    for whole, factor in product(tables, repeat=2):
        assert result(Layout.__truediv__, whole, factor) == rights.get((whole, factor))
        assert result(Layout.left_divide, whole, factor) == lefts.get((whole, factor))
