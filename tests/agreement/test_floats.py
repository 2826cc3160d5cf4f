"""Random chains of float instructions: after the passes, the CPU and the reference machine agree bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tilevm.abi import KernelAbi
from tilevm.backend import Array, load, place
from tilevm.ir import Func, Value, ops
from tilevm.ir.build import Builder
from tilevm.passes import run_passes
from tilevm.types import Dim, DType, Tensor, bf16, dtype as dtype_called, f16, f32, f64, i32
from tilevm.types.codec import decode, encode

KINDS = (f16, bf16, f32, f64)
NAMES = ("f8e4m3", "f8e5m2", "f8e4m3fnuz", "f8ue5m3", "f6e3m2", "f4e2m1", "f12e5m6", "f10e8m1")
SMALL = tuple(map(dtype_called, NAMES))
BINARY = (ops.Add, ops.Sub, ops.Mul, ops.Div, ops.Minimum, ops.Maximum, ops.FloorDiv, ops.Mod)
UNARY = (ops.Neg, ops.Abs, ops.Sqrt, ops.Floor, ops.Ceil)
SIZE = 37
chains = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=8)


def build(chain: list[tuple[int, int, int]], dtype: DType) -> Func:
    """Two tiles go in; each step takes two of the values so far; the last two come out."""
    kind = Tensor(dtype, (Dim(size=2), Dim(size=SIZE)), (SIZE, 1))
    x, y = Value(kind, "x"), Value(kind, "y")
    b = Builder()
    rows = [b.constant(n, i32) for n in (0, 1)]
    zero = rows[0]
    values = [b.add(ops.Load, tensor=x, offsets=(r, zero), shape=(1, SIZE), inbounds=()).result for r in rows]
    for op, i, j in chain:
        p, q = values[i % len(values)], values[j % len(values)]
        values.append(step(b, op, p, q, dtype))
    for row, value in zip(rows, values[-2:], strict=True):
        b.add(ops.Store, tensor=y, value=value, offsets=(row, zero), inbounds=())
    b.add(ops.Yield, values=())
    return Func("chain", b.finish((x, y)))


def step(b: Builder, op: int, p: Value, q: Value, dtype: DType) -> Value:
    if op < len(BINARY):
        return b.add(BINARY[op], a=p, b=q).result
    if op < len(BINARY) + len(UNARY):
        return b.add(UNARY[op - len(BINARY)], x=p).result
    if op == len(BINARY) + len(UNARY):
        condition = b.add(ops.Lt, a=p, b=q).result
        return b.add(ops.Select, condition=condition, a=q, b=p).result
    wide = b.add(ops.Cast, x=p, to=f64 if dtype != f64 else bf16, saturate=False).result
    return b.add(ops.Cast, x=wide, to=dtype, saturate=False).result


def tensor(codes: np.ndarray, dtype: DType) -> Array:
    """Codes in memory as an argument of their type, which numpy may not have."""
    return Array(dtype, codes.ctypes.data, codes.shape, (SIZE, 1), 0, codes.size, codes)


def result(func: Func, device: str, x: np.ndarray, dtype: DType) -> np.ndarray:
    """The numbers that a function makes of some codes."""
    y = np.zeros_like(x)
    artifact = load(place(device)).compile(func, KernelAbi.of(func))
    artifact.launch((1, 1, 1), [tensor(x, dtype), tensor(y, dtype)])
    return decode(y, dtype)


@pytest.mark.parametrize("dtype", [*KINDS, *SMALL], ids=str)
@settings(max_examples=40)
@given(chain=chains, seed=st.integers(0, 2**32 - 1))
def test_chains_agree(dtype: DType, chain: list[tuple[int, int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    reach = min(30, int(np.log2(float(dtype.max))))
    x = rng.standard_normal((2, SIZE)) * 2.0 ** rng.integers(-reach, reach, (2, SIZE))
    x[:, :5] = np.array([0.0, -0.0, np.inf, -np.inf, np.nan])
    codes, traced = encode(x, dtype, saturate=False), build(chain, dtype)
    func = run_passes(traced)
    runs = [(func, "cpu"), (func, "vm"), *([(traced, "vm")] if dtype in SMALL else ())]  # no product and sum is joined
    first, *others = (result(f, device, codes, dtype) for f, device in runs)
    nan = np.isnan(first)
    for other in others:
        assert np.array_equal(nan, np.isnan(other))
        assert np.array_equal(*(np.where(nan, 0.0, found).view(np.int64) for found in (first, other)))
