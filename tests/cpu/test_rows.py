"""Products of a few rows, and sums along rows, of packed numbers: inside tensors, beyond their ends, within bytes."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tests.cpu.test_dot import KERNELS, machine  # noqa: F401  # a fixture
from tilevm.backends.cpu.host import Host
from tilevm.frontend.kernel import Kernel

TYPES = ("u1", "u3", "i4", "u5", "f6e3m2", "u7", "i8", "f8e4m3")
SHAPES = [  # M, N, K, and BM, BN, BK
    *((1, 16, 128, 1, 16, 128), (1, 64, 96, 1, 32, 32), (3, 40, 200, 4, 48, 64)),
    *((2, 35, 449, 2, 64, 96), (4, 32, 131, 4, 16, 64), (5, 32, 64, 5, 16, 64)),
]


@tv.kernel("a: T[M, K], w: W[N, K] packed, c: f32[M, N]", grid=lambda N, BN, **_: (tv.cdiv(N, BN),))
def product(
    a: tv.Tensor, w: tv.Tensor, c: tv.Tensor, BM: tv.constexpr, BN: tv.constexpr, BK: tv.constexpr, START: tv.constexpr
) -> None:
    n = tv.program_id(0) * BN
    acc = tv.full((BM, BN), START, tv.f32)
    for k in tv.range(0, a.shape[1], BK):
        acc = tv.dot(a.load((0, k), (BM, BK)), w.load((n, k), (BN, BK)).to(a.dtype).T, acc)
    c.store((0, n), acc)


@tv.kernel("w: W[N, K] packed, s: f32[N], top: f32[N]")
def along(w: tv.Tensor, s: tv.Tensor, top: tv.Tensor, j: int, BN: tv.constexpr = 48, BK: tv.constexpr = 128) -> None:
    x = w.load((0, j), (BN, BK)).to(tv.f32)
    s.store((0,), x.sum(axis=1))
    top.store((0,), x.max(axis=1))


def drawn(name: str, n: int, k: int) -> tuple[object, np.ndarray]:
    """Packed numbers of a type, none of them NaN or infinite, and the numbers."""
    dtype = tv.dtype(name)
    every = np.arange(1 << dtype.bits).astype(np.uint8)
    finite = every[np.isfinite(tv.decode(every, dtype).astype(float))]
    codes = np.random.default_rng(n * k).choice(finite, (n, k))
    return tv.packed(tv.pack(codes, dtype), dtype, (n, k)), tv.decode(codes, dtype).astype(float)


def anew(kernel: Kernel) -> Kernel:
    """The kernel, compiled for the machine that a test has chosen."""
    return Kernel(kernel._function, kernel.signature, kernel.grid)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", TYPES)
def test_few_rows(name: str, shape: tuple[int, ...]) -> None:
    m, n, k, rows, columns, step = shape
    w, numbers = drawn(name, n, k)
    for dtype in (ml_dtypes.bfloat16, np.float32):
        a = np.random.default_rng(k).standard_normal((m, k)).astype(dtype)
        exact = a.astype(float) @ numbers.T + 0.5
        room = 2.0**-23 * np.abs(exact) + k * 2.0**-24 * (np.abs(a.astype(float)) @ np.abs(numbers).T + 0.5)
        for device in ("cpu", "vm"):
            c = np.full((m, n), 99, np.float32)
            product(a, w, c, BM=rows, BN=columns, BK=step, START=0.5, device=device)
            assert (np.abs(c - exact) <= room).all(), (dtype, device)


def test_few_rows_on_other_machines(machine: Host) -> None:  # noqa: F811
    w, numbers = drawn("u3", 32, 192)
    a = np.random.default_rng(0).integers(-8, 9, (2, 192)).astype(np.float32)
    for start in (0.0, 1.0):
        c = np.zeros((2, 32), np.float32)
        anew(product)(a, w, c, BM=2, BN=32, BK=64, START=start)
        assert np.array_equal(c, a @ numbers.T + start)


@pytest.mark.parametrize("name", ["int8", "uint8", "int32", "float16", "float32", "bfloat16"])
def test_few_rows_of_matrices_in_memory(machine: Host, name: str) -> None:  # noqa: F811
    dtype = np.dtype(getattr(ml_dtypes, name) if name == "bfloat16" else name)
    if name == "float16" and not machine.has_f16:
        pytest.skip("this machine does not convert f16")
    rng = np.random.default_rng(0)
    for m, n, k in ((1, 16, 64), (3, 48, 96), (2, 16, 40)):
        a, b = (rng.integers(0, 9, shape).astype(dtype) for shape in ((m, k), (n, k)))
        c = np.zeros((m, n), np.int32 if dtype.kind in "iu" else np.float32)
        anew(KERNELS[False, True])[1](a, b, c, M=m, N=n, K=k)
        assert np.array_equal(c, a.astype(float) @ b.astype(float).T), (m, n, k)


def test_sums_of_a_few_rows_are_scaled() -> None:
    @tv.kernel("a: bf16[M, K], w: W[N, K] packed, c: f32[M, N]")
    def chain(a: tv.Tensor, w: tv.Tensor, c: tv.Tensor) -> None:
        acc = tv.full((2, 16), 1.0, tv.f32)
        for k in tv.range(0, a.shape[1], 64):
            x = a.load((0, k), (2, 64))
            factor = x.to(tv.f32).max(axis=1)
            acc = tv.dot(x, w.load((0, k), (16, 64)).to(tv.bf16).T, acc * factor[:, None])
        c.store((0, 0), acc)

    w, numbers = drawn("u4", 16, 192)
    a = np.random.default_rng(0).integers(-2, 3, (2, 192)).astype(ml_dtypes.bfloat16)
    c, expected = np.zeros((2, 16), np.float32), np.ones((2, 16))
    chain[1](a, w, c)
    for k in range(0, 192, 64):
        x = a[:, k : k + 64].astype(float)
        expected = expected * x.max(axis=1, keepdims=True) + x @ numbers[:, k : k + 64].T
    assert np.array_equal(c, expected)


@pytest.mark.parametrize("name", ["u1", "i3", "u5", "u7", "f8e4m3"])
def test_sums_along_rows(machine: Host, name: str) -> None:  # noqa: F811
    """Rows that begin with bytes and lie inside, that begin within bytes, and that reach beyond the end."""
    kernel = anew(along)
    for n, k in ((48, 256), (48, 203), (37, 256)):
        w, numbers = drawn(name, n, k)
        for j in (0, 3, 64, 128):
            s, top = np.full(n, 99, np.float32), np.full(n, 99, np.float32)
            kernel[1](w, s, top, j)
            box = np.zeros((n, 128))
            held = numbers[:, j : j + 128]
            box[:, : held.shape[1]] = held
            assert np.allclose(s, box.sum(axis=1), rtol=1e-6, atol=1e-4), (n, k, j)
            assert np.array_equal(top, box.max(axis=1)), (n, k, j)


@tv.kernel("x: f32[_, _], y: f32[_], z: f32[_]", grid=(1,))
def sums(x: tv.Tensor, y: tv.Tensor, z: tv.Tensor) -> None:
    tile = x.load((0, 0), (16, 32))
    y.store(0, tile.sum(axis=1))
    z.store(0, tile.sum(axis=0))


def test_nothing_but_negative_zeros_sums_to_zero() -> None:
    """On both devices alike: sums begin at 0.0."""
    x = np.full((16, 32), -0.0, np.float32)
    x[1] = 0.0
    for device in ("cpu", "vm"):
        y, z = np.ones(16, np.float32), np.ones(32, np.float32)
        sums(x, y, z, device=device)
        assert not np.signbit(y).any() and not np.signbit(z).any()
