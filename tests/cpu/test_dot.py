"""Matrix products: every way in which operands are read and rearranged, on several kinds of machine."""

from collections.abc import Iterator
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tilevm.backends.cpu import artifact, host as hosts
from tilevm.backends.cpu.host import Host, host
from tilevm.frontend.kernel import Kernel

HOSTS = {
    "this": lambda: host(),
    "pairs of bf16": lambda: replace(host(), bf16_pairs=True),
    "no pairs": lambda: replace(host(), bf16_pairs=False, i16_pairs=False),
    "avx2": lambda: Host("haswell", "", 256, 16),
    "sse2": lambda: Host("x86-64", "", 128, 16, has_f16=False),
}


@pytest.fixture(params=HOSTS)
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A machine that code is made for; this one has to be able to run it."""
    here = host()
    if request.param != "this" and not here.has("avx512f"):
        pytest.skip("this machine does not run AVX-512")
    if request.param == "pairs of bf16" and not here.has("avx512bf16"):
        pytest.skip("this machine has no vdpbf16ps")
    made = HOSTS[request.param]()
    for module in (artifact, hosts):
        monkeypatch.setattr(module, "host", lambda: made)
    yield made


def make(turn_a: bool = False, turn_b: bool = False) -> Kernel:
    """``c = a' @ b'`` of whole tensors in one program."""

    @tv.kernel
    def product(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, M: tv.constexpr, N: tv.constexpr, K: tv.constexpr) -> None:
        x = a.load((0, 0), (K, M)).T if turn_a else a.load((0, 0), (M, K))
        y = b.load((0, 0), (N, K)).T if turn_b else b.load((0, 0), (K, N))
        c.store((0, 0), tv.dot(x, y).to(c.dtype))

    return product


KERNELS = {(turn_a, turn_b): make(turn_a, turn_b) for turn_a in (False, True) for turn_b in (False, True)}
DTYPES = {
    "this": ("float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "int32"),
    "pairs of bf16": ("bfloat16",),
    "no pairs": ("bfloat16", "int8"),
    "avx2": ("float32", "bfloat16", "int8"),
    "sse2": ("float32", "int32"),
}
SHAPES = [(8, 32, 16), (1, 1, 2), (7, 33, 6), (20, 50, 48), (16, 16, 17), (3, 100, 1)]


def dtype_of(name: str) -> np.dtype:
    return np.dtype(getattr(ml_dtypes, name) if name == "bfloat16" else name)


def operands(m: int, n: int, k: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Small whole numbers, whose products and sums are exact in any order."""
    rng = np.random.default_rng(m * 10000 + n * 100 + k)
    low = 0 if dtype == np.uint8 else -8
    return rng.integers(low, 9, (m, k)).astype(dtype), rng.integers(low, 9, (k, n)).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("turned", KERNELS, ids=lambda t: f"{'aT' if t[0] else 'a'}-{'bT' if t[1] else 'b'}")
