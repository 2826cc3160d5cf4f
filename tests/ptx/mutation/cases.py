"""What is weakened: a kernel as it was compiled, calls of it, and what they must give.

Memory is laid out so that what is read or written too much shows: rows end in NaN or in a mark, the last row ends where
its memory does, and what is not written to is read-only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import tilevm as tv
from tests.ptx.mutation.kernels import matmul, order, ranking
from tilevm.library.attention import attention
from tilevm.library.linear import quantised_matmul
from tilevm.optional import load_file
from tilevm.runtime.compiled import Compiled

Array = np.ndarray[Any, Any]
EXAMPLES = Path(__file__).parents[3] / "examples"
softmax, norms = (load_file(str(EXAMPLES / f"{name}.py")) for name in ("softmax", "norms"))
example = load_file(str(EXAMPLES / "attention.py"))
MARK = 7  # what results hold before


@dataclass(frozen=True)
class Output:
    """Memory that a call writes to, all that it must hold then, and how far off each number of it may be."""

    memory: Array
    wanted: Array
    bound: float

    def right(self) -> bool:
        far = np.abs(self.memory.astype(np.float64) - self.wanted)
        return bool((far <= self.bound).all())  # NaN is not


@dataclass(frozen=True)
class Call:
    args: tuple[Any, ...]
    outputs: tuple[Output, ...]

    def right(self, run: Callable[[tuple[Any, ...]], None]) -> bool:
        """Whether ``run`` of the arguments gives what it must."""
        for output in self.outputs:
            output.memory[...] = MARK
        run(self.args)
        return all(output.right() for output in self.outputs)


@dataclass(frozen=True)
class Case:
    compiled: Compiled
    calls: tuple[Call, ...]


def exact(x: Array) -> Array:
    """A copy whose address 64 divides, and whose memory has no byte around it."""
    raw = bytearray(x.nbytes + 64)
    begin = -np.frombuffer(raw, np.uint8).__array_interface__["data"][0] % 64
    strides = [x.itemsize * int(np.prod(x.shape[axis + 1 :])) for axis in range(x.ndim)]
    memory = memoryview(raw)[begin : begin + x.nbytes]
    found: Array = np.ndarray(x.shape, x.dtype, memory, strides=strides)  # numpy forgets strides of nothing
    found[...] = x
    return found


def given(x: Array, pad: int = 0) -> Array:
    """An argument that is read alone, rows followed by ``pad`` times NaN, or by the largest integer."""
    past = np.nan if x.dtype.kind not in "iu" else np.iinfo(x.dtype).max
    full = exact(np.full((*x.shape[:-1], x.shape[-1] + pad), past, x.dtype))
    full[..., : x.shape[-1]] = x
    full.flags.writeable = False
    return full[..., : x.shape[-1]]


def result(wanted: Array, dtype: Any, bound: float = 0.0, pad: int = 0) -> tuple[Array, Output]:
    """A result's place, rows followed by ``pad`` elements that are to be left alone."""
    full = np.full((*wanted.shape[:-1], wanted.shape[-1] + pad), MARK, np.float64)
    full[..., : wanted.shape[-1]] = wanted
    memory = exact(np.zeros(full.shape, dtype))
    return memory[..., : wanted.shape[-1]], Output(memory, full, bound)


