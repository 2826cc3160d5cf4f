"""Accesses of whole tiles, against the facts and against each lane counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from tests.layout.test_convert import pairs
from tilevm.layout import (
    Layout,
    LayoutError,
    Swizzle,
    column_major,
    convert,
    local,
    replicate,
    row_major,
    spatial,
    strided,
)
from tilevm.layout.convert import Shared
from tilevm.source import TileError
from tilevm.target import global_access, shared_access, target

SM80 = target("sm_80")
ROWS = spatial(16, 8) * local(1, 8)  # 16 rows of 64 elements of 16 bits, 16 bytes a thread
FRAGMENT = replicate(4) * local(2, 8) * spatial(8, 4) * local(1, 2)


def test_rows_of_128_bytes() -> None:
    found = shared_access(ROWS, row_major(16, 64), 16, SM80, "write")
    assert (found.width, found.width_bytes, len(found.instructions)) == (8, 16, 1)
    assert (found.wavefronts, found.least, found.ways) == (16, 16, 1)


def test_fragments_need_a_swizzle() -> None:
    """Eight rows at one column: 8 ways without, none with the 128-byte swizzle or padded by 16 bytes."""
    plain = shared_access(FRAGMENT, row_major(16, 64), 16, SM80)
    assert (plain.width, plain.ways) == (2, 8)
    assert shared_access(FRAGMENT, row_major(16, 64).swizzle(Swizzle(3, 3, 3)), 16, SM80).ways == 1
    assert shared_access(FRAGMENT, strided((16, 64), (72, 1)), 16, SM80).ways == 1


@given(pairs(), st.sampled_from([16, 32]))
def test_plans_cost_what_their_accesses_do(pair: tuple[Layout, Layout], bits: int) -> None:
    """Two ways to count one thing: ranks over GF(2) in ``convert``, words and banks here."""
    first, second = (replicate(2) * layout for layout in pair)
    plan = convert(first, second, bits)
    if isinstance(plan, Shared) and plan.container == bits:
        for layout, side, kind in ((first, plan.write, "write"), (second, plan.read, "read")):
            found = shared_access(layout, plan.memory, bits, SM80, kind)  # type: ignore[arg-type]
            if found.width == side.width:
                assert found.wavefronts == side.wavefronts * (layout.threads // 32)


def test_global_rows_and_columns() -> None:
    rows = global_access(ROWS, strided((16, 64), (1024, 1)), 16, SM80)
    assert (rows.width_bytes, rows.sectors, rows.least_sectors) == (16, 64, 64)
    columns = global_access(ROWS, column_major(16, 64), 16, SM80)
    assert (columns.width_bytes, len(columns.instructions)) == (2, 8)
    assert columns.sectors > 2 * columns.least_sectors


def test_elements_below_a_byte_move_in_pairs() -> None:
    found = shared_access(spatial(4, 8) * local(1, 8), row_major(4, 64), 4, SM80)
    assert (found.width, found.width_bytes) == (8, 4)


@pytest.mark.parametrize(
    ("registers", "memory", "bits", "message"),
    [
        (ROWS, row_major(8, 64), 16, "a tile of shape \\(16, 64\\), memory one of \\(8, 64\\)"),
        (row_major(4, 8), row_major(4, 8), 16, "lies on mem, where thread and reg are due"),
        (spatial(4, 8), spatial(4, 8), 16, "lies on thread, where mem are due"),
        (spatial(3, 8), row_major(3, 8), 16, "24 threads are no whole warps of 32"),
        (spatial(4, 8), row_major(4, 8), 6, "no access moves elements of 6 bits"),
        (spatial(4, 8) * local(1, 2), column_major(4, 16), 4, "no access moves elements of 4 bits"),
    ],
)
def test_refusals(registers: Layout, memory: Layout, bits: int, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        shared_access(registers, memory, bits, SM80)


def test_unknown_banks_are_no_cost() -> None:
    with pytest.raises((LayoutError, TileError), match="not known"):
        shared_access(spatial(8, 8) * local(1, 8), row_major(8, 64), 16, target("gfx90a"))
