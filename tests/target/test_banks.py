"""The cost of accesses to shared memory and of global ones, against figures from outside and a plain simulation."""

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from tests.target.facts import NVIDIA, PHASES
from tilevm.layout import LayoutError
from tilevm.target import Banks, GlobalMemory, Traffic, target, traffic, wavefronts

Swizzle = Callable[[int, int], int]  # row and 16-byte chunk to the chunk where it lies
KINDS = {"ds_read_b128": ("read", 16), "ds_read_b96": ("read", 12), "ds_read_b64": ("read", 8)}
KINDS |= {"ds_write_b128": ("write", 16), "ds_write_b64": ("write", 8)}


def plain(row: int, chunk: int) -> int:
    return chunk


def low(row: int, chunk: int) -> int:
    return chunk ^ (row & 7)


def rows_of_16(pitch: int, rows: int, lanes: int, swizzle: Swizzle, step: int = 0) -> list[int]:
    """Lane i reads a chunk of 16 bytes of row i mod ``rows``; the lanes after them the next chunks of the same rows."""
    chunks = pitch // 16
    return [
        (lane % rows) * pitch + 16 * swizzle(lane % rows, (lane // rows + step * (lanes // rows)) % chunks)
        for lane in range(lanes)
    ]


# phases -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "name"), [(machine, name) for machine in ("gfx942", "gfx950") for name in PHASES[machine]]
)
def test_phases_are_those_of_the_facts(machine: str, name: str) -> None:
    banks = target(machine).banks_for(*KINDS[name])  # type: ignore[arg-type]
    assert banks.count == PHASES[machine][name]["banks"]
    assert banks.phases is not None
    assert {frozenset(phase) for phase in banks.phases} == {
        frozenset(phase) for phase in PHASES[machine][name]["phases"]
    }


def test_what_is_not_known_is_none() -> None:
    known = {m: {(b.access, b.width) for b in target(m).banks if b.phases} for m in ("gfx90a", "gfx942", "gfx950")}
    told = {m: {KINDS[name] for name in PHASES[m]} for m in PHASES if m != "about"}
    assert known == {"gfx90a": set(), **told}
    banks = target("gfx942").banks_for("read", 8)
    with pytest.raises(LayoutError) as caught:
        wavefronts([0] * 64, banks)
    assert str(caught.value) == (
        "the phases of a read of 8 bytes a lane are not known (published by nobody), so its cost cannot be told"
    )


@pytest.mark.parametrize("machine", ["sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a"])
@pytest.mark.parametrize(("width", "size"), [(1, 32), (2, 32), (4, 32), (8, 16), (16, 8)])
def test_a_warp_is_served_whole_by_halves_or_by_quarters(machine: str, width: int, size: int) -> None:
    for access in ("read", "write"):
        phases = target(machine).banks_for(access, width).phases  # type: ignore[arg-type]
        assert phases is not None and {len(phase) for phase in phases} == {size}
        assert [lane for phase in phases for lane in phase] == list(range(32))


def test_phases_that_leave_a_lane_out_are_refused() -> None:
    with pytest.raises(LayoutError, match="do not name each lane once"):
        Banks("read", 4, 32, ((0, 1), (1, 2)), "here")


# NVIDIA -------------------------------------------------------------------------------------------------------

MATRIX = target("sm_90a").banks_for("matrix", 16)
WORDS = target("sm_80").banks_for("read", 4)


def test_eight_rows_of_128_bytes_collide_eight_times_without_a_swizzle() -> None:
    found = wavefronts(rows_of_16(128, 32, 32, plain), MATRIX)
    assert (found.count, found.least, found.ways) == (32, 4, 8)
    assert found.phases[1].lanes == tuple(range(8, 16)) and found.phases[1].words == 32


@pytest.mark.parametrize("span", NVIDIA["swizzle"]["spans"])
def test_the_swizzles_of_tensor_copies_are_free_of_conflicts(span: str) -> None:
    """Eight rows under each other in tiles as wide as the span, any chunk."""
    chunks = NVIDIA["swizzle"]["spans"][span]
    for chunk in range(chunks):
        linear = [row * int(span) + 16 * chunk for row in range(32)]
        found = wavefronts([byte ^ (((byte >> 7) % chunks) << 4) for byte in linear], MATRIX)
        assert (found.count, found.ways) == (4, 1)
        assert wavefronts(linear, MATRIX).ways == chunks


def test_padded_rows_are_free_of_conflicts() -> None:
    assert wavefronts([144 * row for row in range(32)], MATRIX).count == 4


def test_lanes_without_an_address_cost_nothing() -> None:
    found = wavefronts([128 * row if row < 8 else None for row in range(32)], MATRIX)
    assert (found.count, found.least) == (8, 1)
    assert found.phases[3].busiest is None and found.phases[3].wavefronts == 0
    assert wavefronts([None] * 32, MATRIX).ways == 1


@pytest.mark.parametrize(("stride", "ways"), [(1, 1), (2, 2), (3, 1), (4, 4), (16, 16), (32, 32), (33, 1), (0, 1)])
def test_words_with_a_stride(stride: int, ways: int) -> None:
    """The figures of every text book: gcd(stride, 32) lanes on a bank, and a word read by all is read once."""
    assert wavefronts([4 * stride * lane for lane in range(32)], WORDS).count == ways


@pytest.mark.parametrize(("width", "count"), [(1, 1), (2, 1), (4, 1), (8, 2), (16, 4)])
def test_neighbours_take_as_many_passes_as_their_bytes(width: int, count: int) -> None:
    found = wavefronts([width * lane for lane in range(32)], target("sm_89").banks_for("write", width))
    assert (found.count, found.least, found.ways) == (count, count, 1)


# AMD ----------------------------------------------------------------------------------------------------------

READS = {machine: target(machine).banks_for("read", 16) for machine in ("gfx942", "gfx950")}


def middle(row: int, chunk: int) -> int:
    return chunk ^ (row >> 1 & 7)


def common(row: int, chunk: int) -> int:
    """Bits r1, r2, r3 ^ r0 of the row: good on both machines, as a search over all linear swizzles found."""
    return chunk ^ (row >> 1 & 1 | (row >> 2 & 1) << 1 | ((row >> 3 ^ row) & 1) << 2)


WAYS = [  # of 16 rows and of 32 rows, rows of 128 bytes
    ("gfx950", low, 1, 2),
    ("gfx950", middle, 1, 1),
    ("gfx950", common, 1, 1),
    ("gfx942", common, 1, 1),
]


@pytest.mark.parametrize(("machine", "swizzle", "sixteen", "thirty_two"), WAYS)
def test_swizzles_on_amd(machine: str, swizzle: Swizzle, sixteen: int, thirty_two: int) -> None:
    for rows, ways in ((16, sixteen), (32, thirty_two)):
        steps = range(8 // (64 // rows))
        costs = {wavefronts(rows_of_16(128, rows, 64, swizzle, step), READS[machine]).ways for step in steps}
        assert max(costs) == ways


@pytest.mark.parametrize("machine", READS)
@pytest.mark.parametrize("pitch", [256, 512])
@pytest.mark.parametrize("rows", [16, 32])
def test_wide_rows_on_amd(machine: str, pitch: int, rows: int) -> None:
    found = wavefronts(rows_of_16(pitch, rows, 64, lambda row, chunk: chunk ^ (row & 15)), READS[machine])
    assert found.ways == 1 and found.count == len(READS[machine].phases or ())


def test_without_swizzles_on_gfx950() -> None:
    """Two ways for 16 rows of 64 bytes, four for 32 rows of 64 and for 16 of 128."""
    ways = [wavefronts(rows_of_16(p, r, 64, plain), READS["gfx950"]).ways for p, r in ((64, 16), (64, 32), (128, 16))]
    assert ways == [2, 4, 4]


# laws ---------------------------------------------------------------------------------------------------------

ALL = [b for m in ("sm_80", "gfx942", "gfx950") for b in target(m).banks if b.phases is not None]


def simulated(addresses: list[int | None], banks: Banks) -> int:
    """Pass by pass, each bank hands out one word to all who wait for it, until nobody waits."""
    passes = 0
    for phase in banks.phases or ():
        asked = [a for lane in phase if (a := addresses[lane]) is not None]
        waiting = {(a + byte) // 4 for a in asked for byte in range(banks.width)}
        while waiting:
            served = {word % banks.count: word for word in waiting}
            waiting -= set(served.values())
            passes += 1
    return passes


@given(st.data())
def test_the_count_is_that_of_a_simulation(data: st.DataObject) -> None:
    banks = data.draw(st.sampled_from(ALL))
    lanes = sum(map(len, banks.phases or ()))
    align = banks.width & -banks.width
    address = st.none() | st.integers(0, 200).map(lambda x: align * x)
    addresses = data.draw(st.lists(address, min_size=lanes, max_size=lanes))
    found = wavefronts(addresses, banks)
    assert found.count == simulated(addresses, banks) >= found.least
    moved = [None if a is None else a + 4 * banks.count * 3 for a in addresses]
    assert wavefronts(moved, banks).count == found.count
    free = found.count == found.least
    assert (found.ways == 1) >= free


WRONG = [
    ([0] * 31, WORDS, "31 addresses for 32 lanes; None stands for a lane that does nothing"),
    ([*[0] * 31, 6], WORDS, "lane 31 touches 4 bytes at address 6, not a multiple of 4"),
    ([-4, *[0] * 31], WORDS, "lane 0 touches 4 bytes at address -4, not a multiple of 4"),
    ([8] * 32, MATRIX, "lane 0 touches 16 bytes at address 8, not a multiple of 16"),
]


@pytest.mark.parametrize(("addresses", "banks", "says"), WRONG, ids=[w[2][:12] + str(i) for i, w in enumerate(WRONG)])
def test_addresses_that_cannot_be(addresses: list[int | None], banks: Banks, says: str) -> None:
    with pytest.raises(LayoutError) as caught:
        wavefronts(addresses, banks)
    assert str(caught.value) == says


# global memory ------------------------------------------------------------------------------------------------

MEMORY = target("sm_80").memory


@pytest.mark.parametrize(
    ("first", "stride", "width", "expected"),
    [
        (0, 4, 4, Traffic(4, 1, 4, 1)),
        (4, 4, 4, Traffic(5, 2, 4, 1)),
        (0, 16, 16, Traffic(16, 4, 16, 4)),
        (0, 8, 4, Traffic(8, 2, 4, 1)),
        (0, 128, 4, Traffic(32, 32, 4, 1)),
        (0, 0, 4, Traffic(1, 1, 1, 1)),
        (0, 1, 1, Traffic(1, 1, 1, 1)),
        (96, 2, 2, Traffic(2, 2, 2, 1)),
    ],
)
def test_a_warp_on_global_memory(first: int, stride: int, width: int, expected: Traffic) -> None:
    assert traffic([first + stride * lane for lane in range(32)], width, MEMORY) == expected


def test_idle_lanes_on_global_memory() -> None:
    assert traffic([None] * 32, 4, MEMORY) == Traffic(0, 0, 0, 0)
    assert traffic([0, None, 128], 16, MEMORY) == Traffic(2, 2, 1, 1)
    with pytest.raises(LayoutError, match="lane 1 touches 8 bytes at address 12"):
        traffic([0, 12], 8, MEMORY)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=32), st.sampled_from([1, 2, 4, 8, 12, 16]))
def test_traffic_counts_what_is_marked(steps: list[int], width: int) -> None:
    """Against a memory of which each touched byte is marked."""
    memory = GlobalMemory(128, 32)
    align = width & -width
    marked = bytearray(2048)
    for step in steps:
        marked[step * align : step * align + width] = b"\1" * width
    found = traffic([step * align for step in steps], width, memory)
    assert found.sectors == sum(any(marked[at : at + 32]) for at in range(0, 2048, 32))
    assert found.lines == sum(any(marked[at : at + 128]) for at in range(0, 2048, 128))
    assert found.least_sectors * 32 >= sum(marked) > (found.least_sectors - 1) * 32
    assert found.sectors >= found.least_sectors and found.lines >= found.least_lines
