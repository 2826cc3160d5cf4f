"""Random chains of float instructions: after the passes, the CPU and the reference machine agree bit for bit."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tilevm.abi import KernelAbi
from tilevm.backend import load, place
from tilevm.ir import Func, Value, ops
from tilevm.ir.build import Builder
from tilevm.passes import run_passes
from tilevm.runtime.arguments import read
from tilevm.types import Dim, DType, Tensor, bf16, f16, f32, f64, i32

KINDS: dict[DType, Any] = {f16: np.float16, bf16: ml_dtypes.bfloat16, f32: np.float32, f64: np.float64}
BINARY = (ops.Add, ops.Sub, ops.Mul, ops.Div, ops.Minimum, ops.Maximum)
UNARY = (ops.Neg, ops.Abs, ops.Sqrt, ops.Floor, ops.Ceil)
SIZE = 37
chains = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=8)


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


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@settings(max_examples=40)
@given(chain=chains, seed=st.integers(0, 2**32 - 1))
def test_chains_agree(dtype: DType, chain: list[tuple[int, int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        x = (rng.standard_normal((2, SIZE)) * 2.0 ** rng.integers(-30, 30, (2, SIZE))).astype(KINDS[dtype])
    x[:, :5] = np.array([0.0, -0.0, np.inf, -np.inf, np.nan])
    func = run_passes(build(chain, dtype))
    found = []
    for device in ("cpu", "vm"):
        y = np.zeros_like(x)
        artifact = load(place(device)).compile(func, KernelAbi.of(func))
        artifact.launch((1, 1, 1), [read(v, "v")[0] for v in (x, y)])
        found.append(y.astype(np.float64))
    nan = np.isnan(found[0])
    assert np.array_equal(nan, np.isnan(found[1]))
    bits = [np.where(nan, 0.0, f).view(np.int64) for f in found]
    assert np.array_equal(*bits)
