"""Arrays of others on a card, what the library makes there, and code for other targets than the card's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.cuda.kernels import add_one, turned
from tilevm.backends.ptx.cuda import module
from tilevm.library import quantise
from tilevm.library.hadamard import transformed
from tilevm.library.linear import linear
from tilevm.optional import optional

torch: Any = optional("torch")
cupy: Any = optional("cupy")
X = np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)
needs_cupy = pytest.mark.skipif(cupy is None, reason="CuPy is not installed")


class Capsule:
    """What has nothing but DLPack's two methods."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor

    def __dlpack__(self, **how: Any) -> Any:
        return self.tensor.__dlpack__(**how)

    def __dlpack_device__(self) -> Any:
        return self.tensor.__dlpack_device__()


@needs_cupy
def test_arrays_of_cupy() -> None:
    for n in (100, 1000, 1000, 1000):
        x, y = cupy.arange(n, dtype=cupy.float32), cupy.zeros(n, dtype=cupy.float32)
        add_one(x, y)
        assert bool((y == x + 1).all())


@needs_cupy
def test_the_current_stream_of_cupy() -> None:
    for _ in range(4):
        with cupy.cuda.Stream(non_blocking=True) as stream:
            x, y = cupy.zeros(1 << 20, dtype=cupy.float32), cupy.zeros(1 << 20, dtype=cupy.float32)
            for n in range(20):
                x.fill(n)
                add_one(x, y)
                assert stream.done in (True, False)
            assert bool((y == 20).all())


def test_capsules() -> None:
    for _ in range(3):
        x, y = torch.arange(1000, dtype=torch.float32, device="cuda"), torch.zeros(1000, device="cuda")
        add_one(Capsule(x), Capsule(y))
        torch.cuda.synchronize()
        assert torch.equal(y, x + 1)


def test_numpy_goes_there_and_back() -> None:
    for _ in range(3):
        x, y = np.arange(1000, dtype=np.float32), np.zeros(1000, np.float32)
        add_one(x, y, device="cuda:0")
        assert (y == x + 1).all()


@pytest.mark.parametrize("name", ["mx", "nvfp4", "groups"])
def test_quantised_there_and_back(name: str) -> None:
    how: Any = {
        "mx": lambda x: quantise.mx(x, "f6e2m3"),
        "nvfp4": quantise.nvfp4,
        "groups": lambda x: quantise.groups(x, "u4", 32, "f16", zeros=True),
    }[name]
    found, wanted = how(torch.from_numpy(X).cuda()), how(X)
    back = quantise.dequantise(found)
    assert found.codes.is_cuda and back.is_cuda
    assert np.array_equal(found.codes.cpu().numpy(), wanted.codes)
    assert np.array_equal(back.cpu().numpy(), quantise.dequantise(wanted))


def test_transformed_and_multiplied_there() -> None:
    x = torch.from_numpy(X).cuda()
    assert np.allclose(transformed(x, seed=3).cpu().numpy(), transformed(X, seed=3), atol=1e-5)
    codes = (np.arange(16 * 64) % 16).astype(np.uint8).reshape(16, 2, 32)
    scale = torch.full((16, 2), 0.5, device="cuda")
    exact = X.astype(float) @ (codes.astype(float).reshape(16, 64) * 0.5).T
    for weights in (
        tv.packed(torch.from_numpy(tv.pack(codes, "u4")).cuda(), "u4", codes.shape),
        tv.packed(tv.pack(codes, "u4"), "u4", codes.shape).to("cuda:0"),
    ):
        y = linear(x, weights, scale)
        assert y.is_cuda and np.allclose(y.cpu().numpy(), exact, atol=1e-3)


@pytest.mark.parametrize("target", ["sm_80", "sm_86", "sm_89"])
def test_code_of_each_target(target: str) -> None:
    if torch.cuda.get_device_capability() < tuple(divmod(int(target[3:]), 10)):
        pytest.skip(f"this card is older than {target}")
    x = torch.randn(128, 128, device="cuda")
    y = torch.zeros_like(x)
    turned(x, y, target=target)
    assert torch.equal(y, x.T)


@tv.kernel("a: T[M, K], b: T[K, N], c: f32[M, N]", grid=lambda **_: 1)
def product(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor):
    c.store((0, 0), tv.dot(a.load((0, 0), (64, 64)), b.load((0, 0), (64, 32))))


@pytest.mark.parametrize("kind", ["float8_e4m3fn", "float8_e5m2"])
def test_products_of_fp8(kind: str) -> None:
    """In the units for matrices of sm_89, which Hopper has too."""
    if torch.cuda.get_device_capability() < (8, 9):
        pytest.skip("this card has no products of fp8")
    a, b = ((torch.randn(64, n, device="cuda") * 2).to(getattr(torch, kind)) for n in (64, 32))
    c = torch.zeros(64, 32, device="cuda")
    product(a, b, c, target="sm_89")
    exact, sizes = a.double() @ b.double(), a.double().abs() @ b.double().abs()
    assert bool(((c - exact).abs() <= 2.0**-12 * sizes).all())  # sums of fp8 keep 13 bits behind the largest term


def test_code_that_the_driver_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without an assembler."""
    monkeypatch.setattr(module, "assembler", lambda: None)
    monkeypatch.setattr(module, "linker", lambda: None)

    @tv.kernel("x: f32[N], y: f32[N]", grid=lambda N, **_: tv.cdiv(N, 64))
    def thrice(x: tv.Tensor, y: tv.Tensor):
        at = tv.program_id(0) * 64
        y.store(at, x.load(at, 64) * 3.0)

    x = torch.arange(1000, dtype=torch.float32, device="cuda")
    y = torch.zeros_like(x)
    assert thrice.compile(x, y).binary.startswith(b".version")
    for _ in range(3):
        thrice(x, y.zero_())
        assert torch.equal(y, x * 3)
