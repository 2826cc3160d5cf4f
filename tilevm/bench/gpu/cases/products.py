"""Products of matrices: square and skinny, with an epilogue, and with packed weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import tilevm as tv
from tilevm.bench import kernels
from tilevm.bench.gpu import check
from tilevm.bench.gpu.case import OURS, Calls, Case, Expected, Problem, Rival, named
from tilevm.bench.gpu.setting import Setting
from tilevm.library.linear import quantised_matmul

SHORT = {"bfloat16": "bf16", "float16": "f16"}
GROUP = 128  # weights under one scale
TRIED = 3  # of these, the smallest
PACKED_TILES = (  # up to how many rows of x they are tried
    (8, {"BM": 8, "BN": 64, "num_warps": 4}),
    (8, {"BM": 8, "BN": 32, "num_warps": 2}),
    (16, {"BM": 16, "BN": 32, "num_warps": 4}),
    (64, {"BM": 32, "BN": 64, "num_warps": 4}),
    (256, {"BM": 64, "BN": 128, "num_warps": 8}),
    (256, {"BM": 128, "BN": 128, "num_warps": 8}),
)


def tiles(m: int, n: int) -> Iterator[dict[str, int]]:
    """Our tiles, stages and warps to try for a product of m rows and n columns."""
    if m >= 128:
        yield {"BM": 128, "BN": 128, "BK": 32, "stages": 4, "num_warps": 4}
        yield {"BM": 128, "BN": 64, "BK": 64, "stages": 4, "num_warps": 4}
    if m * n >= 1 << 22:
        yield {"BM": 128, "BN": 256, "BK": 64, "stages": 3, "num_warps": 8}
        yield {"BM": 256, "BN": 128, "BK": 64, "stages": 3, "num_warps": 8}
    if m < 1024:
        rows = min(64, m)
        yield {"BM": rows, "BN": 128 if rows == 64 and m > 64 else 64, "BK": 64, "stages": 4, "num_warps": 4}
        yield {"BM": rows, "BN": 64, "BK": 128, "stages": 4, "num_warps": 4}


def packed_tiles(m: int) -> Iterator[dict[str, int]]:
    """The same where weights are packed; what is copied ahead is the kernel's own choice."""
    return islice((tile for most, tile in PACKED_TILES if m <= most), TRIED)


def ceiling(s: Setting) -> Case:
    """cuBLAS alone, on the largest square."""
    n = s.size(8192, 40)
    a, b, c = s.random(n, n), s.random(n, n), s.empty(n, n)
    rivals = (Rival.once("torch", partial(s.torch.mm, a, b, out=c), c),)
    return Case(2.0 * n**3, "TFLOP/s", rivals, exactly(a, b))


def exactly(a: Any, b: Any, of: Callable[[Any], Any] = lambda x: x) -> Callable[[], Expected]:
    """The product in float64, through ``of``, whose slope is below 1.2."""

    def expected() -> Expected:
        x, y = a.double(), b.double()
        product = x @ y
        room = check.of_product(product, x.abs() @ y.abs(), a.shape[1], 0.0)
        exact = of(product)
        return Expected((exact,), (1.2 * room + 2.0 * check.half_step(a) * exact.abs(),))

    return expected


