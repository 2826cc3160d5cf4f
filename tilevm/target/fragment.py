"""The proof that an operand in registers is complete: every element held, by every thread and slot once."""

from __future__ import annotations

from math import prod

from tilevm.layout import Layout, LayoutError
from tilevm.layout.mode import REG, THREAD

WORD = 32  # bits of a register


def check_fragment(what: str, layout: Layout, shape: tuple[int, ...], threads: int) -> None:
    """Raises LayoutError unless ``layout`` spreads a tile of ``shape`` over all of ``threads``, each element alike.

    A Layout fills thread and reg without gap and overlap, so each pair (thread, slot) shows one digit of every mode,
    and thereby one index and one replica. Left to check are the extents, and that no mode stands on another axis.
    """
    foreign = [axis for axis in layout.axes if axis not in (THREAD, REG)]
    if foreign:
        raise LayoutError(f"{what}: a fragment lies in registers of threads, {layout} moves on {', '.join(foreign)}")
    if layout.shape != shape:
        raise LayoutError(f"{what}: the fragment {layout} has shape {layout.shape}, the instruction takes {shape}")
    if layout.threads != threads:
        raise LayoutError(f"{what}: the fragment {layout} is of {layout.threads} threads, the instruction of {threads}")
    copies = prod(mode.extent for mode in layout.replicas)
    assert layout.size * copies == layout.threads * layout.registers, f"{what}: {layout} is not dense"


def words(what: str, layout: Layout, bits: int) -> int:
    """How many 32-bit registers of a thread hold a fragment of elements of ``bits``, packed in order of slots.

    Raises LayoutError where the last register is not full: no instruction takes half a register.
    """
    total = layout.registers * bits
    if total % WORD:
        raise LayoutError(f"{what}: {layout.registers} slots of {bits} bits do not fill registers of {WORD} bits")
    return total // WORD
