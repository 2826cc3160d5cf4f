"""Results are made where their arguments live: here, of the host's memory; of a card's in tests/cuda."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tilevm.library import quantise
from tilevm.library.hadamard import transformed
from tilevm.library.linear import linear
from tilevm.runtime.room import empty, full, zeros
from tilevm.source import TileError

X = np.random.default_rng(0).standard_normal((6, 64)).astype(np.float32)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


class Foreign:
    """Memory of the host that only DLPack tells of."""

    def __init__(self, held: np.ndarray) -> None:
        self.held, self.shape = held, held.shape

    def __dlpack__(self, **how: Any) -> Any:
        return self.held.__dlpack__(**how)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.held.__dlpack_device__()


@pytest.mark.parametrize("like", [X, Foreign(X)], ids=["numpy", "dlpack"])
def test_of_numpy(like: Any) -> None:
    assert type(empty(like, (2, 3))) is np.ndarray and empty(like, (2, 3)).dtype == np.float32
    assert zeros(like, (3,), tv.bf16).dtype.name == "bfloat16" and not zeros(like, (3,), tv.bf16).any()
    assert full(like, (2,), 2.5, tv.f16).tolist() == [2.5, 2.5]
    assert empty(tv.packed(np.zeros(4, np.uint8), "u4", 8), (5,), tv.bool_).dtype == np.bool_


def test_of_torch(torch: Any) -> None:
    like = torch.zeros(3, dtype=torch.bfloat16)
    assert empty(like, (2, 3)).dtype is torch.bfloat16 and tuple(empty(like, (2, 3)).shape) == (2, 3)
    assert zeros(like, (3,), tv.f8e4m3).dtype is torch.float8_e4m3fn
    assert full(like, (2,), 2.5, tv.f32).tolist() == [2.5, 2.5]
    packed = tv.packed(torch.zeros(4, dtype=torch.uint8), "u4", 8)
    assert isinstance(empty(packed, (5,), tv.u8), torch.Tensor)
    with pytest.raises(TileError, match="torch has no arrays of f4e2m1"):
        empty(like, (2,), tv.f4e2m1)


FORMATS = {
    "mx": lambda x: quantise.mx(x, "f4e2m1"),
    "stochastic": lambda x: quantise.mx(x, "f8e4m3", rounding="stochastic", seed=3),
    "nvfp4": lambda x: quantise.nvfp4(x),
    "groups": lambda x: quantise.groups(x, "u4", 32, "bf16", zeros=True),
    "wide": lambda x: quantise.nvfp4(np.tile(x, (1, 4)) if isinstance(x, np.ndarray) else x.repeat(1, 4)),
}


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_quantised_of_torch_is_torchs(name: str, torch: Any) -> None:
    found, wanted = FORMATS[name](torch.from_numpy(X)), FORMATS[name](X)
    assert all(isinstance(t, torch.Tensor) for t in (found.codes, found.scales, quantise.dequantise(found)))
    assert np.array_equal(found.codes, wanted.codes) and found.nbytes == wanted.nbytes
    assert np.array_equal(found.scales.float(), wanted.scales.astype(np.float32))
    assert found.factor == wanted.factor and (found.zeros is None) is (wanted.zeros is None)
    assert np.array_equal(quantise.dequantise(found), quantise.dequantise(wanted))


def test_what_is_computed_of_torch_is_torchs(torch: Any) -> None:
    assert np.array_equal(transformed(torch.from_numpy(X), seed=5), transformed(X, seed=5))
    codes, scale = np.arange(1024, dtype=np.uint32).reshape(16, 2, 32) % 16, np.full((16, 2), 0.5, np.float32)
    held = tv.pack(codes.astype(np.uint8), "u4")
    found = linear(torch.from_numpy(X), tv.packed(torch.from_numpy(held), "u4", codes.shape), torch.from_numpy(scale))
    assert isinstance(found, torch.Tensor)
    assert np.array_equal(found, linear(X, tv.packed(held, "u4", codes.shape), scale))


def test_bytes_are_counted() -> None:
    q = quantise.groups(X[:, :50], "u3", 20, "f16", zeros=True)
    assert q.zeros is not None and q.nbytes == q.codes.nbytes + q.scales.nbytes + q.zeros.nbytes