def matmul(m: int, n: int, k: int, dtype: str, s: Setting) -> Case:
    choices = list(tiles(m, n))
    m, n, k = (s.size(e, min(e, e // 64 + 5)) for e in (m, n, k))
    sets = s.sets(2 * (m * k + k * n + m * n))
    given = [(s.random(m, k, dtype=dtype), s.random(k, n, dtype=dtype)) for _ in sets]
    outs = [[s.empty(m, n, dtype=dtype) for _ in sets] for _ in range(3)]

    def own(a: Any, b: Any, c: Any, **how: int) -> Any:
        s.run(kernels.matmul, a, b, c, **how)
        return c

    def theirs(a: Any, b: Any, c: Any) -> Any:
        return s.torch.mm(a, b, out=c)

    def calls(way: Callable[..., Any], out: Sequence[Any], **how: int) -> Calls:
        return tuple(partial(way, a, b, c, **how) for (a, b), c in zip(given, out, strict=True))

    rivals = [
        Rival(OURS, {named(how): calls(own, outs[0], **how) for how in choices}, (outs[0][0],)),
        Rival.of("torch", calls(theirs, outs[1]), outs[1][0]),
    ]
    if s.triton is not None:
        ways = {way: calls(s.triton.run_matmul, outs[2], **how) for way, how in s.triton.products(m).items()}
        rivals.append(Rival("triton", ways, (outs[2][0],)))
    return Case(2.0 * m * n * k, "TFLOP/s", tuple(rivals), exactly(*given[0]))


def with_gelu(s: Setting) -> Case:
    """The example's product with a bias and GELU in its epilogue, against torch's product and then its GELU."""
    n, kernel = s.size(4096, 70), s.example("matmul").matmul
    a, b, bias, c = s.random(n, n, scale=n**-0.5), s.random(n, n), s.random(n), s.empty(n, n)
    f = s.torch.nn.functional

    def own() -> Any:
        s.run(kernel, a, b, bias, c, BM=128, BN=128, BK=32, num_warps=4)
        return c

    def theirs() -> Any:
        return f.gelu(s.torch.addmm(bias, a, b))

    def expected() -> Expected:
        found = exactly(a, b, lambda product: f.gelu(product + bias.double()))()
        before = 1.2 * 2.0 * check.half_step(a) * (a.double() @ b.double() + bias.double()).abs()  # torch rounds there
        return Expected(found.exact, (found.room[0] + before,))

    rivals = Rival.once(OURS, own, c), Rival.once("torch", theirs)
    return Case(2.0 * n**3, "TFLOP/s", rivals, expected)


def weights(name: str, m: int, s: Setting) -> Case:
    """bf16 times packed weights in groups of 128, with zero points in the middle of the codes.

    Peers: a product with as many weights in bf16, and of u4 torch's and Triton's own products with packed weights.
    """
    n, k, dtype, choices = s.size(8192, 64), s.size(8192, 256), tv.dtype(name), list(packed_tiles(m))
    m, groups, size = s.size(m, min(m, 3)), k // GROUP, n * k * dtype.bits // 8
    sets = [Weights.made(s, dtype, n, groups) for _ in s.sets(size)]
    x, middle = s.random(m, k), 0.0 if dtype.signed else 2.0 ** (dtype.bits - 1)
    zero, outs = s.empty(n, groups).fill_(middle), [s.empty(m, n) for _ in range(2)]
    sizes = {"K": k, "G": GROUP, "ZEROS": True}

    def own(held: Weights, **how: int) -> Any:
        s.run(quantised_matmul, x, held.packed, held.scale, zero, outs[0], **sizes, **how)
        return outs[0]

    wide = [s.random(n, k) for _ in s.sets(2 * n * k)]
    some = s.some(n)  # the rows of weights whose results are checked
    if not s.blank:
        wide[0][some] = sets[0].numbers(s, some, middle).to(x.dtype)
    rivals = [
        Rival(OURS, {named(how): tuple(partial(own, held, **how) for held in sets) for how in choices}, (outs[0],)),
        Rival.of("torch bf16", tuple(partial(s.torch.nn.functional.linear, x, w) for w in wide)),
    ]
    if s.triton is not None and name == "u4":
        way = s.triton.run_w4
        rivals.append(
            Rival(
                "triton",
                {
                    word: tuple(partial(way, x, held.buffer, held.scale, outs[1], GROUP, **how) for held in sets)
                    for word, how in s.triton.packed(m).items()
                },
                (outs[1],),
            )
        )

    def expected() -> Expected:
        """Ours adds codes up before it takes off the middle, so the room is of codes and middle as sizes."""
        wide_x, half = x.double(), check.half_step(x)
        exact = wide_x @ sets[0].numbers(s, some, middle).T
        sizes = sets[0].numbers(s, some, 0.0).abs() + middle * sets[0].spread(some)
        room = check.of_product(exact, wide_x.abs() @ sizes.T, k, half)
        return Expected((exact,), (room,), lambda found: (found[:, some],))

    return Case(float(size), "TB/s", tuple(rivals), expected)


class Weights:
    """Packed codes of a type and their scales, in groups along the rows."""

    def __init__(self, buffer: Any, dtype: tv.DType, shape: tuple[int, int, int], scale: Any) -> None:
        self.buffer, self.dtype, self.shape, self.scale = buffer, dtype, shape, scale
        self.packed = tv.packed(buffer, dtype, (shape[0], shape[1] * shape[2]))

    @classmethod
    def made(cls, s: Setting, dtype: tv.DType, n: int, groups: int) -> Weights:
        """Random codes; of floats with NaN none is one, for the top bit of exponents is cleared.

        Scales are powers of two, so that a weight is a number of bf16 and peers that hold it as one round nothing.
        """
        buffer, scale = s.bytes(n * groups * GROUP * dtype.bits // 8), s.empty(n, groups)
        if not s.blank:
            scale.copy_(s.torch.randint(-6, 1, (n, groups), device=s.device).float().exp2())
            if dtype.has_nan:
                assert dtype.bits == 8, f"the exponents of packed {dtype} lie across bytes"
                buffer &= 0xBF
        return cls(buffer, dtype, (n, groups, GROUP), scale)

    def spread(self, rows: Any) -> Any:
        """The scale of each weight of some rows, float64."""
        return self.scale[rows].double().repeat_interleave(self.shape[2], 1)

    def numbers(self, s: Setting, rows: Any, middle: float) -> Any:
        """The weights of some rows in float64, read by numpy's codec."""
        bytes = self.buffer.reshape(self.shape[0], -1)[rows].reshape(-1)
        codes = tv.unpack(bytes.cpu().numpy(), self.dtype, len(rows) * self.shape[1] * self.shape[2])
        plain = s.there(tv.decode(codes, self.dtype).astype("float64")).reshape(len(rows), -1)
        return (plain - middle) * self.spread(rows)


SQUARES, FEW = (4096, 8192, 2048, 1024), (16, 64, 256)
PROBLEMS = (
    *(Problem(f"matmul bf16 {n}", "matmul", n, partial(matmul, n, n, n, "bfloat16")) for n in SQUARES),
    Problem("matmul f16 4096", "matmul f16", 4096, partial(matmul, 4096, 4096, 4096, "float16")),
    *(Problem(f"matmul bf16 {m}x8192x8192", "skinny", m, partial(matmul, m, 8192, 8192, "bfloat16")) for m in FEW),
    Problem("matmul GELU bf16 4096", "epilogue", 4096, with_gelu),
)
PACKED = (
    *(Problem(f"w4a16 {m}x8192x8192", "w4a16", m, partial(weights, "u4", m)) for m in (1, 16, 64, 256)),
    *(
        Problem(f"w{tv.dtype(t).bits}a16 {t} 1x8192x8192", family, tv.dtype(t).bits, partial(weights, t, 1))
        for family, types in (("wxa16", ("u1", "u2", "u3", "u5", "i8")), ("wxa16 floats", ("f6e3m2", "f8e4m3")))
        for t in types
    ),
)
CEILING = Problem("cuBLAS bf16 8192", "ceiling", 8192, ceiling, ceiling=True)
