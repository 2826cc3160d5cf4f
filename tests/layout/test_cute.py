"""The laws of complement, inverses, divisions and products, against enumeration."""

from collections.abc import Callable
from itertools import pairwise, product
from math import prod

import pytest
from hypothesis import given, strategies as st

from tests.layout.reference import table
from tests.layout.strategies import layouts, memory_layouts
from tilevm.layout import (
    Layout,
    LayoutError,
    Mode,
    coalesce,
    column_major,
    complement,
    composition,
    left_inverse,
    local,
    logical_divide,
    logical_product,
    replicate,
    right_inverse,
    row_major,
    spatial,
    strided,
    zipped_divide,
)


def values(layout: Layout) -> list[int]:
    return [layout(i) for i in range(layout.size)]


@st.composite
def nested_layouts(draw: st.DrawFn, exact: bool = True) -> Layout:
    """Layouts on mem whose strides step over what lies below, in any order of modes and dims."""
    modes, reach = [], draw(st.integers(1, 3))
    for _ in range(draw(st.integers(0, 3))):
        extent = draw(st.integers(1, 4))
        modes.append(Mode(extent, "mem", reach))
        reach = extent * reach * draw(st.integers(1, 3)) + (0 if exact else draw(st.integers(0, 3)))
    dims: list[list[Mode]] = [[] for _ in range(draw(st.integers(1, 3)))]
    for mode in draw(st.permutations(modes)):
        dims[draw(st.integers(0, len(dims) - 1))].append(mode)
    return Layout(tuple(map(tuple, dims)))


def colexicographic(layout: Layout) -> list[object]:
    found = table(layout)
    return [found[index] for index in sorted(found, key=lambda index: index[::-1])]


@given(layouts())
def test_coalesce_is_the_same_map_of_ints(layout: Layout) -> None:
    found = coalesce(layout)
    assert colexicographic(found) == colexicographic(layout)
    assert coalesce(found) == found and all(len(modes) <= 1 for modes in found.dims) and found.rank >= 1


@given(memory_layouts())
def test_coalesce_leaves_the_fewest_modes(layout: Layout) -> None:
    """Each mode begins where the step first differs from the one before: no layout of one run can have fewer."""
    offsets, found = values(layout), coalesce(layout)
    begins, weight = [], 1
    while weight < len(offsets):
        begins.append(weight)
        multiple = 1
        while weight * multiple < len(offsets) and offsets[weight * multiple] == multiple * offsets[weight]:
            multiple += 1
        weight *= multiple
    assert [prod(found.shape[:dim]) for dim in range(found.rank)] == (begins or [1])


