"""What callers read when a call cannot be: both facts, and the mend, on one screen."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.kernel import fake
from tilevm.backend import PLACES, Place
from tilevm.source import TileError, display_path

A, B, C = np.zeros((64, 512), np.float16), np.zeros((512, 32), np.float16), np.zeros((64, 32), np.float16)
X, Y = np.zeros(96, np.float32), np.zeros(96, np.float32)


@tv.kernel("a: T[M, K], b: T[K, N], c: T[M, N]", grid=lambda M, N, BM, **_: (tv.cdiv(M, BM), tv.cdiv(N, BM)))
def matmul(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, BM: tv.constexpr = 16):
    m, n = tv.program_id(0) * BM, tv.program_id(1) * BM
    c.store((m, n), tv.dot(a.load((m, 0), (BM, BM)), b.load((0, n), (BM, BM))).to(c.dtype))


def long(n: int) -> np.ndarray:
    """n elements in one byte."""
    return np.broadcast_to(np.zeros(1, np.int8), n)


def plain(x: tv.Tensor, y: tv.Tensor, n=0):
    y.store(0, x.load(0, 16) + n)


def flagged(x: tv.Tensor, flag, n):
    x.store(0, x.load(0, 16))


def reserved(x: tv.Tensor, num_warps: tv.constexpr):
    x.store(0, x.load(0, 16))


def variadic(x: tv.Tensor, *rest):
    x.store(0, x.load(0, 16))


class OnRocm:
    def __dlpack_device__(self) -> tuple[int, int]:
        return 10, 0

    def __dlpack__(self, **options: Any) -> Any:
        raise AssertionError("never asked")


def frozen(array: Any) -> Any:
    array = array.copy()
    array.flags.writeable = False
    return array


def signed(text: str) -> Any:
    return tv.kernel(text, grid=lambda **_: 1)(plain)


def gridded(grid: Any) -> Any:
    return tv.kernel("x: f32[M], y: f32[M], n: i32", grid=grid)(plain)


def flags(flag: Any, n: Any) -> Any:
    return tv.kernel("x: f32[_], flag: bool, n: i8", grid=lambda **_: 1)(flagged)(X, flag, n)


CASES: dict[str, Callable[[], Any]] = {
    "unequal extents": lambda: matmul(A, np.zeros((500, 32), np.float16), C),
    "unequal types": lambda: matmul(A, B.astype(np.float32), C),
    "wrong rank": lambda: matmul(A[0], B, C),
    "read-only output": lambda: matmul(A, B, frozen(C)),
    "wrong type": lambda: signed("x: f16[M]")(X, Y),
    "fixed extent": lambda: signed("x: f32[128]")(X, Y),
    "not divisible": lambda: signed("x: f32[M%64]")(X, Y),
    "other stride": lambda: signed("x: f32[_]{strides=(1)}")(X[::2], Y),
    "stride by name": lambda: signed("x: f32[M], y: f32[M]{strides=(M)}")(X, Y),
    "not aligned": lambda: signed("x: f32[_]{align=16}")(np.zeros(99, np.float32)[offset(4) :], Y),
    "dim and argument": lambda: signed("x: f32[n], n: i32")(X, Y, 95),
    "too long": lambda: tv.kernel(flagged).compile(long(96), 1, 1)[1](long(2**31), 1, 1),
    "packed": lambda: signed("x: u4[M] packed")(X, Y),
    "number for a tensor": lambda: signed("x: f32[M]")(1.5, Y),
    "tensor for a number": lambda: signed("n: i32")(X, Y, Y),
    "int out of range": lambda: flags(True, 128),
    "float for an int": lambda: flags(True, 1.5),
    "numpy float for an int": lambda: flags(True, np.float64(1)),
    "int for a bool": lambda: flags(1, 1),
    "bool for an int": lambda: flags(True, False),
    "list": lambda: matmul([[1.0]], B, C),
    "on rocm": lambda: matmul(OnRocm(), B, C),
    "other byte order": lambda: matmul(A.astype(">f2"), B, C),
    "complex": lambda: matmul(A.astype(np.complex64), B, C),
    "torn strides": lambda: matmul(np.zeros((64, 512), [("v", "f2"), ("t", "i1")])["v"], B, C),
    "missing argument": lambda: matmul(A, B),
    "too many arguments": lambda: matmul(A, B, C, 16, 32),
    "unknown keyword": lambda: matmul(A, B, C, BN=16),
    "misspelt keyword": lambda: matmul(A, B, C, num_wraps=8),
    "given twice": lambda: matmul(A, B, C, a=A),
    "constant that changes": lambda: matmul(A, B, C, BM=np.zeros(2)),
    "num_warps": lambda: matmul(A, B, C, num_warps=0),
    "stream": lambda: matmul(A, B, C, stream=3),
    "device": lambda: matmul(A, B, C, device="gpu"),
    "device that is no name": lambda: matmul(A, B, C, device=0),
    "target": lambda: matmul(A, B, C, target="sm_90a"),
    "no grid": lambda: tv.kernel(plain)(X, Y),
    "too many programs": lambda: tv.kernel(plain)[1, 2**31](X, Y),
    "four axes": lambda: tv.kernel(plain)[1, 1, 1, 1](X, Y),
    "broken count": lambda: tv.kernel(plain)[1.5](X, Y),
    "grid divides": lambda: gridded(lambda M, **_: M / 16)(X, Y, 1),
    "grid compares": lambda: gridded(lambda M, **_: 1 if M == 96 else 2)(X, Y, 1),
    "grid takes the lesser": lambda: gridded(lambda M, **_: min(M, 16))(X, Y, 1),
    "grid asks for an unknown": lambda: gridded(lambda m, **_: m)(X, Y, 1),
    "grid asks for one unknown": lambda: gridded(lambda m: tv.cdiv(m, 16))(X, Y, 1),
    "grid asks a dict": lambda: gridded(lambda names: tv.cdiv(names["BM"], 16))(X, Y, 1),
    "grid is a builtin": lambda: tv.kernel(plain)[int](X, Y),
    "grid of no dimensions": lambda: tv.kernel(plain)[np.array(1.5)](X, Y),
    "grid is no count": lambda: gridded((1, 2.5)),
    "reserved parameter": lambda: tv.kernel(reserved),
    "variadic": lambda: tv.kernel(variadic),
    "no function": lambda: tv.kernel(np.sum.__class__),
    "unknown parameter": lambda: signed("x: f32[M], yy: f32[M]"),
    "typed constant": lambda: tv.kernel("a: T[M, K], BM: i32")(matmul.__wrapped__),
    "bad signature": lambda: tv.kernel("a: T[M, K")(matmul.__wrapped__),
    "compiled for others": lambda: matmul.compile(A, B, C)(A.T, B, C),
    "compiled for fewer": lambda: matmul.compile(A, B, C)(A, B),
    "compiled by position": lambda: matmul.compile(A, B, C)(a=A, b=B, c=C),
    "declared in part": lambda: matmul.compile("a: f16[M, K], b: f16[K, N]"),
    "declared open": lambda: matmul.compile("a: f16[M, K], b: T[K, N], c: f16[M, N]"),
    "declared otherwise": lambda: matmul.compile("a: f16[M, K], b: f16[Q, N], c: f16[M, N]"),
    "declared with less": lambda: signed("x: f32[M%16], y: f32[_], n: i32").compile("x: f32[M], y: f32[M], n: i32"),
    "declared with arguments": lambda: matmul.compile("a: f16[M, K], b: f16[K, N], c: f16[M, N]", 16),
}


def offset(bytes_: int) -> int:
    """The element of a numpy array of f32 that begins ``bytes_`` after a multiple of 16; numpy aligns to 16."""
    return bytes_ // 4


@pytest.mark.parametrize("case", CASES)
def test_messages(case: str, golden: Callable[[str | Path, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake, "backend", fake.FakeBackend())
    monkeypatch.setitem(PLACES, "cpu", Place("cpu", f"{fake.__name__}:backend", "cpu", optimise=True))
    with pytest.raises(TileError) as caught:
        CASES[case]()
    golden(f"calls/{case.replace(' ', '_')}.txt", without_places(str(caught.value)))


def without_places(text: str) -> str:
    """Line numbers of this file and addresses differ from day to day."""
    text = text.replace(display_path(__file__), "$FILE")
    text = re.sub(r"\$FILE:\d+", "$FILE:N", text)
    text = re.sub(r"^ +(\d{2,})? \|", "  |", text, flags=re.MULTILINE)
    return re.sub(r"0x[0-9a-f]+", "0x…", text)


def test_torch_gradients(golden: Callable[[str | Path, str], None]) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TileError) as caught:
        matmul(torch.zeros(64, 512, dtype=torch.float16, requires_grad=True), B, C)
    golden("calls/torch_gradient.txt", str(caught.value))
