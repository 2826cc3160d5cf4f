"""NVIDIA's machines: sm_80, sm_86, sm_89, sm_90a; of sm_100a what it shares with them.

Limits: CUDA programming guide, "Compute capabilities", and the traits in libcu++. Versions of PTX: what ptxas 13.0
takes.
"""

from __future__ import annotations

from dataclasses import replace

from tilevm.target.banks import Access, Banks, Lanes
from tilevm.target.copies import Box, BulkCopy, CopyAtom
from tilevm.target.machine import Limits, Target
from tilevm.target.matrix import matrix_copies
from tilevm.target.mma import MmaAtom
from tilevm.target.nvidia_mma import ADA, AMPERE, HOPPER, WGMMA, mma_sync, wgmma
from tilevm.target.traffic import GlobalMemory
from tilevm.types import f8e4m3, f8e5m2

KIB = 1024
LANES = 32
WIDTHS = (1, 2, 4, 8, 16)
MEMORY = GlobalMemory(line_bytes=128, sector_bytes=32)


def runs(size: int) -> tuple[Lanes, ...]:
    """The lanes of a warp in neighbouring groups."""
    return tuple(tuple(range(first, first + size)) for first in range(0, LANES, size))


def banks() -> tuple[Banks, ...]:
    """32 banks of 4 bytes; a phase asks for 128 bytes at most: the warp, half of it, a quarter."""
    kinds: tuple[Access, ...] = ("read", "write")
    words = [Banks(kind, size, 32, runs(LANES), "CUDA programming guide") for kind in kinds for size in (1, 2, 4)]
    wide = [Banks(kind, size, 32, runs(128 // size), "measured by many") for kind in kinds for size in (8, 16)]
    return (*words, *wide, Banks("matrix", 16, 32, runs(8), "measured by many"))


COPIES = (
    CopyAtom("ld.global", "global", "registers", WIDTHS),
    CopyAtom("st.global", "registers", "global", WIDTHS),
    CopyAtom("ld.shared", "shared", "registers", WIDTHS),
    CopyAtom("st.shared", "registers", "shared", WIDTHS),
    CopyAtom("cp.async.ca.shared.global", "global", "shared", (4, 8, 16), "group", fills=True, since=(7, 0)),
    CopyAtom("cp.async.cg.shared.global", "global", "shared", (16,), "group", fills=True, since=(7, 0)),
)
TENSORS = Box((1, 2, 3, 4, 5), 256, row_bytes=16, stride_bytes=16, stride_end=1 << 40, swizzles=(0, 32, 64, 128))
BULK = (
    BulkCopy("cp.async.bulk.shared::cluster.global", "global", "shared", "mbarrier", (8, 0), multicast=True),
    BulkCopy("cp.async.bulk.global.shared::cta", "shared", "global", "group", (8, 0)),
    BulkCopy(
        "cp.async.bulk.tensor.shared::cluster.global",
        *("global", "shared", "mbarrier", (8, 0)),
        align=128,
        box=TENSORS,
        multicast=True,
    ),
    BulkCopy("cp.async.bulk.tensor.global.shared::cta", "shared", "global", "group", (8, 0), align=128, box=TENSORS),
    BulkCopy("cp.reduce.async.bulk.tensor.global.shared::cta", "shared", "global", "group", (8, 0), 16, 128, TENSORS),
)


def limits(threads: int, blocks: int, shared: int) -> Limits:
    """For ``threads``, ``blocks`` and KiB of ``shared`` memory a processor; the system keeps one KiB of it a block."""
    return Limits(
        threads_per_block=1024,
        threads_per_processor=threads,
        blocks_per_processor=blocks,
        registers_per_thread=255,
        registers_per_processor=64 * KIB,
        shared_static=48 * KIB,
        shared_per_block=(shared - 1) * KIB,
        shared_per_processor=shared * KIB,
        shared_reserved=KIB,
        barriers=16,
    )


ADA_SINCE = (7, 8)  # the first machines that convert 8-bit floats


def machine(
    name: str,
    generation: str,
    since: tuple[int, int],
    card: str,
    processors: int,
    held: Limits,
    atoms: tuple[MmaAtom, ...],
    bulk: bool,
) -> Target:
    """A record with what all of them share; those that copy in ``bulk`` also have stmatrix."""
    copies, stores = matrix_copies((6, 5)), matrix_copies((7, 8), store=True)
    return Target(
        name,
        *("nvidia", generation, since, card, processors, LANES, held, MEMORY, banks(), atoms, COPIES),
        matrix_copies=(*copies, *stores) if bulk else copies,
        bulk_copies=BULK if bulk else (),
        small_floats=(f8e4m3, f8e5m2) if since >= ADA_SINCE else (),
    )


def sm_80() -> Target:
    return machine("sm_80", "Ampere", (7, 0), "A100", 108, limits(2048, 32, 164), mma_sync(AMPERE), bulk=False)


def sm_86() -> Target:
    return machine("sm_86", "Ampere", (7, 1), "A40", 84, limits(1536, 16, 100), mma_sync(AMPERE), bulk=False)


def sm_89() -> Target:
    return machine("sm_89", "Ada", (7, 8), "L40S", 142, limits(1536, 24, 100), mma_sync(ADA), bulk=False)


def sm_90a() -> Target:
    held = replace(limits(2048, 32, 228), cluster_blocks=8, register_trade=(24, 256, 8))
    return machine("sm_90a", "Hopper", (8, 0), "H100 SXM", 132, held, (*mma_sync(HOPPER), *wgmma(WGMMA)), bulk=True)


def sm_100a() -> Target:
    """Without tcgen05, and without the forms of ldmatrix and stmatrix for elements of 4, 6 and 8 bits."""
    held = replace(limits(2048, 32, 228), cluster_blocks=8, register_trade=(24, 256, 8), tensor_memory=256 * KIB)
    return machine("sm_100a", "Blackwell", (8, 6), "B200", 148, held, mma_sync(HOPPER), bulk=True)
