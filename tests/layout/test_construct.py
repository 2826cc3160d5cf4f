"""Constructors, and what a layout refuses to be."""

from collections.abc import Callable

import pytest

from tilevm.layout import (
    Layout,
    LayoutError,
    Mode,
    column_local,
    column_major,
    column_spatial,
    local,
    replicate,
    row_major,
    spatial,
    strided,
)
from tilevm.layout.construct import Nested


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        (spatial(2, 3), "2:3@thread 3:1@thread"),
        (spatial(2, 3, 4, order=(1, 0, 2)), "2:4@thread 3:8@thread 4:1@thread"),
        (column_spatial(2, 3), "2:1@thread 3:2@thread"),
        (local(2, 3), "2:3@reg 3:1@reg"),
        (local(2, 3, order=[1, 0]), "2:1@reg 3:2@reg"),
        (column_local(2, 3), "2:1@reg 3:2@reg"),
        (replicate(4), "rep 4:1@thread"),
        (row_major(2, 3), "2:3@mem 3:1@mem"),
        (column_major(2, 3), "2:1@mem 3:2@mem"),
        (strided((2, 3), (8, 0)), "2:8@mem 3:0@mem"),
        (strided(5, 2), "5:2@mem"),
        (strided((2, (2, 4)), (1, (16, 2))), "2:1@mem (2,4):(16@mem,2@mem)"),
        (spatial(), "():()"),
    ],
)
def test_constructors(layout: Layout, text: str) -> None:
    assert str(layout) == text


def test_nested_extents_of_any_depth() -> None:
    extent: Nested = 8
    stride: Nested = 2
    for _ in range(10_000):
        extent, stride = (extent,), (stride,)
    assert strided(extent, stride) == strided(8, 2)
    with pytest.raises(LayoutError, match="too deep, to print"):
        strided((extent, extent), (stride, (stride, stride)))


def test_queries() -> None:
    layout = replicate(3) * spatial(4, 1) * local(2, 5)
    assert (layout.shape, layout.rank, layout.size) == ((8, 5), 2, 40)
    assert (layout.threads, layout.registers, layout.axes) == (12, 10, ("reg", "thread"))
    assert (layout.cosize_of("thread"), layout.cosize_of("mem")) == (12, 1)
    assert (strided((4, 2), (3, 0)).cosize, spatial(4).cosize, Layout().cosize) == (10, 4, 1)
    assert (Layout().shape, Layout().size, Layout().threads) == ((), 1, 1)


def one_dim(*modes: Mode) -> Layout:
    return Layout((modes,))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: one_dim(Mode(4, "thread", 2)), "4:2@thread should have stride 1"),
        (lambda: one_dim(Mode(2, "reg", 1), Mode(2, "reg", 1)), "2:1@reg should have stride 2"),
        (lambda: one_dim(Mode(2, "block", 1), Mode(2, "block", 4)), "2:4@block should have stride 2"),
        (lambda: one_dim(Mode(3, "reg", 0)), "3:0@reg should have stride 1"),
        (lambda: Layout((), (Mode(2, "thread", 2),)), "2:2@thread should have stride 1"),
        (lambda: Layout((), (Mode(2, "mem", 1),)), "2:1@mem cannot be a replica"),
        (lambda: Layout((), (Mode(2, "reg", 1),)), "2:1@reg cannot be a replica"),
        (lambda: Mode(0, "reg", 1), "0:1@reg: the extent must be at least 1"),
        (lambda: Mode(2, "mem", -1), "2:-1@mem: the stride must not be negative"),
        (lambda: Mode(2, "lane", 1), "'lane' is not an axis"),
        (lambda: Mode(2, "d01", 1), "'d01' is not an axis"),
        (lambda: Mode(2, "d٣", 1), "is not an axis"),
        (lambda: Mode(2, "thread\n", 1), "is not an axis"),
        (lambda: Mode(2.5, "mem", 1), "must be ints"),  # type: ignore[arg-type]
        (lambda: Mode(2**1024, "mem", 1), "a mode on mem has an extent or a stride of 2\\*\\*1024 or more"),
        (lambda: Mode(2, "mem", -(10**5000)), "an extent or a stride of 2"),
        (lambda: row_major(*[2**600] * 2), "a layout counts 2\\*\\*1024 elements or more"),
        (lambda: spatial(2, 3, order=(0,)), r"order \[0\] must name each of 2 dims once"),
        (lambda: spatial(2, 3, order=(0, 0)), "must name each of 2 dims once"),
        (lambda: strided((2, 3), (1,)), "differ in form"),
        (lambda: strided((2, (3, 4)), (1, (2, 3, 4))), "differ in form"),
        (lambda: strided((2, 3), (1, (2, 3))), "differ in form"),
        (lambda: strided("23", "12"), "extents '23' and strides '12' differ in form"),  # type: ignore[arg-type]
        (lambda: (spatial(2) * row_major(2)).cosize, "ask cosize_of"),
        (lambda: spatial(2).cosize_of("lane"), "'lane' is not an axis"),
    ],
)
def test_refusals(make: Callable[[], object], message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        make()


def test_layouts_are_frozen() -> None:
    with pytest.raises(AttributeError):
        local(2).dims = ()  # type: ignore[misc]


def test_units_need_no_place_on_a_dense_axis() -> None:
    assert one_dim(Mode(1, "reg", 7), Mode(2, "reg", 1)) == local(2)