def whole(seed: int, shape: tuple[int, ...], dtype: Any) -> Array:
    """Small whole numbers, whose products and sums are exact in any order."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(dtype)


def normal(seed: int, shape: tuple[int, ...], dtype: Any) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def product(m: int, n: int, k: int, dtype: Any, pad: int) -> Call:
    a, b = whole(1, (m, k), dtype), whole(2, (k, n), dtype)
    c, output = result(a.astype(np.float64) @ b.astype(np.float64), np.float32, pad=pad)
    return Call((given(a, pad), given(b), c), (output,))


def products(signature: str, dtype: Any, shapes: list[tuple[int, int, int]], pad: int, **options: Any) -> Case:
    compiled = matmul.compile(signature, **options, **THERE)
    return Case(compiled, tuple(product(*shape, dtype, pad) for shape in shapes))


THERE: dict[str, Any] = {"device": "emulator", "target": "sm_80", "num_warps": 2}
PADDED = "{strides=(_, 1), align=16}"


def whole_tiles() -> Case:
    signature = f"a: f16[M%32, K%16]{PADDED}, b: f16[K%16, N%32]{PADDED}, c: f32[M%32, N%32]{PADDED}"
    return products(signature, np.float16, [(32, 32, 80), (32, 32, 16), (32, 32, 0)], 16)


def ragged_tiles() -> Case:
    signature = f"a: f16[M, K%8]{PADDED}, b: f16[K%8, N%8]{PADDED}, c: f32[M, N%8]{PADDED}"
    return products(signature, np.float16, [(29, 24, 88), (13, 8, 8), (32, 32, 40), (5, 16, 24), (21, 24, 0)], 16)


def turned() -> Case:
    """Both operands by columns, and copies one trip ahead."""
    signature = "a: f16[M%8, K]{strides=(1, _), align=16}, b: f16[K%8, N]{strides=(1, _), align=16}"
    compiled = matmul.compile(f"{signature}, c: f32[M%8, N]{PADDED}", STAGES=2, **THERE)
    calls = []
    for m, n, k in ((24, 24, 88), (8, 23, 40), (32, 29, 24), (32, 2, 8), (16, 14, 8), (24, 13, 0)):
        a, b = whole(1, (m, k), np.float16), whole(2, (k, n), np.float16)
        c, output = result(a.astype(np.float64) @ b.astype(np.float64), np.float32, pad=16 - n % 8)
        calls.append(Call((given(a.T.copy()).T, given(b.T.copy(), 16).T, c), (output,)))
    return Case(compiled, tuple(calls))


def by_numbers() -> Case:
    signature = f"a: f32[M, K%4]{PADDED}, b: f32[K%4, N%4]{PADDED}, c: f32[M, N%4]{PADDED}"
    shapes = [(13, 28, 72), (7, 12, 44), (11, 8, 28), (5, 4, 20), (3, 4, 12), (6, 4, 4), (3, 8, 36), (13, 28, 0)]
    return products(signature, np.float32, shapes, 16, BM=16, BN=32, BK=16)


def rows_of_powers() -> Case:
    compiled = softmax.softmax.compile(f"x: f32[M, N]{PADDED}, y: f32[M, N]{PADDED}", BLOCK=256, **THERE)
    calls = []
    for columns, size in (201, 1), (251, 400), (256, 400), (132, 400), (130, 1), (3, 1):
        x = size * normal(columns, (1, columns), np.float32)
        x[0, 124:125] = 9 * size  # of the last lane, from which the first hears by way of every exchange
        y, output = result(softmax.reference(x), np.float32, 3e-7, pad=24 - columns % 8)
        calls.append(Call((given(x, 24 - columns % 8), y), (output,)))
    return Case(compiled, tuple(calls))


def rows_of_norms() -> Case:
    signature = f"x: f16[M, N]{PADDED}, weight: f32[N], bias: f32[N], y: f16[M, N]{PADDED}"
    compiled = norms.layer_norm.compile(f"{signature}, mean: f32[M], rstd: f32[M], eps: f32", BLOCK=256, **THERE)
    calls = []
    for columns in (201, 256, 3, 100, 150):
        x, weight, bias = (normal(i, s, np.float32) for i, s in enumerate([(1, columns), (columns,), (columns,)]))
        x = (x + 2).astype(np.float16)
        wide = x.astype(np.float64)
        mean, rstd = wide.mean(axis=1), 1 / np.sqrt(wide.var(axis=1) + 1e-5)
        wanted = (wide - mean[:, None]) * rstd[:, None] * weight + bias
        outputs = [
            result(wanted, np.float16, 4e-3, pad=24 - columns % 8),
            result(mean, np.float32, 1e-5, pad=1),
            result(rstd, np.float32, 1e-4, pad=1),
        ]
        (y, _), (m, _), (r, _) = outputs
        args = (given(x, 24 - columns % 8), given(weight), given(bias), y, m, r, 1e-5)
        calls.append(Call(args, tuple(output for _, output in outputs)))
    return Case(compiled, tuple(calls))


def attended(causal: bool, stages: int = 1) -> Case:
    names = {"q": "B, H, M", "k": "B, G, N", "v": "B, G, N", "o": "B, H, M"}
    signature = ", ".join(f"{n}: f16[{dims}, 32]{{strides=(_, _, _, 1), align=16}}" for n, dims in names.items())
    compiled = attention.compile(f"{signature}, scale: f32", D=32, causal=causal, BM=16, BN=16, stages=stages, **THERE)
    calls = []
    shapes = [(1, 1, m, n, 0.5) for m, n in ((13, 37), (5, 9), (16, 28), (7, 24), (16, 77))]
    for heads, groups, m, n, size in (*shapes, (1, 1, 16, 16, 2), (1, 1, 13, 22, 2), (3, 2, 16, 40, 0.5)):
        q = size * normal(0, (1, heads, m, 32), np.float16)
        k, v = (size * normal(i, (1, groups, n, 32), np.float16) for i in (1, 2))
        wanted = np.zeros(q.shape)  # a head beyond the groups finds no keys, but what stands for them outside
        wanted[:, :groups] = example.reference(q[:, :groups], k, v, 0.25, causal)
        o, output = result(wanted, np.float16, 3e-3, pad=8)
        calls.append(Call((given(q, 8), given(k), given(v), o, 0.25), (output,)))
    return Case(compiled, tuple(calls))


def ordered() -> Case:
    names = ("x", "y", "total")
    signature = ", ".join(f"{name}: i32[M, N]{{strides=(_, 1)}}" for name in names)
    compiled = order.compile(signature, BLOCK=64, **THERE)
    calls = []
    for columns in (45, 64, 3):
        x = np.random.default_rng(columns).integers(-9, 10, (1, columns)).astype(np.int32)
        y = result(np.sort(x), np.int32, pad=20 - columns % 4)
        total = result(np.cumsum(np.sort(x), axis=1), np.int32, pad=20 - columns % 4)
        calls.append(Call((given(x, 20 - columns % 4), y[0], total[0]), (y[1], total[1])))
    return Case(compiled, tuple(calls))


def ranked() -> Case:
    """Rows put in order by a network, with elements that are alike."""
    signature = ", ".join(f"{name}: i32[M, N]{{strides=(_, 1)}}" for name in ("x", "y", "at"))
    compiled = ranking.compile(signature, BLOCK=128, **THERE)
    calls = []
    for columns in (101, 128, 3):
        x = np.random.default_rng(columns).integers(-9, 10, (1, columns)).astype(np.int32)
        y = result(np.sort(x), np.int32, pad=20 - columns % 4)
        at = result(np.argsort(x, axis=1, kind="stable"), np.int32, pad=20 - columns % 4)
        calls.append(Call((given(x, 20 - columns % 4), y[0], at[0]), (y[1], at[1])))
    return Case(compiled, tuple(calls))


def few_bits() -> Case:
    signature = "x: f16[M, 160]{align=16}, w: u4[N, 160] packed{align=16}, scale: f16[N, 5], zero: f16[N, 5], "
    compiled = quantised_matmul.compile(
        f"{signature}y: f16[M, N]{{strides=(_, 1)}}", K=160, G=32, ZEROS=True, BM=16, BN=16, **THERE
    )
    calls = []
    groups = 5
    for rows, columns in ((13, 11), (16, 16), (3, 5), (10, 8), (6, 16), (2, 3), (9, 2)):
        x, codes = (
            whole(1, (rows, groups, 32), np.float16),
            np.random.default_rng(2).integers(0, 16, (columns, groups, 32)),
        )
        scale, zero = (np.exp2(whole(s, (columns, groups), np.float16) - 4) for s in (3, 4))
        products = np.einsum("mhg,nhg->mnh", x.astype(np.float64), codes - zero.astype(np.float64)[:, :, None])
        wanted = (products * scale.astype(np.float64)).sum(axis=2)
        y, output = result(wanted, np.float16, 2e-3 * np.abs(wanted).max(initial=1), pad=8)
        w = tv.packed(exact(tv.pack(codes, "u4")), "u4", (columns, groups * 32))
        calls.append(Call((given(x.reshape(rows, groups * 32)), w, given(scale), given(zero), y), (output,)))
    return Case(compiled, tuple(calls))


CASES: dict[str, Callable[[], Case]] = {
    "matmul f16 of whole tiles": whole_tiles,
    "matmul f16": ragged_tiles,
    "matmul f16 by columns": turned,
    "matmul f32": by_numbers,
    "softmax": rows_of_powers,
    "layer norm": rows_of_norms,
    "attention": lambda: attended(False),
    "causal attention": lambda: attended(True),
    "causal attention ahead": lambda: attended(True, stages=2),
    "sort and sum": ordered,
    "sort and argsort": ranked,
    "matmul of u4": few_bits,
}


@cache
def case(name: str) -> Case:
    return CASES[name]()
