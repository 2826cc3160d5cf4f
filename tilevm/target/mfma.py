"""AMD's matrix instructions: MFMA for a wave of 64, with and without block scales.

Two functions hold all fragments; they follow AMD's matrix instruction calculator 1.3.2, and for the f8f6f4 forms the
register tables of Composable Kernel's tests. Builtins are those that clang 22 takes for the machine. Clocks of the
older shapes on gfx950 are inferred from the wait states that LLVM 22 keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

from tilevm.layout import Layout, column_spatial, local, spatial
from tilevm.target.mma import MmaAtom, Scales
from tilevm.types import (
    DType,
    bf16,
    f4e2m1,
    f6e2m3,
    f6e3m2,
    f8e4m3,
    f8e4m3fnuz,
    f8e5m2,
    f8e5m2fnuz,
    f8e8m0,
    f16,
    f32,
    f64,
    i8,
    i32,
    tf32,
)

WAVE = 64
MNKB = tuple[int, int, int, int]  # m, n, k, blocks


@dataclass(frozen=True)
class Form:
    """Instructions of the same types: each shape with its clocks (None: not known). ``tail`` ends clang's name."""

    word: str
    a: DType
    b: DType
    c: DType
    tail: str
    shapes: Mapping[MNKB, int | None]


HALVES = {(32, 32, 8, 1): 32, (16, 16, 16, 1): 16, (32, 32, 4, 2): 64, (16, 16, 4, 4): 32, (4, 4, 4, 16): 8}
SINGLES = {(32, 32, 2, 1): 64, (16, 16, 4, 1): 32, (32, 32, 1, 2): 64, (16, 16, 1, 4): 32, (4, 4, 1, 16): 8}
BYTES = {(32, 32, 4, 2): 64, (16, 16, 4, 4): 32, (4, 4, 4, 16): 8}
LONG_BYTES = {(32, 32, 16, 1): 32, (16, 16, 32, 1): 16}
DOUBLES: dict[MNKB, int | None] = {(16, 16, 4, 1): 32, (4, 4, 4, 4): 16}
UNTIMED: dict[MNKB, int | None] = dict.fromkeys(DOUBLES)

COMMON = (
    Form("f16", f16, f16, f32, "f16", HALVES),
    Form("bf16", bf16, bf16, f32, "bf16_1k", HALVES),
    Form("f32", f32, f32, f32, "f32", SINGLES),
    Form("i8", i8, i8, i32, "i8", BYTES),
)
LONG_I8 = Form("i8", i8, i8, i32, "_i8", LONG_BYTES)


def f64_forms(shapes: Mapping[MNKB, int | None]) -> Form:
    return Form("f64", f64, f64, f64, "f64", shapes)


def eights(fp8: DType, bf8: DType) -> tuple[Form, ...]:
    """The four pairs of 8-bit floats. The names are the same on machines whose codes differ."""
    words = {"fp8": fp8, "bf8": bf8}
    return tuple(
        Form(f"{x}_{y}", words[x], words[y], f32, f"_{x}_{y}", LONG_BYTES) for x, y in product(words, repeat=2)
    )


def untimed(forms: tuple[Form, ...]) -> tuple[Form, ...]:
    return tuple(Form(f.word, f.a, f.b, f.c, f.tail, dict.fromkeys(f.shapes)) for f in forms)


CDNA2 = (*untimed(COMMON), f64_forms(UNTIMED))
CDNA3 = (
    *COMMON,
    f64_forms(DOUBLES),
    LONG_I8,
    Form("xf32", tf32, tf32, f32, "_xf32", {(32, 32, 4, 1): 32, (16, 16, 8, 1): 16}),
    *eights(f8e4m3fnuz, f8e5m2fnuz),
)
LONG_HALVES = {(32, 32, 16, 1): 32, (16, 16, 32, 1): 16}
CDNA4 = (
    *COMMON,
    f64_forms(UNTIMED),
    LONG_I8,
    *eights(f8e4m3, f8e5m2),
    Form("f16", f16, f16, f32, "_f16", LONG_HALVES),
    Form("bf16", bf16, bf16, f32, "_bf16", LONG_HALVES),
    Form("i8", i8, i8, i32, "_i8", {(32, 32, 32, 1): 32, (16, 16, 64, 1): 16}),
)
CODES = {f8e4m3: 0, f8e5m2: 1, f6e2m3: 2, f6e3m2: 3, f4e2m1: 4}  # cbsz for a, blgp for b
SCALED = {(32, 32, 64): (64, 32), (16, 16, 128): (32, 16)}  # clocks with an 8-bit operand, and without
BLOCK = 32  # elements under one scale
CHUNK = 16  # bytes of the 8-bit operands of scaled forms lie in two runs of so many, half of k apart


