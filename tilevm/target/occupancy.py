"""How many blocks a processor holds at once."""

from __future__ import annotations

from tilevm.target.machine import Target

PARTS = 4  # of a processor, each with a scheduler and its share of the registers


def occupancy(machine: Target, threads: int, registers: int, shared: int) -> int:
    """Blocks per processor, of so many threads, registers a thread and bytes of shared memory; 0 where none fits.

    Registers are handed out to whole warps in steps, a quarter of them by each scheduler.
    """
    limits = machine.limits
    warps = -(-threads // machine.lanes)
    each = max(1, -(-registers // limits.register_step)) * limits.register_step * machine.lanes
    held = limits.registers_per_processor // PARTS // each * PARTS
    return min(
        limits.blocks_per_processor,
        limits.threads_per_processor // (warps * machine.lanes),
        held // warps,
        limits.shared_per_processor // (shared + limits.shared_reserved),
    )
