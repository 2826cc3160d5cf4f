"""How tiles lie in shared memory that threads copy there from rows in global memory: no conflicts, few lines."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, strategies as st

from tilevm.layout import Layout, column_local, local, replicate, spatial
from tilevm.layout.convert.roundtrip import copied, offer, posed
from tilevm.layout.digits import binary, common_digits
from tilevm.passes.layouts.room import room
from tilevm.passes.stage import memory_for
from tilevm.passes.threads import matrices
from tilevm.target import target

ROOM = room(target("sm_80"), 4)
VECTOR, SECTOR, LINE = 16, 32, 128  # bytes of a copy, of a sector of global memory, of a line of shared memory
GRIDS = [(4, 1), (2, 2), (1, 4), (2, 1), (1, 2), (1, 1)]


def fragment(side: str, bits: int) -> Layout:
    """What an instruction takes of an operand."""
    word = 32 // bits
    row = spatial(8, 4) * local(1, word)
    return column_local(2, 2) * row if side == "a" else local(2, 1) * row.permute((1, 0))


def wanted(shape: tuple[int, ...], side: str, grid: tuple[int, int], bits: int) -> Layout | None:
    """A tile as warps in a grid take it; None where they do not divide it."""
    part = fragment(side, bits)
    sizes = [extent // (step * warps) for extent, step, warps in zip(shape, part.shape, grid, strict=True)]
    return replicate(4 // (grid[0] * grid[1])) * spatial(*grid) * local(*sizes) * part if all(sizes) else None


def sectors(own: Layout, along: int, bits: int, register: int) -> dict[tuple[int, ...], list[tuple[int, ...]]]:
    """The first elements of what lanes of a warp copy in one instruction, by the sector that they lie in."""
    found: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for lane in range(ROOM.lanes):
        at = own.index_at(lane, register)
        assert at is not None
        step = [SECTOR * 8 // bits if dim == along else 1 for dim in range(len(at))]
        found.setdefault(tuple(map(int.__floordiv__, at, step)), []).append(at)
    return found


@given(
    bits=st.sampled_from([8, 16, 32]),
    shape=st.tuples(*[st.sampled_from([16, 32, 64, 128, 256])] * 2),
    along=st.sampled_from([0, 1]),
    side=st.sampled_from(["a", "b"]),
    grid=st.sampled_from(GRIDS),
)
def test_lanes_that_share_a_sector_write_one_line(
    bits: int, shape: tuple[int, int], along: int, side: str, grid: tuple[int, int]
) -> None:
    """And conflicts are as few as where nobody asks for lines: none."""
    each, use = VECTOR * 8 // bits, wanted(shape, side, grid, bits)
    assume(use is not None and shape[0] * shape[1] >= ROOM.threads * each)
    assert use is not None
    own = ROOM.blocked(shape, (along,), each)
    reading = matrices.reading(ROOM, use, bits, along) or use
    digits = common_digits(own, reading)
    assert digits is not None
    problem = posed(own, reading, binary(digits), ROOM.lanes, bits, ROOM.banks)
    found = copied(own, reading, binary(digits), ROOM.lanes, bits, ROOM.banks, each)
    plain = offer(problem, problem.sides[0].registers[: each.bit_length() - 1])
    assert (found.write, found.read) == (plain.write, plain.read)
    assert (found.write.wavefronts, found.read.wavefronts) == (found.write.fewest, found.read.fewest)
    for register in range(0, own.registers, each):
        for places in sectors(own, along, bits, register).values():
            assert len({found.memory(at) * bits // 8 // LINE for at in places}) == 1


@pytest.mark.parametrize("grid", [(2, 2), (2, 1), (1, 2)])
@pytest.mark.parametrize(
    ("shape", "side", "layout"),
    [
        ((128, 32), "a", "128:32@mem 32:1@mem xor 3^6 4^7"),
        ((32, 128), "b", "32:64@mem (64,2):(1@mem,2048@mem) xor 3^6 4^7 5^8"),
    ],
)
def test_layouts_of_a_large_product(shape: tuple[int, int], side: str, layout: str, grid: tuple[int, int]) -> None:
    """Of bf16: pieces of rows of 64 and of 128 bytes, the vectors of each spread by the row that it is of."""
    use = wanted(shape, side, grid, 16)
    assert use is not None
    reading = matrices.reading(ROOM, use, 16, 1)
    assert reading is not None
    assert str(memory_for(ROOM.blocked(shape, (1,), 8), reading, 16, ROOM, shape, 8)) == layout
