"""The library's functions on tensors of a card: what they make lies there too."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.cuda.standin import OnCard, Stub
from tilevm.library import quantise
from tilevm.library.hadamard import transformed
from tilevm.library.linear import linear
from tilevm.source import TileError

X = np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)


class Held(OnCard):
    """An array of a library that keeps to the array API: its functions make others on the device that they are told."""

    device = "the first"

    @property
    def dtype(self) -> Any:
        return self.like.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        found: tuple[int, ...] = self.like.shape
        return found

    def reshape(self, shape: tuple[int, ...]) -> Held:
        return Held(self.stub, self.address, self.like.reshape(shape))

    def __getitem__(self, index: Any) -> Any:
        return self.get()[index]

    def __array_namespace__(self) -> Any:
        names = ("float32", "float16", "uint8")
        return SimpleNamespace(
            **{name: np.dtype(name) for name in names},
            __name__="a library",
            empty=lambda shape, dtype, device: self.put(np.full(shape, 99, dtype), device),
            zeros=lambda shape, dtype, device: self.put(np.zeros(shape, dtype), device),
            full=lambda shape, value, dtype, device: self.put(np.full(shape, value, dtype), device),
        )

    def put(self, array: Any, device: str) -> Held:
        assert device == self.device
        return Held(self.stub, self.stub.put(array).address, array)


def held(stub: Stub, array: Any) -> Held:
    return Held(stub, stub.put(array).address, array)


@pytest.mark.parametrize("name", ["mx", "nvfp4", "groups"])
def test_quantised_there_and_back(stub: Stub, name: str) -> None:
    stub.run_kernels()
    how: Any = {
        "mx": lambda x: quantise.mx(x, "f6e2m3"),
        "nvfp4": quantise.nvfp4,
        "groups": lambda x: quantise.groups(x, "u4", 32, "f16", zeros=True),
    }[name]
    found, wanted = how(held(stub, X)), how(X)
    back = quantise.dequantise(found)
    assert stub.problems == [] and isinstance(found.codes, Held) and isinstance(back, Held)
    assert np.array_equal(found.codes.get(), wanted.codes) and np.array_equal(found.scales.get(), wanted.scales)
    assert found.factor == wanted.factor and found.nbytes == wanted.nbytes
    assert np.array_equal(back.get(), quantise.dequantise(wanted))


def test_transformed_and_multiplied_there(stub: Stub) -> None:
    stub.run_kernels()
    turned = transformed(held(stub, X), seed=3)
    assert np.allclose(turned.get(), transformed(X, seed=3), atol=1e-6)
    codes = (np.arange(16 * 64) % 16).astype(np.uint8).reshape(16, 2, 32)
    bytes_, scale = tv.pack(codes, "u4"), np.full((16, 2), 0.5, np.float32)
    y = linear(held(stub, X), tv.packed(held(stub, bytes_), "u4", codes.shape), held(stub, scale))
    assert stub.problems == [] and isinstance(y, Held) and y.like.dtype == np.float32
    exact = X.astype(float) @ (codes.astype(float).reshape(16, 64) * 0.5).T
    assert np.allclose(y.get(), exact, atol=1e-3)


def test_beside_what_makes_none(stub: Stub) -> None:
    with pytest.raises(TileError) as caught:
        quantise.mx(with_shape(stub.put(X)), "f4e2m1")
    assert str(caught.value) == (
        "error: the result would lie on a card beside a OnCard, which does not say how to make another\n"
        'help: pass torch.as_tensor(x, device="cuda") for it, which is the same memory; or launch the kernel, '
        "and pass the output"
    )
    with pytest.raises(TileError, match="a library has no arrays of bf16, which would be the result"):
        quantise.groups(held(stub, X), "u4", 32, "bf16")
    assert stub.calls("cuLaunchKernelEx") == 0


def with_shape(tensor: Any) -> Any:
    tensor.shape = tensor.like.shape
    return tensor


class Entered:
    """A device that is current while it is entered."""

    def __init__(self) -> None:
        self.count = self.now = 0

    def __enter__(self) -> None:
        self.count, self.now = self.count + 1, self.now + 1

    def __exit__(self, *_: object) -> None:
        self.now -= 1


class Cupy(Held):
    device: Any = Entered()


def empty(shape: tuple[int, ...], dtype: Any) -> Cupy:
    assert Cupy.device.now == 1, "another card may be current"
    array = np.full(shape, 99, dtype)
    return Cupy(STUB[0], STUB[0].put(array).address, array)


STUB: list[Stub] = []


def test_cupy_makes_them_while_the_card_of_the_argument_is_current(stub: Stub) -> None:
    STUB.append(stub)
    made: Any = ModuleType("cupy")
    made.ndarray, made.empty, made.float32 = Cupy, empty, np.float32
    sys.modules["cupy"] = made
    x = Cupy(stub, stub.put(X).address, X)
    stub.run_kernels()
    assert np.allclose(transformed(x, seed=3).get(), transformed(X, seed=3), atol=1e-6)
    assert (Cupy.device.count, Cupy.device.now) == (1, 0)
