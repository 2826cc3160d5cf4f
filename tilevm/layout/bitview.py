"""The registers of each thread read as other elements: which layouts agree, and where each has its bits from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import gcd

from tilevm.layout.error import LayoutError
from tilevm.layout.layout import Layout
from tilevm.layout.mode import REG, THREAD, Mode


def check_view(held: Layout, bits: int, wanted: Layout, new_bits: int) -> None:
    """Raises LayoutError unless a view can be taken: as many threads, and as many bits in each.

    Each thread's registers are one string of bits, slot after slot, the lowest bit of slot 0 first. Elements of
    ``new_bits`` under ``wanted`` are cut from it. The message tells both counts and, where one exists, a layout that
    would do.
    """
    for layout in (held, wanted):
        foreign = [axis for axis in layout.axes if axis not in (THREAD, REG)]
        if foreign:
            raise LayoutError(f"{layout} lies on {', '.join(foreign)}: views are of registers of threads")
    if held.threads != wanted.threads:
        counts = f"{held} has {held.threads}, {wanted} has {wanted.threads}"
        raise LayoutError(f"a view keeps the threads: {counts}{offered(held, bits, new_bits)}")
    have, want = held.registers * bits, wanted.registers * new_bits
    if have != want:
        raise LayoutError(
            f"a view keeps the bits of each thread: {held.registers} elements of {bits} bits are {have}, "
            f"{wanted.registers} of {new_bits} are {want}{offered(held, bits, new_bits)}"
        )
    for digit in thread_digits(held, wanted):
        if digit.repeats and not digit.repeated:
            raise LayoutError(
                f"threads {digit.stride} apart hold one element under {wanted}, and different bits under {held}"
            )


def offered(held: Layout, bits: int, new_bits: int) -> str:
    """A layout that would do, in words; nothing where none would."""
    if held.registers * bits % new_bits:
        return ""
    count = held.registers * bits // new_bits
    return f"; one that would do has {held.threads} threads with {count} elements each, as {like(held, count)}"


def like(held: Layout, registers: int) -> Layout:
    """A layout of one dim on the threads of ``held``, with so many registers in each."""
    threads = sorted((mode for modes in held.dims for mode in modes if mode.axis == THREAD), key=lambda m: m.stride)
    return Layout(((Mode(registers, REG, 1), *threads),), held.replicas)


@dataclass(frozen=True)
class ThreadDigit:
    """(thread div ``stride``) mod ``extent``; whether threads that differ in it hold the same, before and after."""

    extent: int
    stride: int
    repeated: bool
    repeats: bool


def thread_digits(held: Layout, wanted: Layout) -> tuple[ThreadDigit, ...]:
    """The digits of a thread's number in which replicas of either layout can be told, the slowest first.

    Raises LayoutError where replicas of one straddle digits of the other.
    """
    cuts = sorted({cut for layout in (held, wanted) for cut in replica_cuts(layout)} | {1, held.threads})
    found = []
    for low, high in pairwise(cuts):
        if high % low:
            raise LayoutError(
                f"replicas of {held} and of {wanted} straddle each other between threads {low} and {high}"
            )
        sides = (any(lo <= low and high <= hi for lo, hi in spans(layout)) for layout in (held, wanted))
        found.append(ThreadDigit(high // low, low, *sides))
    return tuple(reversed(found))


def spans(layout: Layout) -> list[tuple[int, int]]:
    """Where the replicas of a layout lie in a thread's number: from and to a stride."""
    return [(mode.stride, mode.stride * mode.extent) for mode in layout.key[1] if mode.axis == THREAD]


def replica_cuts(layout: Layout) -> Iterator[int]:
    for low, high in spans(layout):
        yield low
        yield high


def bits_of(
    held: Layout, bits: int, wanted: Layout, new_bits: int, index: tuple[int, ...]
) -> tuple[tuple[int, int, int], ...]:
    """Where element ``index`` of a view has its bits from: (thread, old slot, lowest bit in it) for each thread that
    holds it. It may reach into the slots that follow. Raises LayoutError as ``check_view`` does."""
    check_view(held, bits, wanted, new_bits)
    return tuple((thread, *divmod(slot * new_bits, bits)) for thread, slot in wanted.owners(index))


def recast(layout: Layout, bits: int, new_bits: int) -> Layout:
    """The layout of a view that cuts each thread's run of the last dim anew: rows stay rows.

    Raises LayoutError where a thread's run of the last dim is no whole number of the new elements.
    """
    run, piece = new_bits // gcd(bits, new_bits), bits // gcd(bits, new_bits)  # so many old make so many new
    front = (1,) * (layout.rank - 1)
    return layout / inner(front, run) * inner(front, piece)


def inner(front: tuple[int, ...], extent: int) -> Layout:
    return Layout((*((),) * len(front), (Mode(extent, REG, 1),)))
