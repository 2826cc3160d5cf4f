"""Conversions between register layouts: the cheapest plan."""

from __future__ import annotations

from tilevm.layout.convert.lanes import cost_within_warps, renaming, within_warps
from tilevm.layout.convert.memory import NVIDIA, Banks
from tilevm.layout.convert.plan import Access, Affine, Lanes, Nothing, Plan, Registers, Round, Shared
from tilevm.layout.convert.roundtrip import cost_of_round_trip, round_trip
from tilevm.layout.convert.scattered import scattered
from tilevm.layout.digits import binary, check_pair, common_digits
from tilevm.layout.error import LayoutError
from tilevm.layout.form import Form
from tilevm.layout.mode import BLOCK

__all__ = [
    "NVIDIA",
    "Access",
    "Affine",
    "Banks",
    "Lanes",
    "Nothing",
    "Plan",
    "Registers",
    "Round",
    "Shared",
    "conversion_cost",
    "convert",
]


def convert(
    source: Form,
    target: Form,
    bits: int = 32,
    lanes: int = 32,
    banks: Banks = NVIDIA,
    shape: tuple[int, ...] | None = None,
) -> Plan:
    """How registers under ``source`` become those under ``target``, at the least cost.

    Nothing; a register permutation; rounds of lane shuffles; or a round trip through shared memory, its swizzle solved
    for both sides. ``bits`` an element, ``lanes`` a warp, a power of two. ``shape`` is the tile's, where the layouts
    exceed it. Costs are issue slots of one warp. Raises LayoutError for layouts of other shapes or thread counts, and
    where elements would change blocks.
    """
    check_pair(source, target, shape)
    if bits < 1 or lanes < 1 or lanes & (lanes - 1):
        raise LayoutError(
            f"elements of {bits} bits on warps of {lanes} lanes: bits count from 1, lanes are a power of two"
        )
    if source.threads != target.threads:
        raise LayoutError(
            f"{source.threads} threads cannot become {target.threads}: put replicate(n) in front of the layout of fewer"
        )
    if source.threads % lanes:
        raise LayoutError(f"{source.threads} threads are no whole warps of {lanes}: put replicate(n) in front")
    check_blocks(source, target)
    digits = common_digits(source, target) if source.shape == target.shape else None
    if digits is None:
        return scattered(source, target, lanes, bits, banks, source.shape if shape is None else tuple(shape))
    renamed = renaming(digits, target.registers)
    if renamed is not None:
        kept = source.registers == target.registers and renamed.sources == tuple(range(target.registers))
        return Nothing() if kept else renamed
    halves = binary(digits)
    within = cost_within_warps(halves, lanes, bits)
    if within is None or within > cost_of_round_trip(source, target, halves, lanes, bits, banks):
        return round_trip(source, target, halves, lanes, bits, banks)
    shuffled = within_warps(halves, target.threads, lanes, bits)
    assert shuffled is not None, "its cost is known"
    return shuffled


def conversion_cost(
    source: Form,
    target: Form,
    bits: int = 32,
    lanes: int = 32,
    banks: Banks = NVIDIA,
    shape: tuple[int, ...] | None = None,
) -> float:
    """What ``convert`` costs, of a round trip without conflicts, which are rare; for layouts that it would take."""
    digits = common_digits(source, target) if source.shape == target.shape else None
    if digits is None:
        return scattered(source, target, lanes, bits, banks, source.shape if shape is None else shape).cost
    if renaming(digits, target.registers) is not None:
        return 0.0
    halves = binary(digits)
    within = cost_within_warps(halves, lanes, bits)
    trip = cost_of_round_trip(source, target, halves, lanes, bits, banks)
    return trip if within is None else min(within, trip)


def check_blocks(source: Form, target: Form) -> None:
    """Raises LayoutError unless every block keeps its elements."""
    kept = [
        [[(mode.extent, mode.stride) for mode in modes if mode.axis == BLOCK] for modes in (*form.key[0], form.key[1])]
        for form in (source, target)
    ]
    if kept[0] != kept[1]:
        raise LayoutError(f"{source} and {target} hold elements in different blocks: a conversion stays in each block")