@cache
def operand(rows: int, k: int, blocks: int = 1, chunk: int | None = None) -> Layout:
    """a of (blocks, rows, k): lanes count rows, then blocks, then parts of k; a lane has a run of ``chunk`` along k.

    Without ``chunk``, all that it has is one run.
    """
    parts = WAVE // (rows * blocks)
    run = chunk or k // parts
    lanes = spatial(blocks, rows, parts, order=(2, 0, 1))
    return local(1, 1, k // (parts * run)) * lanes * local(1, 1, run)


@cache
def accumulator(m: int, n: int, blocks: int, run: int) -> Layout:
    """c of (blocks, m, n): a lane has one column, in runs of ``run`` rows; lanes count columns, blocks, then runs.

    What is left when the lanes are used up goes to registers: runs, then blocks.
    """
    runs, room = m // run, WAVE // n
    across = min(runs, room)
    beside = room // across
    lanes = spatial(beside, across, n, order=(1, 0, 2))
    return local(blocks // beside, runs // across, 1) * lanes * local(1, run, 1)


def squeezed(layout: Layout) -> Layout:
    """Without the dim of blocks where there is one block."""
    return layout.squeeze(0) if layout.shape[0] == 1 else layout


def mfma(forms: tuple[Form, ...], old: bool = False) -> tuple[MmaAtom, ...]:
    """The atoms without scales; ``old`` machines call an instruction as clang calls its builtin."""
    return tuple(
        MmaAtom(
            f"v_mfma_{form.c.name}_{m}x{n}x{k}{form.tail if old else counted(blocks) + form.word}",
            *(m, n, k),
            *(form.a, form.b, form.c),
            threads=WAVE,
            a=squeezed(operand(m, k, blocks)),
            b=squeezed(operand(n, k, blocks).permute((0, 2, 1))),
            c=squeezed(accumulator(m, n, blocks, 1 if form.c is f64 else 4)),
            blocks=blocks,
            builtin=f"__builtin_amdgcn_mfma_{form.c.name}_{m}x{n}x{k}{form.tail}",
            cycles=cycles,
        )
        for form in forms
        for (m, n, k, blocks), cycles in form.shapes.items()
    )


def counted(blocks: int) -> str:
    """How a name tells that there are several blocks."""
    return f"_{blocks}b_" if blocks > 1 else "_"


def scaled() -> tuple[MmaAtom, ...]:
    """The atoms with block scales: any two of five types, each in the layout of its own type."""
    return tuple(
        MmaAtom(
            f"v_mfma_scale_f32_{m}x{n}x{k}_f8f6f4",
            *(m, n, k),
            *(a, b, f32),
            threads=WAVE,
            a=squeezed(operand(m, k, chunk=chunk_of(a))),
            b=squeezed(operand(n, k, chunk=chunk_of(b)).permute((0, 2, 1))),
            c=squeezed(accumulator(m, n, 1, 4)),
            scales=Scales(f8e8m0, BLOCK, column_spatial(m, k // BLOCK), spatial(k // BLOCK, n)),
            builtin=f"__builtin_amdgcn_mfma_scale_f32_{m}x{n}x{k}_f8f6f4",
            codes=(CODES[a], CODES[b]),
            cycles=slow if 8 in (a.bits, b.bits) else fast,
        )
        for (m, n, k), (slow, fast) in SCALED.items()
        for a, b in product(CODES, repeat=2)
    )


def chunk_of(dtype: DType) -> int | None:
    return CHUNK if dtype.bits == 8 else None
