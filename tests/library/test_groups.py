"""Groups under float scales, with zero points and without, against numpy in f32, bit for bit."""

import numpy as np
import pytest

import tilevm as tv
from tests.library.reference import DEVICES, codes_of, groups, hard, noise, spread
from tilevm.library import quantise


def numbers(q: quantise.Quantised) -> np.ndarray:
    """Scales as f32."""
    if q.scales.dtype == np.uint8:
        return tv.decode(q.scales, q.scale_dtype).astype(np.float32)
    return q.scales.astype(np.float32)


CASES = [
    *(("u2", 32, "f16"), ("u3", 64, "bf16"), ("u4", 128, "f16"), ("u8", None, "f32"), ("u5", 32, "f8ue5m3")),
    *(("i2", 64, "f32"), ("i3", None, "f16"), ("i4", 32, "bf16"), ("i7", 128, "f32"), ("i8", 50, "f16")),
    *(("f4e2m1", 16, "f8ue5m3"), ("f4e2m1", 16, "f8ue4m3"), ("f8e4m3", 128, "f32"), ("f6e3m2", 32, "bf16")),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("zeros", [False, True], ids=["plain", "zeros"])
@pytest.mark.parametrize(("name", "group", "scale"), CASES)
def test_codes_scales_and_zeros(name: str, group: int | None, scale: str, zeros: bool, device: str) -> None:
    x, kind = hard(), tv.dtype(name)
    if zeros and kind.is_float:
        return
    x[20:] += np.abs(x[20:]).max(axis=1, keepdims=True) * 2  # of one sign
    q = quantise.groups(x, name, group, scale, zeros, device=device)
    block = group or x.shape[1]
    codes, scales, points = groups(x, kind, block, tv.dtype(scale), zeros)
    assert np.array_equal(numbers(q), scales, equal_nan=True)
    assert np.array_equal(codes_of(q), codes)
    if zeros:
        assert np.array_equal(tv.unpack(q.zeros, kind, points.size).reshape(points.shape), points)
    base = tv.decode(points, kind) if zeros else np.full(scales.shape, 0 if kind.signed else 2 ** (kind.bits - 1))
    with np.errstate(over="ignore"):
        expected = (tv.decode(codes, kind) - spread(base, block, x.shape)) * spread(scales, block, x.shape)
        assert np.array_equal(quantise.dequantise(q, device=device), expected.astype(np.float32), equal_nan=True)


def test_all_codes_are_used_and_zero_is_exact() -> None:
    x = np.linspace(-1, 3, 256, dtype=np.float32).reshape(2, 128)
    assert set(codes_of(quantise.groups(np.linspace(-1, 1, 128, dtype=np.float32)[None], "u3")).flat) == set(range(8))
    x[:, 5] = 0
    assert (quantise.dequantise(quantise.groups(x, "u4", zeros=True))[:, 5] == 0).all()


def test_scales_of_five_exponent_bits_need_no_tensor_scale() -> None:
    x = np.random.default_rng(6).standard_normal((64, 512)).astype(np.float32)
    for size in (1e-4, 1.0, 1e4):
        y = x * np.float32(size)
        assert noise(y, quantise.dequantise(quantise.groups(y, "f4e2m1", 16, "f8ue5m3"))) > 20
    narrow = [noise(y, quantise.dequantise(quantise.groups(y, "f4e2m1", 16, "f8ue4m3"))) for y in (x * 1e-4, x * 1e4)]
    assert narrow[0] < 0.1 and narrow[1] < 2.5


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("zeros", [False, True])
def test_stochastic_rounding_is_the_codecs(zeros: bool, device: str) -> None:
    x = np.random.default_rng(7).standard_normal((9, 70)).astype(np.float32)
    q = quantise.groups(x, "u6", 32, zeros=zeros, rounding="stochastic", seed=3, device=device)
    points = np.full(q.scales.shape, 32)
    if zeros:
        points = tv.unpack(q.zeros, q.dtype, q.scales.size).reshape(q.scales.shape)
    y = x / spread(numbers(q), 32, x.shape)
    whole = tv.decode(tv.encode(y, "i32", "stochastic", seed=3), "i32") + spread(points, 32, x.shape)
    assert np.array_equal(codes_of(q), np.clip(whole, 0, 63))


WRONG = {
    "one bit": (lambda: quantise.groups(np.zeros((1, 32), np.float32), "u1"), "groups of u1 are not made"),
    "zeros of floats": (
        lambda: quantise.groups(np.zeros((1, 32), np.float32), "f4e2m1", zeros=True),
        "f4e2m1 has no zero points",
    ),
    "group": (lambda: quantise.groups(np.zeros((1, 32), np.float32), "u4", 0), "a block has a positive number"),
    "number": (lambda: quantise.groups(3.0, "u4", None), "blocks lie in arrays, not in this float"),
    "scalar": (lambda: quantise.groups(np.float32(3), "u4", None), "blocks lie in arrays, not in this float32"),
    "scale": (lambda: quantise.groups(np.zeros((1, 32), np.float32), "u4", scale="f8e8m0"), "no type of scales"),
}


@pytest.mark.parametrize(("call", "says"), WRONG.values(), ids=WRONG)
def test_wrong_use(call: object, says: str) -> None:
    with pytest.raises(tv.TileError, match=says):
        call()
