"""Covers and conversions, executed on a model of lanes and on a model of banks."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tests.layout.reference import dense, dense_layouts, table
from tests.layout.strategies import register_layouts
from tilevm.layout import Layout, LayoutError, column_local, column_spatial, convert, covers, local, replicate, spatial
from tilevm.layout.convert import (
    NVIDIA,
    Access,
    Affine,
    Banks,
    Lanes,
    Nothing,
    Plan,
    Registers,
    Shared,
    conversion_cost,
)
from tilevm.layout.convert.memory import Service, in_turn
from tilevm.layout.convert.roundtrip import round_trip
from tilevm.layout.digits import binary, common_digits

Held = dict[tuple[int, int], tuple[int, ...]]  # (thread, register) → index
SMALL = Banks(in_turn(16, 8, (1, 2, 4, 8)), in_turn(32, 8, (1, 2, 4, 8)))  # 4 banks of 4 bytes for writes, 8 for reads
TURN = in_turn(128, 64)
CDNA = Banks(TURN, (*TURN[:4], Service(16, 128, (1, 2, 20))))  # reads of 16 bytes as on gfx942


def held(layout: Layout) -> Held:
    """What each register holds, by enumeration of the index."""
    found = {}
    for index, places in table(layout).items():
        for place in places:
            at = dict(place)
            found[at.get("thread", 0), at.get("reg", 0)] = index
    return found


def run(plan: Plan, before: Held, after: Layout, lanes: int) -> Held:
    """The registers after ``plan``, each machine a few lines."""
    if isinstance(plan, Nothing):
        return before
    if isinstance(plan, Registers):
        return {
            (thread, register): before[thread, source]
            for thread in range(after.threads)
            for register, source in enumerate(plan.sources)
        }
    if isinstance(plan, Lanes):
        return shuffled(plan, before, after, lanes)
    memory = {plan.memory(index): index for index in before.values()}
    assert len(memory) == after.size and max(memory) < plan.memory.cosize
    return {place: memory[plan.memory(index)] for place, index in held(after).items()}


def shuffled(plan: Lanes, before: Held, after: Layout, lanes: int) -> Held:
    found = {}
    for step, (kept, fresh) in product(plan.rounds, plan.copies):
        for thread in range(after.threads):
            source = step.source(thread)
            assert source // lanes == thread // lanes, "shuffles stay within the warp"
            send, put = step.send(source), step.put(thread)  # what a lane offers depends on that lane alone
            register = kept + sum(plan.send_strides[bit] for bit in range(len(plan.send_strides)) if send >> bit & 1)
            target = fresh + sum(plan.put_strides[bit] for bit in range(len(plan.put_strides)) if put >> bit & 1)
            assert (thread, target) not in found
            found[thread, target] = before[source, register]
    return found


def wavefronts(layout: Layout, plan: Shared, access: Access, services: dict[int, Service], lanes: int) -> int:
    """Of the first warp, by counting different words a bank in each phase."""
    service = services[max(1, access.width * plan.container // 8)]
    banks = service.line // 4
    span = {0}
    for lane in service.lanes:
        span |= {other ^ lane for other in span if lane < lanes}
    accesses: dict[int, list[int]] = {}  # registers of one instruction
    for register in range(layout.registers):
        accesses.setdefault(plan.memory(at(layout, 0, register)) // access.width, []).append(register)
    total = 0
    for registers, group in product(
        accesses.values(), {frozenset(lane ^ other for other in span) for lane in range(lanes)}
    ):
        words = set()
        for lane in group:
            offsets = sorted(plan.memory(at(layout, lane, register)) for register in registers)
            assert offsets == list(range(offsets[0], offsets[0] + access.width)), "a vector is contiguous"
            assert offsets[0] % access.width == 0, "and aligned"
            words |= {offset * plan.container // 32 for offset in offsets}
        total += max(sum(word % banks == bank for word in words) for bank in range(banks))
    return total


def at(layout: Layout, thread: int, register: int) -> tuple[int, ...]:
    index = layout.index_at(thread, register)
    assert index is not None
    return index


def check(first: Layout, second: Layout, bits: int = 32, lanes: int = 32, banks: Banks = NVIDIA) -> Plan:
    """The plan, executed."""
    plan = convert(first, second, bits, lanes, banks)
    assert run(plan, held(first), second, lanes) == held(second)
    assert conversion_cost(first, second, bits, lanes, banks) <= plan.cost
    if isinstance(plan, Lanes):
        assert plan.cost == conversion_cost(first, second, bits, lanes, banks)
        counted = sum(step.shuffles + chosen(step.send) + chosen(step.put) for step in plan.rounds)
        assert plan.cost * 32 >= counted * len(plan.copies) * bits / 32 or plan.cost == counted * len(plan.copies)
    if isinstance(plan, Shared):
        assert plan.write.wavefronts == wavefronts(first, plan, plan.write, banks.sides()[0], lanes)
        assert plan.read.wavefronts == wavefronts(second, plan, plan.read, banks.sides()[1], lanes)
        assert plan.write.fewest <= plan.write.wavefronts and plan.read.fewest <= plan.read.wavefronts
    return plan


def chosen(map: Affine) -> int:
    """How many registers a lane chooses among, but one."""
    return (1 << sum(map_column != 0 for map_column in map.columns)) - 1


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Layout, Layout]:
    """Two layouts of one tile on 16 threads, their digits twos and threes in any place."""
    shape = draw(st.lists(st.sampled_from([(), (2,), (2, 2), (2, 2, 2), (3,), (2, 3), (3, 2)]), min_size=1, max_size=2))
    return draw(spread(shape)), draw(spread(shape))


@st.composite
def spread(draw: st.DrawFn, shape: list[tuple[int, ...]]) -> Layout:
    """Each digit on a thread or in a register; replicas fill up to 16 threads."""
    digits, threads = [], 1
    for dim, extents in enumerate(shape):
        for extent in extents:
            on_thread = extent == 2 and threads < 16 and draw(st.booleans())
            threads *= 2 if on_thread else 1
            digits.append((extent, dim, "thread" if on_thread else "reg"))
    while threads < 16:
        digits.append((2, len(shape), "thread"))
        threads *= 2
    return dense(len(shape), digits, tuple(draw(st.permutations(range(len(digits))))))


@settings(max_examples=300)
@given(pairs(), st.sampled_from([4, 8, 16, 32, 64]))
def test_plans_do_what_they_say(pair: tuple[Layout, Layout], bits: int) -> None:
    check(*pair, bits, 8, SMALL)


@given(pairs())
def test_covers_is_what_enumeration_finds(pair: tuple[Layout, Layout]) -> None:
    assert_covers(*pair)


@given(register_layouts(2, blocks=True), register_layouts(2, blocks=True))
def test_covers_for_any_extents(first: Layout, second: Layout) -> None:
    if first.shape == second.shape:
        assert_covers(first, second)


def test_covers_of_every_small_layout() -> None:
    every = [layout for extents in ((2, 3), (3, 2), (6,), (2, 2)) for layout in dense_layouts(1, extents)]
    for first, second in product(every, repeat=2):
        if first.shape == second.shape:
            assert_covers(first, second)


def assert_covers(first: Layout, second: Layout) -> None:
    owners = [
        {index: {without_registers(place) for place in places} for index, places in table(layout).items()}
        for layout in (first, second)
    ]
    assert covers(first, second) == all(owners[1][index] <= owners[0][index] for index in owners[0])


def without_registers(place: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    return tuple((axis, value) for axis, value in place if axis != "reg")


def test_replicas_of_two_and_two_cover_a_mode_of_four() -> None:
    """A case that Tilus answers in the negative."""
    assert covers(replicate(2) * replicate(2) * local(4), spatial(4))
    assert not covers(spatial(4), replicate(4) * local(4))


def test_an_accumulator_as_the_next_left_operand_moves_nothing_between_threads() -> None:
    """Flash attention: P, the accumulator of Q·K, is A of P·V."""
    warps = spatial(4, 1) * local(1, 4) * column_local(2, 2) * spatial(8, 4) * local(1, 2)
    result = spatial(4, 1) * local(1, 8) * local(2, 1) * spatial(8, 4) * local(1, 2)
    assert isinstance(check(result, warps, 16), Nothing)
    swapped = spatial(4, 1) * column_local(2, 8) * spatial(8, 4) * local(1, 2)
    rows = spatial(4, 1) * local(2, 8) * spatial(8, 4) * local(1, 2)
    assert isinstance(check(swapped, rows), Registers)


@pytest.mark.parametrize("banks", [NVIDIA, CDNA], ids=["nvidia", "cdna"])
@pytest.mark.parametrize("bits", [8, 16, 32])
def test_layouts_of_real_kernels(bits: int, banks: Banks) -> None:
    """Round trips without a conflict, where both sides have vectors of four bytes at least."""
    lanes = 64 if banks is CDNA else 32
    each = 128 // bits  # 16 bytes
    rows = lanes * each // 16
    loads = local(64 // rows, 1) * spatial(rows, 64 // each) * local(1, each)
    nvidia = column_local(2, 2) * spatial(8, 4) * local(1, 32 // bits)
    atom = column_spatial(16, 4) * local(1, 64 // bits) if banks is CDNA else nvidia
    fragment = spatial(4, 1) * local(1, 64 // atom.shape[1]) * atom
    check(loads, fragment, bits, lanes, banks)
    digits = common_digits(loads, fragment)
    assert digits is not None
    plan = round_trip(loads, fragment, binary(digits), lanes, bits, banks)
    assert plan.write.width * bits >= 32 and plan.read.width * bits >= 32
    assert (plan.write.wavefronts, plan.read.wavefronts) == (plan.write.fewest, plan.read.fewest)
    assert plan.write.wavefronts == wavefronts(loads, plan, plan.write, banks.sides()[0], lanes)
    assert plan.read.wavefronts == wavefronts(fragment, plan, plan.read, banks.sides()[1], lanes)


def test_a_transposition_is_solved_with_a_swizzle() -> None:
    plan = check(spatial(32, 1) * local(1, 32), spatial(1, 32) * local(32, 1))
    assert isinstance(plan, Shared | Lanes)
    assert isinstance(plan, Lanes) or plan.memory.xor


def test_rounds_of_a_small_transposition() -> None:
    plan = check(spatial(4, 1) * local(1, 2), spatial(2, 2) * local(2, 1), 32, 4)
    assert isinstance(plan, Lanes) and str(plan) == "1 lane shuffle"


def test_layouts_that_share_no_digit_are_converted_element_by_element() -> None:
    first = local(3) * spatial(2) * local(2)
    second = local(2) * spatial(2) * local(3)
    plan = check(first, second, 32, 2)
    assert isinstance(plan, Shared) and plan.write.width == 1


@pytest.mark.parametrize(
    ("shape", "first", "second"),
    [
        ((41,), spatial(16) * local(3), spatial(4) * local(11) * replicate(4)),
        ((7, 5), spatial(8, 2) * local(1, 3), local(7, 1) * spatial(1, 8) * replicate(2)),
        ((6, 48), spatial(2, 8) * local(4, 8), spatial(8, 2) * local(1, 25)),
    ],
)
def test_layouts_that_exceed_the_tile(shape: tuple[int, ...], first: Layout, second: Layout) -> None:
    """Elements of the tile arrive; of what lies beyond nothing is said."""
    plan = convert(first, second, 32, 8, SMALL, shape)
    assert isinstance(plan, Shared) and plan.memory.shape == shape
    inside = {place: index for place, index in held(second).items() if all(map(int.__lt__, index, shape))}
    memory = {plan.memory(index): index for index in np.ndindex(*shape)}
    assert len(memory) == np.prod(shape) and {i: memory[plan.memory(i)] for i in inside.values()} == {
        i: i for i in inside.values()
    }
    assert plan.write.fewest <= plan.write.wavefronts and plan.read.fewest <= plan.read.wavefronts


def test_a_layout_too_small_for_the_tile() -> None:
    with pytest.raises(LayoutError, match="a layout of shape \\(32,\\) does not hold a tile of shape \\(41,\\)"):
        convert(spatial(32), spatial(32) * local(2), 32, 32, NVIDIA, (41,))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (spatial(4), spatial(8), "shapes \\(4,\\) and \\(8,\\) hold different tiles"),
        (spatial(4), local(4), "4 threads cannot become 1: put replicate\\(n\\) in front"),
        (spatial(4), Layout.parse("4:1@mem"), "lies on mem"),
        (spatial(4), spatial(4), "4 threads are no whole warps of 32: put replicate\\(n\\) in front"),
        (replicate(32) * Layout.parse("4:1@block"), replicate(32) * local(4), "a conversion stays in each block"),
    ],
)
def test_refusals(first: Layout, second: Layout, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        convert(first, second)


def test_warps_are_powers_of_two() -> None:
    with pytest.raises(LayoutError, match="warps of 3 lanes: bits count from 1, lanes are a power of two"):
        convert(spatial(4), spatial(4), 32, 3)
