"""Quantising to blocks and groups, back, and the Hadamard transform that goes before: all bound by memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import tilevm as tv
from tilevm.bench.gpu import check
from tilevm.bench.gpu.case import OURS, Calls, Case, Expected, Problem, Rival, named
from tilevm.bench.gpu.setting import Setting
from tilevm.library import quantisers
from tilevm.library.hadamard import transform
from tilevm.types import philox

Ways = dict[str, Calls]
NEAREST = "nearest_even"
GROUP, NV_BLOCK, MX_BLOCK, SIZE = 128, 16, 32, 16
SEED = 7
TILE = {"BM": 4, "BN": 512, "num_warps": 4}
TILES = (TILE, {"BM": 4, "BN": 1024, "num_warps": 4}, {"BM": 8, "BN": 1024, "num_warps": 8})  # to try
BLOCKS = (32, 128)  # in a row of a program, where x is seen in blocks


class Matrix:
    """x in bf16, and room for its codes, scales and zero points."""

    def __init__(self, s: Setting, dtype: str, block: int, scale: str) -> None:
        self.s, self.m, self.n, self.block = s, s.size(8192, 6), s.size(8192, 1024), block
        self.x, self.dtype, self.scale = s.random(self.m, self.n), tv.dtype(dtype), tv.dtype(scale)
        self.g = self.n // block
        self.codes = s.empty(self.m * self.n * self.dtype.bits // 8, dtype="uint8")
        self.points = s.empty(self.m * self.g * self.dtype.bits // 8, dtype="uint8")
        plain = "float16" if scale == "f16" else "uint8"
        self.scales = s.empty(self.m, self.g, dtype=plain)
        self.some = s.some(self.m)  # the rows that are checked

    def packed(self, *shape: int) -> Any:
        return tv.packed(self.codes, self.dtype, shape or (self.m, self.n))

    def packed_scales(self) -> Any:
        """The scales as a kernel takes them."""
        bare = self.scale.name == "f16"
        return self.scales if bare else tv.packed(self.scales.reshape(-1), self.scale, (self.m, self.g))

    def packed_points(self) -> Any:
        return tv.packed(self.points, self.dtype, (self.m, self.g))

    def in_blocks(self) -> tuple[Any, Any]:
        shape = self.m, self.g, self.block
        return self.x.reshape(shape), self.packed(*shape)

    def blocks(self) -> Any:
        """The checked rows of x in float64, [rows, blocks, elements]."""
        return self.x[self.some].double().reshape(-1, self.g, self.block)

    def numbers(self, buffer: Any, dtype: tv.DType, *shape: int) -> Any:
        """The checked rows of codes in bytes as float64, by numpy's codec; ``shape``: of a row."""
        bytes = buffer.reshape(self.m, -1)[self.some].reshape(-1)
        codes = tv.unpack(bytes.cpu().numpy(), dtype, len(self.some) * math.prod(shape))
        return self.s.there(tv.decode(codes, dtype).astype(np.float64)).reshape(-1, *shape)

    def decoded(self, codes: Any, scales: Any, middle: Any, factor: float = 1.0) -> Any:
        """What codes and scales stand for, as :meth:`blocks` has x."""
        held = self.numbers(codes, self.dtype, self.g, self.block)
        bare = self.scale.name == "f16"
        under = scales[self.some].double() if bare else self.numbers(scales, self.scale, self.g)
        return (held - middle) * under[:, :, None] * factor

    def case(self, ways: Ways, outs: Sequence[Any], expected: Callable[[], Expected]) -> Case:
        work = float(self.x.nbytes + sum(out.nbytes for out in outs))
        return Case(work, "TB/s", (Rival(OURS, ways, tuple(outs)),), expected)


def tiled(own: Callable[..., Any]) -> Ways:
    """A call with each of the tiles."""
    return {named(tile): (partial(own, **tile),) for tile in TILES}


def in_rows(own: Callable[..., Any], g: int) -> Ways:
    """A call with each number of blocks in a program."""
    return {f"{count} blocks": (partial(own, BG=count),) for count in dict.fromkeys(min(g, most) for most in BLOCKS)}


