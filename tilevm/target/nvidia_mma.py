"""NVIDIA's matrix instructions: mma.sync for a warp, wgmma for four.

Shapes and PTX versions are what ptxas 13.0 takes. Fragments: PTX ISA, "Matrix fragments for mma.m16n8kX" and "for
wgmma.mma_async"; three functions hold all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

from tilevm.layout import Layout, column_local, column_spatial, local, spatial
from tilevm.target.fragment import WORD
from tilevm.target.mma import MmaAtom
from tilevm.types import DType, bf16, f8e4m3, f8e5m2, f16, f32, f64, i8, i32, integer, tf32, u8

WARP, GROUP = 32, 128  # threads; a group of warps begins at a multiple of four
i4, u4, u1 = integer(4, True), integer(4, False), integer(1, False)

WORDS = {  # how PTX calls a type
    **{f16: "f16", bf16: "bf16", tf32: "tf32", f32: "f32", f64: "f64", f8e4m3: "e4m3", f8e5m2: "e5m2"},
    **{i8: "s8", u8: "u8", i4: "s4", u4: "u4", u1: "b1", i32: "s32"},
}
Version = tuple[int, int]
MNK = tuple[int, int, int]


@dataclass(frozen=True)
class Family:
    """Instructions of the same types: each of ``shapes`` with each pair of ``a`` and ``b`` and each accumulator."""

    shapes: tuple[MNK, ...]
    a: tuple[DType, ...]
    b: tuple[DType, ...] | None  # None: that of a
    c: tuple[DType, ...]
    since: Version
    suffix: str = ""

    def types(self) -> Iterator[tuple[DType, DType, DType]]:
        for a, c in product(self.a, self.c):
            yield from ((a, b, c) for b in self.b or (a,))


BYTES, NIBBLES, EIGHTS = (i8, u8), (i4, u4), (f8e4m3, f8e5m2)
K16, K8 = (16, 8, 16), (16, 8, 8)
AMPERE = (
    Family((K8, K16), (f16,), None, (f32, f16), (7, 0)),
    Family((K8, K16), (bf16,), None, (f32,), (7, 0)),
    Family(((16, 8, 4), K8), (tf32,), None, (f32,), (7, 0)),
    Family(((8, 8, 4),), (f64,), None, (f64,), (7, 0)),
    Family(((8, 8, 16), K16, (16, 8, 32)), BYTES, BYTES, (i32,), (7, 0)),
    Family(((8, 8, 32), (16, 8, 32), (16, 8, 64)), NIBBLES, NIBBLES, (i32,), (7, 0)),
    # a bit of a times a bit of b: the and; the sum is the count of ones
    Family(((8, 8, 128), (16, 8, 128), (16, 8, 256)), (u1,), None, (i32,), (7, 1), ".and.popc"),
)
ADA = (
    *AMPERE,
    Family(((16, 8, 32),), EIGHTS, EIGHTS, (f32,), (8, 4)),
    Family(((16, 8, 32),), EIGHTS, EIGHTS, (f16,), (8, 7)),
    Family((K16,), EIGHTS, EIGHTS, (f32, f16), (8, 7)),
)
HOPPER = (*ADA, Family(((16, 8, 4), K8, K16), (f64,), None, (f64,), (7, 8)))

ALL_N = tuple(range(8, 257, 8))
SOME_N = (8, 16, 24, *range(32, 257, 16))


def tall(ns: tuple[int, ...], k: int) -> tuple[MNK, ...]:
    return tuple((64, n, k) for n in ns)


WGMMA = (
    Family(tall(ALL_N, 16), (f16,), None, (f32, f16), (8, 0)),
    Family(tall(ALL_N, 16), (bf16,), None, (f32,), (8, 0)),
    Family(tall(ALL_N, 8), (tf32,), None, (f32,), (8, 0)),
    Family(tall(ALL_N, 32), EIGHTS, EIGHTS, (f32, f16), (8, 0)),
    Family(tall(SOME_N, 32), BYTES, None, (i32,), (8, 0)),
    Family(tall(SOME_N, 32), (i8,), (u8,), (i32,), (8, 4)),
    Family(tall(SOME_N, 32), (u8,), (i8,), (i32,), (8, 4)),
    Family(tall(SOME_N, 256), (u1,), None, (i32,), (8, 0), ".and.popc"),
)
RATE = {16: 4096, 8: 8192}  # multiplications and additions of a processor with wgmma in a clock, by bits of a


@cache
def fragment_a(m: int, k: int, width: int) -> Layout:
    """Rows over groups of four lanes, ``width`` elements of a row in a register: (m, k) on a warp."""
    return column_local(m // 8, k // (4 * width)) * spatial(8, 4) * local(1, width)


@cache
def fragment_b(k: int, width: int) -> Layout:
    """The same with columns for rows: (k, 8) on a warp."""
    return local(k // (4 * width), 1) * column_spatial(4, 8) * local(width, 1)


@cache
def fragment_c(m: int, n: int) -> Layout:
    """Rows over groups of four lanes, two neighbours in a lane: (m, n) on a warp."""
    return local(1, n // 8) * local(m // 8, 1) * spatial(8, 4) * local(1, 2)


@cache
def on_four_warps(warp: Layout) -> Layout:
    """Sixteen rows a warp, one warp under the other."""
    return spatial(4, 1) * warp


def width(dtype: DType) -> int:
    """Elements in a register; an f64 fills two."""
    return max(1, WORD // dtype.bits)


def mma_sync(families: tuple[Family, ...]) -> tuple[MmaAtom, ...]:
    """The atoms of a warp. a is m × k by rows, b is k × n by columns: ``.row.col``."""
    return tuple(
        MmaAtom(
            spelled("mma.sync.aligned", (m, n, k), ".row.col", (c, a, b, c), family.suffix),
            *(m, n, k),
            *(a, b, c),
            threads=WARP,
            a=fragment_a(m, k, width(a)),
            b=fragment_b(k, width(b)),
            c=fragment_c(m, n),
            since=family.since,
        )
        for family in families
        for a, b, c in family.types()
        for m, n, k in family.shapes
    )


def wgmma(families: tuple[Family, ...]) -> tuple[MmaAtom, ...]:
    """The atoms of four warps, each with a from shared memory and with a from registers; b is in shared memory."""
    return tuple(
        MmaAtom(
            spelled("wgmma.mma_async.sync.aligned", (m, n, k), "", (c, a, b), family.suffix),
            *(m, n, k),
            *(a, b, c),
            threads=GROUP,
            a=on_four_warps(fragment_a(16, k, width(a))) if registers else None,
            b=None,
            c=on_four_warps(fragment_c(16, n)),
            majors=("k", "mn") if a.bits == 16 else ("k",),
            since=family.since,
            cycles=2 * m * n * k // RATE[a.bits] if a.bits in RATE else None,
        )
        for family in families
        for a, b, c in family.types()
        for m, n, k in family.shapes
        for registers in (False, True)
    )


def spelled(stem: str, shape: MNK, order: str, types: tuple[DType, ...], suffix: str) -> str:
    """The instruction's name in PTX."""
    m, n, k = shape
    return f"{stem}.m{m}n{n}k{k}{order}.{'.'.join(WORDS[t] for t in types)}{suffix}"