@given(nested_layouts(), st.integers(1, 80))
def test_a_complement_fills_up(layout: Layout, size: int) -> None:
    rest = complement(layout, size)
    sums = sorted(a + b for a, b in product(set(values(layout)), values(rest)))
    reach = max((mode.extent * mode.stride for modes in layout.dims for mode in modes if mode.extent > 1), default=1)
    assert sums == list(range(-(-size // reach) * reach))
    assert values(rest) == sorted(set(values(rest)))


@given(memory_layouts(), st.integers(1, 80))
def test_a_complement_is_disjoint(layout: Layout, size: int) -> None:
    try:
        rest = complement(layout, size)
    except LayoutError:
        return
    sums = [a + b for a, b in product(set(values(layout)), values(rest))]
    reach = max((mode.extent * mode.stride for modes in layout.dims for mode in modes if mode.extent > 1), default=0)
    reach = reach or 1
    assert len(set(sums)) == len(sums) and max(sums) < -(-size // reach) * reach
    assert values(rest) == sorted(set(values(rest)))


@given(nested_layouts(exact=False))
def test_left_inverses(layout: Layout) -> None:
    try:
        inverse = left_inverse(layout)
    except LayoutError:
        strides = sorted({mode.stride for modes in layout.dims for mode in modes if mode.extent > 1})
        assert any(high % low for low, high in pairwise(strides))
        return
    assert [inverse(offset) for offset in values(layout)] == list(range(layout.size))
    assert inverse.size >= layout.cosize
    assert composition(inverse, layout) == column_major(*layout.shape)


@given(nested_layouts())
def test_layouts_whose_strides_are_nested_have_left_inverses(layout: Layout) -> None:
    inverse = left_inverse(layout)
    assert [inverse(offset) for offset in values(layout)] == list(range(layout.size))
    assert len(set(values(inverse))) == inverse.size, "offsets that are left out have numbers of their own"


@given(memory_layouts())
def test_what_has_no_left_inverse(layout: Layout) -> None:
    offsets = values(layout)
    try:
        inverse = left_inverse(layout)
    except LayoutError:
        return
    assert len(set(offsets)) == len(offsets) and [inverse(offset) for offset in offsets] == list(range(layout.size))


@given(memory_layouts())
def test_right_inverses(layout: Layout) -> None:
    inverse = right_inverse(layout)
    assert [layout(index) for index in values(inverse)] == list(range(inverse.size))
    moving = [mode for modes in layout.dims for mode in modes if mode.stride]
    if len(set(values(Layout((tuple(moving),))))) == prod(mode.extent for mode in moving):
        assert inverse.size not in values(layout)  # so no larger layout can be an inverse


@given(memory_layouts(), memory_layouts(1))
def test_logical_divide_is_its_definition(layout: Layout, tile: Layout) -> None:
    try:
        rest = complement(tile, layout.size)
        expected = composition(layout, Layout((tile.dims[0], tuple(mode for dim in rest.dims for mode in dim))))
    except LayoutError:
        with pytest.raises(LayoutError):
            logical_divide(layout, tile)
        return
    assert logical_divide(layout, tile) == zipped_divide(layout, tile) == expected


@given(memory_layouts(2), st.integers(1, 4), st.integers(1, 4))
def test_tiles_by_dim(layout: Layout, height: int, width: int) -> None:
    """Where tiles divide extents: R((i, j), (a, b)) = L(i + height·a, j + width·b)."""
    if layout.shape[0] % height or layout.shape[1] % width:
        return
    try:
        kept = logical_divide(layout, (height, strided(width, 1)))
        zipped = zipped_divide(layout, (height, width))
    except LayoutError:  # a mode straddles the tile
        return
    assert kept == layout
    rows, columns = layout.shape[0] // height, layout.shape[1] // width
    assert zipped.shape == (height * width, rows * columns)
    for i, j, a, b in product(range(height), range(width), range(rows), range(columns)):
        assert zipped((i + height * j, a + rows * b)) == layout((i + height * a, j + width * b))


@given(nested_layouts(exact=False), memory_layouts(1))
def test_logical_product_repeats(layout: Layout, order: Layout) -> None:
    try:
        found = logical_product(layout, order)
    except LayoutError:
        return
    assert found.shape == (layout.size, order.size)
    places: dict[int, set[int]] = {}
    for a, b in product(range(layout.size), range(order.size)):
        places.setdefault(order(b), set()).add(found((a, b)))
        assert found((a, b)) == layout(a) + found((0, b))
    assert sum(map(len, places.values())) == len(set.union(*places.values())), "copies share an offset"


@given(nested_layouts(), st.integers(1, 12))
def test_logical_product_by_definition(layout: Layout, count: int) -> None:
    gaps = complement(layout, layout.size * count)
    try:
        copies = composition(gaps, strided(count, 1))
    except LayoutError:
        with pytest.raises(LayoutError):
            logical_product(layout, count)
        return
    found = logical_product(layout, count)
    assert [found((0, b)) for b in range(count)] == values(copies)


@given(nested_layouts(), st.integers(1, 4), memory_layouts(1))
def test_logical_product_by_dim(layout: Layout, count: int, order: Layout) -> None:
    """Each dim is repeated as if it were alone; those without an item stay."""
    tiler = (count, order)[: layout.rank]
    parts = [Layout((modes,)) for modes in layout.dims]
    try:
        found = logical_product(layout, tiler)
    except LayoutError:
        with pytest.raises(LayoutError):
            [logical_product(part, tile) for part, tile in zip(parts, tiler, strict=False)]
        return
    for part, tile, modes in zip(parts, tiler, found.dims, strict=False):
        alone = logical_product(part, tile)
        assert Layout((modes,)) == Layout((alone.dims[0] + alone.dims[1],))
    assert found.dims[2:] == layout.dims[2:] and found.rank == layout.rank


def test_known_divisions_and_products() -> None:
    # examples of CuTe's manual
    assert logical_divide(strided((4, 2, 3), (2, 1, 8)), strided(4, 2)) == strided(((2, 2), (2, 3)), ((4, 1), (2, 8)))
    divided = zipped_divide(strided((9, (4, 8)), (59, (13, 1))), (strided(3, 3), strided((2, 4), (1, 8))))
    assert divided.cute() == "((3,2,4),(3,2,2)):((177,13,2),(59,26,1))"
    product_ = logical_product(strided((2, 2), (4, 1)), strided(6, 1))
    assert product_ == strided(((2, 2), (2, 3)), ((4, 1), (2, 8)))
    tiles = zipped_divide(row_major(8, 8), (2, 4))
    assert tiles.cute() == "((2,4),(4,2)):((8,1),(16,4))"
    assert zipped_divide(row_major(8, 6), (2,)).cute() == "(2,(4,6)):(6,(12,1))"
    assert logical_divide(row_major(8, 6), (2,)) == row_major(8, 6)
    assert logical_divide(strided(10, 1), 4) == strided((4, 3), (1, 4))  # the last tile reaches beyond
    assert logical_product(spatial(4), 2) == Layout.parse("4:1@thread 2:4@thread")
    fragment = spatial(8, 4) * local(1, 2)
    assert zipped_divide(fragment, (8, 2)) == Layout((fragment.dims[0] + (Mode(2, "reg", 1),), (Mode(4, "thread", 1),)))


@given(memory_layouts())
def test_notation_reads_back(layout: Layout) -> None:
    again = Layout.parse(layout.cute())
    assert again == layout
    units = tuple(tuple(mode for mode in modes) or (Mode(1, "mem", 0),) for modes in layout.dims)
    assert again.dims == units or layout.rank < 2


def test_known_notation() -> None:
    assert strided(((2, 2), 8), ((1, 4), 16)).cute() == "((2,2),8):((1,4),16)"
    assert strided(8, 1).cute() == "8:1" and spatial(2, 3).cute() == "(2,3):(3,1)"
    assert (Layout().cute(), local(1).cute(), strided(((2, 2),), ((2, 1),)).cute()) == (
        "():()",
        "1:1",
        "((2,2)):((2,1))",
    )


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: complement(strided((4, 2), (1, 2)), 9), "2:2@mem overlaps the modes below it, which reach to 4"),
        (lambda: complement(row_major(4), 0), "the size must be an int of at least 1, not 0"),
        (lambda: complement(local(2, 2) * spatial(2, 2)), "moves on reg and thread, where one axis is due"),
        (lambda: complement(spatial(4), 8), "2:4@thread should have stride 1"),
        (lambda: left_inverse(strided((2, 3), (1, 0))), "gives index 0 and index 2 the same offset 0"),
        (lambda: left_inverse(strided((4, 3), (1, 2))), "index 2 and index 4 have the same offset 2"),
        (lambda: left_inverse(strided((3, 2), (2, 3))), "2:3@mem does not step over 3:2@mem"),
        (lambda: left_inverse(replicate(2)), "has replicas"),
        (lambda: logical_divide(strided((12, 4, 8), (7, 1, 30)), 128), "do not divide each other"),
        (lambda: logical_divide(row_major(4), (2, 2)), "a tiler of 2 items for 4:1@mem, which has rank 1"),
        (lambda: logical_divide(row_major(4), 0), "an item must be an int of at least 1, not 0"),
        (lambda: zipped_divide(local(10), 4), r"index \(3, 2\) gives 11, but the outer layout has 10 elements"),
        (lambda: logical_divide(row_major(8), strided((2, 2), (1, 1))), "2:1@mem overlaps"),
        (lambda: logical_product(spatial(4) * local(2), 2), "one axis is due"),
        (lambda: (spatial(4) * local(2)).cute(), "one axis is due"),
    ],
)
def test_refusals(ask: Callable[[], object], message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        ask()