def step_of_f4(size: Any) -> Any:
    """How far |y| may be from its f4e2m1 code: half a step, or what is past the largest, which is 6."""
    half = 0.25 + 0.25 * (size > 2.0) + 0.5 * (size > 4.0)
    return half.double().maximum(size - 6.0)


def mx(blocked: bool, s: Setting) -> Case:
    """MXFP4. Every element is within half a step of the scale that float64 finds."""
    held = Matrix(s, "f4e2m1", MX_BLOCK, "f8e8m0")
    how = {"BLOCK": MX_BLOCK, "mode": "floor", "rounding": NEAREST}

    def own(**tile: int) -> Any:
        if blocked:
            x, codes = held.in_blocks()
            s.run(quantisers.mx_in_blocks, x, codes, held.packed_scales(), num_warps=4, **tile, **how)
        else:
            s.run(quantisers.mx, held.x, held.packed(), held.packed_scales(), SEED, **tile, **how)
        return held.codes, held.scales

    def expected() -> Expected:
        x = held.blocks()
        _, exponent = x.abs().amax(2, keepdim=True).frexp()
        scale = (exponent.double() - 3.0).exp2()  # floor(log2 amax) - 2
        return Expected(
            (x,), (1.0001 * scale * step_of_f4(x.abs() / scale),), lambda f: (held.decoded(f[0], f[1], 0.0),)
        )

    return held.case(in_rows(own, held.g) if blocked else tiled(own), (held.codes, held.scales), expected)


def nvfp4(blocked: bool, s: Setting) -> Case:
    """The largest number of the tensor by one kernel, codes and scales by the next."""
    held = Matrix(s, "f4e2m1", NV_BLOCK, "f8ue4m3")
    amax, factor = s.empty(1, dtype="float32"), s.empty(1, dtype="float32")
    how = {"BLOCK": NV_BLOCK, "rounding": NEAREST}

    def own(**tile: int) -> Any:
        amax.zero_()
        s.run(quantisers.tensor_amax, held.x, amax, **TILE)
        if blocked:
            x, codes = held.in_blocks()
            given = x, amax, codes, held.packed_scales(), factor
            s.run(quantisers.nvfp4_in_blocks, *given, num_warps=4, **tile, **how)
        else:
            codes = held.packed()
            given = held.x, amax, codes, held.packed_scales(), factor
            s.run(quantisers.nvfp4, *given, SEED, ROWS=1, rounding=NEAREST, **tile)
        return held.codes, held.scales, factor

    def expected() -> Expected:
        """f32 may find a scale on the other side of a tie, so there is room for either."""
        x = held.blocks()
        by = 2688.0 / float(held.x.abs().max())

        def room(nudge: float) -> Any:
            wide = x.abs().amax(2, keepdim=True) * (by / 6.0 * nudge)
            scale = wide.float().to(s.torch.float8_e4m3fn).double() / by
            return 1.0001 * scale * step_of_f4(x.abs() / scale)

        rooms = room(1.0 - 2.0**-21).maximum(room(1.0 + 2.0**-21))
        return Expected((x,), (rooms,), lambda f: (held.decoded(f[0], f[1], 0.0, float(f[2])),))

    ways = in_rows(own, held.g) if blocked else tiled(own)
    return held.case(ways, (held.codes, held.scales, factor), expected)


def groups(zeros: bool, s: Setting) -> Case:
    """u4 in groups of 128 under f16 scales, without zero points or with them."""
    held = Matrix(s, "u4", GROUP, "f16")
    how = {"BLOCK": GROUP, "rounding": NEAREST}

    def own(**tile: int) -> Any:
        if zeros:
            s.run(quantisers.ranges, held.x, held.packed(), held.scales, held.packed_points(), SEED, **how, **tile)
            return held.codes, held.scales, held.points
        s.run(quantisers.groups, held.x, held.packed(), held.scales, SEED, **how, **tile)
        return held.codes, held.scales

    def expected() -> Expected:
        """With zero points x / scale is rounded, and its range begins up to half a step off."""
        x = held.blocks()
        low, high = x.amin(2, keepdim=True).clamp_max(0.0), x.amax(2, keepdim=True).clamp_min(0.0)
        scale = (high - low) / 15.0 if zeros else x.abs().amax(2, keepdim=True) / 7.5
        room = (scale * (1.02 if zeros else 0.51)).expand_as(x)

        def parts(found: tuple[Any, ...]) -> tuple[Any, ...]:
            middle = held.numbers(found[2], held.dtype, held.g)[:, :, None] if zeros else 8.0
            return (held.decoded(found[0], found[1], middle),)

        return Expected((x,), (room,), parts)

    outs = (held.codes, held.scales, held.points) if zeros else (held.codes, held.scales)
    return held.case(tiled(own), outs, expected)


