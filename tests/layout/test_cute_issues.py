"""What crashed or misled in CuTe, by issue number of NVIDIA/cutlass: here an answer or a LayoutError."""

import pytest

from tilevm.layout import (
    Layout,
    LayoutError,
    Swizzle,
    coalesce,
    complement,
    composition,
    logical_divide,
    row_major,
    strided,
    zipped_divide,
)


def test_2323_an_index_and_a_layout_in_the_wrong_order() -> None:
    """Asking the offset of a layout in an index ended the process with a floating-point exception."""
    layout = strided((2, 2), (1, 2))
    assert layout((0, 1)) == 2
    with pytest.raises(LayoutError, match="stands in an index where a whole number is due"):
        layout(layout)  # type: ignore[arg-type]


def test_3159_nested_dims_in_a_layout_of_atoms() -> None:
    """((8, 2), (4, 2), 1) threads ended the process where (16, 8, 1) did not; each is a layout like any other."""
    flat, nested = strided((16, 8, 1), (1, 16, 0)), strided(((8, 2), (4, 2), 1), ((1, 32), (8, 64), 0))
    assert flat.shape == nested.shape == (16, 8, 1) and nested.size == 128
    assert nested(((7, 1), (3, 1), 0)) == 7 + 32 + 24 + 64
    assert sorted(nested(i) for i in range(128)) == list(range(128))
    threads = Layout.parse("(8,2):(1@thread,32@thread) (4,2):(8@thread,64@thread) 1:0")
    assert threads.threads == 128
    assert zipped_divide(threads, (8, 4, 1)).shape == (32, 4)


def test_3253_a_complement_before_its_layout() -> None:
    """The coalesced pair of 6:4 and its complement corrupted the heap; it is 24:1."""
    layout = strided(6, 4)
    rest = complement(layout, 24)
    assert rest == strided(4, 1)
    both = Layout(rest.dims + layout.dims)
    assert coalesce(both) == strided(24, 1) and str(coalesce(both)) == "24:1@mem"


@pytest.mark.parametrize("extent", [8, 10])
def test_3454_slices_where_the_extent_is_no_power_of_two(extent: int) -> None:
    """Fixing the second index of (10, 2):(2, 1), swizzled or not, ended the process; with 8 it did not."""
    layout = strided((extent, 2), (2, 1))
    assert layout.slice((None, 0)) == (strided(extent, 2), {"mem": 0})
    assert layout.slice((None, 1)) == (strided(extent, 2), {"mem": 1})
    swizzled = layout.swizzle(Swizzle(1, 0, 3))
    part, offsets = swizzled.slice((None, 0))
    assert [part(i) for i in range(extent)] == [swizzled((i, 0)) for i in range(extent)] and offsets == {"mem": 0}
    with pytest.raises(LayoutError, match="only multiples of 16 can"):
        swizzled.slice((None, 1))


def test_3177_a_composition_that_is_no_layout() -> None:
    """(2, 3):(6, 3) was returned, which gives 3 at 2 where the composition gives 7."""
    with pytest.raises(LayoutError, match="4:2@mem of the outer and 6:3@mem of the inner layout do not divide"):
        composition(strided((4, 6, 8), (2, 3, 5)), strided(6, 3))


def test_2113_a_composition_that_was_refused() -> None:
    """(10, 2):(16, 4) after (3, 4):(1, 5) is (3, (2, 2)):(16, (80, 4))."""
    found = composition(strided((10, 2), (16, 4)), strided((3, 4), (1, 5)))
    assert found == strided((3, (2, 2)), (16, (80, 4)))


def test_3513_a_tile_that_does_not_divide() -> None:
    """A tile of 128 elements in 12·4·8 gave a layout of 288 elements instead of 384."""
    with pytest.raises(LayoutError, match="do not divide each other"):
        zipped_divide(strided((12, (4, 8)), (7, (1, 30))), 128)


def test_2545_tiles_by_dim_and_tiles_of_numbers() -> None:
    """A tiler that is one layout cuts the numbers, a sequence cuts the dims: 12 tiles of 4 × 8 in 12 × 32."""
    layout = strided((12, 32), (1, 12))
    assert zipped_divide(layout, (4, 8)).shape == (32, 12)
    assert logical_divide(row_major(12, 32), (4, 8)) == row_major(12, 32)
