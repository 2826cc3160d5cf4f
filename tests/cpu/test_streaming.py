"""Stores past the caches: the same bytes at every alignment, and only where nobody reads them back."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tilevm.backends.cpu import streaming
from tilevm.backends.cpu.host import host
from tilevm.frontend.kernel import Kernel

pytestmark = pytest.mark.skipif(not host().has("sse2"), reason="this machine has no non-temporal stores of vectors")
BLOCK = 2048
DTYPES = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16, "f64": np.float64, "i8": np.int8}


@tv.kernel("x: T[N], y: T[N], z: T[N]", grid=lambda N, **_: tv.cdiv(N, BLOCK))
def add(x: tv.Tensor, y: tv.Tensor, z: tv.Tensor) -> None:
    at = tv.program_id(0) * BLOCK
    z.store(at, x.load(at, BLOCK) + y.load(at, BLOCK))


@tv.kernel("x: T[N], y: T[N]", grid=lambda N, **_: tv.cdiv(N, BLOCK))
def back(x: tv.Tensor, y: tv.Tensor) -> None:
    at = tv.program_id(0) * BLOCK
    y.store(at, x.load(at, BLOCK))
    y.store(at, y.load(at, BLOCK) + y.load(at, BLOCK))


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "LARGE", 0)
    monkeypatch.setenv("TILEVM_CACHE", "0")


def fresh(kernel: Kernel) -> Kernel:
    """The kernel with nothing compiled yet."""
    return Kernel(kernel._function, kernel.signature, kernel.grid)


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("count", [BLOCK, 3 * BLOCK, 3 * BLOCK + 1, 2 * BLOCK + 777])
def test_every_alignment(name: str, count: int) -> None:
    dtype, kernel = np.dtype(DTYPES[name]), fresh(add)
    x = np.arange(count).astype(dtype)
    for offset in (0, 1, 3, 8, 15, 31):
        room = np.full(count + 128, 99).astype(dtype)
        start = -room.ctypes.data % 64 // dtype.itemsize + offset
        z = room[start : start + count]
        kernel(x, x, z)
        assert np.array_equal(z, x + x)
        assert (room[:start] == room[-1]).all() and (room[start + count :] == room[-1]).all()


@tv.kernel("x: T[N] packed, y: f32[N]", grid=lambda N, **_: tv.cdiv(N, BLOCK))
def unpack(x: tv.Tensor, y: tv.Tensor) -> None:
    at = tv.program_id(0) * BLOCK
    y.store(at, x.load(at, BLOCK).to(tv.f32))


@pytest.mark.parametrize("bits", range(1, 9))
def test_packed_elements_for_every_alignment(bits: int) -> None:
    """The first whole vector of what is written may begin inside a byte of what is read."""
    count, kernel, kind = 3 * BLOCK, fresh(unpack), f"u{bits}"
    codes = np.random.default_rng(bits).integers(0, 1 << bits, count).astype(np.uint8)
    x = tv.packed(tv.pack(codes, kind), kind, count)
    for offset in range(16):
        room = np.full(count + 64, -1, np.float32)
        start = -room.ctypes.data % 64 // 4 + offset
        kernel(x, room[start : start + count])
        assert np.array_equal(room[start : start + count], codes), offset
        assert (room[:start] == -1).all() and (room[start + count :] == -1).all()


def test_one_array_for_both() -> None:
    x = np.arange(3 * BLOCK, dtype=np.float32)
    kernel = fresh(add)
    kernel(x, x, x)
    assert np.array_equal(x, 2 * np.arange(3 * BLOCK, dtype=np.float32))


def test_where_it_is_done() -> None:
    x = np.zeros(BLOCK, np.float32)
    texts = {kernel.__name__: fresh(kernel).compile(*[x] * n).stages["llvm"] for kernel, n in ((add, 3), (back, 2))}
    assert "!nontemporal" in texts["add"] and "sfence" in texts["add"]
    assert "!nontemporal" not in texts["back"] and "sfence" not in texts["back"]