def back(way: str, s: Setting) -> Case:
    """Codes and scales as bf16 numbers again."""
    held = Matrix(s, *{"blocks": ("f4e2m1", MX_BLOCK, "f8e8m0")}.get(way, ("u4", GROUP, "f16")))
    y = s.empty(held.m, held.n)
    if not s.blank:
        held.codes.random_(0, 256)
        held.points.random_(0, 256)
        held.scales.random_(117, 138) if way == "blocks" else held.scales.uniform_(0.1, 1.0)
    how = {"BLOCK": held.block}

    def own(**tile: int) -> Any:
        if way == "blocks":
            s.run(quantisers.from_blocks, held.packed(), held.packed_scales(), y, 1.0, ROWS=1, **how, **tile)
        elif way == "groups":
            s.run(quantisers.from_groups, held.packed(), held.scales, y, **how, **tile)
        else:
            s.run(quantisers.from_ranges, held.packed(), held.scales, held.packed_points(), y, **how, **tile)
        return y

    def expected() -> Expected:
        points = held.numbers(held.points, held.dtype, held.g)[:, :, None]
        middle = {"blocks": 0.0, "groups": 8.0, "ranges": points}[way]
        exact = held.decoded(held.codes, held.scales, middle).reshape(-1, held.n)
        return Expected((exact,), (2.0 * check.half_step(y) * exact.abs(),), lambda found: (found[held.some],))

    read = held.codes.nbytes + held.scales.nbytes + (held.points.nbytes if way == "ranges" else 0)
    return Case(float(y.nbytes + read), "TB/s", (Rival(OURS, tiled(own), (y,)),), expected)


def hadamard(s: Setting) -> Case:
    m, n = s.size(8192, 5), s.size(8192, 2048)
    x, y = s.random(m, n), s.empty(m, n, dtype="float32")

    def own() -> Any:
        s.run(transform, x, y, SEED, SIZE=SIZE, BM=1, BN=2048, num_warps=4)
        return y

    def expected() -> Expected:
        """By the matrix itself: Sylvester's, with the signs of Philox."""
        h = np.ones((1, 1))
        while len(h) < SIZE:
            h = np.block([[h, h], [h, -h]])
        signs = np.where(philox.stretch(SEED, 0, SIZE) >> 31, -1.0, 1.0)
        turn, parts = s.there(np.diag(signs) @ h / math.sqrt(SIZE)), x.double().reshape(-1, SIZE)
        exact, absolute = (parts @ turn).reshape(m, n), (parts.abs() @ turn.abs()).reshape(m, n)
        return Expected((exact,), (check.of_product(exact, absolute, SIZE, check.half_step(y)),))

    return Case(float(x.nbytes + y.nbytes), "TB/s", (Rival.once(OURS, own, y),), expected)


PROBLEMS = (
    Problem("MXFP4 from bf16 8192x8192, in blocks", "quantising", 4, partial(mx, True)),
    Problem("NVFP4 from bf16 8192x8192, in blocks", "quantising", 4, partial(nvfp4, True)),
    Problem("u4 groups from bf16 8192x8192", "quantising", 4, partial(groups, False)),
    Problem("bf16 from u4 groups 8192x8192", "quantising", 4, partial(back, "groups")),
    Problem("Hadamard 16 of bf16 8192x8192", "quantising", 16, hadamard),
    Problem("MXFP4 from bf16 8192x8192", "quantising", 4, partial(mx, False)),
    Problem("NVFP4 from bf16 8192x8192", "quantising", 4, partial(nvfp4, False)),
    Problem("u4 ranges from bf16 8192x8192", "quantising", 4, partial(groups, True)),
    Problem("bf16 from MXFP4 8192x8192", "quantising", 4, partial(back, "blocks")),
    Problem("bf16 from u4 ranges 8192x8192", "quantising", 4, partial(back, "ranges")),
)
