"""AMD's machines: gfx942 and gfx950, and gfx90a.

Limits: LLVM's AMDGPU back end and AMD's product pages. Phases of shared memory: for gfx942 AMD's post on LDS bank
conflicts (2025-07-25), for gfx950 the measurements that HipKittens published; the others are not known, and None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from tilevm.target.banks import Access, Banks, Lanes
from tilevm.target.copies import CopyAtom
from tilevm.target.machine import Limits, Target
from tilevm.target.mfma import CDNA2, CDNA3, CDNA4, mfma, scaled
from tilevm.target.traffic import GlobalMemory

KIB = 1024
WAVE = 64
WIDTHS = (1, 2, 4, 8, 12, 16)
MEMORY = GlobalMemory(line_bytes=128, sector_bytes=128)
Phases: TypeAlias = tuple[Lanes, ...]
Known: TypeAlias = Mapping[tuple[Access, int], tuple[int, Phases]]  # banks and phases


def runs(size: int) -> Phases:
    """The lanes of a wave in neighbouring groups."""
    return tuple(tuple(range(first, first + size)) for first in range(0, WAVE, size))


def in_both_halves(*groups: tuple[int, ...]) -> Phases:
    """``groups`` of the first 32 lanes, each told by the first lanes of its runs of four; then 32 lanes on."""
    return tuple(
        tuple(half + first + lane for first in group for lane in range(4)) for half in (0, 32) for group in groups
    )


CROSSED = in_both_halves((0, 20), (4, 16), (8, 28), (12, 24))
WIDE = in_both_halves((0, 12, 20, 24), (4, 8, 16, 28))
ON_GFX942: Known = {("read", 16): (32, CROSSED), ("write", 16): (32, runs(8))}
ON_GFX950: Known = {
    ("read", 16): (64, WIDE),
    ("read", 12): (32, CROSSED),
    ("read", 8): (64, runs(32)),
    ("write", 8): (32, runs(16)),
}


UNKNOWN = "published by nobody"


def banks(known: Known, count: int, source: str) -> tuple[Banks, ...]:
    """Reads and writes of every width; where the phases are not ``known``, with the machine's ``count`` of banks."""

    def served(kind: Access, width: int) -> Banks:
        if (kind, width) not in known:
            return Banks(kind, width, count, None, UNKNOWN)
        there, phases = known[kind, width]
        return Banks(kind, width, there, phases, source)

    kinds: tuple[Access, ...] = ("read", "write")
    return tuple(served(kind, width) for kind in kinds for width in WIDTHS)


def copies(direct: tuple[int, ...]) -> tuple[CopyAtom, ...]:
    """``direct``: bytes a lane that a load may put into LDS without passing through registers."""
    return (
        CopyAtom("global_load", "global", "registers", WIDTHS, "counter"),
        CopyAtom("global_store", "registers", "global", WIDTHS, "counter"),
        CopyAtom("buffer_load", "global", "registers", WIDTHS, "counter", fills=True),
        CopyAtom("buffer_store", "registers", "global", WIDTHS, "counter"),
        CopyAtom("ds_read", "shared", "registers", WIDTHS, "counter"),
        CopyAtom("ds_write", "registers", "shared", WIDTHS, "counter"),
        CopyAtom("buffer_load lds", "global", "shared", direct, "counter", fills=True, together=True),
        CopyAtom("global_load_lds", "global", "shared", direct, "counter", together=True),
    )


TRANSPOSING = tuple(
    CopyAtom(f"ds_read_b{8 * width}_tr_b{bits}", "shared", "registers", (width,), "counter", transposes=bits)
    for bits, width in ((16, 8), (8, 8), (4, 8), (6, 12))
)


def limits(shared: int) -> Limits:
    """For KiB of ``shared`` memory. Four SIMDs a CU have 512 registers for each of 64 lanes, and up to 8 waves."""
    return Limits(
        threads_per_block=1024,
        threads_per_processor=4 * 8 * WAVE,
        blocks_per_processor=16,
        registers_per_thread=512,
        registers_per_processor=4 * 512 * WAVE,
        shared_static=shared * KIB,
        shared_per_block=shared * KIB,
        shared_per_processor=shared * KIB,
    )


def gfx90a() -> Target:
    """Without the i8 forms that only this machine has, of 16 × 16 × 16 and 32 × 32 × 8."""
    facts = (WAVE, limits(64), MEMORY, banks({}, 32, UNKNOWN), mfma(CDNA2, old=True), copies((1, 2, 4)))
    return Target("gfx90a", "amd", "CDNA2", None, "MI250X, one die", 110, *facts)


def gfx942() -> Target:
    held = banks(ON_GFX942, 32, "AMD, 2025-07-25")
    facts = (WAVE, limits(64), MEMORY, held, mfma(CDNA3), copies((1, 2, 4)))
    return Target("gfx942", "amd", "CDNA3", None, "MI300X", 304, *facts, dies=8)


def gfx950() -> Target:
    held = banks(ON_GFX950, 64, "measured on MI355X, HipKittens")
    atoms = (*mfma(CDNA4), *scaled())
    facts = (WAVE, limits(160), MEMORY, held, atoms, (*copies((1, 2, 4, 12, 16)), *TRANSPOSING))
    return Target("gfx950", "amd", "CDNA4", None, "MI355X", 256, *facts, dies=8)
