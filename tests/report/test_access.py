"""The picture of an access: words in the columns of their banks, passes as the machine's costs have them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, strategies as st

from tilevm.layout import Layout, LayoutError, Swizzle, local, replicate, row_major, spatial, strided
from tilevm.layout.picture import svg
from tilevm.report.pictures import access, access_data, cost_table, moved
from tilevm.source import TileError
from tilevm.target import target

ROWS = spatial(32, 1) * local(1, 64)  # each lane reads a row
PLAIN, TURNED = row_major(32, 64), row_major(32, 64).swizzle(Swizzle(3, 3, 3))
AMPERE = target("sm_80")


@st.composite
def accesses(draw: st.DrawFn) -> tuple[Layout, Layout, int]:
    """Tiles that some access of sm_80 moves: registers, memory, bits of an element."""
    columns = draw(st.sampled_from([1, 2, 4, 8]))
    wide = draw(st.sampled_from([1, 2, 4]))
    registers = local(draw(st.sampled_from([1, 2])), 1) * spatial(32 // columns, columns) * local(1, wide)
    rows, width = registers.shape
    memory = strided((rows, width), (width * draw(st.sampled_from([1, 2])), 1))
    if draw(st.booleans()):
        memory = memory.swizzle(Swizzle(draw(st.integers(1, 3)), 3, draw(st.integers(3, 4))))
    return registers, memory, draw(st.sampled_from([8, 16, 32]))


@given(accesses(), st.sampled_from(["read", "write"]))
def test_the_picture_is_the_cost(case: tuple[Layout, Layout, int], kind: str) -> None:
    registers, memory, bits = case
    found = moved(registers, memory, AMPERE, bits, kind)  # type: ignore[arg-type]  # hypothesis widens the literal
    picture = access(registers, memory, AMPERE, bits, kind)  # type: ignore[arg-type]
    worst = max((cost for costs in found.costs for cost in costs), key=lambda cost: cost.count)
    assert sum(len(panel.rows) for panel in picture.panels) == worst.count
    for panel, phase in zip(picture.panels, worst.phases, strict=True):
        per_bank = Counter(cell.column for cell in panel.cells)
        assert len(panel.cells) == phase.words and max(per_bank.values()) == phase.wavefronts
        for cell in panel.cells:
            assert cell.marked == (cell.row >= phase.least)
        for bank, count in per_bank.items():
            assert sorted(cell.row for cell in panel.cells if cell.column == bank) == list(range(count))
        lanes = {int(owner.removeprefix("lane")) for cell in panel.cells for owner in cell.owners}
        assert lanes == set(phase.lanes)
    assert (worst.ways > 1) == any(key.marked for key in picture.legend)


def test_a_swizzle_takes_the_conflicts() -> None:
    plain, turned = access(ROWS, PLAIN, AMPERE), access(ROWS, TURNED, AMPERE)
    assert plain.facts[2] == "256 wavefronts where 32 would do: up to 8-way conflicts"
    assert turned.facts[2] == "32 wavefronts, as few as can be: free of conflicts"
    assert [len(panel.rows) for panel in plain.panels] == [8] * 4
    assert sum(cell.marked for panel in plain.panels for cell in panel.cells) == 4 * 7 * 4
    assert 'class="empty"' in svg(plain) and 'class="empty"' not in svg(turned)


def test_lanes_that_share_a_word() -> None:
    picture = access(replicate(4) * spatial(8), row_major(8), AMPERE, 32)
    [panel] = picture.panels
    assert panel.cells[0].lines == ("T0+3",) and panel.cells[0].owners == ("lane0", "lane8", "lane16", "lane24")
    near = access(spatial(32).reshape((8, 4)).reduce(1), row_major(8), AMPERE, 32)
    assert near.panels[0].cells[1].lines == ("T4-7",)


def test_costs_in_a_table() -> None:
    assert cost_table(moved(ROWS, PLAIN, AMPERE, 16, "read")) == [("0-7", "R0-7", "32", "4", "8")]
    two = cost_table(moved(replicate(2) * ROWS, PLAIN, AMPERE, 16, "write"))
    assert two == [("0-7", "R0-7", "64", "8", "8")]


def test_the_data_of_an_access() -> None:
    data = access_data(moved(ROWS, PLAIN, AMPERE, 16, "read"))
    assert {name: data[name] for name in ("width", "width_bytes", "wavefronts", "least", "ways")} == {
        "width": 8,
        "width_bytes": 16,
        "wavefronts": 256,
        "least": 32,
        "ways": 8,
    }
    assert len(data["instructions"]) == 8 and data["instructions"][1]["registers"] == list(range(8, 16))
    assert data["instructions"][1]["warps"][0]["addresses"][2] == 2 * 128 + 16


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(LayoutError, match="registers hold a tile of shape"):
        access(spatial(32), PLAIN, AMPERE)
    with pytest.raises(LayoutError, match="elements of 0 bits"):
        access(ROWS, PLAIN, AMPERE, 0)
    with pytest.raises((LayoutError, TileError), match="phases of a read of 4 bytes a lane are not known"):
        access(spatial(64), row_major(64), target("gfx942"), 32)