def test_every_order_of_operands(
    machine: Host, turned: tuple[bool, bool], shape: tuple[int, int, int], request: pytest.FixtureRequest
) -> None:
    for name in DTYPES[request.node.callspec.params["machine"]]:
        if name == "float16" and not machine.has_f16:
            continue
        dtype = dtype_of(name)
        a, b = operands(*shape, dtype)
        expected = a.astype(np.float64) @ b.astype(np.float64)
        a, b = (np.ascontiguousarray(x.T) if t else x for x, t in zip((a, b), turned, strict=True))
        c = np.full(expected.shape, 77, np.int32 if dtype.kind in "iu" else np.float32)
        if dtype == np.float64:
            c = c.astype(np.float64)
        m, n, k = shape
        kernel = Kernel(KERNELS[turned]._function, KERNELS[turned].signature, None)  # compiled anew for this machine
        kernel[1](a, b, c, M=m, N=n, K=k)
        assert np.array_equal(c, expected), name


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_boxes_that_reach_outside(machine: Host, name: str) -> None:
    """Operands in place where they lie inside, copies with zeros where not, in one kernel."""

    @tv.kernel("a: T[M, K], b: T[N, K], c: f32[M, N]", grid=lambda M, N, **_: (tv.cdiv(M, 16), tv.cdiv(N, 32)))
    def product(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor) -> None:
        m, n = tv.program_id(0) * 16, tv.program_id(1) * 32
        acc = tv.zeros((16, 32), tv.f32)
        for k in range(0, a.shape[1], 32):
            acc = tv.dot(a.load((m, k), (16, 32)), b.load((n, k), (32, 32)).T, acc)
        c.store((m, n), acc)

    a, b = operands(37, 71, 90, dtype_of(name))
    c = np.zeros((37, 71), np.float32)
    product(a, np.ascontiguousarray(b.T), c)
    assert np.array_equal(c, a.astype(np.float32) @ b.astype(np.float32))


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_sums_scaled_by_row(machine: Host, name: str) -> None:
    """``acc * factor[:, None]`` is taken along when the sums are read; a chain whose left operand is computed."""

    @tv.kernel("a: T[M, K], b: T[K, N], c: f32[M, N]")
    def chain(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor) -> None:
        acc = tv.full((12, 40), 1.0, tv.f32)
        for k in range(0, a.shape[1], 8):
            x = a.load((0, k), (12, 8))
            factor = x.to(tv.f32).sum(axis=1)
            acc = tv.dot((x + x).to(x.dtype), b.load((k, 0), (8, 40)), acc * factor[:, None])
        c.store((0, 0), acc)

    a, b = (np.sign(x).astype(dtype_of(name)) for x in operands(12, 40, 24, np.dtype(np.float32)))
    c = np.zeros((12, 40), np.float32)
    chain[1](a, b, c)
    expected = np.ones((12, 40))
    for k in range(0, 24, 8):
        x, y = a[:, k : k + 8].astype(np.float64), b[k : k + 8].astype(np.float64)
        expected = expected * x.sum(axis=1, keepdims=True) + 2 * x @ y
    assert np.array_equal(c, expected)


def test_large_operands_are_prefetched() -> None:
    """The addresses asked for ahead lie outside at the last trip, which no instruction minds."""
    a, b = operands(600, 520, 530, np.dtype(np.float32))
    c = np.zeros((600, 520), np.float32)

    @tv.kernel("a: T[M, K], b: T[K, N], c: T[M, N]", grid=lambda M, N, **_: (tv.cdiv(M, 64), tv.cdiv(N, 64)))
    def product(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor) -> None:
        m, n = tv.program_id(0) * 64, tv.program_id(1) * 64
        acc = tv.zeros((64, 64), tv.f32)
        for k in range(a.shape[1] // 64 + 1):
            acc = tv.dot(a.load((m, k * 64), (64, 64)), b.load((k * 64, n), (64, 64)), acc)
        c.store((m, n), acc)

    compiled = product.compile(a, b, c)
    assert compiled.stages["llvm"].count('call void @"llvm.prefetch.p0"') > 2
    compiled(a, b, c)
    assert np.array_equal(c, a @ b)


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
@pytest.mark.parametrize("infinite", [False, True])
def test_products_end_where_both_operands_do(machine: Host, name: str, infinite: bool) -> None:
    """No trip is made past the end of both operands; up to the end of the longer one 0 times inf is still NaN."""

    @tv.kernel("a: T[M, K], b: T[L, N], c: f32[M, N]")
    def product(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, k: int) -> None:
        acc = tv.full((16, 32), 1.0, tv.f32)
        c.store((0, 0), tv.dot(a.load((0, k), (16, 64)), b.load((k, 0), (64, 32)), acc))

    for at, left, right in ((0, 3, 3), (0, 13, 40), (0, 40, 13), (16, 29, 90), (-8, 20, 30), (0, 0, 64), (70, 9, 9)):
        a, b = operands(16, 32, max(left, right), dtype_of(name))
        a, b, c = np.ascontiguousarray(a[:, :left]), b[:right].copy(), np.zeros((16, 32), np.float32)
        if infinite:
            b[-1, 5] = np.inf
        product[1](a, b, c, at)
        expected = np.zeros((16, 32), np.float32)
        product[1](a, b, expected, at, device="vm")
        assert np.array_equal(c, expected, equal_nan=True), (at, left, right)
